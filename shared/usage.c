/*
 * What a program takes.
 */
#include "usage.h"

#include <stdio.h>
#include <string.h>

void usage_print(GOptionContext *context, const char *name, const char *args)
{
	g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
	const char *rest = strstr(text, "\n\n");

	printf("Usage: %s [options] %s%s", name, args, rest ? rest : "\n");
}
