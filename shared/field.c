/*
 * Writing header fields' values; see field.h.
 */
#include "field.h"

#include <string.h>
#include <time.h>

/* Octets of UTF-8 in one encoded word: 39 are 52 in base64; with its frame and
 * a long field name before it the line stays below 76 (RFC 2047 2). */
#define FIELD_WORD_MAX    39
#define FIELD_ADDRESS_MAX 900 /* octets */
#define FIELD_LINE_MAX    76  /* octets of a line with encoded words */

static const char *const field_days[] = {"Sun", "Mon", "Tue", "Wed",
					 "Thu", "Fri", "Sat"};
static const char *const field_months[] = {"Jan", "Feb", "Mar", "Apr",
					   "May", "Jun", "Jul", "Aug",
					   "Sep", "Oct", "Nov", "Dec"};

/* zone: seconds east of Greenwich. */
static char *field_date(const struct tm *tm, long zone)
{
	long minutes = (zone < 0 ? -zone : zone) / 60;

	return g_strdup_printf("%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld",
			       field_days[tm->tm_wday % 7], tm->tm_mday,
			       field_months[tm->tm_mon % 12],
			       tm->tm_year + 1900, tm->tm_hour, tm->tm_min,
			       tm->tm_sec, zone < 0 ? '-' : '+', minutes / 60,
			       minutes % 60);
}

/* Every copy of every message has one: what stays the same for a second is
 * kept. */
char *field_date_utc(int64_t time)
{
	static __thread time_t known_seconds;
	static __thread char known[64];
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm = {0};
	g_autofree char *date = NULL;

	if (*known && seconds == known_seconds)
		return g_strdup(known);
	(void)gmtime_r(&seconds, &tm);
	date = field_date(&tm, 0);
	g_strlcpy(known, date, sizeof(known));
	known_seconds = seconds;
	return g_steal_pointer(&date);
}

char *field_date_local(int64_t time)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm tm = {0};

	(void)localtime_r(&seconds, &tm);
	return field_date(&tm, tm.tm_gmtoff);
}

char *field_message_id(int64_t now, const char *hostname)
{
	return g_strdup_printf("%" G_GINT64_MODIFIER "x.%08x%08x@%s", now,
			       g_random_int(), g_random_int(), hostname);
}

bool field_is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text >= 0x7f)
			return false;
	return true;
}

char *field_encoded_words(const char *text)
{
	GString *out = g_string_new(NULL);

	if (field_is_plain(text)) {
		g_string_append(out, text);
		return g_string_free(out, FALSE);
	}
	while (*text) {
		size_t n = 0;
		g_autofree char *base64 = NULL;

		while (text[n]) {
			const char *next = g_utf8_next_char(text + n);

			if (next - text > FIELD_WORD_MAX)
				break;
			n = (size_t)(next - text);
		}
		base64 = g_base64_encode((const guchar *)text, n);
		g_string_append_printf(out, "%s=?UTF-8?B?%s?=",
				       out->len ? "\r\n " : "", base64);
		text += n;
	}
	return g_string_free(out, FALSE);
}

void field_append_mailbox(GString *out, const char *phrase, const char *address)
{
	const char *line;
	size_t len;

	g_string_append(out, phrase);
	line = strrchr(out->str, '\n');
	line = line ? line + 1 : out->str;
	len = strlen(line) + strlen(" <>") + strlen(address);
	g_string_append_printf(
		out, "%s <%s>",
		strstr(phrase, "=?") && len > FIELD_LINE_MAX ? "\r\n" : "",
		address);
}

char *field_report_address(const char *address)
{
	g_autofree char *clean = field_clean(address, FIELD_ADDRESS_MAX);
	GString *out;

	if (g_str_is_ascii(clean))
		return g_strconcat("rfc822;", clean, NULL);
	out = g_string_new("utf-8;");
	for (const char *p = clean; *p; p = g_utf8_next_char(p))
		if (*p & 0x80 || *p == '\\')
			g_string_append_printf(out, "\\x{%X}",
					       g_utf8_get_char(p));
		else
			g_string_append_c(out, *p);
	return g_string_free(out, FALSE);
}

char *field_clean(const char *text, size_t max)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_sized_new(128);

	for (const char *p = valid; *p && out->len < max;
	     p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			c = ' ';
		if (c == ' ' && (!out->len || out->str[out->len - 1] == ' '))
			continue;
		g_string_append_unichar(out, c);
	}
	while (out->len && out->str[out->len - 1] == ' ')
		g_string_truncate(out, out->len - 1);
	return g_string_free(out, FALSE);
}

void field_append_quoted(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text);
	}
	g_string_append_c(out, '"');
}

const char *field_quoted_end(const char *at)
{
	for (at++; *at; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '"')
			return at;
	}
	return NULL;
}
