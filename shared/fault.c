/*
 * The table behind fault.h: what each kind of fault means to an MTA.
 */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct fault_row {
	enum fault_class class;
	const char *status;
	int reply;
	int exit;
};

static const struct fault_row fault_table[FAULT_KINDS] = {
	[FAULT_NONE] = {FAULT_CLASS_NONE, "2.0.0", 250, EX_OK},
	[FAULT_INTERNAL] = {FAULT_CLASS_TEMPORARY, "4.3.0", 451, EX_TEMPFAIL},
	[FAULT_OVERTAKEN] = {FAULT_CLASS_TEMPORARY, "4.3.0", 451, EX_TEMPFAIL},
	[FAULT_STORE_BUSY] = {FAULT_CLASS_TEMPORARY, "4.3.0", 451, EX_TEMPFAIL},
	[FAULT_DISK_FULL] = {FAULT_CLASS_TEMPORARY, "4.3.1", 452, EX_TEMPFAIL},
	[FAULT_IO] = {FAULT_CLASS_TEMPORARY, "4.3.0", 451, EX_TEMPFAIL},
	[FAULT_SHUTDOWN] = {FAULT_CLASS_TEMPORARY, "4.3.2", 421, EX_TEMPFAIL},
	[FAULT_TOO_MANY] = {FAULT_CLASS_TEMPORARY, "4.5.3", 452, EX_TEMPFAIL},
	[FAULT_FULL_FOR_NOW] = {FAULT_CLASS_TEMPORARY, "4.2.2", 452,
				EX_TEMPFAIL},
	[FAULT_CONFIG] = {FAULT_CLASS_TEMPORARY, "4.3.5", 451, EX_CONFIG},
	[FAULT_NOT_YOURS] = {FAULT_CLASS_TEMPORARY, "4.7.1", 451, EX_TEMPFAIL},
	[FAULT_NETWORK] = {FAULT_CLASS_TEMPORARY, "4.4.2", 451, EX_TEMPFAIL},
	[FAULT_RESYNC] = {FAULT_CLASS_TEMPORARY, "4.3.0", 451, EX_TEMPFAIL},
	[FAULT_NO_RECIPIENT] = {FAULT_CLASS_PERMANENT, "5.1.1", 550, EX_NOUSER},
	[FAULT_MAILBOX_FULL] = {FAULT_CLASS_PERMANENT, "5.2.2", 552,
				EX_CANTCREAT},
	[FAULT_TOO_BIG] = {FAULT_CLASS_PERMANENT, "5.3.4", 552, EX_DATAERR},
	[FAULT_TOO_MANY_RCPTS] = {FAULT_CLASS_PERMANENT, "5.5.3", 554,
				  EX_DATAERR},
	[FAULT_LOOP] = {FAULT_CLASS_PERMANENT, "5.4.6", 554, EX_DATAERR},
	[FAULT_NOT_A_MESSAGE] = {FAULT_CLASS_PERMANENT, "5.6.0", 554,
				 EX_DATAERR},
	[FAULT_REJECTED] = {FAULT_CLASS_PERMANENT, "5.7.1", 550, EX_NOPERM},
	[FAULT_BAD_SEQUENCE] = {FAULT_CLASS_PERMANENT, "5.5.1", 503,
				EX_PROTOCOL},
	[FAULT_BAD_COMMAND] = {FAULT_CLASS_PERMANENT, "5.5.2", 500,
			       EX_PROTOCOL},
	[FAULT_BAD_ARGUMENT] = {FAULT_CLASS_PERMANENT, "5.5.4", 501, EX_USAGE},
	[FAULT_BAD_ADDRESS] = {FAULT_CLASS_PERMANENT, "5.1.3", 501, EX_NOUSER},
	[FAULT_NEEDS_UTF8] = {FAULT_CLASS_PERMANENT, "5.6.7", 553, EX_DATAERR},
	[FAULT_UNSUPPORTED] = {FAULT_CLASS_PERMANENT, "5.5.4", 555, EX_USAGE},
	[FAULT_TOO_MANY_ERRORS] = {FAULT_CLASS_TEMPORARY, "4.7.0", 421,
				   EX_TEMPFAIL},
	[FAULT_USAGE] = {FAULT_CLASS_PERMANENT, "5.5.4", 501, EX_USAGE},
	[FAULT_REFUSED_INPUT] = {FAULT_CLASS_PERMANENT, "5.6.0", 554,
				 EX_DATAERR},
	[FAULT_NOT_FOUND] = {FAULT_CLASS_PERMANENT, "5.2.0", 550, EX_NOINPUT},
	[FAULT_NO_USER] = {FAULT_CLASS_PERMANENT, "5.1.1", 550, EX_NOUSER},
	[FAULT_EXISTS] = {FAULT_CLASS_PERMANENT, "5.2.0", 550, EX_CANTCREAT},
	[FAULT_NOT_ALLOWED] = {FAULT_CLASS_PERMANENT, "5.7.1", 550, EX_NOPERM},
	[FAULT_AUTH_REQUIRED] = {FAULT_CLASS_PERMANENT, "5.7.0", 530,
				 EX_NOPERM},
};

/* One line of UTF-8: control characters would break a reply or a log line, and
 * a terminal takes more than those for commands. */
static void fault_flatten(char *text)
{
	const char *end;

	for (char *at = text; !g_utf8_validate(at, -1, &end);) {
		at += end - at;
		*at++ = '?';
	}
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];

		if (c < 0x20 || c == 0x7f)
			*text = ' ';
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
			text[0] = text[1] = '?';
	}
}

int fault_set(struct fault *fault, enum fault_kind kind, const char *format,
	      ...)
{
	va_list args;

	if (!fault)
		return -1;
	fault->kind = kind;
	va_start(args, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	fault_flatten(fault->text);
	return -1;
}

int fault_set_errno(struct fault *fault, enum fault_kind kind, int err,
		    const char *format, ...)
{
	va_list args;
	char text[FAULT_TEXT_MAX];

	if (err == ENOSPC || err == EDQUOT)
		kind = FAULT_DISK_FULL;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fault_set(fault, kind, "%s: %s", text, g_strerror(err));
}

enum fault_kind fault_of_path(int err)
{
	switch (err) {
	case EEXIST:
	case ENOTEMPTY:
		return FAULT_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return FAULT_NOT_ALLOWED;
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case EINVAL:
		return FAULT_NOT_FOUND;
	default:
		return FAULT_IO;
	}
}

int fault_prefix(struct fault *fault, const char *format, ...)
{
	va_list args;
	char context[FAULT_TEXT_MAX];
	char text[FAULT_TEXT_MAX];

	if (!fault)
		return -1;
	va_start(args, format);
	(void)vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	g_strlcpy(text, fault->text, sizeof(text));
	return fault_set(fault, fault->kind, "%s: %s", context, text);
}

void fault_clear(struct fault *fault)
{
	fault->kind = FAULT_NONE;
	fault->text[0] = '\0';
}

enum fault_class fault_class(const struct fault *fault)
{
	return fault_table[fault->kind].class;
}

bool fault_is_temporary(const struct fault *fault)
{
	return fault_class(fault) == FAULT_CLASS_TEMPORARY;
}

const char *fault_status(const struct fault *fault)
{
	return fault_table[fault->kind].status;
}

int fault_reply(const struct fault *fault)
{
	return fault_table[fault->kind].reply;
}

int fault_exit(const struct fault *fault)
{
	return fault_table[fault->kind].exit;
}
