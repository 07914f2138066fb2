/*
 * Sieve tokens, RFC 5228 section 8.1.
 */
#ifndef OKAPI_RULES_LEXER_H
#define OKAPI_RULES_LEXER_H

#include "arena.h"
#include "ast.h"

enum token_kind {
	TOKEN_END,
	TOKEN_IDENTIFIER, /* text: lower case */
	TOKEN_TAG,        /* text: lower case, without the colon */
	TOKEN_NUMBER,
	TOKEN_STRING, /* text: escapes and dot-stuffing undone */
	TOKEN_SEMICOLON,
	TOKEN_COMMA,
	TOKEN_PAREN_OPEN,
	TOKEN_PAREN_CLOSE,
	TOKEN_BRACKET_OPEN,
	TOKEN_BRACKET_CLOSE,
	TOKEN_BRACE_OPEN,
	TOKEN_BRACE_CLOSE,
	TOKEN_FAULTY, /* the lexer failed */
};

struct token {
	enum token_kind kind;
	struct sieve_place place;
	const char *text; /* in the arena */
	int64_t number;
};

/* Numbers above this are an overflow; above INT64_MAX they count as that. */
#define LEXER_NUMBER_MAX UINT64_MAX

struct lexer {
	const char *text;
	size_t len;
	size_t at;
	size_t invalid_at; /* offset of the first octet that is not UTF-8 */
	struct sieve_place place;
	struct sieve_arena *arena;
	struct sieve_error *error;
};

/* text, arena and error are borrowed as long as the lexer is used. */
void lexer_init(struct lexer *lexer, const char *text, size_t len,
		struct sieve_arena *arena, struct sieve_error *error);

/* The next token, or -1 with lexer->error set. */
NODISCARD int lexer_next(struct lexer *lexer, struct token *ret_token);

/* After lexer_next() failed at what began at offset from: passes over at least
 * one octet.  False at the end, and where the text is no text any more. */
bool lexer_skip(struct lexer *lexer, size_t from);

/* "';'", "string", "end of script": for error texts. */
const char *lexer_kind_name(enum token_kind kind);

#endif
