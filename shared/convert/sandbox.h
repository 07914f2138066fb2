/*
 * Takes from the helper whatever it does not need: it meets hostile bytes.
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_SANDBOX_H
#define OKAPI_CONVERT_SANDBOX_H

#include "base.h"
#include "fault.h"

/*
 * No new privileges, no core, bounded memory and files; then a system call
 * filter: no network, no programs, no processes, no writing to files (reading
 * stays, for iconv's modules).  Whatever else is called ends the process.
 */
NODISCARD int sandbox_enter(struct fault *fault);

#endif
