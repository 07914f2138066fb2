/*
 * Deliveries: everything one recipient's mail does to the store, in one unit:
 * duplicate key, quota, copies, submissions.
 */
#include "digest.h"
#include "lob.h"

#include <stdatomic.h>
#include <string.h>

/* So many octets of the content's hash begin a key: what the recipients of a
 * message leave lies in one place, and they change one page and not one each.
 */
#define DELIVERY_KEY_PLACE 8

/* What tells that a delivery was made before, as a row of duplicates. */
struct delivery_mark {
	int64_t window_s; /* 0: not asked */
	uint8_t key[DIGEST_SIZE];
	uint8_t earlier[DIGEST_SIZE]; /* the key before schema 13 */
	bool has_earlier;
	bool is_known; /* there is a row, if only of one too long ago */
};

enum {
	DELIVERY_SAME, /* the same octets in the same envelope */
	DELIVERY_ID,   /* a message with that Message-ID was stored */
	DELIVERY_MARKS,
};

/* What makes two deliveries the same; every part ends, so that none can run
 * into the next. */
static void delivery_key(const struct delivery *delivery,
			 struct delivery_mark *mark)
{
	g_autofree char *recipient = address_key(delivery->recipient);
	struct digest *digest = digest_new();
	int64_t store_id = GINT64_TO_LE(delivery->store);

	digest_update(digest, &store_id, sizeof(store_id));
	digest_update(digest, recipient, strlen(recipient) + 1);
	digest_update(digest, delivery->reverse_path,
		      strlen(delivery->reverse_path) + 1);
	digest_update(digest, delivery->content->sha256,
		      sizeof(delivery->content->sha256));
	digest_finish(digest, mark->earlier);
	memcpy(mark->key, delivery->content->sha256, DELIVERY_KEY_PLACE);
	memcpy(mark->key + DELIVERY_KEY_PLACE, mark->earlier,
	       sizeof(mark->key) - DELIVERY_KEY_PLACE);
	mark->has_earlier = true;
}

/* Of a user by whatever address, with the detail: that may go elsewhere. */
static void delivery_id_key(const struct delivery *delivery,
			    uint8_t ret_key[DIGEST_SIZE])
{
	static const char what[] = "Message-ID";
	const char *detail = delivery->detail ? delivery->detail : "";
	struct digest *digest = digest_new();
	int64_t store_id = GINT64_TO_LE(delivery->store);

	digest_update(digest, what, sizeof(what));
	digest_update(digest, &store_id, sizeof(store_id));
	digest_update(digest, detail, strlen(detail) + 1);
	digest_update(digest, delivery->message_id,
		      strlen(delivery->message_id) + 1);
	digest_finish(digest, ret_key);
}

static void delivery_make_marks(const struct store *store,
				const struct delivery *delivery,
				struct delivery_mark marks[DELIVERY_MARKS])
{
	const struct store_policy *policy = &store->policy;
	struct delivery_mark *same = &marks[DELIVERY_SAME];
	struct delivery_mark *id = &marks[DELIVERY_ID];

	memset(marks, 0, DELIVERY_MARKS * sizeof(*marks));
	if (delivery->check_duplicate && policy->duplicate_window_s > 0) {
		same->window_s = policy->duplicate_window_s;
		delivery_key(delivery, same);
	}
	if (delivery->message_id && *delivery->message_id &&
	    policy->message_id_window_s > 0) {
		id->window_s = policy->message_id_window_s;
		delivery_id_key(delivery, id->key);
	}
}

/* 1: there is a row, 0: none, -1: fault. */
static int delivery_look_key(struct store *store,
			     const uint8_t key[DIGEST_SIZE],
			     int64_t *ret_message, int64_t *ret_seen,
			     struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT message, seen FROM duplicates WHERE key = ?", "b",
		      key, (size_t)DIGEST_SIZE))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 1) {
		*ret_message = rows_int(&rows, 0);
		*ret_seen = rows_int(&rows, 1);
	}
	return rc;
}

