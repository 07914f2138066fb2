/*
 * What follows from the message and its recipient together.
 */
#include "derived.h"

#include <string.h>

enum {
	RECIPIENT_TO = 1,
	RECIPIENT_CC = 2
};

/* The address without its detail, the delimiter being before it. */
static bool is_without_detail(const char *address, const char *whole,
			      const char *detail)
{
	const char *at = strrchr(whole, '@');
	size_t tail = strlen(detail) + 1;
	size_t local;

	if (!at || (size_t)(at - whole) <= tail)
		return false;
	local = (size_t)(at - whole) - tail;
	return g_ascii_strncasecmp(at - tail + 1, detail, tail - 1) == 0 &&
	       g_ascii_strncasecmp(address, whole, local) == 0 &&
	       g_ascii_strcasecmp(address + local, at) == 0;
}

static bool is_own(const struct sieve_message *message, const char *address)
{
	const char *to = message->envelope_to;

	if (message->is_own_address &&
	    message->is_own_address(message->mailbox_context, address))
		return true;
	if (!to || !*address)
		return false;
	return g_ascii_strcasecmp(to, address) == 0 ||
	       (message->envelope_detail &&
		is_without_detail(address, to, message->envelope_detail));
}

/* Is the user a recipient of that type (0: of any)? */
static bool is_to_me(const struct sieve_message *message, int64_t type)
{
	const struct propset *set = message->set;

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *recipient = propset_recipient(set, i);
		const char *address = propset_text(recipient, PR_SMTP_ADDRESS);

		if (!address)
			address = propset_text(recipient, PR_EMAIL_ADDRESS);
		if (!address || !is_own(message, address))
			continue;
		if (!type ||
		    propset_number(recipient, PR_RECIPIENT_TYPE, 0) == type)
			return true;
	}
	return false;
}

bool sieve_derived_prop(const struct sieve_message *message, uint32_t tag,
			struct prop *ret_prop)
{
	struct prop prop = {.tag = tag};

	if (tag == PR_MESSAGE_SIZE)
		prop.value.number = message->size;
	else if (tag == PR_MESSAGE_TO_ME)
		prop.value.boolean = is_to_me(message, RECIPIENT_TO);
	else if (tag == PR_MESSAGE_CC_ME)
		prop.value.boolean = is_to_me(message, RECIPIENT_CC);
	else if (tag == PR_MESSAGE_RECIP_ME)
		prop.value.boolean = is_to_me(message, 0);
	else if (tag == PR_MESSAGE_DELIVERY_TIME && message->delivered)
		prop.value.number = message->delivered;
	else
		return false;
	*ret_prop = prop;
	return true;
}
