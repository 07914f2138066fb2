/*
 * From the bytes of a message to what is kept of them (kept.h).
 *
 * Whatever comes out as a region encodes to the same characters (base64.h);
 * all else stays as it is.  Large values lie in files without
 * a name from their first megabyte on, so that memory stays bounded by the
 * number of parts, not by their size.  A large part is hashed before it is
 * written: one whose file this process has seen whole (lob_seen.c) is decoded
 * and never written.
 */
#include "digest.h"
#include "kept.h"
#include "squeeze.h"

#include <fcntl.h>
#include <string.h>

/* Must gain a sixteenth. */
static bool pack_gains(size_t from, size_t to)
{
	return to < from - from / 16;
}

/* ---- a value while it is made --------------------------------------------
 */

struct pack_value {
	const char *path; /* of the store */
	GByteArray *memory;
	int fd;     /* a file without a name, once memory is too small */
	bool stays; /* there can be no such file */
	int64_t kept;
};

static void pack_value_clear(struct pack_value *value)
{
	g_clear_pointer(&value->memory, g_byte_array_unref);
	base_close_fd(&value->fd);
}

static int pack_value_add(struct pack_value *value, const void *data,
			  size_t len, struct fault *fault)
{
	value->kept += (int64_t)len;
	if (value->fd < 0 && !value->stays && lob_is_file(value->kept)) {
		value->fd = lob_open_unnamed(value->path);
		value->stays = value->fd < 0;
		if (!value->stays) {
			if (lob_put(value->fd, value->memory->data,
				    value->memory->len, fault))
				return -1;
			g_byte_array_set_size(value->memory, 0);
		}
	}
	if (value->fd >= 0)
		return lob_put(value->fd, data, len, fault);
	g_byte_array_append(value->memory, data, (guint)len);
	return 0;
}

/* Moves it. */
static void pack_value_take(struct pack_value *value, enum lob_form form,
			    struct lob_value *ret_value)
{
	ret_value->form = form;
	ret_value->kept = value->kept;
	ret_value->fd = base_take_fd(&value->fd);
	if (ret_value->fd < 0)
		ret_value->data = g_byte_array_free_to_bytes(
			g_steal_pointer(&value->memory));
}

/* ---- a value that is compressed as it comes ------------------------------
 */

struct pack_stream {
	struct squeezer *squeezer;
	GByteArray *ready;
	struct pack_value *to;
};

static int pack_stream_flush(struct pack_stream *stream, struct fault *fault)
{
	int rc = pack_value_add(stream->to, stream->ready->data,
				stream->ready->len, fault);

	g_byte_array_set_size(stream->ready, 0);
	return rc;
}

static int pack_stream_add(struct pack_stream *stream, const void *data,
			   size_t len, struct fault *fault)
{
	const uint8_t *at = data;

	while (len) {
		size_t piece = MIN(len, (size_t)1 << 20);

		squeezer_add(stream->squeezer, at, piece, stream->ready);
		if (pack_stream_flush(stream, fault))
			return -1;
		at += piece;
		len -= piece;
	}
	return 0;
}

static int pack_stream_end(struct pack_stream *stream, struct fault *fault)
{
	squeezer_end(stream->squeezer, stream->ready);
	return pack_stream_flush(stream, fault);
}

static void pack_stream_clear(struct pack_stream *stream)
{
	g_clear_pointer(&stream->squeezer, squeezer_free);
	g_clear_pointer(&stream->ready, g_byte_array_unref);
}

static void pack_number(GByteArray *out, uint64_t number)
{
	uint8_t octets[10];
	guint len = 0;

	do {
		octets[len] = (uint8_t)(number & 0x7f);
		number >>= 7;
		octets[len++] |= number ? 0x80 : 0;
	} while (number);
	g_byte_array_append(out, octets, len);
}

/* A header without regions. */
static void pack_begin(GByteArray *out)
{
	const uint8_t version = SQUEEZE_VERSION;

	g_byte_array_append(out, &version, 1);
	pack_number(out, 0);
}

/* ---- the octets of a region ----------------------------------------------
 */

/* Which ones they are, and all of them while they are few. */
struct pack_look {
	struct sink sink;
	struct digest *digest;
	int64_t size;
	GByteArray *memory; /* NULL: too many */
};

