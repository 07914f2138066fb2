/*
 * Reading messages: lists, one, its bytes, its properties.
 */
#include "lob.h"

#include <string.h>

unsigned message_flag_parse(const char *name)
{
	static const struct {
		const char *name;
		unsigned flag;
	} known[] = {{"\\Seen", MESSAGE_READ},
		     {"\\Flagged", MESSAGE_FLAGGED},
		     {"\\Answered", MESSAGE_ANSWERED},
		     {"\\Draft", MESSAGE_DRAFT}};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_ascii_strcasecmp(name, known[i].name) == 0)
			return known[i].flag;
	return 0;
}

void store_message_free(struct store_message *message)
{
	if (!message)
		return;
	g_free(message->folder_path);
	g_free(message->subject);
	g_free(message->sender);
	g_free(message->sender_name);
	g_free(message->to);
	g_strfreev(message->keywords);
	g_free(message->message_class);
	g_free(message->message_id);
	g_free(message);
}

#define MESSAGE_VALUE(object, tag)                                             \
 "(SELECT value FROM properties WHERE object = " object " AND tag = " tag ")"
#define MESSAGE_PROPERTY(tag) MESSAGE_VALUE("m.content", tag)

/* The tags are those of the view mail (schema.c); the class that was set at a
 * copy goes before that of its content. */
/* clang-format off */
#define MESSAGE_LISTED                                                         \
 "SELECT m.id, m.parent, m.received, m.size, m.flags, m.keywords, m.change,"   \
 " c.attachments, "                                                            \
 MESSAGE_PROPERTY("0x0037001f") ", " MESSAGE_PROPERTY("0x0065001f") ", "       \
 MESSAGE_PROPERTY("0x0042001f") ", " MESSAGE_PROPERTY("0x0e04001f") ", "       \
 "coalesce(" MESSAGE_VALUE("m.id", "0x001a001f") ", "                          \
	MESSAGE_PROPERTY("0x001a001f") "), " MESSAGE_PROPERTY("0x1035001f")
/* clang-format on */
#define MESSAGE_COLUMNS                                                        \
 MESSAGE_LISTED " FROM hierarchy m JOIN hierarchy c ON c.id = m.content"       \
		" WHERE m.type = 3 AND m.deleted IS NULL"

static struct store_message *message_read(const struct rows *rows)
{
	struct store_message *m = g_new0(struct store_message, 1);
	const char *keywords = rows_peek(rows, 5);

	m->id = rows_int(rows, 0);
	m->folder = rows_int(rows, 1);
	m->received = rows_int(rows, 2);
	m->size = rows_int(rows, 3);
	m->flags = (unsigned)rows_int(rows, 4);
	m->keywords = g_strsplit(keywords ? keywords : "", "\n", 0);
	m->change = rows_int(rows, 6);
	m->attachments = rows_int(rows, 7);
	m->subject = rows_text(rows, 8);
	m->sender = rows_text(rows, 9);
	m->sender_name = rows_text(rows, 10);
	m->to = rows_text(rows, 11);
	m->message_class = rows_peek(rows, 12) ? rows_text(rows, 12)
					       : g_strdup("IPM.Note");
	m->message_id = rows_text(rows, 13);
	return m;
}

/* Paths by id of folder, filled as they are met. */
static int message_add_path(struct store *store, GHashTable *paths,
			    struct store_message *m, struct fault *fault)
{
	char *path = g_hash_table_lookup(paths, &m->folder);

	if (!path) {
		AUTO(store_folder) folder = NULL;
		int64_t *key;

		if (store_folder_get(store, m->folder, &folder, fault))
			return -1;
		key = g_new(int64_t, 1);
		*key = m->folder;
		path = g_steal_pointer(&folder->path);
		g_hash_table_insert(paths, key, path);
	}
	m->folder_path = g_strdup(path);
	return 0;
}

/* So many folders have a statement of their own while a store is listed. */
#define MESSAGE_HEADS_MAX 256

/* What is left of a folder's messages, in order of delivery; the first of them
 * is read already. */
struct message_head {
	struct rows rows;
	int64_t received;
	int64_t id;
};

