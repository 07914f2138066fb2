/*
 * What goes over the byte stream between a daemon and its helper: a request,
 * an answer, in turn.  Private to helper.c and helper_serve.c.
 *
 * Both sides are of one build and one machine: structs go as they are.  A
 * length that is claimed is never allocated before its bytes are there.
 */
#ifndef OKAPI_CONVERT_WIRE_H
#define OKAPI_CONVERT_WIRE_H

#include "base.h"

#define WIRE_VERSION     4
#define WIRE_BODY_MAX    (UINT64_C(1) << 30)
#define WIRE_CHARSET_MAX 64
#define WIRE_READ_CHUNK  (256u * 1024)

enum wire_operation {
	WIRE_TO_PROPSET = 1, /* body: a message; answer: a property set */
	WIRE_TO_RFC822 = 2,  /* body: a property set; answer: a message */
	WIRE_TO_UTF8 = 3,    /* body: octets of the charset; answer: text */
};

struct wire_request {
	uint8_t version;
	uint8_t operation;
	uint16_t flags;     /* enum convert_flags */
	uint32_t timeout_s; /* the helper ends itself after this */
	uint64_t body_len;
	uint8_t is_file; /* the body is the file that came with this */
	uint8_t reserved[3];
	/* Names of header fields, each with its NUL, before the body; 0: all.
	 */
	uint32_t fields_len;
	char charset[WIRE_CHARSET_MAX]; /* NUL-terminated */
};

enum wire_status {
	WIRE_DONE = 0,    /* body: the result */
	WIRE_REFUSED = 1, /* body: why, text */
};

struct wire_answer {
	uint8_t version;
	uint8_t status;
	uint8_t reserved[6];
	uint64_t body_len;
};

#endif
