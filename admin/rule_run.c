/*
 * okapi-admin rule run: rules carried out on messages that are there already.
 *
 * They are filed, flagged and discarded.  What would leave the house is left
 * out and told: whoever sent old mail expects no answer to it, and a redirect
 * of a whole folder is rarely meant.
 */
#include "mail.h"
#include "print.h"
#include "progress.h"
#include "rule.h"
#include "rules/sieve.h"
#include "store/folders.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define RUN_BATCH 50 /* messages in one transaction */

/* One message and what is to become of it. */
struct run_item {
	int64_t store;
	int64_t message;
	int64_t folder; /* that it is in */
	int64_t size;
	struct sieve_plan *plan;
};

struct run_figures {
	size_t filed;
	size_t discarded;
	size_t marked;
	size_t gone; /* moved or deleted by somebody else meanwhile */
};

struct rule_run {
	struct rule_set set;
	int64_t store;    /* of the folder */
	GPtrArray *items; /* of struct run_item */
	guint first;      /* of the batch, and behind its last one */
	guint last;
	struct run_figures done;  /* committed */
	struct run_figures batch; /* of this one */
	struct progress progress;
};

static volatile sig_atomic_t run_interrupted;

static void run_on_signal(int number)
{
	(void)number;
	run_interrupted = 1;
}

