/*
 * Units of work out of plans.
 */
#include "save.h"

#include "log.h"
#include "store/folders.h"
#include "store/queue.h"
#include "store/settings.h"

#include <string.h>

/* Recipients in one transaction: a longer one would keep others waiting. */
#define SAVE_GROUP 32

struct save_job {
	struct mail *mail;
	struct mail_recipient *to;
	char *trace;
	/* The mail's content, of a job before it in the same unit; or 0. */
	int64_t stored;
};

void save_ask(const struct mail *mail, const struct mail_recipient *to,
	      struct save_question *ret_question)
{
	memset(ret_question, 0, sizeof(*ret_question));
	ret_question->content.rfc822 = mail->bytes;
	memcpy(ret_question->content.sha256, mail->sha256,
	       sizeof(mail->sha256));
	ret_question->content.set = mail->set;
	ret_question->content.kept = mail->kept;
	ret_question->delivery = (struct delivery){
		.store = to->who->store,
		.recipient = to->same,
		.detail = to->detail,
		.reverse_path = mail->reverse_path,
		.message_id = mail->set ? propset_text(mail->set,
						       PR_INTERNET_MESSAGE_ID)
					: NULL,
		.content = &ret_question->content,
		.check_duplicate = mail->check_duplicate,
		.check_quota = true,
		.no_notify = mail->wishes.no_notify,
	};
}

static char *save_trace(const struct mail *mail,
			const struct mail_recipient *to)
{
	const struct trace trace = mail_trace(mail, to);

	return trace_format(&trace);
}

/* ---- the unit ---- */

static int save_errors_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct mail_recipient *to = context;
	const struct plan *plan = to->plan;

	for (guint i = 0; i < plan->rule_errors->len; i++) {
		const struct plan_rule_error *error =
			plan->rule_errors->pdata[i];
		struct fault reason = {0};

		if (store_rule_set_error(store, error->rule, error->text,
					 &reason) == 0)
			continue;
		/* Removed meanwhile: nothing to be noted. */
		if (fault_is_temporary(&reason)) {
			*fault = reason;
			return -1;
		}
	}
	return 0;
}

static int save_find_folder(struct store *store, const struct plan_copy *from,
			    int64_t *ret_folder, struct fault *fault)
{
	*ret_folder = from->folder;
	if (from->folder)
		return 0;
	return store_folder_create(store, from->store,
				   from->below ? from->below : from->path,
				   from->separator, ret_folder, NULL, fault);
}

static int save_fill_copy(struct store *store, const struct save_job *job,
			  const struct plan_copy *from, GPtrArray *keywords,
			  struct delivery_copy *ret_copy, struct fault *fault)
{
	int64_t folder = 0;

	if (save_find_folder(store, from, &folder, fault))
		return -1;
	for (guint i = 0; i < from->keywords->len; i++)
		g_ptr_array_add(keywords, from->keywords->pdata[i]);
	g_ptr_array_add(keywords, NULL);
	*ret_copy = (struct delivery_copy){
		.folder = folder,
		.flags = from->flags |
			 (job->mail->wishes.read ? MESSAGE_READ : 0u),
		.trace = job->trace,
		.received = job->mail->delivered,
		.properties = from->properties,
	};
	return 0;
}

/* What rules remember is remembered with the delivery or not at all.  Of two
 * copies that come at once, both new to their rules, the later one is planned
 * again. */
static int save_marks(struct store *store, struct mail_recipient *to,
		      struct fault *fault)
{
	int64_t now = g_get_real_time();

	for (guint i = 0; i < to->plan->marks->len; i++) {
		const struct plan_mark *mark = to->plan->marks->pdata[i];
		bool known = false;

		if (mark->is_new &&
		    store_rule_recall(store, to->who->store, mark->key, now,
				      &known, fault))
			return -1;
		if (known)
			return fault_set(fault, FAULT_OVERTAKEN,
					 "another copy came first");
		if (store_rule_remember(store, to->who->store, mark->key, now,
					now + mark->seconds * G_USEC_PER_SEC,
					fault))
			return -1;
	}
	return 0;
}

/* What leaves, as submissions that are nobody's: arrays and what they point to
 * live as long as this. */
struct save_outgoing {
	struct submission *submissions;
	const struct submission **pointers;
	struct content *contents;
	GPtrArray *recipients; /* of arrays of submission_recipient */
};

