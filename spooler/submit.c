/*
 * Submitting one message; see submit.h.
 */
#include "submit_internal.h"

#include "digest.h"
#include "header.h"
#include "log.h"
#include "sendmail_check.h"
#include "smtp/smtp_server.h"
#include "store/queue.h"
#include "throttle.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

/* One message on its way. */
struct submit_job {
	struct submit *submit;
	const struct settings *settings; /* when it began */
	const struct conf *conf;         /* of them */
	const struct submit_caller *caller;
	const struct envelope *envelope;
	struct submit_sender sender;
	GPtrArray *recipients; /* of struct envelope_recipient */
	GHashTable *seen;      /* their addresses */
	GBytes *bytes;
	struct propset *set;
	struct content content; /* bytes, set and what is kept of them */
	struct kept *kept;
	int64_t began;
	int64_t not_before;
	int64_t queue_id;
};

int submit_new(struct settings *settings, struct committer *committer,
	       struct helper_pool *helpers, struct submit **ret_submit,
	       struct fault *fault)
{
	const struct conf *conf = settings->conf;
	struct store_policy policy = {0};
	struct submit *submit;
	struct store *store;

	if (store_open(conf->store_path, STORE_READ, conf->store_timeout * 1000,
		       &store, fault) != 0)
		return -1;
	store_policy_of_conf(conf, &policy);
	store_set_policy(store, &policy);
	submit = g_new0(struct submit, 1);
	submit->settings = settings_ref(settings);
	submit->committer = committer;
	submit->helpers = helpers;
	submit->store = store;
	submit->throttle = throttle_new();
	pthread_mutex_init(&submit->lock, NULL);
	*ret_submit = submit;
	return 0;
}

void submit_free(struct submit *submit)
{
	store_close(submit->store);
	throttle_free(submit->throttle);
	settings_unref(submit->settings);
	pthread_mutex_destroy(&submit->lock);
	g_free(submit);
}

void submit_set_settings(struct submit *submit, struct settings *settings)
{
	pthread_mutex_lock(&submit->lock);
	settings_unref(submit->settings);
	submit->settings = settings_ref(settings);
	pthread_mutex_unlock(&submit->lock);
}

struct settings *submit_settings(struct submit *submit)
{
	struct settings *settings;

	pthread_mutex_lock(&submit->lock);
	settings = settings_ref(submit->settings);
	pthread_mutex_unlock(&submit->lock);
	return settings;
}

void submit_caller_init(const struct conf *conf, uid_t uid,
			struct submit_caller *ret_caller)
{
	char buffer[4096];
	struct passwd entry;
	struct passwd *found = NULL;
	int err;

	*ret_caller = (struct submit_caller){.uid = uid};
	err = getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
	if (err && err != ENOENT && err != ESRCH)
		ret_caller->unknown = err;
	else if (!err && found)
		g_strlcpy(ret_caller->login, found->pw_name,
			  sizeof(ret_caller->login));
	ret_caller->is_trusted =
		uid == 0 || uid == geteuid() ||
		(*ret_caller->login &&
		 g_strv_contains((const char *const *)conf->trusted_users,
				 ret_caller->login));
}

/* ---- whose it is ------------------------------------------------------------
 */

int submit_find_user(struct submit *submit, const char *name,
		     struct store_user **ret_user, struct fault *fault)
{
	struct fault why = {0};

	if (!*name)
		return 1;
	if (store_user_find(submit->store, name, ret_user, &why) == 0) {
		if ((*ret_user)->active)
			return 0;
		store_user_free(g_steal_pointer(ret_user));
		return 1;
	}
	if (why.kind == FAULT_NO_USER)
		return 1;
	*fault = why;
	return -1;
}

int submit_find_owner(struct submit *submit, const char *address,
		      struct store_user **ret_user, struct fault *fault)
{
	AUTO(store_recipient) who = NULL;
	struct fault why = {0};

	if (!*address)
		return 1;
	if (store_resolve(submit->store, address, 0, &who, &why) == 0)
		return submit_find_user(submit, who->name, ret_user, fault);
	if (!fault_is_temporary(&why))
		return 1;
	*fault = why;
	return -1;
}

