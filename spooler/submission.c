/*
 * Sessions of the submission socket; see submission.h.
 */
#include "submission.h"

#include "log.h"

#include <string.h>

struct submission_service {
	struct submit *submit;
	struct smtp_options options;
	struct serve_kind kind;
};

struct submission_session {
	struct submission_service *service;
	struct settings *settings; /* when it began */
	struct submit_caller caller;
	struct envelope *envelope; /* of the transaction, or NULL */
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
	struct envelope *envelope = envelope_new();

	envelope->sender = g_strdup(mail->reverse_path);
	envelope->body_8bit = mail->body_8bit;
	envelope->ret = g_strdup(mail->dsn_ret);
	envelope->envid = g_strdup(mail->dsn_envid);
	if (mail->private_options &&
	    envelope_options_parse(envelope, mail->private_options, fault) !=
		    0) {
		envelope_free(envelope);
		return -1;
	}
	session->envelope = envelope;
	return 0;
}

static int submission_rcpt(void *context, const struct smtp_rcpt *rcpt,
			   struct fault *fault)
{
	struct submission_session *session = context;
	struct envelope_recipient *recipient;

	if (session->envelope->recipients->len >= SMTP_RECIPIENTS_MAX)
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

static void submission_finish(void *context, struct fault *replies,
			      size_t count)
{
	struct submission_session *session = context;
	int64_t id;

	g_return_if_fail(count == 1);
	if (submit_message(session->service->submit, &session->caller,
			   session->envelope, session->octets->data,
			   session->octets->len, &id, &replies[0]) == 0) {
		fault_clear(&replies[0]);
		(void)g_snprintf(replies[0].text, sizeof(replies[0].text),
				 "queued as %" G_GINT64_FORMAT, id);
		return;
	}
	log_message(LOG_LEVEL_WARNING, "submission of uid %u refused: %s %s",
		    (unsigned)session->caller.uid, fault_status(&replies[0]),
		    replies[0].text);
}

static const struct smtp_handler submission_handler = {
	.mail = submission_mail,
	.rcpt = submission_rcpt,
	.data = submission_data,
	.finish = submission_finish,
	.reset = submission_reset,
};

static void *submission_open(const struct serve_session *serve,
			     struct fault *fault)
{
	struct submission_service *service = serve->service_context;
	struct submission_session *session;

	if (!serve->peer->is_unix) {
		(void)fault_set(fault, FAULT_NOT_ALLOWED,
				"submission is for local users");
		return NULL;
	}
	session = g_new0(struct submission_session, 1);
	session->service = service;
	session->octets = g_byte_array_new();
	session->settings = submit_settings(service->submit);
	submit_caller_init(session->settings->conf, serve->peer->uid,
			   &session->caller);
	return session;
}

static void submission_close(void *context)
{
	struct submission_session *session = context;

	submission_reset(session);
	g_byte_array_unref(session->octets);
	settings_unref(session->settings);
	g_free(session);
}

struct submission_service *submission_new(const struct conf *conf,
					  struct submit *submit)
{
	struct submission_service *service =
		g_new0(struct submission_service, 1);

	service->submit = submit;
	service->options = (struct smtp_options){
		.protocol = SMTP_PROTOCOL_ESMTP,
		.hostname = conf->hostname,
		.product = "Okapi",
		.size_limit = conf->message_size_limit,
		.offer_dsn = true,
		.allow_local = true,
		.allow_private = true,
	};
	service->kind = (struct serve_kind){
		.options = &service->options,
		.handler = &submission_handler,
		.open = submission_open,
		.close = submission_close,
	};
	return service;
}

void submission_free(struct submission_service *service)
{
	g_free(service);
}

const struct serve_kind *submission_kind(struct submission_service *service)
{
	return &service->kind;
}
