/*
 * What the tests of the store share: a store of their own, messages of their
 * own, and units that are run and expected to work.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/lob.h"

#include "digest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000

struct fixture {
	char *directory;
	char *path;
	struct store *store;
};

static struct fixture fx;

#define must(call)                                                             \
 do {                                                                          \
  struct fault must_fault = {0};                                               \
  struct fault *fault = &must_fault;                                           \
  cr_assert_eq((call), 0, "%s: %s", #call, must_fault.text);                   \
 } while (0)

#define must_fail(kind_wanted, call)                                           \
 do {                                                                          \
  struct fault must_fault = {0};                                               \
  struct fault *fault = &must_fault;                                           \
  cr_assert_eq((call), -1, "%s went well", #call);                             \
  cr_assert_eq(must_fault.kind, (kind_wanted), "%s: kind %d: %s", #call,       \
	       (int)must_fault.kind, must_fault.text);                         \
  cr_assert_neq(must_fault.text[0], '\0', "%s: no text", #call);               \
 } while (0)

/* A unit around one call: begin, call, commit. */
#define in_unit(call)                                                          \
 do {                                                                          \
  struct fault unit_fault = {0};                                               \
  struct fault *fault = &unit_fault;                                           \
  cr_assert_eq(store_begin(fx.store, fault), 0, "%s", unit_fault.text);        \
  cr_assert_eq((call), 0, "%s: %s", #call, unit_fault.text);                   \
  cr_assert_eq(store_commit(fx.store, fault), 0, "%s", unit_fault.text);       \
 } while (0)

#define in_unit_fail(kind_wanted, call)                                        \
 do {                                                                          \
  struct fault unit_fault = {0};                                               \
  struct fault *fault = &unit_fault;                                           \
  cr_assert_eq(store_begin(fx.store, fault), 0, "%s", unit_fault.text);        \
  cr_assert_eq((call), -1, "%s went well", #call);                             \
  cr_assert_eq(unit_fault.kind, (kind_wanted), "%s: kind %d: %s", #call,       \
	       (int)unit_fault.kind, unit_fault.text);                         \
  store_rollback(fx.store);                                                    \
 } while (0)

static inline void fixture_open(void)
{
	fx.directory = g_dir_make_tmp("okapi-store-XXXXXX", NULL);
	fx.path = g_build_filename(fx.directory, "store.db", NULL);
	must(store_create(fx.path, TIMEOUT_MS, NULL, fault));
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store, fault));
}

static inline void fixture_close(void)
{
	g_autofree char *remove = NULL;

	store_close(fx.store);
	fx.store = NULL;
	remove = g_strdup_printf("rm -rf '%s'", fx.directory);
	cr_expect_eq(system(remove), 0);
	g_free(fx.directory);
	g_free(fx.path);
}

/* A content of its own bytes; the set is owned by the content here. */
static inline struct content *content_of(const char *text, size_t len)
{
	struct content *content = g_new0(struct content, 1);
	struct propset *set = propset_new();

	content->rfc822 = g_bytes_new(text, len);
	digest_sha256(text, len, content->sha256);
	propset_set_text(set, PR_SUBJECT, "a subject");
	propset_set_text(set, PR_SENT_REPRESENTING_NAME, "Anna");
	propset_set_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS,
			 "anna@example.com");
	propset_set_text(set, PR_SENDER_NAME, "Anna");
	propset_set_text(set, PR_DISPLAY_TO, "Bob");
	propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note");
	propset_set_text(set, PR_INTERNET_MESSAGE_ID, "<1@example.com>");
	propset_set_bool(set, PR_HASATTACH, true);
	(void)propset_add_attachment(set, propset_new());
	content->set = set;
	return content;
}

static inline struct content *content_number(int n)
{
	g_autofree char *text = g_strdup_printf(
		"Subject: a subject\r\n\r\nMessage number %d\r\n", n);

	return content_of(text, strlen(text));
}

/* Octets that nothing makes smaller; owned. */
static inline char *noise_of(size_t len, guint32 seed)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	char *noise = g_malloc(len + 4);

	for (size_t i = 0; i < len; i += 4) {
		guint32 word = g_rand_int(rand);

		memcpy(noise + i, &word, 4);
	}
	return noise;
}

