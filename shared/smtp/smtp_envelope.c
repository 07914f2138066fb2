/*
 * MAIL and RCPT: the syntax is checked whole, then the handler is asked.
 */
#include "smtp_private.h"

#include <string.h>

#define SMTP_MIXER_URGENT 4 /* and -4 for what is not */

/* What a parameter is put into; one of mail and rcpt is set. */
struct smtp_param_target {
	const struct smtp_options *options;
	struct smtp_mail *mail;
	struct smtp_rcpt *rcpt;
	bool smtputf8;
};

struct smtp_param_row {
	const char *keyword;
	int (*set)(struct smtp_param_target *target, char *value,
		   struct fault *fault);
	bool for_rcpt;
	/* The option that offers it; NULL: always. */
	bool (*offered)(const struct smtp_options *options);
};

static int param_bad(const char *keyword, struct fault *fault)
{
	return fault_set(fault, FAULT_BAD_ARGUMENT, "Bad value of parameter %s",
			 keyword);
}

static bool param_is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int param_size(struct smtp_param_target *target, char *value,
		      struct fault *fault)
{
	if (!value || strlen(value) > 20 ||
	    !smtp_parse_number(value, &target->mail->size))
		return param_bad("SIZE", fault);
	return 0;
}

static int param_body(struct smtp_param_target *target, char *value,
		      struct fault *fault)
{
	if (value && g_ascii_strcasecmp(value, "7BIT") == 0)
		return 0;
	if (value && g_ascii_strcasecmp(value, "8BITMIME") == 0)
		target->mail->body_8bit = true;
	else if (value && g_ascii_strcasecmp(value, "BINARYMIME") == 0)
		target->mail->body_binary = true;
	else
		return param_bad("BODY", fault);
	return 0;
}

static int param_smtputf8(struct smtp_param_target *target, char *value,
			  struct fault *fault)
{
	if (value)
		return param_bad("SMTPUTF8", fault);
	target->mail->smtputf8 = true;
	return 0;
}

static int param_ret(struct smtp_param_target *target, char *value,
		     struct fault *fault)
{
	if (value && g_ascii_strcasecmp(value, "FULL") == 0)
		target->mail->dsn_ret = "FULL";
	else if (value && g_ascii_strcasecmp(value, "HDRS") == 0)
		target->mail->dsn_ret = "HDRS";
	else
		return param_bad("RET", fault);
	return 0;
}

/* RFC 3461 4.4: at most 100 octets, printable ASCII once decoded. */
static int param_envid(struct smtp_param_target *target, char *value,
		       struct fault *fault)
{
	if (!value || strlen(value) > 100 || !smtp_xtext_decode_here(value) ||
	    !param_is_printable(value) || !smtp_is_ascii(value))
		return param_bad("ENVID", fault);
	target->mail->dsn_envid = value;
	return 0;
}

/* RFC 4954 5: a mailbox as xtext, or <>. */
static int param_auth(struct smtp_param_target *target, char *value,
		      struct fault *fault)
{
	if (!value || !smtp_xtext_decode_here(value) ||
	    !param_is_printable(value))
		return param_bad("AUTH", fault);
	if (strcmp(value, "<>") != 0 && !smtp_path_check(value, true, false))
		return param_bad("AUTH", fault);
	target->mail->auth = value;
	return 0;
}

static int param_private(struct smtp_param_target *target, char *value,
			 struct fault *fault)
{
	if (!value || !smtp_xtext_decode_here(value))
		return param_bad("X-OKAPI", fault);
	target->mail->private_options = value;
	return 0;
}

/* RFC 4865 4: one of the two, and not later than was offered. */
static int param_release(struct smtp_param_target *target, int64_t release,
			 const char *keyword, struct fault *fault)
{
	const struct smtp_options *options = target->options;
	int64_t latest =
		options->clock() + options->future_release * USEC_PER_SEC;

	if (target->mail->release)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "HOLDFOR and HOLDUNTIL exclude each other");
	if (release > latest)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%s is later than FUTURERELEASE allows",
				 keyword);
	target->mail->release = release;
	return 0;
}

/* RFC 6710 3, 4.1: "-9" to "9"; MIXER (appendix B) has three of them. */
static int param_mt_priority(struct smtp_param_target *target, char *value,
			     struct fault *fault)
{
	const char *digit = value && *value == '-' ? value + 1 : value;
	int priority;

	if (!digit || !g_ascii_isdigit(digit[0]) || digit[1] ||
	    (digit != value && *digit == '0'))
		return param_bad("MT-PRIORITY", fault);
	priority = (*digit - '0') * (digit == value ? 1 : -1);
	target->mail->has_mt_priority = true;
	target->mail->mt_priority = CLAMP(priority, -1, 1) * SMTP_MIXER_URGENT;
	target->mail->mt_priority_was_changed =
		target->mail->mt_priority != priority;
	return 0;
}

