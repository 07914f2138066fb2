/*
 * Every message of the corpus beside the tree, if it is there: none may end
 * the process or take long, and each comes back from composing, but for those
 * of tests/data/roundtrip.tsv; docs/conversion.md has the reasons.
 */
#include "roundtrip.h"

#include <stdio.h>

#define CORPUS "../shared/corpus"
/* Many times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SLOWEST_MS 20000
#else
# define SLOWEST_MS 2000 /* far above any of them */
#endif
#define KNOWN "tests/data/roundtrip.tsv"

struct figures {
	unsigned messages;
	unsigned same;
	double slowest_ms;
	char *slowest;
	unsigned unknown;
	GHashTable *known;   /* message -> class of reason */
	GHashTable *classes; /* class -> count */
};

/* The table of those that differ. */
static GHashTable *known_new(void)
{
	GHashTable *known =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	cr_assert(g_file_get_contents(KNOWN, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, "\t", 2);

		if (g_strv_length(fields) == 2)
			g_hash_table_insert(known, g_strdup(fields[0]),
					    g_strdup(fields[1]));
	}
	return known;
}

static void count_class(struct figures *figures, const char *name,
			const char *why)
{
	char *class = g_hash_table_lookup(figures->known, name);
	gpointer old = NULL;

	if (!class) {
		figures->unknown++;
		(void)fprintf(stderr, "test_corpus: %s: %s\n", name, why);
		return;
	}
	old = g_hash_table_lookup(figures->classes, class);
	g_hash_table_replace(figures->classes, class,
			     GINT_TO_POINTER(GPOINTER_TO_INT(old) + 1));
}

static void one_message(struct figures *figures, const char *name)
{
	g_autofree char *path = g_build_filename(CORPUS, name, NULL);
	g_autofree char *data = NULL;
	g_autofree char *why = NULL;
	gsize len = 0;
	int64_t start = 0;
	double ms = 0;

	if (!g_file_get_contents(path, &data, &len, NULL))
		return;
	start = g_get_monotonic_time();
	propset_free(convert_len(data, len, NULL));
	ms = (double)(g_get_monotonic_time() - start) / 1000;
	if (ms > figures->slowest_ms) {
		figures->slowest_ms = ms;
		g_free(figures->slowest);
		figures->slowest = g_strdup(name);
	}
	figures->messages++;
	why = roundtrip(data, len);
	if (!why)
		figures->same++;
	else
		count_class(figures, name, why);
	if (!why && g_hash_table_contains(figures->known, name))
		(void)fprintf(stderr, "test_corpus: %s comes back now\n", name);
	if (why && g_getenv("OKAPI_TEST_VERBOSE"))
		(void)fprintf(stderr, "%s: %s\n", path, why);
}

static void every_message(struct figures *figures, const char *manifest)
{
	g_auto(GStrv) lines = g_strsplit(manifest, "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, "\t", 5);

		if (g_strv_length(fields) < 5 || strcmp(fields[3], "input"))
			continue;
		one_message(figures, fields[0]);
	}
}

Test(corpus, all, .timeout = 300)
{
	struct figures figures = {0};
	g_autofree char *manifest = NULL;
	GHashTableIter iter;
	gpointer reason = NULL;
	gpointer count = NULL;

	if (!g_file_get_contents(CORPUS "/MANIFEST.tsv", &manifest, NULL,
				 NULL)) {
		(void)fprintf(stderr, "test_corpus: SKIPPED, there is no %s\n",
			      CORPUS);
		return;
	}
	figures.known = known_new();
	figures.classes = g_hash_table_new(g_str_hash, g_str_equal);
	every_message(&figures, manifest);
	(void)fprintf(stderr,
		      "test_corpus: %u messages converted, slowest %.0f ms "
		      "(%s); %u come back from composing\n",
		      figures.messages, figures.slowest_ms, figures.slowest,
		      figures.same);
	g_hash_table_iter_init(&iter, figures.classes);
	while (g_hash_table_iter_next(&iter, &reason, &count))
		(void)fprintf(stderr, "  %5d %s\n", GPOINTER_TO_INT(count),
			      (char *)reason);
	cr_expect(figures.messages > 0);
	cr_expect(figures.slowest_ms < SLOWEST_MS);
	cr_expect_eq(figures.unknown, 0);
	g_hash_table_unref(figures.classes);
	g_hash_table_unref(figures.known);
	g_free(figures.slowest);
}
