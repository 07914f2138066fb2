/*
 * Sessions of the submission service; see submission.h.
 */
#include "submission.h"

#include "field.h"
#include "log.h"
#include "login.h"

#include <string.h>

/* How long a client may have a message held (RFC 4865). */
#define SUBMISSION_RELEASE_S INT64_C(31536000)

struct submission_service {
	struct submit *submit;
	struct login_guard *guard;
	struct smtp_options local;
	struct smtp_options remote;
	struct serve_kind kinds[SUBMISSION_DOORS];
};

struct submission_session {
	struct submission_service *service;
	struct settings *settings; /* when it began */
	const struct serve_session *serve;
	struct login *login; /* over the network; NULL */
	struct submit_caller caller;
	struct envelope *envelope; /* of the transaction, or NULL */
	bool is_utf8;              /* SMTPUTF8, of the transaction */
	GByteArray *octets;
};

static void submission_reset(void *context)
{
	struct submission_session *session = context;

	if (session->envelope)
		envelope_free(session->envelope);
	session->envelope = NULL;
	g_byte_array_set_size(session->octets, 0);
}

static int submission_mail(void *context, const struct smtp_mail *mail,
			   struct fault *fault)
{
	struct submission_session *session = context;
	struct envelope *envelope;

	if (session->login && !login_name(session->login))
		return fault_set(fault, FAULT_AUTH_REQUIRED, "%s first",
				 session->serve->tls ? "AUTH" : "STARTTLS");
	envelope = envelope_new();
	envelope->sender = g_strdup(mail->reverse_path);
	envelope->body_8bit = mail->body_8bit;
	envelope->ret = g_strdup(mail->dsn_ret);
	envelope->envid = g_strdup(mail->dsn_envid);
	envelope->release = mail->release;
	envelope->has_priority = mail->has_mt_priority;
	envelope->priority = mail->mt_priority;
	if (mail->private_options &&
	    envelope_options_parse(envelope, mail->private_options, fault) !=
		    0) {
		envelope_free(envelope);
		return -1;
	}
	session->envelope = envelope;
	session->is_utf8 = mail->smtputf8;
	return 0;
}

static int submission_rcpt(void *context, const struct smtp_rcpt *rcpt,
			   struct fault *fault)
{
	struct submission_session *session = context;
	struct envelope_recipient *recipient;

	/* A client over the network sends the rest in another transaction (RFC
	 * 5321 4.5.3.1.10); to a local one the end tells. */
	if (session->login &&
	    session->envelope->recipients->len >=
		    session->settings->conf->submit_recipient_limit)
		return fault_set(fault, FAULT_TOO_MANY, "too many recipients");
	recipient = envelope_add(session->envelope, rcpt->path);
	recipient->notify = rcpt->dsn_notify;
	recipient->orcpt = g_strdup(rcpt->dsn_orcpt);
	return 0;
}

static int submission_data(void *context, const char *octets, size_t len,
			   struct fault *fault)
{
	struct submission_session *session = context;

	if ((int64_t)(session->octets->len + len) >
	    session->settings->conf->message_size_limit)
		return fault_set(fault, FAULT_TOO_BIG,
				 "the message is larger than "
				 "message_size_limit");
	g_byte_array_append(session->octets, (const guint8 *)octets,
			    (guint)len);
	return 0;
}

/* What RFC 5321 4.4 wants on top of what came over the network; not who
 * logged in.  Owned. */
static char *submission_trace(const struct submission_session *session)
{
	const struct serve_session *serve = session->serve;
	g_autofree char *date = field_date_local(g_get_real_time());
	g_autofree char *address = net_literal(serve->peer->name);

	return g_strdup_printf("Received: from %s (%s)\r\n"
			       "\t(using %s)\r\n"
			       "\tby %s (Okapi " OKAPI_VERSION
			       ") with %sSMTPSA; %s\r\n",
			       smtp_server_peer_name(serve->server), address,
			       tls_session_describe(serve->tls),
			       session->settings->conf->hostname,
			       session->is_utf8 ? "UTF8" : "E", date);
}

static void submission_finish(void *context, struct fault *replies,
			      size_t count)
{
	struct submission_session *session = context;
	g_autofree char *trace =
		session->login ? submission_trace(session) : NULL;
	int64_t id;

	g_return_if_fail(count == 1);
	session->caller.trace = trace;
	if (submit_message(session->service->submit, &session->caller,
			   session->envelope, session->octets->data,
			   session->octets->len, &id, &replies[0]) == 0) {
		fault_clear(&replies[0]);
		(void)g_snprintf(replies[0].text, sizeof(replies[0].text),
				 "queued as %" G_GINT64_FORMAT, id);
		return;
	}
	log_message(LOG_LEVEL_WARNING, "submission of %s refused: %s %s",
		    session->caller.login, fault_status(&replies[0]),
		    replies[0].text);
}

/* ---- logging in ---- */

