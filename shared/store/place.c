/*
 * Finding places, and the right to use them: one way for the delivery and for
 * those who ask what it would do.
 */
#include "place.h"

#include "folders.h"
#include "messages.h"
#include "users.h"

#include <string.h>

static int place_find_store(struct store *store,
			    const struct store_place_owner *owner,
			    const char *path, struct store_place *place,
			    struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autofree char *name = NULL;
	const char *slash;

	*place = (struct store_place){.store = owner->store, .separator = '/'};
	place->below = path + strspn(path, "/");
	slash = strchr(place->below, '/');
	if (slash && g_ascii_strncasecmp(place->below, "user:", 5) == 0) {
		name = g_strndup(place->below + 5,
				 (gsize)(slash - place->below - 5));
		if (store_user_find(store, name, &user, fault))
			return -1;
		place->store = user->store;
		place->below = slash + strspn(slash, "/");
	}
	/* It is seen from every store. */
	if (g_ascii_strncasecmp(place->below, "Public/", 7) != 0)
		return 0;
	place->below += 7;
	return store_public(store, &place->store, fault);
}

/* Takes "there is none" for an answer. */
static int place_answer(int result, const struct fault *reason,
			int64_t *ret_folder, struct fault *fault)
{
	if (result == 0)
		return 0;
	*ret_folder = 0;
	if (!fault_is_temporary(reason))
		return 0;
	*fault = *reason;
	return -1;
}

static int place_find_path(struct store *store, int64_t in, const char *path,
			   int64_t *ret_folder, struct fault *fault)
{
	struct fault reason = {0};
	int result =
		store_folder_find(store, in, path, '/', ret_folder, &reason);

	return place_answer(result, &reason, ret_folder, fault);
}

/* Rules that come from elsewhere may have '.' between the names, and everything
 * below INBOX (Cyrus, Courier, Maildir++): "INBOX.Lists.dev".  Asked only where
 * there is no folder that is called so. */
static int place_find_elsewhere(struct store *store, struct store_place *place,
				struct fault *fault)
{
	bool has_dots = !strchr(place->below, '/');
	g_autofree char *path =
		g_strdelimit(g_strdup(place->below), has_dots ? "." : "", '/');
	const char *names[] = {path, NULL};

	if (g_ascii_strncasecmp(path, "INBOX/", 6) == 0)
		names[1] = path + 6;
	for (size_t i = 0; i < G_N_ELEMENTS(names) && names[i]; i++) {
		if (place_find_path(store, place->store, names[i],
				    &place->folder, fault))
			return -1;
		/* "INBOX.Public.Board" is in the public store. */
		if (place->folder)
			return store_of_folder(store, place->folder,
					       &place->store, fault);
	}
	return 0;
}

/* Where "INBOX.Lists.dev" would be made: in Inbox/Lists, but beside the Inbox
 * where Lists is there and not below it.  Without INBOX in front a dot is a
 * dot, as in the name of a domain. */
static int place_choose_parent(struct store *store, struct store_place *place,
			       struct fault *fault)
{
	const char *rest;
	g_autofree char *first = NULL;
	g_autofree char *inside = NULL;
	int64_t folder = 0;

	if (g_ascii_strncasecmp(place->below, "INBOX.", 6) != 0 ||
	    strchr(place->below, '/'))
		return 0;
	place->separator = '.';
	rest = place->below + strlen("INBOX.");
	first = g_strndup(rest, strcspn(rest, "."));
	inside = g_strconcat("INBOX/", first, NULL);
	if (!*first ||
	    place_find_path(store, place->store, inside, &folder, fault))
		return *first ? -1 : 0;
	if (folder)
		return 0;
	if (place_find_path(store, place->store, first, &folder, fault))
		return -1;
	if (folder)
		place->below = rest;
	return 0;
}

static int place_find_folder(struct store *store, const char *special_use,
			     struct store_place *place, struct fault *fault)
{
	enum folder_role role =
		special_use ? folder_role_parse(special_use) : FOLDER_PLAIN;
	struct fault reason = {0};
	int result;

