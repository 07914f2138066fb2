/*
 * Automatic replies: whether, and to whom.
 */
#include "autoreply.h"

#include "digest.h"
#include "log.h"
#include "responder.h"
#include "rules/sieve.h"
#include "store/place.h"
#include "store/settings.h"

#include <string.h>

#define AUTOREPLY_PROGRAM_MS INT64_C(30000)

/* ---- objections ---- */

static bool autoreply_same(const char *a, const char *b)
{
	g_autofree char *fold_a = g_utf8_casefold(a, -1);
	g_autofree char *fold_b = g_utf8_casefold(b, -1);

	return strcmp(fold_a, fold_b) == 0;
}

/* "john+lists@x" as "john@x"; owned, NULL if there is no detail. */
static char *autoreply_strip_detail(const char *address, const char *delimiter)
{
	const char *at = strrchr(address, '@');
	const char *cut = *delimiter ? strstr(address, delimiter) : NULL;

	if (!at || !cut || cut == address || cut > at)
		return NULL;
	return g_strdup_printf("%.*s%s", (int)(cut - address), address, at);
}

static bool autoreply_is_own(const char *address, const char *const *own,
			     const char *delimiter)
{
	g_autofree char *plain = autoreply_strip_detail(address, delimiter);

	for (size_t i = 0; own[i]; i++)
		if (autoreply_same(own[i], address) ||
		    (plain && autoreply_same(own[i], plain)))
			return true;
	return false;
}

static bool autoreply_is_addressed(const struct propset *set,
				   const char *const *own,
				   const char *delimiter)
{
	static const char *const fields[] = {
		"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"};

	for (size_t i = 0; i < propset_header_count(set); i++) {
		const struct header_field *field = propset_header(set, i);
		bool counts = false;

		for (size_t k = 0; k < G_N_ELEMENTS(fields); k++)
			counts = counts || g_ascii_strcasecmp(field->name,
							      fields[k]) == 0;
		for (guint k = 0;
		     counts && field->addresses && k < field->addresses->len;
		     k++) {
			const struct header_address *address =
				field->addresses->pdata[k];

			if (autoreply_is_own(address->address, own, delimiter))
				return true;
		}
	}
	return false;
}

/* Addresses that no person reads. */
static bool autoreply_is_robot(const char *address)
{
	static const char *const robots[] = {"noreply", "no-reply", "no_reply",
					     "donotreply", "do-not-reply"};
	const char *at = strrchr(address, '@');
	g_autofree char *local = g_ascii_strdown(
		address, at ? (gssize)(at - address) : (gssize)-1);

	for (size_t i = 0; i < G_N_ELEMENTS(robots); i++)
		if (g_str_has_prefix(local, robots[i]))
			return true;
	return strcmp(local, "mailer-daemon") == 0 ||
	       g_str_has_prefix(local, "owner-") ||
	       g_str_has_suffix(local, "-request");
}

/* Is one of the words, divided by commas, blanks or ';', in the value? */
static bool autoreply_has_word(const char *value, const char *const *words)
{
	g_auto(GStrv) parts = g_strsplit_set(value, ",; \t", -1);

	for (size_t i = 0; parts[i]; i++)
		for (size_t k = 0; words[k]; k++)
			if (g_ascii_strcasecmp(parts[i], words[k]) == 0)
				return true;
	return false;
}

/* Auto-Submitted (RFC 3834 5): anything but "no". */
static bool autoreply_is_automatic(const char *value)
{
	g_autofree char *word = g_strndup(value, strcspn(value, ";( \t"));

	return g_ascii_strcasecmp(word, "no") != 0;
}

