/*
 * okapi-admin: users, groups, quotas, folders, messages, rules, queue and
 * upkeep of the store.
 */
#include "admin.h"

int main(int argc, char **argv)
{
	return admin_main(argc, argv);
}
