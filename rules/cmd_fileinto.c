/*
 * keep and fileinto, RFC 5228 sections 4.1 and 4.3; :copy of RFC 3894,
 * :create of RFC 5490, :flags of RFC 5232, :specialuse of RFC 8579.
 */
#include "checker.h"
#include "entries.h"
#include "flags.h"
#include "run.h"

static const struct language_tag keep_tags[] = {
	{"flags", SLOT_FLAGS, 0, 'S', EXTENSION_IMAP4FLAGS},
	{0},
};

static const struct language_tag fileinto_tags[] = {
	{"copy", SLOT_COPY, 0, 0, EXTENSION_COPY},
	{"create", SLOT_CREATE, 0, 0, EXTENSION_MAILBOX},
	{"specialuse", SLOT_SPECIAL_USE, 0, 's', EXTENSION_SPECIAL_USE},
	{0},
};

static const struct language_tag *const keep_tag_list[] = {keep_tags, NULL};
static const struct language_tag *const fileinto_tag_list[] = {
	keep_tags,
	fileinto_tags,
	NULL,
};

/* What :flags says, owned; NULL where it is not given. */
static GPtrArray *find_flags(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_FLAGS);
	GPtrArray *flags;

	if (!tagged)
		return NULL;
	flags = sieve_flags_new();
	for (const struct ast_string *string = tagged->argument->strings;
	     string; string = string->next)
		sieve_flags_add(flags, sieve_run_string(run, string));
	return flags;
}

static void run_keep(struct sieve_run *run, const struct ast_node *node)
{
	g_autoptr(GPtrArray) flags = find_flags(run, node);

	sieve_run_act(run, &(struct run_action){
				   .kind = SIEVE_KEEP,
				   .flags = flags,
			   });
}

static bool is_folder_name(const char *name)
{
	if (!*name || !g_utf8_validate(name, -1, NULL))
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return false;
	return true;
}

/* Is there such a folder now, for those who want to know? */
static int look_for_folder(struct checker *checker, const struct ast_node *node)
{
	const struct sieve_compile_options *options = checker->options;
	const struct ast_string *name = node->positional[0]->strings;
	const struct ast_tagged *special =
		language_tagged(node, SLOT_SPECIAL_USE);
	const struct ast_string *use =
		special ? special->argument->strings : NULL;
	g_autofree char *why = NULL;

	if (!options || !options->look_for_folder || name->is_dynamic ||
	    (use && use->is_dynamic))
		return 0;
	why = options->look_for_folder(options->find_context, name->text,
				       use ? use->text : NULL,
				       language_tagged(node, SLOT_CREATE));
	if (!why)
		return 0;
	return sieve_error_set(checker->error, name->place,
			       "mail for \"%.60s\" would be kept in the Inbox "
			       "now: %s",
			       name->text, why);
}

static int check_fileinto(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	const struct ast_tagged *special =
		language_tagged(node, SLOT_SPECIAL_USE);
	const struct ast_string *name = node->positional[0]->strings;

	(void)previous;
	if (special && checker_special_uses(checker, special->argument) < 0)
		return -1;
	if (name->is_dynamic || is_folder_name(name->text))
		return look_for_folder(checker, node);
	return sieve_error_set(checker->error, name->place,
			       "\"%.60s\" is no name of a folder", name->text);
}

static void run_fileinto(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *special =
		language_tagged(node, SLOT_SPECIAL_USE);
	const char *name = sieve_run_text(run, node->positional[0]);
	g_autoptr(GPtrArray) flags = find_flags(run, node);

	if (!is_folder_name(name)) {
		sieve_run_fail(run, "fileinto: invalid folder name \"%.60s\"",
			       name);
		return;
	}
	sieve_run_act(
		run,
		&(struct run_action){
			.kind = SIEVE_FILEINTO,
			.argument = name,
			.special_use =
				special ? sieve_run_text(run, special->argument)
					: NULL,
			.flags = flags,
			.create = language_tagged(node, SLOT_CREATE),
			.copy = language_tagged(node, SLOT_COPY),
		});
}

const struct language_entry cmd_keep = {
	.kind = LANGUAGE_COMMAND,
	.name = "keep",
	.signature = "",
	.look = LOOK_NOT,
	.tags = keep_tag_list,
	.run = run_keep,
};

const struct language_entry cmd_fileinto = {
	.kind = LANGUAGE_COMMAND,
	.name = "fileinto",
	.extension = EXTENSION_FILEINTO,
	.signature = "s",
	.first = "mailbox",
	.look = LOOK_NOT,
	.tags = fileinto_tag_list,
	.check = check_fileinto,
	.run = run_fileinto,
};
