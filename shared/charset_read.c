/*
 * Octets read as UTF-8: mended where they need it, then by iconv(3), a piece
 * after the other, so that what was read of a large text can leave memory while
 * the rest is.
 */
#include "charset_read.h"

#include "pages.h"
#include "utf8.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define READ_PIECE  ((size_t)64 << 10)

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

static bool is_utf8(const char *codec)
{
	return !g_ascii_strcasecmp(codec, "utf-8");
}

bool charset_codec_is_known(const char *codec)
{
	return is_utf8(codec) || converter_open(codec) != (iconv_t)-1;
}

/* ---- one reader -----------------------------------------------------------
 */

struct reader {
	struct charset_mending octets;
	charset_mend *mend;
	GString *mended; /* of them, and not read yet; NULL without mend */
	bool is_utf8;
	iconv_t cd;   /* otherwise */
	size_t unit;  /* the octets that none of its signs divides */
	bool clean;   /* so far */
	bool spend;   /* what was read */
	size_t ended; /* the end of the last piece */
	size_t done;  /* what is before it was let go */
};

static void reader_free(struct reader *reader)
{
	if (reader->mended)
		g_string_free(reader->mended, TRUE);
	g_free(reader);
}

AUTO_DEFINE(reader, reader_free);

/* So many octets are left out where there is no sign: fewer would part the
 * octets of all that follow. */
static size_t unit_of(const char *codec)
{
	static const struct {
		const char *start;
		size_t unit;
	} units[] = {{"utf-16", 2}, {"ucs-2", 2}, {"utf-32", 4}, {"ucs-4", 4}};

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (!g_ascii_strncasecmp(codec, units[i].start,
					 strlen(units[i].start)))
			return units[i].unit;
	return 1;
}

