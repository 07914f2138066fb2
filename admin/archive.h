/*
 * A mailbox in one file: what `mail export --archive` writes and `mail import`
 * takes into the same store or another one.
 *
 * A file of records.  Each is a JSON object with one member on a line of its
 * own; that of a message is followed by its octets and a line end:
 *
 *   {"okapi_archive": 1, "user": "anna", "made": "2026-11-23T06:00:00Z"}
 *   {"folder": {"path": "Inbox", "role": "Inbox"}}
 *   {"message": {"folder": "Inbox", "received": 1795413600000000, "flags": 1,
 *     "keywords": [], "trace": 40, "size": 512, "sha256": "...",
 *     "properties": {}}}
 *   ... trace octets, then size octets
 *   {"rule": ...} {"junk": ...} {"oof": ...}
 *   {"end": {"records": 5, "sha256": "..."}}
 *
 * The last one has the hash of all octets before it: a file that was cut
 * short, or changed, is told from a whole one before anything is done with it.
 */
#ifndef OKAPI_ADMIN_ARCHIVE_H
#define OKAPI_ADMIN_ARCHIVE_H

#include "base.h"
#include "fault.h"

#include <jansson.h>

#define ARCHIVE_VERSION 1

struct archive_writer;
/* A new file; "-" is standard output.  user: whose mailbox. */
NODISCARD int archive_create(const char *path, const char *user,
			     struct archive_writer **ret_writer,
			     struct fault *fault);
/* {kind: value} and, if there are any, octets; value is moved. */
NODISCARD int archive_put(struct archive_writer *writer, const char *kind,
			  json_t *value, const void *octets, size_t len,
			  struct fault *fault);
/* Ends the file and puts it on disk. */
NODISCARD int archive_finish(struct archive_writer *writer,
			     struct fault *fault);
/* One that was not finished is removed. */
void archive_writer_free(struct archive_writer *writer);
AUTO_DEFINE(archive_writer, archive_writer_free);

struct archive_reader;
struct archive_record {
	char *kind;
	json_t *value;
	GBytes *octets; /* of a message: trace, then content; else NULL */
};
void archive_record_clear(struct archive_record *record);
#define ARCHIVE_RECORD                                                         \
 __attribute__((cleanup(archive_record_clear))) struct archive_record

/* Does it begin as an archive does?  Pure. */
bool archive_is(const char *data, size_t len);
/* Opens a file and reads its head: FAULT_REFUSED_INPUT unless it is an archive
 * of a version that is known. */
NODISCARD int archive_open(const char *path, struct archive_reader **ret_reader,
			   struct fault *fault);
/* From the head on, again. */
NODISCARD int archive_rewind(struct archive_reader *reader,
			     struct fault *fault);
/* 1: a record, 0: the end, which is as it must be, -1: FAULT_REFUSED_INPUT
 * names the record. */
NODISCARD int archive_next(struct archive_reader *reader,
			   struct archive_record *ret_record,
			   struct fault *fault);
void archive_reader_free(struct archive_reader *reader);
AUTO_DEFINE(archive_reader, archive_reader_free);

#endif
