/*
 * What do deliveries, lists, looking and upkeep cost as a store grows?  Fills
 * one store, LARGE of the messages into one folder, the others over all users,
 * and measures at each doubling; every figure is the median of several.
 * Usage: bench_scale [MESSAGES [USERS [LARGE]]]
 */
#include "digest.h"
#include "store/changes.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SCALE_BATCH = 64, /* messages to a commit while it is filled */
	SCALE_PROBES = 31,
	SCALE_FIRST = 12500,
};

struct scale {
	struct store *store;
	char *path;
	int64_t *inboxes;
	int64_t *stores;
	char *backup;
	int users;
	int messages; /* in the end */
	int large;    /* of them in the large folder */
	int number;   /* messages delivered */
	int64_t last;
};

static void scale_die(const struct fault *fault)
{
	fprintf(stderr, "bench_scale: %s\n", fault->text);
	exit(1);
}

static int64_t scale_now(void)
{
	return g_get_monotonic_time();
}

/* One message of about 1 KB, made up, of its own. */
static int scale_deliver(struct store *store, struct scale *scale, int user,
			 struct fault *fault)
{
	int n = scale->number++;
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *id = g_strdup_printf("<%d@example.com>", n);
	AUTO(propset) set = propset_new();
	struct content content = {.set = set};
	struct delivery_copy copy = {.folder = scale->inboxes[user],
				     .trace = "",
				     .received = (int64_t)n * USEC_PER_SEC};
	struct delivery delivery = {.store = scale->stores[user],
				    .recipient = "u",
				    .reverse_path = "a@example.com",
				    .content = &content,
				    .copies = &copy,
				    .copy_count = 1,
				    .check_duplicate = true,
				    .check_quota = true};
	struct delivery_result result = {0};
	int rc;

	g_string_append_printf(text, "Message-ID: %s\r\n\r\n", id);
	while (text->len < 1000)
		g_string_append_printf(text, "Line %zu of %d.\r\n", text->len,
				       n);
	propset_set_text(set, PR_SUBJECT, id);
	propset_set_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS,
			 "anna@example.com");
	propset_set_text(set, PR_SENT_REPRESENTING_NAME, "Anna");
	propset_set_text(set, PR_DISPLAY_TO, "Bob");
	propset_set_text(set, PR_INTERNET_MESSAGE_ID, id);
	content.rfc822 = g_bytes_new(text->str, text->len);
	digest_sha256(text->str, text->len, content.sha256);
	rc = store_deliver(store, &delivery, &result, fault);
	g_bytes_unref(content.rfc822);
	scale->last = result.message;
	return rc;
}

/* The large folder gets its share evenly, the others get the rest in turn. */
static int scale_user(const struct scale *scale, int64_t n)
{
	int64_t before = n * scale->large / scale->messages;

	if ((n + 1) * scale->large / scale->messages > before)
		return 0;
	return 1 + (int)((n - before) % (scale->users - 1));
}

static int scale_batch(struct store *store, void *context, struct fault *fault)
{
	struct scale *scale = context;

	for (int i = 0; i < SCALE_BATCH; i++)
		if (scale_deliver(store, scale,
				  scale_user(scale, scale->number), fault))
			return -1;
	return 0;
}

static int scale_one(struct store *store, void *context, struct fault *fault)
{
	return scale_deliver(store, context, 0, fault);
}

static int scale_users(struct store *store, void *context, struct fault *fault)
{
	struct scale *scale = context;

	for (int i = 0; i < scale->users; i++) {
		g_autofree char *name = g_strdup_printf("u%d", i);
		g_autofree char *email =
			g_strconcat(name, "@example.com", NULL);
		struct store_user_change change = {.email = email,
						   .quota_warn = QUOTA_KEEP,
						   .quota_soft = QUOTA_KEEP,
						   .quota_hard = QUOTA_KEEP};
		AUTO(store_user) user = NULL;

		if (store_user_create(store, name, &change, NULL, fault) ||
		    store_user_find(store, name, &user, fault) ||
		    store_folder_by_role(store, user->store, FOLDER_INBOX,
					 &scale->inboxes[i], fault))
			return -1;
		scale->stores[i] = user->store;
	}
	return 0;
}

