/*
 * SCRAM-SHA-256, the server's side; see scram.h.
 */
#include "scram.h"

#include "digest.h"

#include <string.h>

#define SCRAM_NAME "SCRAM-SHA-256"

enum {
	SCRAM_ITERATIONS = 65536,
	SCRAM_ITERATIONS_MAX = 10000000,
	SCRAM_SALT = 16,
	SCRAM_NONCE = 18,
	SCRAM_NONCE_MAX = 128, /* of a client */
};

struct scram_keys {
	unsigned iterations;
	char *salt; /* base64; owned */
	uint8_t stored[DIGEST_SIZE];
	uint8_t server[DIGEST_SIZE];
};

struct scram {
	char *nonce;  /* both halves, once the client's is known */
	char *header; /* gs2-header */
	char *user;
	char *first; /* client-first-message-bare "," server-first-message */
	struct scram_keys keys;
	bool has_keys;
};

/* ---- keys ------------------------------------------------------------------
 */

/* SASLprep (RFC 4013), as far as it matters: what is not ASCII is brought to
 * its compatibility form, soft hyphens go. */
char *scram_prepare(const char *password)
{
	char *text = g_utf8_normalize(password, -1, G_NORMALIZE_ALL_COMPOSE);
	char *hyphen;

	if (!text)
		return g_strdup(password);
	while ((hyphen = strstr(text, "\xc2\xad")))
		memmove(hyphen, hyphen + 2, strlen(hyphen + 2) + 1);
	return text;
}

char *scram_name_escape(const char *name)
{
	GString *out = g_string_new(NULL);

	for (const char *p = name; *p; p++)
		if (*p == ',')
			g_string_append(out, "=2C");
		else if (*p == '=')
			g_string_append(out, "=3D");
		else
			g_string_append_c(out, *p);
	return g_string_free(out, FALSE);
}

static void scram_derive(const char *password, const uint8_t *salt,
			 size_t salt_len, struct scram_keys *keys)
{
	g_autofree char *prepared = scram_prepare(password);
	uint8_t salted[DIGEST_SIZE];
	uint8_t client[DIGEST_SIZE];

	digest_pbkdf2(prepared, salt, salt_len, keys->iterations, salted);
	digest_hmac(salted, sizeof(salted), "Client Key", 10, client);
	digest_sha256(client, sizeof(client), keys->stored);
	digest_hmac(salted, sizeof(salted), "Server Key", 10, keys->server);
	explicit_bzero(prepared, strlen(prepared));
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
}

char *scram_keys_make(const char *password)
{
	struct scram_keys keys = {.iterations = SCRAM_ITERATIONS};
	uint8_t salt[SCRAM_SALT];
	g_autofree char *salt_text = NULL;
	g_autofree char *stored = NULL;
	g_autofree char *server = NULL;

	digest_random(salt, sizeof(salt));
	scram_derive(password, salt, sizeof(salt), &keys);
	salt_text = g_base64_encode(salt, sizeof(salt));
	stored = g_base64_encode(keys.stored, sizeof(keys.stored));
	server = g_base64_encode(keys.server, sizeof(keys.server));
	return g_strdup_printf(SCRAM_NAME "$%u:%s$%s:%s", keys.iterations,
			       salt_text, stored, server);
}

static bool scram_key_parse(const char *base64, uint8_t ret_key[DIGEST_SIZE])
{
	size_t len;
	g_autofree uint8_t *key = g_base64_decode(base64, &len);

	if (len != DIGEST_SIZE)
		return false;
	memcpy(ret_key, key, DIGEST_SIZE);
	return true;
}

static bool scram_keys_parse(const char *text, struct scram_keys *ret_keys)
{
	g_auto(GStrv) parts = g_strsplit_set(text, "$:", -1);
	guint64 iterations;

	if (g_strv_length(parts) != 5 || strcmp(parts[0], SCRAM_NAME) != 0 ||
	    !*parts[2] || !scram_key_parse(parts[3], ret_keys->stored) ||
	    !scram_key_parse(parts[4], ret_keys->server))
		return false;
	iterations = g_ascii_strtoull(parts[1], NULL, 10);
	if (iterations < 1 || iterations > SCRAM_ITERATIONS_MAX)
		return false;
	ret_keys->iterations = (unsigned)iterations;
	ret_keys->salt = g_strdup(parts[2]);
	return true;
}

/* Keys of somebody who has none: nobody can tell from the salt, which is the
 * same whenever this process is asked. */
static void scram_keys_pretend(const char *user, struct scram_keys *ret_keys)
{
	static uint8_t secret[DIGEST_SIZE];
	static gsize is_made;
	uint8_t hash[DIGEST_SIZE];

	if (g_once_init_enter(&is_made)) {
		digest_random(secret, sizeof(secret));
		g_once_init_leave(&is_made, 1);
	}
	digest_hmac(secret, sizeof(secret), user, strlen(user), hash);
	ret_keys->iterations = SCRAM_ITERATIONS;
	ret_keys->salt = g_base64_encode(hash, SCRAM_SALT);
}

/* ---- an exchange -----------------------------------------------------------
 */

struct scram *scram_new(const char *nonce)
{
	struct scram *scram = g_new0(struct scram, 1);
	uint8_t octets[SCRAM_NONCE];

	digest_random(octets, sizeof(octets));
	scram->nonce = nonce ? g_strdup(nonce)
			     : g_base64_encode(octets, sizeof(octets));
	return scram;
}

void scram_free(struct scram *scram)
{
	if (!scram)
		return;
	g_free(scram->nonce);
	g_free(scram->header);
	g_free(scram->user);
	g_free(scram->first);
	g_free(scram->keys.salt);
	explicit_bzero(scram, sizeof(*scram));
	g_free(scram);
}

