/*
 * Sieve (RFC 5228) over property sets.  Pure: a script, a property set and an
 * envelope in; a plan of actions out.  Carrying the plan out belongs to the
 * delivery.
 */
#ifndef OKAPI_SIEVE_H
#define OKAPI_SIEVE_H

#include "base.h"
#include "fault.h"
#include "propset.h"

/* Where a script is wrong; lines and columns count from 1 (columns in
 * characters). */
struct sieve_error {
	unsigned line;
	unsigned column;
	char text[256];
};

#define SIEVE_SCRIPT_MAX    (1024 * 1024) /* octets */
#define SIEVE_NESTING_MAX   32            /* blocks, and tests */
#define SIEVE_ARGUMENTS_MAX 32            /* of a command or test */
/* Of all rules together, unless the site sets something else. */
#define SIEVE_ACTIONS_MAX   32
#define SIEVE_REDIRECTS_MAX 4

#define SIEVE_ERRORS_MAX 64 /* that are told of one script */

struct sieve_script;
struct sieve_settings;
struct sieve_includer;
struct language_entry;

/* Where an included script is (RFC 6609 section 3.1). */
enum sieve_location {
	SIEVE_PERSONAL,
	SIEVE_GLOBAL,
};

/* What a script is compiled with beyond its text; all may be NULL. */
struct sieve_compile_options {
	/* Commands and tests of the caller's own (language.h), NULL-terminated,
	 * that `require host_extension` brings. */
	const struct language_entry *const *host_entries;
	const char *host_extension;
	const struct sieve_settings *settings;
	/* Finds the text of a script that is included, so that what is wrong
	 * with it is told now; owned, NULL if there is none.  NULL here: it is
	 * not asked for before the script runs. */
	char *(*find_text)(void *find_context, enum sieve_location location,
			   const char *name, size_t *ret_len);
	/* Why mail for a folder would be kept now, which is told then; owned,
	 * NULL: it would not.  special_use or NULL.  NULL here: the folders are
	 * not looked for. */
	char *(*look_for_folder)(void *find_context, const char *name,
				 const char *special_use, bool may_create);
	void *find_context; /* of both */
	/* Set by rules/ itself: the script that includes this one. */
	const struct sieve_includer *includer;
};

/*
 * Lexer, parser and checker in one call.  name is what logs call it (copied).
 * Returns NULL with the first error and a fault FAULT_REFUSED_INPUT
 * "line:column: text".  Owned result, immutable: may be used by several
 * threads at once.
 */
struct sieve_script *sieve_compile(const char *name, const char *text,
				   size_t len, struct sieve_error *ret_error,
				   struct fault *fault);
/* The same with options (NULL: none); all errors, in the order of the text,
 * are added to ret_errors (of struct sieve_error). */
struct sieve_script *
sieve_compile_all(const char *name, const char *text, size_t len,
		  const struct sieve_compile_options *options,
		  GArray *ret_errors);
void sieve_script_free(struct sieve_script *script);
AUTO_DEFINE(sieve_script, sieve_script_free);
/* About how many octets of memory it takes. */
size_t sieve_script_size(const struct sieve_script *script);

/* What the set must have, each with what stands before it: the header fields of
 * sieve_script_fields(), all of them and every property of the header, MIME
 * parts (CONVERT_PARTS, CONVERT_BODIES), or the contents of attachments, too
 * (CONVERT_DATA). */
enum sieve_needs {
	SIEVE_NEEDS_FIELDS,
	SIEVE_NEEDS_HEADER,
	SIEVE_NEEDS_PARTS,
	SIEVE_NEEDS_ALL,
};
enum sieve_needs sieve_script_needs(const struct sieve_script *script);
/* The header fields it looks at, what it includes apart: names in lower case,
 * each once, NULL-terminated; borrowed.  Where it needs more than fields the
 * list says nothing. */
const char *const *sieve_script_fields(const struct sieve_script *script);
/* The scripts it includes, 0 and up; false behind the last.  Borrowed. */
bool sieve_script_include(const struct sieve_script *script, size_t i,
			  enum sieve_location *ret_location,
			  const char **ret_name);

/* The line the error is in (of a long one, what stands around it) and a caret
 * under the column; owned. */
char *sieve_error_show(const char *text, size_t len,
		       const struct sieve_error *error);

/* How a status field of a filter becomes a value (RFC 5235): of spamtest (0 to
 * 10) or virustest (0 to 5). */
