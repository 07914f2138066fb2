/*
 * Automatic replies: whether, and to whom.
 */
#include "autoreply.h"

#include "digest.h"
#include "header.h"
#include "letter.h"
#include "log.h"
#include "responder.h"
#include "rules/reply_subject.h"
#include "rules/sieve.h"
#include "smtp/smtp_server.h"
#include "store/place.h"
#include "store/settings.h"

#include <string.h>

#define AUTOREPLY_PROGRAM_MS INT64_C(30000)

/* ---- the step ---- */

/* What is to be replied: the user's out of office, or what a rule wants. */
struct autoreply_wish {
	const char *subject; /* NULL, "": made of the message's */
	const char *body;    /* NULL: nothing is to be replied */
	const char *html;
	const char *from; /* address */
	const char *from_name;
	const struct sieve_vacation *vacation; /* NULL: out of office */
};

struct autoreply_trace {
	GStrvBuilder *own;
};

/* What the MTA that handed the mail over wrote on top of it, above the first
 * Received: the address before its aliases. */
static bool autoreply_trace_each(void *context, const char *name,
				 const char *value)
{
	static const char *const fields[] = {"X-Original-To", "Envelope-To"};
	struct autoreply_trace *trace = context;

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (g_ascii_strcasecmp(name, fields[i]) == 0)
			g_strv_builder_add(trace->own, value);
	return g_ascii_strcasecmp(name, "Received") != 0;
}

/* The address before the MTA's aliases, where it told one. */
static void autoreply_add_original(const struct mail *mail,
				   const struct mail_recipient *to,
				   GStrvBuilder *all)
{
	static const char *const trace_names[] = {
		"X-Original-To", "Envelope-To", "Received", NULL};
	size_t size = 0;
	const char *octets = g_bytes_get_data(mail->bytes, &size);

	if (to->original)
		g_strv_builder_add(all, to->original);
	header_scan(octets, size, trace_names, autoreply_trace_each,
		    &(struct autoreply_trace){all});
}

/* All addresses that are the user's, with those this mail was sent to, here
 * and before an alias, and those that the rule says are. */
static int autoreply_own(const struct mail *mail, struct store *store,
			 const struct mail_recipient *to, const GPtrArray *more,
			 char ***ret_own, struct fault *fault)
{
	g_autoptr(GStrvBuilder) all = g_strv_builder_new();
	g_auto(GStrv) own = NULL;

	if (store_user_addresses(store, to->who->user, &own, fault))
		return -1;
	for (char **address = own; *address; address++)
		g_strv_builder_add(all, *address);
	g_strv_builder_add(all, to->path);
	if (mail->agent->conf->vacation_use_original_recipient)
		autoreply_add_original(mail, to, all);
	for (guint i = 0; more && i < more->len; i++)
		g_strv_builder_add(all, more->pdata[i]);
	*ret_own = g_strv_builder_end(all);
	return 0;
}

int autoreply_ask(struct mail *mail, struct store *store,
		  const struct mail_recipient *to, const GPtrArray *more,
		  const char **ret_why, struct fault *fault)
{
	g_auto(GStrv) own = NULL;

	if (autoreply_own(mail, store, to, more, &own, fault))
		return -1;
	mail_convert(mail, MAIL_HEADERS);
	if (mail->is_fallback) {
		*ret_why = "unread"; /* nobody knows what it is */
		return 0;
	}
	*ret_why = autoreply_objection(
		mail->set, mail->reverse_path, (const char *const *)own,
		mail->agent->policy.recipient_delimiter,
		mail->agent->conf->vacation_check_recipient);
	return 0;
}

/* A rule's subject as it is (RFC 5230 5.3); out of office tells to what it is
 * the answer. */
static char *autoreply_subject(const struct mail *mail,
			       const struct autoreply_wish *wish)
{
	const char *original = propset_text(mail->set, PR_SUBJECT);

	if (!wish->subject || !*wish->subject)
		return sieve_reply_subject_default(mail->agent->conf, original);
	if (wish->vacation || !original || !*original)
		return g_strdup(wish->subject);
	return g_strdup_printf("%s [%s]", wish->subject, original);
}

/* The program that replies, or NULL for the built in reply. */
static const char *autoreply_program(const struct mail *mail)
{
	const char *program = mail->wishes.autoresponder;

	if (!program)
		program = mail->agent->conf->autoresponder;
	return program && *program ? program : NULL;
}