/* ---- what is measured ----------------------------------------------------
 */

static int probe_deliver(struct scale *scale, struct fault *fault)
{
	return store_run(scale->store, scale_one, scale, fault);
}

static int probe_resolve(struct scale *scale, struct fault *fault)
{
	g_autofree char *address =
		g_strdup_printf("u%d@example.com", scale->users / 2);
	AUTO(store_recipient) recipient = NULL;

	return store_resolve(scale->store, address, 0, &recipient, fault);
}

static int probe_show(struct scale *scale, struct fault *fault)
{
	AUTO(store_message) message = NULL;
	g_autoptr(GBytes) bytes = NULL;

	if (store_message_get(scale->store, scale->stores[0], scale->last,
			      &message, fault))
		return -1;
	return store_message_bytes(scale->store, scale->last, false, &bytes,
				   fault);
}

static int probe_folders(struct scale *scale, struct fault *fault)
{
	g_autoptr(GPtrArray) folders = NULL;

	return store_folder_list(scale->store, scale->stores[0], &folders,
				 fault);
}

static int probe_each(const struct store_message *m, void *context,
		      struct fault *fault)
{
	int *left = context;

	(void)m;
	if (--*left > 0)
		return 0;
	return fault_set(fault, FAULT_SHUTDOWN, "enough");
}

/* The first hundred of the large folder; of a whole store. */
static int probe_list(struct scale *scale, int64_t folder, struct fault *fault)
{
	struct fault enough = {0};
	int left = 100;

	if (store_message_list(scale->store, scale->stores[0], folder,
			       probe_each, &left, &enough) < 0 &&
	    enough.kind != FAULT_SHUTDOWN) {
		*fault = enough;
		return -1;
	}
	return 0;
}

static int probe_list_folder(struct scale *scale, struct fault *fault)
{
	return probe_list(scale, scale->inboxes[0], fault);
}

static int probe_list_small(struct scale *scale, struct fault *fault)
{
	struct fault enough = {0};
	int left = 100;

	if (store_message_list(scale->store, scale->stores[1],
			       scale->inboxes[1], probe_each, &left,
			       &enough) < 0 &&
	    enough.kind != FAULT_SHUTDOWN) {
		*fault = enough;
		return -1;
	}
	return 0;
}

static int probe_list_store(struct scale *scale, struct fault *fault)
{
	return probe_list(scale, 0, fault);
}

static int probe_view(struct scale *scale, struct fault *fault)
{
	ROWS rows = {0};
	int rc = rows_open(scale->store, &rows, fault,
			   "SELECT owner, folder, subject FROM mail"
			   " WHERE owner = 'u1' LIMIT 100",
			   "");

	while (rc == 0 && (rc = rows_next(&rows, fault)) == 1)
		rc = 0;
	return rc < 0 ? -1 : 0;
}

static int probe_view_id(struct scale *scale, struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(scale->store, &rows, fault,
		      "SELECT folder FROM mail WHERE message_id ="
		      " '<none@example.com>'",
		      ""))
		return -1;
	return rows_next(&rows, fault) < 0 ? -1 : 0;
}

static int probe_flag(struct store *store, void *context, struct fault *fault)
{
	struct scale *scale = context;

	if (store_message_set_flags(store, scale->last, MESSAGE_READ, 0, fault))
		return -1;
	return store_message_set_flags(store, scale->last, 0, MESSAGE_READ,
				       fault);
}

static int probe_flags(struct scale *scale, struct fault *fault)
{
	return store_run(scale->store, probe_flag, scale, fault);
}

static int probe_move_unit(struct store *store, void *context,
			   struct fault *fault)
{
	struct scale *scale = context;
	int64_t sent;

