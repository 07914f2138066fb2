/*
 * The drop directory, as the spooler sees it: messages that okapi-sendmail left
 * while no spooler answered.
 *
 * A file is submitted, committed, then unlinked.  A spooler that dies between
 * the two submits it again: this window is documented (docs/queue.md).  A file
 * that can never be submitted is told of in an Inbox and goes to
 * spool_dir/failed; nothing is dropped.
 */
#ifndef OKAPI_DROP_H
#define OKAPI_DROP_H

#include "base.h"
#include "conf.h"
#include "submit.h"

/* A descriptor that becomes readable when a file arrives; the caller closes
 * it. */
NODISCARD int drop_watch(const struct conf *conf, int *ret_fd,
			 struct fault *fault);
void drop_watch_drain(int fd);

/* Submits what is there, in order of name.  Returns how many files stay for a
 * later try. */
size_t drop_take(const struct conf *conf, struct submit *submit);

/* Is there no file that waits? */
bool drop_is_empty(const struct conf *conf);

#endif
