/*
 * okapi-dagent reads command line and configuration without GLib: what it finds
 * there is what options.c and conf.c find.
 */
#include "conf.h"
#include "dagent/front.h"
#include "dagent/options.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

/* ---- the configuration ---- */

static const struct {
	const char *name;
	const char *text;
	size_t len; /* 0: that of the text */
	const char *overrides[3];
} conf_cases[] = {
	{"empty", "", 0, {NULL}},
	{"all three",
	 "run_dir=/a\nlmtp_timeout = 2m\ndagent_server=h:24\n"
	 "dagent_tls_cert_file = c\n",
	 0,
	 {NULL}},
	{"the last one counts", "run_dir = /a\nrun_dir = /b\n", 0, {NULL}},
	{"-o counts more", "run_dir = /a\n", 0, {"run_dir=/c", "run_dir = /d"}},
	{"blanks", " \t run_dir \t= \v /a b \r\n\r\n", 0, {NULL}},
	{"comments",
	 "# run_dir = /a\nrun_dir = /b # /c\nlmtp_timeout=3s#\n",
	 0,
	 {NULL}},
	{"comment", "run_dir = /b#c\n", 0, {NULL}},
	{"only a comment behind it", "log_file = # none\n", 0, {NULL}},
	{"no comment in -o", "", 0, {"run_dir=/a # b"}},
	{"a comment as -o", "", 0, {"# b", ""}},
	{"byte order mark", "\xef\xbb\xbfrun_dir = /a", 0, {NULL}},
	{"of another line", "x\n\xef\xbb\xbfrun_dir = /a", 0, {NULL}},
	{"no line feed at the end", "run_dir = /a", 0, {NULL}},
	{"an equals sign in it", "run_dir = /a=b\n", 0, {NULL}},
	{"quotes are nothing", "run_dir = \"/a\"\n", 0, {NULL}},
	{"a bare number", "lmtp_timeout = 7\n", 0, {NULL}},
	{"a number with a sign", "lmtp_timeout = +7\n", 0, {NULL}},
	{"hours", "lmtp_timeout = 2h\n", 0, {NULL}},
	{"unknown unit", "lmtp_timeout = 2y\n", 0, {NULL}},
	{"blank before the unit", "lmtp_timeout = 2 s\n", 0, {NULL}},
	{"no time", "lmtp_timeout = soon\n", 0, {NULL}},
	{"too short", "lmtp_timeout = 0\n", 0, {NULL}},
	{"too long", "lmtp_timeout = 2d\n", 0, {NULL}},
	{"below nothing", "lmtp_timeout = -5\n", 0, {NULL}},
	{"more than a number",
	 "lmtp_timeout = 99999999999999999999\n",
	 0,
	 {NULL}},
	{"unknown key", "run_dirs = /a\n", 0, {NULL}},
	{"of the Zarafa line", "lmtp_port = 2003\n", 0, {NULL}},
	{"unknown -o", "", 0, {"stoer_path=/x"}},
	{"not a setting", "run_dir\n", 0, {NULL}},
	{"not a setting as -o", "", 0, {"run_dir"}},
	{"no key", "= /a\n", 0, {NULL}},
	{"upper case", "RUN_DIR = /a\n", 0, {NULL}},
	{"no directory", "run_dir =\n", 0, {NULL}},
	{"no yes", "log_timestamp = perhaps\n", 0, {NULL}},
	{"yes", "log_timestamp = TRUE\nlog_timestamp=0\n", 0, {NULL}},
	{"words", "log_method = Journal\nsmtp_tls = verify\n", 0, {NULL}},
	{"no word", "log_method = paper\n", 0, {NULL}},
	{"a mode", "lmtp_unix_mode = 0666\n", 0, {NULL}},
	{"no mode", "lmtp_unix_mode = 0999\n", 0, {NULL}},
	{"a size", "message_size_limit = 7\n", 0, {NULL}},
	{"no size", "message_size_limit = 7MB\n", 0, {NULL}},
	{"a number out of range", "log_level = 6\n", 0, {NULL}},
	{"a NUL", "run_dir = /a\0\n", 14, {NULL}},
};

static char *write_file(const char *text, size_t len)
{
	char *path = g_strdup("/tmp/okapi-front-XXXXXX");
	int fd = g_mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	(void)close(fd);
	return path;
}

Test(dagent_front, reads_the_file_as_conf_does)
{
	for (size_t i = 0; i < G_N_ELEMENTS(conf_cases); i++) {
		const char *name = conf_cases[i].name;
		const char *text = conf_cases[i].text;
		size_t len =
			conf_cases[i].len ? conf_cases[i].len : strlen(text);
		g_autofree char *path = write_file(text, len);
		char *overrides[3] = {
			(char *)(uintptr_t)conf_cases[i].overrides[0],
			(char *)(uintptr_t)conf_cases[i].overrides[1]};
		const struct front_options options = {.config = path,
						      .overrides = overrides};
		struct front_conf front;
		AUTO(conf) conf = NULL;
		struct fault fault = {0};
		bool is_good = conf_read(path, (const char *const *)overrides,
					 &conf, NULL, &fault) == 0;

		cr_expect_eq(front_conf_read(&options, &front), is_good,
			     "%s: %s", name, fault.text);
		(void)unlink(path);
		if (is_good) {
			cr_expect_str_eq(front.run_dir, conf->run_dir, "%s",
					 name);
			cr_expect_str_eq(front.dagent_server,
					 conf->dagent_server, "%s", name);
			cr_expect_eq(front.timeout_ms,
				     conf->lmtp_timeout * 1000, "%s", name);
		}
		front_conf_clear(&front);
	}
}

