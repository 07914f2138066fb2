/*
 * Outcomes: what a command line delivery ends with, its exit code and the one
 * line MTAs read.
 *
 * MTAs let a leading enhanced status code win over the exit status (RFC 3463;
 * Postfix pipe(8), local(8)), so both come from the same fault here.
 */
#ifndef OKAPI_DAGENT_OUTCOME_H
#define OKAPI_DAGENT_OUTCOME_H

#include "base.h"
#include "fault.h"

/* 0 for FAULT_NONE, 75 for everything temporary, else the fault's own; with
 * qmail (qmail-command(8)) 0, 111, 100. */
int outcome_exit(const struct fault *fault, bool qmail);

/* "5.1.1 <x@y>: no such recipient"; owned. */
char *outcome_line(const struct fault *fault);

/* Prints the line (none for FAULT_NONE, or if silent); the exit code. */
int outcome_report(const struct fault *fault, bool qmail, bool silent);

/* A usage or configuration error of a delivery: a typo in main.cf must not
 * bounce mail, so whatever the kind was it becomes FAULT_CONFIG (4.3.5). */
void outcome_soften(struct fault *fault);

/*
 * The one that speaks for several recipients: FAULT_NONE if all are, the
 * first temporary one if there is any, else the first failure.  Borrowed from
 * faults; count > 0.
 */
const struct fault *outcome_of_many(const struct fault *faults, size_t count);

/*
 * What a reply of the daemon means.  code is the SMTP reply code, text what
 * follows it ("5.1.1 <x@y>: ...").  Whatever is not known to be final becomes
 * temporary.
 */
void outcome_from_reply(int code, const char *text, struct fault *ret_fault);

#endif
