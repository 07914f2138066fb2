/*
 * Charsets by their names in mail and by their Windows code pages: octets to
 * UTF-8 and back.
 */
#include "charset.h"

#include "charset_mend.h"
#include "pages.h"
#include "utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define UTF16_LOOK  4096           /* octets that tell its order */
#define CODEC_GB    "GB18030"
#define CODEC_JP    "ISO-2022-JP-2"
#define CODEC_EUC   "EUC-JP"
#define CODEC_HZ    "HZ" /* RFC 1843; iconv(3) has none */

/* Charset names as mail has them: what iconv(3) calls it (NULL: the same) and
 * the Windows code page. */
static const struct charset {
	const char *name;
	const char *iconv;
	int codepage;
} charsets[] = {
	{"utf-8", NULL, 65001},
	{"us-ascii", NULL, 20127},
	{"iso-8859-1", "WINDOWS-1252", 28591},
	{"windows-1252", NULL, 1252},
	{"iso-8859-15", NULL, 28605},
	{"iso-8859-2", NULL, 28592},
	{"iso-8859-3", NULL, 28593},
	{"iso-8859-4", NULL, 28594},
	{"iso-8859-5", NULL, 28595},
	{"iso-8859-6", NULL, 28596},
	{"iso-8859-7", NULL, 28597},
	{"iso-8859-8", NULL, 28598},
	{"iso-8859-8-i", "ISO-8859-8", 38598},
	{"iso-8859-8-e", "ISO-8859-8", 28598},
	{"iso-8859-6-i", "ISO-8859-6", 28596},
	{"iso-8859-9", "WINDOWS-1254", 28599},
	{"iso-8859-13", NULL, 28603},
	{"windows-874", "CP874", 874},
	{"tis-620", "CP874", 874},
	{"windows-1250", NULL, 1250},
	{"windows-1251", NULL, 1251},
	{"windows-1253", NULL, 1253},
	{"windows-1254", NULL, 1254},
	{"windows-1255", NULL, 1255},
	{"windows-1256", NULL, 1256},
	{"windows-1257", NULL, 1257},
	{"windows-1258", NULL, 1258},
	{"koi8-r", NULL, 20866},
	{"koi8-u", NULL, 21866},
	{"gb2312", CODEC_GB, 936},
	{"x-gbk", CODEC_GB, 936},
	{"gbk", CODEC_GB, 936},
	{"gb18030", NULL, 54936},
	{"hz-gb-2312", CODEC_HZ, 52936},
	{"hz", CODEC_HZ, 52936},
	{"big5", "BIG5-HKSCS", 950},
	{"big5-hkscs", "BIG5-HKSCS", 950},
	{"shift_jis", "CP932", 932},
	{"shift-jis", "CP932", 932},
	{"x-sjis", "CP932", 932},
	{"sjis", "CP932", 932},
	{"windows-31j", "CP932", 932},
	{"iso-2022-jp", CODEC_JP, 50220},
	{"csiso2022jp", CODEC_JP, 50221},
	{"euc-jp", CODEC_EUC, 51932},
	{"euc-kr", "CP949", 51949},
	{"ks_c_5601-1987", "CP949", 949},
	{"ks_c_5601", "CP949", 949},
	{"iso-2022-kr", NULL, 50225},
	{"utf-7", NULL, 65000},
	{"unicode-1-1-utf-7", "UTF-7", 65000},
	{"utf-16", NULL, 1200},
	{"utf-16le", NULL, 1200},
	{"utf-16be", NULL, 1201},
	{"macintosh", NULL, 10000},
	{"mac-roman", "MACINTOSH", 10000},
	{"macroman", "MACINTOSH", 10000},
	{"mac-cyrillic", "MAC-CYRILLIC", 10007},
	{"mac-ce", "MAC-CENTRALEUROPE", 10029},
	{"ibm437", NULL, 437},
	{"ibm850", NULL, 850},
	{"ibm852", NULL, 852},
	{"ibm855", NULL, 855},
	{"ibm857", NULL, 857},
	{"ibm858", "CP858", 858},
	{"ibm862", NULL, 862},
	{"ibm866", NULL, 866},
	/* Misnomers. */
	{"utf8", "UTF-8", 65001},
	{"utf_8", "UTF-8", 65001},
	{"x-utf-8", "UTF-8", 65001},
	{"unicode", "UTF-8", 65001},
	{"3dutf-8", "UTF-8", 65001},
	{"unicode-1-1-utf-8", "UTF-8", 65001},
	{"ascii", "US-ASCII", 20127},
	{"ansi_x3.4-1968", "US-ASCII", 20127},
	{"ansi_x3.110-1983", "WINDOWS-1252", 28591},
	{"usascii", "US-ASCII", 20127},
	{"latin1", "WINDOWS-1252", 28591},
	{"latin-1", "WINDOWS-1252", 28591},
	{"ansi", "WINDOWS-1252", 1252},
	{"cp932", "CP932", 932},
	{"cp936", CODEC_GB, 936},
	{"cp949", "CP949", 949},
	{"cp950", "BIG5-HKSCS", 950},
	{"cn-gb", CODEC_GB, 936},
	{"euc-cn", CODEC_GB, 936},
	{"cn-big5", "BIG5-HKSCS", 950},
};