/* Who may send as anybody sends for everybody. */
static int submit_rate(const struct submit_job *job, struct fault *fault)
{
	if (job->caller->is_trusted)
		return 0;
	return throttle_take(job->submit->throttle, job->sender.user->id,
			     job->conf->submit_rate, g_get_monotonic_time(),
			     fault);
}

/* ---- recipients ---- */

static int submit_add(struct submit_job *job, const char *address,
		      unsigned notify, const char *orcpt, struct fault *fault)
{
	g_autofree char *whole = fixup_qualify(address, job->conf->origin);
	struct envelope_recipient *recipient;

	if (!smtp_path_check(whole, true, true))
		return fault_set(fault, FAULT_BAD_ADDRESS,
				 "<%s> is no recipient address", address);
	if (!g_hash_table_add(job->seen, g_strdup(whole)))
		return 0;
	recipient = g_new0(struct envelope_recipient, 1);
	recipient->address = g_steal_pointer(&whole);
	recipient->notify = notify;
	recipient->orcpt = g_strdup(orcpt);
	g_ptr_array_add(job->recipients, recipient);
	return 0;
}

static bool submit_is_resent(const struct propset *set)
{
	for (size_t i = 0; i < propset_header_count(set); i++)
		if (fixup_role(propset_header(set, i)->name) & FIXUP_RESENT)
			return true;
	return false;
}

/* Whoever a field names.  A name without an address is nobody that could be
 * told of the message: it is refused, as a malformed address is. */
static int submit_extract_field(struct submit_job *job,
				const struct header_field *field,
				struct fault *fault)
{
	for (guint i = 0; field->addresses && i < field->addresses->len; i++) {
		const struct header_address *address =
			field->addresses->pdata[i];

		if (!*address->address)
			return fault_set(fault, FAULT_BAD_ADDRESS,
					 "\"%s\" in %s has no address",
					 address->display, field->name);
		if (submit_add(job, address->address, job->envelope->notify,
			       NULL, fault) != 0)
			return -1;
	}
	return 0;
}

/* -t: everybody in To, Cc and Bcc, or in the Resent- fields if there are any
 * (RFC 5322 3.6.6). */
static int submit_extract(struct submit_job *job, const void *octets,
			  size_t len, struct fault *fault)
{
	struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = job->conf->default_charset,
	};
	g_autoptr(GBytes) bytes = g_bytes_new_static(octets, len);
	AUTO(propset) set = NULL;
	unsigned wanted = FIXUP_NAMES;

	if (helper_to_propset(job->submit->helpers, bytes, -1, &options, &set,
			      fault) != 0)
		return -1;
	if (submit_is_resent(set))
		wanted |= FIXUP_RESENT;
	for (size_t i = 0; i < propset_header_count(set); i++) {
		const struct header_field *field = propset_header(set, i);

		if (fixup_role(field->name) == wanted &&
		    submit_extract_field(job, field, fault) != 0)
			return -1;
	}
	return 0;
}

static int submit_recipients(struct submit_job *job, const void *octets,
			     size_t len, struct fault *fault)
{
	const struct envelope *envelope = job->envelope;

	for (guint i = 0; i < envelope->recipients->len; i++) {
		const struct envelope_recipient *recipient =
			envelope->recipients->pdata[i];
		unsigned notify = recipient->notify ? recipient->notify
						    : envelope->notify;

		if (submit_add(job, recipient->address, notify,
			       recipient->orcpt, fault) != 0)
			return -1;
	}
	if (envelope->extract && submit_extract(job, octets, len, fault) != 0)
		return -1;
	if (job->recipients->len > job->conf->submit_recipient_limit)
		return fault_set(fault, FAULT_TOO_MANY_RCPTS,
				 "%u recipients: a message may have "
				 "%" G_GINT64_FORMAT,
				 job->recipients->len,
				 job->conf->submit_recipient_limit);
	if (!job->recipients->len)
		return fault_set(
			fault, FAULT_NOT_A_MESSAGE,
			envelope->extract
				? "no recipient addresses in To, Cc or "
				  "Bcc"
				: "no recipients");
	return 0;
}

