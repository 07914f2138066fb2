### Nextcloud Mail: Filters ### DON'T EDIT ###
require ["imap4flags"];
### Nextcloud Mail: Filters ### DON'T EDIT ###
### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
require "date";
require "relational";
require "variables";
require "vacation";
### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
require ["fileinto"];

### Nextcloud Mail: Filters ### DON'T EDIT ###
# FILTER: [{"name":"Mark","enable":true,"operator":"allof","tests":[{"operator":"contains","values":["ticket"],"field":"subject"}],"actions":[{"type":"addflag","flag":"Ticket"}],"priority":10}]
# Mark
if allof (header :contains "Subject" ["ticket"]) {
addflag "$ticket";
}
### Nextcloud Mail: Filters ### DON'T EDIT ###

if address :is "from" "shop@shop.example" {
    fileinto "Bills";
}

### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
# DATA: {"version":1,"enabled":true,"start":"2020-11-01T00:00:00+00:00","subject":"On holiday","message":"Back soon."}
if allof(currentdate :value "ge" "iso8601" "2020-11-01T00:00:00Z", currentdate :value "le" "iso8601" "2020-11-30T00:00:00Z") {
    set "subject" "";
    if header :matches "subject" "*" {
        set "subject" "${1}";
    }
    vacation :days 4 :subject "On holiday: ${subject}" :addresses ["Anna <anna@okapi.test>"] "Back soon.";
}
### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