static void pack_look_clear(struct pack_look *look)
{
	g_clear_pointer(&look->digest, digest_free);
	g_clear_pointer(&look->memory, g_byte_array_unref);
}
#define PACK_LOOK __attribute__((cleanup(pack_look_clear))) struct pack_look

static int pack_look_put(struct sink *sink, const void *data, size_t len,
			 struct fault *fault)
{
	struct pack_look *look = (struct pack_look *)(void *)sink;

	(void)fault;
	digest_update(look->digest, data, len);
	look->size += (int64_t)len;
	if (lob_is_file(look->size))
		g_clear_pointer(&look->memory, g_byte_array_unref);
	if (look->memory)
		g_byte_array_append(look->memory, data, (guint)len);
	return 0;
}

/* What memory holds, compressed whole if that pays. */
static void pack_look_take(struct pack_look *look, struct lob_value *value)
{
	GByteArray *plain = look->memory;
	g_autoptr(GByteArray) packed = NULL;

	value->form = LOB_PLAIN;
	if (squeeze_pays(plain->data, plain->len)) {
		packed = g_byte_array_new();
		pack_begin(packed);
		squeeze(plain->data, plain->len, packed);
		if (pack_gains(plain->len, packed->len)) {
			value->form = LOB_PACKED;
			look->memory = g_steal_pointer(&packed);
			g_byte_array_unref(plain);
		}
	}
	value->kept = look->memory->len;
	value->data =
		g_byte_array_free_to_bytes(g_steal_pointer(&look->memory));
}

/* Many of them, on their way into a file. */
struct pack_part {
	struct sink sink;
	struct pack_value value;
	struct pack_stream stream; /* squeezer NULL: kept as they come */
	bool is_decided;           /* whether it is compressed */
};

static void pack_part_clear(struct pack_part *part)
{
	pack_stream_clear(&part->stream);
	pack_value_clear(&part->value);
}
#define PACK_PART __attribute__((cleanup(pack_part_clear))) struct pack_part

/* Memory is full: from here on it goes to a file, compressed if that pays. */
static int pack_part_decide(struct pack_part *part, struct fault *fault)
{
	g_autoptr(GByteArray) begun = NULL;

	part->is_decided = true;
	if (!squeeze_pays(part->value.memory->data, part->value.memory->len))
		return 0;
	begun = g_steal_pointer(&part->value.memory);
	part->value.memory = g_byte_array_new();
	part->value.kept = 0;
	part->stream.squeezer = squeezer_new();
	part->stream.ready = g_byte_array_new();
	part->stream.to = &part->value;
	pack_begin(part->stream.ready);
	return pack_stream_add(&part->stream, begun->data, begun->len, fault);
}

static int pack_part_put(struct sink *sink, const void *data, size_t len,
			 struct fault *fault)
{
	struct pack_part *part = (struct pack_part *)(void *)sink;

	if (!part->is_decided && lob_is_file(part->value.kept + (int64_t)len) &&
	    pack_part_decide(part, fault))
		return -1;
	if (part->stream.squeezer)
		return pack_stream_add(&part->stream, data, len, fault);
	return pack_value_add(&part->value, data, len, fault);
}

static int pack_part_end(struct pack_part *part, struct lob_value *ret_value,
			 struct fault *fault)
{
	if (part->stream.squeezer && pack_stream_end(&part->stream, fault))
		return -1;
	pack_value_take(&part->value,
			part->stream.squeezer ? LOB_PACKED : LOB_PLAIN,
			ret_value);
	return 0;
}

/* ---- the message ---------------------------------------------------------
 */

struct pack_region {
	struct region region;
	GByteArray *octets; /* NULL: they are a part */
};

struct pack {
	const char *path;
	const char *bytes;
	size_t size;
	GArray *regions; /* of struct pack_region */
	struct kept *kept;
};

static void pack_region_clear(gpointer data)
{
	struct pack_region *region = data;

	g_clear_pointer(&region->octets, g_byte_array_unref);
}

static void pack_lob_value_clear(gpointer data)
{
	lob_value_clear(data);
}

