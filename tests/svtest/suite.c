/*
 * The suite: message, envelope, settings and scripts of one test file.
 */
#include "suite.h"

#include "conf.h"
#include "convert/helper.h"
#include "rules/settings.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* Until a file sets one. */
#define SUITE_MESSAGE                                                          \
 "From: sender@example.com\n"                                                  \
 "To: recipient@example.org\n"                                                 \
 "Subject: Frop!\n"                                                            \
 "\n"                                                                          \
 "Friep!\n"

struct suite *suite_of(const struct sieve_run *run)
{
	return run->message->host;
}

void suite_error(struct suite *suite, const char *text)
{
	g_ptr_array_add(suite->errors, g_strdup(text));
}

void suite_fail(struct sieve_run *run, const char *reason)
{
	struct suite *suite = suite_of(run);

	if (!suite->is_failed)
		printf("FAIL %s: %s\n",
		       suite->test ? suite->test : "(outside of a test)",
		       reason);
	suite->is_failed = true;
	if (!suite->test)
		suite->failed++;
	run->stopped = true; /* cmd_test goes on behind its block */
}

/* ---- message and envelope ---------------------------------------------------
 */

void suite_set_bytes(struct suite *suite, GBytes *bytes)
{
	const struct convert_options options = {
		.flags = CONVERT_ALL | CONVERT_PARTS,
		.default_charset = "windows-1252",
	};
	struct propset *set = NULL;
	struct fault fault = {0};

	(void)helper_to_propset(suite->agent->helpers, bytes, -1, &options,
				&set, &fault);
	g_bytes_ref(bytes);
	if (suite->set)
		propset_free(suite->set);
	if (suite->bytes)
		g_bytes_unref(suite->bytes);
	suite->set = set;
	suite->bytes = bytes;
	suite->env.set = set;
	suite->env.raw = g_bytes_get_data(bytes, &suite->env.raw_len);
	suite->env.size = (int64_t)suite->env.raw_len;
}

void suite_set_message(struct suite *suite, const char *text, size_t len)
{
	GByteArray *out = g_byte_array_new();
	g_autoptr(GBytes) bytes = NULL;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			g_byte_array_append(out, (const guint8 *)"\r", 1);
		g_byte_array_append(out, (const guint8 *)text + i, 1);
	}
	bytes = g_byte_array_free_to_bytes(out);
	suite_set_bytes(suite, bytes);
}

static void replace(char **place, const char *value)
{
	g_free(*place);
	*place = g_strdup(value);
}

/* The subaddress of the recipient, for the message's environment. */
static void find_detail(struct suite *suite)
{
	const char *at = strrchr(suite->to, '@');
	const char *sign = strpbrk(suite->to, suite->delimiters);

	g_free(suite->detail);
	suite->detail = sign && at && sign < at
				? g_strndup(sign + 1, (gsize)(at - sign - 1))
				: NULL;
	suite->env.envelope_detail = suite->detail;
}

/* A new message comes with the envelope its header tells of. */
static void read_envelope(struct suite *suite)
{
	static const char *const fields[] = {"From", "To"};
	char **const places[] = {&suite->from, &suite->to};

	replace(&suite->from, "sender@example.com");
	replace(&suite->to, "recipient@example.com");
	g_clear_pointer(&suite->original_to, g_free);
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		const struct header_field *field =
			propset_find_header(suite->set, fields[i]);

		if (field && field->addresses && field->addresses->len > 0)
			replace(places[i], ((const struct header_address *)
						    field->addresses->pdata[0])
						   ->address);
	}
}

