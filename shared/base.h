/*
 * The ground every file of Okapi stands on: attributes and cleanup macros.
 *
 * GLib is in the house: use its containers, strings, g_autofree and
 * g_autoptr.  Out of memory ends the process (GLib aborts); input never does.
 *
 * Conventions, everywhere:
 *   - int functions that can fail return 0 or -1 and fill a struct fault;
 *   - bool functions are questions that cannot fail;
 *   - outputs come last, are named ret_..., and are set only on success;
 *     the struct fault * comes after them;
 *   - "owned" means the caller frees it, "borrowed until X" means it must not
 *     be used after X, "moved" means the callee owns it from the call on.
 */
#ifndef OKAPI_BASE_H
#define OKAPI_BASE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define NODISCARD              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Closes a file descriptor, if it is one, when the variable leaves scope. */
#define AUTOCLOSE __attribute__((cleanup(base_close_fd)))

static inline void base_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Moves a descriptor out of an AUTOCLOSE variable. */
static inline int base_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/*
 * Owned structs that free themselves when they leave scope:
 *   AUTO_DEFINE(conf, conf_free)	in the header of struct conf
 *   AUTO(conf) conf = NULL;		in a function
 * g_steal_pointer() moves one out.
 */
#define AUTO_DEFINE(name, free_function)                                       \
 static inline void name##_auto_free(struct name **object)                     \
 {                                                                             \
  if (*object)                                                                 \
   free_function(*object);                                                     \
  *object = NULL;                                                              \
 }                                                                             \
 struct name

#define AUTO(name) __attribute__((cleanup(name##_auto_free))) struct name *

/* Times are microseconds since the Unix epoch, UTC, unless a name says
 * otherwise (..._s seconds, ..._ms milliseconds). */
#define USEC_PER_SEC INT64_C(1000000)

/* One megabyte of the configuration file. */
#define BYTES_PER_MB INT64_C(1048576)

#endif
