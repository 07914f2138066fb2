/*
 * Keys of names and addresses: what is the same recipient.
 */
#include "store_internal.h"

#include <idn2.h>
#include <string.h>

char *address_fold(const char *text)
{
	g_autofree char *folded = NULL;

	if (g_str_is_ascii(text) || !g_utf8_validate(text, -1, NULL))
		return g_ascii_strdown(text, -1);
	folded = g_utf8_casefold(text, -1);
	return g_utf8_normalize(folded, -1, G_NORMALIZE_NFC);
}

/* "\"john\"" -> "john" (RFC 5321 4.1.2: the quotes do not matter). */
static char *address_unquote(const char *local, size_t len)
{
	GString *plain;

	if (len < 2 || local[0] != '"' || local[len - 1] != '"')
		return g_strndup(local, len);
	plain = g_string_new(NULL);
	for (size_t i = 1; i < len - 1; i++) {
		if (local[i] == '\\' && i + 1 < len - 1)
			i++;
		g_string_append_c(plain, local[i]);
	}
	return g_string_free(plain, FALSE);
}

/* A label of letters, digits and hyphens that IDNA leaves as it is (RFC 5891
 * 4.2.3.1: no hyphens in third and fourth place). */
static bool address_is_plain_label(const char *label, size_t len)
{
	if (len < 1 || len > 63 || label[0] == '-' || label[len - 1] == '-' ||
	    (len > 3 && label[2] == '-' && label[3] == '-'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isalnum(label[i]) && label[i] != '-')
			return false;
	return true;
}

/* A domain whose key is itself in lower case, as nearly all are: libidn2 takes
 * ten times as long to say so. */
static bool address_is_plain_domain(const char *domain, size_t len)
{
	if (len > 253)
		return false;
	for (;;) {
		size_t label = strcspn(domain, ".");

		if (!address_is_plain_label(domain, label))
			return false;
		if (!domain[label])
			return true;
		domain += label + 1;
	}
}

static char *address_domain_key(const char *domain)
{
	g_autofree char *plain = g_strdup(domain);
	size_t len = strlen(plain);
	char *ascii = NULL;
	char *key;

	if (len && plain[len - 1] == '.')
		plain[--len] = '\0';
	if (address_is_plain_domain(plain, len))
		return g_ascii_strdown(plain, (gssize)len);
	if (idn2_to_ascii_8z(plain, &ascii,
			     IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return address_fold(plain);
	key = g_ascii_strdown(ascii, -1);
	idn2_free(ascii);
	return key;
}

char *address_key(const char *address)
{
	const char *at = strrchr(address, '@');
	g_autofree char *local = NULL;
	g_autofree char *folded = NULL;
	g_autofree char *domain = NULL;

	if (!at)
		return address_fold(address);
	local = address_unquote(address, (size_t)(at - address));
	folded = address_fold(local);
	domain = address_domain_key(at + 1);
	return g_strconcat(folded, "@", domain, NULL);
}
