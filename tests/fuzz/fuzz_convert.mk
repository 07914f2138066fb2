# Conversion: make fuzz-convert FUZZ_TIME=300 (see fuzz.mk).  Its corpus are
# the messages of tests/data/convert.
FUZZ_CONVERT_SRC := tests/fuzz/fuzz_convert.c \
	$(filter-out shared/convert/helper% shared/convert/sandbox.c, \
		$(wildcard shared/convert/*.c)) \
	shared/fault.c $(wildcard shared/propset*.c) \
	shared/proptag.c shared/digest.c shared/digest_format.c shared/utf8.c shared/field.c \
	$(wildcard shared/charset*.c) shared/pages.c shared/param.c

build/fuzz/fuzz_convert: CPPFLAGS += $(CONVERT_CFLAGS)
build/fuzz/fuzz_convert: $(FUZZ_CONVERT_SRC) $(wildcard shared/convert/*.h)
	$(call fuzz_build,$(FUZZ_CONVERT_SRC),$(CONVERT_LIBS) $(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,convert,$(FUZZ_CONVERT_SRC),$(CONVERT_LIBS) $(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-convert
fuzz-convert: build/fuzz/fuzz_convert
	$(call fuzz_run,convert)

# Composing: make fuzz-compose FUZZ_TIME=300; its corpus are sets in lines.
FUZZ_COMPOSE_SRC := tests/fuzz/fuzz_compose.c \
	$(filter-out tests/fuzz/fuzz_convert.c,$(FUZZ_CONVERT_SRC))

build/fuzz/fuzz_compose: CPPFLAGS += $(CONVERT_CFLAGS)
build/fuzz/fuzz_compose: $(FUZZ_COMPOSE_SRC) $(wildcard shared/convert/*.h)
	$(call fuzz_build,$(FUZZ_COMPOSE_SRC),$(CONVERT_LIBS) $(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,compose,$(FUZZ_COMPOSE_SRC),$(CONVERT_LIBS) $(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-compose
fuzz-compose: build/fuzz/fuzz_compose
	$(call fuzz_run,compose)

# The helper's requests: make fuzz-request FUZZ_TIME=300
FUZZ_REQUEST_SRC := tests/fuzz/fuzz_request.c shared/convert/sandbox.c \
	$(filter-out tests/fuzz/fuzz_convert.c,$(FUZZ_CONVERT_SRC))

build/fuzz/fuzz_request: CPPFLAGS += $(CONVERT_CFLAGS)
build/fuzz/fuzz_request: $(FUZZ_REQUEST_SRC) $(wildcard shared/convert/*.[ch])
	$(call fuzz_build,$(FUZZ_REQUEST_SRC),$(CONVERT_LIBS) $(SECCOMP_LIBS) \
		$(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,request,$(FUZZ_REQUEST_SRC),$(CONVERT_LIBS) $(SECCOMP_LIBS) $(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-request
fuzz-request: build/fuzz/fuzz_request
	$(call fuzz_run,request)
