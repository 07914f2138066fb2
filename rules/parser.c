/*
 * Tokens to commands, by recursive descent; depth is bounded.
 */
#include "parser.h"

#include "lexer.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the one before us */
	struct sieve_arena *arena;
	struct sieve_error *error; /* the one that was met last */
	const struct parser_hooks *hooks;
	bool ended; /* nothing more is to be read */
	unsigned block_depth;
	unsigned test_depth;
};

static void parse_commands(struct parser *parser,
			   struct ast_node **ret_commands);
static void recover(struct parser *parser);
static int parse_arguments(struct parser *parser, struct ast_node *node);

static int advance(struct parser *parser)
{
	if (lexer_next(&parser->lexer, &parser->token) == 0)
		return 0;
	parser->token.kind = TOKEN_FAULTY;
	return -1;
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
	int count = 0;

	while (starts_argument(parser->token.kind)) {
		if (++count > SIEVE_ARGUMENTS_MAX)
			return sieve_error_set(parser->error,
					       parser->token.place,
					       "%s has more than %d arguments",
					       node->name, SIEVE_ARGUMENTS_MAX);
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
	if (advance(parser) < 0)
		recover(parser);
	parse_commands(parser, &command->block);
	parser->block_depth--;
	parser->hooks->block_end(parser->hooks->context, command);
	if (parser->ended)
		return 0;
	if (parser->token.kind != TOKEN_BRACE_CLOSE)
		return unexpected(parser, "a command or '}'");
	return advance(parser);
}

static int parse_command(struct parser *parser, const struct ast_node *previous,
			 struct ast_node **ret_command)
{
	struct ast_node *command = new_node(parser);

	*ret_command = command;
	if (advance(parser) < 0 || parse_arguments(parser, command) < 0) {
		parser->hooks->faulty(parser->hooks->context, command);
		return -1;
	}
	if (parser->token.kind != TOKEN_SEMICOLON &&
	    parser->token.kind != TOKEN_BRACE_OPEN)
		return unexpected(parser, "';' or '{'");
	command->has_block = parser->token.kind == TOKEN_BRACE_OPEN;
	parser->hooks->command(parser->hooks->context, command, previous);
	if (command->has_block)
		return parse_block(parser, command);
	return advance(parser);
}

/* The next token whatever errors stand before it; false at what cannot be
 * passed over. */
static bool advance_over(struct parser *parser)
{
	size_t at;

	do {
		at = parser->lexer.at;
		if (advance(parser) == 0)
			return true;
	} while (lexer_skip(&parser->lexer, at));
	return false;
}

/* Tells the error and goes to the end of the command it is in: behind its ';'
 * or its block, or before the '}' of the block around it. */
static void recover(struct parser *parser)
{
	unsigned depth = 0;

	if (!parser->hooks->error(parser->hooks->context, parser->error))
		parser->ended = true;
	if (parser->token.kind == TOKEN_END)
		parser->ended = true;
	parser->test_depth = 0;
	if (parser->ended)
		return;
	/* The token at fault is read again, or passed over as faulty. */
	if (parser->token.kind == TOKEN_FAULTY && !advance_over(parser)) {
		parser->ended = true;
		return;
	}
	for (;;) {
		enum token_kind kind = parser->token.kind;

		if (kind == TOKEN_END)
			return;
		if (kind == TOKEN_BRACE_CLOSE && depth == 0)
			return;
		if (kind == TOKEN_BRACE_OPEN)
			depth++;
		else if (kind == TOKEN_BRACE_CLOSE)
			depth--;
		if (!advance_over(parser)) {
			parser->ended = true;
			return;
		}
		if (depth == 0 &&
		    (kind == TOKEN_SEMICOLON || kind == TOKEN_BRACE_CLOSE))
			return;
	}
}

/* Up to the '}' or the end of the script. */
static void parse_commands(struct parser *parser,
			   struct ast_node **ret_commands)
{
	struct ast_node **tail = ret_commands;
	const struct ast_node *previous = NULL;

	while (!parser->ended && parser->token.kind != TOKEN_END &&
	       parser->token.kind != TOKEN_BRACE_CLOSE) {
		struct ast_node *command = NULL;
		int rc = parser->token.kind == TOKEN_IDENTIFIER
				 ? parse_command(parser, previous, &command)
				 : unexpected(parser, "a command");

		if (command) {
			*tail = command;
			tail = &command->next;
			previous = command;
		}
		if (rc < 0)
			recover(parser);
	}
}

struct ast_node *parser_parse(const char *text, size_t len,
			      struct sieve_arena *arena,
			      const struct parser_hooks *hooks)
{
	struct sieve_error error = {0};
	struct parser parser = {
		.arena = arena,
		.error = &error,
		.hooks = hooks,
	};
	struct ast_node *commands = NULL;

	lexer_init(&parser.lexer, text, len, arena, &error);
	if (advance(&parser) < 0)
		recover(&parser);
	while (!parser.ended) {
		parse_commands(&parser, &commands);
		if (parser.ended || parser.token.kind == TOKEN_END)
			break;
		/* A '}' too many. */
		(void)unexpected(&parser, "a command");
		(void)parser.hooks->error(hooks->context, &error);
		parser.ended = true;
	}
	return commands;
}
