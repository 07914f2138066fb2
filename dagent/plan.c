/*
 * Plans: containers with a little sense.
 */
#include "plan.h"

#include "digest.h"
#include "rules/sieve.h"

#include <string.h>

void plan_copy_free(struct plan_copy *copy)
{
	g_free(copy->path);
	g_free(copy->below);
	g_ptr_array_unref(copy->keywords);
	propset_free(copy->properties);
	g_free(copy);
}

static void plan_free_copy(gpointer data)
{
	plan_copy_free(data);
}

static void plan_rule_error_free(gpointer data)
{
	struct plan_rule_error *error = data;

	g_free(error->text);
	g_free(error);
}

static void plan_reply_free(struct plan_reply *reply)
{
	g_free(reply->from);
	g_free(reply->reverse_path);
	g_free(reply->to);
	g_free(reply->subject);
	g_free(reply->program);
	g_free(reply->handle);
	if (reply->fcc)
		plan_copy_free(reply->fcc);
	if (reply->bytes)
		g_bytes_unref(reply->bytes);
	if (reply->set)
		propset_free(reply->set);
	g_free(reply);
}

static void plan_mark_free(gpointer data)
{
	struct plan_mark *mark = data;

	g_free(mark->key);
	g_free(mark);
}

static void plan_content_free(gpointer data)
{
	struct plan_content *content = data;

	if (content->edit)
		sieve_edit_unref(content->edit);
	store_kept_free(content->kept);
	if (content->set)
		propset_free(content->set);
	g_bytes_unref(content->bytes);
	g_free(content);
}

static void plan_outgoing_free(gpointer data)
{
	struct plan_outgoing *outgoing = data;

	g_ptr_array_unref(outgoing->addresses);
	g_free(outgoing->reverse_path);
	g_free(outgoing);
}

struct plan *plan_new(void)
{
	struct plan *plan = g_new0(struct plan, 1);

	plan->copies = g_ptr_array_new_with_free_func(plan_free_copy);
	plan->contents = g_ptr_array_new_with_free_func(plan_content_free);
	plan->outgoing = g_ptr_array_new_with_free_func(plan_outgoing_free);
	plan->marks = g_ptr_array_new_with_free_func(plan_mark_free);
	plan->rule_errors =
		g_ptr_array_new_with_free_func(plan_rule_error_free);
	return plan;
}

void plan_free(struct plan *plan)
{
	g_ptr_array_unref(plan->copies);
	g_ptr_array_unref(plan->outgoing);
	g_ptr_array_unref(plan->contents);
	g_ptr_array_unref(plan->marks);
	g_ptr_array_unref(plan->rule_errors);
	if (plan->reply)
		plan_reply_free(plan->reply);
	if (plan->vacation)
		sieve_vacation_unref(plan->vacation);
	g_free(plan->rule);
	g_free(plan->complaint);
	g_free(plan->junk);
	g_free(plan);
}

struct plan_copy *plan_copy_new(int64_t folder, const char *path)
{
	struct plan_copy *copy = g_new0(struct plan_copy, 1);

	copy->folder = folder;
	copy->path = g_strdup(path);
	copy->separator = '/';
	copy->keywords = g_ptr_array_new_with_free_func(g_free);
	return copy;
}

struct plan_copy *plan_add_copy(struct plan *plan, int64_t folder,
				const char *path)
{
	struct plan_copy *copy;

	for (guint i = 0; i < plan->copies->len; i++) {
		copy = plan->copies->pdata[i];
		if (copy->folder == folder &&
		    (folder || strcmp(copy->path, path) == 0))
			return copy;
	}
	copy = plan_copy_new(folder, path);
	g_ptr_array_add(plan->copies, copy);
	return copy;
}

struct plan_content *plan_add_content(struct plan *plan, GBytes *bytes)
{
	struct plan_content *content = g_new0(struct plan_content, 1);
	gsize size = 0;
	const void *octets = g_bytes_get_data(bytes, &size);

	content->bytes = bytes;
	digest_sha256(octets, size, content->sha256);
	g_ptr_array_add(plan->contents, content);
	return content;
}

struct plan_outgoing *plan_add_outgoing(struct plan *plan,
					struct plan_content *content,
					const char *reverse_path,
					const char *address)
{
	struct plan_outgoing *outgoing = NULL;

	for (guint i = 0; i < plan->outgoing->len && !outgoing; i++) {
		struct plan_outgoing *other = plan->outgoing->pdata[i];

		if (other->content == content &&
		    strcmp(other->reverse_path, reverse_path) == 0)
			outgoing = other;
	}
	if (!outgoing) {
		outgoing = g_new0(struct plan_outgoing, 1);
		outgoing->addresses = g_ptr_array_new_with_free_func(g_free);
		outgoing->reverse_path = g_strdup(reverse_path);
		outgoing->content = content;
		outgoing->word = "sent";
		g_ptr_array_add(plan->outgoing, outgoing);
	}
	g_ptr_array_add(outgoing->addresses, g_strdup(address));
	return outgoing;
}

void plan_copy_add_keyword(struct plan_copy *copy, const char *keyword)
{
	for (guint i = 0; i < copy->keywords->len; i++)
		if (g_ascii_strcasecmp(copy->keywords->pdata[i], keyword) == 0)
			return;
	g_ptr_array_add(copy->keywords, g_strdup(keyword));
}

void plan_copy_add_properties(struct plan_copy *copy,
			      const struct propset *properties)
{
	if (properties && !copy->properties)
		copy->properties = propset_new();
	for (size_t i = 0; properties && i < propset_count(properties); i++)
		propset_put(copy->properties, propset_at(properties, i));
}

void plan_copy_add_flags(struct plan_copy *copy, const GPtrArray *flags)
{
	for (guint i = 0; flags && i < flags->len; i++) {
		const char *name = flags->pdata[i];

		copy->flags |= message_flag_parse(name);
		if (name[0] != '\\')
			plan_copy_add_keyword(copy, name);
	}
}

void plan_set_rule_error(struct plan *plan, int64_t rule, const char *text)
{
	struct plan_rule_error *error;

	for (guint i = 0; i < plan->rule_errors->len; i++) {
		error = plan->rule_errors->pdata[i];
		if (error->rule != rule)
			continue;
		if (!*error->text) {
			g_free(error->text);
			error->text = g_strdup(text);
		}
		return;
	}
	error = g_new(struct plan_rule_error, 1);
	error->rule = rule;
	error->text = g_strdup(text);
	g_ptr_array_add(plan->rule_errors, error);
}

void plan_add_mark(struct plan *plan, const char *key, int64_t seconds,
		   bool is_new)
{
	struct plan_mark *mark = g_new(struct plan_mark, 1);

	mark->key = g_strdup(key);
	mark->seconds = seconds;
	mark->is_new = is_new;
	g_ptr_array_add(plan->marks, mark);
}

char *plan_folders(const struct plan *plan)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < plan->copies->len; i++) {
		const struct plan_copy *copy = plan->copies->pdata[i];

		g_string_append_printf(out, "%s%s", i ? "," : "", copy->path);
	}
	return g_string_free(out, FALSE);
}
