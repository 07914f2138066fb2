/*
 * Finding the folder that a delivery is bound for.
 */
#include "target.h"

#include "log.h"

#include <string.h>

void target_clear(struct target *target)
{
	g_free(target->path);
	memset(target, 0, sizeof(*target));
}

static int target_inbox(struct store *store, const struct store_recipient *who,
			int64_t store_id, struct target *ret_target,
			struct fault *fault)
{
	int64_t folder = 0;

	if (store_id == who->store)
		folder = who->inbox;
	if (!folder &&
	    store_folder_by_role(store, store_id, FOLDER_INBOX, &folder, fault))
		return -1;
	*ret_target = (struct target){
		.kind = TARGET_INBOX,
		.folder = folder,
		.store = store_id,
		.path = g_strdup(folder_role_name(FOLDER_INBOX)),
		.separator = '/',
	};
	return 0;
}

int target_find(const struct mail *mail, struct store *store,
		const struct mail_recipient *to, struct target *ret_target,
		struct fault *fault)
{
	const struct wishes *wishes = &mail->wishes;
	int64_t store_id = to->who->store;
	int64_t folder = 0;
	struct fault reason = {0};

	if (!wishes->folder)
		return target_inbox(store, to->who, store_id, ret_target,
				    fault);
	if (wishes->in_public && store_public(store, &store_id, fault))
		return -1;
	if (store_folder_find(store, store_id, wishes->folder,
			      wishes->separator, &folder, &reason)) {
		if (fault_is_temporary(&reason)) {
			*fault = reason;
			return -1;
		}
		if (!wishes->create || reason.kind != FAULT_NOT_FOUND ||
		    store_folder_path_check(wishes->folder, wishes->separator,
					    &reason)) {
			log_message(LOG_LEVEL_WARNING,
				    "%s: %s: no folder '%s' (%s), delivered to "
				    "the Inbox",
				    mail->id, to->who->name, wishes->folder,
				    reason.text);
			return target_inbox(store, to->who, to->who->store,
					    ret_target, fault);
		}
	}
	*ret_target = (struct target){
		.kind = TARGET_FOLDER,
		.folder = folder,
		.store = store_id,
		.path = g_strdup(wishes->folder),
		.separator = wishes->separator,
	};
	return 0;
}

void target_set_junk(const struct mail_recipient *to, struct target *target)
{
	target->kind = TARGET_JUNK;
	if (!to->who->junk)
		return;
	target->folder = to->who->junk;
	g_free(target->path);
	target->path = g_strdup(folder_role_name(FOLDER_JUNK));
}

struct plan_copy *target_keep(const struct target *target, struct plan *plan)
{
	struct plan_copy *copy =
		plan_add_copy(plan, target->folder, target->path);

	copy->store = target->store;
	copy->separator = target->separator;
	return copy;
}
