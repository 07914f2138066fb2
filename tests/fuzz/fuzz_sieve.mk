# The Sieve engine: make fuzz-sieve FUZZ_TIME=300 (see fuzz.mk).
FUZZ_SIEVE_SRC := tests/fuzz/fuzz_sieve.c $(wildcard rules/*.c) \
	shared/fault.c shared/propset.c shared/propset_wire.c shared/propset_digest.c \
	shared/proptag.c shared/digest.c shared/digest_format.c shared/utf8.c $(wildcard shared/charset*.c) \
	shared/pages.c shared/param.c shared/field.c shared/header.c

build/fuzz/fuzz_sieve: $(FUZZ_SIEVE_SRC) $(wildcard rules/*.h)
	$(call fuzz_build,$(FUZZ_SIEVE_SRC),$(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,sieve,$(FUZZ_SIEVE_SRC),$(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-sieve
fuzz-sieve: build/fuzz/fuzz_sieve
	$(call fuzz_run,sieve)
