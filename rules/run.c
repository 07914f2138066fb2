/*
 * The evaluator: walks commands, counts work, keeps strings, fields and
 * actions in hand for those who do the rest.
 */
#include "run.h"

#include "address.h"
#include "edit.h"
#include "explain.h"
#include "flags.h"
#include "mime.h"
#include "plan.h"
#include "utf8.h"
#include "variable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The fault of the command that is running. */
static void set_fault(struct sieve_run *run, const char *format, va_list args)
{
	char text[256];

	(void)vsnprintf(text, sizeof(text), format, args);
	sieve_clean_text(text);
	(void)fault_set(&run->fault, FAULT_REFUSED_INPUT, "%s%s%u:%u: %s",
			run->including->len > 1 ? run->script->name : "",
			run->including->len > 1 ? ":" : "", run->place.line,
			run->place.column, text);
}

static void fail(struct sieve_run *run, enum fault_kind kind,
		 const char *format, va_list args)
{
	if (run->failed)
		return;
	run->failed = true;
	set_fault(run, format, args);
	run->fault.kind = kind;
}

void sieve_run_fail(struct sieve_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(run, FAULT_REFUSED_INPUT, format, args);
	va_end(args);
}

void sieve_run_fail_for(struct sieve_run *run, const struct fault *why,
			const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(run, fault_is_temporary(why) ? why->kind : FAULT_REFUSED_INPUT,
	     format, args);
	va_end(args);
}

void sieve_run_blame(struct sieve_run *run, const char *format, ...)
{
	va_list args;

	if (run->failed || run->keeps)
		return;
	run->keeps = true;
	va_start(args, format);
	set_fault(run, format, args);
	va_end(args);
}

void sieve_run_spend(struct sieve_run *run, uint64_t steps)
{
	uint64_t more =
		(uint64_t)MAX(run->message->size, 0) * RUN_STEPS_PER_OCTET;

	const struct sieve_settings *settings = run->message->settings;
	uint64_t max = settings && settings->steps_max ? settings->steps_max
						       : RUN_STEPS_MAX;

	run->steps += steps;
	run->steps_total += steps;
	if (run->steps > max + more ||
	    run->steps_total > max * RUN_SCRIPTS_WORTH + more)
		sieve_run_fail(run, "the rule takes too much work");
}

void sieve_run_block(struct sieve_run *run, const struct ast_node *commands)
{
	for (const struct ast_node *node = commands; node; node = node->next) {
		run->place = node->place;
		sieve_run_spend(run, 1);
		if (node->deferred_error)
			sieve_run_fail(run, "%s", node->deferred_error);
		if (run->failed)
			return;
		sieve_explain_action(run, node);
		node->entry->run(run, node);
		if (run->failed || run->stopped || run->returned ||
		    run->breaking)
			return;
	}
}

bool sieve_run_test(struct sieve_run *run, const struct ast_node *test)
{
	struct sieve_step *around;
	bool result;

	sieve_run_spend(run, 1);
	if (test->deferred_error)
		sieve_run_fail(run, "%s", test->deferred_error);
	if (run->failed)
		return false;
	around = sieve_explain_begin(run, test);
	result = test->entry->test(run, test) && !run->failed;
	sieve_explain_end(run, around, result);
	return result;
}

const char *sieve_run_string(struct sieve_run *run,
			     const struct ast_string *string)
{
	g_autofree char *expanded = NULL;

	if (!string->is_dynamic)
		return string->text;
	expanded = sieve_variables_expand(run, string->text);
	return sieve_arena_copy(run->arena, expanded, strlen(expanded));
}

const char *sieve_run_text(struct sieve_run *run,
			   const struct ast_argument *argument)
{
	return sieve_run_string(run, argument->strings);
}

void sieve_run_set_matches(struct sieve_run *run, char **matches, size_t count)
{
	for (size_t i = 0; i < RUN_MATCHES; i++) {
		g_free(run->matches[i]);
		run->matches[i] = i < count ? matches[i] : NULL;
	}
}

/* ---- actions ------------------------------------------------------------- */

void sieve_run_set(const struct sieve_run *run, struct sieve_action *action)
{
	for (guint i = 0; i < run->categories->len; i++)
		sieve_flags_put(action->flags, run->categories->pdata[i]);
	sieve_properties_merge(&action->properties, run->properties);
}

static struct sieve_action *make_action(struct sieve_run *run,
					const struct run_action *wanted)
{
	struct sieve_action *action = sieve_action_new(wanted->kind);
	const GPtrArray *flags = wanted->flags ? wanted->flags : run->flags;

	action->argument = g_strdup(wanted->argument);
	action->special_use = g_strdup(wanted->special_use);
	action->create = wanted->create;
	if (wanted->vacation)
		action->vacation = sieve_vacation_ref(wanted->vacation);
	if (wanted->letter)
		action->letter = sieve_letter_ref(wanted->letter);
	if (run->edit)
		action->edit = sieve_edit_ref(run->edit);
	action->rule = run->script->name;
	action->line = run->place.line;
	if (wanted->kind == SIEVE_KEEP || wanted->kind == SIEVE_FILEINTO) {
		for (guint i = 0; i < flags->len; i++)
			sieve_flags_add(action->flags, flags->pdata[i]);
		sieve_run_set(run, action);
	}
	return action;
}

