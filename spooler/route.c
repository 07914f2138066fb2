/*
 * Routes, from the configuration; see route.h.
 */
#include "route.h"

#include "sender_table.h"
#include "tls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define ROUTE_CONNECT_MS INT64_C(30000)

static void route_free(void *object)
{
	struct route *route = object;

	for (size_t i = 0; i < G_N_ELEMENTS(route->places); i++)
		relay_place_clear(&route->places[i]);
	g_free(route->sender);
	g_free(route->user);
	if (route->password)
		explicit_bzero(route->password, strlen(route->password));
	g_free(route->password);
	g_free(route->token_command);
	g_atomic_rc_box_release(route->sessions);
	g_free(route);
}

/* It has nothing yet. */
static struct route *route_new(GPtrArray *routes)
{
	struct route *route = g_new0(struct route, 1);

	route->sessions = g_atomic_rc_box_new0(int64_t);
	g_ptr_array_add(routes, route);
	return route;
}

/* In the proportions of RFC 5321 4.5.3.2: of five minutes for a command, two
 * for the 354, three for a block, ten for the end of the message. */
static struct relay_timeouts route_timeouts(const struct conf *conf)
{
	int64_t command_ms = conf->smtp_timeout * 1000;

	return (struct relay_timeouts){
		.connect_ms = MIN(command_ms, ROUTE_CONNECT_MS),
		.command_ms = command_ms,
		.data_ms = command_ms * 2 / 5,
		.block_ms = command_ms * 3 / 5,
		.end_ms = command_ms * 2,
	};
}

/* A key that everybody can read is nobody's. */
static int route_check_key(const struct conf *conf, struct fault *fault)
{
	const char *path = *conf->smtp_tls_key_file ? conf->smtp_tls_key_file
						    : conf->smtp_tls_cert_file;
	struct stat st;

	if (!*conf->smtp_tls_cert_file)
		return *path ? fault_set(fault, FAULT_CONFIG,
					 "smtp_tls_key_file needs "
					 "smtp_tls_cert_file")
			     : 0;
	if (stat(path, &st) != 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "smtp_tls_key_file %s", path);
	if (st.st_mode & S_IRWXO)
		return fault_set(fault, FAULT_CONFIG,
				 "the key %s can be read by others: chmod 600 "
				 "it",
				 path);
	return 0;
}

static int route_add_place(struct route *route, const struct conf *conf,
			   const char *text, struct fault *fault)
{
	struct relay_place *place = &route->places[route->place_count];
	struct tls_client_options options = {
		.ca_file = conf->smtp_tls_ca_file,
		.must_verify = conf->smtp_tls == CONF_TLS_VERIFY,
		.cert_file = conf->smtp_tls_cert_file,
		.key_file = conf->smtp_tls_key_file,
	};

	if (relay_place_parse(text, conf->smtp_port, place, fault) != 0)
		return -1;
	route->place_count++;
	options.host = place->host;
	if (conf->smtp_tls == CONF_TLS_NONE && !place->implicit_tls)
		return 0;
	return tls_client_ctx_new(&options, &place->tls_ctx, fault);
}

/* Once places and login are known. */
static void route_set_options(struct route *route, const struct conf *conf)
{
	route->options = (struct relay_options){
		.hostname = conf->hostname,
		.smtputf8 = conf->smtputf8_enable,
		.tls = conf->smtp_tls,
		.login =
			{
				.user = route->user ? route->user : "",
				.password =
					route->password ? route->password : "",
				.token_command = route->token_command
							 ? route->token_command
							 : "",
				.unverified = conf->smtp_auth_unverified,
			},
		.timeouts = route_timeouts(conf),
	};
}

/* ---- the route of everybody ---- */

static int route_log_in(struct route *route, const struct conf *conf,
			struct fault *fault)
{
	route->user = g_strdup(conf->smtp_user);
	route->token_command = g_strdup(conf->smtp_token_command);
	if (!*conf->smtp_user) {
		if (*conf->smtp_token_command)
			return fault_set(fault, FAULT_CONFIG,
					 "smtp_token_command needs smtp_user");
		return 0;
	}
	if (*conf->smtp_token_command)
		return 0;
	if (!*conf->smtp_password_file)
		return fault_set(fault, FAULT_CONFIG,
				 "smtp_user needs smtp_password_file or "
				 "smtp_token_command");
	return relay_password_read(conf->smtp_password_file, &route->password,
				   fault);
}

