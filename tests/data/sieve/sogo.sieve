require ["fileinto","vacation","imap4flags","relational","date","envelope","body","copy","mailbox"];
if allof (header :contains ["to","cc"] "everyone@firma.example", not header :is "subject" "party") {
    fileinto "Everyone";
    addflag "$label1";
    stop;
}
if anyof (header :matches "subject" "build ? of *", envelope :is "from" "ci@firma.example", body :text :contains "BUILD FAILED") {
    addflag ["\\Seen", "$label2"];
    keep;
    stop;
}
vacation :days 3 :addresses ["anna@okapi.test"] :subject "Away" text:
Gone.
.
;
