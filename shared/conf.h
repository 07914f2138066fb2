/*
 * The configuration: one table of options (conf_options.def) gives the struct,
 * the parser, the defaults, `config show`, `config check` and the man page.
 *
 * The file is flat "key = value" with # comments, as in the Zarafa line.
 * Sizes are written in MB and held in bytes; times are held in seconds; lists
 * are separated by blanks.
 */
#ifndef OKAPI_CONF_H
#define OKAPI_CONF_H

#include "base.h"
#include "conf_syntax.h"
#include "fault.h"

enum conf_log_method {
	CONF_LOG_AUTO,
	CONF_LOG_FILE,
	CONF_LOG_SYSLOG,
	CONF_LOG_STDERR,
	CONF_LOG_JOURNAL,
};

enum conf_tls_level {
	CONF_TLS_NONE,
	CONF_TLS_OPPORTUNISTIC,
	CONF_TLS_REQUIRED,
	CONF_TLS_VERIFY,
};

/* C types of the kinds of option in conf_options.def. */
#define CONF_C_STRING     char *
#define CONF_C_LIST       char ** /* NULL-terminated, never NULL itself */
#define CONF_C_BOOL       bool
#define CONF_C_NUMBER     int64_t
#define CONF_C_SIZE       int64_t /* bytes */
#define CONF_C_TIME       int64_t /* seconds */
#define CONF_C_MODE       int64_t /* file mode bits */
#define CONF_C_LOG_METHOD enum conf_log_method
#define CONF_C_TLS_LEVEL  enum conf_tls_level

/* Every option by its key; strings are "" rather than NULL when unset. */
struct conf {
#define CONF_OPTION(kind, key, unit, def, min, max, text) CONF_C_##kind key;
#include "conf_options.def"
#undef CONF_OPTION
	char *path; /* the file that was read, "" if none */
	/* Where each value came from, in the order of the table. */
	char **origins;
	/* Owned texts, "FILE:LINE: key: ...", of what is no error:
	 * daemon_tell_warnings() logs them, config check prints them. */
	GPtrArray *warnings;
};

/*
 * Reads the configuration: path, or $OKAPI_CONFIG, or CONF_DEFAULT_FILE (which
 * may be missing), then overrides ("key=value", NULL-terminated, may be NULL),
 * which win.  All errors are found at once: faults (may be NULL) receives one
 * owned string each, "FILE:LINE: key: what is wrong"; the fault is the first.
 * Owned result: conf_free().  Where there are faults and an array for them it
 * is given as well, with defaults for what is wrong, so that more can be found.
 */
NODISCARD int conf_load(const char *path, const char *const *overrides,
			struct conf **ret_conf, GPtrArray *faults,
			struct fault *fault);
/* The same without the names of this machine (hostname, origin, postmaster):
 * "" where the file leaves them out.  For those who need none of them. */
NODISCARD int conf_read(const char *path, const char *const *overrides,
			struct conf **ret_conf, GPtrArray *faults,
			struct fault *fault);
/* conf (borrowed) with overrides on top of it, for a caller who says what -o
 * does; the first fault.  Owned result. */
NODISCARD int conf_override(const struct conf *conf,
			    const char *const *overrides,
			    struct conf **ret_conf, struct fault *fault);
void conf_free(struct conf *conf);
AUTO_DEFINE(conf, conf_free);

/* Tells of the value of a key: adds "FILE:LINE: key: text" to faults, and makes
 * it the first fault if there is none yet; either may be NULL. */
void conf_add_fault(const struct conf *conf, const char *key, const char *text,
		    GPtrArray *faults, struct fault *first);

/* The table, for `config show`, completion and the man page. */
size_t conf_option_count(void);
const char *conf_option_key(size_t i);
const char *conf_option_text(size_t i);
const char *conf_option_default(size_t i);
/* The value as it would be written in the file; owned. */
char *conf_option_format(const struct conf *conf, size_t i);
/* "default", "FILE:LINE" or "-o"; borrowed from conf. */
const char *conf_option_origin(const struct conf *conf, size_t i);

#endif
