/*
 * What both daemons share: going into the background, giving up root, the pid
 * file, signals, and telling how things stand.
 *
 * The order of a start:
 *	manager_begin()		what the service manager gives; manager.h
 *	daemon_detach()		with -d: before there is any thread
 *	daemon_signals_start()	before there is any other thread
 *	daemon_run_dir()	still as root
 *	daemon_pid_file()
 *	... listeners, keys ...
 *	daemon_drop_privileges()
 *	... helpers, store, threads ...
 *	daemon_ready()
 *	... serve ...
 *	daemon_stopping()
 *	... wait for the sessions ...
 *	daemon_end()
 */
#ifndef OKAPI_DAEMON_H
#define OKAPI_DAEMON_H

#include "base.h"
#include "conf.h"
#include "fault.h"

/*
 * Goes into the background: returns in the child, a session leader without a
 * terminal.  The process that was started waits for daemon_ready() and exits
 * 0 then; if the child ends before, it exits with the child's exit code.
 * stderr stays open until daemon_ready(), so that errors of the start reach
 * the shell; after it, a log that went to stderr goes to syslog.  The working
 * directory stays, for paths in the configuration may be relative.
 */
NODISCARD int daemon_detach(struct fault *fault);

/*
 * Blocks SIGTERM, SIGINT and SIGHUP in the calling thread, which its threads
 * inherit, and starts a thread that waits for them: stop is called on SIGTERM
 * and SIGINT, reload (may be NULL) on SIGHUP, in that thread, as ordinary
 * functions.  Programs that are started inherit the blocked signals:
 * program_restore_signals().
 */
NODISCARD int daemon_signals_start(void (*stop)(void *context),
				   void (*reload)(void *context), void *context,
				   struct fault *fault);

/* Logs what the configuration says twice, once at a start and at a reload: the
 * log is open and has its level. */
void daemon_tell_warnings(const struct conf *conf);

/* Makes conf->run_dir (0755) if it is missing, and gives a new one to
 * conf->user. */
NODISCARD int daemon_run_dir(const struct conf *conf, struct fault *fault);

/* Writes conf->pid_file (none if empty) and keeps it locked; a fault if a
 * living process holds it. */
NODISCARD int daemon_pid_file(const struct conf *conf, struct fault *fault);

/* Becomes conf->user and conf->group, and gives a log file that root has made
 * to that user, so that it can be reopened; nothing if both are empty, or we
 * are them already.  As another user than root that is a fault. */
NODISCARD int daemon_drop_privileges(const struct conf *conf,
				     struct fault *fault);

/* Raises the soft limit on descriptors to count, as far as the hard one goes;
 * warns where that is not far enough for what key (lmtp_max_sessions, say) asks
 * for.  Programs that are started inherit it. */
void daemon_need_files(const char *key, int64_t count);

/* Tells why the daemon does not start, in the log and to the shell. */
void daemon_fail(const struct fault *fault);

/* Logs "ready" and what (may be NULL), tells the service manager
 * (READY=1) and the process that waits in daemon_detach(). */
void daemon_ready(const char *what);
/* Tells the service manager: STOPPING=1. */
void daemon_stopping(void);
/* RELOADING=1 ... READY=1, with a log line; fault: why the old configuration
 * stays, or NULL. */
void daemon_reloading(void);
void daemon_reloaded(const struct fault *fault);

/* Removes the pid file. */
void daemon_end(void);

#endif