/* From now on the session is that user's. */
static int submission_logged_in(struct submission_session *session, int rc)
{
	const char *name = rc == 0 ? login_name(session->login) : NULL;

	if (name)
		g_strlcpy(session->caller.login, name,
			  sizeof(session->caller.login));
	return rc;
}

static int submission_auth_plain(void *context, const char *authzid,
				 const char *user, const char *password,
				 struct fault *fault)
{
	struct submission_session *session = context;

	return submission_logged_in(
		session,
		login_plain(session->login, authzid, user, password, fault));
}

static bool submission_scram_offered(void *context)
{
	const struct submission_session *session = context;

	return login_scram_offered(session->login);
}

static int submission_scram_first(void *context, const char *message,
				  char **ret_answer, struct fault *fault)
{
	const struct submission_session *session = context;

	return login_scram_first(session->login, message, ret_answer, fault);
}

static int submission_scram_final(void *context, const char *message,
				  char **ret_answer, struct fault *fault)
{
	struct submission_session *session = context;

	return submission_logged_in(
		session,
		login_scram_final(session->login, message, ret_answer, fault));
}

static const struct smtp_handler submission_handler = {
	.mail = submission_mail,
	.rcpt = submission_rcpt,
	.data = submission_data,
	.finish = submission_finish,
	.reset = submission_reset,
};

static const struct smtp_handler submission_remote_handler = {
	.mail = submission_mail,
	.rcpt = submission_rcpt,
	.data = submission_data,
	.finish = submission_finish,
	.reset = submission_reset,
	.auth_plain = submission_auth_plain,
	.auth_scram_offered = submission_scram_offered,
	.auth_scram_first = submission_scram_first,
	.auth_scram_final = submission_scram_final,
};

/* ---- sessions ---- */

static struct submission_session *
submission_session_new(const struct serve_session *serve)
{
	struct submission_service *service = serve->service_context;
	struct submission_session *session =
		g_new0(struct submission_session, 1);

	session->service = service;
	session->serve = serve;
	session->octets = g_byte_array_new();
	session->settings = submit_settings(service->submit);
	return session;
}

static void *submission_open(const struct serve_session *serve,
			     struct fault *fault)
{
	struct submission_session *session;

	if (!serve->peer->is_unix) {
		(void)fault_set(fault, FAULT_NOT_ALLOWED,
				"submission is for local users");
		return NULL;
	}
	session = submission_session_new(serve);
	submit_caller_init(session->settings->conf, serve->peer->uid,
			   &session->caller);
	return session;
}

static void *submission_open_remote(const struct serve_session *serve,
				    struct fault *fault G_GNUC_UNUSED)
{
	struct submission_session *session = submission_session_new(serve);

	session->caller = (struct submit_caller){.is_remote = true};
	session->login = login_new(session->service->guard,
				   session->service->submit, serve->peer);
	return session;
}

static void submission_close(void *context)
{
	struct submission_session *session = context;

	submission_reset(session);
	login_free(session->login);
	g_byte_array_unref(session->octets);
	settings_unref(session->settings);
	g_free(session);
}

/* ---- the service ---- */

static void submission_set_options(struct submission_service *service,
				   const struct conf *conf)
{
	service->local = (struct smtp_options){
		.protocol = SMTP_PROTOCOL_ESMTP,
		.hostname = conf->hostname,
		.product = "Okapi",
		.size_limit = conf->message_size_limit,
		.offer_dsn = true,
		.offer_smtputf8 = conf->smtputf8_enable,
		.future_release = SUBMISSION_RELEASE_S,
		.clock = g_get_real_time,
		.offer_mt_priority = true,
	};
	service->remote = service->local;
	service->local.allow_local = true;
	service->local.allow_private = true;
	service->remote.offer_starttls = true;
	service->remote.offer_auth = true;
}

struct submission_service *submission_new(const struct conf *conf,
					  struct submit *submit)
{
	struct submission_service *service =
		g_new0(struct submission_service, 1);
	const struct serve_kind remote = {
		.options = &service->remote,
		.handler = &submission_remote_handler,
		.open = submission_open_remote,
		.close = submission_close,
	};

	service->submit = submit;
	service->guard = login_guard_new();
	submission_set_options(service, conf);
	service->kinds[SUBMISSION_LOCAL] = (struct serve_kind){
		.options = &service->local,
		.handler = &submission_handler,
		.open = submission_open,
		.close = submission_close,
	};
	service->kinds[SUBMISSION_STARTTLS] = remote;
	service->kinds[SUBMISSION_TLS] = remote;
	service->kinds[SUBMISSION_TLS].is_implicit_tls = true;
	return service;
}

void submission_free(struct submission_service *service)
{
	login_guard_free(service->guard);
	g_free(service);
}

const struct serve_kind *submission_kind(struct submission_service *service,
					 enum submission_door door)
{
	return &service->kinds[door];
}
