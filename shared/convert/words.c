/*
 * Header text: unfolding, undeclared 8-bit, encoded words.
 *
 * Our own decoder rather than GMime's: that one looks for the end of a word
 * anew at each "=?", which is quadratic for hostile fields.
 */
#include "text.h"

#include <string.h>

/* Header text of one message that is decoded at all; a message has less. */
#define DECODED_MAX (8u * 1024 * 1024)

static struct span span_strip(struct span span)
{
	while (span.len && strchr(" \t\r\n", span.data[0])) {
		span.data++;
		span.len--;
	}
	while (span.len && strchr(" \t\r\n", span.data[span.len - 1]))
		span.len--;
	return span;
}

/* NUL is in every strchr() set: such octets are dropped at the ends, and by
 * the charset decoders elsewhere. */
char *text_unfold(struct convert_context *context, struct span value)
{
	GString *line = NULL;
	char *utf8 = NULL;

	value = span_strip(value);
	if (value.len > MIME_FIELD_MAX ||
	    context->decoded + value.len > DECODED_MAX) {
		convert_note(context, "a header field was cut");
		value.len = MIN(value.len, MIME_FIELD_MAX);
		if (context->decoded + value.len > DECODED_MAX)
			value.len = MIN(value.len, 256);
	}
	context->decoded += value.len;
	line = g_string_sized_new(value.len + 1);
	for (size_t i = 0; i < value.len; i++) {
		size_t start = i;

		while (i < value.len && value.data[i] != '\r' &&
		       value.data[i] != '\n')
			i++;
		g_string_append_len(line, value.data + start,
				    (gssize)(i - start));
	}
	utf8 = charset_decode_undeclared(context, line->str, line->len);
	g_string_free(line, TRUE);
	return utf8;
}

void text_flatten(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	g_strstrip(text);
}

/* How many line ends lack their CR. */
static size_t bare_ends(const char *text, size_t len)
{
	const char *end = text + len;
	const char *lf = memchr(text, '\n', len);
	size_t count = 0;

	for (; lf; lf = memchr(lf + 1, '\n', (size_t)(end - lf) - 1))
		count += lf == text || lf[-1] != '\r';
	return count;
}

char *text_crlf_take(char *text)
{
	size_t end = strlen(text);
	size_t missing = bare_ends(text, end);

	if (!missing)
		return text;
	/* From the end, so that there is no second text. */
	text = g_realloc(text, end + missing + 1);
	text[end + missing] = '\0';
	while (missing) {
		const char *lf = memrchr(text, '\n', end);
		size_t at = lf ? (size_t)(lf - text) : 0;

		memmove(text + at + missing, text + at, end - at);
		end = at;
		if (!at || text[at - 1] != '\r')
			text[at + --missing] = '\r';
	}
	return text;
}

char *text_crlf(const char *text)
{
	return text_crlf_take(g_strdup(text));
}

char *text_without_mark(char *text)
{
	size_t marks = 0;

	while (g_str_has_prefix(text + marks, TEXT_MARK))
		marks += strlen(TEXT_MARK);
	memmove(text, text + marks, strlen(text + marks) + 1);
	return text;
}

char *text_decode(struct convert_context *context, struct span value)
{
	g_autofree char *line = text_unfold(context, value);
	char *text = words_decode(context, line);

	text_flatten(text);
	return text;
}

/* An encoded word as it stands in the text. */
struct word {
	char charset[64];
	char encoding; /* 'b' or 'q' */
	const char *payload;
	size_t len;
	const char *end; /* behind "?=" */
};

/* Words of one charset and encoding that follow each other are decoded
 * together: senders split characters between them. */
