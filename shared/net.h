/*
 * Sockets: listeners, connections, deadlines, peers.
 */
#ifndef OKAPI_NET_H
#define OKAPI_NET_H

#include "base.h"
#include "fault.h"
#include <sys/socket.h>
#include <sys/un.h>

struct net_unix_options {
	int64_t mode;      /* of the socket file */
	const char *owner; /* "user" or "user:group", "" or NULL: unchanged */
};

/* "user", "user:group" or ":group" into numbers; -1 for what is not named.
 * Fails for a name this machine does not know. */
NODISCARD int net_owner_parse(const char *owner, uid_t *ret_uid, gid_t *ret_gid,
			      struct fault *fault);

/*
 * Opens a listener on "host:port", "[v6]:port", "*:port" (any address, IPv4
 * and IPv6) or "unix:/path".  A stale
 * socket file that nobody answers on is replaced; a living one is a fault
 * (port in use), as is a path too long for sockaddr_un.  Close-on-exec,
 * non-blocking.  The caller closes it (and net_unlisten() removes the file).
 */
NODISCARD int net_listen(const char *where,
			 const struct net_unix_options *unix_options,
			 int *ret_fd, struct fault *fault);
void net_unlisten(const char *where);

/* Connects to the same kinds of place, to the first of its addresses that can
 * be reached; timeout_ms bounds it.  TCP_NODELAY, close-on-exec, and
 * non-blocking: read after net_wait(). */
NODISCARD int net_connect(const char *where, int64_t timeout_ms, int *ret_fd,
			  struct fault *fault);

/*
 * The addresses that such a place stands for, in the resolver's order (RFC
 * 6724).  Looked up once, so that whoever tries one after the other tries each
 * once, however the answers of a name server rotate.
 */
struct net_addresses;
NODISCARD int net_addresses_new(const char *where,
				struct net_addresses **ret_addresses,
				struct fault *fault);
void net_addresses_free(struct net_addresses *addresses);
AUTO_DEFINE(net_addresses, net_addresses_free);
size_t net_addresses_count(const struct net_addresses *addresses);
/*
 * Connects to address from (0: the first), or the first behind it that can be
 * reached; ret_at says which.  timeout_ms bounds all of it; while others
 * follow, none may take more than its share, or ten seconds.  FAULT_SHUTDOWN:
 * wake_fd (-1: none) became readable.
 */
NODISCARD int net_addresses_connect(const struct net_addresses *addresses,
				    size_t from, int64_t timeout_ms,
				    int wake_fd, size_t *ret_at, int *ret_fd,
				    struct fault *fault);

/* The same for a unix socket alone, by its path; a listener whose backlog is
 * full is waited for. */
NODISCARD int net_unix_connect(const char *path, int64_t timeout_ms,
			       int *ret_fd, struct fault *fault);
/* FAULT_CONFIG where the path is relative or too long. */
NODISCARD int net_unix_address(const char *path,
			       struct sockaddr_un *ret_address,
			       struct fault *fault);

/* Is a listening socket bound to one of these places? */
bool net_is_bound(int fd, const char *where);
/* The place that a listening socket is bound to; owned. */
char *net_place_of(int fd);

/* Is it written like one of these places?  Pure: asks no name server. */
NODISCARD int net_place_check(const char *where, struct fault *fault);

/* The host of "host:port" or "[v6]:port", without brackets; owned, "" where
 * there is none. */
char *net_host_of(const char *where);

/* Who is at the other end. */
struct net_peer {
	char name[128]; /* "127.0.0.1", "::1", or "local" */
	bool is_unix;
	uid_t uid; /* of a unix peer (SO_PEERCRED) */
	gid_t gid;
	pid_t pid;
	struct sockaddr_storage address;
};
void net_peer_of(int fd, struct net_peer *ret_peer);

/* The address of a peer as a literal (RFC 5321 4.1.3): "[127.0.0.1]",
 * "[IPv6:::1]"; what is none stays as it is ("local").  Owned. */
char *net_literal(const char *name);

/* Does the peer's address lie in one of the networks ("127.0.0.0/8", "::1")?
 * Unix peers: true. */
bool net_peer_in(const struct net_peer *peer, const char *const *networks);

/* Checks a list of networks; the fault names the bad one. */
NODISCARD int net_networks_check(const char *const *networks,
				 struct fault *fault);

/* Waits until fd is readable (or writable), or wake_fd (-1: none) is readable:
 * 1 ready, 0 timeout, 2 woken (even if fd is ready, too), -1 error.
 * timeout_ms < 0: for ever. */
int net_wait(int fd, bool for_write, int wake_fd, int64_t timeout_ms);

/* Sends all of it within timeout_ms. */
NODISCARD int net_send_all(int fd, const void *data, size_t len,
			   int64_t timeout_ms, struct fault *fault);

#endif
