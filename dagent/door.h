/*
 * The stdin door's words: what okapi-dagent, which has no GLib, says to the
 * daemon on run_dir/dagent.sock (docs/protocol.md, XDELIVER).
 */
#ifndef OKAPI_DAGENT_DOOR_H
#define OKAPI_DAGENT_DOOR_H

#define DOOR_SOCKET "dagent.sock"

/* Variables of the environment that say something of a message. */
enum door_variable {
	DOOR_SENDER,
	DOOR_RPLINE,
	DOOR_EXTENSION,         /* Postfix, OpenSMTPD: what was cut off */
	DOOR_LOCAL_PART_SUFFIX, /* Exim: the same, with its delimiter */
	DOOR_ORIGINAL_RECIPIENT,
	DOOR_VARIABLES
};
#define DOOR_NAMES                                                             \
 {                                                                             \
  "SENDER", "RPLINE", "EXTENSION", "LOCAL_PART_SUFFIX", "ORIGINAL_RECIPIENT"   \
 }

/* "exit=67 <x@y>: no such recipient": the text of the one reply. */
#define DOOR_EXIT "exit="

/* Exit codes as qmail wants them (qmail-command(8)). */
#define DOOR_QMAIL_PERMANENT 100
#define DOOR_QMAIL_TEMPORARY 111

#endif
