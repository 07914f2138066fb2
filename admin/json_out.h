/*
 * Property sets as JSON and as lines of text, and back: `mail show --props`,
 * `convert`, `mail submit --props`.
 *
 * The object: one member per property by its MAPI name (a tag without a name
 * as "0x00170003", a named property as "PS_INTERNET_HEADERS:x-mailer" or
 * "PSETID_Common:0x8502"); strings, numbers, booleans; times as ISO 8601 UTC;
 * binary as base64, or over PROP_INLINE_MAX octets and without data as
 * {"size": n, "sha256": "..."}; multi-valued as arrays; "recipients" and
 * "attachments" as arrays of such objects, an embedded message in its
 * attachment as "embedded".
 */
#ifndef OKAPI_ADMIN_JSON_OUT_H
#define OKAPI_ADMIN_JSON_OUT_H

#include "propset.h"

#include <jansson.h>

#define PROP_INLINE_MAX 1024

/* What a property of this set is called in both; owned. */
char *propset_print_name(const struct propset *set, uint32_t tag);

/* Owned reference. */
json_t *propset_to_json(const struct propset *set, bool data);

/* Text on stdout: "PR_SUBJECT: text" a line (line ends as \n), recipients and
 * attachments as indented blocks. */
void propset_print(const struct propset *set, bool data);

/* The way back, json_in.c.  Members that are no property, values that do not
 * fit it, and binary without its bytes are FAULT_REFUSED_INPUT, with their
 * place. */
NODISCARD int propset_from_json(const json_t *object, struct propset **ret_set,
				struct fault *fault);
/* The same of the octets of a file; path: its name, for faults. */
NODISCARD int propset_from_json_file(GBytes *file, const char *path,
				     struct propset **ret_set,
				     struct fault *fault);
/* Does it begin as a JSON object does? */
bool propset_is_json(GBytes *file);

#endif
