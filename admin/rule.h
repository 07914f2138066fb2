/*
 * The parts of the noun rule.
 */
#ifndef OKAPI_ADMIN_RULE_H
#define OKAPI_ADMIN_RULE_H

#include "base.h"
#include "fault.h"
#include "rules/settings.h"
#include "store/place.h"

struct admin;
struct sieve_action;
struct sieve_plan;
struct sieve_script;
struct store_message;
struct store_user;

/* Compiles; errors are printed with their lines and carets (with --json the
 * first is left to the fault).  Owned result. */
NODISCARD int rule_compile(struct admin *admin, const char *name,
			   const char *text, size_t len,
			   struct sieve_script **ret_script,
			   struct fault *fault);

/* The scripts that are tried on messages of a user, as a delivery has them:
 * sieve_before, the user's, sieve_after. */
struct rule_set {
	struct admin *admin;
	const struct store_user *user;
	char **own;           /* all addresses of the user */
	GBytes *message;      /* of the plan that was made last, or NULL */
	GPtrArray *scripts;   /* of struct sieve_script, owned */
	GArray *rules;        /* of struct sieve_rule, of these */
	GHashTable *included; /* by place and name, of struct sieve_script */
	struct sieve_settings settings;
	bool has_before; /* the first one is sieve_before */
	/* Filled for every message; NULL: nobody asks why. */
	struct sieve_explanation *explanation;
	struct spam_marks *marks; /* NULL: what is junk is not asked */
	/* Of the last message. */
	GPtrArray *failures; /* of char *: "RULE:LINE:COLUMN: TEXT: WHAT FOR" */
	struct fault trouble; /* what keeps from an answer for now */
	bool is_junk;
	char *junk; /* by what it is, or is not although marked; NULL */
};

/* The text of a script that a rule of the user includes; owned, NULL if there
 * is none. */
char *rule_find_text(struct admin *admin, const struct store_user *user,
		     enum sieve_location location, const char *name,
		     size_t *ret_len);
/* With those of the user that are switched on, or that of --rule. */
NODISCARD int rule_set_load(struct rule_set *set, struct fault *fault);
void rule_set_clear(struct rule_set *set);
/* What they make of a message; whole has the trace headers on top, bytes has
 * not; delivered is when it came, 0: as a delivery now would have it.  Owned
 * plan. */
NODISCARD int rule_plan(struct rule_set *set, GBytes *whole, GBytes *bytes,
			int64_t delivered, struct sieve_plan **ret_plan,
			struct fault *fault);
NODISCARD int rule_plan_stored(struct rule_set *set,
			       const struct store_message *message,
			       struct sieve_plan **ret_plan,
			       struct fault *fault);
/* A folder as a rule names it, and the mail that is to go there. */
struct rule_folder {
	const char *name;
	const char *special_use; /* or NULL */
	bool may_create;
	int64_t size;
};
/* Where it is: as rule_place(). */
NODISCARD int rule_place_of(struct admin *admin, const struct store_user *user,
			    const struct rule_folder *folder,
			    struct store_place *ret_place, char **ret_problem,
			    struct fault *fault);
/* Where a fileinto leads; ret_problem (owned) says why it leads nowhere and a
 * message of that size is kept, or is NULL: then it is added to places (of
 * struct store_place), those that get the message already, unless it is one of
 * them.  What places point to is borrowed from the action. */
NODISCARD int rule_place(struct rule_set *set,
			 const struct sieve_action *action, int64_t size,
			 GArray *places, struct store_place *ret_place,
			 char **ret_problem, struct fault *fault);

/* Is nothing left of the message, as rules asked? */
bool rule_discards(const struct sieve_plan *plan);

struct json_t;
/* Every step of the last message, as lines for people or as an array. */
void rule_explain_print(const struct rule_set *set);
struct json_t *rule_explain_json(const struct rule_set *set);

NODISCARD int rule_test(struct admin *admin, struct fault *fault);
NODISCARD int rule_run(struct admin *admin, struct fault *fault);

#endif
