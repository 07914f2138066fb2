/*
 * XCLIENT: a proxy in front of us says who the client really is (Postfix's
 * XCLIENT_README).  Whether it may is the handler's question; here its
 * attributes are taken apart.
 */
#include "smtp_private.h"

#include <arpa/inet.h>
#include <string.h>

bool smtp_xclient_offered(const struct smtp_server *server)
{
	const struct smtp_handler *handler = server->handler;

	return handler->xclient && handler->xclient_offered &&
	       handler->xclient_offered(server->context);
}

/* "192.0.2.1", or an IPv6 address with its prefix. */
static bool xclient_is_address(char *value, const char **ret_address)
{
	struct in6_addr address;

	if (g_ascii_strncasecmp(value, "IPV6:", 5) == 0) {
		*ret_address = value + 5;
		return inet_pton(AF_INET6, value + 5, &address) == 1;
	}
	*ret_address = value;
	return inet_pton(AF_INET, value, &address) == 1;
}

/* What stands there instead of a value that is not known. */
static bool xclient_is_unknown(const char *value)
{
	return g_ascii_strcasecmp(value, "[UNAVAILABLE]") == 0 ||
	       g_ascii_strcasecmp(value, "[TEMPUNAVAIL]") == 0;
}

/* Attributes that say nothing we keep; known, so that a proxy that always
 * sends them is not refused. */
static bool xclient_is_ignored(const char *name)
{
	static const char *const names[] = {"PORT", "PROTO", "LOGIN",
					    "DESTADDR", "DESTPORT"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int xclient_attribute(struct smtp_xclient *client, const char *name,
			     char *value, struct fault *fault)
{
	bool is_address = g_ascii_strcasecmp(name, "ADDR") == 0;
	bool is_helo = g_ascii_strcasecmp(name, "HELO") == 0;
	bool is_name = g_ascii_strcasecmp(name, "NAME") == 0;

	if (!is_address && !is_helo && !is_name && !xclient_is_ignored(name))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%.20s is no attribute of XCLIENT", name);
	if (!smtp_xtext_decode_here(value))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%.20s: that is no xtext", name);
	if (xclient_is_unknown(value))
		return 0;
	if (is_address && !xclient_is_address(value, &client->address))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "ADDR: that is no address");
	if ((is_helo || is_name) && !smtp_name_check(value))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%s: that is not the name of a host", name);
	if (is_helo)
		client->helo = value;
	if (is_name)
		client->name = value;
	return 0;
}

void smtp_cmd_xclient(struct smtp_server *server, char *args)
{
	struct smtp_xclient client = {0};
	struct fault fault = {0};
	char *name = NULL;
	char *value = NULL;
	int rc;

	if (!smtp_xclient_offered(server)) {
		smtp_error(server, 550, "5.7.0", "You may not say that");
		return;
	}
	while ((rc = smtp_param_next(&args, &name, &value, &fault)) == 1) {
		if (!value)
			rc = fault_set(&fault, FAULT_BAD_ARGUMENT,
				       "%.20s has no value", name);
		if (rc < 0 || xclient_attribute(&client, name, value, &fault))
			break;
	}
	if (rc != 0) {
		smtp_error_fault(server, &fault);
		return;
	}
	server->handler->xclient(server->context, &client);
	smtp_reset(server);
	server->state = SMTP_STATE_START;
	smtp_server_greet(server);
}
