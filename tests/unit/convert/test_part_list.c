/*
 * The list of MIME parts: what rules see of a message part by part.
 */
#include "convert_test.h"

struct part_case {
	const char *name;
	const char *message;
	const char *expected; /* "DEPTH TYPE[ text]: CONTENT[ / EPILOGUE]" */
};

static const struct part_case cases[] = {
	{"no MIME at all", "A: b\r\n\r\nHello\r\n",
	 "0 text/plain text: Hello\\r\\n"},
	{"the encoding and the charset are undone",
	 "Content-Type: text/plain; charset=iso-8859-1\r\n"
	 "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe",
	 "0 text/plain text: Gr\\303\\274\\303\\237e"},
	{"prologue and epilogue, and what lies within",
	 "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
	 "before\r\n--x\r\n\r\none\r\n--x\r\n"
	 "Content-Type: application/pdf\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n"
	 "--x--\r\nbehind\r\n",
	 "0 multipart/mixed: before / behind\\r\\n\n1 text/plain text: one\n"
	 "1 application/pdf: %PDF"},
	{"neither prologue nor epilogue",
	 "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x--",
	 "0 multipart/mixed: \n1 text/plain text: one"},
	{"a multipart that is not closed",
	 "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n",
	 "0 multipart/mixed: \n1 text/plain text: one\\n"},
	{"of a message its header, and its parts",
	 "Content-Type: message/rfc822\r\n\r\nSubject: s\r\nX: y\r\n\r\n"
	 "within\r\n",
	 "0 message/rfc822: Subject: s\\r\\nX: y\\r\\n\n"
	 "1 text/plain text: within\\r\\n"},
	{"a slash too many", "Content-Type: text/plain/odd; a=b\r\n\r\nx",
	 "0 text/plain/odd text: x"},
	{"an encoding nobody knows is no text",
	 "Content-Type: text/html\r\nContent-Transfer-Encoding: odd\r\n\r\nx",
	 "0 text/html: x"},
};

static void append(GString *out, GBytes *bytes)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *text = g_strndup(data ? data : "", len);
	g_autofree char *escaped = g_strescape(text, "\"");

	g_string_append(out, escaped);
}

static char *describe(const struct propset *set)
{
	GString *out = g_string_new(NULL);

	for (size_t i = 0; i < propset_part_count(set); i++) {
		const struct mime_part *part = propset_part(set, i);

		g_string_append_printf(out, "%s%u %s%s: ", i ? "\n" : "",
				       part->depth, part->type,
				       part->is_text ? " text" : "");
		append(out, part->content);
		if (!part->epilogue)
			continue;
		g_string_append(out, " / ");
		append(out, part->epilogue);
	}
	return g_string_free(out, FALSE);
}

Test(part_list, every_part_and_over_the_wire)
{
	const struct convert_options options = {
		.flags = CONVERT_SKETCH | CONVERT_PARTS,
		.default_charset = "windows-1252",
	};

	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset)
		set = convert_to_propset(cases[i].message,
					 strlen(cases[i].message), &options,
					 NULL);
		AUTO(propset) back = NULL;
		GByteArray *out = g_byte_array_new();
		g_autoptr(GBytes) wire = NULL;
		g_autofree char *got = describe(set);
		g_autofree char *again = NULL;
		struct fault fault = {0};

		cr_expect_str_eq(got, cases[i].expected, "%s: got\n%s",
				 cases[i].name, got);
		/* Its header is the set's own. */
		cr_expect_null(propset_part(set, 0)->header, "%s",
			       cases[i].name);
		propset_encode(set, out);
		wire = g_byte_array_free_to_bytes(out);
		cr_assert_eq(propset_decode(wire, &back, &fault), 0, "%s",
			     fault.text);
		again = describe(back);
		cr_expect_str_eq(again, got, "%s", cases[i].name);
	}
}

/* Nobody pays who did not ask. */
Test(part_list, only_where_it_is_asked_for)
{
	AUTO(propset) set = convert("A: b\r\n\r\nHello\r\n");

	cr_expect_eq(propset_part_count(set), 0);
}
