/*
 * Opening a session of our own SMTP client: greeting, EHLO, STARTTLS, AUTH; see
 * relay_direct.h.
 */
#include "relay_direct.h"

#include "field.h"
#include "log.h"
#include "relay_auth.h"

#include <string.h>

#define HELLO_AUTH_STEPS 8

static int hello_await(struct relay_direct *direct, struct fault *fault)
{
	return relay_link_reply(direct->link,
				direct->options->timeouts.command_ms,
				direct->reply, fault);
}

static int hello_ask(struct relay_direct *direct, struct fault *fault)
{
	if (relay_link_flush(direct->link, direct->options->timeouts.block_ms,
			     fault) != 0)
		return -1;
	return hello_await(direct, fault);
}

static int hello_refused(struct relay_direct *direct, const char *what,
			 struct fault *fault)
{
	g_autofree char *words =
		field_clean(direct->reply->text->str, RELAY_TEXT_MAX / 3);

	return fault_set(fault, FAULT_NETWORK,
			 "the relay host refused %s: %d %s", what,
			 direct->reply->code, words);
}

/* EHLO, or HELO where that is unknown; tells how far away the host is. */
static int hello_introduce(struct relay_direct *direct, struct fault *fault)
{
	const char *name = direct->options->hostname;
	int64_t began = g_get_monotonic_time();

	relay_offer_clear(&direct->offer);
	relay_link_put(direct->link, "EHLO %s\r\n", name);
	if (hello_ask(direct, fault) != 0)
		return -1;
	g_atomic_int_set(&direct->place->is_far,
			 g_get_monotonic_time() - began >= RELAY_FAR_US);
	if (direct->reply->code / 100 == 2) {
		for (guint i = 1; i < direct->reply->lines->len; i++)
			relay_offer_add(&direct->offer,
					direct->reply->lines->pdata[i]);
		if (!direct->options->smtputf8)
			direct->offer.utf8 = false;
		if (g_atomic_int_get(&direct->place->bdat_refused))
			direct->offer.chunking = false;
		g_atomic_int_set(&direct->place->has_chunking,
				 direct->offer.chunking);
		return 0;
	}
	if (direct->reply->code / 100 == 5) {
		relay_link_put(direct->link, "HELO %s\r\n", name);
		if (hello_ask(direct, fault) != 0)
			return -1;
	}
	return direct->reply->code / 100 == 2
		       ? 0
		       : hello_refused(direct, "the session", fault);
}

static int hello_start_tls(struct relay_direct *direct, struct fault *fault)
{
	relay_link_put(direct->link, "STARTTLS\r\n");
	if (hello_ask(direct, fault) != 0)
		return -1;
	direct->tls_failed = true;
	if (direct->reply->code != 220)
		return hello_refused(direct, "STARTTLS", fault);
	if (relay_link_start_tls(direct->link, direct->place,
				 direct->options->timeouts.command_ms,
				 fault) != 0)
		return -1;
	direct->tls_failed = false;
	return hello_introduce(direct, fault);
}

/* One mechanism, from AUTH to its last reply (RFC 4954 4).  1, with a fault:
 * the relay host said no for good, and may be asked with another. */
static int hello_exchange(struct relay_direct *direct, struct relay_auth *auth,
			  struct fault *fault)
{
	g_autoptr(GString) first = relay_auth_begin(auth);
	g_autofree char *text =
		first ? g_base64_encode((const guchar *)first->str, first->len)
		      : NULL;

	relay_link_put(direct->link, "AUTH %s%s%s\r\n",
		       relay_auth_mechanism(auth), text ? " " : "",
		       text ? text : "");
	for (int step = 0; step < HELLO_AUTH_STEPS; step++) {
		g_autoptr(GString) answer = NULL;
		g_autofree guchar *challenge = NULL;
		g_autofree char *encoded = NULL;
		struct fault why = {0};
		gsize len;

		if (hello_ask(direct, fault) != 0)
			return -1;
		if (direct->reply->code != 334)
			break;
		/* GLib ends what it decodes with a zero octet. */
		challenge = g_base64_decode(direct->reply->text->str, &len);
		answer = relay_auth_answer(auth, (const char *)challenge, &why);
		if (!answer) {
			*fault = why;
			return fault_prefix(fault, "the relay host's AUTH %s",
					    relay_auth_mechanism(auth));
		}
		encoded = g_base64_encode((const guchar *)answer->str,
					  answer->len);
		relay_link_put(direct->link, "%s\r\n", encoded);
	}
	if (direct->reply->code / 100 != 2) {
		(void)hello_refused(direct, "the login of smtp_user", fault);
		if (direct->reply->code / 100 != 5)
			return -1; /* not now, or not here */
		fault->kind = FAULT_NOT_ALLOWED;
		return 1;
	}
	if (!relay_auth_is_mutual(auth))
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host ended AUTH %s before it had "
				 "proven that it knows the password",
				 relay_auth_mechanism(auth));
	return 0;
}

/* ---- channel bindings ----
 * A relay host offers SCRAM-SHA-256-PLUS without saying by what it can be
 * bound.  So types are tried in turn, and then none; what was refused is kept
 * with the place. */

/* Best first; each session has those of its version of TLS. */
static const char *const hello_bindings[] = {"tls-exporter", "tls-unique",
					     "tls-server-end-point"};
