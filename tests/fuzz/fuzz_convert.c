/*
 * libFuzzer on conversion: the input is a message.  It is converted, encoded,
 * decoded, composed and converted again; what holds of every message is
 * checked on the way.
 */
#include "charset.h"
#include "check.h"
#include "convert/convert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The wire form gives the same set back. */
static void check_wire(const struct propset *set)
{
	GByteArray *wire = g_byte_array_new();
	AUTO(propset) back = NULL;
	g_autoptr(GBytes) bytes = NULL;

	propset_encode(set, wire);
	bytes = g_byte_array_free_to_bytes(wire);
	check(propset_decode(bytes, &back, NULL) == 0);
	check(propset_equal(set, back, NULL));
}

/* PR_HTML as text; owned, NULL if there is none.  It is text by its code page,
 * in one that HTML may be in. */
static char *check_html(const struct propset *set)
{
	GBytes *html = propset_binary(set, PR_HTML);
	int page = (int)propset_number(set, PR_INTERNET_CPID, 0);
	bool clean = false;
	gsize len = 0;
	const char *data = html ? g_bytes_get_data(html, &len) : NULL;
	char *text = NULL;

	if (!html)
		return NULL;
	text = charset_decode_codepage(page, data, len, &clean);
	check(text && clean);
	check(page == CODEPAGE_UTF8 || charset_name_of(page));
	check(page != CODEPAGE_UTF7);
	return text;
}

static bool has_break_alone(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((data[i] == '\r' &&
		     (i + 1 == size || data[i + 1] != '\n')) ||
		    (data[i] == '\n' && (i == 0 || data[i - 1] != '\r')))
			return true;
	return false;
}

/* A signed one goes as it is, but for a CR or LF alone, which no relay may see:
 * then it reads otherwise (docs/conversion.md, line-ends). */
static bool may_read_otherwise(const struct propset *set, const uint8_t *data,
			       size_t size)
{
	return !g_strcmp0(propset_text(set, PR_MESSAGE_CLASS),
			  "IPM.Note.SMIME.MultipartSigned") &&
	       has_break_alone(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct convert_options options = {
		.flags = CONVERT_ALL | CONVERT_PARTS,
		.default_charset = "windows-1252",
	};
	AUTO(propset) set = NULL;
	AUTO(propset) again = NULL;
	g_autofree char *html = NULL;
	g_autofree char *html_again = NULL;
	GByteArray *message = NULL;

	convert_init();
	set = convert_to_propset(data, size, &options, NULL);
	check_wire(set);
	html = check_html(set);
	/* What winmail.dat says of a meeting may be no calendar. */
	if (convert_to_rfc822(set, &message, NULL) < 0)
		return 0;
	check_lines(message, message->len && memmem(message->data, message->len,
						    "pkcs7", 5));
	again = convert_to_propset(message->data, message->len, &options, NULL);
	g_byte_array_unref(message);
	html_again = check_html(again);
	check(!html || !html_again || may_read_otherwise(set, data, size) ||
	      !strcmp(html, html_again));
	return 0;
}
