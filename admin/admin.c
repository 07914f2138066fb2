/*
 * One run of okapi-admin: parse, run the command, tell what went wrong; and
 * what commands ask for: configuration, store, users, folders, a yes.
 */
#include "admin.h"

#include "conf.h"
#include "convert/helper.h"
#include "log.h"
#include "print.h"
#include "program.h"
#include "rights.h"
#include "store/folders.h"
#include "store/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define ADMIN_CONVERT_TIMEOUT_MS 60000

const char *admin_arg(const struct admin *admin, size_t i)
{
	return i < admin->args->len ? admin->args->pdata[i] : NULL;
}

const char *admin_option(const struct admin *admin, const char *option)
{
	for (size_t i = admin->options->len; i-- > 0;) {
		const struct command_option *o = admin->options->pdata[i];

		if (strcmp(o->name, option) == 0)
			return admin->values->pdata[i];
	}
	return NULL;
}

bool admin_has(const struct admin *admin, const char *option)
{
	return admin_option(admin, option) != NULL;
}

const char **admin_option_all(const struct admin *admin, const char *option)
{
	GPtrArray *all = g_ptr_array_new();

	for (size_t i = 0; i < admin->options->len; i++) {
		const struct command_option *o = admin->options->pdata[i];

		if (strcmp(o->name, option) == 0)
			g_ptr_array_add(all, admin->values->pdata[i]);
	}
	g_ptr_array_add(all, NULL);
	return (const char **)g_ptr_array_free(all, FALSE);
}

int admin_number(const char *what, const char *text, int64_t *ret_number,
		 struct fault *fault)
{
	char *end = NULL;
	int64_t number;

	errno = 0;
	number = g_ascii_strtoll(text, &end, 10);
	if (!g_ascii_isdigit(*text) || *end || errno == ERANGE)
		return fault_set(fault, FAULT_USAGE,
				 "%s must be a whole number, not \"%s\"", what,
				 text);
	*ret_number = number;
	return 0;
}

int admin_conf(struct admin *admin, struct fault *fault)
{
	if (admin->conf)
		return 0;
	return conf_load(admin->config_path,
			 (const char *const *)admin->overrides->pdata,
			 &admin->conf, NULL, fault);
}

int admin_conf_if_named(struct admin *admin, struct fault *fault)
{
	if (admin_conf(admin, fault) == 0)
		return 0;
	if (admin->config_path || admin->overrides->len > 1)
		return -1;
	return conf_load("/dev/null", NULL, &admin->conf, NULL, fault);
}

int admin_not_allowed(const char *path, int mode, struct fault *fault)
{
	if (access(path, mode) < 0 && errno == EACCES && fault)
		fault->kind = FAULT_NOT_ALLOWED;
	return -1;
}

int admin_open_for(struct admin *admin, bool write, struct fault *fault)
{
	struct store_policy policy = {0};
	const struct conf *conf;

	if (admin->store)
		return 0;
	if (admin_conf(admin, fault) < 0)
		return -1;
	conf = admin->conf;
	if (store_open(conf->store_path, write ? STORE_WRITE : STORE_READ,
		       conf->store_timeout * 1000, &admin->store, fault) < 0)
		return admin_not_allowed(conf->store_path,
					 write ? R_OK | W_OK : R_OK, fault);
	store_policy_of_conf(conf, &policy);
	store_set_policy(admin->store, &policy);
	return 0;
}

int admin_pool(struct admin *admin, struct fault *fault)
{
	if (admin->pool)
		return 0;
	return helper_pool_new(1, ADMIN_CONVERT_TIMEOUT_MS, &admin->pool,
			       fault);
}

int admin_user(struct admin *admin, size_t i, struct store_user **ret_user,
	       struct fault *fault)
{
	const char *name = admin_arg(admin, i);
	g_autofree char *hint = NULL;

	if (store_user_find(admin->store, name, ret_user, fault) == 0)
		return 0;
	if (fault->kind != FAULT_NO_USER)
		return -1;
	hint = store_user_hint(admin->store, name);
	return fault_set(fault, FAULT_NO_USER, "no such user: %s%s", name,
			 hint);
}

int admin_folder(struct admin *admin, const struct store_user *user,
		 const char *path, int64_t *ret_folder, struct fault *fault)
{
	return store_folder_find(admin->store, user->store, path, '/',
				 ret_folder, fault);
}

int admin_place(struct admin *admin, const struct store_user *user,
		const char *path, int64_t *ret_folder, struct fault *fault)
{
	if (strcmp(path, "/") == 0) {
		*ret_folder = user->store;
		return 0;
	}
	/* No folder of a user is called so. */
	if (g_ascii_strcasecmp(path, "Public") == 0)
		return store_public(admin->store, ret_folder, fault);
	return admin_folder(admin, user, path, ret_folder, fault);
}

int admin_folder_in(struct admin *admin, const struct store_user *user,
		    const char *path, int64_t *ret_store, int64_t *ret_folder,
		    struct fault *fault)
{
	if (!path) {
		*ret_store = user->store;
		*ret_folder = 0;
		return 0;
	}
	if (admin_folder(admin, user, path, ret_folder, fault) < 0)
		return -1;
	return store_of_folder(admin->store, *ret_folder, ret_store, fault);
}

