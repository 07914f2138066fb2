/*
 * Upkeep that nobody should have to think of: the daily purge of the store.
 */
#ifndef OKAPI_DAGENT_JANITOR_H
#define OKAPI_DAGENT_JANITOR_H

#include "base.h"

struct conf;

/* When the first purge is due, and every one after it. */
#define JANITOR_FIRST_S INT64_C(900)
#define JANITOR_EVERY_S INT64_C(86400)

/*
 * Purges the store (store_purge(): what softdelete_lifetime and
 * duplicate_window have ended) in a thread of its own and logs what it did.
 * Returns at once.  Nobody waits for the thread: its transactions are small,
 * and one that the end of the process cuts off is rolled back.
 */
void janitor_purge(const struct conf *conf);

#endif
