require ["fileinto", "date", "relational", "vacation", "imap4flags", "envelope", "subaddress", "copy", "variables", "mailbox", "regex"];

### BEGIN FILTER_ID:7
if header :contains    ["from"] ["shop.example"] {
    fileinto "Bills";
    stop;
}
### END FILTER_ID:7

### BEGIN FILTER_ID:8
if header :regex    ["subject"] ["^\\[dev\\] .*"] {
discard;
stop;
}
### END FILTER_ID:8

# Move spam to spam folder
if anyof (
  header :contains "X-Spam-Flag" "YES",
  header :contains "X-Spam" "Yes",
  header :contains "subject" "*** SPAM ***"
) {
  fileinto "Junk";
  # no reply to spam
  stop;
}

# Send a copy to
if header :matches "subject" "copy *" {
  redirect :copy "copies@elsewhere.example";
}

### BEGIN AUTORESPONDER
if allof(
  currentdate :zone "+0100" :value "ge" "iso8601" "2020-01-01T00:00:00+01:00",
  currentdate :zone "+0100" :value "le" "iso8601" "2020-12-31T23:59:59+01:00"
) {
  vacation :days 1
    :subject "Out of office reply"
    # both of them
    :addresses ["anna@okapi.test", "anna@old.example"]
    "Away.
Two lines.";
}
### END AUTORESPONDER

if envelope :matches :detail "to" "*" {
  /* user+name goes to a folder of that name */
  set :lower :upperfirst "name" "${1}";
  if allof (not string :is "${name}" "", mailboxexists "${name}") {
    fileinto "${name}";
  }
}
