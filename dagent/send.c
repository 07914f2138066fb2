/*
 * Redirects, forwards and replies of rules, as contents and envelopes of the
 * plan.
 */
#include "send.h"

#include "autoreply.h"
#include "charset.h"
#include "field.h"
#include "header.h"
#include "letter.h"
#include "log.h"
#include "redirect.h"
#include "rules/html.h"
#include "rules/loop.h"
#include "rules/sieve.h"
#include "store/settings.h"
#include "utf8.h"

#include <string.h>

#define SEND_REPLY_SECONDS INT64_C(60) /* between two to one sender */

static bool send_suppresses(const struct send *send,
			    const struct sieve_action *action,
			    const char *address)
{
	if (!sieve_is_loop(send->mail->bytes, address, send->own))
		return false;
	log_message(LOG_LEVEL_WARNING,
		    "%s: %s: rule '%s': %s to %s suppressed, mail loop; kept",
		    send->mail->id, send->to->who->name, action->rule,
		    action->kind == SIEVE_REDIRECT ? "redirect" : "forward",
		    address);
	return true;
}

/* ---- redirect ---- */

static GBytes *send_message(const struct send *send)
{
	return send->edited ? send->edited->bytes : send->mail->bytes;
}

/* The message as it goes on: below the mark that breaks loops and, over LMTP,
 * our Received line it is as it came, but for what a rule changed. */
static struct plan_content *send_redirected(const struct send *send,
					    struct sieve_edit *edit)
{
	struct plan *plan = send->to->plan;
	const struct trace trace = mail_trace(send->mail, send->to);
	g_autofree char *received = NULL;
	g_autofree char *mark = NULL;
	struct plan_content *content;
	GByteArray *out;
	gsize size = 0;
	const guint8 *octets = g_bytes_get_data(send_message(send), &size);

	for (guint i = 0; i < plan->contents->len; i++) {
		content = plan->contents->pdata[i];
		if (content->is_redirect && content->edit == edit)
			return content;
	}
	received = trace_format_received(&trace);
	mark = g_strdup_printf(LOOP_MARK ": %s\r\n" LOOP_MARK_TOO ": %s\r\n",
			       send->to->who->email, send->to->who->email);
	out = g_byte_array_new();
	g_byte_array_append(out, (const guint8 *)received,
			    (guint)strlen(received));
	g_byte_array_append(out, (const guint8 *)mark, (guint)strlen(mark));
	g_byte_array_append(out, octets, (guint)size);
	content = plan_add_content(plan, g_byte_array_free_to_bytes(out));
	content->is_redirect = true;
	content->edit = edit ? sieve_edit_ref(edit) : NULL;
	return content;
}

static bool send_redirects_to(const struct plan *plan, const char *address)
{
	for (guint i = 0; i < plan->outgoing->len; i++) {
		const struct plan_outgoing *outgoing = plan->outgoing->pdata[i];

		for (guint k = 0; k < outgoing->addresses->len; k++)
			if (outgoing->content->is_redirect &&
			    g_ascii_strcasecmp(outgoing->addresses->pdata[k],
					       address) == 0)
				return true;
	}
	return false;
}

bool send_redirect(const struct send *send, const struct sieve_action *action)
{
	struct plan *plan = send->to->plan;
	g_autofree char *sender = NULL;

	if (send_suppresses(send, action, action->argument))
		return false;
	if (send_redirects_to(plan, action->argument))
		return true;
	sender = redirect_sender(send->mail, send->to);
	plan_add_outgoing(plan, send_redirected(send, action->edit), sender,
			  action->argument)
		->word = "redirect";
	return true;
}

/* ---- letters ---- */

static char *send_message_id(const struct send *send, const char *kind)
{
	return g_strdup_printf("%s.%" G_GINT64_FORMAT ".%u.%s@%s",
			       send->mail->id, send->to->who->user,
			       send->to->plan->contents->len, kind,
			       send->mail->agent->conf->hostname);
}