int admin_confirm(struct admin *admin, struct fault *fault, const char *format,
		  ...)
{
	g_autofree char *question = NULL;
	char answer[16] = "";
	va_list args;

	if (admin->yes)
		return 0;
	va_start(args, format);
	question = g_strdup_vprintf(format, args);
	va_end(args);
	if (!isatty(STDIN_FILENO))
		return fault_set(fault, FAULT_USAGE,
				 "%s  Nobody to ask: say --yes", question);
	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin) ||
	    (answer[0] != 'y' && answer[0] != 'Y'))
		return fault_set(fault, FAULT_NOT_ALLOWED, "nothing was done");
	return 0;
}

static int admin_read_all(int fd, const char *name, size_t limit,
			  GBytes **ret_bytes, struct fault *fault)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	uint8_t chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, fault_of_path(errno),
					       errno, "cannot read %s", name);
		if (all->len + (size_t)n > limit)
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "%s is larger than %zu octets", name,
					 limit);
		g_byte_array_append(all, chunk, (guint)n);
	}
	*ret_bytes = g_byte_array_free_to_bytes(g_steal_pointer(&all));
	return 0;
}

int admin_read_file(const char *path, size_t limit, GBytes **ret_bytes,
		    struct fault *fault)
{
	AUTOCLOSE int fd = -1;

	if (strcmp(path, "-") == 0)
		return admin_read_all(STDIN_FILENO, "standard input", limit,
				      ret_bytes, fault);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot open %s", path);
	return admin_read_all(fd, path, limit, ret_bytes, fault);
}

void admin_tell(const struct admin *admin, const char *name, int64_t number,
		const char *format, ...)
{
	va_list args;

	if (admin->json) {
		print_json(json_pack("{s:I}", name, (json_int_t)number));
		return;
	}
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int admin_flush(struct fault *fault)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	/* Whoever read has seen enough. */
	if (errno == EPIPE)
		_exit(EX_OK);
	return fault_set_errno(fault, FAULT_IO, errno,
			       "cannot write to standard output");
}

void admin_clear(struct admin *admin)
{
	g_clear_pointer(&admin->pool, helper_pool_free);
	g_clear_pointer(&admin->as, store_user_free);
	g_clear_pointer(&admin->store, store_close);
	g_clear_pointer(&admin->conf, conf_free);
	g_clear_pointer(&admin->overrides, g_ptr_array_unref);
	g_clear_pointer(&admin->args, g_ptr_array_unref);
	g_clear_pointer(&admin->options, g_ptr_array_unref);
	g_clear_pointer(&admin->values, g_ptr_array_unref);
}

/* Whoever has no store open says nothing of anybody's folders. */
static int admin_as(struct admin *admin, struct fault *fault)
{
	if (!admin->store)
		return fault_set(fault, FAULT_USAGE,
				 "--as goes with commands on users' folders");
	if (store_user_find(admin->store, admin->as_name, &admin->as, fault) <
	    0)
		return -1;
	return rights_check(admin, fault);
}

/* As the flags of the command say. */
static int admin_open(struct admin *admin, struct fault *fault)
{
	return admin_open_for(admin, admin->command->flags & COMMAND_WRITE,
			      fault);
}

static int admin_command(struct admin *admin, struct fault *fault)
{
	unsigned flags = admin->command->flags;

	if (!(flags & COMMAND_NO_CONF) && admin_conf(admin, fault) < 0)
		return -1;
	if (flags & (COMMAND_READ | COMMAND_WRITE) &&
	    admin_open(admin, fault) < 0)
		return -1;
	if (admin->as_name && admin_as(admin, fault) < 0)
		return -1;
	if (admin->command->run(admin, fault) < 0)
		return -1;
	if (admin->json && !(flags & COMMAND_JSON))
		print_json(json_pack("{s:b}", "ok", 1));
	return 0;
}

/* A name or an address that cannot be one is refused input here; for an MTA
 * it is a command it got wrong, or a user that is none. */
static int admin_exit(const struct fault *fault)
{
	if (fault->kind == FAULT_BAD_ARGUMENT ||
	    fault->kind == FAULT_BAD_ADDRESS)
		return EX_DATAERR;
	return fault_exit(fault);
}

static void admin_help(const struct admin *admin)
{
	if (admin->json)
		usage_json();
	else if (admin->noun)
		usage_noun(admin->noun, admin->command);
	else
		usage_program();
}

int admin_run(int argc, char **argv, const char *password)
{
	struct admin admin = {.program = "okapi-admin", .password = password};
	struct fault fault = {0};
	bool help = false;
	bool version = false;
	int code = EX_OK;
	int rc = command_parse(&admin, argc, argv, &help, &version, &fault);

	if (rc == 0 && version)
		puts("okapi-admin " OKAPI_VERSION);
	else if (rc == 0 && help)
		admin_help(&admin);
	else if (rc == 0)
		rc = admin_command(&admin, &fault);
	if (rc == 0)
		rc = admin_flush(&fault);
	if (rc < 0) {
		(void)fflush(stdout);
		if (!admin.told)
			fprintf(stderr, "okapi-admin: %s\n", fault.text);
		code = admin_exit(&fault);
	}
	admin_clear(&admin);
	return code;
}

int admin_main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0] ? argv[0] : "", '/');
	const char *name = slash ? slash + 1 : argv[0];

	program_fill_standard();
	program_ignore_signals();
	log_set_level(LOG_LEVEL_WARNING);
	if (name && strcmp(name, "zarafa-admin") == 0)
		return zarafa_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "zarafa-admin") == 0)
		return zarafa_main(argc - 1, argv + 1);
	return admin_run(argc, argv, NULL);
}
