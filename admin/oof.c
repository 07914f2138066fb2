/*
 * okapi-admin oof: out of office.
 */
#include "admin.h"
#include "print.h"
#include "store/settings.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

#define OOF_TEXT_MAX (1024 * 1024)

struct oof_request {
	int64_t store;
	struct store_oof oof;
};

static int oof_unit(struct store *store, void *context, struct fault *fault)
{
	const struct oof_request *r = context;

	return store_oof_set(store, r->store, &r->oof, fault);
}

static int oof_text(const struct admin *admin, char **ret_text,
		    struct fault *fault)
{
	const char *path = admin_option(admin, "message-file");
	g_autoptr(GBytes) bytes = NULL;
	const char *data;
	gsize size = 0;

	if (admin_read_file(path, OOF_TEXT_MAX, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	if (!g_utf8_validate(data, (gssize)size, NULL))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s is not UTF-8 text", path);
	*ret_text = g_strndup(data, size);
	return 0;
}

static int oof_time(const struct admin *admin, const char *option,
		    int64_t *ret_time, struct fault *fault)
{
	const char *text = admin_option(admin, option);

	if (!text)
		return 0;
	if (print_time_parse(text, ret_time, fault) < 0)
		return fault_prefix(fault, "--%s", option);
	return 0;
}

static int oof_on(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autofree char *subject = NULL;
	g_autofree char *text = NULL;
	struct oof_request r = {.oof.on = true};

	if (!admin_has(admin, "subject") || !admin_has(admin, "message-file"))
		return fault_set(fault, FAULT_USAGE,
				 "oof on needs --subject and --message-file");
	if (oof_time(admin, "from", &r.oof.from, fault) < 0 ||
	    oof_time(admin, "until", &r.oof.until, fault) < 0)
		return -1;
	if (r.oof.until && r.oof.until <= r.oof.from)
		return fault_set(fault, FAULT_USAGE,
				 "--until is not after --from");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    oof_text(admin, &text, fault) < 0)
		return -1;
	subject = print_clean(admin_option(admin, "subject"));
	r.store = user->store;
	r.oof.subject = subject;
	r.oof.message = text;
	return store_run(admin->store, oof_unit, &r, fault);
}

/* Keeps the texts, so that it can be looked at what was said. */
static int oof_off(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_oof) old = NULL;
	struct oof_request r = {0};

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_oof_get(admin->store, user->store, &old, fault) < 0)
		return -1;
	r.store = user->store;
	r.oof = *old;
	r.oof.on = false;
	return store_run(admin->store, oof_unit, &r, fault);
}

static int oof_show(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_oof) oof = NULL;
	g_autofree char *from = NULL;
	g_autofree char *until = NULL;
	json_t *object;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_oof_get(admin->store, user->store, &oof, fault) < 0)
		return -1;
	if (admin->json) {
		object = json_object();
		json_object_set_new(object, "on", json_boolean(oof->on));
		json_object_set_new(object, "subject",
				    print_json_text(oof->subject));
		json_object_set_new(object, "message",
				    print_json_text(oof->message));
		json_object_set_new(object, "from", print_json_time(oof->from));
		json_object_set_new(object, "until",
				    print_json_time(oof->until));
		print_json(object);
		return 0;
	}
	from = oof->from ? print_time(oof->from, false) : g_strdup("at once");
	until = oof->until ? print_time(oof->until, false)
			   : g_strdup("switched off");
	printf("out of office: %s\n", oof->on ? "on" : "off");
	if (oof->subject && *oof->subject) {
		g_autofree char *body = print_clean_lines(oof->message);

		printf("from: %s\nuntil: %s\nsubject: %s\n\n%s", from, until,
		       oof->subject, body);
	}
	return 0;
}

static const struct command_option oof_on_options[] = {
	{"subject", "TEXT", "subject of the reply", false},
	{"message-file", "FILE", "its text, - for stdin", false},
	{"from", "TIME", "when it begins: 2026-12-24 or with T08:00:00Z",
	 false},
	{"until", "TIME", "when it ends", false},
	{0}};

static const struct command oof_commands[] = {
	{"on", "USER", "answers mail from now on; needs --subject and text",
	 oof_on, oof_on_options, COMMAND_WRITE},
	{"off", "USER", "ends that", oof_off, NULL, COMMAND_WRITE},
	{"show", "USER", "what is set", oof_show, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{0}};

const struct noun noun_oof = {"oof", "out of office replies", oof_commands};
