/*
 * The submission service: ESMTP on run_dir/submission.sock, for every local
 * user.  The peer's uid says who it is.
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

/* The kind of its sessions, for serve_add(); their service_context is the
 * service itself.  Borrowed from the service. */
const struct serve_kind *submission_kind(struct submission_service *service);

#endif
