/*
 * The parts of a message: which are its bodies, what the others are as
 * attachments, and what class the message is of.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_PARTS_H
#define OKAPI_CONVERT_PARTS_H

#include "headers.h"

/* convert.c: everything a message says, below its own header and parts. */
void convert_message(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set);

/* body.c: finds the bodies below a part (MS-OXCMAIL 3.3.2), marks them, sets
 * PR_BODY, PR_HTML, PR_NATIVE_BODY, PR_INTERNET_CPID.  ret_names (owned):
 * Content-Id and Content-Location of its parts (borrowed from them), with 1 for
 * those the HTML refers to. */
void body_convert(struct convert_context *context, struct mime_entity *root,
		  struct propset *set, GTree **ret_names);

/* PR_HTML, in lines that end in CRLF (MS-OXCMAIL 2.2.3.3.2.1); html is moved.
 */
void body_keep_html(struct propset *set, char *html);

/* body_text.c: what a text part says.  bytes is its content, decoded, moved:
 * what is large of it leaves memory while it is read. */

/* Letters of a charset that nobody knows: for the reader it is no text (RFC
 * 2049 2 treats it as application/octet-stream). */
bool body_is_unreadable(struct convert_context *context,
			const struct mime_entity *leaf);
/* Where the text itself is not asked for: notes a charset that nobody knows. */
void body_check_charset(struct convert_context *context,
			const struct mime_entity *leaf);
/* Its text, and in which charset it said it (owned, never NULL): by a byte
 * order mark of HTML, by Content-Type, by <meta>, or as it seems.  Owned. */
char *body_take_text(struct convert_context *context,
		     const struct mime_entity *leaf, GBytes *bytes,
		     char **ret_charset);
/* Its text (owned), and the code page in which its octets can be kept for it.
 * Where that is not UTF-8, *bytes has them still, or NULL: those of a large one
 * had better be made anew than lie beside the text. */
char *body_take_html(struct convert_context *context,
		     const struct mime_entity *leaf, GBytes **bytes,
		     int *ret_page);
/* The octets themselves (bytes is moved), with a zero behind.  Owned. */
char *body_take_octets(const struct mime_entity *leaf, GBytes *bytes);

/* html_names.c: marks, with 1 for their value, those of the names that stand as
 * ids behind "cid:", with character references and %XX undone, and those that
 * attributes have in quotes, for parts that have a Content-Location (RFC 2557).
 */
void html_mark_cids(const char *html, GTree *names);
void html_mark_locations(const char *html, GTree *names);

/* part_list.c: every part, in order, into the list of the set. */
void part_list_convert(struct convert_context *context,
		       const struct mime_entity *root, struct propset *set);

/* html_text.c: HTML (UTF-8) as plain text, lines ended by LF.  Linear; what is
 * too deep or too much is noted and left out.  Owned. */
char *html_to_text(struct convert_context *context, const char *html);
/* The same; html is moved, and goes before its text is made. */
char *html_to_text_take(struct convert_context *context, char *html);

/* enriched.c: format=flowed (RFC 3676) as lines that end where a paragraph
 * does, in CRLF; delete_space: DelSp=yes; text is moved.  Owned. */
char *text_unflow(char *text, bool delete_space);
/* text/enriched (RFC 1896) as HTML; enriched is moved.  Owned. */
char *text_enriched_to_html(char *enriched);

/* attach.c: everything that is no body, in order. */
void attach_convert(struct convert_context *context,
		    const struct mime_entity *root, const GTree *names,
		    struct propset *set);
/* A signed or encrypted message whole, with its Content-Type, as its only
 * attachment (MS-OXCMAIL 2.2.3.4.4). */
void attach_whole(struct convert_context *context,
		  const struct mime_entity *root, struct propset *set);

/* report.c: class and properties of a delivery report, with a recipient for
 * each one it tells of, or of a read receipt; false if it is neither. */
bool report_convert(struct convert_context *context,
		    const struct mime_entity *root, struct propset *set);

/* meeting.c: when, where and which meeting a calendar (UTF-8) speaks of.
 * False, and nothing, if it cannot be read.  behind: a text that is the body
 * only if the calendar has none, or NULL. */
bool meeting_convert(struct convert_context *context, const char *calendar,
		     bool counter, struct mime_entity *behind,
		     struct propset *set);

/* class.c: PR_MESSAGE_CLASS and what comes with it.  True if the message is
 * S/MIME: its parts are not to be taken apart. */
bool class_convert(struct convert_context *context,
		   const struct mime_entity *root, struct propset *set);

#endif
