/*
 * Parameters of header fields, as RFC 2231 has them and as they are written.
 */
#include "param.h"

#include <criterion/criterion.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* which looks for the end of a string each time   \
			     */
# define HOSTILE (32 << 10)
#else
# define HOSTILE (1 << 20)
#endif

/* Octets of a charset in brackets with its name, so that a case sees what was
 * decoded together. */
static char *show(void *context, const char *charset, const char *octets,
		  size_t len)
{
	(void)context;
	return g_strdup_printf("[%s:%.*s]", charset, (int)len, octets);
}

Test(param, cases)
{
	static const struct {
		const char *name, *text, *want; /* of "a"; NULL: none */
	} cases[] = {
		{"plain", "; a=b", "b"},
		{"quoted", "; a=\"b; c\\\"d\"", "b; c\"d"},
		{"case", "; A=b", "b"},
		{"blanks", " ; a = b ; c=d", "b"},
		{"the first counts", "; a=b; a=c", "b"},
		{"a comment behind", "; a=us-ascii (Plain; text); c=d",
		 "us-ascii"},
		{"a comment before", "; (x) a=(y)b", "b"},
		{"a comment that touches", "; a=b(c); d=e", "b"},
		{"parentheses of a name", "; a=report (1).pdf",
		 "report (1).pdf"},
		{"no semicolon", "a=b c d=e", "b c"},
		{"a word that is no parameter", "attachment a=b", "b"},
		{"a quote that never closes", "; a=\"b; c=d", "b"},
		{"a backslash of Windows", "; a=\"C:\\dir\\x\"", "C:\\dir\\x"},
		{"encoded words stay", "; a==?utf-8?q?b c=3D?=; d=e",
		 "=?utf-8?q?b c=3D?="},
		{"empty", "; a=; b=c", ""},
		{"missing", "; b=c", NULL},
		{"no value", "; a; b=c", NULL},
		{"a charset", "; a*=utf-8'en'%41b", "[utf-8:Ab]"},
		{"no charset", "; a*=%41", "[:A]"},
		{"extended goes before plain", "; a=x; a*=u''y", "[u:y]"},
		{"sections go before plain", "; a=x; a*0=y; a*1=z", "yz"},
		{"out of order", "; a*1=c; a*0=b", "bc"},
		{"one number twice", "; a*0=b; a*0=x; a*1=c", "bc"},
		{"a gap", "; a*0=b; a*2=c", "bc"},
		{"from one on", "; a*1=b; a*2=c", "bc"},
		{"leading zeros", "; a*00=b; a*01=c", "bc"},
		{"a character over two sections", "; a*0*=u''%C3; a*1*=%A9",
		 "[u:\303\251]"},
		{"mixed", "; a*0*=u''x; a*1=\"%41\"; a*2*=%42",
		 "[u:x]%41[u:B]"},
		{"the charset of the second", "; a*0=x; a*1*=u''y", "x[u:y]"},
		{"percent signs that are none", "; a*=u''%ZZ%4", "[u:%ZZ%4]"},
		{"no number", "; a*x=b", NULL},
		{"a number too long", "; a*12345678=b", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GTree) params =
			param_parse(cases[i].text, show, NULL);
		const struct param *param = g_tree_lookup(params, "a");

		cr_expect_eq(param != NULL, cases[i].want != NULL, "%s",
			     cases[i].name);
		if (param && cases[i].want)
			cr_expect_str_eq(param->text, cases[i].want, "%s: %s",
					 cases[i].name, param->text);
	}
}

/* Each of these took a second where a square of their length was spent. */
Test(param, hostile_lists_are_linear, .timeout = 120)
{
	static const char *const pieces[] = {
		"; a*0*=u''%C3", " ( (",  " (x)", "; a=\"",
		"\\\"",          " a b=", "=?",   "; b*1",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		GString *text = g_string_new("; a=");
		GTree *params = NULL;

		while (text->len < HOSTILE)
			g_string_append(text, pieces[i]);
		params = param_parse(text->str, show, NULL);
		cr_expect_leq(g_tree_nnodes(params), 3);
		g_tree_unref(params);
		g_string_free(text, TRUE);
	}
}
