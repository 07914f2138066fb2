/*
 * SCRAM-SHA-256: the exchange of RFC 7677 3, what is refused, and keys of our
 * own making with a client of our own.
 */
#include "scram.h"

#include "digest.h"

#include <criterion/criterion.h>
#include <string.h>

/* Of "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 iterations. */
#define PENCIL                                                                 \
 "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"                                \
 "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                               \
 "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define NONCE        "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST        "n,,n=user,r=" NONCE
#define FINAL        "c=biws,r=" NONCE SERVER_NONCE
#define PROOF        ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static struct scram *begun(const char *keys)
{
	struct scram *scram = scram_new(SERVER_NONCE);
	struct fault fault = {0};
	const char *user = NULL;
	g_autofree char *answer = NULL;

	cr_assert_eq(scram_client_first(scram, FIRST, &user, &fault), 0);
	cr_assert_str_eq(user, "user");
	answer = scram_server_first(scram, keys);
	if (keys && strcmp(keys, PENCIL) == 0)
		cr_assert_str_eq(answer, "r=" NONCE SERVER_NONCE
					 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	return scram;
}

Test(scram, the_exchange_of_rfc_7677)
{
	AUTO(scram) scram = begun(PENCIL);
	struct fault fault = {0};
	g_autofree char *answer = NULL;

	cr_assert_eq(scram_client_final(scram, FINAL PROOF, &answer, &fault), 0,
		     "%s", fault.text);
	cr_expect_str_eq(answer,
			 "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

Test(scram, last_messages_that_fail)
{
	static const struct {
		const char *name;
		const char *keys;
		const char *message;
		enum fault_kind kind;
	} cases[] = {
		{"nobody has these keys", NULL, FINAL PROOF, FAULT_NOT_ALLOWED},
		{"keys that are none", "SCRAM-SHA-256$4096:a$b", FINAL PROOF,
		 FAULT_NOT_ALLOWED},
		{"another proof", PENCIL,
		 FINAL ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		 FAULT_NOT_ALLOWED},
		{"a short proof", PENCIL, FINAL ",p=eHzb", FAULT_NOT_ALLOWED},
		{"no proof", PENCIL, FINAL, FAULT_BAD_ARGUMENT},
		{"another nonce", PENCIL, "c=biws,r=" NONCE PROOF,
		 FAULT_BAD_ARGUMENT},
		{"a longer nonce", PENCIL, FINAL "x" PROOF, FAULT_BAD_ARGUMENT},
		{"another binding", PENCIL,
		 "c=eSws,r=" NONCE SERVER_NONCE PROOF, FAULT_BAD_ARGUMENT},
		{"nothing", PENCIL, "", FAULT_BAD_ARGUMENT},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(scram) scram = begun(cases[i].keys);
		struct fault fault = {0};
		g_autofree char *answer = NULL;

		cr_expect_eq(scram_client_final(scram, cases[i].message,
						&answer, &fault),
			     -1, "%s", cases[i].name);
		cr_expect_eq(fault.kind, cases[i].kind, "%s: %s", cases[i].name,
			     fault.text);
	}
}

Test(scram, first_messages)
{
	static const struct {
		const char *message;
		const char *user; /* NULL: refused */
	} cases[] = {
		{"n,,n=user,r=x", "user"},
		{"y,,n=user,r=x,ext=1", "user"},
		{"n,a=user,n=user,r=x", "user"},
		{"n,,n=a=2Cb=3Dc,r=x", "a,b=c"},
		{"n,,n=j\xc3\xbcrgen,r=x", "j\xc3\xbcrgen"},
		{"n,a=other,n=user,r=x", NULL},
		{"p=tls-unique,,n=user,r=x", NULL},
		{"n,,n=a=2c,r=x", NULL},
		{"n,,n=,r=x", NULL},
		{"n,,n=user,r=", NULL},
		{"n,,n=user,r=a b", NULL},
		{"n,,m=x,n=user,r=x", NULL},
		{"n,,n=\xff,r=x", NULL},
		{"n=user,r=x", NULL},
		{"x,,n=user,r=x", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(scram) scram = scram_new(NULL);
		struct fault fault = {0};
		const char *user = NULL;
		int rc = scram_client_first(scram, cases[i].message, &user,
					    &fault);

		cr_expect_eq(rc == 0, cases[i].user != NULL, "%s: %s",
			     cases[i].message, fault.text);
		if (rc == 0 && cases[i].user)
			cr_expect_str_eq(user, cases[i].user);
	}
}

/* The client's proof for a password (RFC 5802 3). */
static char *proof_of(const char *password, const char *server_first,
		      const char *auth_message)
{
	g_auto(GStrv) parts = g_strsplit(server_first, ",", -1);
	gsize salt_len;
	g_autofree uint8_t *salt = g_base64_decode(parts[1] + 2, &salt_len);
	uint8_t salted[DIGEST_SIZE];
	uint8_t client[DIGEST_SIZE];
	uint8_t stored[DIGEST_SIZE];
	uint8_t signature[DIGEST_SIZE];

	digest_pbkdf2(password, salt, salt_len,
		      (unsigned)g_ascii_strtoull(parts[2] + 2, NULL, 10),
		      salted);
	digest_hmac(salted, DIGEST_SIZE, "Client Key", 10, client);
	digest_sha256(client, DIGEST_SIZE, stored);
	digest_hmac(stored, DIGEST_SIZE, auth_message, strlen(auth_message),
		    signature);
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		client[i] ^= signature[i];
	return g_base64_encode(client, DIGEST_SIZE);
}

static int log_in(const char *keys, const char *password)
{
	AUTO(scram) scram = scram_new(NULL);
	struct fault fault = {0};
	const char *user;
	g_autofree char *first = NULL;
	g_autofree char *nonce = NULL;
	g_autofree char *without = NULL;
	g_autofree char *auth_message = NULL;
	g_autofree char *proof = NULL;
	g_autofree char *final = NULL;
	g_autofree char *answer = NULL;

	cr_assert_eq(scram_client_first(scram, "n,,n=u,r=abc", &user, &fault),
		     0);
	first = scram_server_first(scram, keys);
	nonce = g_strndup(first, strcspn(first, ","));
	without = g_strconcat("c=biws,", nonce, NULL);
	auth_message = g_strconcat("n=u,r=abc,", first, ",", without, NULL);
	proof = proof_of(password, first, auth_message);
	final = g_strconcat(without, ",p=", proof, NULL);
	return scram_client_final(scram, final, &answer, &fault);
}

Test(scram, keys_let_in_whom_they_are_of)
{
	g_autofree char *keys = scram_keys_make("sesam \xc2\xad\xef\xac\x81x");
	g_autofree char *again = scram_keys_make("sesam fix");

	cr_expect(g_str_has_prefix(keys, "SCRAM-SHA-256$65536:"));
	cr_expect_str_neq(keys, again);
	cr_expect_eq(log_in(keys, "sesam fix"), 0);
	cr_expect_eq(log_in(keys, "sesam"), -1);
	cr_expect_eq(log_in(NULL, ""), -1);
}
