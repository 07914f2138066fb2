/*
 * envelope, RFC 5228 section 5.4; :user and :detail of RFC 5233; what DSN says
 * of it, RFC 6009 section 4; who logged in, as Pigeonhole's "auth".
 */
#include "address.h"
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "run.h"

#include <string.h>

static bool is_dsn_part(const char *name)
{
	static const char *const parts[] = {"notify", "orcpt", "ret", "envid"};

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		if (g_ascii_strcasecmp(name, parts[i]) == 0)
			return true;
	return false;
}

/* Parts that need no extension of their own. */
static bool is_plain_part(const char *name)
{
	static const char *const parts[] = {"from", "to", "auth"};

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		if (g_ascii_strcasecmp(name, parts[i]) == 0)
			return true;
	return false;
}

static int check_envelope(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	(void)previous;
	for (const struct ast_string *part = node->positional[0]->strings; part;
	     part = part->next) {
		if (part->is_dynamic || is_plain_part(part->text))
			continue;
		if (!is_dsn_part(part->text))
			return sieve_error_set(
				checker->error, part->place,
				"\"%.40s\" is no part of the envelope: from, "
				"to or auth",
				part->text);
		if (!(checker->enabled & EXTENSION_BIT(EXTENSION_ENVELOPE_DSN)))
			return sieve_error_set(
				checker->error, part->place,
				"\"%.40s\" needs: require \"envelope-dsn\";",
				part->text);
	}
	return 0;
}

/* Recipient: the delivery has found the detail, if there is one. */
static char *recipient_part(const struct sieve_message *message, const char *to,
			    enum address_part part, const char *delimiters)
{
	const char *detail = message->envelope_detail;
	g_autofree char *local = NULL;
	size_t tail;

	if (!detail || (part != ADDRESS_USER && part != ADDRESS_DETAIL))
		return sieve_address_part(to, part, delimiters);
	if (part == ADDRESS_DETAIL)
		return g_strdup(detail);
	local = sieve_address_part(to, ADDRESS_LOCALPART, delimiters);
	if (!local)
		local = g_strdup(to);
	tail = strlen(detail) + 1;
	if (strlen(local) > tail && g_str_has_suffix(local, detail) &&
	    strchr(delimiters, local[strlen(local) - tail]))
		local[strlen(local) - tail] = '\0';
	return g_steal_pointer(&local);
}

/* "@a.example,@b.example:" of a source route (RFC 5321 appendix C): what is
 * behind it, or NULL where it is none. */
static const char *skip_route(const char *path)
{
	for (;;) {
		size_t len;

		if (*path++ != '@')
			return NULL;
		len = strcspn(path, ",:@<> ");
		if (len == 0 || path[0] == '.' ||
		    g_strstr_len(path, (gssize)len, ".."))
			return NULL;
		path += len;
		if (*path == ':')
			return path + 1;
		if (*path++ != ',')
			return NULL;
	}
}

/* The address of a path, with its brackets or without; owned, NULL where its
 * syntax is wrong (section 5.4: then nothing matches). */
static char *path_address(const char *path)
{
	size_t len = strlen(path);
	g_autofree char *inner = NULL;
	const char *address;
	const char *at;

	if (*path == '<' && (len < 2 || path[len - 1] != '>'))
		return NULL;
	inner = *path == '<' ? g_strndup(path + 1, len - 2) : g_strdup(path);
	address = *inner == '@' ? skip_route(inner) : inner;
	if (!address)
		return NULL;
	at = strrchr(address, '@');
	if (*address == '"' ? at && at[1] == '\0'
			    : strpbrk(address, "<>: ") ||
				      (at && (at == address || at[1] == '\0' ||
					      memchr(address, '@',
						     (size_t)(at - address)))))
		return NULL;
	return g_strdup(address);
}

static char *envelope_part(const struct sieve_run *run, const char *name,
			   enum address_part part)
{
	const struct sieve_message *message = run->message;
	const char *delimiters =
		message->delimiters ? message->delimiters : "+";
	bool is_from = g_ascii_strcasecmp(name, "from") == 0;
	bool is_auth = g_ascii_strcasecmp(name, "auth") == 0;
	bool is_to = g_ascii_strcasecmp(name, "to") == 0;
	const char *path = is_from   ? message->envelope_from
			   : is_to   ? message->envelope_to
			   : is_auth ? message->envelope_auth
				     : NULL;
	g_autofree char *address = path ? path_address(path) : NULL;

	if (!address)
		return NULL;
	return is_to ? recipient_part(message, address, part, delimiters)
		     : sieve_address_part(address, part, delimiters);
}

/* A part that is no address.  The words of NOTIFY are values of their own. */
static bool feed_dsn(struct sieve_matcher *matcher,
		     const struct sieve_message *message, const char *name)
{
	bool is_notify = g_ascii_strcasecmp(name, "notify") == 0;
	const char *value =
		is_notify                                ? message->dsn_notify
		: g_ascii_strcasecmp(name, "orcpt") == 0 ? message->dsn_orcpt
		: g_ascii_strcasecmp(name, "ret") == 0   ? message->dsn_ret
							 : message->dsn_envid;
	g_auto(GStrv) words =
		g_strsplit(value ? value : "", is_notify ? "," : "\n", -1);

	for (char **word = words; value && *word; word++)
		if (sieve_matcher_feed(matcher, *word))
			return true;
	return false;
}

static bool feed_address(struct sieve_matcher *matcher, struct sieve_run *run,
			 const char *name, enum address_part part)
{
	g_autofree char *value = envelope_part(run, name, part);

	/* The null reverse path does not count (RFC 5231). */
	if (!value || (matcher->type == MATCH_COUNT && !*value))
		return false;
	return sieve_matcher_feed(matcher, value);
}

static bool run_envelope(struct sieve_run *run, const struct ast_node *node)
{
	enum address_part part = (enum address_part)language_choice(
		node, SLOT_ADDRESS_PART, ADDRESS_ALL);
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node);
	for (const struct ast_string *part_name = node->positional[0]->strings;
	     part_name; part_name = part_name->next) {
		const char *name = sieve_run_string(run, part_name);

		if (is_dsn_part(name) ? feed_dsn(&matcher, run->message, name)
				      : feed_address(&matcher, run, name, part))
			break;
	}
	return sieve_matcher_end(&matcher);
}

const struct language_entry test_envelope = {
	.kind = LANGUAGE_TEST,
	.name = "envelope",
	.extension = EXTENSION_ENVELOPE,
	.signature = "SS",
	.look = LOOK_NOT,
	.tags = language_address_match,
	.has_match = true,
	.check = check_envelope,
	.test = run_envelope,
};
