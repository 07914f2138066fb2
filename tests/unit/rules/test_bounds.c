/*
 * What a rule may cost: whatever a script or a message asks for, evaluation
 * ends soon, in little memory, and keeps the mail.
 */
#include "cases.h"

#include <sys/resource.h>

#define MANY 100000

/* A script of these, with scripts to include by name. */
struct shelf {
	const struct sieve_settings *settings;
	GHashTable *scripts; /* name to struct sieve_script, owned */
	char *told;          /* the first failure */
};

static void free_script(void *script)
{
	sieve_script_free(script);
}

static void shelf_init(struct shelf *shelf)
{
	*shelf = (struct shelf){
		.scripts = g_hash_table_new_full(g_str_hash, g_str_equal,
						 g_free, free_script)};
}

static void shelf_clear(struct shelf *shelf)
{
	g_hash_table_unref(shelf->scripts);
	g_free(shelf->told);
}

static const struct sieve_script *shelf_put(struct shelf *shelf,
					    const char *name, const char *text)
{
	struct fault fault = {0};
	struct sieve_script *script =
		sieve_compile(name, text, strlen(text), NULL, &fault);

	cr_assert_not_null(script, "%s: %s", name, fault.text);
	g_hash_table_replace(shelf->scripts, g_strdup(name), script);
	return script;
}

static const struct sieve_script *shelf_find(void *context,
					     enum sieve_location location,
					     const char *name,
					     struct fault *fault)
{
	const struct shelf *shelf = context;

	(void)location;
	(void)fault;
	return g_hash_table_lookup(shelf->scripts, name);
}

static void shelf_note(void *context, const char *rule, bool is_undone,
		       const struct fault *fault)
{
	(void)is_undone;
	struct shelf *shelf = context;

	(void)rule;
	if (!shelf->told)
		shelf->told = g_strdup(fault->text);
}

/* Runs the script called "main" on a set; owned. */
static struct sieve_plan *shelf_run(struct shelf *shelf,
				    const struct propset *set)
{
	const struct sieve_rule rule = {
		.script = g_hash_table_lookup(shelf->scripts, "main")};
	const struct sieve_message message = {
		.set = set,
		.size = 1000,
		.envelope_from = "a@b.example",
		.envelope_to = "c@d.example",
		.find_script = shelf_find,
		.mailbox_context = shelf,
		.settings = shelf->settings,
	};

	g_clear_pointer(&shelf->told, g_free);
	return sieve_evaluate(&rule, 1, &message, shelf_note, shelf);
}

/* Keeps the mail, having been told so. */
static void expect_kept(struct shelf *shelf, const struct propset *set,
			const char *told)
{
	AUTO(sieve_plan) plan = shelf_run(shelf, set);

	cr_expect(plan->implicit_keep);
	cr_expect_eq(plan->actions->len, 0);
	cr_assert_not_null(shelf->told);
	cr_expect(strstr(shelf->told, told), "%s", shelf->told);
}

/* ---- regular expressions ---- */

static struct propset *set_of_field(const char *name, const char *value)
{
	struct propset *set = propset_new();

	(void)propset_add_header(set, name, value);
	return set;
}

/* Patterns that take for ever where nothing stops them. */
static const char *const bombs[] = {
	"(a+)+$",           "(a|a)*$",
	"(a|aa)+$",         "^(([a-z])+.)+[A-Z]([a-z])+$",
	"(.*a){20}$",       "(a?){40}a{40}$",
	"((a*)*)*b",        "(x+x+)+y|(a+a+)+c",
	"(?=(a+))a*b\\\\1", "^(a(b|c)?)*(a*)*$!",
};

