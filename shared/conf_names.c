/*
 * The names that the configuration may leave out.  Asking for that of the
 * machine may mean asking a name server, so it is a step of its own.
 */
#include "conf.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* The fully qualified name of this machine: what getaddrinfo(3) makes of
 * gethostname(2), if that has a dot. */
static char *conf_machine_name(void)
{
	char name[256] = "localhost";
	struct addrinfo hints = {.ai_flags = AI_CANONNAME};
	struct addrinfo *info = NULL;
	char *result;

	if (gethostname(name, sizeof(name) - 1) < 0)
		return g_strdup("localhost");
	if (strchr(name, '.') || getaddrinfo(name, NULL, &hints, &info) != 0)
		return g_strdup(name);
	result = g_strdup(info && info->ai_canonname ? info->ai_canonname
						     : name);
	freeaddrinfo(info);
	return result;
}

static void conf_compute_defaults(struct conf *conf)
{
	if (!*conf->hostname) {
		g_free(conf->hostname);
		conf->hostname = conf_machine_name();
	}
	if (!*conf->origin) {
		g_free(conf->origin);
		conf->origin = g_strdup(conf->hostname);
	}
	if (!*conf->postmaster) {
		g_free(conf->postmaster);
		conf->postmaster =
			g_strdup_printf("postmaster@%s", conf->origin);
	}
}

int conf_load(const char *path, const char *const *overrides,
	      struct conf **ret_conf, GPtrArray *faults, struct fault *fault)
{
	if (conf_read(path, overrides, ret_conf, faults, fault))
		return -1;
	conf_compute_defaults(*ret_conf);
	return 0;
}
