/*
 * zarafa-admin: the flags of that program, turned into one command of
 * okapi-admin.
 */
#include "admin.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

/* What the flags said. */
struct zarafa {
	char action;         /* c u d l L g G b B, s (--list-sendas), 0 */
	const char *subject; /* user or group of the action */
	const char *group;   /* -i */
	const char *config;
	GPtrArray *overrides;
	const char *email, *fullname, *password;
	const char *admin, *inactive; /* yes/no */
	const char *quota_default, *warn, *soft, *hard;
	const char *add_sendas, *del_sendas;
	bool ask_password;
};

enum {
	ZARAFA_CONFIG = 256,
	ZARAFA_QD,
	ZARAFA_QW,
	ZARAFA_QS,
	ZARAFA_QH,
	ZARAFA_ADD_SENDAS,
	ZARAFA_DEL_SENDAS,
	ZARAFA_LIST_SENDAS,
	ZARAFA_HELP
};

static const struct option zarafa_long[] = {
	{"config", required_argument, NULL, ZARAFA_CONFIG},
	{"qd", required_argument, NULL, ZARAFA_QD},
	{"qw", required_argument, NULL, ZARAFA_QW},
	{"qs", required_argument, NULL, ZARAFA_QS},
	{"qh", required_argument, NULL, ZARAFA_QH},
	{"add-sendas", required_argument, NULL, ZARAFA_ADD_SENDAS},
	{"del-sendas", required_argument, NULL, ZARAFA_DEL_SENDAS},
	{"list-sendas", required_argument, NULL, ZARAFA_LIST_SENDAS},
	{"help", no_argument, NULL, ZARAFA_HELP},
	{"version", no_argument, NULL, 'V'},
	{0}};

static void zarafa_help(void)
{
	puts("Usage: zarafa-admin [--config FILE] [-o KEY=VALUE] ACTION\n\n"
	     "  -c NAME -e MAIL [-f FULLNAME] [-p PASSWORD | -P] [-a yes|no] "
	     "[-n yes|no]\n"
	     "          [--qd 0|1] [--qw MB] [--qs MB] [--qh MB]   create a "
	     "user\n"
	     "  -u NAME (the same)           change a user\n"
	     "  -u NAME --add-sendas WHO     WHO may send as NAME\n"
	     "  -u NAME --del-sendas WHO     not any more\n"
	     "  --list-sendas NAME           who may: the user, shown\n"
	     "  -d NAME                      delete a user\n"
	     "  -l                           list users\n"
	     "  -L                           list groups\n"
	     "  -g GROUP                     create a group\n"
	     "  -G GROUP                     delete a group\n"
	     "  -b USER -i GROUP             add a user to a group\n"
	     "  -B USER -i GROUP             remove a user from a group\n\n"
	     "-n yes: a store without log-in (inactive).  --qd 1: the limits "
	     "of the server hold.\nThe configuration is --config or "
	     "$OKAPI_CONFIG; okapi-admin does more.");
}

static int zarafa_usage(const char *text)
{
	fprintf(stderr, "zarafa-admin: %s (--help tells)\n", text);
	return EX_USAGE;
}

/* Takes one flag; false if it is unknown. */
static bool zarafa_flag(struct zarafa *z, int flag, bool *twice)
{
	const struct {
		int flag;
		const char **where;
	} values[] = {{'e', &z->email},
		      {'f', &z->fullname},
		      {'p', &z->password},
		      {'a', &z->admin},
		      {'n', &z->inactive},
		      {'i', &z->group},
		      {ZARAFA_CONFIG, &z->config},
		      {ZARAFA_QD, &z->quota_default},
		      {ZARAFA_QW, &z->warn},
		      {ZARAFA_QS, &z->soft},
		      {ZARAFA_QH, &z->hard},
		      {ZARAFA_ADD_SENDAS, &z->add_sendas},
		      {ZARAFA_DEL_SENDAS, &z->del_sendas}};

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		if (values[i].flag != flag)
			continue;
		*values[i].where = optarg;
		return true;
	}
	if (flag == 'o') {
		g_ptr_array_add(z->overrides, optarg);
		return true;
	}
	if (flag == 'P') {
		z->ask_password = true;
		return true;
	}
	if (flag == ZARAFA_LIST_SENDAS)
		flag = 's';
	if (flag >= 256 || !strchr("cudlLgGbBs", flag))
		return false;
	*twice = *twice || z->action;
	z->action = (char)flag;
	z->subject = optarg;
	return true;
}

/* Asks without echo, or takes the first line of stdin. */
static char *zarafa_ask(void)
{
	char line[1024] = "";
	struct termios shown;
	bool tty = tcgetattr(STDIN_FILENO, &shown) == 0;
	bool read;

	if (tty) {
		struct termios hidden = shown;

		hidden.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	read = fgets(line, sizeof(line), stdin) != NULL;
	if (tty) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fputc('\n', stderr);
	}
	line[strcspn(line, "\r\n")] = '\0';
	return read && *line ? g_strdup(line) : NULL;
}

static void zarafa_add(GPtrArray *argv, const char *word)
{
	g_ptr_array_add(argv, g_strdup(word));
}

static void zarafa_add_option(GPtrArray *argv, const char *option,
			      const char *value)
{
	if (value)
		g_ptr_array_add(argv,
				g_strdup_printf("--%s=%s", option, value));
}

