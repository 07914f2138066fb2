/*
 * Runs command lines of okapi-admin one after another in one process, so that
 * a test can try thousands of them.
 *
 * Each comes on stdin as a length (uint32_t) and that many octets, words that
 * end with NUL, the program's name first.  What came of it goes to stdout:
 * exit code, length of output, length of errors (uint32_t each), then both.
 * The commands themselves read /dev/null.
 */
#include "admin/admin.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool batch_get(int fd, void *data, size_t len)
{
	uint8_t *at = data;

	while (len) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void batch_put(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			g_error("write");
		at += n;
		len -= (size_t)n;
	}
}

/* Puts a file without a name in the place of stdout or stderr. */
static int batch_catch(int fd)
{
	int file = memfd_create("batch", MFD_CLOEXEC);

	if (file < 0 || dup2(file, fd) < 0)
		g_error("memfd");
	return file;
}

static GBytes *batch_caught(int file)
{
	off_t size = lseek(file, 0, SEEK_END);
	char *data = g_malloc((gsize)size + 1);

	if (pread(file, data, (size_t)size, 0) != size)
		g_error("pread");
	(void)close(file);
	return g_bytes_new_take(data, (gsize)size);
}

static void batch_one(char *words, size_t len, int answer)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	int out = batch_catch(STDOUT_FILENO);
	int err = batch_catch(STDERR_FILENO);
	uint32_t head[3];

	for (char *word = words; word < words + len; word += strlen(word) + 1)
		g_ptr_array_add(argv, word);
	g_ptr_array_add(argv, NULL);
	head[0] =
		(uint32_t)admin_main((int)argv->len - 1, (char **)argv->pdata);
	(void)fflush(stdout);
	(void)fflush(stderr);

	g_autoptr(GBytes) output = batch_caught(out);
	g_autoptr(GBytes) errors = batch_caught(err);
	gsize output_len = 0;
	gsize errors_len = 0;
	const void *output_data = g_bytes_get_data(output, &output_len);
	const void *errors_data = g_bytes_get_data(errors, &errors_len);

	head[1] = (uint32_t)output_len;
	head[2] = (uint32_t)errors_len;
	batch_put(answer, head, sizeof(head));
	batch_put(answer, output_data, output_len);
	batch_put(answer, errors_data, errors_len);
}

int main(void)
{
	int ask = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	int answer = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint32_t len = 0;

	(void)dup2(null, STDIN_FILENO);
	while (batch_get(ask, &len, sizeof(len))) {
		g_autofree char *words = g_malloc((gsize)len + 1);

		if (!batch_get(ask, words, len))
			break;
		words[len] = '\0';
		batch_one(words, len, answer);
	}
	return 0;
}
