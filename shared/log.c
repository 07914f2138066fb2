/*
 * Log lines to stderr, a file, syslog or the journal.
 */
#include "log.h"

#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#define LOG_HELD_MAX ((size_t)64 * 1024)

struct log_event {
	GString *line;
};

static struct {
	const char *program;
	enum conf_log_method method;
	char *file;
	int fd;
	int level;
	bool timestamp;
	bool background;      /* stderr is nobody's: syslog instead */
	pthread_mutex_t lock; /* of all but level */
} log_state = {
	.method = CONF_LOG_STDERR,
	.fd = STDERR_FILENO,
	.level = LOG_LEVEL_INFO,
	.timestamp = true,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static int log_open_file(const char *file, struct fault *fault)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot open log_file %s", file);
	return fd;
}

/* Under systemd, stderr is the journal's own socket (sd_journal_print(3)):
 * lines then carry a <priority> and no time of their own. */
static bool log_stderr_is_journal(void)
{
	const char *stream = g_getenv("JOURNAL_STREAM");
	struct stat st;
	unsigned long long dev = 0;
	unsigned long long ino = 0;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

/* Under the lock: lines go to stderr until a method is set. */
static void log_forget_file(void)
{
	if (log_state.method != CONF_LOG_FILE)
		return;
	(void)close(log_state.fd);
	log_state.fd = STDERR_FILENO;
	log_state.method = CONF_LOG_STDERR;
	g_clear_pointer(&log_state.file, g_free);
}

int log_open(const char *program, const struct conf *conf, struct fault *fault)
{
	enum conf_log_method method = conf->log_method;
	bool file_wanted = conf->log_file && *conf->log_file;
	int fd = -1;

	if (method == CONF_LOG_AUTO) {
		method = CONF_LOG_STDERR;
		if (file_wanted)
			method = CONF_LOG_FILE;
		else if (log_stderr_is_journal())
			method = CONF_LOG_JOURNAL;
	}
	if (method == CONF_LOG_STDERR && log_state.background)
		method = CONF_LOG_SYSLOG;
	if (method == CONF_LOG_FILE) {
		if (!file_wanted)
			return fault_set(fault, FAULT_CONFIG,
					 "log_method = file needs log_file");
		fd = log_open_file(conf->log_file, fault);
		if (fd < 0)
			return -1;
	}
	if (method == CONF_LOG_SYSLOG)
		openlog(program, LOG_PID, LOG_MAIL);
	/* A daemon that reads its configuration anew has threads that log. */
	pthread_mutex_lock(&log_state.lock);
	log_forget_file();
	if (method == CONF_LOG_FILE) {
		log_state.fd = fd;
		log_state.file = g_strdup(conf->log_file);
	}
	log_state.program = program;
	log_state.method = method;
	log_state.timestamp = conf->log_timestamp;
	pthread_mutex_unlock(&log_state.lock);
	log_set_level((int)conf->log_level);
	return 0;
}

void log_go_background(void)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.background = true;
	if (log_state.method == CONF_LOG_STDERR) {
		openlog(log_state.program, LOG_PID, LOG_MAIL);
		log_state.method = CONF_LOG_SYSLOG;
	}
	pthread_mutex_unlock(&log_state.lock);
}

bool log_is_stderr(void)
{
	return log_state.method == CONF_LOG_STDERR ||
	       log_state.method == CONF_LOG_JOURNAL;
}

void log_reopen(void)
{
	struct fault fault = {0};
	int fd;

	if (log_state.method != CONF_LOG_FILE)
		return;
	fd = log_open_file(log_state.file, &fault);
	if (fd < 0) {
		log_message(LOG_LEVEL_ERROR, "%s", fault.text);
		return;
	}
	pthread_mutex_lock(&log_state.lock);
	(void)close(log_state.fd);
	log_state.fd = fd;
	pthread_mutex_unlock(&log_state.lock);
}

void log_close(void)
{
	pthread_mutex_lock(&log_state.lock);
	log_forget_file();
	pthread_mutex_unlock(&log_state.lock);
}

void log_set_level(int level)
{
	g_atomic_int_set(&log_state.level,
			 CLAMP(level, LOG_LEVEL_NONE, LOG_LEVEL_DEBUG));
}

static bool log_wants(enum log_level level)
{
	return (int)level <= g_atomic_int_get(&log_state.level);
}

static int log_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_NONE:
	case LOG_LEVEL_ERROR:
		return LOG_ERR;
	case LOG_LEVEL_WARNING:
		return LOG_WARNING;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DETAIL:
	case LOG_LEVEL_DEBUG:
		return LOG_DEBUG;
	}
	return LOG_INFO;
}

static const char *log_level_mark(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_NONE:
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DETAIL:
	case LOG_LEVEL_DEBUG:
		return "";
	}
	return "";
}

/* At least so many digits. */
static void log_append_digits(GString *out, uint64_t value, int width)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0 || (int)(sizeof(text) - at) < width);
	g_string_append_len(out, text + at, (gssize)(sizeof(text) - at));
}

/* Local time to the millisecond.  What stays the same for a second is kept:
 * GLib looks at /etc/localtime each time.  Under the lock. */
