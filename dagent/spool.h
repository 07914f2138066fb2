/*
 * A spool: the octets of one message while they arrive.  Up to SPOOL_MEMORY
 * they stay in memory, then they go into an unlinked temporary file that is
 * mapped at the end.
 */
#ifndef OKAPI_DAGENT_SPOOL_H
#define OKAPI_DAGENT_SPOOL_H

#include "base.h"
#include "fault.h"

#define SPOOL_MEMORY ((size_t)256 * 1024)

struct spool;

/* limit: octets, 0 none. */
struct spool *spool_new(int64_t limit);
void spool_free(struct spool *spool);
AUTO_DEFINE(spool, spool_free);

/* Who makes the file: a descriptor, or -1 to have it in the directory of
 * temporary files.  So a store makes it where it can take the message over
 * (store_content_file()).  place: borrowed. */
typedef int spool_file_fn(const char *place);
void spool_set_place(struct spool *spool, spool_file_fn *make_file,
		     const char *place);

/* FAULT_TOO_BIG over the limit, FAULT_DISK_FULL, FAULT_IO. */
NODISCARD int spool_add(struct spool *spool, const void *octets, size_t len,
			struct fault *fault);
size_t spool_size(const struct spool *spool);

/* The message, owned (g_bytes_unref); the spool holds nothing any more and can
 * only be freed. */
NODISCARD int spool_finish(struct spool *spool, GBytes **ret_bytes,
			   struct fault *fault);
/* Then: the file that holds the message, owned, or -1 if memory was enough. */
int spool_take_file(struct spool *spool);

#endif
