/*
 * A helper that dies when it is asked for the text of a charset, and converts
 * all else: preloaded into okapi-convert, it reads what is asked.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_TO_UTF8 3 /* shared/convert/wire.h: the second octet */

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t (*next)(int, struct msghdr *, int) =
		dlsym(RTLD_NEXT, "recvmsg");
	ssize_t n = next(fd, message, flags);
	const char *octets = message->msg_iov[0].iov_base;

	if (n > 1 && octets[1] == WIRE_TO_UTF8 &&
	    program_invocation_short_name[6] == 'c')
		_exit(1);
	return n;
}
