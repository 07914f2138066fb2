/*
 * What makes mail junk.
 */
#include "junk_look.h"

#include "settings.h"

/* spam_scl beyond it: never by this (MS-OXCSPAM 2.2.1.2). */
#define JUNK_SCL_MAX 9

/* What the lists of a user say of the addresses a mail comes from. */
struct junk_lists {
	enum junk_verdict verdict;
	char *entry; /* that says so; NULL: none */
};

/* What marks it, whoever it is for; owned, NULL: nothing. */
static char *junk_find_mark(const struct junk_mail *mail)
{
	int64_t scl = propset_number(mail->set, PR_CONTENT_FILTER_SCL, 0);

	if (mail->is_told)
		return g_strdup("option -j");
	if (mail->mark)
		return g_strdup_printf("header %s", mail->mark);
	if (mail->scl_limit <= JUNK_SCL_MAX && scl >= mail->scl_limit)
		return g_strdup_printf("scl %" G_GINT64_FORMAT, scl);
	return NULL;
}

/* Joins what the lists say of one more address: allow wins, then block. */
static int junk_ask(struct store *store, int64_t store_id, const char *address,
		    struct junk_lists *lists, struct fault *fault)
{
	enum junk_verdict said = JUNK_UNKNOWN;
	g_autofree char *entry = NULL;

	if (!*address || lists->verdict == JUNK_ALLOW)
		return 0;
	if (store_junk_look(store, store_id, address, &said, &entry, fault))
		return -1;
	if (said == JUNK_ALLOW || lists->verdict == JUNK_UNKNOWN) {
		lists->verdict = said;
		g_free(lists->entry);
		lists->entry = g_steal_pointer(&entry);
	}
	return 0;
}

static int junk_ask_lists(const struct junk_mail *mail, struct store *store,
			  struct junk_lists *lists, struct fault *fault)
{
	const struct header_field *from =
		propset_find_header(mail->set, JUNK_LOOK_FIELD);

	for (guint i = 0; from && from->addresses && i < from->addresses->len;
	     i++) {
		const struct header_address *address =
			from->addresses->pdata[i];

		if (junk_ask(store, mail->store_id, address->address, lists,
			     fault))
			return -1;
	}
	return junk_ask(store, mail->store_id, mail->reverse_path, lists,
			fault);
}

int junk_look(struct store *store, const struct junk_mail *mail,
	      bool *ret_is_junk, char **ret_why, struct fault *fault)
{
	g_autofree char *mark = junk_find_mark(mail);
	struct junk_lists lists = {JUNK_UNKNOWN, NULL};
	g_autofree char *entry = NULL;
	int result = 0;

	if (mail->has_lists)
		result = junk_ask_lists(mail, store, &lists, fault);
	entry = lists.entry;
	if (result)
		return -1;
	*ret_why = NULL;
	*ret_is_junk = lists.verdict == JUNK_BLOCK ||
		       (lists.verdict != JUNK_ALLOW && mark);
	if (mark && lists.verdict == JUNK_ALLOW)
		*ret_why =
			g_strdup_printf("allowed %s, although %s", entry, mark);
	else if (mark)
		*ret_why = g_steal_pointer(&mark);
	else if (lists.verdict == JUNK_BLOCK)
		*ret_why = g_strdup_printf("blocked %s", entry);
	return 0;
}