/* 1: made before, 0: not, -1: fault. */
static int delivery_look_mark(struct store *store, struct delivery_mark *mark,
			      int64_t now, int64_t *ret_message,
			      int64_t *ret_seen, struct fault *fault)
{
	int64_t since = now - mark->window_s * USEC_PER_SEC;
	int64_t earlier_until = 0;
	int rc;

	if (!mark->window_s)
		return 0;
	rc = delivery_look_key(store, mark->key, ret_message, ret_seen, fault);
	if (rc < 0)
		return -1;
	mark->is_known = rc == 1;
	if (mark->is_known || !mark->has_earlier)
		return mark->is_known && *ret_seen > since;
	if (schema_earlier_keys(store, &earlier_until, fault))
		return -1;
	if (earlier_until <= since)
		return 0;
	rc = delivery_look_key(store, mark->earlier, ret_message, ret_seen,
			       fault);
	return rc < 0 ? -1 : rc == 1 && *ret_seen > since;
}

static int delivery_look(struct store *store,
			 struct delivery_mark marks[DELIVERY_MARKS],
			 int64_t now, struct delivery_result *ret_result,
			 struct fault *fault)
{
	for (int i = 0; i < DELIVERY_MARKS; i++) {
		struct delivery_result result = {.is_duplicate = true,
						 .by_message_id =
							 i == DELIVERY_ID};
		int rc = delivery_look_mark(store, &marks[i], now,
					    &result.message, &result.seen,
					    fault);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		*ret_result = result;
		return 1;
	}
	return 0;
}

int store_is_duplicate(struct store *store, const struct delivery *delivery,
		       struct delivery_result *ret_result, struct fault *fault)
{
	struct delivery_mark marks[DELIVERY_MARKS];
	struct delivery_result result = {0};

	delivery_make_marks(store, delivery, marks);
	if (delivery_look(store, marks, g_get_real_time(), &result, fault) < 0)
		return -1;
	*ret_result = result;
	return 0;
}

static int delivery_remember_mark(struct store *store,
				  const struct delivery_mark *mark, int64_t now,
				  int64_t message, struct fault *fault)
{
	if (mark->is_known)
		return sql_run(store, fault,
			       "UPDATE duplicates SET message = ?, seen = ?"
			       " WHERE key = ?",
			       "iib", message, now, mark->key,
			       sizeof(mark->key));
	return sql_run(store, fault,
		       "INSERT INTO duplicates (key, message, seen)"
		       " VALUES (?, ?, ?)",
		       "bii", mark->key, sizeof(mark->key), message, now);
}

/* Is there anything that must not be done twice?  What a rule discarded was
 * not stored, and suppresses nothing. */
static bool delivery_has_effects(const struct delivery *delivery)
{
	return delivery->copy_count || delivery->submission_count ||
	       delivery->is_replied;
}

/* A Message-ID only with a copy. */
static int delivery_remember(struct store *store,
			     const struct delivery *delivery,
			     const struct delivery_mark marks[DELIVERY_MARKS],
			     int64_t now, int64_t message, struct fault *fault)
{
	if (marks[DELIVERY_SAME].window_s && delivery_has_effects(delivery) &&
	    delivery_remember_mark(store, &marks[DELIVERY_SAME], now, message,
				   fault))
		return -1;
	if (!marks[DELIVERY_ID].window_s || !message)
		return 0;
	return delivery_remember_mark(store, &marks[DELIVERY_ID], now, message,
				      fault);
}

/* When a mark is made: a time that does not go back while the process lives.
 * What was marked while the clock was behind is not long ago once it is right
 * again. */
static int64_t delivery_time(int64_t now)
{
	static atomic_llong latest;
	long long old = atomic_load(&latest);

	while (old < now && !atomic_compare_exchange_weak(&latest, &old, now))
		;
	return MAX((int64_t)old, now);
}

