/*
 * date and currentdate, RFC 5260 sections 4 and 5.
 */
#include "checker.h"
#include "date.h"
#include "entries.h"
#include "match.h"
#include "run.h"

#include <string.h>

enum zone_choice {
	ZONE_GIVEN,
	ZONE_ORIGINAL
};

static const struct language_tag zone_tags[] = {
	{"zone", SLOT_ZONE, ZONE_GIVEN, 's', EXTENSION_NONE},
	{0},
};

static const struct language_tag original_zone_tags[] = {
	{"originalzone", SLOT_ZONE, ZONE_ORIGINAL, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const date_tags[] = {
	language_match_tags,
	language_index_tags,
	zone_tags,
	original_zone_tags,
	NULL,
};

static const struct language_tag *const currentdate_tags[] = {
	language_match_tags,
	zone_tags,
	NULL,
};

struct date_test {
	struct sieve_run *run;
	const struct ast_node *node;
	struct sieve_matcher matcher;
	const char *part;
};

static int check_part(struct checker *checker, const struct ast_argument *part)
{
	const struct ast_string *name = part->strings;

	if (name->is_dynamic || sieve_date_part_exists(name->text))
		return 0;
	return sieve_error_set(checker->error, name->place,
			       "\"%.40s\" is no part of a date", name->text);
}

static int check_zone(struct checker *checker, const struct ast_node *node)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_ZONE);
	const struct ast_string *zone;
	int minutes;

	if (!tagged || tagged->choice == ZONE_ORIGINAL)
		return 0;
	zone = tagged->argument->strings;
	if (zone->is_dynamic || sieve_date_parse_zone(zone->text, &minutes))
		return 0;
	return sieve_error_set(checker->error, zone->place,
			       "\"%.20s\" is no time zone such as \"+0100\"",
			       zone->text);
}

static int check_date(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	(void)previous;
	if (check_zone(checker, node) < 0 ||
	    checker_header_names(checker, node->positional[0]) < 0)
		return -1;
	return check_part(checker, node->positional[1]);
}

static int check_currentdate(struct checker *checker, struct ast_node *node,
			     const struct ast_node *previous)
{
	(void)previous;
	if (check_zone(checker, node) < 0)
		return -1;
	return check_part(checker, node->positional[0]);
}

/* The zone a time is told in. */
static int find_zone(struct sieve_run *run, const struct ast_node *node,
		     int64_t time, int original)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_ZONE);
	int zone = 0;

	if (!tagged)
		return sieve_date_local_zone(time);
	if (tagged->choice == ZONE_ORIGINAL)
		return original;
	if (!sieve_date_parse_zone(sieve_run_text(run, tagged->argument),
				   &zone))
		sieve_run_fail(run, "date: no time zone such as \"+0100\"");
	return zone;
}

static bool feed_time(struct date_test *test, int64_t time, int original)
{
	int zone = find_zone(test->run, test->node, time, original);
	g_autofree char *value = sieve_date_part(test->part, time, zone);

	return value && sieve_matcher_feed(&test->matcher, value);
}

static bool feed_field(void *context, const struct header_field *field)
{
	const struct date_test *test = context;
	const char *stamp = strrchr(field->text, ';'); /* Received */
	int64_t time;
	int zone;

	sieve_run_spend(test->run, 2000 + strlen(field->text));

	if (!sieve_date_parse_mail(stamp ? stamp + 1 : field->text, &time,
				   &zone))
		return false;
	return feed_time(context, time, zone);
}

static bool run_date(struct sieve_run *run, const struct ast_node *node)
{
	struct date_test test = {
		.run = run,
		.node = node,
		.part = sieve_run_text(run, node->positional[1]),
	};

	sieve_matcher_begin(&test.matcher, run, node);
	sieve_run_fields(run, node, sieve_run_text(run, node->positional[0]),
			 feed_field, &test);
	return sieve_matcher_end(&test.matcher);
}

static bool run_currentdate(struct sieve_run *run, const struct ast_node *node)
{
	int64_t now = run->message->now ? run->message->now : g_get_real_time();
	struct date_test test = {
		.run = run,
		.node = node,
		.part = sieve_run_text(run, node->positional[0]),
	};

	sieve_run_spend(run, 2000);
	sieve_matcher_begin(&test.matcher, run, node);
	(void)feed_time(&test, now, sieve_date_local_zone(now));
	return sieve_matcher_end(&test.matcher);
}

const struct language_entry test_date = {
	.kind = LANGUAGE_TEST,
	.name = "date",
	.extension = EXTENSION_DATE,
	.signature = "ssS",
	.look = LOOK_FIELDS,
	.tags = date_tags,
	.has_match = true,
	.check = check_date,
	.test = run_date,
};

const struct language_entry test_currentdate = {
	.kind = LANGUAGE_TEST,
	.name = "currentdate",
	.extension = EXTENSION_DATE,
	.signature = "sS",
	.look = LOOK_NOT,
	.tags = currentdate_tags,
	.has_match = true,
	.check = check_currentdate,
	.test = run_currentdate,
};
