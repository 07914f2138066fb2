/*
 * Header fields that Exchange and Outlook write: flags, classification, voice
 * and fax, languages, and what one Exchange tells another, which is believed
 * only if the configuration says so.
 */
#include "headers.h"

#include <string.h>

#define LID_TASK_STATUS   0x8101
#define LID_TASK_PERCENT  0x8102
#define LID_TASK_DUE      0x8105
#define LID_TASK_COMPLETE 0x811c
#define LID_TODO_TITLE    0x85a4
#define CONFIDENCE_MIN    (-1)
#define CONFIDENCE_MAX    10

#define FLAG_FLAGGED    2
#define TODO_OF_MESSAGE 8 /* PidTagToDoItemFlags: flagged by its sender */

static uint32_t common_tag(struct propset *set, uint32_t lid,
			   enum proptype type)
{
	return propset_named_tag(set, "PSETID_Common", NULL, lid, type);
}

static uint32_t task_tag(struct propset *set, uint32_t lid, enum proptype type)
{
	return propset_named_tag(set, "PSETID_Task", NULL, lid, type);
}

/* A task that nobody has begun (MS-OXCMAIL 2.2.3.2.16). */
void header_message_flag(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);
	struct propset *set = call->set;
	const char *subject = propset_text(set, PR_SUBJECT);

	if (!*line)
		return;
	propset_set_text(set,
			 common_tag(set, HEADERS_LID_FLAG_REQUEST, PT_UNICODE),
			 line);
	propset_set_number(set, PR_FLAG_STATUS, FLAG_FLAGGED);
	propset_set_number(set, PR_TODO_ITEM_FLAGS, TODO_OF_MESSAGE);
	propset_set_text(set, common_tag(set, LID_TODO_TITLE, PT_UNICODE),
			 subject ? subject : "");
	propset_set_number(set, task_tag(set, LID_TASK_STATUS, PT_LONG), 0);
	propset_set_real(set, task_tag(set, LID_TASK_PERCENT, PT_DOUBLE), 0);
	propset_set_bool(set, task_tag(set, LID_TASK_COMPLETE, PT_BOOLEAN),
			 false);
	if (propset_has(set, PR_REPLY_TIME))
		propset_set_number(set, task_tag(set, LID_TASK_DUE, PT_SYSTIME),
				   propset_number(set, PR_REPLY_TIME, 0));
}

/* RFC 2156: TRUE or FALSE. */
void header_auto_forwarded(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);

	if (!g_ascii_strcasecmp(line, "true"))
		propset_set_bool(call->set, call->row->tag, true);
}

/* ---- languages (MS-OXCMAIL 2.2.3.2.11) ------------------------------------
 */

/* Language tags and their numbers (MS-LCID 2.2), without a region: where that
 * is the usual one. */
static const struct {
	const char *tag;
	uint16_t id;
} languages[] = {
	{"ar", 0x0401},    {"bg", 0x0402},    {"ca", 0x0403},
	{"cs", 0x0405},    {"da", 0x0406},    {"de", 0x0407},
	{"de-at", 0x0c07}, {"de-ch", 0x0807}, {"de-de", 0x0407},
	{"el", 0x0408},    {"en", 0x0409},    {"en-au", 0x0c09},
	{"en-ca", 0x1009}, {"en-gb", 0x0809}, {"en-ie", 0x1809},
	{"en-in", 0x4009}, {"en-nz", 0x1409}, {"en-us", 0x0409},
	{"en-za", 0x1c09}, {"es", 0x0c0a},    {"es-ar", 0x2c0a},
	{"es-es", 0x0c0a}, {"es-mx", 0x080a}, {"et", 0x0425},
	{"eu", 0x042d},    {"fa", 0x0429},    {"fi", 0x040b},
	{"fr", 0x040c},    {"fr-be", 0x080c}, {"fr-ca", 0x0c0c},
	{"fr-ch", 0x100c}, {"fr-fr", 0x040c}, {"he", 0x040d},
	{"hi", 0x0439},    {"hr", 0x041a},    {"hu", 0x040e},
	{"id", 0x0421},    {"is", 0x040f},    {"it", 0x0410},
	{"it-ch", 0x0810}, {"it-it", 0x0410}, {"ja", 0x0411},
	{"ja-jp", 0x0411}, {"ko", 0x0412},    {"ko-kr", 0x0412},
	{"lt", 0x0427},    {"lv", 0x0426},    {"nb", 0x0414},
	{"nb-no", 0x0414}, {"nl", 0x0413},    {"nl-be", 0x0813},
	{"nl-nl", 0x0413}, {"nn", 0x0814},    {"no", 0x0414},
	{"pl", 0x0415},    {"pl-pl", 0x0415}, {"pt", 0x0816},
	{"pt-br", 0x0416}, {"pt-pt", 0x0816}, {"ro", 0x0418},
	{"ru", 0x0419},    {"ru-ru", 0x0419}, {"sk", 0x041b},
	{"sl", 0x0424},    {"sr", 0x0c1a},    {"sv", 0x041d},
	{"sv-fi", 0x081d}, {"sv-se", 0x041d}, {"th", 0x041e},
	{"tr", 0x041f},    {"tr-tr", 0x041f}, {"uk", 0x0422},
	{"vi", 0x042a},    {"zh", 0x0804},    {"zh-cn", 0x0804},
	{"zh-hk", 0x0c04}, {"zh-tw", 0x0404},
};

