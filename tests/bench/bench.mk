# make bench-store: what should be rows?  CORPUS=DIRECTORY COUNT=N

CORPUS ?= ../shared/corpus
COUNT  ?= 3000

$(B)/tests/bench/bench_store: $(O)/tests/bench/bench_store.o $(STORE) $(CONVERT) $(GROUND)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(STORE) $(CONVERT) $(GROUND) -Wl,--end-group \
		$(CONVERT_LIBS) $(SECCOMP_LIBS) $(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

.PHONY: bench-store
bench-store: $(B)/tests/bench/bench_store
	@$< - $(COUNT)
	@if [ -d "$(CORPUS)" ]; then $< "$(CORPUS)" $(COUNT); \
	else echo "bench-store: no $(CORPUS): only generated messages"; fi

# make bench-scale: what a store's size costs; some minutes and 5 GB in TMPDIR.
# SCALE="MESSAGES USERS LARGE": so many of the messages in one folder
SCALE ?= 1000000 10000 200000

$(B)/tests/bench/bench_scale: $(O)/tests/bench/bench_scale.o $(STORE) $(GROUND)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(STORE) $(GROUND) -Wl,--end-group \
		$(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

.PHONY: bench-scale
bench-scale: $(B)/tests/bench/bench_scale
	@$< $(SCALE)

# make bench-convert: conversion beside plain GMime.  TURNS=N
TURNS ?= 7

$(B)/tests/bench/bench_convert: $(O)/tests/bench/bench_convert.o $(CONVERT) $(HELPER) $(GROUND)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(CONVERT) $(HELPER) $(GROUND) -Wl,--end-group \
		$(CONVERT_LIBS) $(SECCOMP_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

.PHONY: bench-convert
bench-convert: $(B)/okapi-convert $(B)/tests/bench/bench_convert
	@OKAPI_BUILD=$(abspath $(B)) $(B)/tests/bench/bench_convert $(TURNS)

# make bench-rules: rules, beside Pigeonhole; without a delivery around it:
$(B)/tests/bench/bench_evaluate: $(O)/tests/bench/bench_evaluate.o $(RULES) $(CONVERT) $(GROUND)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(RULES) $(CONVERT) $(GROUND) -Wl,--end-group \
		$(CONVERT_LIBS) $(SECCOMP_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

# make bench-stdin: a process a message, beside procmail and others
$(B)/tests/bench/stdin_load: tests/bench/stdin_load.c
	@mkdir -p $(@D)
	$(CC) -O2 -D_GNU_SOURCE -o $@ $<
