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
	int action;          /* c u d l L g G b B, or one of enum; 0 */
	const char *subject; /* user or group of the action */
	const char *group;   /* -i */
	const char *config;
	GPtrArray *overrides;
	const char *email, *fullname, *password;
	const char *admin, *inactive; /* yes/no */
	const char *quota_default, *warn, *soft, *hard;
	const char *quota_own; /* --qo: the opposite of --qd */
	const char *add_sendas, *del_sendas;
	const char *new_name; /* -U */
	const char *type;     /* of --details, --list-sendas */
	const char *hook;     /* --hook-store */
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
	ZARAFA_HELP,
	ZARAFA_QO,
	ZARAFA_TYPE,
	ZARAFA_DETAILS,
	ZARAFA_ORPHANS,
	ZARAFA_HOOK,
	ZARAFA_UNHOOK,
	ZARAFA_REMOVE,
	ZARAFA_PURGE,
	ZARAFA_COUNTERS,
	ZARAFA_USER_COUNT
};

#define ZARAFA_COMPANY "one store is one company"
#define ZARAFA_MEETING "meeting requests are mail: nothing answers them"
#define ZARAFA_CACHE   "there is no cache and nothing deferred"
#define ZARAFA_SOURCE  "users live in the store: nothing to bring up to date"
#define ZARAFA_WARNED  "quota warnings go to the user and the administrators"

/* Flags of that program that stand for what Okapi does not have. */
static const struct {
	const char *flag;
	const char *why;
} zarafa_refused[] = {
	{"create-store", "every user has a store; --unhook-store gives a new "
			 "one"},
	{"copyto-public",
	 "'okapi-admin mail export --archive' and 'mail import' "
	 "copy a store"},
	{"update-group", "groups have no address"},
	{"enable-feature", "users have no features to switch"},
	{"disable-feature", "users have no features to switch"},
	{"list-companies", ZARAFA_COMPANY},
	{"create-company", ZARAFA_COMPANY},
	{"update-company", ZARAFA_COMPANY},
	{"delete-company", ZARAFA_COMPANY},
	{"set-system-admin", ZARAFA_COMPANY},
	{"add-to-viewlist", ZARAFA_COMPANY},
	{"del-from-viewlist", ZARAFA_COMPANY},
	{"list-view", ZARAFA_COMPANY},
	{"add-to-adminlist", ZARAFA_COMPANY},
	{"del-from-adminlist", ZARAFA_COMPANY},
	{"list-admin", ZARAFA_COMPANY},
	{"udqo", ZARAFA_COMPANY},
	{"udqw", ZARAFA_COMPANY},
	{"udqs", ZARAFA_COMPANY},
	{"udqh", ZARAFA_COMPANY},
	{"add-userquota-recipient", ZARAFA_WARNED},
	{"del-userquota-recipient", ZARAFA_WARNED},
	{"list-userquota-recipients", ZARAFA_WARNED},
	{"add-companyquota-recipient", ZARAFA_COMPANY},
	{"del-companyquota-recipient", ZARAFA_COMPANY},
	{"list-companyquota-recipients", ZARAFA_COMPANY},
	{"mr-accept", ZARAFA_MEETING},
	{"mr-decline-conflict", ZARAFA_MEETING},
	{"mr-decline-recurring", ZARAFA_MEETING},
	{"mr-process", ZARAFA_MEETING},
	{"clear-cache", ZARAFA_CACHE},
	{"purge-deferred", ZARAFA_CACHE},
	{"sync", ZARAFA_SOURCE},
	{"force-resync", "clients ask by change number themselves"},
	{"host", "there is no server: --config names the store"},
	{"node", "there is one node"},
	{"lang", "'okapi-admin folder localize' gives folders their names"},
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
	{"qo", required_argument, NULL, ZARAFA_QO},
	{"type", required_argument, NULL, ZARAFA_TYPE},
	{"details", required_argument, NULL, ZARAFA_DETAILS},
	{"list-orphans", no_argument, NULL, ZARAFA_ORPHANS},
	{"hook-store", required_argument, NULL, ZARAFA_HOOK},
	{"unhook-store", required_argument, NULL, ZARAFA_UNHOOK},
	{"remove-store", required_argument, NULL, ZARAFA_REMOVE},
	{"purge-softdelete", required_argument, NULL, ZARAFA_PURGE},
	{"reset-folder-count", required_argument, NULL, ZARAFA_COUNTERS},
	{"user-count", no_argument, NULL, ZARAFA_USER_COUNT},
	{"list-users", no_argument, NULL, 'l'},
	{"list-groups", no_argument, NULL, 'L'},
	{"password", required_argument, NULL, 'p'},
	{"password-prompt", no_argument, NULL, 'P'},
	{"fullname", required_argument, NULL, 'f'},
	{"email", required_argument, NULL, 'e'},
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
	     "  --details NAME               the user, shown\n"
	     "  -u NAME -U NEW               another login name\n"
	     "  -d NAME                      delete a user, keep the store\n"
	     "  -l                           list users\n"
	     "  -L                           list groups\n"
	     "  -g GROUP                     create a group\n"
	     "  -G GROUP                     delete a group\n"
	     "  -b USER -i GROUP             add a user to a group\n"
	     "  -B USER -i GROUP             remove a user from a group\n"
	     "  --list-orphans               stores without owner\n"
	     "  --hook-store ID -u USER      gives one to a user, whose own is "
	     "kept\n"
	     "  --unhook-store USER          keeps the store; the user has a new "
	     "one\n"
	     "  --remove-store ID            deletes a store without owner\n"
	     "  --purge-softdelete DAYS      removes what was deleted then\n"
	     "  --reset-folder-count USER    mends the store, counters included\n"
	     "  --user-count                 figures of the store\n\n"
	     "-n yes: a store without log-in (inactive).  --qd 1: the limits "
	     "of the server hold, as\n--qo no.  The configuration is --config or "
	     "$OKAPI_CONFIG; okapi-admin does more.");
}