static const struct charset *find_as_it_is(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (!g_ascii_strcasecmp(charsets[i].name, name))
			return &charsets[i];
	return NULL;
}

/* The usual ways to spell a name wrong: "koi8_r", "x-cp1251", "iso8859_5",
 * "cp-850".  Owned. */
static char *respell(const char *name)
{
	static const struct {
		const char *wrong, *right;
	} starts[] = {
		{"iso8859-", "iso-8859-"},
		{"iso8859", "iso-8859-"},
		{"windows125", "windows-125"},
		{"win-125", "windows-125"},
		{"win125", "windows-125"},
		{"cp-125", "windows-125"},
		{"cp125", "windows-125"},
		{"cp-", "ibm"},
		{"ibm-", "ibm"},
		{"cp", "ibm"},
	};
	static const char around[] = " \t'\"";
	g_autofree char *lower =
		g_strdelimit(g_ascii_strdown(name, -1), "_", '-');
	char *bare = lower + strspn(lower, around);

	/* "'utf-8'", "utf-8, de" */
	bare[strcspn(bare, " \t'\",;")] = '\0';
	bare += g_str_has_prefix(bare, "x-") ? 2 : 0;

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
		if (g_str_has_prefix(bare, starts[i].wrong))
			return g_strconcat(starts[i].right,
					   bare + strlen(starts[i].wrong),
					   NULL);
	return g_strdup(bare);
}

static const struct charset *charset_find(const char *name)
{
	const struct charset *charset = find_as_it_is(name);
	g_autofree char *respelled = charset ? NULL : respell(name);

	return charset ? charset : find_as_it_is(respelled);
}

int charset_codepage(const char *name)
{
	const struct charset *charset = charset_find(name);

	return charset ? charset->codepage : CODEPAGE_UTF8;
}

bool charset_is_seven_bit(const char *data, size_t len)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			return false;
	}
	for (; i < len; i++)
		if ((unsigned char)data[i] >= 0x80)
			return false;
	return true;
}

static bool is_undeclared(const char *name)
{
	static const char *const undeclared[] = {
		"us-ascii",   "ascii",          "ansi_x3.4-1968",  "usascii",
		"x-unknown",  "unknown",        "unknown-8bit",    "default",
		"iso-8859-0", "x-user-defined", "_autodetect_all", "none",
		"8bit",       "7bit",           "_autodetect",     "utf8mb4",
	};

	if (!*name)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(undeclared); i++)
		if (!g_ascii_strcasecmp(undeclared[i], name))
			return true;
	return false;
}

bool charset_is_ascii(const char *name)
{
	g_autofree char *respelled = NULL;

	if (!name || is_undeclared(name))
		return true;
	if (find_as_it_is(name))
		return false;
	respelled = respell(name);
	return is_undeclared(respelled);
}

