/*
 * okapi-admin store stats: figures of the whole store, of each user, of one.
 */
#include "print.h"
#include "store.h"
#include "store/upkeep.h"

#include <stdio.h>
#include <string.h>

/* ---- the whole store ---- */

/* name, OpenMetrics unit or "", what it is, value */
struct store_figure {
	const char *name;
	const char *metric;
	const char *help;
	int64_t value;
};

static void store_openmetrics(const struct store_figure *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("# TYPE okapi_store_%s gauge\n"
		       "# HELP okapi_store_%s %s\n"
		       "okapi_store_%s %" G_GINT64_FORMAT "\n",
		       figures[i].metric, figures[i].metric, figures[i].help,
		       figures[i].metric, figures[i].value);
	puts("# EOF");
}

static void store_figures_json(const struct store_figure *figures, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, figures[i].name,
				    json_integer(figures[i].value));
	print_json(object);
}

static int store_stats_all(struct admin *admin, struct fault *fault)
{
	struct store_stats s = {0};

	if (store_get_stats(admin->store, &s, fault) < 0)
		return -1;

	const struct store_figure figures[] = {
		{"users", "users", "Users.", s.users},
		{"messages", "messages", "Copies of messages, not deleted.",
		 s.messages},
		{"contents", "contents", "Different messages that are kept.",
		 s.contents},
		{"size", "size_bytes", "Octets of the copies.", s.size},
		{"deleted", "deleted_messages", "Copies marked deleted.",
		 s.deleted},
		{"queue", "queue_messages", "Messages in the outgoing queue.",
		 s.queue},
		{"queue_recipients", "queue_recipients",
		 "Recipients in the outgoing queue.", s.queue_recipients},
		{"file_size", "file_size_bytes", "Size of the database file.",
		 s.file_size},
		{"lob_files", "lob_files", "Large values beside it.",
		 s.lob_files},
		{"schema_version", "schema_version", "Version of the schema.",
		 s.schema_version},
	};

	if (admin_has(admin, "openmetrics")) {
		store_openmetrics(figures, G_N_ELEMENTS(figures));
	} else if (admin->json) {
		store_figures_json(figures, G_N_ELEMENTS(figures));
	} else {
		for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
			printf("%-18s %" G_GINT64_FORMAT "\n", figures[i].name,
			       figures[i].value);
	}
	return 0;
}

/* ---- users ---- */

#define USER_FIGURES 6

static void user_figures(const struct store_user_stats *user,
			 struct store_figure ret_figures[USER_FIGURES])
{
	const struct store_figure figures[USER_FIGURES] = {
		{"messages", "messages", "Copies, not deleted.",
		 user->messages},
		{"unread", "unread_messages", "Those not read.", user->unread},
		{"size", "size_bytes", "Octets of the copies.", user->size},
		{"deleted", "deleted_messages", "Copies marked deleted.",
		 user->deleted},
		{"deleted_size", "deleted_size_bytes", "Octets of them.",
		 user->deleted_size},
		{"queue", "queue_messages", "Messages in the outgoing queue.",
		 user->queue},
	};

	memcpy(ret_figures, figures, sizeof(figures));
}

static json_t *user_stats_json(const struct store_user_stats *user)
{
	struct store_figure figures[USER_FIGURES];
	json_t *object = json_object();

	user_figures(user, figures);
	json_object_set_new(object, "name", print_json_text(user->name));
	for (size_t i = 0; i < USER_FIGURES; i++)
		json_object_set_new(object, figures[i].name,
				    json_integer(figures[i].value));
	return object;
}

/* A label's value: OpenMetrics escapes these three. */
static char *user_label(const char *name)
{
	GString *text = g_string_new(name);

	g_string_replace(text, "\\", "\\\\", 0);
	g_string_replace(text, "\"", "\\\"", 0);
	g_string_replace(text, "\n", "\\n", 0);
	return g_string_free(text, FALSE);
}

/* A family of samples for each figure. */
static void users_openmetrics(const GPtrArray *users)
{
	struct store_figure figures[USER_FIGURES];
	const struct store_user_stats none = {0};

	for (size_t i = 0; i < USER_FIGURES; i++) {
		user_figures(&none, figures);
		printf("# TYPE okapi_user_%s gauge\n# HELP okapi_user_%s %s\n",
		       figures[i].metric, figures[i].metric, figures[i].help);
		for (guint u = 0; u < users->len; u++) {
			const struct store_user_stats *user = users->pdata[u];
			g_autofree char *label = user_label(user->name);

			user_figures(user, figures);
			printf("okapi_user_%s{user=\"%s\"} %" G_GINT64_FORMAT
			       "\n",
			       figures[i].metric, label, figures[i].value);
		}
	}
	puts("# EOF");
}

static void users_table(const GPtrArray *users)
{
	static const char *const head[] = {"USER",     "MESSAGES", "UNREAD",
					   "SIZE",     "DELETED",  "THEIR SIZE",
					   "IN QUEUE", NULL};
	struct print_table *table = print_table_new(head);

	for (guint i = 0; i < users->len; i++) {
		const struct store_user_stats *u = users->pdata[i];
		g_autofree char *size = print_size(u->size);
		g_autofree char *gone = print_size(u->deleted_size);
		g_autofree char *text = g_strdup_printf(
			"%" G_GINT64_FORMAT " %" G_GINT64_FORMAT
			" %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
			u->messages, u->unread, u->deleted, u->queue);
		g_auto(GStrv) numbers = g_strsplit(text, " ", 4);
		const char *cells[] = {u->name,    numbers[0], numbers[1], size,
				       numbers[2], gone,       numbers[3]};

		print_table_row(table, cells);
	}
	print_table_end(table);
}

static int store_stats_users(struct admin *admin, const char *name,
			     struct fault *fault)
{
	g_autoptr(GPtrArray) users = NULL;
	struct print_list list;

	if (store_list_user_stats(admin->store, name, &users, fault))
		return -1;
	if (admin_has(admin, "openmetrics")) {
		users_openmetrics(users);
	} else if (admin->json && name) {
		print_json(user_stats_json(users->pdata[0]));
	} else if (admin->json) {
		print_list_begin(&list, true);
		for (guint i = 0; i < users->len; i++)
			print_list_item(&list,
					user_stats_json(users->pdata[i]));
		print_list_end(&list);
	} else {
		users_table(users);
	}
	return 0;
}

int store_stats(struct admin *admin, struct fault *fault)
{
	const char *name = admin_arg(admin, 0);

	if (admin->json && admin_has(admin, "openmetrics"))
		return fault_set(fault, FAULT_USAGE,
				 "--json and --openmetrics exclude each other");
	if (name && admin_has(admin, "users"))
		return fault_set(fault, FAULT_USAGE,
				 "name a user or say --users, not both");
	if (name || admin_has(admin, "users"))
		return store_stats_users(admin, name, fault);
	return store_stats_all(admin, fault);
}
