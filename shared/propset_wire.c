/*
 * Octets as property sets; propset_encode.c has the other way.
 *
 * The wire form is private to Okapi's own processes, but the one that writes
 * it has read hostile mail: decoding trusts no count and no length.  Numbers
 * are little-endian; a text is its length and its octets.
 *
 *   set      = u32 names, name*, u32 props, prop*, u32 headers, header*,
 *              u32 recipients, set*, u32 attachments, attachment*,
 *              u32 parts, part*
 *   name     = text guid, u8 has_name, text name, u32 lid
 *   prop     = u32 tag, value by type
 *   header   = text name, text value, u8 is_address, [u32 count, address*]
 *   address  = text display, text address, u8 in_group, text group
 *   attachment = set, u8 has_embedded, [set]
 *   part     = text type, u32 depth, u8 is_text, octets content,
 *              u8 has_epilogue, [octets epilogue], u8 has_header, [set]
 */
#include "propset.h"

#include "digest.h"
#include "pages.h"
#include "propset_internal.h"
#include "utf8.h"

#include <string.h>

/* What is left of the input; the first read past its end sets bad, and every
 * later one gives zero. */
struct reader {
	const uint8_t *at;
	size_t left;
	GBytes *whole; /* the input */
	bool is_ours;  /* nobody else reads it */
	bool bad;
};

static const uint8_t *get_octets(struct reader *in, size_t len)
{
	const uint8_t *at = in->at;

	if (in->bad || len > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += len;
	in->left -= len;
	return at;
}

static unsigned get_u8(struct reader *in)
{
	const uint8_t *at = get_octets(in, 1);

	return at ? *at : 0;
}

static uint32_t get_u32(struct reader *in)
{
	const uint8_t *at = get_octets(in, 4);
	guint32 le = 0;

	if (at)
		memcpy(&le, at, sizeof(le));
	return GUINT32_FROM_LE(le);
}

static uint64_t get_u64(struct reader *in)
{
	const uint8_t *at = get_octets(in, 8);
	guint64 le = 0;

	if (at)
		memcpy(&le, at, sizeof(le));
	return GUINT64_FROM_LE(le);
}

/* A count of things that take at least min octets each: one that cannot be
 * true is refused before anything is done for it. */
static uint32_t get_count(struct reader *in, size_t min)
{
	uint32_t count = get_u32(in);

	if (count > in->left / min)
		in->bad = true;
	return in->bad ? 0 : count;
}

/* Owned, valid UTF-8, never NULL. */
static char *get_text(struct reader *in)
{
	uint32_t len = get_u32(in);
	const uint8_t *at = get_octets(in, len);

	if (!at || !len)
		return g_strdup("");
	return utf8_make_valid((const char *)at,
			       strnlen((const char *)at, len));
}

/* A large value shares the memory of the input: an attachment of megabytes is
 * not there twice.  Owned. */
static GBytes *share(const struct reader *in, const uint8_t *at, size_t len)
{
	const uint8_t *start = g_bytes_get_data(in->whole, NULL);

	return len < PROPSET_SHARED_MIN
		       ? g_bytes_new(at, len)
		       : g_bytes_new_from_bytes(in->whole, (gsize)(at - start),
						len);
}

static void set_binary(const struct reader *in, struct propset *set,
		       uint32_t tag, const uint8_t *at, size_t len)
{
	g_autoptr(GBytes) part = share(in, at, len);

	propset_set_binary(set, tag, part);
}

/* Owned, never NULL. */
static GBytes *get_bytes(struct reader *in)
{
	uint32_t len = get_u32(in);
	const uint8_t *at = get_octets(in, len);

	return at ? share(in, at, len) : g_bytes_new_static("", 0);
}

static struct propset *get_set(struct reader *in, unsigned depth);

static void get_part(struct reader *in, struct propset *set, unsigned depth)
{
	struct mime_part part = {.type = get_text(in)};

	part.depth = get_u32(in);
	part.is_text = get_u8(in) != 0;
	part.content = get_bytes(in);
	if (get_u8(in))
		part.epilogue = get_bytes(in);
	if (get_u8(in))
		part.header = get_set(in, depth + 1);
	propset_add_part(set, &part);
}

/* What was read leaves the input, where that is ours.  Owned. */
static char *move_text(const uint8_t *at, size_t len)
{
	char *text = g_malloc(len + 1);

	for (size_t done = 0; done < len; done += PAGES_PIECE) {
		size_t n = MIN(len - done, (size_t)PAGES_PIECE);

		memcpy(text + done, at + done, n);
		pages_spend((void *)(uintptr_t)(at + done), n);
	}
	text[len] = '\0';
	return text;
}

static void set_text(const struct reader *in, struct propset *set, uint32_t tag,
		     const uint8_t *at, size_t len)
{
	if (in->is_ours && len >= PROPSET_SHARED_MIN &&
	    PROP_TYPE(tag) == PT_UNICODE && !memchr(at, '\0', len) &&
	    utf8_is_valid((const char *)at, len))
		propset_set_text_take(set, tag, move_text(at, len));
	else
		propset_set_text_len(set, tag, (const char *)at, len);
}

static void get_binary(struct reader *in, struct propset *set, uint32_t tag)
{
	uint64_t size;
	const uint8_t *at;

	if (get_u8(in)) {
		uint32_t len = get_u32(in);

		at = get_octets(in, len);
		if (at)
			set_binary(in, set, tag, at, len);
		return;
	}
	size = get_u64(in);
	at = get_octets(in, DIGEST_SIZE);
	if (at)
		propset_set_binary_digest(set, tag, size, at);
}

static void get_multiple(struct reader *in, struct propset *set, uint32_t tag)
{
	uint32_t count = get_count(in, 4);

	if (PROP_TYPE(tag) == PT_MV_UNICODE) {
		GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);

		for (uint32_t i = 0; i < count && !in->bad; i++)
			g_ptr_array_add(texts, get_text(in));
		g_ptr_array_add(texts, NULL);
		propset_set_texts(set, tag, (const char *const *)texts->pdata);
		g_ptr_array_unref(texts);
		return;
	}
	for (uint32_t i = 0; i < count && !in->bad; i++) {
		if (PROP_TYPE(tag) == PT_MV_LONG) {
			propset_add_long(set, tag, (int64_t)get_u64(in));
		} else {
			uint32_t len = get_u32(in);
			const uint8_t *at = get_octets(in, len);

			if (at)
				propset_add_binary(set, tag, at, len);
		}
	}
}

