/*
 * Sockets.  Every descriptor made here is close-on-exec and non-blocking, so
 * that no silent peer can hold a thread beyond its deadline.
 */
#include "net.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define NET_BACKLOG 512

/* ---- places ---- */

static const char *net_unix_path(const char *where)
{
	return g_str_has_prefix(where, "unix:") ? where + strlen("unix:")
						: NULL;
}

/* "host:port", "[v6]:port", "*:port"; owned results, host "" for any. */
static int net_split(const char *where, char **ret_host, char **ret_port,
		     struct fault *fault)
{
	const char *colon = strrchr(where, ':');
	const char *close = strchr(where, ']');
	size_t len = colon ? (size_t)(colon - where) : 0;

	/* getaddrinfo(3) takes ports modulo 65536. */
	if (!colon || !colon[1] ||
	    (*where == '[' && (!close || close + 1 != colon)) ||
	    (*where != '[' && strchr(where, ':') != colon) ||
	    (g_ascii_isdigit(colon[1]) &&
	     !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, NULL, NULL)))
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is not host:port, [v6]:port or "
				 "unix:/path",
				 where);
	if (*where == '[')
		*ret_host = g_strndup(where + 1, len - 2);
	else if (len == 1 && *where == '*')
		*ret_host = g_strdup("");
	else
		*ret_host = g_strndup(where, len);
	*ret_port = g_strdup(colon + 1);
	return 0;
}

char *net_host_of(const char *where)
{
	g_autofree char *port = NULL;
	char *host = NULL;

	if (net_unix_path(where) || net_split(where, &host, &port, NULL) < 0)
		return g_strdup("");
	return host;
}

static int net_resolve(const char *where, bool passive,
		       struct addrinfo **ret_info, struct fault *fault)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = passive ? AI_PASSIVE : 0};
	g_autofree char *host = NULL;
	g_autofree char *port = NULL;
	int rc;

	if (net_split(where, &host, &port, fault) < 0)
		return -1;
	rc = getaddrinfo(host && *host ? host : NULL, port, &hints, ret_info);
	if (rc != 0)
		return fault_set(fault, passive ? FAULT_CONFIG : FAULT_NETWORK,
				 "%s: %s", where, gai_strerror(rc));
	return 0;
}

static int net_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- listening ---- */

/* What the administrator can do about a bind(2) or listen(2) that failed. */
static int net_listen_fault(const char *where, int err, struct fault *fault)
{
	switch (err) {
	case EADDRINUSE:
		return fault_set(fault, FAULT_CONFIG,
				 "%s is in use: another program listens there "
				 "(ss -lntxp shows which)",
				 where);
	case EADDRNOTAVAIL:
		return fault_set(fault, FAULT_CONFIG,
				 "%s: this machine has no such address", where);
	case EACCES:
	case EPERM:
		return fault_set(fault, FAULT_CONFIG,
				 "%s: not allowed to listen there: start as "
				 "root, or take a port from 1024 or a "
				 "directory that this user may write",
				 where);
	case ENOENT:
	case ENOTDIR:
		return fault_set(fault, FAULT_CONFIG,
				 "%s: the directory is missing; create it",
				 where);
	default:
		return fault_set_errno(fault, FAULT_CONFIG, err,
				       "cannot listen on %s", where);
	}
}

/* Binds one address; 0 or an errno.  Without a host ("*:port") one socket
 * takes IPv6 and IPv4. */
static int net_bind(const struct addrinfo *info, bool any, int *ret_fd)
{
	AUTOCLOSE int fd = net_socket(info->ai_family);
	const int on = 1;
	const int v6only = !any;

	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
				 sizeof(v6only));
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 ||
	    listen(fd, NET_BACKLOG) < 0)
		return errno;
	*ret_fd = base_take_fd(&fd);
	return 0;
}

/* The first address of a family; NULL if there is none. */
static const struct addrinfo *net_pick(const struct addrinfo *info, int family)
{
	while (info && info->ai_family != family)
		info = info->ai_next;
	return info;
}

/* A name that has addresses of both families ("localhost") means its IPv4 one,
 * which is what MTAs are told most often; any address means both. */
