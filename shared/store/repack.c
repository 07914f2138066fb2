/*
 * Packs what is there from before messages were packed (form 0), one at a
 * time, beside daemons: read, packed, and put in the place of what
 * it came from.
 */
#include "digest.h"
#include "kept.h"

#include <string.h>

struct repack {
	int64_t lob;
	const struct kept *kept;
	GArray *files; /* of struct lob_name: left over */
};

/* The row as it is kept from now on. */
static int repack_row(struct store *store, const struct repack *repack,
		      struct fault *fault)
{
	const struct lob_value *whole = &repack->kept->whole;
	size_t len = 0;
	const void *data;

	if (lob_is_file(whole->kept)) {
		if (lob_write(store->path, whole, fault))
			return -1;
		return sql_run(store, fault,
			       "UPDATE lob SET form = ?, data = NULL"
			       " WHERE id = ?",
			       "di", (int)whole->form, repack->lob);
	}
	if (whole->form == LOB_PLAIN)
		return sql_run(store, fault,
			       "UPDATE lob SET form = ? WHERE id = ?", "di",
			       (int)whole->form, repack->lob);
	data = g_bytes_get_data(whole->data, &len);
	return sql_run(store, fault,
		       "UPDATE lob SET form = ?, data = NULL, packed = ?"
		       " WHERE id = ?",
		       "dbi", (int)whole->form, data, len, repack->lob);
}

static int repack_unit(struct store *store, void *context, struct fault *fault)
{
	struct repack *repack = context;
	const struct lob_value *whole = &repack->kept->whole;
	struct lob_name was = lob_name_of(whole->hash, LOB_EARLIER);
	int64_t has_data = 0;
	/* It may have been purged meanwhile. */
	int rc = sql_get(store, fault, &has_data,
			 "SELECT data IS NOT NULL FROM lob"
			 " WHERE id = ? AND form = 0",
			 "i", repack->lob);

	if (rc <= 0)
		return rc;
	/* If not, the next vacuum packs it. */
	if (!content_has_parts(store, repack->kept))
		return 0;
	if (repack_row(store, repack, fault) ||
	    content_put_parts(store, repack->lob, repack->kept, fault))
		return -1;
	if (!has_data && whole->form == LOB_PACKED)
		g_array_append_val(repack->files, was);
	return 0;
}

static int repack_one(struct store *store, int64_t lob, GArray *files,
		      struct fault *fault)
{
	struct content content = {0};
	g_autoptr(GBytes) bytes = NULL;
	AUTO(kept) kept = NULL;
	struct repack repack = {.lob = lob, .files = files};
	const void *data;
	size_t len;

	/* What is broken stays as it is: the check tells of it. */
	if (lob_bytes(store, lob, &bytes, NULL))
		return 0;
	data = g_bytes_get_data(bytes, &len);
	content.rfc822 = bytes;
	digest_sha256(data, len, content.sha256);
	if (store_content_prepare(store->path, &content, -1, &kept, fault))
		return -1;
	repack.kept = kept;
	if (store_run(store, repack_unit, &repack, fault) ||
	    purge_files(store, files, fault))
		return -1;
	g_array_set_size(files, 0);
	return 0;
}

int store_repack(struct store *store, struct fault *fault)
{
	g_autoptr(GArray) files =
		g_array_new(FALSE, FALSE, sizeof(struct lob_name));
	int64_t lob = 0;
	int64_t done = 0;
	int64_t all = 0;
	int rc;

	if (sql_get(store, fault, &all,
		    "SELECT count(*) FROM lob WHERE form = 0", "") < 0)
		return -1;
	while ((rc = sql_get(store, fault, &lob,
			     "SELECT id FROM lob WHERE form = 0 AND id > ?"
			     " ORDER BY id LIMIT 1",
			     "i", lob)) == 1) {
		store_tell(store, "messages packed", done++, all);
		if (repack_one(store, lob, files, fault))
			return -1;
	}
	return rc;
}
