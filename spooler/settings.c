/*
 * Snapshots of the configuration; see settings.h.
 */
#include "settings.h"

int settings_new(struct conf *conf, const char *server,
		 struct settings **ret_settings, struct fault *fault)
{
	struct settings *settings = g_new0(struct settings, 1);

	settings->references = 1;
	settings->conf = conf;
	scheduler_policy_from(conf, &settings->policy);
	if (routes_new(conf, server, &settings->routes, fault) != 0 ||
	    rewrite_read(conf->sender_rewrite, &settings->rewrite, fault) !=
		    0) {
		settings_unref(settings);
		return -1;
	}
	*ret_settings = settings;
	return 0;
}

struct settings *settings_ref(struct settings *settings)
{
	(void)g_atomic_int_add(&settings->references, 1);
	return settings;
}

void settings_unref(struct settings *settings)
{
	if (!g_atomic_int_dec_and_test(&settings->references))
		return;
	if (settings->routes)
		g_ptr_array_unref(settings->routes);
	rewrite_free(settings->rewrite);
	conf_free(settings->conf);
	g_free(settings);
}
