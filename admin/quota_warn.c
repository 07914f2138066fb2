/*
 * Warnings about a quota; see quota_warn.h.
 */
#include "quota_warn.h"

#include "admin.h"
#include "conf.h"
#include "convert.h"
#include "convert/helper.h"
#include "digest.h"
#include "print.h"
#include "propset.h"
#include "store/folders.h"
#include "store/messages.h"
#include "store/queue.h"
#include "user.h"

#include <string.h>

/* What each level means, in the words of the mail. */
static const struct {
	const char *subject;
	const char *effect;
} warnings[] = {
	[QUOTA_WARN] = {"Your mailbox is nearly full",
			"You can still send and receive mail."},
	[QUOTA_SOFT] = {"Your mailbox is full: you cannot send",
			"You can receive mail, but not send any until there "
			"is room."},
	[QUOTA_HARD] = {"Your mailbox is full: you cannot send or receive",
			"No mail is taken for you, and you cannot send any, "
			"until there is room."},
};

/* One mail: whose Inbox, and what. */
struct warn_mail {
	int64_t store; /* 0: by way of the queue */
	char *address;
	struct propset *set;
	struct content content;
};

struct quota_warning {
	struct admin *admin;
	const struct store_user *user;
	enum quota_level level;
	GPtrArray *mails; /* of struct warn_mail */
	bool sent;
};

static void warn_mail_free(gpointer data)
{
	struct warn_mail *mail = data;

	g_free(mail->address);
	propset_free(mail->set);
	g_clear_pointer(&mail->content.rfc822, g_bytes_unref);
	g_free(mail);
}

static void warn_limits(GString *body, const struct conf *conf,
			const struct store_user *user)
{
	const struct {
		const char *what;
		int64_t limit;
	} limits[] = {
		{"warning at",
		 user_quota_of(user->quota_warn, conf->quota_warn)},
		{"sending ends at",
		 user_quota_of(user->quota_soft, conf->quota_soft)},
		{"receiving ends at",
		 user_quota_of(user->quota_hard, conf->quota_hard)},
	};
	g_autofree char *used = print_size(user->size);

	g_string_append_printf(
		body, "  used: %s in %" G_GINT64_FORMAT " messages\r\n", used,
		user->messages);
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		g_autofree char *size = print_size(limits[i].limit);

		if (limits[i].limit > 0)
			g_string_append_printf(body, "  %s: %s\r\n",
					       limits[i].what, size);
	}
}

/* The message; to an administrator it speaks of somebody else. */
static GBytes *warn_compose(const struct quota_warning *warning, const char *to,
			    bool to_user)
{
	const struct conf *conf = warning->admin->conf;
	const struct store_user *user = warning->user;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date =
		g_date_time_format(now, "%a, %d %b %Y %H:%M:%S +0000");
	g_autofree char *uuid = g_uuid_string_random();
	GString *text = g_string_new(NULL);

	g_string_append_printf(
		text,
		"From: Okapi <%s>\r\nTo: <%s>\r\nSubject: %s%s\r\n"
		"Date: %s\r\nMessage-ID: <%s@%s>\r\n"
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n",
		conf->postmaster, to, to_user ? "" : "[quota] ",
		warnings[warning->level].subject, date, uuid, conf->hostname);
	if (to_user)
		g_string_append(text, "Your mailbox:\r\n\r\n");
	else
		g_string_append_printf(text,
				       "The mailbox of %s <%s>, who is told "
				       "this:\r\n\r\n",
				       user->name, user->email);
	warn_limits(text, conf, user);
	g_string_append_printf(text, "\r\n%s\r\n",
			       warnings[warning->level].effect);
	g_string_append(text, "Delete what you do not need, and empty "
			      "\"Deleted Items\".\r\n");
	return g_string_free_to_bytes(text);
}

static int warn_add(struct quota_warning *warning, int64_t store_id,
		    const char *address, bool to_user, struct fault *fault)
{
	struct warn_mail *mail = g_new0(struct warn_mail, 1);
	gsize size = 0;
	const void *data;

	g_ptr_array_add(warning->mails, mail);
	mail->store = store_id;
	mail->address = g_strdup(address);
	mail->content.rfc822 = warn_compose(warning, address, to_user);
	data = g_bytes_get_data(mail->content.rfc822, &size);
	digest_sha256(data, size, mail->content.sha256);
	if (convert_message(warning->admin, mail->content.rfc822, CONVERT_ALL,
			    &mail->set, fault) < 0)
		return -1;
	mail->content.set = mail->set;
	return 0;
}