/* The subject a rule gives, or prefix and the message's; owned. */
static char *send_subject(const struct propset *set, const char *given,
			  const char *prefix)
{
	const char *subject = propset_text(set, PR_SUBJECT);

	if (given && *given)
		return g_strdup(given);
	if (subject &&
	    g_ascii_strncasecmp(subject, prefix, strlen(prefix)) == 0)
		return g_strdup(subject);
	return g_strdup_printf("%s%s", prefix, subject ? subject : "");
}

static struct plan_content *send_add(const struct send *send, GBytes *bytes)
{
	struct plan_content *content = plan_add_content(send->to->plan, bytes);

	content->set = mail_sketch(send->mail, content->bytes);
	return content;
}

/* ---- forward ---- */

struct send_marks {
	GString *lines;
	size_t count;
};

static bool send_marks_each(void *context, const char *name, const char *value)
{
	struct send_marks *marks = context;
	g_autofree char *clean = field_clean(value, 320);

	g_string_append_printf(marks->lines, "%s: %s\r\n", name, clean);
	return ++marks->count < 2 * LOOP_HOPS_MAX;
}

/* The marks of all rules that it came through, this one's first: a new message
 * must not forget them.  Owned. */
static char *send_forward_marks(const struct send *send)
{
	static const char *const names[] = {LOOP_MARK, LOOP_MARK_TOO, NULL};
	struct send_marks marks = {.lines = g_string_new(NULL)};
	size_t size = 0;
	const char *octets = g_bytes_get_data(send->mail->bytes, &size);

	g_string_append_printf(marks.lines,
			       LOOP_MARK ": %s\r\n" LOOP_MARK_TOO ": %s\r\n",
			       send->to->who->email, send->to->who->email);
	header_scan(octets, size, names, send_marks_each, &marks);
	return g_string_free(marks.lines, FALSE);
}

static const struct {
	const char *label, *field;
} send_quoted[] = {
	{"From", "From"}, {"Sent", "Date"},       {"To", "To"},
	{"Cc", "Cc"},     {"Subject", "Subject"},
};

/* "From: ..." and so on, above the text that is forwarded. */
static void send_quote_text(GString *out, const struct propset *from)
{
	g_string_append(out, "-----Original Message-----\n");
	for (size_t i = 0; i < G_N_ELEMENTS(send_quoted); i++) {
		const struct header_field *field =
			propset_find_header(from, send_quoted[i].field);

		if (field)
			g_string_append_printf(out, "%s: %s\n",
					       send_quoted[i].label,
					       field->text);
	}
	g_string_append(out, "\n");
}

static void send_quote_html(GString *out, const struct propset *from)
{
	g_string_append(out, "<hr><p>");
	for (size_t i = 0; i < G_N_ELEMENTS(send_quoted); i++) {
		const struct header_field *field =
			propset_find_header(from, send_quoted[i].field);
		g_autofree char *text =
			field ? g_markup_escape_text(field->text, -1) : NULL;

		if (field)
			g_string_append_printf(out, "<b>%s:</b> %s<br>\n",
					       send_quoted[i].label, text);
	}
	g_string_append(out, "</p>\n");
}

/* Where the body of an HTML document begins: 0 if it does not say so. */
static size_t send_body_start(const char *html)
{
	for (const char *at = strchr(html, '<'); at; at = strchr(at + 1, '<')) {
		const char *end;

		if (g_ascii_strncasecmp(at, "<body", 5) != 0 ||
		    g_ascii_isalnum(at[5]))
			continue;
		end = strchr(at, '>');
		return end ? (size_t)(end - html) + 1 : 0;
	}
	return 0;
}

/* Its HTML is UTF-8 from then on; final if helpers die of it. */
static int send_decode_html(const struct send *send, struct propset *set,
			    struct fault *fault)
{
	struct fault why = {0};
	gsize len = 0;
	GBytes *data = propset_binary(set, PR_HTML);
	const char *octets = data ? g_bytes_get_data(data, &len) : NULL;
	g_autofree char *html = NULL;

