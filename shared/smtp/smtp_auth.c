/*
 * AUTH PLAIN (RFC 4616), LOGIN and SCRAM-SHA-256 (RFC 7677), as RFC 4954
 * carries them.
 */
#include "smtp_private.h"

#include <string.h>

bool smtp_auth_offered(const struct smtp_server *server)
{
	return server->options->protocol == SMTP_PROTOCOL_ESMTP &&
	       server->options->offer_auth && server->handler->auth_plain &&
	       (server->tls || !server->options->offer_starttls);
}

static bool auth_has_scram(const struct smtp_server *server)
{
	return server->handler->auth_scram_offered &&
	       server->handler->auth_scram_offered(server->context);
}

const char *smtp_auth_mechanisms(const struct smtp_server *server)
{
	return auth_has_scram(server) ? "SCRAM-SHA-256 PLAIN LOGIN"
				      : "PLAIN LOGIN";
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

static void auth_accept(struct smtp_server *server)
{
	server->authenticated = true;
	smtp_reply(server, 235, "2.7.0", "Authenticated");
}

/* What the handler says no with; who is wrong too often is sent away. */
static void auth_refuse(struct smtp_server *server, struct fault *fault)
{
	smtp_fault_default(fault);
	if (fault_is_temporary(fault))
		smtp_reply(server, 454, "4.7.0", "%s", fault->text);
	else if (fault->kind == FAULT_BAD_ARGUMENT)
		smtp_error(server, 501, "5.5.2", "%s", fault->text);
	else
		smtp_error(server, 535, "5.7.8", "%s", fault->text);
	if (++server->logins_failed < SMTP_LOGINS_MAX ||
	    server->input == SMTP_INPUT_CLOSED)
		return;
	smtp_reply(server, 421, "4.7.0", "Too many failed logins");
	server->input = SMTP_INPUT_CLOSED;
}

static void auth_verify(struct smtp_server *server, const char *authzid,
			const char *user, const char *password)
{
	struct fault fault = {0};

	if (server->handler->auth_plain(server->context, authzid, user,
					password, &fault) == 0)
		auth_accept(server);
	else
		auth_refuse(server, &fault);
}

/* A message of SCRAM goes to the handler, whose answer is the next
 * challenge. */
static void auth_scram(struct smtp_server *server, enum smtp_auth_step step,
		       const char *text, size_t len)
{
	const struct smtp_handler *handler = server->handler;
	bool is_first = step == SMTP_AUTH_SCRAM_FIRST;
	g_autofree char *answer = NULL;
	g_autofree char *base64 = NULL;
	struct fault fault = {0};
	int rc = -1;

	if (strlen(text) != len)
		(void)fault_set(&fault, FAULT_BAD_ARGUMENT, "NUL in a message");
	else if (is_first)
		rc = handler->auth_scram_first(server->context, text, &answer,
					       &fault);
	else
		rc = handler->auth_scram_final(server->context, text, &answer,
					       &fault);
	if (rc != 0) {
		auth_done(server);
		auth_refuse(server, &fault);
		return;
	}
	base64 = g_base64_encode((const guchar *)answer, strlen(answer));
	auth_ask(server,
		 is_first ? SMTP_AUTH_SCRAM_FINAL : SMTP_AUTH_SCRAM_DONE,
		 base64);
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
	switch (step) {
	case SMTP_AUTH_LOGIN_USER:
		g_free(server->auth_user);
		server->auth_user = g_strdup(text);
		auth_ask(server, SMTP_AUTH_LOGIN_PASSWORD, "UGFzc3dvcmQ6");
		break;
	case SMTP_AUTH_LOGIN_PASSWORD: {
		g_autofree char *user = g_steal_pointer(&server->auth_user);

		auth_done(server);
		auth_verify(server, "", user, text);
		break;
	}
	case SMTP_AUTH_SCRAM_FIRST:
	case SMTP_AUTH_SCRAM_FINAL:
		auth_scram(server, step, text, len);
		break;
	case SMTP_AUTH_SCRAM_DONE:
		auth_done(server);
		auth_accept(server);
		break;
	case SMTP_AUTH_PLAIN:
		auth_done(server);
		auth_plain(server, text, len);
		break;
	case SMTP_AUTH_NONE:
		break;
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

static const struct smtp_mechanism {
	const char *name;
	enum smtp_auth_step first;
	const char *challenge; /* where there is no initial response */
} auth_mechanisms[] = {
	{"PLAIN", SMTP_AUTH_PLAIN, ""},
	{"LOGIN", SMTP_AUTH_LOGIN_USER, "VXNlcm5hbWU6"},
	{"SCRAM-SHA-256", SMTP_AUTH_SCRAM_FIRST, ""},
};

/* NULL: not offered. */
static const struct smtp_mechanism *auth_find(const struct smtp_server *server,
					      const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(auth_mechanisms); i++) {
		const struct smtp_mechanism *m = &auth_mechanisms[i];

		if (g_ascii_strcasecmp(m->name, name) == 0)
			return m->first != SMTP_AUTH_SCRAM_FIRST ||
					       auth_has_scram(server)
				       ? m
				       : NULL;
	}
	return NULL;
}

static void auth_begin(struct smtp_server *server, const char *name,
		       const char *initial)
{
	const struct smtp_mechanism *mechanism = auth_find(server, name);

	if (!mechanism)
		smtp_error(server, 504, "5.5.4", "There are %s",
			   smtp_auth_mechanisms(server));
	else if (initial)
		auth_response(server, mechanism->first, initial);
	else
		auth_ask(server, mechanism->first, mechanism->challenge);
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
	else
		auth_begin(server, args, initial);
}
