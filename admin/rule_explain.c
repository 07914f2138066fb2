/*
 * okapi-admin rule test: which tests were asked, what they saw, and what was
 * done for it.
 */
#include "print.h"
#include "rule.h"
#include "rules/explain.h"

#include <stdio.h>

static void explain_step(const struct sieve_step *step)
{
	g_autofree char *text = print_clean(step->text);
	g_autofree char *where =
		g_strdup_printf("%s:%u", step->rule, step->line);

	printf("    %-16s %-5s %*s%s\n", where,
	       !step->is_test ? "does"
	       : step->result ? "true"
			      : "false",
	       (int)(2 * step->depth), "", text);
	if (step->compares && !step->result && step->values->len == 0)
		printf("    %-16s %-5s %*ssaw nothing\n", "", "",
		       (int)(2 * step->depth + 2), "");
	for (guint i = 0; i < step->values->len; i++) {
		g_autofree char *value = print_clean(step->values->pdata[i]);

		printf("    %-16s %-5s %*ssaw \"%s\"\n", "", "",
		       (int)(2 * step->depth + 2), "", value);
	}
}

void rule_explain_print(const struct rule_set *set)
{
	const struct sieve_explanation *explanation = set->explanation;

	if (set->junk)
		printf("    %-16s %-5s %s\n", "junk",
		       set->is_junk ? "true" : "false", set->junk);
	else if (set->marks)
		printf("    %-16s %-5s nothing marks it\n", "junk", "false");
	for (guint i = 0; i < explanation->steps->len; i++)
		explain_step(explanation->steps->pdata[i]);
	if (explanation->is_cut)
		puts("    (and more)");
}

json_t *rule_explain_json(const struct rule_set *set)
{
	const GPtrArray *steps = set->explanation->steps;
	json_t *array = json_array();

	for (guint i = 0; i < steps->len; i++) {
		const struct sieve_step *step = steps->pdata[i];
		json_t *object = json_object();
		json_t *values = json_array();

		for (guint k = 0; k < step->values->len; k++)
			json_array_append_new(
				values,
				print_json_text(step->values->pdata[k]));
		json_object_set_new(object, "rule",
				    print_json_text(step->rule));
		json_object_set_new(object, "line", json_integer(step->line));
		json_object_set_new(object, "depth", json_integer(step->depth));
		json_object_set_new(object, step->is_test ? "test" : "command",
				    print_json_text(step->text));
		if (step->is_test)
			json_object_set_new(object, "result",
					    json_boolean(step->result));
		json_object_set_new(object, "values", values);
		json_array_append_new(array, object);
	}
	return array;
}
