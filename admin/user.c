/*
 * okapi-admin user: who has a store, under which addresses, with which
 * limits.
 */
#include "user.h"

#include "admin.h"
#include "conf.h"
#include "print.h"
#include "store/senders.h"

#include <stdio.h>
#include <string.h>

#define USER_PASSWORD_MAX 1024
#define USER_QUOTA_MAX_MB INT64_C(1000000000)

/* Everything a change points to while the unit runs. */
struct user_request {
	const char *name;
	const struct admin *options; /* for the grants */
	struct store_user_change change;
	const char **aliases;
	const char **add_aliases;
	const char **drop_aliases;
	char *password;
	bool admin;
	bool active;
};

static void user_request_free(struct user_request *request)
{
	g_free((gpointer)request->aliases);
	g_free((gpointer)request->add_aliases);
	g_free((gpointer)request->drop_aliases);
	if (request->password)
		explicit_bzero(request->password, strlen(request->password));
	g_free(request->password);
	g_free(request);
}
AUTO_DEFINE(user_request, user_request_free);

/* "MB", or "default": the server-wide value. */
static int user_quota(const struct admin *admin, const char *option,
		      int64_t *ret_quota, struct fault *fault)
{
	const char *text = admin_option(admin, option);
	g_autofree char *what = g_strconcat("--", option, NULL);
	int64_t mb = 0;

	*ret_quota = QUOTA_KEEP;
	if (!text)
		return 0;
	if (strcmp(text, "default") == 0) {
		*ret_quota = QUOTA_SERVER;
		return 0;
	}
	if (admin_number(what, text, &mb, fault) < 0)
		return -1;
	if (mb > USER_QUOTA_MAX_MB)
		return fault_set(fault, FAULT_USAGE, "%s is too large", what);
	*ret_quota = mb * BYTES_PER_MB;
	return 0;
}

/* The first line of a file, or what zarafa-admin was given. */
static int user_password(const struct admin *admin, char **ret_password,
			 struct fault *fault)
{
	const char *path = admin_option(admin, "password-file");
	g_autoptr(GBytes) bytes = NULL;
	const char *data;
	const char *end;
	gsize size = 0;

	if (admin->password) {
		*ret_password = g_strdup(admin->password);
		return 0;
	}
	if (!path)
		return 0;
	if (admin_read_file(path, USER_PASSWORD_MAX, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	end = size ? memchr(data, '\n', size) : NULL;
	if (end)
		size = (gsize)(end - data);
	if (size && data[size - 1] == '\r')
		size--;
	if (size == 0 || memchr(data, '\0', size) ||
	    !g_utf8_validate(data, (gssize)size, NULL))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s: the first line is no password: UTF-8, "
				 "and not empty",
				 path);
	*ret_password = g_strndup(data, size);
	return 0;
}

/* The value of two options that exclude each other. */
static int user_switch(const struct admin *admin, const char *on,
		       const char *off, bool *value, const bool **ret_set,
		       struct fault *fault)
{
	if (admin_has(admin, on) && admin_has(admin, off))
		return fault_set(fault, FAULT_USAGE,
				 "--%s and --%s exclude each other", on, off);
	if (!admin_has(admin, on) && !admin_has(admin, off))
		return 0;
	*value = admin_has(admin, on);
	*ret_set = value;
	return 0;
}

/* "ID", or "new". */
static int user_store(const char *text, int64_t *ret_store, struct fault *fault)
{
	if (!text)
		return 0;
	if (strcmp(text, "new") == 0) {
		*ret_store = USER_STORE_NEW;
		return 0;
	}
	if (admin_number("--store", text, ret_store, fault) < 0)
		return -1;
	if (*ret_store == 0)
		return fault_set(fault, FAULT_USAGE, "--store 0 is no store");
	return 0;
}

static int user_request_new(const struct admin *admin,
			    struct user_request **ret_request,
			    struct fault *fault)
{
	AUTO(user_request) r = g_new0(struct user_request, 1);
	struct store_user_change *change = &r->change;

