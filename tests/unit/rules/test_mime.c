/*
 * mime, foreverypart, extracttext (RFC 5703): loops over parts, and what their
 * fields say.
 */
#include "cases.h"

#define ALL                                                                    \
 "require [\"mime\",\"foreverypart\",\"extracttext\",\"variables\","           \
 "\"fileinto\",\"index\",\"relational\",\"comparator-i;ascii-numeric\"];\n"

static void add_part(struct propset *set, unsigned depth, const char *type,
		     const char *headers, const char *content)
{
	g_auto(GStrv) lines = g_strsplit(headers, "\n", -1);
	const struct mime_part part = {
		.type = g_strdup(type),
		.depth = depth,
		.is_text = g_str_has_prefix(type, "text/"),
		.content = g_bytes_new(content, strlen(content)),
		.header = depth ? propset_new() : NULL,
	};

	for (char **line = lines; *line && part.header; line++)
		if (**line)
			case_add_header(part.header, *line);
	propset_add_part(set, &part);
}

/* mixed (plain, alternative (plain, html), message (plain)). */
static struct propset *mixed(void)
{
	struct propset *set = propset_new();

	case_add_header(set, (char[]){"Subject: whole"});
	case_add_header(set, (char[]){"Content-Type: multipart/mixed; "
				      "boundary=\"a b\""});
	add_part(set, 0, "multipart/mixed", "", "before");
	add_part(set, 1, "text/plain",
		 "Content-Type: text/plain; charset=utf-8\n"
		 "Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC;"
		 " filename*1=\"n e.txt\"; size=5\nX-Part: one",
		 "Gr\xc3\xbc\xc3\x9f"
		 "e aus Berlin");
	add_part(set, 1, "multipart/alternative",
		 "Content-Type: multipart/alternative\nX-Part: two", "");
	add_part(set, 2, "text/plain", "X-Part: three", "third");
	add_part(set, 2, "text/html",
		 "Content-Type: text/html (odd) ; x=\"a\\\"b\"\nX-Part: four",
		 "<p>fourth &amp; bold</p>");
	add_part(set, 1, "message/rfc822", "X-Part: five", "From: a@b.example");
	add_part(set, 2, "text/plain",
		 "From: Within <in@side.example>\nX-Part: six", "sixth");
	return set;
}

static char *run_on(const char *script, struct propset *set)
{
	struct fault fault = {0};
	struct sieve_error error = {0};
	AUTO(sieve_script)
	compiled = sieve_compile("r1", script, strlen(script), &error, &fault);
	const struct sieve_rule rule = {.script = compiled};
	const struct sieve_message message = {
		.set = set,
		.size = 1000,
		.envelope_from = "",
		.envelope_to = "a@b.example",
		.decode = case_decode,
	};
	GString *out = g_string_new(NULL);
	AUTO(sieve_plan) plan = NULL;

	if (!compiled) {
		g_string_printf(out, "error %s", fault.text);
		return g_string_free(out, FALSE);
	}
	plan = sieve_evaluate(&rule, 1, &message, case_on_error, out);
	(void)case_format_plan(out, plan);
	return g_string_free(out, FALSE);
}

struct mime_case {
	const char *name;
	const char *script;
	const char *expected;
};

#define COLLECT(inside)                                                        \
 ALL "set \"a\" \"\"; foreverypart { " inside " } fileinto \"=${a}\";"

