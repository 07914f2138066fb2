/*
 * The life of a daemon: each test is a process of its own, so it may become
 * somebody else or go into the background.
 */
#include "daemon.h"

#include "net.h"
#include "program.h"
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct conf *conf_with(const char *const *overrides)
{
	struct conf *conf = NULL;
	struct fault fault = {0};

	cr_assert_eq(conf_load("/dev/null", overrides, &conf, NULL, &fault), 0,
		     "%s", fault.text);
	return conf;
}

Test(daemon, users_that_cannot_be)
{
	static const struct {
		const char *name, *setting, *text;
	} cases[] = {
		{"no such user", "user=no-such-user", "useradd"},
		{"no such group", "group=no-such-group", "groupadd"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const overrides[] = {cases[i].setting, NULL};
		AUTO(conf) conf = conf_with(overrides);
		struct fault fault = {0};

		cr_expect_eq(daemon_drop_privileges(conf, &fault), -1, "%s",
			     cases[i].name);
		cr_expect_eq(fault.kind, FAULT_CONFIG);
		cr_expect_not_null(strstr(fault.text, cases[i].text), "%s: %s",
				   cases[i].name, fault.text);
	}
}

Test(daemon, nothing_to_give_up)
{
	const char *const none[] = {NULL};
	AUTO(conf) conf = conf_with(none);
	struct fault fault = {0};

	cr_expect_eq(daemon_drop_privileges(conf, &fault), 0, "%s", fault.text);
}

Test(daemon, gives_up_root)
{
	g_autofree char *log = g_strdup_printf("%s/okapi-log-%d",
					       g_get_tmp_dir(), (int)getpid());
	g_autofree char *setting = g_strdup_printf("log_file=%s", log);
	const char *const overrides[] = {"user=nobody", setting, NULL};
	AUTO(conf) conf = conf_with(overrides);
	const struct passwd *nobody = getpwnam("nobody");
	struct fault fault = {0};
	gid_t groups[64];
	struct stat st;

	if (!nobody || geteuid() == nobody->pw_uid)
		cr_skip_test("no user nobody to become");
	if (geteuid() != 0) {
		cr_expect_eq(daemon_drop_privileges(conf, &fault), -1);
		cr_expect_not_null(strstr(fault.text, "only root"), "%s",
				   fault.text);
		return;
	}
	cr_assert(g_file_set_contents(log, "", 0, NULL));
	cr_assert_eq(daemon_drop_privileges(conf, &fault), 0, "%s", fault.text);
	cr_assert_eq(stat(log, &st), 0);
	cr_expect_eq(st.st_uid, nobody->pw_uid);
	cr_expect_eq(getuid(), nobody->pw_uid);
	cr_expect_eq(geteuid(), nobody->pw_uid);
	cr_expect_eq(getgid(), nobody->pw_gid);
	for (int i = getgroups(64, groups); i > 0; i--)
		cr_expect_neq(groups[i - 1], 0);
	cr_expect_eq(setuid(0), -1);
	/* Once more is nothing: we are it. */
	cr_expect_eq(daemon_drop_privileges(conf, &fault), 0, "%s", fault.text);
	(void)g_remove(log);
}

Test(daemon, pid_file)
{
	g_autofree char *dir = g_dir_make_tmp("okapi-daemon-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "pid", NULL);
	g_autofree char *setting = g_strdup_printf("pid_file=%s", path);
	const char *const overrides[] = {setting, NULL};
	AUTO(conf) conf = conf_with(overrides);
	g_autofree char *text = NULL;
	g_autofree char *want = g_strdup_printf("%d\n", (int)getpid());
	struct fault fault = {0};

	/* One that a killed daemon left is no obstacle. */
	cr_assert(g_file_set_contents(path, "99999999\n", -1, NULL));
	cr_assert_eq(daemon_pid_file(conf, &fault), 0, "%s", fault.text);
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	cr_expect_str_eq(text, want);
	cr_expect_eq(daemon_pid_file(conf, &fault), -1);
	cr_expect_not_null(strstr(fault.text, "runs already"), "%s",
			   fault.text);
	daemon_end();
	cr_expect_not(g_file_test(path, G_FILE_TEST_EXISTS));
	cr_expect_eq(daemon_pid_file(conf, &fault), 0, "%s", fault.text);
	daemon_end();
	daemon_end();
	(void)g_rmdir(dir);
}

Test(daemon, run_dir)
{
	g_autofree char *dir = g_dir_make_tmp("okapi-daemon-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "run", NULL);
	g_autofree char *setting = g_strdup_printf("run_dir=%s", path);
	const char *const overrides[] = {setting, NULL};
	AUTO(conf) conf = conf_with(overrides);
	struct fault fault = {0};
	struct stat st;
	mode_t old = umask(077);

	cr_expect_eq(daemon_run_dir(conf, &fault), 0, "%s", fault.text);
	umask(old);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0755);
	cr_expect_eq(daemon_run_dir(conf, &fault), 0, "%s", fault.text);
	(void)g_rmdir(path);
	cr_assert(g_file_set_contents(path, "", 0, NULL));
	cr_expect_eq(daemon_run_dir(conf, &fault), -1);
	cr_expect_not_null(strstr(fault.text, "no directory"), "%s",
			   fault.text);
	(void)g_remove(path);
	(void)g_rmdir(dir);
}

static atomic_int stops;
static atomic_int reloads;

static void count(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void stop(void *context G_GNUC_UNUSED)
{
	count(&stops);
}

static void reload(void *context G_GNUC_UNUSED)
{
	count(&reloads);
}

static void await(const atomic_int *number, int value)
{
	for (int i = 0; i < 6000 && atomic_load(number) < value; i++)
		g_usleep(10000);
	cr_expect_eq(atomic_load(number), value);
}

Test(daemon, signals)
{
	struct fault fault = {0};

	program_ignore_signals();
	cr_assert_eq(daemon_signals_start(stop, reload, NULL, &fault), 0, "%s",
		     fault.text);
	(void)kill(getpid(), SIGHUP);
	await(&reloads, 1);
	(void)kill(getpid(), SIGTERM);
	await(&stops, 1);
	(void)kill(getpid(), SIGINT);
	await(&stops, 2);
	(void)kill(getpid(), SIGPIPE);
	(void)kill(getpid(), SIGXFSZ);
	(void)kill(getpid(), SIGHUP);
	await(&reloads, 2);
}

Test(daemon, the_service_manager_is_told)
{
	g_autofree char *dir = g_dir_make_tmp("okapi-daemon-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "notify", NULL);
	g_autofree char *abstract =
		g_strdup_printf("@okapi-proto-%d", (int)getpid());
	const char *const places[] = {path, abstract};

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		AUTOCLOSE int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		size_t len = strlen(places[i]);
		char text[64] = "";

		memcpy(address.sun_path, places[i], len);
		if (*places[i] == '@')
			address.sun_path[0] = '\0';
		cr_assert_eq(bind(fd, (struct sockaddr *)&address,
				  (socklen_t)(offsetof(struct sockaddr_un,
						       sun_path) +
					      len)),
			     0);
		cr_assert(g_setenv("NOTIFY_SOCKET", places[i], TRUE));
		daemon_ready("test");
		cr_expect_gt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
		cr_expect_str_eq(text, "READY=1\nSTATUS=test");
		daemon_stopping();
		cr_expect_gt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
		cr_expect_eq(memcmp(text, "STOPPING=1\n", 11), 0);
	}
	(void)g_remove(path);
	(void)g_rmdir(dir);
}

/* Starts a daemon that becomes ready, or ends with code; what the shell sees,
 * and what the daemon wrote to out. */
static int shell_sees(bool ready, int code, int out)
{
	pid_t child = fork();
	int status = 0;
	struct fault fault = {0};

	cr_assert_geq(child, 0);
	if (child == 0) {
		if (daemon_detach(&fault) < 0)
			_exit(99);
		if (ready)
			daemon_ready(NULL);
		if (getsid(0) == getpid() && write(out, "session", 7) == 7)
			_exit(code);
		_exit(98);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(daemon, the_background)
{
	static const struct {
		const char *name;
		bool ready;
		int code, seen;
	} cases[] = {
		{"ready", true, 3, 0},
		{"a fault of the start reaches the shell", false, 78, 78},
		{"ends at once, without a word", false, 0, 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int fds[2];
		char text[16] = "";

		cr_assert_eq(pipe(fds), 0);
		cr_expect_eq(shell_sees(cases[i].ready, cases[i].code, fds[1]),
			     cases[i].seen, "%s", cases[i].name);
		cr_assert_eq(net_wait(fds[0], false, -1, 60000), 1);
		cr_expect_eq(read(fds[0], text, sizeof(text)), 7);
		cr_expect_str_eq(text, "session", "%s", cases[i].name);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
}