	if (role != FOLDER_PLAIN) {
		result = store_folder_by_role(store, place->store, role,
					      &place->folder, &reason);
		if (place_answer(result, &reason, &place->folder, fault))
			return -1;
		if (place->folder)
			return 0;
	}
	if (place_find_path(store, place->store, place->below, &place->folder,
			    fault))
		return -1;
	if (!place->folder && place_find_elsewhere(store, place, fault))
		return -1;
	return place->folder ? 0 : place_choose_parent(store, place, fault);
}

/* The folder that what is missing would be made in; the store itself where
 * nothing of the path is there. */
static int place_find_parent(struct store *store, struct store_place *place,
			     struct fault *fault)
{
	const char separator[] = {place->separator, '\0'};
	g_autofree char *path =
		g_strdelimit(g_strdup(place->below), separator, '/');
	char *slash;

	place->missing = place->below;
	while (!place->parent && (slash = strrchr(path, '/')) && slash > path) {
		*slash = '\0';
		if (place_find_path(store, place->store, path, &place->parent,
				    fault))
			return -1;
		if (place->parent)
			place->missing += slash + 1 - path;
	}
	if (!place->parent)
		place->parent = place->store;
	return 0;
}

static int place_ask_right(struct store *store,
			   const struct store_place_owner *owner,
			   struct store_place *place, struct fault *fault)
{
	unsigned rights = STORE_RIGHT_CREATE;

	place->may = place->store == owner->store;
	if (place->may)
		return 0;
	if (!place->folder)
		rights |= STORE_RIGHT_CREATE_FOLDER;
	return store_acl_may(store,
			     place->folder ? place->folder : place->parent,
			     owner->user, rights, &place->may, fault);
}

int store_place_find(struct store *store, const struct store_place_owner *owner,
		     const char *path, const char *special_use,
		     struct store_place *ret_place, struct fault *fault)
{
	struct store_place place;

	if (place_find_store(store, owner, path, &place, fault) ||
	    place_find_folder(store, special_use, &place, fault) ||
	    (!place.folder && place_find_parent(store, &place, fault)) ||
	    place_ask_right(store, owner, &place, fault))
		return -1;
	*ret_place = place;
	return 0;
}

/* "Lists//dev": a name that a rule made has nothing in it. */
static bool place_has_gap(const struct store_place *place)
{
	const char gap[] = {place->separator, place->separator, '\0'};

	return strstr(place->below, gap) != NULL;
}

static char *place_objection(const struct store_place *place, bool may_create)
{
	struct fault why = {0};

	if (!place->may)
		return g_strdup("no right to put mail there");
	if (place->folder)
		return NULL;
	if (!may_create)
		return g_strdup("the folder does not exist");
	if (place_has_gap(place))
		return g_strdup("a part of the name is empty");
	if (store_folder_path_check(place->below, place->separator, &why))
		return g_strdup(why.text);
	return NULL;
}

int store_place_problem(struct store *store,
			const struct store_place_owner *owner,
			const struct store_place *place, bool may_create,
			int64_t size, char **ret_problem, struct fault *fault)
{
	struct fault why = {0};

	*ret_problem = place_objection(place, may_create);
	if (*ret_problem || place->store == owner->store ||
	    store_fits(store, place->store, size, &why) == 0)
		return 0;
	if (!store_is_full(&why)) {
		*fault = why;
		return -1;
	}
	*ret_problem = g_strdup(why.text);
	return 0;
}

bool store_place_is_same(const struct store_place *a,
			 const struct store_place *b)
{
	if (a->folder || b->folder)
		return a->folder == b->folder;
	return a->parent == b->parent &&
	       store_folder_is_same(a->missing, a->separator, b->missing,
				    b->separator);
}

/* false; a fault that is final says that there is no such place, and is none.
 */
static bool place_is_absent(struct fault *fault)
{
	if (!fault_is_temporary(fault))
		fault_clear(fault);
	return false;
}

bool store_place_exists(struct store *store,
			const struct store_place_owner *owner, const char *name,
			const char *special_use, struct fault *fault)
{
	struct store_place place = {0};
	int64_t by_role = 0;

	if (special_use && store_folder_by_role(store, owner->store,
						folder_role_parse(special_use),
						&by_role, fault))
		return place_is_absent(fault);
	if (!name)
		return true;
	if (store_place_find(store, owner, name, NULL, &place, fault))
		return place_is_absent(fault);
	return place.folder && place.may &&
	       (!special_use || place.folder == by_role);
}
