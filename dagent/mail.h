/*
 * A mail on its way into the store: the envelope, the octets, and for each
 * recipient who that is and what is to be done.
 */
#ifndef OKAPI_DAGENT_MAIL_H
#define OKAPI_DAGENT_MAIL_H

#include "agent.h"
#include "plan.h"
#include "propset.h"
#include "store/messages.h"
#include "store/users.h"

#define MAIL_ID_SIZE 24

struct mail_recipient {
	char *path;                  /* as named */
	struct store_recipient *who; /* owned */
	const char *detail;          /* for rules; borrowed, or NULL */
	struct plan *plan;
	struct delivery_result result;
	/* FAULT_NONE: disposed of.  FAULT_INTERNAL until something is known. */
	struct fault verdict;
	struct mail_recipient *twin; /* the same one, named before; or NULL */
	bool is_done;  /* the verdict stands, nothing is to be saved */
	bool is_stale; /* its plan was overtaken: it needs a new one */
	int64_t started;
};

struct mail {
	struct agent *agent;
	char id[MAIL_ID_SIZE]; /* of the transaction, for trace and log */
	struct wishes wishes;
	char *reverse_path; /* "" for <> */
	char *helo;         /* NULL: not over LMTP, no Received line */
	char *peer;
	bool is_tls;
	GPtrArray *recipients; /* of struct mail_recipient */

	/* From mail_set_content() on. */
	GBytes *bytes;
	int file; /* a file that holds just these, or -1 */
	uint8_t sha256[32];
	bool check_duplicate;

	/* From mail_convert() on. */
	struct propset *set;
	bool has_bodies;
	int64_t delivered; /* delivery time */
};

struct mail *mail_new(struct agent *agent, const char *reverse_path);
void mail_free(struct mail *mail);
AUTO_DEFINE(mail, mail_free);

/* Adds a recipient (moved who). */
struct mail_recipient *mail_add_recipient(struct mail *mail, const char *path,
					  struct store_recipient *who);
size_t mail_size(const struct mail *mail);

/* bytes: referenced.  FAULT_NOT_A_MESSAGE, FAULT_LOOP (RFC 5321 6.3). */
NODISCARD int mail_set_content(struct mail *mail, GBytes *bytes,
			       const uint8_t sha256[32], struct fault *fault);

/* Makes mail->set, with bodies and attachments if they are asked for; once for
 * all recipients. What cannot be converted gets the fallback set. */
void mail_convert(struct mail *mail, bool with_bodies);

#endif
