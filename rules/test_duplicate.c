/*
 * duplicate, RFC 7352.  What was seen before is asked of the delivery; what is
 * seen now becomes part of the plan, and is remembered with it or not at all.
 */
#include "checker.h"
#include "entries.h"
#include "plan.h"
#include "run.h"

#include <string.h>

#define DUPLICATE_DAY     INT64_C(86400)
#define DUPLICATE_DEFAULT (7 * DUPLICATE_DAY)
#define DUPLICATE_MAX     (90 * DUPLICATE_DAY)
#define DUPLICATE_FIELD   "message-id" /* unless told otherwise */
#define DUPLICATE_MARKS   32           /* of all rules together */

enum duplicate_id {
	DUPLICATE_HEADER,
	DUPLICATE_UNIQUEID,
};

static const struct language_tag duplicate_tags[] = {
	{"handle", SLOT_HANDLE, 0, 's', EXTENSION_NONE},
	{"header", SLOT_UNIQUE, DUPLICATE_HEADER, 's', EXTENSION_NONE},
	{"uniqueid", SLOT_UNIQUE, DUPLICATE_UNIQUEID, 's', EXTENSION_NONE},
	{"seconds", SLOT_PERIOD, 0, 'n', EXTENSION_NONE},
	{"last", SLOT_RENEW, 0, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {duplicate_tags, NULL};

static int check_duplicate(struct checker *checker, struct ast_node *node,
			   const struct ast_node *previous)
{
	const struct ast_tagged *unique = language_tagged(node, SLOT_UNIQUE);

	(void)previous;
	if (!unique)
		checker_looks_at(checker, DUPLICATE_FIELD);
	if (!unique || unique->choice != DUPLICATE_HEADER)
		return 0;
	checker_looks_at_all(checker, unique->argument);
	return checker_header_names(checker, unique->argument);
}

static bool note_text(void *context, const struct header_field *field)
{
	*(const char **)context = field->text;
	return true;
}

/* What the message is known by; NULL or "" if it has nothing of the kind. */
static const char *find_id(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *unique = language_tagged(node, SLOT_UNIQUE);
	const char *name = DUPLICATE_FIELD;
	const char *id = NULL;

	if (unique && unique->choice == DUPLICATE_UNIQUEID)
		return sieve_run_text(run, unique->argument);
	if (unique)
		name = sieve_run_text(run, unique->argument);
	sieve_run_fields(run, node, name, note_text, &id);
	return id;
}

/* One name space for a handle, whatever the id was taken from (section 3.1);
 * owned. */
static char *make_key(const char *handle, const char *id)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(sum, (const guchar *)handle,
			  (gssize)strlen(handle) + 1);
	g_checksum_update(sum, (const guchar *)id, (gssize)strlen(id));
	return g_strdup(g_checksum_get_string(sum));
}

static void mark(struct sieve_run *run, const struct ast_node *node,
		 const char *key, bool is_new)
{
	const struct ast_tagged *period = language_tagged(node, SLOT_PERIOD);
	int64_t seconds = period ? MIN(period->argument->number, DUPLICATE_MAX)
				 : DUPLICATE_DEFAULT;

	if (run->marks->len + run->plan->marks->len >= DUPLICATE_MARKS) {
		sieve_run_fail(run, "more than %d duplicate tests",
			       DUPLICATE_MARKS);
		return;
	}
	g_ptr_array_add(run->marks, sieve_mark_new(key, seconds, is_new));
}

static bool run_duplicate(struct sieve_run *run, const struct ast_node *node)
{
	const struct sieve_message *message = run->message;
	const struct ast_tagged *named = language_tagged(node, SLOT_HANDLE);
	const char *handle = named ? sieve_run_text(run, named->argument) : "";
	const char *id = find_id(run, node);
	g_autofree char *key = NULL;
	bool is_known;

	if (!id || !*id)
		return false;
	sieve_run_spend(run, 10000 + strlen(handle) + strlen(id));
	if (run->failed)
		return false;
	key = make_key(handle, id);
	is_known = message->is_known &&
		   message->is_known(message->mailbox_context, key);
	if (!is_known || language_tagged(node, SLOT_RENEW))
		mark(run, node, key, !is_known);
	return is_known;
}

const struct language_entry test_duplicate = {
	.kind = LANGUAGE_TEST,
	.name = "duplicate",
	.extension = EXTENSION_DUPLICATE,
	.signature = "",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_duplicate,
	.test = run_duplicate,
};
