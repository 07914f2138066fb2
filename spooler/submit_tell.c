/*
 * Telling somebody that a message will never be submitted: a report in their
 * Inbox (submit.h).
 */
#include "submit_internal.h"

#include "digest.h"
#include "log.h"
#include "report.h"
#include "store/folders.h"
#include "store/messages.h"

#include <string.h>

struct tell {
	struct submit *submit;
	struct store_user *user;
	struct content content;
	int64_t now;
};

/* Who has to do with it: the caller; whose address the sender is, where the
 * caller may say so; those who are there for what is nobody's. */
static int tell_choose(struct submit *submit, const struct conf *conf,
		       const struct submit_caller *caller, const char *sender,
		       struct store_user **ret_user, struct fault *fault)
{
	int found = 1;

	pthread_mutex_lock(&submit->lock);
	if (sender && caller->is_trusted)
		found = submit_find_owner(submit, sender, ret_user, fault);
	if (found == 1)
		found = submit_find_user(submit, caller->login, ret_user,
					 fault);
	if (found == 1)
		found = submit_find_user(submit, conf->submit_default_user,
					 ret_user, fault);
	if (found == 1)
		found = submit_find_owner(submit, conf->postmaster, ret_user,
					  fault);
	pthread_mutex_unlock(&submit->lock);
	return found;
}

static GPtrArray *tell_recipients(const struct envelope *envelope,
				  const struct fault *why)
{
	GPtrArray *told = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; envelope && i < envelope->recipients->len; i++) {
		const struct envelope_recipient *from =
			envelope->recipients->pdata[i];
		struct report_recipient *to =
			g_new0(struct report_recipient, 1);

		*to = (struct report_recipient){
			.action = REPORT_FAILED,
			.address = from->address,
			.orcpt = from->orcpt,
			.status = fault_status(why),
			.reply = why->text,
		};
		g_ptr_array_add(told, to);
	}
	return told;
}

/* The value of Subject, as it stands there; owned. */
static char *tell_subject(const char *octets, size_t len)
{
	static const char name[] = "\nSubject:";
	g_autofree char *header = g_strndup(octets, MIN(len, 65536));
	char *found = NULL;

	if (g_ascii_strncasecmp(header, name + 1, strlen(name + 1)) == 0)
		found = header + strlen(name + 1);
	for (char *p = header; !found && (p = strchr(p, '\n')); p++) {
		if (p[1] == '\n' || p[1] == '\r')
			break;
		if (g_ascii_strncasecmp(p, name, strlen(name)) == 0)
			found = p + strlen(name);
	}
	if (!found)
		return g_strdup("");
	found[strcspn(found, "\r\n")] = '\0';
	return g_strdup(g_strstrip(found));
}

static void tell_compose(struct tell *tell, const struct conf *conf,
			 const struct envelope *envelope, const void *octets,
			 size_t len, const struct fault *why)
{
	g_autoptr(GPtrArray) told = tell_recipients(envelope, why);
	g_autofree struct report_recipient *recipients =
		g_new0(struct report_recipient, told->len + 1);
	g_autofree char *subject = tell_subject(octets, len);
	struct report_recipient whole = {
		.action = REPORT_FAILED,
		.address = "undisclosed-recipients",
		.status = fault_status(why),
		.reply = why->text,
	};
	struct report report = {
		.hostname = conf->hostname,
		.origin = conf->origin,
		.to = tell->user->email,
		.subject = subject,
		.envid = envelope ? envelope->envid : NULL,
		.relay = "",
		.arrived = tell->now,
		.now = tell->now,
		.recipients = recipients,
		.recipient_count = MAX(told->len, 1),
		.original = octets,
		.original_len = len,
	};
	gsize size;
	const void *bytes;

	recipients[0] = whole;
	for (guint i = 0; i < told->len; i++)
		recipients[i] = *(struct report_recipient *)told->pdata[i];
	tell->content.rfc822 =
		g_byte_array_free_to_bytes(report_compose(&report));
	bytes = g_bytes_get_data(tell->content.rfc822, &size);
	digest_sha256(bytes, size, tell->content.sha256);
}

static int tell_unit(struct store *store, void *context, struct fault *fault)
{
	struct tell *tell = context;
	struct delivery_copy copy = {.trace = "", .received = tell->now};
	struct delivery delivery = {
		.store = tell->user->store,
		.recipient = tell->user->email,
		.reverse_path = "",
		.content = &tell->content,
		.copies = &copy,
		.copy_count = 1,
	};
	struct delivery_result result;

	if (store_folder_by_role(store, tell->user->store, FOLDER_INBOX,
				 &copy.folder, fault) != 0)
		return -1;
	return store_deliver(store, &delivery, &result, fault);
}

static int tell_deliver(struct tell *tell, const struct conf *conf,
			struct fault *fault)
{
	struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = conf->default_charset,
	};
	AUTO(propset) set = NULL;
	struct fault why = {0};

	if (helper_to_propset(tell->submit->helpers, tell->content.rfc822, -1,
			      &options, &set, &why) != 0)
		log_message(LOG_LEVEL_WARNING,
			    "a report could not be converted: %s", why.text);
	report_set_class(set, REPORT_FAILED);
	tell->content.set = set;
	return committer_run(tell->submit->committer, tell_unit, tell, fault);
}

int submit_tell(struct submit *submit, const struct submit_caller *caller,
		const struct envelope *envelope, const void *octets, size_t len,
		const struct fault *why, struct fault *fault)
{
	struct settings *settings = submit_settings(submit);
	struct tell tell = {.submit = submit, .now = g_get_real_time()};
	int result = tell_choose(submit, settings->conf, caller,
				 envelope ? envelope->sender : NULL, &tell.user,
				 fault);

	if (result == 0) {
		tell_compose(&tell, settings->conf, envelope, octets, len, why);
		result = tell_deliver(&tell, settings->conf, fault);
		g_bytes_unref(tell.content.rfc822);
		store_user_free(tell.user);
	}
	settings_unref(settings);
	return result;
}