bool suite_set(struct suite *suite, const char *name, const char *value)
{
	if (strcmp(name, "message") == 0) {
		suite_set_message(suite, value, strlen(value));
		read_envelope(suite);
	} else if (strcmp(name, "envelope.from") == 0)
		replace(&suite->from, strcmp(value, "<>") ? value : "");
	else if (strcmp(name, "envelope.to") == 0)
		replace(&suite->to, value);
	else if (strcmp(name, "envelope.orig_to") == 0)
		replace(&suite->original_to, value);
	else if (strcmp(name, "envelope.auth") == 0)
		replace(&suite->auth, value);
	else
		return false;
	suite->env.envelope_from = suite->from;
	suite->env.envelope_to = suite->to;
	suite->env.envelope_auth = suite->auth;
	find_detail(suite);
	return true;
}

void suite_show_envelope(struct suite *suite, const char *from, const char *to)
{
	replace(&suite->sent_from, from);
	replace(&suite->sent_to, to);
	suite->env.envelope_from = suite->sent_from;
	suite->env.envelope_to = suite->sent_to;
	suite->env.envelope_detail = NULL;
}

/* ---- settings
 * ---------------------------------------------------------------- */

static const char *config_of(const struct suite *suite, const char *key)
{
	return g_hash_table_lookup(suite->config, key);
}

static void read_score(struct suite *suite, const char *filter,
		       struct sieve_score *score)
{
	g_autofree char *prefix = g_strdup_printf("sieve_%s_", filter);
	g_autofree char *header = g_strconcat(prefix, "status_header", NULL);
	g_autofree char *max_header =
		g_strconcat(prefix, "score_max_header", NULL);
	g_autofree char *max = g_strconcat(prefix, "score_max_value", NULL);
	g_autofree char *type = g_strconcat(prefix, "status_type", NULL);
	const char *max_text = config_of(suite, max);
	const char *type_text = config_of(suite, type);

	score->header = config_of(suite, header);
	score->max_header = config_of(suite, max_header);
	score->max_value = max_text ? g_ascii_strtod(max_text, NULL) : 0;
	if (type_text && strcmp(type_text, "strlen") == 0)
		type_text = "length";
	if (type_text)
		(void)sieve_score_parse_type(score, type_text);
	for (size_t i = 0; i < G_N_ELEMENTS(score->texts); i++) {
		g_autofree char *key =
			g_strdup_printf("%stext_value/%zu", prefix, i);

		replace(&score->texts[i], config_of(suite, key));
	}
}

static size_t config_number(const struct suite *suite, const char *key)
{
	const char *value = config_of(suite, key);
	char *end = NULL;
	guint64 number = value ? g_ascii_strtoull(value, &end, 10) : 0;

	return (size_t)(end && g_ascii_tolower(*end) == 'k' ? number * 1024
							    : number);
}

/* Fields for which "sieve_editheader_header/NAME/what" is yes. */
static char **config_fields(const struct suite *suite, const char *what)
{
	const char *list = config_of(suite, "sieve_editheader_header");
	g_auto(GStrv) names = g_strsplit(list ? list : "", " ", -1);
	g_autoptr(GStrvBuilder) found = g_strv_builder_new();

	for (char **name = names; *name; name++) {
		g_autofree char *key = g_strdup_printf(
			"sieve_editheader_header/%s/%s", *name, what);

		if (g_strcmp0(config_of(suite, key), "yes") == 0)
			g_strv_builder_add(found, *name);
	}
	return g_strv_builder_end(found);
}

/* Pigeonhole's default where the file sets nothing. */
static const char *config_or(const struct suite *suite, const char *key,
			     const char *otherwise)
{
	const char *value = config_of(suite, key);

	return value ? value : otherwise;
}

static bool config_bool(const struct suite *suite, const char *key,
			bool otherwise)
{
	return strcmp(config_or(suite, key, otherwise ? "yes" : "no"), "yes") ==
	       0;
}

