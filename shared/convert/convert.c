/*
 * RFC 822 to property set: the order of the steps.
 */
#include "attach.h"
#include "headers.h"
#include "pages.h"
#include "parts.h"

#include <gmime/gmime.h>
#include <stdarg.h>
#include <string.h>

#define NOTES_MAX 20

#define FLAG_UNMODIFIED 0x02
#define FLAG_HASATTACH  0x10
#define FLAG_NOTIFY     0x300 /* a receipt is asked for, read or unread */

void convert_init(void)
{
	g_mime_init();
}

void convert_note(struct convert_context *context, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	if (!context->notes || context->notes->len >= NOTES_MAX)
		return;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	for (guint i = 0; i < context->notes->len; i++)
		if (!strcmp(context->notes->pdata[i], text))
			return;
	g_ptr_array_add(context->notes, g_steal_pointer(&text));
}

void convert_message(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set)
{
	/* The bodies are marked in the tree, which this conversion owns. */
	struct mime_entity *root = (struct mime_entity *)(uintptr_t)message;
	g_autoptr(GTree) names = NULL;
	int64_t flags = FLAG_UNMODIFIED;

	propset_set_number(set, PR_MESSAGE_SIZE, (int64_t)message->whole.len);
	headers_convert(context, message, set);
	body_convert(context, root, set, &names);
	if (!header_is_summary(context))
		header_place_body(context, message, set);
	if (class_convert(context, message, set))
		attach_whole(context, message, set);
	else
		attach_convert(context, message, names, set);
	headers_complete(set);
	attach_summarize(set);
	if (propset_bool(set, PR_HASATTACH))
		flags |= FLAG_HASATTACH;
	if (propset_bool(set, PR_READ_RECEIPT_REQUESTED))
		flags |= FLAG_NOTIFY;
	propset_set_number(set, PR_MESSAGE_FLAGS, flags);
}

/* Old Macintosh files end their lines in CR alone.  If no LF is there but a
 * last one, lines are made of them; NULL otherwise, else owned. */
static GString *lines_of_cr(const char *data, size_t len)
{
	const char *end = data + len;
	const char *done = data;
	GString *lines = NULL;

	if (len < 2 || !memchr(data, '\r', len - 2) ||
	    memchr(data, '\n', len - 1))
		return NULL;
	lines = g_string_sized_new(len + len / 16);
	end -= end[-1] == '\n';
	while (data < end) {
		const char *cr = memchr(data, '\r', (size_t)(end - data));
		const char *next = cr ? cr + 1 : end;

		g_string_append_len(lines, data, next - data);
		if (cr)
			g_string_append_c(lines, '\n');
		data = next;
		pages_passed(&done, data);
	}
	return lines;
}

static void convert_bytes(struct convert_context *context, const char *data,
			  size_t len, struct propset *set)
{
	AUTO(mime_entity) root = mime_scan(context, data, len);

	convert_message(context, root, set);
	if (!(context->options->flags & CONVERT_SUMMARY))
		headers_add_transport(context, root, set);
	if (context->options->flags & CONVERT_HEADERS)
		headers_add_fields(context, root, set);
	if (context->options->flags & CONVERT_PARTS)
		part_list_convert(context, root, set);
}

struct propset *convert_to_propset(const void *rfc822, size_t len,
				   const struct convert_options *options,
				   GPtrArray *notes)
{
	struct convert_context context = {.options = options, .notes = notes};
	const char *data = len ? rfc822 : "";
	struct propset *set = propset_new();
	GString *lines = lines_of_cr(data, len);

	context.buffers =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	convert_bytes(&context, lines ? lines->str : data,
		      lines ? lines->len : len, set);
	propset_set_number(set, PR_MESSAGE_SIZE, (int64_t)len);
	g_ptr_array_unref(context.buffers);
	if (lines)
		g_string_free(lines, TRUE);
	return set;
}
