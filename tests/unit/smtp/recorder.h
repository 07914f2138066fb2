/*
 * A handler that writes down what the engine reports, and whose answers
 * depend on the addresses: each test is a string in, a string out.
 *
 *   MAIL  refused@..: 550 5.7.1; nobegin@..: 451 at data_begin; nodata@..: the
 *         disk is full when data comes
 *   RCPT  unknown@..: 550, full@..: 552, busy@..: 451, wordless@..: a failure
 *         without a fault, leaving@..: 421
 *   end   reject@..: 550 5.7.1, later@..: 451, mute@..: not answered at all
 */
#ifndef OKAPI_TEST_RECORDER_H
#define OKAPI_TEST_RECORDER_H

#include "smtp/smtp_server.h"

#include <criterion/criterion.h>
#include <string.h>

struct recorder {
	GString *log;
	GString *message;
	GPtrArray *rcpts;
	char *reverse_path;
	GString *last_message; /* what finish() got */
	bool begun;            /* data_begin() said yes */
};

static inline void recorder_clear(struct recorder *recorder)
{
	g_string_free(recorder->log, TRUE);
	g_string_free(recorder->message, TRUE);
	g_string_free(recorder->last_message, TRUE);
	g_ptr_array_unref(recorder->rcpts);
	g_free(recorder->reverse_path);
}

static inline void recorder_init(struct recorder *recorder)
{
	recorder->log = g_string_new(NULL);
	recorder->message = g_string_new(NULL);
	recorder->last_message = g_string_new(NULL);
	recorder->rcpts = g_ptr_array_new_with_free_func(g_free);
	recorder->reverse_path = NULL;
	recorder->begun = false;
}

static inline bool recorder_is(const char *path, const char *local)
{
	return path && g_str_has_prefix(path, local) &&
	       path[strlen(local)] == '@';
}

static inline void recorder_hello(void *context, const char *name)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "hello %s;", name);
}

static inline int recorder_mail(void *context, const struct smtp_mail *mail,
				struct fault *fault)
{
	struct recorder *recorder = context;

	if (recorder_is(mail->reverse_path, "refused"))
		return fault_set(fault, FAULT_NOT_ALLOWED, "not you");
	g_free(recorder->reverse_path);
	recorder->reverse_path = g_strdup(mail->reverse_path);
	g_string_append_printf(recorder->log, "mail <%s>", mail->reverse_path);
	if (mail->size >= 0)
		g_string_append_printf(recorder->log, " size=%" G_GINT64_FORMAT,
				       mail->size);
	g_string_append_printf(recorder->log, "%s%s%s",
			       mail->body_8bit ? " 8bit" : "",
			       mail->body_binary ? " binary" : "",
			       mail->smtputf8 ? " utf8" : "");
	if (mail->dsn_ret)
		g_string_append_printf(recorder->log, " ret=%s", mail->dsn_ret);
	if (mail->dsn_envid)
		g_string_append_printf(recorder->log, " envid=%s",
				       mail->dsn_envid);
	if (mail->auth)
		g_string_append_printf(recorder->log, " auth=%s", mail->auth);
	if (mail->release)
		g_string_append_printf(recorder->log,
				       " release=%" G_GINT64_FORMAT,
				       mail->release / USEC_PER_SEC);
	if (mail->has_mt_priority)
		g_string_append_printf(recorder->log, " priority=%d",
				       mail->mt_priority);
	if (mail->private_options)
		g_string_append_printf(recorder->log, " private=%s",
				       mail->private_options);
	g_string_append_c(recorder->log, ';');
	return 0;
}

static inline int recorder_rcpt(void *context, const struct smtp_rcpt *rcpt,
				struct fault *fault)
{
	struct recorder *recorder = context;