static void save_content(const struct save_job *job,
			 const struct plan_content *from, struct content *to)
{
	to->rfc822 = from->bytes;
	memcpy(to->sha256, from->sha256, sizeof(to->sha256));
	to->set = from->set ? from->set : job->mail->set;
	to->kept = from->kept;
}

/* What the sender wants to be told goes with a redirect (RFC 3461 5.2.7). */
static struct submission_recipient
save_recipient(const struct mail_recipient *to,
	       const struct plan_outgoing *outgoing, const char *address)
{
	struct submission_recipient recipient = {.address = address};

	if (outgoing->content->is_redirect) {
		recipient.dsn_notify = to->dsn_notify;
		recipient.dsn_orcpt = to->dsn_orcpt;
	}
	return recipient;
}

static void save_fill_outgoing(const struct save_job *job,
			       struct save_outgoing *out)
{
	const GPtrArray *list = job->to->plan->outgoing;

	out->submissions = g_new0(struct submission, list->len + 1);
	out->pointers = g_new0(const struct submission *, list->len + 1);
	out->contents = g_new0(struct content, list->len + 1);
	out->recipients = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < list->len; i++) {
		const struct plan_outgoing *from = list->pdata[i];
		guint count = from->addresses->len;
		struct submission_recipient *recipients =
			g_new0(struct submission_recipient, count);

		for (guint k = 0; k < count; k++)
			recipients[k] = save_recipient(
				job->to, from, from->addresses->pdata[k]);
		g_ptr_array_add(out->recipients, recipients);
		save_content(job, from->content, &out->contents[i]);
		out->submissions[i] = (struct submission){
			.reverse_path = from->reverse_path,
			.recipients = recipients,
			.recipient_count = count,
			.content = &out->contents[i],
			.is_report = from->is_report,
		};
		if (from->content->is_redirect) {
			out->submissions[i].dsn_ret = job->mail->dsn_ret;
			out->submissions[i].dsn_envid = job->mail->dsn_envid;
		}
		out->pointers[i] = &out->submissions[i];
	}
}

static void save_clear_outgoing(struct save_outgoing *out)
{
	g_free(out->submissions);
	g_free(out->pointers);
	g_free(out->contents);
	g_ptr_array_unref(out->recipients);
}

/* The copy of a reply that a rule asked for (RFC 8580). */
static int save_reply_copy(struct store *store, const struct save_job *job,
			   const struct content *content, struct fault *fault)
{
	const struct plan_reply *reply = job->to->plan->reply;
	g_autoptr(GPtrArray) keywords = g_ptr_array_new();
	struct delivery_copy copy = {0};
	const struct delivery delivery = {
		.store = job->to->who->store,
		.recipient = job->to->path,
		.reverse_path = "",
		.content = content,
		.copies = &copy,
		.copy_count = 1,
		.no_notify = true,
	};
	struct delivery_result result = {0};

	if (!reply->fcc || !reply->set)
		return 0;
	if (save_fill_copy(store, job, reply->fcc, keywords, &copy, fault))
		return -1;
	copy.keywords = (const char *const *)keywords->pdata;
	copy.trace = "";
	copy.flags |= MESSAGE_READ;
	copy.received = g_get_real_time();
	return store_deliver(store, &delivery, &result, fault);
}

/* May it go to this sender now? */
static int save_claim(struct store *store, const struct save_job *job,
		      struct fault *fault)
{
	struct plan_reply *reply = job->to->plan->reply;
	int64_t store_id = job->to->who->store;
	int64_t now = g_get_real_time();

	if (!reply->handle)
		return store_oof_claim(store, store_id, reply->to, now,
				       reply->interval, &reply->is_claimed,
				       fault);
	return store_vacation_claim(store, store_id, reply->handle, reply->to,
				    now, reply->interval, &reply->is_claimed,
				    fault);
}

static int save_reply(struct store *store, const struct save_job *job,
		      struct fault *fault)
{
	const struct plan_reply *reply = job->to->plan->reply;
	const struct submission_recipient recipient = {.address = reply->to};
	struct content content = {.rfc822 = reply->bytes, .set = reply->set};
	const struct submission submission = {
		.reverse_path = reply->reverse_path ? reply->reverse_path : "",
		.recipients = &recipient,
		.recipient_count = 1,
		.content = &content,
		.is_report = true,
	};
	int64_t queue_id = 0;