#define HELLO_ALL_BINDINGS ((1U << G_N_ELEMENTS(hello_bindings)) - 1)

/* The first that was not refused, with its data (owned). */
static void hello_bind(struct relay_direct *direct,
		       struct relay_binding *ret_binding)
{
	unsigned refused =
		(unsigned)g_atomic_int_get(&direct->place->bindings_refused);

	*ret_binding = (struct relay_binding){0};
	for (size_t i = 0; i < G_N_ELEMENTS(hello_bindings); i++) {
		if (refused & 1U << i)
			continue;
		ret_binding->data =
			relay_link_binding(direct->link, hello_bindings[i]);
		if (!ret_binding->data)
			continue;
		ret_binding->type = hello_bindings[i];
		return;
	}
}

/* A login was refused.  Is there another to try, for the binding may be to
 * blame? */
static bool hello_unbind(struct relay_direct *direct,
			 const struct relay_auth *auth,
			 const struct relay_binding *binding)
{
	unsigned *refused = &direct->place->bindings_refused;
	g_autofree char *where = relay_place_format(direct->place);
	unsigned types = HELLO_ALL_BINDINGS;

	switch (relay_auth_blame(auth)) {
	case RELAY_BLAME_NOTHING:
		/* Of a login that is wrong nothing was learned. */
		g_atomic_int_set(refused, 0);
		return false;
	case RELAY_BLAME_TYPE:
		for (size_t i = 0; i < G_N_ELEMENTS(hello_bindings); i++)
			if (strcmp(hello_bindings[i], binding->type) == 0)
				types = 1U << i;
		break;
	case RELAY_BLAME_BINDING:
		break;
	}
	(void)g_atomic_int_or(refused, types);
	log_message(LOG_LEVEL_WARNING,
		    "relay host %s: refused %s bound by %s; it is asked "
		    "without that from now on",
		    where, relay_auth_mechanism(auth), binding->type);
	return true;
}

/* Nothing that is offered can be used.  If that is for want of a binding the
 * login before was refused as well, and nothing was learned of bindings. */
static int hello_give_up(struct relay_direct *direct, struct fault *fault)
{
	g_atomic_int_set(&direct->place->bindings_refused, 0);
	if (fault->kind == FAULT_NOT_ALLOWED)
		return -1;
	return fault_set(fault, FAULT_NOT_ALLOWED,
			 "the relay host offers no AUTH that can be used%s",
			 relay_link_has_tls(direct->link) ? ""
							  : " without TLS");
}

/* One login; as hello_exchange(), 2: to be tried with another binding.  fault:
 * of the login before. */
static int hello_try(struct relay_direct *direct, const char *token,
		     struct fault *fault)
{
	const char *offered = direct->offer.auth ? direct->offer.auth : "";
	struct relay_binding binding;
	g_autoptr(GBytes) data = NULL;
	AUTO(relay_auth) auth = NULL;
	int result;

	hello_bind(direct, &binding);
	/* To be freed. NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores) */
	data = binding.data;
	auth = relay_auth_new(offered, &direct->options->login, token,
			      &binding);
	if (!auth)
		return hello_give_up(direct, fault);
	result = hello_exchange(direct, auth, fault);
	if (result == 1 && hello_unbind(direct, auth, &binding))
		return 2;
	return result;
}

static int hello_log_in(struct relay_direct *direct, struct fault *fault)
{
	const struct relay_login *login = &direct->options->login;
	g_autofree char *token = NULL;
	struct fault why = {0};
	int result;

	if (!relay_may_log_in(direct->options,
			      relay_link_is_loopback(direct->link),
			      relay_link_has_tls(direct->link),
			      relay_link_is_verified(direct->link)))
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 RELAY_UNVERIFIED_WORDS);
	if (*login->token_command &&
	    relay_token_get(login->token_command, &token, fault) != 0)
		return -1;
	do
		result = hello_try(direct, token, &why);
	while (result == 2);
	if (result == 0)
		return 0;
	*fault = why;
	if (token)
		relay_token_forget(login->token_command);
	return -1;
}

static int hello_greeting(struct relay_direct *direct, struct fault *fault)
{
	if (direct->place->implicit_tls &&
	    relay_link_start_tls(direct->link, direct->place,
				 direct->options->timeouts.command_ms,
				 fault) != 0)
		return -1;
	if (hello_await(direct, fault) != 0)
		return -1;
	return direct->reply->code / 100 == 2
		       ? 0
		       : hello_refused(direct, "the session", fault);
}

int relay_direct_open(struct relay_direct *direct, bool without_tls,
		      struct fault *fault)
{
	const struct relay_options *options = direct->options;
	bool may_start_tls = direct->place->tls_ctx && !without_tls;

	if (hello_greeting(direct, fault) != 0 ||
	    hello_introduce(direct, fault) != 0)
		return -1;
	if (!direct->place->implicit_tls && may_start_tls &&
	    direct->offer.starttls && hello_start_tls(direct, fault) != 0)
		return -1;
	if (options->tls >= CONF_TLS_REQUIRED &&
	    !relay_link_has_tls(direct->link))
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host offers no STARTTLS, and "
				 "smtp_tls wants it");
	return *options->login.user ? hello_log_in(direct, fault) : 0;
}
