/*
 * okapi-sieve-test: Pigeonhole's .svtest files on Okapi's language.
 *
 * A test file is a Sieve script with the commands of vnd.dovecot.testsuite:
 * they set the message, compile and run other scripts, carry results out and
 * ask what came of it.  Results are carried out by the delivery itself, in a
 * store of the file's own.
 */
#ifndef OKAPI_TESTS_SVTEST_SUITE_H
#define OKAPI_TESTS_SVTEST_SUITE_H

#include "dagent/agent.h"
#include "propset.h"
#include "rules/run.h"

struct suite {
	char *directory; /* of the test file */
	struct agent *agent;
	struct store *store;

	/* The message and its envelope, as the scripts see them. */
	GBytes *bytes;
	struct propset *set;
	char *from;
	char *to;
	char *original_to;
	char *auth;
	GPtrArray *flags; /* of the stored message test_message found */
	char *sent_from;  /* of what test_message found */
	char *sent_to;
	char *detail;
	char *delimiters;
	char *user_email;
	struct sieve_message env;
	struct sieve_settings settings;
	GHashTable *config; /* key to value */

	/* What was compiled, and what its run decided. */
	const struct sieve_script *script;
	GPtrArray *scripts;      /* owned, until the end */
	GHashTable *included;    /* place and name to script, owned */
	struct sieve_plan *plan; /* NULL: what the test file itself did */
	bool is_executed;        /* the plan was carried out */
	GPtrArray *former;       /* of struct sieve_plan: those before it, to
				    which its script was appended */
	GPtrArray *errors;       /* of char * */

	/* The test that runs. */
	char *test;
	bool is_failed;
	unsigned passed;
	unsigned failed;
};

/* The entries of vnd.dovecot.testsuite. */
extern const struct language_entry *const suite_entries[];

/* Runs one file; prints what failed.  0, or 1 where something did. */
int suite_run_file(const char *path);

/* The suite a run belongs to. */
struct suite *suite_of(const struct sieve_run *run);
/* The test that runs has failed. */
void suite_fail(struct sieve_run *run, const char *reason);
void suite_error(struct suite *suite, const char *text);

/* text: with line feeds. */
void suite_set_message(struct suite *suite, const char *text, size_t len);
void suite_set_bytes(struct suite *suite, GBytes *bytes);
/* "envelope.from" and its like; false if there is none of that name. */
bool suite_set(struct suite *suite, const char *name, const char *value);
/* The envelope of a message that was sent, for the tests of the file. */
void suite_show_envelope(struct suite *suite, const char *from, const char *to);
/* NULL: unset. */
void suite_configure(struct suite *suite, const char *key, const char *value);

/* Below the directory of the test file; NULL with suite->errors. */
const struct sieve_script *suite_compile(struct suite *suite, const char *path);

/* The store (suite_store.c). */
void suite_open(struct suite *suite, const char *directory);
void suite_close(struct suite *suite);
bool suite_execute(struct suite *suite, const struct sieve_plan *plan);
bool suite_make_folder(struct suite *suite, const char *path);
bool suite_has_folder(struct suite *suite, const char *path,
		      const char *special_use);
/* As the MTA tells the envelope sender, if there is one, of a delivery that was
 * refused for good; refusal: becomes what went wrong with that, or nothing
 * (suite_mta.c). */
void suite_report(struct suite *suite, struct fault *refusal);
/* The message becomes the one that was sent or stored; false: there is none. */
bool suite_take_sent(struct suite *suite, size_t number);
bool suite_take_stored(struct suite *suite, const char *folder, size_t number);
void suite_forget_sent(struct suite *suite);

#endif
