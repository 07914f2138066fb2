/*
 * Relaying with libesmtp, and the only file that knows it; and which connection
 * goes to our own transport (relay_direct.h) instead.
 *
 * libesmtp runs a session to its end within one call; its callbacks are used
 * to see each outcome as soon as it is known, and to hang the next message on
 * while the connection stands.  What it keeps to itself (the words of a
 * greeting, how AUTH went, which extensions there are) is read along in the
 * monitor callback, which sees every octet outside of messages.
 */
#include "field.h"
#include "net.h"
#include "relay_auth.h"
#include "relay_form.h"
#include "relay_transport.h"
#include "relay_wire.h"
#include "smtp/smtp_server.h"
#include "tls.h"

#include <stddef.h>

#include <auth-client.h>
#include <libesmtp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Declared by libesmtp.h only after OpenSSL's headers, which stay out. */
int smtp_starttls_set_ctx(smtp_session_t session, struct ssl_ctx_st *ctx);

/* libesmtp encodes xtext into 256 octets without looking. */
#define RELAY_XTEXT_MAX 240
/* What the relay host was last asked. */
enum relay_asked {
	ASKED_NOTHING, /* its greeting is awaited */
	ASKED_EHLO,
	ASKED_STARTTLS,
	ASKED_AUTH,
	ASKED_MAIL, /* the session is open */
};

struct relay_session {
	struct relay_place *place;
	const struct relay_options *options;
	const struct relay_source *source;
	smtp_session_t smtp;
	auth_context_t auth;
	struct relay_wire *wire;
	struct relay_message *message; /* under way */
	smtp_message_t smtp_message;
	enum relay_asked asked;
	bool is_loopback;
	bool may_start_tls;
	bool tls_tried;
	bool tls_on;
	bool tls_unverified; /* any certificate will do, and did */
	bool auth_done;
	bool is_first;   /* nothing came before the message under way */
	int64_t ehlo_at; /* monotonic */
	struct relay_offer offer;
	GByteArray *recoded;  /* of the message under way, or NULL */
	bool is_unfit;        /* the first message needs another form */
	bool is_quitting;     /* what comes now is about QUIT */
	size_t rcpt_asked;    /* recipients of the message under way */
	size_t rcpt_count;    /* replies to RCPT of them */
	size_t rcpt_taken;    /* 2xx of them */
	size_t replies;       /* since MAIL, as they are read along */
	size_t replies_taken; /* 2xx of those to RCPT */
	GString *line;        /* of the relay host, as far as it came */
	GString *reply;       /* its last complete reply, lines joined */
	bool reply_is_open;   /* more lines follow */
	char word[16];        /* of a line of the EHLO reply */
	size_t word_len;
	struct fault fault; /* why the session did not open */
};

void relay_init(void)
{
	/* libesmtp would look for certificates of ours below $HOME, and give
	 * up TLS if it may not look there. */
	(void)setenv("XDG_CONFIG_DIR", "/nonexistent", 1);
	auth_client_init();
}

/* ---- outcomes ---- */

/* A status is complete only with its text: libesmtp leaves the code of a first
 * line behind when the rest of the reply never came. */
static bool relay_status_is_complete(const smtp_status_t *status)
{
	return status && status->text && status->code >= 200 &&
	       status->code <= 599 && status->code / 100 != 3;
}

struct relay_judge {
	struct relay_session *session;
	const smtp_status_t *mail;
	const smtp_status_t *message;
	size_t at;
};

/* What says yes to a message speaks of one that it has. */
static bool relay_message_is_answered(const struct relay_judge *judge)
{
	return relay_status_is_complete(judge->message) &&
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
	if (relay_status_is_complete(judge->mail) &&
	    judge->mail->code / 100 != 2)
		relay_outcome_from(recipient, judge->mail);
	else if (relay_status_is_complete(status) && status->code / 100 != 2)
		relay_outcome_from(recipient, status);
	else if (relay_status_is_complete(status) &&
		 relay_message_is_answered(judge))
		relay_outcome_from(recipient, judge->message);
	else
		relay_outcome_lost(recipient, relay_lost_text(judge->session));
}

