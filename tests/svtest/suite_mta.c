/*
 * The MTA that handed the mail over: it tells the envelope sender of a
 * delivery that was refused for good (RFC 5321 section 6.1).
 */
#include "suite.h"

#include "conf.h"
#include "digest.h"
#include "field.h"
#include "store/queue.h"

#include <string.h>

static GBytes *compose(const struct suite *suite, const struct fault *refusal)
{
	const struct conf *conf = suite->agent->conf;
	g_autofree char *date = field_date_utc(g_get_real_time());
	GString *out = g_string_new(NULL);

	g_string_printf(out,
			"From: Postmaster <postmaster@%s>\r\n"
			"To: <%s>\r\n"
			"Subject: Undelivered mail\r\n"
			"Date: %s\r\n"
			"Message-ID: <%08x%08x@%s>\r\n"
			"Auto-Submitted: auto-replied\r\n"
			"MIME-Version: 1.0\r\n"
			"Content-Type: text/plain; charset=utf-8\r\n"
			"\r\n"
			"Your mail to <%s> was refused:\r\n"
			"%d %s %s\r\n",
			conf->origin, suite->from, date, g_random_int(),
			g_random_int(), conf->hostname, suite->to,
			fault_reply(refusal), fault_status(refusal),
			refusal->text);
	return g_string_free_to_bytes(out);
}

static int submit(struct store *store, void *context, struct fault *fault)
{
	int64_t id = 0;

	return store_submit(store, context, &id, fault);
}

void suite_report(struct suite *suite, struct fault *refusal)
{
	const struct submission_recipient recipient = {.address = suite->from};
	struct content content = {0};
	struct submission submission = {
		.reverse_path = "",
		.recipients = &recipient,
		.recipient_count = 1,
		.content = &content,
		.is_report = true,
	};
	g_autoptr(GBytes) bytes = NULL;
	gsize size = 0;
	const void *octets;
	AUTO(propset) set = propset_new();

	bytes = compose(suite, refusal);
	*refusal = (struct fault){0};
	if (!*suite->from)
		return;
	octets = g_bytes_get_data(bytes, &size);
	content.rfc822 = bytes;
	content.set = set;
	digest_sha256(octets, size, content.sha256);
	if (store_run(suite->store, submit, &submission, refusal))
		(void)fault_prefix(refusal, "report");
}
