/*
 * Writing an archive; see archive.h.
 */
#include "archive.h"

#include "digest.h"
#include "print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct archive_writer {
	char *path;
	FILE *file;
	struct digest *digest; /* of all octets so far */
	json_int_t records;
	bool is_done;
};

static int archive_fault(const struct archive_writer *writer,
			 struct fault *fault)
{
	return fault_set_errno(fault, FAULT_IO, errno, "cannot write %s",
			       writer->path);
}

static int archive_put_octets(struct archive_writer *writer, const void *data,
			      size_t len, struct fault *fault)
{
	digest_update(writer->digest, data, len);
	if (fwrite(data, 1, len, writer->file) != len)
		return archive_fault(writer, fault);
	return 0;
}

static int archive_put_line(struct archive_writer *writer, const json_t *object,
			    struct fault *fault)
{
	g_autofree char *line = json_dumps(object, JSON_COMPACT);

	if (!line)
		return fault_set(fault, FAULT_INTERNAL,
				 "%s: a record that is no JSON", writer->path);
	if (archive_put_octets(writer, line, strlen(line), fault))
		return -1;
	return archive_put_octets(writer, "\n", 1, fault);
}

int archive_create(const char *path, const char *user,
		   struct archive_writer **ret_writer, struct fault *fault)
{
	AUTO(archive_writer) writer = g_new0(struct archive_writer, 1);
	g_autofree char *made = print_time(g_get_real_time(), false);
	AUTOJSON head = json_object();
	int fd = dup(STDOUT_FILENO);

	if (strcmp(path, "-") != 0) {
		base_close_fd(&fd);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot create %s", path);
	writer->path = g_strdup(path);
	writer->file = fdopen(fd, "w");
	writer->digest = digest_new();
	json_object_set_new(head, "okapi_archive",
			    json_integer(ARCHIVE_VERSION));
	json_object_set_new(head, "user", print_json_text(user));
	json_object_set_new(head, "made", json_string(made));
	if (archive_put_line(writer, head, fault))
		return -1;
	*ret_writer = g_steal_pointer(&writer);
	return 0;
}

int archive_put(struct archive_writer *writer, const char *kind, json_t *value,
		const void *octets, size_t len, struct fault *fault)
{
	AUTOJSON record = json_object();

	json_object_set_new(record, kind, value);
	writer->records++;
	if (archive_put_line(writer, record, fault))
		return -1;
	if (!octets)
		return 0;
	if (archive_put_octets(writer, octets, len, fault))
		return -1;
	return archive_put_octets(writer, "\n", 1, fault);
}

int archive_finish(struct archive_writer *writer, struct fault *fault)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	AUTOJSON end = NULL;

	digest_finish(g_steal_pointer(&writer->digest), hash);
	digest_format(hash, hex);
	end = json_pack("{s:{s:I, s:s}}", "end", "records", writer->records,
			"sha256", hex);
	writer->digest = digest_new();
	if (archive_put_line(writer, end, fault))
		return -1;
	if (fflush(writer->file) ||
	    (fsync(fileno(writer->file)) && errno != EINVAL && errno != EROFS))
		return archive_fault(writer, fault);
	writer->is_done = true;
	return 0;
}

void archive_writer_free(struct archive_writer *writer)
{
	if (!writer)
		return;
	if (writer->file)
		(void)fclose(writer->file); /* flushed, or given up */
	if (writer->path && !writer->is_done && strcmp(writer->path, "-") != 0)
		(void)unlink(writer->path);
	if (writer->digest)
		digest_free(writer->digest);
	g_free(writer->path);
	g_free(writer);
}