/* Whom To of the reply names: the envelope sender, as the message calls it;
 * where vacation_to_header_ignore_envelope says so, the first one it calls
 * anything.  NULL: the bare envelope sender. */
static const struct header_address *autoreply_addressee(const struct mail *mail)
{
	static const char *const fields[] = {"Sender", "Resent-From", "From"};
	const struct conf *conf = mail->agent->conf;
	bool utf8 = !g_str_is_ascii(mail->reverse_path); /* RFC 6531, anyway */

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		const struct header_field *field =
			propset_find_header(mail->set, fields[i]);

		for (guint k = 0;
		     field && field->addresses && k < field->addresses->len;
		     k++) {
			const struct header_address *address =
				field->addresses->pdata[k];

			if (conf->vacation_to_header_ignore_envelope
				    ? smtp_path_check(address->address, utf8,
						      true)
				    : g_ascii_strcasecmp(address->address,
							 mail->reverse_path) ==
					      0)
				return address;
		}
	}
	return NULL;
}

static GBytes *autoreply_make(const struct mail *mail,
			      const struct mail_recipient *to,
			      const struct autoreply_wish *wish,
			      const char *subject)
{
	g_autofree char *message_id =
		g_strdup_printf("%s.%" G_GINT64_FORMAT ".vacation@%s", mail->id,
				to->who->user, mail->agent->conf->hostname);
	const struct header_address *addressee = autoreply_addressee(mail);
	const char *const recipients[] = {
		addressee ? addressee->address : mail->reverse_path, NULL};
	const struct letter letter = {
		.kind = LETTER_VACATION,
		.from = wish->from,
		.from_name = wish->from_name,
		.to = recipients,
		.to_name = addressee ? addressee->display : NULL,
		.subject = subject,
		.body = wish->body ? wish->body : "",
		.html = wish->html,
		.is_mime = wish->vacation && wish->vacation->is_mime,
		.message_id = message_id,
		.in_reply_to = propset_text(mail->set, PR_INTERNET_MESSAGE_ID),
		.references = propset_text(mail->set, PR_INTERNET_REFERENCES),
		.time = g_get_real_time(),
	};

	return letter_format(&letter);
}

/* Where the copy of the reply goes (RFC 8580 section 3).  One that cannot go
 * there is left out: the reply counts more. */
static int autoreply_file(const struct mail *mail, struct store *store,
			  const struct mail_recipient *to,
			  const struct sieve_vacation *vacation,
			  struct plan_reply *reply, struct fault *fault)
{
	const struct store_place_owner owner = {to->who->user, to->who->store};
	struct store_place place = {0};
	g_autofree char *problem = NULL;
	struct fault reason = {0};
	int result;

	if (!vacation || !vacation->fcc)
		return 0;
	result = store_place_find(store, &owner, vacation->fcc,
				  vacation->fcc_special_use, &place, &reason);
	if (result && fault_is_temporary(&reason)) {
		*fault = reason;
		return -1;
	}
	if (result)
		problem = g_strdup(reason.text);
	else if (store_place_problem(store, &owner, &place,
				     vacation->fcc_create,
				     (int64_t)g_bytes_get_size(reply->bytes),
				     &problem, fault))
		return -1;
	if (problem) {
		log_message(LOG_LEVEL_WARNING,
			    "%s: %s: vacation: no copy into '%s': %s", mail->id,
			    to->who->name, vacation->fcc, problem);
		return 0;
	}
	reply->fcc = plan_copy_new(place.folder, vacation->fcc);
	reply->fcc->store = place.store;
	reply->fcc->below = g_strdup(place.below);
	reply->fcc->separator = place.separator;
	plan_copy_add_flags(reply->fcc, vacation->fcc_flags);
	return 0;
}

/* The properties of the reply, for the queue and its copy. */
static void autoreply_convert(const struct mail *mail, struct plan_reply *reply)
{
	const struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = mail->agent->conf->default_charset,
	};
	struct fault fault = {0};

	if (reply->program && !reply->fcc)
		return;
	if (helper_to_propset(mail->agent->helpers, reply->bytes, -1, &options,
			      &reply->set, &fault))
		log_message(LOG_LEVEL_WARNING, "%s: automatic reply: %s",
			    mail->id, fault.text);
}