static int delivery_refuse(const struct store *store, const char *owner,
			   struct fault *fault)
{
	return fault_set(fault,
			 store->policy.quota_tempfail ? FAULT_FULL_FOR_NOW
						      : FAULT_MAILBOX_FULL,
			 "%s: mailbox full", owner);
}

bool store_is_full(const struct fault *fault)
{
	return fault->kind == FAULT_MAILBOX_FULL ||
	       fault->kind == FAULT_FULL_FOR_NOW;
}

int store_fits(struct store *store, int64_t store_id, int64_t size,
	       struct fault *fault)
{
	struct store_limits limits;
	g_autofree char *owner = NULL;

	if (user_limits(store, store_id, &limits, fault))
		return -1;
	owner = limits.owner;
	if (limits.hard <= 0 || limits.used + size <= limits.hard)
		return 0;
	return delivery_refuse(store, owner, fault);
}

static char *delivery_keywords(const struct delivery_copy *copy)
{
	GString *lines;

	if (!copy->keywords || !copy->keywords[0])
		return NULL;
	lines = g_string_new(NULL);
	for (size_t i = 0; copy->keywords[i]; i++) {
		g_autofree char *line = g_strdup(copy->keywords[i]);

		g_strdelimit(line, "\r\n", ' ');
		g_string_append_printf(lines, "%s%s", i ? "\n" : "", line);
	}
	return g_string_free(lines, FALSE);
}

static const struct content *delivery_content(const struct delivery *delivery,
					      size_t i)
{
	const struct content *own = delivery->copies[i].content;

	return own ? own : delivery->content;
}

static int64_t delivery_size(const struct delivery *delivery, size_t i)
{
	return (int64_t)g_bytes_get_size(delivery_content(delivery, i)->rfc822);
}

/* Where a copy goes, before anything of the delivery is there. */
struct delivery_target {
	int64_t store;
	int64_t change; /* the next one of that store */
	int64_t hard;   /* quota; 0: none */
};

/* Why the copies for one store do not fit.  The recipient's own: final where
 * not even one does, else for now, as rules want more of them.  Another's had
 * room when it was chosen, and is no reason to refuse the recipient's mail. */
static int delivery_refuse_copies(struct store *store,
				  const struct delivery *delivery,
				  int64_t store_id, struct fault *fault)
{
	if (store_id != delivery->store)
		return fault_set(fault, FAULT_OVERTAKEN,
				 "the mailbox of another user is full now");
	if (store_fits(store, store_id,
		       (int64_t)g_bytes_get_size(delivery->content->rfc822),
		       fault))
		return -1;
	return fault_set(fault, FAULT_FULL_FOR_NOW,
			 "no room for every copy that rules want");
}

/* Quota of every store that gets copies, each looked at once. */
static int delivery_check_quotas(struct store *store,
				 const struct delivery *delivery,
				 const struct delivery_target *targets,
				 struct fault *fault)
{
	for (size_t i = 0; i < delivery->copy_count; i++) {
		const struct delivery_target *target = &targets[i];
		int64_t size = 0;
		bool is_first = true;

		for (size_t k = 0; target->hard > 0 && k < delivery->copy_count;
		     k++) {
			if (targets[k].store == target->store)
				size += delivery_size(delivery, k);
			is_first &= k >= i || targets[k].store != target->store;
		}
		if (target->hard > 0 && is_first &&
		    store_fits(store, target->store, size, fault))
			return store_is_full(fault)
				       ? delivery_refuse_copies(store, delivery,
								target->store,
								fault)
				       : -1;
	}
	return 0;
}

/* All there is to know of it, in one statement.  A folder that went away after
 * it was chosen: choosing again helps, so the sender is not told that the mail
 * is undeliverable. */
