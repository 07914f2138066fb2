/*
 * Starting, reloading and stopping the spooler; see service.h.
 */
#include "service.h"

#include "daemon.h"
#include "drop.h"
#include "log.h"
#include "manager.h"
#include "metrics.h"
#include "net.h"
#include "program.h"
#include "queue_figures.h"
#include "sendmail.h"
#include "serve.h"
#include "spooler.h"
#include "submission.h"

#include <pthread.h>
#include <string.h>
#include <sysexits.h>

#define SERVICE_CONVERT_MS 30000
#define SERVICE_SESSION_MS 300000
#define SERVICE_SESSIONS   64
#define SERVICE_GRACE_MS   10000
#define SERVICE_LOOK_MS    1000
#define SERVICE_UNIX_MODE  0666

struct service {
	const struct service_options *options;
	struct settings *settings; /* as started */
	struct helper_pool *helpers;
	struct committer *committer;
	struct submit *submit;
	struct submission_service *submission;
	struct tls_context *tls; /* NULL: no certificate */
	struct serve *serve;
	struct spooler *spooler;
	pthread_t thread; /* of serve */
	bool serving;
	bool is_second; /* another spooler has the sockets */
	bool is_given;  /* the service manager has their files */
	char *submission_where;
	char *door_where;
	int submission_fd;
	int door_fd;
	GArray *listeners;    /* of struct service_listener */
	pthread_mutex_t lock; /* guards spooler against the signal thread */
	bool must_stop;
};

/* A place of submission_listen or submissions_listen; serve has its fd. */
struct service_listener {
	char *where;
	int fd;
	enum submission_door door;
};

static int service_load(const struct service_options *options,
			struct settings **ret_settings, struct fault *fault)
{
	struct conf *conf = NULL;

	if (conf_load(options->config, options->overrides, &conf, NULL,
		      fault) != 0)
		return -1;
	return settings_new(conf, options->server, ret_settings, fault);
}

static void service_set_level(const struct service *service,
			      const struct conf *conf)
{
	int level = (int)conf->log_level + service->options->verbose;

	if (service->options->silent)
		level = MIN(level, LOG_LEVEL_ERROR);
	log_set_level(level);
}

/* ---- signals ---- */

static void service_on_stop(void *context)
{
	struct service *service = context;

	pthread_mutex_lock(&service->lock);
	service->must_stop = true;
	if (service->serve)
		serve_stop(service->serve);
	if (service->spooler)
		spooler_stop(service->spooler);
	pthread_mutex_unlock(&service->lock);
}

/* Renewed certificates; the places are those of the start. */
static void service_reload_tls(const struct service *service,
			       const struct conf *conf)
{
	struct fault fault = {0};

	if (service->tls && *conf->tls_cert_file &&
	    tls_context_reload(service->tls, conf->tls_cert_file,
			       conf->tls_key_file, "", &fault) != 0)
		log_message(LOG_LEVEL_ERROR,
			    "going on with the certificate of before: %s",
			    fault.text);
}

static void service_on_reload(void *context)
{
	struct service *service = context;
	struct settings *settings;
	struct fault fault = {0};

	daemon_reloading();
	log_reopen();
	if (service_load(service->options, &settings, &fault) != 0) {
		daemon_reloaded(&fault);
		return;
	}
	service_set_level(service, settings->conf);
	daemon_tell_warnings(settings->conf);
	service_reload_tls(service, settings->conf);
	pthread_mutex_lock(&service->lock);
	if (service->spooler) {
		spooler_set_settings(service->spooler, settings);
		submit_set_settings(service->submit, settings);
	}
	pthread_mutex_unlock(&service->lock);
	settings_unref(settings);
	daemon_reloaded(NULL);
}

/* ---- parts ---- */

/* Another spooler of this queue may have the sockets already: then this one
 * only sends.  When the other is gone okapi-sendmail leaves its messages in the
 * drop directory, which both look after. */
static bool service_is_second(const char *path)
{
	g_autofree char *where = g_strdup_printf("unix:%s", path);
	struct fault fault = {0};
	int fd = -1;

	if (access(path, F_OK) != 0 ||
	    net_connect(where, SERVICE_LOOK_MS, &fd, &fault) != 0)
		return false;
	(void)close(fd);
	return true;
}

static int service_listen_remote(struct service *service, char *const *places,
				 const char *key, enum submission_door door,
				 struct fault *fault)
{
	const struct net_unix_options mode = {.mode = SERVICE_UNIX_MODE};

	if (*places && !service->tls)
		return fault_set(fault, FAULT_CONFIG,
				 "%s needs tls_cert_file and tls_key_file: no "
				 "password goes over the network in the clear",
				 key);
	for (; *places; places++) {
		struct service_listener listener = {.door = door};

		if (net_listen(*places, &mode, &listener.fd, fault) != 0)
			return -1;
		listener.where = g_strdup(*places);
		g_array_append_val(service->listeners, listener);
	}
	return 0;
}

