/*
 * A mail on its way into the store: the envelope, the octets, and for each
 * recipient who that is and what is to be done.
 */
#ifndef OKAPI_DAGENT_MAIL_H
#define OKAPI_DAGENT_MAIL_H

#include "agent.h"
#include "mail_needs.h"
#include "plan.h"
#include "propset.h"
#include "store/messages.h"
#include "store/users.h"
#include "trace.h"

#define MAIL_ID_SIZE 24

struct mail_recipient {
	char *path;                  /* as named */
	unsigned dsn_notify;         /* enum smtp_dsn_notify */
	char *dsn_orcpt;             /* "rfc822;...", or NULL */
	char *original;              /* the address in it, or NULL */
	struct store_recipient *who; /* owned */
	const char *detail;          /* for rules; borrowed, or NULL */
	char *same; /* the same for each name of one recipient */
	struct plan *plan;
	struct delivery_result result;
	/* FAULT_NONE: disposed of.  FAULT_INTERNAL until something is known. */
	struct fault verdict;
	struct mail_recipient *twin; /* the same one, named before; or NULL */
	bool is_done; /* the verdict stands, nothing is to be saved */
	int64_t started;
};

struct mail {
	struct agent *agent;
	char id[MAIL_ID_SIZE]; /* of the transaction, for trace and log */
	struct wishes wishes;
	char *reverse_path; /* "" for <> */
	char *dsn_ret;      /* or NULL */
	char *dsn_envid;    /* or NULL */
	char *helo;         /* NULL: not over LMTP, no Received line */
	char *peer;
	bool is_tls;
	bool is_utf8;          /* SMTPUTF8 */
	GPtrArray *recipients; /* of struct mail_recipient */

	/* From mail_set_content() on. */
	GBytes *bytes;
	int file;          /* a file that holds just these, or -1 */
	struct kept *kept; /* packed, once it is to be saved; owned */
	uint8_t sha256[32];
	bool check_duplicate;
	bool is_searched;      /* for the next one */
	const char *spam_mark; /* borrowed from the agent; NULL: none */

	/* From mail_convert() on. */
	struct propset *set;
	bool is_fallback;      /* set is: it says nothing of the message */
	struct mail_needs has; /* what set was made for */
	int64_t delivered;     /* delivery time */
};

struct mail *mail_new(struct agent *agent, const char *reverse_path);
void mail_free(struct mail *mail);
AUTO_DEFINE(mail, mail_free);

/* Adds a recipient (moved who). */
struct mail_recipient *mail_add_recipient(struct mail *mail, const char *path,
					  struct store_recipient *who);
/* What it was before an alias, which rules may ask for; NULL: not known. */
void mail_set_original(struct mail_recipient *to, const char *original);
/* Its address, where it was named by login, too; borrowed. */
const char *mail_recipient_address(const struct mail_recipient *to);
/* What the trace headers of its copy say; borrows from both. */
struct trace mail_trace(const struct mail *mail,
			const struct mail_recipient *to);
size_t mail_size(const struct mail *mail);

/* bytes: referenced.  FAULT_NOT_A_MESSAGE, FAULT_LOOP (RFC 5321 6.3). */
NODISCARD int mail_set_content(struct mail *mail, GBytes *bytes,
			       const uint8_t sha256[32], struct fault *fault);

/* What a filter marked it with (spam_marks_find()), looked for once; borrowed,
 * NULL: nothing. */
const char *mail_spam_mark(struct mail *mail);
/* Makes mail->set, once for all recipients unless one needs more than the one
 * before.  What cannot be converted gets the fallback set. */
void mail_convert(struct mail *mail, enum mail_depth depth);
/* The same for what is needed. */
void mail_convert_for(struct mail *mail, const struct mail_needs *needs);
/* Packs what is to be saved, once (store_content_prepare()); where that fails
 * the unit that saves it tries again, and says why. */
void mail_pack(struct mail *mail);
/* The set of another message, for lists and searches; owned. */
struct propset *mail_sketch(const struct mail *mail, GBytes *bytes);

#endif
