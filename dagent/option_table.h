/*
 * Which options okapi-dagent has, for who finds some among them.  Without GLib.
 */
#ifndef OKAPI_DAGENT_OPTION_TABLE_H
#define OKAPI_DAGENT_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct option_row {
	char letter; /* 0: none */
	const char *name;
	bool has_value;
};

/* NULL: there is none of that letter, of that name (len octets). */
const struct option_row *option_by_letter(char letter);
const struct option_row *option_by_name(const char *name, size_t len);

#endif
