/*
 * The message on standard input or in a file, as MTAs hand it over: local
 * line ends, perhaps an mbox "From " line, a sender that has to be guessed.
 */
#ifndef OKAPI_DAGENT_INPUT_H
#define OKAPI_DAGENT_INPUT_H

#include "spool.h"

/* What the first lines say of the envelope sender; NULL: nothing. */
struct input_head {
	char *from_line;   /* address of the "From " line, "" for <> */
	char *return_path; /* of a Return-Path: in the first header line */
	size_t skip;       /* octets of the "From " line */
};

/* Reads the head of a message: at least its first two lines, or all. */
void input_head_parse(const char *head, size_t len,
		      struct input_head *ret_head);
void input_head_clear(struct input_head *head);

/*
 * The envelope sender, "" for <>: option, else $SENDER (set but empty: null),
 * $RPLINE, Return-Path:, "From " line; none of them: null.  option, sender
 * and rpline may be NULL.  What could not stand in a header line (control
 * characters, blanks, brackets) is null too.  Owned.
 */
char *input_guess_sender(const char *option, const char *sender,
			 const char *rpline, const struct input_head *head);

/* Every LF without CR becomes CRLF; state is false at the start and carries
 * "the last octet was CR" from piece to piece. */
NODISCARD int input_convert(struct spool *spool, const char *octets, size_t len,
			    bool *state, struct fault *fault);

/* Zeroed at first, from g_new0(). */
struct input {
	GBytes *bytes; /* line ends converted, without "From " line */
	struct input_head head;
};

/*
 * Reads all of fd.  FAULT_NOT_A_MESSAGE if there is nothing, FAULT_TOO_BIG
 * over limit octets, FAULT_IO.
 */
NODISCARD int input_read(int fd, int64_t limit, struct input *ret_input,
			 struct fault *fault);
void input_free(struct input *input);
AUTO_DEFINE(input, input_free);

#endif
