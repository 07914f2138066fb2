/*
 * What SCRAM builds on SHA-256, by OpenSSL's EVP interface.  The helper, which
 * only names values, is linked without it.
 */
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

/* OpenSSL fails here only out of memory or without its algorithms: both are
 * broken invariants. */
static void digest_must(int rc)
{
	if (rc != 1)
		g_error("SHA-256 is not available");
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t len,
		 uint8_t ret_hash[DIGEST_SIZE])
{
	digest_must(HMAC(EVP_sha256(), key, (int)key_len, data, len, ret_hash,
			 NULL) != NULL);
}

void digest_pbkdf2(const char *password, const uint8_t *salt, size_t salt_len,
		   unsigned iterations, uint8_t ret_hash[DIGEST_SIZE])
{
	digest_must(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt,
				      (int)salt_len, (int)iterations,
				      EVP_sha256(), DIGEST_SIZE, ret_hash));
}

bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

void digest_random(void *octets, size_t len)
{
	digest_must(RAND_bytes(octets, (int)len));
}
