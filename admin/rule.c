/*
 * okapi-admin rule: a user's Sieve rules.  A script is compiled before it is
 * stored; `test` shows what rules would do, without doing it.
 */
#include "rule.h"

#include "admin.h"
#include "conf.h"
#include "print.h"
#include "rules/sieve.h"
#include "store/settings.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

/* Tells one error as compilers do, with the line and a caret. */
static void rule_tell(const char *name, const char *text, size_t len,
		      const struct sieve_error *error)
{
	g_autofree char *shown = sieve_error_show(text, len, error);
	g_autofree char *clean = print_clean_lines(shown ? shown : "");

	fprintf(stderr, "%s:%u:%u: %s\n%s%s", name, error->line, error->column,
		error->text, clean,
		*clean && !g_str_has_suffix(clean, "\n") ? "\n" : "");
}

int rule_compile(struct admin *admin, const char *name, const char *text,
		 size_t len, struct sieve_script **ret_script,
		 struct fault *fault)
{
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	struct sieve_settings settings = {0};
	const struct sieve_compile_options options = {.settings = &settings};
	const struct sieve_error *first;

	if (admin->conf &&
	    sieve_settings_of_conf(admin->conf, &settings, fault) < 0) {
		sieve_settings_clear(&settings);
		return -1;
	}
	*ret_script = sieve_compile_all(name, text, len, &options, errors);
	sieve_settings_clear(&settings);
	if (*ret_script)
		return 0;
	for (guint i = 0; !admin->json && i < errors->len; i++) {
		rule_tell(name, text, len,
			  &g_array_index(errors, struct sieve_error, i));
		admin->told = true;
	}
	first = &g_array_index(errors, struct sieve_error, 0);
	return fault_set(fault, FAULT_REFUSED_INPUT, "%s: %u:%u: %s", name,
			 first->line, first->column, first->text);
}

/* Reads and compiles a script; owned text. */
static int rule_read(struct admin *admin, const char *name, const char *path,
		     char **ret_text, struct fault *fault)
{
	AUTO(sieve_script) script = NULL;
	g_autoptr(GBytes) bytes = NULL;
	const char *data;
	gsize size = 0;

	if (admin_read_file(path, SIEVE_SCRIPT_MAX, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	if (rule_compile(admin, name, size ? data : "", size, &script, fault) <
	    0)
		return -1;
	*ret_text = g_strndup(size ? data : "", size);
	return 0;
}

struct rule_finder {
	struct admin *admin;
	const struct store_user *user;
};

static char *rule_find(void *context, enum sieve_location location,
		       const char *name, size_t *ret_len)
{
	const struct rule_finder *finder = context;

	return rule_find_text(finder->admin, finder->user, location, name,
			      ret_len);
}

static char *rule_look_for_folder(void *context, const char *name,
				  const char *special_use, bool may_create)
{
	const struct rule_finder *finder = context;
	const struct rule_folder folder = {name, special_use, may_create, 0};
	struct store_place place;
	char *problem = NULL;
	struct fault fault = {0};

	if (rule_place_of(finder->admin, finder->user, &folder, &place,
			  &problem, &fault) < 0)
		return NULL;
	return problem;
}

/* What a rule includes, and its folders, may be put after it: what is missing
 * or faulty there is told, and the rule is taken (RFC 6609 section 3.2). */
static void rule_tell_missing(struct admin *admin,
			      const struct store_user *user, const char *name,
			      const char *text)
{
	struct rule_finder finder = {admin, user};
	const struct sieve_compile_options options = {
		.find_text = rule_find,
		.look_for_folder = rule_look_for_folder,
		.find_context = &finder,
	};
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));

	sieve_script_free(
		sieve_compile_all(name, text, strlen(text), &options, errors));
	for (guint i = 0; i < errors->len; i++) {
		const struct sieve_error *error =
			&g_array_index(errors, struct sieve_error, i);

		fprintf(stderr, "okapi-admin: note: %s:%u:%u: %s\n", name,
			error->line, error->column, error->text);
	}
}

struct rule_request {
	int64_t store;
	const char *name;
	const char *script;
	int64_t sequence;
	bool enabled;
	unsigned flags; /* enum store_rule_flag */
};

static int rule_put_unit(struct store *store, void *context,
			 struct fault *fault)
{
	const struct rule_request *r = context;

	if (store_rule_put(store, r->store, r->name, r->script, r->sequence,
			   r->enabled, fault) < 0)
		return -1;
	return store_rule_set_flags(store, r->store, r->name, r->flags, fault);
}

/* 0 where it is not given. */
static int rule_sequence(const struct admin *admin, int64_t *ret_sequence,
			 struct fault *fault)
{
	const char *sequence = admin_option(admin, "sequence");

