/*
 * What is delivered of a message that could not be converted.
 */
#include "charset.h"
#include "helper.h"

static struct propset *fallback_attachment(GBytes *rfc822)
{
	struct propset *attachment = propset_new();

	propset_set_number(attachment, PR_ATTACH_NUM, 0);
	propset_set_number(attachment, PR_ATTACH_METHOD, 1);
	propset_set_number(attachment, PR_ATTACH_SIZE,
			   (int64_t)g_bytes_get_size(rfc822));
	propset_set_number(attachment, PR_RENDERING_POSITION, -1);
	propset_set_text(attachment, PR_ATTACH_LONG_FILENAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_FILENAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_EXTENSION, ".eml");
	propset_set_text(attachment, PR_DISPLAY_NAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_MIME_TAG, "message/rfc822");
	propset_set_binary(attachment, PR_ATTACH_DATA_BIN, rfc822);
	return attachment;
}

struct propset *helper_fallback_propset(GBytes *rfc822)
{
	static const char subject[] = "Fallback delivery";
	struct propset *set = propset_new();

	propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note");
	propset_set_text(set, PR_SUBJECT, subject);
	propset_set_text(set, PR_SUBJECT_PREFIX, "");
	propset_set_text(set, PR_NORMALIZED_SUBJECT, subject);
	propset_set_text(set, PR_CONVERSATION_TOPIC, subject);
	propset_set_text(set, PR_SENDER_NAME, "System Administrator");
	propset_set_text(set, PR_SENT_REPRESENTING_NAME,
			 "System Administrator");
	propset_set_number(set, PR_IMPORTANCE, 1);
	propset_set_number(set, PR_PRIORITY, 0);
	propset_set_number(set, PR_SENSITIVITY, 0);
	propset_set_number(set, PR_MESSAGE_SIZE,
			   (int64_t)g_bytes_get_size(rfc822));
	propset_set_text(set, PR_BODY,
			 "A message for you could not be read by the mail "
			 "server.\r\n\r\nIt is attached as it came, as "
			 "original.eml: a mail program can open it.\r\n");
	propset_set_number(set, PR_NATIVE_BODY, 1);
	propset_set_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_number(set, PR_MESSAGE_FLAGS, 0x12);
	propset_add_attachment(set, fallback_attachment(rfc822));
	return set;
}
