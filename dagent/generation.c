/*
 * All of the daemon that depends on the configuration: listeners, TLS, who may
 * come by which door, the agent, and the threads that serve them.
 */
#include "generation.h"

#include "agent.h"
#include "daemon.h"
#include "door.h"
#include "log.h"
#include "manager.h"
#include "serve.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#define GENERATION_GRACE_MS INT64_C(30000)
/* Descriptors: of a session (its socket, its message's file, a share of the
 * connections to the store), and of the rest. */
#define GENERATION_SESSION_FILES 3
#define GENERATION_KINDS         2 /* LMTP, and that of the private socket */
#define GENERATION_FILES         64

struct listener {
	char *where;
	int fd;
	bool is_given; /* by the service manager, whose its file is */
};

struct generation {
	struct conf *conf;
	struct tls_context *tls;
	GArray *listeners; /* of struct listener: moved to the next one */
	GArray *trusted;   /* of uid_t */
	struct smtp_options lmtp;
	struct smtp_options certified_lmtp;
	struct smtp_options private_lmtp;
	struct serve_kind lmtp_kind;
	struct serve_kind private_kind;
	struct session_door lmtp_door;
	struct session_door private_door;
	struct agent *agent;
	struct serve *serve;
	GThread *thread;
	gint sessions;
};

static void generation_close_listener(struct listener *listener)
{
	if (!listener->is_given)
		net_unlisten(listener->where);
	base_close_fd(&listener->fd);
	g_free(listener->where);
}

void generation_free(struct generation *generation)
{
	for (guint i = 0; i < generation->listeners->len; i++)
		generation_close_listener(&g_array_index(generation->listeners,
							 struct listener, i));
	g_array_unref(generation->listeners);
	g_array_unref(generation->trusted);
	serve_free(generation->serve);
	if (generation->agent)
		agent_free(generation->agent);
	if (generation->tls)
		tls_context_free(generation->tls);
	if (generation->conf)
		conf_free(generation->conf);
	g_free(generation);
}

/* The names of trusted_users; one that this machine does not know is a typo
 * or not yet made: a warning. */
static void generation_find_trusted(struct generation *generation)
{
	char **names = generation->conf->trusted_users;

	for (size_t i = 0; names[i]; i++) {
		const struct passwd *entry = getpwnam(names[i]);

		if (entry)
			g_array_append_val(generation->trusted, entry->pw_uid);
		else
			log_message(LOG_LEVEL_WARNING,
				    "trusted_users: there is no user %s",
				    names[i]);
	}
}

static struct listener *
generation_find_listener(const struct generation *generation, const char *where)
{
	for (guint i = 0; generation && i < generation->listeners->len; i++) {
		struct listener *listener = &g_array_index(
			generation->listeners, struct listener, i);

		if (strcmp(listener->where, where) == 0)
			return listener;
	}
	return NULL;
}

static void generation_add_listener(struct generation *generation,
				    const char *where, int fd, bool is_given)
{
	const struct listener listener = {
		.where = g_strdup(where), .fd = fd, .is_given = is_given};

	g_array_append_val(generation->listeners, listener);
}

/* A second descriptor of a listener. */
static int generation_share(const struct listener *listener, int *ret_fd,
			    struct fault *fault)
{
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_TOO_MANY, errno, "%s",
				       listener->where);
	*ret_fd = fd;
	return 0;
}

/* What the old generation has. */
static int generation_inherit(struct generation *generation,
			      const struct listener *old, struct fault *fault)
{
	int fd = -1;

	if (generation_share(old, &fd, fault))
		return -1;
	generation_add_listener(generation, old->where, fd, old->is_given);
	return 0;
}

/* From the old generation, from the service manager (by name, which may be
 * NULL, or place), or anew. */
static int generation_listen(struct generation *generation,
			     const struct generation *old, const char *name,
			     const char *where,
			     const struct net_unix_options *unix_options,
			     struct fault *fault)
{
	const struct listener *before = generation_find_listener(old, where);
	int fd = before ? -1 : manager_take_socket(name, where);
	bool is_given = fd >= 0;

	if (before)
		return generation_inherit(generation, before, fault);
	if (!is_given && net_listen(where, unix_options, &fd, fault))
		return -1;
	generation_add_listener(generation, where, fd, is_given);
	return 0;
}

/* What the service manager gave beyond lmtp_listen serves LMTP, too, and goes
 * from generation to generation. */
static int generation_listen_given(struct generation *generation,
				   const struct generation *old,
				   struct fault *fault)
{
	char *where = NULL;
	int fd;

	for (guint i = 0; old && i < old->listeners->len; i++) {
		const struct listener *before =
			&g_array_index(old->listeners, struct listener, i);

		if (before->is_given &&
		    !generation_find_listener(generation, before->where) &&
		    generation_inherit(generation, before, fault))
			return -1;
	}
	while ((fd = manager_take_any_socket(&where)) >= 0) {
		generation_add_listener(generation, where, fd, true);
		g_free(where);
	}
	return 0;
}

/* The private socket first, then lmtp_listen in order. */
static int generation_bind(struct generation *generation,
			   const struct generation *old, struct fault *fault)
{
	const struct conf *conf = generation->conf;
	const struct net_unix_options private_options = {.mode = 0666};
	const struct net_unix_options lmtp_options = {
		.mode = conf->lmtp_unix_mode, .owner = conf->lmtp_unix_owner};
	g_autofree char *where =
		g_strdup_printf("unix:%s/" DOOR_SOCKET, conf->run_dir);

	if (generation_listen(generation, old, "dagent", where,
			      &private_options, fault))
		return -1;
	for (size_t i = 0; conf->lmtp_listen[i]; i++)
		if (generation_listen(generation, old, NULL,
				      conf->lmtp_listen[i], &lmtp_options,
				      fault))
			return -1;
	return generation_listen_given(generation, old, fault);
}

