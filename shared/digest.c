/*
 * SHA-256 by OpenSSL, which uses the processor's own instructions where it has
 * them.
 *
 * The hash itself goes by the low-level functions: the EVP interface reads
 * openssl.cnf and sets up its providers first, a millisecond that a process
 * which delivers one message would spend on it.  OpenSSL 3 calls them
 * deprecated; without them, EVP_MD_CTX takes their place line by line.  What
 * needs a key is in digest_key.c, what does without libcrypto while there is
 * little to hash in digest_lazy.c.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include <openssl/sha.h>

struct digest {
	SHA256_CTX context;
};

/* OpenSSL fails here only out of memory or without its algorithms: both are
 * broken invariants. */
static void digest_must(int rc)
{
	if (rc != 1)
		g_error("SHA-256 failed");
}

struct digest *digest_new(void)
{
	struct digest *digest = g_new(struct digest, 1);

	digest_must(SHA256_Init(&digest->context));
	return digest;
}

void digest_update(struct digest *digest, const void *data, size_t len)
{
	digest_must(SHA256_Update(&digest->context, data, len));
}

void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
	digest_must(SHA256_Final(ret_hash, &digest->context));
	digest_free(digest);
}

void digest_free(struct digest *digest)
{
	g_free(digest);
}

void digest_sha256(const void *data, size_t len, uint8_t ret_hash[DIGEST_SIZE])
{
	struct digest digest;

	digest_must(SHA256_Init(&digest.context));
	digest_must(SHA256_Update(&digest.context, data, len));
	digest_must(SHA256_Final(ret_hash, &digest.context));
}
