/*
 * Maildir and Maildir++: files in cur and new, flags in their names, folders
 * beside each other with a leading dot and '.' between their parts.
 *
 * Names of folders are written in modified UTF-7 (RFC 3501 5.1.3), as Dovecot
 * and Courier do; a '.' in a name becomes "&AC4-".  The Inbox is the Maildir
 * itself.
 */
#ifndef OKAPI_ADMIN_MAILDIR_H
#define OKAPI_ADMIN_MAILDIR_H

#include "base.h"
#include "fault.h"

struct maildir;

/* Makes the directory if its parent exists; one that is there is added to. */
NODISCARD int maildir_create(const char *dir, struct maildir **ret_maildir,
			     struct fault *fault);
void maildir_free(struct maildir *maildir);
AUTO_DEFINE(maildir, maildir_free);

/* Writes one message (LF) into a folder ("" or the Inbox: the Maildir
 * itself), by way of tmp; flags of enum message_flag. */
NODISCARD int maildir_put(struct maildir *maildir, const char *folder,
			  unsigned flags, int64_t received,
			  const GByteArray *message, struct fault *fault);
/* Everything that was put is on disk. */
NODISCARD int maildir_sync(struct maildir *maildir, struct fault *fault);

/* Is dir a Maildir? */
bool maildir_is(const char *dir);

/* One file of a Maildir. */
struct maildir_file {
	const char *path;
	const char *folder; /* path of the store, "" for the Maildir itself */
	unsigned flags;
	int64_t received; /* time of the file */
};
/* Calls each for every message of the Maildir and its folders, in order of
 * name; -1 from each ends it. */
NODISCARD int maildir_read(const char *dir,
			   int (*each)(const struct maildir_file *file,
				       void *context, struct fault *fault),
			   void *context, struct fault *fault);

/* ".Inbox.Boss" for "Inbox/Boss" and the way back (path NULL if the name is
 * not one that decodes); owned. */
char *maildir_folder_name(const char *path);
char *maildir_folder_path(const char *name);
/* "FRS" after ":2,"; both ways. */
char *maildir_flags_format(unsigned flags);
unsigned maildir_flags_parse(const char *file_name);

#endif