/* The message under way has come to its end, whatever that is. */
static void relay_finish(struct relay_session *session)
{
	struct relay_message *message = session->message;
	struct relay_judge judge = {
		.session = session,
		.mail = smtp_reverse_path_status(session->smtp_message),
		.message = smtp_message_transfer_status(session->smtp_message),
	};

	session->message = NULL;
	message->dsn_was_offered = session->offer.dsn;
	message->untouched =
		!session->is_first && (!relay_status_is_complete(judge.mail) ||
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

/* Hangs a message on the session. */
static void relay_add(struct relay_session *session,
		      struct relay_message *message)
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

static void relay_fit(struct relay_session *session,
		      struct relay_message *message)
{
	if (session->recoded)
		g_byte_array_unref(session->recoded);
	session->is_unfit =
		relay_form_fit(message, &session->offer, &session->recoded) > 0;
}

/* Is our own transport to be taken, by what is known of the place? */
static bool relay_is_direct(struct relay_place *place,
			    const struct relay_options *options)
{
	return place->implicit_tls || *options->login.token_command ||
	       g_atomic_int_get(&place->beyond_libesmtp) ||
	       g_atomic_int_get(&place->is_far) ||
	       g_atomic_int_get(&place->has_chunking);
}

/* To be called only where libesmtp has yet to look for its next message. */
static void relay_next(struct relay_session *session)
{
	const struct relay_source *source = session->source;
	struct relay_message *message;

	relay_finish(session);
	if (relay_wire_was_cut(session->wire) ||
	    relay_is_direct(session->place, session->options))
		return;
	while ((message = source->next(source->context))) {
		relay_fit(session, message);
		if (relay_form_open(message)) {
			relay_add(session, message);
			return;
		}
		source->done(source->context, message);
	}
}

/* ---- reading along ---- */

static void relay_refuse(struct relay_session *session, enum fault_kind kind,
			 const char *format, ...) PRINTF_LIKE(3, 4);

static void relay_refuse(struct relay_session *session, enum fault_kind kind,
			 const char *format, ...)
{
	va_list args;
	g_autofree char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	(void)fault_set(&session->fault, kind, "%s", text);
	relay_wire_cut(session->wire);
}

static bool relay_session_may_log_in(const struct relay_session *session)
{
	return relay_may_log_in(session->options, session->is_loopback,
				session->tls_on,
				session->tls_on && !session->tls_unverified);
}

/* What libesmtp does not see it does not use. */
static bool relay_hides_auth(const struct relay_session *session)
{
	return session->word_len == 4 &&
	       g_ascii_strncasecmp(session->word, "AUTH", 4) == 0 &&
	       !relay_session_may_log_in(session);
}

static void relay_see_word(struct relay_session *session, char *octet)
{
	if (!g_ascii_isalnum(*octet)) {
		session->word_len = 0;
		return;
	}
	if (session->word_len < sizeof(session->word))
		session->word[session->word_len] = *octet;
	session->word_len++;
	if (session->word_len <= sizeof(session->word) &&
	    (relay_offer_is_unwanted(session->word, session->word_len) ||
	     relay_hides_auth(session)))
		*octet = '-';
}

/* A mechanism that libesmtp does not know is better than those it does: then
 * this connection ends, and relay_run() makes another. */
static void relay_look_beyond(struct relay_session *session)
{
	if (!session->auth || !session->offer.auth ||
	    !relay_session_may_log_in(session) ||
	    !relay_auth_is_beyond_libesmtp(session->offer.auth))
		return;
	g_atomic_int_set(&session->place->beyond_libesmtp, 1);
	relay_refuse(session, FAULT_NETWORK,
		     "the relay host offers an AUTH that libesmtp "
		     "does not know");
}

/* A reply to MAIL, to a RCPT, or to what comes after: whoever has the last word
 * on recipients lets DATA go.  libesmtp stumbles over some and tells nothing.
 */
static void relay_see_envelope(struct relay_session *session, int class)
{
	session->replies++;
	if (session->replies > 1 && session->replies <= session->rcpt_asked + 1)
		session->replies_taken += class == 2;
	if (session->replies == session->rcpt_asked + 1)
		relay_wire_release_data(session->wire,
					session->replies_taken > 0);
}

/* A complete reply to what was asked. */
static void relay_see_reply(struct relay_session *session, int class)
{
	switch (session->asked) {
	case ASKED_EHLO:
		relay_look_beyond(session);
		g_atomic_int_set(&session->place->is_far,
				 g_get_monotonic_time() - session->ehlo_at >=
					 RELAY_FAR_US);
		g_atomic_int_set(
			&session->place->has_chunking,
			session->offer.chunking &&
				!g_atomic_int_get(
					&session->place->bdat_refused));
		/* libesmtp cannot take it back, and ends a session without:
		 * so not before STARTTLS, behind which less may be offered. */
		if (class == 2 && session->message &&
		    session->message->body_8bit && session->offer.eightbit &&
		    (session->tls_on || !session->offer.starttls ||
		     !session->may_start_tls))
			(void)smtp_8bitmime_set_body(session->smtp_message,
						     E8bitmime_8BITMIME);
		return;
	case ASKED_AUTH:
		session->auth_done = session->auth_done || class == 2;
		return;
	case ASKED_MAIL:
		relay_see_envelope(session, class);
		return;
	case ASKED_NOTHING:
	case ASKED_STARTTLS:
		return;
	}
}

/* One line of the relay host; true if it ends a reply. */
static bool relay_see_line(struct relay_session *session)
{
	const char *line = session->line->str;
	bool is_last = session->line->len < 4 || line[3] != '-';

	if (session->is_quitting) {
		g_string_truncate(session->line, 0);
		return is_last;
	}
	if (!session->reply_is_open)
		g_string_truncate(session->reply, 0);
	if (session->reply->len < RELAY_TEXT_MAX)
		g_string_append_printf(
			session->reply, "%s%s", session->reply->len ? " " : "",
			session->reply->len && strlen(line) > 4 ? line + 4
								: line);
	if (session->asked == ASKED_EHLO && session->line->len > 4)
		relay_offer_add(&session->offer, line + 4);
	session->reply_is_open = !is_last;
	if (is_last) {
		relay_wire_answered(session->wire);
		relay_see_reply(session, line[0] - '0');
	}
	g_string_truncate(session->line, 0);
	return is_last;
}

static void relay_see_input(struct relay_session *session, char *octets,
			    int len)
{
	for (int i = 0; i < len; i++) {
		if (octets[i] != '\n') {
			if (octets[i] != '\r' &&
			    session->line->len < RELAY_TEXT_MAX)
				g_string_append_c(session->line, octets[i]);
			if (session->asked == ASKED_EHLO)
				relay_see_word(session, &octets[i]);
			continue;
		}
		session->word_len = 0;
		if (relay_see_line(session) &&
		    session->asked == ASKED_STARTTLS && i + 1 < len) {
			/* Clear text behind the 220 would be read as if it
			 * had come through TLS. */
			relay_refuse(session, FAULT_NETWORK,
				     "the relay host sent clear text "
				     "behind its STARTTLS reply");
			return;
		}
	}
}

static bool relay_command_is(const char *octets, int len, const char *word)
{
	return (size_t)len >= strlen(word) &&
	       memcmp(octets, word, strlen(word)) == 0;
}

/* The first message was hung on before the offer was known.  If it cannot go to
 * all nothing goes: relay_run() tries again with the others. */
static void relay_fit_first(struct relay_session *session)
{
	relay_fit(session, session->message);
	if (session->is_unfit)
		relay_wire_cut(session->wire);
	else if (session->offer.utf8)
		relay_wire_ask_utf8(session->wire,
				    relay_form_wants_utf8(session->message));
}

/* The session is open, if it may be. */
static void relay_see_first_mail(struct relay_session *session)
{
	/* A password that is refused must not turn into "relaying denied" for
	 * every recipient. */
	if (session->auth && !session->auth_done) {
		if (!relay_session_may_log_in(session))
			relay_refuse(session, FAULT_NOT_ALLOWED,
				     RELAY_UNVERIFIED_WORDS);
		else if (session->asked == ASKED_AUTH)
			relay_refuse(session, FAULT_NOT_ALLOWED,
				     "the relay host refused the login of "
				     "smtp_user: %s",
				     session->reply->str);
		else
			relay_refuse(session, FAULT_NOT_ALLOWED,
				     "the relay host offers no AUTH that can "
				     "be used%s",
				     session->tls_on || session->is_loopback
					     ? ""
					     : " without TLS");
		return;
	}
	session->asked = ASKED_MAIL;
	relay_fit_first(session);
}

static void relay_see_mail(struct relay_session *session)
{
	session->replies = session->replies_taken = 0;
	if (session->asked != ASKED_MAIL)
		relay_see_first_mail(session);
}

static void relay_see_output(struct relay_session *session, const char *octets,
			     int len)
{
	if (relay_command_is(octets, len, "EHLO ") ||
	    relay_command_is(octets, len, "HELO ")) {
		session->asked = ASKED_EHLO;
		session->ehlo_at = g_get_monotonic_time();
		relay_offer_clear(&session->offer);
	} else if (relay_command_is(octets, len, "STARTTLS")) {
		session->asked = ASKED_STARTTLS;
		session->tls_tried = true;
	} else if (relay_command_is(octets, len, "AUTH ")) {
		session->asked = ASKED_AUTH;
	} else if (relay_command_is(octets, len, "QUIT")) {
		session->is_quitting = true;
	} else if (relay_command_is(octets, len, "MAIL ")) {
		relay_see_mail(session);
	}
}
static void relay_monitor(const char *octets, int len, int writing, void *arg)
{
	struct relay_session *session = arg;

	if (writing == SMTP_CB_WRITING)
		relay_see_output(session, octets, len);
	else if (writing == SMTP_CB_READING)
		relay_see_input(session, (char *)(uintptr_t)octets, len);
}

/* ---- events ---- */

static void relay_on_connect(struct relay_session *session)
{
	bool may_be_clear =
		session->is_loopback || session->options->tls == CONF_TLS_NONE;

	if (session->auth && may_be_clear)
		(void)auth_set_mechanism_flags(session->auth, AUTH_PLUGIN_PLAIN,
					       0);
}

static void relay_on_tls(struct relay_session *session)
{
	session->tls_on = true;
	if (session->auth)
		(void)auth_set_mechanism_flags(session->auth, AUTH_PLUGIN_PLAIN,
					       0);
}

/* Once every recipient is refused the outcome is known, and the session ends:
 * libesmtp knows no way on but DATA. */
static void relay_on_rcpt(struct relay_session *session,
			  smtp_recipient_t recipient)
{
	const smtp_status_t *status = smtp_recipient_status(recipient);

	session->rcpt_count++;
	session->rcpt_taken += status && status->code / 100 == 2;
	if (session->message && !session->rcpt_taken &&
	    session->rcpt_count == session->rcpt_asked)
		relay_finish(session);
}

/* The reply to the message, or to a DATA that is refused: then libesmtp has
 * decided already that there is no further message. */
static void relay_on_sent(struct relay_session *session, smtp_message_t message)
{
	if (!session->message || message != session->smtp_message)
		return;
	if (relay_wire_data_was_sent(session->wire))
		relay_next(session);
	else
		relay_finish(session);
}

static void relay_event(smtp_session_t smtp, int event, void *arg, ...)
{
	struct relay_session *session = arg;
	const smtp_status_t *status;
	va_list args;

	(void)smtp;
	va_start(args, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		relay_on_connect(session);
		break;
	case SMTP_EV_STARTTLS_OK:
		relay_on_tls(session);
		break;
	case SMTP_EV_MAILSTATUS:
		status = smtp_reverse_path_status(session->smtp_message);
		if (session->message && status && status->code / 100 != 2)
			relay_next(session);
		break;
	case SMTP_EV_MESSAGESENT:
		relay_on_sent(session, va_arg(args, smtp_message_t));
		break;
	case SMTP_EV_RCPTSTATUS:
		(void)va_arg(args, const char *);
		relay_on_rcpt(session, va_arg(args, smtp_recipient_t));
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		/* With smtp_tls = verify the handshake itself fails. */
		session->tls_unverified = true;
		(void)va_arg(args, long);
		*va_arg(args, int *) = session->options->tls != CONF_TLS_VERIFY;
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		session->tls_unverified = true;
		*va_arg(args, int *) = session->options->tls != CONF_TLS_VERIFY;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* libesmtp knows no addresses in certificates and takes the
		 * name from DNS; our context has looked already. */
		*va_arg(args, int *) = 1;
		break;
	default:
		break;
	}
	va_end(args);
}

/* ---- the session ---- */

static int relay_interact(auth_client_request_t request, char **result,
			  int fields, void *arg)
{
	const struct relay_options *options = arg;

	for (int i = 0; i < fields; i++) {
		const char *value = "";

		if (request[i].flags & AUTH_USER)
			value = options->login.user;
		else if (request[i].flags & AUTH_PASS)
			value = options->login.password;
		else if (!(request[i].flags & AUTH_REALM))
			return 0;
		result[i] = (char *)(uintptr_t)value;
	}
	return 1;
}

static void relay_set_tls(struct relay_session *session, bool without_tls)
{
	struct ssl_ctx_st *ctx = session->place->tls_ctx;

	if (without_tls || !ctx) {
		(void)smtp_starttls_enable(session->smtp, Starttls_DISABLED);
		return;
	}
	session->may_start_tls = true;
	/* The session takes a reference of its own. */
	(void)smtp_starttls_set_ctx(session->smtp, ctx);
	(void)smtp_starttls_enable(
		session->smtp, session->options->tls == CONF_TLS_OPPORTUNISTIC
				       ? Starttls_ENABLED
				       : Starttls_REQUIRED);
}

static int relay_connect(struct relay_session *session,
			 struct relay_control *control, struct fault *fault)
{
	struct net_peer peer;
	int fd;

	if (relay_control_connect(control, session->place,
				  session->options->timeouts.connect_ms, &fd,
				  fault) != 0)
		return -1;
	net_peer_of(fd, &peer);
	session->is_loopback = peer.is_unix ||
			       g_str_has_prefix(peer.name, "127.") ||
			       strcmp(peer.name, "::1") == 0;
	session->wire = relay_wire_new(fd, session->options->timeouts.block_ms);
	return 0;
}

/* Why a session that never reached MAIL ended. */
static int relay_why(struct relay_session *session, struct fault *fault)
{
	g_autofree char *reply =
		field_clean(session->reply->str, RELAY_TEXT_MAX / 3);
	char tls_error[160] = "";

	if (session->fault.kind != FAULT_NONE) {
		*fault = session->fault;
		return -1;
	}
	if (session->tls_tried && !session->tls_on) {
		tls_client_error(tls_error, sizeof(tls_error));
		return fault_set(fault, FAULT_NETWORK,
				 "no TLS with the relay host: %s",
				 *tls_error ? tls_error : reply);
	}
	if (session->options->tls >= CONF_TLS_REQUIRED && !session->tls_on &&
	    session->asked == ASKED_EHLO && reply[0] == '2')
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host offers no STARTTLS, and "
				 "smtp_tls wants it");
	if (relay_wire_timed_out(session->wire))
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host did not answer in time");
	if (!*reply)
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host closed the connection before "
				 "its greeting");
	if (reply[0] == '4' || reply[0] == '5')
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host refused the session: %s",
				 reply);
	return fault_set(fault, FAULT_NETWORK,
			 "lost the connection to the relay host in its "
			 "greeting");
}

