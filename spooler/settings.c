/*
 * Snapshots of the configuration; see settings.h.
 */
#include "settings.h"

#include "smtp/smtp_server.h"

#define SETTINGS_CONNECT_MS INT64_C(30000)

/* In the proportions of RFC 5321 4.5.3.2: of five minutes for a command, two
 * for the 354, three for a block, ten for the end of the message. */
static struct relay_timeouts settings_timeouts(const struct conf *conf)
{
	int64_t command_ms = conf->smtp_timeout * 1000;

	return (struct relay_timeouts){
		.connect_ms = MIN(command_ms, SETTINGS_CONNECT_MS),
		.command_ms = command_ms,
		.data_ms = command_ms * 2 / 5,
		.block_ms = command_ms * 3 / 5,
		.end_ms = command_ms * 2,
	};
}

static int settings_places(struct settings *settings, const char *server,
			   struct fault *fault)
{
	const struct conf *conf = settings->conf;
	const char *texts[] = {server ? server : conf->smtp_server,
			       conf->smtp_fallback};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (!*texts[i])
			continue;
		if (relay_place_parse(texts[i], conf->smtp_port,
				      &settings->places[settings->place_count],
				      fault) != 0)
			return -1;
		settings->place_count++;
	}
	if (!settings->place_count)
		return fault_set(fault, FAULT_CONFIG, "smtp_server is empty");
	return 0;
}

static int settings_auth(struct settings *settings, struct fault *fault)
{
	const struct conf *conf = settings->conf;

	if (!*conf->smtp_user)
		return 0;
	if (!*conf->smtp_password_file)
		return fault_set(fault, FAULT_CONFIG,
				 "smtp_user needs smtp_password_file");
	return relay_password_read(conf->smtp_password_file,
				   &settings->password, fault);
}

int settings_new(struct conf *conf, const char *server,
		 struct settings **ret_settings, struct fault *fault)
{
	struct settings *settings = g_new0(struct settings, 1);

	settings->references = 1;
	settings->conf = conf;
	scheduler_policy_from(conf, &settings->policy);
	if (settings_places(settings, server, fault) != 0 ||
	    settings_auth(settings, fault) != 0) {
		settings_unref(settings);
		return -1;
	}
	settings->relay = (struct relay_options){
		.hostname = conf->hostname,
		.tls = conf->smtp_tls,
		.ca_file = conf->smtp_tls_ca_file,
		.user = conf->smtp_user,
		.password = settings->password ? settings->password : "",
		.timeouts = settings_timeouts(conf),
	};
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
	for (size_t i = 0; i < G_N_ELEMENTS(settings->places); i++)
		relay_place_clear(&settings->places[i]);
	conf_free(settings->conf);
	g_free(settings->password);
	g_free(settings);
}
