/*
 * environment, RFC 5183.
 */
#include "entries.h"
#include "match.h"
#include "run.h"

#include <string.h>

/* NULL for an item that is not known: then the test is false. */
static const char *item_value(const struct sieve_run *run, const char *name)
{
	const struct sieve_message *message = run->message;
	const char *hostname = message->hostname;
	const char *dot = hostname ? strchr(hostname, '.') : NULL;

	if (g_ascii_strcasecmp(name, "location") == 0)
		return message->location ? message->location : "MDA";
	if (g_ascii_strcasecmp(name, "phase") == 0)
		return "during";
	if (g_ascii_strcasecmp(name, "name") == 0)
		return message->product ? message->product : "Okapi";
	if (g_ascii_strcasecmp(name, "version") == 0)
		return OKAPI_VERSION;
	if (g_ascii_strcasecmp(name, "host") == 0)
		return hostname;
	if (g_ascii_strcasecmp(name, "domain") == 0)
		return dot ? dot + 1 : NULL;
	return NULL;
}

static bool run_environment(struct sieve_run *run, const struct ast_node *node)
{
	const char *value =
		item_value(run, sieve_run_text(run, node->positional[0]));
	struct sieve_matcher matcher;

	if (!value)
		return false; /* also where they are counted */
	sieve_matcher_begin(&matcher, run, node);
	(void)sieve_matcher_feed(&matcher, value);
	return sieve_matcher_end(&matcher);
}

const struct language_entry test_environment = {
	.kind = LANGUAGE_TEST,
	.name = "environment",
	.extension = EXTENSION_ENVIRONMENT,
	.signature = "sS",
	.look = LOOK_NOT,
	.tags = language_match,
	.has_match = true,
	.test = run_environment,
};
