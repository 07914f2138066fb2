/*
 * Large messages of every kind that conversion treats in a way of its own, for
 * what is said of its memory (test_memory.c, tests/bench/bench_convert.c).
 */
#ifndef TEST_CONVERT_LARGE_H
#define TEST_CONVERT_LARGE_H

#include <glib.h>
#include <string.h>

enum large_form {
	LARGE_AS_IS,
	LARGE_BASE64,
	LARGE_YENC,
	LARGE_TNEF_FILE, /* in base64: winmail.dat with one file */
	LARGE_TNEF_BODY, /* in base64: winmail.dat with the text */
};

struct large_shape {
	const char *name;
	const char *before; /* header, and what stands before the pieces */
	const char *piece;  /* again and again */
	const char *after;
	enum large_form form; /* of what is behind the last blank line */
	double times;         /* its size, that the helper may need */
};

#define LARGE_TEXT(type, encoding)                                             \
 "Content-Type: text/" type "\r\nContent-Transfer-Encoding: " encoding         \
 "\r\n\r\n"
#define LARGE_KOI8                                                             \
 "\xd4\xc5\xcb\xd3\xd4\xd4\xc5\xcb\xd3\xd4\xd4\xc5\xcb\xd3\xd4\xd4\xc5\xcb"    \
 "\xd3\xd4\xd4\xc5\xcb\xd3\xd4\xd4\xc5\xcb\xd3\xd4\xd4\xc5\xcb\xd3\xd4\xd4\r\n"
#define LARGE_LINE "A line of a large message, and so on."
#define LARGE_FEW  LARGE_LINE "\r\n" LARGE_LINE "\r\n" LARGE_LINE "\r\n"
#define LARGE_SOME                                                             \
 LARGE_FEW LARGE_FEW LARGE_FEW LARGE_FEW LARGE_FEW LARGE_FEW LARGE_FEW
#define LARGE_NESTED                                                           \
 "Content-Type: message/rfc822\r\n"                                            \
 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"

