/*
 * What a message says: one content object for the same bytes, the rows of lob
 * that hold them (kept.h), and the few properties that lists, searches and
 * sorting need as rows.  Everything else is found again by converting the
 * kept bytes (docs/store.md has the figures behind that).
 */
#include "kept.h"
#include "lob.h"
#include "property_value.h"

#include <string.h>

/* What becomes rows, if it says more than its default. */
static const uint32_t content_tags[] = {
	PR_SUBJECT,
	PR_CLIENT_SUBMIT_TIME,
	PR_SENT_REPRESENTING_NAME,
	PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	PR_DISPLAY_TO,
	PR_DISPLAY_CC,
	PR_INTERNET_MESSAGE_ID,
};

static int content_put_text(struct store *store, int64_t object,
			    const struct propset *set, uint32_t tag,
			    const char *otherwise, struct fault *fault)
{
	const struct prop *prop = propset_find(set, tag);

	if (!prop || g_strcmp0(prop->value.text, otherwise) == 0)
		return 0;
	return property_add(store, object, prop, fault);
}

static int content_put_rows(struct store *store, int64_t object,
			    const struct propset *set, struct fault *fault)
{
	const struct prop *prop;

	for (size_t i = 0; i < G_N_ELEMENTS(content_tags); i++) {
		prop = propset_find(set, content_tags[i]);
		if (prop && property_add(store, object, prop, fault))
			return -1;
	}
	/* Rows only where they differ from what is there already. */
	if (content_put_text(store, object, set, PR_SENDER_NAME,
			     propset_text(set, PR_SENT_REPRESENTING_NAME),
			     fault) ||
	    content_put_text(
		    store, object, set, PR_SENDER_EMAIL_ADDRESS,
		    propset_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS),
		    fault) ||
	    content_put_text(store, object, set, PR_MESSAGE_CLASS, "IPM.Note",
			     fault))
		return -1;
	prop = propset_find(set, PR_IMPORTANCE);
	if (prop && prop->value.number != 1 &&
	    property_add(store, object, prop, fault))
		return -1;
	prop = propset_find(set, PR_HASATTACH);
	if (prop && prop->value.boolean)
		return property_add(store, object, prop, fault);
	return 0;
}

/* ---- rows of lob ---------------------------------------------------------
 */

/* The row of a value that has none.  A file is written before it, and within
 * the write lock, so that no purge takes it away. */
static int content_put_value(struct store *store, const struct lob_value *value,
			     int64_t *ret_lob, struct fault *fault)
{
	size_t len = 0;
	const void *data = NULL;
	int rc;

	if (lob_is_file(value->kept)) {
		if (lob_write(store->path, value, fault))
			return -1;
		rc = sql_run(store, fault,
			     "INSERT INTO lob (hash, size, form)"
			     " VALUES (?, ?, ?)",
			     "bid", value->hash, sizeof(value->hash),
			     value->size, (int)value->form);
	} else {
		data = g_bytes_get_data(value->data, &len);
		rc = sql_run(store, fault,
			     value->form == LOB_PACKED
				     ? "INSERT INTO lob (hash, size, form,"
				       " packed) VALUES (?, ?, ?, ?)"
				     : "INSERT INTO lob (hash, size, form,"
				       " data) VALUES (?, ?, ?, ?)",
			     "bidb", value->hash, sizeof(value->hash),
			     value->size, (int)value->form, data, len);
	}
	if (rc)
		return -1;
	*ret_lob = sqlite3_last_insert_rowid(store->db);
	return 0;
}

/* The row of a part, which others may have. */
static int content_put_part(struct store *store, const struct lob_value *value,
			    int64_t *ret_lob, struct fault *fault)
{
	int rc = sql_get(store, fault, ret_lob,
			 "SELECT id FROM lob WHERE hash = ?", "b", value->hash,
			 sizeof(value->hash));

	if (rc)
		return rc < 0 ? -1 : 0;
	return content_put_value(store, value, ret_lob, fault);
}

int content_put_parts(struct store *store, int64_t lob, const struct kept *kept,
		      struct fault *fault)
{
	for (guint i = 0; i < kept->parts->len; i++) {
		int64_t part;

		if (content_put_part(
			    store,
			    &g_array_index(kept->parts, struct lob_value, i),
			    &part, fault) ||
		    sql_run(store, fault,
			    "INSERT INTO lob_parts (lob, position, part)"
			    " VALUES (?, ?, ?)",
			    "idi", lob, (int)i, part))
			return -1;
	}
	return 0;
}

bool content_has_parts(struct store *store, const struct kept *kept)
{
	for (guint i = 0; i < kept->parts->len; i++) {
		struct lob_value value =
			g_array_index(kept->parts, struct lob_value, i);
		enum lob_form form = value.form;

		if (!lob_is_held(&value) &&
		    (!lob_find(store->path, &value) || value.form != form))
			return false;
	}
	return true;
}

static int content_put_lob(struct store *store, const struct content *content,
			   int64_t *ret_lob, struct fault *fault)
{
	const struct kept *kept = content->kept;
	AUTO(kept) own = NULL;

	if (!kept || !content_has_parts(store, kept)) {
		if (store_content_prepare(store->path, content, -1, &own,
					  fault))
			return -1;
		kept = own;
	}
	if (content_put_value(store, &kept->whole, ret_lob, fault))
		return -1;
	return content_put_parts(store, *ret_lob, kept, fault);
}

/* ---- contents ------------------------------------------------------------
 */

static int content_insert(struct store *store, const struct content *content,
			  int64_t lob, int64_t *ret_content,
			  struct fault *fault)
{
	int64_t size = (int64_t)g_bytes_get_size(content->rfc822);
	int64_t attachments = 0;

	/* The bytes may be there already, as a part of another message. */
	if (!lob && content_put_lob(store, content, &lob, fault))
		return -1;
	if (content->set)
		attachments = (int64_t)propset_attachment_count(content->set);
	if (sql_run(store, fault,
		    "INSERT INTO hierarchy (type, lob, size, attachments)"
		    " VALUES (6, ?, ?, ?)",
		    "iii", lob, size, attachments))
		return -1;
	*ret_content = sqlite3_last_insert_rowid(store->db);
	if (!content->set)
		return 0;
	return content_put_rows(store, *ret_content, content->set, fault);
}

int content_ensure(struct store *store, const struct content *content,
		   int64_t *ret_content, struct fault *fault)
{
	int64_t lob = 0;
	int64_t found = 0;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT l.id, c.id FROM lob l LEFT JOIN hierarchy c"
		      " ON c.lob = l.id WHERE l.hash = ?",
		      "b", content->sha256, sizeof(content->sha256)))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		lob = rows_int(&rows, 0);
		found = rows_int(&rows, 1);
	}
	rows_end(&rows);
	if (!found)
		return content_insert(store, content, lob, ret_content, fault);
	*ret_content = found;
	return 0;
}

int content_bytes(struct store *store, int64_t content, GBytes **ret_bytes,
		  struct fault *fault)
{
	int64_t lob = 0;
	int rc = sql_get(store, fault, &lob,
			 "SELECT lob FROM hierarchy WHERE id = ?"
			 " AND lob IS NOT NULL",
			 "i", content);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_IO,
				 "content %" G_GINT64_FORMAT " is gone",
				 content);
	if (lob_bytes(store, lob, ret_bytes, fault))
		return fault_prefix(fault, "content %" G_GINT64_FORMAT,
				    content);
	return 0;
}