static void relay_session_clear(struct relay_session *session)
{
	if (session->smtp) {
		(void)smtp_auth_set_context(session->smtp, NULL);
		(void)smtp_destroy_session(session->smtp);
	}
	if (session->auth)
		(void)auth_destroy_context(session->auth);
	if (session->wire)
		relay_wire_free(session->wire);
	if (session->recoded)
		g_byte_array_unref(session->recoded);
	relay_offer_clear(&session->offer);
	g_string_free(session->line, TRUE);
	g_string_free(session->reply, TRUE);
}

static void relay_set_timeouts(smtp_session_t smtp,
			       const struct relay_timeouts *timeouts)
{
	const int as_told = Timeout_OVERRIDE_RFC2822_MINIMUM;

	(void)smtp_set_timeout(smtp, Timeout_GREETING | as_told,
			       timeouts->command_ms);
	(void)smtp_set_timeout(smtp, Timeout_ENVELOPE | as_told,
			       timeouts->command_ms);
	(void)smtp_set_timeout(smtp, Timeout_DATA | as_told, timeouts->data_ms);
	(void)smtp_set_timeout(smtp, Timeout_TRANSFER | as_told,
			       timeouts->block_ms);
	(void)smtp_set_timeout(smtp, Timeout_DATA2 | as_told, timeouts->end_ms);
}

