/*
 * Checks before a message is handed over; see sendmail_check.h.
 */
#include "sendmail_check.h"

#include "fixup.h"
#include "header.h"
#include "smtp/smtp_server.h"

static int check_address(const char *address, const char *origin,
			 const char *what, struct fault *fault)
{
	g_autofree char *whole = fixup_qualify(address, origin);

	if (!*whole || smtp_path_check(whole, true, true))
		return 0;
	return fault_set(fault, FAULT_BAD_ADDRESS, "<%s> is no %s address",
			 address, what);
}

/* As submit.c counts: one that is named twice is one. */
static int check_count(const struct conf *conf, const GPtrArray *recipients,
		       struct fault *fault)
{
	g_autoptr(GHashTable) seen =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	if (recipients->len <= conf->submit_recipient_limit)
		return 0;
	for (guint i = 0; i < recipients->len; i++) {
		const struct envelope_recipient *recipient =
			recipients->pdata[i];

		(void)g_hash_table_add(
			seen, fixup_qualify(recipient->address, conf->origin));
	}
	if (g_hash_table_size(seen) <= conf->submit_recipient_limit)
		return 0;
	return fault_set(fault, FAULT_TOO_MANY_RCPTS,
			 "%u recipients: a message may have "
			 "%" G_GINT64_FORMAT,
			 g_hash_table_size(seen), conf->submit_recipient_limit);
}

static int check_addresses(const struct conf *conf,
			   const struct envelope *envelope, struct fault *fault)
{
	if (envelope->sender &&
	    check_address(envelope->sender, conf->origin, "sender", fault) != 0)
		return -1;
	for (guint i = 0; i < envelope->recipients->len; i++) {
		const struct envelope_recipient *recipient =
			envelope->recipients->pdata[i];

		if (check_address(recipient->address, conf->origin, "recipient",
				  fault) != 0)
			return -1;
	}
	return check_count(conf, envelope->recipients, fault);
}

/* Who is named, once the header was read. */
struct check_named {
	bool in_first;
	bool is_resent;
	bool in_resent;
};

static bool check_field(void *context, const char *name, const char *value)
{
	struct check_named *named = context;
	unsigned role = fixup_role(name);
	bool is_resent = role & FIXUP_RESENT;

	named->is_resent |= is_resent;
	if (!(role & FIXUP_NAMES))
		return true;
	if (fixup_names_somebody(value))
		*(is_resent ? &named->in_resent : &named->in_first) = true;
	return true;
}

/* As submit.c will find them. */
static bool check_names_somebody(const char *message, size_t len)
{
	struct check_named named = {0};

	header_scan(message, len, fixup_role_names, check_field, &named);
	return named.is_resent ? named.in_resent : named.in_first;
}

int sendmail_check(const struct conf *conf, const struct envelope *envelope,
		   const char *message, size_t len, struct fault *fault)
{
	if (!len)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "there is no message on stdin");
	if ((int64_t)len > conf->message_size_limit)
		return fault_set(fault, FAULT_TOO_BIG,
				 "the message is larger than "
				 "message_size_limit");
	if (check_addresses(conf, envelope, fault) != 0)
		return -1;
	if (!envelope->recipients->len && !check_names_somebody(message, len))
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "no recipient addresses in To, Cc or Bcc");
	if (header_count(message, len, "Received") > SENDMAIL_HOPS_MAX)
		return fault_set(fault, FAULT_LOOP,
				 "more than %d Received: lines, mail loop",
				 SENDMAIL_HOPS_MAX);
	return 0;
}
