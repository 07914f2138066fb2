/*
 * Faults to exit codes and lines, replies back to faults.
 */
#include "outcome.h"

#include "door.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int outcome_exit(const struct fault *fault, bool qmail)
{
	if (fault->kind == FAULT_NONE)
		return EX_OK;
	if (fault_is_temporary(fault))
		return qmail ? DOOR_QMAIL_TEMPORARY : EX_TEMPFAIL;
	return qmail ? DOOR_QMAIL_PERMANENT : fault_exit(fault);
}

char *outcome_line(const struct fault *fault)
{
	return g_strdup_printf("%s %s", fault_status(fault), fault->text);
}

int outcome_report(const struct fault *fault, bool qmail, bool silent)
{
	if (fault->kind != FAULT_NONE && !silent) {
		g_autofree char *line = outcome_line(fault);

		(void)printf("%s\n", line);
		(void)fflush(stdout);
	}
	return outcome_exit(fault, qmail);
}

void outcome_soften(struct fault *fault)
{
	if (fault->kind != FAULT_NONE)
		fault->kind = FAULT_CONFIG;
}

const struct fault *outcome_of_many(const struct fault *faults, size_t count)
{
	const struct fault *chosen = &faults[0];

	for (size_t i = 0; i < count; i++) {
		if (fault_is_temporary(&faults[i]))
			return &faults[i];
		if (chosen->kind == FAULT_NONE)
			chosen = &faults[i];
	}
	return chosen;
}

/* What the daemon may answer a delivery with, the likelier kind of a code
 * first.  What is not here concerns our own two programs, not the mail. */
static const enum fault_kind outcome_kinds[] = {
	FAULT_NO_RECIPIENT, FAULT_MAILBOX_FULL, FAULT_TOO_BIG,
	FAULT_LOOP,         FAULT_REJECTED,     FAULT_NOT_A_MESSAGE,
	FAULT_BAD_ADDRESS,  FAULT_DISK_FULL,    FAULT_FULL_FOR_NOW,
	FAULT_SHUTDOWN,     FAULT_TOO_MANY,     FAULT_CONFIG,
	FAULT_NOT_YOURS,    FAULT_NETWORK,      FAULT_TOO_MANY_ERRORS,
};

static enum fault_kind outcome_kind(int code, const char *status, size_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(outcome_kinds); i++) {
		struct fault fault = {.kind = outcome_kinds[i]};

		if (fault_reply(&fault) / 100 == code / 100 &&
		    strlen(fault_status(&fault)) == len &&
		    strncmp(fault_status(&fault), status, len) == 0)
			return outcome_kinds[i];
	}
	return FAULT_INTERNAL;
}

void outcome_from_reply(int code, const char *text, struct fault *ret_fault)
{
	size_t len = strcspn(text, " ");
	enum fault_kind kind = FAULT_INTERNAL;

	if (code >= 200 && code < 300) {
		fault_clear(ret_fault);
		return;
	}
	if (len >= 5 && g_ascii_isdigit(text[0]) && text[1] == '.') {
		kind = outcome_kind(code, text, len);
		if (kind != FAULT_INTERNAL || text[0] == '4')
			text += len + (text[len] == ' ');
	}
	(void)fault_set(ret_fault, kind, "%s",
			*text ? text : "no reason was given");
}
