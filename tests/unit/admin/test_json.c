/*
 * Property sets as JSON: the object the contract describes, and the way back.
 */
#include "admin/json_out.h"
#include "admin/print.h"

#include <criterion/criterion.h>
#include <string.h>

static struct propset *sample(void)
{
	struct propset *set = propset_new();
	struct propset *child = propset_new();
	struct propset *inner = propset_new();
	uint32_t named;

	propset_set_text(set, PR_SUBJECT, "Gr\xc3\xbc\xc3\x9f\x65");
	propset_set_number(set, PR_IMPORTANCE, 2);
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_number(set, PR_CLIENT_SUBMIT_TIME,
			   INT64_C(1234567890000000));
	propset_set_number(set, PR_MESSAGE_DELIVERY_TIME,
			   INT64_C(1234567890250000));
	propset_set_binary_copy(set, PR_HTML, "<p>\0</p>", 8);
	propset_set_text(set, 0x1234001fu, "no name");
	named = propset_named_tag(set, "PS_INTERNET_HEADERS", "x-mailer", 0,
				  PT_UNICODE);
	propset_set_text(set, named, "Mutt");
	named = propset_named_tag(set, "PSETID_Common", NULL, 0x8503,
				  PT_BOOLEAN);
	propset_set_bool(set, named, true);
	named = propset_named_tag(set, "PS_PUBLIC_STRINGS", "Keywords", 0,
				  PT_MV_UNICODE);
	propset_add_text(set, named, "red");
	propset_add_text(set, named, "blue");
	propset_set_number(child, PR_RECIPIENT_TYPE, 1);
	propset_set_text(child, PR_SMTP_ADDRESS, "a@b");
	propset_add_recipient(set, child);
	child = propset_new();
	propset_set_number(child, PR_ATTACH_METHOD, 5);
	propset_set_text(inner, PR_SUBJECT, "inner");
	propset_set_embedded(child, inner);
	propset_add_attachment(set, child);
	return set;
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

Test(json, members_have_the_names_and_types_of_the_contract)
{
	AUTO(propset) set = sample();
	AUTOJSON object = propset_to_json(set, false);
	const json_t *list;

	cr_assert_str_eq(text_of(object, "PR_SUBJECT"),
			 "Gr\xc3\xbc\xc3\x9f\x65");
	cr_assert_eq(
		json_integer_value(json_object_get(object, "PR_IMPORTANCE")),
		2);
	cr_assert(json_is_true(json_object_get(object, "PR_HASATTACH")));
	cr_assert_str_eq(text_of(object, "PR_CLIENT_SUBMIT_TIME"),
			 "2009-02-13T23:31:30Z");
	cr_assert_str_eq(text_of(object, "PR_MESSAGE_DELIVERY_TIME"),
			 "2009-02-13T23:31:30.250000Z");
	cr_assert_str_eq(text_of(object, "PR_HTML"), "PHA+ADwvcD4=");
	cr_assert_str_eq(text_of(object, "0x1234001f"), "no name");
	cr_assert_str_eq(text_of(object, "PS_INTERNET_HEADERS:x-mailer"),
			 "Mutt");
	cr_assert(
		json_is_true(json_object_get(object, "PSETID_Common:0x8503")));
	list = json_object_get(object, "PS_PUBLIC_STRINGS:Keywords");
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(json_string_value(json_array_get(list, 1)), "blue");
}

Test(json, recipients_attachments_and_embedded_messages_are_objects)
{
	AUTO(propset) set = sample();
	AUTOJSON object = propset_to_json(set, false);
	const json_t *recipient =
		json_array_get(json_object_get(object, "recipients"), 0);
	const json_t *part =
		json_array_get(json_object_get(object, "attachments"), 0);
	const json_t *inner = json_object_get(part, "embedded");

	cr_assert_str_eq(text_of(recipient, "PR_SMTP_ADDRESS"), "a@b");
	cr_assert_str_eq(text_of(inner, "PR_SUBJECT"), "inner");
	cr_assert_eq(json_array_size(json_object_get(inner, "attachments")), 0);
}

Test(json, large_binary_is_told_by_size_and_hash_unless_asked_for)
{
	AUTO(propset) set = propset_new();
	g_autofree char *data = g_strnfill(PROP_INLINE_MAX + 1, 'x');
	const json_t *value;

	propset_set_binary_copy(set, PR_HTML, data, PROP_INLINE_MAX);
	{
		AUTOJSON object = propset_to_json(set, false);

		cr_assert(json_is_string(json_object_get(object, "PR_HTML")));
	}
	propset_set_binary_copy(set, PR_HTML, data, PROP_INLINE_MAX + 1);
	{
		AUTOJSON object = propset_to_json(set, false);

		value = json_object_get(object, "PR_HTML");
		cr_assert_eq(json_integer_value(json_object_get(value, "size")),
			     PROP_INLINE_MAX + 1);
		cr_assert_eq(strlen(text_of(value, "sha256")), 64);
	}
	{
		AUTOJSON object = propset_to_json(set, true);

		cr_assert(json_is_string(json_object_get(object, "PR_HTML")));
	}
}

Test(json, comes_back_equal)
{
	AUTO(propset) set = sample();
	AUTO(propset) again = NULL;
	AUTOJSON object = propset_to_json(set, true);
	struct fault fault = {0};
	g_autofree char *why = NULL;

	cr_assert_eq(propset_from_json(object, &again, &fault), 0, "%s",
		     fault.text);
	cr_assert(propset_equal(set, again, &why), "%s", why);
}

Test(json, what_does_not_fit_is_refused)
{
	static const char *const cases[] = {
		"[]",
		"{\"PR_NO_SUCH\": 1}",
		"{\"PR_SUBJECT\": 7}",
		"{\"PR_IMPORTANCE\": \"high\"}",
		"{\"PR_IMPORTANCE\": 99999999999}",
		"{\"PR_HASATTACH\": 1}",
		"{\"PR_CLIENT_SUBMIT_TIME\": \"yesterday\"}",
		"{\"PR_HTML\": \"not base64!\"}",
		"{\"PR_HTML\": {\"size\": 9, \"sha256\": \"00\"}}",
		"{\"0x12349999\": 1}",
		"{\"0x1234000d\": null}",
		"{\"recipients\": {}}",
		"{\"recipients\": [1]}",
		"{\"attachments\": [{\"embedded\": []}]}",
		"{\"PS_PUBLIC_STRINGS:Keywords\": [1, \"x\"]}",
		"{\"PS_PUBLIC_STRINGS:Keywords\": {}}",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set = NULL;
		AUTOJSON object = json_loads(cases[i], 0, NULL);
		struct fault fault = {0};

		cr_assert(object, "%s", cases[i]);
		cr_expect_eq(propset_from_json(object, &set, &fault), -1, "%s",
			     cases[i]);
		cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT, "%s", cases[i]);
	}
}

Test(json, nesting_has_a_ceiling)
{
	GString *text = g_string_new(NULL);
	AUTO(propset) set = NULL;
	struct fault fault = {0};

	for (int i = 0; i < 200; i++)
		g_string_append(text, "{\"attachments\":[{\"embedded\":");
	g_string_append(text, "{}");
	for (int i = 0; i < 200; i++)
		g_string_append(text, "}]}");

	AUTOJSON object = json_loads(text->str, 0, NULL);

	g_string_free(text, TRUE);
	cr_assert(object);
	cr_assert_eq(propset_from_json(object, &set, &fault), -1);
	cr_assert_eq(fault.kind, FAULT_REFUSED_INPUT);
}
