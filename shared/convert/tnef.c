/*
 * What becomes of a TNEF stream in the message it came with: class, recipients,
 * bodies, attachments.
 */
#include "tnef.h"
#include "attach.h"
#include "parts.h"
#include "rtf.h"
#include "text.h"
#include "tnef_stream.h"

#include <string.h>

#define METHOD_BY_VALUE 1
#define METHOD_EMBEDDED 5
#define METHOD_OLE      6
#define DEPTH_MAX       8 /* messages within each other */

/* Ids that are looked at by themselves; tnef_props.c knows the others. */
enum {
	ID_CLASS = PROP_ID(PR_MESSAGE_CLASS),
	ID_BODY = PROP_ID(PR_BODY),
	ID_RTF = PROP_ID(PR_RTF_COMPRESSED),
	ID_HTML = PROP_ID(PR_HTML),
	ID_CPID = PROP_ID(PR_INTERNET_CPID),
	ID_KEY = PROP_ID(PR_TNEF_CORRELATION_KEY),
	ID_METHOD = PROP_ID(PR_ATTACH_METHOD),
	ID_DATA = PROP_ID(PR_ATTACH_DATA_BIN),
	ID_NAME = PROP_ID(PR_ATTACH_LONG_FILENAME),
	ID_SHORT_NAME = PROP_ID(PR_ATTACH_FILENAME),
	ID_DISPLAY_NAME = PROP_ID(PR_DISPLAY_NAME),
};

/* Octets of the stream, not copied.  Owned. */
static GBytes *slice(const struct tnef *tnef, struct span value)
{
	const char *start = g_bytes_get_data(tnef->stream, NULL);

	if (!value.len)
		return g_bytes_new(NULL, 0);
	return g_bytes_new_from_bytes(tnef->stream, (gsize)(value.data - start),
				      value.len);
}

/* ---- the message ----------------------------------------------------------
 */

