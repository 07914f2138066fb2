/*
 * Reading the rules of a store, and keeping them.
 */
#include "rule_list.h"

#include "agent.h"
#include "store/settings.h"

struct rule_list *rule_list_ref(struct rule_list *list)
{
	g_atomic_int_inc(&list->references);
	return list;
}

void rule_list_unref(struct rule_list *list)
{
	if (!g_atomic_int_dec_and_test(&list->references))
		return;
	for (guint i = 0; i < list->items->len; i++) {
		const struct rule_list_item *item =
			&g_array_index(list->items, struct rule_list_item, i);

		if (item->script)
			script_unref(item->script);
	}
	g_array_unref(list->items);
	g_free(list);
}

static struct rule_list *rule_list_make(struct agent *agent,
					const GPtrArray *rules)
{
	struct rule_list *list = g_new0(struct rule_list, 1);

	list->references = 1;
	list->items = g_array_new(FALSE, FALSE, sizeof(struct rule_list_item));
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = rules->pdata[i];
		const struct rule_list_item item = {
			.id = rule->id,
			.is_enabled = rule->enabled,
			.had_error = rule->error && *rule->error,
			.flags = rule->flags,
			.script = rule->enabled ? scripts_of_rule(
							  agent->scripts, rule)
						: NULL,
		};

		g_array_append_val(list->items, item);
		list->octets += sizeof(item);
		if (item.script)
			list->octets += script_size(item.script);
	}
	return list;
}

int rule_list_of(struct agent *agent, struct store *store, int64_t store_id,
		 struct rule_list **ret_list, struct fault *fault)
{
	g_autoptr(GPtrArray) rules = NULL;
	uint64_t stamp;
	struct rule_list *list =
		known_find_rules(agent->known, store_id, &stamp);

	if (!list) {
		if (store_rule_list(store, store_id, &rules, fault))
			return -1;
		list = rule_list_make(agent, rules);
		known_keep_rules(agent->known, store_id, stamp, list);
	}
	*ret_list = list;
	return 0;
}
