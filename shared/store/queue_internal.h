/*
 * What the files of the outgoing queue share: whose claims are (lease.c), and
 * how they end (queue_claim.c).
 *
 * Private to shared/store.
 */
#ifndef OKAPI_STORE_QUEUE_INTERNAL_H
#define OKAPI_STORE_QUEUE_INTERNAL_H

#include "store_internal.h"

/* ---- queue.c --------------------------------------------------------------
 */
/* Checks that nobody sends it at the moment: FAULT_STORE_BUSY,
 * FAULT_NOT_FOUND. */
NODISCARD int queue_need_idle(struct store *store, int64_t id,
			      struct fault *fault);
/* Before it leaves the queue unsent: sets PR_OKAPI_UNSENT_TO at its copy, for
 * the header need not name whom the envelope did (Bcc). */
NODISCARD int queue_remember(struct store *store, int64_t id, int64_t message,
			     struct fault *fault);

/* ---- queue_claim.c --------------------------------------------------------
 */
/* FAULT_STORE_BUSY, in its words. */
int claim_refuse(int64_t id, struct fault *fault);
/* It is over: what has no result waits again. */
NODISCARD int claim_end(struct store *store, int64_t id, struct fault *fault);

/* ---- lease.c --------------------------------------------------------------
 */
#define LEASE_LIFETIME_US (INT64_C(600) * USEC_PER_SEC)
/* Microseconds since boot, asleep or not: leases hold within one boot, and
 * nobody sets this clock. */
int64_t lease_clock(void);
/* Names this process for ever: boot, pid name space, pid, start time. */
char *lease_owner_self(void);
/* The same, once for a connection; borrowed. */
const char *lease_owner_of(struct store *store);
enum lease_state {
	LEASE_ALIVE,
	LEASE_GONE,
	LEASE_UNSEEN, /* cannot be seen from here: its expiry decides */
};
enum lease_state lease_owner_state(const char *owner);
/* Is a lease until expires (by lease_clock()) void? */
bool lease_is_over(const char *owner, int64_t expires);
/* What another process holds: until when, by lease_clock(). */
struct lease {
	char *owner; /* owned */
	int64_t expires;
};
/* One struct lease for each process but this one that holds any; mostly none.
 * Owned. */
NODISCARD int lease_others(struct store *store, GArray **ret_leases,
			   struct fault *fault);
/* Takes back what processes held that are gone. */
NODISCARD int lease_reap(struct store *store, int64_t now, struct fault *fault);

#endif
