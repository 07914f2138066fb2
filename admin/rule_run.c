/*
 * okapi-admin rule run: rules carried out on messages that are there already.
 *
 * They are filed, flagged and discarded.  What would leave the house is left
 * out and told: whoever sent old mail expects no answer to it, and a redirect
 * of a whole folder is rarely meant.
 */
#include "mail.h"
#include "print.h"
#include "rule.h"
#include "rules/sieve.h"
#include "store/folders.h"

#include <stdio.h>
#include <string.h>

/* One message and what is to become of it. */
struct run_item {
	int64_t message;
	int64_t folder; /* that it is in */
	struct sieve_plan *plan;
};

struct rule_run {
	struct rule_set set;
	GPtrArray *items; /* of struct run_item */
	size_t filed;
	size_t discarded;
};

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

	item->message = message->id;
	item->folder = message->folder;
	if (rule_plan_stored(&run->set, message, &item->plan, fault) < 0) {
		g_free(item);
		return -1;
	}
	g_ptr_array_add(run->items, item);
	return 0;
}

/* Is nothing left of it? */
static bool run_discards(const struct sieve_plan *plan)
{
	bool discards = false;

	if (plan->implicit_keep)
		return false;
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *a = plan->actions->pdata[i];

		if (a->kind == SIEVE_DISCARD)
			discards = true;
		else if (a->kind != SIEVE_VACATION && a->kind != SIEVE_REPLY)
			return false;
	}
	return discards;
}

/* The folder of a fileinto.  0 if there is none, or none for this user: the
 * message stays. */
static int run_target(struct store *store, struct rule_run *run,
		      const struct sieve_action *action, int64_t *ret_folder,
		      struct fault *fault)
{
	struct store_place place;
	g_autofree char *problem = NULL;

	*ret_folder = 0;
	if (rule_place(&run->set, action, &place, &problem, fault) < 0)
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
	return store_folder_create(store, place.store, place.below, '/',
				   ret_folder, NULL, fault);
}

static unsigned run_flags(const GPtrArray *flags)
{
	static const struct {
		const char *name;
		unsigned flag;
	} known[] = {{"\\Seen", MESSAGE_READ},
		     {"\\Flagged", MESSAGE_FLAGGED},
		     {"\\Answered", MESSAGE_ANSWERED},
		     {"\\Draft", MESSAGE_DRAFT}};
	unsigned result = 0;

	for (guint i = 0; flags && i < flags->len; i++)
		for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
			if (g_ascii_strcasecmp(flags->pdata[i],
					       known[k].name) == 0)
				result |= known[k].flag;
	return result;
}

/* Folders that get the message, by what the plan wants; true in ret_stays if
 * the one it is in is among them. */
struct run_place {
	int64_t folder;
	unsigned flags;
};

static int run_places(struct store *store, struct rule_run *run,
		      const struct run_item *item, GArray *places,
		      bool *ret_stays, struct fault *fault)
{
	*ret_stays = item->plan->implicit_keep;
	for (guint i = 0; i < item->plan->actions->len; i++) {
		const struct sieve_action *a = item->plan->actions->pdata[i];
		struct run_place place = {.folder = item->folder,
					  .flags = run_flags(a->flags)};

		/* Whoever sent old mail expects no reply to it. */
		if (a->kind == SIEVE_DISCARD || a->kind == SIEVE_VACATION ||
		    a->kind == SIEVE_REPLY)
			continue;
		if (a->kind == SIEVE_FILEINTO &&
		    run_target(store, run, a, &place.folder, fault) < 0)
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

/* The last place gets the message itself if it does not stay, every other one
 * a copy. */
static int run_file(struct store *store, struct rule_run *run,
		    const struct run_item *item, const GArray *places,
		    bool stays, struct fault *fault)
{
	for (guint i = 0; i < places->len; i++) {
		const struct run_place *place =
			&g_array_index(places, struct run_place, i);
		bool here = place->folder == item->folder;
		bool move = !stays && i + 1 == places->len;
		int64_t message = item->message;

		if (place->flags && (here || move) &&
		    store_message_set_flags(store, message, place->flags, 0,
					    fault) < 0)
			return -1;
		if (here)
			continue;
		run->filed++;
		if (move)
			return store_message_move(store, message, place->folder,
						  fault);
		if (store_message_copy(store, message, place->folder, &message,
				       fault) < 0 ||
		    (place->flags &&
		     store_message_set_flags(store, message, place->flags, 0,
					     fault) < 0))
			return -1;
	}
	return 0;
}

static int run_unit(struct store *store, void *context, struct fault *fault)
{
	struct rule_run *run = context;

	for (guint i = 0; i < run->items->len; i++) {
		const struct run_item *item = run->items->pdata[i];
		g_autoptr(GArray) places =
			g_array_new(FALSE, FALSE, sizeof(struct run_place));
		bool stays = false;

		if (run_discards(item->plan)) {
			if (store_message_delete(store, item->message, true,
						 fault) < 0)
				return -1;
			run->discarded++;
			continue;
		}
		if (run_places(store, run, item, places, &stays, fault) < 0 ||
		    run_file(store, run, item, places, stays, fault) < 0)
			return -1;
	}
	return 0;
}

static int run_all(struct rule_run *run, struct fault *fault)
{
	struct admin *admin = run->set.admin;
	const struct store_user *user = run->set.user;
	unsigned discards = 0;
	int64_t store = 0;
	int64_t folder = 0;

	if (admin_folder_in(admin, user, admin_option(admin, "folder"), &store,
			    &folder, fault) < 0 ||
	    rule_set_load(&run->set, fault) < 0 ||
	    store_message_list(admin->store, store, folder, run_collect, run,
			       fault) < 0)
		return -1;
	for (guint i = 0; i < run->items->len; i++) {
		const struct run_item *item = run->items->pdata[i];

		discards += run_discards(item->plan);
	}
	if (discards &&
	    admin_confirm(admin, fault, "%u messages will be discarded.  Run?",
			  discards) < 0)
		return -1;
	if (store_run(admin->store, run_unit, run, fault) < 0)
		return -1;
	if (admin->json)
		print_json(json_pack("{s:I, s:I, s:I}", "looked_at",
				     (json_int_t)run->items->len, "filed",
				     (json_int_t)run->filed, "discarded",
				     (json_int_t)run->discarded));
	else
		printf("looked at: %u, filed: %zu, discarded: %zu\n",
		       run->items->len, run->filed, run->discarded);
	return 0;
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
