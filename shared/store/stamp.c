/*
 * The stamp of settings: a number in the lock file that changes with whatever
 * could make a recipient another one, or lead mail elsewhere (users, groups,
 * addresses, rules, lists, out of office, rights, folders).  Who keeps what the
 * store said looks at it instead of asking again.
 *
 * A writer makes it odd before its commit can be seen and even after, both
 * under the lock.  While it is odd nothing is kept; it stays so if the writer
 * dies in between, until the next one.
 */
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>

struct store_stamp {
	int fd;
};

#define STAMP_FIRST 2 /* of a file that has none yet */

static bool stamp_get(int fd, uint64_t *ret_stamp)
{
	ssize_t n = pread(fd, ret_stamp, sizeof(*ret_stamp), 0);

	if (n == 0)
		*ret_stamp = STAMP_FIRST;
	return n == 0 || n == (ssize_t)sizeof(*ret_stamp);
}

int stamp_begin(int fd, struct fault *fault)
{
	uint64_t stamp = 0;

	bool is_read = stamp_get(fd, &stamp);

	stamp |= 1;
	if (!is_read ||
	    pwrite(fd, &stamp, sizeof(stamp), 0) != (ssize_t)sizeof(stamp))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot stamp the lock file");
	return 0;
}

void stamp_end(int fd)
{
	uint64_t stamp = 0;

	/* If this fails nothing is kept until the next writer. */
	if (!stamp_get(fd, &stamp))
		return;
	stamp = (stamp | 1) + 1;
	if (pwrite(fd, &stamp, sizeof(stamp), 0) < 0)
		errno = 0;
}

int store_stamp_open(const char *path, struct store_stamp **ret_stamp,
		     struct fault *fault)
{
	g_autofree char *file = g_strconcat(path, ".lock", NULL);
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot open %s", file);
	*ret_stamp = g_new(struct store_stamp, 1);
	(*ret_stamp)->fd = fd;
	return 0;
}

void store_stamp_close(struct store_stamp *stamp)
{
	if (!stamp)
		return;
	base_close_fd(&stamp->fd);
	g_free(stamp);
}

uint64_t store_stamp_read(const struct store_stamp *stamp)
{
	uint64_t now = 0;

	return stamp_get(stamp->fd, &now) && now % 2 == 0 ? now : 0;
}
