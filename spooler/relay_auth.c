/*
 * SASL mechanisms of a client; see relay_auth.h.
 */
#include "relay_auth.h"

#include "digest.h"
#include "scram.h"

#include <string.h>

enum {
	AUTH_NONCE = 18,
	AUTH_ITERATIONS_MIN = 4096, /* RFC 7677 4 */
	AUTH_ITERATIONS_MAX = 10000000,
};

struct relay_auth {
	const struct auth_mechanism *mechanism;
	const char *user;
	const char *password;
	const char *token;
	unsigned step;
	const struct relay_binding *binding;
	/* SCRAM: */
	char *header; /* gs2-header (RFC 5802 7) */
	char *nonce;
	char *first; /* client-first-message-bare */
	char *error; /* the relay host's, NULL: none was told */
	uint8_t signature[DIGEST_SIZE];
	bool is_proven;
};

typedef GString *auth_answer_fn(struct relay_auth *auth, const char *challenge,
				struct fault *fault);

struct auth_mechanism {
	const char *name;
	bool by_token;
	bool is_mutual;
	bool is_bound;
	/* challenge NULL: the initial response. */
	auth_answer_fn *answer;
};

/* ---- passwords ---- */

static GString *auth_plain(struct relay_auth *auth, const char *challenge,
			   struct fault *fault)
{
	GString *answer = g_string_new(NULL);

	(void)challenge;
	(void)fault;
	g_string_append_c(answer, '\0');
	g_string_append(answer, auth->user);
	g_string_append_c(answer, '\0');
	g_string_append(answer, auth->password);
	return answer;
}

static GString *auth_login(struct relay_auth *auth, const char *challenge,
			   struct fault *fault)
{
	(void)fault;
	if (!challenge)
		return NULL;
	return g_string_new(auth->step++ ? auth->password : auth->user);
}

static GString *auth_cram_md5(struct relay_auth *auth, const char *challenge,
			      struct fault *fault)
{
	g_autofree char *digest = NULL;
	GString *answer;

	(void)fault;
	if (!challenge)
		return NULL;
	digest = g_compute_hmac_for_string(
		G_CHECKSUM_MD5, (const guchar *)auth->password,
		strlen(auth->password), challenge, -1);
	answer = g_string_new(auth->user);
	g_string_append_printf(answer, " %s", digest);
	return answer;
}

/* ---- tokens ---- */

/* A challenge tells of an error, in JSON; the answer makes the relay host say
 * so in a reply. */
static GString *auth_xoauth2(struct relay_auth *auth, const char *challenge,
			     struct fault *fault)
{
	GString *answer = g_string_new(NULL);

	(void)fault;
	if (!challenge)
		g_string_printf(answer, "user=%s\1auth=Bearer %s\1\1",
				auth->user, auth->token);
	return answer;
}

static GString *auth_oauthbearer(struct relay_auth *auth, const char *challenge,
				 struct fault *fault)
{
	g_autofree char *user = scram_name_escape(auth->user);
	GString *answer = g_string_new(NULL);

	(void)fault;
	if (challenge)
		return g_string_append_c(answer, '\1');
	g_string_printf(answer, "n,a=%s,\1auth=Bearer %s\1\1", user,
			auth->token);
	return answer;
}

/* ---- SCRAM-SHA-256 ---- */

/* "p=": bound by this type; "y": we could be, the relay host could not, or
 * somebody has made it look so; "n": we cannot, or the relay host offered it
 * and it came to nothing. */
static char *auth_scram_header(const struct relay_auth *auth)
{
	if (auth->mechanism->is_bound)
		return g_strdup_printf("p=%s,,", auth->binding->type);
	return g_strdup(auth->binding->type ? "y,," : "n,,");
}

/* "c=" of the last message: the header, and what binds. */
static char *auth_scram_channel(const struct relay_auth *auth)
{
	g_autoptr(GByteArray) all = g_byte_array_new();

	g_byte_array_append(all, (const guint8 *)auth->header,
			    (guint)strlen(auth->header));
	if (auth->mechanism->is_bound) {
		gsize len;
		const guint8 *data =
			g_bytes_get_data(auth->binding->data, &len);

		g_byte_array_append(all, data, (guint)len);
	}
	return g_base64_encode(all->data, all->len);
}

