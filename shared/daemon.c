/*
 * The life of a daemon outside its work; see the order in daemon.h.
 */
#include "daemon.h"

#include "log.h"
#include "manager.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

/* One daemon a process: what has to be undone or told at the end. */
static struct {
	int ready_fd; /* to the process that waits in daemon_detach() */
	int pid_fd;
	char *pid_file;
	void (*stop)(void *context);
	void (*reload)(void *context);
	void *context;
} daemon_self = {.ready_fd = -1, .pid_fd = -1};

/* ---- background ---- */

/* In the process that was started: until the child is ready or gone. */
static _Noreturn void daemon_await(pid_t child, int ready_fd)
{
	char octet;
	int status = 0;
	ssize_t n;

	do
		n = read(ready_fd, &octet, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EX_OK);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE);
}

int daemon_detach(struct fault *fault)
{
	int fds[2];
	pid_t child;
	AUTOCLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot go into the background");
	child = fork();
	if (child < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno, "fork");
	if (child > 0) {
		(void)close(fds[1]);
		daemon_await(child, fds[0]);
	}
	(void)close(fds[0]);
	daemon_self.ready_fd = fds[1];
	(void)setsid();
	if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot go into the background");
	return 0;
}

/* Lets the waiting process go, and the terminal with it. */
static void daemon_release(void)
{
	AUTOCLOSE int null_fd = -1;

	if (daemon_self.ready_fd < 0)
		return;
	log_go_background();
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0)
		(void)dup2(null_fd, STDERR_FILENO);
	if (write(daemon_self.ready_fd, "r", 1) < 0)
		log_message(LOG_LEVEL_WARNING, "nobody waits for the start");
	base_close_fd(&daemon_self.ready_fd);
}

/* ---- signals ---- */

static void daemon_signal_set(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGHUP);
}

static void *daemon_signals_main(void *argument G_GNUC_UNUSED)
{
	sigset_t set;
	int number;

	daemon_signal_set(&set);
	for (;;) {
		if (sigwait(&set, &number) != 0)
			continue;
		if (number == SIGHUP && daemon_self.reload)
			daemon_self.reload(daemon_self.context);
		else if (number != SIGHUP)
			daemon_self.stop(daemon_self.context);
	}
	return NULL;
}

int daemon_signals_start(void (*stop)(void *context),
			 void (*reload)(void *context), void *context,
			 struct fault *fault)
{
	pthread_t thread;
	sigset_t set;
	int rc;

	daemon_self.stop = stop;
	daemon_self.reload = reload;
	daemon_self.context = context;
	daemon_signal_set(&set);
	rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (rc == 0)
		rc = pthread_create(&thread, NULL, daemon_signals_main, NULL);
	if (rc != 0)
		return fault_set_errno(fault, FAULT_CONFIG, rc,
				       "cannot wait for signals");
	pthread_detach(thread);
	return 0;
}

/* ---- who we are ---- */

/* The numbers of conf->user and conf->group; -1 where nothing is set. */
static int daemon_identity(const struct conf *conf, uid_t *ret_uid,
			   gid_t *ret_gid, struct fault *fault)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	*ret_uid = (uid_t)-1;
	*ret_gid = (gid_t)-1;
	if (*conf->user) {
		user = getpwnam(conf->user);
		if (!user)
			return fault_set(fault, FAULT_CONFIG,
					 "user = %s: there is no such user "
					 "(useradd --system %s)",
					 conf->user, conf->user);
		*ret_uid = user->pw_uid;
		*ret_gid = user->pw_gid;
	}
	if (*conf->group) {
		group = getgrnam(conf->group);
		if (!group)
			return fault_set(fault, FAULT_CONFIG,
					 "group = %s: there is no such group "
					 "(groupadd --system %s)",
					 conf->group, conf->group);
		*ret_gid = group->gr_gid;
	}
	return 0;
}

static bool daemon_is(uid_t uid, gid_t gid)
{
	return (uid == (uid_t)-1 || (uid == getuid() && uid == geteuid())) &&
	       (gid == (gid_t)-1 || (gid == getgid() && gid == getegid()));
}

static int daemon_become(const struct conf *conf, uid_t uid, gid_t gid,
			 struct fault *fault)
{
	int rc = uid != (uid_t)-1 && *conf->user
			 ? initgroups(conf->user,
				      gid == (gid_t)-1 ? getgid() : gid)
			 : setgroups(0, NULL);

	if (rc == 0 && gid != (gid_t)-1)
		rc = setresgid(gid, gid, gid);
	if (rc == 0 && uid != (uid_t)-1)
		rc = setresuid(uid, uid, uid);
	if (rc < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot become user \"%s\", group "
				       "\"%s\"",
				       conf->user, conf->group);
	if (uid != (uid_t)-1 && uid != 0 && setuid(0) == 0)
		return fault_set(fault, FAULT_CONFIG,
				 "could become root again; not going on");
	return 0;
}

/* Only a file of root's own is given away, and not through a link that
 * somebody may have put there. */