bool charset_is_japanese(const char *data, size_t len)
{
	return len && memchr(data, '\033', len) &&
	       (memmem(data, len, "\033$B", 3) ||
		memmem(data, len, "\033$@", 3));
}

/* Open converters by name: opening one loads a module, which costs more than
 * most texts.  A thread keeps a bounded number. */
#define CONVERTERS_MAX 64

static void converter_close(gpointer cd)
{
	iconv_close((iconv_t)cd);
}

static void converters_free(gpointer table)
{
	g_hash_table_unref(table);
}

static GPrivate converters_key = G_PRIVATE_INIT(converters_free);

static bool converter_name_ok(const char *name)
{
	/* "//" would be an option to iconv_open(), '/' a path. */
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-_.:+()", *c))
			return false;
	return *name && strlen(name) < 64;
}

static iconv_t converter_open(const char *name)
{
	GHashTable *table = g_private_get(&converters_key);
	g_autofree char *key = g_ascii_strup(name, -1);
	iconv_t cd = (iconv_t)-1;

	if (!table) {
		table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      converter_close);
		g_private_set(&converters_key, table);
	}
	cd = g_hash_table_lookup(table, key);
	if (cd) {
		(void)iconv(cd, NULL, NULL, NULL, NULL);
		return cd;
	}
	if (!converter_name_ok(key))
		return (iconv_t)-1;
	cd = iconv_open("UTF-8", key);
	if (cd == (iconv_t)-1) {
		g_autofree char *dashed = g_strdelimit(g_strdup(key), "_", '-');

		cd = iconv_open("UTF-8", dashed);
	}
	if (cd == (iconv_t)-1)
		return cd;
	if (g_hash_table_size(table) >= CONVERTERS_MAX)
		g_hash_table_remove_all(table);
	g_hash_table_insert(table, g_steal_pointer(&key), cd);
	return cd;
}

/* Drops NULs and repairs what is not UTF-8. */
static char *utf8_repair(const char *data, size_t len)
{
	GString *clean = NULL;
	char *valid = NULL;

	if (!memchr(data, '\0', len))
		return utf8_make_valid(data, len);
	clean = g_string_sized_new(len);
	for (size_t i = 0; i < len; i++)
		if (data[i])
			g_string_append_c(clean, data[i]);
	valid = utf8_make_valid(clean->str, clean->len);
	g_string_free(clean, TRUE);
	return valid;
}

/* Runs a converter over all input; what it refuses becomes U+FFFD. */
static char *converter_run(iconv_t cd, const char *data, size_t len,
			   bool *ret_clean)
{
	char *in = (char *)(uintptr_t)data; /* iconv(3) does not write to it */
	char buffer[4096];
	GString *out = g_string_sized_new(len + len / 8);
	const char *done = data;
	char *text = NULL;
	bool flushed = false;
	bool clean = true;

	while (!flushed) {
		char *to = buffer;
		size_t room = sizeof(buffer);
		size_t rc = 0;
		int err = 0;

		flushed = len == 0;
		rc = iconv(cd, flushed ? NULL : &in, flushed ? NULL : &len, &to,
			   &room);
		err = rc == (size_t)-1 ? errno : 0;
		g_string_append_len(out, buffer, to - buffer);
		if (in && in - done >= PAGES_PIECE) {
			pages_done(done, (size_t)(in - done));
			done = in;
		}
		if (err == EILSEQ || err == EINVAL) {
			g_string_append(out, REPLACEMENT);
			clean = false;
			if (len) {
				in++;
				len--;
			}
		}
	}
	*ret_clean = clean;
	if (utf8_is_valid(out->str, out->len))
		return g_string_free(out, FALSE);
	*ret_clean = false;
	text = utf8_repair(out->str, out->len);
	g_string_free(out, TRUE);
	return text;
}

/* Without a byte order mark the first octet is the high one (RFC 2781 4.3),
 * unless more zeros stand in the second ones than in the first: then it was
 * written by who goes by his machine, as iconv(3) does. */
