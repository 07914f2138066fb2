/*
 * Delivery status notifications (RFC 3461, 3462, 3464): what the sender is
 * told about recipients that were reached, were not, or not yet.  Pure: data
 * in, a message out.
 */
#ifndef OKAPI_REPORT_H
#define OKAPI_REPORT_H

#include "base.h"
#include "propset.h"

enum report_action {
	REPORT_FAILED,
	REPORT_DELAYED,
	REPORT_RELAYED, /* to a host that does not report success */
	REPORT_SENT,    /* after its sender was told of a delay */
	REPORT_DELIVERED,
};

struct report_recipient {
	enum report_action action;
	const char *address;
	const char *orcpt;  /* "rfc822;..." or NULL */
	const char *status; /* "5.1.1" */
	const char *reply;  /* one line */
	bool from_relay;    /* the reply is the relay host's own */
};

struct report {
	const char *hostname; /* Reporting-MTA */
	const char *origin;   /* domain of MAILER-DAEMON */
	const char *to;       /* the reverse path */
	const char *subject;  /* of the original */
	const char *envid;    /* or NULL */
	const char *relay;    /* Remote-MTA: "host:port", or "" */
	int64_t arrived;      /* when the original was submitted */
	int64_t now;
	int64_t retry_until; /* for delays */
	const struct report_recipient *recipients;
	size_t recipient_count;
	const void *original;
	size_t original_len;
	bool headers_only; /* RET=HDRS */
};

/* The worst action of its recipients: what the report is about. */
enum report_action report_action(const struct report *report);

/* The message, lines with CRLF; owned. */
GByteArray *report_compose(const struct report *report);

/* Gives the set of a composed report the class of a report (MS-OXCMSG) where
 * the conversion has not. */
void report_set_class(struct propset *set, enum report_action action);

#endif
