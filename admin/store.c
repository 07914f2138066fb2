/*
 * okapi-admin store: upkeep; the table of the noun.
 */
#include "store.h"
#include "admin.h"
#include "conf.h"
#include "print.h"
#include "progress.h"
#include "store/upkeep.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

/* ---- how far it is ---- */

static void store_told(const char *what, int64_t done, int64_t of,
		       void *context)
{
	struct progress *progress = context;

	progress->what = what;
	progress_tell(progress, done, of);
}

/* Between the two the store's long work shows how far it is. */
static void store_work_begin(struct admin *admin, struct progress *progress)
{
	progress_begin(progress, "");
	store_set_progress(admin->store, store_told, progress);
}

static void store_work_end(struct admin *admin, struct progress *progress)
{
	store_set_progress(admin->store, NULL, NULL);
	progress_end(progress);
}

/* ---- the verbs ---- */

struct store_check_context {
	struct progress progress;
	struct print_list list;
	const char *prefix;
};

static void store_check_tell(const char *what, void *context)
{
	struct store_check_context *c = context;
	g_autofree char *text = g_strconcat(c->prefix, what, NULL);
	g_autofree char *clean = print_clean(text);

	progress_end(&c->progress);
	if (c->list.json)
		print_list_item(&c->list, print_json_text(text));
	else
		printf("%s\n", clean);
}

static int store_check_run(struct admin *admin, struct fault *fault)
{
	struct store_check_context context = {.prefix = ""};
	bool repair = admin_has(admin, "repair");
	int64_t found = 0;
	int64_t wrong = 0;
	int rc = 0;

	if (admin_open_for(admin, repair, fault) < 0)
		return -1;
	print_list_begin(&context.list, admin->json);
	store_work_begin(admin, &context.progress);
	if (repair) {
		context.prefix = "repaired: ";
		rc = store_repair(admin->store, store_check_tell, &context,
				  &found, fault);
		context.prefix = "left: ";
	}
	if (rc == 0)
		rc = store_check(admin->store, store_check_tell, &context,
				 &wrong, fault);
	store_work_end(admin, &context.progress);
	/* What was found stands there whole, also where the rest is not known.
	 */
	if (rc == 0 || context.list.count)
		print_list_end(&context.list);
	if (rc < 0)
		return -1;
	if (wrong)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%" G_GINT64_FORMAT " fault%s %sin the store",
				 wrong, wrong == 1 ? "" : "s",
				 repair ? "left " : "");
	if (!admin->json)
		printf("%s: no fault%s\n", admin->conf->store_path,
		       found ? " left" : "");
	return 0;
}

static int store_purge_run(struct admin *admin, struct fault *fault)
{
	bool all = admin_has(admin, "all");
	struct progress progress;
	int64_t messages = 0;
	int rc;

	if (all && admin_confirm(admin, fault,
				 "Remove all that is marked deleted for "
				 "good?") < 0)
		return -1;
	store_work_begin(admin, &progress);
	rc = store_purge(admin->store, g_get_real_time(), all, &messages,
			 fault);
	store_work_end(admin, &progress);
	if (rc < 0)
		return -1;
	admin_tell(admin, "purged", messages,
		   "purged: %" G_GINT64_FORMAT " messages", messages);
	return 0;
}

static void store_backup_tell(const struct admin *admin, const char *dir,
			      const struct store_backup_result *result)
{
	g_autofree char *size = print_size(result->octets_copied);

	if (admin->json)
		print_json(json_pack(
			"{s:s, s:I, s:I, s:I, s:I, s:I}", "directory", dir,
			"size", (json_int_t)result->octets_copied, "pages",
			(json_int_t)result->pages, "pages_copied",
			(json_int_t)result->pages_copied, "large_values",
			(json_int_t)result->files, "large_values_copied",
			(json_int_t)result->files_copied));
	else
		printf("%s: complete; copied %s: %" G_GINT64_FORMAT
		       " of %" G_GINT64_FORMAT " pages, %" G_GINT64_FORMAT
		       " of %" G_GINT64_FORMAT " large values\n",
		       dir, size, result->pages_copied, result->pages,
		       result->files_copied, result->files);
}

static int store_backup_run(struct admin *admin, struct fault *fault)
{
	const char *dir = admin_arg(admin, 0);
	struct store_backup_result result = {0};
	struct progress progress;
	int rc;

	store_work_begin(admin, &progress);
	rc = store_backup(admin->store, dir, NULL, &result, fault);
	store_work_end(admin, &progress);
	if (rc < 0)
		return -1;
	store_backup_tell(admin, dir, &result);
	if (result.missing)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%" G_GINT64_FORMAT
				 " large values are missing in the store "
				 "itself: store check tells which",
				 result.missing);
	return 0;
}

