/*
 * Routes: which relay host takes a sender's mail, and who we are there.  One
 * for everybody (smtp_server ...), others by smtp_sender_table.
 */
#ifndef OKAPI_ROUTE_H
#define OKAPI_ROUTE_H

#include "base.h"
#include "conf.h"
#include "relay.h"

struct route {
	char *sender;                 /* "a@b", "@b"; NULL: everybody */
	struct relay_place places[2]; /* the relay host, its fallback */
	size_t place_count;
	struct relay_options options; /* borrows from here and from conf */
	char *user;
	char *password;
	char *token_command;
	/* Guarded by the spooler's lock: */
	int64_t down_until; /* monotonic: its places do not answer */
	char down_words[FAULT_TEXT_MAX];
	int64_t *sessions; /* under way, also those of earlier settings */
};

/* All routes; the first is that for everybody.  server (may be NULL) wins over
 * smtp_server.  Owned; conf is borrowed as long as they live. */
NODISCARD int routes_new(const struct conf *conf, const char *server,
			 GPtrArray **ret_routes, struct fault *fault);

/* The route of a reverse path: of its address, of its domain, of everybody;
 * borrowed. */
struct route *routes_find(const GPtrArray *routes, const char *reverse_path);

/* How many sessions of sessions_max one route may have: all but one for each
 * other route, and at least half, so that a relay host that hangs does not hold
 * up everybody's mail. */
int64_t routes_share(const GPtrArray *routes, int64_t sessions_max);

/* New routes count the sessions of the earlier ones of the same senders, to
 * whichever relay host they are; with the spooler's lock held, before the new
 * ones are used. */
void routes_succeed(const GPtrArray *routes, const GPtrArray *earlier);

/* Whoever did not answer is tried anew; with the spooler's lock held. */
void routes_forget_down(const GPtrArray *routes);

#endif
