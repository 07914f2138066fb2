/*
 * Lines, keys and values of the configuration.
 */
#include "conf_syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOM           "\xef\xbb\xbf"
#define BLANKS        " \t\n\v\f\r"
#define OCTETS_PER_MB INT64_C(1048576)

const struct conf_option conf_options[] = {
#define CONF_OPTION(kind, key, unit, def, min, max, text)                      \
 {CONF_##kind, #key, unit, def[0] == '@' ? "" : def, min, max},
#include "conf_options.def"
#undef CONF_OPTION
	{CONF_STRING, NULL, NULL, NULL, 0, 0},
};

static const char *const conf_bools[] = {"yes",   "true", "1", "no",
					 "false", "0",    NULL};
static const char *const conf_log_methods[] = {"auto",   "file",    "syslog",
					       "stderr", "journal", NULL};
static const char *const conf_tls_levels[] = {"none", "opportunistic",
					      "required", "verify", NULL};

const struct conf_option *conf_option_find(const char *key)
{
	for (const struct conf_option *option = conf_options; option->key;
	     option++)
		if (strcmp(option->key, key) == 0)
			return option;
	return NULL;
}

const char *const *conf_words(enum conf_kind kind)
{
	switch (kind) {
	case CONF_BOOL:
		return conf_bools;
	case CONF_LOG_METHOD:
		return conf_log_methods;
	case CONF_TLS_LEVEL:
		return conf_tls_levels;
	case CONF_STRING:
	case CONF_LIST:
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_MODE:
		break;
	}
	return NULL;
}

int conf_word(enum conf_kind kind, const char *value)
{
	const char *const *words = conf_words(kind);

	for (int i = 0; words && words[i]; i++)
		if (strcasecmp(words[i], value) == 0)
			return i;
	return -1;
}

char *conf_skip_mark(char *text)
{
	size_t len = strlen(BOM);

	return strncmp(text, BOM, len) == 0 ? text + len : text;
}

void conf_cut_comment(char *line)
{
	for (char *p = line; *p; p++) {
		if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			return;
		}
	}
}

static char *conf_strip(char *text)
{
	size_t len;

	text += strspn(text, BLANKS);
	len = strlen(text);
	while (len > 0 && strchr(BLANKS, text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

enum conf_line conf_cut_line(char *line, char **ret_key, char **ret_value)
{
	char *equals;

	line = conf_strip(line);
	*ret_key = line;
	if (!*line || *line == '#')
		return CONF_LINE_NOTHING;
	equals = strchr(line, '=');
	if (!equals || equals == line)
		return CONF_LINE_BAD;
	*equals = '\0';
	*ret_key = conf_strip(line);
	*ret_value = conf_strip(equals + 1);
	return CONF_LINE_SETTING;
}

/* Seconds in one unit, 0 for an unknown unit. */
static int64_t conf_unit_seconds(const char *unit)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"s", 1},
		     {"m", 60},
		     {"h", 3600},
		     {"d", 86400},
		     {"w", 7 * 86400}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].seconds;
	return 0;
}

enum conf_wrong conf_number(const struct conf_option *option, const char *value,
			    int64_t *ret_number)
{
	char *end = NULL;
	int64_t scale = 1;
	int64_t number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || errno == ERANGE)
		return CONF_NO_NUMBER;
	if (option->kind == CONF_TIME)
		scale = conf_unit_seconds(*end ? end : option->unit);
	else if (*end)
		return CONF_NOT_WHOLE;
	if (scale == 0)
		return CONF_NO_UNIT;
	if (number > INT64_MAX / 86400 / 8 || number < 0 ||
	    number * scale < option->min || number * scale > option->max)
		return CONF_OUT_OF_RANGE;
	*ret_number =
		number * (option->kind == CONF_SIZE ? OCTETS_PER_MB : scale);
	return CONF_RIGHT;
}

bool conf_mode(const char *value, int64_t *ret_mode)
{
	char *end = NULL;
	unsigned long long mode = strtoull(value, &end, 8);

	if (end == value || *end || mode > 0777)
		return false;
	*ret_mode = (int64_t)mode;
	return true;
}

bool conf_value_check(const struct conf_option *option, const char *value)
{
	int64_t number;

	switch (option->kind) {
	case CONF_STRING:
	case CONF_LIST:
		return true;
	case CONF_BOOL:
	case CONF_LOG_METHOD:
	case CONF_TLS_LEVEL:
		return conf_word(option->kind, value) >= 0;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_TIME:
		return conf_number(option, value, &number) == CONF_RIGHT;
	case CONF_MODE:
		return conf_mode(value, &number);
	}
	return false;
}
