/*
 * SHA-256 for programs that may be started for one message, in place of
 * digest.c: by GLib while there is little to hash, from then on by OpenSSL.
 *
 * Loading libcrypto takes as long as GLib does for 160 KB
 * (docs/performance-notes.md). OpenSSL is a dozen times as fast, so a helper
 * that stays has it soon.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include <dlfcn.h>
#include <openssl/sha.h>

/* Octets, of all that a process hashes. */
#define DIGEST_LITTLE ((size_t)64 * 1024)

struct digest {
	GByteArray *little; /* what there is so far; NULL: it is in context */
	SHA256_CTX context;
};

/* OpenSSL's functions, once they are loaded. */
struct openssl {
	__typeof__(SHA256_Init) *init;
	__typeof__(SHA256_Update) *update;
	__typeof__(SHA256_Final) *final;
};

static void *digest_symbol(void *library, const char *name)
{
	void *symbol = library ? dlsym(library, name) : NULL;

	if (!symbol)
		g_error("%s", dlerror());
	return symbol;
}

static gpointer digest_load(gpointer data)
{
	struct openssl *openssl = data;
	void *library = dlopen(LIBCRYPTO_SONAME, RTLD_NOW | RTLD_LOCAL);

	*(void **)&openssl->init = digest_symbol(library, "SHA256_Init");
	*(void **)&openssl->update = digest_symbol(library, "SHA256_Update");
	*(void **)&openssl->final = digest_symbol(library, "SHA256_Final");
	return openssl;
}

static const struct openssl *digest_openssl(void)
{
	static struct openssl openssl;
	static GOnce once = G_ONCE_INIT;

	return g_once(&once, digest_load, &openssl);
}

/* Whether this process has hashed more than a little with these octets. */
static bool digest_is_much(size_t len)
{
	static gsize hashed;

	return (gsize)g_atomic_pointer_add(&hashed, (gssize)len) + len >
	       DIGEST_LITTLE;
}

/* OpenSSL fails here only without its algorithms: a broken invariant. */
static void digest_must(int rc)
{
	if (rc != 1)
		g_error("SHA-256 failed");
}

struct digest *digest_new(void)
{
	struct digest *digest = g_new(struct digest, 1);

	digest->little = g_byte_array_new();
	return digest;
}

static void digest_enlarge(struct digest *digest)
{
	GByteArray *little = g_steal_pointer(&digest->little);

	digest_must(digest_openssl()->init(&digest->context));
	digest_must(digest_openssl()->update(&digest->context, little->data,
					     little->len));
	g_byte_array_unref(little);
}

void digest_update(struct digest *digest, const void *data, size_t len)
{
	if (digest->little && len > DIGEST_LITTLE - digest->little->len)
		digest_enlarge(digest);
	if (digest->little)
		g_byte_array_append(digest->little, data, (guint)len);
	else
		digest_must(
			digest_openssl()->update(&digest->context, data, len));
}

void digest_finish(struct digest *digest, uint8_t ret_hash[DIGEST_SIZE])
{
	if (digest->little)
		digest_sha256(digest->little->data, digest->little->len,
			      ret_hash);
	else
		digest_must(
			digest_openssl()->final(ret_hash, &digest->context));
	digest_free(digest);
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	if (digest->little)
		g_byte_array_unref(digest->little);
	g_free(digest);
}

static void digest_by_glib(const void *data, size_t len,
			   uint8_t ret_hash[DIGEST_SIZE])
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize size = DIGEST_SIZE;

	g_checksum_update(checksum, data, (gssize)len);
	g_checksum_get_digest(checksum, ret_hash, &size);
}

void digest_sha256(const void *data, size_t len, uint8_t ret_hash[DIGEST_SIZE])
{
	SHA256_CTX context;

	if (!digest_is_much(len)) {
		digest_by_glib(data, len, ret_hash);
		return;
	}
	digest_must(digest_openssl()->init(&context));
	digest_must(digest_openssl()->update(&context, data, len));
	digest_must(digest_openssl()->final(ret_hash, &context));
}
