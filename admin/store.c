/*
 * okapi-admin store: upkeep; the table of the noun.
 */
#include "store.h"
#include "admin.h"
#include "conf.h"
#include "print.h"
#include "progress.h"
#include "store/upkeep.h"

#include <stdio.h>
#include <string.h>

struct store_check_context {
	struct print_list list;
	const char *prefix;
};

static void store_check_tell(const char *what, void *context)
{
	struct store_check_context *c = context;
	g_autofree char *text = g_strconcat(c->prefix, what, NULL);
	g_autofree char *clean = print_clean(text);

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

	if (admin_open_for(admin, repair, fault) < 0)
		return -1;
	print_list_begin(&context.list, admin->json);
	if (repair) {
		context.prefix = "repaired: ";
		if (store_repair(admin->store, store_check_tell, &context,
				 &found, fault) < 0)
			return -1;
		context.prefix = "left: ";
	}
	if (store_check(admin->store, store_check_tell, &context, &wrong,
			fault) < 0)
		return -1;
	print_list_end(&context.list);
	if (wrong)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%" G_GINT64_FORMAT " faults %s the store",
				 wrong, repair ? "are left in" : "in");
	if (!admin->json)
		printf("%s: no fault%s\n", admin->conf->store_path,
		       found ? " left" : "");
	return 0;
}

static int store_purge_run(struct admin *admin, struct fault *fault)
{
	bool all = admin_has(admin, "all");
	int64_t messages = 0;

	if (all && admin_confirm(admin, fault,
				 "Remove all that is marked deleted for "
				 "good?") < 0)
		return -1;
	if (store_purge(admin->store, g_get_real_time(), all, &messages,
			fault) < 0)
		return -1;
	admin_tell(admin, "purged", messages,
		   "purged: %" G_GINT64_FORMAT " messages", messages);
	return 0;
}

static void store_backup_progress(enum store_backup_stage stage, int64_t done,
				  int64_t of, void *context)
{
	static const char *const stages[] = {
		[BACKUP_FILES] = "large values",
		[BACKUP_PAGES] = "pages",
		[BACKUP_PLACE] = "steps of putting them in place",
	};

	struct progress *progress = context;

	progress->what = stages[stage];
	progress_tell(progress, done, of);
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
	struct progress progress;
	struct store_backup_options options = {
		.progress = store_backup_progress, .context = &progress};
	struct store_backup_result result = {0};

	progress_begin(&progress, "");
	if (store_backup(admin->store, dir, &options, &result, fault) < 0)
		return -1;
	progress_end(&progress);
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

	if (store_vacuum(admin->store, &freed, fault) < 0)
		return -1;
	size = print_size(freed);
	admin_tell(admin, "freed", freed, "given back: %s", size);
	return 0;
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
	{0}};

const struct noun noun_store = {"store", "upkeep of the store", store_commands};
