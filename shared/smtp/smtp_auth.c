/*
 * AUTH PLAIN (RFC 4616) and LOGIN, as RFC 4954 carries them.
 */
#include "smtp_private.h"

#include <string.h>

bool smtp_auth_offered(const struct smtp_server *server)
{
	return server->options->protocol == SMTP_PROTOCOL_ESMTP &&
	       server->options->offer_auth && server->handler->auth_plain &&
	       (server->tls || !server->options->offer_starttls);
}

static void auth_forget(char *secret, size_t len)
{
	if (secret)
		explicit_bzero(secret, len);
	g_free(secret);
}

static void auth_done(struct smtp_server *server)
{
	server->auth_step = SMTP_AUTH_NONE;
	server->input = SMTP_INPUT_COMMAND;
	g_clear_pointer(&server->auth_user, g_free);
}

static void auth_ask(struct smtp_server *server, enum smtp_auth_step step,
		     const char *challenge)
{
	server->auth_step = step;
	server->input = SMTP_INPUT_AUTH;
	smtp_reply(server, 334, NULL, "%s", challenge);
}

/* Strict base64 (RFC 4648), "=" for nothing; owned, NULL if it is none. */
static char *auth_decode(const char *base64, size_t *ret_len)
{
	size_t len = strlen(base64);
	size_t digits = strspn(base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/");
	char *text;

	if (strcmp(base64, "=") == 0 || len == 0) {
		*ret_len = 0;
		return g_strdup("");
	}
	if (len % 4 != 0 || len - digits > 2 ||
	    strspn(base64 + digits, "=") != len - digits)
		return NULL;
	text = (char *)g_base64_decode(base64, ret_len);
	text = g_realloc(text, *ret_len + 1);
	text[*ret_len] = '\0';
	return text;
}

static void auth_verify(struct smtp_server *server, const char *authzid,
			const char *user, const char *password)
{
	struct fault fault = {0};

	if (server->handler->auth_plain(server->context, authzid, user,
					password, &fault) == 0) {
		server->authenticated = true;
		smtp_reply(server, 235, "2.7.0", "Authenticated");
		return;
	}
	smtp_fault_default(&fault);
	if (fault_is_temporary(&fault))
		smtp_reply(server, 454, "4.7.0", "%s", fault.text);
	else
		smtp_error(server, 535, "5.7.8", "%s", fault.text);
}

/* "authzid NUL user NUL password"; text ends with one NUL more. */
static void auth_plain(struct smtp_server *server, const char *text, size_t len)
{
	const char *user = memchr(text, '\0', len);
	const char *password =
		user ? memchr(user + 1, '\0', len - (size_t)(user + 1 - text))
		     : NULL;

	if (!password ||
	    strlen(password + 1) + 1 != len - (size_t)(password - text) ||
	    !user[1] || !password[1])
		smtp_error(server, 501, "5.5.2", "Not a PLAIN response");
	else
		auth_verify(server, text, user + 1, password + 1);
}

static void auth_response(struct smtp_server *server, enum smtp_auth_step step,
			  const char *base64)
{
	size_t len = 0;
	char *text = auth_decode(base64, &len);

	if (!text) {
		auth_done(server);
		smtp_error(server, 501, "5.5.2", "Not base64");
		return;
	}
	if (step == SMTP_AUTH_LOGIN_USER) {
		g_free(server->auth_user);
		server->auth_user = g_strdup(text);
		auth_ask(server, SMTP_AUTH_LOGIN_PASSWORD, "UGFzc3dvcmQ6");
	} else {
		g_autofree char *user = g_steal_pointer(&server->auth_user);

		auth_done(server);
		if (step == SMTP_AUTH_PLAIN)
			auth_plain(server, text, len);
		else
			auth_verify(server, "", user, text);
	}
	auth_forget(text, len);
}

void smtp_auth_line(struct smtp_server *server, char *line)
{
	enum smtp_auth_step step = server->auth_step;

	if (strcmp(line, "*") == 0) {
		auth_done(server);
		smtp_error(server, 501, "5.7.0", "Authentication cancelled");
		return;
	}
	auth_response(server, step, line);
	explicit_bzero(line, strlen(line));
}

/* RFC 4954 4. */
void smtp_auth_too_long(struct smtp_server *server)
{
	auth_done(server);
	smtp_error(server, 500, "5.5.6", "Line of the exchange too long");
}

void smtp_cmd_auth(struct smtp_server *server, char *args)
{
	char *initial = strchr(args, ' ');

	if (initial) {
		*initial++ = '\0';
		initial = g_strstrip(initial);
	}
	if (server->authenticated)
		smtp_reply_sequence(server, "Authenticated already");
	else if (!server->options->offer_auth || !server->handler->auth_plain)
		smtp_error(server, 502, "5.5.1", "Not supported");
	else if (!smtp_auth_offered(server))
		smtp_error(server, 538, "5.7.11", "STARTTLS first");
	else if (g_ascii_strcasecmp(args, "PLAIN") == 0 && initial)
		auth_response(server, SMTP_AUTH_PLAIN, initial);
	else if (g_ascii_strcasecmp(args, "PLAIN") == 0)
		auth_ask(server, SMTP_AUTH_PLAIN, "");
	else if (g_ascii_strcasecmp(args, "LOGIN") == 0 && initial)
		auth_response(server, SMTP_AUTH_LOGIN_USER, initial);
	else if (g_ascii_strcasecmp(args, "LOGIN") == 0)
		auth_ask(server, SMTP_AUTH_LOGIN_USER, "VXNlcm5hbWU6");
	else
		smtp_error(server, 504, "5.5.4", "Only PLAIN and LOGIN");
}