static const char *utf16_order(const uint8_t *data, size_t len)
{
	bool marked = len >= 2 && ((data[0] == 0xff && data[1] == 0xfe) ||
				   (data[0] == 0xfe && data[1] == 0xff));
	size_t zeros[2] = {0, 0};

	if (marked)
		return "UTF-16";
	for (size_t i = 0; i < MIN(len, (size_t)UTF16_LOOK); i++)
		zeros[i % 2] += data[i] == 0;
	return zeros[1] > zeros[0] ? "UTF-16LE" : "UTF-16BE";
}

/* By a name that iconv(3) knows, or ours. */
static char *codec_decode(const char *codec, const void *data, size_t len,
			  bool *ret_clean)
{
	iconv_t cd = (iconv_t)-1;

	*ret_clean = true;
	if (!len)
		return g_strdup("");
	if (!g_ascii_strcasecmp(codec, "utf-8")) {
		*ret_clean = utf8_is_valid(data, len);
		return utf8_repair(data, len);
	}
	if (!g_ascii_strcasecmp(codec, CODEC_HZ)) {
		g_autoptr(GString) euc = charset_mend_hz(data, len);

		return codec_decode(CODEC_GB, euc->str, euc->len, ret_clean);
	}
	if (!g_ascii_strcasecmp(codec, "utf-16"))
		codec = utf16_order(data, len);
	cd = converter_open(codec);
	return cd == (iconv_t)-1 ? NULL
				 : converter_run(cd, data, len, ret_clean);
}

/* Text that the standard does not read cleanly, by Windows, as whose Shift_JIS
 * it is given (or NULL); takes both, owned. */
static char *or_by_windows(char *text, GString *shifted, bool *ret_clean)
{
	char *windows = NULL;
	bool clean = false;

	if (shifted) {
		windows = codec_decode("CP932", shifted->str, shifted->len,
				       &clean);
		g_string_free(shifted, TRUE);
	}
	if (!windows || !clean) {
		g_free(windows);
		return text;
	}
	g_free(text);
	*ret_clean = true;
	return windows;
}

/* Mostly by the standard; by Windows where there are letters of Windows. */
static char *decode_japanese(const void *data, size_t len, bool *ret_clean)
{
	g_autoptr(GString) mended = charset_mend_jp(data, len);
	char *text = NULL;

	if (mended) {
		data = mended->str;
		len = mended->len;
	}
	text = codec_decode(CODEC_JP, data, len, ret_clean);
	return !text || *ret_clean
		       ? text
		       : or_by_windows(text, charset_jp_shift(data, len),
				       ret_clean);
}

static char *decode_euc_japanese(const void *data, size_t len, bool *ret_clean)
{
	char *text = codec_decode(CODEC_EUC, data, len, ret_clean);

	return !text || *ret_clean
		       ? text
		       : or_by_windows(text, charset_euc_shift(data, len),
				       ret_clean);
}

char *charset_decode_clean(const char *name, const void *data, size_t len,
			   bool *ret_clean)
{
	const struct charset *charset = charset_find(name);
	g_autoptr(GString) mended = NULL;

	if (charset)
		name = charset->iconv ? charset->iconv : charset->name;
	if (!g_ascii_strcasecmp(name, CODEC_GB))
		mended = charset_mend_gb(data, len);
	if (!g_ascii_strcasecmp(name, CODEC_JP))
		return decode_japanese(data, len, ret_clean);
	if (!g_ascii_strcasecmp(name, CODEC_EUC))
		return decode_euc_japanese(data, len, ret_clean);
	return mended ? codec_decode(name, mended->str, mended->len, ret_clean)
		      : codec_decode(name, data, len, ret_clean);
}

char *charset_decode(const char *name, const void *data, size_t len)
{
	bool clean = false;

	return charset_decode_clean(name, data, len, &clean);
}

bool charset_is_known(const char *name)
{
	g_autofree char *text = NULL;

	if (charset_find(name))
		return true;
	text = charset_decode(name, "a", 1);
	return text != NULL;
}

/* ---- code pages -----------------------------------------------------------
 */

