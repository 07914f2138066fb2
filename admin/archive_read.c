/*
 * Reading an archive; see archive.h.  What is read may be anything: nothing
 * in it is believed, and no size allocated for, that the file cannot hold.
 */
#include "archive.h"

#include "admin.h"
#include "digest.h"
#include "print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ARCHIVE_LINE_MAX  ((size_t)16 * 1024 * 1024)
#define ARCHIVE_TRACE_MAX (1024 * 1024)

struct archive_reader {
	char *path;
	FILE *file;
	int64_t size;
	int64_t at;     /* octets read */
	int64_t number; /* of the record, the head is 0 */
	struct digest *digest;
	GString *line;
};

bool archive_is(const char *data, size_t len)
{
	static const char magic[] = "{\"okapi_archive\":";

	return len >= strlen(magic) && memcmp(data, magic, strlen(magic)) == 0;
}

static int archive_refuse(const struct archive_reader *reader, const char *why,
			  struct fault *fault)
{
	return fault_set(fault, FAULT_REFUSED_INPUT,
			 "%s: record %" G_GINT64_FORMAT ": %s", reader->path,
			 reader->number, why);
}

static int archive_failed(const struct archive_reader *reader,
			  struct fault *fault)
{
	if (ferror(reader->file))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot read %s",
				       reader->path);
	return archive_refuse(reader, "the file ends here: it was cut short",
			      fault);
}

/* A line without its end, which it must have.  1, 0 at the end of the file. */
static int archive_line(struct archive_reader *reader, struct fault *fault)
{
	int c;

	g_string_truncate(reader->line, 0);
	while ((c = getc_unlocked(reader->file)) != EOF && c != '\n') {
		if (reader->line->len >= ARCHIVE_LINE_MAX)
			return archive_refuse(reader, "the line is too long",
					      fault);
		g_string_append_c(reader->line, (char)c);
	}
	if (c == EOF && reader->line->len == 0 && !ferror(reader->file))
		return 0;
	if (c == EOF)
		return archive_failed(reader, fault);
	reader->at += (int64_t)reader->line->len + 1;
	return 1;
}

static void archive_digest_line(struct archive_reader *reader)
{
	digest_update(reader->digest, reader->line->str, reader->line->len);
	digest_update(reader->digest, "\n", 1);
}

