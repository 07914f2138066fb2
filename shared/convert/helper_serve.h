/*
 * What a helper does in its process.
 */
#ifndef OKAPI_CONVERT_HELPER_SERVE_H
#define OKAPI_CONVERT_HELPER_SERVE_H

/* Closes all descriptors but 0, 1 and 2, enters the sandbox and serves requests
 * from 0 until the stream ends; the exit code.  Nothing else runs in the
 * process from then on. */
int helper_serve(void);

#endif
