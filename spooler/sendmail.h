/*
 * What okapi-sendmail does once it knows what is wanted: hand the message to
 * the spooler's submission socket, or leave it in the drop directory.
 */
#ifndef OKAPI_SENDMAIL_H
#define OKAPI_SENDMAIL_H

#include "base.h"
#include "conf.h"
#include "sendmail_args.h"

/* Names below run_dir. */
#define SUBMISSION_SOCKET "submission.sock"
#define QUEUE_SOCKET      "queue.sock" /* "list" or "flush", then the answer */

/* Does it; messages for people go to stderr.  Returns the exit code. */
int sendmail_run(const struct conf *conf, struct sendmail_args *args);

/* The exit code for a reply ("550 5.1.1 ..."); 75 for what may be retried. */
int sendmail_exit_of(const char *reply);

#endif
