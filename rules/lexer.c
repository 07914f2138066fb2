/*
 * Octets to tokens.  Places are counted here and nowhere else.
 */
#include "lexer.h"

#include <string.h>

void lexer_init(struct lexer *lexer, const char *text, size_t len,
		struct sieve_arena *arena, struct sieve_error *error)
{
	const char *invalid = NULL;

	*lexer = (struct lexer){
		.text = text,
		.len = len,
		.invalid_at = len,
		.place = {.line = 1, .column = 1},
		.arena = arena,
		.error = error,
	};
	/* NUL ends what GLib takes for valid, and is as bad here. */
	if (len && !g_utf8_validate(text, (gssize)len, &invalid))
		lexer->invalid_at = (size_t)(invalid - text);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		lexer->at = 3; /* a byte order mark */
}

static int peek_at(const struct lexer *lexer, size_t ahead)
{
	size_t at = lexer->at + ahead;

	return at < lexer->len ? (unsigned char)lexer->text[at] : -1;
}

static int peek(const struct lexer *lexer)
{
	return peek_at(lexer, 0);
}

/* Takes one octet and counts; not at the end. */
static char take(struct lexer *lexer)
{
	char octet = lexer->text[lexer->at++];

	if (octet == '\n') {
		lexer->place.line++;
		lexer->place.column = 1;
	} else if (((unsigned char)octet & 0xc0u) != 0x80u) {
		lexer->place.column++;
	}
	return octet;
}

/* Is what comes next an octet no script may have?  Sets the error. */
static int check_octet(struct lexer *lexer)
{
	if (lexer->at < lexer->invalid_at || lexer->at >= lexer->len)
		return 0;
	if (lexer->text[lexer->at] == '\0')
		return sieve_error_set(lexer->error, lexer->place,
				       "NUL is not allowed in a script");
	return sieve_error_set(lexer->error, lexer->place,
			       "the script is not valid UTF-8 here");
}

static int skip_hash_comment(struct lexer *lexer)
{
	while (peek(lexer) >= 0 && peek(lexer) != '\n') {
		if (check_octet(lexer) < 0)
			return -1;
		(void)take(lexer);
	}
	return 0;
}

static int skip_bracket_comment(struct lexer *lexer)
{
	struct sieve_place start = lexer->place;

	(void)take(lexer);
	(void)take(lexer);
	for (;;) {
		if (check_octet(lexer) < 0)
			return -1;
		if (peek(lexer) < 0)
			return sieve_error_set(lexer->error, start,
					       "comment is not closed");
		if (take(lexer) == '*' && peek(lexer) == '/') {
			(void)take(lexer);
			return 0;
		}
	}
}

static int skip_white_space(struct lexer *lexer)
{
	for (;;) {
		int next = peek(lexer);

		if (check_octet(lexer) < 0)
			return -1;
		if (next == ' ' || next == '\t' || next == '\r' ||
		    next == '\n') {
			(void)take(lexer);
		} else if (next == '#') {
			if (skip_hash_comment(lexer) < 0)
				return -1;
		} else if (next == '/' && peek_at(lexer, 1) == '*') {
			if (skip_bracket_comment(lexer) < 0)
				return -1;
		} else {
			return 0;
		}
	}
}

static bool is_identifier_start(int octet)
{
	return octet == '_' || (octet >= 0 && g_ascii_isalpha((gchar)octet));
}

static bool is_identifier_octet(int octet)
{
	return is_identifier_start(octet) || (octet >= '0' && octet <= '9');
}

static const char *take_name(struct lexer *lexer)
{
	size_t start = lexer->at;
	char *name;

	while (is_identifier_octet(peek(lexer)))
		(void)take(lexer);
	name = sieve_arena_copy(lexer->arena, lexer->text + start,
				lexer->at - start);
	for (char *c = name; *c; c++)
		*c = g_ascii_tolower(*c);
	return name;
}

static int take_number(struct lexer *lexer, struct token *token)
{
	uint64_t value = 0;
	int shift = 0;

	token->kind = TOKEN_NUMBER;
	while (peek(lexer) >= '0' && peek(lexer) <= '9') {
		unsigned digit = (unsigned)(take(lexer) - '0');

		if (value > (LEXER_NUMBER_MAX - digit) / 10)
			return sieve_error_set(lexer->error, token->place,
					       "number is too large");
		value = value * 10 + digit;
	}
	switch (peek(lexer)) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		break;
	}
	if (shift)
		(void)take(lexer);
	if (is_identifier_octet(peek(lexer)))
		return sieve_error_set(lexer->error, lexer->place,
				       "a number ends in a digit, K, M or G");
	if (value > LEXER_NUMBER_MAX >> shift)
		return sieve_error_set(lexer->error, token->place,
				       "number is too large");
	token->number = (int64_t)MIN(value << shift, (uint64_t)INT64_MAX);
	return 0;
}

/* A line end in a string is CRLF, however the script was kept (RFC 5228
 * section 2.4.2): what it is compared with and what is sent has CRLF. */
static void add_octet(GString *string, char octet)
{
	if (octet == '\n' &&
	    (string->len == 0 || string->str[string->len - 1] != '\r'))
		g_string_append_c(string, '\r');
	g_string_append_c(string, octet);
}

