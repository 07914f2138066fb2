/*
 * Leases: a claim on a row of the queue ends with the process that made it.
 *
 * The owner is named by boot, pid name space, pid and the time the process
 * began, so that a pid used again is not taken for it.  Where a process cannot
 * be seen from here (another name space) the lease's expiry decides, which its
 * owner moves on with every heartbeat.
 */
#include "queue_internal.h"

#include <string.h>
#include <time.h>

static char *lease_boot(void)
{
	char *boot = NULL;

	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL,
				 NULL))
		return g_strdup("?");
	return g_strstrip(boot);
}

static char *lease_name_space(void)
{
	char *link = g_file_read_link("/proc/self/ns/pid", NULL);

	return link ? link : g_strdup("?");
}

/* Field 22 of /proc/PID/stat, in ticks since boot; 0 if there is no such
 * process. */
static uint64_t lease_process_start(int64_t pid)
{
	g_autofree char *path =
		g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
	g_autofree char *stat = NULL;
	const char *at;

	if (!g_file_get_contents(path, &stat, NULL, NULL))
		return 0;
	/* The name in parentheses may hold anything; fields follow it. */
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
		/* A dead process that nobody waited for holds nothing. */
		if (at && field == 2 && (at[1] == 'Z' || at[1] == 'X'))
			return 0;
	}
	return at ? g_ascii_strtoull(at + 1, NULL, 10) : 0;
}

char *lease_owner_self(void)
{
	g_autofree char *boot = lease_boot();
	g_autofree char *space = lease_name_space();

	return g_strdup_printf("%s %s %d %" G_GUINT64_FORMAT, boot, space,
			       (int)getpid(), lease_process_start(getpid()));
}

const char *lease_owner_of(struct store *store)
{
	if (!store->lease_owner)
		store->lease_owner = lease_owner_self();
	return store->lease_owner;
}

int64_t lease_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

enum lease_state lease_owner_state(const char *owner)
{
	g_auto(GStrv) parts = g_strsplit(owner, " ", 0);
	g_autofree char *boot = lease_boot();
	g_autofree char *space = lease_name_space();
	uint64_t start;

	if (g_strv_length(parts) != 4)
		return LEASE_UNSEEN;
	/* WAL keeps a store on one machine: another boot is an earlier one. */
	if (strcmp(parts[0], boot) != 0)
		return LEASE_GONE;
	if (strcmp(parts[1], space) != 0)
		return LEASE_UNSEEN;
	start = g_ascii_strtoull(parts[3], NULL, 10);
	return start && lease_process_start(
				g_ascii_strtoll(parts[2], NULL, 10)) == start
		       ? LEASE_ALIVE
		       : LEASE_GONE;
}

bool lease_is_over(const char *owner, int64_t expires)
{
	int64_t left = expires - lease_clock();

	switch (lease_owner_state(owner)) {
	case LEASE_ALIVE:
		return false;
	case LEASE_GONE:
		return true;
	case LEASE_UNSEEN:
		/* Nobody gives a longer one: it is of another clock. */
		return left <= 0 || left > LEASE_LIFETIME_US;
	}
	return false;
}

static int lease_take_back(struct store *store, const char *owner, int64_t now,
			   struct fault *fault)
{
	if (sql_run(store, fault,
		    "UPDATE outgoingrecipients SET state = 0, next_attempt = ?"
		    " WHERE state = 1 AND queue IN (SELECT id"
		    " FROM outgoingqueue WHERE lease_owner = ?)",
		    "it", now, owner))
		return -1;
	if (sqlite3_changes(store->db))
		store->touched |= STORE_TOUCHED_QUEUE;
	return sql_run(store, fault,
		       "UPDATE outgoingqueue SET lease_owner = NULL,"
		       " lease_expires = NULL WHERE lease_owner = ?",
		       "t", owner);
}

static void lease_clear_element(gpointer lease)
{
	g_free(((struct lease *)lease)->owner);
}

static int lease_has_others(struct store *store, bool *ret_others,
			    struct fault *fault)
{
	int64_t others = 0;

	/* The ends of an index: as cheap with a thousand leases of ours. */
	if (sql_get(store, fault, &others,
		    "SELECT (SELECT min(lease_owner) FROM outgoingqueue"
		    "  WHERE lease_owner IS NOT NULL) <> ?1"
		    " OR (SELECT max(lease_owner) FROM outgoingqueue"
		    "  WHERE lease_owner IS NOT NULL) <> ?1",
		    "t", lease_owner_of(store)) < 0)
		return -1;
	*ret_others = others != 0;
	return 0;
}

static int lease_read_others(struct store *store, GArray *leases,
			     struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT lease_owner, max(lease_expires)"
		      " FROM outgoingqueue WHERE lease_owner <> ?"
		      " GROUP BY lease_owner",
		      "t", lease_owner_of(store)))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct lease lease = {rows_text(&rows, 0), rows_int(&rows, 1)};

		g_array_append_val(leases, lease);
	}
	return rc;
}

int lease_others(struct store *store, GArray **ret_leases, struct fault *fault)
{
	g_autoptr(GArray) leases =
		g_array_new(FALSE, FALSE, sizeof(struct lease));
	bool others;

	g_array_set_clear_func(leases, lease_clear_element);
	if (lease_has_others(store, &others, fault) ||
	    (others && lease_read_others(store, leases, fault)))
		return -1;
	*ret_leases = g_steal_pointer(&leases);
	return 0;
}

int lease_reap(struct store *store, int64_t now, struct fault *fault)
{
	g_autoptr(GArray) leases = NULL;

	if (lease_others(store, &leases, fault))
		return -1;
	for (guint i = 0; i < leases->len; i++) {
		const struct lease *lease =
			&g_array_index(leases, struct lease, i);

		if (lease_is_over(lease->owner, lease->expires) &&
		    lease_take_back(store, lease->owner, now, fault))
			return -1;
	}
	return 0;
}
