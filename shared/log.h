/*
 * Log lines.  Libraries return faults; programs log, once.
 *
 * A line is either a sentence (log_message) or an event: a word and key=value
 * pairs, one line per delivery and per send attempt; never message text, never
 * passwords.  Values with blanks, quotes, '=' or control characters are quoted;
 * control characters and invalid UTF-8 are escaped, so that no input can forge
 * a line.
 */
#ifndef OKAPI_LOG_H
#define OKAPI_LOG_H

#include "base.h"
#include "fault.h"

struct conf;

/* The levels of log_level: what is logged is <= log_level. */
enum log_level {
	LOG_LEVEL_NONE = 0,
	LOG_LEVEL_ERROR = 1,   /* needs the administrator */
	LOG_LEVEL_WARNING = 2, /* odd, but handled */
	LOG_LEVEL_INFO = 3,    /* one line per delivery and attempt; default */
	LOG_LEVEL_DETAIL = 4,  /* sessions, conversion decisions */
	LOG_LEVEL_DEBUG = 5,
};

/* Opens the log as log_method, log_file, log_level and log_timestamp say.
 * program is the name in each line (borrowed for ever).  Before this, lines
 * go to stderr at level INFO.  On failure lines keep going to stderr. */
NODISCARD int log_open(const char *program, const struct conf *conf,
		       struct fault *fault);

/* Reopens a log file after rotation (SIGHUP). */
void log_reopen(void);
void log_close(void);

/* stderr is about to be closed: what would go there goes to syslog. */
void log_go_background(void);
/* Do the lines go to stderr? */
bool log_is_stderr(void);

/* Raises or lowers the level (-v, -s). */
void log_set_level(int level);

void log_message(enum log_level level, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* What this thread logs from here on goes out at log_release(), in one piece:
 * for several lines that come at once.  To syslog(3) it goes at once. */
void log_hold(void);
void log_release(void);

/* An event: log_event_new("delivered"), then pairs, then log_event_emit(),
 * which frees it. */
struct log_event;
struct log_event *log_event_new(const char *word);
void log_event_text(struct log_event *event, const char *key,
		    const char *value); /* NULL: the pair is left out */
void log_event_number(struct log_event *event, const char *key, int64_t value);
/* Microseconds, printed as seconds with millisecond precision: "0.012s". */
void log_event_duration(struct log_event *event, const char *key, int64_t usec);
void log_event_fault(struct log_event *event, const struct fault *fault);
void log_event_emit(struct log_event *event, enum log_level level);

#endif
