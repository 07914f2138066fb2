/*
 * Octets as iconv(3) wants them: what it does not know, and what senders write
 * of what it knows.
 */
#include "charset_mend.h"

#include <string.h>

static bool is_letter(const char *data, size_t len)
{
	return len && *data > ' ' && *data < 0x7f;
}

GString *charset_mend_hz(const void *octets, size_t len)
{
	const char *data = octets;
	GString *out = g_string_sized_new(len);
	bool wide = false;

	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? data[i + 1] : '\0';

		if (data[i] == '~' && next == (wide ? '}' : '{')) {
			wide = !wide;
			i++;
		} else if (data[i] == '~' && !wide && next == '~') {
			g_string_append_c(out, data[i++]);
		} else if (data[i] == '~' && !wide && next == '\n') {
			i++;
		} else if (wide && is_letter(data + i, len - i) &&
			   is_letter(data + i + 1, len - i - 1)) {
			g_string_append_c(out, (char)(data[i++] | 0x80));
			g_string_append_c(out, (char)(next | 0x80));
		} else {
			wide = wide && data[i] != '\n';
			g_string_append_c(out, data[i]);
		}
	}
	return out;
}

/* How many octets the sign at *data has (GB 18030: 1, 2 or 4). */
static size_t gb_len(const uint8_t *data, size_t len)
{
	if (data[0] <= 0x80 || data[0] == 0xff || len < 2)
		return 1;
	return data[1] >= '0' && data[1] <= '9' && len >= 4 ? 4 : 2;
}

GString *charset_mend_gb(const void *octets, size_t len)
{
	const uint8_t *data = octets;
	GString *out = NULL;
	size_t n;

	if (!len || !memchr(data, 0x80, len))
		return NULL;
	out = g_string_sized_new(len);
	for (size_t i = 0; i < len; i += n) {
		n = gb_len(data + i, len - i);
		if (data[i] == 0x80)
			g_string_append(out, "\xa2\xe3");
		else
			g_string_append_len(out, (const char *)data + i,
					    (gssize)n);
	}
	return out;
}

/* Behind an escape sequence of G0 (ECMA-35): is it ASCII again? */
static bool jp_is_ascii(const char *data, size_t len, bool was_ascii)
{
	if (len >= 3 && data[1] == '(')
		return data[2] == 'B' || data[2] == 'J';
	return len >= 2 && data[1] == '$' ? false : was_ascii;
}

GString *charset_mend_jp(const void *octets, size_t len)
{
	const char *data = octets;
	GString *out = NULL;
	bool ascii = true;
	size_t done = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\033')
			ascii = jp_is_ascii(data + i, len - i, ascii);
		if (ascii || (data[i] != '\r' && data[i] != '\n'))
			continue;
		if (!out)
			out = g_string_sized_new(len + 64);
		g_string_append_len(out, data + done, (gssize)(i - done));
		g_string_append(out, "\033(B");
		done = i;
		ascii = true;
	}
	if (out)
		g_string_append_len(out, data + done, (gssize)(len - done));
	return out;
}

enum jp_set {
	JP_NONE = -1,
	JP_ASCII,
	JP_KANJI,
	JP_KANA
};

/* The set that the escape sequence at *data opens, and its length. */
static enum jp_set jp_escape(const char *data, size_t len, size_t *ret_len)
{
	static const struct {
		const char *sequence;
		enum jp_set set;
	} known[] = {
		{"\033(B", JP_ASCII}, {"\033(J", JP_ASCII},
		{"\033$@", JP_KANJI}, {"\033$B", JP_KANJI},
		{"\033(I", JP_KANA},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		*ret_len = strlen(known[i].sequence);
		if (len >= *ret_len &&
		    !memcmp(data, known[i].sequence, *ret_len))
			return known[i].set;
	}
	return JP_NONE;
}

/* A row and a cell (JIS X 0208) as Shift_JIS, which has two rows for each of
 * its first octets. */
static void append_shifted(GString *out, int row, int cell)
{
	int first = (row - 0x21) / 2 + 0x81;
	int second = row % 2 ? cell + 0x1f + (cell >= 0x60) : cell + 0x7e;

	g_string_append_c(out, (char)(first > 0x9f ? first + 0x40 : first));
	g_string_append_c(out, (char)second);
}

GString *charset_jp_shift(const void *octets, size_t len)
{
	const char *data = octets;
	GString *out = g_string_sized_new(len);
	enum jp_set set = JP_ASCII;
	size_t step = 1;

	for (size_t i = 0; i < len && set != JP_NONE; i += step) {
		bool is_sign = is_letter(data + i, len - i);

		step = 1;
		if (data[i] == '\033') {
			set = jp_escape(data + i, len - i, &step);
		} else if ((uint8_t)data[i] >= 0x80) {
			set = JP_NONE;
		} else if (set == JP_ASCII || !is_sign) {
			g_string_append_c(out, data[i]);
		} else if (set == JP_KANA && data[i] < 0x60) {
			g_string_append_c(out, (char)(data[i] | 0x80));
		} else if (set == JP_KANJI &&
			   is_letter(data + i + 1, len - i - 1)) {
			step = 2;
			append_shifted(out, data[i], data[i + 1]);
		} else {
			set = JP_NONE;
		}
	}
	if (set != JP_NONE)
		return out;
	g_string_free(out, TRUE);
	return NULL;
}

static bool is_high(const uint8_t *data, size_t len)
{
	return len && *data >= 0xa1 && *data <= 0xfe;
}

GString *charset_euc_shift(const void *octets, size_t len)
{
	const uint8_t *data = octets;
	GString *out = g_string_sized_new(len);
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		bool is_pair = is_high(data + i + 1, len - i - 1);

		step = 2;
		if (data[i] < 0x80) {
			g_string_append_c(out, (char)data[i]);
			step = 1;
		} else if (data[i] == 0x8e && is_pair && data[i + 1] < 0xe0) {
			g_string_append_c(out, (char)data[i + 1]);
		} else if (is_high(data + i, 1) && is_pair) {
			append_shifted(out, data[i] & 0x7f, data[i + 1] & 0x7f);
		} else {
			g_string_free(out, TRUE);
			return NULL;
		}
	}
	return out;
}