/* Everybody who administers; where nobody does, the postmaster, who may live
 * elsewhere. */
static int warn_administrators(struct quota_warning *warning, GPtrArray *users,
			       struct fault *fault)
{
	const char *postmaster = warning->admin->conf->postmaster;
	AUTO(store_recipient) local = NULL;
	struct fault nobody = {0};
	bool any = false;

	for (guint i = 0; i < users->len; i++) {
		const struct store_user *user = users->pdata[i];

		if (!user->admin || !user->active)
			continue;
		any = true;
		if (user->id != warning->user->id &&
		    warn_add(warning, user->store, user->email, false, fault) <
			    0)
			return -1;
	}
	if (any)
		return 0;
	if (store_resolve(warning->admin->store, postmaster, 0, &local,
			  &nobody) < 0 &&
	    nobody.kind != FAULT_NO_RECIPIENT) {
		*fault = nobody;
		return -1;
	}
	if (local && local->user == warning->user->id)
		return 0;
	return warn_add(warning, local ? local->store : 0, postmaster, false,
			fault);
}

static int warn_deliver(struct store *store, const struct warn_mail *mail,
			struct fault *fault)
{
	struct delivery_copy copy = {.trace = "",
				     .received = g_get_real_time()};
	/* Whatever the quota: it says that there is one. */
	struct delivery delivery = {.store = mail->store,
				    .recipient = mail->address,
				    .reverse_path = "",
				    .content = &mail->content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result = {0};

	if (store_folder_by_role(store, mail->store, FOLDER_INBOX, &copy.folder,
				 fault) < 0)
		return -1;
	return store_deliver(store, &delivery, &result, fault);
}

static int warn_queue(struct store *store, const struct warn_mail *mail,
		      struct fault *fault)
{
	struct submission_recipient recipient = {.address = mail->address};
	struct submission submission = {.reverse_path = "",
					.recipients = &recipient,
					.recipient_count = 1,
					.content = &mail->content,
					.is_report = true};

	return store_submit(store, &submission, NULL, fault);
}

static int warn_unit(struct store *store, void *context, struct fault *fault)
{
	struct quota_warning *warning = context;
	int64_t store_id = warning->user->store;
	enum quota_level told = QUOTA_BELOW;

	/* Somebody else may have told meanwhile. */
	if (store_quota_told(store, store_id, &told, fault) < 0)
		return -1;
	warning->sent = warning->level > told;
	for (guint i = 0; warning->sent && i < warning->mails->len; i++) {
		const struct warn_mail *mail = warning->mails->pdata[i];

		if ((mail->store ? warn_deliver(store, mail, fault)
				 : warn_queue(store, mail, fault)) < 0)
			return -1;
	}
	return store_quota_tell(store, store_id, warning->level, fault);
}

static int warn_run(struct quota_warning *warning, GPtrArray *users,
		    enum quota_level told, struct fault *fault)
{
	const struct store_user *user = warning->user;

	if (warning->level > told &&
	    (warn_add(warning, user->store, user->email, true, fault) < 0 ||
	     warn_administrators(warning, users, fault) < 0))
		return -1;
	return store_run(warning->admin->store, warn_unit, warning, fault);
}

int quota_warn(struct admin *admin, const struct store_user *user,
	       GPtrArray *users, bool *ret_warned, struct fault *fault)
{
	struct quota_warning warning = {
		.admin = admin,
		.user = user,
		.level = store_quota_level(admin->store, user),
	};
	enum quota_level told = QUOTA_BELOW;
	int rc = 0;

	if (store_quota_told(admin->store, user->store, &told, fault) < 0)
		return -1;
	if (warning.level != told) {
		warning.mails = g_ptr_array_new_with_free_func(warn_mail_free);
		rc = warn_run(&warning, users, told, fault);
		g_ptr_array_unref(warning.mails);
	}
	*ret_warned = warning.sent;
	return rc;
}
