# From the days of imapflags; websieve and the like.
require ["fileinto", "imapflags", "vacation"];
#Mail filter rules for anna
#rule&&1&&ENABLED&&boss@firma.example&&&&&&folder&&Bills&&0&&&&0
if header :contains "from" "boss@firma.example" { setflag "\\Flagged"; fileinto "Bills"; }
elsif header :contains "subject" "old" { fileinto "Drafts"; }
else { keep; }