	r->name = admin_arg(admin, 0);
	r->options = admin;
	change->email = admin_option(admin, "email");
	change->fullname = admin_option(admin, "fullname");
	if (admin_has(admin, "alias")) {
		r->aliases = admin_option_all(admin, "alias");
		/* --alias "" takes all of them away. */
		if (!*r->aliases[0] && !r->aliases[1])
			r->aliases[0] = NULL;
		change->aliases = r->aliases;
	}
	r->add_aliases = admin_option_all(admin, "add-alias");
	r->drop_aliases = admin_option_all(admin, "no-alias");
	change->add_aliases = r->add_aliases;
	change->drop_aliases = r->drop_aliases;
	if (user_quota(admin, "quota-warn", &change->quota_warn, fault) < 0 ||
	    user_quota(admin, "quota-soft", &change->quota_soft, fault) < 0 ||
	    user_quota(admin, "quota-hard", &change->quota_hard, fault) < 0 ||
	    user_password(admin, &r->password, fault) < 0 ||
	    user_switch(admin, "admin", "no-admin", &r->admin, &change->admin,
			fault) < 0 ||
	    user_switch(admin, "active", "inactive", &r->active,
			&change->active, fault) < 0)
		return -1;
	if (user_store(admin_option(admin, "store"), &change->store, fault) < 0)
		return -1;
	change->password = r->password;
	*ret_request = g_steal_pointer(&r);
	return 0;
}

/* Who may send in the user's name: what is taken away, then what is given. */
static int user_grants(struct store *store, const struct user_request *r,
		       struct fault *fault)
{
	static const struct {
		const char *option;
		enum sender_grant grant;
		int (*change)(struct store *store, const char *user,
			      const char *who, enum sender_grant grant,
			      struct fault *fault);
	} rows[] = {
		{"no-send-as", SENDER_GRANT_AS, store_sender_revoke},
		{"no-send-on-behalf", SENDER_GRANT_ON_BEHALF,
		 store_sender_revoke},
		{"send-as", SENDER_GRANT_AS, store_sender_grant},
		{"send-on-behalf", SENDER_GRANT_ON_BEHALF, store_sender_grant},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree const char **who =
			admin_option_all(r->options, rows[i].option);

		for (size_t n = 0; who && who[n]; n++)
			if (rows[i].change(store, r->name, who[n],
					   rows[i].grant, fault) < 0)
				return -1;
	}
	return 0;
}

static int user_create_unit(struct store *store, void *context,
			    struct fault *fault)
{
	struct user_request *r = context;
	int64_t id = 0;

	if (store_user_create(store, r->name, &r->change, &id, fault) < 0)
		return -1;
	return user_grants(store, r, fault);
}

static int user_create(struct admin *admin, struct fault *fault)
{
	AUTO(user_request) request = NULL;

	if (!admin_has(admin, "email"))
		return fault_set(fault, FAULT_USAGE,
				 "user create needs --email ADDR");
	if (!*admin_option(admin, "email"))
		return fault_set(fault, FAULT_BAD_ADDRESS,
				 "--email: '' is no address");
	if (user_request_new(admin, &request, fault) < 0)
		return -1;
	return store_run(admin->store, user_create_unit, request, fault);
}

static int user_set_unit(struct store *store, void *context,
			 struct fault *fault)
{
	struct user_request *r = context;

	if (store_user_set(store, r->name, &r->change, fault) < 0)
		return -1;
	return user_grants(store, r, fault);
}

static int user_set(struct admin *admin, struct fault *fault)
{
	AUTO(user_request) request = NULL;

	if (admin->options->len == 0 && !admin->password)
		return fault_set(fault, FAULT_USAGE,
				 "nothing to set (okapi-admin user --help)");
	if (admin_has(admin, "alias") &&
	    (admin_has(admin, "add-alias") || admin_has(admin, "no-alias")))
		return fault_set(fault, FAULT_USAGE,
				 "--alias names all of them: it excludes "
				 "--add-alias and --no-alias");
	if (user_request_new(admin, &request, fault) < 0)
		return -1;
	return store_run(admin->store, user_set_unit, request, fault);
}

struct user_rename_request {
	const char *name;
	const char *new_name;
};

static int user_rename_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct user_rename_request *r = context;

	return store_user_rename(store, r->name, r->new_name, fault);
}

static int user_rename(struct admin *admin, struct fault *fault)
{
	struct user_rename_request request = {admin_arg(admin, 0),
					      admin_arg(admin, 1)};

	return store_run(admin->store, user_rename_unit, &request, fault);
}

struct user_delete_request {
	const char *name;
	bool keep_store;
};

static int user_delete_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct user_delete_request *r = context;

	return store_user_delete(store, r->name, r->keep_store, fault);
}