/* The reply of this plan, complete but for its claim. */
static int autoreply_add(struct mail *mail, struct store *store,
			 struct mail_recipient *to,
			 const struct autoreply_wish *wish, struct fault *fault)
{
	const struct sieve_vacation *vacation = wish->vacation;
	struct plan_reply *reply = g_new0(struct plan_reply, 1);
	size_t size = 0;
	const void *octets;

	to->plan->reply = reply;
	reply->from = g_strdup(wish->from);
	if (mail->agent->conf->vacation_send_from_recipient)
		reply->reverse_path = g_strdup(mail_recipient_address(to));
	reply->to = g_strdup(mail->reverse_path);
	reply->subject = autoreply_subject(mail, wish);
	reply->bytes = autoreply_make(mail, to, wish, reply->subject);
	reply->program = g_strdup(autoreply_program(mail));
	reply->interval = mail->agent->conf->autoreply_interval;
	if (vacation) {
		reply->handle = g_strdup(vacation->handle);
		if (vacation->interval >= 0)
			reply->interval = vacation->interval;
	}
	octets = g_bytes_get_data(reply->bytes, &size);
	digest_sha256(octets, size, reply->sha256);
	if (autoreply_file(mail, store, to, vacation, reply, fault))
		return -1;
	autoreply_convert(mail, reply);
	return 0;
}

static int autoreply_name(struct store *store, const struct mail_recipient *to,
			  char **ret_name, struct fault *fault)
{
	AUTO(store_user) user = NULL;

	if (store_user_find(store, to->who->name, &user, fault))
		return -1;
	*ret_name = g_strdup(user->fullname ? user->fullname : "");
	return 0;
}

/* The name in "Ann <ann@x>"; owned, "" if there is none. */
static char *autoreply_phrase(const char *from)
{
	const char *open = strrchr(from, '<');
	char *name =
		open ? g_strndup(from, (gsize)(open - from)) : g_strdup("");

	g_strdelimit(name, "\"", ' ');
	return g_strstrip(name);
}

/* A rule may say which of the user's addresses writes, and with what name;
 * never somebody else's. */
int autoreply_sender(const struct mail *mail, struct store *store,
		     const struct mail_recipient *to,
		     const struct autoreply_writer *writer, char **ret_address,
		     char **ret_name, struct fault *fault)
{
	const char *delimiter = mail->agent->policy.recipient_delimiter;
	const char *address = NULL;
	g_auto(GStrv) list = NULL;
	const char *const *own;

	if (store_user_addresses(store, to->who->user, &list, fault))
		return -1;
	own = (const char *const *)list;
	if (writer->from_address) {
		if (autoreply_is_own(writer->from_address, own, delimiter)) {
			*ret_name = autoreply_phrase(writer->from);
			*ret_address = g_strdup(writer->from_address);
			return 0;
		}
		log_message(LOG_LEVEL_WARNING,
			    "%s: %s: %s: :from %s is no address of the user",
			    mail->id, to->who->name, writer->what,
			    writer->from_address);
	}
	if (autoreply_name(store, to, ret_name, fault))
		return -1;
	if (writer->as_addressed)
		address = autoreply_addressed(mail->set, own, delimiter);
	*ret_address = g_strdup(address ? address : to->who->email);
	return 0;
}

static int autoreply_decide(struct mail *mail, struct store *store,
			    struct mail_recipient *to,
			    struct autoreply_wish *wish, struct fault *fault)
{
	const struct sieve_vacation *vacation = wish->vacation;
	const struct autoreply_writer writer = {
		.what = "vacation",
		.as_addressed = vacation != NULL,
		.from = vacation ? vacation->from : NULL,
		.from_address = vacation ? vacation->from_address : NULL,
	};
	g_autofree char *address = NULL;
	g_autofree char *name = NULL;
	const char *why;

	if (autoreply_ask(mail, store, to,
			  vacation ? vacation->addresses : NULL, &why, fault))
		return -1;
	if (why) {
		log_message(LOG_LEVEL_DETAIL, "%s: %s: no automatic reply: %s",
			    mail->id, to->who->name, why);
		return 0;
	}
	if (autoreply_sender(mail, store, to, &writer, &address, &name, fault))
		return -1;
	wish->from = address;
	wish->from_name = name;
	return autoreply_add(mail, store, to, wish, fault);
}