static void get_prop(struct reader *in, struct propset *set)
{
	uint32_t tag = get_u32(in);
	double real = 0;
	uint64_t bits;

	if (in->bad)
		return;
	switch (PROP_TYPE(tag)) {
	case PT_BOOLEAN:
		propset_set_bool(set, tag, get_u8(in) != 0);
		break;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		propset_set_number(set, tag, (int64_t)get_u64(in));
		break;
	case PT_DOUBLE:
		bits = get_u64(in);
		memcpy(&real, &bits, sizeof(real));
		propset_set_real(set, tag, real);
		break;
	case PT_UNICODE:
	case PT_CLSID: {
		uint32_t len = get_u32(in);
		const uint8_t *at = get_octets(in, len);

		if (at)
			set_text(in, set, tag, at, len);
		break;
	}
	case PT_BINARY:
		get_binary(in, set, tag);
		break;
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY:
		get_multiple(in, set, tag);
		break;
	default:
		in->bad = true;
	}
}

static void get_name(struct reader *in, struct propset *set)
{
	g_autofree char *guid = get_text(in);
	bool has_name = get_u8(in) != 0;
	g_autofree char *name = get_text(in);
	uint32_t lid = get_u32(in);

	if (!in->bad && propset_named_tag(set, guid, has_name ? name : NULL,
					  lid, PT_UNICODE) == 0)
		in->bad = true;
}

static void get_header(struct reader *in, struct propset *set)
{
	g_autofree char *name = get_text(in);
	g_autofree char *text = get_text(in);
	bool has_addresses = get_u8(in) != 0;
	uint32_t count = has_addresses ? get_count(in, 13) : 0;
	struct header_field *field;

	if (in->bad)
		return;
	field = propset_add_header(set, name, text);
	if (has_addresses)
		field->addresses = g_ptr_array_new_with_free_func(
			propset_header_address_free);
	for (uint32_t i = 0; i < count && !in->bad; i++) {
		g_autofree char *display = get_text(in);
		g_autofree char *address = get_text(in);
		bool in_group = get_u8(in) != 0;
		g_autofree char *group = get_text(in);

		header_field_add_address(field, display, address,
					 in_group ? group : NULL);
	}
}

static struct propset *get_attachment(struct reader *in, unsigned depth)
{
	struct propset *attachment = get_set(in, depth);

	if (get_u8(in))
		propset_set_embedded(attachment, get_set(in, depth + 1));
	return attachment;
}

static struct propset *get_set(struct reader *in, unsigned depth)
{
	struct propset *set = propset_new();
	uint32_t count;

	if (depth > 2 * PROPSET_DEPTH_MAX)
		in->bad = true;
	count = get_count(in, 13);
	for (uint32_t i = 0; i < count && !in->bad; i++)
		get_name(in, set);
	count = get_count(in, 5);
	if (count > PROPSET_PROPS_MAX)
		in->bad = true;
	for (uint32_t i = 0; i < count && !in->bad; i++)
		get_prop(in, set);
	count = get_count(in, 9);
	for (uint32_t i = 0; i < count && !in->bad; i++)
		get_header(in, set);
	count = get_count(in, 24);
	for (uint32_t i = 0; i < count && !in->bad; i++)
		propset_add_recipient(set, get_set(in, depth + 1));
	count = get_count(in, 25);
	for (uint32_t i = 0; i < count && !in->bad; i++)
		propset_add_attachment(set, get_attachment(in, depth + 1));
	count = get_count(in, 15);
	for (uint32_t i = 0; i < count && !in->bad; i++)
		get_part(in, set, depth);
	return set;
}

static int decode(GBytes *wire, bool is_ours, struct propset **ret_set,
		  struct fault *fault)
{
	gsize len = 0;
	struct reader in = {.whole = wire, .is_ours = is_ours};
	AUTO(propset) set = NULL;

	in.at = g_bytes_get_data(wire, &len);
	in.left = len;
	set = get_set(&in, 0);
	if (in.bad || in.left)
		return fault_set(fault, FAULT_INTERNAL,
				 "a property set of %zu octets is damaged at "
				 "octet %zu",
				 len, len - in.left);
	*ret_set = g_steal_pointer(&set);
	return 0;
}

int propset_decode(GBytes *wire, struct propset **ret_set, struct fault *fault)
{
	return decode(wire, false, ret_set, fault);
}

int propset_decode_take(GBytes *wire, struct propset **ret_set,
			struct fault *fault)
{
	int rc = decode(wire, true, ret_set, fault);

	g_bytes_unref(wire);
	return rc;
}
