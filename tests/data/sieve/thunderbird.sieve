# Sorts what comes from lists, by hand in a client's editor.
require ["fileinto", "envelope", "subaddress", "encoded-character",
         "comparator-i;ascii-numeric", "relational", "ereject",
         "index", "date", "variables", "include", "duplicate", "ihave",
         "environment", "special-use"];

if duplicate :handle "lists" :seconds 3600 {
  discard;
  stop;
}

# List-Id: Name of it <dev.project.example>
if header :matches "List-Id" "*<*.*>" {
  set :lower "list" "${2}";
  if string :is "${list}" "" {
    keep;
  } elsif specialuse_exists "\\Junk" {
    fileinto "Lists/${list}";
  } else {
    keep;
  }
  stop;
}

if header :contains "subject" ["${hex:24 24 24}", "${unicode:20AC 20AC}", "\"win\" \\ lose"] {
  fileinto :specialuse "\\Junk" "Junk";
  stop;
}

if ihave "vnd.nobody.has.this" {
  nobody_has_this :tag "x";
} elsif environment :matches "location" "M*" {
  if header :value "gt" :comparator "i;ascii-numeric" :index 1 :last "x-weight" "100" {
    ereject "Too heavy.";
  }
}

if not address :localpart :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] "0" {
  if date :index 1 :originalzone :matches "received" "zone" "+*" { keep; }
}