	memcpy(content.sha256, reply->sha256, sizeof(content.sha256));
	if (save_claim(store, job, fault))
		return -1;
	if (!reply->is_claimed)
		return 0;
	if (save_reply_copy(store, job, &content, fault))
		return -1;
	if (reply->program)
		return 0;
	return store_submit(store, &submission, &queue_id, fault);
}

/* The copies of the plan, with what rules made of the mail where they did;
 * keywords and contents hold what copies point to. */
static int save_fill_copies(struct store *store, const struct save_job *job,
			    struct delivery_copy *copies,
			    struct content *contents, GPtrArray *keywords,
			    struct fault *fault)
{
	const GPtrArray *list = job->to->plan->copies;
	guint first = 0;

	for (guint i = 0; i < list->len; i++) {
		const struct plan_copy *from = list->pdata[i];

		if (save_fill_copy(store, job, from, keywords, &copies[i],
				   fault))
			return -1;
		if (!from->content)
			continue;
		save_content(job, from->content, &contents[i]);
		copies[i].content = &contents[i];
	}
	for (guint i = 0; i < list->len; i++) {
		const struct plan_copy *from = list->pdata[i];

		copies[i].keywords =
			(const char *const *)&keywords->pdata[first];
		first += from->keywords->len + 1;
	}
	return 0;
}

static int save_delivery(struct store *store, struct save_job *job,
			 const struct save_outgoing *outgoing,
			 struct fault *fault)
{
	struct mail_recipient *to = job->to;
	const struct plan *plan = to->plan;
	g_autofree struct delivery_copy *copies =
		g_new0(struct delivery_copy, plan->copies->len + 1);
	g_autofree struct content *contents =
		g_new0(struct content, plan->copies->len + 1);
	g_autoptr(GPtrArray) keywords = g_ptr_array_new();
	struct save_question question;

	save_ask(job->mail, to, &question);
	if (save_fill_copies(store, job, copies, contents, keywords, fault))
		return -1;
	question.delivery.stored = job->stored;
	question.delivery.copies = copies;
	question.delivery.copy_count = plan->copies->len;
	question.delivery.submissions = outgoing->pointers;
	question.delivery.submission_count = plan->outgoing->len;
	question.delivery.is_replied = plan->reply != NULL;
	return store_deliver(store, &question.delivery, &to->result, fault);
}

/* One recipient's delivery.  May run again after it failed. */
static int save_unit(struct store *store, void *context, struct fault *fault)
{
	struct save_job *job = context;
	struct mail_recipient *to = job->to;
	struct save_outgoing outgoing;
	int result;

	if (to->plan->reply) /* what an earlier run claimed is undone */
		to->plan->reply->is_claimed = false;
	if (save_errors_unit(store, to, fault) || save_marks(store, to, fault))
		return -1;
	save_fill_outgoing(job, &outgoing);
	result = save_delivery(store, job, &outgoing, fault);
	save_clear_outgoing(&outgoing);
	if (result)
		return -1;
	if (to->plan->reply && !to->result.is_duplicate)
		return save_reply(store, job, fault);
	return 0;
}

struct save_group {
	struct save_job *jobs;
	size_t count;
};

static int save_group_unit(struct store *store, void *context,
			   struct fault *fault)
{
	struct save_group *group = context;
	int64_t stored = 0;

	for (size_t i = 0; i < group->count; i++) {
		struct save_job *job = &group->jobs[i];

		job->stored = stored;
		if (save_unit(store, job, fault))
			return -1;
		if (job->to->result.content)
			stored = job->to->result.content;
	}
	return 0;
}

/* ---- the step ---- */

/* In the words of okapi-dagent(8), with the address the MTA knows.  Full for
 * now without quota_tempfail is what rules want (store_deliver()). */
static void save_word_quota(const struct mail *mail,
			    const struct mail_recipient *to,
			    struct fault *fault)
{
	bool is_of_rules = fault->kind == FAULT_FULL_FOR_NOW &&
			   !mail->agent->policy.quota_tempfail;

	if (store_is_full(fault))
		(void)fault_set(
			fault, fault->kind, "<%s>: mailbox full%s", to->path,
			is_of_rules ? " for every copy that rules want" : "");
}

/* Does a failure speak against what is known of the recipient?  Who wrote into
 * the store by other means than ours left no stamp. */
static bool save_is_doubtful(const struct fault *fault)
{
	return fault->kind != FAULT_OVERTAKEN && !store_is_full(fault) &&
	       fault->kind != FAULT_STORE_BUSY &&
	       fault->kind != FAULT_DISK_FULL && fault->kind != FAULT_IO;
}

