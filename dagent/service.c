/*
 * The daemon's life.  All that depends on the configuration is one generation;
 * SIGHUP builds the next one beside it, and only if that works the old one
 * ends, when its sessions have.  Listening sockets go from one to the next.
 */
#include "service.h"

#include "agent.h"
#include "conf.h"
#include "daemon.h"
#include "figures.h"
#include "handover.h"
#include "janitor.h"
#include "log.h"
#include "manager.h"
#include "metrics.h"
#include "prompt.h"
#include "serve.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define SERVICE_GRACE_MS INT64_C(30000)
/* Descriptors: of a session (its socket, its message's file, a share of the
 * connections to the store), and of the rest. */
#define SERVICE_SESSION_FILES 3
#define SERVICE_KINDS         2 /* LMTP, and that of the private socket */
#define SERVICE_FILES         64

struct listener {
	char *where;
	int fd;
	bool is_given; /* by the service manager, whose its file is */
};

/* One generation. */
struct service {
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

/* The process. */
static struct {
	const struct options *options;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool must_stop;
	bool must_reload;
	struct service *current; /* under lock, for the scraper */
	GPtrArray *retiring;     /* of GThread */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

/* ---- building a generation ---- */

static void service_close_listener(struct listener *listener)
{
	if (!listener->is_given)
		net_unlisten(listener->where);
	base_close_fd(&listener->fd);
	g_free(listener->where);
}

/* Frees what is not served any more; listeners that were not moved on are
 * closed. */
static void service_free(struct service *service)
{
	for (guint i = 0; i < service->listeners->len; i++)
		service_close_listener(
			&g_array_index(service->listeners, struct listener, i));
	g_array_unref(service->listeners);
	g_array_unref(service->trusted);
	serve_free(service->serve, 0);
	if (service->agent)
		agent_free(service->agent);
	if (service->tls)
		tls_context_free(service->tls);
	if (service->conf)
		conf_free(service->conf);
	g_free(service);
}
AUTO_DEFINE(service, service_free);

static int service_load_conf(const struct options *options,
			     struct conf **ret_conf, struct fault *fault)
{
	return conf_load(options->config,
			 (const char *const *)options->overrides, ret_conf,
			 NULL, fault);
}

/* The names of trusted_users; one that this machine does not know is a typo
 * or not yet made: a warning. */
static void service_find_trusted(struct service *service)
{
	char **names = service->conf->trusted_users;

	for (size_t i = 0; names[i]; i++) {
		const struct passwd *entry = getpwnam(names[i]);

		if (entry)
			g_array_append_val(service->trusted, entry->pw_uid);
		else
			log_message(LOG_LEVEL_WARNING,
				    "trusted_users: there is no user %s",
				    names[i]);
	}
}

static struct listener *service_find_listener(const struct service *service,
					      const char *where)
{
	for (guint i = 0; service && i < service->listeners->len; i++) {
		struct listener *listener =
			&g_array_index(service->listeners, struct listener, i);

		if (strcmp(listener->where, where) == 0)
			return listener;
	}
	return NULL;
}

static void service_add_listener(struct service *service, const char *where,
				 int fd, bool is_given)
{
	const struct listener listener = {
		.where = g_strdup(where), .fd = fd, .is_given = is_given};

	g_array_append_val(service->listeners, listener);
}

/* A second descriptor of a listener. */
static int service_share(const struct listener *listener, int *ret_fd,
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
static int service_inherit(struct service *service, const struct listener *old,
			   struct fault *fault)
{
	int fd = -1;

	if (service_share(old, &fd, fault))
		return -1;
	service_add_listener(service, old->where, fd, old->is_given);
	return 0;
}

/* From the old generation, from the service manager (by name, which may be
 * NULL, or place), or anew. */
static int service_listen(struct service *service, const struct service *old,
			  const char *name, const char *where,
			  const struct net_unix_options *unix_options,
			  struct fault *fault)
{
	const struct listener *before = service_find_listener(old, where);
	int fd = before ? -1 : manager_take_socket(name, where);
	bool is_given = fd >= 0;

	if (before)
		return service_inherit(service, before, fault);
	if (!is_given && net_listen(where, unix_options, &fd, fault))
		return -1;
	service_add_listener(service, where, fd, is_given);
	return 0;
}

/* What the service manager gave beyond lmtp_listen serves LMTP, too, and goes
 * from generation to generation. */
static int service_listen_given(struct service *service,
				const struct service *old, struct fault *fault)
{
	char *where = NULL;
	int fd;

	for (guint i = 0; old && i < old->listeners->len; i++) {
		const struct listener *before =
			&g_array_index(old->listeners, struct listener, i);

		if (before->is_given &&
		    !service_find_listener(service, before->where) &&
		    service_inherit(service, before, fault))
			return -1;
	}
	while ((fd = manager_take_any_socket(&where)) >= 0) {
		service_add_listener(service, where, fd, true);
		g_free(where);
	}
	return 0;
}

/* The private socket first, then lmtp_listen in order. */
static int service_bind(struct service *service, const struct service *old,
			struct fault *fault)
{
	const struct conf *conf = service->conf;
	const struct net_unix_options private_options = {.mode = 0666};
	const struct net_unix_options lmtp_options = {
		.mode = conf->lmtp_unix_mode, .owner = conf->lmtp_unix_owner};
	g_autofree char *socket = handover_socket(conf);
	g_autofree char *where = g_strdup_printf("unix:%s", socket);

	if (service_listen(service, old, "dagent", where, &private_options,
			   fault))
		return -1;
	for (size_t i = 0; conf->lmtp_listen[i]; i++)
		if (service_listen(service, old, NULL, conf->lmtp_listen[i],
				   &lmtp_options, fault))
			return -1;
	return service_listen_given(service, old, fault);
}

/* Closes the listeners that another generation does not have; those that it
 * has must not lose their socket file. */
static void service_drop_listeners(struct service *service,
				   const struct service *other)
{
	for (guint i = 0; i < service->listeners->len; i++) {
		struct listener *listener =
			&g_array_index(service->listeners, struct listener, i);

		if (!service_find_listener(other, listener->where)) {
			service_close_listener(listener);
			continue;
		}
		base_close_fd(&listener->fd);
		g_free(listener->where);
	}
	g_array_set_size(service->listeners, 0);
}

static void service_set_kinds(struct service *service)
{
	const struct conf *conf = service->conf;

	service->lmtp = (struct smtp_options){
		.protocol = SMTP_PROTOCOL_LMTP,
		.hostname = conf->hostname,
		.product = "Okapi",
		.size_limit = conf->message_size_limit,
		.offer_starttls = service->tls != NULL,
		.offer_dsn = true,
		.offer_smtputf8 = conf->smtputf8_enable,
		.offer_binarymime = true,
	};
	service->certified_lmtp = service->lmtp;
	service->certified_lmtp.allow_private = true;
	/* Between our own programs an address is one in any script. */
	service->certified_lmtp.offer_smtputf8 = true;
	service->private_lmtp = service->lmtp;
	service->private_lmtp.offer_starttls = false;
	service->private_lmtp.allow_local = true;
	service->private_lmtp.allow_private = true;
	service->private_lmtp.offer_smtputf8 = true;
	service->lmtp_kind = (struct serve_kind){
		.options = &service->lmtp,
		.handler = &session_handler,
		.open = session_open,
		.close = session_close,
	};
	service->private_kind = service->lmtp_kind;
	service->private_kind.options = &service->private_lmtp;
}

/* Everything that may need root: sockets, keys. */
static int service_new(struct conf *conf, const struct service *old,
		       struct service **ret_service, struct fault *fault)
{
	AUTO(service) service = g_new0(struct service, 1);

	service->conf = conf;
	service->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
	service->trusted = g_array_new(FALSE, FALSE, sizeof(uid_t));
	service_find_trusted(service);
	if (net_networks_check((const char *const *)conf->lmtp_networks, fault))
		return -1;
	if (*conf->tls_cert_file &&
	    tls_context_new(conf->tls_cert_file, conf->tls_key_file,
			    conf->tls_client_ca_file, &service->tls, fault))
		return -1;
	if (service_bind(service, old, fault)) {
		service_drop_listeners(service, old);
		return -1;
	}
	service_set_kinds(service);
	*ret_service = g_steal_pointer(&service);
	return 0;
}

/* What sessions come by; it holds descriptors of its own. */
static int service_prepare(struct service *service, struct fault *fault)
{
	const struct serve_options options = {
		.max_sessions = service->conf->lmtp_max_sessions,
		.max_per_peer = service->conf->lmtp_max_sessions_per_peer,
		.timeout_ms = service->conf->lmtp_timeout * 1000,
		.message_ms = service->conf->lmtp_message_timeout * 1000,
		.tls = service->tls,
	};

	if (serve_new(&options, &service->serve, fault))
		return -1;
	for (guint i = 0; i < service->listeners->len; i++) {
		bool is_private = i == 0;
		int fd = -1;

		if (service_share(&g_array_index(service->listeners,
						 struct listener, i),
				  &fd, fault))
			return -1;
		serve_add(service->serve, fd,
			  is_private ? &service->private_kind
				     : &service->lmtp_kind,
			  is_private ? &service->private_door
				     : &service->lmtp_door);
	}
	return 0;
}

/* Everything that must not be root's: store, helpers, threads. */
static int service_open(struct service *service, struct fault *fault)
{
	const struct session_door door = {
		.trusted = (const uid_t *)(void *)service->trusted->data,
		.trusted_count = service->trusted->len,
		.sessions = &service->sessions,
	};

	if (agent_new(service->conf, &state.options->wishes, true,
		      &service->agent, fault))
		return -1;
	service->lmtp_door = door;
	service->lmtp_door.agent = service->agent;
	service->private_door = service->lmtp_door;
	service->lmtp_door.certified = &service->certified_lmtp;
	service->private_door.is_private = true;
	return service_prepare(service, fault);
}

static gpointer service_thread(gpointer data)
{
	serve_run(((struct service *)data)->serve);
	return NULL;
}

/* Begins to accept. */
static void service_start(struct service *service)
{
	daemon_need_files("lmtp_max_sessions",
			  SERVICE_KINDS * service->conf->lmtp_max_sessions *
					  SERVICE_SESSION_FILES +
				  SERVICE_FILES);
	service->thread = g_thread_new("listen", service_thread, service);
}

/* ---- ending one ---- */

/* Waits for its sessions, then frees it.  Sessions that do not end in time
 * still use it: then it stays. */
static gpointer service_retire(gpointer data)
{
	struct service *service = data;

	g_thread_join(service->thread);
	serve_free(g_steal_pointer(&service->serve), SERVICE_GRACE_MS);
	if (g_atomic_int_get(&service->sessions) == 0)
		service_free(service);
	return NULL;
}

/* ---- reload ---- */

static int service_build_next(const struct service *old,
			      struct service **ret_next, struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTO(service) next = NULL;

	if (service_load_conf(state.options, &conf, fault) ||
	    service_new(g_steal_pointer(&conf), old, &next, fault) ||
	    service_open(next, fault) ||
	    log_open("okapi-dagent", next->conf, fault)) {
		/* Inherited sockets belong to the old one still. */
		if (next)
			service_drop_listeners(next, old);
		return -1;
	}
	*ret_next = g_steal_pointer(&next);
	return 0;
}

static void service_set_log_level(const struct conf *conf)
{
	int level = (int)conf->log_level + state.options->verbose;

	if (state.options->silent)
		level = MIN(level, LOG_LEVEL_ERROR);
	log_set_level(level);
}

static void service_reload(void)
{
	struct service *old = state.current;
	struct service *next = NULL;
	struct fault fault = {0};

	daemon_reloading();
	if (service_build_next(old, &next, &fault)) {
		daemon_reloaded(&fault);
		return;
	}
	service_set_log_level(next->conf);
	daemon_tell_warnings(next->conf);
	service_start(next);
	pthread_mutex_lock(&state.lock);
	state.current = next;
	pthread_mutex_unlock(&state.lock);
	serve_retire(old->serve);
	service_drop_listeners(old, next);
	g_ptr_array_add(state.retiring,
			g_thread_new("retire", service_retire, old));
	daemon_reloaded(NULL);
}

/* ---- signals and the main loop ---- */

static void service_on_stop(void *context)
{
	(void)context;
	pthread_mutex_lock(&state.lock);
	state.must_stop = true;
	pthread_cond_signal(&state.cond);
	pthread_mutex_unlock(&state.lock);
}

static void service_on_reload(void *context)
{
	(void)context;
	pthread_mutex_lock(&state.lock);
	state.must_reload = true;
	pthread_cond_signal(&state.cond);
	pthread_mutex_unlock(&state.lock);
}

static void service_on_scrape(void *context)
{
	struct committer_stats stats;

	(void)context;
	pthread_mutex_lock(&state.lock);
	if (state.current) {
		committer_get_stats(state.current->agent->committer, &stats);
		figures_set_committer(&stats);
	}
	pthread_mutex_unlock(&state.lock);
}

/* For the watchdog: is what is to be committed committed? */
static bool service_is_well(void *context)
{
	bool is_well = true;

	(void)context;
	pthread_mutex_lock(&state.lock);
	if (state.current)
		is_well = committer_is_well(state.current->agent->committer);
	pthread_mutex_unlock(&state.lock);
	return is_well;
}

/* Waits for a signal, or until it is time to purge (wall clock seconds). */
static bool service_wait(int64_t purge_at)
{
	const struct timespec until = {.tv_sec = purge_at};

	while (!state.must_stop && !state.must_reload)
		if (pthread_cond_timedwait(&state.cond, &state.lock, &until) ==
		    ETIMEDOUT)
			return true;
	return false;
}

/* Waits for signals; returns when it is time to stop. */
static void service_loop(void)
{
	int64_t purge_at = time(NULL) + JANITOR_FIRST_S;

	for (;;) {
		bool must_stop;
		bool must_reload;
		bool must_purge;

		pthread_mutex_lock(&state.lock);
		must_purge = service_wait(purge_at);
		must_stop = state.must_stop;
		must_reload = state.must_reload;
		state.must_reload = false;
		pthread_mutex_unlock(&state.lock);
		if (must_stop)
			return;
		if (must_reload)
			service_reload();
		if (must_purge) {
			janitor_purge(state.current->conf);
			purge_at = time(NULL) + JANITOR_EVERY_S;
		}
	}
}

static void service_stop(void)
{
	struct service *last;

	log_message(LOG_LEVEL_INFO, "stopping");
	daemon_stopping();
	pthread_mutex_lock(&state.lock);
	last = state.current;
	state.current = NULL;
	pthread_mutex_unlock(&state.lock);
	metrics_listen_stop();
	serve_stop(last->serve);
	(void)service_retire(last);
	manager_watch_stop();
	for (guint i = 0; i < state.retiring->len; i++)
		g_thread_join(state.retiring->pdata[i]);
	daemon_end();
}

/* ---- start ---- */

static int service_begin(struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTO(service) service = NULL;

	if (manager_begin(fault) ||
	    service_load_conf(state.options, &conf, fault) ||
	    log_open("okapi-dagent", conf, fault))
		return -1;
	service_set_log_level(conf);
	daemon_tell_warnings(conf);
	if ((state.options->daemonize && daemon_detach(fault)) ||
	    daemon_signals_start(service_on_stop, service_on_reload, NULL,
				 fault) ||
	    daemon_run_dir(conf, fault) || daemon_pid_file(conf, fault))
		return -1;
	figures_start();
	metrics_on_scrape(service_on_scrape, NULL);
	if (metrics_listen_start(conf->metrics_listen, fault) ||
	    service_new(g_steal_pointer(&conf), NULL, &service, fault) ||
	    daemon_drop_privileges(service->conf, fault) ||
	    service_open(service, fault))
		return -1;
	service_start(service);
	pthread_mutex_lock(&state.lock);
	state.current = g_steal_pointer(&service);
	pthread_mutex_unlock(&state.lock);
	return manager_watch(service_is_well, NULL, fault);
}

int service_main(const struct options *options)
{
	struct fault fault = {0};

	prompt_thread(PROMPT_SERVER); /* before there are others */
	state.options = options;
	state.retiring = g_ptr_array_new();
	if (service_begin(&fault)) {
		daemon_fail(&fault);
		metrics_listen_stop();
		daemon_end();
		return fault_exit(&fault);
	}
	daemon_ready(NULL);
	service_loop();
	service_stop();
	g_ptr_array_unref(state.retiring);
	log_message(LOG_LEVEL_INFO, "stopped");
	log_close();
	return EX_OK;
}