enum sieve_score_type {
	SIEVE_SCORE_NUMBER, /* it is a number; max_value is the highest value */
	SIEVE_SCORE_LENGTH, /* its length is ("****") */
	SIEVE_SCORE_TEXT,   /* it is one of texts */
};
struct sieve_score {
	/* "X-Spam-Score", or "X-Spam-Status: [^,]*, score=(-?[0-9.]+)": the
	 * name of a field, and a pattern whose group is the status.  NULL:
	 * there is none, the value is always 0. */
	const char *header;
	const char *max_header; /* likewise where the highest is told; NULL */
	double max_value;       /* 0: not known */
	enum sieve_score_type type;
	char *texts[11]; /* texts[2] stands for the value 2; NULL */
};

/* What the site sets; zero is the default everywhere. */
struct sieve_settings {
	struct sieve_score spam;
	struct sieve_score virus;
	size_t header_max;   /* octets of what addheader adds */
	size_t variable_max; /* octets of a variable */
	unsigned actions_max;
	int redirects_max;  /* -1: none may be */
	uint64_t steps_max; /* of one rule, without those for bodies */
	unsigned includes_max;
	unsigned include_depth_max;
	char **no_delete; /* fields that deleteheader leaves; NULL: none */
	char **no_add;
	/* Mail may go to ASCII addresses only (there is no SMTPUTF8). */
	bool ascii_addresses;
};

/* What a script is evaluated on. */
struct sieve_explanation;
struct sieve_message {
	const struct propset *set; /* with CONVERT_HEADERS */
	int64_t size;              /* octets of the message */
	const char *envelope_from; /* "" for <> */
	const char *envelope_to;
	const char *envelope_detail; /* the subaddress, or NULL */

	/* What follows may be left out (NULL, 0). */
	const char *envelope_auth; /* who logged in to send it (RFC 4954) */
	const char *dsn_notify;    /* "SUCCESS,FAILURE" (RFC 3461 4) */
	const char *dsn_orcpt;     /* "rfc822;info@example.org" */
	const char *dsn_ret;       /* "FULL", "HDRS" */
	const char *dsn_envid;
	const char *delimiters; /* recipient_delimiter; NULL: "+" */
	/* For the test environment (RFC 5183 4.1): the host, and the program
	 * that evaluates, which is "Okapi", a "MDA" without a word. */
	const char *hostname;
	const char *product;
	const char *location;
	int64_t now;       /* for currentdate; 0: the clock */
	int64_t delivered; /* PR_MESSAGE_DELIVERY_TIME; 0: what the set has */
	/* The message as it came, for "body :raw" alone; without it such a
	 * rule fails. */
	const char *raw;
	size_t raw_len;
	/* Is there such a folder (name NULL: any) with such a special use
	 * ("\\Junk"; NULL: whatever it is for)?  NULL: there is none. */
	bool (*mailbox_exists)(void *mailbox_context, const char *name,
			       const char *special_use);
	/* Is this one of the user's addresses?  For PR_MESSAGE_TO_ME and its
	 * like; NULL: envelope_to alone is. */
	bool (*is_own_address)(void *mailbox_context, const char *address);
	/* Was this key of a mark remembered, and is it still?  For the test
	 * duplicate; NULL: no key was. */
	bool (*is_known)(void *mailbox_context, const char *key);
	/* Finds a script that another one includes; borrowed as long as the
	 * plan lives.  NULL: there is none, or with a fault: it cannot be used
	 * now, or at all.  NULL here: there are none. */
	const struct sieve_script *(*find_script)(void *mailbox_context,
						  enum sieve_location location,
						  const char *name,
						  struct fault *fault);
	/* Octets of a charset, by its name in mail, as UTF-8; owned.  NULL:
	 * nobody knows it, or with a fault: it cannot be told now.  NULL here:
	 * all are taken for UTF-8. */
	char *(*decode)(void *mailbox_context, const char *charset,
			const char *octets, size_t len, struct fault *fault);
	void *mailbox_context; /* of them all */
	const struct sieve_settings *settings;
	/* Is filled (explain.h); NULL: nobody asks why. */
	struct sieve_explanation *explanation;
	void *host; /* of those who brought entries of their own */
};

enum sieve_action_kind {
	SIEVE_KEEP,
	SIEVE_FILEINTO,
	SIEVE_DISCARD,
	SIEVE_REDIRECT,
	SIEVE_REJECT,
	SIEVE_VACATION,
	SIEVE_FORWARD,
	SIEVE_REPLY,
};

