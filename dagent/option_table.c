/*
 * The table of options.def, as letters and names.
 */
#include "option_table.h"

#include <string.h>

enum option_kind {
	OPTION_FLAG,
	OPTION_COUNT,
	OPTION_TEXT,
	OPTION_LIST
};

static const struct option_row option_rows[] = {
#define OPTION(kind, letter, name, field, text, value)                         \
 {letter, name, OPTION_##kind >= OPTION_TEXT},
#include "options.def"
#undef OPTION
};
#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

const struct option_row *option_by_letter(char letter)
{
	for (size_t i = 0; letter && i < OPTION_ROWS; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

const struct option_row *option_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (strlen(option_rows[i].name) == len &&
		    memcmp(option_rows[i].name, name, len) == 0)
			return &option_rows[i];
	return NULL;
}