static int user_delete(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct user_delete_request request = {admin_arg(admin, 0),
					      admin_has(admin, "keep-store")};

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	if (admin_confirm(admin, fault,
			  "Delete user %s with %" G_GINT64_FORMAT
			  " messages%s?",
			  user->name, user->messages,
			  request.keep_store ? " (the store is kept)" : "") < 0)
		return -1;
	return store_run(admin->store, user_delete_unit, &request, fault);
}

int64_t user_quota_of(int64_t own, int64_t server)
{
	return own == QUOTA_SERVER ? server : own;
}

json_t *user_quota_json(const struct conf *conf, const struct store_user *user)
{
	json_t *quota = json_object();
	const struct {
		const char *name;
		int64_t own;
		int64_t server;
	} limits[] = {{"warn", user->quota_warn, conf->quota_warn},
		      {"soft", user->quota_soft, conf->quota_soft},
		      {"hard", user->quota_hard, conf->quota_hard}};

	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		int64_t octets = user_quota_of(limits[i].own, limits[i].server);

		json_object_set_new(quota, limits[i].name,
				    json_integer(octets / BYTES_PER_MB));
	}
	return quota;
}

/* Names that belong to a user: who may send in the user's name, by either
 * grant, and the groups the user is in. */
struct user_names {
	char **as;
	char **on_behalf;
	char **groups;
};

static void user_names_clear(struct user_names *names)
{
	g_strfreev(names->as);
	g_strfreev(names->on_behalf);
	g_strfreev(names->groups);
}
#define USER_NAMES __attribute__((cleanup(user_names_clear))) struct user_names

static int user_names_load(struct admin *admin, const struct store_user *user,
			   struct user_names *names, struct fault *fault)
{
	if (store_sender_list(admin->store, user->id, SENDER_GRANT_AS,
			      &names->as, fault) < 0 ||
	    store_sender_list(admin->store, user->id, SENDER_GRANT_ON_BEHALF,
			      &names->on_behalf, fault) < 0)
		return -1;
	return store_group_of(admin->store, user->id, &names->groups, fault);
}

static int user_json(struct admin *admin, const struct store_user *user,
		     json_t **ret_object, struct fault *fault)
{
	USER_NAMES names = {0};
	json_t *object;

	if (user_names_load(admin, user, &names, fault) < 0)
		return -1;
	object = json_object();
	json_object_set_new(object, "name", print_json_text(user->name));
	json_object_set_new(object, "email", print_json_text(user->email));
	json_object_set_new(
		object, "aliases",
		print_json_texts((const char *const *)user->aliases));
	json_object_set_new(object, "fullname",
			    print_json_text(user->fullname));
	json_object_set_new(object, "admin", json_boolean(user->admin));
	json_object_set_new(object, "active", json_boolean(user->active));
	json_object_set_new(object, "quota",
			    user_quota_json(admin->conf, user));
	json_object_set_new(object, "size", json_integer(user->size));
	json_object_set_new(object, "messages", json_integer(user->messages));
	json_object_set_new(object, "send_as",
			    print_json_texts((const char *const *)names.as));
	json_object_set_new(
		object, "send_on_behalf",
		print_json_texts((const char *const *)names.on_behalf));
	json_object_set_new(
		object, "groups",
		print_json_texts((const char *const *)names.groups));
	*ret_object = object;
	return 0;
}

static int user_list_json(struct admin *admin, const GPtrArray *users,
			  struct fault *fault)
{
	struct print_list list;
	json_t *object;

	print_list_begin(&list, true);
	for (guint i = 0; i < users->len; i++) {
		if (user_json(admin, users->pdata[i], &object, fault) < 0)
			return -1;
		print_list_item(&list, object);
	}
	print_list_end(&list);
	return 0;
}

