/*
 * Octets as they may travel (RFC 2045 6): as they are, quoted-printable or
 * base64.
 */
#include "compose.h"

#include <stdio.h>
#include <string.h>

#define LINE_LEN_MAX 998
#define QP_LINE_LEN  76
#define BASE64_LINE  57 /* octets */

void compose_put(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

/* Are all lines as they may be?  eight: with octets beyond ASCII. */
static bool has_good_lines(struct octets in, bool eight)
{
	size_t line = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];

		if (c == '\r') {
			if (i + 1 >= in.len || in.data[i + 1] != '\n')
				return false;
			line = 0;
			i++;
			continue;
		}
		if (c == '\n' || c == 0 || (c >= 0x80 && !eight) ||
		    ++line > LINE_LEN_MAX)
			return false;
	}
	return true;
}

bool encode_is_seven_bit(struct octets in)
{
	return has_good_lines(in, false);
}

const char *encode_as_it_is(struct octets in, bool eight)
{
	if (has_good_lines(in, false))
		return "";
	return eight && has_good_lines(in, true)
		       ? "Content-Transfer-Encoding: 8bit\r\n"
		       : NULL;
}

void encode_put_base64(GByteArray *out, struct octets in)
{
	for (size_t at = 0; at < in.len; at += BASE64_LINE) {
		char line[128];
		gint state = 0;
		gint save = 0;
		gsize n = g_base64_encode_step(
			in.data + at, MIN(in.len - at, (size_t)BASE64_LINE),
			FALSE, line, &state, &save);

		n += g_base64_encode_close(FALSE, line + n, &state, &save);
		line[n++] = '\r';
		line[n++] = '\n';
		g_byte_array_append(out, (const guint8 *)line, (guint)n);
	}
}

static bool ends_line(struct octets in, size_t at)
{
	return at >= in.len || in.data[at] == '\n' ||
	       (in.data[at] == '\r' && at + 1 < in.len &&
		in.data[at + 1] == '\n');
}

/* What the octet is in quoted-printable; start: the first of a line. */
static void qp_token(struct octets in, size_t at, bool start, char token[4])
{
	uint8_t c = in.data[at];
	bool plain = c >= 33 && c <= 126 && c != '=';

	if ((c == ' ' || c == '\t') && !ends_line(in, at + 1))
		plain = true;
	/* "." would be stuffed, "From " changed, by careless programs. */
	if (start && (c == '.' || (c == 'F' && in.len - at >= 5 &&
				   !memcmp(in.data + at, "From ", 5))))
		plain = false;
	if (plain)
		(void)snprintf(token, 4, "%c", c);
	else
		(void)snprintf(token, 4, "=%02X", c);
}

static void encode_put_quoted(GByteArray *out, struct octets in)
{
	size_t column = 0;

	for (size_t at = 0; at < in.len; at++) {
		char token[4];

		if (ends_line(in, at)) {
			if (in.data[at] == '\r')
				at++;
			compose_put(out, "\r\n");
			column = 0;
			continue;
		}
		qp_token(in, at, column == 0, token);
		if (column + strlen(token) > QP_LINE_LEN - 1) {
			compose_put(out, "=\r\n");
			column = 0;
			qp_token(in, at, true, token);
		}
		compose_put(out, token);
		column += strlen(token);
	}
}

void encode_put_lines(GByteArray *out, struct octets in)
{
	size_t start = 0;

	for (size_t i = 0; i < in.len; i++) {
		bool cr = in.data[i] == '\r';
		bool pair = cr && i + 1 < in.len && in.data[i + 1] == '\n';

		if (!cr && in.data[i] != '\n')
			continue;
		g_byte_array_append(out, in.data + start, (guint)(i - start));
		compose_put(out, "\r\n");
		i += pair;
		start = i + 1;
	}
	if (start < in.len)
		g_byte_array_append(out, in.data + start,
				    (guint)(in.len - start));
}

/* Three octets for each that is not plain, against four for each three. */
static bool is_shorter_in_base64(struct octets in)
{
	size_t plain = 0;

	for (size_t i = 0; i < in.len; i++)
		plain += (in.data[i] >= 32 && in.data[i] <= 126 &&
			  in.data[i] != '=') ||
			 in.data[i] == '\n' || in.data[i] == '\r';
	return 3 * (in.len - plain) + plain > in.len + in.len / 3 + 100;
}

/* Every line feed with its CR, if one has none; owned.  A CR alone is no line
 * end here: what it is nobody knows, and it is encoded. */
static GByteArray *canonical(struct octets in)
{
	GByteArray *out = g_byte_array_new();
	size_t start = 0;

	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] != '\n' || (i && in.data[i - 1] == '\r'))
			continue;
		g_byte_array_append(out, in.data + start, (guint)(i - start));
		compose_put(out, "\r\n");
		start = i + 1;
	}
	if (start < in.len)
		g_byte_array_append(out, in.data + start,
				    (guint)(in.len - start));
	return out;
}

void encode_put_text(GByteArray *out, struct octets text)
{
	g_autoptr(GByteArray) lines = canonical(text);
	struct octets in = {lines->data, lines->len};

	if (encode_is_seven_bit(in)) {
		compose_put(out, "Content-Transfer-Encoding: 7bit\r\n\r\n");
		g_byte_array_append(out, in.data, (guint)in.len);
	} else if (is_shorter_in_base64(in)) {
		compose_put(out, "Content-Transfer-Encoding: base64\r\n\r\n");
		encode_put_base64(out, in);
	} else {
		compose_put(out, "Content-Transfer-Encoding: "
				 "quoted-printable\r\n\r\n");
		encode_put_quoted(out, in);
	}
}
