/*
 * From what is kept back to the bytes (kept.h), in pieces: besides the message
 * itself only some buffers are in memory.  Nothing that is read is believed:
 * sizes are checked as they come, the hash of the whole in the end.
 */
#include "digest.h"
#include "kept.h"
#include "squeeze.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum {
	UNPACK_PIECE = 65536,
	UNPACK_DEPTH = 32, /* messages in parts of messages */
	UNPACK_MAP_MIN = 1 << 20,
};

/* A row of lob. */
struct unpack_row {
	int64_t id;
	int64_t size;
	uint8_t hash[32];
	enum lob_form form;
	GBytes *data; /* NULL: it is a file */
};

static void unpack_row_clear(struct unpack_row *row)
{
	g_clear_pointer(&row->data, g_bytes_unref);
}
#define UNPACK_ROW __attribute__((cleanup(unpack_row_clear))) struct unpack_row

/* Where the octets of a row come from. */
struct unpack_source {
	const uint8_t *at;
	size_t left;
	int fd; /* more is in it; or -1 */
	uint8_t *piece;
};

static void unpack_source_clear(struct unpack_source *source)
{
	base_close_fd(&source->fd);
	g_clear_pointer(&source->piece, g_free);
}
#define UNPACK_SOURCE                                                          \
 __attribute__((cleanup(unpack_source_clear))) struct unpack_source

static int unpack_broken(const struct unpack_row *row, struct fault *fault)
{
	return fault_set(fault, FAULT_IO,
			 "value %" G_GINT64_FORMAT
			 " is not what it was when it was kept",
			 row->id);
}

static int unpack_row_get(struct store *store, int64_t lob, bool with_data,
			  struct unpack_row *ret_row, struct fault *fault)
{
	ROWS rows = {0};
	int column;
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT hash, size, form, data, packed FROM lob"
		      " WHERE id = ?",
		      "i", lob))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	if (rc == 0 || sqlite3_column_bytes(rows.stmt, 0) != DIGEST_SIZE)
		return fault_set(fault, FAULT_IO,
				 "value %" G_GINT64_FORMAT " is gone", lob);
	ret_row->id = lob;
	memcpy(ret_row->hash, sqlite3_column_blob(rows.stmt, 0), DIGEST_SIZE);
	ret_row->size = rows_int(&rows, 1);
	ret_row->form = (enum lob_form)rows_int(&rows, 2);
	column = ret_row->form == LOB_PACKED ? 4 : 3;
	if (with_data && sqlite3_column_type(rows.stmt, column) != SQLITE_NULL)
		ret_row->data = g_bytes_new(
			sqlite3_column_blob(rows.stmt, column),
			(gsize)sqlite3_column_bytes(rows.stmt, column));
	return 0;
}

static int unpack_source_open(struct store *store, const struct unpack_row *row,
			      struct unpack_source *source, struct fault *fault)
{
	struct lob_name name = lob_name_of(row->hash, row->form);

	source->fd = -1;
	if (row->data) {
		source->at = g_bytes_get_data(row->data, &source->left);
		return 0;
	}
	source->fd = lob_open(store->path, &name, fault);
	if (source->fd < 0)
		return -1;
	source->piece = g_malloc(UNPACK_PIECE);
	return 0;
}

/* More, if nothing is left; left stays 0 at the end. */
static int unpack_source_more(struct unpack_source *source, struct fault *fault)
{
	ssize_t n;

	if (source->left || source->fd < 0)
		return 0;
	n = lob_get(source->fd, source->piece, UNPACK_PIECE, fault);
	if (n < 0)
		return -1;
	source->at = source->piece;
	source->left = (size_t)n;
	return 0;
}

static int unpack_plain(const struct unpack_row *row,
			struct unpack_source *source, struct sink *to,
			struct fault *fault)
{
	int64_t size = 0;

	for (;;) {
		if (unpack_source_more(source, fault))
			return -1;
		if (!source->left)
			break;
		size += (int64_t)source->left;
		if (size > row->size)
			break;
		if (to->put(to, source->at, source->left, fault))
			return -1;
		source->left = 0;
	}
	return size == row->size ? 0 : unpack_broken(row, fault);
}

/* ---- packed --------------------------------------------------------------
 */

