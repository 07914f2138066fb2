require ["fileinto","reject"];
# kept with CRLF, tabs and a byte order mark
if header :contains "subject" "crlf"
{
	fileinto "Drafts";
}
if header :contains "subject" "no way"
{
	reject text:
No.
.
;
}