Test(bounds, regex_bombs_keep_the_mail, .timeout = 120)
{
	g_autofree char *value = g_strnfill(5000, 'a');
	g_autofree char *with_end = g_strconcat(value, "!", NULL);
	AUTO(propset) set = set_of_field("X", with_end);
	size_t ended = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(bombs); i++) {
		g_autofree char *text = g_strdup_printf(
			"require [\"regex\",\"fileinto\"];\n"
			"fileinto \"before\";\n"
			"if not header :regex \"x\" \"%s\" { discard; }",
			bombs[i]);
		struct shelf shelf;
		AUTO(sieve_plan) plan = NULL;

		shelf_init(&shelf);
		(void)shelf_put(&shelf, "main", text);
		plan = shelf_run(&shelf, set);
		/* It was decided in time, or failed and was kept whole. */
		if (shelf.told) {
			ended++;
			cr_expect(strstr(shelf.told, "too much work"), "%s",
				  shelf.told);
			cr_expect(plan->implicit_keep, "%s", bombs[i]);
			cr_expect_eq(plan->actions->len, 0);
		}
		shelf_clear(&shelf);
	}
	/* Each of these would take years. */
	cr_expect_geq(ended, 5, "%zu", ended);
}

/* The time of a script is that of all it includes. */
Test(bounds, regex_time_adds_up_over_includes, .timeout = 120)
{
	g_autofree char *value = g_strnfill(500, 'a');
	AUTO(propset) set = set_of_field("X", value);
	g_autoptr(GString) text = g_string_new("require \"include\";\n");
	const struct sieve_settings settings = {.steps_max = 10000000};
	struct shelf shelf;

	shelf_init(&shelf);
	shelf.settings = &settings;
	for (int i = 0; i < 200; i++) {
		g_autofree char *name = g_strdup_printf("part%d", i);

		(void)shelf_put(&shelf, name,
				"require \"regex\";\n"
				"if header :regex \"x\" "
				"[\"^a*a*[bc]\",\"^a*a*[cd]\"] { discard; }");
		g_string_append_printf(text, "include \"%s\";\n", name);
	}
	(void)shelf_put(&shelf, "main", text->str);
	expect_kept(&shelf, set, "too much work");
	shelf_clear(&shelf);
}

Test(bounds, a_regex_of_variables_is_compiled_within_its_length, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	struct shelf shelf;

	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main",
			"require [\"regex\",\"variables\"];\n"
			"set \"a\" \"(a|b)*(a|b)*(a|b)*(a|b)*(a|b)*(a|b)*\";\n"
			"set \"b\" \"${a}${a}${a}${a}${a}${a}${a}${a}\";\n"
			"set \"c\" \"${b}${b}${b}${b}${b}${b}${b}${b}\";\n"
			"if header :regex \"x\" \"${c}\" { discard; }");
	expect_kept(&shelf, set, "longer than 1024 octets");
	(void)shelf_put(&shelf, "main",
			"require [\"regex\",\"variables\"];\n"
			"set \"a\" \"(\";\n"
			"if not header :regex \"x\" \"${a}\" { discard; }");
	expect_kept(&shelf, set, "regular expression");
	shelf_clear(&shelf);
}

/* ---- messages and scripts that are large ---- */

Test(bounds, a_hundred_thousand_header_fields, .timeout = 120)
{
	AUTO(propset) set = propset_new();
	struct shelf shelf;
	AUTO(sieve_plan) plan = NULL;

	for (int i = 0; i < MANY; i++)
		(void)propset_add_header(set, "X-Field", "value");
	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main",
			"if header :contains \"x-field\" \"needle\" "
			"{ discard; }\n"
			"if exists \"x-other\" { discard; }\n"
			"redirect \"a@b.example\";");
	plan = shelf_run(&shelf, set);
	cr_expect_null(shelf.told, "%s", shelf.told);
	cr_expect_eq(plan->actions->len, 1);
	shelf_clear(&shelf);
}

Test(bounds, as_many_fields_and_as_many_keys, .timeout = 120)
{
	AUTO(propset) set = propset_new();
	g_autoptr(GString) text = g_string_new("if header :matches \"x\" [");
	struct shelf shelf;

	for (int i = 0; i < MANY; i++)
		(void)propset_add_header(set, "X", "value");
	for (int i = 0; i < MANY; i++)
		g_string_append_printf(text, "%s\"*%d\"", i ? "," : "", i);
	g_string_append(text, "] { discard; }");
	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main", text->str);
	expect_kept(&shelf, set, "too much work");
	shelf_clear(&shelf);
}