struct run {
	const struct convert_context *context;
	GString *out;
	GByteArray *bytes;
	char charset[64];
	char encoding;
	bool open;
	int base64_state;
	guint base64_save;
	unsigned signs; /* of base64 that make no whole group yet */
	char last;      /* of them */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Reads "charset*lang?X?"; returns what follows, or NULL. */
static const char *word_head(const char *at, struct word *word)
{
	size_t len = 0;

	while (at[len] && at[len] != '?' && at[len] != '*' &&
	       !is_blank(at[len]) && len < sizeof(word->charset) - 1)
		len++;
	memcpy(word->charset, at, len);
	word->charset[len] = '\0';
	at += len;
	if (*at == '*')
		for (len = 0; *at && *at != '?' && len < 32; len++)
			at++;
	if (at[0] != '?' || !at[1] || !strchr("bBqQ", at[1]) || at[2] != '?')
		return NULL;
	word->encoding = (char)g_ascii_tolower(at[1]);
	return at + 3;
}

/* Reads the word at "=?".  *end is where the last "?=" was found: it only
 * moves forward, so that all searches together are linear. */
static bool word_read(const char *at, const char **end, struct word *word)
{
	word->payload = word_head(at + 2, word);
	if (!word->payload || !*end)
		return false;
	if (*end < word->payload)
		*end = strstr(word->payload, "?=");
	if (!*end)
		return false;
	word->len = (size_t)(*end - word->payload);
	word->end = *end + 2;
	return true;
}

/* Signs of base64 into octets. */
static void base64_step(struct run *run, const char *signs, size_t len)
{
	guint old = run->bytes->len;
	gsize got = 0;

	g_byte_array_set_size(run->bytes, old + (guint)len / 4 * 3 + 6);
	got = g_base64_decode_step(signs, len, run->bytes->data + old,
				   &run->base64_state, &run->base64_save);
	g_byte_array_set_size(run->bytes, old + (guint)got);
}

/* Padding that a sender left out. */
static void base64_end(struct run *run)
{
	if (run->signs >= 2)
		base64_step(run, "==", 4 - run->signs);
	run->base64_state = 0;
	run->base64_save = 0;
	run->signs = 0;
}

static void run_flush(struct run *run)
{
	g_autofree char *text = NULL;

	if (!run->open)
		return;
	base64_end(run);
	if (!charset_is_ascii(run->charset))
		text = charset_decode(run->charset, run->bytes->data,
				      run->bytes->len);
	if (!text)
		text = charset_decode_undeclared(run->context, run->bytes->data,
						 run->bytes->len);
	g_string_append(run->out, text);
	g_byte_array_set_size(run->bytes, 0);
	run->open = false;
}

/* Did the word before end where this one of whole groups begins?  Then no bits
 * are left over; otherwise its group goes on here. */
static bool base64_is_complete(const struct run *run, size_t next_len)
{
	static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *last = run->last ? strchr(signs, run->last) : NULL;
	long left = run->signs == 2 ? 15 : 3;

	return run->signs >= 2 && next_len % 4 == 0 && last &&
	       ((last - signs) & left) == 0;
}

static void run_add_base64(struct run *run, const struct word *word)
{
	if (base64_is_complete(run, word->len))
		base64_end(run);
	base64_step(run, word->payload, word->len);
	for (size_t i = 0; i < word->len; i++)
		if (g_ascii_isalnum(word->payload[i]) ||
		    strchr("+/", word->payload[i])) {
			run->signs = (run->signs + 1) % 4;
			run->last = word->payload[i];
		}
	/* Padded, if only by half: the next word starts anew. */
	if (word->len && word->payload[word->len - 1] == '=') {
		base64_step(run, "=", 1);
		run->base64_state = 0;
		run->base64_save = 0;
		run->signs = 0;
	}
}

/* A character that should have been encoded is what it is already. */
static size_t run_add_raw(struct run *run, const char *at)
{
	size_t len = (size_t)(g_utf8_next_char(at) - at);

	run_flush(run);
	g_string_append_len(run->out, at, (gssize)len);
	run->open = true;
	return len;
}

static void run_add_quoted(struct run *run, const struct word *word)
{
	size_t i = 0;

	while (i < word->len) {
		char c = word->payload[i];

		if ((unsigned char)c >= 0x80) {
			i += run_add_raw(run, word->payload + i);
			continue;
		}
		if (c == '_')
			c = ' ';
		if (c == '=' && i + 2 < word->len &&
		    g_ascii_isxdigit(word->payload[i + 1]) &&
		    g_ascii_isxdigit(word->payload[i + 2])) {
			c = (char)(g_ascii_xdigit_value(word->payload[i + 1])
					   << 4 |
				   g_ascii_xdigit_value(word->payload[i + 2]));
			i += 2;
		}
		g_byte_array_append(run->bytes, (const guint8 *)&c, 1);
		i++;
	}
}

static void run_add(struct run *run, const struct word *word)
{
	if (run->open && (run->encoding != word->encoding ||
			  g_ascii_strcasecmp(run->charset, word->charset)))
		run_flush(run);
	if (!run->open) {
		g_strlcpy(run->charset, word->charset, sizeof(run->charset));
		run->encoding = word->encoding;
		run->open = true;
	}
	if (word->encoding == 'b')
		run_add_base64(run, word);
	else
		run_add_quoted(run, word);
}

/* Blanks between two encoded words are not text (RFC 2047 6.2). */
static const char *skip_gap(const char *at)
{
	const char *gap = at;

	while (is_blank(*gap))
		gap++;
	return strncmp(gap, "=?", 2) == 0 ? gap : at;
}

char *words_decode(const struct convert_context *context, const char *text)
{
	struct run run = {.context = context};
	const char *end = text;
	const char *at = text;

	if (!strstr(text, "=?"))
		return g_strdup(text);
	run.out = g_string_sized_new(strlen(text));
	run.bytes = g_byte_array_new();
	while (*at) {
		const char *next = run.open ? skip_gap(at) : at;
		struct word word;

		if (next[0] == '=' && next[1] == '?' &&
		    word_read(next, &end, &word)) {
			run_add(&run, &word);
			at = word.end;
			continue;
		}
		run_flush(&run);
		g_string_append_c(run.out, *at++);
	}
	run_flush(&run);
	g_byte_array_free(run.bytes, TRUE);
	return g_string_free(run.out, FALSE);
}
