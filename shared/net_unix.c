/*
 * Connecting and writing to unix sockets: apart from what needs a name server
 * or the list of users, for programs that are to start fast.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int net_unix_address(const char *path, struct sockaddr_un *ret_address,
		     struct fault *fault)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (*path != '/')
		return fault_set(fault, FAULT_CONFIG,
				 "unix:%s: the path must begin with /", path);
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return fault_set(fault, FAULT_CONFIG,
				 "%s: a socket's path has at most %zu "
				 "characters; choose a shorter one",
				 path, sizeof(ret_address->sun_path) - 1);
	g_strlcpy(ret_address->sun_path, path, sizeof(ret_address->sun_path));
	return 0;
}

/* A full backlog is waited for: connect(2) on a socket that does not block
 * would give up at once. */
int net_unix_connect(const char *path, int64_t timeout_ms, int *ret_fd,
		     struct fault *fault)
{
	const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
					.tv_usec = timeout_ms % 1000 * 1000};
	struct sockaddr_un address;
	AUTOCLOSE int fd = -1;
	int rc;

	if (net_unix_address(path, &address, fault) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fault_set_errno(fault, FAULT_NETWORK, errno, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			 sizeof(timeout));
	do
		rc = connect(fd, (const struct sockaddr *)&address,
			     sizeof(address));
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	if (rc < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return fault_set_errno(fault, FAULT_NETWORK, errno,
				       "cannot connect to unix:%s", path);
	*ret_fd = base_take_fd(&fd);
	return 0;
}