	if (!data)
		return 0;
	html = helper_to_utf8(send->mail->agent->helpers,
			      sieve_html_charset(set), octets, len, &why);
	if (why.kind != FAULT_NONE) {
		*fault = why;
		return fault_prefix(fault, "forward");
	}
	if (!html)
		html = utf8_make_valid(len ? octets : "", len);
	propset_set_binary_copy(set, PR_HTML, html, strlen(html));
	propset_set_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	return 0;
}

static void send_set_html(struct propset *set, const struct propset *from,
			  const struct sieve_letter *letter)
{
	g_autoptr(GString) out = g_string_new(NULL);
	gsize len = 0;
	GBytes *data = propset_binary(from, PR_HTML);
	const char *octets = data ? g_bytes_get_data(data, &len) : NULL;
	g_autofree char *html = octets ? g_strndup(octets, len) : NULL;
	size_t start;

	if (!html)
		return;
	start = send_body_start(html);
	g_string_append_len(out, html, (gssize)start);
	if (letter->text) {
		g_autofree char *text = g_markup_escape_text(letter->text, -1);
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
		g_autofree char *joined = g_strjoinv("<br>\n", lines);

		g_string_append_printf(out, "<p>%s</p>\n", joined);
	}
	send_quote_html(out, from);
	g_string_append(out, html + start);
	propset_set_binary_copy(set, PR_HTML, out->str, out->len);
}

static void send_set_body(struct propset *set, const struct propset *from,
			  const struct sieve_letter *letter)
{
	const char *body = propset_text(from, PR_BODY);
	g_autoptr(GString) out = g_string_new(NULL);

	if (letter->text)
		g_string_append_printf(out, "%s\n\n", letter->text);
	send_quote_text(out, from);
	g_string_append(out, body ? body : "");
	propset_set_text(set, PR_BODY, out->str);
	propset_set_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	send_set_html(set, from, letter);
}

static void send_set_recipients(struct propset *set, GPtrArray *addresses)
{
	for (guint i = 0; i < addresses->len; i++) {
		struct propset *row = propset_add_recipient(set, propset_new());

		propset_set_number(row, PR_RECIPIENT_TYPE, 1);
		propset_set_text(row, PR_ADDRTYPE, "SMTP");
		propset_set_text(row, PR_EMAIL_ADDRESS, addresses->pdata[i]);
		propset_set_text(row, PR_SMTP_ADDRESS, addresses->pdata[i]);
	}
}

/* The new message as properties: the text of the old one quoted, its
 * attachments taken over; owned. */
static struct propset *send_inline_set(const struct letter *head,
				       struct propset *from,
				       const struct sieve_letter *letter,
				       GPtrArray *addresses)
{
	struct propset *set = propset_new();

	propset_set_text(set, PR_SENT_REPRESENTING_ADDRTYPE, "SMTP");
	propset_set_text(set, PR_SENT_REPRESENTING_NAME, head->from_name);
	propset_set_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS, head->from);
	propset_set_text(set, PR_SENT_REPRESENTING_SMTP_ADDRESS, head->from);
	propset_set_text(set, PR_SUBJECT, head->subject);
	propset_set_text(set, PR_INTERNET_MESSAGE_ID, head->message_id);
	propset_set_number(set, PR_CLIENT_SUBMIT_TIME, head->time);
	if (propset_has(from, PR_IMPORTANCE))
		propset_set_number(set, PR_IMPORTANCE,
				   propset_number(from, PR_IMPORTANCE, 1));
	send_set_recipients(set, addresses);
	send_set_body(set, from, letter);
	while (propset_attachment_count(from) > 0)
		propset_add_attachment(set, propset_take_attachment(from, 0));
	return set;
}

static void send_tell_attached(const struct send *send, const struct fault *why)
{
	log_message(LOG_LEVEL_WARNING, "%s: %s: forwarded as attachment: %s",
		    send->mail->id, send->to->who->name, why->text);
}

