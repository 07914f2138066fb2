/*
 * Is a mail junk?  -j, the marks of a spam filter, the lists of its user.
 */
#ifndef OKAPI_STORE_JUNK_LOOK_H
#define OKAPI_STORE_JUNK_LOOK_H

#include "fault.h"
#include "propset.h"
#include "spam.h"

struct store;

/* The header field that lists ask for. */
#define JUNK_LOOK_FIELD "from"

/* What is asked about; all borrowed. */
struct junk_mail {
	const struct propset *set; /* summary; with lists: that field, too */
	const char *reverse_path;
	bool is_told; /* -j */
	/* By configuration. */
	const char *mark;  /* spam_marks_find(); NULL: nothing marks it */
	int64_t scl_limit; /* spam_scl */
	/* The user. */
	int64_t store_id;
	bool has_lists;
};

/*
 * The allow list wins over everything.
 *
 * ret_why: for the log, owned: what made it junk ("option -j", "header MARK",
 * "scl 7", "blocked ENTRY"), or what kept it from being junk ("allowed ENTRY,
 * although header MARK"); NULL where there is nothing to tell.
 */
NODISCARD int junk_look(struct store *store, const struct junk_mail *mail,
			bool *ret_is_junk, char **ret_why, struct fault *fault);

#endif
