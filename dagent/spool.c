/*
 * Where a message lies while it arrives: memory, then a temporary file.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

struct spool {
	int64_t limit;
	spool_file_fn *make_file; /* or NULL */
	const char *place;
	size_t size;
	GByteArray *memory;
	int fd; /* of the file, -1 while memory is enough */
};

struct spool *spool_new(int64_t limit)
{
	struct spool *spool = g_new0(struct spool, 1);

	spool->limit = limit;
	spool->memory = g_byte_array_new();
	spool->fd = -1;
	return spool;
}

void spool_set_place(struct spool *spool, spool_file_fn *make_file,
		     const char *place)
{
	spool->make_file = make_file;
	spool->place = place;
}

void spool_free(struct spool *spool)
{
	if (spool->memory)
		g_byte_array_unref(spool->memory);
	base_close_fd(&spool->fd);
	g_free(spool);
}

size_t spool_size(const struct spool *spool)
{
	return spool->size;
}

static int spool_write(int fd, const char *octets, size_t len,
		       struct fault *fault)
{
	while (len > 0) {
		ssize_t n = write(fd, octets, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot write temporary file");
		octets += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A file without a name, so that nothing is left behind by a crash; -1. */
static int spool_open_in(const char *dir)
{
	g_autofree char *name = g_build_filename(dir, "okapi-XXXXXX", NULL);
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(name);
	return fd;
}

/* $TMPDIR may be a directory of whoever started the MTA. */
static int spool_open_file(const struct spool *spool, struct fault *fault)
{
	const char *const dirs[] = {g_get_tmp_dir(), "/var/tmp", "/tmp"};
	int fd = spool->make_file ? spool->make_file(spool->place) : -1;
	int why = 0;

	for (size_t i = 0; fd < 0 && i < G_N_ELEMENTS(dirs); i++) {
		fd = spool_open_in(dirs[i]);
		if (fd < 0 && !why)
			why = errno;
	}
	if (fd < 0)
		return fault_set_errno(
			fault, FAULT_IO, why,
			"cannot make a temporary file in %s (TMPDIR), nor in "
			"/var/tmp or /tmp",
			dirs[0]);
	return fd;
}

/* Moves what memory holds to a file. */
static int spool_spill(struct spool *spool, struct fault *fault)
{
	AUTOCLOSE int fd = spool_open_file(spool, fault);

	if (fd < 0)
		return -1;
	if (spool_write(fd, (const char *)spool->memory->data,
			spool->memory->len, fault))
		return -1;
	g_byte_array_set_size(spool->memory, 0);
	spool->fd = base_take_fd(&fd);
	return 0;
}

int spool_add(struct spool *spool, const void *octets, size_t len,
	      struct fault *fault)
{
	if (spool->limit > 0 && spool->size + len > (size_t)spool->limit)
		return fault_set(fault, FAULT_TOO_BIG,
				 "message is larger than %" G_GINT64_FORMAT
				 " octets",
				 spool->limit);
	if (spool->fd < 0 && spool->size + len > SPOOL_MEMORY &&
	    spool_spill(spool, fault))
		return -1;
	if (spool->fd < 0)
		g_byte_array_append(spool->memory, octets, (guint)len);
	else if (spool_write(spool->fd, octets, len, fault))
		return -1;
	spool->size += len;
	return 0;
}

struct spool_map {
	void *address;
	size_t size;
};

static void spool_unmap(gpointer data)
{
	struct spool_map *map = data;

	(void)munmap(map->address, map->size);
	g_free(map);
}

static int spool_map_file(struct spool *spool, GBytes **ret_bytes,
			  struct fault *fault)
{
	struct spool_map *map;
	void *address =
		mmap(NULL, spool->size, PROT_READ, MAP_PRIVATE, spool->fd, 0);

	if (address == MAP_FAILED)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot map temporary file");
	map = g_new(struct spool_map, 1);
	map->address = address;
	map->size = spool->size;
	*ret_bytes = g_bytes_new_with_free_func(address, spool->size,
						spool_unmap, map);
	return 0;
}

int spool_finish(struct spool *spool, GBytes **ret_bytes, struct fault *fault)
{
	if (spool->fd >= 0)
		return spool_map_file(spool, ret_bytes, fault);
	*ret_bytes =
		g_byte_array_free_to_bytes(g_steal_pointer(&spool->memory));
	return 0;
}

int spool_take_file(struct spool *spool)
{
	return base_take_fd(&spool->fd);
}
