/*
 * Relay hosts from their names, and the password for them: the part of relay.h
 * that needs no library.
 */
#include "relay.h"

#include "relay_name.h"
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int relay_place_parse(const char *text, int64_t default_port,
		      struct relay_place *ret_place, struct fault *fault)
{
	struct relay_name name;

	*ret_place = (struct relay_place){0};
	if (relay_name_parse(text, default_port, &name, fault) != 0)
		return -1;
	ret_place->host = name.host;
	ret_place->port = name.port;
	ret_place->implicit_tls = name.implicit_tls;
	return 0;
}

void relay_place_clear(struct relay_place *place)
{
	g_clear_pointer(&place->host, g_free);
	g_clear_pointer(&place->port, g_free);
	g_clear_pointer(&place->tls_ctx, tls_client_ctx_free);
}

char *relay_place_format(const struct relay_place *place)
{
	if (!*place->port)
		return g_strdup_printf("unix:%s", place->host);
	if (strchr(place->host, ':'))
		return g_strdup_printf("[%s]:%s", place->host, place->port);
	return g_strdup_printf("%s:%s", place->host, place->port);
}

int relay_secret_read(const char *key, const char *path, char **ret_text,
		      struct fault *fault)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	g_autoptr(GString) text = g_string_new(NULL);
	char octets[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno, "%s %s", key,
				       path);
	if (!S_ISREG(st.st_mode))
		return fault_set(fault, FAULT_CONFIG, "%s %s is no file", key,
				 path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fault_set(fault, FAULT_CONFIG,
				 "%s %s can be read by others: chmod 600 it",
				 key, path);
	while ((n = read(fd, octets, sizeof(octets))) > 0)
		g_string_append_len(text, octets, n);
	explicit_bzero(octets, sizeof(octets));
	if (n < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno, "%s %s", key,
				       path);
	*ret_text = g_string_free(g_steal_pointer(&text), FALSE);
	return 0;
}

int relay_password_read(const char *path, char **ret_password,
			struct fault *fault)
{
	g_autofree char *text = NULL;

	if (relay_secret_read("smtp_password_file", path, &text, fault) != 0)
		return -1;
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text)
		return fault_set(fault, FAULT_CONFIG,
				 "smtp_password_file %s has no password in its "
				 "first line",
				 path);
	*ret_password = g_steal_pointer(&text);
	return 0;
}
