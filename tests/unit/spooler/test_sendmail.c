/*
 * The sendmail command line and the files of the drop directory.
 */
#include "spooler/dropfile.h"
#include "spooler/sendmail.h"
#include "spooler/sendmail_args.h"

#include "smtp/smtp_server.h"
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What is synced, in the place of libc's: the last two. */
static ino_t synced[2];
int fsync(int fd)
{
	struct stat st = {0};

	(void)fstat(fd, &st);
	synced[0] = synced[1];
	synced[1] = st.st_ino;
	return (int)syscall(SYS_fsync, fd);
}

/* argv of sendmail, ended by NULL. */
static int parse(const char *const *argv, struct sendmail_args *args,
		 struct fault *fault)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return sendmail_args_parse(argc, (char *const *)(uintptr_t)argv, args,
				   fault);
}

static const char *recipient(const struct sendmail_args *args, guint i)
{
	const struct envelope_recipient *to =
		args->envelope->recipients->pdata[i];

	return to->address;
}

Test(sendmail, options_of_postfix)
{
	static const char *const argv[] = {"sendmail",
					   "-FCronDaemon",
					   "-i",
					   "-odi",
					   "-oem",
					   "-oi",
					   "-t",
					   "-f",
					   "<a@b>",
					   "-Nfailure,delay",
					   "-B8BITMIME",
					   "-R",
					   "hdrs",
					   "-V",
					   "id",
					   "-GUL",
					   "tag",
					   "-X",
					   "log",
					   "x@y, Z <z@y>",
					   "-not-an-option",
					   NULL};
	struct sendmail_args args;
	struct fault fault = {0};

	cr_assert_eq(parse(argv, &args, &fault), 0, "%s", fault.text);
	cr_assert(args.dot_is_text && args.envelope->extract);
	cr_assert_str_eq(args.envelope->full_name, "CronDaemon");
	cr_assert_str_eq(args.envelope->sender, "a@b");
	cr_assert_eq(args.envelope->notify,
		     SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY);
	cr_assert(args.envelope->body_8bit);
	cr_assert_str_eq(args.envelope->ret, "HDRS");
	cr_assert_str_eq(args.envelope->envid, "id");
	cr_assert_eq(args.envelope->recipients->len, 3);
	cr_assert_str_eq(recipient(&args, 0), "x@y");
	cr_assert_str_eq(recipient(&args, 1), "z@y");
	cr_assert_str_eq(recipient(&args, 2), "-not-an-option");
	sendmail_args_clear(&args);
}

Test(sendmail, modes_by_option_and_by_name)
{
	static const struct {
		const char *name, *option;
		enum sendmail_mode mode;
	} rows[] = {
		{"sendmail", "-bp", SENDMAIL_QUEUE},
		{"sendmail", "-bs", SENDMAIL_SMTP},
		{"sendmail", "-bi", SENDMAIL_NOTHING},
		{"sendmail", "-I", SENDMAIL_NOTHING},
		{"sendmail", "-q", SENDMAIL_FLUSH},
		{"sendmail", "-q10m", SENDMAIL_FLUSH},
		{"/usr/bin/mailq", NULL, SENDMAIL_QUEUE},
		{"newaliases", NULL, SENDMAIL_NOTHING},
		{"sendmail", "--help", SENDMAIL_HELP},
		{"sendmail", "--version", SENDMAIL_VERSION},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *const argv[] = {rows[i].name, rows[i].option, NULL};
		struct sendmail_args args;
		struct fault fault = {0};

		cr_assert_eq(parse(argv, &args, &fault), 0, "row %zu: %s", i,
			     fault.text);
		cr_assert_eq(args.mode, rows[i].mode, "row %zu", i);
		sendmail_args_clear(&args);
	}
}

