/*
 * okapi-admin mail submit: a stored message, or one composed from a property
 * set, into the outgoing queue.
 *
 * Recipients are those the message names in To, Cc and Bcc; Bcc itself does
 * not leave.  One that left the queue unsent goes to those it was submitted
 * for.  A message of the Outbox or of Drafts is moved, as MAPI's
 * SubmitMessage does; any other is sent again.
 */
#include "conf.h"
#include "convert.h"
#include "convert/helper.h"
#include "digest.h"
#include "eml.h"
#include "header.h"
#include "json_out.h"
#include "mail.h"
#include "smtp/smtp_server.h"
#include "store/folders.h"
#include "store/queue.h"
#include "store/senders.h"

#include <stdio.h>
#include <string.h>

#define SUBMIT_PROPS_MAX (512 * 1024 * 1024)

struct mail_submit {
	const struct store_user *user;
	char *reverse_path;
	GPtrArray *addresses; /* owned strings */
	GBytes *bytes;        /* as it leaves */
	struct propset *set;  /* of them */
	int64_t not_before;
	int64_t represented; /* store of whom it is sent as, or 0 */
	int64_t source;      /* message that goes away with it, or 0 */
	int64_t queue_id;
};

static enum queue_priority submit_priority(const struct mail_submit *submit)
{
	int64_t priority = propset_number(submit->set, PR_PRIORITY, 0);

	return priority > 0   ? QUEUE_PRIORITY_HIGH
	       : priority < 0 ? QUEUE_PRIORITY_LOW
			      : QUEUE_PRIORITY_NORMAL;
}

static int submit_unit(struct store *store, void *context, struct fault *fault)
{
	struct mail_submit *submit = context;
	guint count = submit->addresses->len;
	g_autofree struct submission_recipient *recipients =
		g_new0(struct submission_recipient, count);
	struct content content = {.rfc822 = submit->bytes, .set = submit->set};
	struct submission submission = {.store = submit->user->store,
					.represented = submit->represented,
					.reverse_path = submit->reverse_path,
					.recipients = recipients,
					.recipient_count = count,
					.content = &content,
					.not_before = submit->not_before,
					.priority = submit_priority(submit)};
	gsize size = 0;
	const void *data = g_bytes_get_data(submit->bytes, &size);

	digest_sha256(data, size, content.sha256);
	for (guint i = 0; i < count; i++)
		recipients[i].address = submit->addresses->pdata[i];
	if (store_submit(store, &submission, &submit->queue_id, fault) < 0)
		return -1;
	if (submit->source == 0)
		return 0;
	return store_message_delete(store, submit->source, true, fault);
}

/* Whom a message was for that left the queue unsent, Bcc included; none: it was
 * never there. */
static int submit_unsent(struct admin *admin, int64_t message,
			 GPtrArray *addresses, struct fault *fault)
{
	AUTO(propset) set = propset_new();
	const struct prop *unsent;

	if (store_message_properties(admin->store, message, set, fault) < 0)
		return -1;
	unsent = propset_find(set, PR_OKAPI_UNSENT_TO);
	for (char **p = unsent ? unsent->value.texts : NULL; p && *p; p++)
		g_ptr_array_add(addresses, g_strdup(*p));
	return 0;
}

static int submit_recipients(struct admin *admin, const struct propset *set,
			     GPtrArray *addresses, struct fault *fault)
{
	g_autoptr(GHashTable) seen =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *r = propset_recipient(set, i);
		const char *smtp = propset_text(r, PR_SMTP_ADDRESS);
		const char *text = smtp && *smtp
					   ? smtp
					   : propset_text(r, PR_EMAIL_ADDRESS);
		g_autofree char *address = NULL;

		if (!text || !*text)
			continue;
		address = strchr(text, '@')
				  ? g_strdup(text)
				  : g_strconcat(text, "@", admin->conf->origin,
						NULL);
		if (!smtp_path_check(address, true, true))
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "recipient <%s>: not an address",
					 address);
		if (g_hash_table_add(seen, g_ascii_strdown(address, -1)))
			g_ptr_array_add(addresses, g_steal_pointer(&address));
	}
	if (addresses->len == 0)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "the message names no recipient");
	return 0;
}

