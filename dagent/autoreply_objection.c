/*
 * Who gets no automatic reply, and why (RFC 3834 2, RFC 5230 4.6,
 * docs/out-of-office.md): pure questions to the message and its envelope.
 */
#include "autoreply.h"

#include "rules/loop.h"

#include <string.h>

static bool same_word(const char *a, const char *b)
{
	g_autofree char *fold_a = g_utf8_casefold(a, -1);
	g_autofree char *fold_b = g_utf8_casefold(b, -1);

	return strcmp(fold_a, fold_b) == 0;
}

/* "john+lists@x" as "john@x"; owned, NULL if there is no detail. */
static char *autoreply_strip_detail(const char *address, const char *delimiter)
{
	const char *at = strrchr(address, '@');
	const char *cut = *delimiter ? strstr(address, delimiter) : NULL;

	if (!at || !cut || cut == address || cut > at)
		return NULL;
	return g_strdup_printf("%.*s%s", (int)(cut - address), address, at);
}

/* Which of these the address is, or is without its detail; NULL: none. */
static const char *autoreply_find_own(const char *address,
				      const char *const *own,
				      const char *delimiter)
{
	g_autofree char *plain = autoreply_strip_detail(address, delimiter);

	for (size_t i = 0; own[i]; i++)
		if (same_word(own[i], address) ||
		    (plain && same_word(own[i], plain)))
			return own[i];
	return NULL;
}

bool autoreply_is_own(const char *address, const char *const *own,
		      const char *delimiter)
{
	return autoreply_find_own(address, own, delimiter) != NULL;
}

const char *autoreply_addressed(const struct propset *set,
				const char *const *own, const char *delimiter)
{
	static const char *const fields[] = {
		"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"};

	for (size_t i = 0; i < propset_header_count(set); i++) {
		const struct header_field *field = propset_header(set, i);
		bool counts = false;

		for (size_t k = 0; k < G_N_ELEMENTS(fields); k++)
			counts = counts || g_ascii_strcasecmp(field->name,
							      fields[k]) == 0;
		for (guint k = 0;
		     counts && field->addresses && k < field->addresses->len;
		     k++) {
			const struct header_address *address =
				field->addresses->pdata[k];
			const char *found = autoreply_find_own(address->address,
							       own, delimiter);

			if (found)
				return found;
		}
	}
	return NULL;
}

/* Addresses that no person reads. */
static bool autoreply_is_robot(const char *address)
{
	static const char *const robots[] = {"noreply", "no-reply", "no_reply",
					     "donotreply", "do-not-reply"};
	static const char *const servers[] = {"mailer-daemon", "postmaster",
					      "root", "listserv", "majordomo"};
	const char *at = strrchr(address, '@');
	g_autofree char *local = g_ascii_strdown(
		address, at ? (gssize)(at - address) : (gssize)-1);

	for (size_t i = 0; i < G_N_ELEMENTS(robots); i++)
		if (g_str_has_prefix(local, robots[i]))
			return true;
	for (size_t i = 0; i < G_N_ELEMENTS(servers); i++)
		if (strcmp(local, servers[i]) == 0)
			return true;
	return g_str_has_prefix(local, "owner-") ||
	       g_str_has_suffix(local, "-request");
}

/* Is one of the words, divided by commas, blanks or ';', in the value? */
static bool autoreply_has_word(const char *value, const char *const *words)
{
	g_auto(GStrv) parts = g_strsplit_set(value, ",; \t", -1);

	for (size_t i = 0; parts[i]; i++)
		for (size_t k = 0; words[k]; k++)
			if (g_ascii_strcasecmp(parts[i], words[k]) == 0)
				return true;
	return false;
}

/* Auto-Submitted (RFC 3834 5): anything but "no". */
static bool autoreply_is_automatic(const char *value)
{
	g_autofree char *word = g_strndup(value, strcspn(value, ";( \t"));

	return g_ascii_strcasecmp(word, "no") != 0;
}

static const char *autoreply_field_objection(const struct header_field *field,
					     const char *const *own,
					     const char *delimiter)
{
	static const char *const bulk[] = {"bulk", "list", "junk", "auto_reply",
					   NULL};
	static const char *const suppress[] = {"oof", "autoreply", "all", NULL};
	static const char *const marks[] = {
		"X-Okapi-Vacation", "X-Zarafa-Vacation", "X-Kopano-Vacation"};
	const char *name = field->name;

	if (g_ascii_strncasecmp(name, "List-", 5) == 0 ||
	    g_ascii_strcasecmp(name, "Mailing-List") == 0)
		return "list";
	if (g_ascii_strcasecmp(name, "Auto-Submitted") == 0 &&
	    autoreply_is_automatic(field->text))
		return "auto-submitted";
	/* Reports of delivery, of reading, of abuse (RFC 6522). */
	if (g_ascii_strcasecmp(name, "Content-Type") == 0 &&
	    g_ascii_strncasecmp(field->text, "multipart/report", 16) == 0)
		return "report";
	if (g_ascii_strcasecmp(name, "Precedence") == 0 &&
	    autoreply_has_word(field->text, bulk))
		return "precedence";
	if (g_ascii_strcasecmp(name, "X-Auto-Response-Suppress") == 0 &&
	    autoreply_has_word(field->text, suppress))
		return "suppressed";
	/* It came back from where a rule of the user sent it. */
	if (g_ascii_strcasecmp(name, LOOP_MARK) == 0 &&
	    autoreply_is_own(field->text, own, delimiter))
		return "loop";
	for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
		if (g_ascii_strcasecmp(name, marks[i]) == 0)
			return "vacation";
	return NULL;
}

static const char *autoreply_from_objection(const struct propset *set)
{
	const struct header_field *from = propset_find_header(set, "From");

	for (guint i = 0; from && from->addresses && i < from->addresses->len;
	     i++) {
		const struct header_address *address =
			from->addresses->pdata[i];

		if (autoreply_is_robot(address->address))
			return "robot";
	}
	return NULL;
}

const char *autoreply_objection(const struct propset *set,
				const char *reverse_path,
				const char *const *own, const char *delimiter,
				bool check_recipient)
{
	if (!*reverse_path)
		return "null-sender";
	if (autoreply_is_robot(reverse_path))
		return "robot";
	if (autoreply_is_own(reverse_path, own, delimiter))
		return "self";
	for (size_t i = 0; i < propset_header_count(set); i++) {
		const char *why = autoreply_field_objection(
			propset_header(set, i), own, delimiter);

		if (why)
			return why;
	}
	if (check_recipient && !autoreply_addressed(set, own, delimiter))
		return "not-addressed";
	return autoreply_from_objection(set);
}
