/*
 * Bytes of messages: line ends, mbox quoting, From_ lines.
 */
#include "eml.h"
#include "header.h"

#include <string.h>
#include <strings.h>
#include <time.h>

GBytes *eml_to_crlf(const char *data, size_t len)
{
	GByteArray *out = g_byte_array_sized_new((guint)(len + len / 32 + 2));
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n' || (i > 0 && data[i - 1] == '\r'))
			continue;
		g_byte_array_append(out, (const guint8 *)data + start,
				    (guint)(i - start));
		g_byte_array_append(out, (const guint8 *)"\r", 1);
		start = i;
	}
	if (len > start)
		g_byte_array_append(out, (const guint8 *)data + start,
				    (guint)(len - start));
	if (len > 0 && data[len - 1] != '\n')
		g_byte_array_append(out, (const guint8 *)"\r\n", 2);
	return g_byte_array_free_to_bytes(out);
}

GByteArray *eml_to_lf(const char *data, size_t len)
{
	GByteArray *out = g_byte_array_sized_new((guint)len);
	size_t start = 0;

	for (size_t i = 0; i + 1 < len; i++) {
		if (data[i] != '\r' || data[i + 1] != '\n')
			continue;
		g_byte_array_append(out, (const guint8 *)data + start,
				    (guint)(i - start));
		start = i + 1;
	}
	g_byte_array_append(out, (const guint8 *)data + start,
			    (guint)(len - start));
	return out;
}

/* Behind the line at offset. */
static size_t eml_line_end(const char *data, size_t len, size_t offset)
{
	const char *lf = memchr(data + offset, '\n', len - offset);

	return lf ? (size_t)(lf - data) + 1 : len;
}

bool eml_is_mbox(const char *data, size_t len)
{
	return header_has_mbox_line(data, len);
}

GBytes *eml_of_file(GBytes *file)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(file, &len);
	size_t start = 0;

	if (eml_is_mbox(data, len))
		start = eml_line_end(data, len, 0);
	return eml_to_crlf(len ? data + start : "", len - start);
}

/* Is the line at offset "From " below any number of '>'? */
static bool eml_is_from_line(const char *data, size_t len, size_t offset)
{
	while (offset < len && data[offset] == '>')
		offset++;
	return len - offset >= 5 && memcmp(data + offset, "From ", 5) == 0;
}

/* Splits "From sender date" into both. */
static void eml_from_line(const char *line, size_t len,
			  struct eml_mbox_message *message)
{
	g_autofree char *text = g_strndup(line + 5, len - 5);
	char *blank;

	g_strstrip(text);
	blank = strchr(text, ' ');
	if (blank)
		*blank = '\0';
	message->received = blank ? eml_parse_date(blank + 1) : 0;
	message->sender = g_utf8_make_valid(
		g_ascii_strcasecmp(text, "MAILER-DAEMON") == 0 ? "" : text, -1);
}

bool eml_mbox_next(const char *file, size_t len, size_t *offset,
		   struct eml_mbox_message *ret_message)
{
	size_t head = *offset;
	size_t at;
	bool blank = false;

	if (head >= len || !eml_is_mbox(file + head, len - head))
		return false;
	at = eml_line_end(file, len, head);
	eml_from_line(file + head, at - head, ret_message);
	ret_message->data = file + at;
	while (at < len) {
		size_t next = eml_line_end(file, len, at);

		if (blank && eml_is_mbox(file + at, len - at))
			break;
		blank = file[at] == '\n' ||
			(file[at] == '\r' && next == at + 2);
		at = next;
	}
	*offset = at;
	ret_message->len = (size_t)(file + at - ret_message->data);
	/* The blank line that divides messages belongs to none of them. */
	if (blank && ret_message->len > 0)
		ret_message->len--;
	if (blank && ret_message->len > 0 &&
	    ret_message->data[ret_message->len - 1] == '\r')
		ret_message->len--;
	return true;
}

