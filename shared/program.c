/*
 * Finding what belongs to the same installation, and what writes do not end.
 */
#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directory of the running program; "" where it cannot be known. */
static void program_directory(char ret_directory[PROGRAM_PATH_MAX])
{
	ssize_t len =
		readlink("/proc/self/exe", ret_directory, PROGRAM_PATH_MAX - 1);
	char *slash;

	ret_directory[len > 0 ? len : 0] = '\0';
	slash = strrchr(ret_directory, '/');
	if (slash)
		*slash = '\0';
}

bool program_find(const char *name, char ret_path[PROGRAM_PATH_MAX])
{
	char self[PROGRAM_PATH_MAX];
	const struct {
		const char *directory, *below;
	} places[] = {{self, ""},
		      {self, "/../libexec/okapi"},
		      {OKAPI_LIBEXECDIR, ""}};

	program_directory(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(ret_path, PROGRAM_PATH_MAX, "%s%s/%s",
				   places[i].directory, places[i].below, name);

		if (*places[i].directory && len < PROGRAM_PATH_MAX &&
		    access(ret_path, X_OK) == 0)
			return true;
	}
	return false;
}

void program_ignore_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

void program_restore_signals(void)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void program_fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest that is free is this one, and it stays open. */
		(void)!open("/dev/null",
			    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}
