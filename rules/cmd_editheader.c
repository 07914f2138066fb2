/*
 * addheader and deleteheader, RFC 5293.  What is changed is the view of the
 * script and of what it decides from then on; the message itself is one of the
 * delivery's concerns.
 */
#include "checker.h"
#include "edit.h"
#include "entries.h"
#include "match.h"
#include "run.h"

#include <string.h>

static const struct language_tag add_tags[] = {
	{"last", SLOT_AT_END, 0, 0, EXTENSION_NONE},
	{0},
};
static const struct language_tag delete_tags[] = {
	{"index", SLOT_INDEX, 0, 'n', EXTENSION_NONE},
	{"last", SLOT_LAST, 0, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const add_list[] = {add_tags, NULL};
static const struct language_tag *const delete_list[] = {
	delete_tags,
	language_match_tags,
	NULL,
};

/* ftext, RFC 5322 section 2.2. */
static bool is_field_name(const char *name)
{
	const char *c = name;

	while (*c > 0x20 && *c < 0x7f && *c != ':')
		c++;
	return *c == '\0' && c != name;
}

static bool is_field_value(const char *value)
{
	return g_utf8_validate(value, -1, NULL);
}

static size_t value_max(const struct sieve_settings *settings)
{
	return settings && settings->header_max ? settings->header_max
						: RUN_HEADER_MAX;
}

static int check_name(struct checker *checker, const struct ast_string *name)
{
	if (name->is_dynamic || is_field_name(name->text))
		return 0;
	return sieve_error_set(checker->error, name->place,
			       "the field name \"%.60s\" is invalid",
			       name->text);
}

static int check_add(struct checker *checker, struct ast_node *node,
		     const struct ast_node *previous)
{
	const struct ast_string *value = node->positional[1]->strings;
	size_t max =
		value_max(checker->options ? checker->options->settings : NULL);

	(void)previous;
	if (check_name(checker, node->positional[0]->strings) < 0)
		return -1;
	if (value->is_dynamic && !value->is_faulty)
		return 0;
	if (value->is_faulty || !is_field_value(value->text))
		return sieve_error_set(checker->error, value->place,
				       "the value \"%.60s\" is invalid",
				       value->text);
	if (strlen(value->text) <= max)
		return 0;
	return sieve_error_set(checker->error, value->place,
			       "the value is longer than %zu octets", max);
}

static int check_delete(struct checker *checker, struct ast_node *node,
			const struct ast_node *previous)
{
	(void)previous;
	return check_name(checker, node->positional[0]->strings);
}

static const char *delete_signature(const struct ast_node *node)
{
	return node->positional[1] ? "sS" : "s";
}

static bool is_listed(char **list, const char *name)
{
	for (; list && *list; list++)
		if (g_ascii_strcasecmp(*list, name) == 0)
			return true;
	return false;
}

/* RFC 5293 sections 4 and 7: what says where a message was, and whether a
 * robot wrote it, stays; the subject may always go. */
static bool may_delete(const struct sieve_run *run, const char *name)
{
	const struct sieve_settings *settings = run->message->settings;

	if (g_ascii_strcasecmp(name, "Received") == 0 ||
	    g_ascii_strcasecmp(name, "Auto-Submitted") == 0)
		return false;
	return g_ascii_strcasecmp(name, "Subject") == 0 || !settings ||
	       !is_listed(settings->no_delete, name);
}

static bool may_add(const struct sieve_run *run, const char *name)
{
	const struct sieve_settings *settings = run->message->settings;

	return g_ascii_strcasecmp(name, "Subject") == 0 || !settings ||
	       !is_listed(settings->no_add, name);
}

/* The header that is to be changed once more, or NULL with the run failed. */
static struct sieve_edit *take_edit(struct sieve_run *run)
{
	const struct sieve_message *message = run->message;
	struct sieve_edit *edit;

	if (++run->edits > RUN_EDITS_MAX) {
		sieve_run_fail(run, "more than %d changes of the header",
			       RUN_EDITS_MAX);
		return NULL;
	}
	edit = g_steal_pointer(&run->edit);
	if (!edit && (message->raw || message->size == 0))
		edit = sieve_edit_begin(message->set,
					message->raw ? message->raw : "",
					message->raw_len);
	if (!edit)
		sieve_run_fail(run, "this header cannot be edited");
	else
		sieve_run_spend(run, 64 * sieve_edit_count(edit));
	return edit;
}

/* Unfolded: a line end and the blanks behind it are one blank, and so is TAB;
 * other control characters go. */
static char *clean_value(const char *value)
{
	GString *out = g_string_new(NULL);

	for (; *value; value++) {
		if (*value == '\n' && (value[1] == ' ' || value[1] == '\t'))
			continue;
		if (*value == '\n' || *value == '\t')
			g_string_append_c(out, ' ');
		else if ((unsigned char)*value >= 0x20 && *value != 0x7f)
			g_string_append_c(out, *value);
	}
	return g_strstrip(g_string_free(out, FALSE));
}

static void run_add(struct sieve_run *run, const struct ast_node *node)
{
	const char *name = sieve_run_text(run, node->positional[0]);
	const char *value = sieve_run_text(run, node->positional[1]);
	size_t max = value_max(run->message->settings);
	g_autofree char *clean = NULL;
	struct sieve_edit *edit;

	if (!is_field_name(name))
		sieve_run_fail(run, "the field name \"%.60s\" is invalid",
			       name);
	else if (!is_field_value(value))
		sieve_run_fail(run, "the value \"%.60s\" is invalid", value);
	else if (strlen(value) > max)
		sieve_run_fail(run, "the value is longer than %zu octets", max);
	if (run->failed || !may_add(run, name))
		return;
	edit = take_edit(run);
	if (!edit)
		return;
	clean = clean_value(value);
	run->edit = sieve_edit_add(edit, name, clean,
				   language_tagged(node, SLOT_AT_END));
	run->acted = run->place.line;
}

struct dropping {
	struct sieve_run *run;
	const struct ast_node *node;
	const struct sieve_edit *edit;
	const char *name;
	size_t number; /* of the fields of that name, from the side we count */
	size_t count;  /* of them all */
	size_t seen;
	bool dropped;
};

static bool drops(void *context, size_t i)
{
	struct dropping *dropping = context;
	const struct header_field *field = sieve_edit_field(dropping->edit, i);
	struct sieve_matcher matcher;
	size_t wanted = dropping->number;

	if (dropping->run->failed ||
	    g_ascii_strcasecmp(field->name, dropping->name) != 0)
		return false;
	dropping->seen++;
	if (wanted && language_tagged(dropping->node, SLOT_LAST))
		wanted = dropping->count >= wanted
				 ? dropping->count - wanted + 1
				 : SIZE_MAX;
	if (wanted && wanted != dropping->seen)
		return false;
	if (!dropping->node->positional[1]) {
		dropping->dropped = true;
		return true;
	}
	sieve_matcher_begin(&matcher, dropping->run, dropping->node);
	(void)sieve_matcher_feed(&matcher, field->text);
	if (!sieve_matcher_end(&matcher))
		return false;
	dropping->dropped = true;
	return true;
}

static void run_delete(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *index = language_tagged(node, SLOT_INDEX);
	struct dropping dropping = {
		.run = run,
		.node = node,
		.name = sieve_run_text(run, node->positional[0]),
		.number = index ? (size_t)index->argument->number : 0,
	};
	struct sieve_edit *edit;

	if (!is_field_name(dropping.name)) {
		sieve_run_fail(run, "the field name \"%.60s\" is invalid",
			       dropping.name);
		return;
	}
	if (!may_delete(run, dropping.name))
		return;
	edit = take_edit(run);
	if (!edit)
		return;
	dropping.edit = edit;
	for (size_t i = 0; i < sieve_edit_count(edit); i++)
		dropping.count +=
			g_ascii_strcasecmp(sieve_edit_field(edit, i)->name,
					   dropping.name) == 0;
	run->edit = sieve_edit_drop(edit, drops, &dropping);
	if (dropping.dropped)
		run->acted = run->place.line;
}

const struct language_entry cmd_addheader = {
	.kind = LANGUAGE_COMMAND,
	.name = "addheader",
	.extension = EXTENSION_EDITHEADER,
	.signature = "ss",
	.tags = add_list,
	.check = check_add,
	.run = run_add,
};

const struct language_entry cmd_deleteheader = {
	.kind = LANGUAGE_COMMAND,
	.name = "deleteheader",
	.extension = EXTENSION_EDITHEADER,
	.signature = "sS",
	.tags = delete_list,
	.has_match = true,
	.find_signature = delete_signature,
	.check = check_delete,
	.run = run_delete,
};