static int routes_add_default(GPtrArray *routes, const struct conf *conf,
			      const char *server, struct fault *fault)
{
	struct route *route = route_new(routes);

	if (!server)
		server = conf->smtp_server;
	if (!*server)
		return fault_set(fault, FAULT_CONFIG, "smtp_server is empty");
	if (route_add_place(route, conf, server, fault) != 0 ||
	    (*conf->smtp_fallback &&
	     route_add_place(route, conf, conf->smtp_fallback, fault) != 0) ||
	    route_log_in(route, conf, fault) != 0)
		return -1;
	route_set_options(route, conf);
	return 0;
}

/* ---- those of the table ---- */

static int routes_add_line(GPtrArray *routes, const struct conf *conf,
			   char *text, struct fault *fault)
{
	struct sender_table_line line;
	struct route *route;

	if (sender_table_parse(text, &line, fault) != 0)
		return -1;
	if (!line.sender)
		return 0;
	route = route_new(routes);
	route->sender = g_strdup(line.sender);
	route->user = g_strdup(line.user);
	route->token_command = g_strdup(line.token_command);
	route->password = g_strdup(line.password);
	if (route_add_place(route, conf, line.relay, fault) != 0)
		return -1;
	route_set_options(route, conf);
	return 0;
}

static int routes_add_table(GPtrArray *routes, const struct conf *conf,
			    struct fault *fault)
{
	const char *path = conf->smtp_sender_table;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!*path)
		return 0;
	if (relay_secret_read("smtp_sender_table", path, &text, fault) != 0)
		return -1;
	lines = g_strsplit(text, "\n", -1);
	for (size_t i = 0; lines[i]; i++)
		if (routes_add_line(routes, conf, lines[i], fault) != 0)
			return fault_prefix(fault, "%s:%zu", path, i + 1);
	return 0;
}

int routes_new(const struct conf *conf, const char *server,
	       GPtrArray **ret_routes, struct fault *fault)
{
	g_autoptr(GPtrArray) routes =
		g_ptr_array_new_with_free_func(route_free);

	if (route_check_key(conf, fault) != 0 ||
	    routes_add_default(routes, conf, server, fault) != 0 ||
	    routes_add_table(routes, conf, fault) != 0)
		return -1;
	*ret_routes = g_steal_pointer(&routes);
	return 0;
}

struct route *routes_find(const GPtrArray *routes, const char *reverse_path)
{
	const char *domain = strrchr(reverse_path, '@');
	struct route *found = routes->pdata[0];

	for (guint i = 1; i < routes->len; i++) {
		struct route *route = routes->pdata[i];

		if (g_ascii_strcasecmp(route->sender, reverse_path) == 0)
			return route;
		if (domain && found == routes->pdata[0] &&
		    g_ascii_strcasecmp(route->sender, domain) == 0)
			found = route;
	}
	return found;
}

int64_t routes_share(const GPtrArray *routes, int64_t sessions_max)
{
	int64_t others = (int64_t)routes->len - 1;

	return MAX(MAX(sessions_max - others, sessions_max / 2), 1);
}

static bool route_is_of(const struct route *route, const char *sender)
{
	if (!route->sender || !sender)
		return !route->sender && !sender;
	return g_ascii_strcasecmp(route->sender, sender) == 0;
}

void routes_succeed(const GPtrArray *routes, const GPtrArray *earlier)
{
	for (guint i = 0; i < routes->len; i++) {
		struct route *route = routes->pdata[i];

		for (guint k = 0; k < earlier->len; k++) {
			const struct route *before = earlier->pdata[k];

			if (!route_is_of(before, route->sender))
				continue;
			g_atomic_rc_box_release(route->sessions);
			route->sessions =
				g_atomic_rc_box_acquire(before->sessions);
			break;
		}
	}
}

void routes_forget_down(const GPtrArray *routes)
{
	for (guint i = 0; i < routes->len; i++)
		((struct route *)routes->pdata[i])->down_until = 0;
}