static const struct mime_case cases[] = {
	{"the message first, then its parts in order",
	 COLLECT("set \"n\" \"-\"; if header :mime :matches \"x-part\" \"*\" "
		 "{ set \"n\" \"${1}\"; } set \"a\" \"${a} ${n}\";"),
	 "fileinto = - one two three four five six"},
	{"a loop within a loop goes below the part at hand",
	 COLLECT("foreverypart { if header :mime :matches \"x-part\" \"*\" "
		 "{ set \"a\" \"${a} ${1}\"; } }"),
	 "fileinto = one two three four five six three four six"},
	{"break ends the loop it is in",
	 COLLECT("if header :mime :matches \"x-part\" \"*\" { set \"a\" "
		 "\"${a} ${1}\"; } if header :mime \"x-part\" \"two\" "
		 "{ break; }"),
	 "fileinto = one two"},
	{"break by name ends the one around",
	 ALL "set \"a\" \"\"; foreverypart :name \"outer\" { foreverypart { "
	     "set \"a\" \"${a}.\"; break :name \"outer\"; } } "
	     "fileinto \"=${a}\";",
	 "fileinto =."},
	{"stop ends all", COLLECT("stop;"), "+keep; stop"},
	{"the header of the message is still that of the message",
	 COLLECT("if header \"subject\" \"whole\" { set \"a\" \"${a}.\"; }"),
	 "fileinto =......."},
	{":mime outside of a loop is the message",
	 ALL "if allof (header :mime \"subject\" \"whole\", "
	     "not exists :mime \"x-part\") { fileinto \"yes\"; }",
	 "fileinto yes"},
	{":anychild is the part and all within it",
	 ALL
	 "if allof (exists :mime :anychild [\"x-part\",\"subject\"], header "
	 ":mime :anychild :count \"eq\" \"x-part\" \"6\") "
	 "{ fileinto \"yes\"; }",
	 "fileinto yes"},
	{":anychild with :index and :last",
	 ALL "if allof (header :mime :anychild :index 2 \"x-part\" \"two\", "
	     "header :mime :anychild :index 1 :last \"x-part\" \"six\") "
	     "{ fileinto \"yes\"; }",
	 "fileinto yes"},
	{"addresses of a message within",
	 ALL "if address :mime :anychild :domain \"from\" \"side.example\" "
	     "{ fileinto \"yes\"; }",
	 "fileinto yes"},
	{":type :subtype :contenttype",
	 COLLECT("if allof (header :mime :type \"content-type\" \"text\", header "
		 ":mime :subtype \"content-type\" \"html\", header :mime "
		 ":contenttype \"content-type\" \"text/html\") "
		 "{ set \"a\" \"yes\"; }"),
	 "fileinto =yes"},
	{":subtype of what has none",
	 COLLECT("if header :mime :subtype \"content-disposition\" \"\" "
		 "{ set \"a\" \"${a}.\"; }"),
	 "fileinto =."},
	{"options know two fields only",
	 COLLECT("if header :mime :type \"x-part\" \"one\" { set \"a\" \"x\"; }"),
	 "fileinto ="},
	{":param, quoted",
	 ALL "if header :mime :param \"BOUNDARY\" \"content-type\" \"a b\" "
	     "{ fileinto \"yes\"; }",
	 "fileinto yes"},
	{":param in sections, encoded (RFC 2231)",
	 COLLECT("if header :mime :param [\"x\",\"filename\"] :matches "
		 "\"content-disposition\" \"*\" { set \"a\" \"${1}\"; }"),
	 "fileinto =Gr\xc3\xbcn e.txt"},
	{":param behind a comment, with a quoted pair",
	 COLLECT("if header :mime :param \"x\" \"content-type\" \"a\\\"b\" "
		 "{ set \"a\" \"yes\"; }"),
	 "fileinto =yes"},
	{"extracttext is what a reader sees",
	 COLLECT("extracttext \"t\"; set \"a\" \"${a}|${t}\";"),
	 "fileinto =||Gr\xc3\xbc\xc3\x9f"
	 "e aus Berlin||third| fourth & bold ||sixth"},
	{"extracttext :first counts characters",
	 COLLECT("extracttext :first 4 :upper \"t\"; set \"a\" \"${a}|${t}\";"),
	 "fileinto =||GR\xc3\x9cSS||THIR| FOU||SIXT"},
	{"errors: outside of a loop", ALL "break;",
	 "error 2:1: break is outside of a loop"},
	{"errors: no such loop",
	 ALL "foreverypart :name \"a\" { break :name \"b\"; }",
	 "error 2:26: there is no loop \"b\" around this break"},
	{"errors: too deep",
	 ALL "foreverypart { foreverypart { foreverypart { foreverypart { "
	     "foreverypart { } } } } }",
	 "error 2:61: loops are nested deeper than 4"},
	{"errors: extracttext outside of a loop", ALL "extracttext \"a\";",
	 "error 2:1: extracttext is outside of a loop"},
	{"errors: extracttext without loops", "require \"extracttext\"; keep;",
	 "error 1:24: extracttext needs require \"foreverypart\""},
	{"errors: an option without :mime",
	 ALL "if header :type \"a\" \"b\" {}",
	 "error 2:11: this tag is of use with :mime only"},
};

Test(mime, loops_and_fields)
{
	AUTO(propset) set = mixed();

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *got = run_on(cases[i].script, set);

		cr_expect_str_eq(got, cases[i].expected,
				 "%s: got \"%s\", wanted \"%s\"", cases[i].name,
				 got, cases[i].expected);
	}
}

/* Thousands of parts, a loop in a loop in a loop: it ends. */
Test(mime, loops_are_bounded, .timeout = 120)
{
	AUTO(propset) set = propset_new();
	g_autofree char *got = NULL;

	for (unsigned i = 0; i < 10000; i++)
		add_part(set, i, "text/plain", "X: y", "z");
	got = run_on("require [\"foreverypart\",\"mime\"];\n"
		     "foreverypart { foreverypart { foreverypart { "
		     "if header :mime :anychild :contains \"x\" \"q\" "
		     "{ discard; } } } }",
		     set);
	cr_expect(strstr(got, "too much work; +keep"), "%s", got);
}

/* A message that could not be taken apart has none. */
Test(mime, no_parts)
{
	AUTO(propset) set = propset_new();
	g_autofree char *got =
		run_on(ALL "foreverypart { discard; } "
			   "if exists :mime :anychild \"x\" { discard; }",
		       set);

	cr_expect_str_eq(got, "+keep");
}
