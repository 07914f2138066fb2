/*
 * Property sets as JSON: the object that okapi-admin(8) describes, and the way
 * back.
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

static int from_text(const char *text, struct propset **ret_set,
		     struct fault *fault)
{
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

	return propset_from_json_file(bytes, "x.json", ret_set, fault);
}

Test(json, comes_back_equal)
{
	AUTO(propset) set = sample();
	AUTO(propset) again = NULL;
	AUTOJSON object = propset_to_json(set, true);
	g_autofree char *text = json_dumps(object, 0);
	struct fault fault = {0};
	g_autofree char *why = NULL;

	cr_assert_eq(from_text(text, &again, &fault), 0, "%s", fault.text);
	cr_assert(propset_equal(set, again, &why), "%s", why);
}

/* The least and the most that each type of number holds. */
Test(json, numbers_come_back_whatever_their_size)
{
	static const struct {
		uint32_t tag;
		int64_t number;
	} cases[] = {
		{0x66000002u, -32768},
		{0x66010002u, 32767},
		{0x66020003u, INT32_MIN},
		{0x66030003u, INT32_MAX},
		{0x66040014u, INT64_MIN},
		{0x66050014u, INT64_C(-9000000000000000000)},
		{0x66060014u, INT64_MAX},
	};
	AUTO(propset) set = propset_new();
	AUTO(propset) again = NULL;
	AUTOJSON object = NULL;
	struct fault fault = {0};
	g_autofree char *text = NULL;
	g_autofree char *why = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		propset_set_number(set, cases[i].tag, cases[i].number);
	object = propset_to_json(set, true);
	text = json_dumps(object, 0);
	cr_assert_eq(from_text(text, &again, &fault), 0, "%s", fault.text);
	cr_assert(propset_equal(set, again, &why), "%s", why);
}

/* A set that is refused, and the place the refusal names. */
static const struct {
	const char *text, *place;
} refused[] = {
	{"", "x.json:1:0"},
	{"{", "x.json:1:1"},
	{"[]", "x.json: a property set must be an object"},
	{"{\"PR_SUBJECT\": \"a\", \"PR_SUBJECT\": \"b\"}", "x.json:1:"},
	{"{\"PR_SUBJECT\": \"\\ud800\"}", "x.json:1:"},
	{"{\"PR_SUBJECT\": \"a\\u0000b\"}", "x.json:1:"},
	{"{\"PR_SUBJECT\": \"\xff\"}", "x.json:1:"},
	{"{\"PR_NO_SUCH\": 1}", "x.json: PR_NO_SUCH"},
	{"{\"PR_SUBJECT\": 7}", "x.json: PR_SUBJECT: must be text"},
	{"{\"PR_SUBJECT\": null}", "x.json: PR_SUBJECT"},
	{"{\"PR_IMPORTANCE\": \"high\"}", "PR_IMPORTANCE"},
	{"{\"PR_IMPORTANCE\": 99999999999}", "PR_IMPORTANCE"},
	{"{\"PR_IMPORTANCE\": 1.5}", "PR_IMPORTANCE"},
	{"{\"PR_IMPORTANCE\": 99999999999999999999}", "x.json:1:"},
	{"{\"PR_HASATTACH\": 1}", "PR_HASATTACH"},
	{"{\"PR_CLIENT_SUBMIT_TIME\": \"yesterday\"}", "PR_CLIENT_SUBMIT_TIME"},
	{"{\"PR_CLIENT_SUBMIT_TIME\": -1}", "PR_CLIENT_SUBMIT_TIME"},
	{"{\"PR_CLIENT_SUBMIT_TIME\": \"2026-02-31T00:00:00Z\"}",
	 "PR_CLIENT_SUBMIT_TIME"},
	{"{\"PR_HTML\": \"not base64!\"}", "PR_HTML: must be base64"},
	{"{\"PR_HTML\": {\"size\": 9, \"sha256\": \"00\"}}", "PR_HTML"},
	{"{\"0x12349999\": 1}", "0x12349999"},
	{"{\"0x1234000d\": null}", "0x1234000d"},
	{"{\"0x8000001f\": \"x\"}", "0x8000001f: goes by its name"},
	{"{\"recipients\": {}}", "recipients: must be an array"},
	{"{\"recipients\": [{}, 1]}", "recipients[1]: a property set must"},
	{"{\"recipients\": [{\"PR_DISPLAY_NAME\": 1}]}",
	 "recipients[0]: PR_DISPLAY_NAME"},
	{"{\"recipients\": [{\"embedded\": {}}]}", "recipients[0]: embedded"},
	{"{\"recipients\": [{\"attachments\": [{}]}]}",
	 "recipients[0]: attachments: must be left out"},
	{"{\"embedded\": {}}", "x.json: embedded"},
	{"{\"attachments\": [{\"embedded\": []}]}", "attachments[0]: embedded"},
	{"{\"attachments\": [{\"embedded\": {\"attachments\": [1]}}]}",
	 "attachments[0]: embedded: attachments[0]"},
	{"{\"PS_PUBLIC_STRINGS:Keywords\": [1, \"x\"]}", "Keywords"},
	{"{\"PS_PUBLIC_STRINGS:Keywords\": {}}", "Keywords"},
	{"{\"PSETID_Appointment:0x820d\": \"noon\"}",
	 "PSETID_Appointment:0x820d: must be a time"},
	{"{\"PSETID_Appointment:0x8201\": true}", "0x8201"},
	{"{\":x\": true}", ":x: no property"},
	{"{\"\": true}", ": no property"},
};

Test(json, what_does_not_fit_is_refused)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		AUTO(propset) set = NULL;
		struct fault fault = {0};

		cr_expect_eq(from_text(refused[i].text, &set, &fault), -1, "%s",
			     refused[i].text);
		cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT, "%s",
			     refused[i].text);
		cr_expect(strstr(fault.text, refused[i].place), "%s: %s",
			  refused[i].text, fault.text);
	}
}

/* The same name with another type or in other letters is another property; the
 * last of each stays. */
Test(json, named_properties_do_not_meet)
{
	AUTO(propset) set = NULL;
	struct fault fault = {0};
	uint32_t tag = 0;

	cr_assert_eq(from_text("{\"PS_INTERNET_HEADERS:x-a\": \"text\","
			       " \"PS_PUBLIC_STRINGS:x-a\": 5,"
			       " \"PSETID_Meeting:0x0003\": \"AAAA\","
			       " \"PSETID_Appointment:0x820d\":"
			       " \"2026-11-23T06:00:00Z\"}",
			       &set, &fault),
		     0, "%s", fault.text);
	cr_assert_eq(propset_count(set), 4);
	tag = propset_named_tag(set, "PS_INTERNET_HEADERS", "x-a", 0,
				PT_UNICODE);
	cr_expect_str_eq(propset_text(set, tag), "text");
	tag = propset_named_tag(set, "PSETID_Meeting", NULL, 3, PT_BINARY);
	cr_expect(propset_binary(set, tag));
	tag = propset_named_tag(set, "PSETID_Appointment", NULL, 0x820d,
				PT_SYSTIME);
	cr_expect_eq(propset_number(set, tag, 0), INT64_C(1795413600000000));
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
	cr_assert_eq(from_text(text->str, &set, &fault), -1);
	cr_assert_eq(fault.kind, FAULT_REFUSED_INPUT);
	g_string_free(text, TRUE);
}
