/*
 * The entries of the language, each defined in the file of its name.
 */
#ifndef OKAPI_RULES_ENTRIES_H
#define OKAPI_RULES_ENTRIES_H

#include "language.h"

extern const struct language_entry cmd_require;
extern const struct language_entry cmd_if;
extern const struct language_entry cmd_elsif;
extern const struct language_entry cmd_else;
extern const struct language_entry cmd_stop;
extern const struct language_entry cmd_keep;
extern const struct language_entry cmd_fileinto;
extern const struct language_entry cmd_redirect;
extern const struct language_entry cmd_discard;
extern const struct language_entry cmd_reject;
extern const struct language_entry cmd_ereject;
extern const struct language_entry cmd_setflag;
extern const struct language_entry cmd_addflag;
extern const struct language_entry cmd_removeflag;
extern const struct language_entry cmd_set;
extern const struct language_entry cmd_error;
extern const struct language_entry cmd_vacation;
extern const struct language_entry cmd_addheader;
extern const struct language_entry cmd_deleteheader;
extern const struct language_entry cmd_foreverypart;
extern const struct language_entry cmd_break;
extern const struct language_entry cmd_extracttext;
extern const struct language_entry cmd_include;
extern const struct language_entry cmd_return;
extern const struct language_entry cmd_global;
extern const struct language_entry cmd_forward;
extern const struct language_entry cmd_reply;
extern const struct language_entry cmd_setproperty;

extern const struct language_entry test_true;
extern const struct language_entry test_false;
extern const struct language_entry test_not;
extern const struct language_entry test_anyof;
extern const struct language_entry test_allof;
extern const struct language_entry test_header;
extern const struct language_entry test_address;
extern const struct language_entry test_envelope;
extern const struct language_entry test_size;
extern const struct language_entry test_exists;
extern const struct language_entry test_mailboxexists;
extern const struct language_entry test_specialuse;
extern const struct language_entry test_hasflag;
extern const struct language_entry test_property;
extern const struct language_entry test_body;
extern const struct language_entry test_string;
extern const struct language_entry test_date;
extern const struct language_entry test_currentdate;
extern const struct language_entry test_ihave;
extern const struct language_entry test_environment;
extern const struct language_entry test_duplicate;
extern const struct language_entry test_spamtest;
extern const struct language_entry test_virustest;
extern const struct language_entry test_anyrecipient;
extern const struct language_entry test_anyattachment;

#endif
