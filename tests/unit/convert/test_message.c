/*
 * Whole messages: which property says what.
 */
#include "convert_test.h"

#define B(x) "--b\r\n" x

static const struct {
	const char *name, *message;
	uint32_t tag;
	const char *text; /* NULL: number, or absent if it is ABSENT */
	int64_t number;
} cases[] = {
#define ABSENT INT64_MIN
	{"from", "From: A <a@x>\r\n\r\n", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@x", 0},
	{"from name", "From: A <a@x>\r\n\r\n", PR_SENT_REPRESENTING_NAME, "A",
	 0},
	{"sender is from", "From: A <a@x>\r\n\r\n", PR_SENDER_EMAIL_ADDRESS,
	 "a@x", 0},
	{"sender", "From: a@x\r\nSender: s@x\r\n\r\n", PR_SENDER_SMTP_ADDRESS,
	 "s@x", 0},
	{"from is sender", "Sender: s@x\r\n\r\n",
	 PR_SENT_REPRESENTING_SMTP_ADDRESS, "s@x", 0},
	{"no sender", "\r\n", PR_SENDER_EMAIL_ADDRESS, NULL, ABSENT},
	{"first from wins", "From: a@x\r\nFrom: b@x\r\n\r\n",
	 PR_SENDER_EMAIL_ADDRESS, "a@x", 0},
	{"name without name", "From: a@x\r\n\r\n", PR_SENDER_NAME, "a@x", 0},
	{"reply-to", "Reply-To: A <a@x>, b@y\r\n\r\n", PR_REPLY_RECIPIENT_NAMES,
	 "A; b@y", 0},
	{"display to", "To: A <a@x>, b@y\r\nTo: c@z\r\n\r\n", PR_DISPLAY_TO,
	 "A; b@y; c@z", 0},
	{"display cc", "Cc: A <a@x>\r\n\r\n", PR_DISPLAY_CC, "A", 0},
	{"subject", "Subject: Re: Hi\r\n\r\n", PR_SUBJECT, "Re: Hi", 0},
	{"prefix", "Subject: Re: Hi\r\n\r\n", PR_SUBJECT_PREFIX, "Re: ", 0},
	{"normalized", "Subject: Re: Hi\r\n\r\n", PR_NORMALIZED_SUBJECT, "Hi",
	 0},
	{"no subject", "\r\n", PR_SUBJECT, "", 0},
	{"folded subject", "Subject: a\r\n b\r\n\r\n", PR_SUBJECT, "a b", 0},
	{"name case", "SUBJECT: a\r\n\r\n", PR_SUBJECT, "a", 0},
	{"blank before colon", "Subject : a\r\n\r\n", PR_SUBJECT, "a", 0},
	{"topic", "Subject: Re: Hi\r\n\r\n", PR_CONVERSATION_TOPIC, "Hi", 0},
	{"thread-topic", "Subject: a\r\nThread-Topic: t\r\n\r\n",
	 PR_CONVERSATION_TOPIC, "t", 0},
	{"message-id", "Message-ID: <a@b>\r\n\r\n", PR_INTERNET_MESSAGE_ID,
	 "<a@b>", 0},
	{"references", "References: <a@b>\r\n\t<c@d>\r\n\r\n",
	 PR_INTERNET_REFERENCES, "<a@b> <c@d>", 0},
	{"in-reply-to", "In-Reply-To: <a@b>\r\n\r\n", PR_IN_REPLY_TO_ID,
	 "<a@b>", 0},
	{"date", "Date: Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_CLIENT_SUBMIT_TIME, NULL, 1234567890000000},
	{"bad date", "Date: tomorrow\r\n\r\n", PR_CLIENT_SUBMIT_TIME, NULL,
	 ABSENT},
	{"no date but a delivery",
	 "Received: by x; Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_CLIENT_SUBMIT_TIME, NULL, 1234567890000000},
	{"bad date but a delivery",
	 "Date: tomorrow\r\n"
	 "Received: by x; Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_CLIENT_SUBMIT_TIME, NULL, 1234567890000000},
	{"received",
	 "Received: by x; Fri, 13 Feb 2009 23:31:30 +0000\r\n"
	 "Received: by y; Fri, 13 Feb 2009 23:31:00 +0000\r\n\r\n",
	 PR_MESSAGE_DELIVERY_TIME, NULL, 1234567890000000},
	{"received without date",
	 "Received: by x\r\n"
	 "Received: by y; Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_MESSAGE_DELIVERY_TIME, NULL, 1234567890000000},
	{"received in the future",
	 "Received: by x; Fri, 13 Feb 2309 23:31:30 +0000\r\n"
	 "Received: by y; Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_MESSAGE_DELIVERY_TIME, NULL, 1234567890000000},
	{"no received", "\r\n", PR_MESSAGE_DELIVERY_TIME, NULL, ABSENT},
	{"importance", "Importance: HIGH\r\n\r\n", PR_IMPORTANCE, NULL, 2},
	{"importance first", "X-Priority: 1\r\nImportance: low\r\n\r\n",
	 PR_IMPORTANCE, NULL, 0},
	{"x-priority", "X-Priority: 2 (High)\r\n\r\n", PR_IMPORTANCE, NULL, 2},
	{"x-priority low", "X-Priority: 5\r\n\r\n", PR_PRIORITY, NULL, -1},
	{"x-priority odd", "X-Priority: 10\r\n\r\n", PR_IMPORTANCE, NULL, 1},
	{"x-priority empty", "X-Priority:\r\n\r\n", PR_IMPORTANCE, NULL, 1},
	{"priority", "Priority: urgent\r\n\r\n", PR_IMPORTANCE, NULL, 2},
	{"msmail", "X-MSMail-Priority: High\r\n\r\n", PR_IMPORTANCE, NULL, 2},
	{"nonsense falls through", "Importance: x\r\nX-Priority: 1\r\n\r\n",
	 PR_IMPORTANCE, NULL, 2},
	{"default importance", "\r\n", PR_IMPORTANCE, NULL, 1},
	{"sensitivity", "Sensitivity: Private\r\n\r\n", PR_SENSITIVITY, NULL,
	 2},
	{"confidential", "Sensitivity: company-confidential\r\n\r\n",
	 PR_SENSITIVITY, NULL, 3},
	{"expires", "Expires: Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_EXPIRY_TIME, NULL, 1234567890000000},
	{"precedence", "Precedence: bulk\r\n\r\n", PR_INTERNET_PRECEDENCE,
	 "bulk", 0},
	{"list-unsubscribe", "List-Unsubscribe: <mailto:x@y>\r\n\r\n",
	 PR_LIST_UNSUBSCRIBE, "<mailto:x@y>", 0},
	{"suppress", "X-Auto-Response-Suppress: OOF, DR\r\n\r\n",
	 PR_AUTO_RESPONSE_SUPPRESS, NULL, 17},
	{"suppress all", "X-Auto-Response-Suppress: All\r\n\r\n",
	 PR_AUTO_RESPONSE_SUPPRESS, NULL, -1},
	{"auto-submitted", "Auto-Submitted: auto-replied; x\r\n\r\n",
	 PR_AUTO_RESPONSE_SUPPRESS, NULL, 48},
	{"auto-submitted no", "Auto-Submitted: no\r\n\r\n",
	 PR_AUTO_RESPONSE_SUPPRESS, NULL, ABSENT},
	{"dnt", "Disposition-Notification-To: A <a@x>\r\n\r\n",
	 PR_READ_RECEIPT_EMAIL_ADDRESS, "a@x", 0},
	{"flag", "X-Message-Flag: call\r\n\r\n", PR_FLAG_STATUS, NULL, 2},
	{"size", "Subject: a\r\n\r\nb\r\n", PR_MESSAGE_SIZE, NULL, 17},
	{"transport", "From x Mon\r\nSubject: a\n b\r\n\r\nc\r\n",
	 PR_TRANSPORT_MESSAGE_HEADERS, "Subject: a\r\n b\r\n", 0},
	{"transport 8-bit", "Subject: \xe4\r\n\r\n",
	 PR_TRANSPORT_MESSAGE_HEADERS, "Subject: \xc3\xa4\r\n", 0},
	{"body", "\r\nHello\nworld\r\n", PR_BODY, "Hello\r\nworld\r\n", 0},
	{"no body", "Subject: a\r\n", PR_BODY, "", 0},
	{"latin-1 body",
	 "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4", PR_BODY,
	 "\xc3\xa4", 0},
	{"latin-1 code page",
	 "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4",
	 PR_INTERNET_CPID, NULL, 28591},
	{"undeclared body", "\r\n\xe4", PR_BODY, "\xc3\xa4", 0},
	{"undeclared code page", "\r\n\xe4", PR_INTERNET_CPID, NULL, 1252},
	{"undeclared utf-8", "\r\n\xc3\xa4", PR_INTERNET_CPID, NULL, 65001},
	{"charset of the multipart",
	 "Content-Type: multipart/mixed; boundary=b; charset=iso-8859-2\r\n\r\n"
	 "--b\r\n\r\n\xb3\r\n--b--",
	 PR_BODY, "\xc5\x82", 0},
	{"charset of the multipart, utf-8 in it",
	 "Content-Type: multipart/mixed; boundary=b; charset=iso-8859-2\r\n\r\n"
	 "--b\r\n\r\n\xc5\x82\r\n--b--",
	 PR_BODY, "\xc5\x82", 0},
	{"charset of the multipart, not that of the octets",
	 "Content-Type: multipart/mixed; boundary=b; charset=utf-8\r\n\r\n"
	 "--b\r\n\r\n\xe4\r\n--b--",
	 PR_BODY, "\xc3\xa4", 0},
	{"ascii", "\r\na", PR_INTERNET_CPID, NULL, 20127},
	{"quoted-printable",
	 "Content-Transfer-Encoding: Quoted-Printable\r\n\r\na=\r\nb=3D",
	 PR_BODY, "ab=", 0},
	{"base64", "Content-Transfer-Encoding: base64\r\n\r\nSGVs\r\nbG8=\r\n",
	 PR_BODY, "Hello", 0},
	{"mark at the start",
	 "Content-Type: text/plain; charset=utf-8\r\n\r\n\xef\xbb\xbfx",
	 PR_BODY, "x", 0},
#define HTML "Content-Type: text/html\r\n\r\n"
	{"plain of html", HTML "<title>t</title><p>x  <b>y</b>&auml;<p>z",
	 PR_BODY, "x y\xc3\xa4\r\n\r\nz\r\n", 0},
	{"plain of lists", HTML "a<ul><li>b<li>c</ul>d", PR_BODY,
	 "a\r\n\r\n* b\r\n* c\r\n\r\nd\r\n", 0},
	{"plain of tables",
	 HTML "<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>", PR_BODY,
	 "a b\r\nc\r\n", 0},
	{"plain of links",
	 HTML "<a href=http://x/>here</a> <a href=http://y/>http://y/</a>",
	 PR_BODY, "here <http://x/> http://y/\r\n", 0},
	{"plain of scripts", HTML "a<script>b</script><style>c</style>d",
	 PR_BODY, "ad\r\n", 0},
	{"plain of pre", HTML "<pre>a\n  b</pre>c<br>d", PR_BODY,
	 "a\r\n  b\r\n\r\nc\r\nd\r\n", 0},
	{"plain of nothing", HTML "", PR_BODY, "", 0},
	{"plain of a broken tag", HTML "a<b c=\"d", PR_BODY, "a\r\n", 0},
#define FLOWED "Content-Type: text/plain; format=flowed\r\n\r\n"
	{"flowed", FLOWED "a \r\nb\r\n c\r\n> d \r\n> e\r\n>> f\r\n", PR_BODY,
	 "a b\r\nc\r\n> d e\r\n>> f\r\n", 0},
	{"flowed signature", FLOWED "a \r\n-- \r\nb", PR_BODY, "a \r\n-- \r\nb",
	 0},
	{"flowed without its blanks",
	 "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\na \r\nb",
	 PR_BODY, "ab", 0},
	{"enriched",
	 "Content-Type: text/enriched\r\n\r\n"
	 "<bold>a</bold>\r\nb\r\n\r\n<color><param>red</param>c</color><<",
	 PR_BODY, "a b\r\nc<\r\n", 0},
	{"html is native", "Content-Type: text/html\r\n\r\n<p>x",
	 PR_NATIVE_BODY, NULL, 3},
	{"multipart without boundary",
	 "Content-Type: multipart/mixed\r\n\r\nHello", PR_BODY, "Hello", 0},
	{"boundary that never comes",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\nHello", PR_BODY,
	 "Hello", 0},
	{"alternative",
	 "Content-Type: multipart/alternative; boundary=b\r\n\r\n" B(
		 "\r\nplain\r\n")
		 B("Content-Type: text/html\r\n\r\n<p>\r\n") "--b--\r\n",
	 PR_BODY, "plain", 0},
	{"mixed: the first text",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n" B("\r\none\r\n")
		 B("\r\ntwo\r\n") "--b--\r\n",
	 PR_BODY, "one", 0},
	{"mixed: behind an attachment",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n" B(
		 "Content-Disposition: attachment\r\n\r\none\r\n")
		 B("\r\ntwo\r\n") "--b--\r\n",
	 PR_BODY, "two", 0},
	{"no semicolon before the boundary",
	 "Content-Type: multipart/mixed\r\n\tboundary=b\r\n\r\n" B(
		 "\r\none\r\n") "--b--\r\n",
	 PR_BODY, "one", 0},
	{"quoted boundary with blanks",
	 "Content-Type: multipart/mixed; boundary=\"b b\"\r\n\r\n--b b\r\n"
	 "\r\none\r\n--b b--\r\n",
	 PR_BODY, "one", 0},
	{"unclosed multipart",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n" B("\r\none\r\n"),
	 PR_BODY, "one\r\n", 0},
	{"multipart in base64",
	 "Content-Type: multipart/mixed; boundary=b\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n"
	 "LS1iDQoNCm9uZQ0KLS1iLS0NCg==\r\n",
	 PR_BODY, "one", 0},
	{"multipart in quoted-printable",
	 "Content-Type: multipart/mixed; boundary=\"=b\"\r\n"
	 "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	 "--=3Db\r\n\r\none\r\n--=3Db--\r\n",
	 PR_BODY, "one", 0},
	{"multipart that says it is in base64 and is not",
	 "Content-Type: multipart/mixed; boundary=b\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n" B(
		 "\r\none\r\n") "--b--\r\n",
	 PR_BODY, "one", 0},
	{"multipart that PGP signed, in base64",
	 "Content-Type: multipart/signed; boundary=b;\r\n"
	 " protocol=\"application/pgp-signature\"\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n"
	 "LS1iDQoNCm9uZQ0KLS1iLS0NCg==\r\n",
	 PR_BODY, "one", 0},
	{"multipart that S/MIME signed, in base64: as it is",
	 "Content-Type: multipart/signed; boundary=b;\r\n"
	 " protocol=\"application/pkcs7-signature\"\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\n"
	 "LS1iDQoNCm9uZQ0KLS1iLS0NCg==\r\n",
	 PR_BODY, "--b\r\n\r\none\r\n--b--\r\n", 0},
	{"part without header",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b--\r\n",
	 PR_BODY, "", 0},
	{"unknown charset", "Content-Type: text/plain; charset=x-y\r\n\r\nabc",
	 PR_BODY, "abc", 0},
	{"unknown charset, letters",
	 "Content-Type: text/plain; charset=x-y\r\n\r\n\xe2\x98\xba", PR_BODY,
	 NULL, ABSENT},
	{"unknown charset, a file",
	 "Content-Type: text/plain; charset=x-y\r\n\r\n\xe2\x98\xba",
	 PR_HASATTACH, NULL, 1},
	{"charset in quotes of its own",
	 "Content-Type: text/plain; charset=\"'UTF-8'\"\r\n\r\n\xe2\x98\xba",
	 PR_BODY, "\xe2\x98\xba", 0},
	{"us-ascii in quotes of its own, letters",
	 "Content-Type: text/plain; charset=\"'us-ascii'\"\r\n\r\n"
	 "\xe2\x98\xba",
	 PR_BODY, "\xe2\x98\xba", 0},
	{"no charset in quotes of its own, letters",
	 "Content-Type: text/plain; charset=\"'unknown-8bit'\"\r\n\r\n"
	 "\xe2\x98\xba",
	 PR_BODY, "\xe2\x98\xba", 0},
	{"charset with a language",
	 "Content-Type: text/plain; charset=\"utf-8, de\"\r\n\r\n\xe2\x98\xba",
	 PR_BODY, "\xe2\x98\xba", 0},
	{"class", "\r\n", PR_MESSAGE_CLASS, "IPM.Note", 0},
	{"class of signed mail",
	 "Content-Type: multipart/signed; boundary=b;\r\n"
	 " protocol=\"application/pkcs7-signature\"\r\n\r\n" B("\r\nx\r\n") B(
		 "Content-Type: application/pkcs7-signature\r\n\r\nx\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note.SMIME.MultipartSigned", 0},
	{"class of encrypted mail",
	 "Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n\r\nx",
	 PR_MESSAGE_CLASS, "IPM.Note.SMIME", 0},
	{"PGP is no class",
	 "Content-Type: multipart/signed; boundary=b;\r\n"
	 " protocol=\"application/pgp-signature\"\r\n\r\n" B(
		 "\r\nx\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note", 0},
	{"failure report",
	 "Content-Type: multipart/report; boundary=b;\r\n"
	 " report-type=delivery-status\r\n\r\n" B("\r\nx\r\n")
		 B("Content-Type: message/delivery-status\r\n\r\n"
		   "Reporting-MTA: dns; mx.x\r\n\r\n"
		   "Action: delivered\r\n\r\nAction: failed\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "REPORT.IPM.Note.NDR", 0},
	{"delivery report",
	 "Content-Type: multipart/report; boundary=b\r\n\r\n" B("\r\nx\r\n") B(
		 "Content-Type: message/delivery-status\r\n\r\n"
		 "Reporting-MTA: dns; mx.x\r\n\r\nAction: delivered\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "REPORT.IPM.Note.DR", 0},
	{"reporting MTA",
	 "Content-Type: multipart/report; boundary=b\r\n\r\n" B("\r\nx\r\n") B(
		 "Content-Type: message/delivery-status\r\n\r\n"
		 "Reporting-MTA: dns; mx.x\r\n\r\nAction: delivered\r\n") "--b--\r\n",
	 PR_DSN_REPORTING_MTA, "mx.x", 0},
	{"read receipt",
	 "Content-Type: multipart/report; boundary=b\r\n\r\n" B("\r\nx\r\n")
		 B("Content-Type: message/disposition-notification\r\n\r\n"
		   "Original-Message-ID: <a@b>\r\n"
		   "Disposition: manual-action/MDN-sent-manually; "
		   "displayed\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNRN", 0},
	{"deleted unread",
	 "Content-Type: multipart/report; boundary=b\r\n\r\n" B("\r\nx\r\n")
		 B("Content-Type: message/disposition-notification\r\n\r\n"
		   "Disposition: manual-action/MDN-sent-manually; "
		   "deleted\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNNRN", 0},
	{"meeting request",
	 "Content-Type: multipart/alternative; boundary=b\r\n\r\n" B(
		 "\r\nx\r\n")
		 B("Content-Type: text/calendar; method=REQUEST\r\n\r\n"
		   "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n"
		   "END:VCALENDAR\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "IPM.Schedule.Meeting.Request", 0},
	{"attached calendar",
	 "Content-Type: multipart/mixed; boundary=b\r\n\r\n" B("\r\nx\r\n") B(
		 "Content-Type: text/calendar; method=REQUEST\r\n\r\n"
		 "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n") "--b--\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note", 0},
	{"fax", "Content-Class: fax\r\nContent-Type: image/tiff\r\n\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note.Microsoft.Fax", 0},
	{"fax without pages", "Content-Class: fax\r\n\r\n", PR_MESSAGE_CLASS,
	 "IPM.Note", 0},
	{"voice", "Content-Class: voice\r\nContent-Type: audio/wav\r\n\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note.Microsoft.Voicemail.UM", 0},
	{"missed call", "Content-Class: MissedCall\r\n\r\n", PR_MESSAGE_CLASS,
	 "IPM.Note.Microsoft.Missed.Voice", 0},
	{"custom class", "Content-Class: urn:content-class:custom.x\r\n\r\n",
	 PR_MESSAGE_CLASS, "IPM.Note.Custom.x", 0},
	{"form", "Content-Class: InfoPathForm.{1}\r\n\r\n", PR_MESSAGE_CLASS,
	 "IPM.InfoPathForm.{1}", 0},
	{"language", "Content-Language: en-GB\r\n\r\n", PR_MESSAGE_LOCALE_ID,
	 NULL, 0x0809},
	{"first language", "Content-Language: de-LI, en\r\n\r\n",
	 PR_MESSAGE_LOCALE_ID, NULL, 0x0407},
	{"unknown language", "Content-Language: tlh\r\n\r\n",
	 PR_MESSAGE_LOCALE_ID, NULL, ABSENT},
	{"expiry-time", "Expiry-Time: Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n",
	 PR_EXPIRY_TIME, NULL, 1234567890000000},
	{"x-list-help", "X-List-Help: <mailto:x@y>\r\n\r\n", PR_LIST_HELP,
	 "<mailto:x@y>", 0},
	{"list-help first", "X-List-Help: a\r\nList-Help: b\r\n\r\n",
	 PR_LIST_HELP, "b", 0},
	{"caller", "X-CallingTelephoneNumber: +49 1\r\n\r\n",
	 PR_SENDER_TELEPHONE_NUMBER, "+49 1", 0},
	{"seconds", "X-VoiceMessageDuration: 5\r\n\r\n",
	 PR_VOICE_MESSAGE_DURATION, NULL, 5},
	{"no number", "X-VoiceMessageDuration: 5s\r\n\r\n",
	 PR_VOICE_MESSAGE_DURATION, NULL, ABSENT},
	{"pages", "X-FaxNumberOfPages: 3\r\n\r\n", PR_FAX_NUMBER_OF_PAGES, NULL,
	 3},
	{"scl of anybody", "X-MS-Exchange-Organization-SCL: -1\r\n\r\n",
	 PR_CONTENT_FILTER_SCL, NULL, ABSENT},
	{"sender id of anybody",
	 "X-MS-Exchange-Organization-SenderIdResult: Pass\r\n\r\n",
	 PR_SENDER_ID_STATUS, NULL, ABSENT},
	{"transport without what is internal",
	 "A: 1\r\nX-MS-Exchange-Organization-X: 1\r\n 2\r\n"
	 "x-ms-exchange-forest-x: y\nB: 2\n\n",
	 PR_TRANSPORT_MESSAGE_HEADERS, "A: 1\r\nB: 2\r\n", 0},
	{"flags of a receipt", "Disposition-Notification-To: a@x\r\n\r\n",
	 PR_MESSAGE_FLAGS, NULL, 0x302},
	{"header ends at a line that is no field",
	 "Subject: a\r\nno field\r\nX: y\r\n\r\nz", PR_BODY,
	 "no field\r\nX: y\r\n\r\nz", 0},
	{"lines of CR", "Subject: a\rTo: b@x\r\rc\rd\r\n", PR_BODY,
	 "c\r\nd\r\n", 0},
	{"empty input", "", PR_SUBJECT, "", 0},
};

Test(message, table)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set = convert(cases[i].message);

		if (cases[i].text)
			expect_text(cases[i].name, set, cases[i].tag,
				    cases[i].text);
		else if (cases[i].number == ABSENT)
			cr_expect(!propset_has(set, cases[i].tag), "%s: has %s",
				  cases[i].name, proptag_name(cases[i].tag));
		else
			expect_number(cases[i].name, set, cases[i].tag,
				      cases[i].number);
	}
}

Test(message, recipients)
{
	AUTO(propset) set = convert("To: A <a@x>, g: b@y, c@z;\r\n"
				    "Cc: d@x\r\nBcc: e@x\r\n\r\n");
	static const int64_t types[] = {1, 1, 1, 2, 3};
	static const char *const who[] = {"a@x", "b@y", "c@z", "d@x", "e@x"};

	cr_assert_eq(propset_recipient_count(set), 5);
	for (size_t i = 0; i < 5; i++) {
		const struct propset *row = propset_recipient(set, i);

		expect_number(who[i], row, PR_RECIPIENT_TYPE, types[i]);
		expect_number(who[i], row, PR_ROWID, (int64_t)i);
		expect_text(who[i], row, PR_SMTP_ADDRESS, who[i]);
		expect_text(who[i], row, PR_ADDRTYPE, "SMTP");
		cr_expect(propset_has(row, PR_ENTRYID));
	}
	expect_text("name", propset_recipient(set, 0), PR_DISPLAY_NAME, "A");
}

Test(message, header_fields)
{
	AUTO(propset) set = convert("X-One: a\r\n b\r\n"
				    "to: =?utf-8?q?=C3=A4?= <a@x>, g: b@y;\r\n"
				    "X-One: c\r\n\r\n");
	const struct header_field *to = propset_find_header(set, "To");
	const struct header_address *address = NULL;

	cr_assert_eq(propset_header_count(set), 3);
	cr_expect_str_eq(propset_header(set, 0)->text, "a b");
	cr_expect_str_eq(propset_header(set, 2)->text, "c");
	cr_assert(to && to->addresses && to->addresses->len == 2);
	address = g_ptr_array_index(to->addresses, 0);
	cr_expect_str_eq(address->display, "\xc3\xa4");
	address = g_ptr_array_index(to->addresses, 1);
	cr_expect_str_eq(address->address, "b@y");
	cr_expect_str_eq(address->group, "g");
}

Test(message, named_headers)
{
	AUTO(propset) set = convert("X-Mailer: Mutt\r\nX-Priority: 1\r\n\r\n");
	uint32_t mailer = propset_named_tag(set, "PS_INTERNET_HEADERS",
					    "x-mailer", 0, PT_UNICODE);
	uint32_t priority = propset_named_tag(set, "PS_INTERNET_HEADERS",
					      "x-priority", 0, PT_UNICODE);

	cr_expect_str_eq(propset_text(set, mailer), "Mutt");
	cr_expect(!propset_has(set, priority));
}

static struct propset *trusting(const char *message)
{
	const struct convert_options options = {
		.flags = CONVERT_ALL | CONVERT_TRUSTED,
		.default_charset = "windows-1252",
	};

	convert_init();
	return convert_to_propset(message, strlen(message), &options, NULL);
}

/* MS-OXCMAIL 2.1.3.2.23, 2.2.3.2.20, 2.2.3.2.21 */
Test(message, exchange_is_believed_where_it_is_trusted)
{
	static const struct {
		const char *field;
		uint32_t tag;
		int64_t number;
	} rows[] = {
		{"SCL: 7", PR_CONTENT_FILTER_SCL, 7},
		{"SCL: -1", PR_CONTENT_FILTER_SCL, -1},
		{"SCL: 11", PR_CONTENT_FILTER_SCL, ABSENT},
		{"SCL: x", PR_CONTENT_FILTER_SCL, ABSENT},
		{"PCL: 4", PR_CONTENT_FILTER_PCL, 4},
		{"SenderIdResult: softfail", PR_SENDER_ID_STATUS, 4},
		{"SenderIdResult: TempError", PR_SENDER_ID_STATUS,
		 (int32_t)0x80000006},
		{"SenderIdResult: x", PR_SENDER_ID_STATUS, ABSENT},
	};
	AUTO(propset) prd = trusting("X-MS-Exchange-Organization-PRD: x.org");

	expect_text("domain", prd, PR_PURPORTED_SENDER_DOMAIN, "x.org");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text =
			g_strconcat("X-MS-Exchange-Organization-",
				    rows[i].field, "\r\n\r\n", NULL);
		AUTO(propset) set = trusting(text);

		expect_number(rows[i].field, set, rows[i].tag, rows[i].number);
	}
}

/* MS-OXCMAIL 2.2.3.2.22 */
Test(message, classification)
{
	static const char *const first[] = {"true", "false"};

	for (size_t i = 0; i < G_N_ELEMENTS(first); i++) {
		g_autofree char *text =
			g_strdup_printf("X-Microsoft-Classification: secret\r\n"
					"X-Microsoft-Classified: %s\r\n"
					"X-Microsoft-ClassKeep: false\r\n\r\n",
					first[i]);
		AUTO(propset) set = convert(text);
		uint32_t classified = propset_named_tag(
			set, "PSETID_Common", NULL, 0x85b5, PT_BOOLEAN);
		uint32_t classification = propset_named_tag(
			set, "PSETID_Common", NULL, 0x85b6, PT_UNICODE);

		cr_expect_eq(propset_bool(set, classified), i == 0);
		expect_text(first[i], set, classification,
			    i == 0 ? "secret" : NULL);
	}
}

Test(message, a_flag_with_its_due_date)
{
	AUTO(propset) set =
		convert("X-Message-Flag: call\r\n"
			"Reply-By: Fri, 13 Feb 2009 23:31:30 +0000\r\n\r\n");
	uint32_t due =
		propset_named_tag(set, "PSETID_Task", NULL, 0x8105, PT_SYSTIME);

	expect_number("due", set, due, 1234567890000000);
}

Test(message, named_headers_have_a_limit)
{
	GString *message = g_string_new(NULL);
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	struct propset *set = NULL;
	size_t named = 0;

	for (int i = 0; i < 500; i++)
		g_string_append_printf(message, "X-N%d: v\r\n", i);
	g_string_append(message, "\r\n");
	set = convert_len(message->str, message->len, notes);
	for (size_t i = 0; i < propset_count(set); i++)
		if (PROP_ID(propset_at(set, i)->tag) >= PROP_ID_NAMED)
			named++;
	cr_expect_eq(named, 100);
	cr_expect(notes->len == 1);
	propset_free(set);
	g_string_free(message, TRUE);
}

Test(message, flags_say_what_is_wanted)
{
	static const char text[] =
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nx\r\n--b\r\nContent-Type: image/png\r\n\r\nPNG\r\n"
		"--b--\r\n";
	const struct convert_options none = {.flags = 0};
	struct propset *set = NULL;
	const struct prop *data = NULL;

	convert_init();
	set = convert_to_propset(text, strlen(text), &none, NULL);
	cr_expect(!propset_has(set, PR_BODY));
	cr_expect_eq(propset_header_count(set), 0);
	cr_assert_eq(propset_attachment_count(set), 1);
	data = propset_find(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	cr_assert(data && !data->value.binary.data);
	cr_expect_eq(data->value.binary.size, 3);
	propset_free(set);
}