/* In the domain of the user, or a user of this store. */
static int autoreply_is_colleague(struct store *store,
				  const struct mail_recipient *to,
				  const char *sender, bool *ret_is,
				  struct fault *fault)
{
	const char *mine = strrchr(to->who->email, '@');
	const char *theirs = strrchr(sender, '@');
	AUTO(store_recipient) who = NULL;
	struct fault reason = {0};

	*ret_is = mine && theirs && g_ascii_strcasecmp(mine, theirs) == 0;
	if (*ret_is)
		return 0;
	if (store_resolve(store, sender, STORE_RESOLVE_ADDRESS_ONLY, &who,
			  &reason) == 0) {
		*ret_is = true;
		return 0;
	}
	if (reason.kind == FAULT_NO_RECIPIENT)
		return 0;
	*fault = reason;
	return -1;
}

/* Is the sender, who is not of the site, one that is to be told? */
static int autoreply_tells(const struct mail *mail, struct store *store,
			   const struct mail_recipient *to,
			   const struct store_oof *oof, bool *ret_tells,
			   struct fault *fault)
{
	switch (oof->external) {
	case OOF_EXTERNAL_ALL:
		*ret_tells = true;
		return 0;
	case OOF_EXTERNAL_CONTACTS:
		return store_contact_find(store, to->who->store,
					  mail->reverse_path, ret_tells, fault);
	case OOF_EXTERNAL_NONE:
		*ret_tells = false;
		return 0;
	}
	*ret_tells = false;
	return 0;
}

/* What out of office says to this sender; body stays NULL where nothing is
 * said. */
static int autoreply_take_oof(const struct mail *mail, struct store *store,
			      const struct mail_recipient *to,
			      const struct store_oof *oof,
			      struct autoreply_wish *wish, struct fault *fault)
{
	bool is_colleague = false;
	bool tells = true;

	if (autoreply_is_colleague(store, to, mail->reverse_path, &is_colleague,
				   fault) ||
	    (!is_colleague &&
	     autoreply_tells(mail, store, to, oof, &tells, fault)))
		return -1;
	if (!tells) {
		log_message(LOG_LEVEL_DETAIL,
			    "%s: %s: no automatic reply: external", mail->id,
			    to->who->name);
		return 0;
	}
	wish->subject = oof->subject;
	wish->body = oof->message;
	wish->html = oof->html;
	if (!is_colleague && *oof->external_message) {
		wish->body = oof->external_message;
		wish->html = oof->external_html;
	}
	return 0;
}

static void autoreply_take_vacation(const struct sieve_vacation *vacation,
				    struct autoreply_wish *wish)
{
	wish->subject = vacation->subject;
	wish->body = vacation->reason;
	wish->vacation = vacation;
}

int autoreply_prepare(struct mail *mail, struct store *store,
		      struct mail_recipient *to, struct fault *fault)
{
	const struct sieve_vacation *vacation = to->plan->vacation;
	AUTO(store_oof) oof = NULL;
	struct autoreply_wish wish = {0};

	if (to->plan->is_junk || to->plan->is_discarded ||
	    mail->wishes.in_public || !*mail->reverse_path)
		return 0;
	if (to->who->has_oof &&
	    store_oof_get(store, to->who->store, &oof, fault))
		return -1;
	if (oof && store_oof_is_away(oof, g_get_real_time())) {
		if (autoreply_take_oof(mail, store, to, oof, &wish, fault))
			return -1;
	} else if (vacation) {
		autoreply_take_vacation(vacation, &wish);
	}
	return wish.body ? autoreply_decide(mail, store, to, &wish, fault) : 0;
}

void autoreply_run(const struct mail *mail, const struct mail_recipient *to)
{
	const struct plan_reply *reply = to->plan ? to->plan->reply : NULL;
	struct responder_job *job;

	if (to->verdict.kind != FAULT_NONE || !reply || !reply->program ||
	    !reply->is_claimed)
		return;
	job = g_new0(struct responder_job, 1);
	job->program = g_strdup(reply->program);
	job->from = g_strdup(reply->from);
	job->to = g_strdup(reply->to);
	job->subject = g_strdup(reply->subject);
	job->user = g_strdup(to->who->name);
	job->reply = g_bytes_ref(reply->bytes);
	job->timeout_ms = AUTOREPLY_PROGRAM_MS;
	(void)g_thread_pool_push(mail->agent->responders, job, NULL);
}