void generation_drop_listeners(struct generation *generation,
			       const struct generation *other)
{
	for (guint i = 0; i < generation->listeners->len; i++) {
		struct listener *listener = &g_array_index(
			generation->listeners, struct listener, i);

		if (!generation_find_listener(other, listener->where)) {
			generation_close_listener(listener);
			continue;
		}
		base_close_fd(&listener->fd);
		g_free(listener->where);
	}
	g_array_set_size(generation->listeners, 0);
}

static void generation_set_kinds(struct generation *generation)
{
	const struct conf *conf = generation->conf;

	generation->lmtp = (struct smtp_options){
		.protocol = SMTP_PROTOCOL_LMTP,
		.hostname = conf->hostname,
		.product = "Okapi",
		.size_limit = conf->message_size_limit,
		.offer_starttls = generation->tls != NULL,
		.offer_dsn = true,
		.offer_smtputf8 = conf->smtputf8_enable,
		.offer_binarymime = true,
	};
	generation->certified_lmtp = generation->lmtp;
	generation->certified_lmtp.allow_private = true;
	/* Between our own programs an address is one in any script. */
	generation->certified_lmtp.offer_smtputf8 = true;
	generation->private_lmtp = generation->lmtp;
	generation->private_lmtp.offer_starttls = false;
	generation->private_lmtp.allow_local = true;
	generation->private_lmtp.allow_private = true;
	generation->private_lmtp.allow_deliver = true;
	generation->private_lmtp.offer_smtputf8 = true;
	generation->lmtp_kind = (struct serve_kind){
		.options = &generation->lmtp,
		.handler = &session_handler,
		.open = session_open,
		.close = session_close,
	};
	generation->private_kind = generation->lmtp_kind;
	generation->private_kind.options = &generation->private_lmtp;
}

int generation_new(struct conf *conf, const struct generation *old,
		   struct generation **ret_generation, struct fault *fault)
{
	AUTO(generation) generation = g_new0(struct generation, 1);

	generation->conf = conf;
	generation->listeners =
		g_array_new(FALSE, FALSE, sizeof(struct listener));
	generation->trusted = g_array_new(FALSE, FALSE, sizeof(uid_t));
	generation_find_trusted(generation);
	if (net_networks_check((const char *const *)conf->lmtp_networks, fault))
		return -1;
	if (*conf->tls_cert_file &&
	    tls_context_new(conf->tls_cert_file, conf->tls_key_file,
			    conf->tls_client_ca_file, &generation->tls, fault))
		return -1;
	if (generation_bind(generation, old, fault)) {
		generation_drop_listeners(generation, old);
		return -1;
	}
	generation_set_kinds(generation);
	*ret_generation = g_steal_pointer(&generation);
	return 0;
}

/* What sessions come by; it holds descriptors of its own. */
static int generation_prepare(struct generation *generation,
			      struct fault *fault)
{
	const struct serve_options options = {
		.max_sessions = generation->conf->lmtp_max_sessions,
		.max_per_peer = generation->conf->lmtp_max_sessions_per_peer,
		.timeout_ms = generation->conf->lmtp_timeout * 1000,
		.message_ms = generation->conf->lmtp_message_timeout * 1000,
		.tls = generation->tls,
	};

	if (serve_new(&options, &generation->serve, fault))
		return -1;
	for (guint i = 0; i < generation->listeners->len; i++) {
		bool is_private = i == 0;
		int fd = -1;

		if (generation_share(&g_array_index(generation->listeners,
						    struct listener, i),
				     &fd, fault))
			return -1;
		serve_add(generation->serve, fd,
			  is_private ? &generation->private_kind
				     : &generation->lmtp_kind,
			  is_private ? &generation->private_door
				     : &generation->lmtp_door);
	}
	return 0;
}

int generation_open(struct generation *generation, const struct wishes *wishes,
		    struct fault *fault)
{
	const struct session_door door = {
		.trusted = (const uid_t *)(void *)generation->trusted->data,
		.trusted_count = generation->trusted->len,
		.sessions = &generation->sessions,
	};

	if (agent_new(generation->conf, wishes, true, NULL, &generation->agent,
		      fault))
		return -1;
	generation->lmtp_door = door;
	generation->lmtp_door.agent = generation->agent;
	generation->private_door = generation->lmtp_door;
	generation->lmtp_door.certified = &generation->certified_lmtp;
	generation->private_door.is_private = true;
	return generation_prepare(generation, fault);
}

static gpointer generation_thread(gpointer data)
{
	serve_run(((struct generation *)data)->serve);
	return NULL;
}

void generation_start(struct generation *generation)
{
	daemon_need_files("lmtp_max_sessions",
			  GENERATION_KINDS *
					  generation->conf->lmtp_max_sessions *
					  GENERATION_SESSION_FILES +
				  GENERATION_FILES);
	generation->thread =
		g_thread_new("listen", generation_thread, generation);
}

void generation_stop(struct generation *generation)
{
	serve_stop(generation->serve);
}

void generation_retire(struct generation *generation)
{
	serve_retire(generation->serve);
}

void generation_wait(struct generation *generation)
{
	g_thread_join(generation->thread);
	serve_wait(generation->serve, GENERATION_GRACE_MS);
}

void generation_end(struct generation *generation)
{
	serve_free(g_steal_pointer(&generation->serve));
	if (g_atomic_int_get(&generation->sessions) == 0)
		generation_free(generation);
}

const struct conf *generation_conf(const struct generation *generation)
{
	return generation->conf;
}

struct committer *generation_committer(const struct generation *generation)
{
	return generation->agent->committer;
}