static void daemon_give_log(const struct conf *conf, uid_t uid, gid_t gid)
{
	AUTOCLOSE int fd = -1;
	struct stat st;

	if (!*conf->log_file)
		return;
	fd = open(conf->log_file,
		  O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_uid == 0 && fchown(fd, uid, gid) < 0)
		log_message(LOG_LEVEL_WARNING,
			    "log_file %s stays root's and cannot be reopened: "
			    "%s",
			    conf->log_file, g_strerror(errno));
}

int daemon_drop_privileges(const struct conf *conf, struct fault *fault)
{
	uid_t uid;
	gid_t gid;

	if (daemon_identity(conf, &uid, &gid, fault) < 0)
		return -1;
	if (daemon_is(uid, gid))
		return 0;
	if (geteuid() != 0)
		return fault_set(fault, FAULT_CONFIG,
				 "only root can become user \"%s\", group "
				 "\"%s\": start as root or as that user, or "
				 "leave user and group empty",
				 conf->user, conf->group);
	daemon_give_log(conf, uid, gid);
	return daemon_become(conf, uid, gid, fault);
}

/* ---- files ---- */

int daemon_run_dir(const struct conf *conf, struct fault *fault)
{
	const char *dir = conf->run_dir;
	uid_t uid;
	gid_t gid;
	struct stat st;

	if (stat(dir, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		return fault_set(fault, FAULT_CONFIG,
				 "run_dir = %s is no directory", dir);
	}
	if (daemon_identity(conf, &uid, &gid, fault) < 0)
		return -1;
	if (g_mkdir_with_parents(dir, 0755) < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot create run_dir %s (start as "
				       "root once, or set run_dir)",
				       dir);
	if (chmod(dir, 0755) < 0 ||
	    (geteuid() == 0 && chown(dir, uid, gid) < 0))
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot set the owner of run_dir %s",
				       dir);
	return 0;
}

void daemon_tell_warnings(const struct conf *conf)
{
	for (guint i = 0; i < conf->warnings->len; i++)
		log_message(LOG_LEVEL_WARNING, "%s",
			    (const char *)conf->warnings->pdata[i]);
}

int daemon_pid_file(const struct conf *conf, struct fault *fault)
{
	AUTOCLOSE int fd = -1;
	char text[32] = "";
	int len;

	if (!*conf->pid_file)
		return 0;
	fd = open(conf->pid_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		  0644);
	if (fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot write pid_file %s",
				       conf->pid_file);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fault_set_errno(fault, FAULT_CONFIG, errno,
					       "cannot lock pid_file %s",
					       conf->pid_file);
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		return fault_set(fault, FAULT_CONFIG,
				 "pid_file %s: process %s runs already",
				 conf->pid_file, g_strchomp(text));
	}
	len = g_snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)len) != len)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot write pid_file %s",
				       conf->pid_file);
	daemon_self.pid_fd = base_take_fd(&fd);
	daemon_self.pid_file = g_strdup(conf->pid_file);
	return 0;
}

/* As another user than the one that made it we may be unable to remove the
 * file; empty it is no lie either. */
void daemon_end(void)
{
	if (daemon_self.pid_fd < 0)
		return;
	if (unlink(daemon_self.pid_file) < 0 &&
	    ftruncate(daemon_self.pid_fd, 0) < 0)
		log_message(LOG_LEVEL_WARNING, "cannot remove %s: %s",
			    daemon_self.pid_file, g_strerror(errno));
	base_close_fd(&daemon_self.pid_fd);
	g_clear_pointer(&daemon_self.pid_file, g_free);
}

/* Nothing here waits with select(2), for which soft limits are low. */
void daemon_need_files(const char *key, int64_t count)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)count;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = MIN(wanted, limit.rlim_max);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		log_message(LOG_LEVEL_WARNING,
			    "%s may need %" G_GINT64_FORMAT
			    " descriptors, and there are %" G_GINT64_FORMAT
			    " at most (LimitNOFILE)",
			    key, count, (int64_t)limit.rlim_max);
}

/* ---- what is told ---- */

void daemon_fail(const struct fault *fault)
{
	log_message(LOG_LEVEL_ERROR, "%s", fault->text);
	if (!log_is_stderr())
		(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name,
			      fault->text);
}

void daemon_ready(const char *what)
{
	if (what)
		log_message(LOG_LEVEL_INFO, "ready: %s", what);
	else
		log_message(LOG_LEVEL_INFO, "ready");
	manager_tell("READY=1\nSTATUS=%s", what ? what : "ready");
	daemon_release();
}

void daemon_stopping(void)
{
	manager_tell("STOPPING=1\nSTATUS=stopping");
}

void daemon_reloading(void)
{
	manager_tell("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
		     g_get_monotonic_time());
}

void daemon_reloaded(const struct fault *fault)
{
	if (fault)
		log_message(LOG_LEVEL_ERROR,
			    "not reloaded, going on as before: %s",
			    fault->text);
	else
		log_message(LOG_LEVEL_INFO, "reloaded");
	manager_tell("READY=1\nSTATUS=%s%s",
		     fault ? "not reloaded, going on as before: " : "reloaded",
		     fault ? fault->text : "");
}