/* NULL where it could not be composed, which is logged. */
static GBytes *send_inline(const struct send *send, const struct letter *head,
			   struct propset *from,
			   const struct sieve_letter *letter,
			   GPtrArray *addresses)
{
	AUTO(propset)
	set = send_inline_set(head, from, letter, addresses);
	g_autoptr(GBytes) composed = NULL;
	GByteArray *out;
	struct fault fault = {0};
	const char *marks = letter_marks(LETTER_FORWARD);
	gsize size = 0;
	const guint8 *octets;

	if (helper_to_rfc822(send->mail->agent->helpers, set, &composed,
			     &fault)) {
		send_tell_attached(send, &fault);
		return NULL;
	}
	octets = g_bytes_get_data(composed, &size);
	out = g_byte_array_new();
	g_byte_array_append(out, (const guint8 *)head->trace,
			    (guint)strlen(head->trace));
	g_byte_array_append(out, (const guint8 *)marks, (guint)strlen(marks));
	g_byte_array_append(out, octets, (guint)size);
	return g_byte_array_free_to_bytes(out);
}

/* The message with all that it says; owned, the fallback set where it cannot be
 * converted. */
static struct propset *send_convert(const struct send *send)
{
	const struct convert_options options = {
		.flags = CONVERT_ALL,
		.default_charset = send->mail->agent->conf->default_charset,
	};
	struct propset *set = NULL;
	struct fault fault = {0};

	if (helper_to_propset(send->mail->agent->helpers, send_message(send),
			      -1, &options, &set, &fault))
		log_message(LOG_LEVEL_WARNING, "%s: forward: %s",
			    send->mail->id, fault.text);
	return set;
}

/* What its header says; borrowed from the mail or the plan. */
static const struct propset *send_summary(const struct send *send)
{
	return send->edited ? send->edited->set : send->mail->set;
}

static int send_compose_forward(const struct send *send,
				const struct sieve_letter *wish,
				struct letter *head, GPtrArray *addresses,
				GBytes **ret_bytes, struct fault *fault)
{
	AUTO(propset) whole = wish->as_attachment ? NULL : send_convert(send);
	g_autofree char *subject =
		send_subject(send_summary(send), wish->subject, "FW: ");
	struct fault why = {0};
	GBytes *bytes = NULL;

	head->subject = subject;
	if (whole && send_decode_html(send, whole, &why) == 0)
		bytes = send_inline(send, head, whole, wish, addresses);
	if (fault_is_temporary(&why)) {
		*fault = why;
		return -1;
	}
	if (why.kind != FAULT_NONE)
		send_tell_attached(send, &why);
	if (!bytes) {
		head->attached = send_message(send);
		head->body = wish->text;
		bytes = letter_format(head);
	}
	*ret_bytes = bytes;
	return 0;
}

/* A bounce of what was forwarded comes to the user, who may forward it: what
 * has no sender stays without one. */
static const char *send_forward_sender(const struct send *send)
{
	return *send->mail->reverse_path ? send->to->who->email : "";
}

