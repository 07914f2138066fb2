/*
 * The configuration: values, units, origins, and what is told of mistakes.
 */
#include "conf.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

/* Loads text as a file; the caller frees what comes back. */
static int load(const char *text, const char *const *overrides,
		struct conf **ret_conf, GPtrArray *faults, struct fault *fault)
{
	g_autofree char *path = NULL;
	AUTOCLOSE int fd = g_file_open_tmp("okapi-conf-XXXXXX", &path, NULL);
	int rc;

	cr_assert(fd >= 0);
	cr_assert(g_file_set_contents(path, text, -1, NULL));
	rc = conf_load(path, overrides, ret_conf, faults, fault);
	(void)g_unlink(path);
	return rc;
}

Test(conf, defaults_are_those_of_the_contract)
{
	AUTO(conf) conf = NULL;
	struct fault fault = {0};

	cr_assert_eq(load("", NULL, &conf, NULL, &fault), 0, "%s", fault.text);
	cr_assert_str_eq(conf->store_path, "/var/lib/okapi/store.db");
	cr_assert_eq(conf->store_timeout, 30);
	cr_assert_eq(conf->message_size_limit, 50 * BYTES_PER_MB);
	cr_assert_eq(conf->softdelete_lifetime, 30 * 86400);
	cr_assert_eq(conf->lmtp_unix_mode, 0660);
	cr_assert_str_eq(conf->lmtp_listen[0], "127.0.0.1:2003");
	cr_assert_str_eq(conf->lmtp_networks[1], "::1");
	cr_assert_null(conf->lmtp_networks[2]);
	cr_assert_eq(conf->smtp_tls, CONF_TLS_OPPORTUNISTIC);
	cr_assert_neq(*conf->hostname, '\0');
	cr_assert_str_eq(conf->origin, conf->hostname);
	cr_assert(g_str_has_prefix(conf->postmaster, "postmaster@"));
}

Test(conf, values_and_units)
{
	static const struct {
		const char *name, *line;
		size_t offset;
		int64_t expected;
	} cases[] = {
		{"bare time, unit of the default", "duplicate_window = 2",
		 offsetof(struct conf, duplicate_window), 7200},
		{"minutes", "queue_retry_min = 10m",
		 offsetof(struct conf, queue_retry_min), 600},
		{"days", "queue_lifetime=3d",
		 offsetof(struct conf, queue_lifetime), 3 * 86400},
		{"megabytes", "quota_hard = 5",
		 offsetof(struct conf, quota_hard), 5 * BYTES_PER_MB},
		{"octal mode", "lmtp_unix_mode = 0600",
		 offsetof(struct conf, lmtp_unix_mode), 0600},
		{"comment behind", "log_level = 5 # all of it",
		 offsetof(struct conf, log_level), 5},
		{"blanks and tabs", " \t smtp_port\t=  26\t\r",
		 offsetof(struct conf, smtp_port), 26},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(conf) conf = NULL;
		struct fault fault = {0};

		cr_assert_eq(load(cases[i].line, NULL, &conf, NULL, &fault), 0,
			     "%s: %s", cases[i].name, fault.text);
		cr_assert_eq(
			*(const int64_t *)(const void *)((const char *)conf +
							 cases[i].offset),
			cases[i].expected, "%s", cases[i].name);
	}
}

Test(conf, lines_as_editors_end_and_begin_them)
{
	AUTO(conf) conf = NULL;
	struct fault fault = {0};

	cr_assert_eq(load("\xef\xbb\xbfquota_hard = 5\r\nsmtp_port = 26", NULL,
			  &conf, NULL, &fault),
		     0, "%s", fault.text);
	cr_expect_eq(conf->quota_hard, 5 * BYTES_PER_MB);
	cr_expect_eq(conf->smtp_port, 26);
}

Test(conf, booleans_in_all_their_words)
{
	static const char *const yes[] = {"yes", "TRUE", "1"};
	static const char *const no[] = {"no", "False", "0"};

	for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
		AUTO(conf) conf = NULL;
		AUTO(conf) other = NULL;
		g_autofree char *on =
			g_strdup_printf("quota_tempfail = %s", yes[i]);
		g_autofree char *off =
			g_strdup_printf("log_timestamp = %s", no[i]);

		cr_assert_eq(load(on, NULL, &conf, NULL, NULL), 0);
		cr_assert(conf->quota_tempfail);
		cr_assert_eq(load(off, NULL, &other, NULL, NULL), 0);
		cr_assert_not(other->log_timestamp);
	}
}

