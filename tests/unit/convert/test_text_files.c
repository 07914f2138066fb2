/*
 * Files that were written into the text: uuencode, yEnc.
 */
#include "convert_test.h"

#define UU "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n"
#define Y                                                                      \
 "=ybegin line=128 size=3 name=a b.jpg\r\n\x6d\x8b\x9e\r\n=yend size=3\r\n"

static const struct {
	const char *name, *text;
	const char *body;
	const char *file;   /* NULL: none */
	const char *octets; /* of it */
} cases[] = {
	{"uuencode", "a\r\n" UU "b\r\n", "a\r\nb\r\n", "cat.txt", "Cat"},
	{"alone", UU, "", "cat.txt", "Cat"},
	{"line feeds", "begin 644 c\n#0V%T\n`\nend\n", "", "c", "Cat"},
	{"blank for zero", "begin 644 c\r\n#0V%T\r\n \r\nend\r\n", "", "c",
	 "Cat"},
	{"blank that was cut", "begin 644 c\r\n#0V%T\r\n\r\nend\r\n", "", "c",
	 "Cat"},
	{"without its last line", "begin 644 c\r\n#0V%T\r\nend\r\n", "", "c",
	 "Cat"},
	{"checksums", "begin 0644 c\r\n#0V%T!\r\n`\r\nend\r\n", "", "c", "Cat"},
	{"path", "begin 644 ../../etc/x\r\n#0V%T\r\n`\r\nend\r\n", "",
	 ".._.._etc_x", "Cat"},
	{"name with blanks", "begin 644 a b.txt\r\n#0V%T\r\n`\r\nend\r\n", "",
	 "a b.txt", "Cat"},
	{"empty", "begin 644 c\r\n`\r\nend\r\n", "", "c", ""},
	{"unfinished", "begin 644 c\r\n#0V%T\r\n", "begin 644 c\r\n#0V%T\r\n",
	 NULL, NULL},
	{"text in between", "begin 644 c\r\n#0V%T\r\nhello\r\n`\r\nend\r\n",
	 "begin 644 c\r\n#0V%T\r\nhello\r\n`\r\nend\r\n", NULL, NULL},
	{"a word that begins as the end does",
	 "begin 644 c\r\n#0V%T\r\nendless\r\n",
	 "begin 644 c\r\n#0V%T\r\nendless\r\n", NULL, NULL},
	{"short line", "begin 644 c\r\n#0V%\r\n`\r\nend\r\n",
	 "begin 644 c\r\n#0V%\r\n`\r\nend\r\n", NULL, NULL},
	{"prose", "begin 644 times\r\nand end\r\n",
	 "begin 644 times\r\nand end\r\n", NULL, NULL},
	{"no mode", "begin now please\r\nend\r\n",
	 "begin now please\r\nend\r\n", NULL, NULL},
	{"quoted", "> begin 644 c\r\n> #0V%T\r\n> `\r\n> end\r\n",
	 "> begin 644 c\r\n> #0V%T\r\n> `\r\n> end\r\n", NULL, NULL},
	{"begin within a broken one",
	 "begin 644 a\r\n#0V%T\r\nbegin 644 b\r\n#0V%T\r\n`\r\nend\r\n",
	 "begin 644 a\r\n#0V%T\r\n", "b", "Cat"},
	{"yEnc", "a\r\n" Y "b\r\n", "a\r\nb\r\n", "a b.jpg", "Cat"},
	{"yEnc of what is escaped",
	 "=ybegin line=128 size=1 name=z\r\n=\x6e\r\n=yend size=1 crc32=0\r\n",
	 "", "z", "\x04"},
	{"part of a yEnc file",
	 "=ybegin part=1 line=128 size=9 name=z\r\n=ypart begin=1 end=3\r\n"
	 "\x6d\x8b\x9e\r\n=yend size=3 part=1\r\n",
	 "", "z", "Cat"},
	{"yEnc of another size",
	 "=ybegin line=128 size=3 name=z\r\nm\r\n=yend size=3\r\n",
	 "=ybegin line=128 size=3 name=z\r\nm\r\n=yend size=3\r\n", NULL, NULL},
	{"yEnc without its end", "=ybegin line=128 size=3 name=z\r\nm\r\n",
	 "=ybegin line=128 size=3 name=z\r\nm\r\n", NULL, NULL},
	{"yEnc without a name",
	 "=ybegin line=128 size=1\r\nm\r\n=yend size=1\r\n",
	 "=ybegin line=128 size=1\r\nm\r\n=yend size=1\r\n", NULL, NULL},
};

Test(text_files, table)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message =
			g_strconcat("Content-Type: text/plain\r\n\r\n",
				    cases[i].text, NULL);
		AUTO(propset) set = convert(message);
		const struct propset *file = NULL;
		GBytes *got = NULL;

		expect_text(cases[i].name, set, PR_BODY, cases[i].body);
		cr_assert_eq(propset_attachment_count(set),
			     cases[i].file != NULL, "%s: %zu files",
			     cases[i].name, propset_attachment_count(set));
		cr_expect_eq(propset_bool(set, PR_HASATTACH),
			     cases[i].file != NULL, "%s", cases[i].name);
		if (!cases[i].file)
			continue;
		file = propset_attachment(set, 0);
		expect_text(cases[i].name, file, PR_ATTACH_LONG_FILENAME,
			    cases[i].file);
		got = propset_binary(file, PR_ATTACH_DATA_BIN);
		cr_expect(g_bytes_get_size(got) == strlen(cases[i].octets) &&
				  !memcmp(g_bytes_get_data(got, NULL)
						  ? g_bytes_get_data(got, NULL)
						  : "",
					  cases[i].octets,
					  strlen(cases[i].octets)),
			  "%s: %zu octets", cases[i].name,
			  g_bytes_get_size(got));
	}
}

Test(text_files, type_by_name)
{
	AUTO(propset) set = convert("\r\n" Y UU);

	cr_assert_eq(propset_attachment_count(set), 2);
	expect_text("jpg", propset_attachment(set, 0), PR_ATTACH_MIME_TAG,
		    "image/jpeg");
	expect_text("txt", propset_attachment(set, 1), PR_ATTACH_MIME_TAG,
		    "text/plain");
}

/* Only in what is shown as text: an attached text stays as it was sent. */
Test(text_files, not_in_attachments)
{
	AUTO(propset) set = convert(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\na\r\n--b\r\nContent-Type: text/plain\r\n"
		"Content-Disposition: attachment; filename=x.txt\r\n\r\n" UU
		"\r\n--b--\r\n");

	cr_assert_eq(propset_attachment_count(set), 1);
	expect_text("name", propset_attachment(set, 0), PR_ATTACH_LONG_FILENAME,
		    "x.txt");
}

/* What a list shows is known without the text. */
Test(text_files, sketch)
{
	static const char *const messages[] = {
		"\r\n" UU,
		"Content-Transfer-Encoding: base64\r\n\r\n"
		"YmVnaW4gNjQ0IGMKIzBWJVQKYAplbmQK\r\n",
	};
	const struct convert_options options = {.flags = CONVERT_SKETCH};

	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
		AUTO(propset) set = convert_to_propset(
			messages[i], strlen(messages[i]), &options, NULL);

		cr_expect(propset_bool(set, PR_HASATTACH), "%zu", i);
	}
}
