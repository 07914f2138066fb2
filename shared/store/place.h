/*
 * Places: where a path leads that a rule names.  "Inbox/Boss" is the user's
 * own, "Public/..." is in the public store, "user:NAME/..." in another user's.
 * Where there is no folder of that name, "INBOX.Lists.dev" finds
 * Inbox/Lists/dev or Lists/dev, as servers have it whose rules these were, and
 * is made there.
 */
#ifndef OKAPI_STORE_PLACE_H
#define OKAPI_STORE_PLACE_H

#include "store.h"

/* Whose rule it is. */
struct store_place_owner {
	int64_t user;
	int64_t store; /* the user's own */
};

struct store_place {
	int64_t store;
	int64_t folder;    /* 0: there is none */
	const char *below; /* the path below the store, to make it; borrowed */
	char separator;    /* of it */
	/* Where there is none: the folder (or store) that the rest of the path
	 * would be made in, and that rest; borrowed. */
	int64_t parent;
	const char *missing;
	/* May the owner put mail there (and make the folder, if it is
	 * missing)? */
	bool may;
};

/*
 * special_use ("\\Trash"; NULL: none) goes before the path (RFC 8579 section
 * 4).  A folder that is missing is no fault; FAULT_NO_USER for "user:" and a
 * name that nobody has; else only what may go away.
 */
NODISCARD int store_place_find(struct store *store,
			       const struct store_place_owner *owner,
			       const char *path, const char *special_use,
			       struct store_place *ret_place,
			       struct fault *fault);

/* Do both names lead to one folder, there or not?  ("Inbox/Lists" and
 * "INBOX.lists".) */
bool store_place_is_same(const struct store_place *a,
			 const struct store_place *b);

/* Why no mail of that size in all can be put there, may a missing folder be
 * made or not: ret_problem, owned; NULL: it can.  The owner's own quota is
 * asked when all of a delivery is saved, another's here.  Fails for now only.
 */
NODISCARD int store_place_problem(struct store *store,
				  const struct store_place_owner *owner,
				  const struct store_place *place,
				  bool may_create, int64_t size,
				  char **ret_problem, struct fault *fault);

/* RFC 5490 section 3.1 and RFC 8579 section 3: is there such a folder (name
 * NULL: any) that the owner may put mail in, with such a special use (NULL:
 * whatever it is for)?  false with a fault: it cannot be told now. */
bool store_place_exists(struct store *store,
			const struct store_place_owner *owner, const char *name,
			const char *special_use, struct fault *fault);

#endif
