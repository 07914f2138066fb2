/*
 * All commands and tests there are, and the tags they share.
 */
#include "language.h"

#include "address.h"
#include "entries.h"
#include "match.h"

#include <string.h>

const struct language_tag language_match_tags[] = {
	{"is", SLOT_MATCH, MATCH_IS, 0, EXTENSION_NONE},
	{"contains", SLOT_MATCH, MATCH_CONTAINS, 0, EXTENSION_NONE},
	{"matches", SLOT_MATCH, MATCH_MATCHES, 0, EXTENSION_NONE},
	{"regex", SLOT_MATCH, MATCH_REGEX, 0, EXTENSION_REGEX},
	{"value", SLOT_MATCH, MATCH_VALUE, 'C', EXTENSION_RELATIONAL},
	{"count", SLOT_MATCH, MATCH_COUNT, 'C', EXTENSION_RELATIONAL},
	{"comparator", SLOT_COMPARATOR, 0, 'C', EXTENSION_NONE},
	{0},
};

const struct language_tag language_address_tags[] = {
	{"all", SLOT_ADDRESS_PART, ADDRESS_ALL, 0, EXTENSION_NONE},
	{"localpart", SLOT_ADDRESS_PART, ADDRESS_LOCALPART, 0, EXTENSION_NONE},
	{"domain", SLOT_ADDRESS_PART, ADDRESS_DOMAIN, 0, EXTENSION_NONE},
	{"user", SLOT_ADDRESS_PART, ADDRESS_USER, 0, EXTENSION_SUBADDRESS},
	{"detail", SLOT_ADDRESS_PART, ADDRESS_DETAIL, 0, EXTENSION_SUBADDRESS},
	{0},
};

const struct language_tag language_index_tags[] = {
	{"index", SLOT_INDEX, 0, 'n', EXTENSION_INDEX},
	{"last", SLOT_LAST, 0, 0, EXTENSION_INDEX},
	{0},
};

const struct language_tag *const language_match[] = {
	language_match_tags,
	NULL,
};

const struct language_tag *const language_address_match[] = {
	language_match_tags,
	language_address_tags,
	NULL,
};

static const struct language_entry *const entries[] = {
	&cmd_require,
	&cmd_if,
	&cmd_elsif,
	&cmd_else,
	&cmd_stop,
	&cmd_keep,
	&cmd_fileinto,
	&cmd_redirect,
	&cmd_discard,
	&cmd_reject,
	&cmd_ereject,
	&cmd_setflag,
	&cmd_addflag,
	&cmd_removeflag,
	&cmd_set,
	&cmd_error,
	&test_true,
	&test_false,
	&test_not,
	&test_anyof,
	&test_allof,
	&test_header,
	&test_address,
	&test_envelope,
	&test_size,
	&test_exists,
	&test_mailboxexists,
	&test_specialuse,
	&test_hasflag,
	&test_property,
	&test_body,
	&test_string,
	&test_date,
	&test_currentdate,
	&test_ihave,
	&test_environment,
	&cmd_vacation,
	&test_duplicate,
	&cmd_addheader,
	&cmd_deleteheader,
	&cmd_foreverypart,
	&cmd_break,
	&cmd_extracttext,
	&cmd_include,
	&cmd_return,
	&cmd_global,
	&test_spamtest,
	&test_virustest,
	&test_anyrecipient,
	&test_anyattachment,
	&cmd_forward,
	&cmd_reply,
	&cmd_setproperty,
};

const struct language_entry *language_find(enum language_kind kind,
					   const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(entries); i++)
		if (entries[i]->kind == kind &&
		    strcmp(entries[i]->name, name) == 0)
			return entries[i];
	return NULL;
}

const struct ast_tagged *language_tagged(const struct ast_node *node,
					 enum language_slot slot)
{
	for (const struct ast_tagged *tagged = node->tagged; tagged;
	     tagged = tagged->next)
		if (tagged->slot == (int)slot)
			return tagged;
	return NULL;
}

int language_choice(const struct ast_node *node, enum language_slot slot,
		    int otherwise)
{
	const struct ast_tagged *tagged = language_tagged(node, slot);

	return tagged ? tagged->choice : otherwise;
}
