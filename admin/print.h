/*
 * Printing: aligned tables for people, JSON for programs.
 *
 * What comes out of mail is hostile to a terminal: print_clean() stands
 * between.
 */
#ifndef OKAPI_ADMIN_PRINT_H
#define OKAPI_ADMIN_PRINT_H

#include "base.h"
#include "fault.h"

#include <jansson.h>

/* A reference of the JSON value that frees itself. */
static inline void print_json_clear(json_t **value)
{
	json_decref(*value);
	*value = NULL;
}
#define AUTOJSON __attribute__((cleanup(print_json_clear))) json_t *

/* A copy without control characters and invalid UTF-8 ("?" each; tabs and
 * line ends become blanks); owned. */
char *print_clean(const char *text);
/* The same for text of several lines: keeps LF and tabs, drops CR; owned. */
char *print_clean_lines(const char *text);
/* The same, cut or filled to a width in columns; owned. */
char *print_fit(const char *text, size_t width);

/* ISO 8601 UTC of microseconds since 1970: "2026-11-23T06:03:11Z", with a
 * fraction only if exact and there is one; owned. */
char *print_time(int64_t usec, bool exact);
/* The way back; also a bare date, and times with an offset. */
NODISCARD int print_time_parse(const char *text, int64_t *ret_usec,
			       struct fault *fault);
/* "1.5M" for people; owned. */
char *print_size(int64_t octets);

/* JSON values. */
json_t *print_json_text(const char *text); /* NULL: null; repairs UTF-8 */
json_t *print_json_time(int64_t usec);     /* 0: null */
json_t *print_json_texts(const char *const *texts);

/* One document on stdout, indented; moved. */
void print_json(json_t *document);

/* A list that is printed while it is made: each item on one line.  Nothing is
 * printed of one that fails before its first item; one that fails later stays
 * open, so that nobody takes it for whole. */
struct print_list {
	bool json;
	size_t count;
};
void print_list_begin(struct print_list *list, bool json);
void print_list_item(struct print_list *list, json_t *item); /* moved */
void print_list_end(struct print_list *list);

/* A small table: rows of cells, columns as wide as their widest cell, those of
 * numbers and sizes aligned at their end.  The head is printed with the first
 * row only. */
struct print_table;
struct print_table *print_table_new(const char *const *head);
/* One cell per column; borrowed. */
void print_table_row(struct print_table *table, const char *const *cells);
/* Prints and frees. */
void print_table_end(struct print_table *table);

#endif
