/*
 * What charsets are called: in mail, by iconv(3), as Windows code pages, and by
 * who spells them wrong.
 */
#include "charset_names.h"
#include "charset.h"

#include <stdio.h>
#include <string.h>

static const struct charset charsets[] = {
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
	{"gb2312", CHARSET_CODEC_GB, 936},
	{"x-gbk", CHARSET_CODEC_GB, 936},
	{"gbk", CHARSET_CODEC_GB, 936},
	{"gb18030", NULL, 54936},
	{"hz-gb-2312", CHARSET_CODEC_HZ, 52936},
	{"hz", CHARSET_CODEC_HZ, 52936},
	{"big5", "BIG5-HKSCS", 950},
	{"big5-hkscs", "BIG5-HKSCS", 950},
	{"shift_jis", "CP932", 932},
	{"shift-jis", "CP932", 932},
	{"x-sjis", "CP932", 932},
	{"sjis", "CP932", 932},
	{"windows-31j", "CP932", 932},
	{"iso-2022-jp", CHARSET_CODEC_JP, 50220},
	{"csiso2022jp", CHARSET_CODEC_JP, 50221},
	{"euc-jp", CHARSET_CODEC_EUC, 51932},
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
	{"cp936", CHARSET_CODEC_GB, 936},
	{"cp949", "CP949", 949},
	{"cp950", "BIG5-HKSCS", 950},
	{"cn-gb", CHARSET_CODEC_GB, 936},
	{"euc-cn", CHARSET_CODEC_GB, 936},
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

const struct charset *charset_find(const char *name)
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

/* The first one is what the code page is called in mail. */
static const struct charset *charset_of_codepage(int codepage)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++)
		if (charsets[i].codepage == codepage)
			return &charsets[i];
	return NULL;
}

const char *charset_name_of(int codepage)
{
	const struct charset *charset = charset_of_codepage(codepage);

	return charset && !charset_is_utf16(codepage) ? charset->name : NULL;
}

void charset_codec_of(int codepage, char codec[CHARSET_CODEC_MAX])
{
	static const struct {
		int codepage;
		const char *codec;
	} others[] = {
		{10029, "MAC-CENTRALEUROPE"},
		{38598, "ISO-8859-8"},
		{52936, CHARSET_CODEC_HZ},
	};
	const struct charset *charset = charset_of_codepage(codepage);

	if (codepage >= 28591 && codepage <= 28605)
		(void)snprintf(codec, CHARSET_CODEC_MAX, "ISO-8859-%d",
			       codepage - 28590);
	else if (charset->iconv && codepage < 10000)
		(void)snprintf(codec, CHARSET_CODEC_MAX, "CP%d", codepage);
	else
		(void)snprintf(codec, CHARSET_CODEC_MAX, "%s", charset->name);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (others[i].codepage == codepage)
			(void)snprintf(codec, CHARSET_CODEC_MAX, "%s",
				       others[i].codec);
}
