/*
 * A spool: the octets of one message while they arrive.  Up to SPOOL_MEMORY
 * they stay in memory, then they go into an unlinked temporary file that is
 * mapped at the end; the hash is taken on the way, if it is wanted.
 */
#ifndef OKAPI_DAGENT_SPOOL_H
#define OKAPI_DAGENT_SPOOL_H

#include "base.h"
#include "digest.h"
#include "fault.h"

#define SPOOL_MEMORY ((size_t)256 * 1024)

struct spool;

/* limit: octets, 0 none.  store_path (borrowed, or NULL): the store the message
 * is likely to be kept in; its file then lies where the store can take it over
 * (store_content_prepare()). */
struct spool *spool_new(int64_t limit, bool with_hash, const char *store_path);
void spool_free(struct spool *spool);
AUTO_DEFINE(spool, spool_free);

/* FAULT_TOO_BIG over the limit, FAULT_DISK_FULL, FAULT_IO. */
NODISCARD int spool_add(struct spool *spool, const void *octets, size_t len,
			struct fault *fault);
size_t spool_size(const struct spool *spool);

/* The message, owned (g_bytes_unref), and its SHA-256 (NULL without hash); the
 * spool holds nothing any more and can only be freed. */
NODISCARD int spool_finish(struct spool *spool, GBytes **ret_bytes,
			   uint8_t *ret_sha256, struct fault *fault);
/* Then: the file that holds the message, owned, or -1 if memory was enough. */
int spool_take_file(struct spool *spool);

#endif
