/*
 * The parser and printer over the table of options.
 */
#include "conf.h"

#include "nearest.h"

#include <errno.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

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

struct conf_row {
	enum conf_kind kind;
	const char *key;
	const char *unit;
	const char *def;
	int64_t min;
	int64_t max;
	const char *text;
	size_t offset;
};

static const struct conf_row conf_rows[] = {
#define CONF_OPTION(kind, key, unit, def, min, max, text)                      \
 {CONF_##kind, #key, unit, def, min, max, text, offsetof(struct conf, key)},
#include "conf_options.def"
#undef CONF_OPTION
};

/* Keys of the Zarafa line and what they are called here. */
static const struct conf_old_key {
	const char *old;
	const char *advice;
} conf_old_keys[] = {
	{"server_bind", "lmtp_listen (host:port)"},
	{"server_bind_intf", "lmtp_listen (host:port)"},
	{"lmtp_port", "lmtp_listen (host:port)"},
	{"lmtp_max_threads", "lmtp_max_sessions"},
	{"max_threads", "smtp_max_sessions"},
	{"server_socket", "store_path (the store is a file here)"},
	{"sslkey_file", "tls_key_file"},
	{"sslkey_pass", "tls_key_file (without a passphrase)"},
	{"run_as_user", "user"},
	{"run_as_group", "group"},
	{"smtp_host", "smtp_server"},
	{"spam_header", "spam_header_name"},
	{"quota_warn_limit", "quota_warn"},
	{"quota_soft_limit", "quota_soft"},
	{"quota_hard_limit", "quota_hard"},
	{"log_buffer_size", "nothing: lines are never held back"},
	{"process_model", "nothing: a thread a session"},
	{"coredump_enabled", "nothing: set it in the service manager"},
	{"running_path", "run_dir"},
	{"tmp_path", "nothing: set TMPDIR"},
	{"default_charset_upgrade", "default_charset"},
	{"charset_upgrade", "default_charset"},
	{"always_send_utf8", "nothing: the narrowest charset that fits"},
	{"softdelete_lifetime_days", "softdelete_lifetime"},
	{"admin_email", "postmaster"},
};

static const char *const conf_log_methods[] = {"auto",   "file",    "syslog",
					       "stderr", "journal", NULL};
static const char *const conf_tls_levels[] = {"none", "opportunistic",
					      "required", "verify", NULL};

static void *conf_field(struct conf *conf, const struct conf_row *row)
{
	return (char *)conf + row->offset;
}

static const void *conf_field_const(const struct conf *conf,
				    const struct conf_row *row)
{
	return (const char *)conf + row->offset;
}

static int conf_parse_bool(const char *value, bool *ret_bool,
			   struct fault *fault)
{
	static const char *const yes[] = {"yes", "true", "1"};
	static const char *const no[] = {"no", "false", "0"};

	for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
		if (g_ascii_strcasecmp(value, yes[i]) == 0) {
			*ret_bool = true;
			return 0;
		}
		if (g_ascii_strcasecmp(value, no[i]) == 0) {
			*ret_bool = false;
			return 0;
		}
	}
	return fault_set(fault, FAULT_CONFIG, "\"%s\" is not yes or no", value);
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

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].seconds;
	return 0;
}

/* A number with an optional unit; scale turns it into what is held. */
static int conf_parse_number(const struct conf_row *row, const char *value,
			     int64_t *ret_number, struct fault *fault)
{
	char *end = NULL;
	int64_t scale = 1;
	int64_t number;

	errno = 0;
	number = g_ascii_strtoll(value, &end, 10);
	if (end == value || errno == ERANGE)
		return fault_set(
			fault, FAULT_CONFIG, "\"%s\" is not a number%s", value,
			row->kind == CONF_TIME ? " with a unit (s, m, h, d, w)"
					       : "");
	if (row->kind == CONF_TIME) {
		scale = conf_unit_seconds(*end ? end : row->unit);
		if (scale == 0)
			return fault_set(fault, FAULT_CONFIG,
					 "\"%s\": unit must be s, m, h, d or w",
					 value);
	} else if (*end) {
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is not a whole number", value);
	}
	if (number > INT64_MAX / 86400 / 8 || number < 0 ||
	    number * scale < row->min || number * scale > row->max) {
		return fault_set(fault, FAULT_CONFIG,
				 "%s is out of range (%" G_GINT64_FORMAT
				 " to %" G_GINT64_FORMAT "%s)",
				 value, row->min, row->max,
				 row->kind == CONF_TIME   ? " seconds"
				 : row->kind == CONF_SIZE ? " MB"
							  : "");
	}
	*ret_number = number * scale;
	if (row->kind == CONF_SIZE)
		*ret_number *= BYTES_PER_MB;
	return 0;
}

