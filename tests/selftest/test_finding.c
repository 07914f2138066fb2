/*
 * A leak that no assertion sees and Criterion reports as passed: tests/run
 * has to fail it all the same (tests/e2e/test_runner.py).
 */
#include <criterion/criterion.h>
#include <string.h>

Test(finding, leaks)
{
	char *volatile lost = strdup("nobody frees me");

	cr_assert(lost[0] == 'n');
	lost = NULL;
}

Test(finding, is_clean)
{
	cr_assert(1);
}