static int store_vacuum_run(struct admin *admin, struct fault *fault)
{
	int64_t freed = 0;
	g_autofree char *size = NULL;
	struct progress progress;
	int rc;

	store_work_begin(admin, &progress);
	rc = store_vacuum(admin->store, &freed, fault);
	store_work_end(admin, &progress);
	if (rc < 0)
		return -1;
	size = print_size(freed);
	admin_tell(admin, "freed", freed, "given back: %s", size);
	return 0;
}

static int store_orphans_json(const GPtrArray *orphans)
{
	struct print_list list;

	print_list_begin(&list, true);
	for (guint i = 0; i < orphans->len; i++) {
		const struct store_orphan *orphan = orphans->pdata[i];

		print_list_item(&list,
				json_pack("{s:I, s:o, s:I, s:I}", "id",
					  (json_int_t)orphan->id, "name",
					  print_json_text(orphan->name),
					  "messages",
					  (json_int_t)orphan->messages, "size",
					  (json_int_t)orphan->size));
	}
	print_list_end(&list);
	return 0;
}

static int store_orphans(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"ID", "NAME", "MESSAGES", "SIZE",
					   NULL};
	g_autoptr(GPtrArray) orphans = NULL;
	struct print_table *table;

	if (store_orphan_list(admin->store, &orphans, fault) < 0)
		return -1;
	if (admin->json)
		return store_orphans_json(orphans);
	table = print_table_new(head);
	for (guint i = 0; i < orphans->len; i++) {
		const struct store_orphan *orphan = orphans->pdata[i];
		g_autofree char *id =
			g_strdup_printf("%" G_GINT64_FORMAT, orphan->id);
		g_autofree char *messages =
			g_strdup_printf("%" G_GINT64_FORMAT, orphan->messages);
		g_autofree char *size = print_size(orphan->size);
		const char *cells[] = {id, orphan->name, messages, size};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

struct store_remove_request {
	int64_t id;
};

static int store_remove_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct store_remove_request *r = context;

	return store_orphan_remove(store, r->id, fault);
}

/* Which of them, for the question; FAULT_NOT_FOUND by the unit if none. */
static int store_remove(struct admin *admin, struct fault *fault)
{
	struct store_remove_request request = {0};
	g_autoptr(GPtrArray) orphans = NULL;
	const struct store_orphan *found = NULL;

	if (admin_number("ID", admin_arg(admin, 0), &request.id, fault) < 0 ||
	    store_orphan_list(admin->store, &orphans, fault) < 0)
		return -1;
	for (guint i = 0; i < orphans->len; i++) {
		const struct store_orphan *orphan = orphans->pdata[i];

		if (orphan->id == request.id)
			found = orphan;
	}
	if (found && admin_confirm(admin, fault,
				   "Delete the store %s with %" G_GINT64_FORMAT
				   " messages?",
				   found->name, found->messages) < 0)
		return -1;
	return store_run(admin->store, store_remove_unit, &request, fault);
}

static const struct command_option store_check_options[] = {
	{"repair", NULL, "makes right what can be derived from the rest",
	 false},
	{0}};

static const struct command_option store_purge_options[] = {
	{"all", NULL, "whatever is marked deleted, however new", false}, {0}};

static const struct command_option store_stats_options[] = {
	{"users", NULL, "of each user", false},
	{"openmetrics", NULL, "as OpenMetrics text", false},
	{0}};

static const struct command store_commands[] = {
	{"check", "", "verifies the store; exit 65 if anything is wrong",
	 store_check_run, store_check_options, COMMAND_JSON},
	{"purge", "", "removes what was deleted before softdelete_lifetime",
	 store_purge_run, store_purge_options, COMMAND_WRITE | COMMAND_JSON},
	{"backup", "DIR",
	 "a consistent copy while daemons run; again: what is new",
	 store_backup_run, NULL, COMMAND_READ | COMMAND_JSON},
	{"vacuum", "", "packs what is not packed, gives free pages back",
	 store_vacuum_run, NULL, COMMAND_WRITE | COMMAND_JSON},
	{"stats", "[USER]", "figures of the store, or of one user", store_stats,
	 store_stats_options, COMMAND_READ | COMMAND_JSON},
	{"orphans", "", "stores that were kept when their users went",
	 store_orphans, NULL, COMMAND_READ | COMMAND_JSON},
	{"remove", "ID", "deletes one of those", store_remove, NULL,
	 COMMAND_WRITE},
	{0}};

const struct noun noun_store = {"store", "upkeep of the store", store_commands};
