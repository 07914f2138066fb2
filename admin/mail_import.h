/*
 * What the ways of importing share: messages that wait for the next
 * transaction.
 */
#ifndef OKAPI_ADMIN_MAIL_IMPORT_H
#define OKAPI_ADMIN_MAIL_IMPORT_H

#include "mail.h"
#include "progress.h"

/* A message and where it goes. */
struct import_item {
	GBytes *bytes;
	struct propset *set; /* of the bytes */
	char *folder;        /* path below the target, "" for itself */
	int64_t folder_id;   /* the folder, if it is known; else 0 */
	char *sender;
	char *trace; /* header lines that Okapi put on top, or NULL */
	unsigned flags;
	char **keywords;
	struct propset *own; /* values that were set at the copy, or NULL */
	int64_t received;
};
/* Frees what it holds and itself. */
void import_item_free(gpointer item);

struct mail_import {
	struct admin *admin;
	const struct store_user *user;
	int64_t folder; /* the target; 0: the top of the store */
	const char *folder_path;
	GPtrArray *items; /* that wait for the next transaction */
	size_t octets;
	size_t count;
	size_t skipped; /* empty files */
	size_t known;   /* messages that were there already */
	struct progress progress;
};

/* Converts a message and puts it to those that wait; item is moved. */
NODISCARD int import_put(struct mail_import *import, struct import_item *item,
			 struct fault *fault);
/* Stores those that wait. */
NODISCARD int import_flush(struct mail_import *import, struct fault *fault);

/* An archive; to the top of the store also what its user set. */
NODISCARD int import_archive(struct mail_import *import, const char *path,
			     struct fault *fault);

#endif