/* yes/no (1/0, y/n) into one of two switches; false if it is neither. */
static bool zarafa_add_switch(GPtrArray *argv, const char *value,
			      const char *yes, const char *no)
{
	static const char *const words[] = {"yes", "y", "1", "no", "n", "0"};

	for (size_t i = 0; value && i < G_N_ELEMENTS(words); i++) {
		if (g_ascii_strcasecmp(value, words[i]) != 0)
			continue;
		zarafa_add(argv, i < 3 ? yes : no);
		return true;
	}
	return !value;
}

static const char *zarafa_user_options(const struct zarafa *z, GPtrArray *argv)
{
	bool server = z->quota_default && strcmp(z->quota_default, "1") == 0;

	if (z->quota_default && !server && strcmp(z->quota_default, "0") != 0)
		return "--qd takes 0 or 1";
	if (server && (z->warn || z->soft || z->hard))
		return "--qd 1 (the server's limits) excludes --qw, --qs, --qh";
	zarafa_add_option(argv, "email", z->email);
	zarafa_add_option(argv, "fullname", z->fullname);
	zarafa_add_option(argv, "send-as", z->add_sendas);
	zarafa_add_option(argv, "no-send-as", z->del_sendas);
	zarafa_add_option(argv, "quota-warn", server ? "default" : z->warn);
	zarafa_add_option(argv, "quota-soft", server ? "default" : z->soft);
	zarafa_add_option(argv, "quota-hard", server ? "default" : z->hard);
	if (!zarafa_add_switch(argv, z->admin, "--admin", "--no-admin"))
		return "-a takes yes or no";
	if (!zarafa_add_switch(argv, z->inactive, "--inactive", "--active"))
		return "-n takes yes or no";
	/* --qd 0 alone: own limits, none yet. */
	if (z->quota_default && !server && !z->warn && !z->soft && !z->hard) {
		zarafa_add_option(argv, "quota-warn", "0");
		zarafa_add_option(argv, "quota-soft", "0");
		zarafa_add_option(argv, "quota-hard", "0");
	}
	return NULL;
}

static bool zarafa_has_user_options(const struct zarafa *z)
{
	return z->email || z->fullname || z->password || z->ask_password ||
	       z->admin || z->inactive || z->quota_default || z->warn ||
	       z->soft || z->hard || z->add_sendas || z->del_sendas;
}

/* The words of the command; NULL, or what is wrong. */
static const char *zarafa_translate(const struct zarafa *z, GPtrArray *argv)
{
	static const struct {
		char action;
		const char *noun;
		const char *verb;
	} verbs[] = {{'c', "user", "create"},  {'u', "user", "set"},
		     {'d', "user", "delete"},  {'l', "user", "list"},
		     {'L', "group", "list"},   {'g', "group", "create"},
		     {'G', "group", "delete"}, {'b', "group", "add"},
		     {'B', "group", "remove"}, {'s', "user", "show"}};
	bool member = z->action == 'b' || z->action == 'B';
	bool user = z->action == 'c' || z->action == 'u';
	const char *wrong = NULL;

	if (!z->action)
		return "no action";
	if (member != (z->group != NULL))
		return member ? "-i GROUP is missing"
			      : "-i goes with -b and -B only";
	if (!user && zarafa_has_user_options(z))
		return "options of a user go with -c and -u only";
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (verbs[i].action == z->action) {
			zarafa_add(argv, verbs[i].noun);
			zarafa_add(argv, verbs[i].verb);
		}
	}
	/* That program does not ask. */
	if (z->action == 'd' || z->action == 'G')
		zarafa_add(argv, "--yes");
	if (user)
		wrong = zarafa_user_options(z, argv);
	zarafa_add(argv, "--");
	if (member)
		zarafa_add(argv, z->group);
	if (z->subject)
		zarafa_add(argv, z->subject);
	return wrong;
}

static int zarafa_run(struct zarafa *z)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *asked = NULL;
	const char *wrong;

	zarafa_add(argv, "okapi-admin");
	zarafa_add_option(argv, "config", z->config);
	for (guint i = 0; i < z->overrides->len; i++) {
		zarafa_add(argv, "-o");
		zarafa_add(argv, z->overrides->pdata[i]);
	}
	wrong = zarafa_translate(z, argv);
	if (wrong)
		return zarafa_usage(wrong);
	if (z->ask_password && z->password)
		return zarafa_usage("-p and -P exclude each other");
	if (z->ask_password) {
		asked = zarafa_ask();
		if (!asked)
			return zarafa_usage("no password given");
	}
	g_ptr_array_add(argv, NULL);
	return admin_run((int)argv->len - 1, (char **)argv->pdata,
			 asked ? asked : z->password);
}

int zarafa_main(int argc, char **argv)
{
	g_autoptr(GPtrArray) overrides = g_ptr_array_new();
	struct zarafa z = {.overrides = overrides};
	bool twice = false;
	int flag;

	opterr = 0;
	while ((flag = getopt_long(argc, argv,
				   "c:u:d:lLg:G:b:B:i:p:Pe:f:a:n:o:V",
				   zarafa_long, NULL)) != -1) {
		if (flag == ZARAFA_HELP) {
			zarafa_help();
			return EX_OK;
		}
		if (flag == 'V') {
			puts("zarafa-admin (okapi) " OKAPI_VERSION);
			return EX_OK;
		}
		if (flag == '?' || !zarafa_flag(&z, flag, &twice))
			return zarafa_usage("unknown flag or missing value");
	}
	if (twice)
		return zarafa_usage("one action at a time");
	if (optind < argc)
		return zarafa_usage("too many arguments");
	return zarafa_run(&z);
}
