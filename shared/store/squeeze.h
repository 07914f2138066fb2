/*
 * Compression of what is kept (Zstandard), the only place that knows zstd.h.
 *
 * All of it is by level 1, what is short with a dictionary: the lines that mail
 * is full of (squeeze_words.c).  The dictionary is part of the store's format:
 * it never changes; another one would be another SQUEEZE_VERSION beside it.
 */
#ifndef OKAPI_STORE_SQUEEZE_H
#define OKAPI_STORE_SQUEEZE_H

#include "base.h"

#define SQUEEZE_VERSION 1

/* The dictionary of version 1. */
extern const char squeeze_words[];
extern const size_t squeeze_words_size;

/* Appends the frame of data. Any thread. */
void squeeze(const void *data, size_t len, GByteArray *out);
/* Is it worth while?  Tries a part from the middle; what is compressed already
 * (PDF, ZIP, JPEG) is not. */
bool squeeze_pays(const void *data, size_t len);

/* The same for data that comes in pieces; what is ready is appended to out. */
struct squeezer;
struct squeezer *squeezer_new(void);
void squeezer_free(struct squeezer *squeezer);
AUTO_DEFINE(squeezer, squeezer_free);
void squeezer_add(struct squeezer *squeezer, const void *data, size_t len,
		  GByteArray *out);
void squeezer_end(struct squeezer *squeezer, GByteArray *out);

/* And back, in pieces on both sides. */
struct unsqueezer;
struct unsqueezer *unsqueezer_new(void);
void unsqueezer_free(struct unsqueezer *unsqueezer);
AUTO_DEFINE(unsqueezer, unsqueezer_free);
/* Fills out from *at, of which it takes *left down; returns how much it filled
 * (less than room: *left is used up or the frame is at its end), or -1 where
 * the data is none of ours. */
ssize_t unsqueezer_run(struct unsqueezer *unsqueezer, const uint8_t **at,
		       size_t *left, uint8_t *out, size_t room);
bool unsqueezer_is_at_end(const struct unsqueezer *unsqueezer);

#endif
