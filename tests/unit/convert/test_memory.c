/*
 * What the helper needs of memory for a large message, by what the message is,
 * beside what it has without one (docs/performance.md): copies that went shall
 * not come back.
 */
#include "convert_test.h"
#include "large.h"

#include "convert/helper.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define TIMEOUT_MS 60000
#define SMALL      ((size_t)16 << 10)
#define LARGE_MB   8

/* How many MB the messages have.  OKAPI_TEST_FIGURES=50 shows the figures of
 * docs/performance.md; of other sizes than LARGE_MB nothing is held. */
static size_t large_mb(void)
{
	const char *given = g_getenv("OKAPI_TEST_FIGURES");
	int mb = given ? atoi(given) : 0;

	return mb > 1 ? (size_t)mb : LARGE_MB;
}

/* build/.../tests/unit/convert/test_memory -> build/.../okapi-convert; owned.
 */
static char *helper_program(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	char *at = g_strrstr(self, "/tests/unit/");

	cr_assert(at);
	*at = '\0';
	return g_build_filename(self, "okapi-convert", NULL);
}

/* The most that the only child of this process ever had, in octets. */
static double peak_of_helper(void)
{
	g_autofree char *children = NULL;
	g_autofree char *path = NULL;
	g_autofree char *text = NULL;
	const char *at = NULL;

	cr_assert(g_file_get_contents("/proc/thread-self/children", &children,
				      NULL, NULL));
	path = g_strdup_printf("/proc/%d/status", atoi(children));
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	at = strstr(text, "VmHWM:");
	cr_assert(at);
	return g_ascii_strtod(at + strlen("VmHWM:"), NULL) * 1024;
}

/* As the daemon hands it over: in a file. */
static void convert_one(struct helper_pool *pool,
			const struct large_shape *shape, size_t size)
{
	static const struct convert_options options = {
		.flags = CONVERT_ALL, .default_charset = "windows-1252"};
	g_autoptr(GBytes) message = large_message(shape, size);
	AUTOCLOSE int file = memfd_create("test", MFD_CLOEXEC);
	AUTO(propset) set = NULL;
	struct fault fault = {0};
	gsize len = 0;
	const char *data = g_bytes_get_data(message, &len);

	for (gsize done = 0; done < len;) {
		ssize_t n = write(file, data + done, len - done);

		cr_assert(n > 0);
		done += (gsize)n;
	}
	cr_assert(helper_to_propset(pool, message, file, &options, &set,
				    &fault) == 0,
		  "%s: %s", shape->name, fault.text);
}

/* A helper for each: what one message left behind is no other's.  The small
 * message before it loads what there is to be loaded. */
static void check_shape(const char *program, const struct large_shape *shape)
{
	struct helper_pool *pool = helper_pool_new_at(program, 1, TIMEOUT_MS);
	size_t large = large_mb() << 20;
	double base = 0;
	double times = 0;

	convert_one(pool, shape, SMALL);
	base = large_mb() == LARGE_MB ? peak_of_helper() : 0;
	convert_one(pool, shape, large);
	times = (peak_of_helper() - base) / (double)large;
	cr_expect(times <= shape->times || large_mb() != LARGE_MB,
		  "%s: %.2f times the message", shape->name, times);
	if (g_getenv("OKAPI_TEST_FIGURES"))
		(void)fprintf(stderr, "%-42s %.2f of %.1f\n", shape->name,
			      times, shape->times);
	helper_pool_free(pool);
}

Test(memory, of_the_helper, .timeout = 120)
{
	g_autofree char *program = NULL;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	cr_skip_test("a sanitizer has memory of its own");
#endif
	if (!g_file_test("/proc/thread-self/children", G_FILE_TEST_EXISTS))
		cr_skip_test("the kernel does not tell who the helper is");
	program = helper_program();
	for (size_t i = 0; i < G_N_ELEMENTS(large_shapes); i++)
		check_shape(program, &large_shapes[i]);
}
