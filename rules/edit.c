/*
 * Pieces of a header: spans of the message as it came, and fields that were
 * added.  What is no field stays with the piece before it.
 */
#include "edit.h"

#include <string.h>

#define EDIT_WORD 45 /* octets of one encoded word before base64 */
#define EDIT_LINE 76

/* A field that was added. */
struct edit_added {
	struct header_field field;
	char *raw; /* with its line ends */
};

struct edit_piece {
	const struct header_field *field; /* NULL: no field */
	size_t start;                     /* in the message as it came */
	size_t len;
	struct edit_added *added; /* NULL: of the message */
};

struct sieve_edit {
	gint references;
	GArray *fields;    /* of const struct header_field *, of the pieces */
	size_t header_end; /* where the message goes on as it came */
	GArray *pieces;    /* of struct edit_piece */
};

static void added_clear(void *data)
{
	struct edit_added *added = data;

	g_free(added->field.name);
	g_free(added->field.text);
	g_free(added->raw);
}

static void piece_clear(void *data)
{
	struct edit_piece *piece = data;

	if (piece->added)
		g_atomic_rc_box_release_full(piece->added, added_clear);
}

static struct sieve_edit *edit_new(size_t header_end)
{
	struct sieve_edit *edit = g_new0(struct sieve_edit, 1);

	edit->references = 1;
	edit->header_end = header_end;
	edit->fields = g_array_new(FALSE, FALSE, sizeof(struct header_field *));
	edit->pieces = g_array_new(FALSE, FALSE, sizeof(struct edit_piece));
	g_array_set_clear_func(edit->pieces, piece_clear);
	return edit;
}

struct sieve_edit *sieve_edit_ref(struct sieve_edit *edit)
{
	g_atomic_int_inc(&edit->references);
	return edit;
}

void sieve_edit_unref(struct sieve_edit *edit)
{
	if (!g_atomic_int_dec_and_test(&edit->references))
		return;
	g_array_unref(edit->pieces);
	g_array_unref(edit->fields);
	g_free(edit);
}

/* The added field of the piece is referenced. */
static void edit_put(struct sieve_edit *edit, const struct edit_piece *piece)
{
	if (piece->added)
		(void)g_atomic_rc_box_acquire(piece->added);
	g_array_append_val(edit->pieces, *piece);
	if (piece->field)
		g_array_append_val(edit->fields, piece->field);
}

/* ---- the header as it came ------------------------------------------------
 */

/* Behind the line that begins at p, and the lines that continue it. */
static const char *field_end(const char *p, const char *end)
{
	do {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		p = lf ? lf + 1 : end;
	} while (p < end && (*p == ' ' || *p == '\t'));
	return p;
}

