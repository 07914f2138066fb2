/*
 * SHA-256, the name of every large value and every message (OpenSSL).
 */
#ifndef OKAPI_DIGEST_H
#define OKAPI_DIGEST_H

#include "base.h"

#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE 65

struct digest;

struct digest *digest_new(void);
void digest_update(struct digest *digest, const void *data, size_t len);
/* Writes the hash and frees digest. */
void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE]);
/* Frees an unfinished digest. */
void digest_free(struct digest *digest);

void digest_sha256(const void *data, size_t len, uint8_t ret_hash[DIGEST_SIZE]);
void digest_format(const uint8_t hash[DIGEST_SIZE],
		   char ret_hex[DIGEST_HEX_SIZE]);

#endif