static int param_holdfor(struct smtp_param_target *target, char *value,
			 struct fault *fault)
{
	int64_t seconds = 0;

	if (!value || strlen(value) > 9 || !smtp_parse_number(value, &seconds))
		return param_bad("HOLDFOR", fault);
	return param_release(target,
			     target->options->clock() + seconds * USEC_PER_SEC,
			     "HOLDFOR", fault);
}

/* RFC 3339 5.6. */
static int param_holduntil(struct smtp_param_target *target, char *value,
			   struct fault *fault)
{
	g_autoptr(GDateTime) time =
		value ? g_date_time_new_from_iso8601(value, NULL) : NULL;

	if (!time || g_date_time_to_unix(time) < 1)
		return param_bad("HOLDUNTIL", fault);
	return param_release(target, g_date_time_to_unix(time) * USEC_PER_SEC,
			     "HOLDUNTIL", fault);
}

static unsigned param_notify_word(const char *word)
{
	if (g_ascii_strcasecmp(word, "SUCCESS") == 0)
		return SMTP_NOTIFY_SUCCESS;
	if (g_ascii_strcasecmp(word, "FAILURE") == 0)
		return SMTP_NOTIFY_FAILURE;
	if (g_ascii_strcasecmp(word, "DELAY") == 0)
		return SMTP_NOTIFY_DELAY;
	return 0;
}

/* RFC 3461 4.1: NEVER alone, or a list of the others. */
static int param_notify(struct smtp_param_target *target, char *value,
			struct fault *fault)
{
	unsigned notify = 0;

	if (!value)
		return param_bad("NOTIFY", fault);
	if (g_ascii_strcasecmp(value, "NEVER") == 0) {
		target->rcpt->dsn_notify = SMTP_NOTIFY_NEVER;
		return 0;
	}
	g_auto(GStrv) words = g_strsplit(value, ",", -1);

	for (char **word = words; *word; word++) {
		unsigned bit = param_notify_word(*word);

		if (!bit)
			return param_bad("NOTIFY", fault);
		notify |= bit;
	}
	target->rcpt->dsn_notify = notify;
	return 0;
}

/* Some write a path where an address belongs: without its brackets. */
static void param_strip_brackets(char *address)
{
	size_t len = strlen(address);

	if (*address != '<' || address[len - 1] != '>')
		return;
	memmove(address, address + 1, len - 2);
	address[len - 2] = '\0';
}

/* RFC 3461 4.2: "type;xtext", at most 500 octets; RFC 6533 has UTF-8 in it
 * as it is. */
static int param_orcpt(struct smtp_param_target *target, char *value,
		       struct fault *fault)
{
	char *semicolon = value ? strchr(value, ';') : NULL;

	if (!semicolon || semicolon == value || !semicolon[1] ||
	    strlen(value) > 500)
		return param_bad("ORCPT", fault);
	for (const char *p = value; p < semicolon; p++)
		if (!g_ascii_isalnum(*p) && *p != '-')
			return param_bad("ORCPT", fault);
	if (!(target->smtputf8 && !smtp_is_ascii(value)) &&
	    !smtp_xtext_decode_here(semicolon + 1))
		return param_bad("ORCPT", fault);
	if (!param_is_printable(value) || !g_utf8_validate(value, -1, NULL))
		return param_bad("ORCPT", fault);
	param_strip_brackets(semicolon + 1);
	if (!semicolon[1])
		return param_bad("ORCPT", fault);
	target->rcpt->dsn_orcpt = value;
	return 0;
}

static bool offers_dsn(const struct smtp_options *options)
{
	return options->offer_dsn;
}

static bool offers_smtputf8(const struct smtp_options *options)
{
	return options->offer_smtputf8;
}

static bool offers_auth(const struct smtp_options *options)
{
	return options->offer_auth;
}

static bool offers_private(const struct smtp_options *options)
{
	return options->allow_private;
}

static bool offers_release(const struct smtp_options *options)
{
	return options->future_release > 0;
}

static bool offers_mt_priority(const struct smtp_options *options)
{
	return options->offer_mt_priority;
}

