/*
 * body, RFC 5173, over PR_BODY, PR_HTML and the attachments of the set.
 */
#include "checker.h"
#include "entries.h"
#include "html.h"
#include "match.h"
#include "run.h"

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
	(void)node;
	(void)previous;
	checker->needs_bodies = true;
	return 0;
}

/* PR_HTML as UTF-8, owned; NULL if there is none. */
static char *html_of(const struct sieve_run *run)
{
	GBytes *html = propset_binary(run->message->set, PR_HTML);
	gsize len = 0;
	const char *octets;

	if (!html)
		return NULL;
	octets = g_bytes_get_data(html, &len);
	return sieve_html_to_utf8(run->message->set, octets ? octets : "", len);
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

static void feed_text(struct sieve_run *run, struct sieve_matcher *matcher)
{
	const char *plain = propset_text(run->message->set, PR_BODY);
	g_autofree char *html = plain ? NULL : html_of(run);
	g_autofree char *text = NULL;

	if (plain) {
		(void)sieve_matcher_feed(matcher, plain);
	} else if (html) {
		sieve_run_spend(run, strlen(html));
		text = sieve_html_text(html);
		(void)sieve_matcher_feed(matcher, text);
	}
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

		if (len == 0)
			return true;
		if (g_ascii_strncasecmp(type, text, len) == 0 &&
		    (type[len] == '\0' || type[len] == '/'))
			return true;
	}
	return false;
}

static void feed_attachments(struct sieve_run *run,
			     struct sieve_matcher *matcher,
			     const struct ast_node *node)
{
	const struct propset *set = run->message->set;

	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *part = propset_attachment(set, i);
		const char *type = propset_text(part, PR_ATTACH_MIME_TAG);
		GBytes *data = propset_binary(part, PR_ATTACH_DATA_BIN);
		gsize len = 0;
		const char *octets;

		if (!data || !type || !type_is_wanted(run, node, type))
			continue;
		octets = g_bytes_get_data(data, &len);
		sieve_run_spend(run, len);
		if (octets && feed_octets(matcher, octets, len))
			return;
	}
}

static void feed_content(struct sieve_run *run, struct sieve_matcher *matcher,
			 const struct ast_node *node)
{
	const char *plain = propset_text(run->message->set, PR_BODY);

	if (plain && type_is_wanted(run, node, "text/plain") &&
	    sieve_matcher_feed(matcher, plain))
		return;
	if (type_is_wanted(run, node, "text/html")) {
		g_autofree char *html = html_of(run);

		sieve_run_spend(run, html ? strlen(html) : 0);
		if (html && sieve_matcher_feed(matcher, html))
			return;
	}
	feed_attachments(run, matcher, node);
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
