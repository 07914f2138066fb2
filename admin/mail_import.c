/*
 * okapi-admin mail import: an mbox, a Maildir, a single message or
 * (archive_import.c) an archive into a folder.
 *
 * Bytes are taken as the stdin door takes them.  Flags come from the file
 * names of a Maildir or from Status and X-Status of an mbox; the time of
 * delivery from the Maildir's file, the mbox's From_ line, or the topmost
 * Received field.
 */
#include "mail_import.h"
#include "archive.h"
#include "convert.h"
#include "convert/helper.h"
#include "digest.h"
#include "eml.h"
#include "maildir.h"
#include "propset.h"
#include "store/folders.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* So many messages, or octets, share one transaction. */
#define IMPORT_BATCH        64
#define IMPORT_BATCH_OCTETS (16 * 1024 * 1024)

/* Where an item goes.  A Maildir's folders stand beside the Inbox, or below
 * any other target. */
static int import_target(struct store *store, const struct mail_import *import,
			 const struct import_item *item, int64_t *ret_folder,
			 struct fault *fault)
{
	bool inbox = folder_role_parse(import->folder_path) == FOLDER_INBOX;
	g_autofree char *path = NULL;

	if (item->folder_id) {
		*ret_folder = item->folder_id;
		return 0;
	}
	if (!*item->folder) {
		*ret_folder = import->folder;
		return 0;
	}
	path = inbox ? g_strdup(item->folder)
		     : g_strconcat(import->folder_path, "/", item->folder,
				   NULL);
	return store_folder_create(store, import->user->store, path, '/',
				   ret_folder, NULL, fault);
}

static int import_own(struct store *store, const struct propset *own,
		      int64_t message, struct fault *fault)
{
	for (size_t i = 0; own && i < propset_count(own); i++)
		if (store_message_set_property(store, message,
					       propset_at(own, i), fault) < 0)
			return -1;
	return 0;
}

static int import_one(struct store *store, const struct mail_import *import,
		      const struct import_item *item, struct fault *fault)
{
	struct content content = {.rfc822 = item->bytes, .set = item->set};
	struct delivery_copy copy = {
		.flags = item->flags,
		.keywords = (const char *const *)item->keywords,
		.trace = item->trace ? item->trace : "",
		.received = item->received};
	struct delivery delivery = {.store = import->user->store,
				    .recipient = import->user->email,
				    .reverse_path = item->sender,
				    .content = &content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result = {0};
	gsize size = 0;
	const void *data = g_bytes_get_data(item->bytes, &size);

	if (import_target(store, import, item, &copy.folder, fault) < 0)
		return -1;
	digest_sha256(data, size, content.sha256);
	if (store_deliver(store, &delivery, &result, fault) < 0)
		return -1;
	return import_own(store, item->own, result.message, fault);
}

static int import_unit(struct store *store, void *context, struct fault *fault)
{
	const struct mail_import *import = context;

	for (guint i = 0; i < import->items->len; i++)
		if (import_one(store, import, import->items->pdata[i], fault) <
		    0)
			return -1;
	return 0;
}

int import_flush(struct mail_import *import, struct fault *fault)
{
	if (import->items->len == 0)
		return 0;
	if (store_run(import->admin->store, import_unit, import, fault) < 0)
		return fault_prefix(fault, "after %zu messages", import->count);
	import->count += import->items->len;
	import->octets = 0;
	g_ptr_array_set_size(import->items, 0);
	progress_tell(&import->progress, (int64_t)import->count, 0);
	return 0;
}

/* The date of the topmost Received field, else that of the message. */
static int64_t import_time(GBytes *bytes)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *received = eml_header(data, len, "Received");
	g_autofree char *date = eml_header(data, len, "Date");
	const char *semicolon = received ? strrchr(received, ';') : NULL;
	int64_t time = semicolon ? eml_parse_date(semicolon + 1) : 0;

	if (time == 0 && date)
		time = eml_parse_date(date);
	return time;
}

int import_put(struct mail_import *import, struct import_item *item,
	       struct fault *fault)
{
	if (convert_message(import->admin, item->bytes, CONVERT_ALL, &item->set,
			    fault) < 0) {
		import_item_free(item);
		return -1;
	}
	g_ptr_array_add(import->items, item);
	import->octets += g_bytes_get_size(item->bytes);
	if (import->items->len >= IMPORT_BATCH ||
	    import->octets >= IMPORT_BATCH_OCTETS)
		return import_flush(import, fault);
	return 0;
}