static const struct smtp_param_row smtp_params[] = {
	{"SIZE", param_size, false, NULL},
	{"BODY", param_body, false, NULL},
	{"SMTPUTF8", param_smtputf8, false, offers_smtputf8},
	{"RET", param_ret, false, offers_dsn},
	{"ENVID", param_envid, false, offers_dsn},
	{"AUTH", param_auth, false, offers_auth},
	{"HOLDFOR", param_holdfor, false, offers_release},
	{"HOLDUNTIL", param_holduntil, false, offers_release},
	{"MT-PRIORITY", param_mt_priority, false, offers_mt_priority},
	{"X-OKAPI", param_private, false, offers_private},
	{"NOTIFY", param_notify, true, offers_dsn},
	{"ORCPT", param_orcpt, true, offers_dsn},
};

static const struct smtp_param_row *
smtp_param_find(const struct smtp_param_target *target, const char *keyword)
{
	for (size_t i = 0; i < G_N_ELEMENTS(smtp_params); i++) {
		const struct smtp_param_row *row = &smtp_params[i];

		if (g_ascii_strcasecmp(row->keyword, keyword) == 0 &&
		    row->for_rcpt == (target->rcpt != NULL) &&
		    (!row->offered || row->offered(target->options)))
			return row;
	}
	return NULL;
}

static int smtp_params_parse(struct smtp_param_target *target, char *rest,
			     struct fault *fault)
{
	unsigned seen = 0;
	char *keyword = NULL;
	char *value = NULL;
	int more;

	while ((more = smtp_param_next(&rest, &keyword, &value, fault)) > 0) {
		const struct smtp_param_row *row =
			smtp_param_find(target, keyword);

		if (!row)
			return fault_set(fault, FAULT_UNSUPPORTED,
					 "Parameter %s is not supported",
					 keyword);
		if (seen & (1U << (row - smtp_params)))
			return fault_set(fault, FAULT_BAD_ARGUMENT,
					 "Parameter %s twice", row->keyword);
		seen |= 1U << (row - smtp_params);
		if (row->set(target, value, fault) < 0)
			return -1;
	}
	return more;
}

/* "FROM:" or "TO:", case-blind; what stands behind it, or NULL. */
static char *smtp_skip_word(char *args, const char *word)
{
	size_t len = strlen(word);

	return g_ascii_strncasecmp(args, word, len) == 0 ? args + len : NULL;
}

static int smtp_path_judge(const char *path, bool utf8, bool need_domain,
			   struct fault *fault)
{
	if (smtp_path_check(path, utf8, need_domain))
		return 0;
	if (!utf8 && smtp_path_check(path, true, need_domain))
		return fault_set(fault, FAULT_NEEDS_UTF8,
				 "An address that is not ASCII needs SMTPUTF8");
	return fault_set(fault, FAULT_BAD_ADDRESS, "Bad address");
}

/* LMTP takes what the MTA has accepted already: a recipient may be a login
 * name, and a sender that is no address is no reason to bounce: nobody could
 * be told. */
static bool smtp_is_lmtp(const struct smtp_server *server)
{
	return server->options->protocol == SMTP_PROTOCOL_LMTP;
}

static bool smtp_needs_domain(const struct smtp_server *server)
{
	return !smtp_is_lmtp(server) && !server->options->allow_local;
}

/* ---- MAIL ---- */

/* LMTP: the sender as it goes on, in any script, dots that need quotes in
 * quotes (*ret_quoted owns those); what is no address is the null path. */
static void smtp_mail_mend(struct smtp_mail *mail, const char *path,
			   char **ret_quoted)
{
	if (smtp_path_check(path, true, false)) {
		mail->reverse_path = path;
		return;
	}
	*ret_quoted = smtp_path_quote(path);
	mail->reverse_path = *ret_quoted ? *ret_quoted : "";
	if (!*ret_quoted)
		mail->no_path = path;
}

static int smtp_mail_check(const struct smtp_server *server, char *args,
			   struct smtp_mail *ret_mail, char **ret_quoted,
			   struct fault *fault)
{
	struct smtp_mail mail = {.size = -1};
	struct smtp_param_target target = {.options = server->options,
					   .mail = &mail};
	char *path = smtp_skip_word(args, "FROM:");
	char *rest = NULL;

	if (!path)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Syntax: MAIL FROM:<address>");
	if (smtp_path_cut(path, &path, &rest, fault) < 0 ||
	    smtp_params_parse(&target, rest, fault) < 0)
		return -1;
	mail.reverse_path = path;
	if (*path && smtp_is_lmtp(server) && g_utf8_validate(path, -1, NULL))
		smtp_mail_mend(&mail, path, ret_quoted);
	else if (*path && smtp_path_judge(path, mail.smtputf8,
					  smtp_needs_domain(server), fault) < 0)
		return -1;
	if (server->options->size_limit > 0 &&
	    mail.size > server->options->size_limit)
		return fault_set(fault, FAULT_TOO_BIG,
				 "The message is larger than %" G_GINT64_FORMAT
				 " octets",
				 server->options->size_limit);
	*ret_mail = mail;
	return 0;
}

