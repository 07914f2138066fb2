/*
 * Fitting a message to what a relay host offers; see relay_form.h.
 */
#include "relay_form.h"

#include "downgrade.h"

#include <string.h>

void relay_offer_clear(struct relay_offer *offer)
{
	g_free(offer->auth);
	*offer = (struct relay_offer){0};
}

/* "AUTH PLAIN LOGIN"; some servers say it twice, some with '='. */
static void relay_offer_add_auth(struct relay_offer *offer, const char *words)
{
	char *all =
		g_strconcat(offer->auth ? offer->auth : "", " ", words, NULL);

	g_free(offer->auth);
	offer->auth = all;
}

void relay_offer_add(struct relay_offer *offer, const char *line)
{
	const struct {
		const char *word;
		bool *flag;
	} words[] = {
		{"8BITMIME", &offer->eightbit},
		{"DSN", &offer->dsn},
		{"SMTPUTF8", &offer->utf8},
		{"PIPELINING", &offer->pipelining},
		{"SIZE", &offer->size},
		{"STARTTLS", &offer->starttls},
		{"CHUNKING", &offer->chunking},
	};
	size_t len = strcspn(line, " =\t");

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strlen(words[i].word) == len &&
		    g_ascii_strncasecmp(line, words[i].word, len) == 0)
			*words[i].flag = true;
	if (len == 4 && line[len] &&
	    g_ascii_strncasecmp(line, "AUTH", len) == 0)
		relay_offer_add_auth(offer, line + len + 1);
}

bool relay_offer_is_unwanted(const char *word, size_t len)
{
	static const char *const words[] = {"CHUNKING", "XUSR", "NTLM"};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strlen(words[i]) == len &&
		    g_ascii_strncasecmp(word, words[i], len) == 0)
			return true;
	return false;
}

static bool relay_form_is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

static bool relay_form_has_utf8_address(const struct relay_message *message)
{
	if (!relay_form_is_ascii(message->reverse_path))
		return true;
	for (size_t i = 0; i < message->recipient_count; i++)
		if (!relay_recipient_is_settled(&message->recipients[i]) &&
		    !relay_form_is_ascii(message->recipients[i].address))
			return true;
	return false;
}

/* A header with UTF-8 in it; one in some old charset is no SMTPUTF8 either. */
static bool relay_form_has_utf8_header(const struct relay_message *message)
{
	const char *octets = message->octets;
	bool ascii = true;
	size_t len = 0;

	while (len < message->len &&
	       !(octets[len] == '\n' && len + 1 < message->len &&
		 (octets[len + 1] == '\n' || octets[len + 1] == '\r'))) {
		ascii = ascii && !(octets[len] & 0x80);
		len++;
	}
	return !ascii && g_utf8_validate(octets, (gssize)len, NULL);
}

size_t relay_form_open(const struct relay_message *message)
{
	size_t open = 0;

	for (size_t i = 0; i < message->recipient_count; i++)
		open += !relay_recipient_is_settled(&message->recipients[i]);
	return open;
}

bool relay_form_wants_utf8(const struct relay_message *message)
{
	return relay_form_has_utf8_address(message) ||
	       (message->body_8bit && relay_form_has_utf8_header(message));
}

static size_t relay_form_refuse(struct relay_message *message, bool all,
				const char *status, const char *words)
{
	size_t count = 0;

	for (size_t i = 0; i < message->recipient_count; i++) {
		struct relay_recipient *to = &message->recipients[i];

		if (relay_recipient_is_settled(to) ||
		    (!all && relay_form_is_ascii(to->address)))
			continue;
		to->verdict = RELAY_FAILED;
		g_strlcpy(to->status, status, sizeof(to->status));
		to->reply = g_strdup(words);
		to->from_relay = false;
		count++;
	}
	return count;
}

size_t relay_form_fit(struct relay_message *message,
		      const struct relay_offer *offer, GByteArray **ret_recoded)
{
	g_autoptr(GByteArray) out = NULL;
	size_t refused = 0;

	*ret_recoded = NULL;
	if (!offer->utf8)
		refused = relay_form_refuse(
			message, !relay_form_is_ascii(message->reverse_path),
			"5.6.7",
			"the address is not ASCII, and the relay host knows no "
			"SMTPUTF8");
	if (!message->body_8bit || offer->eightbit || !relay_form_open(message))
		return refused;
	out = g_byte_array_sized_new((guint)(message->len + message->len / 4));
	if (!downgrade_message(message->octets, message->len, out))
		return refused +
		       relay_form_refuse(
			       message, true, "5.6.3",
			       "the message has 8-bit text that cannot be "
			       "recoded, and the relay host knows no 8BITMIME");
	*ret_recoded = g_steal_pointer(&out);
	return refused;
}
