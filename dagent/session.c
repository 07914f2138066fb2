/*
 * The LMTP session: envelope, octets, answers.
 */
#include "session_internal.h"

#include "deliver.h"
#include "digest.h"
#include "figures.h"
#include "log.h"
#include "resolve.h"
#include "store/messages.h"

#include <pwd.h>
#include <string.h>

#define SESSION_FOLDER_MAX 4096 /* octets of a path with its separators */

/* ---- who may what ---- */

static bool session_is_trusted_uid(const struct session_door *door, uid_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < door->trusted_count; i++)
		if (door->trusted[i] == uid)
			return true;
	return false;
}

/* The login name of a uid; owned, NULL if it has none. */
static char *session_login_of(uid_t uid)
{
	char buffer[4096];
	struct passwd entry;
	struct passwd *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) || !found)
		return NULL;
	return g_strdup(entry.pw_name);
}

static int session_admit_private(struct lmtp_session *session,
				 const struct net_peer *peer,
				 struct fault *fault)
{
	if (session_is_trusted_uid(session->door, peer->uid))
		return 0;
	session->login = session_login_of(peer->uid);
	if (session->login)
		return 0;
	return fault_set(fault, FAULT_NOT_YOURS, "uid %ld has no login name",
			 (long)peer->uid);
}

static int session_admit(struct lmtp_session *session, struct fault *fault)
{
	const struct net_peer *peer = session->serve->peer;
	const struct conf *conf = session->door->agent->conf;

	if (session->door->is_private)
		return session_admit_private(session, peer, fault);
	if (net_peer_in(peer, (const char *const *)conf->lmtp_networks))
		return 0;
	if (*conf->tls_cert_file && *conf->tls_client_ca_file) {
		session->needs_cert = true;
		return 0;
	}
	return fault_set(fault, FAULT_NOT_YOURS, "%s is not in lmtp_networks",
			 peer->name);
}

void *session_open(const struct serve_session *serve, struct fault *fault)
{
	struct lmtp_session *session = g_new0(struct lmtp_session, 1);

	session->serve = serve;
	session->door = serve->service_context;
	if (session_admit(session, fault)) {
		log_message(LOG_LEVEL_WARNING,
			    "session %" G_GUINT64_FORMAT " refused: %s",
			    serve->number, fault->text);
		g_free(session);
		return NULL;
	}
	g_atomic_int_inc(session->door->sessions);
	figures_session();
	log_message(LOG_LEVEL_DETAIL, "session %" G_GUINT64_FORMAT " from %s",
		    serve->number, serve->peer->name);
	return session;
}

/* ---- the transaction ---- */

static void session_reset(void *context)
{
	struct lmtp_session *session = context;

	g_clear_pointer(&session->mail, mail_free);
	g_clear_pointer(&session->spool, spool_free);
	g_clear_pointer(&session->digest, digest_free);
	g_clear_pointer(&session->handed, handed_free);
}

void session_close(void *context)
{
	struct lmtp_session *session = context;
	gint *sessions = session->door->sessions;

	session_reset(session);
	g_free(session->login);
	g_free(session->helo);
	g_free(session->client);
	g_free(session->client_helo);
	g_free(session);
	g_atomic_int_add(sessions, -1);
}

/* Only who may name any recipient anyway is believed. */
static bool session_xclient_offered(void *context)
{
	const struct lmtp_session *session = context;

	return !session->door->is_private && !session->needs_cert;
}

/* Trace and log name the client; what the session may do does not change. */
static void session_xclient(void *context, const struct smtp_xclient *client)
{
	struct lmtp_session *session = context;

	g_free(session->client);
	g_free(session->client_helo);
	session->client = g_strdup(client->address);
	session->client_helo =
		g_strdup(client->helo ? client->helo : client->name);
	log_message(LOG_LEVEL_DETAIL,
		    "session %" G_GUINT64_FORMAT " is of %s by XCLIENT",
		    session->serve->number,
		    client->address ? client->address : "somebody");
}

static void session_hello(void *context, const char *name)
{
	struct lmtp_session *session = context;

	g_free(session->helo);
	session->helo = g_strdup(name);
	/* Okapi's own programs on another machine. */
	if (session->door->certified && session->serve->tls &&
	    tls_session_is_trusted(session->serve->tls))
		smtp_server_set_options(session->serve->server,
					session->door->certified);
}

/* What an option of the other side may ask for. */
int session_check_wishes(struct lmtp_session *session, struct wishes *wishes,
			 struct fault *fault)
{
	bool is_trusted = session->door->is_private && !session->login;

