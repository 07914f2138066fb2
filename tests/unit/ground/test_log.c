/*
 * Log lines: one line whatever is put into it.
 */
#include "conf.h"
#include "log.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

/* What a log of the given level holds after emit. */
static char *logged(const char *level, void (*emit)(void))
{
	g_autofree char *dir = g_dir_make_tmp("okapi-log-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "log", NULL);
	g_autofree char *set_file = g_strdup_printf("log_file=%s", file);
	g_autofree char *set_level = g_strdup_printf("log_level=%s", level);
	const char *const overrides[] = {set_file, set_level,
					 "log_timestamp=no", NULL};
	AUTO(conf) conf = NULL;
	struct fault fault = {0};
	char *text = NULL;

	cr_assert_eq(conf_load("/dev/null", overrides, &conf, NULL, &fault), 0,
		     "%s", fault.text);
	cr_assert_eq(log_open("okapi-test", conf, &fault), 0, "%s", fault.text);
	emit();
	log_close();
	cr_assert(g_file_get_contents(file, &text, NULL, NULL));
	(void)g_unlink(file);
	(void)g_rmdir(dir);
	return text;
}

static void emit_hostile(void)
{
	struct log_event *event = log_event_new("delivered");

	log_event_text(event, "from", "a@b");
	log_event_text(event, "subject", "x\r\nforged: \"line\" \xff");
	log_event_text(event, "empty", "");
	log_event_text(event, "none", NULL);
	log_event_number(event, "size", -5);
	log_event_duration(event, "time", 1234567);
	log_event_emit(event, LOG_LEVEL_INFO);
}

Test(log, an_event_is_one_line)
{
	g_autofree char *text = logged("3", emit_hostile);
	const char *expected =
		": delivered from=a@b "
		"subject=\"x\\x0d\\x0aforged: \\\"line\\\" \\xff\" "
		"empty=\"\" size=-5 time=1.235s\n";

	cr_assert(g_str_has_suffix(text, expected), "%s", text);
	cr_assert_eq(strchr(text, '\n')[1], '\0', "more than one line");
}

static void emit_sentence(void)
{
	log_message(LOG_LEVEL_INFO, "%s",
		    "\"J\xc3\xbcrgen\" \\ \r\n\x7f\xff \xc2\x9b"
		    "31m");
}

Test(log, a_sentence_has_nothing_that_a_terminal_takes_for_a_command)
{
	g_autofree char *text = logged("3", emit_sentence);
	const char *expected = ": \"J\xc3\xbcrgen\" \\ \\x0d\\x0a\\x7f\\xff "
			       "\\xc2\\x9b31m\n";

	cr_assert(g_str_has_suffix(text, expected), "%s", text);
}

static void emit_levels(void)
{
	log_message(LOG_LEVEL_ERROR, "one\n");
	log_message(LOG_LEVEL_WARNING, "two");
	log_message(LOG_LEVEL_INFO, "three");
}

Test(log, levels_choose)
{
	g_autofree char *text = logged("2", emit_levels);

	cr_assert(strstr(text, "error: one\\x0a\n") != NULL, "%s", text);
	cr_assert(strstr(text, "warning: two\n") != NULL, "%s", text);
	cr_assert_null(strstr(text, "three"));
}

Test(log, a_file_that_cannot_be_opened_is_a_fault)
{
	static const char *const overrides[] = {"log_file=/nonexistent/log",
						NULL};
	AUTO(conf) conf = NULL;
	struct fault fault = {0};

	cr_assert_eq(conf_load("/dev/null", overrides, &conf, NULL, &fault), 0);
	cr_assert_eq(log_open("okapi-test", conf, &fault), -1);
	cr_assert_eq(fault.kind, FAULT_CONFIG);
	cr_assert(strstr(fault.text, "/nonexistent/log") != NULL);
}

static void emit_held(void)
{
	log_hold();
	log_hold();
	log_message(LOG_LEVEL_ERROR, "one");
	log_event_emit(log_event_new("two"), LOG_LEVEL_INFO);
	log_message(LOG_LEVEL_DETAIL, "not wanted");
	log_release();
	log_release();
	log_message(LOG_LEVEL_ERROR, "three");
}

Test(log, lines_that_are_held)
{
	g_autofree char *text = logged("3", emit_held);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	cr_assert_eq(g_strv_length(lines), 4, "%s", text);
	cr_expect(g_str_has_suffix(lines[0], "]: error: one"), "%s", text);
	cr_expect(g_str_has_suffix(lines[1], "]: two"), "%s", text);
	cr_expect(g_str_has_suffix(lines[2], "]: error: three"), "%s", text);
}

/* Not without an end: what is held has a ceiling. */
static void emit_much(void)
{
	log_hold();
	for (int i = 0; i < 3000; i++)
		log_message(LOG_LEVEL_ERROR, "%0100d", i);
	log_release();
}

Test(log, many_lines_that_are_held)
{
	g_autofree char *text = logged("3", emit_much);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	cr_expect_eq(g_strv_length(lines), 3001);
}
