/*
 * Running the auto-reply program.
 */
#include "responder.h"

#include "log.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define RESPONDER_OUTPUT_MAX 2048

void responder_job_free(struct responder_job *job)
{
	g_free(job->program);
	g_free(job->from);
	g_free(job->to);
	g_free(job->subject);
	g_free(job->user);
	g_bytes_unref(job->reply);
	g_free(job);
}

/* The reply in a file of its own, 0600; owned path. */
static char *responder_write_file(const struct responder_job *job)
{
	char *path =
		g_build_filename(g_get_tmp_dir(), "okapi-reply-XXXXXX", NULL);
	AUTOCLOSE int fd = mkostemp(path, O_CLOEXEC);
	size_t size = 0;
	const char *octets = g_bytes_get_data(job->reply, &size);

	if (fd < 0) {
		log_message(LOG_LEVEL_ERROR,
			    "autoresponder: cannot make %s: "
			    "%s",
			    path, g_strerror(errno));
		g_free(path);
		return NULL;
	}
	while (size > 0) {
		ssize_t n = write(fd, octets, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_message(LOG_LEVEL_ERROR,
				    "autoresponder: cannot write %s: %s", path,
				    g_strerror(errno));
			(void)unlink(path);
			g_free(path);
			return NULL;
		}
		octets += n;
		size -= (size_t)n;
	}
	return path;
}

static int responder_spawn(const struct responder_job *job, char *file,
			   int out_fd, pid_t *ret_pid)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			     "/usr/bin:/sbin:/bin";
	static char lang[] = "LANG=C.UTF-8";
	char *const environment[] = {path, lang, NULL};
	char *const argv[] = {job->program, job->from, job->to, job->subject,
			      job->user,    file,      NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t defaults;
	int rc;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
						      POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
	rc = posix_spawn(ret_pid, job->program, &files, &attributes, argv,
			 environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

/* Collects output until its end; false: the time was up. */
static bool responder_listen(int fd, int64_t timeout_ms, GString *output)
{
	int64_t end = g_get_monotonic_time() / 1000 + timeout_ms;

	for (;;) {
		int64_t left = end - g_get_monotonic_time() / 1000;
		char buffer[1024];
		ssize_t n;

		if (left <= 0 || net_wait(fd, false, -1, left) != 1)
			return false;
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (output->len < RESPONDER_OUTPUT_MAX)
			g_string_append_len(output, buffer, n);
	}
}

static void responder_report(const struct responder_job *job, int status,
			     bool in_time, GString *output)
{
	bool is_good = in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	struct log_event *event = log_event_new("autoresponder");

	g_strchomp(output->str);
	log_event_text(event, "user", job->user);
	log_event_text(event, "to", job->to);
	log_event_text(event, "program", job->program);
	if (!in_time)
		log_event_text(event, "result", "took too long, killed");
	else if (WIFEXITED(status))
		log_event_number(event, "exit", WEXITSTATUS(status));
	else
		log_event_number(event, "signal", WTERMSIG(status));
	log_event_text(event, "output", *output->str ? output->str : NULL);
	log_event_emit(event, is_good ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING);
}

/* Waits for its end; a program that only closed its output has what is left
 * of the time. */
static bool responder_reap(pid_t pid, bool in_time, int *ret_status)
{
	for (int i = 0; in_time && i < 200; i++) {
		pid_t done = waitpid(pid, ret_status, WNOHANG);

		if (done == pid)
			return true;
		g_usleep(10000);
	}
	(void)kill(-pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		continue;
	return false;
}

static void responder_run(const struct responder_job *job, char *file)
{
	g_autoptr(GString) output = g_string_new(NULL);
	AUTOCLOSE int read_fd = -1;
	AUTOCLOSE int write_fd = -1;
	int fds[2];
	int status = 0;
	bool in_time;
	pid_t pid = 0;
	int rc;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_message(LOG_LEVEL_ERROR, "autoresponder: pipe: %s",
			    g_strerror(errno));
		return;
	}
	read_fd = fds[0];
	write_fd = fds[1];
	rc = responder_spawn(job, file, write_fd, &pid);
	if (rc) {
		log_message(LOG_LEVEL_ERROR, "cannot run autoresponder %s: %s",
			    job->program, g_strerror(rc));
		return;
	}
	base_close_fd(&write_fd);
	in_time = responder_listen(read_fd, job->timeout_ms, output);
	in_time = responder_reap(pid, in_time, &status);
	responder_report(job, status, in_time, output);
}

void responder_run_job(gpointer data, gpointer unused)
{
	struct responder_job *job = data;
	g_autofree char *file = responder_write_file(job);

	(void)unused;
	if (file) {
		responder_run(job, file);
		(void)unlink(file);
	}
	responder_job_free(job);
}
