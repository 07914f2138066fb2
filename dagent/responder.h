/*
 * The external auto-reply program: run without a shell, with a clean
 * environment and a time limit, after the mail is on disk.  Whatever it does,
 * the delivery stands.
 */
#ifndef OKAPI_DAGENT_RESPONDER_H
#define OKAPI_DAGENT_RESPONDER_H

#include "base.h"

struct responder_job {
	char *program;
	char *from;    /* the user who is away */
	char *to;      /* the original sender */
	char *subject; /* of the reply */
	char *user;    /* login */
	GBytes *reply; /* the finished message */
	int64_t timeout_ms;
};
void responder_job_free(struct responder_job *job);

/* Runs PROGRAM FROM TO SUBJECT USER MESSAGEFILE and waits for its end or the
 * time limit; logs what it says and how it ends.  Takes the job (moved), a
 * function for GThreadPool. */
void responder_run_job(gpointer job, gpointer unused);

#endif
