/*
 * The MIME tree of a message, as spans of its bytes (RFC 2045, 2046).
 *
 * A scanner of our own rather than GMime's parser: every entity is known byte
 * for byte (signed mail must come back exactly), nothing is copied, depth,
 * parts and fields are bounded before anything is built, and the whole is one
 * pass over the input whatever its shape.
 *
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_MIME_H
#define OKAPI_CONVERT_MIME_H

#include "base.h"

/* Ceilings.  What lies beyond one is not lost: it goes whole into an
 * attachment, and a note says so. */
#define MIME_DEPTH_MAX   128    /* entities within each other */
#define MIME_EMBED_MAX   48     /* messages within each other */
#define MIME_ENCODED_MAX 8      /* encoded ones within each other: copies */
#define MIME_PARTS_MAX   10000  /* entities of a message */
#define MIME_FIELDS_MAX  20000  /* header fields of a message, all entities */
#define MIME_FIELDS_EACH 8      /* that each may have for all that: its type */
#define MIME_FIELD_MAX   262144 /* octets of a header field to be decoded */

struct span {
	const char *data;
	size_t len;
};

struct mime_field {
	struct span name;
	struct span value; /* as it stands there, folded */
};

enum mime_encoding {
	MIME_IDENTITY,
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE,
	MIME_UNKNOWN_ENCODING, /* RFC 2045 6.4: not to be decoded */
};

struct mime_params; /* see params.h */

struct mime_entity {
	struct mime_entity *parent;
	GPtrArray *children; /* of struct mime_entity, owned; may be empty */
	struct span whole;   /* header and content */
	struct span header;  /* the fields, without the blank line */
	struct span content;
	GArray *fields;    /* of struct mime_field */
	char *type;        /* "text", lower case */
	char *subtype;     /* "plain", lower case */
	char *disposition; /* "attachment", lower case, or NULL */
	char *content_id;  /* without brackets, or NULL */
	char *location;    /* Content-Location, or NULL */
	char *boundary;    /* of a multipart that was taken apart, or NULL */
	size_t boundary_len;
	struct mime_params *type_params;
	struct mime_params *disposition_params;
	GPtrArray *files; /* body.c: that were written into its text; or NULL */
	enum mime_encoding encoding;
	unsigned depth;    /* entities around it */
	unsigned messages; /* messages around it */
	bool is_root;      /* of a message: its fields are a message's */
	bool bad_type;     /* a Content-Type that could not be read */
	bool cut;          /* not taken apart for a ceiling */
	bool is_body;      /* body.c: PR_BODY or PR_HTML comes from it */
	bool is_inline;    /* body.c: lies in a multipart/related */
};

struct convert_context;

/*
 * Scans a message.  Owned result, never NULL; it borrows data until it is
 * freed.
 */
struct mime_entity *mime_scan(struct convert_context *context, const char *data,
			      size_t len);
void mime_entity_free(struct mime_entity *entity);
AUTO_DEFINE(mime_entity, mime_entity_free);

/* Sets what the fields of an entity say: type, disposition, encoding, ids. What
 * cannot be read is noted, and stays as it is without the field. */
void mime_read_fields(struct convert_context *context,
		      struct mime_entity *entity);

/* Clear-signed by S/MIME (RFC 8551 3.5.3)? */
bool mime_is_smime_signed(const struct mime_entity *entity);

bool mime_is(const struct mime_entity *entity, const char *type,
	     const char *subtype); /* subtype NULL: any */
/* The first field of that name (case-blind), or NULL. */
const struct mime_field *mime_find_field(const struct mime_entity *entity,
					 const char *name);
bool span_is(struct span span, const char *text); /* case-blind */

/*
 * The content, its transfer encoding undone (unknown ones are left).  Owned.
 */
GBytes *mime_decode(const struct mime_entity *entity);
/* The same for what is looked at and let go while the message is there: not
 * copied where nothing is to be undone.  Owned. */
GBytes *mime_view(const struct mime_entity *entity);
GBytes *mime_decode_octets(struct span content, enum mime_encoding encoding);
/* Octets of the message as they are, copied.  Owned. */
GBytes *mime_octets(struct span span);

#endif
