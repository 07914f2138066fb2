/*
 * The scanner: one pass over the lines of a message, a stack of boundaries,
 * no copy.
 */
#include "pages.h"
#include "params.h"

#include <string.h>

struct scan {
	struct convert_context *context;
	const char *at;
	const char *end;
	/* Multiparts that are open, outermost first. */
	const struct mime_entity *open[MIME_DEPTH_MAX + 1];
	size_t depth;
	unsigned decoded; /* contents that were encoded around it */
};

/* Where a stretch of lines ended: at a delimiter of open[level], or at the end
 * of the input (level == LEVEL_END). */
#define LEVEL_END SIZE_MAX
struct stop {
	size_t level;
	bool close;          /* "--boundary--" */
	const char *content; /* end of what stands before the delimiter */
};

struct line {
	const char *start;
	const char *end;  /* without its line break */
	const char *next; /* start of the next line */
};

static struct line line_at(const struct scan *scan, const char *at)
{
	struct line line = {.start = at};
	const char *lf = memchr(at, '\n', (size_t)(scan->end - at));

	line.next = lf ? lf + 1 : scan->end;
	line.end = lf ? lf : scan->end;
	if (line.end > line.start && line.end[-1] == '\r')
		line.end--;
	return line;
}

/* RFC 2046 5.1.1: "--" boundary ["--"] blanks. */
static bool is_delimiter(const struct line *line,
			 const struct mime_entity *entity, bool *ret_close)
{
	const char *boundary = entity->boundary;
	size_t len = entity->boundary_len;
	const char *at = line->start + 2;
	bool close = false;

	if ((size_t)(line->end - at) < len || memcmp(at, boundary, len) != 0)
		return false;
	at += len;
	if (line->end - at >= 2 && at[0] == '-' && at[1] == '-') {
		close = true;
		at += 2;
	}
	while (at < line->end && (*at == ' ' || *at == '\t'))
		at++;
	*ret_close = close;
	return at == line->end;
}

static bool find_delimiter(const struct scan *scan, const struct line *line,
			   struct stop *ret_stop)
{
	if (line->end - line->start < 2 || line->start[0] != '-' ||
	    line->start[1] != '-')
		return false;
	for (size_t level = scan->depth; level-- > 0;)
		if (is_delimiter(line, scan->open[level], &ret_stop->close)) {
			ret_stop->level = level;
			return true;
		}
	return false;
}

/* The line break before a delimiter belongs to it. */
static const char *before_break(const char *from, const char *at)
{
	if (at > from && at[-1] == '\n')
		at--;
	if (at > from && at[-1] == '\r')
		at--;
	return at;
}

/* The next line, from the one at scan->at on, that begins with "--"; NULL:
 * none.  Dashes are rarer than lines where there is much: base64 has none. */
static const char *find_dashes(const struct scan *scan)
{
	const char *at = scan->at;

	while ((at = memchr(at, '-', (size_t)(scan->end - at)))) {
		if ((at == scan->at || at[-1] == '\n') && scan->end - at >= 2 &&
		    at[1] == '-')
			return at;
		at++;
	}
	return NULL;
}

/* Goes on to the next delimiter and steps over it. */
static struct stop skip_content(struct scan *scan)
{
	struct stop stop = {.level = LEVEL_END};
	const char *from = scan->at;
	const char *dashes;

	while (scan->depth && (dashes = find_dashes(scan))) {
		struct line line = line_at(scan, dashes);

		scan->at = line.next;
		if (find_delimiter(scan, &line, &stop)) {
			stop.content = before_break(from, line.start);
			return stop;
		}
	}
	scan->at = scan->end;
	stop.content = scan->end;
	return stop;
}

/* Length of a field name if the line starts a field (RFC 5322 2.2; blanks
 * before the colon are forgiven), or 0. */
static size_t field_name_len(const struct line *line)
{
	const char *at = line->start;
	size_t len = 0;

	while (at<line->end && * at> 32 && *at < 127 && *at != ':')
		at++;
	len = (size_t)(at - line->start);
	while (at < line->end && (*at == ' ' || *at == '\t'))
		at++;
	return at < line->end && *at == ':' ? len : 0;
}

