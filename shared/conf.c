/*
 * The parser and printer over the table of options.
 */
#include "conf.h"

#include "nearest.h"

#include <errno.h>
#include <string.h>

/* Beside the table of conf_syntax.h. */
static const struct conf_place {
	const char *text;
	size_t offset;
} conf_places[] = {
#define CONF_OPTION(kind, key, unit, def, min, max, text)                      \
 {text, offsetof(struct conf, key)},
#include "conf_options.def"
#undef CONF_OPTION
};
#define CONF_COUNT G_N_ELEMENTS(conf_places)

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

static void *conf_field(struct conf *conf, size_t index)
{
	return (char *)conf + conf_places[index].offset;
}

static const void *conf_field_const(const struct conf *conf, size_t index)
{
	return (const char *)conf + conf_places[index].offset;
}

/* A number with an optional unit. */
static int conf_parse_number(const struct conf_option *option,
			     const char *value, int64_t *ret_number,
			     struct fault *fault)
{
	switch (conf_number(option, value, ret_number)) {
	case CONF_RIGHT:
		return 0;
	case CONF_NO_NUMBER:
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is not a number%s", value,
				 option->kind == CONF_TIME
					 ? " with a unit (s, m, h, d, w)"
					 : "");
	case CONF_NO_UNIT:
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\": unit must be s, m, h, d or w", value);
	case CONF_NOT_WHOLE:
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is not a whole number", value);
	case CONF_OUT_OF_RANGE:
		break;
	}
	return fault_set(fault, FAULT_CONFIG,
			 "%s is out of range (%" G_GINT64_FORMAT
			 " to %" G_GINT64_FORMAT "%s)",
			 value, option->min, option->max,
			 option->kind == CONF_TIME   ? " seconds"
			 : option->kind == CONF_SIZE ? " MB"
						     : "");
}

static int conf_parse_mode(const char *value, int64_t *ret_mode,
			   struct fault *fault)
{
	if (conf_mode(value, ret_mode))
		return 0;
	return fault_set(fault, FAULT_CONFIG,
			 "\"%s\" is not a file mode such as 0660", value);
}