static int zarafa_usage(const char *text)
{
	fprintf(stderr, "zarafa-admin: %s (--help tells)\n", text);
	return EX_USAGE;
}

/* Takes one flag. */
static void zarafa_flag(struct zarafa *z, int flag, bool *twice)
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
		      {'U', &z->new_name},
		      {ZARAFA_TYPE, &z->type},
		      {ZARAFA_HOOK, &z->hook},
		      {ZARAFA_QD, &z->quota_default},
		      {ZARAFA_QO, &z->quota_own},
		      {ZARAFA_QW, &z->warn},
		      {ZARAFA_QS, &z->soft},
		      {ZARAFA_QH, &z->hard},
		      {ZARAFA_ADD_SENDAS, &z->add_sendas},
		      {ZARAFA_DEL_SENDAS, &z->del_sendas}};

	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		if (values[i].flag != flag)
			continue;
		*values[i].where = optarg;
		return;
	}
	if (flag == 'o') {
		g_ptr_array_add(z->overrides, optarg);
		return;
	}
	if (flag == 'P') {
		z->ask_password = true;
		return;
	}
	*twice = *twice || z->action;
	z->action = flag;
	z->subject = optarg;
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

/* Does the server's quota hold?  "1" or "0", NULL if nothing was said. */
static const char *zarafa_quota_default(const struct zarafa *z,
					const char **ret_default)
{
	g_autoptr(GPtrArray) word = g_ptr_array_new_with_free_func(g_free);

	*ret_default = z->quota_default;
	if (z->quota_default && strcmp(z->quota_default, "0") != 0 &&
	    strcmp(z->quota_default, "1") != 0)
		return "--qd takes 0 or 1";
	if (z->quota_default && z->quota_own)
		return "--qd and --qo exclude each other";
	if (!zarafa_add_switch(word, z->quota_own, "0", "1"))
		return "--qo takes yes or no";
	if (word->len)
		*ret_default = strcmp(word->pdata[0], "0") == 0 ? "0" : "1";
	return NULL;
}

