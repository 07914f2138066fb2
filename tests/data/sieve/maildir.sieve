require ["fileinto", "mailbox"];
# Folders as a server with INBOX. before every name has them.
if header :contains "subject" "lists" { fileinto "INBOX.Lists.dev"; stop; }
if header :contains "subject" "bill" { fileinto "INBOX.Bills"; stop; }
if header :contains "subject" "trash" { fileinto "INBOX.Trash"; stop; }
if header :contains "subject" "slash" { fileinto "INBOX/Lists/dev"; stop; }
if header :contains "subject" "dots" { fileinto "Lists.dev"; stop; }
if mailboxexists ["INBOX.Lists.dev", "INBOX.Bills"] { fileinto "INBOX"; }
else { discard; }