/* ---- the message ---- */

static int submit_content(struct submit_job *job, const void *octets,
			  size_t len, struct fault *fault)
{
	const struct conf *conf = job->conf;
	struct fixup_options options = {
		.from_address = *job->sender.reverse_path
					? job->sender.reverse_path
					: job->sender.user->email,
		.from_name = job->envelope->full_name
				     ? job->envelope->full_name
				     : job->sender.user->fullname,
		.origin = conf->origin,
		.hostname = conf->hostname,
		.now = job->began,
		.sender = job->sender.field,
		.sender_address = job->sender.user->email,
		.sender_name = job->sender.user->fullname,
		.rewrites = job->sender.rewrites
				    ? (const char *const *)
					      job->sender.rewrites->pdata
				    : NULL,
	};
	GByteArray *out = g_byte_array_sized_new((guint)len + 512);
	struct fixup_found found;

	if (job->caller->trace)
		g_byte_array_append(out, (const guint8 *)job->caller->trace,
				    (guint)strlen(job->caller->trace));
	fixup_message(octets, len, &options, out, &found);
	g_clear_pointer(&job->bytes, g_bytes_unref);
	job->bytes = g_byte_array_free_to_bytes(out);
	if ((int64_t)g_bytes_get_size(job->bytes) > conf->message_size_limit)
		return fault_set(fault, FAULT_TOO_BIG,
				 "the message is larger than "
				 "message_size_limit");
	if (header_count(octets, len, "Received") > SENDMAIL_HOPS_MAX)
		return fault_set(fault, FAULT_LOOP,
				 "more than %d Received: lines, mail loop",
				 SENDMAIL_HOPS_MAX);
	return 0;
}

/* The property set of the completed message; -1 with a fault if there is but
 * the one of a message that could not be converted. */
static int submit_convert(struct submit_job *job, struct fault *fault)
{
	struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = job->conf->default_charset,
	};

	g_clear_pointer(&job->set, propset_free);
	return helper_to_propset(job->submit->helpers, job->bytes, -1, &options,
				 &job->set, fault);
}

/* The message as it leaves.  What cannot be converted goes all the same, if the
 * caller may send as anybody: nobody can tell whose name is in it. */
static int submit_complete(struct submit_job *job, const void *octets,
			   size_t len, struct fault *fault)
{
	struct fault why = {0};
	bool changed = false;

	if (submit_content(job, octets, len, fault) != 0)
		return -1;
	if (submit_convert(job, &why) != 0) {
		log_message(LOG_LEVEL_WARNING,
			    "a submitted message could not be converted: %s",
			    why.text);
		if (job->caller->is_trusted)
			return 0;
		return fault_set(fault, FAULT_INTERNAL,
				 "the message could not be read: %s", why.text);
	}
	if (submit_sender_check(job->submit, job->settings, job->caller,
				job->set, &job->sender, &changed, fault) != 0)
		return -1;
	if (!changed)
		return 0;
	if (submit_content(job, octets, len, fault) != 0)
		return -1;
	return submit_convert(job, fault);
}

/* Not before a hold is over, or the message or its envelope says. */
static void submit_set_time(struct submit_job *job)
{
	int64_t deferred = propset_number(job->set, PR_DEFERRED_SEND_TIME, 0);

	if (job->conf->submit_hold)
		job->not_before =
			job->began + job->conf->submit_hold * USEC_PER_SEC;
	if (deferred > job->began)
		job->not_before = MAX(job->not_before, deferred);
	job->not_before = MAX(job->not_before, job->envelope->release);
}

static enum queue_priority submit_priority(const struct submit_job *job)
{
	int64_t priority = job->envelope->has_priority
				   ? job->envelope->priority
				   : propset_number(job->set, PR_PRIORITY, 0);

	return priority > 0   ? QUEUE_PRIORITY_HIGH
	       : priority < 0 ? QUEUE_PRIORITY_LOW
			      : QUEUE_PRIORITY_NORMAL;
}

