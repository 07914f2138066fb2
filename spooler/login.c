/*
 * Logging in at the submission service; see login.h.
 */
#include "login.h"

#include "log.h"
#include "metrics.h"
#include "scram.h"
#include "store/senders.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#define LOGIN_ADDRESSES_MAX 10000
#define LOGIN_DELAY_US      (USEC_PER_SEC / 20) /* for each failure */

/* A hash that no password has, to take the time of one that has. */
#define LOGIN_NO_HASH                                                          \
 "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$"                             \
 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* ---- who was wrong ---------------------------------------------------------
 */

struct login_guard {
	pthread_mutex_t lock;
	GHashTable *wrong; /* address -> struct login_wrong */
	struct metric *accepted;
	struct metric *refused;
	struct metric *limited;
};

static struct metric *login_metric(const char *label)
{
	return metric_counter("okapi_logins", label,
			      "Logins at the submission service");
}

struct login_wrong {
	int64_t since;
	unsigned count;
};

struct login_guard *login_guard_new(void)
{
	struct login_guard *guard = g_new0(struct login_guard, 1);

	pthread_mutex_init(&guard->lock, NULL);
	guard->wrong =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	guard->accepted = login_metric("result=\"accepted\"");
	guard->refused = login_metric("result=\"refused\"");
	guard->limited = login_metric("result=\"limited\"");
	return guard;
}

void login_guard_free(struct login_guard *guard)
{
	if (!guard)
		return;
	g_hash_table_unref(guard->wrong);
	pthread_mutex_destroy(&guard->lock);
	g_free(guard);
}

