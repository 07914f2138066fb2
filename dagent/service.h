/*
 * The daemon: LMTP on lmtp_listen and on run_dir/dagent.sock.
 */
#ifndef OKAPI_DAGENT_SERVICE_H
#define OKAPI_DAGENT_SERVICE_H

#include "options.h"

/* The socket that stdin mode hands over to; owned. */
struct conf;
char *service_socket(const struct conf *conf);

/* okapi-dagent -l: returns at SIGTERM or SIGINT; the exit code. */
int service_main(const struct options *options);

#endif