void eml_mbox_quote(const char *data, size_t len, GByteArray *out)
{
	for (size_t at = 0; at < len;) {
		size_t next = eml_line_end(data, len, at);

		if (eml_is_from_line(data, len, at))
			g_byte_array_append(out, (const guint8 *)">", 1);
		g_byte_array_append(out, (const guint8 *)data + at,
				    (guint)(next - at));
		at = next;
	}
	if (len > 0 && data[len - 1] != '\n')
		g_byte_array_append(out, (const guint8 *)"\n", 1);
}

GByteArray *eml_mbox_unquote(const char *data, size_t len)
{
	GByteArray *out = g_byte_array_sized_new((guint)len);

	for (size_t at = 0; at < len;) {
		size_t next = eml_line_end(data, len, at);
		size_t skip = data[at] == '>' && eml_is_from_line(data, len, at)
				      ? 1
				      : 0;

		g_byte_array_append(out, (const guint8 *)data + at + skip,
				    (guint)(next - at - skip));
		at = next;
	}
	return out;
}

char *eml_from_date(int64_t usec)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
					   "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
					     "May", "Jun", "Jul", "Aug",
					     "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(usec / USEC_PER_SEC);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return g_strdup("Thu Jan  1 00:00:00 1970");
	return g_strdup_printf("%s %s %2d %02d:%02d:%02d %04d",
			       days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday,
			       tm.tm_hour, tm.tm_min, tm.tm_sec,
			       tm.tm_year + 1900);
}

int64_t eml_parse_date(const char *text)
{
	static const char *const formats[] = {
		"%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z",
		"%a, %d %b %Y %H:%M:%S",    "%a %b %d %H:%M:%S %Y",
		"%a %b %d %H:%M:%S %z %Y",  "%a %b %d %H:%M %Y"};

	while (g_ascii_isspace(*text))
		text++;
	for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);
		long offset = tm.tm_gmtoff;

		if (end && (!*end || g_ascii_isspace(*end)))
			return ((int64_t)timegm(&tm) - offset) * USEC_PER_SEC;
	}
	return 0;
}

size_t eml_header_len(const char *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t next = eml_line_end(data, len, at);

		if (data[at] == '\n' || (data[at] == '\r' && next == at + 2))
			return at;
		at = next;
	}
	return len;
}

/* Behind the field that begins at offset, its folded lines included. */
static size_t eml_field_end(const char *data, size_t len, size_t at)
{
	at = eml_line_end(data, len, at);
	while (at < len && (data[at] == ' ' || data[at] == '\t'))
		at = eml_line_end(data, len, at);
	return at;
}

static bool eml_field_is(const char *field, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(field, name, n) != 0)
		return false;
	while (n < len && (field[n] == ' ' || field[n] == '\t'))
		n++;
	return n < len && field[n] == ':';
}

char *eml_header(const char *data, size_t len, const char *name)
{
	size_t end = eml_header_len(data, len);

	for (size_t at = 0; at < end;) {
		size_t next = eml_field_end(data, end, at);

		if (eml_field_is(data + at, next - at, name)) {
			const char *colon = memchr(data + at, ':', next - at);
			g_autofree char *raw = g_strndup(
				colon + 1, (gsize)(data + next - colon - 1));
			char *value = g_utf8_make_valid(raw, -1);

			g_strdelimit(value, "\r\n\t", ' ');
			return g_strstrip(value);
		}
		at = next;
	}
	return NULL;
}

GBytes *eml_without_headers(GBytes *message, const char *const *names)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(message, &len);
	size_t end = eml_header_len(data, len);
	GByteArray *out = g_byte_array_sized_new((guint)len);

	for (size_t at = 0; at < end;) {
		size_t next = eml_field_end(data, end, at);
		bool drop = false;

		for (size_t i = 0; names[i]; i++)
			drop = drop ||
			       eml_field_is(data + at, next - at, names[i]);
		if (!drop)
			g_byte_array_append(out, (const guint8 *)data + at,
					    (guint)(next - at));
		at = next;
	}
	g_byte_array_append(out, (const guint8 *)data + end,
			    (guint)(len - end));
	return g_byte_array_free_to_bytes(out);
}
