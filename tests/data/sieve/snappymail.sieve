/*
This is a web mail's script.
Please don't change anything here!
*/

require ["fileinto","imap4flags","regex","spamtest","relational","comparator-i;ascii-numeric"];

/*
BEGIN:FILTER:1a2b
BEGIN:HEADER
eyJAT2JqZWN0IjoiT2JqZWN0L0ZpbHRlciJ9
END:HEADER
*/
if anyof(
	header :contains ["From"] "news@example.org",
	header :regex ["Subject"] "^\\[[a-z]+\\] .*digest$"
)
{
	addflag "\\Seen";
	fileinto "INBOX/Lists";
	stop;
}
elsif not not spamtest :value "ge" :comparator "i;ascii-numeric" "7"
{
	fileinto "INBOX.Junk";
	stop;
}
/* END:FILTER */
