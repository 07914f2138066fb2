/*
 * The service manager's side of a daemon; see manager.h.
 */
#include "manager.h"

#include "log.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>

#define MANAGER_FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define MANAGER_FDS_MAX  64

struct manager_socket {
	char *name;
	int fd; /* -1: taken */
};

/* One manager a process. */
static struct {
	struct manager_socket sockets[MANAGER_FDS_MAX];
	size_t socket_count;
	uint64_t watch_usec;
	bool is_watching;
	pthread_t watcher;
	int stop_fd;
	bool (*is_well)(void *context);
	void *context;
} manager_self;

/* ---- sockets ---- */

/* A number in the environment, for this process if the variable pid says so;
 * false: nothing. */
static bool manager_number(const char *variable, const char *pid,
			   uint64_t *ret_number)
{
	const char *text = g_getenv(variable);
	const char *for_pid = g_getenv(pid);
	guint64 number;

	if (!text ||
	    (for_pid && (!g_ascii_string_to_unsigned(for_pid, 10, 1, INT_MAX,
						     &number, NULL) ||
			 number != (guint64)getpid())))
		return false;
	return g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT64, ret_number,
					  NULL);
}

static bool manager_is_listening(int fd)
{
	int is_listening = 0;
	int type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) ==
		       0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       is_listening && type == SOCK_STREAM;
}

static int manager_add_socket(int fd, const char *name, struct fault *fault)
{
	if (!manager_is_listening(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return fault_set(fault, FAULT_CONFIG,
				 "descriptor %d of the service manager (%s) is "
				 "no listening stream socket",
				 fd, name);
	manager_self.sockets[manager_self.socket_count++] =
		(struct manager_socket){.name = g_strdup(name), .fd = fd};
	return 0;
}

static int manager_take_sockets(struct fault *fault)
{
	const char *names = g_getenv("LISTEN_FDNAMES");
	g_auto(GStrv) split = g_strsplit(names ? names : "", ":", -1);
	uint64_t count = 0;

	if (!g_getenv("LISTEN_PID") ||
	    !manager_number("LISTEN_FDS", "LISTEN_PID", &count))
		return 0;
	if (count > MANAGER_FDS_MAX)
		return fault_set(fault, FAULT_CONFIG,
				 "more than %d sockets of the service manager",
				 MANAGER_FDS_MAX);
	for (uint64_t i = 0; i < count; i++) {
		const char *name =
			i < g_strv_length(split) ? split[i] : "unknown";

		if (manager_add_socket(MANAGER_FIRST_FD + (int)i, name, fault))
			return -1;
	}
	return 0;
}

int manager_begin(struct fault *fault)
{
	static const char *const variables[] = {
		"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_USEC",
		"WATCHDOG_PID"};
	int result = manager_take_sockets(fault);

	if (!manager_number("WATCHDOG_USEC", "WATCHDOG_PID",
			    &manager_self.watch_usec))
		manager_self.watch_usec = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
		g_unsetenv(variables[i]);
	return result;
}

int manager_take_socket(const char *name, const char *where)
{
	for (size_t i = 0; i < manager_self.socket_count; i++) {
		struct manager_socket *socket = &manager_self.sockets[i];

		if (socket->fd >= 0 &&
		    ((name && strcmp(socket->name, name) == 0) ||
		     net_is_bound(socket->fd, where)))
			return base_take_fd(&socket->fd);
	}
	return -1;
}

int manager_take_any_socket(char **ret_where)
{
	for (size_t i = 0; i < manager_self.socket_count; i++) {
		struct manager_socket *socket = &manager_self.sockets[i];

		if (socket->fd < 0)
			continue;
		*ret_where = net_place_of(socket->fd);
		return base_take_fd(&socket->fd);
	}
	return -1;
}

/* ---- states ---- */

/* One datagram to $NOTIFY_SOCKET, a path or "@abstract". */
static int manager_send(const char *path, const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	AUTOCLOSE int fd = -1;

	if ((*path != '/' && *path != '@') || len >= sizeof(address.sun_path)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	return sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		      (const struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				  len)) < 0
		       ? -1
		       : 0;
}

void manager_tell(const char *format, ...)
{
	const char *path = g_getenv("NOTIFY_SOCKET");
	g_autofree char *state = NULL;
	va_list args;

	if (!path || !*path)
		return;
	va_start(args, format);
	state = g_strdup_vprintf(format, args);
	va_end(args);
	if (manager_send(path, state) < 0)
		log_message(LOG_LEVEL_WARNING,
			    "cannot tell the service manager \"%s\": %s", state,
			    g_strerror(errno));
}

/* ---- the watchdog ---- */

/* Waits; true: it is time to end. */
static bool manager_watch_pause(int64_t usec)
{
	return net_wait(manager_self.stop_fd, false, -1, MAX(usec / 1000, 1)) !=
	       0;
}

static void *manager_watch_main(void *argument)
{
	bool was_well = true;

	(void)argument;
	do {
		bool is_well = manager_self.is_well(manager_self.context);

		if (is_well)
			manager_tell("WATCHDOG=1");
		else if (was_well)
			log_message(LOG_LEVEL_ERROR,
				    "nothing is committed any more: the "
				    "watchdog gets no sign of life");
		was_well = is_well;
	} while (!manager_watch_pause((int64_t)manager_self.watch_usec / 2));
	return NULL;
}

int manager_watch(bool (*is_well)(void *context), void *context,
		  struct fault *fault)
{
	int rc;

	if (!manager_self.watch_usec)
		return 0;
	manager_self.is_well = is_well;
	manager_self.context = context;
	manager_self.stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = manager_self.stop_fd < 0
		     ? errno
		     : pthread_create(&manager_self.watcher, NULL,
				      manager_watch_main, NULL);
	if (rc != 0)
		return fault_set_errno(fault, FAULT_CONFIG, rc,
				       "cannot watch for the service manager");
	manager_self.is_watching = true;
	return 0;
}

void manager_watch_stop(void)
{
	const uint64_t one = 1;

	if (!manager_self.is_watching)
		return;
	if (write(manager_self.stop_fd, &one, sizeof(one)) < 0)
		log_message(LOG_LEVEL_ERROR, "eventfd: %s", g_strerror(errno));
	pthread_join(manager_self.watcher, NULL);
	base_close_fd(&manager_self.stop_fd);
	manager_self.is_watching = false;
}
