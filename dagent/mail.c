/*
 * Mails: made, filled, converted.
 */
#include "mail.h"

#include "figures.h"
#include "header.h"
#include "log.h"

#include <stdatomic.h>
#include <string.h>

#define MAIL_RECEIVED_MAX 100

static void mail_recipient_free(gpointer data)
{
	struct mail_recipient *to = data;

	g_free(to->path);
	g_free(to->same);
	g_free(to->dsn_orcpt);
	g_free(to->original);
	if (to->who)
		store_recipient_free(to->who);
	if (to->plan)
		plan_free(to->plan);
	g_free(to);
}

/* Unique on this machine: time, process, a counter. */
static void mail_make_id(char ret_id[MAIL_ID_SIZE])
{
	static atomic_uint counter;
	uint64_t ms = (uint64_t)g_get_real_time() / 1000;

	g_snprintf(ret_id, MAIL_ID_SIZE, "%" G_GINT64_MODIFIER "x%04x%04x", ms,
		   (unsigned)getpid() & 0xffffu,
		   atomic_fetch_add(&counter, 1) & 0xffffu);
}

struct mail *mail_new(struct agent *agent, const char *reverse_path)
{
	struct mail *mail = g_new0(struct mail, 1);

	mail->agent = agent;
	mail->file = -1;
	mail_make_id(mail->id);
	wishes_copy(agent->wishes, &mail->wishes);
	mail->reverse_path = g_strdup(reverse_path);
	mail->recipients = g_ptr_array_new_with_free_func(mail_recipient_free);
	return mail;
}

void mail_free(struct mail *mail)
{
	wishes_clear(&mail->wishes);
	g_free(mail->reverse_path);
	g_free(mail->dsn_ret);
	g_free(mail->dsn_envid);
	g_free(mail->helo);
	g_free(mail->peer);
	g_ptr_array_unref(mail->recipients);
	if (mail->bytes)
		g_bytes_unref(mail->bytes);
	base_close_fd(&mail->file);
	store_kept_free(mail->kept);
	if (mail->set)
		propset_free(mail->set);
	mail_needs_clear(&mail->has);
	g_free(mail);
}

/* An address is itself; a login is the primary one with the detail, which may
 * also come beside the name ($EXTENSION).  Owned. */
static char *mail_recipient_same(const struct mail *mail,
				 const struct mail_recipient *to)
{
	const char *address = mail_recipient_address(to);
	const char *domain = strrchr(address, '@');
	const char *delimiter = mail->agent->conf->recipient_delimiter;

	if (!to->detail || (address == to->path && to->who->detail))
		return g_strdup(address);
	return g_strdup_printf(
		"%.*s%c%s%s",
		(int)(domain ? domain - address : (ptrdiff_t)strlen(address)),
		address, *delimiter ? *delimiter : '+', to->detail,
		domain ? domain : "");
}

struct mail_recipient *mail_add_recipient(struct mail *mail, const char *path,
					  struct store_recipient *who)
{
	struct mail_recipient *to = g_new0(struct mail_recipient, 1);

	to->path = g_strdup(path);
	to->who = who;
	to->detail = who->detail ? who->detail : mail->wishes.detail;
	to->same = mail_recipient_same(mail, to);
	(void)fault_set(&to->verdict, FAULT_INTERNAL, "not delivered yet");
	g_ptr_array_add(mail->recipients, to);
	return to;
}

void mail_set_original(struct mail_recipient *to, const char *original)
{
	if (!original)
		return;
	to->original = g_strdup(original);
	to->dsn_orcpt = g_strconcat("rfc822;", original, NULL);
}

const char *mail_recipient_address(const struct mail_recipient *to)
{
	return strchr(to->path, '@') ? to->path : to->who->email;
}

struct trace mail_trace(const struct mail *mail,
			const struct mail_recipient *to)
{
	return (struct trace){
		.reverse_path = mail->reverse_path,
		.recipient = to->path,
		.helo = mail->helo,
		.peer = mail->peer,
		.hostname = mail->agent->conf->hostname,
		.is_tls = mail->is_tls,
		.is_utf8 = mail->is_utf8,
		.id = mail->id,
		.time = g_get_real_time(),
	};
}

size_t mail_size(const struct mail *mail)
{
	return g_bytes_get_size(mail->bytes);
}

int mail_set_content(struct mail *mail, GBytes *bytes, const uint8_t sha256[32],
		     struct fault *fault)
{
	size_t size = 0;
	const char *octets = g_bytes_get_data(bytes, &size);

