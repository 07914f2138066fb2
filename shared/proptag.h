/*
 * MAPI property tags by name: one table (proptag.def) of name, id and type.
 *
 * A tag is (id << 16) | type, as MS-OXCDATA 2.9 has it.  Ids from 0x8000 are
 * named properties; what they mean is told by the property set they are in.
 */
#ifndef OKAPI_PROPTAG_H
#define OKAPI_PROPTAG_H

#include "base.h"

/* Property types, MS-OXCDATA 2.11.1. */
enum proptype {
	PT_SHORT = 0x0002,
	PT_LONG = 0x0003,
	PT_DOUBLE = 0x0005,
	PT_BOOLEAN = 0x000b,
	PT_OBJECT = 0x000d,
	PT_I8 = 0x0014,
	PT_UNICODE = 0x001f,
	PT_SYSTIME = 0x0040, /* held as microseconds since 1970, UTC */
	PT_CLSID = 0x0048,
	PT_BINARY = 0x0102,
	PT_MV_LONG = 0x1003,
	PT_MV_UNICODE = 0x101f,
	PT_MV_BINARY = 0x1102,
};

#define PROP_TYPE(tag)     ((tag)&0xffffu)
#define PROP_ID(tag)       ((tag) >> 16)
#define PROP_TAG(type, id) (((uint32_t)(id) << 16) | (uint32_t)(type))
#define PROP_ID_NAMED      0x8000u

enum {
#define PROPTAG(name, tag, text) name = tag,
#include "proptag.def"
#undef PROPTAG
};

/* Numbers of named properties: PidLidLocation is 0x8208. */
enum {
#define PROPNAME(name, guid, lid, type) name = lid,
#include "propname.def"
#undef PROPNAME
};

/* The type of a named property of that set ("PSETID_Common") and number; 0 if
 * it is not known. */
uint32_t propname_type(const char *guid, uint32_t lid);

/* "PR_SUBJECT" for a known tag, NULL otherwise. */
const char *proptag_name(uint32_t tag);

/* The tag of a name (case-blind) or of "0x00170003"; 0 if it is neither. */
uint32_t proptag_parse(const char *name);

/* The table itself, in order of id: for documentation and completion. */
size_t proptag_count(void);
uint32_t proptag_at(size_t i);

#endif
