/*
 * Folders of a store: by role, by path, with counters.
 */
#ifndef OKAPI_STORE_FOLDERS_H
#define OKAPI_STORE_FOLDERS_H

#include "store.h"

#define FOLDER_DEPTH_MAX 100

enum folder_role {
	FOLDER_PLAIN = 0, /* made by the user */
	FOLDER_INBOX,
	FOLDER_OUTBOX,
	FOLDER_SENT,
	FOLDER_DELETED,
	FOLDER_DRAFTS,
	FOLDER_JUNK,
	FOLDER_CALENDAR,
	FOLDER_CONTACTS,
	FOLDER_TASKS,
	FOLDER_NOTES,
	FOLDER_JOURNAL,
	FOLDER_ROLES
};

/* "Inbox", "Junk E-mail" ...; "" for FOLDER_PLAIN. */
const char *folder_role_name(enum folder_role role);
/* Also INBOX, Junk, Trash, Sent, Drafts and the special-use names \Junk,
 * \Trash, \Sent, \Drafts (RFC 6154), case-blind; FOLDER_PLAIN if none. */
enum folder_role folder_role_parse(const char *name);

struct store_folder {
	int64_t id;
	char *path; /* below the store, '/' between; a '/' in a name is '\/' */
	enum folder_role role;
	int64_t messages; /* not deleted */
	int64_t unread;
	int64_t size; /* bytes of its messages */
};
void store_folder_free(struct store_folder *folder);
AUTO_DEFINE(store_folder, store_folder_free);

/* The id of the public store. */
NODISCARD int store_public(struct store *store, int64_t *ret_store,
			   struct fault *fault);

/* FAULT_NOT_FOUND if the store has no such folder (it was deleted). */
NODISCARD int store_folder_by_role(struct store *store, int64_t store_id,
				   enum folder_role role, int64_t *ret_folder,
				   struct fault *fault);
/*
 * By path, parts divided by separator, role names (any of
 * folder_role_parse()) first at the top level, case-blind; a path that begins
 * "Public/" leads into the public store.  FAULT_NOT_FOUND.
 */
NODISCARD int store_folder_find(struct store *store, int64_t store_id,
				const char *path, char separator,
				int64_t *ret_folder, struct fault *fault);
/* The store a folder is in. */
NODISCARD int store_of_folder(struct store *store, int64_t folder,
			      int64_t *ret_store, struct fault *fault);
/* Unit.  As store_folder_find(), making what is missing; an existing one is
 * returned (ret_created may be NULL).  Names: 1-255 octets of UTF-8, no control
 * characters, not "." or ".."; at most FOLDER_DEPTH_MAX of them. */
NODISCARD int store_folder_create(struct store *store, int64_t store_id,
				  const char *path, char separator,
				  int64_t *ret_folder, bool *ret_created,
				  struct fault *fault);
/* Could store_folder_create() make it?  Pure; FAULT_BAD_ARGUMENT or, for
 * "Public" alone, FAULT_EXISTS says why not.  Ask where the path comes from a
 * message, so that it can go elsewhere. */
NODISCARD int store_folder_path_check(const char *path, char separator,
				      struct fault *fault);
/* The parts of a path, unescaped, empty ones left out; owned (g_strfreev). */
char **store_folder_split(const char *path, char separator);
/* Do two paths name the same folder of a store, as its keys have it? */
bool store_folder_is_same(const char *a, char a_separator, const char *b,
			  char b_separator);
/*
 * Unit.  Moves it, and all below it, under another folder of the same store
 * (or the store itself, by its id; 0: the parent it has), with another name
 * (NULL: the one it has).  FAULT_EXISTS if the name is taken there, or, at the
 * top, is that of another role; FAULT_BAD_ARGUMENT into itself;
 * FAULT_NOT_ALLOWED into another store, or for a folder with a role, which can
 * get another name only.
 */
NODISCARD int store_folder_move(struct store *store, int64_t folder,
				int64_t parent, const char *name,
				struct fault *fault);
/* Unit.  The folders with a role get their names in a language ("de", "en",
 * "es", "fr", "it", "nl"), or the next one that is free. */
NODISCARD int store_folder_localize(struct store *store, int64_t store_id,
				    const char *language, struct fault *fault);
/* Unit.  Moves it and all below it to Deleted Items (from there: marks it
 * deleted).  Folders with a role are FAULT_NOT_ALLOWED. */
NODISCARD int store_folder_delete(struct store *store, int64_t folder,
				  struct fault *fault);
/* All of a store, parents before children, by role then name; owned. */
NODISCARD int store_folder_list(struct store *store, int64_t store_id,
				GPtrArray **ret_folders, struct fault *fault);
/* One, with its path. */
NODISCARD int store_folder_get(struct store *store, int64_t folder,
			       struct store_folder **ret_folder,
			       struct fault *fault);

#endif
