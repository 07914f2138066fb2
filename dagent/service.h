/*
 * The daemon: LMTP on lmtp_listen and on run_dir/dagent.sock.
 */
#ifndef OKAPI_DAGENT_SERVICE_H
#define OKAPI_DAGENT_SERVICE_H

#include "options.h"

/* okapi-dagent -l: returns at SIGTERM or SIGINT; the exit code. */
int service_main(const struct options *options);

#endif
