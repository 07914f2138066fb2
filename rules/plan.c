/*
 * Lists of actions: duplicates (RFC 5228 section 2.10.3), conflicts.
 */
#include "plan.h"

#include "flags.h"

#include <string.h>

struct sieve_action *sieve_action_new(enum sieve_action_kind kind)
{
	struct sieve_action *action = g_new0(struct sieve_action, 1);

	action->kind = kind;
	action->flags = g_ptr_array_new_with_free_func(g_free);
	return action;
}

void sieve_action_free(struct sieve_action *action)
{
	if (!action)
		return;
	g_free(action->argument);
	g_free(action->special_use);
	if (action->vacation)
		sieve_vacation_unref(action->vacation);
	if (action->letter)
		sieve_letter_unref(action->letter);
	propset_free(action->properties);
	if (action->edit)
		sieve_edit_unref(action->edit);
	g_ptr_array_unref(action->flags);
	g_free(action);
}

struct sieve_vacation *sieve_vacation_new(void)
{
	struct sieve_vacation *vacation =
		g_atomic_rc_box_new0(struct sieve_vacation);

	vacation->addresses = g_ptr_array_new_with_free_func(g_free);
	vacation->fcc_flags = g_ptr_array_new_with_free_func(g_free);
	return vacation;
}

struct sieve_vacation *sieve_vacation_ref(struct sieve_vacation *vacation)
{
	return g_atomic_rc_box_acquire(vacation);
}

static void clear_vacation(void *data)
{
	struct sieve_vacation *vacation = data;

	g_free(vacation->reason);
	g_free(vacation->subject);
	g_free(vacation->from);
	g_free(vacation->from_address);
	g_free(vacation->handle);
	g_free(vacation->fcc);
	g_free(vacation->fcc_special_use);
	g_ptr_array_unref(vacation->addresses);
	g_ptr_array_unref(vacation->fcc_flags);
}

void sieve_vacation_unref(struct sieve_vacation *vacation)
{
	g_atomic_rc_box_release_full(vacation, clear_vacation);
}

struct sieve_letter *sieve_letter_new(void)
{
	struct sieve_letter *letter = g_atomic_rc_box_new0(struct sieve_letter);

	letter->addresses = g_ptr_array_new_with_free_func(g_free);
	return letter;
}

struct sieve_letter *sieve_letter_ref(struct sieve_letter *letter)
{
	return g_atomic_rc_box_acquire(letter);
}

static void clear_letter(void *data)
{
	struct sieve_letter *letter = data;

	g_free(letter->text);
	g_free(letter->subject);
	g_free(letter->from);
	g_free(letter->from_address);
	g_free(letter->handle);
	g_ptr_array_unref(letter->addresses);
}

void sieve_letter_unref(struct sieve_letter *letter)
{
	g_atomic_rc_box_release_full(letter, clear_letter);
}

struct sieve_mark *sieve_mark_new(const char *key, int64_t seconds, bool is_new)
{
	struct sieve_mark *mark = g_new0(struct sieve_mark, 1);

	mark->key = g_strdup(key);
	mark->seconds = seconds;
	mark->is_new = is_new;
	return mark;
}

void sieve_mark_free(struct sieve_mark *mark)
{
	g_free(mark->key);
	g_free(mark);
}

static void free_mark(void *mark)
{
	sieve_mark_free(mark);
}

static void free_action(void *action)
{
	sieve_action_free(action);
}

struct sieve_plan *sieve_plan_new(void)
{
	struct sieve_plan *plan = g_new0(struct sieve_plan, 1);

	plan->actions = g_ptr_array_new_with_free_func(free_action);
	plan->marks = g_ptr_array_new_with_free_func(free_mark);
	plan->implicit_keep = true;
	return plan;
}

void sieve_plan_free(struct sieve_plan *plan)
{
	if (!plan)
		return;
	g_ptr_array_unref(plan->actions);
	g_ptr_array_unref(plan->marks);
	g_free(plan);
}