int send_forward(const struct send *send, const struct sieve_action *action,
		 bool *ret_sent, struct fault *fault)
{
	const struct sieve_letter *wish = action->letter;
	const struct autoreply_writer writer = {
		.what = "forward",
		.from = wish->from,
		.from_address = wish->from_address,
	};
	g_autoptr(GPtrArray) addresses = g_ptr_array_new();
	g_autofree char *from = NULL;
	g_autofree char *name = NULL;
	g_autofree char *marks = send_forward_marks(send);
	g_autofree char *message_id = send_message_id(send, "forward");
	struct letter head = {
		.kind = LETTER_FORWARD,
		.trace = marks,
		.message_id = message_id,
		.time = g_get_real_time(),
	};
	struct plan_content *content;
	GBytes *bytes = NULL;

	*ret_sent = false;
	for (guint i = 0; i < wish->addresses->len; i++)
		if (!send_suppresses(send, action, wish->addresses->pdata[i]))
			g_ptr_array_add(addresses, wish->addresses->pdata[i]);
	if (addresses->len == 0)
		return 0;
	if (autoreply_sender(send->mail, send->store, send->to, &writer, &from,
			     &name, fault))
		return -1;
	g_ptr_array_add(addresses, NULL);
	head.to = (const char *const *)addresses->pdata;
	g_ptr_array_set_size(addresses, (gint)addresses->len - 1);
	head.from = from;
	head.from_name = name;
	if (send_compose_forward(send, wish, &head, addresses, &bytes, fault))
		return -1;
	content = send_add(send, bytes);
	for (guint i = 0; i < addresses->len; i++)
		plan_add_outgoing(send->to->plan, content,
				  send_forward_sender(send),
				  addresses->pdata[i])
			->word = "forward";
	/* Who was left out for a loop: the user keeps it, too. */
	*ret_sent = addresses->len == wish->addresses->len;
	return 0;
}

/* ---- reply ---- */

/* Two robots that answer each other do so once a minute, not without end at
 * full speed.  False where the sender was answered just now. */
static int send_claim(const struct send *send, const struct sieve_letter *wish,
		      bool *ret_may, struct fault *fault)
{
	g_autofree char *sender = g_utf8_casefold(send->mail->reverse_path, -1);
	g_autofree char *key = g_strdup_printf("r:%s:%s", wish->handle, sender);
	bool known = false;

	if (store_rule_recall(send->store, send->to->who->store, key,
			      g_get_real_time(), &known, fault))
		return -1;
	*ret_may = !known;
	if (!known)
		plan_add_mark(send->to->plan, key, SEND_REPLY_SECONDS, true);
	return 0;
}

static void send_add_reply(const struct send *send,
			   const struct sieve_letter *wish, const char *from,
			   const char *name)
{
	const struct propset *set = send->mail->set;
	g_autofree char *message_id = send_message_id(send, "reply");
	g_autofree char *subject = send_subject(set, wish->subject, "Re: ");
	const char *const to[] = {send->mail->reverse_path, NULL};
	const struct letter letter = {
		.kind = LETTER_REPLY,
		.from = from,
		.from_name = name,
		.to = to,
		.subject = subject,
		.body = wish->text,
		.is_mime = wish->is_mime,
		.message_id = message_id,
		.in_reply_to = propset_text(set, PR_INTERNET_MESSAGE_ID),
		.references = propset_text(set, PR_INTERNET_REFERENCES),
		.time = g_get_real_time(),
	};
	struct plan_outgoing *outgoing = plan_add_outgoing(
		send->to->plan, send_add(send, letter_format(&letter)), "",
		send->mail->reverse_path);

	outgoing->is_report = true;
	outgoing->word = "replied";
}

int send_reply(const struct send *send, const struct sieve_action *action,
	       struct fault *fault)
{
	const struct sieve_letter *wish = action->letter;
	const struct autoreply_writer writer = {
		.what = "reply",
		.as_addressed = true,
		.from = wish->from,
		.from_address = wish->from_address,
	};
	g_autofree char *from = NULL;
	g_autofree char *name = NULL;
	const char *why = NULL;
	bool may = true;

	if (autoreply_ask(send->mail, send->store, send->to, NULL, &why, fault))
		return -1;
	if (!why && send_claim(send, wish, &may, fault))
		return -1;
	if (why || !may) {
		log_message(LOG_LEVEL_DETAIL, "%s: %s: rule '%s': no reply: %s",
			    send->mail->id, send->to->who->name, action->rule,
			    why ? why : "one went there just now");
		return 0;
	}
	if (autoreply_sender(send->mail, send->store, send->to, &writer, &from,
			     &name, fault))
		return -1;
	send_add_reply(send, wish, from, name);
	return 0;
}
