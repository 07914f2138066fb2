/*
 * Header fields: encoding, quoting, folding.  Whatever comes in, one field at
 * most comes out: control characters are blanks before anything else.
 */
#include "compose.h"
#include "field.h"
#include "text.h"

#include <string.h>

#define LINE_LEN        76 /* RFC 2047 2: with encoded words; else 78 */
#define LINE_LEN_MAX    998
#define ADDRESS_LEN_MAX 512
#define WORD_BYTES      42 /* UTF-8 octets of an encoded word of 75 */
#define WORD_FRAME      13 /* what it has around them, and the blank before */

static void put(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

/* Folds: words that do not fit go to a new line. */
struct folder {
	GByteArray *out;
	size_t column;
	bool any; /* the first word stays beside the name */
};

static void fold_start(struct folder *folder, GByteArray *out, const char *name)
{
	folder->out = out;
	put(out, name);
	put(out, ":");
	folder->column = strlen(name) + 1;
	folder->any = false;
}

/* A word with a blank (or a fold) before it. */
static void fold_word(struct folder *folder, const char *word)
{
	size_t len = strlen(word);

	if (folder->column + 1 + len > LINE_LEN && folder->any) {
		put(folder->out, "\r\n");
		folder->column = 0;
	}
	put(folder->out, " ");
	put(folder->out, word);
	folder->column += 1 + len;
	folder->any = true;
}

/* The same, on a line of its own where it is a long one. */
static void fold_long_word(struct folder *folder, const char *word)
{
	if (strlen(word) > LINE_LEN_MAX - LINE_LEN)
		folder->any = true;
	fold_word(folder, word);
}

/* Blanks as many as there are in the text: a run of them stays whole. */
static void fold_text(struct folder *folder, const char *text)
{
	while (*text) {
		size_t blanks = strspn(text, " ");
		size_t len = strcspn(text + blanks, " ");
		g_autofree char *word = NULL;

		/* The first of the blanks is fold_word()'s. */
		if (blanks)
			blanks--;
		word = g_strndup(text + (text[0] == ' '), blanks + len);
		fold_word(folder, word);
		text += (text[0] == ' ') + blanks + len;
	}
}

static void fold_end(struct folder *folder)
{
	put(folder->out, "\r\n");
}

static char *one_line(const char *value)
{
	char *line = g_utf8_make_valid(value, -1);

	text_flatten(line);
	return line;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static bool has_long_word(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (len > LINE_LEN_MAX - LINE_LEN)
			return true;
		text += len;
		text += strspn(text, " ");
	}
	return false;
}

static bool must_encode(const char *text)
{
	return !is_ascii(text) || strstr(text, "=?") || has_long_word(text) ||
	       strstr(text, "   ");
}

/* Octets of UTF-8 that the next encoded word may have: the first one stays
 * beside the name where that leaves room for some letters. */
static ptrdiff_t word_room(struct folder *folder)
{
	size_t taken = folder->column + WORD_FRAME;

	if (folder->any)
		return WORD_BYTES;
	if (taken + 16 > LINE_LEN) {
		folder->any = true;
		return WORD_BYTES;
	}
	return (ptrdiff_t)MIN((LINE_LEN - taken) / 4 * 3, (size_t)WORD_BYTES);
}

/* Encoded words of whole characters, B encoding. */
static void fold_encoded(struct folder *folder, const char *text)
{
	while (*text) {
		const char *end = text;
		ptrdiff_t room = word_room(folder);
		g_autofree char *base64 = NULL;
		g_autofree char *word = NULL;

		while (*end && g_utf8_next_char(end) - text <= room)
			end = g_utf8_next_char(end);
		base64 = g_base64_encode((const guchar *)text,
					 (gsize)(end - text));
		word = g_strconcat("=?utf-8?B?", base64, "?=", NULL);
		fold_word(folder, word);
		text = end;
	}
}

void field_put_text(GByteArray *out, const char *name, const char *value)
{
	g_autofree char *line = one_line(value);
	struct folder folder;

	fold_start(&folder, out, name);
	if (must_encode(line))
		fold_encoded(&folder, line);
	else
		fold_text(&folder, line);
	fold_end(&folder);
}

bool field_is_blank(const char *value)
{
	g_autofree char *line = one_line(value);

	return !line[strspn(line, " ")];
}

void field_put_raw(GByteArray *out, const char *name, const char *value)
{
	g_autofree char *line = one_line(value);
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	struct folder folder;
	bool begun = false;

	for (char **word = words; *word; word++) {
		if (!**word || strlen(*word) >= LINE_LEN_MAX)
			continue;
		if (!begun)
			fold_start(&folder, out, name);
		begun = true;
		fold_long_word(&folder, *word);
	}
	if (begun)
		fold_end(&folder);
}

static bool is_phrase(const char *text)
{
	for (; *text; text++)
		if (!g_ascii_isalnum(*text) &&
		    !strchr(" !#$%&'*+-/=?^_`{|}~", *text))
			return false;
	return true;
}

static char *quote(const char *text)
{
	GString *out = g_string_new(NULL);

	field_append_quoted(out, text);
	return g_string_free(out, FALSE);
}

#define NOT_IN_DOMAIN "@<>,;()\"\\"
#define NOT_IN_WORD   "<>,;()" /* of what is nobody's at any host */
#define NEEDS_QUOTES  " :\"\\" /* there: would take in what follows */

/* A local part that is no dot-atom (RFC 5322 3.2.3, RFC 6532). */
static bool must_quote(const char *local, size_t len)
{
	if (!len || local[0] == '.' || local[len - 1] == '.')
		return true;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isalnum(local[i]) && !(local[i] & 0x80) &&
		    !strchr("!#$%&'*+-/=?^_`{|}~.", local[i]))
			return true;
	return memmem(local, len, "..", 2) != NULL;
}

