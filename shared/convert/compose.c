/*
 * Property set to RFC 822.
 */
#include "convert.h"

int convert_to_rfc822(const struct propset *set, GByteArray **ret_rfc822,
		      struct fault *fault)
{
	(void)set;
	(void)ret_rfc822;
	return fault_set(fault, FAULT_INTERNAL, "not there yet");
}