static void message_head_end(gpointer data)
{
	struct message_head *head = data;

	rows_end(&head->rows);
	g_free(head);
}

static int message_head_next(struct message_head *head, struct fault *fault)
{
	int rc = rows_next(&head->rows, fault);

	if (rc == 1) {
		head->received = rows_int(&head->rows, 2);
		head->id = rows_int(&head->rows, 0);
	}
	return rc;
}

static bool message_is_before(const struct message_head *a,
			      const struct message_head *b)
{
	return a->received != b->received ? a->received < b->received
					  : a->id < b->id;
}

/* A heap: the earliest stands first.  Puts the one at i where it belongs. */
static void message_sift(GPtrArray *heads, guint i)
{
	for (;;) {
		guint first = i;

		for (guint child = 2 * i + 1;
		     child <= 2 * i + 2 && child < heads->len; child++)
			if (message_is_before(heads->pdata[child],
					      heads->pdata[first]))
				first = child;
		if (first == i)
			return;
		gpointer held = heads->pdata[i];

		heads->pdata[i] = heads->pdata[first];
		heads->pdata[first] = held;
		i = first;
	}
}

/* Adds what a statement finds, if anything: head, moved, has it if rc is 0. */
static int message_add_head(GPtrArray *heads, struct message_head *head, int rc,
			    struct fault *fault)
{
	if (rc == 0)
		rc = message_head_next(head, fault);
	if (rc == 1)
		g_ptr_array_add(heads, head);
	else
		message_head_end(head);
	return rc < 0 ? -1 : 0;
}

/* Adds what a folder has. */
static int message_add_folder(struct store *store, int64_t store_id,
			      int64_t folder, GPtrArray *heads,
			      struct fault *fault)
{
	struct message_head *head = g_new0(struct message_head, 1);
	int rc = rows_open(store, &head->rows, fault,
			   MESSAGE_COLUMNS " AND m.parent = ? AND m.store = ?"
					   " ORDER BY m.received, m.id",
			   "ii", folder, store_id);

	return message_add_head(heads, head, rc, fault);
}

/* Adds what all folders from the first on have, in one statement that sorts
 * it. */
static int message_add_folders(struct store *store, int64_t store_id,
			       const GArray *folders, guint first,
			       GPtrArray *heads, struct fault *fault)
{
	struct message_head *head = g_new0(struct message_head, 1);
	g_autoptr(GString) ids = g_string_new("[");
	int rc;

	for (guint i = first; i < folders->len; i++)
		g_string_append_printf(ids, "%s%" G_GINT64_FORMAT,
				       i > first ? "," : "",
				       g_array_index(folders, int64_t, i));
	g_string_append_c(ids, ']');
	rc = rows_open(store, &head->rows, fault,
		       MESSAGE_COLUMNS " AND m.store = ? AND m.parent IN"
				       " (SELECT value FROM json_each(?))"
				       " ORDER BY m.received, m.id",
		       "it", store_id, ids->str);
	return message_add_head(heads, head, rc, fault);
}

/* Those of all folders; all is one view of the store, which a statement that is
 * not at its end keeps. */
static int message_add_all(struct store *store, int64_t store_id,
			   GPtrArray *heads, struct fault *fault)
{
	g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(int64_t));
	ROWS view = {0};
	guint alone;

	if (rows_open(store, &view, fault, "SELECT 1 FROM hierarchy", "") ||
	    rows_next(&view, fault) < 0 ||
	    sql_ids(store, folders, fault,
		    "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
		    " SELECT h.id FROM tree t JOIN hierarchy h"
		    "  ON h.parent = t.id AND h.type = 2"
		    "  AND h.deleted IS NULL)"
		    " SELECT id FROM tree WHERE id <> ?1",
		    "i", store_id))
		return -1;
	alone = MIN(folders->len, MESSAGE_HEADS_MAX);
	for (guint i = 0; i < alone; i++)
		if (message_add_folder(store, store_id,
				       g_array_index(folders, int64_t, i),
				       heads, fault))
			return -1;
	if (alone < folders->len &&
	    message_add_folders(store, store_id, folders, alone, heads, fault))
		return -1;
	for (guint i = heads->len; i-- > 0;)
		message_sift(heads, i);
	return 0;
}