/* A reply that cannot be queued must not keep the mail out. */
static void save_one(struct save_job *job, struct store *store)
{
	struct agent *agent = job->mail->agent;
	struct mail_recipient *to = job->to;
	struct plan_reply *reply = to->plan->reply;
	struct fault fault = {0};

	job->stored = 0;
	if (agent_run(agent, store, save_unit, job, &fault) == 0) {
		fault_clear(&to->verdict);
		return;
	}
	save_word_quota(job->mail, to, &fault);
	to->verdict = fault;
	if (save_is_doubtful(&fault))
		known_forget(agent->known, to->who->store);
	if (!reply || fault.kind == FAULT_OVERTAKEN || store_is_full(&fault) ||
	    fault.kind == FAULT_STORE_BUSY)
		return;
	to->plan->reply = NULL;
	if (agent_run(agent, store, save_unit, job, &to->verdict) == 0) {
		log_message(LOG_LEVEL_WARNING, "%s: %s: no automatic reply: %s",
			    job->mail->id, to->who->name, fault.text);
		fault_clear(&to->verdict);
	}
	to->plan->reply = reply;
	reply->is_claimed = false;
}

/* All at once, else one by one.  Who holds the store holds it from all: the
 * first that waited for it in vain has waited for the others, too. */
static void save_some(struct mail *mail, struct store *store,
		      struct save_job *jobs, size_t count, struct fault *busy)
{
	struct save_group group = {jobs, count};
	struct fault fault = *busy;

	if (fault.kind == FAULT_NONE && count > 1 &&
	    agent_run(mail->agent, store, save_group_unit, &group, &fault) ==
		    0) {
		for (size_t i = 0; i < count; i++)
			fault_clear(&jobs[i].to->verdict);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (fault.kind == FAULT_STORE_BUSY)
			jobs[i].to->verdict = fault;
		else
			save_one(&jobs[i], store);
		fault = jobs[i].to->verdict;
	}
	if (fault.kind == FAULT_STORE_BUSY)
		*busy = fault;
}

/* Messages are packed, and large values written beside the store, before it is
 * locked.  Where that fails the unit tries again, and says why. */
static void save_prepare(struct mail *mail, const struct mail_recipient *to)
{
	const char *path = mail->agent->conf->store_path;
	struct plan *plan = to->plan;
	struct fault fault = {0};

	if (plan->copies->len > 0)
		mail_pack(mail);
	for (guint i = 0; i < plan->contents->len; i++) {
		struct plan_content *from = plan->contents->pdata[i];
		struct content content = {
			.rfc822 = from->bytes,
			.set = from->set ? from->set : mail->set,
		};

		memcpy(content.sha256, from->sha256, sizeof(content.sha256));
		if (!from->kept && store_content_prepare(path, &content, -1,
							 &from->kept, &fault))
			log_message(LOG_LEVEL_DETAIL, "%s: %s", mail->id,
				    fault.text);
	}
}

void save_again(struct mail *mail, struct store *store,
		struct mail_recipient *to)
{
	g_autofree char *trace = save_trace(mail, to);
	struct save_job job = {mail, to, trace, 0};

	save_prepare(mail, to);
	save_one(&job, store);
}

void save_all(struct mail *mail, struct store *store)
{
	struct save_job jobs[SAVE_GROUP];
	struct fault busy = {0};
	size_t count = 0;

	for (guint i = 0; i < mail->recipients->len; i++) {
		struct mail_recipient *to = mail->recipients->pdata[i];

		if (!to->is_done) {
			save_prepare(mail, to);
			jobs[count++] = (struct save_job){
				mail, to, save_trace(mail, to), 0};
		}
		if (count == SAVE_GROUP || i + 1 == mail->recipients->len) {
			save_some(mail, store, jobs, count, &busy);
			while (count > 0)
				g_free(jobs[--count].trace);
		}
	}
}

void save_rule_errors(struct mail *mail, struct store *store,
		      struct mail_recipient *to)
{
	struct fault fault = {0};

	if (to->plan->rule_errors->len == 0)
		return;
	if (agent_run(mail->agent, store, save_errors_unit, to, &fault))
		log_message(LOG_LEVEL_WARNING, "%s: %s: %s", mail->id,
			    to->who->name, fault.text);
}