static void configure_vacation(struct suite *suite, struct conf *conf)
{
	replace(&conf->vacation_default_subject,
		config_or(suite, "sieve_vacation_default_subject", ""));
	replace(&conf->vacation_default_subject_template,
		config_or(suite, "sieve_vacation_default_subject_template",
			  ""));
	conf->vacation_check_recipient =
		config_bool(suite, "sieve_vacation_check_recipient", true);
	conf->vacation_use_original_recipient = config_bool(
		suite, "sieve_vacation_use_original_recipient", false);
	conf->vacation_send_from_recipient =
		config_bool(suite, "sieve_vacation_send_from_recipient", false);
	conf->vacation_to_header_ignore_envelope = config_bool(
		suite, "sieve_vacation_to_header_ignore_envelope", false);
}

/* What the delivery itself reads. */
static void configure_agent(struct suite *suite)
{
	struct conf *conf = (struct conf *)(uintptr_t)suite->agent->conf;

	replace(&conf->sieve_redirect_envelope_from,
		config_or(suite, "sieve_redirect_envelope_from", "sender"));
	configure_vacation(suite, conf);
}

void suite_configure(struct suite *suite, const char *key, const char *value)
{
	const char *delimiters;

	if (value)
		g_hash_table_replace(suite->config, g_strdup(key),
				     g_strdup(value));
	else
		g_hash_table_remove(suite->config, key);
	read_score(suite, "spamtest", &suite->settings.spam);
	read_score(suite, "virustest", &suite->settings.virus);
	suite->settings.header_max =
		config_number(suite, "sieve_editheader_max_header_size");
	suite->settings.variable_max =
		config_number(suite, "sieve_variables_max_value_size");
	if (!suite->settings.variable_max)
		suite->settings.variable_max = config_number(
			suite, "sieve_variables_max_variable_size");
	suite->settings.includes_max =
		(unsigned)config_number(suite, "sieve_include_max_includes");
	suite->settings.include_depth_max = (unsigned)config_number(
		suite, "sieve_include_max_nesting_depth");
	g_strfreev(suite->settings.no_add);
	g_strfreev(suite->settings.no_delete);
	suite->settings.no_add = config_fields(suite, "forbid_add");
	suite->settings.no_delete = config_fields(suite, "forbid_delete");
	configure_agent(suite);
	delimiters = config_of(suite, "recipient_delimiter");
	replace(&suite->delimiters, delimiters ? delimiters : "+");
	replace(&suite->user_email, config_of(suite, "sieve_user_email"));
	suite->env.delimiters = suite->delimiters;
	find_detail(suite);
}

/* ---- scripts
 * ------------------------------------------------------------------- */

/* The value of a key in a dict file: keys and values by turns, a line each;
 * owned, NULL if there is none. */
static char *find_in_dict(const char *path, const char *key)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; line[0] && line[1]; line += 2)
		if (strcmp(line[0], key) == 0)
			return g_strdup(line[1]);
	return NULL;
}

/* Scripts that the configuration has in a dict: by name their number, by number
 * their text. */
static char *find_text_in_dict(const char *path, const char *name,
			       size_t *ret_len)
{
	g_autofree char *by_name = g_strconcat("priv/sieve/name/", name, NULL);
	g_autofree char *number = find_in_dict(path, by_name);
	g_autofree char *by_number =
		g_strconcat("priv/sieve/data/", number ? number : "", NULL);
	char *text = find_in_dict(path, by_number);

	*ret_len = text ? strlen(text) : 0;
	return text;
}

/* The dict file that has the scripts of a place; NULL: a directory has. */
static const char *dict_of(const struct suite *suite,
			   enum sieve_location location)
{
	return config_of(suite, location == SIEVE_GLOBAL
					? "sieve_script/included-global/"
					  "sieve_script_dict/dict/file/path"
					: "sieve_script/included/"
					  "sieve_script_dict/dict/file/path");
}