static int service_listen_network(struct service *service, struct fault *fault)
{
	const struct conf *conf = service->settings->conf;

	if ((*conf->submission_listen || *conf->submissions_listen) &&
	    *conf->tls_cert_file &&
	    tls_context_new(conf->tls_cert_file, conf->tls_key_file, "",
			    &service->tls, fault) != 0)
		return -1;
	if (service_listen_remote(service, conf->submission_listen,
				  "submission_listen", SUBMISSION_STARTTLS,
				  fault) != 0)
		return -1;
	return service_listen_remote(service, conf->submissions_listen,
				     "submissions_listen", SUBMISSION_TLS,
				     fault);
}

static int service_listen(struct service *service, struct fault *fault)
{
	const struct conf *conf = service->settings->conf;
	const struct net_unix_options mode = {.mode = SERVICE_UNIX_MODE};

	service->submission_where =
		g_strdup_printf("unix:%s/%s", conf->run_dir, SUBMISSION_SOCKET);
	service->door_where =
		g_strdup_printf("unix:%s/%s", conf->run_dir, QUEUE_SOCKET);
	service->submission_fd =
		manager_take_socket("submission", service->submission_where);
	service->door_fd = manager_take_socket("queue", service->door_where);
	if (service->submission_fd >= 0 && service->door_fd >= 0) {
		service->is_given = true;
		return 0;
	}
	if (service->submission_fd >= 0 || service->door_fd >= 0)
		return fault_set(fault, FAULT_CONFIG,
				 "the service manager has to give both, %s and "
				 "%s, or none",
				 service->submission_where,
				 service->door_where);
	if (service_is_second(strchr(service->submission_where, '/'))) {
		log_message(LOG_LEVEL_WARNING,
			    "another spooler answers in run_dir %s: this one "
			    "sends what is in the queue, and takes no "
			    "submissions",
			    conf->run_dir);
		service->is_second = true;
		return 0;
	}
	if (net_listen(service->submission_where, &mode,
		       &service->submission_fd, fault) != 0 ||
	    net_listen(service->door_where, &mode, &service->door_fd, fault) !=
		    0)
		return -1;
	return service_listen_network(service, fault);
}

/* What needs no root any more. */
static int service_open(struct service *service, struct fault *fault)
{
	struct settings *settings = service->settings;
	const struct conf *conf = settings->conf;
	struct store_policy policy = {0};
	struct spooler *spooler;

	store_policy_of_conf(conf, &policy);
	if (helper_pool_new(0, SERVICE_CONVERT_MS, &service->helpers, fault) !=
		    0 ||
	    committer_new(conf->store_path, conf->store_timeout * 1000, &policy,
			  &service->committer, fault) != 0 ||
	    submit_new(settings, service->committer, service->helpers,
		       &service->submit, fault) != 0 ||
	    spooler_new(settings, service->committer, service->helpers,
			service->submit, &spooler, fault) != 0)
		return -1;
	pthread_mutex_lock(&service->lock);
	service->spooler = spooler;
	if (service->must_stop)
		spooler_stop(spooler);
	pthread_mutex_unlock(&service->lock);
	return 0;
}

static void *service_serve(void *context)
{
	serve_run(context);
	return NULL;
}

static int service_start_submission(struct service *service,
				    struct fault *fault)
{
	const struct serve_options options = {
		.max_sessions = SERVICE_SESSIONS,
		.timeout_ms = SERVICE_SESSION_MS,
		.tls = service->tls,
	};
	struct serve *serve;
	int err;

	if (serve_new(&options, &serve, fault))
		return -1;
	service->submission =
		submission_new(service->settings->conf, service->submit);
	serve_add(serve, base_take_fd(&service->submission_fd),
		  submission_kind(service->submission, SUBMISSION_LOCAL),
		  service->submission);
	for (guint i = 0; i < service->listeners->len; i++) {
		struct service_listener *listener = &g_array_index(
			service->listeners, struct service_listener, i);

		serve_add(serve, base_take_fd(&listener->fd),
			  submission_kind(service->submission, listener->door),
			  service->submission);
	}
	pthread_mutex_lock(&service->lock);
	service->serve = serve;
	if (service->must_stop)
		serve_stop(serve);
	pthread_mutex_unlock(&service->lock);
	err = pthread_create(&service->thread, NULL, service_serve, serve);
	if (err)
		return fault_set_errno(fault, FAULT_TOO_MANY, err,
				       "cannot start a thread");
	service->serving = true;
	return 0;
}

