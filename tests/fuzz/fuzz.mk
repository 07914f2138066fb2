# Fuzz targets (libFuzzer, clang).  FUZZ_TIME is in seconds; what is found new
# is kept below build/fuzz, so that the next run begins there.
#
#   make fuzz-smtp FUZZ_TIME=300

FUZZ_CC    ?= clang
FUZZ_TIME  ?= 60
FUZZ_FLAGS := -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer

# $(call fuzz_build,SOURCES,LIBS)
define fuzz_build
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -o $@ $(1) $(2)
endef
# $(call fuzz_run,NAME): corpus tests/fuzz/NAME, dictionary tests/fuzz/NAME.dict
define fuzz_run
	@mkdir -p build/fuzz/$(1)-corpus
	G_SLICE=always-malloc build/fuzz/fuzz_$(1) -max_total_time=$(FUZZ_TIME) \
		-dict=tests/fuzz/$(1).dict -artifact_prefix=build/fuzz/$(1)- \
		-print_final_stats=1 build/fuzz/$(1)-corpus tests/fuzz/$(1)
endef

# $(eval $(call fuzz_plain,NAME,SOURCES,LIBS)): the same target of what the
# programs are made of, with a main() of its own: make test builds it and runs
# it over the corpus (tests/e2e/test_fuzz.py), so that it links and runs on.
define fuzz_plain
test-build: $(B)/tests/fuzz/fuzz_$(1)
$(B)/tests/fuzz/fuzz_$(1): $(patsubst %.c,$(O)/%.o,$(2)) $(O)/tests/fuzz/main.o
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $(3)
endef

FUZZ_SMTP_SRC := tests/fuzz/fuzz_smtp_server.c $(wildcard shared/smtp/*.c) \
	shared/fault.c shared/scram.c shared/digest.c shared/digest_format.c shared/digest_key.c

build/fuzz/fuzz_smtp_server: $(FUZZ_SMTP_SRC) $(wildcard shared/smtp/*.h)
	$(call fuzz_build,$(FUZZ_SMTP_SRC),$(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,smtp_server,$(FUZZ_SMTP_SRC),$(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-smtp
fuzz-smtp: build/fuzz/fuzz_smtp_server
	$(call fuzz_run,smtp_server)
