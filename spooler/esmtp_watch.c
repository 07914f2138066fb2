/*
 * Reading along in a session of libesmtp; see relay_esmtp.h.
 */
#include "relay_esmtp.h"

#include "relay_auth.h"

#include <string.h>

/* A text that libesmtp gives up at is half as long again. */
#define RELAY_ESMTP_REPLY_MAX 5000

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
	if (session->reply->len > 3 && session->reply->str[3] == '-')
		session->reply->str[3] = ' ';
	session->reply_len = session->reply_is_open
				     ? session->reply_len + session->line->len
				     : session->line->len;
	/* The next connection can tell what this one cannot; nor a code with
	 * an LF alone, which leaves no place for a blank. */
	if (session->reply_len > RELAY_ESMTP_REPLY_MAX ||
	    session->line->len == 3)
		g_atomic_int_set(&session->place->is_wordy, 1);
	if (session->asked == ASKED_EHLO && session->line->len > 4)
		relay_offer_add(&session->offer, line + 4);
	if (!session->options->smtputf8)
		session->offer.utf8 = false;
	session->reply_is_open = !is_last;
	if (is_last) {
		relay_wire_answered(session->wire);
		relay_see_reply(session, line[0] - '0');
	}
	g_string_truncate(session->line, 0);
	return is_last;
}

/* libesmtp takes a reply that is a code and nothing else (RFC 5321 4.2) for
 * none: a blank in the place of its CR makes a text of it. */
static void relay_see_bare_code(struct relay_session *session, char *octet)
{
	const char *line = session->line->str;

	if (*octet == '\r' && session->line->len == 3 &&
	    g_ascii_isdigit(line[0]) && g_ascii_isdigit(line[1]) &&
	    g_ascii_isdigit(line[2]))
		*octet = ' ';
}

static void relay_see_input(struct relay_session *session, char *octets,
			    int len)
{
	for (int i = 0; i < len; i++) {
		relay_see_bare_code(session, &octets[i]);
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
 * all nothing goes: relay_esmtp_run() tries again with the others. */
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
			relay_refuse(session,
				     session->reply->str[0] == '5'
					     ? FAULT_NOT_ALLOWED
					     : FAULT_NETWORK,
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

void relay_monitor(const char *octets, int len, int writing, void *arg)
{
	struct relay_session *session = arg;

	if (writing == SMTP_CB_WRITING)
		relay_see_output(session, octets, len);
	else if (writing == SMTP_CB_READING)
		relay_see_input(session, (char *)(uintptr_t)octets, len);
}