/* Ctrl-C ends it between two transactions; a second one at once. */
static void run_catch_signals(void)
{
	struct sigaction action = {.sa_handler = run_on_signal,
				   .sa_flags = (int)SA_RESETHAND};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

static int run_check_signals(const struct rule_run *run, struct fault *fault)
{
	if (!run_interrupted)
		return 0;
	return fault_set(fault, FAULT_SHUTDOWN,
			 "interrupted: %u of %u messages are done, the others "
			 "are as they were",
			 run->last, run->items->len);
}

static void run_item_free(gpointer data)
{
	struct run_item *item = data;

	sieve_plan_free(item->plan);
	g_free(item);
}

static int run_collect(const struct store_message *message, void *context,
		       struct fault *fault)
{
	struct rule_run *run = context;
	struct run_item *item = g_new0(struct run_item, 1);

	if (run_check_signals(run, fault) < 0) {
		g_free(item);
		return -1;
	}
	item->store = run->store;
	item->message = message->id;
	item->folder = message->folder;
	item->size = message->size;
	if (rule_plan_stored(&run->set, message, &item->plan, fault) < 0) {
		g_free(item);
		return -1;
	}
	for (guint i = 0; i < run->set.failures->len; i++)
		fprintf(stderr,
			"okapi-admin: message %" G_GINT64_FORMAT ": %s\n",
			message->id, (char *)run->set.failures->pdata[i]);
	g_ptr_array_add(run->items, item);
	progress_tell(&run->progress, run->items->len, 0);
	return 0;
}

/* The folder of a fileinto.  0 if there is none, or none for this user: the
 * message stays. */
static int run_target(struct store *store, struct rule_run *run,
		      const struct sieve_action *action, int64_t size,
		      GArray *known, int64_t *ret_folder, struct fault *fault)
{
	struct store_place place;
	g_autofree char *problem = NULL;

	*ret_folder = 0;
	if (rule_place(&run->set, action, size, known, &place, &problem,
		       fault) < 0)
		return -1;
	if (problem) {
		fprintf(stderr,
			"okapi-admin: %s:%u: fileinto \"%s\": %s; the message "
			"stays\n",
			action->rule, action->line, action->argument, problem);
		return 0;
	}
	*ret_folder = place.folder;
	if (place.folder)
		return 0;
	return store_folder_create(store, place.store, place.below,
				   place.separator, ret_folder, NULL, fault);
}

/* What an action marks at a copy; ret_keywords ends with NULL. */
static unsigned run_marks(const struct sieve_action *action,
			  GPtrArray *ret_keywords)
{
	unsigned flags = 0;

	for (guint i = 0; i < action->flags->len; i++) {
		const char *name = action->flags->pdata[i];

		flags |= message_flag_parse(name);
		if (*name != '\\')
			g_ptr_array_add(ret_keywords,
					(gpointer)(uintptr_t)name);
	}
	g_ptr_array_add(ret_keywords, NULL);
	return flags;
}

static int run_mark(struct store *store, int64_t message,
		    const struct sieve_action *action, struct fault *fault)
{
	g_autoptr(GPtrArray) keywords = g_ptr_array_new();
	unsigned flags = run_marks(action, keywords);
	const struct propset *set = action->properties;

	if ((flags &&
	     store_message_set_flags(store, message, flags, 0, fault) < 0) ||
	    (keywords->len > 1 &&
	     store_message_add_keywords(store, message,
					(const char *const *)keywords->pdata,
					fault) < 0))
		return -1;
	for (size_t i = 0; set && i < propset_count(set); i++)
		if (store_message_set_property(store, message,
					       propset_at(set, i), fault) < 0)
			return -1;
	return 0;
}

/* Folders that get the message, by what the plan wants; true in ret_stays if
 * the one it is in is among them. */
struct run_place {
	int64_t folder;
	int64_t message; /* that is marked: a copy, or the message itself */
	const struct sieve_action *action;
};

static int run_places(struct store *store, struct rule_run *run,
		      const struct run_item *item, GArray *places,
		      bool *ret_stays, struct fault *fault)
{
	g_autoptr(GArray) known =
		g_array_new(FALSE, FALSE, sizeof(struct store_place));

	*ret_stays = item->plan->implicit_keep;
	for (guint i = 0; i < item->plan->actions->len; i++) {
		const struct sieve_action *a = item->plan->actions->pdata[i];
		struct run_place place = {.folder = item->folder,
					  .message = item->message,
					  .action = a};

		/* Whoever sent old mail expects no reply to it. */
		if (a->kind == SIEVE_DISCARD || a->kind == SIEVE_VACATION ||
		    a->kind == SIEVE_REPLY)
			continue;
		if (a->kind == SIEVE_FILEINTO &&
		    run_target(store, run, a, item->size, known, &place.folder,
			       fault) < 0)
			return -1;
		if (a->edit)
			fprintf(stderr,
				"okapi-admin: %s:%u: the header of a stored "
				"message stays as it is\n",
				a->rule, a->line);
		if (a->kind == SIEVE_REDIRECT || a->kind == SIEVE_FORWARD ||
		    a->kind == SIEVE_REJECT)
			fprintf(stderr,
				"okapi-admin: %s:%u: redirect, forward and "
				"reject are left out; the message stays\n",
				a->rule, a->line);
		if (place.folder == 0)
			place.folder = item->folder;
		*ret_stays = *ret_stays || place.folder == item->folder;
		g_array_append_val(places, place);
	}
	return 0;
}

static bool run_has_marks(const struct sieve_action *action)
{
	return action->flags->len > 0 || action->properties;
}

static struct run_place *run_place_at(const GArray *places, guint i)
{
	return &g_array_index(places, struct run_place, i);
}

/* The first place that leads to the same folder. */
static struct run_place *run_first_of(const GArray *places, guint i)
{
	guint at = 0;

	while (run_place_at(places, at)->folder !=
	       run_place_at(places, i)->folder)
		at++;
	return run_place_at(places, at);
}

/* A copy for every folder but the one it is in and the one it moves to (0: it
 * stays). */
static int run_copy(struct store *store, struct rule_run *run,
		    const struct run_item *item, const GArray *places,
		    int64_t move_to, struct fault *fault)
{
	for (guint i = 0; i < places->len; i++) {
		struct run_place *place = run_place_at(places, i);
		const struct run_place *first = run_first_of(places, i);

		if (place->folder == item->folder)
			continue;
		run->batch.filed += first == place;
		if (place->folder == move_to)
			continue;
		if (first == place &&
		    store_message_copy(store, item->message, place->folder,
				       &place->message, fault) < 0)
			return -1;
		place->message = first->message;
	}
	return 0;
}

/* The last place gets the message itself if it does not stay, every other one
 * a copy; no folder gets two. */
static int run_file(struct store *store, struct rule_run *run,
		    const struct run_item *item, const GArray *places,
		    bool stays, struct fault *fault)
{
	int64_t move_to =
		stays || places->len == 0
			? 0
			: run_place_at(places, places->len - 1)->folder;

	if (run_copy(store, run, item, places, move_to, fault) < 0)
		return -1;
	for (guint i = 0; i < places->len; i++) {
		const struct run_place *place = run_place_at(places, i);

		run->batch.marked += place->folder == item->folder &&
				     run_has_marks(place->action);
		if (run_mark(store, place->message, place->action, fault) < 0)
			return -1;
	}
	return move_to ? store_message_move(store, item->message, move_to,
					    fault)
		       : 0;
}

/* Is it still where the plan was made for it? */
static int run_is_there(struct store *store, const struct run_item *item,
			bool *ret_there, struct fault *fault)
{
	AUTO(store_message) message = NULL;
	struct fault why = {0};

	*ret_there = store_message_get(store, item->store, item->message,
				       &message, &why) == 0 &&
		     message->folder == item->folder;
	if (!message && why.kind != FAULT_NOT_FOUND) {
		*fault = why;
		return -1;
	}
	return 0;
}

static int run_item(struct store *store, struct rule_run *run,
		    const struct run_item *item, struct fault *fault)
{
	g_autoptr(GArray) places =
		g_array_new(FALSE, FALSE, sizeof(struct run_place));
	bool stays = false;
	bool there = false;

	if (run_is_there(store, item, &there, fault) < 0)
		return -1;
	if (!there) {
		run->batch.gone++;
		return 0;
	}
	if (rule_discards(item->plan)) {
		run->batch.discarded++;
		return store_message_delete(store, item->message, true, fault);
	}
	if (run_places(store, run, item, places, &stays, fault) < 0)
		return -1;
	return run_file(store, run, item, places, stays, fault);
}

/* One batch, whole or not at all. */
static int run_unit(struct store *store, void *context, struct fault *fault)
{
	struct rule_run *run = context;

	run->batch = (struct run_figures){0};
	for (guint i = run->first; i < run->last; i++)
		if (run_item(store, run, run->items->pdata[i], fault) < 0)
			return -1;
	return 0;
}

/* A batch at a time, so that deliveries get their turn, and Ctrl-C leaves what
 * was done and what was not. */
static int run_batches(struct rule_run *run, struct fault *fault)
{
	guint count = run->items->len;

	run->last = 0;
	while (run->last < count) {
		if (run_check_signals(run, fault) < 0)
			return -1;
		run->first = run->last;
		run->last = MIN(run->first + RUN_BATCH, count);
		if (store_run(run->set.admin->store, run_unit, run, fault) <
		    0) {
			run->last = run->first;
			return -1;
		}
		run->done.filed += run->batch.filed;
		run->done.discarded += run->batch.discarded;
		run->done.marked += run->batch.marked;
		run->done.gone += run->batch.gone;
		progress_tell(&run->progress, run->last, count);
	}
	return 0;
}

static void run_tell(const struct rule_run *run)
{
	const struct run_figures *done = &run->done;

	if (run->set.admin->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}",
				     "looked_at", (json_int_t)run->items->len,
				     "filed", (json_int_t)done->filed,
				     "discarded", (json_int_t)done->discarded,
				     "marked", (json_int_t)done->marked, "gone",
				     (json_int_t)done->gone, "complete",
				     run->last == run->items->len));
	else
		printf("looked at: %u, filed: %zu, discarded: %zu, marked: "
		       "%zu%s\n",
		       run->items->len, done->filed, done->discarded,
		       done->marked,
		       run->last == run->items->len ? "" : " (not complete)");
}

