/*
 * Scripts of other programs' test suites: whatever fails to compile must fail
 * for an extension we have not, or is known to be no script.
 */
#include "rules/sieve.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CORPUS "../shared/corpus"

/* What may fail, and why. */
static const char *const faulty[][2] = {
	{"validate_error.sieve", "unknown tagged argument ':invalidtag'"},
	{"stage_connect.sieve", "no such namespace of variables"},
	{"rfc3894.sieve", "\"test\" is no mail address"},
	{"rfc5228.sieve", "require must stand before"}, /* many in one file */
	/* These leave out their require. */
	{"body.siv", "needs require \"body\""},
	{"test-address-order.siv", "needs require \"subaddress\""},
	{"test-envelop-without-part.siv", "needs require \"envelope\""},
	{"test-value-as-list-quoted.siv", "needs require \"fileinto\""},
	{"delete-headers-with-index.siv", "needs require \"editheader\""},
	{"problem-with-inferior-char.siv", "needs require \"editheader\""},
	{"test-comment.siv", "header test requires 2 positional"},
	{"test-comment3.siv", "header test requires 2 positional"},
	{"test-comment4.siv", "header test requires 2 positional"},
	{"keep.siv", "\"\" is no name of a header field"},
	{"notify-2.siv", "unknown command \"notify\""},
	{"vacation-multiple-with-undefined-command.siv",
	 "unknown command \"testcommand\""},
	{"test-comment5.siv", "needs require \"virustest\""},
	{"full-example1.siv", "needs require \"variables\""},
	{"test-foreverypart-complex.siv", "needs require \"foreverypart\""},
	/* What the loop is in is missing; no part of an envelope. */
	{"extract-text.siv", "extracttext needs require \"foreverypart\""},
	{"break.siv", "there is no loop"},
	{"not-condition.siv", "is no part of the envelope"},
};

struct count {
	unsigned scripts;
	unsigned compiled;
	unsigned unsupported;
	unsigned faulty;
	GHashTable *missing; /* extension to number of scripts */
};

static bool is_script(const char *directory, const char *name)
{
	if (g_str_has_suffix(name, ".sieve"))
		return true;
	if (g_str_has_suffix(name, ".siv")) /* those are XML */
		return !g_str_has_suffix(name, "-ref.siv");
	if (g_str_has_suffix(directory, "roundcube-sieve/src"))
		return !strchr(name, '.');
	return g_str_has_suffix(name, "uberActionScript.s");
}

static bool is_known_faulty(const char *name, const char *error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(faulty); i++)
		if (strcmp(faulty[i][0], name) == 0)
			return strstr(error, faulty[i][1]) != NULL;
	return false;
}

static void count_missing(struct count *count, const char *error)
{
	g_auto(GStrv) parts = g_strsplit(error, "\"", 3);
	unsigned number;

	number =
		GPOINTER_TO_UINT(g_hash_table_lookup(count->missing, parts[1]));
	g_hash_table_replace(count->missing, g_strdup(parts[1]),
			     GUINT_TO_POINTER(number + 1));
}

static void compile(struct count *count, const char *path, const char *name)
{
	g_autofree char *text = NULL;
	gsize len = 0;
	struct sieve_error error = {0};
	AUTO(sieve_script) script = NULL;

	cr_assert(g_file_get_contents(path, &text, &len, NULL));
	count->scripts++;
	script = sieve_compile(name, text, len, &error, NULL);
	if (script) {
		count->compiled++;
	} else if (g_str_has_prefix(error.text, "unknown extension")) {
		count->unsupported++;
		count_missing(count, error.text);
	} else {
		count->faulty++;
		cr_expect(is_known_faulty(name, error.text), "%s:%u:%u: %s",
			  path, error.line, error.column, error.text);
	}
	if (!script)
		cr_expect(error.line > 0 && error.column > 0);
}

static void walk(struct count *count, const char *directory)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_DIR))
			walk(count, path);
		else if (is_script(directory, name))
			compile(count, path, name);
	}
}

Test(corpus, scripts_of_others_compile)
{
	static const char *const sources[] = {
		"roundcube-sieve",     "nextcloud-sieve", "jsieve",
		"pigeonhole-examples", "cyrus-sieve",     "stalwart-sieve",
		"sieve-rfc",           "libksieve",
	};
	struct count count = {
		.missing = g_hash_table_new_full(g_str_hash, g_str_equal,
						 g_free, NULL),
	};
	GHashTableIter iter;
	void *name;
	void *number;

	if (!g_file_test(CORPUS, G_FILE_TEST_IS_DIR))
		cr_skip_test("no corpus of scripts at " CORPUS);
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		g_autofree char *path =
			g_build_filename(CORPUS, sources[i], NULL);

		walk(&count, path);
	}
	printf("scripts of others: %u, compiled %u, extension missing %u, "
	       "faulty %u\n",
	       count.scripts, count.compiled, count.unsupported, count.faulty);
	g_hash_table_iter_init(&iter, count.missing);
	while (g_hash_table_iter_next(&iter, &name, &number))
		printf("  %s: %u\n", (char *)name, GPOINTER_TO_UINT(number));
	cr_expect_geq(count.compiled, 1);
	g_hash_table_unref(count.missing);
}

/* Every ```sieve block of docs/rules.md. */
Test(corpus, the_examples_of_the_documentation_compile)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) blocks = NULL;
	unsigned count = 0;

	if (!g_file_get_contents("docs/rules.md", &text, NULL, NULL))
		cr_skip_test("not run from the top of the source");
	blocks = g_strsplit(text, "```sieve\n", -1);
	for (char **block = blocks + 1; *block; block++) {
		char *end = strstr(*block, "```");
		struct fault fault = {0};
		AUTO(sieve_script) script = NULL;

		cr_assert_not_null(end);
		script = sieve_compile("doc", *block, (size_t)(end - *block),
				       NULL, &fault);
		cr_expect_not_null(script, "%s in:\n%.*s", fault.text,
				   (int)(end - *block), *block);
		count++;
	}
	cr_assert_gt(count, 10);
}
