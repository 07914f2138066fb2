/*
 * What users set: rules, junk lists, out of office.
 */
#ifndef OKAPI_STORE_SETTINGS_H
#define OKAPI_STORE_SETTINGS_H

#include "store.h"

/* Bits of PR_RULE_STATE (MS-OXORULE 2.2.1.3.1.3). */
enum store_rule_flag {
	ST_ONLY_WHEN_OOF = 0x4, /* runs while its owner is out of office */
	ST_EXIT_LEVEL = 0x10,   /* where it acted, later rules do not run */
};

struct store_rule {
	int64_t id;
	char *name;
	int64_t sequence;
	bool enabled;
	unsigned flags; /* enum store_rule_flag */
	char *script;
	char *error;     /* of the last run, "" if it succeeded */
	int64_t version; /* changes with the script: the key of a cache */
};
void store_rule_free(struct store_rule *rule);
AUTO_DEFINE(store_rule, store_rule_free);

/* The rules of a store, in order of sequence, then name: struct store_rule,
 * owned. */
NODISCARD int store_rule_list(struct store *store, int64_t store_id,
			      GPtrArray **ret_rules, struct fault *fault);
/* One by its name; owned.  FAULT_NOT_FOUND, with the name that was probably
 * meant: so do the functions below that name a rule. */
NODISCARD int store_rule_get(struct store *store, int64_t store_id,
			     const char *name, struct store_rule **ret_rule,
			     struct fault *fault);
/* Unit.  Puts a new rule (at the end, or at sequence > 0) or a new text of an
 * old one, whose flags stay.  The script is not looked at.  FAULT_BAD_ARGUMENT
 * for a name that is none (empty, above 255 octets, not UTF-8). */
NODISCARD int store_rule_put(struct store *store, int64_t store_id,
			     const char *name, const char *script,
			     int64_t sequence, bool enabled,
			     struct fault *fault);
/* Unit.  Bits of enum store_rule_flag, instead of those it had. */
NODISCARD int store_rule_set_flags(struct store *store, int64_t store_id,
				   const char *name, unsigned flags,
				   struct fault *fault);
/* Unit.  Switches it on or off. */
NODISCARD int store_rule_enable(struct store *store, int64_t store_id,
				const char *name, bool enabled,
				struct fault *fault);
/* Unit. */
NODISCARD int store_rule_remove(struct store *store, int64_t store_id,
				const char *name, struct fault *fault);
/* Unit.  "" clears the error. */
NODISCARD int store_rule_set_error(struct store *store, int64_t rule,
				   const char *error, struct fault *fault);

enum junk_verdict {
	JUNK_UNKNOWN,
	JUNK_ALLOW,
	JUNK_BLOCK
};
struct junk_entry {
	char *pattern; /* an address or a domain, lower case */
	enum junk_verdict verdict;
};
/* Both lists of a store: struct junk_entry, owned. */
NODISCARD int store_junk_list(struct store *store, int64_t store_id,
			      GPtrArray **ret_entries, struct fault *fault);
/* Unit.  Allows or blocks an address or a domain with all below it, whatever
 * was said of it before.  FAULT_BAD_ADDRESS: it is neither. */
NODISCARD int store_junk_set(struct store *store, int64_t store_id,
			     const char *pattern, enum junk_verdict verdict,
			     struct fault *fault);
/* Unit.  FAULT_NOT_FOUND: it is in neither list. */
NODISCARD int store_junk_remove(struct store *store, int64_t store_id,
				const char *pattern, struct fault *fault);
/* An address over its domain, a domain over the one above it.  ret_pattern: the
 * entry that says so, owned, NULL with JUNK_UNKNOWN. */
NODISCARD int store_junk_look(struct store *store, int64_t store_id,
			      const char *address,
			      enum junk_verdict *ret_verdict,
			      char **ret_pattern, struct fault *fault);

/* Which senders outside the site have a reply. */
enum oof_external {
	OOF_EXTERNAL_ALL,
	OOF_EXTERNAL_CONTACTS, /* only those in Contacts, or always allowed */
	OOF_EXTERNAL_NONE
};
struct store_oof {
	bool on;
	char *subject;
	char *message; /* plain text */
	char *html;    /* the same as HTML; "": none */
	int64_t from;  /* 0: at once */
	int64_t until; /* 0: until switched off */
	enum oof_external external;
	char *external_message; /* for senders outside; "": as for others */
	char *external_html;
};
void store_oof_free(struct store_oof *oof);
AUTO_DEFINE(store_oof, store_oof_free);
/* What is set; off and empty where nothing ever was.  Owned. */
NODISCARD int store_oof_get(struct store *store, int64_t store_id,
			    struct store_oof **ret_oof, struct fault *fault);
/* On, and now within its window?  now: microseconds, as its times. */
bool store_oof_is_away(const struct store_oof *oof, int64_t now);
/* Unit.  Switching on forgets who had a reply. */
NODISCARD int store_oof_set(struct store *store, int64_t store_id,
			    const struct store_oof *oof, struct fault *fault);
/* Is the address one of the user's contacts: the sender of an item in the
 * folder Contacts, or an address of the user's allow list? */
NODISCARD int store_contact_find(struct store *store, int64_t store_id,
				 const char *address, bool *ret_found,
				 struct fault *fault);
/* Unit.  May a reply go to this sender now?  Remembers that it did. */
NODISCARD int store_oof_claim(struct store *store, int64_t store_id,
			      const char *sender, int64_t now,
			      int64_t interval_s, bool *ret_may,
			      struct fault *fault);

/* What rules remember: keys of a store, each until a time (microseconds).
 * Reading; is there such a key now? */
NODISCARD int store_rule_recall(struct store *store, int64_t store_id,
				const char *key, int64_t now, bool *ret_known,
				struct fault *fault);
/* Unit.  What is over by now is forgotten. */
NODISCARD int store_rule_remember(struct store *store, int64_t store_id,
				  const char *key, int64_t now, int64_t until,
				  struct fault *fault);
/* Unit.  As store_oof_claim(), for a rule's replies with this handle. */
NODISCARD int store_vacation_claim(struct store *store, int64_t store_id,
				   const char *handle, const char *sender,
				   int64_t now, int64_t interval_s,
				   bool *ret_may, struct fault *fault);

#endif