static void relay_prepare(struct relay_session *session, bool without_tls)
{
	const struct relay_options *options = session->options;

	session->smtp = smtp_create_session();
	/* Never used: the wire hands over a connected socket. */
	(void)smtp_set_server(session->smtp, "127.0.0.1:25");
	(void)smtp_set_hostname(session->smtp, options->hostname);
	(void)smtp_set_eventcb(session->smtp, relay_event, session);
	(void)smtp_set_monitorcb(session->smtp, relay_monitor, session, 0);
	relay_set_timeouts(session->smtp, &options->timeouts);
	if (*options->login.user) {
		session->auth = auth_create_context();
		(void)auth_set_interact_cb(session->auth, relay_interact,
					   (void *)(uintptr_t)options);
		(void)auth_set_mechanism_flags(session->auth, 0,
					       AUTH_PLUGIN_PLAIN |
						       AUTH_PLUGIN_ANONYMOUS);
		(void)smtp_auth_set_context(session->smtp, session->auth);
	}
	relay_set_tls(session, without_tls);
}

/* How a connection is made, and why it has to be made anew. */
struct relay_again {
	bool without_tls;
	bool clear; /* TLS failed where it is a bonus */
	bool fewer; /* some recipients have their outcome: without them */
};

static void relay_cut_wire(void *target)
{
	relay_wire_cut(target);
}

