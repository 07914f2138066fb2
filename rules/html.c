/*
 * HTML to text, as far as a match needs it: no layout.
 */
#include "html.h"

#include "charset.h"

#include <string.h>

const char *sieve_html_charset(const struct propset *set)
{
	int64_t page = propset_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	const char *charset = charset_name_of((int)page);

	if (page == CODEPAGE_UTF16)
		return "utf-16le";
	if (page == CODEPAGE_UTF16_BE)
		return "utf-16be";
	return charset ? charset : "utf-8";
}

/* Behind an element whose content is no text, or NULL. */
static const char *skip_hidden(const char *html)
{
	static const char *const names[] = {"script", "style", "head"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		size_t len = strlen(names[i]);
		const char *at = html + 1;

		if (g_ascii_strncasecmp(at, names[i], len) != 0 ||
		    g_ascii_isalnum(at[len]))
			continue;
		while ((at = strchr(at, '<')) != NULL) {
			if (at[1] == '/' &&
			    g_ascii_strncasecmp(at + 2, names[i], len) == 0)
				return at;
			at++;
		}
		return html + strlen(html);
	}
	return NULL;
}

/* A character reference: octets used, or 0. */
static size_t take_entity(const char *html, GString *text)
{
	static const char *const entities[][2] = {
		{"&amp;", "&"},   {"&lt;", "<"},   {"&gt;", ">"},
		{"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", " "},
		{"&auml;", "ä"},  {"&ouml;", "ö"}, {"&uuml;", "ü"},
		{"&Auml;", "Ä"},  {"&Ouml;", "Ö"}, {"&Uuml;", "Ü"},
		{"&szlig;", "ß"}, {"&euro;", "€"}, {"&eacute;", "é"},
	};
	char *end = NULL;
	guint64 number;

	for (size_t i = 0; i < G_N_ELEMENTS(entities); i++)
		if (g_str_has_prefix(html, entities[i][0])) {
			g_string_append(text, entities[i][1]);
			return strlen(entities[i][0]);
		}
	if (html[1] != '#')
		return 0;
	if (html[2] == 'x' || html[2] == 'X')
		number = g_ascii_strtoull(html + 3, &end, 16);
	else
		number = g_ascii_strtoull(html + 2, &end, 10);
	if (*end != ';' || number < 0x20 || number > 0x10ffff ||
	    !g_unichar_validate((gunichar)number))
		return 0;
	g_string_append_unichar(text, (gunichar)number);
	return (size_t)(end + 1 - html);
}

/* Do words on both sides of the tag stand apart?  Most tags that do not are
 * about how characters look. */
static bool is_inline_tag(const char *tag)
{
	static const char *const names[] = {"a",    "b",      "i",    "u",
					    "em",   "strong", "span", "font",
					    "code", "sub",    "sup"};
	const char *name = tag[1] == '/' ? tag + 2 : tag + 1;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		size_t len = strlen(names[i]);

		if (g_ascii_strncasecmp(name, names[i], len) == 0 &&
		    !g_ascii_isalnum(name[len]))
			return true;
	}
	return false;
}

/* Behind the tag or comment html begins with. */
static const char *skip_tag(const char *html)
{
	const char *end;

	if (g_str_has_prefix(html, "<!--")) {
		end = strstr(html, "-->");
		return end ? end + 3 : html + strlen(html);
	}
	end = strchr(html, '>');
	return end ? end + 1 : html + strlen(html);
}

char *sieve_html_text(const char *html)
{
	GString *text = g_string_new(NULL);

	while (*html) {
		const char *behind = NULL;
		size_t used = 0;

		if (*html == '<') {
			if (!is_inline_tag(html))
				g_string_append_c(text, ' ');
			behind = skip_hidden(html);
			html = behind ? behind : skip_tag(html);
			continue;
		}
		if (*html == '&')
			used = take_entity(html, text);
		if (!used)
			g_string_append_c(text, *html);
		html += used ? used : 1;
	}
	return g_string_free(text, FALSE);
}
