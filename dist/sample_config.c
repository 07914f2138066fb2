/*
 * Prints a configuration file that holds every option with its default, as a
 * comment: the sample that `make install` lays down cannot grow stale.
 */
#include "conf.h"

#include <stdio.h>

int main(void)
{
	puts("# The configuration of Okapi, one file for all its programs.\n"
	     "# What stands here commented out is the default;"
	     " okapi.cfg(5) explains it.\n"
	     "# Sizes are in MB, times take a unit (30s, 10m, 4h, 5d),"
	     " lists are separated by blanks.");
	for (size_t i = 0; i < conf_option_count(); i++) {
		const char *def = conf_option_default(i);
		bool computed = def[0] == '@';

		printf("\n# %s\n#%s =%s%s\n", conf_option_text(i),
		       conf_option_key(i), *def && !computed ? " " : "",
		       computed ? "" : def);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
