/*
 * okapi-admin junk: whose mail a user never, or always, takes for junk.
 */
#include "admin.h"
#include "print.h"
#include "store/settings.h"
#include "store/users.h"

#include <stdio.h>

struct junk_request {
	int64_t store;
	const char *pattern;
	enum junk_verdict verdict; /* JUNK_UNKNOWN: remove */
};

static int junk_unit(struct store *store, void *context, struct fault *fault)
{
	const struct junk_request *r = context;

	if (r->verdict == JUNK_UNKNOWN)
		return store_junk_remove(store, r->store, r->pattern, fault);
	return store_junk_set(store, r->store, r->pattern, r->verdict, fault);
}

static int junk_change(struct admin *admin, enum junk_verdict verdict,
		       struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct junk_request request = {
		.pattern = admin_arg(admin, 1),
		.verdict = verdict,
	};

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	request.store = user->store;
	return store_run(admin->store, junk_unit, &request, fault);
}

static int junk_allow(struct admin *admin, struct fault *fault)
{
	return junk_change(admin, JUNK_ALLOW, fault);
}

static int junk_block(struct admin *admin, struct fault *fault)
{
	return junk_change(admin, JUNK_BLOCK, fault);
}

static int junk_remove(struct admin *admin, struct fault *fault)
{
	return junk_change(admin, JUNK_UNKNOWN, fault);
}

static const char *junk_word(const struct junk_entry *entry)
{
	return entry->verdict == JUNK_ALLOW ? "allow" : "block";
}

static json_t *junk_json(const struct junk_entry *entry)
{
	json_t *object = json_object();

	json_object_set_new(object, "pattern", print_json_text(entry->pattern));
	json_object_set_new(object, "verdict", json_string(junk_word(entry)));
	return object;
}

static int junk_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"VERDICT", "PATTERN", NULL};
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) entries = NULL;
	struct print_list list;
	struct print_table *table;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_junk_list(admin->store, user->store, &entries, fault) < 0)
		return -1;
	if (admin->json) {
		print_list_begin(&list, true);
		for (guint i = 0; i < entries->len; i++)
			print_list_item(&list, junk_json(entries->pdata[i]));
		print_list_end(&list);
		return 0;
	}
	table = print_table_new(head);
	for (guint i = 0; i < entries->len; i++) {
		const struct junk_entry *entry = entries->pdata[i];
		const char *cells[] = {junk_word(entry), entry->pattern};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

static const struct command junk_commands[] = {
	{"allow", "USER ADDRESS|DOMAIN", "mail from there is never junk",
	 junk_allow, NULL, COMMAND_WRITE},
	{"block", "USER ADDRESS|DOMAIN", "mail from there is junk", junk_block,
	 NULL, COMMAND_WRITE},
	{"list", "USER", "both lists", junk_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"remove", "USER ADDRESS|DOMAIN", "takes an entry from its list",
	 junk_remove, NULL, COMMAND_WRITE},
	{0}};

const struct noun noun_junk = {"junk", "allowed and blocked senders",
			       junk_commands};
