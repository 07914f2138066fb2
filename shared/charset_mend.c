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

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

void charset_mend_hz(struct charset_mending *mending, size_t upto, GString *out)
{
	const char *data = mending->data;
	size_t len = mending->len;
	bool wide = mending->set != 0;
	size_t i = mending->at;

	for (; i < upto; i++) {
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
	mending->at = i;
	mending->set = wide;
}

/* How many octets the sign at *data has (GB 18030: 1, 2 or 4). */
static size_t gb_len(const char *data, size_t len)
{
	uint8_t first = (uint8_t)data[0];

	if (first <= 0x80 || first == 0xff || len < 2)
		return 1;
	return data[1] >= '0' && data[1] <= '9' && len >= 4 ? 4 : 2;
}

bool charset_has_gb_euro(const void *octets, size_t len)
{
	const char *data = octets;

	if (!len || !memchr(data, 0x80, len))
		return false;
	for (size_t i = 0; i < len; i += gb_len(data + i, len - i))
		if (data[i] == '\x80')
			return true;
	return false;
}

void charset_mend_gb(struct charset_mending *mending, size_t upto, GString *out)
{
	while (mending->at < upto) {
		const char *sign = mending->data + mending->at;
		size_t n = gb_len(sign, mending->len - mending->at);

		if (*sign == '\x80')
			g_string_append(out, "\xa2\xe3");
		else
			g_string_append_len(out, sign, (gssize)n);
		mending->at += n;
	}
}

enum jp_set {
	JP_ASCII,
	JP_KANJI,
	JP_KANA, /* JIS X 0201 */
	JP_OTHER
};

/* The set behind an escape sequence of G0 (ECMA-35), so far as it matters where
 * lines end. */
static enum jp_set jp_set_at(const char *data, size_t len, int before)
{
	if (len >= 3 && data[1] == '(')
		return data[2] == 'B' || data[2] == 'J' ? JP_ASCII : JP_OTHER;
	return len >= 2 && data[1] == '$' ? JP_OTHER : (enum jp_set)before;
}

void charset_mend_jp(struct charset_mending *mending, size_t upto, GString *out)
{
	const char *data = mending->data;
	size_t done = mending->at;

	for (size_t i = done; i < upto; i++) {
		if (data[i] == '\033')
			mending->set = jp_set_at(data + i, mending->len - i,
						 mending->set);
		if (mending->set == JP_ASCII || !is_line_end(data[i]))
			continue;
		g_string_append_len(out, data + done, (gssize)(i - done));
		g_string_append(out, "\033(B");
		done = i;
		mending->set = JP_ASCII;
	}
	g_string_append_len(out, data + done, (gssize)(upto - done));
	mending->at = upto;
}

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
	return JP_OTHER;
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

/* A sign of that set as Shift_JIS; its octets, 0: it is none. */
static size_t jp_append(GString *out, int set, const char *data, size_t len)
{
	bool is_sign = is_letter(data, len);

	if ((uint8_t)*data >= 0x80)
		return 0;
	if (set == JP_ASCII || !is_sign) {
		g_string_append_c(out, *data);
		return 1;
	}
	if (set == JP_KANA && *data < 0x60) {
		g_string_append_c(out, (char)(*data | 0x80));
		return 1;
	}
	if (set != JP_KANJI || !is_letter(data + 1, len - 1))
		return 0;
	append_shifted(out, data[0], data[1]);
	return 2;
}

void charset_jp_shift(struct charset_mending *mending, size_t upto,
		      GString *out)
{
	while (mending->at < upto && !mending->bad) {
		const char *at = mending->data + mending->at;
		size_t len = mending->len - mending->at;
		size_t step = 0;

		if (is_line_end(*at))
			mending->set = JP_ASCII;
		if (*at == '\033')
			mending->set = jp_escape(at, len, &step);
		else
			step = jp_append(out, mending->set, at, len);
		mending->bad = !step || mending->set == JP_OTHER;
		mending->at += step;
	}
}

static bool is_high(const uint8_t *data, size_t len)
{
	return len && *data >= 0xa1 && *data <= 0xfe;
}

/* A sign as Shift_JIS; its octets, 0: it is none. */
static size_t euc_append(GString *out, const uint8_t *data, size_t len)
{
	bool is_pair = is_high(data + 1, len - 1);

	if (*data < 0x80) {
		g_string_append_c(out, (char)*data);
		return 1;
	}
	if (*data == 0x8e && is_pair && data[1] < 0xe0)
		g_string_append_c(out, (char)data[1]);
	else if (is_high(data, 1) && is_pair)
		append_shifted(out, data[0] & 0x7f, data[1] & 0x7f);
	else
		return 0;
	return 2;
}

void charset_euc_shift(struct charset_mending *mending, size_t upto,
		       GString *out)
{
	while (mending->at < upto && !mending->bad) {
		const char *at = mending->data + mending->at;
		size_t step = euc_append(out, (const uint8_t *)at,
					 mending->len - mending->at);

		mending->bad = !step;
		mending->at += step;
	}
}