	if (!sequence)
		return 0;
	if (admin_number("--sequence", sequence, ret_sequence, fault) < 0)
		return -1;
	if (*ret_sequence > 0)
		return 0;
	return fault_set(fault, FAULT_USAGE, "--sequence counts from 1");
}

/* A name is printed, logged and named in other rules. */
static int rule_check_name(const char *name, struct fault *fault)
{
	for (const char *p = name; *p; p++)
		if (g_ascii_iscntrl(*p))
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "'%s' is no name of a rule: it has a "
					 "control character",
					 name);
	return 0;
}

static int rule_put(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autofree char *text = NULL;
	struct rule_request r = {.name = admin_arg(admin, 1),
				 .enabled = !admin_has(admin, "disabled")};

	if (admin_has(admin, "exit-level"))
		r.flags |= ST_EXIT_LEVEL;
	if (admin_has(admin, "only-when-oof"))
		r.flags |= ST_ONLY_WHEN_OOF;
	if (rule_check_name(r.name, fault) < 0 ||
	    rule_sequence(admin, &r.sequence, fault) < 0)
		return -1;
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    rule_read(admin, r.name, admin_arg(admin, 2), &text, fault) < 0)
		return -1;
	r.store = user->store;
	r.script = text;
	if (store_run(admin->store, rule_put_unit, &r, fault) < 0)
		return -1;
	rule_tell_missing(admin, user, r.name, text);
	return 0;
}

/* What an option that takes yes or no says of a flag. */
static int rule_flag(const struct admin *admin, const char *option,
		     unsigned flag, unsigned *flags, struct fault *fault)
{
	const char *value = admin_option(admin, option);

	if (!value)
		return 0;
	if (strcmp(value, "yes") == 0)
		*flags |= flag;
	else if (strcmp(value, "no") == 0)
		*flags &= ~flag;
	else
		return fault_set(fault, FAULT_USAGE, "--%s takes yes or no",
				 option);
	return 0;
}

static int rule_set(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_rule) rule = NULL;
	struct rule_request r = {.name = admin_arg(admin, 1)};

	if (!admin_has(admin, "sequence") && !admin_has(admin, "exit-level") &&
	    !admin_has(admin, "only-when-oof"))
		return fault_set(fault, FAULT_USAGE,
				 "nothing to set (okapi-admin rule --help)");
	if (rule_sequence(admin, &r.sequence, fault) < 0 ||
	    admin_user(admin, 0, &user, fault) < 0 ||
	    store_rule_get(admin->store, user->store, r.name, &rule, fault) < 0)
		return -1;
	r.store = user->store;
	r.script = rule->script;
	r.enabled = rule->enabled;
	r.flags = rule->flags;
	if (rule_flag(admin, "exit-level", ST_EXIT_LEVEL, &r.flags, fault) ||
	    rule_flag(admin, "only-when-oof", ST_ONLY_WHEN_OOF, &r.flags,
		      fault))
		return -1;
	return store_run(admin->store, rule_put_unit, &r, fault);
}

static int rule_get(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_rule) rule = NULL;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_rule_get(admin->store, user->store, admin_arg(admin, 1),
			   &rule, fault) < 0)
		return -1;
	if (admin->json)
		print_json(json_pack("{s:s, s:s}", "name", rule->name, "script",
				     rule->script));
	else
		fputs(rule->script, stdout);
	return 0;
}

static json_t *rule_json(const struct store_rule *rule)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", print_json_text(rule->name));
	json_object_set_new(object, "sequence", json_integer(rule->sequence));
	json_object_set_new(object, "enabled", json_boolean(rule->enabled));
	json_object_set_new(object, "exit_level",
			    json_boolean(rule->flags & ST_EXIT_LEVEL));
	json_object_set_new(object, "only_when_oof",
			    json_boolean(rule->flags & ST_ONLY_WHEN_OOF));
	json_object_set_new(object, "error",
			    *rule->error ? print_json_text(rule->error)
					 : json_null());
	json_object_set_new(object, "size",
			    json_integer((json_int_t)strlen(rule->script)));
	return object;
}

static const char *rule_flags_text(unsigned flags)
{
	if ((flags & ST_EXIT_LEVEL) && (flags & ST_ONLY_WHEN_OOF))
		return "exit-level,only-when-oof";
	if (flags & ST_EXIT_LEVEL)
		return "exit-level";
	return flags & ST_ONLY_WHEN_OOF ? "only-when-oof" : "";
}

