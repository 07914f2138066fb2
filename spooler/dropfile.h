/*
 * The files of the drop directory: an envelope of lines, then the message.
 *
 *	okapi-drop 1
 *	options WORDS
 *	sender ADDRESS		(without: that of the user)
 *	body 8BITMIME
 *	ret HDRS
 *	envid TEXT
 *	recipient ADDRESS
 *	notify NUMBER		(of the recipient above)
 *	message OCTETS
 *
 * Values are percent-encoded (RFC 3986), so that no value can make a line.
 * Who owns the file sent the message; nothing in it is taken on trust.
 */
#ifndef OKAPI_DROPFILE_H
#define OKAPI_DROPFILE_H

#include "base.h"
#include "fault.h"

/* Below spool_dir. */
#define DROP_DIRECTORY   "drop"
#define FAILED_DIRECTORY "failed"

#define DROPFILE_SUFFIX ".msg"

/* What okapi-sendmail says about a message, whichever way it takes. */
struct envelope {
	char *sender;    /* NULL: that of the user; "": null */
	char *full_name; /* -F, or NULL */
	bool extract;    /* -t: recipients from the header too */
	bool body_8bit;  /* -B 8BITMIME */
	char *ret;       /* "FULL", "HDRS" or NULL */
	char *envid;     /* -V, or NULL */
	int64_t release; /* not to be sent before (RFC 4865); 0: at once */
	bool has_priority;
	int priority;    /* MT-PRIORITY (RFC 6710); wins over the header */
	unsigned notify; /* -N for every recipient (enum smtp_dsn_notify) */
	char *token;     /* of this submission, whichever way it takes and
			    however often (struct submission), or NULL */
	GPtrArray *recipients; /* of struct envelope_recipient */
};
struct envelope_recipient {
	char *address;
	unsigned notify;
	char *orcpt; /* or NULL */
};
struct envelope *envelope_new(void);
void envelope_free(struct envelope *envelope);
AUTO_DEFINE(envelope, envelope_free);
/* Returns the recipient, owned by the envelope. */
struct envelope_recipient *envelope_add(struct envelope *envelope,
					const char *address);

/* What goes as X-OKAPI= at MAIL (sender unspecified, -t, -F, -N, token), and
 * back;
 * owned, never with a character that xtext would have to encode. */
char *envelope_options_format(const struct envelope *envelope);
NODISCARD int envelope_options_parse(struct envelope *envelope,
				     const char *options, struct fault *fault);

/* Takes a file apart; ret_message points into octets.  FAULT_REFUSED_INPUT if
 * it is not of this form or not whole. */
NODISCARD int dropfile_parse(const char *octets, size_t len,
			     struct envelope **ret_envelope,
			     const char **ret_message, size_t *ret_message_len,
			     struct fault *fault);

/*
 * Writes a file into the drop directory so that it is seen whole or not at
 * all: temporary name, fsync, rename, fsync of the directory where that may be
 * opened.  ret_name (owned) is its final name.
 */
NODISCARD int dropfile_write(const char *directory,
			     const struct envelope *envelope,
			     const void *message, size_t message_len,
			     char **ret_name, struct fault *fault);

/* Makes spool_dir, its drop directory (1733) and failed (0700), and gives new
 * ones to user ("": whom spool_dir belongs to) if we are root.  The spooler
 * does, and okapi-sendmail where none ever ran. */
NODISCARD int dropfile_prepare(const char *spool_dir, const char *user,
			       struct fault *fault);

#endif