Test(conf, mistakes_name_line_and_key)
{
	static const struct {
		const char *name, *text, *expected;
	} cases[] = {
		{"unknown key", "\nstore_pathh = x",
		 ":2: store_pathh: unknown"},
		{"key of the Zarafa line", "lmtp_port = 2003",
		 ":1: lmtp_port: unknown key; here it is lmtp_listen"},
		{"a boolean of another program", "quota_tempfail = on",
		 ":1: quota_tempfail: \"on\" is not yes or no"},
		{"not a number", "smtp_port = smtp",
		 ":1: smtp_port: \"smtp\" is not a number"},
		{"out of range", "smtp_port = 70000", "out of range"},
		{"negative", "quota_hard = -1", "out of range"},
		{"huge", "quota_hard = 99999999999999999999", "not a number"},
		{"bad unit", "queue_lifetime = 5 fortnights", "unit must be"},
		{"not a boolean", "quota_tempfail = maybe", "not yes or no"},
		{"not a word", "smtp_tls = sometimes", "none of: none, opp"},
		{"bad mode", "lmtp_unix_mode = 0888", "not a file mode"},
		{"no equals sign", "store_path", "is not \"key = value\""},
		{"empty number", "smtp_port =", "not a number"},
		{"pair apart", "tls_cert_file = /x",
		 ":1: tls_cert_file: it goes together with tls_key_file"},
		{"other half", "\ntls_key_file = /x",
		 ":2: tls_key_file: it goes together with tls_cert_file"},
		{"min over max", "queue_retry_min = 2h\nqueue_retry_max = 1h",
		 ":2: queue_retry_max: it is smaller than queue_retry_min"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(conf) conf = NULL;
		struct fault fault = {0};

		cr_assert_eq(load(cases[i].text, NULL, &conf, NULL, &fault), -1,
			     "%s", cases[i].name);
		cr_assert_eq(fault.kind, FAULT_CONFIG, "%s", cases[i].name);
		cr_assert(strstr(fault.text, cases[i].expected) != NULL,
			  "%s: %s", cases[i].name, fault.text);
	}
}

Test(conf, all_mistakes_at_once)
{
	AUTO(conf) conf = NULL;
	g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(g_free);

	cr_assert_eq(load("a = 1\nsmtp_port = x\nb = 2\nhostname = -\n"
			  "tls_key_file = /x\nsmtp_user = me\nlog_level = 5\n",
			  NULL, &conf, faults, NULL),
		     -1);
	cr_assert_eq(faults->len, 6);
	/* What is right is there all the same, so that more can be found. */
	cr_assert_eq(conf->log_level, 5);
	cr_assert_eq(conf->smtp_port, 25);
}

/* What stands behind a NUL would be read by nobody. */
Test(conf, a_nul_is_a_mistake)
{
	static const char text[] = "quota_warn = 7\nquota_hard = 5\0 # x\n"
				   "smtp_port = 26\n";
	AUTO(conf) conf = NULL;
	struct fault fault = {0};
	g_autofree char *path = NULL;
	AUTOCLOSE int fd = g_file_open_tmp("okapi-conf-XXXXXX", &path, NULL);

	cr_assert(fd >= 0);
	cr_assert(g_file_set_contents(path, text, sizeof(text) - 1, NULL));
	cr_expect_eq(conf_load(path, NULL, &conf, NULL, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_CONFIG);
	cr_expect(strstr(fault.text, ":2: there is a NUL"), "%s", fault.text);
	(void)g_unlink(path);
}

/* As with Postfix: the last one counts, and one is told. */
Test(conf, a_key_that_is_set_twice_is_told)
{
	static const char *const overrides[] = {"smtp_port=2525",
						"smtp_port=2526", NULL};
	AUTO(conf) conf = NULL;
	AUTO(conf) once = NULL;

	cr_assert_eq(load("smtp_port = 26\nquota_hard = 1\nquota_hard = 2\n",
			  overrides, &conf, NULL, NULL),
		     0);
	cr_expect_eq(conf->quota_hard, 2 * BYTES_PER_MB);
	/* -o is there to win. */
	cr_assert_eq(conf->warnings->len, 1);
	cr_expect(g_str_has_suffix(conf->warnings->pdata[0],
				   ":3: quota_hard: it is set in line 2, too: "
				   "this one counts"),
		  "%s", (const char *)conf->warnings->pdata[0]);
	cr_assert_eq(load("quota_hard = 1", NULL, &once, NULL, NULL), 0);
	cr_expect_eq(once->warnings->len, 0);
}

Test(conf, overrides_win_and_say_so)
{
	static const char *const overrides[] = {"smtp_port=2525", NULL};
	AUTO(conf) conf = NULL;

	cr_assert_eq(load("smtp_port = 26", overrides, &conf, NULL, NULL), 0);
	cr_assert_eq(conf->smtp_port, 2525);
	for (size_t i = 0; i < conf_option_count(); i++) {
		g_autofree char *value = conf_option_format(conf, i);

		if (strcmp(conf_option_key(i), "smtp_port") != 0)
			continue;
		cr_assert_str_eq(value, "2525");
		cr_assert_str_eq(conf_option_origin(conf, i), "-o");
		return;
	}
	cr_assert_fail("smtp_port is not in the table");
}

Test(conf, every_value_is_written_as_it_can_be_read)
{
	AUTO(conf) conf = NULL;
	AUTO(conf) again = NULL;
	g_autoptr(GString) text = g_string_new(NULL);

	cr_assert_eq(load("queue_retry_max = 5h\nquota_warn = 7\n"
			  "lmtp_listen = unix:/a [::1]:24\n",
			  NULL, &conf, NULL, NULL),
		     0);
	for (size_t i = 0; i < conf_option_count(); i++) {
		g_autofree char *value = conf_option_format(conf, i);

		g_string_append_printf(text, "%s = %s\n", conf_option_key(i),
				       value);
	}
	cr_assert_eq(load(text->str, NULL, &again, NULL, NULL), 0);
	for (size_t i = 0; i < conf_option_count(); i++) {
		g_autofree char *a = conf_option_format(conf, i);
		g_autofree char *b = conf_option_format(again, i);

		cr_assert_str_eq(a, b, "%s", conf_option_key(i));
	}
}

Test(conf, a_missing_file_that_was_named_is_an_error)
{
	AUTO(conf) conf = NULL;
	struct fault fault = {0};

	cr_assert_eq(
		conf_load("/nonexistent/okapi.cfg", NULL, &conf, NULL, &fault),
		-1);
	cr_assert(strstr(fault.text, "/nonexistent/okapi.cfg") != NULL);
}
