/*
 * A tolerant parser for address fields.
 *
 * Our own rather than GMime's: that one goes down a stack frame for each group
 * within a group and starts over at commas; hostile fields would end the
 * helper.  This one is a single pass without recursion.
 */
#include "addresses.h"

#include "field.h"

#include <string.h>

struct parser {
	const struct convert_context *context;
	const char *at;
	bool no_quote;   /* no further '"' closes */
	bool no_angle;   /* no further '>' */
	bool bare_angle; /* quotes hide no '>': one of them does not close */
	char *group;     /* name of the open group, or NULL */
	GString *phrase; /* of this element: words, quotes undone */
	GString *raw;    /* of this element: as written, without comments */
	GString *comment;
	GString *angle;
	bool has_angle;
	bool has_address; /* see in_address() */
	unsigned words;
	char *held; /* "Doe" of an unquoted "van Doe, John <x@y>" */
	GPtrArray *out;
};

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	g_free(mailbox->display);
	g_free(mailbox->address);
	g_free(mailbox->group);
	g_free(mailbox);
}

static void element_clear(struct parser *parser)
{
	g_string_truncate(parser->phrase, 0);
	g_string_truncate(parser->raw, 0);
	g_string_truncate(parser->comment, 0);
	g_string_truncate(parser->angle, 0);
	parser->has_angle = false;
	parser->has_address = false;
	parser->words = 0;
}

static char *presentable(const struct parser *parser, const char *text)
{
	char *decoded = words_decode(parser->context, text);

	text_flatten(decoded);
	return decoded;
}

static void emit(struct parser *parser, char *display, char *address)
{
	struct mailbox *mailbox = NULL;

	if ((!*display && !*address) || parser->out->len >= ADDRESSES_MAX) {
		g_free(display);
		g_free(address);
		return;
	}
	mailbox = g_new0(struct mailbox, 1);
	mailbox->display = display;
	mailbox->address = address;
	text_flatten(mailbox->address);
	mailbox->group = g_strdup(parser->group);
	g_ptr_array_add(parser->out, mailbox);
}

/* Without the blanks that may stand around '@' and '.' (RFC 5322 4.4). */
static char *squeeze(const char *raw)
{
	GString *out = g_string_new(NULL);
	bool quoted = false;

	for (const char *c = raw; *c; c++) {
		if (*c == '"')
			quoted = !quoted;
		if (!quoted && *c == ' ') {
			const char *next = c;

			while (*next == ' ')
				next++;
			if (*next == '@' || *next == '.' || !*next ||
			    !out->len || out->str[out->len - 1] == '@' ||
			    out->str[out->len - 1] == '.')
				continue;
		}
		g_string_append_c(out, *c);
	}
	return g_string_free(out, FALSE);
}

/* Without comments (RFC 5322 4.4 has them anywhere); owned. */
static char *without_comments(const char *text)
{
	GString *out = g_string_new(NULL);
	bool quoted = false;
	unsigned depth = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '"' && !depth)
			quoted = !quoted;
		if (!quoted && *c == '(')
			depth++;
		if (!depth)
			g_string_append_c(out, *c);
		if (!quoted && *c == ')' && depth)
			depth--;
	}
	return g_string_free(out, FALSE);
}

/* Up to a '<' that is not quoted, without blanks that are not.  Owned. */
static char *address_only(const char *text)
{
	GString *out = g_string_new(NULL);
	bool quoted = false;

	for (; *text; text++) {
		if (*text == '"')
			quoted = !quoted;
		if (!quoted && *text == '<')
			break;
		if (quoted || *text != ' ')
			g_string_append_c(out, *text);
	}
	return g_string_free(out, FALSE);
}

/* "<@relay,@relay:local@domain>" and "<mailto:x@y>": what counts. */
static char *angle_address(const char *angle)
{
	g_autofree char *bare = without_comments(angle);
	g_autofree char *text = squeeze(bare);
	const char *start = text;
	const char *colon = NULL;

	if (*start == '@' && (colon = strchr(start, ':')))
		start = colon + 1;
	if (!g_ascii_strncasecmp(start, "mailto:", 7)) {
		/* RFC 6068: what follows '?' is no address. */
		start += 7;
		text[strcspn(text, "?")] = '\0';
	}
	while (*start == ' ' || *start == '<')
		start++;
	return address_only(start);
}