Test(sendmail, usage_errors)
{
	static const char *const rows[][3] = {
		{"-z", "x@y"},         {"-f"},       {"-N", "sometimes"},
		{"-N", "never,delay"}, {"-bd"},      {"-V", "a\nb"},
		{"a@b\r\nDATA"},       {"--config"}, {"-B", "9BIT"},
		{"-R", "some"},        {NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *const argv[] = {"sendmail", rows[i][0], rows[i][1],
					    NULL};
		struct sendmail_args args;
		struct fault fault = {0};

		cr_assert_eq(parse(argv, &args, &fault), -1, "row %zu", i);
		cr_assert_eq(fault.kind, FAULT_USAGE, "row %zu", i);
	}
}

Test(sendmail, exit_codes)
{
	cr_assert_eq(sendmail_exit_of("250 2.0.0 queued"), 0);
	cr_assert_eq(sendmail_exit_of("451 4.3.0 later"), 75);
	cr_assert_eq(sendmail_exit_of("501 5.1.3 <x>"), 67);
	cr_assert_eq(sendmail_exit_of("550 5.7.1 no"), 77);
	cr_assert_eq(sendmail_exit_of("552 5.3.4 big"), 65);
	cr_assert_eq(sendmail_exit_of("500"), 69);
	cr_assert_eq(sendmail_exit_of("garbage"), 75);
}

static struct envelope *sample(void)
{
	struct envelope *envelope = envelope_new();

	envelope->sender = g_strdup("");
	envelope->full_name = g_strdup("A, \"B\"\nrecipient c@d");
	envelope->extract = true;
	envelope->envid = g_strdup("id 1");
	envelope->notify = SMTP_NOTIFY_NEVER;
	envelope_add(envelope, "x@y\nmessage 0")->notify = SMTP_NOTIFY_DELAY;
	(void)envelope_add(envelope, "plain@y");
	return envelope;
}

Test(dropfile, comes_back_as_it_went)
{
	AUTO(envelope) envelope = sample();
	AUTO(envelope) back = NULL;
	g_autofree char *directory = g_dir_make_tmp("okapi-drop-XXXXXX", NULL);
	g_autofree char *name = NULL;
	g_autofree char *path = NULL;
	g_autofree char *octets = NULL;
	const struct envelope_recipient *to;
	const char *message;
	struct fault fault = {0};
	gsize len;
	size_t message_len;
	struct stat st;

	cr_assert_eq(
		dropfile_write(directory, envelope, "hi\0!", 4, &name, &fault),
		0, "%s", fault.text);
	path = g_build_filename(directory, name, NULL);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0644);
	cr_expect_eq(synced[0], st.st_ino, "the file");
	cr_assert_eq(stat(directory, &st), 0);
	cr_expect_eq(synced[1], st.st_ino, "then its name");
	cr_assert(g_file_get_contents(path, &octets, &len, NULL));
	cr_assert_eq(dropfile_parse(octets, len, &back, &message, &message_len,
				    &fault),
		     0, "%s", fault.text);
	cr_assert_eq(message_len, 4);
	cr_assert_arr_eq(message, "hi\0!", 4);
	cr_assert_str_eq(back->sender, "");
	cr_assert_str_eq(back->full_name, envelope->full_name);
	cr_assert(back->extract);
	cr_assert_str_eq(back->envid, "id 1");
	cr_assert_eq(back->notify, SMTP_NOTIFY_NEVER);
	cr_assert_eq(back->recipients->len, 2);
	to = back->recipients->pdata[0];
	cr_assert_str_eq(to->address, "x@y\nmessage 0");
	cr_assert_eq(to->notify, SMTP_NOTIFY_DELAY);
	(void)g_unlink(path);
	(void)g_rmdir(directory);
}

Test(dropfile, what_is_not_whole_is_refused)
{
	static const char *const rows[] = {
		"",
		"okapi-drop 2\nmessage 0\n",
		"okapi-drop 1\n",
		"okapi-drop 1\nrecipient x@y",
		"okapi-drop 1\nrecipient x@y\nmessage 3\nhi",
		"okapi-drop 1\nrecipient x@y\nmessage 1\nhi",
		"okapi-drop 1\nrecipient\nmessage 2\nhi",
		"okapi-drop 1\nrecipient %zz\nmessage 2\nhi",
		"okapi-drop 1\nnotify 1\nmessage 2\nhi",
		"okapi-drop 1\noptions q\nmessage 2\nhi",
		"okapi-drop 1\nshell ls\nmessage 2\nhi",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct envelope *envelope;
		const char *message;
		size_t len;
		struct fault fault = {0};

		cr_assert_eq(dropfile_parse(rows[i], strlen(rows[i]), &envelope,
					    &message, &len, &fault),
			     -1, "row %zu", i);
		cr_assert_not(fault_is_temporary(&fault), "row %zu", i);
	}
}
