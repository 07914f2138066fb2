/*
 * RFC 822 to property set: the order of the steps.
 */
#include "parts.h"

#include <gmime/gmime.h>
#include <stdarg.h>

#define NOTES_MAX 100

#define FLAG_UNMODIFIED 0x02
#define FLAG_HASATTACH  0x10

void convert_init(void)
{
	g_mime_init();
	charset_preload();
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
	g_ptr_array_add(context->notes, g_utf8_make_valid(text, -1));
}

void convert_message(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set)
{
	/* The bodies are marked in the tree, which this conversion owns. */
	struct mime_entity *root = (struct mime_entity *)(uintptr_t)message;
	g_autoptr(GHashTable) cids = NULL;
	int64_t flags = FLAG_UNMODIFIED;

	propset_set_number(set, PR_MESSAGE_SIZE, (int64_t)message->whole.len);
	headers_convert(context, message, set);
	body_convert(context, root, set, &cids);
	if (class_convert(context, message, set))
		attach_whole(context, message, set);
	else
		attach_convert(context, message, cids, set);
	attach_summarize(set);
	if (propset_bool(set, PR_HASATTACH))
		flags |= FLAG_HASATTACH;
	propset_set_number(set, PR_MESSAGE_FLAGS, flags);
}

struct propset *convert_to_propset(const void *rfc822, size_t len,
				   const struct convert_options *options,
				   GPtrArray *notes)
{
	struct convert_context context = {.options = options, .notes = notes};
	struct propset *set = propset_new();
	AUTO(mime_entity) root = NULL;

	context.buffers =
		g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	root = mime_scan(&context, rfc822 ? rfc822 : "", len);
	convert_message(&context, root, set);
	headers_add_transport(&context, root, set);
	if (options->flags & CONVERT_HEADERS)
		headers_add_fields(&context, root, set);
	g_clear_pointer(&root, mime_entity_free);
	g_ptr_array_unref(context.buffers);
	return set;
}