static int conf_parse_mode(const char *value, int64_t *ret_mode,
			   struct fault *fault)
{
	char *end = NULL;
	guint64 mode = g_ascii_strtoull(value, &end, 8);

	if (end == value || *end || mode > 0777)
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is not a file mode such as 0660",
				 value);
	*ret_mode = (int64_t)mode;
	return 0;
}

static int conf_parse_word(const char *const *words, const char *value,
			   int *ret_index, struct fault *fault)
{
	for (int i = 0; words[i]; i++) {
		if (g_ascii_strcasecmp(words[i], value) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	g_autofree char *known = g_strjoinv(", ", (char **)(uintptr_t)words);
	g_autofree char *hint = nearest_hint(value, words);

	return fault_set(fault, FAULT_CONFIG, "\"%s\" is none of: %s%s", value,
			 known, hint);
}

static char **conf_split(const char *value)
{
	g_auto(GStrv) words = g_strsplit_set(value, " \t,", -1);
	GPtrArray *list = g_ptr_array_new();

	for (char **word = words; *word; word++)
		if (**word)
			g_ptr_array_add(list, g_strdup(*word));
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}

static int conf_set(struct conf *conf, const struct conf_row *row,
		    const char *value, struct fault *fault)
{
	void *field = conf_field(conf, row);
	int word = 0;

	switch (row->kind) {
	case CONF_STRING:
		if (!g_utf8_validate(value, -1, NULL))
			return fault_set(fault, FAULT_CONFIG,
					 "the value is not UTF-8");
		g_free(*(char **)field);
		*(char **)field = g_strdup(value);
		return 0;
	case CONF_LIST:
		g_strfreev(*(char ***)field);
		*(char ***)field = conf_split(value);
		return 0;
	case CONF_BOOL:
		return conf_parse_bool(value, field, fault);
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_TIME:
		return conf_parse_number(row, value, field, fault);
	case CONF_MODE:
		return conf_parse_mode(value, field, fault);
	case CONF_LOG_METHOD:
		if (conf_parse_word(conf_log_methods, value, &word, fault) < 0)
			return -1;
		*(enum conf_log_method *)field = (enum conf_log_method)word;
		return 0;
	case CONF_TLS_LEVEL:
		if (conf_parse_word(conf_tls_levels, value, &word, fault) < 0)
			return -1;
		*(enum conf_tls_level *)field = (enum conf_tls_level)word;
		return 0;
	}
	return fault_set(fault, FAULT_INTERNAL, "unknown kind of option");
}

static const struct conf_row *conf_find(const char *key, size_t *ret_index)
{
	for (size_t i = 0; i < G_N_ELEMENTS(conf_rows); i++) {
		if (strcmp(conf_rows[i].key, key) == 0) {
			*ret_index = i;
			return &conf_rows[i];
		}
	}
	return NULL;
}

static int conf_unknown_key(const char *key, struct fault *fault)
{
	const char *known[G_N_ELEMENTS(conf_rows) + 1] = {0};
	const char *near;

	for (size_t i = 0; i < G_N_ELEMENTS(conf_old_keys); i++)
		if (strcmp(conf_old_keys[i].old, key) == 0)
			return fault_set(fault, FAULT_CONFIG,
					 "unknown key; here it is %s",
					 conf_old_keys[i].advice);
	for (size_t i = 0; i < G_N_ELEMENTS(conf_rows); i++)
		known[i] = conf_rows[i].key;
	near = nearest_word(key, known);
	if (near)
		return fault_set(fault, FAULT_CONFIG,
				 "unknown key; did you mean \"%s\"?", near);
	return fault_set(fault, FAULT_CONFIG,
			 "unknown key (config show lists all)");
}

/* A line that takes away what another one of the file says; -o is there to. */
static void conf_warn_twice(struct conf *conf, size_t index, const char *where,
			    const char *key)
{
	const char *line = strrchr(conf->origins[index], ':');

	if (line && strrchr(where, ':'))
		g_ptr_array_add(conf->warnings,
				g_strdup_printf("%s: %s: it is set in line %s, "
						"too: this one counts",
						where, key, line + 1));
}

/* Sets key to value; where is "FILE:LINE" or "-o". */
static int conf_assign(struct conf *conf, const char *where, const char *key,
		       const char *value, GPtrArray *faults,
		       struct fault *first)
{
	struct fault fault = {0};
	size_t index = 0;
	const struct conf_row *row = conf_find(key, &index);
	int rc = row ? conf_set(conf, row, value, &fault)
		     : conf_unknown_key(key, &fault);

	if (rc == 0) {
		conf_warn_twice(conf, index, where, key);
		g_free(conf->origins[index]);
		conf->origins[index] = g_strdup(where);
		return 0;
	}
	fault_prefix(&fault, "%s: %s", where, key);
	if (faults)
		g_ptr_array_add(faults, g_strdup(fault.text));
	if (first->kind == FAULT_NONE)
		*first = fault;
	return -1;
}

static int conf_line(struct conf *conf, const char *where, char *line,
		     GPtrArray *faults, struct fault *first)
{
	char *equals;

	g_strstrip(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals || equals == line) {
		struct fault fault = {0};

		fault_set(&fault, FAULT_CONFIG,
			  "%s: \"%s\" is not \"key = value\"", where, line);
		if (faults)
			g_ptr_array_add(faults, g_strdup(fault.text));
		if (first->kind == FAULT_NONE)
			*first = fault;
		return -1;
	}
	*equals = '\0';
	g_strstrip(line);
	g_strstrip(equals + 1);
	return conf_assign(conf, where, line, equals + 1, faults, first);
}

/* Cuts a comment: '#' at the start of the line or after a blank. */
static void conf_cut_comment(char *line)
{
	for (char *p = line; *p; p++) {
		if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			return;
		}
	}
}

/* What stands behind a NUL nobody would read.  They become blanks, so that the
 * rest is looked at, too. */
static void conf_check_text(const char *path, char *text, size_t len,
			    GPtrArray *faults, struct fault *first)
{
	struct fault fault = {0};
	size_t line = 1;

	for (size_t i = 0; i < len; i++) {
		line += text[i] == '\n';
		if (text[i])
			continue;
		text[i] = ' ';
		if (fault.kind != FAULT_NONE)
			continue;
		(void)fault_set(&fault, FAULT_CONFIG,
				"%s:%zu: there is a NUL, which is no text",
				path, line);
		if (faults)
			g_ptr_array_add(faults, g_strdup(fault.text));
		if (first->kind == FAULT_NONE)
			*first = fault;
	}
}

static void conf_read_file(struct conf *conf, const char *path, bool required,
			   GPtrArray *faults, struct fault *first)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) lines = NULL;
	gsize len = 0;

	if (!g_file_get_contents(path, &text, &len, &error)) {
		if (!required &&
		    g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return;
		if (first->kind == FAULT_NONE)
			fault_set(first, FAULT_CONFIG,
				  "cannot read configuration: %s",
				  error->message);
		if (faults)
			g_ptr_array_add(faults, g_strdup(error->message));
		return;
	}
	g_free(conf->path);
	conf->path = g_strdup(path);
	conf_check_text(path, text, len, faults, first);
	/* Some editors begin a file with a byte order mark. */
	lines = g_strsplit(g_str_has_prefix(text, BOM) ? text + strlen(BOM)
						       : text,
			   "\n", -1);
	for (size_t i = 0; lines[i]; i++) {
		g_autofree char *where = g_strdup_printf("%s:%zu", path, i + 1);

		conf_cut_comment(lines[i]);
		/* Every line is read, so that all faults are told at once. */
		if (conf_line(conf, where, lines[i], faults, first) < 0)
			continue;
	}
}

