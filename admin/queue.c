/*
 * okapi-admin queue: what waits to be sent.
 */
#include "store/queue.h"

#include "admin.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

static json_t *queue_recipient_json(const struct queue_recipient *r)
{
	json_t *object = json_object();

	json_object_set_new(object, "address", print_json_text(r->address));
	json_object_set_new(object, "state",
			    json_string(queue_recipient_state_name(r->state)));
	json_object_set_new(object, "attempts", json_integer(r->attempts));
	json_object_set_new(object, "next_attempt",
			    print_json_time(r->next_attempt));
	json_object_set_new(object, "last_reply",
			    print_json_text(r->last_reply));
	return object;
}

static json_t *queue_json(const struct queue_entry *entry)
{
	json_t *object = json_object();
	json_t *recipients = json_array();

	for (guint i = 0; i < entry->recipients->len; i++)
		json_array_append_new(
			recipients,
			queue_recipient_json(entry->recipients->pdata[i]));
	json_object_set_new(object, "id", json_integer(entry->id));
	json_object_set_new(object, "sender",
			    print_json_text(entry->reverse_path));
	json_object_set_new(object, "recipients", recipients);
	json_object_set_new(object, "subject", print_json_text(entry->subject));
	json_object_set_new(object, "size", json_integer(entry->size));
	json_object_set_new(object, "submitted",
			    print_json_time(entry->submitted));
	json_object_set_new(object, "state",
			    json_string(queue_state_name(entry->state)));
	return object;
}

static void queue_print(const struct queue_entry *entry)
{
	g_autofree char *sender = print_clean(entry->reverse_path);
	g_autofree char *subject = print_clean(entry->subject);
	g_autofree char *submitted = print_time(entry->submitted, false);
	g_autofree char *size = print_size(entry->size);

	printf("%-6" G_GINT64_FORMAT " %-8s %s %6s <%s> %s\n", entry->id,
	       queue_state_name(entry->state), submitted, size, sender,
	       subject);
	for (guint i = 0; i < entry->recipients->len; i++) {
		const struct queue_recipient *r = entry->recipients->pdata[i];
		g_autofree char *address = print_clean(r->address);
		g_autofree char *reply = print_clean(r->last_reply);
		g_autofree char *next =
			r->next_attempt ? print_time(r->next_attempt, false)
					: g_strdup("-");

		printf("       %-8s <%s> attempts %" G_GINT64_FORMAT
		       ", next %s\n",
		       queue_recipient_state_name(r->state), address,
		       r->attempts, next);
		if (*reply)
			printf("                %s\n", reply);
	}
}

