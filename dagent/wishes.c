/*
 * The wire form of a caller's wishes, by one table of keys.
 */
#include "wishes.h"

#include <string.h>

enum wish_kind {
	WISH_FLAG,
	WISH_TEXT,
	WISH_CHAR,
};

struct wish_key {
	const char *key;
	enum wish_kind kind;
	size_t offset;
};

#define WISH(kind, field)                                                      \
 {                                                                             \
#  field, kind, offsetof(struct wishes, field)                                 \
 }

static const struct wish_key wish_keys[] = {
	WISH(WISH_TEXT, folder),       WISH(WISH_FLAG, in_public),
	WISH(WISH_CHAR, separator),    WISH(WISH_FLAG, create),
	WISH(WISH_FLAG, junk),         WISH(WISH_FLAG, read),
	WISH(WISH_FLAG, now),          WISH(WISH_FLAG, no_notify),
	WISH(WISH_FLAG, strip_domain), WISH(WISH_FLAG, address_only),
	WISH(WISH_FLAG, from_stdin),   WISH(WISH_TEXT, autoresponder),
	WISH(WISH_TEXT, detail),       WISH(WISH_TEXT, sender),
};

#undef WISH

static void *wish_at(const struct wish_key *key, struct wishes *wishes)
{
	return (char *)wishes + key->offset;
}

static const void *wish_of(const struct wish_key *key,
			   const struct wishes *wishes)
{
	return (const char *)wishes + key->offset;
}

void wishes_init(struct wishes *wishes)
{
	memset(wishes, 0, sizeof(*wishes));
	wishes->separator = '/';
}

void wishes_clear(struct wishes *wishes)
{
	g_free(wishes->folder);
	g_free(wishes->autoresponder);
	g_free(wishes->detail);
	g_free(wishes->sender);
	wishes_init(wishes);
}

void wishes_copy(const struct wishes *from, struct wishes *ret_to)
{
	*ret_to = *from;
	ret_to->folder = g_strdup(from->folder);
	ret_to->autoresponder = g_strdup(from->autoresponder);
	ret_to->detail = g_strdup(from->detail);
	ret_to->sender = g_strdup(from->sender);
}

/* The value as text, or NULL where it is the default and need not travel. */
static char *wish_value(const struct wish_key *key, const struct wishes *wishes)
{
	const void *field = wish_of(key, wishes);

	switch (key->kind) {
	case WISH_FLAG:
		return *(const bool *)field ? g_strdup("1") : NULL;
	case WISH_CHAR:
		if (*(const char *)field == '/')
			return NULL;
		return g_strndup(field, 1);
	case WISH_TEXT:
		return g_strdup(*(char *const *)field);
	}
	return NULL;
}

char *wishes_format(const struct wishes *wishes)
{
	GString *out = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(wish_keys); i++) {
		g_autofree char *value = wish_value(&wish_keys[i], wishes);
		g_autofree char *escaped = NULL;

		if (!value)
			continue;
		escaped = g_uri_escape_bytes((const guint8 *)value,
					     strlen(value), NULL);
		g_string_append_printf(out, "%s%s=%s", out->len ? "&" : "",
				       wish_keys[i].key, escaped);
	}
	return g_string_free(out, FALSE);
}

static int wish_set(const struct wish_key *key, const char *value,
		    struct wishes *wishes, struct fault *fault)
{
	void *field = wish_at(key, wishes);

	switch (key->kind) {
	case WISH_FLAG:
		if (strcmp(value, "1") != 0)
			break;
		*(bool *)field = true;
		return 0;
	case WISH_CHAR:
		if (strlen(value) != 1)
			break;
		*(char *)field = value[0];
		return 0;
	case WISH_TEXT:
		g_free(*(char **)field);
		*(char **)field = g_strdup(value);
		return 0;
	}
	return fault_set(fault, FAULT_BAD_ARGUMENT, "X-OKAPI: bad value of %s",
			 key->key);
}

static int wish_parse(const char *pair, struct wishes *wishes,
		      struct fault *fault)
{
	const char *equals = strchr(pair, '=');
	size_t len = equals ? (size_t)(equals - pair) : strlen(pair);

	for (size_t i = 0; equals && i < G_N_ELEMENTS(wish_keys); i++) {
		const struct wish_key *key = &wish_keys[i];
		g_autofree char *value = NULL;

		if (strlen(key->key) != len || strncmp(key->key, pair, len))
			continue;
		value = g_uri_unescape_string(equals + 1, NULL);
		if (value)
			return wish_set(key, value, wishes, fault);
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "X-OKAPI: bad value of %s", key->key);
	}
	return fault_set(fault, FAULT_UNSUPPORTED, "X-OKAPI: unknown option");
}

int wishes_parse(const char *text, struct wishes *ret_wishes,
		 struct fault *fault)
{
	g_auto(GStrv) pairs = g_strsplit(text, "&", -1);
	struct wishes wishes;

	wishes_init(&wishes);
	for (char **pair = pairs; *pair; pair++) {
		if (wish_parse(*pair, &wishes, fault) == 0)
			continue;
		wishes_clear(&wishes);
		return -1;
	}
	*ret_wishes = wishes;
	return 0;
}
