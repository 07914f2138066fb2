/*
 * What a helper may not do ends it; what it needs it may.
 */
#include "convert_test.h"

#include "charset.h"
#include "convert/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#else
# define SANITIZED 0
#endif

static int do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int do_write_file(void)
{
	return open("/tmp/okapi-sandbox", O_WRONLY | O_CREAT, 0600) >= 0;
}

static int do_truncate(void)
{
	return open("/dev/null", O_RDONLY | O_TRUNC) >= 0;
}

static int do_unlink(void)
{
	return unlink("/tmp/okapi-sandbox-none") == 0;
}

static int do_fork(void)
{
	return fork() >= 0;
}

static int do_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int do_kill(void)
{
	return kill(getppid(), 0);
}

static int do_read_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && close(fd) == 0 ? 0 : 1;
}

/* A charset that was not opened before: its module is loaded now. */
static int do_charset(void)
{
	g_autofree char *text = charset_decode("ibm852", "\x86", 1);

	return text && !strcmp(text, "\xc4\x87") ? 0 : 1;
}

static int do_convert(void)
{
	propset_free(convert("Subject: x\r\nDate: Fri, 13 Feb 2009 23:31:30 "
			     "+0000\r\n\r\nbody"));
	return 0;
}

static const struct {
	const char *name;
	int (*act)(void);
	bool allowed;
} acts[] = {
	{"socket", do_socket, false},     {"write", do_write_file, false},
	{"truncate", do_truncate, false}, {"unlink", do_unlink, false},
	{"fork", do_fork, false},         {"exec", do_exec, false},
	{"kill", do_kill, false},         {"read", do_read_file, true},
	{"charset", do_charset, true},    {"convert", do_convert, true},
};

/* How a child ended that did this behind the sandbox. */
static int status_of(int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		struct fault fault = {0};

		if (sandbox_enter(&fault) != 0)
			_exit(99);
		_exit(act());
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

Test(sandbox, table)
{
	if (SANITIZED) {
		(void)fprintf(stderr, "test_sandbox: SKIPPED, sanitizers need "
				      "what it forbids\n");
		return;
	}
	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(acts); i++) {
		int status = status_of(acts[i].act);

		if (acts[i].allowed)
			cr_expect(WIFEXITED(status) && !WEXITSTATUS(status),
				  "%s: status %x", acts[i].name, status);
		else
			cr_expect(WIFSIGNALED(status) &&
					  WTERMSIG(status) == SIGSYS,
				  "%s: status %x", acts[i].name, status);
	}
}
