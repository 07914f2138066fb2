# Okapi: one Makefile, no recursion.  Its link lines are the architecture:
# who may use what stands in docs/architecture.md and is held by check-layers.
#
#   make            build everything into build/
#   make deps       install what building and running needs (Debian)
#   make run        build, create a store under ./var, run both daemons
#   make demo       the tour: deliver, filter, send, look
#   make test       every unit and end-to-end test
#   make lint       format, layers, clang-tidy, cppcheck
#   make install    DESTDIR, PREFIX
#   SAN=asan|tsan|cov   a build of its own under build/$(SAN)/

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec/okapi
VERSION    := $(shell sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1)

SAN ?=
B   := build$(if $(SAN),/$(SAN))
O   := $(B)/obj

# ---- tools and libraries ---------------------------------------------------
CC         ?= gcc
PKG_CONFIG ?= pkg-config
pkg = $(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags-only-I $(1) 2>/dev/null)) \
      $(shell $(PKG_CONFIG) --cflags-only-other $(1) 2>/dev/null)
lib = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

GLIB_CFLAGS := $(call pkg,glib-2.0)
GLIB_LIBS   := $(call lib,glib-2.0)
GMIME_CFLAGS := $(call pkg,gmime-3.0)
GMIME_LIBS  := $(call lib,gmime-3.0)
SQLITE_LIBS := $(call lib,sqlite3)
SSL_LIBS    := $(call lib,openssl)
IDN_LIBS    := $(call lib,libidn2)
ZSTD_LIBS   := $(call lib,libzstd)
# What the store stands on.
STORE_LIBS  := $(SQLITE_LIBS) $(IDN_LIBS) $(ZSTD_LIBS)
ESMTP_LIBS  := $(call lib,libesmtp-1.0)
ICAL_CFLAGS := $(call pkg,libical)
# Of libraries that are loaded when they are needed (shared/convert/lazy.c,
# shared/digest_lazy.c).
soname = $(shell objdump -p "$$($(PKG_CONFIG) --variable=libdir $(1))/$(2).so" 2>/dev/null | sed -n 's/^ *SONAME *//p')
XML_CFLAGS  := $(call pkg,libxml-2.0)
# What meets hostile bytes: in a helper only.
CONVERT_CFLAGS := $(GMIME_CFLAGS) $(XML_CFLAGS) $(ICAL_CFLAGS) \
	-DLIBXML_SONAME='"$(call soname,libxml-2.0,libxml2)"' \
	-DLIBICAL_SONAME='"$(call soname,libical,libical)"'
DIGEST_LAZY_CFLAGS := -DLIBCRYPTO_SONAME='"$(call soname,libcrypto,libcrypto)"'
CONVERT_LIBS := $(GMIME_LIBS)
SECCOMP_LIBS := $(call lib,libseccomp)
JANSSON_LIBS := $(call lib,jansson)

# For the program that is started once a message: a C library that starts fast,
# linked statically (docs/libraries.md).  Where there is none, and under a
# sanitizer, the usual one.
MUSL_CC := $(if $(SAN),,$(shell command -v musl-gcc 2>/dev/null))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wcast-qual -Wformat=2 -Wundef -Wvla -Wswitch-enum \
	-Wduplicated-cond -Wlogical-op -Wconversion -Wsign-conversion \
	-Wnull-dereference
ifneq ($(CI)$(WERROR),)
WARN += -Werror
endif
HARDEN_release := -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection
HARDEN_asan := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
HARDEN_tsan := -O1 -g -fsanitize=thread
HARDEN_cov  := -O0 -g --coverage
MODE := $(if $(SAN),$(SAN),release)

CFLAGS  += -std=gnu17 -fPIE -pthread $(HARDEN_$(MODE)) $(WARN)
CPPFLAGS += -D_GNU_SOURCE -Ishared -I. $(GLIB_CFLAGS) \
	-DOKAPI_VERSION='"$(VERSION)"' -DOKAPI_LIBEXECDIR='"$(LIBEXECDIR)"'
LDFLAGS += -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed \
	$(if $(SAN),$(filter -fsanitize=% --coverage,$(HARDEN_$(MODE))))

