/*
 * Property sets: what a message, a recipient or an attachment says.
 *
 * A set holds typed values by tag, and below it recipients and attachments,
 * which are sets themselves; an attachment may hold an embedded message.  For
 * rules it also carries the decoded header fields, and MIME parts.
 *
 * The wire form (propset_encode, propset_decode) is private to Okapi's own
 * processes; decoding treats its input as hostile.
 */
#ifndef OKAPI_PROPSET_H
#define OKAPI_PROPSET_H

#include "base.h"
#include "fault.h"
#include "proptag.h"

#define PROPSET_DEPTH_MAX 64 /* embedded messages within each other */

/* A binary value; data may be left out (NULL) where only size and hash are
 * asked for. */
struct prop_binary {
	uint64_t size;
	uint8_t sha256[32]; /* if there is no data: see prop_binary_hash() */
	GBytes *data;       /* owned by the set, or NULL */
};

struct prop {
	uint32_t tag;
	union {
		bool boolean;
		int64_t number; /* PT_SHORT, PT_LONG, PT_I8, PT_SYSTIME */
		double real;
		char *text;    /* PT_UNICODE, PT_CLSID: valid UTF-8 */
		char **texts;  /* PT_MV_UNICODE: NULL-terminated */
		GArray *longs; /* PT_MV_LONG: of int64_t */
		struct prop_binary binary;
		GPtrArray *binaries; /* PT_MV_BINARY: of GBytes */
	} value;
};

/* What a named property (id >= 0x8000) of this set is called. */
struct prop_name {
	char *guid; /* "PS_INTERNET_HEADERS", "PSETID_Common" or a GUID */
	char *name; /* "x-mailer"; NULL if it has a number */
	uint32_t lid;
};

/* One mailbox of an address field, decoded (RFC 5322 3.4, 2047, 6532). */
struct header_address {
	char *display; /* "" if none */
	char *address; /* "local@domain", as written; "" for a group's name */
	char *group;   /* name of the group it stands in, or NULL */
};

/* One header field in the order of the message. */
struct header_field {
	char *name;
	char *text;           /* unfolded, RFC 2047 decoded, UTF-8, stripped */
	GPtrArray *addresses; /* of struct header_address; NULL unless the
				 field is one of addresses */
};

struct propset;

/* One MIME part of the message, for rules (RFC 5173). */
struct mime_part {
	char *type;     /* "text/plain", lower case */
	unsigned depth; /* parts around it; 0: the message itself */
	bool is_text;   /* content is UTF-8 */
	/* Of a leaf what it holds, its encoding undone; of a multipart what
	 * stands before its parts; of a message/rfc822 the header in it. */
	GBytes *content;
	GBytes *epilogue; /* of a multipart, or NULL */
	/* A set with the fields of a part within the message, or NULL. */
	struct propset *header;
};

struct propset *propset_new(void);
void propset_free(struct propset *set);
AUTO_DEFINE(propset, propset_free);

/* Setters replace.  A type that does not fit the tag is a broken invariant
 * (the process ends).  Text that is not valid UTF-8 is repaired with U+FFFD,
 * NUL cut at the first. */
void propset_set_bool(struct propset *set, uint32_t tag, bool value);
void propset_set_number(struct propset *set, uint32_t tag, int64_t value);
void propset_set_real(struct propset *set, uint32_t tag, double value);
void propset_set_text(struct propset *set, uint32_t tag, const char *value);
/* value is moved, and kept as it is where it is valid. */
void propset_set_text_take(struct propset *set, uint32_t tag, char *value);
void propset_set_text_len(struct propset *set, uint32_t tag, const char *value,
			  size_t len);
void propset_set_texts(struct propset *set, uint32_t tag,
		       const char *const *values);
void propset_add_text(struct propset *set, uint32_t tag, const char *value);
void propset_add_long(struct propset *set, uint32_t tag, int64_t value);
void propset_add_binary(struct propset *set, uint32_t tag, const void *data,
			size_t len);
/* data is referenced, not copied. */
void propset_set_binary(struct propset *set, uint32_t tag, GBytes *data);
void propset_set_binary_copy(struct propset *set, uint32_t tag,
			     const void *data, size_t len);
/* Size and hash without the bytes. */
void propset_set_binary_digest(struct propset *set, uint32_t tag, uint64_t size,
			       const uint8_t sha256[32]);