	if (recorder_is(rcpt->path, "unknown"))
		return fault_set(fault, FAULT_NO_RECIPIENT, "no such user");
	if (recorder_is(rcpt->path, "full"))
		return fault_set(fault, FAULT_MAILBOX_FULL, "full");
	if (recorder_is(rcpt->path, "busy"))
		return fault_set(fault, FAULT_STORE_BUSY, "busy");
	if (recorder_is(rcpt->path, "leaving"))
		return fault_set(fault, FAULT_SHUTDOWN, "leaving");
	if (recorder_is(rcpt->path, "wordless"))
		return -1;
	g_ptr_array_add(recorder->rcpts, g_strdup(rcpt->path));
	g_string_append_printf(recorder->log, "rcpt <%s>", rcpt->path);
	if (rcpt->dsn_notify)
		g_string_append_printf(recorder->log, " notify=%u",
				       rcpt->dsn_notify);
	if (rcpt->dsn_orcpt)
		g_string_append_printf(recorder->log, " orcpt=%s",
				       rcpt->dsn_orcpt);
	g_string_append_c(recorder->log, ';');
	return 0;
}

static inline int recorder_data_begin(void *context, struct fault *fault)
{
	struct recorder *recorder = context;

	if (recorder_is(recorder->reverse_path, "nobegin"))
		return fault_set(fault, FAULT_STORE_BUSY, "not now");
	g_string_append(recorder->log, "begin;");
	recorder->begun = true;
	return 0;
}

static inline int recorder_data(void *context, const char *octets, size_t len,
				struct fault *fault)
{
	struct recorder *recorder = context;

	cr_assert_gt(len, 0);
	cr_assert(recorder->begun, "data before data_begin()");
	if (recorder_is(recorder->reverse_path, "nodata"))
		return fault_set(fault, FAULT_DISK_FULL, "disk full");
	g_string_append_len(recorder->message, octets, (gssize)len);
	return 0;
}

static inline void recorder_finish(void *context, struct fault *replies,
				   size_t count)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "finish %zu;", count);
	g_string_assign(recorder->last_message, "");
	g_string_append_len(recorder->last_message, recorder->message->str,
			    (gssize)recorder->message->len);
	for (size_t i = 0; i < count; i++) {
		const char *path = i < recorder->rcpts->len
					   ? recorder->rcpts->pdata[i]
					   : "";

		if (recorder_is(path, "reject"))
			fault_set(&replies[i], FAULT_REJECTED, "by a rule");
		else if (recorder_is(path, "later"))
			fault_set(&replies[i], FAULT_STORE_BUSY, "busy");
		else if (!recorder_is(path, "mute"))
			fault_clear(&replies[i]);
	}
}

static inline int recorder_deliver(void *context, int64_t arguments,
				   struct fault *fault)
{
	struct recorder *recorder = context;

	if (arguments > 1000)
		return fault_set(fault, FAULT_TOO_MANY, "too many");
	g_string_append_printf(recorder->log, "deliver %" G_GINT64_FORMAT ";",
			       arguments);
	return 0;
}

/* "reject..." is refused. */
static inline int recorder_delivered(void *context, struct fault *verdict)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "delivered %s;",
			       recorder->message->str);
	if (verdict->kind == FAULT_NONE &&
	    g_str_has_prefix(recorder->message->str, "reject"))
		(void)fault_set(verdict, FAULT_REJECTED, "by a rule");
	return fault_exit(verdict);
}

static inline void recorder_reset(void *context)
{
	struct recorder *recorder = context;

	g_string_append(recorder->log, "reset;");
	recorder->begun = false;
	g_string_truncate(recorder->message, 0);
	g_ptr_array_set_size(recorder->rcpts, 0);
	g_clear_pointer(&recorder->reverse_path, g_free);
}

static inline int recorder_auth(void *context, const char *authzid,
				const char *user, const char *password,
				struct fault *fault)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "auth %s/%s/%s;", authzid, user,
			       password);
	if (strcmp(user, "broken") == 0)
		return fault_set(fault, FAULT_STORE_BUSY, "no store");
	if (strcmp(user, "joe") == 0 && strcmp(password, "secret") == 0)
		return 0;
	return fault_set(fault, FAULT_NOT_ALLOWED, "wrong password");
}

static inline bool recorder_scram_offered(void *context G_GNUC_UNUSED)
{
	return true;
}

