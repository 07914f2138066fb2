/*
 * Tables, times and JSON for every noun.
 */
#include "print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static char *print_filter(const char *text, bool lines)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	GString *clean = g_string_new(NULL);

	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (lines && (c == '\n' || c == '\t'))
			g_string_append_c(clean, (char)c);
		else if (lines && c == '\r')
			continue;
		else if (c == '\n' || c == '\r' || c == '\t')
			g_string_append_c(clean, ' ');
		else if (g_unichar_iscntrl(c) || (c >= 0x202a && c <= 0x202e) ||
			 (c >= 0x2066 && c <= 0x2069))
			g_string_append_c(clean, '?');
		else
			g_string_append_unichar(clean, c);
	}
	return g_string_free(clean, FALSE);
}

char *print_clean(const char *text)
{
	return print_filter(text, false);
}

char *print_clean_lines(const char *text)
{
	return print_filter(text, true);
}

static size_t print_char_width(gunichar c)
{
	if (g_unichar_iszerowidth(c))
		return 0;
	return g_unichar_iswide(c) ? 2 : 1;
}

static size_t print_width(const char *text)
{
	size_t width = 0;

	for (; *text; text = g_utf8_next_char(text))
		width += print_char_width(g_utf8_get_char(text));
	return width;
}

char *print_fit(const char *text, size_t width)
{
	g_autofree char *clean = print_clean(text);
	GString *fit = g_string_new(NULL);
	size_t used = 0;

	for (const char *p = clean; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (used + print_char_width(c) > width)
			break;
		used += print_char_width(c);
		g_string_append_unichar(fit, c);
	}
	for (; used < width; used++)
		g_string_append_c(fit, ' ');
	return g_string_free(fit, FALSE);
}

char *print_time(int64_t usec, bool exact)
{
	int64_t fraction = usec % USEC_PER_SEC;
	time_t seconds = (time_t)(usec / USEC_PER_SEC);
	struct tm tm;
	char text[64];

	if (fraction < 0) {
		fraction += USEC_PER_SEC;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return g_strdup("");
	if (exact && fraction)
		return g_strdup_printf("%s.%06dZ", text, (int)fraction);
	return g_strdup_printf("%sZ", text);
}

int print_time_parse(const char *text, int64_t *ret_usec, struct fault *fault)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autofree char *full = strlen(text) == 10
					? g_strdup_printf("%sT00:00:00Z", text)
					: g_strdup(text);
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(full, utc);

	if (!time)
		return fault_set(fault, FAULT_USAGE,
				 "\"%s\" is not a time such as 2026-11-23 or "
				 "2026-11-23T06:00:00Z",
				 text);
	*ret_usec = g_date_time_to_unix(time) * USEC_PER_SEC +
		    g_date_time_get_microsecond(time);
	return 0;
}

char *print_size(int64_t octets)
{
	static const char units[] = "KMGT";
	double value = (double)octets / 1024;
	size_t unit = 0;

	if (octets < 1024)
		return g_strdup_printf("%" G_GINT64_FORMAT, octets);
	while (value >= 1024 && unit + 2 < sizeof(units)) {
		value /= 1024;
		unit++;
	}
	return g_strdup_printf(value < 10 ? "%.1f%c" : "%.0f%c", value,
			       units[unit]);
}

json_t *print_json_text(const char *text)
{
	if (!text)
		return json_null();
	if (g_utf8_validate(text, -1, NULL))
		return json_string(text);

	g_autofree char *valid = g_utf8_make_valid(text, -1);

	return json_string(valid);
}

json_t *print_json_time(int64_t usec)
{
	g_autofree char *text = usec ? print_time(usec, false) : NULL;

	return text ? json_string(text) : json_null();
}

json_t *print_json_texts(const char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		json_array_append_new(array, print_json_text(*texts));
	return array;
}

void print_json(json_t *document)
{
	json_dumpf(document, stdout,
		   JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	putchar('\n');
	json_decref(document);
}

void print_list_begin(struct print_list *list, bool json)
{
	list->json = json;
	list->count = 0;
}

void print_list_item(struct print_list *list, json_t *item)
{
	fputs(list->count++ ? ",\n " : "[\n ", stdout);
	json_dumpf(item, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(item);
}

void print_list_end(struct print_list *list)
{
	if (list->json)
		puts(list->count ? "\n]" : "[]");
}

struct print_table {
	size_t columns;
	GPtrArray *cells; /* of owned strings, row by row, head first */
};

struct print_table *print_table_new(const char *const *head)
{
	struct print_table *table = g_new0(struct print_table, 1);

	table->cells = g_ptr_array_new_with_free_func(g_free);
	while (head[table->columns])
		table->columns++;
	print_table_row(table, head);
	return table;
}

void print_table_row(struct print_table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++)
		g_ptr_array_add(table->cells, print_clean(cells[i]));
}

/* Counts and sizes stand below each other by their last digit. */
static bool print_table_is_number(const struct print_table *table,
				  size_t column)
{
	for (size_t i = table->columns + column; i < table->cells->len;
	     i += table->columns) {
		const char *cell = table->cells->pdata[i];

		if (!*cell || cell[strspn(cell, "0123456789.KMGT")])
			return false;
	}
	return true;
}

void print_table_end(struct print_table *table)
{
	g_autofree size_t *widths = g_new0(size_t, table->columns);
	g_autofree bool *numbers = g_new0(bool, table->columns);

	for (size_t i = 0; i < table->columns; i++)
		numbers[i] = print_table_is_number(table, i);
	for (size_t i = 0; i < table->cells->len; i++) {
		size_t width = print_width(table->cells->pdata[i]);
		size_t column = i % table->columns;

		widths[column] = MAX(widths[column], width);
	}
	for (size_t i = 0;
	     table->cells->len > table->columns && i < table->cells->len; i++) {
		const char *cell = table->cells->pdata[i];
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		int fill = (int)(widths[column] - print_width(cell));

		printf("%*s%s%*s%s", numbers[column] ? fill : 0, "", cell,
		       numbers[column] || last ? 0 : fill, "",
		       last ? "\n" : "  ");
	}
	g_ptr_array_unref(table->cells);
	g_free(table);
}