static char *find_text(void *context, enum sieve_location location,
		       const char *name, size_t *ret_len)
{
	const struct suite *suite = context;
	const char *dict = dict_of(suite, location);
	g_autofree char *path = g_strdup_printf(
		"%s/%s/%s.sieve", suite->directory,
		location == SIEVE_GLOBAL ? "included-global" : "included",
		name);
	char *text = NULL;

	if (dict)
		return find_text_in_dict(dict, name, ret_len);
	return g_file_get_contents(path, &text, ret_len, NULL) ? text : NULL;
}

static const struct sieve_script *find_script(void *context,
					      enum sieve_location location,
					      const char *name,
					      struct fault *fault)
{
	struct suite *suite = context;
	const char *dict = dict_of(suite, location);
	g_autofree char *key =
		g_strdup_printf("%d:%s:%s", location, dict ? dict : "", name);
	struct sieve_script *script = g_hash_table_lookup(suite->included, key);
	g_autofree char *text = NULL;
	size_t len = 0;

	if (script)
		return script;
	text = find_text(suite, location, name, &len);
	script = text ? sieve_compile(name, text, len, NULL, fault) : NULL;
	if (script)
		g_hash_table_insert(suite->included, g_steal_pointer(&key),
				    script);
	return script;
}

/* Writes the test file's directory where it asks for it. */
static void put_directory(const struct suite *suite, char **text, size_t *len)
{
	g_autoptr(GString) out = g_string_new_len(*text, (gssize)*len);

	if (!g_string_replace(out, "${tst.path}", suite->directory, 0))
		return;
	g_free(*text);
	*len = out->len;
	*text = g_strndup(out->str, out->len);
}

static struct sieve_script *compile(struct suite *suite, const char *path,
				    bool is_test_file)
{
	const struct sieve_compile_options options = {
		.host_entries = suite_entries,
		.host_extension = "vnd.dovecot.testsuite",
		.settings = &suite->settings,
		.find_text = find_text,
		.find_context = suite,
	};
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *text = NULL;
	struct sieve_script *script;
	size_t len = 0;

	if (g_str_has_suffix(name, ".sieve"))
		name[strlen(name) - strlen(".sieve")] = '\0';
	g_ptr_array_set_size(suite->errors, 0);
	if (!g_file_get_contents(path, &text, &len, NULL)) {
		suite_error(suite, "there is no such script");
		return NULL;
	}
	if (is_test_file)
		put_directory(suite, &text, &len);
	script = sieve_compile_all(name, text, len, &options, errors);
	for (guint i = 0; i < errors->len; i++) {
		const struct sieve_error *error =
			&g_array_index(errors, struct sieve_error, i);
		g_autofree char *line = g_strdup_printf(
			"%u:%u: %s", error->line, error->column, error->text);

		suite_error(suite, is_test_file ? line : error->text);
	}
	return script;
}

const struct sieve_script *suite_compile(struct suite *suite, const char *path)
{
	g_autofree char *whole = g_build_filename(suite->directory, path, NULL);
	struct sieve_script *script = compile(suite, whole, false);

	if (script)
		g_ptr_array_add(suite->scripts, script);
	else /* Pigeonhole counts that it gave up */
		suite_error(suite, "validation failed");
	return script;
}

/* ---- one file
 * --------------------------------------------------------------------- */

static bool has_mailbox(void *context, const char *name,
			const char *special_use)
{
	return suite_has_folder(context, name, special_use);
}

static bool is_own(void *context, const char *address)
{
	const struct suite *suite = context;

	return g_ascii_strcasecmp(suite->to, address) == 0;
}

static char *decode(void *context, const char *charset, const char *octets,
		    size_t len, struct fault *fault)
{
	const struct suite *suite = context;

	return helper_to_utf8(suite->agent->helpers, charset, octets, len,
			      fault);
}

static void free_plan(void *plan)
{
	sieve_plan_free(plan);
}

static void free_script(void *script)
{
	sieve_script_free(script);
}

static void on_error(void *context, const char *rule, bool is_undone,
		     const struct fault *fault)
{
	(void)is_undone;
	struct suite *suite = context;

	(void)rule;
	printf("FAIL %s: %s\n",
	       suite->test ? suite->test : "(outside of a test)", fault->text);
	suite->failed++;
}