static int take_quoted(struct lexer *lexer, struct token *token)
{
	g_autoptr(GString) string = g_string_new(NULL);

	token->kind = TOKEN_STRING;
	(void)take(lexer);
	for (;;) {
		char octet;

		if (check_octet(lexer) < 0)
			return -1;
		if (peek(lexer) < 0)
			return sieve_error_set(lexer->error, token->place,
					       "string is not closed");
		octet = take(lexer);
		if (octet == '"')
			break;
		if (octet == '\\') {
			if (peek(lexer) < 0)
				continue; /* told as "not closed" */
			if (check_octet(lexer) < 0)
				return -1;
			octet = take(lexer);
		}
		add_octet(string, octet);
	}
	token->text = sieve_arena_copy(lexer->arena, string->str, string->len);
	return 0;
}

/* "text:" stands before us as taken: blanks, a hash comment, end of line. */
static int take_multi_line_start(struct lexer *lexer)
{
	while (peek(lexer) == ' ' || peek(lexer) == '\t')
		(void)take(lexer);
	if (peek(lexer) == '#' && skip_hash_comment(lexer) < 0)
		return -1;
	if (peek(lexer) == '\r' && peek_at(lexer, 1) == '\n')
		(void)take(lexer);
	if (peek(lexer) != '\n')
		return sieve_error_set(
			lexer->error, lexer->place,
			"only a comment may follow \"text:\" on its line");
	(void)take(lexer);
	return 0;
}

/* Is the dot before us alone on its line? */
static bool is_last_line(const struct lexer *lexer)
{
	int next = peek_at(lexer, 1);

	return next < 0 || next == '\n' ||
	       (next == '\r' && peek_at(lexer, 2) == '\n');
}

static int take_multi_line(struct lexer *lexer, struct token *token)
{
	g_autoptr(GString) string = g_string_new(NULL);
	bool at_line_start = true;

	token->kind = TOKEN_STRING;
	if (take_multi_line_start(lexer) < 0)
		return -1;
	for (;;) {
		char octet;

		if (check_octet(lexer) < 0)
			return -1;
		if (peek(lexer) < 0)
			return sieve_error_set(
				lexer->error, token->place,
				"text: is not ended by a line with a dot");
		if (at_line_start && peek(lexer) == '.') {
			bool is_last = is_last_line(lexer);

			(void)take(lexer);
			if (is_last)
				break;
			if (peek(lexer) != '.') { /* not stuffed: keep it */
				g_string_append_c(string, '.');
				at_line_start = false;
				continue;
			}
		}
		octet = take(lexer);
		at_line_start = octet == '\n';
		add_octet(string, octet);
	}
	token->text = sieve_arena_copy(lexer->arena, string->str, string->len);
	return 0;
}

static int take_word(struct lexer *lexer, struct token *token)
{
	token->kind = TOKEN_IDENTIFIER;
	token->text = take_name(lexer);
	if (strcmp(token->text, "text") == 0 && peek(lexer) == ':') {
		(void)take(lexer);
		return take_multi_line(lexer, token);
	}
	return 0;
}

static int take_tag(struct lexer *lexer, struct token *token)
{
	(void)take(lexer);
	token->kind = TOKEN_TAG;
	if (!is_identifier_start(peek(lexer)))
		return sieve_error_set(lexer->error, token->place,
				       "':' is not followed by a name");
	token->text = take_name(lexer);
	return 0;
}

static int take_other(struct lexer *lexer, struct token *token)
{
	static const char octets[] = ";,()[]{}";
	const char *found;
	int next = peek(lexer);

	found = next > 0 ? strchr(octets, next) : NULL;
	if (found) {
		(void)take(lexer);
		token->kind =
			(enum token_kind)(TOKEN_SEMICOLON + (found - octets));
		return 0;
	}
	if (next > 0x20 && next < 0x7f)
		return sieve_error_set(lexer->error, lexer->place,
				       "'%c' does not belong here", next);
	return sieve_error_set(lexer->error, lexer->place,
			       "unexpected character");
}

int lexer_next(struct lexer *lexer, struct token *ret_token)
{
	int next;

	if (skip_white_space(lexer) < 0)
		return -1;
	*ret_token = (struct token){.place = lexer->place};
	next = peek(lexer);
	if (next < 0)
		return 0; /* TOKEN_END */
	if (next == '"')
		return take_quoted(lexer, ret_token);
	if (next >= '0' && next <= '9')
		return take_number(lexer, ret_token);
	if (next == ':')
		return take_tag(lexer, ret_token);
	if (is_identifier_start(next))
		return take_word(lexer, ret_token);
	return take_other(lexer, ret_token);
}

bool lexer_skip(struct lexer *lexer, size_t from)
{
	if (lexer->at >= lexer->len || lexer->at >= lexer->invalid_at)
		return false;
	if (lexer->at == from)
		(void)take(lexer);
	return true;
}

const char *lexer_kind_name(enum token_kind kind)
{
	static const char *const names[] = {
		[TOKEN_END] = "the end of the script",
		[TOKEN_IDENTIFIER] = "a name",
		[TOKEN_TAG] = "a tag",
		[TOKEN_NUMBER] = "a number",
		[TOKEN_STRING] = "a string",
		[TOKEN_SEMICOLON] = "';'",
		[TOKEN_COMMA] = "','",
		[TOKEN_PAREN_OPEN] = "'('",
		[TOKEN_PAREN_CLOSE] = "')'",
		[TOKEN_BRACKET_OPEN] = "'['",
		[TOKEN_BRACKET_CLOSE] = "']'",
		[TOKEN_BRACE_OPEN] = "'{'",
		[TOKEN_BRACE_CLOSE] = "'}'",
		[TOKEN_FAULTY] = "a faulty token",
	};

	return names[kind];
}