static int service_begin(struct service *service, struct fault *fault)
{
	const struct conf *conf;

	if (manager_begin(fault) != 0 ||
	    service_load(service->options, &service->settings, fault) != 0)
		return -1;
	conf = service->settings->conf;
	if (log_open("okapi-spooler", conf, fault) != 0)
		return -1;
	service_set_level(service, conf);
	daemon_tell_warnings(conf);
	if ((service->options->daemonize && daemon_detach(fault) != 0) ||
	    daemon_signals_start(service_on_stop, service_on_reload, service,
				 fault) != 0)
		return -1;
	if (!service->options->once &&
	    (daemon_run_dir(conf, fault) != 0 ||
	     daemon_pid_file(conf, fault) != 0 ||
	     service_listen(service, fault) != 0 ||
	     metrics_listen_start(conf->metrics_listen, fault) != 0))
		return -1;
	if (dropfile_prepare(conf->spool_dir, conf->user, fault) != 0 ||
	    daemon_drop_privileges(conf, fault) != 0)
		return -1;
	relay_init();
	return service_open(service, fault);
}

static void service_log_commits(const struct service *service)
{
	struct committer_stats stats;

	committer_get_stats(service->committer, &stats);
	log_message(LOG_LEVEL_DETAIL,
		    "committed %" G_GUINT64_FORMAT
		    " units in %" G_GUINT64_FORMAT
		    " transactions, at most %" G_GUINT64_FORMAT " in one",
		    stats.units, stats.commits, stats.largest);
}

static void service_unlisten(struct service *service)
{
	for (guint i = 0; i < service->listeners->len; i++) {
		struct service_listener *listener = &g_array_index(
			service->listeners, struct service_listener, i);

		net_unlisten(listener->where);
		base_close_fd(&listener->fd);
		g_free(listener->where);
	}
	g_array_unref(service->listeners);
}

static void service_end(struct service *service)
{
	struct spooler *spooler = service->spooler;
	struct serve *serve = service->serve;

	manager_watch_stop();
	pthread_mutex_lock(&service->lock);
	service->spooler = NULL;
	service->serve = NULL;
	pthread_mutex_unlock(&service->lock);
	if (serve)
		serve_stop(serve);
	if (service->serving)
		(void)pthread_join(service->thread, NULL);
	if (serve) {
		serve_wait(serve, SERVICE_GRACE_MS);
		serve_free(serve);
	}
	if (spooler)
		spooler_free(spooler);
	if (service->submission)
		submission_free(service->submission);
	if (service->submit)
		submit_free(service->submit);
	if (service->committer) {
		service_log_commits(service);
		committer_free(service->committer);
	}
	if (service->helpers)
		helper_pool_free(service->helpers);
	if (service->submission_where && !service->is_second &&
	    !service->is_given && (serve || service->submission_fd >= 0))
		net_unlisten(service->submission_where);
	if (service->door_fd >= 0 && !service->is_given)
		net_unlisten(service->door_where);
	service_unlisten(service);
	tls_context_free(service->tls);
	base_close_fd(&service->submission_fd);
	base_close_fd(&service->door_fd);
	g_free(service->submission_where);
	g_free(service->door_where);
	if (service->settings)
		settings_unref(service->settings);
}

/* ---- the two ways to run ---- */

static int service_once(struct service *service, struct fault *fault)
{
	int left = spooler_run_once(service->spooler, fault);

	if (left < 0) {
		log_message(LOG_LEVEL_ERROR, "%s", fault->text);
		return fault_exit(fault);
	}
	return left ? EX_TEMPFAIL : EX_OK;
}

/* For the watchdog. */
static bool service_is_well(void *context)
{
	return committer_is_well(context);
}

static int service_run(struct service *service, struct fault *fault)
{
	if (!service->is_second &&
	    service_start_submission(service, fault) != 0) {
		log_message(LOG_LEVEL_ERROR, "%s", fault->text);
		return fault_exit(fault);
	}
	if (manager_watch(service_is_well, service->committer, fault) != 0) {
		log_message(LOG_LEVEL_ERROR, "%s", fault->text);
		return fault_exit(fault);
	}
	queue_figures_start(service->settings->conf);
	daemon_ready(NULL);
	spooler_run(service->spooler, service->door_fd);
	log_message(LOG_LEVEL_INFO, "stopping");
	daemon_stopping();
	return EX_OK;
}

int service_main(const struct service_options *options)
{
	struct service service = {
		.options = options,
		.submission_fd = -1,
		.door_fd = -1,
		.listeners = g_array_new(FALSE, FALSE,
					 sizeof(struct service_listener)),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct fault fault = {0};
	int code;

	program_ignore_signals();
	if (service_begin(&service, &fault) != 0) {
		daemon_fail(&fault);
		code = fault_exit(&fault);
	} else if (options->once) {
		code = service_once(&service, &fault);
	} else {
		code = service_run(&service, &fault);
	}
	if (!options->once)
		metrics_listen_stop();
	queue_figures_stop();
	service_end(&service);
	daemon_end();
	if (!options->once && code == EX_OK)
		log_message(LOG_LEVEL_INFO, "stopped");
	log_close();
	return code;
}
