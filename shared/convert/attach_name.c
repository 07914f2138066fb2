/*
 * Names of attachments: cleaned, cut to 8.3, made up by type.
 */
#include "attach.h"
#include "text.h"

#include <string.h>

#define NAME_LEN_MAX      255
#define EXTENSION_LEN_MAX 16 /* longer ones are part of the name */

/* The first of an extension is what a file of it is. */
static const struct {
	const char *type, *subtype, *extension;
} known[] = {
	{"text", "plain", ".txt"},
	{"text", "html", ".htm"},
	{"text", "calendar", ".ics"},
	{"text", "x-vcard", ".vcf"},
	{"text", "vcard", ".vcf"},
	{"text", "csv", ".csv"},
	{"text", "rfc822-headers", ".txt"},
	{"message", "rfc822", ".eml"},
	{"message", "global", ".eml"},
	{"message", "delivery-status", ".txt"},
	{"message", "disposition-notification", ".txt"},
	{"message", "feedback-report", ".txt"},
	{"message", "global-delivery-status", ".txt"},
	{"message", "global-disposition-notification", ".txt"},
	{"message", "global-headers", ".txt"},
	{"image", "jpeg", ".jpg"},
	{"image", "png", ".png"},
	{"image", "gif", ".gif"},
	{"image", "bmp", ".bmp"},
	{"image", "tiff", ".tif"},
	{"image", "svg+xml", ".svg"},
	{"application", "pdf", ".pdf"},
	{"application", "zip", ".zip"},
	{"application", "msword", ".doc"},
	{"application", "rtf", ".rtf"},
	{"application", "pgp-signature", ".asc"},
	{"application", "pkcs7-signature", ".p7s"},
	{"application", "x-pkcs7-signature", ".p7s"},
	{"application", "pkcs7-mime", ".p7m"},
	{"application", "x-pkcs7-mime", ".p7m"},
	{"application", "ms-tnef", ".dat"},
	{"audio", "mpeg", ".mp3"},
	{"audio", "wav", ".wav"},
	{"video", "mp4", ".mp4"},
};

const char *attach_extension(const char *type, const char *subtype)
{
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (!strcmp(type, known[i].type) &&
		    !strcmp(subtype, known[i].subtype))
			return known[i].extension;
	return ".bin";
}

char *attach_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	/* ".dat" alone does not say that it is TNEF. */
	if (dot && !g_ascii_strcasecmp(dot, ".dat"))
		dot = NULL;
	for (size_t i = 0; dot && i < G_N_ELEMENTS(known); i++)
		if (!g_ascii_strcasecmp(dot, known[i].extension))
			return g_strconcat(known[i].type, "/", known[i].subtype,
					   NULL);
	return g_strdup("application/octet-stream");
}

static bool is_a_name(const char *name)
{
	return name[strspn(name, ". _")] != '\0';
}

/* Signs that turn the direction of what follows: "a\u202Efdp.exe" looks like a
 * PDF. */
static bool turns(gunichar sign)
{
	return (sign >= 0x202a && sign <= 0x202e) ||
	       (sign >= 0x2066 && sign <= 0x2069);
}

/* With '_' in place of those; owned. */
static char *without_turns(const char *text)
{
	GString *out = g_string_sized_new(strlen(text));

	for (; *text; text = g_utf8_next_char(text)) {
		gunichar sign = g_utf8_get_char(text);

		g_string_append_unichar(out, turns(sign) ? '_' : sign);
	}
	return g_string_free(out, FALSE);
}

/* At most NAME_LEN_MAX signs; what is cut is not the extension, by which people
 * and programs know what a file is.  Owned. */
static char *cut_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	glong extension = dot ? g_utf8_strlen(dot, -1) : 0;
	g_autofree char *start = NULL;

	if (g_utf8_strlen(name, -1) <= NAME_LEN_MAX)
		return g_strdup(name);
	if (extension > EXTENSION_LEN_MAX)
		extension = 0;
	start = g_utf8_substring(name, 0, NAME_LEN_MAX - extension);
	return g_strconcat(start, extension ? dot : NULL, NULL);
}

char *attach_clean_name(const char *name)
{
	g_autofree char *line = without_turns(name);
	char *cut = NULL;

	text_flatten(line);
	g_strdelimit(line, "/\\:*?\"<>|", '_');
	cut = cut_name(line);
	if (is_a_name(cut))
		return cut;
	g_free(cut);
	return NULL;
}

/* An 8.3 name: as it is if it is one, else its first six signs and "~1". */
static char *short_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t base_len = dot ? (size_t)(dot - name) : strlen(name);
	GString *out = g_string_new(NULL);
	bool fits = base_len <= 8;

	for (size_t i = 0; i < base_len; i++) {
		if (g_ascii_isalnum(name[i]) || strchr("-_", name[i]))
			g_string_append_c(out, name[i]);
		else
			fits = false;
	}
	if (!fits) {
		g_string_truncate(out, MIN(out->len, 6));
		g_string_append(out, "~1");
	}
	if (dot) {
		gsize start = out->len;

		g_string_append_c(out, '.');
		for (dot++; *dot && out->len < start + 4; dot++)
			if (g_ascii_isalnum(*dot))
				g_string_append_c(out, *dot);
	}
	return g_string_free(out, FALSE);
}

void attach_set_name(struct propset *attachment, const char *name)
{
	const char *dot = strrchr(name, '.');
	g_autofree char *eight_three = short_name(name);

	propset_set_text(attachment, PR_ATTACH_LONG_FILENAME, name);
	propset_set_text(attachment, PR_ATTACH_FILENAME, eight_three);
	propset_set_text(attachment, PR_ATTACH_EXTENSION, dot ? dot : "");
	propset_set_text(attachment, PR_DISPLAY_NAME, name);
}