/* What can be done before the store is locked. */
static void submit_pack(struct submit_job *job)
{
	struct fault fault = {0};
	gsize size;
	const void *octets = g_bytes_get_data(job->bytes, &size);

	job->content = (struct content){.rfc822 = job->bytes, .set = job->set};
	digest_sha256(octets, size, job->content.sha256);
	if (store_content_prepare(job->conf->store_path, &job->content, -1,
				  &job->kept, &fault))
		log_message(LOG_LEVEL_DETAIL, "%s", fault.text);
	job->content.kept = job->kept;
}

static int submit_unit(struct store *store, void *context, struct fault *fault)
{
	struct submit_job *job = context;
	guint count = job->recipients->len;
	g_autofree struct submission_recipient *recipients =
		g_new0(struct submission_recipient, count);
	struct submission submission = {
		.store = job->sender.user->store,
		.represented = job->conf->copy_delegate_mails
				       ? job->sender.represented
				       : 0,
		.reverse_path = job->sender.reverse_path,
		.recipients = recipients,
		.recipient_count = count,
		.content = &job->content,
		.not_before = job->not_before,
		.priority = submit_priority(job),
		.dsn_ret = job->envelope->ret,
		.dsn_envid = job->envelope->envid,
		.token = job->envelope->token,
	};

	for (guint i = 0; i < count; i++) {
		const struct envelope_recipient *recipient =
			job->recipients->pdata[i];

		recipients[i].address = recipient->address;
		recipients[i].dsn_notify = recipient->notify;
		recipients[i].dsn_orcpt = recipient->orcpt;
	}
	return store_submit(store, &submission, &job->queue_id, fault);
}

static void submit_job_clear(struct submit_job *job)
{
	store_kept_free(job->kept);
	submit_sender_clear(&job->sender);
	g_ptr_array_unref(job->recipients);
	g_hash_table_unref(job->seen);
	if (job->bytes)
		g_bytes_unref(job->bytes);
	if (job->set)
		propset_free(job->set);
}

static void submit_recipient_free(gpointer data)
{
	struct envelope_recipient *recipient = data;

	g_free(recipient->address);
	g_free(recipient->orcpt);
	g_free(recipient);
}

static void submit_log(const struct submit_job *job, int64_t began)
{
	struct log_event *event = log_event_new("submitted");

	log_event_number(event, "queue", job->queue_id);
	if (job->caller->is_remote)
		log_event_text(event, "login", job->caller->login);
	else
		log_event_number(event, "uid", (int64_t)job->caller->uid);
	log_event_text(event, "user", job->sender.user->name);
	log_event_text(event, "from", job->sender.reverse_path);
	log_event_number(event, "recipients", job->recipients->len);
	log_event_number(event, "size", (int64_t)g_bytes_get_size(job->bytes));
	log_event_duration(event, "time", g_get_monotonic_time() - began);
	log_event_emit(event, LOG_LEVEL_INFO);
}

int submit_message(struct submit *submit, const struct submit_caller *caller,
		   const struct envelope *envelope, const void *octets,
		   size_t len, int64_t *ret_queue_id, struct fault *fault)
{
	struct settings *settings = submit_settings(submit);
	struct submit_job job = {
		.submit = submit,
		.settings = settings,
		.conf = settings->conf,
		.began = g_get_real_time(),
		.caller = caller,
		.envelope = envelope,
		.recipients =
			g_ptr_array_new_with_free_func(submit_recipient_free),
		.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      NULL),
	};
	int64_t began = g_get_monotonic_time();
	int result = -1;

	if (!len)
		(void)fault_set(fault, FAULT_NOT_A_MESSAGE,
				"the message is empty");
	else if (submit_sender_choose(submit, job.conf, caller, envelope,
				      &job.sender, fault) == 0 &&
		 submit_rate(&job, fault) == 0 &&
		 submit_recipients(&job, octets, len, fault) == 0 &&
		 submit_complete(&job, octets, len, fault) == 0) {
		submit_set_time(&job);
		submit_pack(&job);
		result = committer_run(submit->committer, submit_unit, &job,
				       fault);
	}
	if (result == 0) {
		*ret_queue_id = job.queue_id;
		submit_log(&job, began);
	}
	submit_job_clear(&job);
	settings_unref(settings);
	return result;
}