/* The address without what its owner may choose; owned. */
static char *login_guard_key(const struct net_peer *peer)
{
	const struct sockaddr_in6 *v6 =
		(const struct sockaddr_in6 *)(const void *)&peer->address;

	if (peer->address.ss_family != AF_INET6 ||
	    IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return g_strdup(peer->name);
	return g_base64_encode(v6->sin6_addr.s6_addr, 8);
}

/* What stands there of a key that is not over by now; with the lock. */
static struct login_wrong *login_guard_find(struct login_guard *guard,
					    const char *key, int64_t now)
{
	struct login_wrong *wrong = g_hash_table_lookup(guard->wrong, key);

	if (!wrong || now - wrong->since < LOGIN_WRONG_US)
		return wrong;
	(void)g_hash_table_remove(guard->wrong, key);
	return NULL;
}

static gboolean login_guard_is_over(gpointer key G_GNUC_UNUSED, gpointer value,
				    gpointer now)
{
	const struct login_wrong *wrong = value;

	return *(const int64_t *)now - wrong->since >= LOGIN_WRONG_US;
}

int login_guard_check(struct login_guard *guard, const struct net_peer *peer,
		      int64_t now, struct fault *fault)
{
	g_autofree char *key = login_guard_key(peer);
	const struct login_wrong *wrong;
	bool too_often;

	pthread_mutex_lock(&guard->lock);
	wrong = login_guard_find(guard, key, now);
	too_often = wrong && wrong->count >= LOGIN_WRONG_MAX;
	pthread_mutex_unlock(&guard->lock);
	if (!too_often)
		return 0;
	metric_add(guard->limited, 1);
	return fault_set(fault, FAULT_TOO_MANY,
			 "Too many failed logins from your address, "
			 "try again later");
}

unsigned login_guard_count(struct login_guard *guard,
			   const struct net_peer *peer, int64_t now)
{
	g_autofree char *key = login_guard_key(peer);
	struct login_wrong *wrong;
	unsigned count;

	pthread_mutex_lock(&guard->lock);
	wrong = login_guard_find(guard, key, now);
	if (!wrong) {
		if (g_hash_table_size(guard->wrong) >= LOGIN_ADDRESSES_MAX)
			(void)g_hash_table_foreach_remove(
				guard->wrong, login_guard_is_over, &now);
		if (g_hash_table_size(guard->wrong) >= LOGIN_ADDRESSES_MAX)
			g_hash_table_remove_all(guard->wrong);
		wrong = g_new0(struct login_wrong, 1);
		wrong->since = now;
		g_hash_table_insert(guard->wrong, g_steal_pointer(&key), wrong);
	}
	count = ++wrong->count;
	pthread_mutex_unlock(&guard->lock);
	return count;
}

/* ---- a session -------------------------------------------------------------
 */

struct login {
	struct login_guard *guard;
	struct submit *submit;
	const struct net_peer *peer;
	struct scram *scram; /* of the exchange that is under way */
	char *claimed;       /* login of the user it says it is, or NULL */
	char *name;          /* login of the user it is */
};

struct login *login_new(struct login_guard *guard, struct submit *submit,
			const struct net_peer *peer)
{
	struct login *login = g_new0(struct login, 1);

	login->guard = guard;
	login->submit = submit;
	login->peer = peer;
	return login;
}

void login_free(struct login *login)
{
	if (!login)
		return;
	scram_free(login->scram);
	g_free(login->claimed);
	g_free(login->name);
	g_free(login);
}

const char *login_name(const struct login *login)
{
	return login->name;
}

static void login_tell(const struct login *login, const char *user,
		       const char *mechanism, bool is_right)
{
	struct log_event *event =
		log_event_new(is_right ? "login" : "login refused");

	/* First what the peer cannot choose (dist/fail2ban). */
	log_event_text(event, "peer", login->peer->name);
	log_event_text(event, "mechanism", mechanism);
	log_event_text(event, "user", user);
	log_event_emit(event, is_right ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING);
}

static int login_refuse(struct login *login, const char *user,
			const char *mechanism, struct fault *fault)
{
	unsigned count = login_guard_count(login->guard, login->peer,
					   g_get_monotonic_time());

	metric_add(login->guard->refused, 1);
	login_tell(login, user, mechanism, false);
	g_usleep(LOGIN_DELAY_US * MIN(count, LOGIN_WRONG_MAX));
	return fault_set(fault, FAULT_NOT_ALLOWED, "Authentication failed");
}

static int login_accept(struct login *login, char **name, const char *mechanism)
{
	metric_add(login->guard->accepted, 1);
	login_tell(login, *name, mechanism, true);
	g_free(login->name);
	login->name = g_steal_pointer(name);
	return 0;
}

int login_plain(struct login *login, const char *authzid, const char *user,
		const char *password, struct fault *fault)
{
	AUTO(store_secrets) secrets = NULL;
	g_autofree char *name = NULL;
	bool is_right;

	if (login_guard_check(login->guard, login->peer, g_get_monotonic_time(),
			      fault) != 0 ||
	    submit_find_login(login->submit, user, &name, &secrets, fault) != 0)
		return -1;
	is_right = password_matches(password, secrets && *secrets->password
						      ? secrets->password
						      : LOGIN_NO_HASH);
	/* Nobody acts for somebody else. */
	if (!is_right || (*authzid && strcmp(authzid, user) != 0))
		return login_refuse(login, user, "PLAIN", fault);
	if (!*secrets->scram)
		submit_set_scram(login->submit, name, password);
	return login_accept(login, &name, "PLAIN");
}

bool login_scram_offered(struct login *login)
{
	return submit_has_scram(login->submit);
}

int login_scram_first(struct login *login, const char *message,
		      char **ret_answer, struct fault *fault)
{
	AUTO(scram) scram = scram_new(NULL);
	AUTO(store_secrets) secrets = NULL;
	const char *user;

	g_clear_pointer(&login->claimed, g_free);
	if (login_guard_check(login->guard, login->peer, g_get_monotonic_time(),
			      fault) != 0 ||
	    scram_client_first(scram, message, &user, fault) != 0 ||
	    submit_find_login(login->submit, user, &login->claimed, &secrets,
			      fault) != 0)
		return -1;
	*ret_answer =
		scram_server_first(scram, secrets ? secrets->scram : NULL);
	scram_free(login->scram);
	login->scram = g_steal_pointer(&scram);
	return 0;
}

int login_scram_final(struct login *login, const char *message,
		      char **ret_answer, struct fault *fault)
{
	AUTO(scram) scram = g_steal_pointer(&login->scram);

	if (!scram ||
	    scram_client_final(scram, message, ret_answer, fault) != 0)
		return login_refuse(login, login->claimed ? login->claimed : "",
				    "SCRAM-SHA-256", fault);
	return login_accept(login, &login->claimed, "SCRAM-SHA-256");
}
