/*
 * What a message says: one content object for the same bytes, and the few
 * properties that lists, searches and sorting need as rows.  Everything else
 * is found again by converting the kept bytes (docs/store.md has the figures
 * behind that).
 */
#include "digest.h"
#include "property_value.h"
#include "store_internal.h"

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

static bool content_is_large(const struct content *content)
{
	return g_bytes_get_size(content->rfc822) >= LOB_FILE_MIN;
}

int store_content_prepare(const char *path, const struct content *content,
			  int file, struct fault *fault)
{
	if (!content_is_large(content))
		return 0;
	return lob_write(path, content->sha256, content->rfc822, file, fault);
}

int store_content_file(const char *path)
{
	return lob_open_unnamed(path);
}

static int content_put_text(struct store *store, int64_t object,
			    const struct propset *set, uint32_t tag,
			    const char *otherwise, struct fault *fault)
{
	const struct prop *prop = propset_find(set, tag);

	if (!prop || g_strcmp0(prop->value.text, otherwise) == 0)
		return 0;
	return property_put(store, object, prop, fault);
}

static int content_put_rows(struct store *store, int64_t object,
			    const struct propset *set, struct fault *fault)
{
	const struct prop *prop;

	for (size_t i = 0; i < G_N_ELEMENTS(content_tags); i++) {
		prop = propset_find(set, content_tags[i]);
		if (prop && property_put(store, object, prop, fault))
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
	    property_put(store, object, prop, fault))
		return -1;
	prop = propset_find(set, PR_HASATTACH);
	if (prop && prop->value.boolean)
		return property_put(store, object, prop, fault);
	return 0;
}

static int content_insert(struct store *store, const struct content *content,
			  int64_t *ret_content, struct fault *fault)
{
	size_t size;
	const void *data = g_bytes_get_data(content->rfc822, &size);
	int64_t attachments = 0;
	int64_t lob;
	int rc;

	if (content_is_large(content)) {
		/* Within the write lock: no purge takes it away. */
		if (lob_write(store->path, content->sha256, content->rfc822, -1,
			      fault))
			return -1;
		rc = sql_run(store, fault,
			     "INSERT INTO lob (hash, size) VALUES (?, ?)", "bi",
			     content->sha256, sizeof(content->sha256),
			     (int64_t)size);
	} else {
		rc = sql_run(store, fault,
			     "INSERT INTO lob (hash, size, data)"
			     " VALUES (?, ?, ?)",
			     "bib", content->sha256, sizeof(content->sha256),
			     (int64_t)size, data, size);
	}
	if (rc)
		return -1;
	lob = sqlite3_last_insert_rowid(store->db);
	if (content->set)
		attachments = (int64_t)propset_attachment_count(content->set);
	if (sql_run(store, fault,
		    "INSERT INTO hierarchy (type, lob, size, attachments)"
		    " VALUES (6, ?, ?, ?)",
		    "iii", lob, (int64_t)size, attachments))
		return -1;
	*ret_content = sqlite3_last_insert_rowid(store->db);
	if (!content->set)
		return 0;
	return content_put_rows(store, *ret_content, content->set, fault);
}

int content_ensure(struct store *store, const struct content *content,
		   int64_t *ret_content, struct fault *fault)
{
	int rc = sql_get(store, fault, ret_content,
			 "SELECT c.id FROM lob l JOIN hierarchy c"
			 " ON c.lob = l.id WHERE l.hash = ?",
			 "b", content->sha256, sizeof(content->sha256));

	if (rc < 0)
		return -1;
	if (rc == 1)
		return 0;
	return content_insert(store, content, ret_content, fault);
}

int content_bytes(struct store *store, int64_t content, GBytes **ret_bytes,
		  struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	uint8_t hash[DIGEST_SIZE];
	uint8_t is[DIGEST_SIZE];
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT l.hash, l.size, l.data FROM hierarchy c"
		      " JOIN lob l ON l.id = c.lob WHERE c.id = ?",
		      "i", content))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	if (rc == 0 || sqlite3_column_bytes(rows.stmt, 0) != DIGEST_SIZE)
		return fault_set(fault, FAULT_IO,
				 "content %" G_GINT64_FORMAT " is gone",
				 content);
	memcpy(hash, sqlite3_column_blob(rows.stmt, 0), sizeof(hash));
	if (sqlite3_column_type(rows.stmt, 2) == SQLITE_NULL) {
		if (lob_read(store->path, hash, rows_int(&rows, 1), &bytes,
			     fault))
			return -1;
	} else {
		int len = sqlite3_column_bytes(rows.stmt, 2);

		bytes = g_bytes_new(sqlite3_column_blob(rows.stmt, 2),
				    (gsize)len);
	}
	digest_sha256(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
		      is);
	if (memcmp(is, hash, sizeof(is)) != 0)
		return fault_set(fault, FAULT_IO,
				 "content %" G_GINT64_FORMAT
				 " does not have the bytes it came with",
				 content);
	*ret_bytes = g_steal_pointer(&bytes);
	return 0;
}
