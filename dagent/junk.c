/*
 * What makes mail junk.
 */
#include "junk.h"

#include "header.h"
#include "store/settings.h"

static bool junk_has_header(const struct mail *mail)
{
	const struct conf *conf = mail->agent->conf;
	size_t size = 0;
	const char *octets = g_bytes_get_data(mail->bytes, &size);

	return *conf->spam_header_name &&
	       header_has_value(octets, size, conf->spam_header_name,
				conf->spam_header_value);
}

/* Joins what the lists say of one more address: allow wins, then block. */
static int junk_ask(struct store *store, int64_t store_id, const char *address,
		    enum junk_verdict *verdict, struct fault *fault)
{
	enum junk_verdict said = JUNK_UNKNOWN;

	if (!*address || *verdict == JUNK_ALLOW)
		return 0;
	if (store_junk_look(store, store_id, address, &said, fault))
		return -1;
	if (said == JUNK_ALLOW || *verdict == JUNK_UNKNOWN)
		*verdict = said;
	return 0;
}

static int junk_ask_lists(const struct mail *mail, struct store *store,
			  int64_t store_id, enum junk_verdict *ret_verdict,
			  struct fault *fault)
{
	const struct header_field *from =
		propset_find_header(mail->set, "From");
	enum junk_verdict verdict = JUNK_UNKNOWN;

	for (guint i = 0; from && from->addresses && i < from->addresses->len;
	     i++) {
		const struct header_address *address =
			from->addresses->pdata[i];

		if (junk_ask(store, store_id, address->address, &verdict,
			     fault))
			return -1;
	}
	if (junk_ask(store, store_id, mail->reverse_path, &verdict, fault))
		return -1;
	*ret_verdict = verdict;
	return 0;
}

int junk_look(const struct mail *mail, struct store *store,
	      const struct mail_recipient *to, bool *ret_is_junk,
	      struct fault *fault)
{
	enum junk_verdict verdict = JUNK_UNKNOWN;

	if (junk_ask_lists(mail, store, to->who->store, &verdict, fault))
		return -1;
	*ret_is_junk = verdict != JUNK_ALLOW &&
		       (mail->wishes.junk || verdict == JUNK_BLOCK ||
			junk_has_header(mail));
	return 0;
}