static void conf_set_defaults(struct conf *conf)
{
	struct fault fault = {0};

	for (size_t i = 0; i < G_N_ELEMENTS(conf_rows); i++) {
		const struct conf_row *row = &conf_rows[i];
		const char *def = row->def[0] == '@' ? "" : row->def;

		if (conf_set(conf, row, def, &fault) < 0)
			g_error("default of %s: %s", row->key, fault.text);
		conf->origins[i] = g_strdup("default");
	}
}

void conf_add_fault(const struct conf *conf, const char *key, const char *text,
		    GPtrArray *faults, struct fault *first)
{
	const char *origin = "default";
	struct fault fault = {0};
	size_t index = 0;

	if (conf_find(key, &index))
		origin = conf->origins[index];
	fault_set(&fault, FAULT_CONFIG, "%s: %s: %s", origin, key, text);
	if (faults)
		g_ptr_array_add(faults, g_strdup(fault.text));
	if (first && first->kind == FAULT_NONE)
		*first = fault;
}

static bool conf_is_default(const struct conf *conf, const char *key)
{
	size_t index = 0;

	return conf_find(key, &index) &&
	       strcmp(conf->origins[index], "default") == 0;
}

/* What no single value can tell. */
static void conf_check_together(const struct conf *conf, GPtrArray *faults,
				struct fault *first)
{
	static const char *const empty = "it cannot be empty";
	const struct {
		bool is_wrong;
		const char *key;
		const char *text;
	} rows[] = {
		{!*conf->store_path, "store_path", empty},
		{!*conf->run_dir, "run_dir", empty},
		{!*conf->spool_dir, "spool_dir", empty},
		{conf->queue_retry_max < conf->queue_retry_min &&
			 conf_is_default(conf, "queue_retry_max"),
		 "queue_retry_min", "it is larger than queue_retry_max"},
		{conf->queue_retry_max < conf->queue_retry_min &&
			 !conf_is_default(conf, "queue_retry_max"),
		 "queue_retry_max", "it is smaller than queue_retry_min"},
		{*conf->tls_cert_file && !*conf->tls_key_file, "tls_cert_file",
		 "it goes together with tls_key_file"},
		{*conf->tls_key_file && !*conf->tls_cert_file, "tls_key_file",
		 "it goes together with tls_cert_file"},
		{*conf->dagent_tls_key_file && !*conf->dagent_tls_cert_file,
		 "dagent_tls_key_file", "it needs dagent_tls_cert_file"},
		{*conf->dagent_server && !*conf->dagent_tls_cert_file,
		 "dagent_server",
		 "it needs dagent_tls_cert_file, and knows us by that"},
		{*conf->smtp_user && !*conf->smtp_password_file &&
			 !*conf->smtp_token_command,
		 "smtp_user",
		 "it needs smtp_password_file or smtp_token_command"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].is_wrong)
			conf_add_fault(conf, rows[i].key, rows[i].text, faults,
				       first);
}

