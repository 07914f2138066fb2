/*
 * The part of the configuration that a reload may change, as a snapshot that
 * whoever works under it holds on to.
 */
#ifndef OKAPI_SETTINGS_H
#define OKAPI_SETTINGS_H

#include "base.h"
#include "conf.h"
#include "rewrite.h"
#include "route.h"
#include "scheduler.h"

struct settings {
	int references;
	struct conf *conf;
	struct scheduler_policy policy;
	GPtrArray *routes;       /* of struct route */
	struct rewrite *rewrite; /* sender_rewrite, or NULL */
};

/* conf is moved, also on failure.  server (may be NULL) is the SMTP_SERVER of
 * the command line, which wins.  One reference is the caller's. */
NODISCARD int settings_new(struct conf *conf, const char *server,
			   struct settings **ret_settings, struct fault *fault);
struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

#endif
