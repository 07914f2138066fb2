/*
 * The way to the helper processes: bytes in, property set out, over a private
 * byte stream.
 *
 * A helper (okapi-convert) has no store, no network and may write no file.
 * One that dies or overruns its time costs its own message only: that message
 * gets the fallback property set, and the next helper is started.
 */
#ifndef OKAPI_CONVERT_HELPER_H
#define OKAPI_CONVERT_HELPER_H

#include "convert.h"

struct helper_pool;

/*
 * A pool of count helpers (0: as many as there are cores), started as they
 * are needed.  timeout_ms bounds one conversion.  Thread-safe.  Owned result.
 * Fails if the helper program cannot be found beside the running one or in
 * LIBEXECDIR.  It is opened once in a process: an update that replaces the file
 * while a daemon runs is met when that starts anew.
 */
NODISCARD int helper_pool_new(unsigned count, int64_t timeout_ms,
			      struct helper_pool **ret_pool,
			      struct fault *fault);
/* The same with a program of one's own: for tests. */
struct helper_pool *helper_pool_new_at(const char *program, unsigned count,
				       int64_t timeout_ms);
/* What a helper does in its process (helper_serve.h); its exit code. */
typedef int helper_serve_fn(void);

/*
 * Starts a helper before there is a request, so that it gets ready while its
 * user does; one that cannot be started is missed by the first request.
 *
 * serve: NULL, or the helper is a copy of this process that does so, which
 * saves the start of a program; who dies is replaced by the program.  For who
 * has no thread yet, and nothing in memory that the helper must not see.
 */
void helper_pool_warm(struct helper_pool *pool, helper_serve_fn *serve);
/* Ends the helpers and waits for them. */
void helper_pool_free(struct helper_pool *pool);
AUTO_DEFINE(helper_pool, helper_pool_free);

/*
 * Converts a message in a helper, waiting for a free one.  file: a descriptor
 * of a file that holds just these bytes, which the helper then maps (for
 * reading only) instead of having them sent; -1: there is none.  Returns 0 with
 * the set, or -1 with a fault if the helper died, overran or answered nonsense;
 * ret_set is then the fallback set (helper_fallback_propset()), also owned:
 * the message is delivered all the same and the caller logs the fault.
 * PR_OKAPI_NOTES tells what was left out or cut, if anything was.
 */
int helper_to_propset(struct helper_pool *pool, GBytes *rfc822, int file,
		      const struct convert_options *options,
		      struct propset **ret_set, struct fault *fault);

/* What a caller has to do besides. */
struct helper_meanwhile {
	void (*run)(void *context); /* NULL: nothing */
	void *context;
};

/* The same, and runs meanwhile once while the helper is at work: after the
 * message was handed over, before the answer is waited for.  Also where nothing
 * could be handed over. */
int helper_to_propset_while(struct helper_pool *pool, GBytes *rfc822, int file,
			    const struct convert_options *options,
			    const struct helper_meanwhile *meanwhile,
			    struct propset **ret_set, struct fault *fault);

/* Composes a message in a helper; on failure there is none. */
NODISCARD int helper_to_rfc822(struct helper_pool *pool,
			       const struct propset *set, GBytes **ret_rfc822,
			       struct fault *fault);

/* Octets of a charset, by its name in mail, as UTF-8: charset_decode() in a
 * helper.  Owned; NULL if nobody knows the charset, or with a fault: temporary
 * if a helper could not be started or overran, FAULT_REFUSED_INPUT if one after
 * the other died of it, and of nothing else. */
char *helper_to_utf8(struct helper_pool *pool, const char *charset,
		     const void *octets, size_t len, struct fault *fault);

/* The set of a message that could not be converted: subject "Fallback
 * delivery", an explaining body, the message whole as attachment
 * original.eml. */
struct propset *helper_fallback_propset(GBytes *rfc822);

#endif
