/*
 * docs/properties.md shows the table of header fields: this one.
 */
#include "convert_test.h"

#include "convert/headers.h"

#define PAGE "docs/properties.md"

/* The tests run from the top of the tree. */
static char *page(void)
{
	char *text = NULL;

	cr_assert(g_file_get_contents(PAGE, &text, NULL, NULL), "no %s", PAGE);
	return text;
}

Test(docs, header_table)
{
	g_autofree char *text = page();
	size_t rows = 0;

	for (size_t i = 0; i < header_row_count(); i++) {
		const struct header_row *row = header_row_at(i);
		const char *name =
			row->tag ? proptag_name(row->tag) : "\xe2\x80\x93";
		g_autofree char *line =
			g_strdup_printf("\n| %s | %s | %s | %s |\n", row->field,
					name, row->section, row->remark);

		cr_expect(strstr(text, line), "%s lacks:%s", PAGE, line);
	}
	/* The first table, with its head. */
	cr_assert(strstr(text, "\nBesides:"));
	*strstr(text, "\nBesides:") = '\0';
	for (const char *at = text; (at = strstr(at, "\n| ")); at++)
		rows++;
	cr_expect_eq(rows, header_row_count() + 1, "%zu rows", rows);
}

/* Every tag the table and the page speak of exists. */
Test(docs, tags_exist)
{
	g_autofree char *text = page();

	for (const char *at = text; (at = strstr(at, "PR_")); at++) {
		size_t len =
			strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		g_autofree char *name = g_strndup(at, len);

		cr_expect(proptag_parse(name), "%s: %s is no property", PAGE,
			  name);
	}
}