/* Which of its words the value is. */
static int conf_parse_word(enum conf_kind kind, const char *value,
			   int *ret_index, struct fault *fault)
{
	const char *const *words = conf_words(kind);
	int index = conf_word(kind, value);

	if (index >= 0) {
		*ret_index = index;
		return 0;
	}
	if (kind == CONF_BOOL)
		return fault_set(fault, FAULT_CONFIG, "\"%s\" is not yes or no",
				 value);
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

static int conf_set(struct conf *conf, size_t index, const char *value,
		    struct fault *fault)
{
	const struct conf_option *option = &conf_options[index];
	void *field = conf_field(conf, index);
	int word = 0;

	switch (option->kind) {
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
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_TIME:
		return conf_parse_number(option, value, field, fault);
	case CONF_MODE:
		return conf_parse_mode(value, field, fault);
	case CONF_BOOL:
	case CONF_LOG_METHOD:
	case CONF_TLS_LEVEL:
		break;
	}
	if (conf_parse_word(option->kind, value, &word, fault) < 0)
		return -1;
	if (option->kind == CONF_BOOL)
		*(bool *)field = word < CONF_BOOL_WORDS;
	else if (option->kind == CONF_LOG_METHOD)
		*(enum conf_log_method *)field = (enum conf_log_method)word;
	else
		*(enum conf_tls_level *)field = (enum conf_tls_level)word;
	return 0;
}

static bool conf_find(const char *key, size_t *ret_index)
{
	const struct conf_option *option = conf_option_find(key);

	if (option)
		*ret_index = (size_t)(option - conf_options);
	return option != NULL;
}

static int conf_unknown_key(const char *key, struct fault *fault)
{
	const char *known[CONF_COUNT + 1] = {0};
	const char *near;

	for (size_t i = 0; i < G_N_ELEMENTS(conf_old_keys); i++)
		if (strcmp(conf_old_keys[i].old, key) == 0)
			return fault_set(fault, FAULT_CONFIG,
					 "unknown key; here it is %s",
					 conf_old_keys[i].advice);
	for (size_t i = 0; i < CONF_COUNT; i++)
		known[i] = conf_options[i].key;
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
	int rc = conf_find(key, &index) ? conf_set(conf, index, value, &fault)
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
	struct fault fault = {0};
	char *key = NULL;
	char *value = NULL;

	switch (conf_cut_line(line, &key, &value)) {
	case CONF_LINE_NOTHING:
		return 0;
	case CONF_LINE_SETTING:
		return conf_assign(conf, where, key, value, faults, first);
	case CONF_LINE_BAD:
		break;
	}
	fault_set(&fault, FAULT_CONFIG, "%s: \"%s\" is not \"key = value\"",
		  where, key);
	if (faults)
		g_ptr_array_add(faults, g_strdup(fault.text));
	if (first->kind == FAULT_NONE)
		*first = fault;
	return -1;
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
	lines = g_strsplit(conf_skip_mark(text), "\n", -1);
	for (size_t i = 0; lines[i]; i++) {
		g_autofree char *where = g_strdup_printf("%s:%zu", path, i + 1);

		conf_cut_comment(lines[i]);
		/* Every line is read, so that all faults are told at once. */
		if (conf_line(conf, where, lines[i], faults, first) < 0)
			continue;
	}
}

/* With defaults. */
static struct conf *conf_new(void)
{
	struct conf *conf = g_new0(struct conf, 1);
	struct fault fault = {0};

	conf->origins = g_new0(char *, CONF_COUNT + 1);
	conf->path = g_strdup("");
	conf->warnings = g_ptr_array_new_with_free_func(g_free);
	for (size_t i = 0; i < CONF_COUNT; i++) {
		const struct conf_option *option = &conf_options[i];

		if (conf_set(conf, i, option->def, &fault) < 0)
			g_error("default of %s: %s", option->key, fault.text);
		conf->origins[i] = g_strdup("default");
	}
	return conf;
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

static int conf_override_one(struct conf *conf, const char *setting,
			     GPtrArray *faults, struct fault *first)
{
	g_autofree char *line = g_strdup(setting);

	return conf_line(conf, "-o", line, faults, first);
}

int conf_read(const char *path, const char *const *overrides,
	      struct conf **ret_conf, GPtrArray *faults, struct fault *fault)
{
	AUTO(conf) conf = conf_new();
	struct fault first = {0};
	const char *env = g_getenv(CONF_FILE_VARIABLE);

	if (!path && env && *env)
		path = env;
	conf_read_file(conf, path ? path : CONF_DEFAULT_FILE, path != NULL,
		       faults, &first);
	for (; overrides && *overrides; overrides++)
		(void)conf_override_one(conf, *overrides, faults, &first);
	conf_check_together(conf, faults, &first);
	if (first.kind == FAULT_NONE || faults)
		*ret_conf = g_steal_pointer(&conf);
	if (first.kind == FAULT_NONE)
		return 0;
	if (fault)
		*fault = first;
	return -1;
}

int conf_override(const struct conf *conf, const char *const *overrides,
		  struct conf **ret_conf, struct fault *fault)
{
	AUTO(conf) copy = conf_new();

	for (size_t i = 0; i < CONF_COUNT; i++) {
		g_autofree char *value = conf_option_format(conf, i);

		if (conf_set(copy, i, value, fault))
			return -1;
	}
	for (; *overrides; overrides++)
		if (conf_override_one(copy, *overrides, NULL, fault))
			return -1;
	*ret_conf = g_steal_pointer(&copy);
	return 0;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < CONF_COUNT; i++) {
		void *field = conf_field(conf, i);

		if (conf_options[i].kind == CONF_STRING)
			g_free(*(char **)field);
		else if (conf_options[i].kind == CONF_LIST)
			g_strfreev(*(char ***)field);
	}
	g_strfreev(conf->origins);
	g_ptr_array_unref(conf->warnings);
	g_free(conf->path);
	g_free(conf);
}

size_t conf_option_count(void)
{
	return CONF_COUNT;
}

const char *conf_option_key(size_t i)
{
	return conf_options[i].key;
}

const char *conf_option_text(size_t i)
{
	return conf_places[i].text;
}

const char *conf_option_default(size_t i)
{
	return conf_options[i].def;
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
	const void *field = conf_field_const(conf, i);

	switch (conf_options[i].kind) {
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
		return g_strdup(conf_words(
			CONF_LOG_METHOD)[*(const enum conf_log_method *)field]);
	case CONF_TLS_LEVEL:
		return g_strdup(conf_words(
			CONF_TLS_LEVEL)[*(const enum conf_tls_level *)field]);
	}
	return NULL;
}

const char *conf_option_origin(const struct conf *conf, size_t i)
{
	return conf->origins[i];
}