/* MS-OXTNEF 2.1.3.3.9 */
static const char *class_of_old(const char *class)
{
	static const struct {
		const char *old, *class;
	} known[] = {
		{"IPM.Microsoft Mail.Note", "IPM.Note"},
		{"IPM.Microsoft Mail.Read Receipt", "REPORT.IPM.Note.IPNRN"},
		{"IPM.Microsoft Mail.Non-Delivery", "REPORT.IPM.Note.NDR"},
		{"IPM.Microsoft Schedule.MtgReq",
		 "IPM.Schedule.Meeting.Request"},
		{"IPM.Microsoft Schedule.MtgCncl",
		 "IPM.Schedule.Meeting.Canceled"},
		{"IPM.Microsoft Schedule.MtgRespP",
		 "IPM.Schedule.Meeting.Resp.Pos"},
		{"IPM.Microsoft Schedule.MtgRespN",
		 "IPM.Schedule.Meeting.Resp.Neg"},
		{"IPM.Microsoft Schedule.MtgRespA",
		 "IPM.Schedule.Meeting.Resp.Tent"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (!g_ascii_strcasecmp(class, known[i].old))
			return known[i].class;
	return class;
}

static bool is_class(const char *class)
{
	if (g_ascii_strncasecmp(class, "IPM.", 4) != 0 &&
	    g_ascii_strncasecmp(class, "REPORT.", 7) != 0)
		return false;
	for (const char *c = class; *c; c++)
		if (!g_ascii_isprint(*c))
			return false;
	return strlen(class) <= 255;
}

/* What the parts around it say of the class counts more. */
static void set_class(const struct tnef *tnef, struct propset *set)
{
	const char *has = propset_text(set, PR_MESSAGE_CLASS);
	g_autofree char *given = tnef_prop_text(tnef->context, tnef->props,
						ID_CLASS, tnef->codepage);
	const char *class = NULL;

	if (!given && tnef->class.len)
		given = tnef_text(tnef->context, tnef->codepage, tnef->class);
	class = given ? class_of_old(given) : "IPM.Note";
	if (is_class(class) && (!has || !strcmp(has, "IPM.Note")))
		propset_set_text(set, PR_MESSAGE_CLASS, class);
}

/* PR_HTML as text (owned), its octets and their code page. */
static char *html_of(const struct tnef *tnef, struct span *ret_octets,
		     int *ret_page)
{
	const struct tnef_prop *html = tnef_prop_find(tnef->props, ID_HTML);
	int codepage =
		(int)tnef_prop_number(tnef->props, ID_CPID, tnef->codepage);
	const char *name = charset_name_of(codepage);
	struct span octets;
	char *text = NULL;
	bool clean = false;

	if (!html)
		return NULL;
	if (html->type != PT_BINARY)
		return tnef_prop_text(tnef->context, tnef->props, ID_HTML,
				      codepage);
	octets = tnef_prop_value(html);
	if (codepage == CODEPAGE_UTF16 || codepage == CODEPAGE_UTF16_BE)
		return charset_decode_codepage(codepage, octets.data,
					       octets.len, &clean);
	octets.len = strnlen(octets.data, octets.len);
	text = tnef_text(tnef->context, codepage, octets);
	if (name)
		*ret_page = charset_exact_codepage(name, octets.data,
						   octets.len, text);
	*ret_octets = octets;
	return text;
}

static char *plain_of(const struct tnef *tnef)
{
	char *text = tnef_prop_text(tnef->context, tnef->props, ID_BODY,
				    tnef->codepage);

	if (text && *text)
		return text;
	g_free(text);
	return tnef->body.len
		       ? tnef_text(tnef->context, tnef->codepage, tnef->body)
		       : NULL;
}

static bool is_empty(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

/* PR_RTF_COMPRESSED, or NULL. */
static const struct tnef_prop *rtf_prop(const struct tnef *tnef)
{
	const struct tnef_prop *rtf = tnef_prop_find(tnef->props, ID_RTF);

	return rtf && rtf->type == PT_BINARY ? rtf : NULL;
}

/* What the RTF says, into *html if it was that once, else into *text; both
 * owned. */
static void read_rtf(const struct tnef *tnef, char **html, char **text)
{
	const struct tnef_prop *rtf = rtf_prop(tnef);
	bool is_html = false;
	char *said = NULL;

	if (!rtf || *html)
		return;
	said = rtf_text(tnef->context, tnef_prop_value(rtf), &is_html);
	if (is_html)
		*html = said;
	else
		*text = said;
}

/* The text of its own, else that of the HTML, else that of the RTF, which is
 * moved; owned, NULL if there is none. */
static char *make_plain(const struct tnef *tnef, const char *html, char **rtf)
{
	char *plain = plain_of(tnef);

	if (!plain && html)
		plain = html_to_text(tnef->context, html);
	return plain ? plain : g_steal_pointer(rtf);
}

/* plain is moved, and may be NULL. */
static void set_plain(struct propset *set, char *plain)
{
	if (!plain)
		return;
	propset_set_text_take(set, PR_BODY, text_crlf_take(plain));
	if (!propset_has(set, PR_INTERNET_CPID))
		propset_set_number(set, PR_INTERNET_CPID,
				   charset_codepage("utf-8"));
}

static void set_binary(const struct tnef *tnef, struct propset *set,
		       uint32_t tag, struct span value)
{
	g_autoptr(GBytes) bytes = slice(tnef, value);

	propset_set_binary(set, tag, bytes);
}

static void set_bodies(const struct tnef *tnef, struct propset *set)
{
	bool wanted = tnef->context->options->flags & CONVERT_BODIES;
	int64_t native = propset_number(set, PR_NATIVE_BODY, 0);
	g_autofree char *html = NULL;
	g_autofree char *text = NULL;
	char *plain = NULL;
	const struct tnef_prop *rtf = rtf_prop(tnef);
	struct span octets = {NULL, 0};
	int page = CODEPAGE_UTF8;

	if (native != 3) {
		html = html_of(tnef, &octets, &page);
		read_rtf(tnef, &html, &text);
	}
	if (wanted && is_empty(propset_text(set, PR_BODY)))
		plain = make_plain(tnef, html, &text);
	if (html) {
		native = 3;
		propset_set_number(set, PR_INTERNET_CPID, page);
		if (wanted)
			body_keep_html(set, page == CODEPAGE_UTF8
						    ? g_steal_pointer(&html)
						    : g_strndup(octets.data,
								octets.len));
	}
	if (rtf && wanted)
		set_binary(tnef, set, PR_RTF_COMPRESSED, tnef_prop_value(rtf));
	if (rtf && native != 3)
		native = 2;
	/* Which of them a client goes by that knows no PR_NATIVE_BODY
	 * (MS-OXBBODY 2.1.3.1). */
	if (rtf && wanted)
		propset_set_bool(set, PR_RTF_IN_SYNC, native == 2);
	set_plain(set, plain);
	if (native || tnef->body.len)
		propset_set_number(set, PR_NATIVE_BODY, native ? native : 1);
}

static void set_attachments(const struct tnef *tnef, struct propset *set,
			    unsigned depth);

/* The recipients of an embedded message; those of the message that the stream
 * came with stand in its header (MS-OXCMAIL 2.1.3.1.1.1). */
static void set_recipients(const struct tnef *tnef, struct propset *set)
{
	unsigned left = TNEF_VALUES_MAX - tnef->context->tnef_values;
	g_autoptr(GPtrArray) rows = NULL;

	if (!tnef->recipients.len)
		return;
	rows = tnef_block_read_rows(tnef->recipients, &left);
	tnef->context->tnef_values = TNEF_VALUES_MAX - left;
	if (rows)
		tnef_recipients_apply(tnef->context, rows, tnef->codepage, set);
	else
		convert_note(tnef->context, "recipients of TNEF left out");
}

static void apply(const struct tnef *tnef, struct propset *set, unsigned depth)
{
	set_class(tnef, set);
	if (depth)
		set_recipients(tnef, set);
	set_bodies(tnef, set);
	tnef_props_apply(tnef->context, tnef->props, tnef->codepage, depth > 0,
			 set);
	set_attachments(tnef, set, depth);
}

/* ---- attachments ----------------------------------------------------------
 */

/* IID_IMessage, before the stream of an embedded message. */
static const uint8_t iid_message[16] = {0x07, 0x03, 0x02, 0x00, 0x00, 0x00,
					0x00, 0x00, 0xc0, 0x00, 0x00, 0x00,
					0x00, 0x00, 0x00, 0x46};

static char *name_of(const struct tnef *tnef,
		     const struct tnef_attachment *attachment)
{
	static const uint16_t ids[] = {ID_NAME, ID_SHORT_NAME, ID_DISPLAY_NAME};
	g_autofree char *title = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *name =
			tnef_prop_text(tnef->context, attachment->props, ids[i],
				       tnef->codepage);
		char *clean = name && *name ? attach_clean_name(name) : NULL;

		if (clean)
			return clean;
	}
	title = tnef_text(tnef->context, tnef->codepage, attachment->title);
	return attach_clean_name(title);
}

static struct span without_head(struct span object)
{
	size_t head = MIN(object.len, sizeof(iid_message));

	return (struct span){object.data + head, object.len - head};
}

/* The message within an attachment; owned, NULL if it is none. */
static struct propset *embedded_of(const struct tnef *tnef, struct span object,
				   unsigned depth)
{
	g_autoptr(GBytes) stream = slice(tnef, without_head(object));
	struct tnef inner = {.context = tnef->context,
			     .codepage = tnef->codepage,
			     .stream = stream};
	struct propset *set = NULL;

	if (object.len < sizeof(iid_message) || depth >= DEPTH_MAX ||
	    memcmp(object.data, iid_message, sizeof(iid_message)) != 0)
		return NULL;
	if (tnef_stream_read(&inner)) {
		set = propset_new();
		apply(&inner, set, depth + 1);
		propset_set_number(set, PR_MESSAGE_SIZE, (int64_t)object.len);
	}
	tnef_stream_clear(&inner);
	return set;
}

static void set_embedded(struct propset *attachment, struct propset *message,
			 size_t size)
{
	const char *subject = propset_text(message, PR_SUBJECT);

	propset_set_number(attachment, PR_ATTACH_METHOD, METHOD_EMBEDDED);
	propset_set_number(attachment, PR_ATTACH_SIZE, (int64_t)size);
	propset_set_text(attachment, PR_ATTACH_MIME_TAG, "message/rfc822");
	if (subject && *subject)
		propset_set_text(attachment, PR_DISPLAY_NAME, subject);
	propset_set_embedded(attachment, message);
}

/* What it holds: an embedded message, an object without its head, octets. */
static void set_content(const struct tnef *tnef,
			const struct tnef_attachment *from,
			struct propset *attachment, unsigned depth)
{
	const struct tnef_prop *object = tnef_prop_find(from->props, ID_DATA);
	int64_t method = tnef_prop_number(from->props, ID_METHOD, 1);
	bool is_object = object && object->type == PT_OBJECT;
	struct span value = object ? tnef_prop_value(object) : from->data;
	g_autoptr(GBytes) bytes = NULL;
	struct propset *embedded = is_object && method == METHOD_EMBEDDED
					   ? embedded_of(tnef, value, depth)
					   : NULL;

	if (embedded) {
		set_embedded(attachment, embedded, value.len);
		return;
	}
	bytes = slice(tnef, is_object ? without_head(value) : value);
	propset_set_number(attachment, PR_ATTACH_METHOD,
			   method == METHOD_OLE ? METHOD_OLE : METHOD_BY_VALUE);
	attach_set_data(tnef->context, attachment, bytes);
}

static void set_attachment(const struct tnef *tnef,
			   const struct tnef_attachment *from,
			   struct propset *set, unsigned depth)
{
	struct propset *attachment = propset_new();
	size_t number = propset_attachment_count(set);
	g_autofree char *name = name_of(tnef, from);

	if (!name)
		name = g_strdup_printf("attachment%zu.bin", number + 1);
	propset_set_number(attachment, PR_ATTACH_NUM, (int64_t)number);
	attach_set_name(attachment, name);
	tnef_props_apply_attachment(tnef->context, from->props, tnef->codepage,
				    attachment);
	set_content(tnef, from, attachment, depth);
	if (!propset_has(attachment, PR_ATTACH_MIME_TAG)) {
		g_autofree char *type = attach_type(name);

		propset_set_text(attachment, PR_ATTACH_MIME_TAG, type);
	}
	attach_set_defaults(attachment);
	if (from->created && !propset_has(attachment, PR_CREATION_TIME))
		propset_set_number(attachment, PR_CREATION_TIME, from->created);
	if (from->modified &&
	    !propset_has(attachment, PR_LAST_MODIFICATION_TIME))
		propset_set_number(attachment, PR_LAST_MODIFICATION_TIME,
				   from->modified);
	propset_add_attachment(set, attachment);
}

static void set_attachments(const struct tnef *tnef, struct propset *set,
			    unsigned depth)
{
	for (guint i = 0; i < tnef->attachments->len; i++)
		set_attachment(tnef, g_ptr_array_index(tnef->attachments, i),
			       set, depth);
	if (depth)
		attach_summarize(set);
}

/* ---- the part -------------------------------------------------------------
 */

static size_t without_zeros(const char *key, gsize len)
{
	while (len && !key[len - 1])
		len--;
	return len;
}

/* MS-OXCMAIL 2.1.3.2.26: the header and the stream name the same message. */
static bool belongs(const struct tnef *tnef, const struct propset *set)
{
	GBytes *header = propset_binary(set, PR_TNEF_CORRELATION_KEY);
	const struct tnef_prop *stream = tnef_prop_find(tnef->props, ID_KEY);
	gsize len = 0;
	const char *data = header ? g_bytes_get_data(header, &len) : NULL;
	struct span key = {NULL, 0};

	if (!data || !stream || stream->type != PT_BINARY)
		return true;
	key = tnef_prop_value(stream);
	len = without_zeros(data, len);
	key.len = without_zeros(key.data, key.len);
	return key.len == len && !memcmp(data, key.data, len);
}

bool tnef_merge(struct convert_context *context, GBytes *stream,
		struct propset *set)
{
	struct tnef tnef = {
		.context = context,
		.stream = stream,
		.codepage = 1252,
	};
	bool merged = tnef_stream_read(&tnef) && belongs(&tnef, set);

	if (merged && tnef.bad_sum)
		convert_note(context, "TNEF with a wrong checksum");
	if (merged)
		apply(&tnef, set, 0);
	else
		convert_note(context, "TNEF that cannot be decoded or belongs "
				      "elsewhere was kept as an attachment");
	tnef_stream_clear(&tnef);
	return merged;
}
