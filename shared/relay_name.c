/*
 * Taking names of relay hosts apart.
 */
#include "relay_name.h"

#include <string.h>

#define SMTPS_SCHEME "smtps://"
#define SMTPS_PORT   465

int relay_name_parse(const char *text, int64_t default_port,
		     struct relay_name *ret_name, struct fault *fault)
{
	g_autofree char *host = NULL;
	const char *port = NULL;
	const char *end;
	int64_t number = default_port;

	*ret_name = (struct relay_name){0};
	if (g_str_has_prefix(text, SMTPS_SCHEME)) {
		text += strlen(SMTPS_SCHEME);
		ret_name->implicit_tls = true;
		number = SMTPS_PORT;
	}
	if (g_str_has_prefix(text, "unix:")) {
		ret_name->host = g_strdup(text + strlen("unix:"));
		ret_name->port = g_strdup("");
		return 0;
	}
	if (text[0] == '[' && (end = strchr(text, ']'))) {
		host = g_strndup(text + 1, (gsize)(end - text - 1));
		port = end[1] == ':' ? end + 2 : NULL;
		if (end[1] && end[1] != ':')
			host[0] = '\0';
	} else {
		end = strchr(text, ':');
		host = end ? g_strndup(text, (gsize)(end - text))
			   : g_strdup(text);
		port = end ? end + 1 : NULL;
	}
	if (port &&
	    (!g_ascii_string_to_signed(port, 10, 1, 65535, &number, NULL)))
		return fault_set(fault, FAULT_CONFIG,
				 "'%s' is no relay host: the port must be a "
				 "number from 1 to 65535",
				 text);
	if (!*host || strpbrk(host, " \t/@"))
		return fault_set(fault, FAULT_CONFIG,
				 "'%s' is no relay host: write host, host:port "
				 "or [v6]:port",
				 text);
	ret_name->host = g_steal_pointer(&host);
	ret_name->port = g_strdup_printf("%" G_GINT64_FORMAT, number);
	ret_name->implicit_tls |= number == SMTPS_PORT;
	return 0;
}

void relay_name_clear(struct relay_name *name)
{
	g_clear_pointer(&name->host, g_free);
	g_clear_pointer(&name->port, g_free);
}
