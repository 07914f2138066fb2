/*
 * A plan: what one recipient's mail shall do to the store.  The steps fill it,
 * save carries it out.
 */
#ifndef OKAPI_DAGENT_PLAN_H
#define OKAPI_DAGENT_PLAN_H

#include "base.h"
#include "store/messages.h"

struct sieve_edit;

/* A message that rules made of the mail: with another header, or around it. */
struct plan_content {
	struct sieve_edit *edit; /* the header it was made with, or NULL */
	bool is_redirect;        /* with the mark that breaks loops on top */
	GBytes *bytes;
	uint8_t sha256[32];
	struct propset *set; /* its own; NULL: that of the mail will do */
	struct kept *kept;   /* packed, once it is to be saved */
};

/* A message that leaves, besides the automatic reply. */
struct plan_outgoing {
	GPtrArray *addresses; /* of char * */
	char *reverse_path;
	struct plan_content *content; /* of the plan */
	bool is_report;               /* nobody is told of its failure */
	const char *word;             /* for the log: "redirect", static */
};

/* One copy to be made. */
struct plan_copy {
	int64_t folder; /* 0: to be created first */
	int64_t store;  /* where to create it */
	char *path;     /* for the log */
	char *below;    /* path below the store, to create it; NULL: path */
	char separator;
	/* As in struct store_place, of what rules have made; NULL: not known */
	int64_t parent;
	const char *missing;          /* within below */
	unsigned flags;               /* enum message_flag */
	struct plan_content *content; /* of the plan; NULL: the mail */
	GPtrArray *keywords;        /* of char *, without the NULL at the end */
	struct propset *properties; /* set at the copy, or NULL */
};

/* The error of a rule, "" to clear it. */
struct plan_rule_error {
	int64_t rule;
	char *text;
};

/* An automatic reply. */
struct plan_reply {
	char *from;         /* the user's address */
	char *reverse_path; /* NULL: the empty one */
	char *to;           /* the envelope sender */
	char *subject;      /* of the reply */
	GBytes *bytes;      /* finished */
	uint8_t sha256[32];
	struct propset *set;   /* of the reply; NULL with a program */
	char *program;         /* to be run instead of queueing; NULL: none */
	char *handle;          /* of a rule's reply; NULL: out of office */
	int64_t interval;      /* seconds between two to one sender */
	struct plan_copy *fcc; /* a copy of the reply; NULL: none */
	bool is_claimed;       /* the interval allows it; known after save */
};

/* What a rule wants remembered of this mail. */
struct plan_mark {
	char *key;
	int64_t seconds;
	bool is_new; /* the plan holds only while nobody else remembered it */
};

struct plan {
	GPtrArray *copies;        /* of struct plan_copy */
	GPtrArray *contents;      /* of struct plan_content */
	GPtrArray *outgoing;      /* of struct plan_outgoing */
	GPtrArray *rule_errors;   /* of struct plan_rule_error */
	struct plan_reply *reply; /* NULL: none */
	/* What a rule wants to reply, until step 5 decides; NULL: nothing. */
	struct sieve_vacation *vacation;
	GPtrArray *marks; /* of struct plan_mark */
	char *rule;       /* that decided, or NULL */
	unsigned line;    /* of it, where it did */
	char *complaint;  /* what a rule could not do, the first; or NULL */
	char *junk;       /* by what it is junk, or is not although marked */
	bool is_junk;
	bool is_discarded;
};

struct plan *plan_new(void);
void plan_free(struct plan *plan);

/* Adds a copy, or its flags to the one that goes there already; path is
 * copied. */
struct plan_copy *plan_add_copy(struct plan *plan, int64_t folder,
				const char *path);
/* On its own: owned, plan_copy_free(). */
struct plan_copy *plan_copy_new(int64_t folder, const char *path);
void plan_copy_free(struct plan_copy *copy);
/* IMAP flags by name (of char *): known ones become flags, others keywords. */
void plan_copy_add_flags(struct plan_copy *copy, const GPtrArray *flags);
/* What rules set at the copy; later ones win.  NULL: nothing. */
void plan_copy_add_properties(struct plan_copy *copy,
			      const struct propset *properties);
void plan_copy_add_keyword(struct plan_copy *copy, const char *keyword);
/* bytes: moved in. */
struct plan_content *plan_add_content(struct plan *plan, GBytes *bytes);
/* Adds an address to what goes out with this content and reverse path;
 * borrowed. */
struct plan_outgoing *plan_add_outgoing(struct plan *plan,
					struct plan_content *content,
					const char *reverse_path,
					const char *address);
/* Sets the error of a rule; a later one does not replace an earlier one. */
void plan_set_rule_error(struct plan *plan, int64_t rule, const char *text);
/* key is copied. */
void plan_add_mark(struct plan *plan, const char *key, int64_t seconds,
		   bool is_new);
/* "Inbox,Lists", owned; "" if there are no copies. */
char *plan_folders(const struct plan *plan);

#endif
