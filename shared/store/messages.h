/*
 * Messages: what is kept of them, the copies of it in folders, deliveries.
 *
 * What a message says is one content object, found by the SHA-256 of its
 * bytes and shared by all its copies.  A copy is a small row: folder, flags,
 * time of delivery, and the trace headers Okapi put on top.
 */
#ifndef OKAPI_STORE_MESSAGES_H
#define OKAPI_STORE_MESSAGES_H

#include "propset.h"
#include "store.h"

/* What is kept of a message: opaque. */
struct kept;

/* The bytes of a message and what was understood of them. */
struct content {
	GBytes *rfc822;            /* as received: what comes back */
	uint8_t sha256[32];        /* of rfc822 */
	const struct propset *set; /* borrowed; rows are made of some of it */
	const struct kept *kept;   /* borrowed; or NULL: nobody packed it */
};

/*
 * Packs a message (decodes attachments, compresses the rest), and writes and
 * syncs what is kept beside the database (large values), without a connection
 * and outside of units; any thread.  store_deliver() and store_submit() do it
 * themselves if content->kept is NULL, but with the store locked.
 * file: a descriptor of store_content_file() that holds just these bytes; it
 * may become the kept file, so that they are not written a second time; or -1.
 * ret_kept is owned.
 */
NODISCARD int store_content_prepare(const char *store_path,
				    const struct content *content, int file,
				    struct kept **ret_kept,
				    struct fault *fault);
void store_kept_free(struct kept *kept);
AUTO_DEFINE(kept, store_kept_free);
/* A file without a name beside the store, for a message while it arrives;
 * owned; -1 where there can be none. */
int store_content_file(const char *store_path);

/* Flags of a copy; PR_MESSAGE_FLAGS has MAPI's own bits. */
enum message_flag {
	MESSAGE_READ = 1 << 0,
	MESSAGE_FLAGGED = 1 << 1,
	MESSAGE_ANSWERED = 1 << 2,
	MESSAGE_DRAFT = 1 << 3,
	MESSAGE_UNSENT = 1 << 4, /* in the Outbox, or failed */
	MESSAGE_SUBMITTED = 1 << 5,
	MESSAGE_FAILED = 1 << 6,
};
/* The flag that IMAP calls so ("\\Seen", RFC 9051 2.3.2), case-blind; 0: it is
 * none of those a copy has.  Pure. */
unsigned message_flag_parse(const char *name);

/* One copy that a delivery makes. */
struct delivery_copy {
	int64_t folder; /* of any store */
	unsigned flags;
	const char *const *keywords; /* categories; may be NULL */
	const char *trace; /* header lines with CRLF put on top, or "" */
	int64_t received;  /* delivery time */
	const struct content *content;    /* NULL: that of the delivery */
	const struct propset *properties; /* set at this copy, or NULL */
};

struct submission; /* queue.h */

/* What one recipient's mail does to the store: it commits whole. */
struct delivery {
	int64_t store;         /* the recipient's */
	const char *recipient; /* its address: what is the same twice */
	const char *detail;    /* of it, or NULL */
	const char *reverse_path;
	const char *message_id; /* one of that is enough, within the policy's
				   message_id_window_s; NULL: all are taken */
	const struct content *content;
	const struct delivery_copy *copies;
	size_t copy_count;
	const struct submission *const *submissions; /* redirects, replies */
	size_t submission_count;
	bool check_duplicate; /* within the policy's window */
	bool check_quota;     /* hard quota of every store with copies */
	bool no_notify;       /* wake nobody who waits for new mail */
	bool is_replied;      /* an automatic reply goes in the same unit */
	/* result.content of a delivery of the same content in this very unit;
	 * 0: none was. */
	int64_t stored;
};

struct delivery_result {
	int64_t message;    /* id of the first copy; 0 if there is none */
	bool is_duplicate;  /* message is that of the first time */
	int64_t seen;       /* then: when that was */
	bool by_message_id; /* another one that bears the same Message-ID */
	int64_t content;    /* the row of delivery.content; 0: not needed */
};

/* Would one more message of that size fit into a store?  FAULT_MAILBOX_FULL or
 * FAULT_FULL_FOR_NOW (store_is_full()) if not. */
NODISCARD int store_fits(struct store *store, int64_t store_id, int64_t size,
			 struct fault *fault);
bool store_is_full(const struct fault *fault);
/* Unit.  Over hard quota: as store_fits() where the recipient's store has no
 * room for one copy of the content, FAULT_FULL_FOR_NOW where it has none for
 * all, FAULT_OVERTAKEN where another store has none for those it should get. */
