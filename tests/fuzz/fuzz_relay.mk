# What a relay host may say to our own SMTP client: make fuzz-relay
# FUZZ_TIME=900 (see fuzz.mk).
FUZZ_RELAY_SRC := tests/fuzz/fuzz_relay.c spooler/relay_direct.c \
	spooler/relay_hello.c spooler/relay_link.c spooler/relay_auth.c \
	spooler/relay_form.c spooler/relay_outcome.c spooler/relay_place.c \
	spooler/relay_control.c spooler/relay_token.c spooler/relay_content.c \
	spooler/downgrade.c shared/scram.c shared/digest.c shared/digest_format.c shared/digest_key.c shared/fault.c \
	shared/field.c shared/utf8.c shared/header.c shared/log.c shared/program.c \
	shared/relay_name.c \
	$(wildcard shared/smtp/*.c)

build/fuzz/fuzz_relay: $(FUZZ_RELAY_SRC) $(wildcard spooler/*.h)
	$(call fuzz_build,$(FUZZ_RELAY_SRC) ,$(SSL_LIBS) $(GLIB_LIBS))

$(eval $(call fuzz_plain,relay,$(FUZZ_RELAY_SRC),$(SSL_LIBS) $(GLIB_LIBS)))

.PHONY: fuzz-relay
fuzz-relay: build/fuzz/fuzz_relay
	$(call fuzz_run,relay)
