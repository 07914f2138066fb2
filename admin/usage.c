/*
 * Usage texts, made from the command table: what --help prints is what the
 * parser knows.
 */
#include "admin.h"

#include "print.h"

#include <stdio.h>
#include <string.h>

static void usage_command(const struct noun *noun, const struct command *c)
{
	printf("  %s%s%s%s%s\n", noun->name, *c->verb ? " " : "", c->verb,
	       *c->args ? " " : "", c->args);
}

static void usage_common(void)
{
	puts("\nOptions of every command:\n"
	     "  -c, --config FILE   configuration (default: $OKAPI_CONFIG or "
	     "/etc/okapi/okapi.cfg)\n"
	     "  -o KEY=VALUE        one setting, wins over the file; "
	     "repeatable\n"
	     "      --as USER       with the rights of this user\n"
	     "      --json          one JSON document; with --help, the table of "
	     "commands\n"
	     "      --yes           do not ask before something is destroyed\n"
	     "  -h, --help          this text, or that of a command\n"
	     "  -V, --version");
}

void usage_program(void)
{
	const struct noun *const *nouns = command_nouns();

	puts("Usage: okapi-admin [options] COMMAND [arguments]\n");
	for (; *nouns; nouns++)
		for (const struct command *c = (*nouns)->commands; c->verb; c++)
			usage_command(*nouns, c);
	usage_common();
	puts("\n\"okapi-admin user --help\" explains one group of commands, \"okapi-admin user "
	     "set --help\" one.");
}

/* Aligned, those of a long name on a line of their own. */
static void usage_options(const struct command *c)
{
	for (const struct command_option *o = c->options; o && o->name; o++) {
		g_autofree char *head =
			g_strdup_printf("--%s%s%s", o->name, o->arg ? " " : "",
					o->arg ? o->arg : "");

		printf("        %-24s", head);
		if (strlen(head) > 24)
			printf("\n        %-24s", "");
		printf(" %s%s\n", o->text, o->repeat ? " (repeatable)" : "");
	}
}

void usage_noun(const struct noun *noun, const struct command *only)
{
	const struct command *above = NULL;

	printf("okapi-admin %s: %s\n", noun->name, noun->text);
	for (const struct command *c = noun->commands; c->verb; c++) {
		if (only && c != only)
			continue;
		putchar('\n');
		usage_command(noun, c);
		printf("      %s\n", c->text);
		if (above && c->options && c->options == above->options)
			printf("        (options: as %s %s)\n", noun->name,
			       above->verb);
		else
			usage_options(c);
		if (!above || c->options != above->options)
			above = c;
	}
	usage_common();
}

static json_t *usage_options_json(const struct command *command)
{
	json_t *options = json_array();

	for (const struct command_option *o = command->options; o && o->name;
	     o++) {
		json_t *option = json_object();

		json_object_set_new(option, "name", json_string(o->name));
		json_object_set_new(option, "arg", print_json_text(o->arg));
		json_object_set_new(option, "text", json_string(o->text));
		json_object_set_new(option, "repeat", json_boolean(o->repeat));
		json_array_append_new(options, option);
	}
	return options;
}

void usage_json(void)
{
	const struct noun *const *nouns = command_nouns();
	struct print_list list;

	print_list_begin(&list, true);
	for (; *nouns; nouns++) {
		for (const struct command *c = (*nouns)->commands; c->verb;
		     c++) {
			json_t *object = json_object();

			json_object_set_new(object, "noun",
					    json_string((*nouns)->name));
			json_object_set_new(object, "verb",
					    json_string(c->verb));
			json_object_set_new(object, "args",
					    json_string(c->args));
			json_object_set_new(object, "text",
					    json_string(c->text));
			json_object_set_new(
				object, "changes",
				json_boolean(c->flags & COMMAND_WRITE));
			json_object_set_new(object, "options",
					    usage_options_json(c));
			print_list_item(&list, object);
		}
	}
	print_list_end(&list);
}