static int queue_show_raw(struct admin *admin, int64_t id, struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	gsize size = 0;
	const void *data;

	if (store_queue_bytes(admin->store, id, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	fwrite(data, 1, size, stdout);
	return 0;
}

static int queue_show(struct admin *admin, struct fault *fault)
{
	AUTO(queue_entry) entry = NULL;
	int64_t id = 0;

	if (admin_number("ID", admin_arg(admin, 0), &id, fault) < 0)
		return -1;
	if (admin->json && admin_has(admin, "raw"))
		return fault_set(fault, FAULT_USAGE,
				 "--raw and --json exclude each other");
	if (store_queue_get(admin->store, id, &entry, fault) < 0)
		return -1;
	if (admin_has(admin, "raw"))
		return queue_show_raw(admin, id, fault);
	if (admin->json)
		print_json(queue_json(entry));
	else
		queue_print(entry);
	return 0;
}

/* ---- operating on some of them ---- */

enum queue_action {
	QUEUE_ACT_HOLD,
	QUEUE_ACT_RELEASE,
	QUEUE_ACT_RETRY,
	QUEUE_ACT_DELETE
};

struct queue_work {
	enum queue_action action;
	const GArray *ids; /* of int64_t; NULL: all there is */
	bool is_selection; /* what left meanwhile is not missed */
	int64_t done;
	int64_t busy;
};

static int queue_act(struct store *store, enum queue_action action, int64_t id,
		     struct fault *fault)
{
	switch (action) {
	case QUEUE_ACT_HOLD:
		return store_queue_hold(store, id, true, fault);
	case QUEUE_ACT_RELEASE:
		return store_queue_hold(store, id, false, fault);
	case QUEUE_ACT_RETRY:
		return store_queue_retry(store, id, fault);
	case QUEUE_ACT_DELETE:
		return store_queue_delete(store, id, fault);
	}
	return -1;
}

static int queue_unit(struct store *store, void *context, struct fault *fault)
{
	struct queue_work *work = context;

	if (!work->ids)
		return store_queue_retry_all(store, &work->done, &work->busy,
					     fault);
	for (guint i = 0; i < work->ids->len; i++) {
		int64_t id = g_array_index(work->ids, int64_t, i);
		struct fault why = {0};

		if (queue_act(store, work->action, id, &why) == 0) {
			work->done++;
		} else if (work->is_selection && why.kind == FAULT_STORE_BUSY) {
			work->busy++;
		} else if (!work->is_selection || why.kind != FAULT_NOT_FOUND) {
			*fault = why;
			return -1;
		}
	}
	return 0;
}

/* An address, "@domain", or "" and "<>" for the null sender; case-blind. */
static bool queue_is_address(const char *address, const char *wanted)
{
	const char *at = strrchr(address, '@');

	if (strcmp(wanted, "<>") == 0)
		wanted = "";
	if (*wanted == '@')
		return at && g_ascii_strcasecmp(at, wanted) == 0;
	return g_ascii_strcasecmp(address, wanted) == 0;
}

/* What --sender, --recipient, --state, --before and --since ask for. */
struct queue_selection {
	const char *sender;
	const char *recipient;
	const char *state;
	int64_t since;
	int64_t before;
};

static bool queue_has_selection(const struct admin *admin)
{
	return admin_has(admin, "sender") || admin_has(admin, "recipient") ||
	       admin_has(admin, "state") || admin_has(admin, "before") ||
	       admin_has(admin, "since");
}

static int queue_selection_parse(const struct admin *admin,
				 struct queue_selection *ret,
				 struct fault *fault)
{
	static const char *const states[] = {"held", "waiting", "sending",
					     "deferred", NULL};
	const char *since = admin_option(admin, "since");
	const char *before = admin_option(admin, "before");

	*ret = (struct queue_selection){
		.sender = admin_option(admin, "sender"),
		.recipient = admin_option(admin, "recipient"),
		.state = admin_option(admin, "state"),
		.before = INT64_MAX,
	};
	if (ret->state && !g_strv_contains(states, ret->state))
		return fault_set(fault, FAULT_USAGE,
				 "--state is held, waiting, sending or "
				 "deferred");
	if ((since && print_time_parse(since, &ret->since, fault) < 0) ||
	    (before && print_time_parse(before, &ret->before, fault) < 0))
		return -1;
	return 0;
}

static bool queue_is_deferred(const struct queue_entry *entry)
{
	for (guint i = 0; i < entry->recipients->len; i++) {
		const struct queue_recipient *r = entry->recipients->pdata[i];

		if (r->state == QUEUE_RCPT_WAITING && r->attempts)
			return entry->state == QUEUE_WAITING;
	}
	return false;
}

static bool queue_has_recipient(const struct queue_entry *entry,
				const char *wanted)
{
	for (guint i = 0; i < entry->recipients->len; i++) {
		const struct queue_recipient *r = entry->recipients->pdata[i];

		if (queue_is_address(r->address, wanted))
			return true;
	}
	return false;
}

static bool queue_matches(const struct queue_selection *selection,
			  const struct queue_entry *entry)
{
	const char *state = selection->state;

	if (entry->submitted < selection->since ||
	    entry->submitted >= selection->before)
		return false;
	if (selection->sender &&
	    !queue_is_address(entry->reverse_path, selection->sender))
		return false;
	if (selection->recipient &&
	    !queue_has_recipient(entry, selection->recipient))
		return false;
	if (state && strcmp(state, "deferred") == 0)
		return queue_is_deferred(entry);
	return !state || strcmp(state, queue_state_name(entry->state)) == 0;
}

/* What is selected, oldest first; everything without a selection. */
static int queue_selected(struct admin *admin, GPtrArray **ret_entries,
			  struct fault *fault)
{
	struct queue_selection selection;

	if (queue_selection_parse(admin, &selection, fault) < 0 ||
	    store_queue_list(admin->store, ret_entries, fault) < 0)
		return -1;
	for (guint i = (*ret_entries)->len; i-- > 0;)
		if (!queue_matches(&selection, (*ret_entries)->pdata[i]))
			g_ptr_array_remove_index(*ret_entries, i);
	return 0;
}

static int queue_list(struct admin *admin, struct fault *fault)
{
	g_autoptr(GPtrArray) entries = NULL;
	struct print_list list;

	if (queue_selected(admin, &entries, fault) < 0)
		return -1;
	print_list_begin(&list, admin->json);
	for (guint i = 0; i < entries->len; i++) {
		if (admin->json)
			print_list_item(&list, queue_json(entries->pdata[i]));
		else
			queue_print(entries->pdata[i]);
	}
	print_list_end(&list);
	return 0;
}

static int queue_selected_ids(struct admin *admin, GArray *ids,
			      struct fault *fault)
{
	g_autoptr(GPtrArray) entries = NULL;

	if (queue_selected(admin, &entries, fault) < 0)
		return -1;
	for (guint i = 0; i < entries->len; i++) {
		const struct queue_entry *entry = entries->pdata[i];

		g_array_append_val(ids, entry->id);
	}
	return 0;
}

static bool queue_has(const GArray *ids, int64_t id)
{
	for (guint i = 0; i < ids->len; i++)
		if (g_array_index(ids, int64_t, i) == id)
			return true;
	return false;
}

static int queue_numbers(const struct admin *admin, GArray *ids,
			 struct fault *fault)
{
	for (guint i = 0; i < admin->args->len; i++) {
		int64_t id = 0;

		if (admin_number("ID", admin_arg(admin, i), &id, fault) < 0)
			return -1;
		if (!queue_has(ids, id))
			g_array_append_val(ids, id);
	}
	return 0;
}

static int queue_run(struct admin *admin, enum queue_action action,
		     const char *word, struct fault *fault)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	bool all = admin_has(admin, "all");
	bool some = queue_has_selection(admin);
	bool select = all || some;
	struct queue_work work = {
		.action = action, .ids = ids, .is_selection = select};

	/* A long queue is let go by one statement. */
	if (all && action == QUEUE_ACT_RETRY)
		work.ids = NULL;

	if (select == (admin->args->len > 0) || (all && some))
		return fault_set(fault, FAULT_USAGE,
				 "name IDs, or --all, or which: --sender, "
				 "--recipient, --state, --before, --since");
	if (!select && queue_numbers(admin, ids, fault) < 0)
		return -1;
	if (select && work.ids && queue_selected_ids(admin, ids, fault) < 0)
		return -1;
	if (action == QUEUE_ACT_DELETE &&
	    admin_confirm(admin, fault,
			  "Delete %u message%s from the queue, unsent?",
			  ids->len, ids->len == 1 ? "" : "s") < 0)
		return -1;
	if (store_run(admin->store, queue_unit, &work, fault) < 0)
		return -1;
	admin_tell(admin, word, work.done, "%s: %" G_GINT64_FORMAT, word,
		   work.done);
	if (work.busy)
		return fault_set(fault, FAULT_STORE_BUSY,
				 "%" G_GINT64_FORMAT
				 " are being sent at the moment",
				 work.busy);
	return 0;
}

static int queue_hold(struct admin *admin, struct fault *fault)
{
	return queue_run(admin, QUEUE_ACT_HOLD, "held", fault);
}

static int queue_release(struct admin *admin, struct fault *fault)
{
	return queue_run(admin, QUEUE_ACT_RELEASE, "released", fault);
}

static int queue_retry(struct admin *admin, struct fault *fault)
{
	return queue_run(admin, QUEUE_ACT_RETRY, "retried", fault);
}

static int queue_delete(struct admin *admin, struct fault *fault)
{
	return queue_run(admin, QUEUE_ACT_DELETE, "deleted", fault);
}

/* clang-format off */
#define QUEUE_SELECTION                                                        \
	{"sender", "ADDRESS", "of this sender, @DOMAIN, or <> for none", false}, \
	{"recipient", "ADDRESS", "with this recipient, or one at @DOMAIN", false}, \
	{"state", "STATE", "held, waiting, sending; deferred: tried before", false}, \
	{"before", "TIME", "submitted before it", false},                      \
	{"since", "TIME", "submitted since then", false}
/* clang-format on */

static const struct command_option queue_list_options[] = {QUEUE_SELECTION,
							   {0}};

static const struct command_option queue_options[] = {
	{"all", NULL, "every message", false}, QUEUE_SELECTION, {0}};

static const struct command_option queue_show_options[] = {
	{"raw", NULL, "the message byte for byte", false}, {0}};

static const struct command queue_commands[] = {
	{"list", "", "what waits, oldest first", queue_list, queue_list_options,
	 COMMAND_READ | COMMAND_JSON},
	{"show", "ID", "one message", queue_show, queue_show_options,
	 COMMAND_READ | COMMAND_JSON},
	{"hold", "[ID...]", "not to be sent until released", queue_hold,
	 queue_options, COMMAND_WRITE | COMMAND_JSON},
	{"release", "[ID...]", "ends a hold", queue_release, queue_options,
	 COMMAND_WRITE | COMMAND_JSON},
	{"retry", "[ID...]", "due now", queue_retry, queue_options,
	 COMMAND_WRITE | COMMAND_JSON},
	{"delete", "[ID...]", "takes it out, unsent", queue_delete,
	 queue_options, COMMAND_WRITE | COMMAND_JSON},
	{0}};

const struct noun noun_queue = {"queue", "the outgoing queue", queue_commands};