static void add_field(struct scan *scan, struct mime_entity *entity,
		      const struct line *line, size_t name_len)
{
	struct mime_field field = {.name = {line->start, name_len}};
	const char *colon =
		memchr(line->start, ':', (size_t)(line->end - line->start));

	if (scan->context->fields >= MIME_FIELDS_MAX &&
	    entity->fields->len >= MIME_FIELDS_EACH) {
		if (!scan->context->fields_cut)
			convert_note(scan->context,
				     "more than %d header fields",
				     MIME_FIELDS_MAX);
		scan->context->fields_cut = true;
		return;
	}
	scan->context->fields++;
	field.value.data = colon + 1;
	field.value.len = (size_t)(line->end - colon) - 1;
	g_array_append_val(entity->fields, field);
}

/* Lengthens the last field by a continuation line. */
static void continue_field(struct mime_entity *entity, const struct line *line)
{
	struct mime_field *field = NULL;

	if (!entity->fields->len)
		return;
	field = &g_array_index(entity->fields, struct mime_field,
			       entity->fields->len - 1);
	field->value.len = (size_t)(line->end - field->value.data);
}

static bool is_mbox_from(const struct line *line)
{
	size_t len = (size_t)(line->end - line->start);

	return (len > 5 && memcmp(line->start, "From ", 5) == 0) ||
	       (len > 6 && memcmp(line->start, ">From ", 6) == 0);
}

/*
 * Reads the header.  It ends at a blank line, at a delimiter, or where a line
 * is no field (as Postfix sees it: the content starts there).  Leaves scan->at
 * at the content, and true in *ret_stopped if a delimiter ended the entity.
 */
static struct stop read_header(struct scan *scan, struct mime_entity *entity,
			       bool *ret_stopped)
{
	struct stop stop = {.level = LEVEL_END};
	bool kept = true; /* the field that would be continued was kept */

	*ret_stopped = false;
	entity->header.data = scan->at;
	while (scan->at < scan->end) {
		struct line line = line_at(scan, scan->at);
		unsigned before = entity->fields->len;
		size_t name_len = 0;

		if (find_delimiter(scan, &line, &stop)) {
			*ret_stopped = true;
			stop.content =
				before_break(entity->header.data, line.start);
			entity->header.len =
				(size_t)(scan->at - entity->header.data);
			scan->at = line.next;
			return stop;
		}
		if (line.start == line.end) {
			entity->header.len =
				(size_t)(scan->at - entity->header.data);
			scan->at = line.next;
			return stop;
		}
		if (*line.start == ' ' || *line.start == '\t') {
			if (kept)
				continue_field(entity, &line);
		} else if ((name_len = field_name_len(&line))) {
			add_field(scan, entity, &line, name_len);
			kept = entity->fields->len > before;
		} else if (!before && is_mbox_from(&line)) {
			entity->header.data = line.next;
		} else {
			break;
		}
		scan->at = line.next;
	}
	entity->header.len = (size_t)(scan->at - entity->header.data);
	return stop;
}

static struct mime_entity *entity_new(struct scan *scan,
				      struct mime_entity *parent)
{
	struct mime_entity *entity = g_new0(struct mime_entity, 1);

	entity->parent = parent;
	entity->depth = parent ? parent->depth + 1 : 0;
	if (parent)
		entity->messages =
			parent->messages + mime_is(parent, "message", NULL);
	entity->children = g_ptr_array_new_with_free_func(
		(GDestroyNotify)mime_entity_free);
	entity->fields = g_array_new(FALSE, FALSE, sizeof(struct mime_field));
	entity->type = g_strdup("text");
	entity->subtype = g_strdup("plain");
	entity->whole.data = scan->at;
	scan->context->parts++;
	if (parent)
		g_ptr_array_add(parent->children, entity);
	return entity;
}

