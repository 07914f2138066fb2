/*
 * Tokens to commands, by recursive descent; depth is bounded.
 */
#include "parser.h"

#include "lexer.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the one before us */
	struct sieve_arena *arena;
	struct sieve_error *error;
	const struct parser_hooks *hooks;
	unsigned block_depth;
	unsigned test_depth;
};

static int parse_commands(struct parser *parser, struct ast_node **ret_commands,
			  enum token_kind end);
static int parse_arguments(struct parser *parser, struct ast_node *node);

static int advance(struct parser *parser)
{
	return lexer_next(&parser->lexer, &parser->token);
}

/* What stands before us, for an error text; owned. */
static char *describe(const struct token *token)
{
	if (token->kind == TOKEN_IDENTIFIER)
		return g_strdup_printf("\"%.40s\"", token->text);
	if (token->kind == TOKEN_TAG)
		return g_strdup_printf(":%.40s", token->text);
	return g_strdup(lexer_kind_name(token->kind));
}

static int unexpected(struct parser *parser, const char *wanted)
{
	g_autofree char *found = describe(&parser->token);

	return sieve_error_set(parser->error, parser->token.place,
			       "expected %s, found %s", wanted, found);
}

static int parse_string(struct parser *parser, struct ast_argument *argument,
			struct ast_string ***tail)
{
	struct ast_string *string;

	if (parser->token.kind != TOKEN_STRING)
		return unexpected(parser, "a string");
	string = sieve_arena_alloc(parser->arena, sizeof(*string));
	string->text = parser->token.text;
	string->place = parser->token.place;
	argument->kind = AST_STRINGS;
	**tail = string;
	*tail = &string->next;
	return advance(parser);
}

static int parse_string_list(struct parser *parser,
			     struct ast_argument *argument)
{
	struct ast_string **tail = &argument->strings;

	argument->is_list = true;
	if (advance(parser) < 0)
		return -1;
	for (;;) {
		if (parse_string(parser, argument, &tail) < 0)
			return -1;
		if (parser->token.kind == TOKEN_BRACKET_CLOSE)
			return advance(parser);
		if (parser->token.kind != TOKEN_COMMA)
			return unexpected(parser, "',' or ']'");
		if (advance(parser) < 0)
			return -1;
	}
}

static bool starts_argument(enum token_kind kind)
{
	return kind == TOKEN_STRING || kind == TOKEN_NUMBER ||
	       kind == TOKEN_TAG || kind == TOKEN_BRACKET_OPEN;
}

static int parse_argument(struct parser *parser, struct ast_argument *argument)
{
	struct ast_string **tail = &argument->strings;

	argument->place = parser->token.place;
	if (parser->token.kind == TOKEN_BRACKET_OPEN)
		return parse_string_list(parser, argument);
	if (parser->token.kind == TOKEN_STRING)
		return parse_string(parser, argument, &tail);
	if (parser->token.kind == TOKEN_NUMBER) {
		argument->kind = AST_NUMBER;
		argument->number = parser->token.number;
	} else {
		argument->kind = AST_TAG;
		argument->tag = parser->token.text;
	}
	return advance(parser);
}

static struct ast_node *new_node(struct parser *parser)
{
	struct ast_node *node = sieve_arena_alloc(parser->arena, sizeof(*node));

	node->name = parser->token.text;
	node->place = parser->token.place;
	return node;
}

static int parse_test(struct parser *parser, struct ast_node **ret_test)
{
	struct ast_node *test;

	if (parser->token.kind != TOKEN_IDENTIFIER)
		return unexpected(parser, "a test");
	if (parser->test_depth >= SIEVE_NESTING_MAX)
		return sieve_error_set(parser->error, parser->token.place,
				       "tests are nested deeper than %d",
				       SIEVE_NESTING_MAX);
	test = new_node(parser);
	parser->test_depth++;
	if (advance(parser) < 0 || parse_arguments(parser, test) < 0)
		return -1;
	parser->test_depth--;
	*ret_test = test;
	return 0;
}

static int parse_test_list(struct parser *parser, struct ast_node *node)
{
	struct ast_node **tail = &node->tests;

	node->is_test_list = true;
	if (advance(parser) < 0)
		return -1;
	for (;;) {
		if (parse_test(parser, tail) < 0)
			return -1;
		tail = &(*tail)->next;
		if (parser->token.kind == TOKEN_PAREN_CLOSE)
			return advance(parser);
		if (parser->token.kind != TOKEN_COMMA)
			return unexpected(parser, "',' or ')'");
		if (advance(parser) < 0)
			return -1;
	}
}

/* *argument [ test / test-list ] */
static int parse_arguments(struct parser *parser, struct ast_node *node)
{
	struct ast_argument **tail = &node->arguments;

	while (starts_argument(parser->token.kind)) {
		*tail = sieve_arena_alloc(parser->arena, sizeof(**tail));
		if (parse_argument(parser, *tail) < 0)
			return -1;
		tail = &(*tail)->next;
	}
	if (parser->token.kind == TOKEN_IDENTIFIER)
		return parse_test(parser, &node->tests);
	if (parser->token.kind == TOKEN_PAREN_OPEN)
		return parse_test_list(parser, node);
	return 0;
}

static int parse_block(struct parser *parser, struct ast_node *command)
{
	if (parser->block_depth >= SIEVE_NESTING_MAX)
		return sieve_error_set(parser->error, parser->token.place,
				       "blocks are nested deeper than %d",
				       SIEVE_NESTING_MAX);
	parser->block_depth++;
	if (advance(parser) < 0 ||
	    parse_commands(parser, &command->block, TOKEN_BRACE_CLOSE) < 0)
		return -1;
	parser->block_depth--;
	parser->hooks->block_end(parser->hooks->context, command);
	return advance(parser);
}

static int parse_command(struct parser *parser, const struct ast_node *previous,
			 struct ast_node **ret_command)
{
	struct ast_node *command = new_node(parser);

	*ret_command = command;
	if (advance(parser) < 0 || parse_arguments(parser, command) < 0)
		return -1;
	if (parser->token.kind != TOKEN_SEMICOLON &&
	    parser->token.kind != TOKEN_BRACE_OPEN)
		return unexpected(parser, "';' or '{'");
	command->has_block = parser->token.kind == TOKEN_BRACE_OPEN;
	if (parser->hooks->command(parser->hooks->context, command, previous,
				   parser->error) < 0)
		return -1;
	if (command->has_block)
		return parse_block(parser, command);
	return advance(parser);
}

static int parse_commands(struct parser *parser, struct ast_node **ret_commands,
			  enum token_kind end)
{
	struct ast_node **tail = ret_commands;
	const struct ast_node *previous = NULL;

	while (parser->token.kind == TOKEN_IDENTIFIER) {
		if (parse_command(parser, previous, tail) < 0)
			return -1;
		previous = *tail;
		tail = &(*tail)->next;
	}
	if (parser->token.kind == end)
		return 0;
	return unexpected(parser,
			  end == TOKEN_END ? "a command" : "a command or '}'");
}

int parser_parse(const char *text, size_t len, struct sieve_arena *arena,
		 const struct parser_hooks *hooks,
		 struct ast_node **ret_commands, struct sieve_error *error)
{
	struct parser parser = {
		.arena = arena,
		.error = error,
		.hooks = hooks,
	};

	*ret_commands = NULL;
	lexer_init(&parser.lexer, text, len, arena, error);
	if (advance(&parser) < 0)
		return -1;
	return parse_commands(&parser, ret_commands, TOKEN_END);
}