	/* It is looked for, and told of, for each recipient. */
	if (wishes->folder && strlen(wishes->folder) > SESSION_FOLDER_MAX)
		return fault_set(fault, FAULT_CONFIG,
				 "the path of the folder has more than %d "
				 "octets",
				 SESSION_FOLDER_MAX);
	if (session->login && wishes->in_public)
		return fault_set(fault, FAULT_NOT_YOURS,
				 "user %s may not deliver to the public store "
				 "(trusted_users)",
				 session->login);
	/* A program of another machine is none of this one. */
	if (wishes->autoresponder && !is_trusted) {
		log_message(LOG_LEVEL_WARNING,
			    "autoresponder %.200s of %s%s is not used: not in "
			    "trusted_users",
			    wishes->autoresponder,
			    session->login ? "user " : "",
			    session->login ? session->login
					   : session->serve->peer->name);
		g_clear_pointer(&wishes->autoresponder, g_free);
	}
	return 0;
}

static int session_take_wishes(struct lmtp_session *session, const char *text,
			       struct fault *fault)
{
	struct mail *mail = session->mail;

	wishes_clear(&mail->wishes);
	if (wishes_parse(text, &mail->wishes, fault) ||
	    session_check_wishes(session, &mail->wishes, fault))
		return -1;
	if (mail->wishes.sender) {
		g_free(mail->reverse_path);
		mail->reverse_path = g_strdup(mail->wishes.sender);
	}
	return 0;
}

static int session_mail(void *context, const struct smtp_mail *mail,
			struct fault *fault)
{
	struct lmtp_session *session = context;

	if (session->needs_cert &&
	    !(session->serve->tls &&
	      tls_session_is_trusted(session->serve->tls)))
		return fault_set(fault, FAULT_NOT_YOURS,
				 "%s is not in lmtp_networks and showed no "
				 "trusted certificate",
				 session->serve->peer->name);
	if (mail->no_path)
		log_message(LOG_LEVEL_WARNING,
			    "session %" G_GUINT64_FORMAT
			    ": the sender <%s> is no address: taken for <>",
			    session->serve->number, mail->no_path);
	session->size = mail->size;
	session->mail = mail_new(session->door->agent, mail->reverse_path);
	session->mail->dsn_ret = g_strdup(mail->dsn_ret);
	session->mail->dsn_envid = g_strdup(mail->dsn_envid);
	if (mail->private_options &&
	    session_take_wishes(session, mail->private_options, fault)) {
		session_reset(session);
		return -1;
	}
	if (session->door->is_private && mail->private_options)
		return 0;
	session->mail->helo = g_strdup(
		session->client_helo ? session->client_helo : session->helo);
	session->mail->peer = g_strdup(
		session->client ? session->client : session->serve->peer->name);
	session->mail->is_tls = session->serve->tls != NULL;
	session->mail->is_utf8 = mail->smtputf8;
	return 0;
}

static int session_not_yours(const struct lmtp_session *session,
			     const char *path, struct fault *fault)
{
	return fault_set(fault, FAULT_NOT_YOURS,
			 "<%s>: user %s may deliver to the own store only "
			 "(trusted_users)",
			 path, session->login);
}

/* Who may name nobody else does not learn who is here, either. */
static int session_resolve(const struct lmtp_session *session, const char *path,
			   struct store_recipient **ret_who,
			   struct fault *fault)
{
	if (resolve_recipient(session->mail, NULL, path, ret_who, fault) == 0)
		return 0;
	if (session->login && !fault_is_temporary(fault) &&
	    g_ascii_strcasecmp(session->login, path) != 0)
		return session_not_yours(session, path, fault);
	return -1;
}

static int session_check_recipient(const struct lmtp_session *session,
				   const struct store_recipient *who,
				   const char *path, struct fault *fault)
{
	if (session->login &&
	    g_ascii_strcasecmp(session->login, who->name) != 0)
		return session_not_yours(session, path, fault);
	if (session->size < 0 || session->mail->wishes.in_public)
		return 0;
	return quota_check(&session->door->agent->policy, who, path,
			   session->size, fault);
}

/* The address of ORCPT (RFC 3461 4.2), owned; NULL: none, or of another
 * kind. */
static char *session_original(const struct smtp_rcpt *rcpt)
{
	static const char *const types[] = {"rfc822;", "utf-8;"};
	const char *orcpt = rcpt->dsn_orcpt ? rcpt->dsn_orcpt : "";

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_ascii_strncasecmp(orcpt, types[i], strlen(types[i])) == 0)
			return g_strdup(orcpt + strlen(types[i]));
	return NULL;
}