static bool is_quoted(const char *local, size_t len)
{
	if (len < 2 || local[0] != '"' || local[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++) {
		if (local[i] == '\\' && i < len - 2)
			i++;
		else if (local[i] == '"' || local[i] == '\\')
			return false;
	}
	return true;
}

/* Where "@domain" begins: at the last one that no quotes hold (one that is
 * never closed holds nothing); NULL if there is none behind anything. */
static const char *find_domain(const char *address)
{
	const char *found = NULL;
	const char *last = strrchr(address, '@');
	bool quoted = false;

	for (const char *c = address; *c; c++) {
		if (*c == '\\' && quoted && c[1])
			c++;
		else if (*c == '"')
			quoted = !quoted;
		else if (*c == '@' && !quoted && c > address)
			found = c;
	}
	if (!quoted)
		return found;
	return last && last > address ? last : NULL;
}

/* A domain as RFC 5322 3.4.1 has it, more or less: what is not in it would make
 * it another's, or take in who comes next. */
static bool is_domain(const char *domain)
{
	size_t len = strlen(domain);

	if (domain[0] == '[')
		return len > 2 && strcspn(domain + 1, "[]\\") == len - 2 &&
		       domain[len - 1] == ']';
	return len && !domain[strcspn(domain, NOT_IN_DOMAIN "[]:")];
}

/* An address as addr-spec: the local part in quotes where it must be, the
 * domain without blanks.  Empty if it is longer than an address may be (RFC
 * 5321 4.5.3.1.3, with room), or is nobody's.  Owned. */
static char *clean_address(const char *address)
{
	g_autofree char *line = one_line(address);
	const char *at = find_domain(line);
	size_t len = at ? (size_t)(at - line) : strlen(line);
	g_autofree char *local = g_strndup(line, len);
	g_autofree char *quoted = NULL;
	g_auto(GStrv) words = g_strsplit(at ? at + 1 : "", " ", -1);
	g_autofree char *domain = g_strjoinv("", words);

	if (!len || len + strlen(domain) > ADDRESS_LEN_MAX || line[0] == '@')
		return g_strdup("");
	if (at ? !is_domain(domain)
	       : local[strcspn(local, NOT_IN_WORD)] != '\0')
		return g_strdup("");
	if (!is_quoted(local, len) &&
	    (at ? must_quote(local, len)
		: !!local[strcspn(local, NEEDS_QUOTES)]))
		quoted = quote(local);
	return g_strconcat(quoted ? quoted : local, at ? "@" : "", domain,
			   NULL);
}

bool field_has_address(const struct mailbox *mailbox)
{
	g_autofree char *address = clean_address(mailbox->address);

	return *address != '\0';
}

static void fold_display(struct folder *folder, const char *display)
{
	g_autofree char *line = one_line(display);
	g_autofree char *quoted = NULL;

	if (!*line)
		return;
	if (must_encode(line) || strlen(line) > 400) {
		fold_encoded(folder, line);
		return;
	}
	if (is_phrase(line) && !strstr(line, "  ")) {
		fold_text(folder, line);
		return;
	}
	quoted = quote(line);
	fold_text(folder, quoted);
}

static bool fold_mailbox(struct folder *folder, const struct mailbox *mailbox,
			 bool first)
{
	g_autofree char *address = clean_address(mailbox->address);
	g_autofree char *text = NULL;

	if (!*address)
		return false;
	if (!first) {
		put(folder->out, ",");
		folder->column++;
	}
	fold_display(folder, mailbox->display);
	/* Without brackets a quoted word is a name. */
	if (*mailbox->display || is_quoted(address, strlen(address)))
		text = g_strconcat("<", address, ">", NULL);
	else
		text = g_steal_pointer(&address);
	fold_word(folder, text);
	return true;
}

void field_put_addresses(GByteArray *out, const char *name,
			 const GPtrArray *mailboxes)
{
	struct folder folder;
	bool first = true;

	fold_start(&folder, out, name);
	for (guint i = 0; i < mailboxes->len; i++)
		if (fold_mailbox(&folder, g_ptr_array_index(mailboxes, i),
				 first))
			first = false;
	if (first) {
		/* A name without an address: an empty group (RFC 6854). */
		const struct mailbox *mailbox =
			mailboxes->len ? g_ptr_array_index(mailboxes, 0) : NULL;
		const char *shown = mailbox && *mailbox->display
					    ? mailbox->display
				    : mailbox ? mailbox->address
					      : "";

		fold_display(&folder, field_is_blank(shown)
					      ? "undisclosed-recipients"
					      : shown);
		put(out, ":;");
	}
	fold_end(&folder);
}

void field_put_date(GByteArray *out, const char *name, int64_t usec)
{
	g_autofree char *text = field_date_utc(usec);

	field_put_raw(out, name, text);
}

/* ---- parameters -----------------------------------------------------------
 */

static void fold_param(struct folder *folder, const char *text)
{
	put(folder->out, ";");
	folder->column++;
	fold_word(folder, text);
}

static void fold_plain_param(struct folder *folder, const char *param,
			     const char *value)
{
	g_autofree char *quoted = quote(value);
	g_autofree char *text = g_strconcat(param, "=", quoted, NULL);

	fold_param(folder, text);
}

/* The end of as many whole characters as take at most so many octets when
 * escaped (three each, or one); one at least. */
static const char *piece_end(const char *text, size_t max)
{
	const char *end = text;
	size_t len = 0;

	while (*end) {
		const char *next = g_utf8_next_char(end);
		size_t size =
			g_ascii_isalnum(*end) ? 1 : (size_t)(next - end) * 3;

		if (len && len + size > max)
			break;
		len += size;
		end = next;
	}
	return end;
}

/* RFC 2231: param*0*=utf-8''%E2..., in pieces that fit a line; of whole
 * characters, for readers that decode each by itself. */
static void fold_extended_param(struct folder *folder, const char *param,
				const char *value)
{
	const char *at = value;
	unsigned piece = 0;

	do {
		const char *end = piece_end(at, 50);
		g_autofree char *part = g_strndup(at, (gsize)(end - at));
		g_autofree char *escaped =
			g_uri_escape_string(part, NULL, FALSE);
		g_autofree char *text =
			g_strdup_printf("%s*%u*=%s%s", param, piece,
					piece ? "" : "utf-8''", escaped);

		fold_param(folder, text);
		at = end;
		piece++;
	} while (*at);
}

/* For readers that know no RFC 2231: encoded words in quotes, each on a line of
 * its own. */
static void fold_2047_param(struct folder *folder, const char *param,
			    const char *value)
{
	GString *text = g_string_new(param);

	g_string_append(text, "=\"");
	while (*value) {
		const char *end = value;
		g_autofree char *base64 = NULL;

		while (*end && g_utf8_next_char(end) - value <= WORD_BYTES)
			end = g_utf8_next_char(end);
		base64 = g_base64_encode((const guchar *)value,
					 (gsize)(end - value));
		g_string_append_printf(text, "=?utf-8?B?%s?=%s", base64,
				       *end ? "\r\n " : "");
		value = end;
	}
	g_string_append_c(text, '"');
	fold_param(folder, text->str);
	folder->column = LINE_LEN; /* what follows begins a line */
	g_string_free(text, TRUE);
}

static void fold_file_name(struct folder *folder, const char *param,
			   const char *value)
{
	g_autofree char *line = one_line(value);

	if (is_ascii(line) && strlen(line) < 60 && !strchr(line, '\\') &&
	    !strchr(line, '"') && !strstr(line, "=?"))
		fold_plain_param(folder, param, line);
	else if (strcmp(param, "name") == 0 && strlen(line) < 600)
		fold_2047_param(folder, param, line);
	else
		fold_extended_param(folder, param, line);
}

void field_put_params(GByteArray *out, const char *name, const char *value,
		      const struct field_param *params, size_t count)
{
	g_autofree char *line = one_line(value);
	struct folder folder;

	fold_start(&folder, out, name);
	fold_word(&folder, line);
	for (size_t i = 0; i < count; i++) {
		g_autofree char *clean = NULL;

		if (!params[i].value || !*params[i].value)
			continue;
		clean = one_line(params[i].value);
		if (params[i].is_file_name)
			fold_file_name(&folder, params[i].name, clean);
		else
			fold_plain_param(&folder, params[i].name, clean);
	}
	fold_end(&folder);
}
