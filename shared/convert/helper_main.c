/*
 * okapi-convert: the program of a helper.  Started by the daemons only.
 */
#include "helper_serve.h"

#include <glib/gprintf.h>
#include <string.h>

static int usage(const char *option)
{
	if (!strcmp(option, "--version") || !strcmp(option, "-V")) {
		g_print("okapi-convert %s\n", OKAPI_VERSION);
		return 0;
	}
	if (!strcmp(option, "--help")) {
		g_print("usage: okapi-convert [--version]\n"
			"Converts messages for Okapi's daemons, which start it "
			"themselves.\n");
		return 0;
	}
	g_printerr("okapi-convert: %s: unknown option; the daemons start this "
		   "program themselves\n",
		   option);
	return 64;
}

int main(int argc, char **argv)
{
	return argc > 1 ? usage(argv[1]) : helper_serve();
}