/* An address between quotes, "x@y" or 'x@y', and nothing else: without them,
 * in place. */
static void strip_quotes(char *text)
{
	size_t len = strlen(text);
	char quote = *text;
	const char *at = NULL;

	if (len < 5 || text[len - 1] != quote || !strchr("\"'", quote))
		return;
	text[len - 1] = '\0';
	at = strchr(text + 1, '@');
	if (!at || at == text + 1 || strpbrk(at + 1, "@\"") || !at[1] ||
	    strpbrk(text + 1, " \\<>,;:\""))
		text[len - 1] = quote;
	else
		memmove(text, text + 1, len - 1);
}

/* "a@x b@y", where the comma is missing: each of them; false: it is not that.
 */
static bool emit_bare_addresses(struct parser *parser, const char *text)
{
	g_auto(GStrv) words = NULL;
	size_t count = 0;

	if (!strchr(text, ' ') || strchr(text, '"'))
		return false;
	words = g_strsplit(text, " ", -1);
	for (; words[count]; count++) {
		const char *at = strchr(words[count], '@');

		if (!at || at == words[count] || !at[1])
			return false;
	}
	for (size_t i = 0; i < count; i++)
		emit(parser, g_strdup(""), g_strdup(words[i]));
	return true;
}

/* "John Doe x@y": the last word is the address. */
static void emit_bare_address(struct parser *parser)
{
	g_autofree char *text = squeeze(parser->raw->str);
	char *blank = NULL;

	g_strstrip(text);
	if (emit_bare_addresses(parser, text))
		return;
	strip_quotes(text);
	if (text[0] != '"')
		blank = strrchr(text, ' ');
	if (blank && strchr(blank, '@')) {
		*blank = '\0';
		emit(parser, presentable(parser, text), g_strdup(blank + 1));
		return;
	}
	if (blank && strchr(text, '@') < blank) {
		/* "x@y some words" */
		blank = strchr(text, ' ');
		if (blank > strchr(text, '@')) {
			*blank = '\0';
			emit(parser, presentable(parser, blank + 1),
			     g_strdup(text));
			return;
		}
	}
	emit(parser, presentable(parser, parser->comment->str), g_strdup(text));
}

/* "<undisclosed-recipients:;>" and "<undisclosed-recipients:@host;>": a group
 * of nobody, as some write it. */
static bool is_empty_group(const char *angle)
{
	const char *members = strchr(angle, ':');

	return members &&
	       (members[1] == '@' ? g_str_has_suffix(members, ";")
				  : !members[1 + strspn(members + 1, "; ")]);
}

/* "<Undisclosed Recipients>": a name, for no address is made up. */
static bool is_words(const char *angle)
{
	return !strpbrk(angle, "@\"(") && strchr(angle, ' ');
}

static void emit_named(struct parser *parser)
{
	const char *name = parser->phrase->len ? parser->phrase->str
					       : parser->comment->str;
	g_autofree char *joined = NULL;
	char *address = NULL;
	const char *angle = g_strstrip(parser->angle->str);
	bool is_nobody = is_empty_group(angle);

	if (parser->held) {
		joined = g_strconcat(parser->held, ", ", name, NULL);
		name = joined;
	}
	if (!is_nobody && is_words(angle)) {
		is_nobody = true;
		name = *name ? name : angle;
	}
	address = is_nobody ? g_strdup("") : angle_address(angle);
	strip_quotes(address);
	emit(parser, presentable(parser, name), address);
	g_clear_pointer(&parser->held, g_free);
}