static int submit_stored(struct admin *admin, struct mail_submit *submit,
			 struct fault *fault)
{
	static const char *const hidden[] = {"Bcc", "Resent-Bcc", NULL};
	AUTO(store_message) message = NULL;
	AUTO(store_folder) folder = NULL;
	AUTO(propset) whole = NULL;
	g_autoptr(GBytes) bytes = NULL;

	if (mail_find(admin, submit->user, admin_arg(admin, 1), &message,
		      fault) < 0)
		return -1;
	if (message->flags & MESSAGE_SUBMITTED &&
	    !(message->flags & MESSAGE_FAILED))
		return fault_set(fault, FAULT_EXISTS,
				 "message %" G_GINT64_FORMAT
				 " is in the queue already",
				 message->id);
	if (store_folder_get(admin->store, message->folder, &folder, fault) <
		    0 ||
	    store_message_bytes(admin->store, message->id, true, &bytes,
				fault) < 0 ||
	    (message->flags & MESSAGE_UNSENT &&
	     submit_unsent(admin, message->id, submit->addresses, fault) < 0))
		return -1;
	if (submit->addresses->len == 0 &&
	    (convert_message(admin, bytes, 0, &whole, fault) < 0 ||
	     submit_recipients(admin, whole, submit->addresses, fault) < 0))
		return -1;
	if (folder->role == FOLDER_OUTBOX || folder->role == FOLDER_DRAFTS)
		submit->source = message->id;
	submit->bytes = eml_without_headers(bytes, hidden);
	return 0;
}

static bool submit_is_said(const struct propset *set, uint32_t tag)
{
	const char *text = propset_text(set, tag);

	return text && text[strspn(text, " \t\r\n")];
}

/* What every message must say, where the set does not. */
static void submit_complete(const struct store_user *user, struct propset *set)
{
	const char *name = *user->fullname ? user->fullname : user->email;

	if (!submit_is_said(set, PR_SENT_REPRESENTING_SMTP_ADDRESS) &&
	    !submit_is_said(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS)) {
		propset_set_text(set, PR_SENT_REPRESENTING_NAME, name);
		propset_set_text(set, PR_SENT_REPRESENTING_ADDRTYPE, "SMTP");
		propset_set_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS,
				 user->email);
		propset_set_text(set, PR_SENT_REPRESENTING_SMTP_ADDRESS,
				 user->email);
	}
	if (!propset_has(set, PR_CLIENT_SUBMIT_TIME))
		propset_set_number(set, PR_CLIENT_SUBMIT_TIME,
				   g_get_real_time());
}

/* As it is, with a line end; where composing wrote no Message-ID (there was
 * none, or none that a line can hold), with one.  Owned. */
static GBytes *submit_with_id(const struct admin *admin, GBytes *composed)
{
	gsize size = 0;
	const char *data = g_bytes_get_data(composed, &size);
	g_autofree char *uuid = g_uuid_string_random();
	GString *whole = NULL;
	g_autoptr(GBytes) with_id = NULL;

	if (header_count(data, size, "Message-ID") > 0)
		return eml_to_crlf(data, size);
	whole = g_string_sized_new(size + 256);
	g_string_append_printf(whole, "Message-ID: <%s@%s>\r\n", uuid,
			       admin->conf->hostname);
	g_string_append_len(whole, data, (gssize)size);
	with_id = g_string_free_to_bytes(whole);
	data = g_bytes_get_data(with_id, &size);
	return eml_to_crlf(data, size);
}

static int submit_read_props(const char *path, struct propset **ret_set,
			     struct fault *fault)
{
	g_autoptr(GBytes) file = NULL;

	if (admin_read_file(path, SUBMIT_PROPS_MAX, &file, fault) < 0)
		return -1;
	return propset_from_json_file(file, path, ret_set, fault);
}

static int submit_composed(struct admin *admin, struct mail_submit *submit,
			   const char *path, struct fault *fault)
{
	AUTO(propset) set = NULL;
	g_autoptr(GBytes) composed = NULL;

	if (submit_read_props(path, &set, fault) < 0 ||
	    submit_recipients(admin, set, submit->addresses, fault) < 0 ||
	    admin_pool(admin, fault) < 0)
		return -1;
	submit->not_before = propset_number(set, PR_DEFERRED_SEND_TIME, 0);
	submit_complete(submit->user, set);
	if (helper_to_rfc822(admin->pool, set, &composed, fault) < 0)
		return -1;
	/* A body may end without a line end, a message may not. */
	submit->bytes = submit_with_id(admin, composed);
	return 0;
}

