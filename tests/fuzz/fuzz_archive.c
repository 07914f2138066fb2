/*
 * Fuzzes what reads an archive (libFuzzer): the input is the file.  All of it
 * is read and checked as `mail import` does before it takes anything; hashes
 * are believed, so that what they guard is reached.
 *
 * The check is static in archive_import.c, which is part of this file for that.
 */
#include "../../admin/archive_import.c"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what is called once the check is over: never ---- */

int import_put(struct mail_import *import, struct import_item *item,
	       struct fault *fault)
{
	(void)import;
	(void)item;
	(void)fault;
	abort();
}

int import_flush(struct mail_import *import, struct fault *fault)
{
	(void)import;
	(void)fault;
	abort();
}

static void fuzz_check(const char *path, int64_t folder)
{
	g_autoptr(GHashTable) places = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, archive_place_free);
	g_autoptr(GHashTable) copies =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct mail_import import = {.folder = folder,
				     .folder_path = "Inbox",
				     .user = &(const struct store_user){0}};
	struct archive_import all = {.import = &import,
				     .is_check = true,
				     .places = places,
				     .copies = copies};
	AUTO(archive_reader) reader = NULL;
	struct fault fault = {0};

	/* What is refused says why, as input that is refused. */
	if ((archive_open(path, &reader, &fault) ||
	     archive_pass(&all, reader, path, &fault)) &&
	    (!*fault.text || (fault.kind != FAULT_REFUSED_INPUT &&
			      fault.kind != FAULT_BAD_ARGUMENT)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *path = NULL;
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	path = g_strdup_printf("/proc/self/fd/%d", fd);
	fuzz_check(path, 0);
	fuzz_check(path, 7);
	(void)close(fd);
	return 0;
}