/* A phrase that no address followed: a name alone, or a local user. */
static void emit_phrase(struct parser *parser, const char *phrase,
			unsigned words)
{
	bool is_word = words == 1 && !strchr(phrase, '=') &&
		       !strchr(phrase, ' ') && parser->raw->str[0] != '"';

	if (is_word)
		emit(parser, presentable(parser, parser->comment->str),
		     g_strdup(phrase));
	else if (parser->comment->len)
		/* "x at y (Name)", as list archives write it. */
		emit(parser, presentable(parser, parser->comment->str),
		     g_strdup(""));
	else
		emit(parser, presentable(parser, phrase), g_strdup(""));
}

static void held_flush(struct parser *parser)
{
	if (parser->held)
		emit(parser, presentable(parser, parser->held), g_strdup(""));
	g_clear_pointer(&parser->held, g_free);
}

/* An element ended: at ',' (may_hold), ';' or the end. */
static void element_end(struct parser *parser, bool may_hold)
{
	g_autofree char *phrase = g_strdup(parser->phrase->str);

	g_strstrip(phrase);
	if (parser->has_angle) {
		emit_named(parser);
	} else if (strchr(parser->raw->str, '@')) {
		held_flush(parser);
		emit_bare_address(parser);
	} else if (*phrase && may_hold && parser->words > 1) {
		held_flush(parser);
		parser->held = g_steal_pointer(&phrase);
	} else if (*phrase) {
		held_flush(parser);
		emit_phrase(parser, phrase, parser->words);
	}
	if (!may_hold)
		held_flush(parser);
	element_clear(parser);
}

/* A comment, nested; its text replaces an earlier one. */
static void read_comment(struct parser *parser)
{
	unsigned depth = 0;

	g_string_truncate(parser->comment, 0);
	for (; *parser->at; parser->at++) {
		char c = *parser->at;

		if (c == '\\' && parser->at[1]) {
			g_string_append_c(parser->comment, *++parser->at);
			continue;
		}
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0) {
			parser->at++;
			return;
		}
		g_string_append_c(parser->comment, c);
	}
}

static void start_word(struct parser *parser)
{
	size_t len = parser->phrase->len;

	if (!len || parser->phrase->str[len - 1] == ' ')
		parser->words++;
}

static void read_quoted(struct parser *parser)
{
	const char *close =
		parser->no_quote ? NULL : field_quoted_end(parser->at);

	if (!close) {
		/* It opens nothing: a sign like others, and dropped. */
		parser->no_quote = true;
		parser->at++;
		return;
	}
	start_word(parser);
	g_string_append_len(parser->raw, parser->at, close + 1 - parser->at);
	for (const char *c = parser->at + 1; c < close; c++) {
		if (*c == '\\' && c + 1 < close)
			c++;
		g_string_append_c(parser->phrase, *c);
	}
	parser->at = close + 1;
}

/* The '>' of what is open; where another '<' opens behind a comma, that comma,
 * for the '>' is the other's.  NULL if there is neither. */
static const char *angle_end(struct parser *parser)
{
	const char *comma = NULL;
	bool quoted = false;

	for (const char *at = parser->at; *at; at++) {
		if (*at == '"' && !parser->bare_angle)
			quoted = !quoted;
		if (quoted)
			continue;
		if (*at == '>')
			return at;
		if (*at == '<' && comma)
			return comma;
		if ((*at == ',' || *at == ';') && !comma)
			comma = at;
	}
	/* Looked for in vain up to the end, so never again. */
	parser->bare_angle = true;
	return strchr(parser->at, '>');
}

static void read_angle(struct parser *parser)
{
	const char *close = NULL;

	parser->at++;
	while (*parser->at == '<' || *parser->at == ' ')
		parser->at++;
	if (!parser->no_angle)
		close = angle_end(parser);
	if (!close) {
		parser->no_angle = true;
		close = parser->at + strcspn(parser->at, ",;");
	}
	/* "a <b@c> <d@e>": the first is the address, as most read it. */
	if (!parser->has_angle)
		g_string_append_len(parser->angle, parser->at,
				    close - parser->at);
	parser->has_angle = true;
	parser->at = close;
	while (*parser->at == '>')
		parser->at++;
}

