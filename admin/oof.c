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

/* The text in the file of an option; "" where it is not given. */
static int oof_text(const struct admin *admin, const char *option,
		    char **ret_text, struct fault *fault)
{
	const char *path = admin_option(admin, option);
	g_autoptr(GBytes) bytes = NULL;
	const char *data;
	gsize size = 0;

	if (!path) {
		*ret_text = g_strdup("");
		return 0;
	}
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

static const char *const oof_externals[] = {"all", "contacts", "none", NULL};

static int oof_audience(const struct admin *admin, enum oof_external *ret,
			struct fault *fault)
{
	const char *word = admin_option(admin, "external");

	for (unsigned i = 0; word && oof_externals[i]; i++) {
		if (strcmp(word, oof_externals[i]) == 0) {
			*ret = (enum oof_external)i;
			return 0;
		}
	}
	if (word)
		return fault_set(fault, FAULT_USAGE,
				 "--external is all, contacts or none");
	return 0;
}

static int oof_check_texts(const struct admin *admin, struct fault *fault)
{
	if (!admin_has(admin, "subject") || !admin_has(admin, "message-file"))
		return fault_set(fault, FAULT_USAGE,
				 "oof on needs --subject and --message-file");
	if (admin_has(admin, "external-html-file") &&
	    !admin_has(admin, "external-message-file"))
		return fault_set(fault, FAULT_USAGE,
				 "--external-html-file needs "
				 "--external-message-file");
	return 0;
}

static int oof_read(struct admin *admin, struct store_oof *oof,
		    struct fault *fault)
{
	oof->on = true;
	oof->subject = print_clean(admin_option(admin, "subject"));
	if (oof_audience(admin, &oof->external, fault) < 0 ||
	    oof_time(admin, "from", &oof->from, fault) < 0 ||
	    oof_time(admin, "until", &oof->until, fault) < 0 ||
	    oof_text(admin, "message-file", &oof->message, fault) < 0 ||
	    oof_text(admin, "html-file", &oof->html, fault) < 0 ||
	    oof_text(admin, "external-message-file", &oof->external_message,
		     fault) < 0 ||
	    oof_text(admin, "external-html-file", &oof->external_html, fault) <
		    0)
		return -1;
	if (oof->until && oof->until <= oof->from)
		return fault_set(fault, FAULT_USAGE,
				 "--until is not after --from");
	return 0;
}

static int oof_on(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_oof) oof = g_new0(struct store_oof, 1);
	struct oof_request r = {0};

	if (oof_check_texts(admin, fault) < 0 ||
	    admin_user(admin, 0, &user, fault) < 0 ||
	    oof_read(admin, oof, fault) < 0)
		return -1;
	r.store = user->store;
	r.oof = *oof;
	if (oof->until && oof->until <= g_get_real_time())
		fprintf(stderr,
			"okapi-admin: warning: --until is over already: "
			"nobody will have a reply\n");
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

static json_t *oof_json(const struct store_oof *oof)
{
	json_t *object = json_object();

	json_object_set_new(object, "on", json_boolean(oof->on));
	json_object_set_new(object, "subject", print_json_text(oof->subject));
	json_object_set_new(object, "message", print_json_text(oof->message));
	json_object_set_new(object, "html", print_json_text(oof->html));
	json_object_set_new(object, "from", print_json_time(oof->from));
	json_object_set_new(object, "until", print_json_time(oof->until));
	json_object_set_new(object, "external",
			    json_string(oof_externals[oof->external]));
	json_object_set_new(object, "external_message",
			    print_json_text(oof->external_message));
	json_object_set_new(object, "external_html",
			    print_json_text(oof->external_html));
	return object;
}

static void oof_print_text(const char *head, const char *text)
{
	g_autofree char *clean = print_clean_lines(text);

	if (*text)
		printf("\n%s%s", head, clean);
}

static void oof_print(const struct store_oof *oof)
{
	g_autofree char *from =
		oof->from ? print_time(oof->from, false) : g_strdup("at once");
	g_autofree char *until = oof->until ? print_time(oof->until, false)
					    : g_strdup("switched off");

	printf("out of office: %s\n", oof->on ? "on" : "off");
	if (!oof->subject || !*oof->subject)
		return;
	printf("from: %s\nuntil: %s\nexternal: %s\nsubject: %s\n", from, until,
	       oof_externals[oof->external], oof->subject);
	oof_print_text("", oof->message);
	oof_print_text("-- as HTML --\n", oof->html);
	oof_print_text("-- outside --\n", oof->external_message);
	oof_print_text("-- outside, as HTML --\n", oof->external_html);
}

static int oof_show(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_oof) oof = NULL;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    store_oof_get(admin->store, user->store, &oof, fault) < 0)
		return -1;
	if (admin->json)
		print_json(oof_json(oof));
	else
		oof_print(oof);
	return 0;
}

static const struct command_option oof_on_options[] = {
	{"subject", "TEXT", "subject of the reply", false},
	{"message-file", "FILE", "its text, - for stdin", false},
	{"html-file", "FILE", "the same text as HTML", false},
	{"external", "all|contacts|none", "which senders outside have a reply",
	 false},
	{"external-message-file", "FILE", "the text for senders outside",
	 false},
	{"external-html-file", "FILE", "that text as HTML", false},
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
