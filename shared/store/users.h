/*
 * Users, groups, addresses, quotas: who gets mail, and how much of it.
 */
#ifndef OKAPI_STORE_USERS_H
#define OKAPI_STORE_USERS_H

#include "store.h"

#define USER_STORE_NEW (-1)
#define QUOTA_SERVER   (-1) /* the server-wide value holds */

struct store_user {
	int64_t id;
	char *name;
	char *email;
	char **aliases; /* NULL-terminated, sorted */
	char *fullname;
	bool admin;
	bool active;
	int64_t quota_warn; /* bytes, 0 none, QUOTA_SERVER */
	int64_t quota_soft;
	int64_t quota_hard;
	int64_t store; /* id of the user's store */
	int64_t size;  /* used bytes; soft-deleted mail does not count */
	int64_t messages;
};
void store_user_free(struct store_user *user);
AUTO_DEFINE(store_user, store_user_free);

/* What to create or change; NULL and QUOTA_KEEP leave a field as it is. */
#define QUOTA_KEEP INT64_MIN
struct store_user_change {
	const char *email;
	const char *const *aliases; /* replaces them all; "@domain" is the
				       domain's catch-all */
	/* One by one, after that: FAULT_NOT_FOUND for one that is none. */
	const char *const *drop_aliases;
	const char *const *add_aliases;
	const char *fullname;
	const char *password; /* stored as scrypt hash and keys of SCRAM; ""
				 removes it */
	const bool *admin;
	const bool *active;
	int64_t quota_warn; /* bytes, 0 none, QUOTA_SERVER, QUOTA_KEEP */
	int64_t quota_soft;
	int64_t quota_hard;
	int64_t store; /* one without owner, which is the user's then, or
			  USER_STORE_NEW; 0: creating, a new one; changing, the
			  one the user has.  That is kept, without owner. */
};

/* Unit.  Creates a user with a store and its folders.  FAULT_EXISTS if name or
 * an address is taken, FAULT_NOT_FOUND if change->store has an owner or is no
 * store. */
NODISCARD int store_user_create(struct store *store, const char *name,
				const struct store_user_change *change,
				int64_t *ret_id, struct fault *fault);
/* Unit. */
NODISCARD int store_user_set(struct store *store, const char *name,
			     const struct store_user_change *change,
			     struct fault *fault);
/* Unit.  Removes the user; the store is kept without owner (and called so: a
 * user of that name may come again), or marked deleted as a whole, which takes
 * as long whatever is in it. */
NODISCARD int store_user_delete(struct store *store, const char *name,
				bool keep_store, struct fault *fault);
/* Unit.  Another login name; addresses, store, groups and rights stay.
 * FAULT_EXISTS if it is taken. */
NODISCARD int store_user_rename(struct store *store, const char *name,
				const char *new_name, struct fault *fault);
/* By login name, case-blind; FAULT_NO_USER. */
NODISCARD int store_user_find(struct store *store, const char *name,
			      struct store_user **ret_user,
			      struct fault *fault);
/* "; did you mean \"X\"?" for a name that no user has, or "" if none is near;
 * owned. */
char *store_user_hint(struct store *store, const char *name);
/* All, by name: GPtrArray of struct store_user, owned (frees its elements). */
NODISCARD int store_user_list(struct store *store, GPtrArray **ret_users,
			      struct fault *fault);

/* A store that was kept when its user went. */
struct store_orphan {
	int64_t id;
	char *name; /* whose it was */
	int64_t messages;
	int64_t size; /* octets, as of a user */
};
/* All, by id: GPtrArray of struct store_orphan, owned (frees its elements). */
NODISCARD int store_orphan_list(struct store *store, GPtrArray **ret_orphans,
				struct fault *fault);

/* Unit.  Marks one deleted; FAULT_NOT_FOUND if it has an owner or is none. */
NODISCARD int store_orphan_remove(struct store *store, int64_t orphan,
				  struct fault *fault);

/* The limits of a quota, each above the one before. */
enum quota_level {
	QUOTA_BELOW,
	QUOTA_WARN,
	QUOTA_SOFT,
	QUOTA_HARD
};
/* The highest that a user has reached, by the policy's values where the user
 * has none. */
enum quota_level store_quota_level(const struct store *store,
				   const struct store_user *user);
/* The one the owner of a store was last told of. */
NODISCARD int store_quota_told(struct store *store, int64_t store_id,
			       enum quota_level *ret_level,
			       struct fault *fault);
/* Unit.  Remembers it. */
NODISCARD int store_quota_tell(struct store *store, int64_t store_id,
			       enum quota_level level, struct fault *fault);

/* Unit.  FAULT_BAD_ARGUMENT for a name that nobody could name, FAULT_EXISTS if
 * somebody is called so, or has it as an address. */
NODISCARD int store_group_create(struct store *store, const char *name,
				 struct fault *fault);
