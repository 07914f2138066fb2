/*
 * Command line and configuration, as far as finding the daemon needs them.
 * Everything else in them is judged by who delivers.
 */
#include "conf_syntax.h"
#include "front.h"
#include "option_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRONT_FILE_STEP ((size_t)64 * 1024)

/* ---- the command line ---- */

static void front_option(struct front_options *options,
			 const struct option_row *row, char *value)
{
	switch (row->letter) {
	case 'c':
		options->config = value;
		break;
	case 'o':
		for (char **end = options->overrides;; end++)
			if (!*end) {
				*end = value;
				break;
			}
		break;
	case 'f':
		options->file = value;
		break;
	case 'q':
		options->qmail = true;
		break;
	case 's':
		options->silent = true;
		break;
	case 'l':
	case 'd':
		options->serves = true;
		break;
	case 'h':
	case 'V':
		options->is_for_all = true;
		break;
	default:
		break;
	}
}

/* One option: "--name", "--name=value", "--name" "value"; false: none that is
 * known.  *next is the word behind it, and goes on if that is its value. */
static bool front_long(struct front_options *options, char *word,
		       char *const **next)
{
	size_t len = strcspn(word, "=");
	const struct option_row *row = option_by_name(word, len);
	char *value = word[len] ? word + len + 1 : NULL;

	/* GOption takes "--=x" for a recipient, "--junk=no" for --junk. */
	if (!row)
		return len == 0 && value;
	if (row->has_value && !value) {
		value = **next;
		if (!value)
			return false;
		++*next;
	}
	front_option(options, row, value);
	return true;
}

/* A cluster of letters, behind one of which its value may stand. */
static bool front_short(struct front_options *options, char *letters,
			char *const **next)
{
	for (; *letters; letters++) {
		const struct option_row *row = option_by_letter(*letters);

		if (!row)
			return false;
		if (!row->has_value) {
			front_option(options, row, NULL);
			continue;
		}
		if (!letters[1] && !**next)
			return false;
		front_option(options, row,
			     letters[1] ? letters + 1 : *(*next)++);
		return true;
	}
	return true;
}

void front_options_read(char *const *argv, struct front_options *ret_options)
{
	size_t count = 1;

	while (argv[count - 1])
		count++;
	*ret_options = (struct front_options){0};
	ret_options->overrides = calloc(count, sizeof(char *));
	if (!ret_options->overrides)
		abort();
	for (char *const *next = argv + 1; argv[0] && *next;) {
		char *word = *next++;
		bool is_known = true;

		if (strcmp(word, "--") == 0)
			return;
		if (word[0] == '-' && word[1] == '-')
			is_known = front_long(ret_options, word + 2, &next);
		else if (word[0] == '-')
			is_known = front_short(ret_options, word + 1, &next);
		if (!is_known)
			ret_options->is_for_all = true;
	}
}

void front_options_clear(struct front_options *options)
{
	free(options->overrides);
}

/* ---- the configuration ---- */

/* Copies value, in place of what was there. */
static void front_set(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	if (!*field)
		abort();
}

/* False: it is no value of that key. */
static bool front_assign(const struct conf_option *option, const char *value,
			 struct front_conf *conf)
{
	int64_t seconds;

	if (!conf_value_check(option, value))
		return false;
	if (strcmp(option->key, "run_dir") == 0)
		front_set(&conf->run_dir, value);
	else if (strcmp(option->key, "dagent_server") == 0)
		front_set(&conf->dagent_server, value);
	else if (strcmp(option->key, "lmtp_timeout") == 0 &&
		 conf_number(option, value, &seconds) == CONF_RIGHT)
		conf->timeout_ms = seconds * 1000;
	return true;
}

/* One setting; false: it is a faulty one. */
static bool front_line(char *line, struct front_conf *conf)
{
	const struct conf_option *option;
	char *key = NULL;
	char *value = NULL;

	switch (conf_cut_line(line, &key, &value)) {
	case CONF_LINE_NOTHING:
		return true;
	case CONF_LINE_BAD:
		return false;
	case CONF_LINE_SETTING:
		break;
	}
	option = conf_option_find(key);
	return option && front_assign(option, value, conf);
}

/* The whole of a file, with a NUL behind it; NULL with errno. */
static char *front_read_file(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return NULL;
	do {
		char *more = realloc(text, len + FRONT_FILE_STEP + 1);

		if (!more)
			abort();
		text = more;
		n = read(fd, text + len, FRONT_FILE_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	(void)close(fd);
	text[len] = '\0';
	*ret_len = len;
	if (n == 0)
		return text;
	free(text);
	return NULL;
}

static bool front_file(const char *path, bool is_required,
		       struct front_conf *conf)
{
	size_t len = 0;
	char *text = front_read_file(path, &len);
	char *rest;
	bool is_good;

	if (!text)
		return !is_required && errno == ENOENT;
	is_good = strlen(text) == len;
	rest = conf_skip_mark(text);
	while (rest) {
		char *line = strsep(&rest, "\n");

		conf_cut_comment(line);
		is_good = front_line(line, conf) && is_good;
	}
	free(text);
	return is_good;
}

bool front_conf_read(const struct front_options *options,
		     struct front_conf *ret_conf)
{
	static const char *const keys[] = {"run_dir", "dagent_server",
					   "lmtp_timeout"};
	const char *variable = getenv(CONF_FILE_VARIABLE);
	const char *path = options->config         ? options->config
			   : variable && *variable ? variable
						   : NULL;
	bool is_good;

	*ret_conf = (struct front_conf){0};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)front_assign(conf_option_find(keys[i]),
				   conf_option_find(keys[i])->def, ret_conf);
	is_good = front_file(path ? path : CONF_DEFAULT_FILE, path != NULL,
			     ret_conf);
	for (char **setting = options->overrides; *setting; setting++) {
		/* The command line is handed over as it is. */
		char *line = NULL;

		front_set(&line, *setting);
		is_good = front_line(line, ret_conf) && is_good;
		free(line);
	}
	return is_good && *ret_conf->run_dir;
}

void front_conf_clear(struct front_conf *conf)
{
	free(conf->run_dir);
	free(conf->dagent_server);
}
