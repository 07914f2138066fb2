/*
 * body, RFC 5173, over the MIME parts of the set.
 */
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "mime.h"

#include <string.h>

enum body_transform {
	BODY_TEXT,
	BODY_RAW,
	BODY_CONTENT
};

static const struct language_tag body_tags[] = {
	{"text", SLOT_BODY, BODY_TEXT, 0, EXTENSION_NONE},
	{"raw", SLOT_BODY, BODY_RAW, 0, EXTENSION_NONE},
	{"content", SLOT_BODY, BODY_CONTENT, 'S', EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {
	language_match_tags,
	body_tags,
	NULL,
};

static int check_body(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	(void)previous;
	/* Raw is what the delivery has anyhow. */
	if (language_choice(node, SLOT_BODY, BODY_TEXT) != BODY_RAW)
		checker_needs(checker, SIEVE_NEEDS_PARTS);
	return 0;
}

/* Binary octets as a C string: NUL would end it. */
static bool feed_octets(struct sieve_matcher *matcher, const char *octets,
			size_t len)
{
	g_autofree char *text = g_malloc(len + 1);
	size_t kept = 0;

	for (size_t i = 0; i < len; i++)
		if (octets[i])
			text[kept++] = octets[i];
	text[kept] = '\0';
	return sieve_matcher_feed(matcher, text);
}

static bool feed_bytes(struct sieve_run *run, struct sieve_matcher *matcher,
		       GBytes *bytes)
{
	gsize len = 0;
	const char *octets = g_bytes_get_data(bytes, &len);

	sieve_run_spend(run, len + 8);
	return feed_octets(matcher, octets ? octets : "", len);
}

/* A slash too many is no type (section 5.2). */
static bool is_type(const char *type)
{
	const char *slash = strchr(type, '/');

	return slash && slash != type && slash[1] && !strchr(slash + 1, '/');
}

/* Every part that is text; where there is none, what conversion made of the
 * message (a body out of winmail.dat). */
static void feed_text(struct sieve_run *run, struct sieve_matcher *matcher)
{
	const struct propset *set = run->message->set;
	const char *body = propset_text(set, PR_BODY);
	g_autofree char *text = NULL;
	bool has_any = false;

	for (size_t i = 0; i < propset_part_count(set) && !run->failed; i++) {
		const struct mime_part *part = propset_part(set, i);

		if (!part->is_text || !is_type(part->type))
			continue;
		has_any = true;
		g_free(text);
		text = sieve_mime_text(run, part, INT64_MAX);
		if (sieve_matcher_feed(matcher, text))
			return;
	}
	if (!has_any && body)
		(void)sieve_matcher_feed(matcher, body);
}

/* What stands behind the header, undecoded. */
static void feed_raw(struct sieve_run *run, struct sieve_matcher *matcher)
{
	const char *raw = run->message->raw;
	size_t len = run->message->raw_len;
	const char *at;

	if (!raw) {
		sieve_run_fail(run, "body :raw: the octets of the message are "
				    "not at hand");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		at = raw + i;
		if (*at != '\n')
			continue;
		if (i + 1 < len && at[1] == '\n')
			i += 1;
		else if (i + 2 < len && at[1] == '\r' && at[2] == '\n')
			i += 2;
		else
			continue;
		sieve_run_spend(run, len);
		(void)feed_octets(matcher, raw + i + 1, len - i - 1);
		return;
	}
}

/* "text" is every text/...; "text/html" that one; "" is all. */
static bool type_is_wanted(struct sieve_run *run, const struct ast_node *node,
			   const char *type)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_BODY);

	for (const struct ast_string *wanted = tagged->argument->strings;
	     wanted; wanted = wanted->next) {
		const char *text = sieve_run_string(run, wanted);
		size_t len = strlen(text);

		sieve_run_spend(run, len + 1);
		if (len == 0)
			return true;
		if (is_type(type) &&
		    g_ascii_strncasecmp(type, text, len) == 0 &&
		    (type[len] == '\0' ||
		     (type[len] == '/' && !strchr(text, '/'))))
			return true;
	}
	return false;
}

static void feed_content(struct sieve_run *run, struct sieve_matcher *matcher,
			 const struct ast_node *node)
{
	const struct propset *set = run->message->set;

	for (size_t i = 0; i < propset_part_count(set) && !run->failed; i++) {
		const struct mime_part *part = propset_part(set, i);

		if (!type_is_wanted(run, node, part->type))
			continue;
		if (feed_bytes(run, matcher, part->content) ||
		    (part->epilogue &&
		     feed_bytes(run, matcher, part->epilogue)))
			return;
	}
}

static bool run_body(struct sieve_run *run, const struct ast_node *node)
{
	struct sieve_matcher matcher;
	int transform = language_choice(node, SLOT_BODY, BODY_TEXT);

	sieve_matcher_begin(&matcher, run, node);
	matcher.keeps_matches = true; /* RFC 5173 section 6 */
	if (transform == BODY_RAW)
		feed_raw(run, &matcher);
	else if (transform == BODY_CONTENT)
		feed_content(run, &matcher, node);
	else
		feed_text(run, &matcher);
	return sieve_matcher_end(&matcher);
}

const struct language_entry test_body = {
	.kind = LANGUAGE_TEST,
	.name = "body",
	.extension = EXTENSION_BODY,
	.signature = "S",
	.tags = tags,
	.has_match = true,
	.check = check_body,
	.test = run_body,
};