/* An index has the messages of each folder in order; none has those of a store,
 * so that no delivery pays for it. */
int store_message_list(struct store *store, int64_t store_id, int64_t folder,
		       int (*each)(const struct store_message *m, void *context,
				   struct fault *fault),
		       void *context, struct fault *fault)
{
	g_autoptr(GHashTable) paths = g_hash_table_new_full(
		g_int64_hash, g_int64_equal, g_free, g_free);
	g_autoptr(GPtrArray) heads =
		g_ptr_array_new_with_free_func(message_head_end);

	if (folder ? message_add_folder(store, store_id, folder, heads, fault)
		   : message_add_all(store, store_id, heads, fault))
		return -1;
	while (heads->len) {
		struct message_head *head = heads->pdata[0];
		AUTO(store_message) m = message_read(&head->rows);
		int rc;

		if (message_add_path(store, paths, m, fault) ||
		    each(m, context, fault))
			return -1;
		rc = message_head_next(head, fault);
		if (rc < 0)
			return -1;
		if (rc == 0)
			g_ptr_array_remove_index_fast(heads, 0);
		if (heads->len)
			message_sift(heads, 0);
	}
	return 0;
}

int store_message_get(struct store *store, int64_t store_id, int64_t message,
		      struct store_message **ret_message, struct fault *fault)
{
	g_autoptr(GHashTable) paths = g_hash_table_new_full(
		g_int64_hash, g_int64_equal, g_free, g_free);
	AUTO(store_message) m = NULL;
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      MESSAGE_COLUMNS " AND m.id = ? AND m.store = ?", "ii",
		      message, store_id))
		return -1;
	if (rows_first(&rows, "message", message, fault))
		return -1;
	m = message_read(&rows);
	if (message_add_path(store, paths, m, fault))
		return -1;
	*ret_message = g_steal_pointer(&m);
	return 0;
}

static int message_trace(struct store *store, int64_t message, char **ret_trace,
			 int64_t *ret_content, struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT trace, content FROM hierarchy"
		      " WHERE id = ? AND type = 3",
		      "i", message))
		return -1;
	if (rows_first(&rows, "message", message, fault))
		return -1;
	*ret_trace = rows_text(&rows, 0);
	*ret_content = rows_int(&rows, 1);
	return 0;
}

int store_message_bytes(struct store *store, int64_t message,
			bool without_trace, GBytes **ret_bytes,
			struct fault *fault)
{
	g_autofree char *trace = NULL;
	g_autoptr(GBytes) bytes = NULL;
	GByteArray *whole;
	int64_t content = 0;

	if (message_trace(store, message, &trace, &content, fault) ||
	    content_bytes(store, content, &bytes, fault))
		return -1;
	if (without_trace || !trace[0]) {
		*ret_bytes = g_steal_pointer(&bytes);
		return 0;
	}
	whole = g_byte_array_new();
	g_byte_array_append(whole, (const guint8 *)trace, (guint)strlen(trace));
	g_byte_array_append(whole, g_bytes_get_data(bytes, NULL),
			    (guint)g_bytes_get_size(bytes));
	*ret_bytes = g_byte_array_free_to_bytes(whole);
	return 0;
}

int store_message_count(struct store *store, int64_t folder, int64_t received,
			const uint8_t sha256[32], int64_t *ret_count,
			struct fault *fault)
{
	return sql_get(store, fault, ret_count,
		       "SELECT count(*) FROM hierarchy m"
		       " JOIN hierarchy c ON c.id = m.content"
		       " JOIN lob l ON l.id = c.lob"
		       " WHERE m.parent = ? AND m.received = ? AND m.type = 3"
		       " AND m.deleted IS NULL AND l.hash = ?",
		       "iib", folder, received, sha256, (size_t)32) < 0
		       ? -1
		       : 0;
}

int store_message_own(struct store *store, int64_t message, struct propset *set,
		      struct fault *fault)
{
	return property_load(store, message, set, fault);
}

