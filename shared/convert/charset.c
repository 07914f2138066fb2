/*
 * Charsets: every body, file name and header text becomes UTF-8 here.
 */
#include "compose.h"
#include "text.h"
#include "utf8.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Charset names as mail has them: what iconv(3) calls it (NULL: the same) and
 * the Windows code page (MS-OXCMAIL 2.2.3.4; 0: none, so UTF-8). */
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
	{"gb2312", "GB18030", 936},
	{"x-gbk", "GB18030", 936},
	{"gbk", "GB18030", 936},
	{"gb18030", NULL, 54936},
	{"hz-gb-2312", "EUC-CN", 52936},
	{"big5", "BIG5-HKSCS", 950},
	{"big5-hkscs", "BIG5-HKSCS", 950},
	{"shift_jis", "CP932", 932},
	{"shift-jis", "CP932", 932},
	{"x-sjis", "CP932", 932},
	{"sjis", "CP932", 932},
	{"windows-31j", "CP932", 932},
	{"iso-2022-jp", "ISO-2022-JP-2", 50220},
	{"euc-jp", NULL, 51932},
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
	{"ibm437", NULL, 437},
	{"ibm850", NULL, 850},
	{"ibm852", NULL, 852},
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
	{"iso8859-1", "WINDOWS-1252", 28591},
	{"iso_8859-1", "WINDOWS-1252", 28591},
	{"iso8859_1", "WINDOWS-1252", 28591},
	{"latin1", "WINDOWS-1252", 28591},
	{"latin-1", "WINDOWS-1252", 28591},
	{"iso8859-15", "ISO-8859-15", 28605},
	{"iso8859-2", "ISO-8859-2", 28592},
	{"cp1252", "WINDOWS-1252", 1252},
	{"cp-1252", "WINDOWS-1252", 1252},
	{"windows1252", "WINDOWS-1252", 1252},
	{"win-1252", "WINDOWS-1252", 1252},
	{"ansi", "WINDOWS-1252", 1252},
	{"cp1251", "WINDOWS-1251", 1251},
	{"win-1251", "WINDOWS-1251", 1251},
	{"cp1250", "WINDOWS-1250", 1250},
	{"cp932", "CP932", 932},
	{"cp936", "GB18030", 936},
	{"cp949", "CP949", 949},
	{"cp950", "BIG5-HKSCS", 950},
	{"cn-gb", "GB18030", 936},
	{"euc-cn", "GB18030", 936},
	{"cn-big5", "BIG5-HKSCS", 950},
};

static const struct charset *charset_find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (!g_ascii_strcasecmp(charsets[i].name, name))
			return &charsets[i];
	return NULL;
}

int charset_codepage(const char *name)
{
	const struct charset *charset = charset_find(name);

	return charset && charset->codepage ? charset->codepage : 65001;
}

bool charset_is_ascii(const char *name)
{
	static const char *const undeclared[] = {
		"us-ascii",   "ascii",          "ansi_x3.4-1968",  "usascii",
		"x-unknown",  "unknown",        "unknown-8bit",    "default",
		"iso-8859-0", "x-user-defined", "_autodetect_all", "none",
	};

	if (!name || !*name)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(undeclared); i++)
		if (!g_ascii_strcasecmp(undeclared[i], name))
			return true;
	return false;
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
		/* "koi8_r" */
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

void charset_preload(void)
{
	static const char *const common[] = {
		"WINDOWS-1252", "ISO-8859-15", "ISO-8859-2",    "WINDOWS-1251",
		"KOI8-R",       "GB18030",     "BIG5-HKSCS",    "CP932",
		"EUC-JP",       "CP949",       "ISO-2022-JP-2", "WINDOWS-1250",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(common); i++)
		(void)converter_open(common[i]);
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
static char *converter_run(iconv_t cd, const char *data, size_t len)
{
	char *in = (char *)(uintptr_t)data; /* iconv(3) does not write to it */
	char buffer[4096];
	GString *out = g_string_sized_new(len + len / 8);
	char *text = NULL;
	bool flushed = false;

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
		if (err == EILSEQ || err == EINVAL) {
			g_string_append(out, REPLACEMENT);
			if (len) {
				in++;
				len--;
			}
		}
	}
	text = utf8_repair(out->str, out->len);
	g_string_free(out, TRUE);
	return text;
}

/* Without a byte order mark the first octet is the high one (RFC 2781 4.3);
 * iconv(3) goes by the machine. */
static const char *utf16_order(const uint8_t *data, size_t len)
{
	bool marked = len >= 2 && ((data[0] == 0xff && data[1] == 0xfe) ||
				   (data[0] == 0xfe && data[1] == 0xff));

	return marked ? "UTF-16" : "UTF-16BE";
}

char *charset_decode(const char *name, const void *data, size_t len)
{
	const struct charset *charset = charset_find(name);
	const char *iconv_name = charset ? charset->iconv : NULL;
	iconv_t cd = (iconv_t)-1;

	if (!iconv_name)
		iconv_name = name;
	if (!len)
		return g_strdup("");
	if (!g_ascii_strcasecmp(iconv_name, "utf-8"))
		return utf8_repair(data, len);
	if (!g_ascii_strcasecmp(iconv_name, "utf-16"))
		iconv_name = utf16_order(data, len);
	cd = converter_open(iconv_name);
	if (cd == (iconv_t)-1)
		return NULL;
	return converter_run(cd, data, len);
}

char *charset_decode_undeclared(const struct convert_context *context,
				const void *data, size_t len)
{
	const char *fallback = context->options->default_charset;
	char *text = NULL;

	if (!len)
		return g_strdup("");
	if (charset_is_japanese(data, len))
		text = charset_decode("iso-2022-jp", data, len);
	if (text)
		return text;
	if (utf8_is_valid(data, len))
		return utf8_make_valid(data, len);
	if (fallback && *fallback && !charset_is_ascii(fallback))
		text = charset_decode(fallback, data, len);
	if (!text)
		text = charset_decode("windows-1252", data, len);
	return text ? text : utf8_repair(data, len);
}

/* The wide ones and UTF-7 are no charsets for mail to be written in. */
static const struct charset *charset_of_codepage(int codepage)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (charsets[i].codepage == codepage)
			return codepage < 1200 || codepage > 1201 ? &charsets[i]
								  : NULL;
	return NULL;
}

const char *charset_name_of(int codepage)
{
	const struct charset *charset = charset_of_codepage(codepage);

	return charset ? charset->name : NULL;
}

GBytes *charset_encode(int codepage, const char *text, const char **ret_name)
{
	const struct charset *charset = charset_of_codepage(codepage);
	g_autofree char *octets = NULL;
	gsize len = 0;

	if (!charset || codepage == 65000)
		return NULL;
	octets = g_convert(text, -1, charset->name, "UTF-8", NULL, &len, NULL);
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
