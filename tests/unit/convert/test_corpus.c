/*
 * Every message of the corpus beside the tree, if it is there: none may end
 * the process or take long; how many come back from composing is told.
 */
#include "roundtrip.h"

#include <stdio.h>

#define CORPUS "../shared/corpus"
#ifdef __SANITIZE_ADDRESS__ /* many times slower */
# define SLOWEST_MS 20000
#else
# define SLOWEST_MS 2000 /* far above any of them */
#endif
#define COME_BACK_MIN 90 /* per cent */

struct figures {
	unsigned messages;
	unsigned same;
	double slowest_ms;
	char *slowest;
	GHashTable *reasons; /* first words -> count */
};

static void count_reason(struct figures *figures, const char *why)
{
	g_autofree char *key = g_strndup(why, strcspn(why, ":"));
	gpointer old = g_hash_table_lookup(figures->reasons, key);

	g_hash_table_replace(figures->reasons, g_steal_pointer(&key),
			     GINT_TO_POINTER(GPOINTER_TO_INT(old) + 1));
}

static void one_message(struct figures *figures, const char *path)
{
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
		figures->slowest = g_strdup(path);
	}
	figures->messages++;
	why = roundtrip(data, len);
	if (!why)
		figures->same++;
	else
		count_reason(figures, why);
	if (why && g_getenv("OKAPI_TEST_VERBOSE"))
		(void)fprintf(stderr, "%s: %s\n", path, why);
}

static void every_message(struct figures *figures, const char *manifest)
{
	g_auto(GStrv) lines = g_strsplit(manifest, "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, "\t", 5);
		g_autofree char *path = NULL;

		if (g_strv_length(fields) < 5 || strcmp(fields[3], "input"))
			continue;
		path = g_build_filename(CORPUS, fields[0], NULL);
		one_message(figures, path);
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
	figures.reasons =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	every_message(&figures, manifest);
	(void)fprintf(stderr,
		      "test_corpus: %u messages converted, slowest %.0f ms "
		      "(%s); %u come back from composing\n",
		      figures.messages, figures.slowest_ms, figures.slowest,
		      figures.same);
	g_hash_table_iter_init(&iter, figures.reasons);
	while (g_hash_table_iter_next(&iter, &reason, &count))
		(void)fprintf(stderr, "  %5d %s\n", GPOINTER_TO_INT(count),
			      (char *)reason);
	cr_expect(figures.messages > 0);
	cr_expect(figures.slowest_ms < SLOWEST_MS);
	cr_expect(figures.same * 100 >= figures.messages * COME_BACK_MIN);
	g_hash_table_unref(figures.reasons);
	g_free(figures.slowest);
}
