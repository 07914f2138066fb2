/*
 * Every message of the corpus beside the tree, if it is there: none may end
 * the process or take long, and each comes back from composing, but for those
 * of tests/data/roundtrip.tsv and for what their classes say;
 * docs/conversion.md has the reasons, and how many they are.
 */
#include "roundtrip.h"

#include <stdio.h>

#define CORPUS "../shared/corpus"
#ifdef __SANITIZE_ADDRESS__ /* many times slower */
# define SLOWEST_MS 20000
#else
# define SLOWEST_MS 2000 /* far above any of them */
#endif
#define KNOWN "tests/data/roundtrip.tsv"
#define DOCS  "docs/conversion.md"

/* What may differ for a reason: patterns of names, as roundtrip() tells them.
 */
static const struct class
{
	const char *name;
	const char *may[8];
} classes[] = {
	{"address",
	 {"recipients", "PR_*DISPLAY_*", "PR_SENT_REPRESENTING_*",
	  "PR_SENDER_*", "PR_*RECIPIENT_*", "PR_*ADDRESS", "PR_*KEY",
	  "PR_ENTRYID"}},
	{"case", {"PR_SENDER_*"}},
	{"date", {"PR_REPORT_TIME", "PR_ORIGINAL_SUBMIT_TIME"}},
	{"global", {"PR_ATTACH_MIME_TAG"}},
	{"line-ends", {"PR_ATTACH_DATA_BIN", "PR_ATTACH_SIZE"}},
	{"message", {"PR_ATTACH_MIME_TAG", "content-type"}},
	{"multipart", {"PR_ATTACH_MIME_TAG"}},
	{"order",
	 {"PR_ATTACH*", "PR_DISPLAY_NAME", "PR_TEXT_ATTACHMENT_CHARSET"}},
	{"organizer", {"PR_SENDER_*"}},
	{"report", {"PR_BODY", "PR_NATIVE_BODY", "PR_INTERNET_CPID"}},
	{"tnef", {"*"}},
	{"type", {"PR_ATTACH_MIME_TAG"}},
};

struct figures {
	unsigned messages;
	unsigned same;
	double slowest_ms;
	char *slowest;
	unsigned wrong;
	unsigned counts[G_N_ELEMENTS(classes)];
	GHashTable *known; /* message -> its classes, with blanks between */
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
	for (char **line = lines + 1; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, "\t", 2);

		if (g_strv_length(fields) == 2)
			g_hash_table_insert(known, g_strdup(fields[0]),
					    g_strdup(fields[1]));
	}
	return known;
}

static bool may_differ(const struct class *class, const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(class->may) && class->may[i]; i++)
		if (g_pattern_match_simple(class->may[i], name))
			return true;
	return false;
}

/* Takes the names off that a class explains. */
static void explain(struct figures *figures, const char *class_name,
		    GHashTable *names)
{
	GHashTableIter iter;
	gpointer name = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
		if (strcmp(classes[i].name, class_name))
			continue;
		figures->counts[i]++;
		g_hash_table_iter_init(&iter, names);
		while (g_hash_table_iter_next(&iter, &name, NULL))
			if (may_differ(&classes[i], name))
				g_hash_table_iter_remove(&iter);
		return;
	}
	cr_expect(false, "%s: no class \"%s\"", KNOWN, class_name);
}

static void tell(struct figures *figures, const char *message, const char *what)
{
	figures->wrong++;
	(void)fprintf(stderr, "test_corpus: %s: %s\n", message, what);
}

/* Do the classes of the message explain all that differs, and is there
 * anything to explain? */
static void judge(struct figures *figures, const char *message, const char *why)
{
	const char *known = g_hash_table_lookup(figures->known, message);
	g_auto(GStrv) reasons = g_strsplit(known ? known : "", " ", -1);
	g_auto(GStrv) differ = g_strsplit(why ? why : "", ", ", -1);
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer name = NULL;

	if (!why)
		figures->same++;
	if (!why && known)
		tell(figures, message, "comes back now: out of " KNOWN);
	for (char **one = differ; *one; one++)
		g_hash_table_add(names, *one);
	for (char **reason = reasons; known && *reason; reason++)
		explain(figures, *reason, names);
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		tell(figures, message, name);
}

static void one_message(struct figures *figures, const char *name)
{
	g_autofree char *path = g_build_filename(CORPUS, name, NULL);
	g_autofree char *data = NULL;
	g_autofree char *why = NULL;
	gsize len = 0;
	int64_t start = 0;
	double ms = 0;

	if (!g_file_get_contents(path, &data, &len, NULL)) {
		tell(figures, name, "is in the list and not there");
		return;
	}
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
	judge(figures, name, why);
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

/* The table of classes stands in the documentation, with its counts. */
static void expect_documented(const struct figures *figures)
{
	g_autofree char *docs = NULL;
	g_autofree char *all =
		g_strdup_printf("equals the first for %u.", figures->same);

	cr_assert(g_file_get_contents(DOCS, &docs, NULL, NULL));
	cr_expect(strstr(docs, all), "%s: not \"%s\"", DOCS, all);
	for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
		g_autofree char *row = g_strdup_printf(
			"\n| %s | %u | ", classes[i].name, figures->counts[i]);

		cr_expect(strstr(docs, row), "%s: no row \"%s\"", DOCS,
			  row + 1);
	}
}

Test(corpus, all, .timeout = 300)
{
	struct figures figures = {0};
	g_autofree char *manifest = NULL;

	if (!g_file_get_contents(CORPUS "/MANIFEST.tsv", &manifest, NULL, NULL))
		cr_skip_test("there is no %s", CORPUS);
	figures.known = known_new();
	every_message(&figures, manifest);
	(void)fprintf(stderr,
		      "test_corpus: %u messages converted, slowest %.0f ms "
		      "(%s); %u come back from composing\n",
		      figures.messages, figures.slowest_ms, figures.slowest,
		      figures.same);
	cr_expect(figures.messages > 0);
	cr_expect(figures.slowest_ms < SLOWEST_MS);
	cr_expect_eq(figures.wrong, 0);
	expect_documented(&figures);
	g_hash_table_unref(figures.known);
	g_free(figures.slowest);
}
