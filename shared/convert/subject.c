/*
 * PR_SUBJECT, PR_SUBJECT_PREFIX, PR_NORMALIZED_SUBJECT (MS-OXCMSG 2.2.1.9,
 * 2.2.1.10; MS-OXCMAIL 2.2.3.2.6.1).
 */
#include "headers.h"

#include <string.h>

#define PREFIX_CHARS_MAX 3

static bool may_be_in_prefix(gunichar c)
{
	return c != ':' && !g_unichar_isspace(c) && !g_unichar_isdigit(c) &&
	       !g_unichar_iscntrl(c);
}

/* "AW: Foo": one to three characters that are no digit, colon or blank, a
 * colon, at least one blank (or nothing more). */
size_t subject_prefix_len(const char *subject)
{
	const char *at = subject;
	unsigned chars = 0;

	while (*at && may_be_in_prefix(g_utf8_get_char(at))) {
		at = g_utf8_next_char(at);
		if (++chars > PREFIX_CHARS_MAX)
			return 0;
	}
	if (!chars || *at != ':')
		return 0;
	at++;
	if (*at && *at != ' ')
		return 0;
	while (*at == ' ')
		at++;
	return (size_t)(at - subject);
}

void subject_set(struct propset *set, const char *subject)
{
	size_t len = subject_prefix_len(subject);

	propset_set_text(set, PR_SUBJECT, subject);
	propset_set_text_len(set, PR_SUBJECT_PREFIX, subject, len);
	propset_set_text(set, PR_NORMALIZED_SUBJECT, subject + len);
}
