/*
 * The header of a message to its properties, by the table headers.def.
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_HEADERS_H
#define OKAPI_CONVERT_HEADERS_H

#include "addresses.h"

/* Named internet headers a message may have; more are noted and left out
 * (they still stand in PR_TRANSPORT_MESSAGE_HEADERS). */
#define HEADERS_NAMED_MAX     100
#define HEADERS_NAMED_LEN_MAX 32768

/* Sets every property that comes from the header of a message. */
void headers_convert(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set);
/* Importance, priority and sensitivity, where neither the header nor a TNEF
 * stream said anything. */
void headers_complete(struct propset *set);

/* PR_TRANSPORT_MESSAGE_HEADERS, and the decoded fields for rules. */
void headers_add_transport(struct convert_context *context,
			   const struct mime_entity *message,
			   struct propset *set);
void headers_add_fields(struct convert_context *context,
			const struct mime_entity *message, struct propset *set);

/* May a field of this name be made of a named string of PS_INTERNET_HEADERS?
 * Not if another property makes it, if it says who gets the message and how it
 * went, or how it is built (MS-OXCMAIL 2.1.3.2.4). */
bool headers_may_be_named(const char *name, size_t len);
/* PidLidFlagRequest, of PSETID_Common. */
#define HEADERS_LID_FLAG_REQUEST   0x8530
#define HEADERS_LID_CLASSIFIED     0x85b5
#define HEADERS_LID_CLASSIFICATION 0x85b6
#define HEADERS_LID_CLASS_DESC     0x85b7
#define HEADERS_LID_CLASS_ID       0x85b8
#define HEADERS_LID_CLASS_KEEP     0x85ba

/* A row of the table, for documentation and tests. */
struct header_row {
	const char *field;
	uint32_t tag;
	const char *section; /* of MS-OXCMAIL */
	const char *remark;
};
size_t header_row_count(void);
const struct header_row *header_row_at(size_t i);

/* What a field of the table is read with. */
struct header_call {
	struct convert_context *context;
	const struct mime_entity *message;
	struct propset *set;
	const struct header_row *row;
};
typedef void header_fn(const struct header_call *call, struct span value);

/* Is the conversion for a list only?  Then without what programs find an
 * address by. */
bool header_is_summary(const struct convert_context *context);
/* Has the table a row for a field of this name? */
bool headers_in_table(struct span name);

/* header_address.c: who wrote, to whom, who wants to hear of it. */
header_fn header_from, header_sender, header_reply_to, header_to, header_cc,
	header_bcc, header_delivery_receipt, header_read_receipt;
/* Only one of From and Sender: it is the other, too (MS-OXCMAIL 2.2.3.1). */
void header_complete_sender(const struct convert_context *context,
			    struct propset *set);
/* Gives a field for rules its addresses, if it is one that has some. */
void header_add_addresses(struct convert_context *context,
			  const struct mime_field *from,
			  struct header_field *field);

/* header_value.c: text, ids, dates, words of a list. */
header_fn header_subject, header_text, header_text_else, header_base64,
	header_id, header_date, header_received, header_importance,
	header_priority, header_x_priority, header_sensitivity, header_suppress,
	header_auto_submitted, header_bytes, header_keywords, header_content_id,
	header_attached;

/* Once the bodies are known: what the part says that one came from goes before
 * what the message says (MS-OXCMAIL 2.2.3.2.24, 2.2.3.2.26). */
void header_place_body(struct convert_context *context,
		       const struct mime_entity *message, struct propset *set);

/* header_kept.c: fields as named strings of PS_INTERNET_HEADERS, up to
 * HEADERS_NAMED_MAX of them. */
void header_set_named(struct convert_context *context,
		      const struct mime_entity *message, struct propset *set);

/* header_exchange.c: fields of Exchange and Outlook. */
header_fn header_language, header_classified, header_of_classified,
	header_number, header_trusted_text, header_sender_id, header_confidence,
	header_message_flag, header_accept_language, header_auto_forwarded,
	header_trusted_forwarded;
/* The tag of a language by its number (MS-LCID), static; NULL if unknown. */
const char *header_language_tag(int64_t id);

/* subject.c: length of the prefix of a subject (MS-OXCMSG 2.2.1.9). */
size_t subject_prefix_len(const char *subject);
void subject_set(struct propset *set, const char *subject);

/* dates.c: an RFC 5322 date or one of its broken relatives, in microseconds.
 */
bool date_parse(const char *text, int64_t *ret_usec);
/* The date of a Received field, behind its last ';'. */
bool date_parse_received(const char *text, int64_t *ret_usec);

#endif
