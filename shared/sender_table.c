/*
 * Lines of smtp_sender_table; see sender_table.h.
 */
#include "sender_table.h"

#include <string.h>

/* The next word of a line, which is cut behind it; NULL: there is none. */
static char *sender_table_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	size_t len = strcspn(word, " \t");

	if (!len)
		return NULL;
	*rest = word + len;
	if (**rest)
		*(*rest)++ = '\0';
	*rest += strspn(*rest, " \t");
	return word;
}

/* SENDER RELAY [USER PASSWORD | USER |COMMAND] */
int sender_table_parse(char *line, struct sender_table_line *ret_line,
		       struct fault *fault)
{
	struct sender_table_line parsed = {0};
	char *rest = g_strchomp(line);

	*ret_line = parsed;
	parsed.sender = sender_table_word(&rest);
	if (!parsed.sender || *parsed.sender == '#')
		return 0;
	parsed.relay = sender_table_word(&rest);
	parsed.user = parsed.relay ? sender_table_word(&rest) : NULL;
	if (!parsed.relay || !strchr(parsed.sender, '@') ||
	    (parsed.user && !*rest))
		return fault_set(fault, FAULT_CONFIG,
				 "it must be: SENDER RELAY, or SENDER RELAY "
				 "USER PASSWORD");
	if (parsed.user && *rest == '|')
		parsed.token_command = rest + 1;
	else if (parsed.user)
		parsed.password = rest;
	*ret_line = parsed;
	return 0;
}