static int scram_bad(struct fault *fault)
{
	return fault_set(fault, FAULT_BAD_ARGUMENT,
			 "Not a message of " SCRAM_NAME);
}

/* saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" may be;
 * owned, NULL. */
static char *scram_name_decode(const char *name)
{
	GString *out = g_string_new(NULL);

	for (; *name; name++) {
		bool is_comma = g_str_has_prefix(name, "=2C");

		if (*name != '=') {
			g_string_append_c(out, *name);
			continue;
		}
		if (!is_comma && !g_str_has_prefix(name, "=3D")) {
			g_string_free(out, TRUE);
			return NULL;
		}
		g_string_append_c(out, is_comma ? ',' : '=');
		name += 2;
	}
	return g_string_free(out, FALSE);
}

static bool scram_nonce_check(const char *nonce)
{
	for (const char *p = nonce; *p; p++)
		if (*p < 0x21 || *p > 0x7e || *p == ',')
			return false;
	return *nonce && strlen(nonce) <= SCRAM_NONCE_MAX;
}

/* "n,," or "y,,", with an authzid perhaps: "n,a=NAME,". */
static int scram_header_check(char *const *parts, const char *user,
			      struct fault *fault)
{
	g_autofree char *authzid = NULL;

	if (g_str_has_prefix(parts[0], "p="))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "No channel binding here");
	if (strcmp(parts[0], "n") != 0 && strcmp(parts[0], "y") != 0)
		return scram_bad(fault);
	if (!*parts[1])
		return 0;
	if (!g_str_has_prefix(parts[1], "a="))
		return scram_bad(fault);
	authzid = scram_name_decode(parts[1] + 2);
	if (!authzid || strcmp(authzid, user) != 0)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Nobody acts for somebody else here");
	return 0;
}

int scram_client_first(struct scram *scram, const char *message,
		       const char **ret_user, struct fault *fault)
{
	g_auto(GStrv) parts = g_strsplit(message, ",", -1);
	guint count = g_strv_length(parts);
	g_autofree char *user = NULL;
	g_autofree char *nonce = NULL;

	if (scram->user || count < 4 || !g_str_has_prefix(parts[2], "n=") ||
	    !g_str_has_prefix(parts[3], "r=") ||
	    !scram_nonce_check(parts[3] + 2) ||
	    !g_utf8_validate(message, -1, NULL))
		return scram_bad(fault);
	user = scram_name_decode(parts[2] + 2);
	if (!user || !*user)
		return scram_bad(fault);
	if (scram_header_check(parts, user, fault) != 0)
		return -1;
	nonce = g_strconcat(parts[3] + 2, scram->nonce, NULL);
	g_free(scram->nonce);
	scram->nonce = g_steal_pointer(&nonce);
	scram->header = g_strdup_printf("%s,%s,", parts[0], parts[1]);
	scram->first = g_strdup(message + strlen(scram->header));
	scram->user = g_steal_pointer(&user);
	*ret_user = scram->user;
	return 0;
}

char *scram_server_first(struct scram *scram, const char *keys)
{
	g_autofree char *client = g_steal_pointer(&scram->first);
	char *message;

	scram->has_keys = keys && scram_keys_parse(keys, &scram->keys);
	if (!scram->has_keys)
		scram_keys_pretend(scram->user, &scram->keys);
	message = g_strdup_printf("r=%s,s=%s,i=%u", scram->nonce,
				  scram->keys.salt, scram->keys.iterations);
	scram->first = g_strconcat(client, ",", message, NULL);
	return message;
}

/* Is this the proof of who knows the password (RFC 5802 3)? */
static bool scram_proof_check(const struct scram *scram, const char *proof,
			      const char *auth_message)
{
	uint8_t client[DIGEST_SIZE];
	uint8_t signature[DIGEST_SIZE];
	uint8_t stored[DIGEST_SIZE];

	if (!scram_key_parse(proof, client))
		return false;
	digest_hmac(scram->keys.stored, DIGEST_SIZE, auth_message,
		    strlen(auth_message), signature);
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		client[i] ^= signature[i];
	digest_sha256(client, sizeof(client), stored);
	return digest_equal(stored, scram->keys.stored) && scram->has_keys;
}

int scram_client_final(struct scram *scram, const char *message,
		       char **ret_message, struct fault *fault)
{
	const char *proof = g_strrstr(message, ",p=");
	g_autofree char *binding = NULL;
	g_autofree char *expected = NULL;
	g_autofree char *without = NULL;
	g_autofree char *auth_message = NULL;
	g_autofree char *signature_text = NULL;
	uint8_t signature[DIGEST_SIZE];

	if (!scram->first || !proof)
		return scram_bad(fault);
	binding = g_base64_encode((const guchar *)scram->header,
				  strlen(scram->header));
	expected = g_strdup_printf("c=%s,r=%s", binding, scram->nonce);
	without = g_strndup(message, (gsize)(proof - message));
	/* Extensions may follow the nonce; there are none that matter. */
	if (!g_str_has_prefix(without, expected) ||
	    !strchr(",", without[strlen(expected)]))
		return scram_bad(fault);
	auth_message = g_strconcat(scram->first, ",", without, NULL);
	if (!scram_proof_check(scram, proof + 3, auth_message))
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "Authentication failed");
	digest_hmac(scram->keys.server, DIGEST_SIZE, auth_message,
		    strlen(auth_message), signature);
	signature_text = g_base64_encode(signature, sizeof(signature));
	*ret_message = g_strconcat("v=", signature_text, NULL);
	return 0;
}