/* Owned; NULL if the codec is unknown. */
static struct reader *reader_new(const struct charset_reading *reading,
				 const void *data, size_t len)
{
	struct reader *reader = NULL;
	iconv_t cd = (iconv_t)-1;

	if (!is_utf8(reading->codec)) {
		cd = converter_open(reading->codec);
		if (cd == (iconv_t)-1)
			return NULL;
	}
	reader = g_new0(struct reader, 1);
	reader->octets.data = data;
	reader->octets.len = len;
	reader->mend = reading->mend;
	reader->mended = reading->mend ? g_string_new(NULL) : NULL;
	reader->is_utf8 = cd == (iconv_t)-1;
	reader->cd = cd;
	reader->unit = unit_of(reading->codec);
	reader->clean = true;
	return reader;
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

static void put(struct reader *reader, const char *text, size_t len,
		GString *out)
{
	g_autofree char *repaired = NULL;

	if (utf8_is_valid(text, len)) {
		g_string_append_len(out, text, (gssize)len);
		return;
	}
	reader->clean = false;
	repaired = utf8_repair(text, len);
	g_string_append(out, repaired);
}

/* Not between the octets of a sign, nor where there could be one without the
 * NULs. */
static size_t utf8_border(const char *data, size_t len, size_t at)
{
	while (at < len && ((data[at] & 0xc0) == 0x80 || !data[at]))
		at++;
	return at;
}

/* What the converter refuses becomes U+FFFD.  How many octets were read: a sign
 * that is not there whole stays, if they are not the last. */
static size_t convert(struct reader *reader, const char *data, size_t len,
		      bool last, GString *out)
{
	char *in = (char *)(uintptr_t)data; /* iconv(3) does not write to it */
	bool flushed = false;

	while (len || (last && !flushed)) {
		char buffer[4096];
		char *to = buffer;
		size_t room = sizeof(buffer);
		size_t skipped = 0;
		size_t rc = 0;
		int err = 0;

		flushed = len == 0;
		rc = iconv(reader->cd, flushed ? NULL : &in,
			   flushed ? NULL : &len, &to, &room);
		err = rc == (size_t)-1 ? errno : 0;
		put(reader, buffer, (size_t)(to - buffer), out);
		if (err == EINVAL && !last)
			break;
		if (err == EILSEQ || err == EINVAL) {
			g_string_append(out, REPLACEMENT);
			reader->clean = false;
			skipped = MIN(len, reader->unit);
			in += skipped;
			len -= skipped;
		}
	}
	return (size_t)(in - data);
}

static void read_mended(struct reader *reader, size_t upto, bool last,
			GString *out)
{
	size_t read = 0;

	reader->mend(&reader->octets, upto, reader->mended);
	reader->clean = reader->clean && !reader->octets.bad;
	read = convert(reader, reader->mended->str, reader->mended->len, last,
		       out);
	g_string_erase(reader->mended, 0, (gssize)read);
}

static void let_go(struct reader *reader)
{
	size_t len = reader->octets.at - reader->done;
	/* Nobody else has them then. */
	char *read = (char *)(uintptr_t)reader->octets.data + reader->done;

	if (len < PAGES_PIECE)
		return;
	if (reader->spend)
		pages_spend(read, len);
	else
		pages_done(read, len);
	reader->done = reader->octets.at;
}

/* Appends the text of the next piece; false behind the last. */
static bool reader_next(struct reader *reader, GString *out)
{
	struct charset_mending *octets = &reader->octets;
	const char *data = octets->data;
	size_t upto = MIN(reader->ended + READ_PIECE, octets->len);
	bool last = upto == octets->len;

	if (reader->ended == octets->len)
		return false;
	if (reader->is_utf8) {
		upto = utf8_border(data, octets->len, upto);
		put(reader, data + octets->at, upto - octets->at, out);
		octets->at = upto;
	} else if (reader->mend) {
		read_mended(reader, upto, last, out);
	} else {
		octets->at += convert(reader, data + octets->at,
				      upto - octets->at, last, out);
	}
	let_go(reader);
	reader->ended = upto;
	return true;
}

/* ---- all of them ----------------------------------------------------------
 */

bool charset_reads(const struct charset_reading *reading, const void *data,
		   size_t len)
{
	AUTO(reader) reader = reader_new(reading, data, len);
	g_autoptr(GString) text = g_string_new(NULL);

	while (reader && reader->clean && reader_next(reader, text))
		g_string_truncate(text, 0);
	return reader && reader->clean;
}

bool charset_reads_as(const struct charset_reading *reading, const void *data,
		      size_t len, const char *text)
{
	AUTO(reader) reader = reader_new(reading, data, len);
	g_autoptr(GString) piece = g_string_new(NULL);

	if (!reader)
		return false;
	while (reader_next(reader, piece)) {
		if (!reader->clean || strncmp(text, piece->str, piece->len))
			return false;
		text += piece->len;
		g_string_truncate(piece, 0);
	}
	return reader->clean && !*text;
}

/* The text that both have is compared, and dropped. */
static bool is_alike(GString *a, GString *b)
{
	size_t len = MIN(a->len, b->len);

	if (memcmp(a->str, b->str, len) != 0)
		return false;
	g_string_erase(a, 0, (gssize)len);
	g_string_erase(b, 0, (gssize)len);
	return true;
}

bool charset_reads_alike(const struct charset_reading *a,
			 const struct charset_reading *b, const void *data,
			 size_t len)
{
	g_autoptr(GString) a_text = g_string_new(NULL);
	g_autoptr(GString) b_text = g_string_new(NULL);
	AUTO(reader) a_reader = NULL;
	AUTO(reader) b_reader = NULL;
	bool alike = true;

	/* Both first: to open one may close the others. */
	if (!charset_codec_is_known(a->codec) ||
	    !charset_codec_is_known(b->codec))
		return false;
	a_reader = reader_new(a, data, len);
	b_reader = reader_new(b, data, len);
	while (alike && reader_next(a_reader, a_text) &&
	       reader_next(b_reader, b_text))
		alike = a_reader->clean && b_reader->clean &&
			is_alike(a_text, b_text);
	return alike && !a_text->len && !b_text->len;
}

static char *copy_text(const char *data, size_t len)
{
	char *text = g_malloc(len + 1);

	memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

char *charset_read(const struct charset_reading *reading, const void *data,
		   size_t len, unsigned how, bool *ret_clean)
{
	bool strict = how & CHARSET_STRICT;
	bool spend = how & CHARSET_SPEND && len >= PAGES_PIECE;
	AUTO(reader) reader = NULL;
	g_autoptr(GString) text = NULL;

	/* As most fields of a header are. */
	if (is_utf8(reading->codec) && len < READ_PIECE &&
	    utf8_is_valid(data, len)) {
		*ret_clean = true;
		return copy_text(data, len);
	}
	/* What was spent cannot be read in another way. */
	if (strict && spend && !charset_reads(reading, data, len))
		return NULL;
	reader = reader_new(reading, data, len);
	if (!reader)
		return NULL;
	reader->spend = spend;
	text = g_string_sized_new(len + len / 8);
	while ((reader->clean || !strict) && reader_next(reader, text))
		;
	*ret_clean = reader->clean;
	if (strict && !reader->clean)
		return NULL;
	return g_string_free(g_steal_pointer(&text), FALSE);
}