static const char *zarafa_user_options(const struct zarafa *z, GPtrArray *argv)
{
	const char *is_default = NULL;
	const char *wrong = zarafa_quota_default(z, &is_default);
	bool server = is_default && strcmp(is_default, "1") == 0;

	if (wrong)
		return wrong;
	if (server && (z->warn || z->soft || z->hard))
		return "the server's limits (--qd 1, --qo no) exclude --qw, "
		       "--qs, --qh";
	zarafa_add_option(argv, "email", z->email);
	zarafa_add_option(argv, "fullname", z->fullname);
	zarafa_add_option(argv, "send-as", z->add_sendas);
	zarafa_add_option(argv, "no-send-as", z->del_sendas);
	zarafa_add_option(argv, "store", z->hook);
	zarafa_add_option(argv, "quota-warn", server ? "default" : z->warn);
	zarafa_add_option(argv, "quota-soft", server ? "default" : z->soft);
	zarafa_add_option(argv, "quota-hard", server ? "default" : z->hard);
	if (!zarafa_add_switch(argv, z->admin, "--admin", "--no-admin"))
		return "-a takes yes or no";
	if (!zarafa_add_switch(argv, z->inactive, "--inactive", "--active"))
		return "-n takes yes or no";
	/* Own limits, none yet. */
	if (is_default && !server && !z->warn && !z->soft && !z->hard) {
		zarafa_add_option(argv, "quota-warn", "0");
		zarafa_add_option(argv, "quota-soft", "0");
		zarafa_add_option(argv, "quota-hard", "0");
	}
	return NULL;
}

static bool zarafa_has_user_options(const struct zarafa *z)
{
	return z->email || z->fullname || z->password || z->ask_password ||
	       z->admin || z->inactive || z->quota_default || z->quota_own ||
	       z->warn || z->soft || z->hard || z->add_sendas ||
	       z->del_sendas || z->hook;
}

/* What goes with which action; NULL, or what is wrong. */
static const char *zarafa_check(const struct zarafa *z)
{
	bool member = z->action == 'b' || z->action == 'B';
	bool user = z->action == 'c' || z->action == 'u';
	bool shown =
		z->action == ZARAFA_DETAILS || z->action == ZARAFA_LIST_SENDAS;

	if (!z->action)
		return "no action";
	if (member != (z->group != NULL))
		return member ? "-i GROUP is missing"
			      : "-i goes with -b and -B only";
	if (!user && zarafa_has_user_options(z))
		return "options of a user go with -c and -u only";
	if (z->new_name && (z->action != 'u' || zarafa_has_user_options(z)))
		return "-U goes with -u, and with nothing else";
	if (z->action == ZARAFA_PURGE &&
	    (!*z->subject ||
	     strspn(z->subject, "0123456789") != strlen(z->subject)))
		return "--purge-softdelete takes a number of days";
	if (z->type && (!shown || strcmp(z->type, "user") != 0))
		return "--type is user, with --details or --list-sendas";
	return NULL;
}

