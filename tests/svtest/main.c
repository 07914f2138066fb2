/*
 * okapi-sieve-test FILE...: runs test files, a line of counts for each.
 */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int result = EXIT_SUCCESS;

	if (argc < 2) {
		(void)fprintf(stderr,
			      "usage: okapi-sieve-test FILE.svtest...\n");
		return EXIT_FAILURE;
	}
	for (int i = 1; i < argc; i++)
		if (suite_run_file(argv[i]))
			result = EXIT_FAILURE;
	return result;
}
