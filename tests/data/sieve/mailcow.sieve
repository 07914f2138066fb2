require "fileinto";
require "mailbox";
require "variables";
require "subaddress";
require "envelope";
require "duplicate";
require "regex";
require "copy";

if header :contains "X-Spam-Flag" "YES" {
  fileinto "Junk";
}
if header :matches "X-Moo-Tag" "YES" {
  if envelope :detail :matches "to" "*" {
    set "tag" "${1}";
  }
  if allof (not string :is "${tag}" "", not header :regex "x-skip" ["^y", "^Y"]) {
    fileinto :create "INBOX/${tag}";
    stop;
  }
}