static const char *find_conflict(const struct sieve_run *run,
				 const struct sieve_action *action)
{
	const char *other = sieve_action_conflict(run->pending, action);

	return other ? other
		     : sieve_action_conflict(run->plan->actions, action);
}

static unsigned actions_max(const struct sieve_settings *settings)
{
	return settings && settings->actions_max ? settings->actions_max
						 : SIEVE_ACTIONS_MAX;
}

static unsigned redirects_max(const struct sieve_settings *settings)
{
	if (!settings || settings->redirects_max == 0)
		return SIEVE_REDIRECTS_MAX;
	return (unsigned)MAX(settings->redirects_max, 0);
}

static bool is_within_limits(struct sieve_run *run,
			     const struct sieve_action *action)
{
	const struct sieve_settings *settings = run->message->settings;
	size_t sent = sieve_action_addresses(run->plan->actions) +
		      sieve_action_addresses(run->pending);
	size_t wanted = action->kind == SIEVE_REDIRECT ? 1
			: action->kind == SIEVE_FORWARD
				? action->letter->addresses->len
				: 0;

	if (wanted > 0 && sent + wanted > redirects_max(settings)) {
		sieve_run_fail(
			run,
			"number of redirect actions exceeds policy limit: "
			"more than %u",
			redirects_max(settings));
		return false;
	}
	if (run->plan->actions->len + run->pending->len >=
	    actions_max(settings)) {
		sieve_run_fail(run,
			       "total number of actions exceeds policy limit: "
			       "more than %u",
			       actions_max(settings));
		return false;
	}
	return true;
}

void sieve_run_act(struct sieve_run *run, const struct run_action *wanted)
{
	uint64_t flags = wanted->flags ? wanted->flags->len : run->flags->len;
	struct sieve_action *action = make_action(run, wanted);
	struct sieve_action *same =
		sieve_action_find_same(run->pending, action);
	const char *conflict = find_conflict(run, action);

	sieve_run_spend(run, 200 + 20 * flags * (flags + 1));
	if (conflict)
		sieve_run_fail(run, "reject and %s do not go together",
			       conflict);
	run->acted = run->place.line;
	if (!wanted->copy)
		run->cancels_keep = true;
	if (same && !conflict)
		sieve_action_merge(same, action);
	else if (!conflict &&
		 (sieve_action_find_same(run->plan->actions, action) ||
		  is_within_limits(run, action)))
		g_ptr_array_add(run->pending, g_steal_pointer(&action));
	sieve_action_free(action);
}

char *sieve_run_target(struct sieve_run *run, const char *command,
		       const char *mailbox)
{
	const struct sieve_settings *settings = run->message->settings;
	const char *problem = NULL;
	char *address = sieve_address_of_target(
		mailbox, settings && settings->ascii_addresses, &problem);

	if (!address)
		sieve_run_fail(run, "%s: \"%.80s\" %s", command, mailbox,
			       problem);
	return address;
}

char *sieve_run_decode(struct sieve_run *run, const char *charset,
		       const char *octets, size_t len)
{
	const struct sieve_message *message = run->message;
	struct fault why = {0};
	char *text = NULL;

	if (message->decode && *charset &&
	    g_ascii_strcasecmp(charset, "utf-8") != 0) {
		sieve_run_spend(run, RUN_DECODE_STEPS + len);
		/* One field may ask for thousands of them. */
		if (!run->failed)
			text = message->decode(message->mailbox_context,
					       charset, octets, len, &why);
	}
	if (why.kind != FAULT_NONE)
		sieve_run_fail_for(run, &why, "charset \"%.40s\": %.120s",
				   charset, why.text);
	return text ? text : utf8_make_valid(len ? octets : "", len);
}

/* ---- header fields ------------------------------------------------------- */

size_t sieve_run_header_count(const struct sieve_run *run)
{
	return run->edit ? sieve_edit_count(run->edit)
			 : propset_header_count(run->message->set);
}

const struct header_field *sieve_run_header(const struct sieve_run *run,
					    size_t i)
{
	return run->edit ? sieve_edit_field(run->edit, i)
			 : propset_header(run->message->set, i);
}

void sieve_run_fields(struct sieve_run *run, const struct ast_node *node,
		      const char *name, run_field_fn *each, void *context)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_INDEX);
	bool is_last = language_tagged(node, SLOT_LAST) != NULL;
	int64_t wanted = tagged ? tagged->argument->number : 0;
	g_autoptr(GPtrArray) of_part = language_tagged(node, SLOT_MIME)
					       ? sieve_mime_fields(run, node)
					       : NULL;
	size_t count = of_part ? of_part->len : sieve_run_header_count(run);
	int64_t number = 0;

	sieve_run_spend(run, 4 * count);
	for (size_t i = 0; i < count && !run->failed; i++) {
		size_t at = is_last ? count - 1 - i : i;
		const struct header_field *field =
			of_part ? of_part->pdata[at]
				: sieve_run_header(run, at);

		if (g_ascii_strcasecmp(field->name, name) != 0)
			continue;
		number++;
		if (wanted && number != wanted)
			continue;
		if (each(context, field) || wanted)
			return;
	}
}
