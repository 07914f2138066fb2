/*
 * The marks of spam filters: what they are, where they are found, and what is
 * no mark at all.
 */
#include "conf.h"
#include "spam.h"

#include <criterion/criterion.h>
#include <string.h>

static struct spam_marks *marks_of(const char *list, struct fault *fault)
{
	g_autofree char *name = g_strdup("");
	g_auto(GStrv) words = g_strsplit(list, " ", -1);
	struct conf conf = {.spam_header_name = name,
			    .spam_header_value = name,
			    .spam_headers = words};
	struct spam_marks *marks = NULL;

	return spam_marks_new(&conf, &marks, fault) ? NULL : marks;
}

Test(spam, what_a_mark_finds)
{
	static const struct {
		const char *name;
		const char *mark;
		const char *header;
		bool is_found;
	} cases[] = {
		{"prefix", "X-Spam-Flag:YES", "X-Spam-Flag: YES\n", true},
		{"prefix in another case", "x-spam-flag:yes",
		 "X-SPAM-FLAG: Yes\n", true},
		{"prefix, no", "X-Spam-Flag:YES", "X-Spam-Flag: NO\n", false},
		{"no blank behind the colon", "X-Spam-Flag:YES",
		 "X-Spam-Flag:YES\r\n", true},
		{"blank before the colon", "X-Spam-Flag:YES",
		 "X-Spam-Flag : YES\r\n", true},
		{"empty prefix: it is there", "X-MC-Relay:", "X-MC-Relay:\n",
		 true},
		{"longer name", "X-Spam:Yes", "X-Spam-Flag: Yes\n", false},
		{"name inside a value", "X-Spam:Yes", "A: X-Spam: Yes\n",
		 false},
		{"folded before the value", "X-Spam-Status:Yes",
		 "X-Spam-Status:\r\n\tYes, score=9\r\n", true},
		{"the second of two", "X-Spam-Status:Yes",
		 "X-Spam-Status: No\nA: b\nX-Spam-Status: Yes\n", true},
		{"in the body", "X-Spam-Flag:YES", "A: b\n\nX-Spam-Flag: YES\n",
		 false},
		{"stars", "X-Spam-Level:*****", "X-Spam-Level: ******\n", true},
		{"fewer stars", "X-Spam-Level:*****", "X-Spam-Level: ****\n",
		 false},
		{"regex", "X-Spamd-Result~^default:\\sTrue",
		 "X-Spamd-Result: default: True [16.1 / 15.00];\n\tA(1)[]\n",
		 true},
		{"regex, no", "X-Spamd-Result~^default:\\sTrue",
		 "X-Spamd-Result: default: False [2.8 / 15.00]\n", false},
		{"regex over a fold", "X-Spam-Status~tests=.*BAYES_99",
		 "X-Spam-Status: No, tests=A,\n\tBAYES_99 autolearn=no\n",
		 true},
		{"regex and 8-bit octets", "X-S~\xfc.er",
		 "X-S: a\xfc\xdf"
		 "er\n",
		 true},
		{"score=", "X-Spam-Status>=6.5",
		 "X-Spam-Status: No, score=6.5 required=9\n", true},
		{"score= below", "X-Spam-Status>=6.5",
		 "X-Spam-Status: Yes, score=6.4 required=5\n", false},
		{"hits=", "X-Spam-Status>=5",
		 "X-Spam-Status: Yes, hits=15 required=5\n", true},
		{"score in brackets", "X-Spamd-Result>=6",
		 "X-Spamd-Result: default: False [6.70 / 15.00];\n", true},
		{"score alone", "X-Spam-Score>=5", "X-Spam-Score: 5.01\n",
		 true},
		{"a word, then score=", "X-Spam-Score>=5",
		 "X-Spam-Score: spam, score=5.01\n", true},
		{"score below null", "X-Spam-Score>=-3",
		 "X-Spam-Score: -3.818\n", false},
		{"no score at all", "X-Spam-Score>=0", "X-Spam-Score: ham\n",
		 false},
		{"NUL in the value", "X-S~a\\sb", "X-S: a\0b\n", true},
		{"any of several", "A:1 B>=2 C~3", "C: x3\n", true},
		{"none of several", "A:1 B>=2 C~3", "B: 1\nA: 2\n", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {0};
		AUTO(spam_marks) marks = marks_of(cases[i].mark, &fault);
		size_t len = strlen(cases[i].header);
		const char *found;

		cr_assert(marks, "%s: %s", cases[i].name, fault.text);
		if (strcmp(cases[i].name, "NUL in the value") == 0)
			len = sizeof("X-S: a\0b\n") - 1;
		found = spam_marks_find(marks, cases[i].header, len);
		cr_expect_eq(found != NULL, cases[i].is_found, "%s: %s",
			     cases[i].name, found ? found : "not found");
	}
}

Test(spam, what_is_no_mark)
{
	static const char *const cases[] = {
		"X-Spam-Flag", ":yes",     "~x",           ">=5",
		"X-Spam>5",    "X-Spam>=", "X-Spam>=high", "X-Spam>=5x",
		"X-Spam~(",    "X-Spam~[a"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const list[] = {"A:b", cases[i], NULL};
		struct fault fault = {0};

		cr_expect(spam_headers_check(list, &fault), "%s", cases[i]);
		cr_expect_eq(fault.kind, FAULT_CONFIG);
		cr_expect(strstr(fault.text, cases[i]), "%s", fault.text);
	}
}

/* A bomb in a value ends at the limit and is not found. */
Test(spam, a_regex_has_a_limit, .timeout = 120)
{
	struct fault fault = {0};
	AUTO(spam_marks) marks = marks_of("X-S~^(a+)+$", &fault);
	g_autofree char *many = g_strnfill(15000, 'a');
	g_autofree char *header = g_strdup_printf("X-S: %s!\n", many);

	cr_assert(marks, "%s", fault.text);
	for (int i = 0; i < 100; i++)
		cr_assert_null(spam_marks_find(marks, header, strlen(header)));
}
