# The targets of tests; tests/run says what is run and how it is counted.
#
#   make test          units, end to end, crash, checks: under ten minutes
#   make test SAN=asan the same over a build with sanitizers; SAN=tsan: of threads
#   make test-corpus   every message of ../shared/corpus: others' judgement, both
#                      doors
#   make test-crash    kill -9 under load, for longer
#   make test-queue    10,000 queued messages, two spoolers, one killed
#   make test-memory   256 sessions of 50 MB each: below 1 GB; writes 13 GB
#   make test-random   random operations and kills, for longer; OKAPI_SEED=N
#   make bench-lmtp    deliveries a second, beside dovecot-lmtpd
#   make bench-rules   what rules cost, beside Pigeonhole
#   make bench-stdin   a process a message, beside procmail and others
#   make bench-scale   what the size of a store costs
#   make bench-convert conversion, beside plain GMime
#   make bench-relay   draining the queue, beside Postfix

# A Criterion binary with a leak and an overflow, for the runner's own test.
$(B)/tests/selftest/test_finding: tests/selftest/test_finding.c
	@mkdir -p $(@D)
	$(CC) -g -fsanitize=address,undefined -o $@ $< -lcriterion

.PHONY: test test-build test-corpus test-crash test-queue test-memory test-random bench-lmtp bench-rules bench-stdin bench-relay
# A fresh machine has no pkg-config when make reads the Makefile, so the build
# is a make of its own.
test:
	@scripts/deps build test
	@$(MAKE) --no-print-directory -j2 test-build
	@for group in test senders mtas filter bounces; do \
		tests/e2e/unpack $$group || \
		echo "tests: the programs of $$group could not be fetched; their tests will be skipped"; done
	@tests/run --build $(B)

test-build: all unit $(B)/sample-config $(B)/tests/selftest/test_finding

bench-stdin: $(B)/tests/bench/stdin_load
test-corpus test-crash test-queue test-memory bench-lmtp bench-rules bench-stdin bench-relay:
	@scripts/deps build test
	@$(MAKE) --no-print-directory -j2 all
	@[ $@ != bench-rules ] || $(MAKE) --no-print-directory $(B)/tests/bench/bench_evaluate
	@OKAPI_BUILD=$(abspath $(B)) tests/slow $@

include tests/bench/bench.mk

test-random:
	@scripts/deps build test
	@$(MAKE) --no-print-directory -j2 $(B)/tests/unit/store/test_random
	@OKAPI_BUILD=$(abspath $(B)) tests/slow $@