static const char *autoreply_field_objection(const struct header_field *field)
{
	static const char *const bulk[] = {"bulk", "list", "junk", NULL};
	static const char *const suppress[] = {"oof", "autoreply", "all", NULL};
	static const char *const marks[] = {
		"X-Okapi-Vacation", "X-Zarafa-Vacation", "X-Kopano-Vacation"};
	const char *name = field->name;

	if (g_ascii_strncasecmp(name, "List-", 5) == 0)
		return "list";
	if (g_ascii_strcasecmp(name, "Auto-Submitted") == 0 &&
	    autoreply_is_automatic(field->text))
		return "auto-submitted";
	if (g_ascii_strcasecmp(name, "Precedence") == 0 &&
	    autoreply_has_word(field->text, bulk))
		return "precedence";
	if (g_ascii_strcasecmp(name, "X-Auto-Response-Suppress") == 0 &&
	    autoreply_has_word(field->text, suppress))
		return "suppressed";
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		if (g_ascii_strcasecmp(name, marks[i]) == 0)
			return "vacation";
	return NULL;
}

static const char *autoreply_from_objection(const struct propset *set)
{
	const struct header_field *from = propset_find_header(set, "From");

	for (guint i = 0; from && from->addresses && i < from->addresses->len;
	     i++) {
		const struct header_address *address =
			from->addresses->pdata[i];

		if (autoreply_is_robot(address->address))
			return "robot";
	}
	return NULL;
}

const char *autoreply_objection(const struct propset *set,
				const char *reverse_path,
				const char *const *own, const char *delimiter)
{
	if (!*reverse_path)
		return "null-sender";
	if (autoreply_is_robot(reverse_path))
		return "robot";
	if (autoreply_is_own(reverse_path, own, delimiter))
		return "self";
	for (size_t i = 0; i < propset_header_count(set); i++) {
		const char *why =
			autoreply_field_objection(propset_header(set, i));

		if (why)
			return why;
	}
	if (!autoreply_is_addressed(set, own, delimiter))
		return "not-addressed";
	return autoreply_from_objection(set);
}

/* ---- the step ---- */

/* What is to be replied: the user's out of office, or what a rule wants. */
struct autoreply_wish {
	const char *subject; /* NULL, "": made of the message's */
	const char *body;
	const char *from; /* address */
	const char *from_name;
	const struct sieve_vacation *vacation; /* NULL: out of office */
};

/* All addresses that are the user's, with the one this mail was sent to and
 * those that the rule says are. */
static int autoreply_own(struct store *store, const struct mail_recipient *to,
			 const struct sieve_vacation *vacation, char ***ret_own,
			 struct fault *fault)
{
	g_autoptr(GStrvBuilder) all = g_strv_builder_new();
	g_auto(GStrv) own = NULL;

	if (store_user_addresses(store, to->who->user, &own, fault))
		return -1;
	for (char **address = own; *address; address++)
		g_strv_builder_add(all, *address);
	g_strv_builder_add(all, to->path);
	for (guint i = 0; vacation && i < vacation->addresses->len; i++)
		g_strv_builder_add(all, vacation->addresses->pdata[i]);
	*ret_own = g_strv_builder_end(all);
	return 0;
}

static char *autoreply_subject(const struct mail *mail,
			       const struct autoreply_wish *wish)
{
	const char *original = propset_text(mail->set, PR_SUBJECT);

	if (wish->subject && *wish->subject)
		return g_strdup(wish->subject);
	return g_strdup_printf("Auto: %s", original ? original : "");
}

/* The program that replies, or NULL for the built in reply. */
static const char *autoreply_program(const struct mail *mail)
{
	const char *program = mail->wishes.autoresponder;

	if (!program)
		program = mail->agent->conf->autoresponder;
	return program && *program ? program : NULL;
}