static void log_append_time(GString *line)
{
	static char stamp[32];
	static int64_t stamp_s = -1;
	int64_t now = g_get_real_time();
	time_t second = now / USEC_PER_SEC;
	struct tm parts;

	if (second != stamp_s && localtime_r(&second, &parts) &&
	    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts) > 0)
		stamp_s = second;
	g_string_append(line, stamp);
	g_string_append_c(line, '.');
	log_append_digits(line, (uint64_t)(now % USEC_PER_SEC / 1000), 3);
	g_string_append_c(line, ' ');
}

/* "okapi-dagent[4711]: ", the process being what it is. */
static void log_append_program(GString *line)
{
	g_string_append(line, log_state.program
				      ? log_state.program
				      : program_invocation_short_name);
	g_string_append_c(line, '[');
	log_append_digits(line, (uint64_t)getpid(), 1);
	g_string_append(line, "]: ");
}

/* Lines of this thread that wait for log_release(). */
static __thread GString *log_held;

/* Under the lock.  A log that cannot be written has nowhere to complain to. */
static void log_put(const GString *lines)
{
	if (write(log_state.fd, lines->str, lines->len) < 0)
		errno = 0;
}

void log_hold(void)
{
	if (!log_held)
		log_held = g_string_sized_new(1024);
}

void log_release(void)
{
	GString *lines = g_steal_pointer(&log_held);

	if (!lines)
		return;
	pthread_mutex_lock(&log_state.lock);
	if (lines->len > 0)
		log_put(lines);
	pthread_mutex_unlock(&log_state.lock);
	g_string_free(lines, TRUE);
}

/* One write(2) a line, or for several whole ones that were held, so that lines
 * of several processes do not mix. */
static void log_write(enum log_level level, const char *text)
{
	g_autoptr(GString) own = log_held ? NULL : g_string_sized_new(256);
	GString *line = own ? own : log_held;

	pthread_mutex_lock(&log_state.lock);
	if (log_state.method == CONF_LOG_SYSLOG) {
		syslog(log_priority(level), "%s%s", log_level_mark(level),
		       text);
		pthread_mutex_unlock(&log_state.lock);
		return;
	}
	if (log_state.method == CONF_LOG_JOURNAL) {
		g_string_append_printf(line, "<%d>", log_priority(level));
	} else if (log_state.timestamp) {
		log_append_time(line);
	}
	log_append_program(line);
	g_string_append(line, log_level_mark(level));
	g_string_append(line, text);
	g_string_append_c(line, '\n');
	if (own || line->len > LOG_HELD_MAX) {
		log_put(line);
		g_string_truncate(line, 0);
	}
	pthread_mutex_unlock(&log_state.lock);
}

/* Appends text with control characters and invalid UTF-8 as \xHH; within
 * quotes they and backslashes get one. */
static void log_append_escaped(GString *out, const char *text, bool is_quoted)
{
	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);
		unsigned char byte = (unsigned char)*text;

		if (c == (gunichar)-1 || c == (gunichar)-2 || byte < 0x20 ||
		    byte == 0x7f || (c >= 0x80 && c < 0xa0)) {
			g_string_append_printf(out, "\\x%02x", byte);
			text++;
			continue;
		}
		if (is_quoted && (byte == '"' || byte == '\\'))
			g_string_append_c(out, '\\');
		g_string_append_unichar(out, c);
		text = g_utf8_next_char(text);
	}
}

void log_message(enum log_level level, const char *format, ...)
{
	g_autofree char *text = NULL;
	g_autoptr(GString) clean = NULL;
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	clean = g_string_sized_new(strlen(text) + 16);
	log_append_escaped(clean, text, false);
	log_write(level, clean->str);
}

struct log_event *log_event_new(const char *word)
{
	struct log_event *event = g_new0(struct log_event, 1);

	event->line = g_string_sized_new(256);
	g_string_append(event->line, word);
	return event;
}

static bool log_value_is_plain(const char *value)
{
	if (!*value)
		return false;
	for (const char *p = value; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return true;
}

static void log_event_key(struct log_event *event, const char *key)
{
	g_string_append_c(event->line, ' ');
	g_string_append(event->line, key);
	g_string_append_c(event->line, '=');
}

void log_event_text(struct log_event *event, const char *key, const char *value)
{
	if (!value)
		return;
	log_event_key(event, key);
	if (log_value_is_plain(value)) {
		g_string_append(event->line, value);
		return;
	}
	g_string_append_c(event->line, '"');
	log_append_escaped(event->line, value, true);
	g_string_append_c(event->line, '"');
}

void log_event_number(struct log_event *event, const char *key, int64_t value)
{
	log_event_key(event, key);
	if (value < 0)
		g_string_append_c(event->line, '-');
	log_append_digits(event->line,
			  value < 0 ? -(uint64_t)value : (uint64_t)value, 1);
}

void log_event_duration(struct log_event *event, const char *key, int64_t usec)
{
	uint64_t ms = (uint64_t)(MAX(usec, 0) + 500) / 1000;

	log_event_key(event, key);
	log_append_digits(event->line, ms / 1000, 1);
	g_string_append_c(event->line, '.');
	log_append_digits(event->line, ms % 1000, 3);
	g_string_append_c(event->line, 's');
}

void log_event_fault(struct log_event *event, const struct fault *fault)
{
	log_event_text(event, "status", fault_status(fault));
	log_event_text(event, "error", fault->text);
}

void log_event_emit(struct log_event *event, enum log_level level)
{
	if (log_wants(level))
		log_write(level, event->line->str);
	g_string_free(event->line, TRUE);
	g_free(event);
}
