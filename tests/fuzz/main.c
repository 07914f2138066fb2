/*
 * A main() for a fuzz target where there is no libFuzzer: each file of the
 * directories, and each file, that it is started with goes through once.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned feed_file(const char *path)
{
	g_autofree char *octets = NULL;
	gsize len = 0;

	if (!g_file_get_contents(path, &octets, &len, NULL)) {
		(void)fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)octets, len);
	return 1;
}

static unsigned feed(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	unsigned count = 0;

	if (!dir)
		return feed_file(path);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		count += feed_file(file);
	}
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += feed(argv[i]);
	(void)fprintf(stderr, "%u inputs\n",
		      count); /* a target may take stdout */
	return count ? 0 : 1;
}