static GBytes *autoreply_make(const struct mail *mail,
			      const struct mail_recipient *to,
			      const struct autoreply_wish *wish,
			      const char *subject)
{
	g_autofree char *message_id =
		g_strdup_printf("%s.%" G_GINT64_FORMAT ".vacation@%s", mail->id,
				to->who->user, mail->agent->conf->hostname);
	const struct autoreply_text text = {
		.from = wish->from,
		.from_name = wish->from_name,
		.to = mail->reverse_path,
		.subject = subject,
		.body = wish->body ? wish->body : "",
		.is_mime = wish->vacation && wish->vacation->is_mime,
		.message_id = message_id,
		.in_reply_to = propset_text(mail->set, PR_INTERNET_MESSAGE_ID),
		.references = propset_text(mail->set, PR_INTERNET_REFERENCES),
		.time = g_get_real_time(),
	};
	char *reply = autoreply_compose(&text);

	return g_bytes_new_take(reply, strlen(reply));
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
	if (result || !place.may || (!place.folder && !vacation->fcc_create)) {
		log_message(LOG_LEVEL_WARNING,
			    "%s: %s: vacation: no copy into '%s': %s", mail->id,
			    to->who->name, vacation->fcc,
			    result      ? reason.text
			    : place.may ? "there is no such folder"
					: "no right to put mail there");
		return 0;
	}
	reply->fcc = plan_copy_new(place.folder, vacation->fcc);
	reply->fcc->store = place.store;
	reply->fcc->below = g_strdup(place.below);
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

/* A rule may say which of the user's addresses replies, and with what name;
 * never somebody else's. */
static void autoreply_choose_from(const struct mail *mail,
				  const struct mail_recipient *to,
				  char *const *user_own,
				  struct autoreply_wish *wish, char **name)
{
	const struct sieve_vacation *vacation = wish->vacation;

	wish->from = to->who->email;
	if (vacation && vacation->from_address) {
		if (autoreply_is_own(vacation->from_address,
				     (const char *const *)user_own,
				     mail->agent->policy.recipient_delimiter)) {
			g_free(*name);
			*name = autoreply_phrase(vacation->from);
			wish->from = vacation->from_address;
		} else {
			log_message(LOG_LEVEL_WARNING,
				    "%s: %s: vacation: :from %s is no address "
				    "of the user",
				    mail->id, to->who->name,
				    vacation->from_address);
		}
	}
	wish->from_name = *name;
}

static int autoreply_decide(struct mail *mail, struct store *store,
			    struct mail_recipient *to,
			    struct autoreply_wish *wish, struct fault *fault)
{
	g_auto(GStrv) own = NULL;
	g_auto(GStrv) user_own = NULL;
	g_autofree char *name = NULL;
	const char *why;

	if (autoreply_own(store, to, wish->vacation, &own, fault))
		return -1;
	mail_convert(mail, MAIL_HEADERS);
	why = autoreply_objection(mail->set, mail->reverse_path,
				  (const char *const *)own,
				  mail->agent->policy.recipient_delimiter);
	if (why) {
		log_message(LOG_LEVEL_DETAIL, "%s: %s: no automatic reply: %s",
			    mail->id, to->who->name, why);
		return 0;
	}
	if (autoreply_name(store, to, &name, fault) ||
	    store_user_addresses(store, to->who->user, &user_own, fault))
		return -1;
	autoreply_choose_from(mail, to, user_own, wish, &name);
	return autoreply_add(mail, store, to, wish, fault);
}

int autoreply_prepare(struct mail *mail, struct store *store,
		      struct mail_recipient *to, struct fault *fault)
{
	const struct sieve_vacation *vacation = to->plan->vacation;
	AUTO(store_oof) oof = NULL;
	struct autoreply_wish wish = {0};

	if (to->plan->is_junk || to->plan->is_discarded ||
	    mail->wishes.in_public)
		return 0;
	if (to->who->has_oof &&
	    store_oof_get(store, to->who->store, &oof, fault))
		return -1;
	if (oof && store_oof_is_away(oof, g_get_real_time())) {
		wish.subject = oof->subject;
		wish.body = oof->message;
	} else if (vacation) {
		wish.subject = vacation->subject;
		wish.body = vacation->reason;
		wish.vacation = vacation;
	} else {
		return 0;
	}
	return autoreply_decide(mail, store, to, &wish, fault);
}

void autoreply_run(const struct mail *mail, const struct mail_recipient *to)
{
	const struct plan_reply *reply = to->plan ? to->plan->reply : NULL;
	struct responder_job *job;

	if (!reply || !reply->program || !reply->is_claimed)
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