/* ---- properties of a copy ------------------------------------------------
 */

/* MS-OXCMSG 2.2.1.6. */
enum {
	MSGFLAG_READ = 0x1,
	MSGFLAG_UNMODIFIED = 0x2,
	MSGFLAG_SUBMIT = 0x4,
	MSGFLAG_UNSENT = 0x8,
	MSGFLAG_HASATTACH = 0x10,
};

static int64_t message_mapi_flags(unsigned flags, int64_t attachments)
{
	int64_t mapi = 0;

	if (flags & MESSAGE_READ)
		mapi |= MSGFLAG_READ;
	if (flags & MESSAGE_SUBMITTED)
		mapi |= MSGFLAG_SUBMIT;
	if (flags & (MESSAGE_UNSENT | MESSAGE_DRAFT))
		mapi |= MSGFLAG_UNSENT;
	else
		mapi |= MSGFLAG_UNMODIFIED;
	if (attachments)
		mapi |= MSGFLAG_HASATTACH;
	return mapi;
}

/* The envelope sender stands in the trace's first line. */
static void message_reverse_path(struct propset *set, const char *trace)
{
	static const char field[] = "Return-Path: <";
	const char *at = strstr(trace, field);
	const char *end;

	if (!at || (at != trace && at[-1] != '\n'))
		return;
	at += strlen(field);
	end = strpbrk(at, "\r\n");
	while (end && end > at && *end != '>')
		end--;
	if (end && *end == '>')
		propset_set_text_len(set, PR_OKAPI_REVERSE_PATH, at,
				     (size_t)(end - at));
}

static void message_set_copy(struct propset *set, const struct rows *rows)
{
	unsigned flags = (unsigned)rows_int(rows, 0);
	const char *keywords = rows_peek(rows, 3);
	const char *trace = rows_peek(rows, 4);

	propset_set_number(set, PR_MESSAGE_FLAGS,
			   message_mapi_flags(flags, rows_int(rows, 5)));
	propset_set_number(set, PR_MESSAGE_SIZE, rows_int(rows, 1));
	propset_set_number(set, PR_MESSAGE_DELIVERY_TIME, rows_int(rows, 2));
	if (!propset_has(set, PR_CLIENT_SUBMIT_TIME))
		propset_set_number(set, PR_CLIENT_SUBMIT_TIME,
				   rows_int(rows, 2));
	propset_set_binary_copy(set, PR_OKAPI_CONTENT_SHA256,
				sqlite3_column_blob(rows->stmt, 6),
				(size_t)sqlite3_column_bytes(rows->stmt, 6));
	if (flags & MESSAGE_FLAGGED)
		propset_set_number(set, PR_FLAG_STATUS, 2);
	if (flags & MESSAGE_ANSWERED)
		propset_set_number(set, PR_LAST_VERB_EXECUTED, 102);
	if (trace) {
		propset_set_text(set, PR_OKAPI_TRACE_HEADERS, trace);
		message_reverse_path(set, trace);
	}
	if (keywords) {
		g_auto(GStrv) words = g_strsplit(keywords, "\n", 0);

		propset_set_texts(set,
				  propset_named_tag(set, "PS_PUBLIC_STRINGS",
						    "Keywords", 0,
						    PT_MV_UNICODE),
				  (const char *const *)words);
	}
}

int store_message_properties(struct store *store, int64_t message,
			     struct propset *set, struct fault *fault)
{
	int64_t content;
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT m.flags, m.size, m.received, m.keywords, m.trace,"
		      " c.attachments, l.hash, m.content FROM hierarchy m"
		      " JOIN hierarchy c ON c.id = m.content"
		      " JOIN lob l ON l.id = c.lob"
		      " WHERE m.id = ? AND m.type = 3",
		      "i", message))
		return -1;
	if (rows_first(&rows, "message", message, fault))
		return -1;
	content = rows_int(&rows, 7);
	if (property_load(store, content, set, fault))
		return -1;
	message_set_copy(set, &rows);
	return property_load(store, message, set, fault);
}
