# Archives of a mailbox: make fuzz-archive FUZZ_TIME=600 (see fuzz.mk).
FUZZ_ARCHIVE_SRC := tests/fuzz/fuzz_archive.c admin/archive_read.c admin/import_item.c \
	admin/json_in.c admin/json_out.c admin/print.c admin/progress.c \
	$(wildcard shared/store/*.c) $(wildcard shared/propset*.c) \
	shared/proptag.c shared/fault.c shared/digest.c shared/digest_format.c shared/digest_key.c \
	shared/scram.c shared/utf8.c shared/field.c shared/notify.c \
	shared/prompt.c shared/log.c shared/nearest.c shared/header.c shared/pages.c

build/fuzz/fuzz_archive: FUZZ_FLAGS += -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
build/fuzz/fuzz_archive: $(FUZZ_ARCHIVE_SRC) admin/archive_import.c $(wildcard admin/*.h)
	$(call fuzz_build,$(FUZZ_ARCHIVE_SRC),$(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS) -ljansson)

$(eval $(call fuzz_plain,archive,$(FUZZ_ARCHIVE_SRC),$(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS) $(JANSSON_LIBS)))

.PHONY: fuzz-archive
fuzz-archive: build/fuzz/fuzz_archive
	$(call fuzz_run,archive)