/* The first one is what the code page is called in mail. */
static const struct charset *charset_of_codepage(int codepage)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (charsets[i].codepage == codepage)
			return &charsets[i];
	return NULL;
}

static bool is_utf16(int codepage)
{
	return codepage == CODEPAGE_UTF16 || codepage == CODEPAGE_UTF16_BE;
}

const char *charset_name_of(int codepage)
{
	const struct charset *charset = charset_of_codepage(codepage);

	return charset && !is_utf16(codepage) ? charset->name : NULL;
}

char *charset_decode_codepage(int codepage, const void *data, size_t len,
			      bool *ret_clean)
{
	const char *name = charset_name_of(codepage);

	if (codepage == CODEPAGE_UTF16)
		name = "utf-16le";
	if (codepage == CODEPAGE_UTF16_BE)
		name = "utf-16be";
	return name ? charset_decode_clean(name, data, len, ret_clean) : NULL;
}

/* What iconv(3) calls a code page, without what we read into charsets of its
 * name. */
static void codec_of(int codepage, char codec[64])
{
	static const struct {
		int codepage;
		const char *codec;
	} others[] = {
		{10029, "MAC-CENTRALEUROPE"},
		{38598, "ISO-8859-8"},
		{52936, CODEC_HZ},
	};
	const struct charset *charset = charset_of_codepage(codepage);

	if (codepage >= 28591 && codepage <= 28605)
		(void)snprintf(codec, 64, "ISO-8859-%d", codepage - 28590);
	else if (codepage < 10000)
		(void)snprintf(codec, 64, "CP%d", codepage);
	else
		(void)snprintf(codec, 64, "%s", charset->name);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (others[i].codepage == codepage)
			(void)snprintf(codec, 64, "%s", others[i].codec);
}

/* Do octets say that text by the code page alone? */
static bool says(int codepage, const void *data, size_t len, const char *text)
{
	char codec[64];
	bool clean = false;
	g_autofree char *said = NULL;

	codec_of(codepage, codec);
	said = codec_decode(codec, data, len, &clean);
	return said && clean && !strcmp(said, text);
}

int charset_exact_codepage(const char *name, const void *data, size_t len,
			   const char *text)
{
	const struct charset *own = charset_find(name);
	const struct charset *wider =
		own && own->iconv ? charset_find(own->iconv) : NULL;

	if (!own || own->codepage == CODEPAGE_UTF8 || is_utf16(own->codepage) ||
	    own->codepage == CODEPAGE_UTF7)
		return CODEPAGE_UTF8;
	if (!len || (strlen(text) == len && !memcmp(text, data, len) &&
		     charset_is_seven_bit(data, len)))
		return own->codepage;
	if (says(own->codepage, data, len, text))
		return own->codepage;
	if (wider && says(wider->codepage, data, len, text))
		return wider->codepage;
	return CODEPAGE_UTF8;
}

GBytes *charset_encode(int codepage, const char *text, const char **ret_name)
{
	const struct charset *charset = charset_of_codepage(codepage);
	g_autoptr(GError) error = NULL;
	g_autofree char *octets = NULL;
	char codec[64];
	gsize len = 0;

	if (!charset || is_utf16(codepage) || codepage == CODEPAGE_UTF7)
		return NULL;
	octets =
		g_convert(text, -1, charset->name, "UTF-8", NULL, &len, &error);
	/* Text that does not fit is another matter than a name nobody knows. */
	if (!octets && !g_error_matches(error, G_CONVERT_ERROR,
					G_CONVERT_ERROR_ILLEGAL_SEQUENCE)) {
		codec_of(codepage, codec);
		octets = g_convert(text, -1, codec, "UTF-8", NULL, &len, NULL);
	}
	if (!octets)
		return NULL;
	/* Readers take some of these for wider ones: it has to come back. */
	if (charset->iconv) {
		g_autofree char *back =
			charset_decode(charset->name, octets, len);

		if (!back || strcmp(back, text) != 0)
			return NULL;
	}
	*ret_name = charset->name;
	return g_bytes_new_take(g_steal_pointer(&octets), len);
}
