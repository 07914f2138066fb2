/*
 * What evaluating one script costs, without a delivery around it: for
 * bench_rules.py.
 *
 *	bench_evaluate MESSAGE SCRIPT...
 *
 * A line a script: microseconds of processor time an evaluation.
 */
#include "convert/convert.h"
#include "rules/sieve.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURNS 20000

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static char *read_file(const char *path, gsize *ret_len)
{
	char *text = NULL;

	if (g_file_get_contents(path, &text, ret_len, NULL))
		return text;
	fprintf(stderr, "bench_evaluate: cannot read %s\n", path);
	exit(1);
}

static int measure(const char *path, const struct sieve_message *message)
{
	gsize len = 0;
	g_autofree char *text = read_file(path, &len);
	struct fault fault = {0};
	AUTO(sieve_script)
	script = sieve_compile(path, text, len, NULL, &fault);
	struct sieve_rule rule = {.script = script};
	double begin;

	if (!script) {
		fprintf(stderr, "%s:%s\n", path, fault.text);
		return 1;
	}
	begin = cpu_us();
	for (int i = 0; i < TURNS; i++)
		sieve_plan_free(sieve_evaluate(&rule, 1, message, NULL, NULL));
	printf("%s\t%.2f\n", path, (cpu_us() - begin) / TURNS);
	return 0;
}

int main(int argc, char **argv)
{
	const struct convert_options options = {
		.flags = CONVERT_SKETCH | CONVERT_HEADERS,
		.default_charset = "windows-1252",
	};
	struct sieve_message message = {.envelope_from = "alice@example.org",
					.envelope_to = "u000@perf.test"};
	AUTO(propset) set = NULL;
	g_autofree char *text = NULL;
	gsize len = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: bench_evaluate MESSAGE SCRIPT...\n");
		return 64;
	}
	convert_init();
	text = read_file(argv[1], &len);
	set = convert_to_propset(text, len, &options, NULL);
	message.set = set;
	message.size = (int64_t)len;
	for (int i = 2; i < argc; i++)
		if (measure(argv[i], &message))
			return 1;
	return 0;
}