/* "first" is answered "more", "final" is answered "proof". */
static inline int recorder_scram_first(void *context, const char *message,
				       char **ret_answer, struct fault *fault)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "scram %s;", message);
	if (strcmp(message, "first") != 0)
		return fault_set(fault, FAULT_BAD_ARGUMENT, "not SCRAM");
	*ret_answer = g_strdup("more");
	return 0;
}

static inline int recorder_scram_final(void *context, const char *message,
				       char **ret_answer, struct fault *fault)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "proof %s;", message);
	if (strcmp(message, "final") != 0)
		return fault_set(fault, FAULT_NOT_ALLOWED, "wrong password");
	*ret_answer = g_strdup("proof");
	return 0;
}

static inline bool recorder_xclient_offered(void *context G_GNUC_UNUSED)
{
	return true;
}

static inline void recorder_xclient(void *context,
				    const struct smtp_xclient *client)
{
	struct recorder *recorder = context;

	g_string_append_printf(recorder->log, "xclient %s %s %s;",
			       client->address ? client->address : "-",
			       client->name ? client->name : "-",
			       client->helo ? client->helo : "-");
}

/* 2026-11-23 10:00:00 UTC */
static inline int64_t recorder_clock(void)
{
	return INT64_C(1795428000) * USEC_PER_SEC;
}

static const struct smtp_handler recorder_scram_handler = {
	.hello = recorder_hello,
	.mail = recorder_mail,
	.rcpt = recorder_rcpt,
	.data_begin = recorder_data_begin,
	.data = recorder_data,
	.finish = recorder_finish,
	.reset = recorder_reset,
	.auth_plain = recorder_auth,
	.auth_scram_offered = recorder_scram_offered,
	.auth_scram_first = recorder_scram_first,
	.auth_scram_final = recorder_scram_final,
};

static const struct smtp_handler recorder_proxy_handler = {
	.hello = recorder_hello,
	.mail = recorder_mail,
	.rcpt = recorder_rcpt,
	.data_begin = recorder_data_begin,
	.data = recorder_data,
	.finish = recorder_finish,
	.reset = recorder_reset,
	.xclient_offered = recorder_xclient_offered,
	.xclient = recorder_xclient,
};

static const struct smtp_handler recorder_handler = {
	.hello = recorder_hello,
	.mail = recorder_mail,
	.rcpt = recorder_rcpt,
	.data_begin = recorder_data_begin,
	.data = recorder_data,
	.finish = recorder_finish,
	.reset = recorder_reset,
	.auth_plain = recorder_auth,
};

static const struct smtp_handler recorder_deliver_handler = {
	.hello = recorder_hello,
	.mail = recorder_mail,
	.rcpt = recorder_rcpt,
	.data_begin = recorder_data_begin,
	.data = recorder_data,
	.finish = recorder_finish,
	.deliver = recorder_deliver,
	.delivered = recorder_delivered,
	.reset = recorder_reset,
};

static const struct smtp_options recorder_lmtp = {
	.protocol = SMTP_PROTOCOL_LMTP,
	.hostname = "mx.test",
	.product = "Okapi",
	.size_limit = 1000,
	.offer_smtputf8 = true,
};

static const struct smtp_options recorder_esmtp = {
	.protocol = SMTP_PROTOCOL_ESMTP,
	.hostname = "mx.test",
	.product = "Okapi",
	.size_limit = 1000,
	.offer_dsn = true,
	.offer_smtputf8 = true,
	.offer_auth = true,
	.allow_private = true,
};

/* Replies as "250/2.1.0 354 ...": the code and, if there is one, the enhanced
 * code of each reply; lines that go on are left out.  Owned. */
static inline char *recorder_codes(const char *output)
{
	GString *codes = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit(output, "\r\n", -1);

	for (char **line = lines; *line && **line; line++) {
		size_t len = strspn(*line + 4, "0123456789.");

		cr_assert_gt(strlen(*line), 3, "reply \"%s\"", *line);
		if ((*line)[3] == '-')
			continue;
		if (codes->len)
			g_string_append_c(codes, ' ');
		g_string_append_len(codes, *line, 3);
		if (len == 5)
			g_string_append_printf(codes, "/%.5s", *line + 4);
	}
	return g_string_free(codes, FALSE);
}

#endif