NODISCARD int store_deliver(struct store *store,
			    const struct delivery *delivery,
			    struct delivery_result *ret_result,
			    struct fault *fault);

/* Reading, outside of units: is this a repetition that was delivered before?
 * (Asked before rules run, so that nothing has its effect twice.) */
NODISCARD int store_is_duplicate(struct store *store,
				 const struct delivery *delivery,
				 struct delivery_result *ret_result,
				 struct fault *fault);

/* What lists show. */
struct store_message {
	int64_t id;
	int64_t folder;
	char *folder_path;
	char *subject;
	char *sender;
	char *sender_name;
	char *to; /* PR_DISPLAY_TO */
	int64_t received;
	int64_t size; /* octets of the message without trace headers */
	unsigned flags;
	char **keywords;
	char *message_class;
	char *message_id;
	int64_t attachments;
	int64_t change;
};
void store_message_free(struct store_message *message);
AUTO_DEFINE(store_message, store_message_free);

/* Calls each for every message of a folder (or, folder 0, of the store) in
 * order of delivery; -1 from each ends it with that fault. */
NODISCARD int
store_message_list(struct store *store, int64_t store_id, int64_t folder,
		   int (*each)(const struct store_message *m, void *context,
			       struct fault *fault),
		   void *context, struct fault *fault);
/* FAULT_NOT_FOUND if it is not in that store or deleted. */
NODISCARD int store_message_get(struct store *store, int64_t store_id,
				int64_t message,
				struct store_message **ret_message,
				struct fault *fault);
/* The bytes: trace headers, then the message as it came (without_trace: only
 * those).  Checked against the hash: FAULT_IO if they differ. */
NODISCARD int store_message_bytes(struct store *store, int64_t message,
				  bool without_trace, GBytes **ret_bytes,
				  struct fault *fault);
/* Adds what the store knows of the copy and its content (rows of properties,
 * flags, size, times) to a set, over what is in it. */
NODISCARD int store_message_properties(struct store *store, int64_t message,
				       struct propset *set,
				       struct fault *fault);
/* Units. */
NODISCARD int store_message_set_flags(struct store *store, int64_t message,
				      unsigned set, unsigned clear,
				      struct fault *fault);
/* Adds those that are not there yet (case-blind); NULL-terminated. */
NODISCARD int store_message_add_keywords(struct store *store, int64_t message,
					 const char *const *keywords,
					 struct fault *fault);
NODISCARD int store_message_move(struct store *store, int64_t message,
				 int64_t folder, struct fault *fault);
NODISCARD int store_message_copy(struct store *store, int64_t message,
				 int64_t folder, int64_t *ret_message,
				 struct fault *fault);
/* To Deleted Items; from there, or permanently: marked deleted. */
NODISCARD int store_message_delete(struct store *store, int64_t message,
				   bool permanently, struct fault *fault);
NODISCARD int store_message_restore(struct store *store, int64_t message,
				    struct fault *fault);
/* The ids of what is marked deleted, of a folder (0: of the store), deleted at
 * or after since: GArray of int64_t, in order of deletion, owned. */
NODISCARD int store_message_list_deleted(struct store *store, int64_t store_id,
					 int64_t folder, int64_t since,
					 GArray **ret_ids, struct fault *fault);

/* How many copies of that content lie in a folder that were delivered at that
 * time. */
NODISCARD int store_message_count(struct store *store, int64_t folder,
				  int64_t received, const uint8_t sha256[32],
				  int64_t *ret_count, struct fault *fault);

/* The values that were set at a copy, into set. */
NODISCARD int store_message_own(struct store *store, int64_t message,
				struct propset *set, struct fault *fault);
/* A message that can be restored: marked deleted, or in Deleted Items. */
struct store_deleted {
	int64_t id;
	char *home;    /* path of the folder it goes back to; its own may be
			  deleted, too */
	char *subject; /* "" if there is none */
	char *sender;
	int64_t received;
	int64_t deleted; /* 0: it lies in Deleted Items */
	int64_t size;
};
/* Those of a store that were deleted from a folder (0: from any) at or after
 * since, by the folder they came from, then in order of delivery; those of
 * Deleted Items only if since is 0. */
NODISCARD int
store_message_each_deleted(struct store *store, int64_t store_id,
			   int64_t folder, int64_t since,
			   int (*each)(const struct store_deleted *message,
				       void *context, struct fault *fault),
			   void *context, struct fault *fault);

/* A value that was set at a copy (not at what it says): rules and clients. */
NODISCARD int store_message_set_property(struct store *store, int64_t message,
					 const struct prop *prop,
					 struct fault *fault);

#endif