	if (size == 0)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "the message is empty");
	if (header_count(octets, size, "Received") > MAIL_RECEIVED_MAX)
		return fault_set(fault, FAULT_LOOP,
				 "more than %d Received: lines, mail loop",
				 MAIL_RECEIVED_MAX);
	mail->check_duplicate = mail->agent->policy.duplicate_window_s > 0 &&
				(!mail->wishes.from_stdin ||
				 header_is_identified(octets, size));
	mail->bytes = g_bytes_ref(bytes);
	memcpy(mail->sha256, sha256, sizeof(mail->sha256));
	return 0;
}

const char *mail_spam_mark(struct mail *mail)
{
	size_t size = 0;
	const char *octets = g_bytes_get_data(mail->bytes, &size);

	if (!mail->is_searched)
		mail->spam_mark =
			spam_marks_find(mail->agent->spam_marks, octets, size);
	mail->is_searched = true;
	return mail->spam_mark;
}

/* The date of the topmost Received line that is not ours, unless -n or a
 * clock that is ahead says otherwise. */
static int64_t mail_delivery_time(const struct mail *mail)
{
	int64_t now = g_get_real_time();
	int64_t time = propset_number(mail->set, PR_MESSAGE_DELIVERY_TIME, now);

	return mail->wishes.now || time > now || time <= 0 ? now : time;
}

struct propset *mail_sketch(const struct mail *mail, GBytes *bytes)
{
	const struct convert_options options = {
		.flags = CONVERT_SKETCH | CONVERT_SUMMARY,
		.default_charset = mail->agent->conf->default_charset,
	};
	struct propset *set = NULL;
	struct fault fault = {0};

	if (helper_to_propset(mail->agent->helpers, bytes, -1, &options, &set,
			      &fault))
		log_message(LOG_LEVEL_WARNING,
			    "%s: conversion of what a rule made failed: %s",
			    mail->id, fault.text);
	return set;
}

static void mail_pack_meanwhile(void *mail)
{
	mail_pack(mail);
}

void mail_pack(struct mail *mail)
{
	struct content content = {.rfc822 = mail->bytes, .set = mail->set};
	struct fault fault = {0};

	if (mail->kept)
		return;
	memcpy(content.sha256, mail->sha256, sizeof(content.sha256));
	if (store_content_prepare(mail->agent->conf->store_path, &content,
				  mail->file, &mail->kept, &fault))
		log_message(LOG_LEVEL_DETAIL, "%s: %s", mail->id, fault.text);
}

/* Converts it anew. */
static void mail_make_set(struct mail *mail)
{
	static const unsigned flags[] = {
		[MAIL_SUMMARY] = CONVERT_SKETCH | CONVERT_SUMMARY,
		[MAIL_FIELDS] =
			CONVERT_SKETCH | CONVERT_SUMMARY | CONVERT_HEADERS,
		[MAIL_HEADERS] = CONVERT_SKETCH | CONVERT_HEADERS,
		[MAIL_PARTS] = CONVERT_SKETCH | CONVERT_HEADERS |
			       CONVERT_BODIES | CONVERT_PARTS,
		[MAIL_WHOLE] = CONVERT_ALL | CONVERT_PARTS,
	};
	struct convert_options options = {
		.flags = flags[mail->has.depth],
		.default_charset = mail->agent->conf->default_charset,
	};
	/* What is in memory is packed there: nothing would have to be taken
	 * back if it were not to be saved. */
	struct helper_meanwhile meanwhile = {
		mail->file < 0 ? mail_pack_meanwhile : NULL, mail};
	struct propset *set = NULL;
	struct fault fault = {0};

	if (mail->agent->conf->trust_exchange_headers)
		options.flags |= CONVERT_TRUSTED;
	if (mail->has.depth == MAIL_FIELDS)
		options.fields = mail_needs_fields(&mail->has);
	mail->is_fallback =
		helper_to_propset_while(mail->agent->helpers, mail->bytes,
					mail->file, &options, &meanwhile, &set,
					&fault) != 0;
	if (mail->is_fallback) {
		log_message(LOG_LEVEL_WARNING,
			    "%s: fallback delivery, conversion failed: %s",
			    mail->id, fault.text);
		figures_fallback();
	}
	if (mail->set)
		propset_free(mail->set);
	mail->set = set;
	mail->delivered = mail_delivery_time(mail);
}

void mail_convert_for(struct mail *mail, const struct mail_needs *needs)
{
	if (mail_needs_cover(&mail->has, needs))
		return;
	mail_needs_add(&mail->has, needs->depth);
	for (guint i = 0; needs->fields && i < needs->fields->len; i++)
		mail_needs_add_field(&mail->has, needs->fields->pdata[i]);
	mail_make_set(mail);
}

void mail_convert(struct mail *mail, enum mail_depth depth)
{
	mail_convert_for(mail, &(struct mail_needs){.depth = depth});
}