static GString *auth_scram_first(struct relay_auth *auth)
{
	g_autofree char *user = scram_name_escape(auth->user);
	uint8_t random[AUTH_NONCE];
	GString *answer;

	auth->header = auth_scram_header(auth);
	answer = g_string_new(auth->header);
	digest_random(random, sizeof(random));
	auth->nonce = g_base64_encode(random, sizeof(random));
	auth->first = g_strdup_printf("n=%s,r=%s", user, auth->nonce);
	return g_string_append(answer, auth->first);
}

/* "x=value" out of a message; owned, NULL if it is not there. */
static char *auth_scram_value(char **parts, char name)
{
	for (; *parts; parts++)
		if (parts[0][0] == name && parts[0][1] == '=')
			return g_strdup(parts[0] + 2);
	return NULL;
}

/* The proof that we know the password, base64; leaves the signature by which
 * the relay host will prove that it does. */
static char *auth_scram_prove(struct relay_auth *auth, const uint8_t *salt,
			      size_t salt_len, unsigned iterations,
			      const char *said)
{
	g_autofree char *password = scram_prepare(auth->password);
	uint8_t salted[DIGEST_SIZE];
	uint8_t key[DIGEST_SIZE];
	uint8_t stored[DIGEST_SIZE];
	uint8_t proof[DIGEST_SIZE];

	digest_pbkdf2(password, salt, salt_len, iterations, salted);
	digest_hmac(salted, sizeof(salted), "Client Key", 10, key);
	digest_sha256(key, sizeof(key), stored);
	digest_hmac(stored, sizeof(stored), said, strlen(said), proof);
	for (size_t i = 0; i < sizeof(proof); i++)
		proof[i] ^= key[i];
	digest_hmac(salted, sizeof(salted), "Server Key", 10, key);
	digest_hmac(key, sizeof(key), said, strlen(said), auth->signature);
	explicit_bzero(password, strlen(password));
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(key, sizeof(key));
	return g_base64_encode(proof, sizeof(proof));
}

static GString *auth_scram_final(struct relay_auth *auth, const char *challenge,
				 struct fault *fault)
{
	g_auto(GStrv) parts = g_strsplit(challenge, ",", -1);
	g_autofree char *nonce = auth_scram_value(parts, 'r');
	g_autofree char *salt_text = auth_scram_value(parts, 's');
	g_autofree char *count = auth_scram_value(parts, 'i');
	guint64 iterations = count ? g_ascii_strtoull(count, NULL, 10) : 0;
	g_autofree char *channel = auth_scram_channel(auth);
	g_autofree char *said = NULL;
	g_autofree char *proof = NULL;
	g_autofree guchar *salt = NULL;
	GString *answer;
	gsize len = 0;

	if (!nonce || !g_str_has_prefix(nonce, auth->nonce) ||
	    strcmp(nonce, auth->nonce) == 0 || !salt_text || !*salt_text ||
	    iterations < AUTH_ITERATIONS_MIN ||
	    iterations > AUTH_ITERATIONS_MAX || *challenge == 'm') {
		(void)fault_set(fault, FAULT_NETWORK,
				"its SCRAM challenge makes no sense");
		return NULL;
	}
	salt = g_base64_decode(salt_text, &len);
	said = g_strdup_printf("%s,%s,c=%s,r=%s", auth->first, challenge,
			       channel, nonce);
	proof = auth_scram_prove(auth, salt, len, (unsigned)iterations, said);
	answer = g_string_new(NULL);
	g_string_printf(answer, "c=%s,r=%s,p=%s", channel, nonce, proof);
	return answer;
}

static GString *auth_scram_verify(struct relay_auth *auth,
				  const char *challenge, struct fault *fault)
{
	g_autofree guchar *signature = NULL;
	gsize len = 0;

	if (g_str_has_prefix(challenge, "v="))
		signature = g_base64_decode(challenge + 2, &len);
	auth->is_proven = signature && len == DIGEST_SIZE &&
			  digest_equal(signature, auth->signature);
	if (auth->is_proven)
		return g_string_new(NULL);
	(void)fault_set(fault, FAULT_NETWORK,
			"it does not prove that it knows the password");
	return NULL;
}