static bool is_named(const char *p, const char *end, const char *name)
{
	size_t len = strlen(name);

	if ((size_t)(end - p) <= len || g_ascii_strncasecmp(p, name, len) != 0)
		return false;
	for (p += len; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	return p < end && *p == ':';
}

struct sieve_edit *sieve_edit_begin(const struct propset *set, const char *raw,
				    size_t raw_len)
{
	const char *end = raw + raw_len;
	struct sieve_edit *edit = edit_new(0);
	size_t count = propset_header_count(set);
	size_t at = 0;
	const char *p = raw;

	while (p < end && *p != '\n' && *p != '\r') {
		const char *next = field_end(p, end);
		struct edit_piece piece = {.start = (size_t)(p - raw),
					   .len = (size_t)(next - p)};

		if (at < count &&
		    is_named(p, next, propset_header(set, at)->name))
			piece.field = propset_header(set, at++);
		edit_put(edit, &piece);
		p = next;
	}
	edit->header_end = (size_t)(p - raw);
	if (at == count)
		return edit;
	sieve_edit_unref(edit);
	return NULL;
}

/* ---- changes ---------------------------------------------------------------
 */

/* Words of ASCII, folded where a line would be longer than EDIT_LINE. */
static void format_words(GString *out, const char *value)
{
	g_auto(GStrv) words = g_strsplit(value, " ", -1);
	size_t line = out->len;

	for (char **word = words; *word; word++) {
		bool folds = **word && line + 1 + strlen(*word) > EDIT_LINE;

		g_string_append(out, folds ? "\r\n " : " ");
		g_string_append(out, *word);
		line = (folds ? 0 : line) + 1 + strlen(*word);
	}
}

/* Encoded words (RFC 2047), one a line. */
static void format_encoded(GString *out, const char *value)
{
	const char *fold = "";

	while (*value) {
		const char *end = value;
		g_autofree char *word = NULL;

		while (*end && g_utf8_next_char(end) - value <= EDIT_WORD)
			end = g_utf8_next_char(end);
		word = g_base64_encode((const guchar *)value,
				       (gsize)(end - value));
		g_string_append_printf(out, "%s =?utf-8?B?%s?=", fold, word);
		fold = "\r\n";
		value = end;
	}
}

static char *format_field(const char *name, const char *value)
{
	GString *out = g_string_new(name);

	g_string_append_c(out, ':');
	if (g_str_is_ascii(value))
		format_words(out, value);
	else
		format_encoded(out, value);
	g_string_append(out, "\r\n");
	return g_string_free(out, FALSE);
}

struct sieve_edit *sieve_edit_add(struct sieve_edit *edit, const char *name,
				  const char *value, bool last)
{
	struct sieve_edit *changed = edit_new(edit->header_end);
	struct edit_added *added = g_atomic_rc_box_new0(struct edit_added);
	const struct edit_piece piece = {.field = &added->field,
					 .added = added};

	added->field.name = g_strdup(name);
	added->field.text = g_utf8_make_valid(value, -1);
	added->raw = format_field(name, added->field.text);
	if (!last)
		edit_put(changed, &piece);
	for (guint i = 0; i < edit->pieces->len; i++)
		edit_put(changed,
			 &g_array_index(edit->pieces, struct edit_piece, i));
	if (last)
		edit_put(changed, &piece);
	g_atomic_rc_box_release_full(added, added_clear);
	sieve_edit_unref(edit);
	return changed;
}

struct sieve_edit *sieve_edit_drop(struct sieve_edit *edit,
				   bool (*drop)(void *context, size_t i),
				   void *context)
{
	struct sieve_edit *changed = edit_new(edit->header_end);
	size_t field = 0;

	for (guint i = 0; i < edit->pieces->len; i++) {
		const struct edit_piece *piece =
			&g_array_index(edit->pieces, struct edit_piece, i);

		if (!piece->field || !drop(context, field++))
			edit_put(changed, piece);
	}
	sieve_edit_unref(edit);
	return changed;
}

/* ---- questions -------------------------------------------------------------
 */

size_t sieve_edit_count(const struct sieve_edit *edit)
{
	return edit->fields->len;
}

const struct header_field *sieve_edit_field(const struct sieve_edit *edit,
					    size_t i)
{
	return g_array_index(edit->fields, const struct header_field *, i);
}

int64_t sieve_edit_growth(const struct sieve_edit *edit)
{
	int64_t size = 0;

	for (guint i = 0; i < edit->pieces->len; i++) {
		const struct edit_piece *piece =
			&g_array_index(edit->pieces, struct edit_piece, i);

		size += piece->added ? (int64_t)strlen(piece->added->raw)
				     : (int64_t)piece->len;
	}
	return size - (int64_t)edit->header_end;
}

GBytes *sieve_edit_apply(const struct sieve_edit *edit, GBytes *message)
{
	GByteArray *out = g_byte_array_new();
	gsize len = 0;
	const guint8 *raw = g_bytes_get_data(message, &len);

	for (guint i = 0; i < edit->pieces->len; i++) {
		const struct edit_piece *piece =
			&g_array_index(edit->pieces, struct edit_piece, i);

		if (piece->added)
			g_byte_array_append(out,
					    (const guint8 *)piece->added->raw,
					    (guint)strlen(piece->added->raw));
		else if (piece->start + piece->len <= len)
			g_byte_array_append(out, raw + piece->start,
					    (guint)piece->len);
	}
	if (edit->header_end < len)
		g_byte_array_append(out, raw + edit->header_end,
				    (guint)(len - edit->header_end));
	return g_byte_array_free_to_bytes(out);
}
