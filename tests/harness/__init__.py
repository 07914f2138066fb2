"""What the end-to-end tests, the demo and the benches stand on.

cases    named cases, their report, temporary directories
process  programs that are started, waited for and ended by their pid
okapi    an Okapi of its own: configuration, store, daemons, okapi-admin
lmtp     a client that says what a test tells it to say
sink     a relay host whose answers a test chooses
mta      Postfix and its like from build/mta in a mount namespace
corpus   real mail from ../shared/corpus, where it is there
"""
