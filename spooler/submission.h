/*
 * The submission service (RFC 6409): ESMTP on run_dir/submission.sock for every
 * local user, whose uid says who it is; and over the network with TLS for who
 * has a password.
 */
#ifndef OKAPI_SUBMISSION_H
#define OKAPI_SUBMISSION_H

#include "base.h"
#include "conf.h"
#include "serve.h"
#include "submit.h"

struct submission_service;

/* conf and submit are borrowed until submission_free(). */
struct submission_service *submission_new(const struct conf *conf,
					  struct submit *submit);
void submission_free(struct submission_service *service);
AUTO_DEFINE(submission_service, submission_free);

enum submission_door {
	SUBMISSION_LOCAL,    /* the unix socket */
	SUBMISSION_STARTTLS, /* submission_listen */
	SUBMISSION_TLS,      /* submissions_listen */
	SUBMISSION_DOORS
};

/* The kind of the sessions of a door, for serve_add(); their service_context
 * is the service itself.  Borrowed from the service. */
const struct serve_kind *submission_kind(struct submission_service *service,
					 enum submission_door door);

#endif