static int net_listen_inet(const char *where, int *ret_fd, struct fault *fault)
{
	struct addrinfo *info = NULL;
	bool any = *where == '*' || *where == ':';
	const int families[2] = {any ? AF_INET6 : AF_INET,
				 any ? AF_INET : AF_INET6};
	int err = EADDRNOTAVAIL;

	if (net_resolve(where, true, &info, fault) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		const struct addrinfo *one = net_pick(info, families[i]);

		if (one)
			err = net_bind(one, any, ret_fd);
		/* A machine without IPv6 still has the other family. */
		if (one && err != EAFNOSUPPORT && err != EADDRNOTAVAIL)
			break;
	}
	freeaddrinfo(info);
	return err ? net_listen_fault(where, err, fault) : 0;
}

/* Makes room at path: removes a socket nobody answers on. */
static int net_unix_clear(const struct sockaddr_un *address,
			  struct fault *fault)
{
	const char *path = address->sun_path;
	AUTOCLOSE int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0; /* bind(2) tells what is wrong, if anything is */
	if (!S_ISSOCK(st.st_mode))
		return fault_set(fault, FAULT_CONFIG,
				 "%s is there and is no socket; remove it or "
				 "choose another path",
				 path);
	fd = net_socket(AF_UNIX);
	if (fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno, "socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 ||
	    errno != ECONNREFUSED)
		return net_listen_fault(path, EADDRINUSE, fault);
	if (unlink(path) < 0 && errno != ENOENT)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot remove the stale socket %s",
				       path);
	return 0;
}

int net_owner_parse(const char *owner, uid_t *ret_uid, gid_t *ret_gid,
		    struct fault *fault)
{
	g_auto(GStrv) names = g_strsplit(owner, ":", 2);
	struct passwd *user = NULL;
	struct group *group = NULL;

	*ret_uid = (uid_t)-1;
	*ret_gid = (gid_t)-1;
	if (names[0] && *names[0]) {
		user = getpwnam(names[0]);
		if (!user)
			return fault_set(fault, FAULT_CONFIG,
					 "there is no user \"%s\"", names[0]);
		*ret_uid = user->pw_uid;
	}
	if (names[0] && names[1]) {
		group = getgrnam(names[1]);
		if (!group)
			return fault_set(fault, FAULT_CONFIG,
					 "there is no group \"%s\"", names[1]);
		*ret_gid = group->gr_gid;
	}
	return 0;
}

/* What the administrator can do about a chown(2) that failed. */
static int net_give_fault(const char *path, const char *owner, int err,
			  struct fault *fault)
{
	if (err != EPERM)
		return fault_set_errno(fault, FAULT_CONFIG, err,
				       "cannot give %s to %s", path, owner);
	return fault_set(fault, FAULT_CONFIG,
			 "cannot give %s to %s: who is not root can give it "
			 "to a group of their own only (usermod -aG GROUP "
			 "USER, then start anew)",
			 path, owner);
}

static int net_unix_dress(const char *path,
			  const struct net_unix_options *options,
			  struct fault *fault)
{
	uid_t uid;
	gid_t gid;

	if (options && options->owner && *options->owner) {
		if (net_owner_parse(options->owner, &uid, &gid, fault) < 0)
			return -1;
		if (chown(path, uid, gid) < 0)
			return net_give_fault(path, options->owner, errno,
					      fault);
	}
	if (options && chmod(path, (mode_t)options->mode) < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot set the mode of %s", path);
	return 0;
}

/* Before listen(2) nobody can connect, so the mode has no open window. */
static int net_listen_unix(const char *path,
			   const struct net_unix_options *options, int *ret_fd,
			   struct fault *fault)
{
	struct sockaddr_un address;
	AUTOCLOSE int fd = -1;

