/*
 * Leases: a claim on a row of the queue ends with the process that made it.
 *
 * The owner is named by boot, pid name space, pid and the time the process
 * began, so that a pid used again is not taken for it.  Where a process cannot
 * be seen from here (another name space) the lease's expiry decides, which its
 * owner moves on with every heartbeat.
 */
#include "store_internal.h"

#include <stdio.h>
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

int lease_has_others(struct store *store, bool *ret_others, struct fault *fault)
{
	const char *self = lease_owner_of(store);
	int64_t others = 0;

	/* The ends of an index: as cheap with a thousand leases of ours. */
	if (sql_get(store, fault, &others,
		    "SELECT (SELECT min(lease_owner) FROM outgoingqueue"
		    "  WHERE lease_owner IS NOT NULL) <> ?1"
		    " OR (SELECT max(lease_owner) FROM outgoingqueue"
		    "  WHERE lease_owner IS NOT NULL) <> ?1",
		    "t", self) < 0)
		return -1;
	*ret_others = others != 0;
	return 0;
}

int lease_reap(struct store *store, int64_t now, struct fault *fault)
{
	g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
	ROWS rows = {0};
	bool others;
	int rc;

	if (lease_has_others(store, &others, fault))
		return -1;
	if (!others)
		return 0;
	if (rows_open(store, &rows, fault,
		      "SELECT lease_owner, max(lease_expires)"
		      " FROM outgoingqueue WHERE lease_owner IS NOT NULL"
		      " GROUP BY lease_owner",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		if (strcmp(rows_peek(&rows, 0), lease_owner_of(store)) != 0 &&
		    lease_is_over(rows_peek(&rows, 0), rows_int(&rows, 1)))
			g_ptr_array_add(gone, rows_text(&rows, 0));
	if (rc)
		return -1;
	for (guint i = 0; i < gone->len; i++)
		if (lease_take_back(store, g_ptr_array_index(gone, i), now,
				    fault))
			return -1;
	return 0;
}
