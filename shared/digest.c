/*
 * SHA-256 by OpenSSL's EVP interface, which uses the processor's own
 * instructions where it has them.
 */
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

struct digest {
	EVP_MD_CTX *context;
};

/* OpenSSL fails here only out of memory or without its algorithms: both are
 * broken invariants. */
static void digest_must(int rc)
{
	if (rc != 1)
		g_error("SHA-256 is not available");
}

struct digest *digest_new(void)
{
	struct digest *digest = g_new0(struct digest, 1);

	digest->context = EVP_MD_CTX_new();
	digest_must(digest->context != NULL);
	digest_must(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL));
	return digest;
}

void digest_update(struct digest *digest, const void *data, size_t len)
{
	if (len)
		digest_must(EVP_DigestUpdate(digest->context, data, len));
}

void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
	digest_must(EVP_DigestFinal_ex(digest->context, ret_hash, NULL));
	digest_free(digest);
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	g_free(digest);
}

void digest_sha256(const void *data, size_t len, uint8_t ret_hash[DIGEST_SIZE])
{
	digest_must(EVP_Digest(len ? data : "", len, ret_hash, NULL,
			       EVP_sha256(), NULL));
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

void digest_format(const uint8_t hash[DIGEST_SIZE],
		   char ret_hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		ret_hex[2 * i] = digits[hash[i] >> 4];
		ret_hex[2 * i + 1] = digits[hash[i] & 15];
	}
	ret_hex[2 * DIGEST_SIZE] = '\0';
}
