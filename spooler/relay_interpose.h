/*
 * The calls of libesmtp that the executable takes over (relay_wire.h).  To be
 * included by exactly one file of a program that relays: a symbol of the
 * executable wins over that of a library, for the library's own calls too.
 */
#ifndef OKAPI_RELAY_INTERPOSE_H
#define OKAPI_RELAY_INTERPOSE_H

#include "relay_wire.h"

#include <dlfcn.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

__attribute__((visibility("default"))) int socket(int domain, int type,
						  int protocol)
{
	return relay_wire_socket(domain, type, protocol);
}

__attribute__((visibility("default"))) int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	return relay_wire_connect(fd, address, len);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *octets,
						     size_t len)
{
	return relay_wire_write(fd, octets, len);
}

/* NOLINTBEGIN(readability-identifier-naming) */
__attribute__((visibility("default"))) int
SSL_write(void *ssl, const void *octets, int len)
{
	return relay_wire_ssl_write(ssl, octets, len);
}
/* NOLINTEND(readability-identifier-naming) */

__attribute__((visibility("default"))) int poll(struct pollfd *fds,
						nfds_t count, int timeout_ms)
{
	return relay_wire_poll(fds, count, timeout_ms);
}

#pragma GCC diagnostic pop

/* Does the dynamic linker give these to libraries?  A link that does not export
 * one of them would otherwise show as a stall or a cut connection. */
static inline bool relay_interpose_is_live(void)
{
	return dlsym(RTLD_DEFAULT, "socket") == (void *)socket &&
	       dlsym(RTLD_DEFAULT, "connect") == (void *)connect &&
	       dlsym(RTLD_DEFAULT, "write") == (void *)write &&
	       dlsym(RTLD_DEFAULT, "poll") == (void *)poll &&
	       dlsym(RTLD_DEFAULT, "SSL_write") == (void *)SSL_write;
}

#endif
