/*
 * Fields of fax, voice and classified mail (MS-OXCMAIL 2.1.3.2), where a client
 * set the properties: mail that came in has the fields themselves.
 */
#include "compose.h"
#include "headers.h"

#include <string.h>

static const struct prop *common(const struct propset *set, uint32_t lid)
{
	return propset_find_lid(set, "PSETID_Common", lid);
}

static void put_unless(const struct propset *set, const char *field,
		       const char *value, GByteArray *out)
{
	if (value && *value && !propset_header_text(set, field))
		field_put_text(out, field, value);
}

static void put_classified(const struct propset *set, GByteArray *out)
{
	static const struct {
		const char *field;
		uint32_t lid;
	} texts[] = {
		{"X-Microsoft-Classification", PidLidClassification},
		{"X-Microsoft-ClassDesc", PidLidClassificationDescription},
		{"X-Microsoft-ClassID", PidLidClassificationGuid},
	};
	const struct prop *classified = common(set, PidLidClassified);
	const struct prop *keep = common(set, PidLidClassificationKeep);

	if (!classified || !classified->value.boolean)
		return;
	put_unless(set, "X-Microsoft-Classified", "true", out);
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const struct prop *prop = common(set, texts[i].lid);

		if (prop)
			put_unless(set, texts[i].field, prop->value.text, out);
	}
	if (keep)
		put_unless(set, "X-Microsoft-ClassKeep",
			   keep->value.boolean ? "true" : "false", out);
}

static void put_telephone(const struct propset *set, GByteArray *out)
{
	static const struct {
		const char *field;
		uint32_t tag;
	} fields[] = {
		{"X-CallingTelephoneNumber", PR_SENDER_TELEPHONE_NUMBER},
		{"X-VoiceMessageSenderName", PR_VOICE_MESSAGE_SENDER_NAME},
		{"X-VoiceMessageDuration", PR_VOICE_MESSAGE_DURATION},
		{"X-FaxNumberOfPages", PR_FAX_NUMBER_OF_PAGES},
		{"X-AttachmentOrder", PR_VOICE_MESSAGE_ATTACHMENT_ORDER},
		{"X-CallID", PR_CALL_ID},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		uint32_t tag = fields[i].tag;
		g_autofree char *number = NULL;

		if (!propset_has(set, tag))
			continue;
		if (PROP_TYPE(tag) == PT_LONG)
			number = g_strdup_printf("%" G_GINT64_FORMAT,
						 propset_number(set, tag, 0));
		put_unless(set, fields[i].field,
			   number ? number : propset_text(set, tag), out);
	}
}

static void put_content_class(const struct propset *set, GByteArray *out)
{
	static const struct {
		const char *class, *content_class;
	} known[] = {
		{"IPM.Note.Microsoft.Fax", "fax"},
		{"IPM.Note.Microsoft.Fax.CA", "fax-ca"},
		{"IPM.Note.Microsoft.Missed.Voice", "missedcall"},
		{"IPM.Note.Microsoft.Conversation.Voice", "voice-uc"},
		{"IPM.Note.Microsoft.Voicemail.UM", "voice"},
		{"IPM.Note.Microsoft.Voicemail.UM.CA", "voice-ca"},
	};
	static const struct {
		const char *class, *content_class;
	} prefixes[] = {
		{"IPM.Note.Custom.", "urn:content-class:custom."},
		{"IPM.InfoPathForm.", "InfoPathForm."},
	};
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	for (size_t i = 0; class && i < G_N_ELEMENTS(known); i++)
		if (!strcmp(class, known[i].class))
			put_unless(set, "Content-Class", known[i].content_class,
				   out);
	for (size_t i = 0; class && i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(class, prefixes[i].class)) {
			g_autofree char *value = g_strconcat(
				prefixes[i].content_class,
				class + strlen(prefixes[i].class), NULL);

			put_unless(set, "Content-Class", value, out);
		}
}

/* Whose winmail.dat an attachment is: another message's must not be taken for
 * this one's (2.1.3.2.26). */
static void put_correlator(const struct propset *set, GByteArray *out)
{
	GBytes *key = propset_binary(set, PR_TNEF_CORRELATION_KEY);
	gsize len = 0;
	const char *data = key ? g_bytes_get_data(key, &len) : NULL;
	g_autofree char *text = data ? g_strndup(data, len) : NULL;

	put_unless(set, "X-MS-TNEF-Correlator", text, out);
}

void compose_exchange(const struct propset *set, GByteArray *out)
{
	put_correlator(set, out);
	put_classified(set, out);
	put_telephone(set, out);
	put_content_class(set, out);
	if (propset_has(set, PR_MESSAGE_LOCALE_ID))
		put_unless(set, "Content-Language",
			   header_language_tag(propset_number(
				   set, PR_MESSAGE_LOCALE_ID, 0)),
			   out);
}
