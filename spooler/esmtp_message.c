/*
 * Messages in a session of libesmtp, and what became of their recipients; see
 * relay_esmtp.h.
 */
#include "relay_esmtp.h"

#include "smtp/smtp_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* libesmtp encodes xtext into 256 octets without looking. */
#define RELAY_XTEXT_MAX 240

/* ---- outcomes ---- */

struct relay_judge {
	struct relay_session *session;
	const smtp_status_t *mail;
	const smtp_status_t *message;
};

/* A status is complete only with its text: libesmtp leaves the code of a first
 * line behind when the rest of the reply never came.  A refusal also needs the
 * end of its line: libesmtp takes what there is where the connection ends. */
static bool relay_status_is_complete(const struct relay_judge *judge,
				     const smtp_status_t *status)
{
	const char *cut_off = judge->session->line->str;

	return status && status->text && status->code >= 200 &&
	       status->code <= 599 && status->code / 100 != 3 &&
	       (*cut_off != '5' || atoi(cut_off) != status->code);
}

/* What says yes to a message speaks of one that it has. */
static bool relay_message_is_answered(const struct relay_judge *judge)
{
	return relay_status_is_complete(judge, judge->message) &&
	       (judge->message->code / 100 != 2 ||
		relay_wire_data_was_sent(judge->session->wire));
}

/* What a complete reply means for a recipient. */
static void relay_outcome_from(struct relay_recipient *recipient,
			       const smtp_status_t *status)
{
	g_autofree char *text = NULL;

	if (status->enh_class) /* libesmtp has cut it off the text */
		text = g_strdup_printf("%d.%d.%d %s", status->enh_class,
				       status->enh_subject, status->enh_detail,
				       status->text);
	else
		text = g_strdup(status->text);
	relay_outcome_reply(recipient, status->code, text);
}

static const char *relay_lost_text(const struct relay_session *session)
{
	if (session->wire && relay_wire_data_was_sent(session->wire))
		return "the relay host did not answer the end of the message";
	if (session->wire && relay_wire_timed_out(session->wire))
		return "the relay host did not answer in time";
	return "lost the connection to the relay host";
}

static void relay_judge_recipient(smtp_recipient_t smtp_recipient,
				  const char *mailbox, void *context)
{
	struct relay_judge *judge = context;
	struct relay_recipient *recipient =
		smtp_recipient_get_application_data(smtp_recipient);
	const smtp_status_t *status = smtp_recipient_status(smtp_recipient);

	(void)mailbox;
	if (relay_status_is_complete(judge, judge->mail) &&
	    judge->mail->code / 100 != 2)
		relay_outcome_from(recipient, judge->mail);
	else if (relay_status_is_complete(judge, status) &&
		 status->code / 100 != 2)
		relay_outcome_from(recipient, status);
	else if (relay_status_is_complete(judge, status) &&
		 relay_message_is_answered(judge))
		relay_outcome_from(recipient, judge->message);
	else
		relay_outcome_lost(recipient, relay_lost_text(judge->session));
}

void relay_finish(struct relay_session *session)
{
	struct relay_message *message = session->message;
	struct relay_judge judge = {
		.session = session,
		.mail = smtp_reverse_path_status(session->smtp_message),
		.message = smtp_message_transfer_status(session->smtp_message),
	};

	session->message = NULL;
	message->dsn_was_offered = session->offer.dsn;
	message->untouched = !session->is_first &&
			     (!relay_status_is_complete(&judge, judge.mail) ||
			      judge.mail->code == 421);
	session->is_first = false;
	if (!message->untouched)
		(void)smtp_enumerate_recipients(session->smtp_message,
						relay_judge_recipient, &judge);
	if (relay_wire_refused_early(session->wire))
		relay_wire_cut(session->wire);
	session->source->done(session->source->context, message);
}

/* ---- messages ---- */

/* libesmtp asks with a NULL length after the 354.  What it renders is thrown
 * away, so it gets nothing. */
static const char *relay_text(void **context, int *len, void *arg)
{
	struct relay_session *session = arg;

	(void)context;
	if (!len) {
		const struct relay_message *message = session->message;
		const GByteArray *recoded = session->recoded;

		session->source->settle(session->source->context);
		(void)relay_wire_begin_data(
			session->wire,
			recoded ? recoded->data : message->octets,
			recoded ? recoded->len : message->len);
		errno = 0;
		return NULL;
	}
	errno = *len = 0;
	return NULL;
}