	if (store_folder_by_role(store, scale->stores[0], FOLDER_SENT, &sent,
				 fault) ||
	    store_message_move(store, scale->last, sent, fault))
		return -1;
	return store_message_move(store, scale->last, scale->inboxes[0], fault);
}

static int probe_move(struct scale *scale, struct fault *fault)
{
	return store_run(scale->store, probe_move_unit, scale, fault);
}

static int probe_change(const struct store_change *change, void *context,
			struct fault *fault)
{
	(void)change;
	(void)context;
	(void)fault;
	return 0;
}

static int probe_changes(struct scale *scale, struct fault *fault)
{
	int64_t last;

	if (store_changes_last(scale->store, scale->stores[0], &last, fault))
		return -1;
	return store_changes(scale->store, scale->stores[0], last - 10,
			     probe_change, NULL, fault);
}

static int probe_users(struct scale *scale, struct fault *fault)
{
	g_autoptr(GPtrArray) users = NULL;

	return store_user_list(scale->store, &users, fault);
}

static int probe_stats(struct scale *scale, struct fault *fault)
{
	struct store_stats stats;

	return store_get_stats(scale->store, &stats, fault);
}

static int probe_destroy(struct store *store, void *context,
			 struct fault *fault)
{
	struct scale *scale = context;

	return store_message_delete(store, scale->last, true, fault);
}

/* One message that is marked deleted, in all there is. */
static int probe_purge(struct scale *scale, struct fault *fault)
{
	int64_t purged;

	if (probe_deliver(scale, fault) ||
	    store_run(scale->store, probe_destroy, scale, fault) ||
	    store_purge(scale->store, g_get_real_time(), true, &purged, fault))
		return -1;
	return probe_deliver(scale, fault);
}

/* The first one is the whole store, later ones what is new. */
static int probe_backup(struct scale *scale, struct fault *fault)
{
	return store_backup(scale->store, scale->backup, NULL, NULL, fault);
}

static int probe_backup_again(struct scale *scale, struct fault *fault)
{
	if (probe_deliver(scale, fault))
		return -1;
	return probe_backup(scale, fault);
}

/* All of the large store in one unit. */
static int probe_end_unit(struct store *store, void *context,
			  struct fault *fault)
{
	(void)context;
	return store_user_delete(store, "u0", false, fault);
}

static int probe_end(struct scale *scale, struct fault *fault)
{
	return store_run(scale->store, probe_end_unit, scale, fault);
}

static int probe_purge_all(struct scale *scale, struct fault *fault)
{
	int64_t purged;

	return store_purge(scale->store, g_get_real_time(), true, &purged,
			   fault);
}

#define SCALE_ONCE (-1) /* in the end: the large store is gone then */

static const struct probe {
	const char *name;
	int (*run)(struct scale *scale, struct fault *fault);
	int times;
} probes[] = {
	{"deliver one (synced)", probe_deliver, SCALE_PROBES},
	{"set a flag (synced)", probe_flags, SCALE_PROBES},
	{"move to a folder and back (synced)", probe_move, SCALE_PROBES},
	{"resolve a recipient", probe_resolve, SCALE_PROBES},
	{"mail show", probe_show, SCALE_PROBES},
	{"folder list", probe_folders, SCALE_PROBES},
	{"mail list, 100 of a small folder", probe_list_small, SCALE_PROBES},
	{"mail list, first 100 of the large folder", probe_list_folder, 5},
	{"mail list, first 100 of the large store", probe_list_store, 5},
	{"view mail, 100 of one owner", probe_view, 5},
	{"view mail, by Message-ID", probe_view_id, 1},
	{"changes, the last 10 of the large store", probe_changes,
	 SCALE_PROBES},
	{"user list", probe_users, 3},
	{"store stats", probe_stats, 1},
	{"store purge of one message", probe_purge, 1},
	{"store backup, what is new", probe_backup, 1},
	{"store backup, one message later", probe_backup_again, 1},
	{"user delete, the large store", probe_end, SCALE_ONCE},
	{"store purge of it", probe_purge_all, SCALE_ONCE},
};

