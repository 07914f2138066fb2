/*
 * The message on standard input or in a file, as MTAs hand it over: local
 * line ends, perhaps an mbox "From " line, a sender that has to be guessed.
 */
#ifndef OKAPI_DAGENT_INPUT_H
#define OKAPI_DAGENT_INPUT_H

#include "base.h"
#include "fault.h"

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

/* Takes octets of the message as it is kept; fails as spool_add(). */
typedef int input_sink_fn(void *context, const char *octets, size_t len,
			  struct fault *fault);

/* A message that comes in pieces: line ends are converted (every LF without CR
 * becomes CRLF, a missing last one is added), the "From " line is taken off. */
struct input;

struct input *input_new(input_sink_fn *sink, void *context);
void input_free(struct input *input);
AUTO_DEFINE(input, input_free);

/* The sink's faults. */
NODISCARD int input_add(struct input *input, const char *octets, size_t len,
			struct fault *fault);
/* It is whole.  FAULT_NOT_A_MESSAGE if there is nothing; the sink's faults. */
NODISCARD int input_end(struct input *input, struct fault *fault);
/* All of fd, to the end of it; also FAULT_IO. */
NODISCARD int input_read(struct input *input, int fd, struct fault *fault);

/* Once it is whole; borrowed. */
const struct input_head *input_head(const struct input *input);

#endif