/* Keep, and fileinto of what RFC 5228 section 4.1 calls the same. */
static bool is_inbox(const struct sieve_action *action)
{
	if (action->kind == SIEVE_KEEP)
		return true;
	return action->kind == SIEVE_FILEINTO && !action->special_use &&
	       g_ascii_strcasecmp(action->argument, "INBOX") == 0;
}

static bool is_same_letter(const struct sieve_letter *a,
			   const struct sieve_letter *b)
{
	return a->as_attachment == b->as_attachment &&
	       strcmp(a->handle, b->handle) == 0;
}

static bool is_same(const struct sieve_action *a, const struct sieve_action *b)
{
	if (is_inbox(a) || is_inbox(b))
		return is_inbox(a) && is_inbox(b);
	if (a->kind != b->kind)
		return false;
	if (a->kind == SIEVE_VACATION)
		return true; /* one is enough */
	if (a->letter && b->letter && !is_same_letter(a->letter, b->letter))
		return false;
	if (a->kind == SIEVE_REDIRECT)
		return g_ascii_strcasecmp(a->argument, b->argument) == 0;
	return g_strcmp0(a->argument, b->argument) == 0 &&
	       g_strcmp0(a->special_use, b->special_use) == 0;
}

bool sieve_plan_keeps(const struct sieve_plan *plan)
{
	for (guint i = 0; i < plan->actions->len; i++)
		if (is_inbox(plan->actions->pdata[i]))
			return true;
	return plan->implicit_keep;
}

struct sieve_action *sieve_action_find_same(const GPtrArray *actions,
					    const struct sieve_action *action)
{
	for (guint i = 0; i < actions->len; i++)
		if (is_same(actions->pdata[i], action))
			return actions->pdata[i];
	return NULL;
}

static const char *action_name(enum sieve_action_kind kind)
{
	static const char *const names[] = {
		[SIEVE_KEEP] = "keep",       [SIEVE_FILEINTO] = "fileinto",
		[SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
		[SIEVE_REJECT] = "reject",   [SIEVE_VACATION] = "vacation",
		[SIEVE_FORWARD] = "forward", [SIEVE_REPLY] = "reply",
	};

	return names[kind];
}

const char *sieve_action_conflict(const GPtrArray *actions,
				  const struct sieve_action *action)
{
	for (guint i = 0; i < actions->len; i++) {
		const struct sieve_action *other = actions->pdata[i];
		bool is_reject = action->kind == SIEVE_REJECT;

		if (!is_reject && other->kind != SIEVE_REJECT)
			continue;
		other = is_reject ? other : action;
		if (other->kind != SIEVE_DISCARD)
			return action_name(other->kind);
	}
	return NULL;
}

void sieve_action_merge(struct sieve_action *into,
			const struct sieve_action *from)
{
	into->create = into->create || from->create;
	/* The last list of flags wins (RFC 5232 section 4). */
	g_ptr_array_set_size(into->flags, 0);
	for (guint i = 0; i < from->flags->len; i++)
		sieve_flags_put(into->flags, from->flags->pdata[i]);
	sieve_properties_merge(&into->properties, from->properties);
}

void sieve_properties_merge(struct propset **into, const struct propset *from)
{
	if (!from)
		return;
	if (!*into)
		*into = propset_new();
	for (size_t i = 0; i < propset_count(from); i++)
		propset_put(*into, propset_at(from, i));
}

size_t sieve_action_addresses(const GPtrArray *actions)
{
	size_t count = 0;

	for (guint i = 0; i < actions->len; i++) {
		const struct sieve_action *action = actions->pdata[i];

		if (action->kind == SIEVE_REDIRECT)
			count++;
		else if (action->kind == SIEVE_FORWARD)
			count += action->letter->addresses->len;
	}
	return count;
}

size_t sieve_action_count(const GPtrArray *actions, enum sieve_action_kind kind)
{
	size_t count = 0;

	for (guint i = 0; i < actions->len; i++) {
		const struct sieve_action *action = actions->pdata[i];

		count += action->kind == kind;
	}
	return count;
}
