/*
 * Passwords are kept as scrypt hashes (RFC 7914), salted, with their costs.
 */
#include "senders.h"
#include "store_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum {
	PASSWORD_LN = 14, /* 16 MB, some 40 ms */
	PASSWORD_R = 8,
	PASSWORD_P = 1,
	PASSWORD_SALT = 16,
	PASSWORD_HASH = 32,
	PASSWORD_LN_MAX = 20,
};

static bool password_derive(const char *password, const uint8_t *salt,
			    size_t salt_len, const unsigned costs[3],
			    uint8_t ret_hash[PASSWORD_HASH])
{
	return EVP_PBE_scrypt(password, strlen(password), salt, salt_len,
			      UINT64_C(1) << costs[0], costs[1], costs[2],
			      UINT64_C(256) << costs[0] << 10, ret_hash,
			      PASSWORD_HASH) == 1;
}

int password_hash(const char *password, char **ret_hash, struct fault *fault)
{
	static const unsigned costs[3] = {PASSWORD_LN, PASSWORD_R, PASSWORD_P};
	uint8_t salt[PASSWORD_SALT];
	uint8_t hash[PASSWORD_HASH];
	g_autofree char *salt_text = NULL;
	g_autofree char *hash_text = NULL;

	if (RAND_bytes(salt, sizeof(salt)) != 1 ||
	    !password_derive(password, salt, sizeof(salt), costs, hash))
		return fault_set(fault, FAULT_INTERNAL,
				 "cannot hash the password");
	salt_text = g_base64_encode(salt, sizeof(salt));
	hash_text = g_base64_encode(hash, sizeof(hash));
	*ret_hash = g_strdup_printf("$scrypt$ln=%u,r=%u,p=%u$%s$%s", costs[0],
				    costs[1], costs[2], salt_text, hash_text);
	return 0;
}

bool password_matches(const char *password, const char *hash)
{
	g_auto(GStrv) parts = g_strsplit(hash, "$", 0);
	g_autofree uint8_t *salt = NULL;
	g_autofree uint8_t *want = NULL;
	size_t salt_len;
	size_t want_len;
	unsigned costs[3];
	uint8_t got[PASSWORD_HASH];

	if (g_strv_length(parts) != 5 || strcmp(parts[1], "scrypt") != 0 ||
	    sscanf(parts[2], "ln=%u,r=%u,p=%u", &costs[0], &costs[1],
		   &costs[2]) != 3 ||
	    costs[0] > PASSWORD_LN_MAX)
		return false;
	salt = g_base64_decode(parts[3], &salt_len);
	want = g_base64_decode(parts[4], &want_len);
	return want_len == sizeof(got) &&
	       password_derive(password, salt, salt_len, costs, got) &&
	       CRYPTO_memcmp(got, want, sizeof(got)) == 0;
}
