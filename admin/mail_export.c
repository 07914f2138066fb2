/*
 * okapi-admin mail export: messages into an mbox, a Maildir or
 * (archive_export.c) an archive.
 *
 * Both get LF for CRLF, as Postfix and Dovecot write them.  An mbox is
 * quoted as mboxrd; nothing is added to a message, so an mbox keeps no flags.
 * A Maildir keeps them in the file names, and the time of delivery as that of
 * the file.
 */
#include "eml.h"
#include "mail.h"
#include "maildir.h"
#include "print.h"
#include "progress.h"
#include "store/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct mail_export {
	struct admin *admin;
	FILE *mbox;
	struct maildir *maildir;
	const char *only; /* folder that is the Maildir itself, or NULL: all */
	int64_t count;
	int64_t left; /* could not be read */
	struct progress progress;
};

int mail_export_broken(const struct admin *admin, int64_t message,
		       int64_t *left, struct fault *fault)
{
	struct fault why = *fault;

	/* What may be read later is not left out for that. */
	if (fault_is_temporary(fault) && fault->kind != FAULT_IO)
		return fault_prefix(fault, "message %" G_GINT64_FORMAT,
				    message);
	if (!admin_has(admin, "keep-going"))
		return fault_set(fault, why.kind,
				 "message %" G_GINT64_FORMAT
				 ": %s (--keep-going exports the others)",
				 message, why.text);
	fprintf(stderr, "okapi-admin: message %" G_GINT64_FORMAT ": %s\n",
		message, why.text);
	*fault = (struct fault){0};
	(*left)++;
	return 0;
}

/* The envelope sender, as the trace headers have it. */
static char *mail_export_sender(const char *data, size_t len)
{
	char *path = eml_header(data, len, "Return-Path");

	if (!path)
		return g_strdup("MAILER-DAEMON");
	g_strdelimit(path, "<>", ' ');
	g_strstrip(path);
	g_strdelimit(path, " ", '_');
	if (*path)
		return path;
	g_free(path);
	return g_strdup("MAILER-DAEMON");
}

static int mail_export_mbox(struct mail_export *export,
			    const struct store_message *message,
			    const char *data, size_t len, struct fault *fault)
{
	g_autoptr(GByteArray) lf = eml_to_lf(data, len);
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree char *sender = mail_export_sender(data, len);
	g_autofree char *date = eml_from_date(message->received);

	eml_mbox_quote((const char *)lf->data, lf->len, out);
	fprintf(export->mbox, "From %s %s\n", sender, date);
	fwrite(out->data, 1, out->len, export->mbox);
	fputc('\n', export->mbox);
	if (ferror(export->mbox))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot write the mbox");
	return 0;
}

static int mail_export_file(struct mail_export *export,
			    const struct store_message *message,
			    const char *data, size_t len, struct fault *fault)
{
	g_autoptr(GByteArray) lf = eml_to_lf(data, len);
	const char *folder = export->only ? "" : message->folder_path;

	return maildir_put(export->maildir, folder, message->flags,
			   message->received, lf, fault);
}

static int mail_export_each(const struct store_message *message, void *context,
			    struct fault *fault)
{
	struct mail_export *export = context;
	g_autoptr(GBytes) bytes = NULL;
	gsize len = 0;
	const char *data;
	int rc;

	if (store_message_bytes(export->admin->store, message->id, false,
				&bytes, fault) < 0)
		return mail_export_broken(export->admin, message->id,
					  &export->left, fault);
	data = g_bytes_get_data(bytes, &len);
	rc = export->mbox ? mail_export_mbox(export, message, data, len, fault)
			  : mail_export_file(export, message, data, len, fault);
	if (rc < 0)
		return -1;
	export->count++;
	progress_tell(&export->progress, export->count, 0);
	return 0;
}

static int mail_export_walk(struct mail_export *export, int64_t store,
			    int64_t folder, struct fault *fault)
{
	int rc = store_message_list(export->admin->store, store, folder,
				    mail_export_each, export, fault);

	progress_end(&export->progress);
	return rc;
}

static int mail_export_open(struct mail_export *export, const char *path,
			    struct fault *fault)
{
	int fd;

	if (strcmp(path, "-") == 0) {
		export->mbox = stdout;
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot create %s", path);
	export->mbox = fdopen(fd, "w");
	return 0;
}

/* Complete and on disk, or not there at all. */
static int mail_export_close(struct mail_export *export, const char *path,
			     int rc, struct fault *fault)
{
	if (export->mbox == stdout) {
		/* Who reads no further has not got all (admin_flush()). */
		if (rc == 0 && fflush(stdout) != 0)
			rc = fault_set_errno(fault, FAULT_IO, errno,
					     "cannot write the mbox");
		return rc;
	}
	if (rc == 0 &&
	    (fflush(export->mbox) != 0 || fsync(fileno(export->mbox)) != 0))
		rc = fault_set_errno(fault, FAULT_IO, errno, "cannot write %s",
				     path);
	if (fclose(export->mbox) != 0 && rc == 0)
		rc = fault_set_errno(fault, FAULT_IO, errno, "cannot write %s",
				     path);
	if (rc < 0)
		(void)unlink(path);
	return rc;
}

/* A file is on disk with its name: the directory is synced as well, where the
 * file system knows how. */
static int mail_export_sync_name(const char *path, struct fault *fault)
{
	g_autofree char *dir = g_path_get_dirname(path);
	AUTOCLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return 0; /* one that may only be written to */
	if (fd < 0 || (fsync(fd) && errno != EINVAL && errno != EROFS))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       dir);
	return 0;
}

int mail_export(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(maildir) maildir = NULL;
	struct mail_export export = {.admin = admin,
				     .only = admin_arg(admin, 1)};
	const char *mbox = admin_option(admin, "mbox");
	const char *dir = admin_option(admin, "maildir");
	const char *archive = admin_option(admin, "archive");
	const char *file = mbox ? mbox : archive;
	int64_t store = 0;
	int64_t folder = 0;
	int rc;

	if (!!mbox + !!dir + !!archive != 1)
		return fault_set(fault, FAULT_USAGE,
				 "mail export needs --mbox FILE, --maildir DIR "
				 "or --archive FILE");
	if (admin->json && file && strcmp(file, "-") == 0)
		return fault_set(fault, FAULT_USAGE,
				 "--%s - stands alone: it prints messages",
				 mbox ? "mbox" : "archive");
	progress_begin(&export.progress, "messages");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder_in(admin, user, export.only, &store, &folder, fault) <
		    0)
		return -1;
	if (mbox) {
		if (mail_export_open(&export, mbox, fault) < 0)
			return -1;
		rc = mail_export_walk(&export, store, folder, fault);
		rc = mail_export_close(&export, mbox, rc, fault);
	} else if (archive) {
		rc = mail_export_archive(admin, user, store, folder, archive,
					 &export.count, &export.left, fault);
	} else {
		if (maildir_create(dir, &maildir, fault) < 0)
			return -1;
		export.maildir = maildir;
		rc = mail_export_walk(&export, store, folder, fault);
		if (rc == 0)
			rc = maildir_sync(maildir, fault);
	}
	/* What goes to standard output is the mail alone. */
	if (rc == 0 && file && strcmp(file, "-") != 0)
		rc = mail_export_sync_name(file, fault);
	if (rc == 0 && (!file || strcmp(file, "-") != 0))
		admin_tell(admin, "exported", export.count,
			   "exported: %" G_GINT64_FORMAT, export.count);
	if (rc == 0 && export.left)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "left out, as they cannot be read: "
				 "%" G_GINT64_FORMAT,
				 export.left);
	return rc;
}