static const struct large_shape large_shapes[] = {
	{"a file in base64", LARGE_TEXT("x-file; name=a", "base64"),
	 "0123456789\n", "", LARGE_BASE64, 1.3},
	{"a file as it is",
	 "Content-Type: application/octet-stream; name=a\r\n"
	 "Content-Transfer-Encoding: binary\r\n\r\n",
	 "\xff\x01\xfe\x02", "", LARGE_AS_IS, 1.3},
	{"plain text", LARGE_TEXT("plain; charset=utf-8", "8bit"),
	 LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.3},
	{"plain text, lines in LF", LARGE_TEXT("plain; charset=utf-8", "8bit"),
	 LARGE_LINE "\n", "", LARGE_AS_IS, 1.4},
	{"plain text, UTF-8", LARGE_TEXT("plain; charset=utf-8", "8bit"),
	 "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac\r\n", "", LARGE_AS_IS, 1.3},
	{"plain text, broken UTF-8", LARGE_TEXT("plain; charset=utf-8", "8bit"),
	 LARGE_LINE "\xff\r\n", "", LARGE_AS_IS, 1.4},
	{"plain text, base64", LARGE_TEXT("plain; charset=utf-8", "base64"),
	 LARGE_LINE "\n", "", LARGE_BASE64, 1.3},
	{"plain text, quoted-printable",
	 LARGE_TEXT("plain; charset=utf-8", "quoted-printable"),
	 LARGE_LINE " =C3=BC=\r\n" LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.3},
	{"plain text, quoted-printable with blanks",
	 LARGE_TEXT("plain; charset=utf-8", "quoted-printable"),
	 LARGE_LINE " = \t\r\n" LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.3},
	{"HTML", LARGE_TEXT("html; charset=utf-8", "8bit"),
	 "<p>" LARGE_LINE "</p>\r\n", "", LARGE_AS_IS, 1.8},
	{"HTML, lines in LF", LARGE_TEXT("html; charset=utf-8", "8bit"),
	 "<p>" LARGE_LINE "</p>\n", "", LARGE_AS_IS, 1.8},
	{"HTML, base64", LARGE_TEXT("html; charset=utf-8", "base64"),
	 "<p>" LARGE_LINE "</p>\n", "", LARGE_BASE64, 1.5},
	{"HTML, quoted-printable",
	 LARGE_TEXT("html; charset=utf-8", "quoted-printable"),
	 "<p>" LARGE_LINE "</p>=\r\n\r\n", "", LARGE_AS_IS, 1.7},
	{"plain text, koi8-r", LARGE_TEXT("plain; charset=koi8-r", "8bit"),
	 LARGE_KOI8, "", LARGE_AS_IS, 2.3},
	{"plain text, koi8-r, base64",
	 LARGE_TEXT("plain; charset=koi8-r", "base64"), LARGE_KOI8, "",
	 LARGE_BASE64, 1.9},
	{"plain text, koi8-r, quoted-printable",
	 LARGE_TEXT("plain; charset=koi8-r", "quoted-printable"), LARGE_KOI8,
	 "", LARGE_AS_IS, 2.4},
	{"HTML, koi8-r", LARGE_TEXT("html; charset=koi8-r", "8bit"), LARGE_KOI8,
	 "", LARGE_AS_IS, 2.4},
	{"HTML, koi8-r, quoted-printable",
	 LARGE_TEXT("html; charset=koi8-r", "quoted-printable"), LARGE_KOI8, "",
	 LARGE_AS_IS, 2.4},
	{"HTML, koi8-r by <meta>",
	 LARGE_TEXT("html", "8bit") "<meta charset=koi8-r>", LARGE_KOI8, "",
	 LARGE_AS_IS, 2.4},
	{"plain text, iso-8859-1",
	 LARGE_TEXT("plain; charset=iso-8859-1", "8bit"), LARGE_KOI8, "",
	 LARGE_AS_IS, 2.3},
	{"HTML, iso-8859-1", LARGE_TEXT("html; charset=iso-8859-1", "8bit"),
	 LARGE_KOI8, "", LARGE_AS_IS, 2.4},
	{"plain text, undeclared", "\r\n", LARGE_KOI8, "", LARGE_AS_IS, 2.3},
	{"plain text, ISO-2022-JP",
	 LARGE_TEXT("plain; charset=iso-2022-jp", "7bit"),
	 "\033$BF|K\\F|K\\F|K\\F|K\\F|K\\F|K\\F|K\\\033(B\r\n", "", LARGE_AS_IS,
	 1.6},
	{"plain text, ISO-2022-JP of Windows",
	 LARGE_TEXT("plain; charset=iso-2022-jp", "7bit"),
	 "\033$B-!F|K\\F|K\\F|K\\F|K\\F|K\\F|K\\\033(B\r\n", "", LARGE_AS_IS,
	 1.5},
	{"plain text, Big5", LARGE_TEXT("plain; charset=big5", "8bit"),
	 "\xa4\xa4\xa4\xe5\xa4\xa4\xa4\xe5\xa4\xa4\xa4\xe5\r\n", "",
	 LARGE_AS_IS, 1.8},
	{"plain text, GBK with a euro sign",
	 LARGE_TEXT("plain; charset=gbk", "8bit"),
	 "\xd6\xd0\xce\xc4\x80\xd6\xd0\xce\xc4\r\n", "", LARGE_AS_IS, 1.9},
	{"plain text, HZ", LARGE_TEXT("plain; charset=hz-gb-2312", "7bit"),
	 "~{<:Ky2;S{!#<:Ky2;S{!#~}\r\n", "", LARGE_AS_IS, 1.6},
	{"plain text, UTF-16, base64",
	 LARGE_TEXT("plain; charset=utf-16le", "base64"),
	 "-N\x87\x65-N\x87\x65", "", LARGE_BASE64, 1.5},
	{"plain text, UTF-16", LARGE_TEXT("plain; charset=utf-16le", "binary"),
	 "-N\x87\x65-N\x87\x65", "", LARGE_AS_IS, 1.9},
	{"format=flowed",
	 LARGE_TEXT("plain; charset=utf-8; format=flowed", "8bit"),
	 "> " LARGE_LINE " \r\n> " LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.4},
	{"format=flowed, lines in LF",
	 LARGE_TEXT("plain; charset=utf-8; format=flowed", "8bit"),
	 ">" LARGE_LINE "\n", "", LARGE_AS_IS, 1.5},
	{"text/enriched", LARGE_TEXT("enriched; charset=utf-8", "8bit"),
	 "<bold>" LARGE_LINE "</bold>\r\n\r\n", "", LARGE_AS_IS, 1.7},
	{"uuencode in text", "\r\nbegin 644 a\r\n",
	 "M9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O\r\n",
	 "`\r\nend\r\n", LARGE_AS_IS, 1.3},
	{"a body in uuencode",
	 "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n",
	 "M9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O8F%R9F]O\r\n",
	 "`\r\nend\r\n", LARGE_AS_IS, 1.3},
	{"yEnc in text", "\r\n", LARGE_LINE "\r\n", "", LARGE_YENC, 1.3},
	{"yEnc that does not end",
	 "\r\n=ybegin line=128 size=5 name=begin a\r\n", LARGE_LINE "\r\n", "",
	 LARGE_AS_IS, 1.3},
	{"a file in quoted-printable",
	 LARGE_TEXT("x-file; name=a", "quoted-printable"),
	 "=00=FF and so =\r\n", "", LARGE_AS_IS, 1.3},
	{"thousands of files",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
	 "--b\r\nContent-Type: x/y; name=a\r\n\r\n" LARGE_SOME LARGE_SOME
		 LARGE_SOME,
	 "--b--\r\n", LARGE_AS_IS, 2.1},
	{"a part of a message",
	 "Content-Type: message/partial; id=a; number=1\r\n\r\n",
	 LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.3},
	{"a calendar",
	 "Content-Type: text/calendar; method=REQUEST\r\n\r\n"
	 "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDESCRIPTION:a",
	 LARGE_LINE "\r\n ", "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", LARGE_AS_IS,
	 1.4},
	{"a report with the message",
	 "Content-Type: multipart/report; boundary=b;\r\n"
	 "\treport-type=delivery-status\r\n\r\n--b\r\n\r\nfailed\r\n--b\r\n"
	 "Content-Type: message/delivery-status\r\n\r\n"
	 "Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; a@b\r\n"
	 "Action: failed\r\nStatus: 5.0.0\r\n\r\n--b\r\n"
	 "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n",
	 LARGE_LINE "\r\n", "--b--\r\n", LARGE_AS_IS, 1.3},
	{"HTML of one attribute",
	 LARGE_TEXT("html; charset=utf-8", "8bit") "<a href=\"", LARGE_LINE, "",
	 LARGE_AS_IS, 1.6},
	{"a header in ISO-2022-JP",
	 "X-One: ", " \033$BF|K\\F|K\\F|K\\F|K\\\033(B\r\n", "\r\nx\r\n",
	 LARGE_AS_IS, 1.6},
	{"a header in LF", "X-One: ", " " LARGE_LINE "\n", "\nx\n", LARGE_AS_IS,
	 1.4},
	{"a text behind a text",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	 "--b\r\n\r\nfirst\r\n--b\r\n\r\n",
	 LARGE_LINE "\r\n", "--b--\r\n", LARGE_AS_IS, 1.3},
	{"a header of many fields", "From: a@example.org\r\n",
	 "X-Field-Of-Many: " LARGE_LINE "\r\n", "\r\nx\r\n", LARGE_AS_IS, 1.8},
	{"a header of one field", "X-One: ", " " LARGE_LINE "\r\n", "\r\nx\r\n",
	 LARGE_AS_IS, 1.4},
	{"a header in ISO-8859-1", "X-One: ", " " LARGE_KOI8, "\r\nx\r\n",
	 LARGE_AS_IS, 2.4},
	{"a message", "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n",
	 LARGE_LINE "\r\n", "", LARGE_AS_IS, 1.3},
	{"a message in base64",
	 "Content-Type: message/rfc822\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n",
	 "Subject: in\n\n", LARGE_LINE "\n", LARGE_BASE64, 1.8},
	{"messages in quoted-printable",
	 LARGE_NESTED LARGE_NESTED LARGE_NESTED LARGE_NESTED LARGE_NESTED
	 "Subject: in\r\n\r\n",
	 LARGE_LINE "\r\n", "", LARGE_AS_IS, 2.3},
	{"S/MIME, signed",
	 "Content-Type: multipart/signed; boundary=b;\r\n"
	 "\tprotocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n\r\n",
	 LARGE_LINE "\r\n", "--b\r\n\r\n--b--\r\n", LARGE_AS_IS, 2.3},
	{"lines that end in CR", "Subject: a\r\r", LARGE_LINE "\r", "",
	 LARGE_AS_IS, 2.4},
	{"winmail.dat with a file",
	 "Content-Type: application/ms-tnef\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n",
	 LARGE_LINE "\n", "", LARGE_TNEF_FILE, 1.3},
	{"winmail.dat with a text",
	 "Content-Type: application/ms-tnef\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n",
	 LARGE_LINE "\n", "", LARGE_TNEF_BODY, 1.8},
};

