/*
 * A message on its way into a mailbox: apart from mail_import.c, which needs
 * the helper, for who only reads archives.
 */
#include "mail_import.h"

#include "propset.h"

void import_item_free(gpointer data)
{
	struct import_item *item = data;

	g_bytes_unref(item->bytes);
	propset_free(item->set);
	propset_free(item->own);
	g_free(item->folder);
	g_free(item->sender);
	g_free(item->trace);
	g_strfreev(item->keywords);
	g_free(item);
}