int conf_read(const char *path, const char *const *overrides,
	      struct conf **ret_conf, GPtrArray *faults, struct fault *fault)
{
	AUTO(conf) conf = g_new0(struct conf, 1);
	struct fault first = {0};
	const char *env = g_getenv("OKAPI_CONFIG");

	conf->origins = g_new0(char *, G_N_ELEMENTS(conf_rows) + 1);
	conf->path = g_strdup("");
	conf->warnings = g_ptr_array_new_with_free_func(g_free);
	conf_set_defaults(conf);
	if (!path && env && *env)
		path = env;
	conf_read_file(conf, path ? path : CONF_DEFAULT_FILE, path != NULL,
		       faults, &first);
	for (; overrides && *overrides; overrides++) {
		g_autofree char *line = g_strdup(*overrides);

		if (conf_line(conf, "-o", line, faults, &first) < 0)
			continue;
	}
	conf_check_together(conf, faults, &first);
	if (first.kind == FAULT_NONE || faults)
		*ret_conf = g_steal_pointer(&conf);
	if (first.kind == FAULT_NONE)
		return 0;
	if (fault)
		*fault = first;
	return -1;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(conf_rows); i++) {
		void *field = conf_field(conf, &conf_rows[i]);

		if (conf_rows[i].kind == CONF_STRING)
			g_free(*(char **)field);
		else if (conf_rows[i].kind == CONF_LIST)
			g_strfreev(*(char ***)field);
	}
	g_strfreev(conf->origins);
	g_ptr_array_unref(conf->warnings);
	g_free(conf->path);
	g_free(conf);
}

size_t conf_option_count(void)
{
	return G_N_ELEMENTS(conf_rows);
}

const char *conf_option_key(size_t i)
{
	return conf_rows[i].key;
}

const char *conf_option_text(size_t i)
{
	return conf_rows[i].text;
}

const char *conf_option_default(size_t i)
{
	return conf_rows[i].def[0] == '@' ? "" : conf_rows[i].def;
}

/* The largest unit that divides the time: 86400 is "1d". */
static char *conf_format_time(int64_t seconds)
{
	if (seconds && seconds % 86400 == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT "d",
				       seconds / 86400);
	if (seconds && seconds % 3600 == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT "h", seconds / 3600);
	return g_strdup_printf("%" G_GINT64_FORMAT "s", seconds);
}

char *conf_option_format(const struct conf *conf, size_t i)
{
	const struct conf_row *row = &conf_rows[i];
	const void *field = conf_field_const(conf, row);

	switch (row->kind) {
	case CONF_STRING:
		return g_strdup(*(char *const *)field);
	case CONF_LIST:
		return g_strjoinv(" ", *(char **const *)field);
	case CONF_BOOL:
		return g_strdup(*(const bool *)field ? "yes" : "no");
	case CONF_NUMBER:
		return g_strdup_printf("%" G_GINT64_FORMAT,
				       *(const int64_t *)field);
	case CONF_SIZE:
		return g_strdup_printf("%" G_GINT64_FORMAT,
				       *(const int64_t *)field / BYTES_PER_MB);
	case CONF_TIME:
		return conf_format_time(*(const int64_t *)field);
	case CONF_MODE:
		return g_strdup_printf("%04o",
				       (unsigned)*(const int64_t *)field);
	case CONF_LOG_METHOD:
		return g_strdup(
			conf_log_methods[*(const enum conf_log_method *)field]);
	case CONF_TLS_LEVEL:
		return g_strdup(
			conf_tls_levels[*(const enum conf_tls_level *)field]);
	}
	return NULL;
}

const char *conf_option_origin(const struct conf *conf, size_t i)
{
	return conf->origins[i];
}
