/*
 * TNEF (winmail.dat) as what it stands for (MS-OXTNEF).  Private to
 * shared/convert.
 */
#ifndef OKAPI_CONVERT_TNEF_H
#define OKAPI_CONVERT_TNEF_H

#include "context.h"

/*
 * Puts class, bodies, properties and attachments of a TNEF stream into the set
 * of the message it came with.  What that has already, from its header and its
 * own text, stays; recipients (but those of embedded messages), senders and
 * what transport decides are not taken from the stream.  False, with the set as
 * it was, if the stream is none, is broken anywhere, is too much, or belongs to
 * another message (MS-OXCMAIL 2.1.3.2.26): then it is an attachment like
 * others.
 */
bool tnef_merge(struct convert_context *context, GBytes *stream,
		struct propset *set);

/* tnef_props.c: what a block of properties says goes into set, but for bodies
 * and class (tnef.c).  alone: the set has no other source.  codepage: of text
 * that is not Unicode. */
struct tnef_prop;
void tnef_props_apply(struct convert_context *context, const GPtrArray *props,
		      int codepage, bool alone, struct propset *set);
/* Of an attachment. */
void tnef_props_apply_attachment(struct convert_context *context,
				 const GPtrArray *props, int codepage,
				 struct propset *attachment);
/* tnef_recipients.c: rows of a recipient table as recipients of an embedded
 * message. */
void tnef_recipients_apply(struct convert_context *context,
			   const GPtrArray *rows, int codepage,
			   struct propset *set);
/* The property of that id that has no name, or NULL. */
const struct tnef_prop *tnef_prop_find(const GPtrArray *props, uint16_t id);
/* Its first value. */
struct span tnef_prop_value(const struct tnef_prop *prop);
/* As text, whatever kind it is of; owned, NULL if it is none. */
char *tnef_prop_text(struct convert_context *context, const GPtrArray *props,
		     uint16_t id, int codepage);
/* A number; otherwise if it is none. */
int64_t tnef_prop_number(const GPtrArray *props, uint16_t id,
			 int64_t otherwise);
/* Text of a code page as UTF-8, up to a zero.  Owned. */
char *tnef_text(const struct convert_context *context, int codepage,
		struct span from);

#endif
