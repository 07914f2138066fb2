/*
 * What is to be written in several pieces by one call (sendmsg(2)).  Without
 * GLib, for okapi-dagent has none.
 */
#ifndef OKAPI_PIECES_H
#define OKAPI_PIECES_H

#include <sys/socket.h>

/* len octets of the message's pieces were taken: what is left of them, in
 * place; msg_iovlen 0 is nothing. */
void pieces_skip(struct msghdr *message, size_t len);

#endif
