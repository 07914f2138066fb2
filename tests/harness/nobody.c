/*
 * A machine that cannot tell for now who a user is (LD_PRELOAD): no descriptors
 * are left, or a directory does not answer.
 */
#include <errno.h>
#include <pwd.h>

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t len,
	       struct passwd **ret_entry)
{
	(void)uid;
	(void)entry;
	(void)buffer;
	(void)len;
	*ret_entry = 0;
	return EMFILE;
}
