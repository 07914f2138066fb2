/*
 * Address fields (RFC 5322 3.4, 6532) and what MAPI makes of a mailbox: one-off
 * entry ids and search keys (MS-OXCDATA 2.2.5.1).  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_ADDRESSES_H
#define OKAPI_CONVERT_ADDRESSES_H

#include "text.h"

#define ADDRESSES_MAX 10000 /* mailboxes of one field */

struct mailbox {
	char *display; /* decoded, "" if none */
	char *address; /* "local@domain"; may lack a domain or be "" */
	char *group;   /* name of the group it stands in, or NULL */
};

/* Parses a field.  An empty group is no mailbox.  Never fails: what is no
 * address is left out.  GPtrArray of struct mailbox, owned. */
GPtrArray *addresses_parse(struct convert_context *context, struct span value);
void mailbox_free(struct mailbox *mailbox);

/* The display name, else the address.  Borrowed. */
const char *mailbox_label(const struct mailbox *mailbox);

/* "SMTP:" ADDRESS NUL.  Owned. */
GBytes *mailbox_search_key(const struct mailbox *mailbox);
GBytes *mailbox_entryid(const struct mailbox *mailbox);
/* Reads a one-off entry id back; owned, NULL if it is none. */
struct mailbox *mailbox_from_entryid(const uint8_t *data, size_t len);
/* FLATENTRYLIST of the mailboxes (MS-OXCDATA 2.3.3).  Owned. */
GBytes *mailboxes_flatten(const GPtrArray *mailboxes);
GPtrArray *mailboxes_unflatten(const uint8_t *data, size_t len);

/* The tags of one group of address properties; 0: not set. */
struct address_tags {
	uint32_t name, type, email, smtp, entryid, search_key;
};
void address_set(struct propset *set, const struct address_tags *tags,
		 const struct mailbox *mailbox);
/* The way back; owned, NULL if there is no address in the set. */
struct mailbox *address_get(const struct propset *set,
			    const struct address_tags *tags);

extern const struct address_tags address_from;
extern const struct address_tags address_sender;
extern const struct address_tags address_read_receipt;
extern const struct address_tags address_recipient;
/* Whose copy of a delivered message it is (MS-OXCMAIL 2.6.2, 2.6.3). */
extern const struct address_tags address_received_by;
extern const struct address_tags address_received_for;

/* A recipient row (MS-OXCMAIL 2.2.3.1.1). */
enum recipient_type {
	RECIPIENT_TO = 1,
	RECIPIENT_CC = 2,
	RECIPIENT_BCC = 3,
};
void address_add_recipients(struct propset *set, enum recipient_type type,
			    const GPtrArray *mailboxes);

#endif