/* One connection. */
static int relay_attempt(struct relay_place *place,
			 const struct relay_options *options,
			 struct relay_control *control,
			 struct relay_message *first,
			 const struct relay_source *source,
			 struct relay_again *again, struct fault *fault)
{
	struct relay_session session = {
		.place = place,
		.options = options,
		.source = source,
		.is_first = true,
		.line = g_string_sized_new(256),
		.reply = g_string_sized_new(256),
	};
	int result = 0;

	relay_prepare(&session, again->without_tls);
	if (relay_connect(&session, control, fault) != 0) {
		relay_session_clear(&session);
		return -1;
	}
	relay_control_set(control, relay_cut_wire, session.wire);
	relay_add(&session, first);
	(void)smtp_start_session(session.smtp);
	relay_control_set(control, NULL, NULL);
	if (session.asked != ASKED_MAIL) {
		result = relay_why(&session, fault);
		again->clear = session.tls_tried && !session.tls_on &&
			       options->tls == CONF_TLS_OPPORTUNISTIC &&
			       !relay_wire_was_cut(session.wire);
	} else if (session.message == first && session.is_unfit) {
		again->fewer = true;
	} else if (session.message) {
		relay_finish(&session); /* it broke under way */
	}
	relay_session_clear(&session);
	return result;
}