/* Decodes a region once more, into a file. */
static int pack_write_region(const struct pack *pack, struct region region,
			     struct lob_value *value, struct fault *fault)
{
	PACK_PART part = {
		.sink = {pack_part_put},
		.value = {.path = pack->path,
			  .memory = g_byte_array_new(),
			  .fd = -1},
	};

	if (region_decode(pack->bytes, pack->size, &region, &part.sink, fault))
		return -1;
	return pack_part_end(&part, value, fault);
}

static int pack_part(const struct pack *pack, const struct region *region,
		     struct pack_look *look, struct fault *fault)
{
	struct lob_value value = {.size = look->size, .fd = -1};

	digest_finish(g_steal_pointer(&look->digest), value.hash);
	if (look->memory)
		pack_look_take(look, &value);
	else if (!lob_find(pack->path, &value) &&
		 pack_write_region(pack, *region, &value, fault))
		return -1;
	g_array_append_val(pack->kept->parts, value);
	return 0;
}

/* Decodes a region; one that is too short is none. */
static int pack_region(struct pack *pack, struct region *region,
		       struct fault *fault)
{
	PACK_LOOK look = {
		.sink = {pack_look_put},
		.digest = digest_new(),
		.memory = g_byte_array_new(),
	};
	struct pack_region found = {0};

	if (region_decode(pack->bytes, pack->size, region, &look.sink, fault))
		return -1;
	if (region->octets < REGION_MIN)
		return 0;
	found.region = *region;
	if (region->octets < KEPT_PART_MIN)
		found.octets = g_steal_pointer(&look.memory);
	else if (pack_part(pack, region, &look, fault))
		return -1;
	g_array_append_val(pack->regions, found);
	return 0;
}

static int pack_find_regions(struct pack *pack, struct fault *fault)
{
	struct region region = {0};
	size_t at = 0;

	while (region_find(pack->bytes, pack->size, at, &region)) {
		if (pack_region(pack, &region, fault))
			return -1;
		at = region.start + MAX(region.size, 1);
	}
	return 0;
}

static void pack_header(const struct pack *pack, GByteArray *out)
{
	const uint8_t version = SQUEEZE_VERSION;
	size_t at = 0;

	g_byte_array_append(out, &version, 1);
	pack_number(out, pack->regions->len);
	for (guint i = 0; i < pack->regions->len; i++) {
		const struct pack_region *r =
			&g_array_index(pack->regions, struct pack_region, i);

		pack_number(out, r->region.start - at);
		pack_number(out, r->region.octets);
		pack_number(out, r->region.line);
		pack_number(out, (r->region.crlf ? KEPT_CRLF : 0) |
					 (r->octets ? 0 : KEPT_PART));
		at = r->region.start + r->region.size;
	}
}

/* Calls each for what is in the frame, piece by piece. */
static int pack_each_piece(const struct pack *pack,
			   int (*each)(void *context, const void *data,
				       size_t len, struct fault *fault),
			   void *context, struct fault *fault)
{
	size_t at = 0;

	for (guint i = 0; i < pack->regions->len; i++) {
		const struct pack_region *r =
			&g_array_index(pack->regions, struct pack_region, i);

		if (each(context, pack->bytes + at, r->region.start - at,
			 fault) ||
		    (r->octets &&
		     each(context, r->octets->data, r->octets->len, fault)))
			return -1;
		at = r->region.start + r->region.size;
	}
	return each(context, pack->bytes + at, pack->size - at, fault);
}

static int pack_count_piece(void *context, const void *data, size_t len,
			    struct fault *fault)
{
	(void)data;
	(void)fault;
	*(size_t *)context += len;
	return 0;
}

static int pack_append_piece(void *context, const void *data, size_t len,
			     struct fault *fault)
{
	(void)fault;
	g_byte_array_append(context, data, (guint)len);
	return 0;
}

static int pack_stream_piece(void *context, const void *data, size_t len,
			     struct fault *fault)
{
	return pack_stream_add(context, data, len, fault);
}

/* The message as it came. */
static void pack_plain(const struct content *content, int file,
		       struct lob_value *whole)
{
	whole->form = LOB_PLAIN;
	whole->data = g_bytes_ref(content->rfc822);
	whole->kept = whole->size;
	if (lob_is_file(whole->kept) && file >= 0)
		whole->fd = fcntl(file, F_DUPFD_CLOEXEC, 0);
}