static int delivery_find_target(struct store *store, int64_t folder,
				struct delivery_target *ret_target,
				struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT s.id, s.change + 1, coalesce(u.quota_hard, 0)"
		      " FROM hierarchy f JOIN hierarchy s ON s.id = f.store"
		      " LEFT JOIN users u ON u.store = s.id"
		      " WHERE f.id = ? AND f.type = 2 AND f.deleted IS NULL",
		      "i", folder))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_INTERNAL,
				 "no folder %" G_GINT64_FORMAT, folder);
	*ret_target = (struct delivery_target){
		.store = rows_int(&rows, 0),
		.change = rows_int(&rows, 1),
		.hard = rows_int(&rows, 2),
	};
	if (ret_target->hard == QUOTA_SERVER)
		ret_target->hard = store->policy.quota_hard;
	return 0;
}

/* Values set at a copy, not at what it says. */
static int delivery_properties(struct store *store, int64_t message,
			       const struct propset *set, struct fault *fault)
{
	for (size_t i = 0; set && i < propset_count(set); i++)
		if (property_put(store, message, propset_at(set, i), fault))
			return -1;
	return 0;
}

/* What the copy before says, and the row it has. */
struct delivery_said {
	const struct content *content;
	int64_t id;
};

/* One of the copies; said becomes this one's. */
static int delivery_copy(struct store *store, const struct delivery *delivery,
			 size_t i, struct delivery_target *targets,
			 struct delivery_said *said, int64_t *ret_message,
			 struct fault *fault)
{
	const struct delivery_copy *copy = &delivery->copies[i];
	const struct content *says = delivery_content(delivery, i);
	g_autofree char *keywords = delivery_keywords(copy);
	struct copy_new new_copy = {
		.store = targets[i].store,
		.folder = copy->folder,
		.size = delivery_size(delivery, i),
		.flags = copy->flags,
		.received = copy->received,
		.trace = copy->trace,
		.keywords = keywords,
		.change = targets[i].change,
	};

	if (says != said->content &&
	    content_ensure(store, says, &said->id, fault))
		return -1;
	said->content = says;
	new_copy.content = said->id;
	if (copy_insert(store, &new_copy, ret_message, fault) ||
	    delivery_properties(store, *ret_message, copy->properties, fault))
		return -1;
	for (size_t k = i + 1; k < delivery->copy_count; k++)
		targets[k].change += targets[k].store == targets[i].store;
	return 0;
}

static int delivery_copies(struct store *store, const struct delivery *delivery,
			   struct delivery_result *result, struct fault *fault)
{
	g_autofree struct delivery_target *targets =
		g_new0(struct delivery_target, MAX(delivery->copy_count, 1));
	struct delivery_said said = {
		delivery->stored ? delivery->content : NULL, delivery->stored};

	for (size_t i = 0; i < delivery->copy_count; i++)
		if (delivery_find_target(store, delivery->copies[i].folder,
					 &targets[i], fault))
			return -1;
	if (delivery->check_quota &&
	    delivery_check_quotas(store, delivery, targets, fault))
		return -1;
	result->content = delivery->stored;
	for (size_t i = 0; i < delivery->copy_count; i++) {
		int64_t message;

		if (delivery_copy(store, delivery, i, targets, &said, &message,
				  fault))
			return -1;
		if (said.content == delivery->content)
			result->content = said.id;
		if (i == 0)
			result->message = message;
	}
	return 0;
}

int store_deliver(struct store *store, const struct delivery *delivery,
		  struct delivery_result *ret_result, struct fault *fault)
{
	struct delivery_mark marks[DELIVERY_MARKS];
	struct delivery_result result = {0};
	int64_t now = g_get_real_time();
	unsigned touched = store->touched;
	int rc;

	if (store_need_unit(store, fault))
		return -1;
	delivery_make_marks(store, delivery, marks);
	rc = delivery_look(store, marks, now, &result, fault);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		if (delivery_copies(store, delivery, &result, fault))
			return -1;
		if (delivery->no_notify)
			store->touched = touched;
		for (size_t i = 0; i < delivery->submission_count; i++)
			if (store_submit(store, delivery->submissions[i], NULL,
					 fault))
				return -1;
		if (delivery_remember(store, delivery, marks,
				      delivery_time(now), result.message,
				      fault))
			return -1;
	}
	*ret_result = result;
	return 0;
}