/* The hash of a value, computed from its bytes if they are there
 * (propset_digest.c). */
void prop_binary_hash(const struct prop_binary *binary, uint8_t ret_sha256[32]);
void propset_remove(struct propset *set, uint32_t tag);
/* Sets what prop, of another set, says; values are copied (octets shared).  A
 * named property is the one of this set's name table with that tag. */
void propset_put(struct propset *set, const struct prop *prop);

/* A tag for a named property, the same one for the same name. */
uint32_t propset_named_tag(struct propset *set, const char *guid,
			   const char *name, uint32_t lid, enum proptype type);
/* What a named tag of this set is called; NULL if unknown. */
const struct prop_name *propset_name_of(const struct propset *set,
					uint32_t tag);

/* Questions.  Borrowed results live until the set changes. */
size_t propset_count(const struct propset *set);
const struct prop *propset_at(const struct propset *set, size_t i);
const struct prop *propset_find(const struct propset *set, uint32_t tag);
bool propset_has(const struct propset *set, uint32_t tag);
const char *propset_text(const struct propset *set, uint32_t tag); /* NULL */
bool propset_bool(const struct propset *set, uint32_t tag);        /* false */
int64_t propset_number(const struct propset *set, uint32_t tag,
		       int64_t otherwise);
GBytes *propset_binary(const struct propset *set, uint32_t tag); /* NULL */

/* A named property with a number, of the type propname.def gives it; NULL if it
 * is not there, or of another type. */
const struct prop *propset_find_lid(const struct propset *set, const char *guid,
				    uint32_t lid);

/* A string of PS_INTERNET_HEADERS (its name in lower case), NULL if it is not
 * there. */
const char *propset_header_text(const struct propset *set, const char *name);

/* Children.  propset_add_... moves the child into the set and returns it. */
struct propset *propset_add_recipient(struct propset *set,
				      struct propset *recipient);
struct propset *propset_add_attachment(struct propset *set,
				       struct propset *attachment);
/* Takes an attachment out of the set; owned. */
struct propset *propset_take_attachment(struct propset *set, size_t i);
void propset_set_embedded(struct propset *attachment, struct propset *message);
size_t propset_recipient_count(const struct propset *set);
struct propset *propset_recipient(const struct propset *set, size_t i);
size_t propset_attachment_count(const struct propset *set);
struct propset *propset_attachment(const struct propset *set, size_t i);
struct propset *propset_embedded(const struct propset *attachment); /* NULL */

/* Header fields, for rules.  Returns the field, owned by the set. */
struct header_field *propset_add_header(struct propset *set, const char *name,
					const char *text);
void header_field_add_address(struct header_field *field, const char *display,
			      const char *address, const char *group);
size_t propset_header_count(const struct propset *set);
const struct header_field *propset_header(const struct propset *set, size_t i);
/* The first field of that name (case-blind), or NULL. */
const struct header_field *propset_find_header(const struct propset *set,
					       const char *name);

/* Parts, for rules, in the order of the message; those within others behind
 * them.  What part points to is moved. */
void propset_add_part(struct propset *set, const struct mime_part *part);
size_t propset_part_count(const struct propset *set);
const struct mime_part *propset_part(const struct propset *set, size_t i);

/* Wire form.  Large values of a decoded set share the memory of wire, which
 * they reference. */
void propset_encode(const struct propset *set, GByteArray *out);
/* How many octets that makes. */
uint64_t propset_encoded_len(const struct propset *set);
/* The same without all of it in memory: what is in out goes to put, and leaves
 * it, whenever it has become much, and large values go there from where they
 * lie; what is in out at the end has not.  -1 once put has returned that. */
typedef int propset_sink(const void *data, size_t len);
NODISCARD int propset_encode_to(const struct propset *set, GByteArray *out,
				propset_sink *put);
NODISCARD int propset_decode(GBytes *wire, struct propset **ret_set,
			     struct fault *fault);
/* The same of octets that nobody reads besides (moved): large texts leave them
 * while they are copied out. */
NODISCARD int propset_decode_take(GBytes *wire, struct propset **ret_set,
				  struct fault *fault);

/* Equal in every property and child, whatever their order of setting; header
 * fields are not compared.  why (may be NULL) receives the first difference,
 * owned. */
bool propset_equal(const struct propset *a, const struct propset *b,
		   char **why);

#endif
