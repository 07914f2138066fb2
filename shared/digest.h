/*
 * SHA-256, the name of every large value and every message, and what is built
 * on it (OpenSSL).
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
/* HMAC (RFC 2104) and PBKDF2 (RFC 8018 5.2) over it, for SCRAM. */
void digest_hmac(const void *key, size_t key_len, const void *data, size_t len,
		 uint8_t ret_hash[DIGEST_SIZE]);
void digest_pbkdf2(const char *password, const uint8_t *salt, size_t salt_len,
		   unsigned iterations, uint8_t ret_hash[DIGEST_SIZE]);
/* In a time that does not depend on where they differ. */
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);
/* Octets that nobody can guess. */
void digest_random(void *octets, size_t len);

void digest_format(const uint8_t hash[DIGEST_SIZE],
		   char ret_hex[DIGEST_HEX_SIZE]);

#endif