static bool set_language(const struct header_call *call, const char *tag)
{
	for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
		if (!g_ascii_strcasecmp(languages[i].tag, tag)) {
			propset_set_number(call->set, call->row->tag,
					   languages[i].id);
			return true;
		}
	return false;
}

const char *header_language_tag(int64_t id)
{
	const char *tag = NULL;

	/* The last one has its region. */
	for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
		if (languages[i].id == id)
			tag = languages[i].tag;
	return tag;
}

/* "de-LI, en": the first, with its region or, if that is not known, without. */
void header_language(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);

	line[strcspn(line, ",; (")] = '\0';
	if (set_language(call, line))
		return;
	line[strcspn(line, "-_")] = '\0';
	(void)set_language(call, line);
}

void header_accept_language(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);
	uint32_t tag = propset_named_tag(call->set, "PS_INTERNET_HEADERS",
					 "accept-language", 0, PT_UNICODE);

	if (*line && !propset_has(call->set, tag))
		propset_set_text(call->set, tag, line);
}

/* ---- classification (2.2.3.2.22) ------------------------------------------
 */

static bool is_true(struct convert_context *context,
		    const struct mime_field *field)
{
	g_autofree char *line =
		field ? text_decode(context, field->value) : NULL;

	return line && !g_ascii_strcasecmp(line, "true");
}

void header_classified(const struct header_call *call, struct span value)
{
	static const struct {
		const char *field;
		uint32_t lid;
		enum proptype type;
	} parts[] = {
		{"X-Microsoft-Classified", HEADERS_LID_CLASSIFIED, PT_BOOLEAN},
		{"X-Microsoft-Classification", HEADERS_LID_CLASSIFICATION,
		 PT_UNICODE},
		{"X-Microsoft-ClassDesc", HEADERS_LID_CLASS_DESC, PT_UNICODE},
		{"X-Microsoft-ClassID", HEADERS_LID_CLASS_ID, PT_UNICODE},
		{"X-Microsoft-ClassKeep", HEADERS_LID_CLASS_KEEP, PT_BOOLEAN},
	};

	(void)value;
	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		const struct mime_field *field =
			mime_find_field(call->message, parts[i].field);
		uint32_t tag = 0;
		g_autofree char *text = NULL;

		if (i == 0 && !is_true(call->context, field))
			return;
		if (!field)
			continue;
		tag = propset_named_tag(call->set, "PSETID_Common", NULL,
					parts[i].lid, parts[i].type);
		text = text_decode(call->context, field->value);
		if (parts[i].type == PT_BOOLEAN)
			propset_set_bool(call->set, tag,
					 is_true(call->context, field));
		else
			propset_set_text(call->set, tag, text);
	}
}

/* Set with the field that says whether they count. */
void header_of_classified(const struct header_call *call, struct span value)
{
	(void)call;
	(void)value;
}

/* ---- numbers, and what has to be believed ---------------------------------
 */

static bool read_number(const struct header_call *call, struct span value,
			int64_t *ret_number)
{
	g_autofree char *line = text_decode(call->context, value);

	return g_ascii_string_to_signed(line, 10, INT32_MIN, INT32_MAX,
					ret_number, NULL);
}

void header_number(const struct header_call *call, struct span value)
{
	int64_t number = 0;

	if (read_number(call, value, &number) && number >= 0)
		propset_set_number(call->set, call->row->tag, number);
}

/* Anybody can write these: they count where the way here takes them off. */
static bool is_trusted(const struct header_call *call)
{
	return call->context->options->flags & CONVERT_TRUSTED;
}

void header_trusted_text(const struct header_call *call, struct span value)
{
	g_autofree char *line = NULL;

	if (!is_trusted(call))
		return;
	line = text_decode(call->context, value);
	if (*line)
		propset_set_text(call->set, call->row->tag, line);
}

void header_trusted_forwarded(const struct header_call *call, struct span value)
{
	if (is_trusted(call))
		header_auto_forwarded(call, value);
}

void header_confidence(const struct header_call *call, struct span value)
{
	int64_t level = 0;

	if (is_trusted(call) && read_number(call, value, &level) &&
	    level >= CONFIDENCE_MIN && level <= CONFIDENCE_MAX)
		propset_set_number(call->set, call->row->tag, level);
}

void header_sender_id(const struct header_call *call, struct span value)
{
	static const struct {
		const char *word;
		int64_t status;
	} words[] = {
		{"Neutral", 1},
		{"Pass", 2},
		{"Fail", 3},
		{"SoftFail", 4},
		{"None", 5},
		{"TempError", (int32_t)0x80000006},
		{"PermError", (int32_t)0x80000007},
	};
	g_autofree char *line = NULL;

	if (!is_trusted(call))
		return;
	line = text_decode(call->context, value);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (!g_ascii_strcasecmp(line, words[i].word))
			propset_set_number(call->set, call->row->tag,
					   words[i].status);
}