static int smtp_mail_proceed(struct smtp_server *server,
			     const struct smtp_mail *mail, struct fault *fault)
{
	if (server->handler->mail(server->context, mail, fault) < 0) {
		smtp_fault_default(fault);
		return -1;
	}
	server->open = true;
	server->state = SMTP_STATE_MAIL;
	server->smtputf8 = mail->smtputf8;
	server->body_binary = mail->body_binary;
	server->rcpt_optional =
		mail->private_options &&
		server->options->protocol == SMTP_PROTOCOL_ESMTP;
	return 0;
}

void smtp_cmd_mail(struct smtp_server *server, char *args)
{
	struct fault fault = {0};
	struct smtp_mail mail = {0};
	g_autofree char *quoted = NULL;

	smtp_reset(server);
	if (smtp_mail_check(server, args, &mail, &quoted, &fault) < 0) {
		server->excused = true;
		if (fault.kind == FAULT_TOO_BIG)
			smtp_reply_fault(server, &fault);
		else
			smtp_error_fault(server, &fault);
	} else if (smtp_mail_proceed(server, &mail, &fault) < 0) {
		server->excused = true;
		smtp_reply_fault(server, &fault);
	} else if (mail.mt_priority_was_changed) {
		smtp_reply(server, 250, "2.3.6", "%d is the new priority",
			   mail.mt_priority);
	} else {
		smtp_reply(server, 250, "2.1.0", "OK");
	}
}

/* ---- RCPT ---- */

/* The path as it goes on: over LMTP dots that need quotes get them, as in an
 * address that the MTA knows; *ret_quoted owns those. */
static int smtp_rcpt_mend(const struct smtp_server *server, bool need_domain,
			  const char **path, char **ret_quoted,
			  struct fault *fault)
{
	if (smtp_path_judge(*path, server->smtputf8, need_domain, fault) == 0)
		return 0;
	*ret_quoted = smtp_is_lmtp(server) ? smtp_path_quote(*path) : NULL;
	if (!*ret_quoted || smtp_path_judge(*ret_quoted, server->smtputf8,
					    need_domain, fault) < 0)
		return -1;
	*path = *ret_quoted;
	fault_clear(fault);
	return 0;
}

static int smtp_rcpt_check(const struct smtp_server *server, char *args,
			   struct smtp_rcpt *ret_rcpt, char **ret_quoted,
			   struct fault *fault)
{
	struct smtp_rcpt rcpt = {0};
	struct smtp_param_target target = {.options = server->options,
					   .rcpt = &rcpt,
					   .smtputf8 = server->smtputf8};
	bool need_domain = smtp_needs_domain(server);
	char *path = smtp_skip_word(args, "TO:");
	char *rest = NULL;

	if (!path)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Syntax: RCPT TO:<address>");
	if (smtp_path_cut(path, &path, &rest, fault) < 0 ||
	    smtp_params_parse(&target, rest, fault) < 0)
		return -1;
	if (g_ascii_strcasecmp(path, "postmaster") == 0)
		need_domain = false;
	rcpt.path = path;
	if (smtp_rcpt_mend(server, need_domain, &rcpt.path, ret_quoted, fault) <
	    0)
		return -1;
	*ret_rcpt = rcpt;
	return 0;
}

static int smtp_rcpt_proceed(struct smtp_server *server,
			     const struct smtp_rcpt *rcpt, struct fault *fault)
{
	if (server->rcpt_accepted >= SMTP_RECIPIENTS_MAX)
		return fault_set(fault, FAULT_TOO_MANY, "Too many recipients");
	if (server->handler->rcpt(server->context, rcpt, fault) < 0) {
		smtp_fault_default(fault);
		return -1;
	}
	server->rcpt_accepted++;
	server->state = SMTP_STATE_RCPT;
	return 0;
}

void smtp_cmd_rcpt(struct smtp_server *server, char *args)
{
	struct fault fault = {0};
	struct smtp_rcpt rcpt = {0};
	g_autofree char *quoted = NULL;

	server->rcpt_tried++;
	if (smtp_rcpt_check(server, args, &rcpt, &quoted, &fault) < 0) {
		server->excused = true;
		smtp_error_fault(server, &fault);
	} else if (smtp_rcpt_proceed(server, &rcpt, &fault) < 0) {
		server->excused = true;
		smtp_reply_fault(server, &fault);
	} else {
		smtp_reply(server, 250, "2.1.5", "OK");
	}
}
