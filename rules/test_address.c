/*
 * address, RFC 5228 section 5.1; :user and :detail of RFC 5233.
 */
#include "address.h"
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "mime.h"

#include <string.h>

static const struct language_tag *const address_tags[] = {
	language_match_tags,
	language_address_tags,
	language_index_tags,
	language_mime_tags,
	NULL,
};

struct address_test {
	struct sieve_run *run;
	struct sieve_matcher matcher;
	enum address_part part;
	const char *delimiters;
};

/* Fields that hold addresses (RFC 5228 section 5.1: no others), by RFC 5322,
 * RFC 2076 and the use of lists, MTAs and mail services. */
static bool has_addresses(const char *name)
{
	static const char *const names[] = {
		"from",
		"sender",
		"to",
		"cc",
		"bcc",
		"reply-to",
		"resent-from",
		"resent-sender",
		"resent-to",
		"resent-cc",
		"resent-bcc",
		"resent-reply-to",
		"return-path",
		"delivered-to",
		"envelope-to",
		"apparently-to",
		"original-from",
		"original-recipient",
		"mail-followup-to",
		"mail-reply-to",
		"disposition-notification-to",
		"errors-to",
		"return-receipt-to",
		"return-receipt-requested",
		"read-receipt-to",
		"registered-mail-reply-requested-by",
		"for-approval",
		"for-handling",
		"for-comment",
		"abuse-reports-to",
		"x-admin",
		"x-apparently-to",
		"x-beenthere",
		"x-complaints-to",
		"x-confirm-reading-to",
		"x-delivered-to",
		"x-envelope-from",
		"x-envelope-sender",
		"x-envelope-to",
		"x-forwarded-for",
		"x-forwarded-to",
		"x-google-original-from",
		"x-original-from",
		"x-original-to",
		"x-rcpt-to",
		"x-report-abuse-to",
		"x-resolved-to",
		"x-sender",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* "Content-From" of RFC 5703 section 4.2. */
static bool is_of_part(const char *name)
{
	return g_ascii_strncasecmp(name, "content-", 8) == 0;
}

static int check_address(struct checker *checker, struct ast_node *node,
			 const struct ast_node *previous)
{
	const struct ast_string *name = node->positional[0]->strings;
	bool is_mime = language_tagged(node, SLOT_MIME);

	(void)previous;
	for (; name; name = name->next)
		if (!name->is_dynamic && !has_addresses(name->text) &&
		    !(is_mime && is_of_part(name->text)))
			return sieve_error_set(
				checker->error, name->place,
				"the header field '%.60s' is not allowed for "
				"the address test: it holds no addresses (the "
				"header test looks at any field)",
				name->text);
	return sieve_mime_check(checker, node);
}

static bool feed_address(struct address_test *test, const char *address)
{
	g_autofree char *part =
		sieve_address_part(address, test->part, test->delimiters);

	return part && sieve_matcher_feed(&test->matcher, part);
}

static bool feed_field(void *context, const struct header_field *field)
{
	struct address_test *test = context;
	g_auto(GStrv) split = NULL;

	if (field->addresses) {
		for (guint i = 0; i < field->addresses->len; i++) {
			const struct header_address *address =
				field->addresses->pdata[i];

			if (*address->address &&
			    feed_address(test, address->address))
				return true;
		}
		return false;
	}
	sieve_run_spend(test->run, 200 + 8 * strlen(field->text));
	split = sieve_address_split(field->text);
	for (char **address = split; *address; address++)
		if (feed_address(test, *address))
			return true;
	return false;
}

static bool run_address(struct sieve_run *run, const struct ast_node *node)
{
	struct address_test test = {
		.run = run,
		.part = (enum address_part)language_choice(
			node, SLOT_ADDRESS_PART, ADDRESS_ALL),
		.delimiters = run->message->delimiters
				      ? run->message->delimiters
				      : "+",
	};

	sieve_matcher_begin(&test.matcher, run, node);
	for (const struct ast_string *name = node->positional[0]->strings;
	     name && !test.matcher.matched && !run->failed; name = name->next)
		sieve_run_fields(run, node, sieve_run_string(run, name),
				 feed_field, &test);
	return sieve_matcher_end(&test.matcher);
}

const struct language_entry test_address = {
	.kind = LANGUAGE_TEST,
	.name = "address",
	.signature = "SS",
	.first = "header list",
	.look = LOOK_FIELDS,
	.tags = address_tags,
	.has_match = true,
	.check = check_address,
	.test = run_address,
};
