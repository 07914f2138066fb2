/*
 * Reports of success; see receipt.h.
 */
#include "receipt.h"

#include "log.h"
#include "report.h"
#include "smtp/smtp_server.h"

/* What was redirected alone is reported by whom it goes to. */
static bool receipt_is_due(const struct mail *mail,
			   const struct mail_recipient *to)
{
	const GPtrArray *outgoing = to->plan->outgoing;

	if (!(to->dsn_notify & SMTP_NOTIFY_SUCCESS) || !*mail->reverse_path)
		return false;
	for (guint i = 0; to->plan->copies->len == 0 && i < outgoing->len; i++)
		if (((struct plan_outgoing *)outgoing->pdata[i])
			    ->content->is_redirect)
			return false;
	return true;
}

static GBytes *receipt_compose(const struct mail *mail,
			       const struct mail_recipient *to)
{
	const struct conf *conf = mail->agent->conf;
	const struct report_recipient recipient = {
		.action = REPORT_DELIVERED,
		.address = to->path,
		.orcpt = to->dsn_orcpt,
		.status = "2.1.5",
		.reply = "",
	};
	const char *subject = propset_text(mail->set, PR_SUBJECT);
	struct report report = {
		.hostname = conf->hostname,
		.origin = conf->origin,
		.to = mail->reverse_path,
		.subject = subject ? subject : "",
		.envid = mail->dsn_envid,
		.relay = "",
		.arrived = mail->delivered,
		.now = g_get_real_time(),
		.recipients = &recipient,
		.recipient_count = 1,
	};

	report.original = g_bytes_get_data(mail->bytes, &report.original_len);
	return g_byte_array_free_to_bytes(report_compose(&report));
}

void receipt_prepare(const struct mail *mail, struct mail_recipient *to)
{
	const struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = mail->agent->conf->default_charset,
	};
	struct plan_content *content;
	struct fault fault = {0};

	if (!receipt_is_due(mail, to))
		return;
	content = plan_add_content(to->plan, receipt_compose(mail, to));
	if (helper_to_propset(mail->agent->helpers, content->bytes, -1,
			      &options, &content->set, &fault))
		log_message(LOG_LEVEL_WARNING, "%s: delivery report: %s",
			    mail->id, fault.text);
	plan_add_outgoing(to->plan, content, "", mail->reverse_path)
		->is_report = true;
}
