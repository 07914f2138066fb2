/*
 * uuencode (POSIX) and yEnc (yenc-draft 1.3) in text: found line by line, each
 * block checked as a whole before it is believed.
 */
#include "text_files.h"
#include "pages.h"

#include <string.h>

#define LINE_LEN_MAX 1024 /* of yEnc: 254 is its usual limit */

struct reader {
	const char *at, *end;
	GPtrArray *files;
};

static struct span next_line(const char **at, const char *end)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	struct span line = {*at, (size_t)((lf ? lf : end) - *at)};

	*at = lf ? lf + 1 : end;
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool begins(struct span line, const char *word)
{
	size_t len = strlen(word);

	return line.len >= len && !memcmp(line.data, word, len);
}

static void file_free(gpointer data)
{
	struct text_file *file = data;

	g_free(file->name);
	g_bytes_unref(file->bytes);
	g_free(file);
}

static void add_file(struct reader *reader, struct span name, GBytes *bytes)
{
	struct text_file *file = g_new0(struct text_file, 1);

	file->name = g_strndup(name.data, name.len);
	file->bytes = bytes;
	g_ptr_array_add(reader->files, file);
}

/* ---- uuencode -------------------------------------------------------------
 */

/* "begin 644 name" */
static bool is_uu_begin(struct span line, struct span *ret_name)
{
	size_t at = strlen("begin ");
	size_t digits = 0;

	if (!begins(line, "begin "))
		return false;
	while (at < line.len && line.data[at] >= '0' && line.data[at] <= '7') {
		at++;
		digits++;
	}
	if (digits < 3 || digits > 4 || at + 1 >= line.len ||
	    line.data[at] != ' ')
		return false;
	*ret_name = (struct span){line.data + at + 1, line.len - at - 1};
	return true;
}

/* A line with as many signs as it says, a checksum or a blank more. */
static bool is_uu_line(struct span line, size_t *ret_octets)
{
	size_t signs = 0;

	if (!line.len)
		return false;
	*ret_octets = ((unsigned char)line.data[0] - 32u) & 63;
	signs = (*ret_octets + 2) / 3 * 4;
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] < ' ' || line.data[i] > '`')
			return false;
	return line.len >= 1 + signs && line.len <= 3 + signs;
}

/* Behind its first line; true if a whole file was there. */
static bool take_uu(struct reader *reader, struct span name)
{
	const char *at = reader->at;
	const char *start = at;
	size_t octets = 1;

	while (at < reader->end) {
		const char *before = at;
		struct span line = next_line(&at, reader->end);

		/* No line of octets has small letters. */
		if (begins(line, "end") && line.len <= 4) {
			struct span lines = {start, (size_t)(before - start)};

			add_file(reader, name,
				 mime_decode_octets(lines, MIME_UUENCODE));
			reader->at = at;
			return true;
		}
		/* The line of no octets may have lost its blank. */
		if (!octets || (line.len && !is_uu_line(line, &octets)))
			return false;
		if (!line.len)
			octets = 0;
	}
	return false;
}

/* ---- yEnc -----------------------------------------------------------------
 */

/* The number behind " key=" of a line; 0 if there is none. */
static uint64_t y_number(struct span line, const char *key)
{
	const char *found = memmem(line.data, line.len, key, strlen(key));
	const char *end = line.data + line.len;
	uint64_t number = 0;

	if (!found)
		return 0;
	for (found += strlen(key);
	     found < end && g_ascii_isdigit(*found) && number < UINT32_MAX;
	     found++)
		number = number * 10 + (uint64_t)(*found - '0');
	return number;
}

/* "=ybegin line=128 size=5 name=a b" */
static bool is_y_begin(struct span line, struct span *ret_name)
{
	static const char key[] = " name=";
	const char *name = NULL;

	if (!begins(line, "=ybegin ") || line.len > LINE_LEN_MAX ||
	    !y_number(line, " line="))
		return false;
	name = memmem(line.data, line.len, key, strlen(key));
	if (!name)
		return false;
	name += strlen(key);
	*ret_name = (struct span){name, (size_t)(line.data + line.len - name)};
	return ret_name->len > 0;
}

/* How many octets a line stands for, which go to out unless that is NULL. */
static size_t y_decode(struct span line, uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < line.len; i++, len++) {
		unsigned sign = (uint8_t)line.data[i];

		if (sign == '=' && i + 1 < line.len)
			sign = (uint8_t)line.data[++i] - 64u;
		if (out)
			out[len] = (uint8_t)(sign - 42u);
	}
	return len;
}

/* The lines of a file, which stand for so many octets. */
static GBytes *y_octets(struct span lines, size_t len)
{
	const char *end = lines.data + lines.len;
	const char *done = lines.data;
	uint8_t *out = g_malloc(len);
	size_t filled = 0;

	for (const char *at = lines.data; at < end;) {
		struct span line = next_line(&at, end);

		if (!begins(line, "=ypart "))
			filled += y_decode(line, out + filled);
		pages_passed(&done, at);
	}
	return g_bytes_new_take(out, len);
}

/* Behind its first line; true if a whole file, or a part of one, was there. */
static bool take_yenc(struct reader *reader, struct span name)
{
	const char *start = reader->at;
	const char *at = start;
	size_t octets = 0;

	while (at < reader->end) {
		struct span lines = {start, (size_t)(at - start)};
		struct span line = next_line(&at, reader->end);

		if (begins(line, "=ypart "))
			continue;
		if (begins(line, "=ybegin ") || line.len > LINE_LEN_MAX)
			return false;
		if (!begins(line, "=yend ")) {
			octets += y_decode(line, NULL);
			continue;
		}
		if (y_number(line, " size=") != octets)
			return false;
		add_file(reader, name, y_octets(lines, octets));
		reader->at = at;
		return true;
	}
	return false;
}

/* ---- both -----------------------------------------------------------------
 */

static bool may_have_any(struct span text)
{
	return memmem(text.data, text.len, "begin ", 6) != NULL;
}

GBytes *text_files_take(GBytes *text, GPtrArray **ret_files)
{
	struct reader reader = {NULL, NULL, NULL};
	GByteArray *left = NULL;
	gsize len = 0;
	const char *data = g_bytes_get_data(text, &len);
	const char *done = data;

	*ret_files = g_ptr_array_new_with_free_func(file_free);
	if (!len || !may_have_any((struct span){data, len}))
		return g_bytes_ref(text);
	reader = (struct reader){data, data + len, *ret_files};
	left = g_byte_array_sized_new((guint)len);
	while (reader.at < reader.end) {
		const char *start = reader.at;
		struct span line = next_line(&reader.at, reader.end);
		const char *behind = reader.at;
		struct span name = {NULL, 0};
		bool taken = false;

		if (reader.files->len < TEXT_FILES_MAX) {
			if (is_uu_begin(line, &name))
				taken = take_uu(&reader, name);
			else if (is_y_begin(line, &name))
				taken = take_yenc(&reader, name);
		}
		if (!taken)
			g_byte_array_append(left, (const guint8 *)start,
					    (guint)(behind - start));
		pages_passed(&done, reader.at);
	}
	return g_byte_array_free_to_bytes(left);
}
