/*
 * Messages over a session of our own SMTP client; see relay_direct.h.
 *
 * The envelope of the next message goes out in one group with the content of
 * the one before (RFC 2920 3.1), so that a message costs one round trip; its
 * content goes only after the outcome of the one before was recorded.
 */
#include "relay_direct.h"

#include "relay_content.h"
#include "smtp/smtp_server.h"

#include <string.h>

/* Commands that go out before a reply is read: their replies fit into what a
 * socket holds, or both sides would wait for each other. */
#define DIRECT_GROUP   64
#define DIRECT_QUIT_MS 5000

/* A message under way.  Its commands: MAIL, a RCPT for each asked, DATA unless
 * its content goes by BDAT. */
struct letter {
	struct relay_message *message;
	GByteArray *recoded; /* instead of its octets, or NULL */
	GPtrArray *asked;    /* of struct relay_recipient */
	GPtrArray *taken;
	size_t put;  /* commands that went out */
	size_t read; /* replies to them */
	bool is_first;
	bool by_bdat;
	bool mail_refused;
	bool may_send; /* 354 */
	bool is_again; /* over another connection, in another way */
};

static void letter_free(struct letter *letter)
{
	if (letter->recoded)
		g_byte_array_unref(letter->recoded);
	g_ptr_array_unref(letter->asked);
	g_ptr_array_unref(letter->taken);
	g_free(letter);
}
AUTO_DEFINE(letter, letter_free);

/* NULL: nobody is left to be asked about, and the message is done. */
static struct letter *letter_new(struct relay_direct *direct,
				 struct relay_message *message)
{
	GByteArray *recoded;
	struct letter *letter;

	(void)relay_form_fit(message, &direct->offer, &recoded);
	message->dsn_was_offered = direct->offer.dsn;
	if (!relay_form_open(message)) {
		direct->source->done(direct->source->context, message);
		return NULL;
	}
	letter = g_new0(struct letter, 1);
	letter->message = message;
	letter->recoded = recoded;
	letter->by_bdat = direct->offer.chunking;
	letter->asked = g_ptr_array_new();
	letter->taken = g_ptr_array_new();
	for (size_t i = 0; i < message->recipient_count; i++)
		if (!relay_recipient_is_settled(&message->recipients[i]))
			g_ptr_array_add(letter->asked, &message->recipients[i]);
	return letter;
}

static size_t letter_commands(const struct letter *letter)
{
	return letter->asked->len + (letter->by_bdat ? 1 : 2);
}

/* ---- the envelope ---- */

static void direct_put_mail(struct relay_direct *direct,
			    const struct letter *letter)
{
	const struct relay_message *message = letter->message;
	const struct relay_offer *offer = &direct->offer;
	struct relay_link *link = direct->link;
	g_autofree char *envid = NULL;

	relay_link_put(link, "MAIL FROM:<%s>", message->reverse_path);
	if (offer->size)
		relay_link_put(link, " SIZE=%zu",
			       letter->recoded ? (size_t)letter->recoded->len
					       : message->len);
	if (message->body_8bit && offer->eightbit)
		relay_link_put(link, " BODY=8BITMIME");
	if (offer->utf8 && relay_form_wants_utf8(message))
		relay_link_put(link, " SMTPUTF8");
	if (offer->dsn && message->dsn_ret)
		relay_link_put(link, " RET=%s", message->dsn_ret);
	if (offer->dsn && message->dsn_envid)
		envid = smtp_xtext_encode(message->dsn_envid);
	if (envid)
		relay_link_put(link, " ENVID=%s", envid);
	relay_link_put(link, "\r\n");
}