static GString *auth_scram(struct relay_auth *auth, const char *challenge,
			   struct fault *fault)
{
	if (!challenge)
		return auth_scram_first(auth);
	if (g_str_has_prefix(challenge, "e=")) {
		/* The reply that refuses us comes after an empty answer. */
		g_free(auth->error);
		auth->error = g_strdup(challenge + 2);
		return g_string_new(NULL);
	}
	return auth->step++ ? auth_scram_verify(auth, challenge, fault)
			    : auth_scram_final(auth, challenge, fault);
}

/* ---- choosing ---- */

/* Best first. */
static const struct auth_mechanism auth_mechanisms[] = {
	{"OAUTHBEARER", true, false, false, auth_oauthbearer},
	{"XOAUTH2", true, false, false, auth_xoauth2},
	{"SCRAM-SHA-256-PLUS", false, true, true, auth_scram},
	{"SCRAM-SHA-256", false, true, false, auth_scram},
	{"CRAM-MD5", false, false, false, auth_cram_md5},
	{"PLAIN", false, false, false, auth_plain},
	{"LOGIN", false, false, false, auth_login},
};

static bool auth_is_offered(const char *offered, const char *name)
{
	g_auto(GStrv) words = g_strsplit(offered, " ", -1);

	for (char **word = words; *word; word++)
		if (g_ascii_strcasecmp(*word, name) == 0)
			return true;
	return false;
}

bool relay_auth_is_beyond_libesmtp(const char *offered)
{
	return auth_is_offered(offered, "SCRAM-SHA-256") ||
	       auth_is_offered(offered, "SCRAM-SHA-256-PLUS") ||
	       (auth_is_offered(offered, "CRAM-MD5") &&
		!auth_is_offered(offered, "PLAIN") &&
		!auth_is_offered(offered, "LOGIN"));
}

struct relay_auth *relay_auth_new(const char *offered,
				  const struct relay_login *login,
				  const char *token,
				  const struct relay_binding *binding)
{
	for (size_t i = 0; i < G_N_ELEMENTS(auth_mechanisms); i++) {
		const struct auth_mechanism *mechanism = &auth_mechanisms[i];
		struct relay_auth *auth;

		if (mechanism->by_token != !!token ||
		    (mechanism->is_bound && !binding->type) ||
		    !auth_is_offered(offered, mechanism->name))
			continue;
		auth = g_new0(struct relay_auth, 1);
		auth->mechanism = mechanism;
		auth->user = login->user;
		auth->password = login->password;
		auth->token = token;
		auth->binding = binding;
		return auth;
	}
	return NULL;
}

void relay_auth_free(struct relay_auth *auth)
{
	g_free(auth->header);
	g_free(auth->nonce);
	g_free(auth->first);
	g_free(auth->error);
	g_free(auth);
}

const char *relay_auth_mechanism(const struct relay_auth *auth)
{
	return auth->mechanism->name;
}

GString *relay_auth_begin(struct relay_auth *auth)
{
	return auth->mechanism->answer(auth, NULL, NULL);
}

GString *relay_auth_answer(struct relay_auth *auth, const char *challenge,
			   struct fault *fault)
{
	return auth->mechanism->answer(auth, challenge, fault);
}

bool relay_auth_is_mutual(const struct relay_auth *auth)
{
	return !auth->mechanism->is_mutual || auth->is_proven;
}

enum relay_auth_blame relay_auth_blame(const struct relay_auth *auth)
{
	if (!auth->mechanism->is_bound)
		return RELAY_BLAME_NOTHING;
	if (auth->error && strstr(auth->error, "channel-binding") == NULL)
		return RELAY_BLAME_NOTHING;
	if (auth->error && strcmp(auth->error, "channel-bindings-dont-match"))
		return RELAY_BLAME_TYPE;
	return auth->step ? RELAY_BLAME_BINDING : RELAY_BLAME_TYPE;
}
