/*
 * Taking mail addresses apart.
 */
#include "address.h"

#include <string.h>

char *sieve_address_part(const char *address, enum address_part part,
			 const char *delimiters)
{
	const char *at = strrchr(address, '@');
	size_t local_len;
	size_t user_len;

	if (part == ADDRESS_ALL || *address == '\0')
		return g_strdup(address);
	if (!at)
		return NULL;
	local_len = (size_t)(at - address);
	/* A delimiter in front divides nothing. */
	user_len = 1 + strcspn(address + 1, delimiters);
	switch (part) {
	case ADDRESS_ALL:
		break;
	case ADDRESS_DOMAIN:
		return g_strdup(at + 1);
	case ADDRESS_LOCALPART:
		return g_strndup(address, local_len);
	case ADDRESS_USER:
		return g_strndup(address, MIN(user_len, local_len));
	case ADDRESS_DETAIL:
		if (user_len >= local_len)
			return NULL;
		return g_strndup(address + user_len + 1,
				 local_len - user_len - 1);
	}
	return NULL;
}

/* One address out of "display name <address> (comment)"; NULL if none. */
static char *extract(const char *text, size_t len)
{
	const char *open = memchr(text, '<', len);
	const char *end = text + len;
	g_autofree char *address = NULL;
	char *comment;

	if (open) {
		const char *close = memchr(open, '>', (size_t)(end - open));

		address = g_strndup(open + 1,
				    (size_t)((close ? close : end) - open - 1));
	} else {
		address = g_strndup(text, len);
		comment = strchr(address, '(');
		if (comment)
			*comment = '\0';
	}
	g_strstrip(address);
	return *address ? g_steal_pointer(&address) : NULL;
}

static void add(GPtrArray *found, const char *start, const char *end)
{
	char *address = extract(start, (size_t)(end - start));

	if (address)
		g_ptr_array_add(found, address);
}

char **sieve_address_split(const char *text)
{
	GPtrArray *found = g_ptr_array_new();
	const char *start = text;
	bool is_quoted = false;
	int comments = 0;

	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			text++;
		} else if (*text == '"' && comments == 0) {
			is_quoted = !is_quoted;
		} else if (*text == '(' && !is_quoted) {
			comments++;
		} else if (*text == ')' && !is_quoted && comments > 0) {
			comments--;
		} else if (is_quoted || comments > 0) {
			continue;
		} else if (*text == ',' || *text == ';') {
			add(found, start, text);
			start = text + 1;
		} else if (*text == ':' &&
			   !memchr(start, '<', (size_t)(text - start))) {
			start = text + 1; /* name of a group */
		}
	}
	add(found, start, text);
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}

bool sieve_address_is_valid(const char *address)
{
	const char *at = strrchr(address, '@');
	size_t len = strlen(address);

	if (!at || at == address || at[1] == '\0' || len > 320)
		return false;
	if (!g_utf8_validate(address, -1, NULL))
		return false;
	if (*address != '"' && memchr(address, '@', (size_t)(at - address)))
		return false;
	for (const char *c = address; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f ||
		    (strchr(" <>,;()", *c) && !(*address == '"' && c < at)))
			return false;
	return at[1] != '.' && at[1] != '-' && address[len - 1] != '.';
}

/* Is text an RFC 5322 dot-atom (or of UTF-8, RFC 6532)? */
static bool is_dot_atom(const char *text, size_t len)
{
	if (len == 0 || text[0] == '.' || text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f ||
		    strchr("()<>[]:;@\\,\"", text[i]) ||
		    (text[i] == '.' && text[i + 1] == '.'))
			return false;
	return true;
}

/* Behind the quoted string that begins at text; NULL if it does not end. */
static const char *skip_quoted(const char *text)
{
	for (text++; *text != '"'; text++) {
		if (*text == '\\' && text[1])
			text++;
		if (!*text)
			return NULL;
	}
	return text + 1;
}

/* A mailbox that is no list and no half of one. */
static bool is_one_mailbox(const char *text)
{
	bool is_open = false;
	bool is_closed = false;

	while (*text) {
		if (*text == '"') {
			text = skip_quoted(text);
			if (!text)
				return false;
			continue;
		}
		if (strchr(",;", *text) ||
		    (is_closed && !g_ascii_isspace(*text)) ||
		    (*text == '<' && is_open) || (*text == '>' && !is_open))
			return false;
		is_open = is_open || *text == '<';
		is_closed = is_closed || *text == '>';
		text++;
	}
	return is_open == is_closed;
}

/* Blanks around the '@' mean nothing (RFC 5322 section 4.4). */
static char *without_blanks(const char *address)
{
	const char *at = strrchr(address, '@');
	g_autofree char *local = NULL;

	if (!at)
		return g_strdup(address);
	local = g_strchomp(g_strndup(address, (gsize)(at - address)));
	at++;
	return g_strconcat(local, "@", at + strspn(at, " \t\r\n"), NULL);
}

char *sieve_address_of(const char *mailbox)
{
	g_auto(GStrv) found = NULL;
	g_autofree char *address = NULL;
	const char *at;
	size_t local;

	if (!is_one_mailbox(mailbox))
		return NULL;
	found = sieve_address_split(mailbox);
	if (g_strv_length(found) != 1)
		return NULL;
	address = without_blanks(found[0]);
	at = strrchr(address, '@');
	local = at ? (size_t)(at - address) : 0;
	if (local > 2 && address[0] == '"' && address[local - 1] == '"' &&
	    is_dot_atom(address + 1, local - 2)) {
		g_autofree char *name = g_strndup(address + 1, local - 2);

		char *rest = g_strdup(at);

		g_free(address);
		address = g_strconcat(name, rest, NULL);
		g_free(rest);
	}
	return sieve_address_is_valid(address) ? g_steal_pointer(&address)
					       : NULL;
}

char *sieve_address_of_target(const char *mailbox, bool ascii_only,
			      const char **ret_problem)
{
	g_autofree char *address = sieve_address_of(mailbox);

	if (!address) {
		*ret_problem = "is no mail address";
		return NULL;
	}
	if (ascii_only && !g_str_is_ascii(address)) {
		*ret_problem = "is not ASCII (smtputf8_enable = no)";
		return NULL;
	}
	return g_steal_pointer(&address);
}
