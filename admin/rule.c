/*
 * okapi-admin rule: a user's Sieve rules.  A script is compiled before it is
 * stored; `test` shows what rules would do, without doing it.
 */
#include "rule.h"

#include "admin.h"
#include "print.h"
#include "rules/sieve.h"
#include "store/settings.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

/* Tells an error as compilers do, with the line and a caret. */
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
	struct sieve_error error = {0};

	*ret_script = sieve_compile(name, text, len, &error, fault);
	if (*ret_script)
		return 0;
	if (!admin->json) {
		rule_tell(name, text, len, &error);
		admin->told = true;
	}
	return fault_prefix(fault, "%s", name);
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

struct rule_request {
	int64_t store;
	const char *name;
	const char *script;
	int64_t sequence;
	bool enabled;
};

static int rule_put_unit(struct store *store, void *context,
			 struct fault *fault)
{
	const struct rule_request *r = context;

	return store_rule_put(store, r->store, r->name, r->script, r->sequence,
			      r->enabled, fault);
}

static int rule_put(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autofree char *text = NULL;
	const char *sequence = admin_option(admin, "sequence");
	struct rule_request r = {.name = admin_arg(admin, 1),
				 .enabled = !admin_has(admin, "disabled")};

	if (sequence &&
	    admin_number("--sequence", sequence, &r.sequence, fault) < 0)
		return -1;
	if (sequence && r.sequence == 0)
		return fault_set(fault, FAULT_USAGE,
				 "--sequence counts from 1");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    rule_read(admin, r.name, admin_arg(admin, 2), &text, fault) < 0)
		return -1;
	r.store = user->store;
	r.script = text;
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
	fputs(rule->script, stdout);
	return 0;
}

static json_t *rule_json(const struct store_rule *rule)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", print_json_text(rule->name));
	json_object_set_new(object, "sequence", json_integer(rule->sequence));
	json_object_set_new(object, "enabled", json_boolean(rule->enabled));
	json_object_set_new(object, "error",
			    *rule->error ? print_json_text(rule->error)
					 : json_null());
	json_object_set_new(object, "size",
			    json_integer((json_int_t)strlen(rule->script)));
	return object;
}

static int rule_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"SEQ", "RULE", "STATE", "ERROR",
					   NULL};
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

	return rule_read(admin, strcmp(path, "-") == 0 ? "stdin" : path, path,
			 &text, fault);
}

static const struct command_option rule_put_options[] = {
	{"sequence", "N", "place in the order, from 1 (default: the end)",
	 false},
	{"disabled", NULL, "not to be run yet", false},
	{0}};

static const struct command_option rule_test_options[] = {
	{"rule", "FILE", "this script instead of the user's rules", false},
	{"folder", "PATH", "on every message of a folder", false},
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
	{"get", "USER NAME", "prints its script", rule_get, NULL, COMMAND_READ},
	{"list", "USER", "rules in their order", rule_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"enable", "USER NAME", "switches it on", rule_enable, NULL,
	 COMMAND_WRITE},
	{"disable", "USER NAME", "switches it off", rule_disable, NULL,
	 COMMAND_WRITE},
	{"remove", "USER NAME", "throws it away", rule_remove, NULL,
	 COMMAND_WRITE},
	{"check", "FILE|-", "compiles a script and tells the first error",
	 rule_check, NULL, COMMAND_NO_CONF},
	{"test", "USER [MESSAGE]",
	 "shows what the rules would do with a file or a stored message (its "
	 "id)",
	 rule_test, rule_test_options, COMMAND_READ | COMMAND_JSON},
	{"run", "USER",
	 "files and discards the messages of --folder as the rules say",
	 rule_run, rule_run_options, COMMAND_WRITE},
	{0}};

const struct noun noun_rule = {"rule", "Sieve rules", rule_commands};
