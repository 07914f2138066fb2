/*
 * A compiled script belongs to no thread: many sessions run the same one.
 * Under SAN=tsan this test means more than it says.
 */
#include "cases.h"

#define THREADS 4
#define RUNS    50

static const char text[] =
	"require [\"fileinto\",\"variables\",\"regex\",\"imap4flags\","
	"\"vnd.okapi.property\"];\n"
	"if header :regex \"subject\" \"^.(list)\" {\n"
	"    set :lower \"name\" \"${1}\";\n"
	"    addflag \"${name}\";\n"
	"    fileinto \"Lists/${name}\";\n"
	"}\n"
	"if property :value \"ge\" \"PR_IMPORTANCE\" \"2\" { keep; }\n";

static void *run(void *context)
{
	const struct sieve_rule script = {.script = context};
	AUTO(propset) set = case_set(NULL);
	struct sieve_message message = {.set = set, .size = 1};
	GString *wrong = NULL;

	for (int i = 0; i < RUNS && !wrong; i++) {
		GString *line = g_string_new(NULL);
		AUTO(sieve_plan) plan = sieve_evaluate(&script, 1, &message,
						       case_on_error, line);

		(void)case_format_plan(line, plan);
		if (strcmp(line->str,
			   "fileinto Lists/list (list); keep (list)") != 0)
			wrong = line;
		else
			g_string_free(line, TRUE);
	}
	return wrong;
}

Test(threads, one_script_for_many)
{
	AUTO(sieve_script) script =
		sieve_compile("x", text, sizeof(text) - 1, NULL, NULL);
	GThread *threads[THREADS];

	cr_assert_not_null(script);
	for (int i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("rules", run, script);
	for (int i = 0; i < THREADS; i++) {
		GString *wrong = g_thread_join(threads[i]);

		cr_expect_null(wrong, "%s", wrong->str);
	}
}
