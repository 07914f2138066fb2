/*
 * true, false, not, anyof, allof: RFC 5228 sections 5.2, 5.3, 5.6, 5.8 and
 * 5.10.  Too small for a file each.  Evaluation is lazy, left to right.
 */
#include "entries.h"
#include "run.h"

static bool run_true(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	(void)node;
	return true;
}

static bool run_false(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	(void)node;
	return false;
}

static bool run_not(struct sieve_run *run, const struct ast_node *node)
{
	return !sieve_run_test(run, node->tests);
}

static bool run_anyof(struct sieve_run *run, const struct ast_node *node)
{
	for (const struct ast_node *test = node->tests; test; test = test->next)
		if (sieve_run_test(run, test))
			return true;
	return false;
}

static bool run_allof(struct sieve_run *run, const struct ast_node *node)
{
	for (const struct ast_node *test = node->tests; test; test = test->next)
		if (!sieve_run_test(run, test))
			return false;
	return true;
}

const struct language_entry test_true = {
	.kind = LANGUAGE_TEST,
	.name = "true",
	.signature = "",
	.look = LOOK_NOT,
	.test = run_true,
};

const struct language_entry test_false = {
	.kind = LANGUAGE_TEST,
	.name = "false",
	.signature = "",
	.look = LOOK_NOT,
	.test = run_false,
};

const struct language_entry test_not = {
	.kind = LANGUAGE_TEST,
	.name = "not",
	.signature = "",
	.look = LOOK_NOT,
	.tests = TESTS_ONE,
	.test = run_not,
};

const struct language_entry test_anyof = {
	.kind = LANGUAGE_TEST,
	.name = "anyof",
	.signature = "",
	.look = LOOK_NOT,
	.tests = TESTS_LIST,
	.test = run_anyof,
};

const struct language_entry test_allof = {
	.kind = LANGUAGE_TEST,
	.name = "allof",
	.signature = "",
	.look = LOOK_NOT,
	.tests = TESTS_LIST,
	.test = run_allof,
};