	if (net_unix_address(path, &address, fault) < 0 ||
	    net_unix_clear(&address, fault) < 0)
		return -1;
	fd = net_socket(AF_UNIX);
	if (fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno, "socket");
	(void)fchmod(fd, 0600);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return net_listen_fault(path, errno, fault);
	if (net_unix_dress(path, options, fault) < 0) {
		(void)unlink(path);
		return -1;
	}
	if (listen(fd, NET_BACKLOG) < 0)
		return net_listen_fault(path, errno, fault);
	*ret_fd = base_take_fd(&fd);
	return 0;
}

int net_place_check(const char *where, struct fault *fault)
{
	const char *path = net_unix_path(where);
	struct sockaddr_un address;
	g_autofree char *host = NULL;
	g_autofree char *port = NULL;

	return path ? net_unix_address(path, &address, fault)
		    : net_split(where, &host, &port, fault);
}

int net_listen(const char *where, const struct net_unix_options *unix_options,
	       int *ret_fd, struct fault *fault)
{
	const char *path = net_unix_path(where);

	return path ? net_listen_unix(path, unix_options, ret_fd, fault)
		    : net_listen_inet(where, ret_fd, fault);
}

void net_unlisten(const char *where)
{
	const char *path = net_unix_path(where);

	if (path)
		(void)unlink(path);
}

/* ---- sockets that others opened ---- */

static bool net_is_bound_unix(const struct sockaddr_storage *bound,
			      const char *path)
{
	const struct sockaddr_un *local = (const void *)bound;

	return local->sun_family == AF_UNIX &&
	       strcmp(local->sun_path, path) == 0;
}

static bool net_is_bound_inet(const struct sockaddr_storage *bound,
			      const struct addrinfo *info)
{
	const struct sockaddr_in *four = (const void *)bound;
	const struct sockaddr_in6 *six = (const void *)bound;
	const struct sockaddr_in *wanted4 = (const void *)info->ai_addr;
	const struct sockaddr_in6 *wanted6 = (const void *)info->ai_addr;

	if (bound->ss_family != info->ai_family)
		return false;
	if (info->ai_family == AF_INET)
		return four->sin_port == wanted4->sin_port &&
		       four->sin_addr.s_addr == wanted4->sin_addr.s_addr;
	/* All of bound is set: its caller fills it with zeros.
	 * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	return six->sin6_port == wanted6->sin6_port &&
	       IN6_ARE_ADDR_EQUAL(&six->sin6_addr, &wanted6->sin6_addr);
}

bool net_is_bound(int fd, const char *where)
{
	const char *path = net_unix_path(where);
	struct sockaddr_storage bound = {0};
	socklen_t len = sizeof(bound);
	struct addrinfo *info = NULL;
	bool is_bound = false;

	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
		return false;
	if (path)
		return net_is_bound_unix(&bound, path);
	if (net_resolve(where, true, &info, NULL) < 0)
		return false;
	for (const struct addrinfo *i = info; i && !is_bound; i = i->ai_next)
		is_bound = net_is_bound_inet(&bound, i);
	freeaddrinfo(info);
	return is_bound;
}

char *net_place_of(int fd)
{
	struct sockaddr_storage bound = {0};
	const struct sockaddr_un *local = (const void *)&bound;
	socklen_t len = sizeof(bound);
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
		return g_strdup("unknown");
	if (bound.ss_family == AF_UNIX)
		return g_strdup_printf("unix:%s", local->sun_path);
	if (getnameinfo((const struct sockaddr *)&bound, len, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return g_strdup("unknown");
	return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
			       port);
}

/* ---- connecting ---- */

/* 0, an errno, or ECANCELED when woken. */
static int net_connect_address(const struct sockaddr *address, socklen_t len,
			       int64_t timeout_ms, int wake_fd, int *ret_fd)
{
	AUTOCLOSE int fd = net_socket(address->sa_family);
	const int on = 1;
	int err = 0;
	socklen_t err_len = sizeof(err);

	if (fd < 0)
		return errno;
	if (connect(fd, address, len) < 0) {
		if (errno != EINPROGRESS)
			return errno;
		err = net_wait(fd, true, wake_fd, timeout_ms);
		if (err == 2)
			return ECANCELED;
		if (err <= 0)
			return ETIMEDOUT;
		err = 0;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) < 0)
			return errno;
		if (err)
			return err;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*ret_fd = base_take_fd(&fd);
	return 0;
}

#define NET_ADDRESS_MS 10000 /* for one of several addresses */

struct net_addresses {
	char *where;
	struct addrinfo *info; /* NULL: a unix socket */
	size_t count;
};

int net_addresses_new(const char *where, struct net_addresses **ret_addresses,
		      struct fault *fault)
{
	AUTO(net_addresses) addresses = g_new0(struct net_addresses, 1);

