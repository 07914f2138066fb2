/*
 * Carrying results out: the delivery's own code, on a store of this file.
 */
#include "suite.h"

#include "conf.h"
#include "dagent/autoreply.h"
#include "dagent/mail.h"
#include "dagent/rules.h"
#include "dagent/save.h"
#include "dagent/target.h"
#include "digest.h"
#include "store/folders.h"
#include "store/place.h"
#include "store/queue.h"
#include "store/settings.h"
#include "store/store_internal.h"
#include "store/users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE_USER "tester"

static void must(int rc, const struct fault *fault)
{
	if (rc == 0)
		return;
	(void)fprintf(stderr, "okapi-sieve-test: %s\n", fault->text);
	exit(EXIT_FAILURE);
}

static int make_user(struct store *store, void *context, struct fault *fault)
{
	const struct store_user_change change = {
		.email = SUITE_USER "@okapi.invalid",
		.quota_warn = QUOTA_KEEP,
		.quota_soft = QUOTA_KEEP,
		.quota_hard = QUOTA_KEEP,
	};
	int64_t id = 0;

	(void)context;
	if (store_user_create(store, SUITE_USER, &change, &id, fault))
		return -1;
	/* The suite's mail store begins without folders for a special use. */
	return sql_run(store, fault,
		       "UPDATE hierarchy SET role = ? WHERE type = 2"
		       " AND role NOT IN (?, ?)",
		       "ddd", FOLDER_PLAIN, FOLDER_PLAIN, FOLDER_INBOX);
}

void suite_open(struct suite *suite, const char *directory)
{
	static struct wishes wishes;
	g_autofree char *path =
		g_strdup_printf("store_path=%s/store.db", directory);
	const char *const overrides[] = {path, "hostname=localhost",
					 "log_level=0", "autoreply_interval=7d",
					 NULL};
	struct conf *conf = NULL;
	struct fault fault = {0};

	wishes_init(&wishes);
	must(conf_load("/dev/null", overrides, &conf, NULL, &fault), &fault);
	must(store_create(conf->store_path, 10000, NULL, &fault), &fault);
	must(agent_new(conf, &wishes, false, NULL, &suite->agent, &fault),
	     &fault);
	must(agent_take_store(suite->agent, &suite->store, &fault), &fault);
	must(store_run(suite->store, make_user, NULL, &fault), &fault);
}

void suite_close(struct suite *suite)
{
	const struct conf *conf = suite->agent->conf;

	agent_give_store(suite->agent, suite->store);
	agent_free(suite->agent);
	conf_free((struct conf *)(uintptr_t)conf);
}

static bool is_listed(GPtrArray *list, const char *address)
{
	for (guint i = 0; i < list->len; i++)
		if (g_ascii_strcasecmp(list->pdata[i], address) == 0)
			return true;
	return false;
}

static void list_address(GPtrArray *list, char *address)
{
	if (address && !is_listed(list, address))
		g_ptr_array_add(list, address);
}

/* A result that is carried out. */
struct execution {
	struct suite *suite;
	const struct sieve_plan *plan;
};

/* The user has every address the scripts think it has, those of a vacation
 * included; the first one is its own. */
static int set_addresses(struct store *store, void *context,
			 struct fault *fault)
{
	const struct execution *execution = context;
	const struct suite *suite = execution->suite;
	const GPtrArray *actions = execution->plan->actions;
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	struct store_user_change change = {
		.quota_warn = QUOTA_KEEP,
		.quota_soft = QUOTA_KEEP,
		.quota_hard = QUOTA_KEEP,
	};

	list_address(list, suite->user_email);
	list_address(list, suite->to);
	for (guint i = 0; i < actions->len; i++) {
		const struct sieve_action *action = actions->pdata[i];
		const struct sieve_vacation *vacation = action->vacation;

		if (vacation)
			list_address(list, vacation->from_address);
		for (guint k = 0; vacation && k < vacation->addresses->len; k++)
			list_address(list, vacation->addresses->pdata[k]);
	}
	change.email = list->pdata[0];
	g_ptr_array_add(list, NULL);
	change.aliases = (const char *const *)list->pdata + 1;
	return store_user_set(store, SUITE_USER, &change, fault);
}

