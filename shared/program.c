/*
 * Finding what belongs to the same installation, what writes do not end, and
 * --help.
 */
#include "program.h"

#include "base.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

char *program_find(const char *name)
{
	static const char *const places[] = {"", "../libexec/okapi"};
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
	char *path = NULL;

	for (size_t i = 0; directory && i < G_N_ELEMENTS(places); i++) {
		path = g_build_filename(directory, places[i], name, NULL);
		if (access(path, X_OK) == 0)
			return path;
		g_free(path);
	}
	path = g_build_filename(OKAPI_LIBEXECDIR, name, NULL);
	if (access(path, X_OK) == 0)
		return path;
	g_free(path);
	return NULL;
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

void program_print_help(GOptionContext *context, const char *name,
			const char *args)
{
	g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
	const char *rest = strstr(text, "\n\n");

	printf("Usage: %s [options] %s%s", name, args, rest ? rest : "\n");
}