/* A message as a file had it; bytes is moved. */
static int import_add(struct mail_import *import, GBytes *bytes,
		      const struct import_item *like, struct fault *fault)
{
	struct import_item *item;
	int64_t now = g_get_real_time();

	if (g_bytes_get_size(bytes) == 0) {
		import->skipped++;
		g_bytes_unref(bytes);
		return 0;
	}
	item = g_new0(struct import_item, 1);
	item->bytes = bytes;
	item->folder = g_strdup(like->folder ? like->folder : "");
	item->sender = g_strdup(like->sender ? like->sender : "");
	item->flags = like->flags;
	item->received = like->received ? like->received : import_time(bytes);
	if (item->received <= 0 || item->received > now)
		item->received = now;
	return import_put(import, item, fault);
}

/* Status: RO and X-Status: AFTD, as mail readers keep them in an mbox. */
static unsigned import_mbox_flags(const char *data, size_t len)
{
	g_autofree char *status = eml_header(data, len, "Status");
	g_autofree char *more = eml_header(data, len, "X-Status");
	unsigned flags = 0;

	if (status && strchr(status, 'R'))
		flags |= MESSAGE_READ;
	if (more && strchr(more, 'A'))
		flags |= MESSAGE_ANSWERED;
	if (more && strchr(more, 'F'))
		flags |= MESSAGE_FLAGGED;
	if (more && strchr(more, 'T'))
		flags |= MESSAGE_DRAFT;
	return flags;
}

static int import_mbox(struct mail_import *import, const char *file, size_t len,
		       struct fault *fault)
{
	struct eml_mbox_message message;
	size_t offset = 0;

	while (eml_mbox_next(file, len, &offset, &message)) {
		g_autofree char *sender = message.sender;
		g_autoptr(GByteArray) plain =
			eml_mbox_unquote(message.data, message.len);
		const char *data = (const char *)plain->data;
		struct import_item like = {
			.sender = sender,
			.flags = import_mbox_flags(data, plain->len),
			.received = message.received};

		if (import_add(import, eml_to_crlf(data, plain->len), &like,
			       fault) < 0)
			return -1;
	}
	return 0;
}

static int import_file(struct mail_import *import, const char *path,
		       struct fault *fault)
{
	g_autoptr(GBytes) file = NULL;
	struct import_item like = {0};
	gsize len = 0;
	const char *data;

	if (admin_read_file(path, ADMIN_FILE_MAX, &file, fault) < 0)
		return -1;
	data = g_bytes_get_data(file, &len);
	if (len == 0)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "%s: no message, it is empty", path);
	if (eml_is_mbox(data, len))
		return import_mbox(import, data, len, fault);
	return import_add(import, eml_to_crlf(data, len), &like, fault);
}

static int import_maildir_each(const struct maildir_file *file, void *context,
			       struct fault *fault)
{
	struct mail_import *import = context;
	g_autoptr(GBytes) bytes = NULL;
	struct import_item like = {.folder = (char *)(uintptr_t)file->folder,
				   .flags = file->flags,
				   .received = file->received};
	gsize len = 0;
	const char *data;

	if (admin_read_file(file->path, ADMIN_FILE_MAX, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &len);
	return import_add(import, eml_to_crlf(len ? data : "", len), &like,
			  fault);
}

bool mail_is_archive(const char *path)
{
	AUTOCLOSE int fd = -1;
	char head[32];
	ssize_t len;

	if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, head, sizeof(head));
	return len > 0 && archive_is(head, (size_t)len);
}

static int import_path(struct mail_import *import, const char *path,
		       struct fault *fault)
{
	if (mail_is_archive(path))
		return import_archive(import, path, fault);
	if (!import->folder)
		return fault_set(fault, FAULT_USAGE,
				 "only an archive goes to /: name a folder");
	if (!g_file_test(path, G_FILE_TEST_IS_DIR))
		return import_file(import, path, fault);
	if (!maildir_is(path))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s is no Maildir: neither cur nor new in it",
				 path);
	return maildir_read(path, import_maildir_each, import, fault);
}

int mail_import(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func(import_item_free);
	struct mail_import import = {.admin = admin,
				     .folder_path = admin_arg(admin, 1),
				     .items = items};
	int rc;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    (strcmp(import.folder_path, "/") != 0 &&
	     admin_folder(admin, user, import.folder_path, &import.folder,
			  fault) < 0))
		return -1;
	import.user = user;
	progress_begin(&import.progress, "messages");
	rc = import_path(&import, admin_arg(admin, 2), fault);
	if (rc == 0)
		rc = import_flush(&import, fault);
	progress_end(&import.progress);
	if (rc < 0)
		return -1;
	admin_tell(admin, "imported", (int64_t)import.count, "imported: %zu",
		   import.count);
	if (import.known)
		fprintf(stderr, "okapi-admin: %zu were there already\n",
			import.known);
	if (import.skipped)
		fprintf(stderr, "okapi-admin: %zu empty files left out\n",
			import.skipped);
	return 0;
}