struct mail_recipient *session_recipient(struct lmtp_session *session,
					 const char *path, struct fault *fault)
{
	int64_t started = g_get_monotonic_time();
	AUTO(store_recipient) who = NULL;

	if (session_resolve(session, path, &who, fault) ||
	    session_check_recipient(session, who, path, fault)) {
		deliver_log_refusal(session->mail, path, session->size, started,
				    fault);
		return NULL;
	}
	return mail_add_recipient(session->mail, path, g_steal_pointer(&who));
}

static int session_rcpt(void *context, const struct smtp_rcpt *rcpt,
			struct fault *fault)
{
	struct mail_recipient *to =
		session_recipient(context, rcpt->path, fault);

	if (!to)
		return -1;
	to->dsn_notify = rcpt->dsn_notify;
	to->dsn_orcpt = g_strdup(rcpt->dsn_orcpt);
	to->original = session_original(rcpt);
	return 0;
}

void session_open_spool(struct lmtp_session *session, int64_t limit)
{
	session->spool = spool_new(limit);
	spool_set_place(session->spool, store_content_file,
			session->door->agent->conf->store_path);
	session->digest = digest_new();
}

int session_keep(struct lmtp_session *session, const char *octets, size_t len,
		 struct fault *fault)
{
	digest_update(session->digest, octets, len);
	return spool_add(session->spool, octets, len, fault);
}

static int session_data_begin(void *context, struct fault *fault)
{
	struct lmtp_session *session = context;

	(void)fault;
	if (!session->handed)
		session_open_spool(
			session,
			session->door->agent->conf->message_size_limit);
	return 0;
}

static int session_data(void *context, const char *octets, size_t len,
			struct fault *fault)
{
	struct lmtp_session *session = context;

	return session->handed ? handed_add(session->handed, octets, len, fault)
			       : session_keep(session, octets, len, fault);
}

/* What will be looked at, so that the message is converted once. */
static int session_foresee(struct lmtp_session *session,
			   struct mail_needs *needs, struct fault *fault)
{
	struct agent *agent = session->door->agent;
	struct store *store = NULL;

	if (agent_take_store(agent, &store, fault))
		return -1;
	deliver_foresee(session->mail, store, needs);
	agent_give_store(agent, store);
	return 0;
}

static int session_convert_and_save(struct lmtp_session *session,
				    struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	uint8_t sha256[DIGEST_SIZE];
	struct mail_needs needs = {0};
	struct store *store = NULL;

	digest_finish(g_steal_pointer(&session->digest), sha256);
	if (spool_finish(session->spool, &bytes, fault) ||
	    mail_set_content(session->mail, bytes, sha256, fault))
		return -1;
	session->mail->file = spool_take_file(session->spool);
	/* A connection is held neither for the helper nor for the commit: few
	 * are enough for many sessions. */
	if (session_foresee(session, &needs, fault))
		return -1;
	mail_convert_for(session->mail, &needs);
	mail_needs_clear(&needs);
	if (agent_take_store(session->door->agent, &store, fault))
		return -1;
	deliver_decide(session->mail, store);
	agent_give_store(session->door->agent, store);
	deliver_save(session->mail, NULL);
	return 0;
}

int session_deliver(struct lmtp_session *session, struct fault *fault)
{
	struct committer *committer = session->door->agent->committer;
	int rc;

	committer_expect(committer, 1);
	rc = session_convert_and_save(session, fault);
	committer_expect(committer, -1);
	if (rc)
		log_message(LOG_LEVEL_WARNING, "%s: from=<%s>: %s",
			    session->mail->id, session->mail->reverse_path,
			    fault->text);
	return rc;
}

static void session_finish(void *context, struct fault *replies, size_t count)
{
	struct lmtp_session *session = context;
	struct fault fault = {0};
	bool is_refused = session_deliver(session, &fault) < 0;

	for (size_t i = 0; i < count && i < session->mail->recipients->len;
	     i++) {
		const struct mail_recipient *to =
			session->mail->recipients->pdata[i];

		replies[i] = is_refused ? fault : to->verdict;
	}
}

/* ---- XDELIVER ---- */

static int session_deliver_begin(void *context, int64_t arguments,
				 struct fault *fault)
{
	struct lmtp_session *session = context;

	return handed_new(session, arguments, &session->handed, fault);
}

static int session_deliver_end(void *context, struct fault *verdict)
{
	struct lmtp_session *session = context;

	return handed_end(session->handed, verdict);
}

const struct smtp_handler session_handler = {
	.hello = session_hello,
	.xclient_offered = session_xclient_offered,
	.xclient = session_xclient,
	.mail = session_mail,
	.rcpt = session_rcpt,
	.data_begin = session_data_begin,
	.data = session_data,
	.finish = session_finish,
	.deliver = session_deliver_begin,
	.delivered = session_deliver_end,
	.reset = session_reset,
};
