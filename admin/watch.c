/*
 * okapi-admin watch and changes: what happened in a store since a change
 * number, and what happens now.
 */
#include "admin.h"
#include "conf.h"
#include "notify.h"
#include "print.h"
#include "store/changes.h"
#include "store/users.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

static json_t *change_json(const struct store_change *change)
{
	json_t *object = json_object();

	json_object_set_new(object, "change", json_integer(change->change));
	json_object_set_new(object, "kind", json_string(change->kind));
	json_object_set_new(object, "id", json_integer(change->object));
	json_object_set_new(object, "folder", json_integer(change->folder));
	json_object_set_new(object, "deleted", json_boolean(change->deleted));
	return object;
}

static int change_each(const struct store_change *change, void *context,
		       struct fault *fault)
{
	struct print_list *list = context;

	if (list->json)
		print_list_item(list, change_json(change));
	else
		printf("%" G_GINT64_FORMAT " %s %s %" G_GINT64_FORMAT
		       " folder %" G_GINT64_FORMAT "\n",
		       change->change, change->kind,
		       change->deleted ? "deleted" : "changed", change->object,
		       change->folder);
	return ferror(stdout) ? admin_flush(fault) : 0;
}

static int changes_run(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	const char *text = admin_option(admin, "since");
	struct print_list list;
	int64_t since = 0;
	int64_t last = 0;

	if (!text)
		return fault_set(fault, FAULT_USAGE,
				 "changes needs --since N (0: from the start)");
	if (admin_number("--since", text, &since, fault) < 0 ||
	    admin_user(admin, 0, &user, fault) < 0)
		return -1;
	list = (struct print_list){.json = admin->json};
	/* Asked first: a resync is an answer of its own, not half a list. */
	if (store_changes_check(admin->store, user->store, since, &last,
				fault) < 0)
		return -1;
	print_list_begin(&list, admin->json);
	if (store_changes(admin->store, user->store, since, change_each, &list,
			  fault) < 0)
		return -1;
	print_list_end(&list);
	return 0;
}

struct watch {
	bool json;
	int64_t seen;
};

/* One line a change, JSON or not, for ever. */
static int watch_each(const struct store_change *change, void *context,
		      struct fault *fault)
{
	struct watch *watch = context;
	struct print_list list = {0};

	watch->seen = change->change;
	if (!watch->json)
		return change_each(change, &list, fault);

	AUTOJSON object = change_json(change);

	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	return 0;
}

static int watch_wait(int fd, struct fault *fault)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	while (poll(&poll_fd, 1, -1) < 0)
		if (errno != EINTR)
			return fault_set_errno(fault, FAULT_IO, errno, "poll");
	(void)notify_drain(fd);
	return 0;
}

static int watch_run(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTOCLOSE int fd = -1;
	struct watch watch = {.json = admin->json};
	int64_t last = 0;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    notify_open(admin->conf->store_path, NOTIFY_CHANGES, &fd, fault) <
		    0 ||
	    store_changes_last(admin->store, user->store, &watch.seen, fault) <
		    0)
		return -1;
	for (;;) {
		if (watch_wait(fd, fault) < 0 ||
		    store_changes_check(admin->store, user->store, watch.seen,
					&last, fault) < 0 ||
		    store_changes(admin->store, user->store, watch.seen,
				  watch_each, &watch, fault) < 0 ||
		    admin_flush(fault) < 0)
			return -1;
	}
}

static const struct command_option changes_options[] = {
	{"since", "N", "a change number; 0: from the start", false}, {0}};

static const struct command watch_commands[] = {
	{"", "USER", "prints changes of a store as they happen, one a line",
	 watch_run, NULL, COMMAND_READ | COMMAND_JSON},
	{0}};

static const struct command changes_commands[] = {
	{"", "USER", "what changed; exit 75 and \"resync\" if N is too old",
	 changes_run, changes_options, COMMAND_READ | COMMAND_JSON},
	{0}};

const struct noun noun_watch = {"watch", "changes as they happen",
				watch_commands};
const struct noun noun_changes = {"changes", "changes since a number",
				  changes_commands};
