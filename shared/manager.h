/*
 * The service manager: the sockets it gives (sd_listen_fds(3)), the states it
 * is told (sd_notify(3)), and the watchdog (sd_watchdog_enabled(3)).  The
 * protocols are systemd's; others speak them too, and without any of it
 * nothing happens.
 */
#ifndef OKAPI_MANAGER_H
#define OKAPI_MANAGER_H

#include "base.h"
#include "fault.h"

/*
 * Takes over what $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES tell of, before
 * any fork(2), and forgets the variables.  FAULT_CONFIG where a descriptor is
 * no listening stream socket.
 */
NODISCARD int manager_begin(struct fault *fault);

/*
 * A socket that was given: the first that is called name (may be NULL), or is
 * bound to the place where (as net_listen() takes them).  Owned, -1 if there is
 * none.  Its file, if it has one, is the manager's: it stays when the socket is
 * closed.
 */
int manager_take_socket(const char *name, const char *where);
/* Any of those that nobody has taken, and its place, owned; -1: none left. */
int manager_take_any_socket(char **ret_where);

/* Tells it a state, "READY=1"; lines divided by '\n'. */
void manager_tell(const char *format, ...) PRINTF_LIKE(1, 2);

/*
 * If the manager wants a sign of life ($WATCHDOG_USEC), starts a thread that
 * gives one twice in that time, as long as is_well(context) says so.
 */
NODISCARD int manager_watch(bool (*is_well)(void *context), void *context,
			    struct fault *fault);
/* Before what is_well() looks at goes. */
void manager_watch_stop(void);

#endif