static int pack_large(const struct pack *pack, struct lob_value *whole,
		      struct fault *fault)
{
	struct pack_value value = {
		.path = pack->path, .memory = g_byte_array_new(), .fd = -1};
	struct pack_stream stream = {.squeezer = squeezer_new(),
				     .ready = g_byte_array_new(),
				     .to = &value};
	int rc;

	pack_header(pack, stream.ready);
	rc = pack_each_piece(pack, pack_stream_piece, &stream, fault);
	if (rc == 0)
		rc = pack_stream_end(&stream, fault);
	if (rc == 0)
		pack_value_take(&value, LOB_PACKED, whole);
	pack_stream_clear(&stream);
	pack_value_clear(&value);
	return rc;
}

static int pack_small(const struct pack *pack, size_t size,
		      struct lob_value *whole, struct fault *fault)
{
	g_autoptr(GByteArray) out = g_byte_array_new();

	pack_header(pack, out);
	if (pack->regions->len) {
		g_autoptr(GByteArray) frame =
			g_byte_array_sized_new((guint)size);

		if (pack_each_piece(pack, pack_append_piece, frame, fault))
			return -1;
		squeeze(frame->data, frame->len, out);
	} else {
		squeeze(pack->bytes, pack->size, out);
	}
	whole->form = LOB_PACKED;
	whole->kept = out->len;
	whole->data = g_byte_array_free_to_bytes(g_steal_pointer(&out));
	return 0;
}

static int pack_whole(const struct pack *pack, const struct content *content,
		      int file, struct fault *fault)
{
	struct lob_value *whole = &pack->kept->whole;
	size_t size = 0;

	if (pack_each_piece(pack, pack_count_piece, &size, fault))
		return -1;
	if (lob_is_file((int64_t)size)) {
		if (pack->regions->len || squeeze_pays(pack->bytes, size))
			return pack_large(pack, whole, fault);
		pack_plain(content, file, whole);
		return 0;
	}
	if (pack_small(pack, size, whole, fault))
		return -1;
	if (!pack->regions->len && !pack_gains(size, (size_t)whole->kept)) {
		lob_value_clear(whole);
		pack_plain(content, file, whole);
	}
	return 0;
}

static int pack_write(const char *path, const struct lob_value *value,
		      struct fault *fault)
{
	return lob_is_file(value->kept) && lob_is_held(value)
		       ? lob_write(path, value, fault)
		       : 0;
}

/* The files of all values. */
static int pack_write_all(const char *path, const struct kept *kept,
			  struct fault *fault)
{
	for (guint i = 0; i < kept->parts->len; i++)
		if (pack_write(path,
			       &g_array_index(kept->parts, struct lob_value, i),
			       fault))
			return -1;
	return pack_write(path, &kept->whole, fault);
}

int store_content_prepare(const char *path, const struct content *content,
			  int file, struct kept **ret_kept, struct fault *fault)
{
	AUTO(kept) kept = g_new0(struct kept, 1);
	g_autoptr(GArray) regions =
		g_array_new(FALSE, FALSE, sizeof(struct pack_region));
	struct pack pack = {.path = path, .regions = regions, .kept = kept};

	g_array_set_clear_func(regions, pack_region_clear);
	kept->whole.fd = -1;
	kept->parts = g_array_new(FALSE, FALSE, sizeof(struct lob_value));
	g_array_set_clear_func(kept->parts, pack_lob_value_clear);
	memcpy(kept->whole.hash, content->sha256, sizeof(kept->whole.hash));
	pack.bytes = g_bytes_get_data(content->rfc822, &pack.size);
	kept->whole.size = (int64_t)pack.size;
	if (pack_find_regions(&pack, fault) ||
	    pack_whole(&pack, content, file, fault) ||
	    pack_write_all(path, kept, fault))
		return -1;
	*ret_kept = g_steal_pointer(&kept);
	return 0;
}

void store_kept_free(struct kept *kept)
{
	if (!kept)
		return;
	lob_value_clear(&kept->whole);
	g_clear_pointer(&kept->parts, g_array_unref);
	g_free(kept);
}

int store_content_file(const char *path)
{
	return lob_open_unnamed(path);
}
