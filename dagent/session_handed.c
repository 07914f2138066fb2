/*
 * A message that okapi-dagent hands over (XDELIVER): what the command line and
 * the environment of a process say, as arguments before the message, and the
 * message as the process was given it.  Anybody on this machine may speak here:
 * what is said counts as if that user had started okapi-deliver, but for the
 * rights, which are those of the peer.
 */
#include "session_internal.h"

#include "log.h"
#include "outcome.h"
#include "stdin_door.h"

#include <string.h>

/* Of all of them, and how many: what is claimed is not allocated before it
 * comes. */
#define HANDED_ARGUMENTS_MAX (INT64_C(1024) * 1024)
#define HANDED_WORDS_MAX     (SMTP_RECIPIENTS_MAX + 1000)

struct handed {
	struct lmtp_session *session;
	size_t arguments_left;
	GByteArray *arguments;
	struct stdin_variables variables; /* borrowed from arguments */
	struct options options;
	struct conf *conf; /* with -o; NULL: that of the daemon is it */
	struct input *input;
};

static int handed_keep(void *context, const char *octets, size_t len,
		       struct fault *fault)
{
	return session_keep(context, octets, len, fault);
}

int handed_new(struct lmtp_session *session, int64_t arguments,
	       struct handed **ret_handed, struct fault *fault)
{
	struct handed *handed;

	if (arguments > HANDED_ARGUMENTS_MAX)
		return fault_set(
			fault, FAULT_TOO_MANY,
			"the arguments have more than %" G_GINT64_FORMAT
			" octets",
			HANDED_ARGUMENTS_MAX);
	handed = g_new0(struct handed, 1);
	handed->session = session;
	handed->arguments_left = (size_t)arguments;
	handed->arguments = g_byte_array_new();
	handed->input = input_new(handed_keep, session);
	*ret_handed = handed;
	return 0;
}

void handed_free(struct handed *handed)
{
	g_byte_array_unref(handed->arguments);
	options_clear(&handed->options);
	conf_free(handed->conf);
	input_free(handed->input);
	g_free(handed);
}

static const struct conf *handed_conf(const struct handed *handed)
{
	return handed->conf ? handed->conf : handed->session->door->agent->conf;
}

/* ---- the arguments ---- */

/* The variables, up to an empty string, then the words; argv is what they are
 * with the name of the program.  Borrowed from the arguments. */
static int handed_split(struct handed *handed, GPtrArray *argv,
			struct fault *fault)
{
	char *at = (char *)handed->arguments->data;
	char *end = at + handed->arguments->len;
	bool is_word = false;

	if (at == end || end[-1])
		return fault_set(fault, FAULT_INTERNAL,
				 "XDELIVER: the arguments have no end");
	for (; at < end; at += strlen(at) + 1) {
		if (is_word)
			g_ptr_array_add(argv, at);
		else if (*at)
			stdin_door_variable(&handed->variables, at);
		is_word = is_word || !*at;
		if (argv->len > HANDED_WORDS_MAX)
			return fault_set(fault, FAULT_TOO_MANY,
					 "more than %d arguments",
					 HANDED_WORDS_MAX);
	}
	return 0;
}

/* As main() would. */
static int handed_parse(struct handed *handed, GPtrArray *argv,
			struct fault *fault)
{
	struct options *options = &handed->options;

	if (options_parse((int)argv->len, (char *const *)argv->pdata, options,
			  fault))
		return -1;
	if (options->listen || options->version || options->help)
		return fault_set(fault, FAULT_USAGE,
				 "that is no message to be delivered");
	if (!options->overrides)
		return 0;
	return conf_override(handed_conf(handed),
			     (const char *const *)options->overrides,
			     &handed->conf, fault);
}

static int handed_begin(struct handed *handed, struct fault *fault)
{
	static char program[] = "okapi-dagent";
	g_autoptr(GPtrArray) argv = g_ptr_array_new();

	g_ptr_array_add(argv, program);
	if (handed_split(handed, argv, fault))
		return -1;
	if (handed_parse(handed, argv, fault)) {
		outcome_soften(fault);
		return -1;
	}
	if (g_strv_length(handed->options.recipients) > SMTP_RECIPIENTS_MAX)
		return fault_set(fault, FAULT_TOO_MANY, "Too many recipients");
	session_open_spool(
		handed->session,
		MIN(handed_conf(handed)->message_size_limit,
		    handed->session->door->agent->conf->message_size_limit));
	return 0;
}

int handed_add(struct handed *handed, const char *octets, size_t len,
	       struct fault *fault)
{
	size_t part = MIN(len, handed->arguments_left);

	if (part > 0) {
		g_byte_array_append(handed->arguments, (const guint8 *)octets,
				    (guint)part);
		handed->arguments_left -= part;
		if (handed->arguments_left > 0)
			return 0;
	}
	if (!handed->session->spool && handed_begin(handed, fault))
		return -1;
	return part == len ? 0
			   : input_add(handed->input, octets + part, len - part,
				       fault);
}

/* ---- the message ---- */

/* The transaction, and what it is to do. */
static int handed_open(struct handed *handed, struct fault *fault)
{
	struct lmtp_session *session = handed->session;
	struct options *options = &handed->options;
	g_autofree char *sender =
		stdin_door_sender(&handed->variables, options, handed->input);

	session->size = (int64_t)spool_size(session->spool);
	session->mail = mail_new(session->door->agent, sender);
	wishes_clear(&session->mail->wishes);
	wishes_copy(&options->wishes, &session->mail->wishes);
	session->mail->wishes.from_stdin = true;
	session->mail->wishes.detail =
		stdin_door_detail(&handed->variables, handed_conf(handed));
	return session_check_wishes(session, &session->mail->wishes, fault);
}

/* found[i] is the recipient, or faults[i] why there is none. */
static void handed_add_recipients(struct handed *handed,
				  struct mail_recipient **found,
				  struct fault *faults)
{
	char *const *paths = handed->options.recipients;
	const char *original =
		stdin_door_original(&handed->variables, &handed->options);

	for (size_t i = 0; paths[i]; i++) {
		/* What cannot be a path is nobody whom the store could know. */
		if (!smtp_path_check(paths[i], true, false)) {
			(void)fault_set(&faults[i], FAULT_NO_RECIPIENT,
					"<%s>: no such recipient", paths[i]);
			continue;
		}
		found[i] = session_recipient(handed->session, paths[i],
					     &faults[i]);
		if (found[i])
			mail_set_original(found[i], original);
	}
}

static int handed_deliver(struct handed *handed, struct fault *fault)
{
	struct lmtp_session *session = handed->session;
	size_t count = g_strv_length(handed->options.recipients);
	g_autofree struct fault *faults = g_new0(struct fault, count);
	g_autofree struct mail_recipient **found =
		g_new0(struct mail_recipient *, count);

	if (handed_open(handed, fault))
		return -1;
	handed_add_recipients(handed, found, faults);
	if (session->mail->recipients->len > 0 &&
	    session_deliver(session, fault))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (found[i])
			faults[i] = found[i]->verdict;
	*fault = *outcome_of_many(faults, count);
	return 0;
}

int handed_end(struct handed *handed, struct fault *verdict)
{
	if (verdict->kind == FAULT_NONE && !handed->session->spool)
		(void)fault_set(verdict, FAULT_INTERNAL,
				"XDELIVER: the arguments are not whole");
	if (verdict->kind == FAULT_NONE &&
	    input_end(handed->input, verdict) == 0)
		(void)handed_deliver(handed, verdict);
	return outcome_exit(verdict, handed->options.qmail);
}