/* The words of the command; NULL, or what is wrong. */
static const char *zarafa_translate(const struct zarafa *z, GPtrArray *argv)
{
	static const struct {
		int action;
		const char *noun;
		const char *verb;
		const char *option; /* NULL: none */
	} verbs[] = {{'c', "user", "create", NULL},
		     {'u', "user", "set", NULL},
		     /* That program does not ask, and keeps the store. */
		     {'d', "user", "delete", "--keep-store"},
		     {'l', "user", "list", NULL},
		     {'L', "group", "list", NULL},
		     {'g', "group", "create", NULL},
		     {'G', "group", "delete", "--yes"},
		     {'b', "group", "add", NULL},
		     {'B', "group", "remove", NULL},
		     {ZARAFA_LIST_SENDAS, "user", "show", NULL},
		     {ZARAFA_DETAILS, "user", "show", NULL},
		     {ZARAFA_ORPHANS, "store", "orphans", NULL},
		     {ZARAFA_UNHOOK, "user", "set", "--store=new"},
		     {ZARAFA_REMOVE, "store", "remove", "--yes"},
		     {ZARAFA_PURGE, "store", "purge", NULL},
		     {ZARAFA_COUNTERS, "store", "check", "--repair"},
		     {ZARAFA_USER_COUNT, "store", "stats", NULL}};
	const char *wrong = zarafa_check(z);
	const char *subject = z->subject;

	if (wrong)
		return wrong;
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (verbs[i].action != z->action)
			continue;
		zarafa_add(argv, verbs[i].noun);
		zarafa_add(argv, z->new_name ? "rename" : verbs[i].verb);
		if (verbs[i].option)
			zarafa_add(argv, verbs[i].option);
		if (z->action == 'd')
			zarafa_add(argv, "--yes");
	}
	if (z->action == ZARAFA_PURGE && strcmp(subject, "0") == 0) {
		zarafa_add(argv, "--all");
		zarafa_add(argv, "--yes");
	} else if (z->action == ZARAFA_PURGE) {
		zarafa_add(argv, "-o");
		g_ptr_array_add(argv, g_strdup_printf("softdelete_lifetime=%sd",
						      subject));
	}
	/* These are of the whole store. */
	if (z->action == ZARAFA_PURGE || z->action == ZARAFA_COUNTERS)
		subject = NULL;
	if ((z->action == 'c' || z->action == 'u') && !z->new_name)
		wrong = zarafa_user_options(z, argv);
	zarafa_add(argv, "--");
	if (z->group)
		zarafa_add(argv, z->group);
	if (subject)
		zarafa_add(argv, subject);
	if (z->new_name)
		zarafa_add(argv, z->new_name);
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

/* "--sync", or with a value behind it. */
static bool zarafa_is_refused(const char *word, size_t *ret_index)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < G_N_ELEMENTS(zarafa_refused); i++) {
		const char *flag = zarafa_refused[i].flag;

		if (len != strlen(flag) + 2 || strncmp(word, "--", 2) != 0 ||
		    strncmp(word + 2, flag, len - 2) != 0)
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

/* What getopt does not know: a flag that program has, or none at all. */
static int zarafa_unknown(const char *word)
{
	g_autofree char *text = NULL;
	size_t i = 0;

	if (zarafa_is_refused(word, &i))
		text = g_strdup_printf("--%s: %s", zarafa_refused[i].flag,
				       zarafa_refused[i].why);
	else
		text = g_strdup_printf(
			"%.60s: there is no such flag, or it wants a value",
			word);
	return zarafa_usage(text);
}

int zarafa_main(int argc, char **argv)
{
	g_autoptr(GPtrArray) overrides = g_ptr_array_new();
	struct zarafa z = {.overrides = overrides};
	bool twice = false;
	int at = 1;
	int flag;

	opterr = 0;
	while ((flag = getopt_long(argc, argv,
				   "c:u:d:lLg:G:b:B:i:p:Pe:f:a:n:o:U:sV",
				   zarafa_long, NULL)) != -1) {
		if (flag == ZARAFA_HELP) {
			zarafa_help();
			return EX_OK;
		}
		if (flag == 'V') {
			puts("zarafa-admin (okapi) " OKAPI_VERSION);
			return EX_OK;
		}
		if (flag == 's')
			return zarafa_usage(
				"-s: the public store is there from "
				"the start");
		if (flag == '?')
			return zarafa_unknown(argv[at]);
		zarafa_flag(&z, flag, &twice);
		at = optind;
	}
	if (twice)
		return zarafa_usage("one action at a time");
	if (optind < argc)
		return zarafa_usage("too many arguments");
	return zarafa_run(&z);
}