void mime_entity_free(struct mime_entity *entity)
{
	if (!entity)
		return;
	g_ptr_array_unref(entity->children);
	g_array_unref(entity->fields);
	g_clear_pointer(&entity->files, g_ptr_array_unref);
	g_free(entity->type);
	g_free(entity->subtype);
	g_free(entity->disposition);
	g_free(entity->content_id);
	g_free(entity->location);
	g_free(entity->boundary);
	mime_params_free(entity->type_params);
	mime_params_free(entity->disposition_params);
	g_free(entity);
}

static struct stop scan_entity(struct scan *scan, struct mime_entity *entity);

/* RFC 2046 5.1.5: parts of a digest are messages unless they say otherwise. */
static void default_type(struct mime_entity *entity)
{
	if (entity->parent && !entity->is_root &&
	    mime_is(entity->parent, "multipart", "digest")) {
		g_free(entity->type);
		g_free(entity->subtype);
		entity->type = g_strdup("message");
		entity->subtype = g_strdup("rfc822");
	}
}

static void keep_whole(struct scan *scan, struct mime_entity *entity)
{
	entity->cut = true;
	convert_note(scan->context, "parts nested too deep were kept whole");
}

static bool may_nest(struct scan *scan, struct mime_entity *entity)
{
	if (entity->depth + 1 < MIME_DEPTH_MAX &&
	    scan->depth < MIME_DEPTH_MAX &&
	    (!mime_is(entity, "message", NULL) ||
	     entity->messages < MIME_EMBED_MAX))
		return true;
	keep_whole(scan, entity);
	return false;
}

/* The parts of a multipart: scan->at is at its preamble. */
static struct stop scan_multipart(struct scan *scan, struct mime_entity *entity)
{
	size_t level = scan->depth;
	struct stop stop;

	scan->open[scan->depth++] = entity;
	stop = skip_content(scan);
	while (stop.level == level && !stop.close) {
		struct mime_entity *child = NULL;

		if (scan->context->parts >= MIME_PARTS_MAX) {
			/* The rest whole, as one part. */
			convert_note(scan->context, "more than %d parts",
				     MIME_PARTS_MAX);
			child = entity_new(scan, entity);
			child->cut = true;
			child->content.data = scan->at;
			child->content.len = (size_t)(scan->end - scan->at);
			child->whole.len = child->content.len;
			scan->at = scan->end;
			stop = (struct stop){.level = LEVEL_END,
					     .content = scan->end};
			break;
		}
		child = entity_new(scan, entity);
		stop = scan_entity(scan, child);
		/* Delimiters on end: nothing is between them. */
		if (!child->whole.len && stop.level == level && !stop.close)
			g_ptr_array_set_size(entity->children,
					     (int)entity->children->len - 1);
	}
	scan->depth = level;
	if (stop.level == level)
		stop = skip_content(scan); /* the epilogue */
	return stop;
}

/* Of the content decoded, which the context keeps. */
static struct scan scan_decoded(const struct scan *scan,
				const struct mime_entity *entity)
{
	GBytes *bytes = mime_decode(entity);
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);

	g_ptr_array_add(scan->context->buffers, bytes);
	if (!data)
		data = "";
	return (struct scan){.context = scan->context,
			     .at = data,
			     .end = data + len,
			     .decoded = scan->decoded + 1};
}

/* What was decoded out of a content that was decoded itself needs that no
 * longer, unless it is within what is kept as it stands. */
static void spend_content(const struct scan *scan,
			  const struct mime_entity *entity)
{
	struct span content = entity->content;

	for (const struct mime_entity *at = entity; at; at = at->parent)
		if (mime_is_smime_signed(at))
			return;
	if (scan->decoded)
		pages_spend((void *)(uintptr_t)content.data, content.len);
}

/* An embedded message that was itself encoded: RFC 2046 forbids it, it is
 * seen all the same. */
static void scan_encoded_message(struct scan *scan, struct mime_entity *entity)
{
	struct scan inner = scan_decoded(scan, entity);
	struct mime_entity *child = entity_new(&inner, entity);

	spend_content(scan, entity);
	child->is_root = true;
	(void)scan_entity(&inner, child);
}

