/*
 * One line on the terminal that is written over again.
 */
#include "progress.h"

#include <stdio.h>

#define PROGRESS_EVERY_US 200000

void progress_begin(struct progress *progress, const char *what)
{
	*progress =
		(struct progress){.what = what, .on = isatty(STDERR_FILENO)};
}

void progress_tell(struct progress *progress, int64_t done, int64_t total)
{
	int64_t now;

	if (!progress->on)
		return;
	now = g_get_monotonic_time();
	if (progress->told && now - progress->told < PROGRESS_EVERY_US)
		return;
	progress->told = now;
	if (total)
		fprintf(stderr,
			"\r%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " %s ",
			done, total, progress->what);
	else
		fprintf(stderr, "\r%" G_GINT64_FORMAT " %s ", done,
			progress->what);
	(void)fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->on && progress->told)
		fputs("\r\033[K", stderr);
	progress->told = 0;
}
