/*
 * The daily purge: what softdelete_lifetime has ended goes, nothing else.
 */
#include "tests/unit/store/fixture.h"

#include "conf.h"
#include "dagent/janitor.h"
#include "store/folders.h"
#include "store/messages.h"
#include "store/upkeep.h"
#include "store/users.h"

#define WAIT_STEPS 6000 /* of 10 ms */

TestSuite(janitor, .init = fixture_open, .fini = fixture_close);

Test(janitor, what_was_deleted_long_enough_ago_goes)
{
	g_autofree char *path = g_strdup_printf("store_path=%s", fx.path);
	const char *const overrides[] = {path, "softdelete_lifetime=1s",
					 "log_level=0", NULL};
	AUTO(conf) conf = NULL;
	AUTO(content) gone = content_number(1);
	AUTO(content) kept = content_number(2);
	int64_t inbox = folder_of(user_make("anna"), FOLDER_INBOX);
	struct store_stats stats = {0};
	int64_t id;

	must(conf_load("/dev/null", overrides, &conf, NULL, fault));
	id = deliver_to(0, inbox, gone);
	in_unit(store_message_delete(fx.store, id, true, fault));
	(void)deliver_to(0, inbox, kept);
	g_usleep(1100000);
	janitor_purge(conf);
	for (int i = 0; i < WAIT_STEPS; i++) {
		must(store_get_stats(fx.store, &stats, fault));
		if (stats.deleted == 0 && stats.contents == 1)
			break;
		g_usleep(10000);
	}
	cr_assert_eq(stats.deleted, 0);
	cr_assert_eq(stats.contents, 1);
	cr_assert_eq(stats.messages, 1);
	/* The thread may still be giving back space: let it end. */
	g_usleep(200000);
}
