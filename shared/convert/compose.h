/*
 * Composing a message: header fields and MIME parts as octets.  Private to
 * shared/convert.
 */
#ifndef OKAPI_CONVERT_COMPOSE_H
#define OKAPI_CONVERT_COMPOSE_H

#include "addresses.h"

struct octets {
	const uint8_t *data;
	size_t len;
};

/* ---- compose_encode.c: octets as they may travel --------------------------
 */

void compose_put(GByteArray *out, const char *text);
/* May it go as it is: ASCII, CRLF, lines that are not too long? */
bool encode_is_seven_bit(struct octets in);
/* The field that says so of octets that may go as they are, "" for those that
 * need none, static; NULL if they may not.  eight: octets beyond ASCII may. */
const char *encode_as_it_is(struct octets in, bool eight);
/* Text with its Content-Transfer-Encoding and the blank line: as it is, else
 * in what is shorter. */
void encode_put_text(GByteArray *out, struct octets in);
void encode_put_base64(GByteArray *out, struct octets in);
/* As it is, but no CR or LF alone: a relay must not see them (RFC 5321 2.3.8),
 * and those who sign count lines as CRLF (RFC 8551 3.1.1). */
void encode_put_lines(GByteArray *out, struct octets in);

/* ---- compose_field.c: one field, folded, no way to inject another ---------
 */

/* Unstructured text: as it is if it is ASCII, else encoded words (RFC 2047).
 */
void field_put_text(GByteArray *out, const char *name, const char *value);
/* Is nothing left of it in one line? */
bool field_is_blank(const char *value);
/* Ids and the like: never encoded, folded at blanks.  A word that no line can
 * hold is left out: cut, it would be another's id.  Nothing is written where no
 * word is left. */
void field_put_raw(GByteArray *out, const char *name, const char *value);
/* GPtrArray of struct mailbox; those without an address are left out unless
 * nothing else is there. */
void field_put_addresses(GByteArray *out, const char *name,
			 const GPtrArray *mailboxes);
/* Would it be written, and not be left out? */
bool field_has_address(const struct mailbox *mailbox);
void field_put_date(GByteArray *out, const char *name, int64_t usec);
/* A parameter of Content-Type or Content-Disposition; without a value it is
 * left out.  A file's name may be of any letters: "name" goes as encoded words
 * (RFC 2047), "filename" by RFC 2231. */
struct field_param {
	const char *name, *value;
	bool is_file_name;
};
void field_put_params(GByteArray *out, const char *name, const char *value,
		      const struct field_param *params, size_t count);

/* ---- compose_header.c: every field of a message but those of MIME ---------
 */

void compose_header(const struct propset *set, bool embedded, GByteArray *out);

/* ---- compose_exchange.c: fields of fax, voice and classified mail ---------
 */

void compose_exchange(const struct propset *set, GByteArray *out);

/* ---- compose_report.c: reports made of properties -------------------------
 */

/* The report-type of a message that is a report, NULL if it is none; with its
 * part for machines (owned), unless that is among its attachments. */
const char *compose_report(const struct propset *set, GByteArray **ret_part);
/* What a report says for people where it has no body; owned, NULL if it is no
 * report. */
char *compose_report_text(const struct propset *set);
/* Is the recipient one that a report tells of, rather than one it goes to? */
bool compose_is_about(const struct propset *set, const struct propset *row);

/* ---- compose_attach.c: attachments as parts -------------------------------
 */

/* Is it shown by the HTML, so that it lies beside it (MS-OXCMAIL 2.1.3.4)? */
bool attachment_is_rendered(const struct propset *set,
			    const struct propset *attachment);
/* An attachment of the set with its fields; owned. */
GByteArray *attachment_part(const struct propset *set, size_t i,
			    unsigned depth);
/* Octets as one of another type, without what says how to show it; owned. */
GByteArray *attachment_data_part(const struct propset *attachment,
				 const char *type, struct octets in);

/* ---- compose_smime.c: signed and encrypted mail ---------------------------
 */

/* Writes MIME fields and body, if the message is such a one. */
bool compose_smime(const struct propset *set, GByteArray *out);
/* Has it a signed or encrypted entity with a field of that name already? */
bool compose_entity_has(const struct propset *set, const char *field);

/* ---- compose_body.c: the tree of parts, with its MIME fields --------------
 */

void compose_body(const struct propset *set, unsigned depth, GByteArray *out);

/* compose.c: a whole message; depth counts embedded ones. */
#define COMPOSE_DEPTH_MAX 100
void compose_message(const struct propset *set, unsigned depth,
		     GByteArray *out);

#endif
