/*
 * A dialogue as one row of a table: what the client sends, the codes it gets,
 * what the handler was told.
 */
#ifndef OKAPI_TEST_DIALOGUE_H
#define OKAPI_TEST_DIALOGUE_H

#include "recorder.h"

#define HELLO    "LHLO c\r\n"
#define EHLO     "EHLO c\r\n"
#define MAIL     "MAIL FROM:<a@x>\r\n"
#define RCPT     "RCPT TO:<b@x>\r\n"
#define ENVELOPE HELLO MAIL RCPT
#define OK3      "250 250/2.1.0 250/2.1.5 "
#define EVENTS3  "hello c;mail <a@x>;rcpt <b@x>;"

struct dialogue {
	const char *name;
	const char *input;
	const char *codes;
	const char *events; /* NULL: not looked at */
	enum smtp_next next;
};

static inline void play_with(const struct smtp_options *options,
			     const struct smtp_handler *handler,
			     const struct dialogue *dialogue, size_t len)
{
	struct recorder recorder;
	struct smtp_server *server;
	enum smtp_next next;
	g_autofree char *codes = NULL;

	recorder_init(&recorder);
	server = smtp_server_new(options, handler, &recorder);
	next = smtp_server_feed(server, dialogue->input, len);
	codes = recorder_codes(smtp_server_output(server)->str);
	cr_expect_str_eq(codes, dialogue->codes, "%s: got \"%s\"",
			 dialogue->name, codes);
	if (dialogue->events)
		cr_expect_str_eq(recorder.log->str, dialogue->events,
				 "%s: got \"%s\"", dialogue->name,
				 recorder.log->str);
	cr_expect_eq(next, dialogue->next, "%s: next is %d", dialogue->name,
		     (int)next);
	smtp_server_free(server);
	recorder_clear(&recorder);
}

static inline void play(const struct smtp_options *options,
			const struct dialogue *dialogue, size_t len)
{
	play_with(options, &recorder_handler, dialogue, len);
}

static inline void play_all(const struct smtp_options *options,
			    const struct dialogue *dialogues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		play(options, &dialogues[i], strlen(dialogues[i].input));
}

#define PLAY(options, dialogues)                                               \
 play_all(options, dialogues, G_N_ELEMENTS(dialogues))

#endif
