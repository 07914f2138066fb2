/*
 * Sessions of libesmtp, from the connection to why it ended; see relay_esmtp.h.
 */
#include "relay_esmtp.h"

#include "field.h"
#include "net.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

void relay_init(void)
{
	/* libesmtp would look for certificates of ours below $HOME, and give
	 * up TLS if it may not look there. */
	(void)setenv("XDG_CONFIG_DIR", "/nonexistent", 1);
	auth_client_init();
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
	bool without_tls; /* at the address it failed at, and no other */
	size_t address;
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

	if (relay_connect(&session, control, fault) != 0) {
		relay_session_clear(&session);
		return -1;
	}
	again->without_tls = again->without_tls &&
			     again->address == relay_control_at(control);
	again->address = relay_control_at(control);
	relay_prepare(&session, again->without_tls);
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

/* Again and again until first has its outcome or nothing is left to be tried.
 */
int relay_esmtp_run(struct relay_place *place,
		    const struct relay_options *options,
		    struct relay_control *control, struct relay_message *first,
		    const struct relay_source *source, struct fault *fault)
{
	struct relay_again again = {0};

	for (;;) {
		again.clear = again.fewer = false;
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
		again.without_tls = again.without_tls || again.clear;
	}
}
