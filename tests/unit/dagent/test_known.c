/*
 * What is known: under one stamp, recipients without a quota, rules, places
 * that may be used.
 */
#include "dagent/known.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>

struct place {
	char *directory;
	char *store; /* its path */
	char *lock;
};

static struct place place_new(void)
{
	struct place place = {
		.directory = g_dir_make_tmp("okapi-known-XXXXXX", NULL)};

	place.store = g_build_filename(place.directory, "store.db", NULL);
	place.lock = g_strconcat(place.store, ".lock", NULL);
	return place;
}

static void place_clear(struct place *place)
{
	(void)g_remove(place->lock);
	(void)g_rmdir(place->directory);
	g_free(place->directory);
	g_free(place->store);
	g_free(place->lock);
}

static void place_stamp(const struct place *place, uint64_t stamp)
{
	cr_assert(g_file_set_contents(place->lock, "", 0, NULL));
	cr_assert(g_file_set_contents_full(
		place->lock, (const char *)&stamp, sizeof(stamp),
		G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static bool knows(struct known *known, const char *path, unsigned flags)
{
	uint64_t stamp = 0;
	AUTO(store_recipient) who = known_find(known, path, flags, &stamp);

	return who != NULL;
}

/* What a look-up does. */
static void look_up(struct known *known, const char *path, int64_t quota)
{
	uint64_t stamp = 0;
	AUTO(store_recipient) who = known_find(known, path, 0, &stamp);
	struct store_recipient found = {
		.store = 7,
		.name = (char *)(uintptr_t) "anna",
		.email = (char *)(uintptr_t) "anna@x",
		.detail = (char *)(uintptr_t) "lists",
		.quota_hard = quota,
	};

	if (!who)
		known_keep(known, path, 0, stamp, &found);
}

Test(known, by_path_and_flags)
{
	struct place place = place_new();
	struct known *known = NULL;
	uint64_t stamp = 0;
	struct store_recipient *who = NULL;

	place_stamp(&place, 4);
	known = known_new(place.store);
	cr_expect_not(knows(known, "anna@x", 0));
	look_up(known, "anna@x", 0);
	who = known_find(known, "anna@x", 0, &stamp);
	cr_assert(who);
	cr_expect_eq(stamp, 4);
	cr_expect_eq(who->store, 7);
	cr_expect_str_eq(who->detail, "lists");
	store_recipient_free(who);
	cr_expect_not(knows(known, "anna@x", 1));
	cr_expect_not(knows(known, "Anna@x", 0));
	known_free(known);
	place_clear(&place);
}

Test(known, not_with_a_quota)
{
	struct place place = place_new();
	struct known *known = NULL;

	place_stamp(&place, 4);
	known = known_new(place.store);
	look_up(known, "anna@x", 1000);
	cr_expect_not(knows(known, "anna@x", 0));
	known_free(known);
	place_clear(&place);
}

Test(known, nothing_without_a_stamp)
{
	struct place place = place_new();
	struct known *known = known_new(place.store);

	look_up(known, "anna@x", 0);
	cr_expect_not(knows(known, "anna@x", 0));
	known_free(known);
	place_stamp(&place, 5);
	known = known_new(place.store);
	look_up(known, "anna@x", 0);
	cr_expect_not(knows(known, "anna@x", 0), "somebody writes");
	known_free(known);
	place_clear(&place);
}

/* What was asked before a change is not kept after it. */
Test(known, of_the_newest_stamp)
{
	struct place place = place_new();
	struct known *known = NULL;
	struct store_recipient found = {
		.name = (char *)(uintptr_t) "x",
		.email = (char *)(uintptr_t) "x",
	};

	place_stamp(&place, 6);
	known = known_new(place.store);
	known_keep(known, "new@x", 0, 6, &found);
	known_keep(known, "old@x", 0, 4, &found);
	cr_expect(knows(known, "new@x", 0));
	cr_expect_not(knows(known, "old@x", 0));
	known_keep(known, "newer@x", 0, 8, &found);
	cr_expect_not(knows(known, "new@x", 0));
	cr_expect_not(knows(known, "newer@x", 0), "not the one of the file");
	known_free(known);
	place_clear(&place);
}

/* A list without rules. */
static struct rule_list *no_rules(void)
{
	struct rule_list *list = g_new0(struct rule_list, 1);

	list->references = 1;
	list->items = g_array_new(FALSE, FALSE, sizeof(struct rule_list_item));
	return list;
}

Test(known, rules_by_store)
{
	struct place place = place_new();
	struct rule_list *list = no_rules();
	struct rule_list *found = NULL;
	struct known *known = NULL;
	uint64_t stamp = 0;

	place_stamp(&place, 4);
	known = known_new(place.store);
	cr_expect_null(known_find_rules(known, 7, &stamp));
	known_keep_rules(known, 7, stamp, list);
	found = known_find_rules(known, 7, &stamp);
	cr_expect_eq(found, list);
	cr_expect_null(known_find_rules(known, 8, &stamp));
	known_forget(known, 8);
	rule_list_unref(found);
	found = known_find_rules(known, 7, &stamp);
	cr_expect_eq(found, list, "what is asked for others stays");
	known_forget(known, 7);
	cr_expect_null(known_find_rules(known, 7, &stamp));
	rule_list_unref(found);
	rule_list_unref(list);
	known_free(known);
	place_clear(&place);
}

/* What is large counts as such, and what was forgotten no more. */
Test(known, as_many_octets_as_may_be)
{
	struct place place = place_new();
	struct rule_list *list = no_rules();
	struct known *known = NULL;
	int64_t id = 0;

	list->octets = (size_t)1024 * 1024;
	place_stamp(&place, 4);
	known = known_new(place.store);
	for (id = 100; id < 1000; id++) {
		known_keep_rules(known, id, 4, list);
		known_forget(known, id);
	}
	look_up(known, "anna@x", 0);
	for (id = 100; id < 1000 && knows(known, "anna@x", 0); id++)
		known_keep_rules(known, id, 4, list);
	cr_expect_geq(id, 110, "%d", (int)id);
	cr_expect_leq(id, 140, "%d", (int)id);
	cr_expect_geq(list->references, 2);
	cr_expect_leq(list->references, 40);
	/* The same again takes no more room. */
	look_up(known, "anna@x", 0);
	for (int i = 0; i < 1000; i++)
		known_keep_rules(known, 7, 4, list);
	cr_expect(knows(known, "anna@x", 0));
	known_free(known);
	rule_list_unref(list);
	place_clear(&place);
}

Test(known, places)
{
	const struct store_place_owner anna = {.user = 1, .store = 7};
	const struct store_place_owner bert = {.user = 2, .store = 8};
	const struct known_place asked = {&anna, "user:bert/A", NULL};
	const struct known_place others[] = {
		{&bert, "user:bert/A", NULL},
		{&anna, "user:bert/B", NULL},
		{&anna, "user:bert/A", "\\Trash"},
		{&anna, "\\Trash user:bert/A", NULL},
	};
	struct store_place there = {.store = 8, .folder = 20, .may = true};
	struct store_place found = {0};
	struct place place = place_new();
	struct known *known = NULL;
	uint64_t stamp = 0;

	place_stamp(&place, 4);
	known = known_new(place.store);
	there.below = asked.path + 10;
	cr_expect_not(known_find_place(known, &asked, &found, &stamp));
	known_keep_place(known, &asked, stamp, &there);
	cr_assert(known_find_place(known, &asked, &found, &stamp));
	cr_expect_eq(found.store, 8);
	cr_expect_eq(found.folder, 20);
	cr_expect(found.may);
	cr_expect_str_eq(found.below, "A");
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		cr_expect_not(
			known_find_place(known, &others[i], &found, &stamp),
			"%zu", i);
	place_stamp(&place, 6);
	known_free(known);
	place_clear(&place);
}

/* What may change without a trace is asked each time. */
Test(known, no_places_that_cannot_be_used)
{
	const struct store_place_owner anna = {.user = 1, .store = 7};
	const struct known_place asked = {&anna, "A", NULL};
	const struct store_place no[] = {
		{.store = 7, .below = asked.path, .may = true},
		{.store = 7, .below = asked.path, .folder = 20},
	};
	struct store_place found = {0};
	struct place place = place_new();
	struct known *known = NULL;
	uint64_t stamp = 0;

	place_stamp(&place, 4);
	known = known_new(place.store);
	for (size_t i = 0; i < G_N_ELEMENTS(no); i++) {
		known_keep_place(known, &asked, 4, &no[i]);
		cr_expect_not(known_find_place(known, &asked, &found, &stamp));
	}
	known_free(known);
	place_clear(&place);
}

Test(known, nothing_without_any)
{
	const struct store_place_owner anna = {.user = 1, .store = 7};
	const struct known_place asked = {&anna, "A", NULL};
	struct store_place found = {0};
	uint64_t stamp = 1;

	cr_expect_null(known_find(NULL, "anna", 0, &stamp));
	cr_expect_null(known_find_rules(NULL, 7, &stamp));
	cr_expect_not(known_find_place(NULL, &asked, &found, &stamp));
	cr_expect_eq(stamp, 0);
	known_keep_place(NULL, &asked, stamp, &found);
}