struct unpack_region {
	struct region region; /* start: octets before it in the frame */
	bool is_part;
};

static int unpack_octet(const struct unpack_row *row,
			struct unpack_source *source, uint8_t *ret_octet,
			struct fault *fault)
{
	if (unpack_source_more(source, fault))
		return -1;
	if (!source->left)
		return unpack_broken(row, fault);
	*ret_octet = *source->at++;
	source->left--;
	return 0;
}

static int unpack_number(const struct unpack_row *row,
			 struct unpack_source *source, size_t *ret_number,
			 struct fault *fault)
{
	size_t number = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t octet = 0;

		if (unpack_octet(row, source, &octet, fault))
			return -1;
		number |= (size_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80)) {
			*ret_number = number;
			return 0;
		}
	}
	return unpack_broken(row, fault);
}

static int unpack_regions(const struct unpack_row *row,
			  struct unpack_source *source, GArray *regions,
			  struct fault *fault)
{
	size_t count = 0;
	uint8_t version = 0;

	if (unpack_octet(row, source, &version, fault))
		return -1;
	if (version != SQUEEZE_VERSION)
		return fault_set(fault, FAULT_CONFIG,
				 "value %" G_GINT64_FORMAT
				 " was packed by a newer version of Okapi",
				 row->id);
	if (unpack_number(row, source, &count, fault))
		return -1;
	for (; count; count--) {
		struct unpack_region r = {0};
		size_t bits = 0;

		if (unpack_number(row, source, &r.region.start, fault) ||
		    unpack_number(row, source, &r.region.octets, fault) ||
		    unpack_number(row, source, &r.region.line, fault) ||
		    unpack_number(row, source, &bits, fault))
			return -1;
		if (!r.region.line || r.region.line % 4)
			return unpack_broken(row, fault);
		r.region.crlf = bits & KEPT_CRLF;
		r.is_part = bits & KEPT_PART;
		g_array_append_val(regions, r);
	}
	return 0;
}

struct unpack {
	struct store *store;
	const struct unpack_row *row;
	struct unpack_source *source;
	struct unsqueezer *unsqueezer;
	uint8_t *piece;
};

/* That many octets of the frame, or, SIZE_MAX, the rest. */
static int unpack_frame(struct unpack *unpack, size_t len, struct sink *to,
			struct fault *fault)
{
	bool is_rest = len == SIZE_MAX;

	while (len) {
		bool is_dry;
		ssize_t n;

		if (unpack_source_more(unpack->source, fault))
			return -1;
		is_dry = !unpack->source->left;
		n = unsqueezer_run(unpack->unsqueezer, &unpack->source->at,
				   &unpack->source->left, unpack->piece,
				   MIN(len, UNPACK_PIECE));
		if (n < 0)
			return unpack_broken(unpack->row, fault);
		if (n == 0 && unsqueezer_is_at_end(unpack->unsqueezer))
			return is_rest ? 0 : unpack_broken(unpack->row, fault);
		if (n == 0 && is_dry)
			return unpack_broken(unpack->row, fault);
		if (n && to->put(to, unpack->piece, (size_t)n, fault))
			return -1;
		len -= is_rest ? 0 : (size_t)n;
	}
	return 0;
}

static int unpack_lob(struct store *store, int64_t lob, int depth,
		      struct sink *to, struct fault *fault);

static int unpack_part_ids(const struct unpack *unpack, GArray *ids,
			   struct fault *fault)
{
	return sql_ids(unpack->store, ids, fault,
		       "SELECT part FROM lob_parts WHERE lob = ?"
		       " ORDER BY position",
		       "i", unpack->row->id);
}

static int unpack_packed(struct unpack *unpack, int depth, struct sink *to,
			 struct fault *fault)
{
	g_autoptr(GArray) regions =
		g_array_new(FALSE, FALSE, sizeof(struct unpack_region));
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	guint next = 0;

