/*
 * What our tests use of Criterion, for builds under ThreadSanitizer: Criterion
 * maps an arena where that has its shadow memory, and cannot start.  Each test
 * runs in a process of its own, in the order of the linker; what is printed is
 * what tests/run reads.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <criterion/options.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_FAILED  101 /* an assertion did not hold */
#define EXIT_SKIPPED 102

/* Everything is slower here. */
#define TIMEOUT_FACTOR 5

extern struct criterion_test *__start_cr_tst[];
extern struct criterion_test *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

struct criterion_options criterion_options;

/* Of the test that runs. */
static bool has_failed;

/* ---- what the macros call ---- */

int cr_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(ret_text, format, args);
	va_end(args);
	return len;
}

void cr_asprintf_free(char *text)
{
	free(text);
}

char *cr_translate_assert_msg(int index, ...)
{
	const char *expression;
	va_list args;

	(void)index;
	va_start(args, index);
	expression = va_arg(args, const char *);
	va_end(args);
	return strdup(expression);
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (!stats->passed)
		fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line,
			stats->message);
}

void cri_asserts_passed_incr(void)
{
}

void criterion_continue_test(void)
{
	has_failed = true;
}

void criterion_abort_test(void)
{
	exit(EXIT_FAILED);
}

void criterion_skip_test(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("[SKIP] ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_SKIPPED);
}

void cr_log(enum criterion_severity severity, const char *format, ...)
{
	va_list args;

	(void)severity;
	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* Fixtures are run by test_run(). */
void criterion_internal_test_setup(void)
{
}

void criterion_internal_test_main(void (*test)(void))
{
	test();
}

void criterion_internal_test_teardown(void)
{
}

/* ---- running ---- */

static const struct criterion_test_extra_data *
test_suite(const struct criterion_test *test)
{
	static const struct criterion_test_extra_data none;

	for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts;
	     s++)
		if (strcmp((*s)->name, test->category) == 0)
			return (*s)->data;
	return &none;
}

static void test_fixture(void (*own)(void), void (*of_suite)(void))
{
	if (own)
		own();
	else if (of_suite)
		of_suite();
}

static _Noreturn void test_run(const struct criterion_test *test)
{
	const struct criterion_test_extra_data *suite = test_suite(test);
	double timeout =
		test->data->timeout > 0 ? test->data->timeout : suite->timeout;

	alarm((unsigned)(timeout * TIMEOUT_FACTOR));
	test_fixture(test->data->init, suite->init);
	test->test();
	test_fixture(test->data->fini, suite->fini);
	exit(has_failed ? EXIT_FAILED : 0);
}

/* The status as of wait(2). */
static int test_fork(const struct criterion_test *test)
{
	int status = -1;
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		return -1;
	}
	if (child == 0)
		test_run(test);
	if (waitpid(child, &status, 0) < 0)
		perror("waitpid");
	return status;
}

int main(void)
{
	int tested = 0;
	int passing = 0;
	int failing = 0;
	int crashing = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst;
	     t++) {
		const struct criterion_test *test = *t;
		int status = test_fork(test);

		if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED)
			continue;
		tested++;
		if (status == 0) {
			passing++;
			continue;
		}
		printf("%s::%s: %s %d\n", test->category, test->name,
		       WIFEXITED(status) ? "exit status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status)
					 : WTERMSIG(status));
		failing += WIFEXITED(status);
		crashing += !WIFEXITED(status);
	}
	printf("Synthesis: Tested: %d | Passing: %d | Failing: %d"
	       " | Crashing: %d\n",
	       tested, passing, failing, crashing);
	return failing + crashing > 0;
}
