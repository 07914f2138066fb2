/*
 * Wake-ups by inotify(7) on a file beside the store.
 */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define NOTIFY_CHANNELS 2

static char *notify_path(const char *store_path, enum notify_channel channel)
{
	const char *name = NULL;

	switch (channel) {
	case NOTIFY_QUEUE:
		name = "queue";
		break;
	case NOTIFY_CHANGES:
		name = "changes";
		break;
	}
	return g_strdup_printf("%s.wake-%s", store_path, name);
}

/* The file of the channel, made where it is missing; root makes it for the
 * store's owner. */
static int notify_open_file(const char *store_path, const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0660);
	struct stat st;

	if (fd >= 0 && geteuid() == 0 && stat(store_path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		errno = 0; /* then the owner's wake-ups are lost, not its mail
			    */
	return fd;
}

struct notify_poster {
	char *store_path;
	int fds[NOTIFY_CHANNELS]; /* -1: not open */
};

struct notify_poster *notify_poster_new(const char *store_path)
{
	struct notify_poster *poster = g_new0(struct notify_poster, 1);

	poster->store_path = g_strdup(store_path);
	for (int i = 0; i < NOTIFY_CHANNELS; i++)
		poster->fds[i] = -1;
	return poster;
}

void notify_poster_free(struct notify_poster *poster)
{
	if (!poster)
		return;
	for (int i = 0; i < NOTIFY_CHANNELS; i++)
		base_close_fd(&poster->fds[i]);
	g_free(poster->store_path);
	g_free(poster);
}

/* Nobody waits on a file that has no name any more. */
static int notify_find(struct notify_poster *poster,
		       enum notify_channel channel)
{
	int *fd = &poster->fds[channel];
	g_autofree char *path = NULL;
	struct stat st;

	if (*fd >= 0 && fstat(*fd, &st) == 0 && st.st_nlink > 0)
		return *fd;
	base_close_fd(fd);
	path = notify_path(poster->store_path, channel);
	/* The mode follows the store's directory: who may write there, may. */
	*fd = notify_open_file(poster->store_path, path, O_WRONLY);
	return *fd;
}

void notify_post(struct notify_poster *poster, enum notify_channel channel)
{
	int fd = notify_find(poster, channel);

	/* The octet is of no meaning: writing it is what inotify tells. */
	if (fd >= 0 && pwrite(fd, "", 1, 0) < 0)
		errno = 0;
}

int notify_open(const char *store_path, enum notify_channel channel,
		int *ret_fd, struct fault *fault)
{
	g_autofree char *path = notify_path(store_path, channel);
	AUTOCLOSE int file = notify_open_file(store_path, path, O_RDONLY);
	AUTOCLOSE int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot wait for changes of %s",
				       store_path);
	if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot watch %s", path);
	*ret_fd = base_take_fd(&fd);
	return 0;
}

bool notify_drain(int fd)
{
	char events[4096];
	bool woken = false;

	while (read(fd, events, sizeof(events)) > 0)
		woken = true;
	return woken;
}