static void run_all(struct suite *suite, const char *path)
{
	struct sieve_rule rule = {.script = compile(suite, path, true)};

	if (!rule.script) {
		printf("FAIL (compile): %s\n",
		       (const char *)suite->errors->pdata[0]);
		suite->failed++;
		return;
	}
	g_ptr_array_add(suite->scripts, (gpointer)(uintptr_t)rule.script);
	sieve_plan_free(sieve_evaluate(&rule, 1, &suite->env, on_error, suite));
}

static void suite_clear(struct suite *suite)
{
	if (suite->plan)
		sieve_plan_free(suite->plan);
	g_ptr_array_unref(suite->former);
	g_ptr_array_unref(suite->scripts);
	g_hash_table_unref(suite->included);
	g_ptr_array_unref(suite->errors);
	g_ptr_array_unref(suite->flags);
	g_hash_table_unref(suite->config);
	g_strfreev(suite->settings.no_add);
	g_strfreev(suite->settings.no_delete);
	suite->settings.no_add = suite->settings.no_delete = NULL;
	sieve_settings_clear(&suite->settings);
	propset_free(suite->set);
	g_bytes_unref(suite->bytes);
	g_free(suite->from);
	g_free(suite->to);
	g_free(suite->original_to);
	g_free(suite->auth);
	g_free(suite->detail);
	g_free(suite->sent_from);
	g_free(suite->sent_to);
	g_free(suite->delimiters);
	g_free(suite->user_email);
	g_free(suite->directory);
	g_free(suite->test);
}

static void remove_tree(const char *path)
{
	GDir *directory = g_dir_open(path, 0, NULL);
	const char *name;

	while (directory && (name = g_dir_read_name(directory))) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		if (g_file_test(below, G_FILE_TEST_IS_DIR))
			remove_tree(below);
		else
			(void)g_unlink(below);
	}
	if (directory)
		g_dir_close(directory);
	(void)g_rmdir(path);
}

int suite_run_file(const char *path)
{
	struct suite suite = {
		.directory = g_path_get_dirname(path),
		.from = g_strdup("sender@example.com"),
		.to = g_strdup("recipient@example.com"),
		.delimiters = g_strdup("+"),
		.scripts = g_ptr_array_new_with_free_func(free_script),
		.included = g_hash_table_new_full(g_str_hash, g_str_equal,
						  g_free, free_script),
		.flags = g_ptr_array_new_with_free_func(g_free),
		.errors = g_ptr_array_new_with_free_func(g_free),
		.former = g_ptr_array_new_with_free_func(free_plan),
		.config = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						g_free),
	};
	g_autofree char *directory = g_dir_make_tmp("svtest-XXXXXX", NULL);

	suite.env = (struct sieve_message){
		/* What the suite's own host calls itself. */
		.hostname = "localhost",
		.product = "Pigeonhole Sieve",
		.location = "MS",
		.mailbox_exists = has_mailbox,
		.is_own_address = is_own,
		.find_script = find_script,
		.decode = decode,
		.mailbox_context = &suite,
		.settings = &suite.settings,
		.host = &suite,
	};
	/* As the suite's own host, which has no SMTPUTF8. */
	suite.settings.ascii_addresses = true;
	suite_open(&suite, directory);
	suite_set_message(&suite, SUITE_MESSAGE, strlen(SUITE_MESSAGE));
	(void)suite_set(&suite, "envelope.from", "sender@example.com");
	suite_configure(&suite, "recipient_delimiter", "+");
	run_all(&suite, path);
	printf("%s: %u passed, %u failed\n", path, suite.passed, suite.failed);
	suite_close(&suite);
	suite_clear(&suite);
	remove_tree(directory);
	return suite.failed || !suite.passed ? 1 : 0;
}