	if (unpack_regions(unpack->row, unpack->source, regions, fault) ||
	    (regions->len && unpack_part_ids(unpack, ids, fault)))
		return -1;
	for (guint i = 0; i < regions->len; i++) {
		const struct unpack_region *r =
			&g_array_index(regions, struct unpack_region, i);
		struct region_encoder encoder;
		int rc;

		if (unpack_frame(unpack, r->region.start, to, fault))
			return -1;
		region_encoder_init(&encoder, &r->region, to);
		if (r->is_part && next == ids->len)
			return unpack_broken(unpack->row, fault);
		rc = r->is_part
			     ? unpack_lob(unpack->store,
					  g_array_index(ids, int64_t, next++),
					  depth + 1, &encoder.sink, fault)
			     : unpack_frame(unpack, r->region.octets,
					    &encoder.sink, fault);
		if (rc || region_encoder_end(&encoder, fault))
			return -1;
	}
	return unpack_frame(unpack, SIZE_MAX, to, fault);
}

static int unpack_lob(struct store *store, int64_t lob, int depth,
		      struct sink *to, struct fault *fault)
{
	UNPACK_ROW row = {0};
	UNPACK_SOURCE source = {.fd = -1};
	struct unpack unpack = {.store = store, .row = &row, .source = &source};
	int rc;

	if (unpack_row_get(store, lob, true, &row, fault) ||
	    unpack_source_open(store, &row, &source, fault))
		return -1;
	if (row.form != LOB_PACKED)
		return unpack_plain(&row, &source, to, fault);
	if (depth > UNPACK_DEPTH)
		return unpack_broken(&row, fault);
	unpack.unsqueezer = unsqueezer_new();
	unpack.piece = g_malloc(UNPACK_PIECE);
	rc = unpack_packed(&unpack, depth, to, fault);
	unsqueezer_free(unpack.unsqueezer);
	g_free(unpack.piece);
	return rc;
}

/* ---- whole ---------------------------------------------------------------
 */

struct unpack_whole {
	struct sink sink;
	const struct unpack_row *row;
	char *data;
	size_t len;
	size_t mapped; /* octets that are mapped, 0: allocated */
};

static void unpack_whole_free(void *object)
{
	struct unpack_whole *whole = object;

	if (whole->mapped)
		(void)munmap(whole->data, whole->mapped);
	else
		g_free(whole->data);
	g_free(whole);
}
AUTO_DEFINE(unpack_whole, unpack_whole_free);

/* A large value lies in a file without a name: the kernel may take its memory
 * back, and many of them at once cost disk rather than memory. */
static void unpack_whole_map(struct store *store, struct unpack_whole *whole)
{
	AUTOCLOSE int fd = lob_open_unnamed(store->path);
	void *data;

	/* Room must be there: what is mapped without kills who touches it. */
	if (fd < 0 || posix_fallocate(fd, 0, whole->row->size) != 0)
		return;
	data = mmap(NULL, (size_t)whole->row->size, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return;
	whole->data = data;
	whole->mapped = (size_t)whole->row->size;
}

static int unpack_whole_put(struct sink *sink, const void *data, size_t len,
			    struct fault *fault)
{
	struct unpack_whole *whole = (struct unpack_whole *)(void *)sink;

	if (len > (size_t)whole->row->size - whole->len)
		return unpack_broken(whole->row, fault);
	memcpy(whole->data + whole->len, data, len);
	whole->len += len;
	return 0;
}

int lob_bytes(struct store *store, int64_t lob, GBytes **ret_bytes,
	      struct fault *fault)
{
	UNPACK_ROW row = {0};
	AUTO(unpack_whole) whole = NULL;
	uint8_t is[DIGEST_SIZE];

	if (unpack_row_get(store, lob, false, &row, fault))
		return -1;
	whole = g_new0(struct unpack_whole, 1);
	whole->sink.put = unpack_whole_put;
	whole->row = &row;
	if (row.size >= UNPACK_MAP_MIN)
		unpack_whole_map(store, whole);
	if (!whole->data)
		whole->data = g_try_malloc((gsize)MAX(row.size, 1));
	if (!whole->data)
		return unpack_broken(&row, fault);
	if (unpack_lob(store, lob, 0, &whole->sink, fault))
		return -1;
	digest_sha256(whole->data, whole->len, is);
	if (whole->len != (size_t)row.size ||
	    memcmp(is, row.hash, sizeof(is)) != 0)
		return unpack_broken(&row, fault);
	whole->row = NULL;
	*ret_bytes = g_bytes_new_with_free_func(whole->data, whole->len,
						unpack_whole_free, whole);
	whole = NULL;
	return 0;
}