/* Unit.  FAULT_NOT_FOUND; FAULT_NOT_ALLOWED for Everyone, which has no members
 * to add or remove either. */
NODISCARD int store_group_delete(struct store *store, const char *name,
				 struct fault *fault);
/* Unit.  A member is a user or a group; FAULT_BAD_ARGUMENT if the group would
 * come to be in itself. */
NODISCARD int store_group_add(struct store *store, const char *group,
			      const char *member, struct fault *fault);
/* Unit.  FAULT_NOT_FOUND if it is none. */
NODISCARD int store_group_remove(struct store *store, const char *group,
				 const char *member, struct fault *fault);
/* The groups a user is in, by whatever way, and Everyone; sorted, owned
 * (g_strfreev). */
NODISCARD int store_group_of(struct store *store, int64_t user,
			     char ***ret_groups, struct fault *fault);
struct store_group {
	char *name;
	char **members; /* names of users and groups, sorted */
};
/* All of them with their members, by name: struct store_group, owned. */
NODISCARD int store_group_list(struct store *store, GPtrArray **ret_groups,
			       struct fault *fault);

/* Folder rights: who is a user or group name, rights as Kopano names them,
 * separated by commas ("read,create,edit-own"); see acl.c for the names. */
struct store_acl_entry {
	char *who;
	char *rights;
};
/* What is said at this folder itself, groups first: struct store_acl_entry,
 * owned. */
NODISCARD int store_acl_list(struct store *store, int64_t folder,
			     GPtrArray **ret_entries, struct fault *fault);
/* Unit.  In the place of what was said of who before.  FAULT_BAD_ARGUMENT names
 * a word that is no right; FAULT_NOT_FOUND: no such user, group or folder. */
NODISCARD int store_acl_set(struct store *store, int64_t folder,
			    const char *who, const char *rights,
			    struct fault *fault);
/* Unit.  FAULT_NOT_FOUND: nothing is said of who there. */
NODISCARD int store_acl_remove(struct store *store, int64_t folder,
			       const char *who, struct fault *fault);
/* Bits of rights, as MAPI has them (MS-OXCPERM 2.2.7). */
enum store_right {
	STORE_RIGHT_READ = 0x1,
	STORE_RIGHT_CREATE = 0x2,
	STORE_RIGHT_EDIT_OWN = 0x8,
	STORE_RIGHT_DELETE_OWN = 0x10,
	STORE_RIGHT_EDIT_ALL = 0x20,
	STORE_RIGHT_DELETE_ALL = 0x40,
	STORE_RIGHT_CREATE_FOLDER = 0x80,
	STORE_RIGHT_OWNER = 0x100,
	STORE_RIGHT_CONTACT = 0x200,
	STORE_RIGHT_VISIBLE = 0x400,
};
/* May the user (id) do all of these in the folder (or, by the id of a store,
 * at its top level)?  The owner of the store may do everything; otherwise the
 * nearest folder upwards with an entry for them or a group of theirs decides.
 */
NODISCARD int store_acl_may(struct store *store, int64_t folder, int64_t user,
			    unsigned rights, bool *ret_may,
			    struct fault *fault);

enum store_resolve_flags {
	STORE_RESOLVE_STRIP_DOMAIN = 1 << 0, /* -e, lmtp_strip_domain */
	STORE_RESOLVE_ADDRESS_ONLY = 1 << 1, /* -R */
};

/* Who a recipient is. */
struct store_recipient {
	int64_t user;
	int64_t store;
	char *name;         /* login */
	char *email;        /* primary address */
	char *detail;       /* the subaddress, or NULL */
	int64_t used;       /* bytes */
	int64_t quota_hard; /* what holds for the user; 0: none */
	int64_t quota_soft;
	int64_t inbox;  /* folder; 0: there is none */
	int64_t junk;   /* Junk E-mail, likewise */
	bool has_rules; /* that are enabled */
	bool has_lists; /* of senders that are junk, or never */
	bool has_oof;   /* out of office is on; its window is not looked at */
};
void store_recipient_free(struct store_recipient *recipient);
/* Owned. */
struct store_recipient *
store_recipient_copy(const struct store_recipient *recipient);
AUTO_DEFINE(store_recipient, store_recipient_free);

/*
 * Resolves a login name, address or alias, case-blind, U-label as A-label;
 * whole first, then without the detail (policy's recipient_delimiter), then
 * by the catch-all of its domain.
 * FAULT_NO_RECIPIENT "<x@y>: no such recipient"; inactive users are none.
 */
NODISCARD int store_resolve(struct store *store, const char *recipient,
			    unsigned flags, struct store_recipient **ret,
			    struct fault *fault);

/* All addresses of a user, primary first, without catch-alls; owned
 * (g_strfreev). */
NODISCARD int store_user_addresses(struct store *store, int64_t user,
				   char ***ret_addresses, struct fault *fault);

#endif
