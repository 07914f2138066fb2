/*
 * The syntax of the configuration: what a line says, which keys there are, and
 * what a value of each kind may be.  Without GLib: okapi-dagent, which is
 * started for each message, has none, and reads the file as conf.c does.
 */
#ifndef OKAPI_CONF_SYNTAX_H
#define OKAPI_CONF_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_DEFAULT_FILE  "/etc/okapi/okapi.cfg"
#define CONF_FILE_VARIABLE "OKAPI_CONFIG"

enum conf_kind {
	CONF_STRING,
	CONF_LIST,
	CONF_BOOL,
	CONF_NUMBER,
	CONF_SIZE,
	CONF_TIME,
	CONF_MODE,
	CONF_LOG_METHOD,
	CONF_TLS_LEVEL,
};

/* The table of conf_options.def, in its order; a NULL key ends it. */
struct conf_option {
	enum conf_kind kind;
	const char *key;
	const char *unit;
	const char *def; /* "" where it is computed */
	int64_t min;
	int64_t max;
};
extern const struct conf_option conf_options[];
/* NULL: there is no such key. */
const struct conf_option *conf_option_find(const char *key);

/* The words of a kind, NULL-terminated: of BOOL those for yes, then as many
 * for no; of LOG_METHOD and TLS_LEVEL in the order of their enums.  NULL: it
 * has none. */
const char *const *conf_words(enum conf_kind kind);
#define CONF_BOOL_WORDS 3
/* Which one the value is, case-blind; -1: none. */
int conf_word(enum conf_kind kind, const char *value);

/* Behind a byte order mark, with which some editors begin a file. */
char *conf_skip_mark(char *text);

/* A line of the file: cuts a comment off. */
void conf_cut_comment(char *line);

enum conf_line {
	CONF_LINE_NOTHING, /* empty, or a comment */
	CONF_LINE_SETTING,
	CONF_LINE_BAD, /* not "key = value"; *ret_key is the line */
};
/* Cuts a line without line feed in two, in place; the results point into it,
 * without blanks around them. */
enum conf_line conf_cut_line(char *line, char **ret_key, char **ret_value);

/* What is wrong with a number. */
enum conf_wrong {
	CONF_RIGHT,
	CONF_NO_NUMBER,
	CONF_NO_UNIT,
	CONF_NOT_WHOLE,
	CONF_OUT_OF_RANGE,
};
/* A NUMBER, SIZE (then in octets) or TIME (in seconds); set only if it is
 * right. */
enum conf_wrong conf_number(const struct conf_option *option, const char *value,
			    int64_t *ret_number);
/* A file mode, octal. */
bool conf_mode(const char *value, int64_t *ret_mode);

/* Is it a value of that kind?  (Whether a text is UTF-8 is not asked.) */
bool conf_value_check(const struct conf_option *option, const char *value);

#endif