static struct store_recipient *find_recipient(struct suite *suite,
					      const struct sieve_plan *plan)
{
	struct execution execution = {suite, plan};
	struct store_recipient *who = NULL;
	struct fault fault = {0};

	if (!strchr(suite->to, '@') ||
	    store_run(suite->store, set_addresses, &execution, &fault))
		suite_error(suite, fault.text);
	must(store_resolve(suite->store, SUITE_USER, 0, &who, &fault), &fault);
	return who;
}

bool suite_execute(struct suite *suite, const struct sieve_plan *plan)
{
	AUTO(mail) mail = mail_new(suite->agent, suite->from);
	struct mail_recipient *to = mail_add_recipient(
		mail, suite->to, find_recipient(suite, plan));
	struct target target = {0};
	struct fault fault = {0};
	uint8_t sha256[DIGEST_SIZE];
	gsize size = 0;
	const void *octets = g_bytes_get_data(suite->bytes, &size);
	int rc;

	to->original = g_strdup(suite->original_to);
	digest_sha256(octets, size, sha256);
	if (size == 0) { /* no door lets it in, but rules can make one of it */
		mail->bytes = g_bytes_ref(suite->bytes);
		memcpy(mail->sha256, sha256, sizeof(sha256));
	} else if (mail_set_content(mail, suite->bytes, sha256, &fault)) {
		suite_error(suite, fault.text);
		return false;
	}
	mail->check_duplicate = false;
	mail_convert(mail, MAIL_WHOLE);
	to->plan = plan_new();
	rc = target_find(mail, suite->store, to, &target, &fault) ||
	     rules_execute(mail, suite->store, to, &target, plan, &fault) ||
	     autoreply_prepare(mail, suite->store, to, &fault);
	target_clear(&target);
	if (rc == 0) {
		save_all(mail, suite->store);
		fault = to->verdict;
	}
	if (fault.kind == FAULT_REJECTED)
		suite_report(suite, &fault);
	if (fault.kind != FAULT_NONE)
		suite_error(suite, fault.text);
	if (to->plan->complaint)
		suite_error(suite, to->plan->complaint);
	return fault.kind == FAULT_NONE && !to->plan->complaint;
}

/* ---- folders ---------------------------------------------------------------
 */

static int64_t store_id(struct suite *suite)
{
	struct store_user *user = NULL;
	struct fault fault = {0};
	int64_t id;

	must(store_user_find(suite->store, SUITE_USER, &user, &fault), &fault);
	id = user->store;
	store_user_free(user);
	return id;
}

static struct store_place_owner owner_of(struct suite *suite)
{
	struct store_user *user = NULL;
	struct store_place_owner owner;
	struct fault fault = {0};

	must(store_user_find(suite->store, SUITE_USER, &user, &fault), &fault);
	owner = (struct store_place_owner){user->id, user->store};
	store_user_free(user);
	return owner;
}

struct folder_wish {
	int64_t store;
	const char *path;
};

static int make_folder(struct store *store, void *context, struct fault *fault)
{
	const struct folder_wish *wish = context;
	int64_t folder = 0;

	return store_folder_create(store, wish->store, wish->path, '/', &folder,
				   NULL, fault);
}

bool suite_make_folder(struct suite *suite, const char *path)
{
	struct folder_wish wish = {store_id(suite), path};
	struct fault fault = {0};

	return store_run(suite->store, make_folder, &wish, &fault) == 0;
}

bool suite_has_folder(struct suite *suite, const char *path,
		      const char *special_use)
{
	const struct store_place_owner owner = owner_of(suite);
	struct fault fault = {0};

	return store_place_exists(suite->store, &owner, path, special_use,
				  &fault);
}

/* ---- what came of it
 * --------------------------------------------------------- */

