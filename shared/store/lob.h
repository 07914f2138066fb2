/*
 * How the octets of messages and attachments are kept: contents, rows of lob,
 * files in store.lob/ (content.c, pack.c, unpack.c, lob.c, lob_seen.c).
 *
 * Private to shared/store.
 */
#ifndef OKAPI_STORE_LOB_H
#define OKAPI_STORE_LOB_H

#include "store_internal.h"

#define LOB_FILE_MIN (1024 * 1024) /* bytes from which a value is a file */

/* How a row of lob has its octets. */
enum lob_form {
	LOB_EARLIER = 0, /* as they are, from before there was packing */
	LOB_PLAIN = 1,   /* as they are: nothing is gained */
	LOB_PACKED = 2,  /* kept.h */
};

/* A value as it is kept. */
struct lob_value {
	uint8_t hash[32]; /* of the octets */
	int64_t size;     /* of the octets */
	enum lob_form form;
	GBytes *data; /* what is kept; NULL: the file has it */
	int fd;       /* a file without a name that has it too, or -1 */
	int64_t kept; /* octets of what is kept */
};
void lob_value_clear(struct lob_value *value);
/* Can it be written?  Else its file was there when the message was packed. */
static inline bool lob_is_held(const struct lob_value *value)
{
	return value->data || value->fd >= 0;
}

/* The content object for these bytes, made if it is new. */
NODISCARD int content_ensure(struct store *store, const struct content *content,
			     int64_t *ret_content, struct fault *fault);
NODISCARD int content_bytes(struct store *store, int64_t content,
			    GBytes **ret_bytes, struct fault *fault);
/* The octets of a row of lob, checked against its hash. */
NODISCARD int lob_bytes(struct store *store, int64_t lob, GBytes **ret_bytes,
			struct fault *fault);
/* A file in store.lob/: what it holds and how. */
struct lob_name {
	uint8_t hash[32];
	bool is_packed;
};
struct lob_name lob_name_of(const uint8_t hash[32], enum lob_form form);
char *lob_file(const char *store_path, const struct lob_name *name); /* owned */
/* Is a value of that many kept octets a file? */
static inline bool lob_is_file(int64_t kept)
{
	return kept >= LOB_FILE_MIN;
}
/* Looks for the file of a value by its hash: true, with form and kept, if it is
 * there and this process has seen it whole. */
bool lob_find(const char *store_path, struct lob_value *value);
/* Gives the file of a value its name, synced, unless it is there with just
 * these octets; writes it where value->fd has it not.  Temporary if nothing is
 * held (lob_is_held()). */
NODISCARD int lob_write(const char *store_path, const struct lob_value *value,
			struct fault *fault);
/* Gives a file of another store's directory a second name in this one; false
 * where that is not to be had. */
bool lob_share(const char *store_path, const struct lob_name *name,
	       const char *file);
/* A file without a name in the directory; -1 where that is not to be had. */
int lob_open_unnamed(const char *store_path);
NODISCARD int lob_open(const char *store_path, const struct lob_name *name,
		       struct fault *fault); /* a descriptor, or -1 */
/* lob_seen.c: is the file the one that this process wrote or compared? */
bool lob_seen(const char *file, int64_t *ret_kept);
/* Compares it with a value that is held; one that is the same is seen. */
bool lob_look(const char *file, const struct lob_value *value);
void lob_see(const char *file); /* it was written just now */
/* write(2) until all is written. */
NODISCARD int lob_put(int fd, const void *data, size_t len,
		      struct fault *fault);
/* read(2) until len octets or the end; -1. */
NODISCARD ssize_t lob_get(int fd, void *data, size_t len, struct fault *fault);
/* Calls each for every file of the directory that is named by a hash. */
NODISCARD int lob_each(const char *store_path,
		       int (*each)(const struct lob_name *name, int64_t mtime_s,
				   void *context, struct fault *fault),
		       void *context, struct fault *fault);
/* Removes what a crash left half-written before a time. */
void lob_sweep(const char *store_path, int64_t before_s);

#endif