Test(bounds, changing_the_header_over_and_over, .timeout = 120)
{
	AUTO(propset) set = propset_new();
	g_autoptr(GString) raw = g_string_new(NULL);
	g_autoptr(GString) text = g_string_new("require \"editheader\";\n");
	struct shelf shelf;
	AUTO(sieve_plan) plan = NULL;
	struct sieve_message message = {.set = set};
	struct sieve_rule rule;

	for (int i = 0; i < 1000; i++) {
		(void)propset_add_header(set, "X", "value");
		g_string_append(raw, "X: value\r\n");
	}
	for (int i = 0; i < 129; i++)
		g_string_append(text, "addheader \"Y\" \"z\";\n");
	shelf_init(&shelf);
	rule = (struct sieve_rule){shelf_put(&shelf, "main", text->str), 0};
	message.raw = raw->str;
	message.raw_len = raw->len;
	plan = sieve_evaluate(&rule, 1, &message, shelf_note, &shelf);
	cr_expect(plan->implicit_keep);
	cr_assert_not_null(shelf.told);
	cr_expect(strstr(shelf.told, "more than 128 changes"), "%s",
		  shelf.told);
	shelf_clear(&shelf);
}

/* ---- variables ---- */

Test(bounds, variables_that_double_stay_within_their_length, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	g_autoptr(GString) text = g_string_new(
		"require [\"variables\",\"fileinto\"];\nset \"a\" \"xx\";\n");
	struct shelf shelf;
	AUTO(sieve_plan) plan = NULL;

	for (int i = 0; i < 200; i++)
		g_string_append(text, "set \"a\" \"${a}${a}\";\n");
	g_string_append(text, "fileinto \"${a}\";");
	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main", text->str);
	plan = shelf_run(&shelf, set);
	cr_expect_null(shelf.told, "%s", shelf.told);
	cr_expect_eq(strlen(((struct sieve_action *)plan->actions->pdata[0])
				    ->argument),
		     8192);
	shelf_clear(&shelf);
}

/* 64 KB a string, as many as a megabyte of script holds: the work they are
 * counted as ends it at 25 MB. */
Test(bounds, strings_stay_within_memory, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	g_autoptr(GString) text =
		g_string_new("require \"variables\";\n"
			     "set \"a\" \"0123456789abcdef\";\n");
	struct rusage before = {0};
	struct rusage after = {0};
	struct shelf shelf;

	for (int i = 0; i < 9; i++)
		g_string_append(text, "set \"a\" \"${a}${a}\";\n");
	for (int i = 0; i < 15000; i++)
		g_string_append(text,
				"if string \"${a}${a}${a}${a}${a}${a}${a}\" "
				"\"x\" {}\n");
	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main", text->str);
	(void)getrusage(RUSAGE_SELF, &before);
	expect_kept(&shelf, set, "too much work");
	(void)getrusage(RUSAGE_SELF, &after);
	/* KB; a sanitizer keeps what was freed. */
	cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 400 * 1024);
	shelf_clear(&shelf);
}

/* Each rule may name as many as one may; together they may not. */
Test(bounds, variables_of_all_rules, .timeout = 120)
{
	g_autoptr(GString) text = g_string_new("require \"variables\";\n");
	g_autofree char *line = NULL;

	for (int i = 0; i < 200; i++)
		g_string_append_printf(text, "set \"a%d\" \"\";\n", i);
	g_string_append(text, CASE_NEXT "require \"variables\";\n");
	for (int i = 0; i < 200; i++)
		g_string_append_printf(text, "set \"b%d\" \"\";\n", i);
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_expect_str_eq(line,
			 "failed r2 57:1: more than 255 variables; +keep");
}

/* ---- includes ---- */

Test(bounds, includes_that_fan_out, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	struct shelf shelf;

	shelf_init(&shelf);
	for (int i = 0; i < 9; i++) {
		g_autofree char *name =
			i ? g_strdup_printf("p%d", i) : g_strdup("main");
		g_autofree char *text = g_strdup_printf(
			"require \"include\";\n"
			"include \"p%d\"; include \"p%d\"; include \"p%d\";",
			i + 1, i + 1, i + 1);

		(void)shelf_put(&shelf, name, text);
	}
	(void)shelf_put(&shelf, "p9", "keep;");
	expect_kept(&shelf, set, "more than 255 scripts are included");
	shelf_clear(&shelf);
}

