/*
 * Going on where a write ended.
 */
#include "pieces.h"

void pieces_skip(struct msghdr *message, size_t len)
{
	while (message->msg_iovlen && len >= message->msg_iov->iov_len) {
		len -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (!message->msg_iovlen)
		return;
	message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + len;
	message->msg_iov->iov_len -= len;
}