static void group_open(struct parser *parser)
{
	g_autofree char *name = g_strdup(parser->phrase->str);

	parser->at++;
	g_strstrip(name);
	if (!g_ascii_strcasecmp(name, "mailto")) {
		element_clear(parser);
		return;
	}
	held_flush(parser);
	g_free(parser->group);
	parser->group = presentable(parser, name);
	element_clear(parser);
}

/* Nothing but a name in quotes: an at sign in it makes no address. */
static bool is_quoted_name(const char *raw)
{
	const char *close = *raw == '"' ? field_quoted_end(raw) : NULL;

	return close && !close[1 + strspn(close + 1, " ")];
}

/* What is one once stays one, whatever follows: it is looked at once. */
static bool in_address(struct parser *parser)
{
	if (!parser->has_address)
		parser->has_address = parser->has_angle ||
				      (strchr(parser->raw->str, '@') &&
				       !is_quoted_name(parser->raw->str));
	return parser->has_address;
}

static void add_blank(GString *text)
{
	if (text->len && text->str[text->len - 1] != ' ')
		g_string_append_c(text, ' ');
}

static void read_blank(struct parser *parser)
{
	add_blank(parser->phrase);
	add_blank(parser->raw);
	while (*parser->at == ' ' || *parser->at == '\t')
		parser->at++;
}

/* An encoded word is one piece, whatever signs are in it. */
static size_t word_len(const char *at)
{
	const char *end = at + 2;
	unsigned marks = 0;

	if (at[0] != '=' || at[1] != '?')
		return 0;
	for (; *end && *end != ' ' && end - at < 200; end++) {
		if (*end == '?' && ++marks >= 3 && end[1] == '=')
			return (size_t)(end + 2 - at);
	}
	return 0;
}

static void read_other(struct parser *parser)
{
	size_t len = MAX(word_len(parser->at), 1);

	if (parser->has_angle || *parser->at == '>') {
		/* Behind the address, or what closes none. */
		parser->at += len;
		return;
	}
	start_word(parser);
	if (parser->at[0] == '\\' && parser->at[1])
		parser->at++;
	g_string_append_len(parser->phrase, parser->at, (gssize)len);
	g_string_append_len(parser->raw, parser->at, (gssize)len);
	parser->at += len;
}

static void read_one(struct parser *parser)
{
	switch (*parser->at) {
	case ' ':
	case '\t':
		read_blank(parser);
		return;
	case '(':
		read_comment(parser);
		return;
	case '"':
		read_quoted(parser);
		return;
	case '<':
		read_angle(parser);
		return;
	case ',':
		element_end(parser, true);
		parser->at++;
		return;
	case ';':
		element_end(parser, false);
		parser->at++;
		/* "undisclosed-recipients:;@host", of servers that qualify. */
		if (parser->group && *parser->at == '@')
			parser->at += strcspn(parser->at, ",;");
		g_clear_pointer(&parser->group, g_free);
		return;
	case ':':
		if (!in_address(parser)) {
			group_open(parser);
			return;
		}
		break;
	default:
		break;
	}
	read_other(parser);
}

GPtrArray *addresses_parse(struct convert_context *context, struct span value)
{
	g_autofree char *text = text_unfold(context, value);
	struct parser parser = {.context = context, .at = text};

	parser.phrase = g_string_new(NULL);
	parser.raw = g_string_new(NULL);
	parser.comment = g_string_new(NULL);
	parser.angle = g_string_new(NULL);
	parser.out =
		g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
	while (*parser.at)
		read_one(&parser);
	element_end(&parser, false);
	if (parser.out->len >= ADDRESSES_MAX)
		convert_note(context, "more than %d addresses in a field",
			     ADDRESSES_MAX);
	g_string_free(parser.phrase, TRUE);
	g_string_free(parser.raw, TRUE);
	g_string_free(parser.comment, TRUE);
	g_string_free(parser.angle, TRUE);
	g_free(parser.group);
	return parser.out;
}