Test(bounds, includes_in_a_ring_and_missing_ones, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	struct shelf shelf;

	shelf_init(&shelf);
	(void)shelf_put(&shelf, "main",
			"require [\"include\",\"fileinto\"];\n"
			"fileinto \"before\";\ninclude \"other\";");
	(void)shelf_put(&shelf, "other",
			"require \"include\";\n"
			"include \"main\";");
	expect_kept(&shelf, set,
		    "other:2:1: include: \"main\" includes itself");
	(void)shelf_put(&shelf, "other",
			"require \"include\";\n"
			"include \"away\";");
	expect_kept(&shelf, set, "there is no script \"away\"");
	shelf_clear(&shelf);
}

Test(bounds, includes_deeper_than_ten, .timeout = 120)
{
	AUTO(propset) set = set_of_field("X", "a");
	struct shelf shelf;

	shelf_init(&shelf);
	for (int i = 0; i < 12; i++) {
		g_autofree char *name =
			i ? g_strdup_printf("p%d", i) : g_strdup("main");
		g_autofree char *text = g_strdup_printf(
			"require \"include\";\ninclude \"p%d\";", i + 1);

		(void)shelf_put(&shelf, name, text);
	}
	(void)shelf_put(&shelf, "p12", "discard;");
	expect_kept(&shelf, set, "included deeper than 10");
	shelf_clear(&shelf);
}

/* ---- what the site sets ---- */

Test(bounds, the_site_sets_the_limits, .timeout = 120)
{
	static const struct {
		struct sieve_settings settings;
		const char *script;
		const char *told; /* NULL: it is within them */
	} cases[] = {
		{{.redirects_max = -1},
		 "redirect \"a@b.example\";",
		 "redirect actions exceeds policy limit: more than 0"},
		{{.redirects_max = 1},
		 "redirect \"a@b.example\"; redirect \"A@b.example\";",
		 NULL},
		{{.redirects_max = 1},
		 "redirect \"a@b.example\"; redirect \"c@b.example\";",
		 "more than 1"},
		{{.actions_max = 0},
		 "redirect \"a@x.example\"; redirect \"b@x.example\";"
		 "redirect \"c@x.example\"; redirect \"d@x.example\";",
		 NULL},
		{{.actions_max = 2},
		 "require \"fileinto\"; fileinto \"a\"; fileinto \"b\"; "
		 "fileinto \"a\";",
		 NULL},
		{{.actions_max = 2},
		 "require \"fileinto\"; fileinto \"a\"; fileinto \"b\"; "
		 "fileinto \"c\";",
		 "total number of actions exceeds policy limit: more than 2"},
		{{.steps_max = 100000}, "keep;", NULL},
		{{.steps_max = 100},
		 "require \"include\"; include \"x\"; include \"x\";"
		 "include \"x\"; include \"x\"; include \"x\"; include "
		 "\"x\"; include \"x\"; include \"x\";",
		 "too much work"},
		{{.includes_max = 1},
		 "require \"include\"; include \"x\"; include \"x\";",
		 "more than 1 scripts are included"},
	};
	AUTO(propset) set = set_of_field("X", "a");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct shelf shelf;
		AUTO(sieve_plan) plan = NULL;

		shelf_init(&shelf);
		shelf.settings = &cases[i].settings;
		(void)shelf_put(&shelf, "main", cases[i].script);
		(void)shelf_put(&shelf, "x", "keep;");
		plan = shelf_run(&shelf, set);
		cr_expect(cases[i].told ? shelf.told && strstr(shelf.told,
							       cases[i].told)
					: !shelf.told,
			  "%s: %s", cases[i].script, shelf.told);
		cr_expect(!cases[i].told || plan->implicit_keep);
		shelf_clear(&shelf);
	}
}