static int run_all(struct rule_run *run, struct fault *fault)
{
	struct admin *admin = run->set.admin;
	const struct store_user *user = run->set.user;
	unsigned discards = 0;
	int64_t folder = 0;
	int rc;

	if (admin_folder_in(admin, user, admin_option(admin, "folder"),
			    &run->store, &folder, fault) < 0 ||
	    rule_set_load(&run->set, fault) < 0)
		return -1;
	run_catch_signals();
	progress_begin(&run->progress, "messages looked at");
	rc = store_message_list(admin->store, run->store, folder, run_collect,
				run, fault);
	progress_end(&run->progress);
	if (rc < 0)
		return -1;
	progress_begin(&run->progress, "messages done");
	for (guint i = 0; i < run->items->len; i++) {
		const struct run_item *item = run->items->pdata[i];

		discards += rule_discards(item->plan);
	}
	if (discards &&
	    admin_confirm(admin, fault, "%u messages will be discarded.  Run?",
			  discards) < 0)
		return -1;
	rc = run_batches(run, fault);
	progress_end(&run->progress);
	run_tell(run);
	return rc;
}

int rule_run(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct rule_run run = {.set.admin = admin};
	int rc;

	if (!admin_has(admin, "folder"))
		return fault_set(fault, FAULT_USAGE,
				 "rule run needs --folder PATH");
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	run.set.user = user;
	run.items = g_ptr_array_new_with_free_func(run_item_free);
	rc = run_all(&run, fault);
	/* Plans name the scripts they came from. */
	g_ptr_array_unref(run.items);
	rule_set_clear(&run.set);
	return rc;
}
