/*
 * The command line of okapi-sendmail: the sendmail interface of Postfix.
 */
#ifndef OKAPI_SENDMAIL_ARGS_H
#define OKAPI_SENDMAIL_ARGS_H

#include "base.h"
#include "dropfile.h"
#include "fault.h"

enum sendmail_mode {
	SENDMAIL_SUBMIT,  /* -bm */
	SENDMAIL_QUEUE,   /* -bp, mailq */
	SENDMAIL_SMTP,    /* -bs */
	SENDMAIL_FLUSH,   /* -q */
	SENDMAIL_NOTHING, /* newaliases, -bi, -I: there is nothing to do */
	SENDMAIL_HELP,
	SENDMAIL_VERSION,
};

struct sendmail_args {
	enum sendmail_mode mode;
	const char *config; /* borrowed from argv, or NULL */
	bool dot_is_text;   /* -i: a lone dot does not end the message */
	bool verbose;
	struct envelope *envelope;
};

void sendmail_args_clear(struct sendmail_args *args);

/*
 * FAULT_USAGE for what is no option, an option without its value, or a
 * recipient with control characters.  On failure there is nothing to clear.
 */
NODISCARD int sendmail_args_parse(int argc, char *const *argv,
				  struct sendmail_args *ret_args,
				  struct fault *fault);

#endif