/* The pieces, so that there are about len octets. */
static inline void large_pieces(GString *out, const char *piece, size_t octets,
				size_t len)
{
	size_t end = out->len + len;

	while (out->len + octets <= end)
		g_string_append_len(out, piece, (gssize)octets);
}

/* An attribute of TNEF (MS-OXTNEF 2.1.3). */
static inline void large_attribute(GString *out, char level, guint32 id,
				   const GString *value)
{
	guint32 head[2] = {GUINT32_TO_LE(id),
			   GUINT32_TO_LE((guint32)value->len)};
	guint16 sum = 0;

	for (gsize i = 0; i < value->len; i++)
		sum = (guint16)(sum + (guint8)value->str[i]);
	sum = GUINT16_TO_LE(sum);
	g_string_append_c(out, level);
	g_string_append_len(out, (const char *)head, sizeof(head));
	g_string_append_len(out, value->str, (gssize)value->len);
	g_string_append_len(out, (const char *)&sum, sizeof(sum));
}

static inline void large_tnef(GString *out, const GString *data, gboolean file)
{
	g_autoptr(GString) nothing = g_string_new(NULL);

	g_string_set_size(nothing, 14);
	memset(nothing->str, 0, nothing->len);
	g_string_append_len(out, "\x78\x9f\x3e\x22\x01\x00", 6);
	if (!file) {
		large_attribute(out, 1, 0x0002800c, data);
		return;
	}
	large_attribute(out, 2, 0x00069002, nothing);
	large_attribute(out, 2, 0x0006800f, data);
}

