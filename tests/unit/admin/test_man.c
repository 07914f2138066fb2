/*
 * The man pages know what the tables know: every option of the configuration
 * with its default, every command with its options.
 */
#include "admin/admin.h"
#include "conf.h"

#include <criterion/criterion.h>
#include <string.h>

static char *page(const char *path)
{
	char *text = NULL;

	cr_assert(g_file_get_contents(path, &text, NULL, NULL),
		  "%s: tests run from the top directory", path);
	return text;
}

/* The text between a key's item and the next one. */
static char *item_of(const char *text, const char *key)
{
	g_autofree char *head = g_strdup_printf("\n.It Cm %s No = ", key);
	const char *at = strstr(text, head);
	const char *end;

	if (!at)
		return NULL;
	end = strstr(at + 1, "\n.It Cm ");
	return end ? g_strndup(at, (gsize)(end + 1 - at)) : g_strdup(at);
}

Test(man, every_setting_is_explained_with_its_default)
{
	g_autofree char *text = page("docs/man/okapi.cfg.5");

	for (size_t i = 0; i < conf_option_count(); i++) {
		const char *key = conf_option_key(i);
		const char *def = conf_option_default(i);
		g_autofree char *item = item_of(text, key);
		g_autofree char *line =
			g_strdup_printf("Default:\n.Ql %s .\n", def);

		cr_expect(item, "%s is not in okapi.cfg.5", key);
		if (item && *def)
			cr_expect(strstr(item, line), "%s: not \"%s\"", key,
				  line);
	}
}

Test(man, no_setting_is_explained_that_is_none)
{
	g_autofree char *text = page("docs/man/okapi.cfg.5");
	size_t count = 0;

	for (const char *p = text; (p = strstr(p, "\n.It Cm ")); p++)
		if (strstr(p, " No = "))
			count++;
	cr_assert_eq(count, conf_option_count());
}

Test(man, every_command_and_option_is_explained)
{
	g_autofree char *text = page("docs/man/okapi-admin.8");
	const struct noun *const *nouns = command_nouns();

	for (; *nouns; nouns++) {
		for (const struct command *c = (*nouns)->commands; c->verb;
		     c++) {
			g_autofree char *noun =
				g_strdup_printf("Cm %s", (*nouns)->name);

			cr_expect(strstr(text, noun), "%s", noun);
			cr_expect(strstr(text, c->verb), "%s %s",
				  (*nouns)->name, c->verb);
			for (const struct command_option *o = c->options;
			     o && o->name; o++) {
				g_autofree char *option =
					g_strdup_printf("Fl -%s", o->name);

				cr_expect(strstr(text, option), "%s %s %s",
					  (*nouns)->name, c->verb, option);
			}
		}
	}
}
