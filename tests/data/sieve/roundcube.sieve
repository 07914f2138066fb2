require ["body","copy","date","editheader","envelope","fileinto","imap4flags","mailbox","regex","reject","relational","comparator-i;ascii-numeric","spamtestplus","variables","vacation","vacation-seconds"];
# rule:[Junk by its score]
if anyof (header :value "ge" :comparator "i;ascii-numeric" "X-Spam-Score" "5", header :is "x-spam-flag" "YES", spamtest :value "ge" :percent :comparator "i;ascii-numeric" "90")
{
	fileinto "Junk";
	stop;
}
# rule:[switched off]
if false # anyof (header :contains "subject" "never")
{
	discard;
	stop;
}
# rule:[Newsletters]
if allof (not header :contains ["from","sender"] ["boss@firma.example"], exists ["list-unsubscribe"], not exists ["x-important","x-urgent"])
{
	fileinto :create "Newsletters";
	addflag "\\Seen";
	stop;
}
# rule:[Large, with "invoice" in it]
if allof (size :over 1M, size :under 25M, body :text :contains ["invoice","rechnung"])
{
	fileinto :copy "Bills";
}
# rule:[Only in the spring, at work]
if allof (currentdate :value "ge" "date" "2020-03-01", currentdate :value "le" "date" "2020-05-31", currentdate :is "weekday" ["1","2","3","4","5"], date :zone "+0100" :value "lt" "date" "hour" "18", envelope :all :regex "from" "^[a-z]+@firma\\.example$")
{
	set :lower "who" "${1}";
	redirect :copy "colleague@firma.example";
}
# rule:[Gone fishing]
if header :contains "subject" "fishing"
{
	vacation :days 7 :addresses ["anna@okapi.test","a.example@okapi.test"] :from "Anna <anna@okapi.test>" :subject "On the lake" text:
Back on Monday.
..
That was a line with one dot.
.
;
	keep;
}
# rule:[No, thanks]
if address :domain :is "from" "spammer.example"
{
	reject text:
Not wanted here.
.
;
}
