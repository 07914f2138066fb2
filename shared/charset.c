/*
 * Octets of a charset to UTF-8 and back.
 */
#include "charset.h"

#include "charset_names.h"
#include "charset_read.h"

#include <string.h>

#define UTF16_LOOK 4096 /* octets that tell its order */

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

bool charset_is_japanese(const char *data, size_t len)
{
	return len && memchr(data, '\033', len) &&
	       (memmem(data, len, "\033$B", 3) ||
		memmem(data, len, "\033$@", 3));
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

static bool is_codec(const char *codec, const char *name)
{
	return !g_ascii_strcasecmp(codec, name);
}

/* By a name that iconv(3) knows, or ours. */
static struct charset_reading reading_of(const char *codec, const void *data,
					 size_t len)
{
	if (is_codec(codec, CHARSET_CODEC_HZ))
		return (struct charset_reading){CHARSET_CODEC_GB,
						charset_mend_hz};
	if (is_codec(codec, "utf-16"))
		codec = utf16_order(data, len);
	return (struct charset_reading){codec, NULL};
}

/* How a charset is read, and how if that is not clean: Japanese by Windows,
 * where there are letters of Windows. */
#define READINGS_MAX 2

static size_t find_readings(const char *name, const void *data, size_t len,
			    struct charset_reading readings[READINGS_MAX])
{
	const struct charset *charset = charset_find(name);
	struct charset_reading windows = {"CP932", NULL};

	if (charset)
		name = charset->iconv ? charset->iconv : charset->name;
	readings[0] = reading_of(name, data, len);
	if (is_codec(name, CHARSET_CODEC_GB) && charset_has_gb_euro(data, len))
		readings[0].mend = charset_mend_gb;
	if (is_codec(name, CHARSET_CODEC_JP)) {
		readings[0].mend = charset_mend_jp;
		windows.mend = charset_jp_shift;
	}
	if (is_codec(name, CHARSET_CODEC_EUC))
		windows.mend = charset_euc_shift;
	readings[1] = windows;
	return windows.mend ? 2 : 1;
}

static char *decode(const char *name, const void *data, size_t len,
		    unsigned how, bool *ret_clean)
{
	struct charset_reading readings[READINGS_MAX];
	size_t count = 0;
	char *text = NULL;

	*ret_clean = true;
	if (!len) /* of any charset */
		return g_strdup("");
	count = find_readings(name, data, len, readings);
	for (size_t i = 0; count > 1 && i < count && !text; i++)
		text = charset_read(&readings[i], data, len,
				    how | CHARSET_STRICT, ret_clean);
	return text ? text
		    : charset_read(&readings[0], data, len, how, ret_clean);
}

char *charset_decode(const char *name, const void *data, size_t len)
{
	bool clean = false;

	return decode(name, data, len, 0, &clean);
}

char *charset_decode_spent(const char *name, void *data, size_t len)
{
	bool clean = false;

	return decode(name, data, len, CHARSET_SPEND, &clean);
}

char *charset_decode_codepage(int codepage, const void *data, size_t len,
			      bool *ret_clean)
{
	const char *name = charset_name_of(codepage);

	if (codepage == CODEPAGE_UTF16)
		name = "utf-16le";
	if (codepage == CODEPAGE_UTF16_BE)
		name = "utf-16be";
	return name ? decode(name, data, len, 0, ret_clean) : NULL;
}

static bool is_any_of(const char *codec, const char *const starts[])
{
	for (; *starts; starts++)
		if (!g_ascii_strncasecmp(codec, *starts, strlen(*starts)))
			return true;
	return false;
}

/* Has a charset of the table one octet a letter?  Then it says all of a text
 * which octets there are. */
static bool is_of_octets(const struct charset *charset)
{
	static const char *const others[] = {"utf-", "iso-2022", "hz",
					     "gb",   "big5",     "cp93",
					     "cp94", "euc-",     NULL};

	return charset &&
	       !is_any_of(charset->iconv ? charset->iconv : charset->name,
			  others);
}

/* The octets that there are, each once. */
static size_t distinct(const uint8_t *data, size_t len, uint8_t octets[256])
{
	bool seen[256] = {false};
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		seen[data[i]] = true;
	for (size_t i = 0; i < 256; i++)
		if (seen[i])
			octets[count++] = (uint8_t)i;
	return count;
}

bool charset_is_clean(const char *name, const void *data, size_t len)
{
	struct charset_reading readings[READINGS_MAX];
	size_t count = find_readings(name, data, len, readings);
	uint8_t octets[256];

	if (is_of_octets(charset_find(name))) {
		len = distinct(data, len, octets);
		data = octets;
	}
	for (size_t i = 0; i < count; i++)
		if (charset_reads(&readings[i], data, len))
			return true;
	return false;
}

bool charset_is_known(const char *name)
{
	struct charset_reading readings[READINGS_MAX];

	(void)find_readings(name, "", 0, readings);
	return charset_codec_is_known(readings[0].codec);
}

/* ---- code pages -----------------------------------------------------------
 */

/* Is an octet below 0x80 ASCII, whatever stands before it? */
static bool has_ascii(const struct charset *charset)
{
	static const char *const others[] = {"hz", "iso-2022", "utf-7",
					     "utf-16", NULL};

	return !is_any_of(charset->iconv ? charset->iconv : charset->name,
			  others);
}

/* Do octets say by the code page alone what was said by that reading: that
 * text, or NULL? */
static bool says(int codepage, const void *data, size_t len,
		 const struct charset_reading *said, const char *text)
{
	char codec[CHARSET_CODEC_MAX];
	struct charset_reading alone;

	charset_codec_of(codepage, codec);
	alone = reading_of(codec, data, len);
	/* Only what is no octet of a codec is mended for it. */
	if (is_codec(alone.codec, said->codec))
		return alone.mend == said->mend &&
		       charset_reads(said, data, len);
	return text ? charset_reads_as(&alone, data, len, text)
		    : charset_reads_alike(&alone, said, data, len);
}

int charset_exact_codepage(const char *name, const void *data, size_t len,
			   const char *text)
{
	const struct charset *own = charset_find(name);
	const struct charset *wider =
		own && own->iconv ? charset_find(own->iconv) : NULL;
	struct charset_reading readings[READINGS_MAX];
	uint8_t octets[256];

	if (!own || own->codepage == CODEPAGE_UTF8 ||
	    charset_is_utf16(own->codepage) || own->codepage == CODEPAGE_UTF7)
		return CODEPAGE_UTF8;
	if (!len || (has_ascii(own) && charset_is_seven_bit(data, len) &&
		     !memchr(data, '\0', len)))
		return own->codepage;
	if (is_of_octets(own)) {
		len = distinct(data, len, octets);
		data = octets;
		text = NULL;
	}
	/* The other readings have nothing that a code page says alone. */
	(void)find_readings(name, data, len, readings);
	if (says(own->codepage, data, len, &readings[0], text))
		return own->codepage;
	if (wider && wider->codepage != own->codepage &&
	    says(wider->codepage, data, len, &readings[0], text))
		return wider->codepage;
	return CODEPAGE_UTF8;
}

GBytes *charset_encode(int codepage, const char *text, const char **ret_name)
{
	const char *name = charset_name_of(codepage);
	g_autoptr(GError) error = NULL;
	g_autofree char *octets = NULL;
	char codec[CHARSET_CODEC_MAX];
	gsize len = 0;

	if (!name || codepage == CODEPAGE_UTF7)
		return NULL;
	octets = g_convert(text, -1, name, "UTF-8", NULL, &len, &error);
	/* Text that does not fit is another matter than a name nobody knows. */
	if (!octets && !g_error_matches(error, G_CONVERT_ERROR,
					G_CONVERT_ERROR_ILLEGAL_SEQUENCE)) {
		charset_codec_of(codepage, codec);
		octets = g_convert(text, -1, codec, "UTF-8", NULL, &len, NULL);
	}
	if (!octets)
		return NULL;
	/* Readers take some of these for wider ones: it has to come back. */
	if (charset_find(name)->iconv) {
		g_autofree char *back = charset_decode(name, octets, len);

		if (!back || strcmp(back, text) != 0)
			return NULL;
	}
	*ret_name = name;
	return g_bytes_new_take(g_steal_pointer(&octets), len);
}
