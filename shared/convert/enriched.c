/*
 * Text that is marked up less than HTML: format=flowed (RFC 3676) and
 * text/enriched (RFC 1896).
 */
#include "pages.h"
#include "parts.h"

#include <string.h>

/* What is before at will not be read again. */
static void spend(char **spent, const char *at)
{
	if (at - *spent < PAGES_PIECE)
		return;
	pages_spend(*spent, (size_t)(at - *spent));
	*spent += at - *spent;
}

/* ---- format=flowed --------------------------------------------------------
 */

struct flowed_line {
	const char *text; /* without quote marks and stuffing */
	size_t len;
	size_t quotes;
	bool flows; /* goes on in the next line */
	const char *next;
};

static struct flowed_line flowed_line_at(const char *at, const char *text_end)
{
	struct flowed_line line = {.text = at};
	const char *lf = memchr(at, '\n', (size_t)(text_end - at));
	const char *end = lf ? lf : text_end;

	line.next = lf ? lf + 1 : text_end;
	if (end > at && end[-1] == '\r')
		end--;
	while (line.text < end && *line.text == '>') {
		line.text++;
		line.quotes++;
	}
	if (line.text < end && *line.text == ' ')
		line.text++;
	line.len = (size_t)(end - line.text);
	line.flows = line.len && line.text[line.len - 1] == ' ' &&
		     !(line.len == 3 && !memcmp(line.text, "-- ", 3));
	return line;
}

static void put_quotes(GString *out, size_t quotes)
{
	for (size_t i = 0; i < quotes; i++)
		g_string_append_c(out, '>');
	if (quotes)
		g_string_append_c(out, ' ');
}

char *text_unflow(char *text, bool delete_space)
{
	size_t len = strlen(text);
	GString *out = g_string_sized_new(len + 64);
	const struct flowed_line none = {.flows = false};
	struct flowed_line before = none;
	char *spent = text;
	bool open = false; /* a line that has no end yet */

	for (const char *at = text; *at; at = before.next) {
		struct flowed_line line = flowed_line_at(at, text + len);
		bool signature = line.len == 3 && !memcmp(line.text, "-- ", 3);
		bool joins = open && before.flows && !signature &&
			     before.quotes == line.quotes;

		if (open && !joins)
			g_string_append(out, "\r\n");
		if (!joins)
			put_quotes(out, line.quotes);
		g_string_append_len(
			out, line.text,
			(gssize)(line.len - (line.flows && delete_space)));
		open = true;
		/* The last line has an end only if it had one. */
		if (!*line.next && line.next > at && line.next[-1] == '\n') {
			g_string_append(out, "\r\n");
			open = false;
		}
		before = line;
		spend(&spent, line.next);
	}
	g_free(text);
	return g_string_free(out, FALSE);
}

/* ---- text/enriched --------------------------------------------------------
 */

struct enriched {
	GString *out;
	unsigned nofill;
	unsigned param; /* within <param>: not shown */
	size_t breaks;  /* line ends not yet written */
	GArray *open;   /* of size_t: index of the commands that are open */
};

#define ENRICHED_DEPTH_MAX 64

static const struct {
	const char *command, *start, *end;
} commands[] = {
	{"bold", "<b>", "</b>"},
	{"italic", "<i>", "</i>"},
	{"underline", "<u>", "</u>"},
	{"fixed", "<tt>", "</tt>"},
	{"smaller", "<small>", "</small>"},
	{"bigger", "<big>", "</big>"},
	{"center", "<div align=center>", "</div>"},
	{"flushright", "<div align=right>", "</div>"},
	{"flushleft", "<div align=left>", "</div>"},
	{"indent", "<blockquote>", "</blockquote>"},
	{"excerpt", "<blockquote>", "</blockquote>"},
	{"nofill", "<pre>", "</pre>"},
	{"param", "", ""},
};

/* RFC 1896 3: one line end is a blank, more are one less. */
static void put_breaks(struct enriched *text)
{
	if (text->breaks == 1)
		g_string_append_c(text->out, '\n');
	for (; text->breaks > 1; text->breaks--)
		g_string_append(text->out, "<br>\n");
	text->breaks = 0;
}

static void put_sign(struct enriched *text, char c)
{
	if (text->param)
		return;
	if (c == '\n' && !text->nofill) {
		text->breaks++;
		return;
	}
	if (c == '\r')
		return;
	put_breaks(text);
	if (c == '<')
		g_string_append(text->out, "&lt;");
	else if (c == '>')
		g_string_append(text->out, "&gt;");
	else if (c == '&')
		g_string_append(text->out, "&amp;");
	else
		g_string_append_c(text->out, c);
}

static void count_open(struct enriched *text, size_t command, int by)
{
	if (!strcmp(commands[command].command, "nofill"))
		text->nofill += (unsigned)by;
	if (!strcmp(commands[command].command, "param"))
		text->param += (unsigned)by;
}

static void end_command(struct enriched *text, size_t command)
{
	guint at = text->open->len;

	while (at > 0 && g_array_index(text->open, size_t, at - 1) != command)
		at--;
	/* What was opened within it ends with it. */
	while (at > 0 && text->open->len >= at) {
		size_t last =
			g_array_index(text->open, size_t, text->open->len - 1);

		count_open(text, last, -1);
		g_string_append(text->out, commands[last].end);
		g_array_set_size(text->open, text->open->len - 1);
	}
}

static void put_command(struct enriched *text, const char *name, size_t len)
{
	bool end = len && *name == '/';

	name += end;
	len -= end;
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (strlen(commands[i].command) != len ||
		    g_ascii_strncasecmp(commands[i].command, name, len) != 0)
			continue;
		put_breaks(text);
		if (end) {
			end_command(text, i);
		} else if (text->open->len < ENRICHED_DEPTH_MAX) {
			g_array_append_val(text->open, i);
			count_open(text, i, 1);
			g_string_append(text->out, commands[i].start);
		}
		return;
	}
}

char *text_enriched_to_html(char *enriched)
{
	struct enriched text = {
		.out = g_string_sized_new(strlen(enriched) + 64),
		.open = g_array_new(FALSE, FALSE, sizeof(size_t)),
	};
	char *spent = enriched;

	for (const char *from = enriched; *from; from++) {
		size_t len = *from == '<' ? strspn(from + 1,
						   "/-abcdefghijklmnopqrstuvwxy"
						   "zABCDEFGHIJKLMNOPQRSTUVWXYZ"
						   "0123456789")
					  : 0;

		if (*from == '<' && from[1] == '<') {
			put_sign(&text, '<');
			from++;
		} else if (len && len <= 60 && from[1 + len] == '>') {
			put_command(&text, from + 1, len);
			from += len + 1;
		} else {
			put_sign(&text, *from);
		}
		spend(&spent, from);
	}
	g_free(enriched);
	text.breaks = 0;
	while (text.open->len)
		end_command(&text, g_array_index(text.open, size_t,
						 text.open->len - 1));
	g_array_unref(text.open);
	return g_string_free(text.out, FALSE);
}