/* An automatic reply (RFC 5230): what the script wants of it. */
struct sieve_vacation {
	char *reason;       /* the text; a MIME entity if is_mime */
	char *subject;      /* NULL: made of the message's */
	char *from;         /* as given, "Ann <ann@example.org>"; NULL */
	char *from_address; /* its address */
	char *handle;       /* hex; replies with the same one are the same */
	int64_t interval;   /* seconds between two to one sender; -1: default */
	bool is_mime;
	GPtrArray *addresses; /* of char *: more of the user's own */
	/* Where a copy of the reply goes (RFC 8580), or NULL. */
	char *fcc;
	char *fcc_special_use;
	bool fcc_create;
	GPtrArray *fcc_flags; /* of char * */
};
struct sieve_vacation *sieve_vacation_ref(struct sieve_vacation *vacation);
void sieve_vacation_unref(struct sieve_vacation *vacation);

/* A message that a rule writes: forward, reply (Okapi's own). */
struct sieve_letter {
	char *text;           /* on top, or NULL; a MIME entity if is_mime */
	char *subject;        /* NULL: made of the message's */
	char *from;           /* as given, or NULL */
	char *from_address;   /* its address */
	char *handle;         /* hex; of a reply: those of one are the same */
	GPtrArray *addresses; /* of char *: where it goes; none for a reply */
	bool is_mime;
	bool as_attachment; /* the message, byte for byte */
};
struct sieve_letter *sieve_letter_ref(struct sieve_letter *letter);
void sieve_letter_unref(struct sieve_letter *letter);

/* The header as the script has made it (RFC 5293). */
struct sieve_edit;
struct sieve_edit *sieve_edit_ref(struct sieve_edit *edit);
void sieve_edit_unref(struct sieve_edit *edit);
/* The message with that header; it must be the one of the evaluation.
 * Owned. */
GBytes *sieve_edit_apply(const struct sieve_edit *edit, GBytes *message);

struct sieve_action {
	enum sieve_action_kind kind;
	char *argument;    /* folder, address or reason */
	char *special_use; /* :specialuse "\\Trash", or NULL */
	bool create;
	/* Of char *: IMAP flags and categories (which may have blanks); may be
	 * empty. */
	GPtrArray *flags;
	struct sieve_vacation *vacation; /* of SIEVE_VACATION, else NULL */
	struct sieve_letter *letter;     /* of SIEVE_FORWARD and SIEVE_REPLY */
	/* Set at the copy (OP_TAG of MS-OXORULE 2.2.5.1.2); NULL: none. */
	struct propset *properties;
	struct sieve_edit *edit; /* NULL: the message as it came */
	const char *rule;        /* name of the script; borrowed from it */
	unsigned line;
};

/* To be remembered if the plan is carried out (RFC 7352). */
struct sieve_mark {
	char *key; /* hex */
	int64_t seconds;
	bool is_new; /* is_known() said no: the plan holds while it does */
};

struct sieve_plan {
	GPtrArray *actions; /* of struct sieve_action *, in order */
	GPtrArray *marks;   /* of struct sieve_mark * */
	bool implicit_keep; /* still to be done after them */
	bool stopped;
	bool is_partial;  /* a script failed: what it decided is left out */
	const char *rule; /* that decided, or NULL; borrowed */
	unsigned line;
};
/* Is the mail still bound for the Inbox: by the implicit keep or by an
 * action? */
bool sieve_plan_keeps(const struct sieve_plan *plan);
void sieve_plan_free(struct sieve_plan *plan);
AUTO_DEFINE(sieve_plan, sieve_plan_free);

/* How a script stands among the others (PR_RULE_STATE, MS-OXORULE). */
enum sieve_rule_flag {
	/* Runs also after a rule of exit level; whoever asks for the plan
	 * leaves it out while its owner is in the office. */
	SIEVE_ONLY_WHEN_OOF = 0x4,
	/* Where it acted, only those for out of office run after it; where it
	 * is one of those itself, none. */
	SIEVE_EXIT_LEVEL = 0x10,
	/* No rule of the user's: no exit level keeps it from running. */
	SIEVE_OF_SITE = 0x10000,
};

struct sieve_rule {
	const struct sieve_script *script;
	unsigned flags; /* enum sieve_rule_flag */
};

/* What is told of a rule that went wrong; is_undone: what it decided is
 * forgotten.  Otherwise one test was false for it, and the rest stays. */
typedef void sieve_error_fn(void *context, const char *rule, bool is_undone,
			    const struct fault *fault);

/*
 * Evaluates the scripts as one: in order, one implicit keep, stop ends all.
 * A script that fails while running does not end the others: it is told to
 * on_error (may be NULL), and the mail is kept.  So it is where a script goes
 * on behind an error; then its refusals are left out.  Owned result; never
 * NULL.
 */
struct sieve_plan *sieve_evaluate(const struct sieve_rule *rules, size_t count,
				  const struct sieve_message *message,
				  sieve_error_fn *on_error, void *context);

#endif