static int scale_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Milliseconds on the clock, which waits for the disk and for others, and of
 * the processor. */
struct cost {
	double clock;
	double cpu;
};

static int64_t scale_cpu(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

static double scale_median(int64_t *took, int count)
{
	qsort(took, (size_t)count, sizeof(took[0]), scale_compare);
	return (double)took[count / 2] / 1000.0;
}

static struct cost scale_measure(struct scale *scale, const struct probe *probe,
				 bool is_last)
{
	int64_t clock[SCALE_PROBES];
	int64_t cpu[SCALE_PROBES];
	int times = abs(probe->times);
	struct fault fault = {0};

	if (probe->times == SCALE_ONCE && !is_last)
		return (struct cost){-1, -1};
	for (int i = 0; i < times; i++) {
		int64_t began = scale_now();
		int64_t had = scale_cpu();

		if (probe->run(scale, &fault))
			scale_die(&fault);
		clock[i] = scale_now() - began;
		cpu[i] = scale_cpu() - had;
	}
	return (struct cost){scale_median(clock, times),
			     scale_median(cpu, times)};
}

static void scale_fill(struct scale *scale, int count)
{
	struct fault fault = {0};
	int64_t began = scale_now();
	int from = scale->number;

	while (scale->number < count)
		if (store_run(scale->store, scale_batch, scale, &fault))
			scale_die(&fault);
	fprintf(stderr, "bench_scale: %d messages, %.0f/s\n", scale->number,
		(scale->number - from) * 1e6 / (double)(scale_now() - began));
}

static void scale_table(int steps, const int *counts,
			struct cost values[][G_N_ELEMENTS(probes)])
{
	printf("| milliseconds, clock / processor, at ... messages |");
	for (int s = 0; s < steps; s++)
		printf(" %d |", counts[s]);
	printf("\n|---|");
	for (int s = 0; s < steps; s++)
		printf("--:|");
	putchar('\n');
	for (size_t p = 0; p < G_N_ELEMENTS(probes); p++) {
		printf("| %s |", probes[p].name);
		for (int s = 0; s < steps; s++)
			if (values[s][p].clock < 0)
				printf(" |");
			else
				printf(" %.2f / %.2f |", values[s][p].clock,
				       values[s][p].cpu);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	struct scale scale = {
		.messages = MAX(argc > 1 ? atoi(argv[1]) : 1000000, 100),
		.users = MAX(argc > 2 ? atoi(argv[2]) : 10000, 2),
		.large = argc > 3 ? atoi(argv[3]) : 200000,
	};
	int messages = scale.messages;
	g_autofree char *directory = g_dir_make_tmp("okapi-scale-XXXXXX", NULL);
	g_autofree char *rm = g_strdup_printf("rm -rf '%s'", directory);
	struct cost values[16][G_N_ELEMENTS(probes)];
	int counts[16];
	int steps = 0;
	struct fault fault = {0};

	scale.path = g_build_filename(directory, "store.db", NULL);
	scale.backup = g_build_filename(directory, "backup", NULL);
	scale.inboxes = g_new0(int64_t, scale.users);
	scale.stores = g_new0(int64_t, scale.users);
	if (store_create(scale.path, 30000, NULL, &fault) ||
	    store_open(scale.path, STORE_WRITE, 30000, &scale.store, &fault) ||
	    store_run(scale.store, scale_users, &scale, &fault))
		scale_die(&fault);
	for (int at = MIN(SCALE_FIRST, messages);; at = MIN(at * 2, messages)) {
		scale_fill(&scale, at);
		counts[steps] = at;
		for (size_t p = 0; p < G_N_ELEMENTS(probes); p++)
			values[steps][p] = scale_measure(&scale, &probes[p],
							 at == messages);
		steps++;
		if (at == messages || steps == 16)
			break;
	}
	scale_table(steps, counts, values);
	store_close(scale.store);
	g_free(scale.path);
	g_free(scale.backup);
	g_free(scale.inboxes);
	g_free(scale.stores);
	return system(rm) != 0;
}