/* A file whose lines of yEnc are the piece (yenc-draft 1.3). */
static inline void large_yenc(GString *out, const char *piece, size_t len)
{
	size_t count = len / strlen(piece);
	size_t size = count * (strlen(piece) - strlen("\r\n"));

	g_string_append_printf(out, "=ybegin line=128 size=%zu name=a\r\n",
			       size);
	large_pieces(out, piece, strlen(piece), count * strlen(piece));
	g_string_append_printf(out, "=yend size=%zu\r\n", size);
}

static inline void large_base64(GString *out, const GString *data)
{
	for (gsize at = 0; at < data->len; at += 57) {
		g_autofree char *line =
			g_base64_encode((const guchar *)data->str + at,
					MIN(data->len - at, (gsize)57));

		g_string_append(out, line);
		g_string_append(out, "\r\n");
	}
}

/* A message of that shape, of about len octets. */
static inline GBytes *large_message(const struct large_shape *shape, size_t len)
{
	GString *out = g_string_sized_new(len + 4096);
	g_autoptr(GString) data = g_string_new(NULL);
	g_autoptr(GString) tnef = g_string_new(NULL);
	size_t octets = strlen(shape->piece);

	g_string_append(out, shape->before);
	if (shape->form == LARGE_AS_IS) {
		large_pieces(out, shape->piece, octets, len - out->len);
		g_string_append(out, shape->after);
		return g_string_free_to_bytes(out);
	}
	if (shape->form == LARGE_YENC) {
		large_yenc(out, shape->piece, len - out->len);
		return g_string_free_to_bytes(out);
	}
	if (*shape->after) { /* once the piece, then what is behind it */
		g_string_append(data, shape->piece);
		large_pieces(data, shape->after, strlen(shape->after),
			     len / 78 * 57);
	} else {
		large_pieces(data, shape->piece, octets, len / 78 * 57);
	}
	if (shape->form != LARGE_BASE64)
		large_tnef(tnef, data, shape->form == LARGE_TNEF_FILE);
	large_base64(out, shape->form == LARGE_BASE64 ? data : tnef);
	return g_string_free_to_bytes(out);
}

#endif