static int rule_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"SEQ",   "RULE",  "STATE",
					   "FLAGS", "ERROR", NULL};
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) rules = NULL;
	struct print_list list;
	struct print_table *table;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_rule_list(admin->store, user->store, &rules, fault) < 0)
		return -1;
	if (admin->json) {
		print_list_begin(&list, true);
		for (guint i = 0; i < rules->len; i++)
			print_list_item(&list, rule_json(rules->pdata[i]));
		print_list_end(&list);
		return 0;
	}
	table = print_table_new(head);
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = rules->pdata[i];
		g_autofree char *sequence =
			g_strdup_printf("%" G_GINT64_FORMAT, rule->sequence);
		const char *cells[] = {sequence, rule->name,
				       *rule->error    ? "error"
				       : rule->enabled ? "on"
						       : "off",
				       rule_flags_text(rule->flags),
				       rule->error};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

static int rule_enable_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct rule_request *r = context;

	return store_rule_enable(store, r->store, r->name, r->enabled, fault);
}

static int rule_switch(struct admin *admin, bool enabled, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct rule_request r = {.name = admin_arg(admin, 1),
				 .enabled = enabled};

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	r.store = user->store;
	return store_run(admin->store, rule_enable_unit, &r, fault);
}

static int rule_enable(struct admin *admin, struct fault *fault)
{
	return rule_switch(admin, true, fault);
}

static int rule_disable(struct admin *admin, struct fault *fault)
{
	return rule_switch(admin, false, fault);
}

static int rule_remove_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct rule_request *r = context;

	return store_rule_remove(store, r->store, r->name, fault);
}

static int rule_remove(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_rule) rule = NULL;
	struct rule_request r = {.name = admin_arg(admin, 1)};

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_rule_get(admin->store, user->store, r.name, &rule, fault) < 0)
		return -1;
	if (admin_confirm(admin, fault, "Remove rule %s of %s?", r.name,
			  user->name) < 0)
		return -1;
	r.store = user->store;
	return store_run(admin->store, rule_remove_unit, &r, fault);
}

static int rule_check(struct admin *admin, struct fault *fault)
{
	const char *path = admin_arg(admin, 0);
	g_autofree char *text = NULL;

	if (admin_conf_if_named(admin, fault) < 0)
		return -1;
	return rule_read(admin, strcmp(path, "-") == 0 ? "stdin" : path, path,
			 &text, fault);
}

static const struct command_option rule_put_options[] = {
	{"sequence", "N", "place in the order, from 1 (default: the end)",
	 false},
	{"disabled", NULL, "not to be run yet", false},
	{"exit-level", NULL, "where it acts, later rules do not run", false},
	{"only-when-oof", NULL, "runs while its owner is out of office", false},
	{0}};

static const struct command_option rule_set_options[] = {
	{"sequence", "N", "place in the order, from 1", false},
	{"exit-level", "yes|no", "where it acts, later rules do not run",
	 false},
	{"only-when-oof", "yes|no", "runs while its owner is out of office",
	 false},
	{0}};

static const struct command_option rule_test_options[] = {
	{"rule", "FILE", "this script instead of the user's rules", false},
	{"folder", "PATH", "what would change in a folder", false},
	{"explain", NULL, "with --folder: every test and what it saw", false},
	{"from", "ADDRESS", "envelope sender (default: Return-Path)", false},
	{"to", "ADDRESS", "envelope recipient (default: Delivered-To)", false},
	{0}};

static const struct command_option rule_run_options[] = {
	{"rule", "FILE", "this script instead of the user's rules", false},
	{"folder", "PATH", "whose messages", false},
	{0}};

static const struct command rule_commands[] = {
	{"put", "USER NAME FILE|-", "compiles and stores a rule", rule_put,
	 rule_put_options, COMMAND_WRITE},
	{"set", "USER NAME", "changes its place and flags; its text stays",
	 rule_set, rule_set_options, COMMAND_WRITE},
	{"get", "USER NAME", "prints its script", rule_get, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"list", "USER", "rules in their order", rule_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"enable", "USER NAME", "switches it on", rule_enable, NULL,
	 COMMAND_WRITE},
	{"disable", "USER NAME", "switches it off", rule_disable, NULL,
	 COMMAND_WRITE},
	{"remove", "USER NAME", "throws it away", rule_remove, NULL,
	 COMMAND_WRITE},
	{"check", "FILE|-", "compiles a script and tells what is wrong with it",
	 rule_check, NULL, COMMAND_NO_CONF},
	{"test", "USER [MESSAGE]",
	 "shows what the rules would do with a file or a stored message (its "
	 "id)",
	 rule_test, rule_test_options, COMMAND_READ | COMMAND_JSON},
	{"run", "USER",
	 "files and discards the messages of --folder as the rules say",
	 rule_run, rule_run_options, COMMAND_WRITE | COMMAND_JSON},
	{0}};

const struct noun noun_rule = {"rule", "Sieve rules", rule_commands};