/* Large enough for a file of its own. */
static inline struct content *content_large(guint32 seed)
{
	g_autofree char *noise = noise_of(LOB_FILE_MIN + 5, seed);

	return content_of(noise, LOB_FILE_MIN + 5);
}

static inline void add_base64(GString *out, const char *data, size_t len,
			      size_t line, const char *eol)
{
	g_autofree char *text = g_base64_encode((const guchar *)data, len);
	size_t all = strlen(text);

	for (size_t at = 0; at < all; at += line)
		g_string_append_printf(out, "%s%.*s", at ? eol : "",
				       (int)MIN(line, all - at), text + at);
}

/* A message with an attachment in base64, lines of 76. */
static inline GString *message_with(const char *data, size_t len,
				    const char *subject)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(
		out,
		"Subject: %s\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
		"--x\r\n\r\nSee the file.\r\n--x\r\n"
		"Content-Type: application/pdf; name=a.pdf\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		subject);
	add_base64(out, data, len, 76, "\r\n");
	g_string_append(out, "\r\n--x--\r\n");
	return out;
}

static inline struct content *content_with(const char *data, size_t len,
					   const char *subject)
{
	g_autoptr(GString) text = message_with(data, len, subject);

	return content_of(text->str, text->len);
}

/* Of all kinds: plain, with attachments that others have too, a few of them
 * large. */
static inline struct content *content_mixed(int n)
{
	size_t len = n % 16 == 5 ? LOB_FILE_MIN + 5 : 3000u * (1 + n % 3u);
	guint32 seed = (guint32)(n / 16 % 4);
	g_autofree char *data = NULL;
	g_autofree char *subject = NULL;

	if (n % 4 > 1)
		return content_number(n);
	data = noise_of(len, seed);
	subject = g_strdup_printf("mixed %d", n);
	return content_with(data, len, subject);
}

/* Its file; owned. */
static inline char *content_file(const struct content *content)
{
	struct lob_name name = lob_name_of(content->sha256, LOB_PLAIN);

	return lob_file(fx.path, &name);
}

/* Packs it and forgets how: the files stay. */
static inline void content_prepare(const struct content *content, int file)
{
	AUTO(kept) kept = NULL;

	must(store_content_prepare(fx.path, content, file, &kept, fault));
}

static inline void content_free(struct content *content)
{
	if (!content)
		return;
	g_bytes_unref(content->rfc822);
	propset_free((struct propset *)(uintptr_t)content->set);
	g_free(content);
}
AUTO_DEFINE(content, content_free);

/* Makes a user NAME with NAME@example.com; returns the store's id. */
static inline int64_t user_make(const char *name)
{
	g_autofree char *email = g_strconcat(name, "@example.com", NULL);
	struct store_user_change change = {
		.email = email,
		.quota_warn = QUOTA_KEEP,
		.quota_soft = QUOTA_KEEP,
		.quota_hard = QUOTA_KEEP,
	};
	AUTO(store_user) user = NULL;

	in_unit(store_user_create(fx.store, name, &change, NULL, fault));
	must(store_user_find(fx.store, name, &user, fault));
	return user->store;
}

static inline int64_t folder_of(int64_t store_id, enum folder_role role)
{
	int64_t folder = 0;

	must(store_folder_by_role(fx.store, store_id, role, &folder, fault));
	return folder;
}

/* Delivers to a folder; the id of the message. */
static inline int64_t deliver_to(int64_t store_id, int64_t folder,
				 const struct content *content)
{
	struct delivery_copy copy = {
		.folder = folder,
		.trace = "Return-Path: <anna@example.com>\r\n",
		.received = g_get_real_time(),
	};
	struct delivery delivery = {
		.store = store_id,
		.recipient = "bob@example.com",
		.reverse_path = "anna@example.com",
		.content = content,
		.copies = &copy,
		.copy_count = 1,
		.check_quota = true,
	};
	struct delivery_result result = {0};

	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	return result.message;
}

static inline void tell_wrong(const char *what, void *context)
{
	(void)context;
	fprintf(stderr, "store_check: %s\n", what);
}

/* The store agrees with itself. */
static inline void must_be_sound(void)
{
	int64_t wrong = -1;

	must(store_check(fx.store, tell_wrong, NULL, &wrong, fault));
	cr_assert_eq(wrong, 0, "store_check found %d things", (int)wrong);
}

#endif