/* Another Sender, or none. */
static int submit_set_sender(struct admin *admin, struct mail_submit *submit,
			     const char *sender, struct fault *fault)
{
	static const char *const names[] = {"Sender", NULL};
	g_autoptr(GBytes) without = eml_without_headers(submit->bytes, names);
	g_autofree char *line =
		sender ? g_strdup_printf("Sender: %s\r\n", sender)
		       : g_strdup("");
	GByteArray *out = g_byte_array_new();
	gsize size = 0;
	const guint8 *data = g_bytes_get_data(without, &size);

	g_byte_array_append(out, (const guint8 *)line, (guint)strlen(line));
	g_byte_array_append(out, data, (guint)size);
	g_bytes_unref(submit->bytes);
	submit->bytes = g_byte_array_free_to_bytes(out);
	g_clear_pointer(&submit->set, propset_free);
	return convert_message(admin, submit->bytes, CONVERT_ALL, &submit->set,
			       fault);
}

/* In whose name an item of the user's goes: as the spooler has it. */
static int submit_name(struct admin *admin, struct mail_submit *submit,
		       struct fault *fault)
{
	const char *address =
		propset_text(submit->set, PR_SENT_REPRESENTING_EMAIL_ADDRESS);
	AUTO(store_sender) who = NULL;

	if (store_sender_look(admin->store, submit->user->id,
			      address ? address : "", &who, fault) < 0)
		return -1;
	if (admin->conf->copy_delegate_mails &&
	    (who->standing == SENDER_AS || who->standing == SENDER_ON_BEHALF))
		submit->represented = who->store;
	switch (who->standing) {
	case SENDER_OWN:
	case SENDER_NOBODYS:
		break;
	case SENDER_AS:
		g_free(submit->reverse_path);
		submit->reverse_path = g_strdup(who->email);
		return submit_set_sender(admin, submit, NULL, fault);
	case SENDER_ON_BEHALF:
		return submit_set_sender(admin, submit, submit->user->email,
					 fault);
	case SENDER_DENIED:
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s may not send as <%s>: 'okapi-admin user "
				 "set %s --send-as %s' would allow it",
				 submit->user->name, address, who->name,
				 submit->user->name);
	}
	return 0;
}

static int submit_run(struct admin *admin, struct mail_submit *submit,
		      struct fault *fault)
{
	const char *props = admin_option(admin, "props");
	int rc = props ? submit_composed(admin, submit, props, fault)
		       : submit_stored(admin, submit, fault);

	if (rc < 0 || convert_message(admin, submit->bytes, CONVERT_ALL,
				      &submit->set, fault) < 0)
		return -1;
	/* What lies elsewhere was sent before, and is sent again as it is. */
	if ((props || submit->source) && submit_name(admin, submit, fault) < 0)
		return -1;
	submit->not_before =
		MAX(submit->not_before,
		    propset_number(submit->set, PR_DEFERRED_SEND_TIME, 0));
	/* What the operator asked for waits as mail of programs does. */
	if (admin->conf->submit_hold)
		submit->not_before =
			MAX(submit->not_before,
			    g_get_real_time() +
				    admin->conf->submit_hold * USEC_PER_SEC);
	return store_run(admin->store, submit_unit, submit, fault);
}

int mail_submit(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct mail_submit submit = {0};
	int rc;

	if (!admin_arg(admin, 1) == !admin_has(admin, "props"))
		return fault_set(fault, FAULT_USAGE,
				 "mail submit takes an ID or --props FILE");
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	submit.user = user;
	submit.reverse_path = g_strdup(user->email);
	submit.addresses = g_ptr_array_new_with_free_func(g_free);
	rc = submit_run(admin, &submit, fault);
	if (rc == 0)
		admin_tell(admin, "id", submit.queue_id, "%" G_GINT64_FORMAT,
			   submit.queue_id);
	g_free(submit.reverse_path);
	g_ptr_array_unref(submit.addresses);
	g_clear_pointer(&submit.bytes, g_bytes_unref);
	g_clear_pointer(&submit.set, propset_free);
	return rc;
}