	addresses->where = g_strdup(where);
	if (!net_unix_path(where) &&
	    net_resolve(where, false, &addresses->info, fault) < 0)
		return -1;
	for (struct addrinfo *i = addresses->info; i; i = i->ai_next)
		addresses->count++;
	addresses->count = MAX(addresses->count, 1);
	*ret_addresses = g_steal_pointer(&addresses);
	return 0;
}

void net_addresses_free(struct net_addresses *addresses)
{
	if (addresses->info)
		freeaddrinfo(addresses->info);
	g_free(addresses->where);
	g_free(addresses);
}

size_t net_addresses_count(const struct net_addresses *addresses)
{
	return addresses->count;
}

/* How long one of so many may take. */
static int64_t net_share_ms(int64_t deadline, size_t count)
{
	int64_t left = MAX(deadline - g_get_monotonic_time() / 1000, 0);

	return count > 1 ? MIN(left / (int64_t)count, NET_ADDRESS_MS) : left;
}

int net_addresses_connect(const struct net_addresses *addresses, size_t from,
			  int64_t timeout_ms, int wake_fd, size_t *ret_at,
			  int *ret_fd, struct fault *fault)
{
	const char *path = net_unix_path(addresses->where);
	int64_t deadline = g_get_monotonic_time() / 1000 + timeout_ms;
	struct addrinfo *i = addresses->info;
	int err = EADDRNOTAVAIL;

	*ret_at = from;
	if (path)
		return net_unix_connect(path, timeout_ms, ret_fd, fault);
	for (size_t at = 0; i; at++, i = i->ai_next) {
		if (at < from)
			continue;
		err = net_connect_address(
			i->ai_addr, i->ai_addrlen,
			net_share_ms(deadline, addresses->count - at), wake_fd,
			ret_fd);
		*ret_at = at;
		if (err == 0)
			return 0;
		if (err == ECANCELED)
			return fault_set(fault, FAULT_SHUTDOWN, "stopping");
	}
	return fault_set_errno(fault, FAULT_NETWORK, err,
			       "cannot connect to %s", addresses->where);
}

int net_connect(const char *where, int64_t timeout_ms, int *ret_fd,
		struct fault *fault)
{
	AUTO(net_addresses) addresses = NULL;
	size_t at;

	if (net_addresses_new(where, &addresses, fault) != 0)
		return -1;
	return net_addresses_connect(addresses, 0, timeout_ms, -1, &at, ret_fd,
				     fault);
}

/* ---- waiting and sending ---- */

int net_wait(int fd, bool for_write, int wake_fd, int64_t timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = fd, .events = for_write ? POLLOUT : POLLIN},
		{.fd = wake_fd, .events = POLLIN},
	};
	int64_t end = g_get_monotonic_time() / 1000 + timeout_ms;

	for (;;) {
		int64_t left = end - g_get_monotonic_time() / 1000;
		int rc;

		left = timeout_ms < 0 ? -1 : CLAMP(left, 0, INT_MAX);
		rc = poll(fds, 2, (int)left);
		if (rc == 0)
			return 0;
		if (rc > 0)
			return fds[1].revents ? 2 : 1;
		if (errno != EINTR)
			return -1;
	}
}

int net_send_all(int fd, const void *data, size_t len, int64_t timeout_ms,
		 struct fault *fault)
{
	const char *p = data;
	int64_t end = g_get_monotonic_time() / 1000 + timeout_ms;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		int64_t left = end - g_get_monotonic_time() / 1000;

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (net_wait(fd, true, -1, MAX(left, 0)) <= 0)
				return fault_set(fault, FAULT_NETWORK,
						 "the peer takes no data");
		} else if (errno != EINTR) {
			return fault_set_errno(fault, FAULT_NETWORK, errno,
					       "send");
		}
	}
	return 0;
}