bool suite_take_sent(struct suite *suite, size_t number)
{
	g_autoptr(GPtrArray) entries = NULL;
	struct fault fault = {0};

	must(store_queue_list(suite->store, &entries, &fault), &fault);
	for (guint i = 0; i < entries->len; i++) {
		const struct queue_entry *entry = entries->pdata[i];
		g_autoptr(GBytes) bytes = NULL;

		if (number >= entry->recipients->len) {
			number -= entry->recipients->len;
			continue;
		}
		must(store_queue_bytes(suite->store, entry->id, &bytes, &fault),
		     &fault);
		suite_set_bytes(suite, bytes);
		suite_show_envelope(suite, entry->reverse_path,
				    ((struct queue_recipient *)
					     entry->recipients->pdata[number])
					    ->address);
		return true;
	}
	return false;
}

struct stored {
	size_t number;
	int64_t message;
};

static int note_stored(const struct store_message *message, void *context,
		       struct fault *fault)
{
	struct stored *stored = context;

	(void)fault;
	if (stored->number-- == 0)
		stored->message = message->id;
	return 0;
}

/* The flags a stored message has: what the internal variable of imap4flags
 * begins with when a test looks at it. */
static void note_flags(struct suite *suite, int64_t store, int64_t id)
{
	static const struct {
		unsigned flag;
		const char *name;
	} known[] = {{MESSAGE_READ, "\\Seen"},
		     {MESSAGE_FLAGGED, "\\Flagged"},
		     {MESSAGE_ANSWERED, "\\Answered"},
		     {MESSAGE_DRAFT, "\\Draft"}};
	AUTO(store_message) message = NULL;
	struct fault fault = {0};

	must(store_message_get(suite->store, store, id, &message, &fault),
	     &fault);
	g_ptr_array_set_size(suite->flags, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (message->flags & known[i].flag)
			g_ptr_array_add(suite->flags, g_strdup(known[i].name));
	for (char **word = message->keywords; word && *word; word++)
		g_ptr_array_add(suite->flags, g_strdup(*word));
	/* PR_HASATTACH, as IMAP has it. */
	g_ptr_array_add(suite->flags,
			g_strdup(message->attachments ? "$HasAttachment"
						      : "$HasNoAttachment"));
}

bool suite_take_stored(struct suite *suite, const char *folder, size_t number)
{
	const struct store_place_owner owner = owner_of(suite);
	struct stored stored = {.number = number};
	struct store_place place;
	g_autoptr(GBytes) bytes = NULL;
	struct fault fault = {0};

	if (store_place_find(suite->store, &owner, folder, NULL, &place,
			     &fault) ||
	    !place.folder)
		return false;
	must(store_message_list(suite->store, place.store, place.folder,
				note_stored, &stored, &fault),
	     &fault);
	if (!stored.message)
		return false;
	must(store_message_bytes(suite->store, stored.message, true, &bytes,
				 &fault),
	     &fault);
	suite_set_bytes(suite, bytes);
	note_flags(suite, place.store, stored.message);
	return true;
}

static int64_t entries_store(struct store *store)
{
	AUTO(store_user) user = NULL;
	struct fault fault = {0};

	must(store_user_find(store, SUITE_USER, &user, &fault), &fault);
	return user->store;
}

static int forget_sent(struct store *store, void *context, struct fault *fault)
{
	const GPtrArray *entries = context;
	const int64_t later = g_get_real_time() * 2;

	/* Who had a reply is forgotten when its time is over: all of them. */
	if (store_rule_remember(store, entries_store(store), "-", later, later,
				fault))
		return -1;
	for (guint i = 0; i < entries->len; i++)
		if (store_queue_delete(
			    store,
			    ((const struct queue_entry *)entries->pdata[i])->id,
			    fault))
			return -1;
	return 0;
}

void suite_forget_sent(struct suite *suite)
{
	g_autoptr(GPtrArray) entries = NULL;
	struct fault fault = {0};

	must(store_queue_list(suite->store, &entries, &fault), &fault);
	must(store_run(suite->store, forget_sent, entries, &fault), &fault);
}