static int user_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {
		"NAME", "EMAIL", "FULLNAME", "MESSAGES", "SIZE", "STATE", NULL};
	g_autoptr(GPtrArray) users = NULL;
	struct print_table *table;

	if (store_user_list(admin->store, &users, fault) < 0)
		return -1;
	if (admin->json)
		return user_list_json(admin, users, fault);
	table = print_table_new(head);
	for (guint i = 0; i < users->len; i++) {
		const struct store_user *user = users->pdata[i];
		g_autofree char *size = print_size(user->size);
		g_autofree char *messages =
			g_strdup_printf("%" G_GINT64_FORMAT, user->messages);
		const char *cells[] = {
			user->name,
			user->email,
			user->fullname,
			messages,
			size,
			!user->active ? "inactive" : user->admin ? "admin" : "active"};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

void user_print_limit(const char *name, int64_t own, int64_t server)
{
	int64_t octets = user_quota_of(own, server);

	if (octets)
		printf("%-10s %" G_GINT64_FORMAT " MB%s\n", name,
		       octets / BYTES_PER_MB,
		       own == QUOTA_SERVER ? " (of the server)" : "");
	else
		printf("%-10s none%s\n", name,
		       own == QUOTA_SERVER ? " (of the server)" : "");
}

static int user_show_json(struct admin *admin, const struct store_user *user,
			  struct fault *fault)
{
	json_t *object;

	if (user_json(admin, user, &object, fault) < 0)
		return -1;
	print_json(object);
	return 0;
}

/* "send as    by anna, office", if there are any. */
static void user_print_names(const char *name, const char *by, char **who)
{
	g_autofree char *names = g_strjoinv(", ", who);

	if (*names)
		printf("%-10s %s%s\n", name, by, names);
}

static int user_show(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	USER_NAMES names = {0};
	g_autofree char *aliases = NULL;
	g_autofree char *fullname = NULL;
	g_autofree char *size = NULL;

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	if (admin->json)
		return user_show_json(admin, user, fault);
	if (user_names_load(admin, user, &names, fault) < 0)
		return -1;
	aliases = g_strjoinv(" ", user->aliases);
	fullname = print_clean(user->fullname);
	size = print_size(user->size);
	printf("name       %s\nemail      %s\naliases    %s\nfullname   %s\n",
	       user->name, user->email, aliases, fullname);
	printf("admin      %s\nactive     %s\n", user->admin ? "yes" : "no",
	       user->active ? "yes" : "no");
	user_print_limit("quota warn", user->quota_warn,
			 admin->conf->quota_warn);
	user_print_limit("quota soft", user->quota_soft,
			 admin->conf->quota_soft);
	user_print_limit("quota hard", user->quota_hard,
			 admin->conf->quota_hard);
	user_print_names("groups", "", names.groups);
	user_print_names("send as", "by ", names.as);
	user_print_names("on behalf", "by ", names.on_behalf);
	printf("size       %s\nmessages   %" G_GINT64_FORMAT "\n", size,
	       user->messages);
	return 0;
}

static const struct command_option user_options[] = {
	{"store", "ID|new",
	 "takes a store that was kept (store orphans), or a new one; the one "
	 "there was is kept",
	 false},
	{"email", "ADDR", "the primary address", false},
	{"alias", "ADDR",
	 "further address, or @DOMAIN for what nobody else has there; "
	 "\"\" alone: none",
	 true},
	{"fullname", "TEXT", "the name for people", false},
	{"password-file", "FILE", "first line of FILE, - for stdin", false},
	{"admin", NULL, "may administer", false},
	{"no-admin", NULL, "may not", false},
	{"active", NULL, "gets mail", false},
	{"inactive", NULL, "gets none", false},
	{"quota-warn", "MB", "0: none, default: the server's", false},
	{"quota-soft", "MB", "may not send from there on", false},
	{"quota-hard", "MB", "gets no mail beyond", false},
	{"add-alias", "ADDR", "one address more", true},
	{"no-alias", "ADDR", "one address less", true},
	{"send-as", "WHO", "user or group WHO may send as NAME", true},
	{"send-on-behalf", "WHO", "likewise, with WHO as Sender", true},
	{"no-send-as", "WHO", "not any more", true},
	{"no-send-on-behalf", "WHO", "not any more", true},
	{0}};

static const struct command_option user_delete_options[] = {
	{"keep-store", NULL, "leave the store, without an owner", false}, {0}};

static const struct command user_commands[] = {
	{"create", "NAME", "makes a user with a store; needs --email",
	 user_create, user_options, COMMAND_WRITE},
	{"set", "NAME", "changes what is given", user_set, user_options,
	 COMMAND_WRITE},
	{"rename", "NAME NEW", "gives a user another login name", user_rename,
	 NULL, COMMAND_WRITE},
	{"delete", "NAME", "removes the user and the mail", user_delete,
	 user_delete_options, COMMAND_WRITE},
	{"list", "", "all users", user_list, NULL, COMMAND_READ | COMMAND_JSON},
	{"show", "NAME", "one user", user_show, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{0}};

const struct noun noun_user = {"user", "users and their addresses",
			       user_commands};
