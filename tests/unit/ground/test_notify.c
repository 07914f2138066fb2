/*
 * Wake-ups: posted, seen, melted together; digests of known text.
 */
#include "digest.h"
#include "notify.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <poll.h>

Test(notify, a_post_wakes_each_waiter_of_its_channel)
{
	g_autofree char *dir = g_dir_make_tmp("okapi-notify-XXXXXX", NULL);
	g_autofree char *store = g_build_filename(dir, "store.db", NULL);
	g_autofree char *queue = g_strconcat(store, ".wake-queue", NULL);
	g_autofree char *changes = g_strconcat(store, ".wake-changes", NULL);
	AUTOCLOSE int a = -1;
	AUTOCLOSE int b = -1;
	AUTOCLOSE int other = -1;
	AUTOCLOSE int again = -1;
	struct notify_poster *poster = notify_poster_new(store);
	struct fault fault = {0};

	cr_assert_eq(notify_open(store, NOTIFY_QUEUE, &a, &fault), 0);
	cr_assert_eq(notify_open(store, NOTIFY_QUEUE, &b, &fault), 0);
	cr_assert_eq(notify_open(store, NOTIFY_CHANGES, &other, &fault), 0);
	cr_assert_not(notify_drain(a));
	notify_post(poster, NOTIFY_QUEUE);
	notify_post(poster, NOTIFY_QUEUE);
	cr_assert_eq(
		poll(&(struct pollfd){.fd = a, .events = POLLIN}, 1, 60000), 1);
	cr_assert(notify_drain(a));
	cr_assert_not(notify_drain(a));
	cr_assert(notify_drain(b));
	cr_assert_not(notify_drain(other));
	/* Where the file was taken away, who comes then waits on a new one. */
	cr_assert_eq(g_unlink(queue), 0);
	cr_assert_eq(notify_open(store, NOTIFY_QUEUE, &again, &fault), 0);
	notify_post(poster, NOTIFY_QUEUE);
	cr_assert(notify_drain(again));
	notify_poster_free(poster);
	(void)g_unlink(queue);
	(void)g_unlink(changes);
	(void)g_rmdir(dir);
}

Test(digest, known_values)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct digest *digest = digest_new();

	digest_sha256("abc", 3, hash);
	digest_format(hash, hex);
	cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9c"
			      "b410ff61f20015ad");
	digest_update(digest, "a", 1);
	digest_update(digest, "", 0);
	digest_update(digest, "bc", 2);
	digest_finish(digest, hash);
	digest_format(hash, hex);
	cr_assert_eq(hex[0], 'b');
	digest_sha256(NULL, 0, hash);
	digest_format(hash, hex);
	cr_assert(g_str_has_prefix(hex, "e3b0c442"));
}