/* libesmtp, again and again until first has its outcome or nothing is left to
 * be tried. */
static int
relay_esmtp_run(struct relay_place *place, const struct relay_options *options,
		struct relay_control *control, struct relay_message *first,
		const struct relay_source *source, struct fault *fault)
{
	bool without_tls = false;

	for (;;) {
		struct relay_again again = {.without_tls = without_tls};

		if (relay_attempt(place, options, control, first, source,
				  &again, fault) == 0) {
			if (!again.fewer)
				return 0;
			if (!relay_form_open(first)) {
				source->done(source->context, first);
				return 0;
			}
		} else if (!again.clear) {
			return -1;
		}
		without_tls = without_tls || again.clear;
	}
}

/* By the one transport or the other. */
static int
relay_run_once(struct relay_place *place, const struct relay_options *options,
	       struct relay_control *control, struct relay_message *first,
	       const struct relay_source *source, struct fault *fault)
{
	if (!relay_is_direct(place, options)) {
		if (relay_esmtp_run(place, options, control, first, source,
				    fault) == 0)
			return 0;
		if (!g_atomic_int_get(&place->beyond_libesmtp))
			return -1;
	}
	return relay_direct_run(place, options, control, first, source, fault);
}

int relay_run(struct relay_place *place, const struct relay_options *options,
	      struct relay_control *control, struct relay_message *first,
	      const struct relay_source *source, struct fault *fault)
{
	int result;

	relay_control_begin(control);
	do
		result = relay_run_once(place, options, control, first, source,
					fault);
	while (result != 0 && fault->kind == FAULT_NETWORK &&
	       relay_control_next(control));
	return result;
}