static void direct_put_notify(struct relay_link *link, unsigned notify)
{
	const struct {
		unsigned flag;
		const char *word;
	} words[] = {
		{SMTP_NOTIFY_NEVER, "NEVER"},
		{SMTP_NOTIFY_SUCCESS, "SUCCESS"},
		{SMTP_NOTIFY_FAILURE, "FAILURE"},
		{SMTP_NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";

	if (notify & SMTP_NOTIFY_NEVER)
		notify = SMTP_NOTIFY_NEVER;
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (notify & words[i].flag) {
			relay_link_put(link, "%s%s", before, words[i].word);
			before = ",";
		}
}

static void direct_put_rcpt(struct relay_direct *direct,
			    const struct relay_recipient *to)
{
	struct relay_link *link = direct->link;
	const char *address = to->dsn_orcpt ? strchr(to->dsn_orcpt, ';') : NULL;
	g_autofree char *xtext =
		address ? smtp_xtext_encode(address + 1) : NULL;

	relay_link_put(link, "RCPT TO:<%s>", to->address);
	if (direct->offer.dsn)
		direct_put_notify(link, to->dsn_notify);
	if (direct->offer.dsn && xtext &&
	    strspn(to->dsn_orcpt, RELAY_TYPE_CHARS) ==
		    (size_t)(address - to->dsn_orcpt))
		relay_link_put(link, " ORCPT=%.*s;%s",
			       (int)(address - to->dsn_orcpt), to->dsn_orcpt,
			       xtext);
	relay_link_put(link, "\r\n");
}

/* The next commands, as many as may go without waiting.  DATA goes along only
 * where a message was taken before: a relay host that refuses everybody is
 * not asked to take what it has refused. */
static void direct_put_envelope(struct relay_direct *direct,
				struct letter *letter)
{
	size_t count = letter_commands(letter);
	size_t group = direct->offer.pipelining ? DIRECT_GROUP : 1;

	for (size_t i = 0; i < group && letter->put < count; i++) {
		if (letter->put == 0)
			direct_put_mail(direct, letter);
		else if (letter->put <= letter->asked->len)
			direct_put_rcpt(direct,
					letter->asked->pdata[letter->put - 1]);
		else if (letter->read + 1 == count || direct->has_proven)
			relay_link_put(direct->link, "DATA\r\n");
		else
			return;
		letter->put++;
	}
}

/* The connection is of no use any more; the fault says why. */
static int direct_end(struct relay_direct *direct)
{
	direct->is_over = true;
	return -1;
}

static int direct_flush(struct relay_direct *direct)
{
	if (relay_link_flush(direct->link, direct->options->timeouts.block_ms,
			     &direct->fault) != 0)
		return direct_end(direct);
	return 0;
}

static int direct_await(struct relay_direct *direct, int64_t timeout_ms)
{
	if (relay_link_reply(direct->link, timeout_ms, direct->reply,
			     &direct->fault) != 0)
		return direct_end(direct);
	if (direct->reply->code == 421)
		direct->is_over = true;
	return 0;
}

static void direct_settle(const struct relay_direct *direct,
			  GPtrArray *recipients)
{
	for (guint i = 0; i < recipients->len; i++)
		relay_outcome_reply(recipients->pdata[i], direct->reply->code,
				    direct->reply->text->str);
}

/* A 2xx where a 354 belongs, or a 3xx anywhere else. */
static int direct_nonsense(struct relay_direct *direct)
{
	(void)fault_set(&direct->fault, FAULT_NETWORK,
			"the relay host's reply makes no sense: %d",
			direct->reply->code);
	return direct_end(direct);
}

static int direct_take_mail(struct relay_direct *direct, struct letter *letter)
{
	int class = direct->reply->code / 100;

	letter->mail_refused = class != 2;
	/* It has yet to forget the message that it refused (RFC 3030 does not
	 * say when): this one goes over another connection. */
	if (direct->has_refused && direct->reply->code == 503)
		return direct_end(direct);
	if (class == 3)
		return direct_nonsense(direct);
	if (class == 2 || (direct->is_over && !letter->is_first))
		return 0; /* 421 was about the session */
	direct_settle(direct, letter->asked);
	return 0;
}

static int direct_take_rcpt(struct relay_direct *direct, struct letter *letter,
			    struct relay_recipient *to)
{
	int class = direct->reply->code / 100;

	if (letter->mail_refused)
		return 0;
	if (class == 3)
		return direct_nonsense(direct);
	if (class == 2)
		g_ptr_array_add(letter->taken, to);
	else
		relay_outcome_reply(to, direct->reply->code,
				    direct->reply->text->str);
	return 0;
}

static int direct_take_data(struct relay_direct *direct, struct letter *letter)
{
	int class = direct->reply->code / 100;

	letter->may_send = class == 3;
	if (class == 2)
		return direct_nonsense(direct);
	if (class != 3)
		direct_settle(direct, letter->taken);
	return 0;
}

static bool letter_is_refused(const struct letter *letter)
{
	return letter->mail_refused ||
	       (letter->read > letter->asked->len && !letter->taken->len);
}

/* Reads the replies to the envelope, and asks for what has yet to be asked. */
static int direct_envelope(struct relay_direct *direct, struct letter *letter)
{
	const struct relay_timeouts *timeouts = &direct->options->timeouts;
	size_t count = letter_commands(letter);

	while (letter->read < count) {
		bool is_data = letter->read > letter->asked->len;
		int result;

		if (letter->read == letter->put) {
			if (letter_is_refused(letter))
				return 0;
			direct_put_envelope(direct, letter);
			if (direct_flush(direct) != 0)
				return -1;
		}
		if (direct_await(direct, is_data ? timeouts->data_ms
						 : timeouts->command_ms) != 0)
			return -1;
		if (letter->read == 0)
			result = direct_take_mail(direct, letter);
		else if (is_data)
			result = direct_take_data(direct, letter);
		else
			result = direct_take_rcpt(
				direct, letter,
				letter->asked->pdata[letter->read - 1]);
		letter->read++;
		if (result != 0 || direct->is_over)
			return -1;
	}
	return 0;
}

/* ---- the content ---- */

/* After a refusal, so that what comes next is a new transaction. */
static void direct_reset(struct relay_direct *direct,
			 const struct letter *letter)
{
	direct->has_proven = false;
	if (letter->may_send) /* to nobody: an empty message ends it */
		relay_link_put(direct->link, ".\r\n");
	else
		relay_link_put(direct->link, "RSET\r\n");
	if (direct_flush(direct) == 0)
		(void)direct_await(direct, direct->options->timeouts.end_ms);
}

/* Who offers BDAT and does not know it says nothing of the message: this and
 * all that follow go by DATA. */
static bool direct_is_without_bdat(struct relay_direct *direct,
				   struct letter *letter)
{
	int code = direct->reply->code;

	if (!letter->by_bdat || code < 500 || code > 504)
		return false;
	g_atomic_int_set(&direct->place->bdat_refused, 1);
	letter->is_again = direct->is_over = true;
	return true;
}

static void direct_take_end(struct relay_direct *direct, struct letter *letter)
{
	if (direct_is_without_bdat(direct, letter))
		return;
	if (direct->reply->code / 100 == 3) {
		(void)direct_nonsense(direct);
		return;
	}
	direct_settle(direct, letter->taken);
	direct->has_proven = direct->reply->code / 100 == 2;
	direct->has_refused = !direct->has_proven && letter->by_bdat;
}

static struct letter *direct_next(struct relay_direct *direct);

/* A reply came before the end of the message, or there will be none.  What says
 * no is the outcome (the relay host may have closed its end already); what says
 * yes cannot be about a message that it does not have. */
static int direct_take_early(struct relay_direct *direct, struct letter *letter)
{
	direct->is_over = true;
	if (direct_await(direct, direct->options->timeouts.end_ms) != 0)
		return -1;
	if (direct_is_without_bdat(direct, letter))
		return -1;
	if (direct->reply->code / 100 < 4)
		return direct_nonsense(direct);
	direct_settle(direct, letter->taken);
	return -1;
}

/* Sends a piece, unless something came early. */
static int direct_put_piece(struct relay_direct *direct, struct letter *letter)
{
	if (relay_link_has_input(direct->link))
		return direct_take_early(direct, letter);
	if (direct_flush(direct) == 0)
		return 0;
	/* Why it closed may be there to be read. */
	if (relay_link_has_input(direct->link))
		(void)direct_take_early(direct, letter);
	return -1;
}

/* Sends the content but for its last piece, which is left to be flushed. */
static int direct_put_content(struct relay_direct *direct,
			      struct letter *letter)
{
	const struct relay_message *message = letter->message;
	const void *octets =
		letter->recoded ? letter->recoded->data : message->octets;
	size_t len = letter->recoded ? letter->recoded->len : message->len;
	GByteArray *out = relay_link_output(direct->link);
	struct relay_content content;

	direct->source->settle(direct->source->context);
	if (letter->by_bdat)
		relay_link_put(direct->link, "BDAT %zu LAST\r\n",
			       relay_content_size(octets, len));
	relay_content_init(&content, octets, len, !letter->by_bdat);
	while (relay_content_next(&content, out))
		if (out->len >= RELAY_PIECE &&
		    direct_put_piece(direct, letter) != 0)
			return -1;
	return 0;
}

/* Sends the content, the next envelope behind it, and reads the reply. */
static struct letter *direct_content(struct relay_direct *direct,
				     struct letter *letter)
{
	struct letter *next = NULL;
	int result = direct_put_content(direct, letter);

	if (result == 0 && direct->offer.pipelining) {
		next = direct_next(direct);
		if (next)
			direct_put_envelope(direct, next);
	}
	if (result == 0 && direct_put_piece(direct, letter) == 0 &&
	    direct_await(direct, direct->options->timeouts.end_ms) == 0)
		direct_take_end(direct, letter);
	else if (relay_form_open(letter->message))
		(void)fault_prefix(&direct->fault,
				   "the relay host did not answer the end of "
				   "the message");
	return next;
}

/* ---- one after the other ---- */

/* Whoever has no outcome has lost the connection; letter is moved. */
static void direct_done(struct relay_direct *direct, struct letter *letter)
{
	struct relay_message *message = letter->message;
	const char *words = direct->fault.kind == FAULT_NONE
				    ? "lost the connection to the relay host"
				    : direct->fault.text;

	message->untouched = letter->is_again ||
			     (direct->is_over && !letter->is_first &&
			      (letter->read == 0 ||
			       (letter->read == 1 && letter->mail_refused &&
				relay_form_open(message))));
	for (size_t i = 0; !message->untouched && i < message->recipient_count;
	     i++)
		if (!relay_recipient_is_settled(&message->recipients[i]))
			relay_outcome_lost(&message->recipients[i], words);
	letter_free(letter);
	direct->source->done(direct->source->context, message);
}

/* The next message that has something to ask, or NULL. */
static struct letter *direct_next(struct relay_direct *direct)
{
	const struct relay_source *source = direct->source;
	struct relay_message *message;

	while ((message = source->next(source->context))) {
		struct letter *letter = letter_new(direct, message);

		direct->has_more = true;
		if (letter)
			return letter;
	}
	return NULL;
}

/* One message; returns the next one if it is on its way already. */
static struct letter *direct_send(struct relay_direct *direct,
				  struct letter *letter)
{
	struct letter *next = NULL;

	if (letter->put == 0) {
		direct_put_envelope(direct, letter);
		if (direct_flush(direct) != 0) {
			direct_done(direct, letter);
			return NULL;
		}
	}
	if (direct_envelope(direct, letter) == 0) {
		if (letter->taken->len && (letter->may_send || letter->by_bdat))
			next = direct_content(direct, letter);
		else
			direct_reset(direct, letter);
	}
	direct_done(direct, letter);
	return next;
}

static void direct_all(struct relay_direct *direct, struct relay_message *first)
{
	struct letter *letter = letter_new(direct, first);

	if (letter)
		letter->is_first = true;
	else
		letter = direct_next(direct);
	while (letter) {
		letter = direct_send(direct, letter);
		if (letter && direct->is_over) {
			direct_done(direct, letter);
			return;
		}
		if (!letter && !direct->is_over)
			letter = direct_next(direct);
	}
	if (direct->is_over)
		return;
	if (!direct->has_more)
		g_atomic_int_set(&direct->place->has_backlog, 0);
	relay_link_put(direct->link, "QUIT\r\n");
	if (direct_flush(direct) == 0)
		(void)direct_await(direct, DIRECT_QUIT_MS);
}

/* One connection.  without_tls: if it goes to that address. */
static int direct_attempt(struct relay_direct *direct, bool without_tls,
			  size_t *address, struct relay_control *control,
			  struct relay_message *first, struct fault *fault)
{
	int result;

	if (relay_link_open(direct->place, control,
			    direct->options->timeouts.connect_ms, &direct->link,
			    fault) != 0)
		return -1;
	without_tls = without_tls && *address == relay_control_at(control);
	*address = relay_control_at(control);
	direct->reply = relay_reply_new();
	relay_control_set(control, relay_link_cut, direct->link);
	result = relay_direct_open(direct, without_tls, fault);
	if (result == 0)
		direct_all(direct, first);
	relay_control_set(control, NULL, NULL);
	relay_offer_clear(&direct->offer);
	relay_reply_free(direct->reply);
	relay_link_free(direct->link);
	return result;
}

int relay_direct_run(struct relay_place *place,
		     const struct relay_options *options,
		     struct relay_control *control, struct relay_message *first,
		     const struct relay_source *source, struct fault *fault)
{
	bool without_tls = false;
	size_t address = 0;

	for (;;) {
		struct relay_direct direct = {
			.place = place, .options = options, .source = source};

		if (direct_attempt(&direct, without_tls, &address, control,
				   first, fault) == 0)
			return 0;
		if (!direct.tls_failed ||
		    options->tls != CONF_TLS_OPPORTUNISTIC)
			return -1;
		without_tls = true;
	}
}
