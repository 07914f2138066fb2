/*
 * Wake-ups by inotify(7) on a file beside the store.
 */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

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

void notify_post(const char *store_path, enum notify_channel channel)
{
	g_autofree char *path = notify_path(store_path, channel);
	/* The mode follows the store's directory: who may write there, may. */
	AUTOCLOSE int fd = notify_open_file(store_path, path, O_WRONLY);

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