/* run_dir by that file, "" where it is a faulty one; owned. */
static char *run_dir_by(const char *config)
{
	char *none[] = {NULL};
	const struct front_options options = {.config = config,
					      .overrides = none};
	struct front_conf front;
	bool is_good = front_conf_read(&options, &front);
	char *run_dir = g_strdup(is_good ? front.run_dir : "");

	cr_expect(!is_good || front.timeout_ms == 300000);
	front_conf_clear(&front);
	return run_dir;
}

Test(dagent_front, finds_the_file_as_conf_does)
{
	g_autofree char *path = write_file("run_dir = /of/variable\n", 23);
	const struct {
		const char *variable, *config, *run_dir;
	} cases[] = {
		{path, NULL, "/of/variable"},
		{path, "/nowhere/okapi.cfg", ""},
		{path, "/", ""},
		{"/nowhere/okapi.cfg", NULL, ""},
		{"/nowhere/okapi.cfg", path, "/of/variable"},
		/* Only the one that nobody named may be missing. */
		{"", NULL, "/run/okapi"},
	};
	bool has_default = access(CONF_DEFAULT_FILE, F_OK) == 0;

	for (size_t i = 0; i < G_N_ELEMENTS(cases) - has_default; i++) {
		g_autofree char *got = NULL;

		g_setenv("OKAPI_CONFIG", cases[i].variable, TRUE);
		got = run_dir_by(cases[i].config);
		cr_expect_str_eq(got, cases[i].run_dir, "%zu: %s", i, got);
	}
	(void)unlink(path);
}

/* ---- the command line ---- */

static const char *const lines[] = {
	"d anna",
	"d -c a anna",
	"d -ca -c b --config=c anna",
	"d --config d -o a=b -oc=d --option e=f --option=g=h anna",
	"d -f x anna",
	"d --file=x --file y anna",
	"d -jqs anna",
	"d -qfx anna",
	"d -F -q anna",
	"d -Fq anna",
	"d -rFq -s anna",
	"d --folder -s anna",
	"d --folder=-s anna",
	"d --sender -c anna",
	"d --sender=<> -c x anna",
	"d anna -q bert -c x",
	"d -- -q -c x",
	"d -o -- -q anna",
	"d - -q anna",
	"d -vvrnNeCa p -P x -p . anna",
	"d --qmail --silent --read --now --create anna",
	"d -l",
	"d --listen -c x",
	"d -d",
	"d --daemonize",
	"d -V",
	"d --version",
	"d --help",
	"d -h",
	"d --=x",
	"d --silent=no anna",
};

static const char *const unknown[] = {
	"d --bogus anna", "d -z anna",  "d -jz anna",     "d -c",
	"d -jc",          "d --config", "d --fil x anna", "d -\xc3\xbc anna",
};

static void expect_text(const char *line, const char *got, const char *expected)
{
	cr_expect_str_eq(got ? got : "none", expected ? expected : "none", "%s",
			 line);
}

Test(dagent_front, reads_the_command_line_as_options_do)
{
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		const char *line = lines[i];
		g_auto(GStrv) argv = g_strsplit(line, " ", -1);
		struct front_options front;
		struct options options;
		struct fault fault = {0};
		g_autofree char *mine = NULL;
		g_autofree char *theirs = NULL;

		front_options_read(argv, &front);
		cr_assert_eq(options_parse((int)g_strv_length(argv), argv,
					   &options, &fault),
			     0, "%s: %s", line, fault.text);
		expect_text(line, front.config, options.config);
		expect_text(line, front.file, options.file);
		mine = g_strjoinv(" ", front.overrides);
		theirs = options.overrides ? g_strjoinv(" ", options.overrides)
					   : g_strdup("");
		cr_expect_str_eq(mine, theirs, "%s", line);
		cr_expect_eq(front.qmail, options.qmail, "%s", line);
		cr_expect_eq(front.silent, options.silent, "%s", line);
		cr_expect_eq(front.serves, options.listen, "%s", line);
		cr_expect_eq(front.is_for_all, options.version || options.help,
			     "%s", line);
		options_clear(&options);
		front_options_clear(&front);
	}
}

Test(dagent_front, does_not_guess)
{
	for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
		g_auto(GStrv) argv = g_strsplit(unknown[i], " ", -1);
		struct front_options front;
		struct options options;
		struct fault fault = {0};

		front_options_read(argv, &front);
		cr_expect(front.is_for_all, "%s", unknown[i]);
		cr_expect_eq(options_parse((int)g_strv_length(argv), argv,
					   &options, &fault),
			     -1, "%s", unknown[i]);
		options_clear(&options);
		front_options_clear(&front);
	}
}