static void relay_add_dsn(smtp_recipient_t to,
			  const struct relay_recipient *recipient)
{
	unsigned said = recipient->dsn_notify;
	unsigned flags = 0;
	g_autofree char *type = NULL;
	g_autofree char *xtext = NULL;
	const char *address;

	if (said & SMTP_NOTIFY_NEVER) {
		(void)smtp_dsn_set_notify(to, Notify_NEVER);
	} else if (said) {
		flags |= said & SMTP_NOTIFY_SUCCESS ? Notify_SUCCESS : 0;
		flags |= said & SMTP_NOTIFY_FAILURE ? Notify_FAILURE : 0;
		flags |= said & SMTP_NOTIFY_DELAY ? Notify_DELAY : 0;
		(void)smtp_dsn_set_notify(to, (enum notify_flags)flags);
	}
	if (!recipient->dsn_orcpt)
		return;
	address = strchr(recipient->dsn_orcpt, ';');
	xtext = address ? smtp_xtext_encode(address + 1) : NULL;
	if (!xtext || strlen(xtext) > RELAY_XTEXT_MAX ||
	    strspn(recipient->dsn_orcpt, RELAY_TYPE_CHARS) !=
		    (size_t)(address - recipient->dsn_orcpt))
		return;
	type = g_strndup(recipient->dsn_orcpt,
			 (gsize)(address - recipient->dsn_orcpt));
	(void)smtp_dsn_set_orcpt(to, type, address + 1);
}

void relay_add(struct relay_session *session, struct relay_message *message)
{
	smtp_message_t to = smtp_add_message(session->smtp);
	g_autofree char *envid = NULL;

	session->message = message;
	session->smtp_message = to;
	session->rcpt_asked = relay_form_open(message);
	session->rcpt_count = 0;
	session->rcpt_taken = 0;
	relay_wire_end_data(session->wire);
	relay_wire_hold_data(session->wire);
	relay_wire_ask_utf8(session->wire,
			    session->offer.utf8 &&
				    relay_form_wants_utf8(message));
	(void)smtp_set_reverse_path(to, message->reverse_path);
	(void)smtp_set_messagecb(to, relay_text, session);
	(void)smtp_size_set_estimate(to, message->len);
	if (message->dsn_ret)
		(void)smtp_dsn_set_ret(to, *message->dsn_ret == 'F' ? Ret_FULL
								    : Ret_HDRS);
	if (message->dsn_envid)
		envid = smtp_xtext_encode(message->dsn_envid);
	if (envid && strlen(envid) <= RELAY_XTEXT_MAX)
		(void)smtp_dsn_set_envid(to, message->dsn_envid);
	/* Asking for 8BITMIME where there is none ends the session. */
	if (message->body_8bit && session->offer.eightbit)
		(void)smtp_8bitmime_set_body(to, E8bitmime_8BITMIME);
	for (size_t i = 0; i < message->recipient_count; i++) {
		struct relay_recipient *recipient = &message->recipients[i];
		smtp_recipient_t smtp_recipient;

		if (relay_recipient_is_settled(recipient))
			continue;
		smtp_recipient = smtp_add_recipient(to, recipient->address);
		smtp_recipient_set_application_data_release(smtp_recipient,
							    recipient, NULL);
		relay_add_dsn(smtp_recipient, recipient);
	}
}

void relay_fit(struct relay_session *session, struct relay_message *message)
{
	if (session->recoded)
		g_byte_array_unref(session->recoded);
	session->is_unfit =
		relay_form_fit(message, &session->offer, &session->recoded) > 0;
}

void relay_next(struct relay_session *session)
{
	const struct relay_source *source = session->source;
	struct relay_message *message;

	relay_finish(session);
	if (relay_wire_was_cut(session->wire) ||
	    relay_is_direct(session->place, session->options))
		return;
	while ((message = source->next(source->context))) {
		/* One message behind the other is what libesmtp waits three
		 * round trips for. */
		if (session->offer.pipelining)
			g_atomic_int_set(&session->place->has_backlog, 1);
		relay_fit(session, message);
		if (relay_form_open(message)) {
			relay_add(session, message);
			return;
		}
		source->done(source->context, message);
	}
}