static bool is_message_type(const struct mime_entity *entity)
{
	return mime_is(entity, "message", "rfc822") ||
	       mime_is(entity, "message", "global");
}

static struct stop scan_message(struct scan *scan, struct mime_entity *entity)
{
	struct mime_entity *child = entity_new(scan, entity);

	child->is_root = true;
	return scan_entity(scan, child);
}

/* So may be a multipart of which no part was seen (RFC 2045 6.4 forbids it).
 */
static void scan_encoded_multipart(struct scan *scan,
				   struct mime_entity *entity)
{
	struct scan inner = scan_decoded(scan, entity);
	const char *start = inner.at;

	(void)scan_multipart(&inner, entity);
	if (!entity->children->len)
		return;
	spend_content(scan, entity);
	entity->content = (struct span){start, (size_t)(inner.end - start)};
	entity->encoding = MIME_IDENTITY;
}

bool mime_is_smime_signed(const struct mime_entity *entity)
{
	const char *protocol = mime_params_get(entity->type_params, "protocol");

	return mime_is(entity, "multipart", "signed") && protocol &&
	       (!g_ascii_strcasecmp(protocol, "application/pkcs7-signature") ||
		!g_ascii_strcasecmp(protocol, "application/x-pkcs7-signature"));
}

/* What was not taken apart for its encoding; S/MIME stays as it is. */
static void scan_encoded(struct scan *scan, struct mime_entity *entity)
{
	bool is_message = is_message_type(entity);

	if (entity->children->len ||
	    (entity->encoding != MIME_BASE64 &&
	     entity->encoding != MIME_QUOTED_PRINTABLE))
		return;
	if (is_message ? !may_nest(scan, entity)
		       : !entity->boundary || mime_is_smime_signed(entity))
		return;
	if (scan->decoded >= MIME_ENCODED_MAX)
		keep_whole(scan, entity);
	else if (is_message)
		scan_encoded_message(scan, entity);
	else
		scan_encoded_multipart(scan, entity);
}

static struct stop scan_content(struct scan *scan, struct mime_entity *entity)
{
	const char *boundary = mime_params_get(entity->type_params, "boundary");
	bool encoded = entity->encoding == MIME_BASE64 ||
		       entity->encoding == MIME_QUOTED_PRINTABLE;

	if (mime_is(entity, "multipart", NULL) && boundary && *boundary &&
	    strlen(boundary) < 1024 && may_nest(scan, entity)) {
		entity->boundary = g_strdup(boundary);
		g_strchomp(entity->boundary);
		entity->boundary_len = strlen(entity->boundary);
		return scan_multipart(scan, entity);
	}
	if (is_message_type(entity) && !encoded &&
	    entity->encoding != MIME_UUENCODE &&
	    entity->encoding != MIME_UNKNOWN_ENCODING && may_nest(scan, entity))
		return scan_message(scan, entity);
	return skip_content(scan);
}

/* Reads an entity from scan->at to the delimiter that ends it. */
static struct stop scan_entity(struct scan *scan, struct mime_entity *entity)
{
	struct stop stop;
	bool stopped = false;

	entity->whole.data = scan->at;
	stop = read_header(scan, entity, &stopped);
	default_type(entity);
	mime_read_fields(scan->context, entity);
	entity->content.data = stopped ? stop.content : scan->at;
	if (!stopped)
		stop = scan_content(scan, entity);
	if (stop.level == LEVEL_END)
		stop.content = scan->end;
	if (stop.content > entity->content.data)
		entity->content.len =
			(size_t)(stop.content - entity->content.data);
	entity->whole.len = (size_t)(entity->content.data +
				     entity->content.len - entity->whole.data);
	scan_encoded(scan, entity);
	return stop;
}

struct mime_entity *mime_scan(struct convert_context *context, const char *data,
			      size_t len)
{
	struct scan scan = {.context = context, .at = data, .end = data + len};
	struct mime_entity *root = entity_new(&scan, NULL);

	root->is_root = true;
	(void)scan_entity(&scan, root);
	return root;
}