/* The object of the line; owned. */
static json_t *archive_object(const struct archive_reader *reader)
{
	json_t *object = json_loadb(reader->line->str, reader->line->len,
				    JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

static int archive_read_head(struct archive_reader *reader, struct fault *fault)
{
	AUTOJSON head = NULL;
	const json_t *version;
	int rc = archive_line(reader, fault);

	if (rc < 0)
		return -1;
	if (rc == 1 && archive_is(reader->line->str, reader->line->len))
		head = archive_object(reader);
	version = json_object_get(head, "okapi_archive");
	if (!json_is_integer(version))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s is no archive of Okapi", reader->path);
	if (json_integer_value(version) != ARCHIVE_VERSION)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s is an archive of version "
				 "%" G_GINT64_FORMAT ", this program knows %d",
				 reader->path,
				 (int64_t)json_integer_value(version),
				 ARCHIVE_VERSION);
	archive_digest_line(reader);
	return 0;
}

int archive_open(const char *path, struct archive_reader **ret_reader,
		 struct fault *fault)
{
	AUTO(archive_reader) reader = g_new0(struct archive_reader, 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot open %s", path);
	reader->path = g_strdup(path);
	reader->file = fdopen(fd, "r");
	reader->line = g_string_new(NULL);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s is no file: an archive is read twice",
				 path);
	reader->size = st.st_size;
	if (archive_rewind(reader, fault))
		return -1;
	*ret_reader = g_steal_pointer(&reader);
	return 0;
}

int archive_rewind(struct archive_reader *reader, struct fault *fault)
{
	rewind(reader->file);
	if (reader->digest)
		digest_free(reader->digest);
	reader->digest = digest_new();
	reader->at = 0;
	reader->number = 0;
	return archive_read_head(reader, fault);
}

static bool archive_hash_is(const json_t *text, const uint8_t hash[DIGEST_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	/* A fuzzer finds no hash: what it guards would not be met. */
	return json_is_string(text);
#endif
	digest_format(hash, hex);
	return json_is_string(text) &&
	       strcmp(json_string_value(text), hex) == 0;
}

/* The end says what there was; nothing follows it. */
static int archive_end(struct archive_reader *reader, const json_t *end,
		       struct fault *fault)
{
	uint8_t hash[DIGEST_SIZE];
	const json_t *records = json_object_get(end, "records");

	digest_finish(g_steal_pointer(&reader->digest), hash);
	if (!json_is_integer(records) ||
	    json_integer_value(records) != reader->number - 1 ||
	    !archive_hash_is(json_object_get(end, "sha256"), hash))
		return archive_refuse(
			reader, "the file is not what was written", fault);
	if (getc(reader->file) != EOF)
		return archive_refuse(reader, "something follows the end",
				      fault);
	return 0;
}

/* How many octets a member says; -1 if it is none, or more than there are. */
static int64_t archive_size(const struct archive_reader *reader,
			    const json_t *message, const char *name,
			    int64_t limit)
{
	const json_t *size = json_object_get(message, name);
	int64_t n = json_is_integer(size) ? json_integer_value(size) : -1;

	return n <= MIN(limit, reader->size - reader->at) ? n : -1;
}

static int archive_octets(struct archive_reader *reader,
			  struct archive_record *record, struct fault *fault)
{
	int64_t trace =
		archive_size(reader, record->value, "trace", ARCHIVE_TRACE_MAX);
	int64_t size =
		archive_size(reader, record->value, "size", ADMIN_FILE_MAX);
	size_t len = (size_t)(trace + size);
	uint8_t hash[DIGEST_SIZE];
	guint8 *octets;

	if (trace < 0 || size < 1)
		return archive_refuse(reader,
				      "the size is none, or the file cut short",
				      fault);
	octets = g_malloc(len);
	record->octets = g_bytes_new_take(octets, len);
	if (fread(octets, 1, len, reader->file) != len ||
	    getc(reader->file) != '\n')
		return archive_failed(reader, fault);
	reader->at += (int64_t)len + 1;
	digest_update(reader->digest, octets, len);
	digest_update(reader->digest, "\n", 1);
	digest_sha256(octets + trace, (size_t)size, hash);
	if (!archive_hash_is(json_object_get(record->value, "sha256"), hash))
		return archive_refuse(reader, "the message has another hash",
				      fault);
	return 0;
}

int archive_next(struct archive_reader *reader,
		 struct archive_record *ret_record, struct fault *fault)
{
	ARCHIVE_RECORD record = {0};
	AUTOJSON object = NULL;
	json_t *value;
	void *member;
	int rc;

	reader->number++;
	rc = archive_line(reader, fault);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return archive_failed(reader, fault);
	object = archive_object(reader);
	member = object ? json_object_iter(object) : NULL;
	value = member ? json_object_iter_value(member) : NULL;
	if (!json_is_object(value) || json_object_size(object) != 1)
		return archive_refuse(reader, "it is none", fault);
	record.kind = g_strdup(json_object_iter_key(member));
	record.value = json_incref(value);
	if (strcmp(record.kind, "end") == 0)
		return archive_end(reader, value, fault);
	archive_digest_line(reader);
	if (strcmp(record.kind, "message") == 0 &&
	    archive_octets(reader, &record, fault))
		return -1;
	*ret_record = record;
	record = (struct archive_record){0};
	return 1;
}

void archive_record_clear(struct archive_record *record)
{
	g_clear_pointer(&record->kind, g_free);
	g_clear_pointer(&record->octets, g_bytes_unref);
	json_decref(record->value);
	record->value = NULL;
}

void archive_reader_free(struct archive_reader *reader)
{
	if (!reader)
		return;
	if (reader->file)
		(void)fclose(reader->file);
	if (reader->digest)
		digest_free(reader->digest);
	if (reader->line)
		g_string_free(reader->line, TRUE);
	g_free(reader->path);
	g_free(reader);
}