# One short line a step; V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# ---- rooms -----------------------------------------------------------------
# A room is an archive; a program is its main plus the rooms it may use.
room_src = $(sort $(wildcard $(1)/*.c))
room_obj = $(patsubst %.c,$(O)/%.o,$(call room_src,$(1)))

GROUND  := $(B)/lib/ground.a   # shared/*.c: fault, log, conf, propset, net
CONVERT := $(B)/lib/convert.a  # GMime; in a helper's process only
HELPER  := $(B)/lib/helper.a   # how to reach the helper; no GMime
STORE   := $(B)/lib/store.a    # SQLite
SMTP    := $(B)/lib/smtp.a     # protocol engine, server side, and what serves it
RULES   := $(B)/lib/rules.a    # Sieve
DAGENT  := $(B)/lib/dagent.a
SPOOLER := $(B)/lib/spooler.a
ADMIN   := $(B)/lib/admin.a

# Files with a main() are not part of their room's archive.
DAGENT_MAINS  := dagent/main.c dagent/dagentd_main.c dagent/deliver_main.c
SPOOLER_MAINS := spooler/main.c spooler/sendmail_main.c
ADMIN_MAIN    := admin/main.c
HELPER_MAIN   := shared/convert/helper_main.c
HELPER_SRC    := $(addprefix shared/convert/,helper.c helper_pool.c helper_fallback.c)
MAINS := $(DAGENT_MAINS) $(SPOOLER_MAINS) $(ADMIN_MAIN) $(HELPER_MAIN)

PROGRAMS := $(B)/okapi-dagent $(B)/okapi-dagentd $(B)/okapi-deliver $(B)/okapi-spooler \
	$(B)/okapi-sendmail $(B)/okapi-admin $(B)/okapi-convert

.DEFAULT_GOAL := all
.PHONY: all
all: $(PROGRAMS)

objs = $(patsubst %.c,$(O)/%.o,$(filter-out $(MAINS),$(1)))
# They drive the engine over sockets, and go where the engine goes.
SERVE_SRC := shared/serve.c shared/serve_session.c
# In place of digest.c, for programs that are started for a message.
DIGEST_LAZY := $(O)/shared/digest_lazy.o
$(GROUND):  $(call objs,$(filter-out $(SERVE_SRC) shared/digest_lazy.c,$(call room_src,shared)))
$(CONVERT): $(call objs,$(filter-out $(HELPER_SRC),$(call room_src,shared/convert)))
$(HELPER):  $(call objs,$(HELPER_SRC))
$(STORE):   $(call objs,$(call room_src,shared/store))
$(SMTP):    $(call objs,$(call room_src,shared/smtp) $(SERVE_SRC))
$(RULES):   $(call objs,$(call room_src,rules))
$(DAGENT):  $(call objs,$(call room_src,dagent))
$(SPOOLER): $(call objs,$(call room_src,spooler))
$(ADMIN):   $(call objs,$(call room_src,admin))

# A process a message, without GLib: its objects are its own, and see no
# library's headers.
FRONT := $(patsubst %,$(O)/front/%.o,dagent/main dagent/front dagent/front_conf \
	dagent/option_table shared/conf_syntax shared/pieces shared/program)
$(FRONT): $(O)/front/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(or $(MUSL_CC),$(CC)) $(filter-out $(GLIB_CFLAGS),$(CPPFLAGS)) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/okapi-dagent: $(FRONT)
ifneq ($(MUSL_CC),)
$(B)/okapi-dagent: LINK = $(MUSL_CC)
$(B)/okapi-dagent: LIBS = -static -no-pie
endif
$(B)/okapi-dagentd: $(O)/dagent/dagentd_main.o $(DAGENT) $(RULES) $(SMTP) $(STORE) $(HELPER) $(GROUND)
$(B)/okapi-dagentd: LIBS = $(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS)
$(B)/okapi-deliver: $(O)/dagent/deliver_main.o $(DIGEST_LAZY) $(DAGENT) $(RULES) $(SMTP) $(STORE) $(HELPER) $(CONVERT) $(GROUND)
$(B)/okapi-deliver: LIBS = $(STORE_LIBS) $(CONVERT_LIBS) $(SECCOMP_LIBS) $(GLIB_LIBS)
$(B)/okapi-spooler: $(O)/spooler/main.o $(SPOOLER) $(SMTP) $(STORE) $(HELPER) $(GROUND)
$(B)/okapi-spooler: LIBS = $(ESMTP_LIBS) $(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS) -ldl
$(B)/okapi-sendmail: $(O)/spooler/sendmail_main.o $(SPOOLER) $(SMTP) $(GROUND)
$(B)/okapi-sendmail: LIBS = $(SSL_LIBS) $(GLIB_LIBS)
$(B)/okapi-admin: $(O)/admin/main.o $(ADMIN) $(RULES) $(STORE) $(SMTP) $(HELPER) $(GROUND)
$(B)/okapi-admin: LIBS = $(JANSSON_LIBS) $(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS)
$(B)/okapi-convert: $(O)/shared/convert/helper_main.o $(DIGEST_LAZY) $(CONVERT) $(GROUND)
$(B)/okapi-convert: LIBS = $(CONVERT_LIBS) $(SECCOMP_LIBS) $(GLIB_LIBS)

$(O)/shared/convert/%.o $(O)/tests/%.o: CPPFLAGS += $(CONVERT_CFLAGS)
$(DIGEST_LAZY): CPPFLAGS += $(DIGEST_LAZY_CFLAGS)

# Criterion's macros do not stand these warnings.
$(O)/tests/%.o: CFLAGS += -Wno-conversion -Wno-sign-conversion -Wno-null-dereference

LINK = $(CC)
$(PROGRAMS):
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

$(B)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# ---- tests -----------------------------------------------------------------
UNIT_SRC  := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN  := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
# ThreadSanitizer's memory is where Criterion wants its own.
CRITERION := $(if $(filter tsan,$(SAN)),$(O)/tests/tools/criterion_fork.o,-lcriterion)
ALL_ROOMS := $(ADMIN) $(SPOOLER) $(DAGENT) $(RULES) $(SMTP) $(STORE) $(HELPER) $(CONVERT) $(GROUND)

$(UNIT_BIN): $(B)/tests/unit/%: $(O)/tests/unit/%.o $(ALL_ROOMS) $(filter %.o,$(CRITERION))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ALL_ROOMS) -Wl,--end-group \
		$(CRITERION) $(ESMTP_LIBS) $(CONVERT_LIBS) $(JANSSON_LIBS) $(SECCOMP_LIBS) \
		$(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS) -ldl

.PHONY: unit
unit: all $(UNIT_BIN) $(B)/okapi-sieve-test $(B)/okapi-admin-batch

# Pigeonhole's .svtest files on our language (docs/sieve-suite.md); for tests,
# not installed.
$(B)/okapi-sieve-test: $(patsubst %.c,$(O)/%.o,$(wildcard tests/svtest/*.c)) \
		$(DAGENT) $(RULES) $(SMTP) $(STORE) $(HELPER) $(GROUND)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(SQLITE_LIBS) $(ZSTD_LIBS) $(IDN_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

# Command lines of okapi-admin by the thousand; for tests, not installed.
$(B)/okapi-admin-batch: $(O)/tests/tools/admin_batch.o $(ADMIN) $(RULES) $(STORE) $(SMTP) $(HELPER) $(GROUND)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(JANSSON_LIBS) $(STORE_LIBS) $(SSL_LIBS) $(GLIB_LIBS)

include tests/tests.mk
include $(wildcard tests/fuzz/*.mk)

# ---- deps, run, demo -------------------------------------------------------
# A fresh machine has no pkg-config when make reads the lines above, so what
# follows deps is a make of its own.
.PHONY: deps run demo
deps:
	@scripts/deps build
run:
	@scripts/deps build
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@OKAPI_BUILD=$(abspath $(B)) scripts/run
demo:
	@scripts/deps build demo
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@OKAPI_BUILD=$(abspath $(B)) scripts/demo

# ---- lint ------------------------------------------------------------------
.PHONY: lint check-layers check-format format print-cppflags print-cppflags-convert
lint:
	@scripts/deps build lint
	@scripts/check format layers man words cppcheck tidy
check-layers:
	@scripts/check layers
check-format:
	@scripts/check format
format:
	clang-format -i $$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
print-cppflags:
	@: $(info $(CPPFLAGS))
print-cppflags-convert:
	@: $(info $(CPPFLAGS) $(CONVERT_CFLAGS))

# ---- install ---------------------------------------------------------------
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share/okapi
MANDIR     ?= $(PREFIX)/share/man
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
D := $(DESTDIR)

$(B)/sample-config: $(O)/dist/sample_config.o $(GROUND)
$(B)/sample-config: LIBS = $(SSL_LIBS) $(GLIB_LIBS)
$(B)/sample-config:
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/okapi.cfg.sample: $(B)/sample-config
	$< >$@.new && mv $@.new $@

# Shell completion, from the program's own table of commands.
$(B)/completion.%: $(B)/okapi-admin
	$< completion $* >$@.new && mv $@.new $@
COMPLETIONS := $(addprefix $(B)/completion.,bash zsh fish)

.PHONY: install uninstall
install: all $(B)/okapi.cfg.sample $(COMPLETIONS)
	install -d $(D)$(SBINDIR) $(D)$(BINDIR) $(D)$(LIBEXECDIR) $(D)$(DATADIR) \
		$(D)$(UNITDIR) $(D)$(SYSUSERSDIR) $(D)$(TMPFILESDIR) $(D)$(SYSCONFDIR)/okapi
	install -m 755 $(B)/okapi-dagent $(B)/okapi-spooler $(B)/okapi-admin $(D)$(SBINDIR)
	ln -sf okapi-admin $(D)$(SBINDIR)/zarafa-admin
	install -m 755 $(B)/okapi-sendmail $(D)$(BINDIR)
	install -m 755 $(B)/okapi-convert $(B)/okapi-dagentd $(B)/okapi-deliver $(D)$(LIBEXECDIR)
	install -m 644 $(B)/okapi.cfg.sample $(D)$(DATADIR)
	test -e $(D)$(SYSCONFDIR)/okapi/okapi.cfg || \
		install -m 644 $(B)/okapi.cfg.sample $(D)$(SYSCONFDIR)/okapi/okapi.cfg
	install -m 755 dist/okapi-autorespond $(D)$(DATADIR)
	install -m 644 dist/fail2ban/okapi.conf $(D)$(DATADIR)/fail2ban-okapi.conf
	install -D -m 644 $(B)/completion.bash $(D)$(BASHDIR)/okapi-admin
	install -D -m 644 $(B)/completion.zsh $(D)$(ZSHDIR)/_okapi-admin
	install -D -m 644 $(B)/completion.fish $(D)$(FISHDIR)/okapi-admin.fish
	install -m 644 dist/okapi.sysusers $(D)$(SYSUSERSDIR)/okapi.conf
	install -m 644 dist/okapi.tmpfiles $(D)$(TMPFILESDIR)/okapi.conf
	install -m 644 dist/okapi-quota.timer dist/okapi-dagent.socket dist/okapi-spooler.socket $(D)$(UNITDIR)
	for unit in dagent spooler quota; do \
		sed 's|@SBINDIR@|$(SBINDIR)|' dist/okapi-$$unit.service.in \
			>$(D)$(UNITDIR)/okapi-$$unit.service || exit; done
	for page in $(wildcard docs/man/*.[158]); do \
		install -D -m 644 $$page $(D)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; done

# Leaves the configuration, the store, the queue, and what is not ours.
uninstall:
	rm -f $(addprefix $(D)$(SBINDIR)/,okapi-dagent okapi-spooler okapi-admin zarafa-admin) \
		$(D)$(BINDIR)/okapi-sendmail \
		$(addprefix $(D)$(LIBEXECDIR)/,okapi-convert okapi-dagentd okapi-deliver) \
		$(addprefix $(D)$(DATADIR)/,okapi.cfg.sample okapi-autorespond fail2ban-okapi.conf) \
		$(addprefix $(D)$(UNITDIR)/okapi-,dagent.service dagent.socket \
			spooler.service spooler.socket quota.service quota.timer) \
		$(D)$(SYSUSERSDIR)/okapi.conf $(D)$(TMPFILESDIR)/okapi.conf \
		$(D)$(BASHDIR)/okapi-admin $(D)$(ZSHDIR)/_okapi-admin $(D)$(FISHDIR)/okapi-admin.fish \
		$(foreach page,$(wildcard docs/man/*.[158]),$(D)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	for dir in $(D)$(LIBEXECDIR) $(D)$(DATADIR); do \
		test ! -d $$dir || rmdir --ignore-fail-on-non-empty $$dir || exit; done

# ---- house keeping ---------------------------------------------------------
.PHONY: clean
clean:
	rm -rf build
