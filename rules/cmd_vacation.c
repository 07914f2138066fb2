/*
 * vacation, RFC 5230; :seconds of RFC 6131, :fcc of RFC 8580.  Who gets the
 * reply, and who never does, is up to the delivery: it is the engine of out of
 * office.
 */
#include "address.h"
#include "checker.h"
#include "entries.h"
#include "flags.h"
#include "letter.h"
#include "plan.h"
#include "run.h"

#include <string.h>

#define VACATION_DAY    INT64_C(86400)
#define VACATION_MIN    INT64_C(60) /* seconds, by :seconds */
#define VACATION_MAX    (INT64_C(365) * VACATION_DAY)
#define VACATION_OTHERS 64 /* addresses of :addresses */

enum vacation_unit {
	VACATION_DAYS,
	VACATION_SECONDS,
};

static const struct language_tag vacation_tags[] = {
	{"days", SLOT_PERIOD, VACATION_DAYS, 'n', EXTENSION_NONE},
	{"seconds", SLOT_PERIOD, VACATION_SECONDS, 'n',
	 EXTENSION_VACATION_SECONDS},
	{"subject", SLOT_SUBJECT, 0, 's', EXTENSION_NONE},
	{"from", SLOT_FROM, 0, 's', EXTENSION_NONE},
	{"addresses", SLOT_ADDRESSES, 0, 'S', EXTENSION_NONE},
	{"mime", SLOT_MIME, 0, 0, EXTENSION_NONE},
	{"handle", SLOT_HANDLE, 0, 's', EXTENSION_NONE},
	{"fcc", SLOT_FCC, 0, 's', EXTENSION_FCC},
	{"create", SLOT_CREATE, 0, 0, EXTENSION_MAILBOX},
	{"specialuse", SLOT_SPECIAL_USE, 0, 's', EXTENSION_SPECIAL_USE},
	{"flags", SLOT_FLAGS, 0, 'S', EXTENSION_IMAP4FLAGS},
	{0},
};

static const struct language_tag *const tags[] = {vacation_tags, NULL};

/* What says how the copy is filed is of no use without :fcc. */
static int check_fcc(struct checker *checker, const struct ast_node *node)
{
	static const enum language_slot needs[] = {
		SLOT_CREATE, SLOT_SPECIAL_USE, SLOT_FLAGS};

	if (language_tagged(node, SLOT_FCC))
		return 0;
	for (size_t i = 0; i < G_N_ELEMENTS(needs); i++) {
		const struct ast_tagged *tagged =
			language_tagged(node, needs[i]);

		if (tagged)
			return sieve_error_set(checker->error, tagged->place,
					       "this tag is of use with :fcc "
					       "only");
	}
	return 0;
}

static int check_vacation(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	(void)previous;
	return sieve_letter_check_from(checker, node) < 0
		       ? -1
		       : check_fcc(checker, node);
}

/* What a tag was given, or NULL; borrowed until the script's end. */
static const char *tag_text(struct sieve_run *run, const struct ast_node *node,
			    enum language_slot slot)
{
	const struct ast_tagged *tagged = language_tagged(node, slot);

	return tagged ? sieve_run_text(run, tagged->argument) : NULL;
}

static int64_t find_interval(const struct ast_node *node)
{
	const struct ast_tagged *period = language_tagged(node, SLOT_PERIOD);
	int64_t number;

	if (!period)
		return -1;
	number = MIN(period->argument->number, VACATION_MAX);
	if (period->choice == VACATION_SECONDS)
		return MAX(number, VACATION_MIN);
	return CLAMP(number * VACATION_DAY, VACATION_DAY, VACATION_MAX);
}

/* RFC 5230 section 4.2: without :handle the same reply has the same one. */
static char *make_handle(const struct sieve_vacation *vacation,
			 const char *handle)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	const char *const parts[] = {
		handle ? "h" : "d",
		handle ? handle : vacation->reason,
		handle ? "" : vacation->subject,
		handle ? "" : vacation->from,
		!handle && vacation->is_mime ? "m" : "",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		const char *part = parts[i] ? parts[i] : "";

		g_checksum_update(sum, (const guchar *)part,
				  (gssize)strlen(part) + 1);
	}
	return g_strdup(g_checksum_get_string(sum));
}

static void fill_lists(struct sieve_run *run, const struct ast_node *node,
		       struct sieve_vacation *vacation)
{
	const struct ast_tagged *addresses =
		language_tagged(node, SLOT_ADDRESSES);
	const struct ast_tagged *flags = language_tagged(node, SLOT_FLAGS);
	const struct ast_string *string;

	for (string = addresses ? addresses->argument->strings : NULL; string;
	     string = string->next) {
		if (vacation->addresses->len >= VACATION_OTHERS) {
			sieve_run_fail(run, "more than %d addresses",
				       VACATION_OTHERS);
			return;
		}
		g_ptr_array_add(vacation->addresses,
				g_strdup(sieve_run_string(run, string)));
	}
	for (string = flags ? flags->argument->strings : NULL; string;
	     string = string->next)
		sieve_flags_add(vacation->fcc_flags,
				sieve_run_string(run, string));
}

static struct sieve_vacation *make_vacation(struct sieve_run *run,
					    const struct ast_node *node)
{
	struct sieve_vacation *vacation = sieve_vacation_new();
	const char *from = tag_text(run, node, SLOT_FROM);

	vacation->reason = g_strdup(sieve_run_text(run, node->positional[0]));
	vacation->subject = g_strdup(tag_text(run, node, SLOT_SUBJECT));
	vacation->from = g_strdup(from);
	vacation->from_address = from ? sieve_address_of(from) : NULL;
	if (from && !vacation->from_address)
		sieve_run_fail(run, "vacation: \"%.80s\" is no mail address",
			       from);
	vacation->is_mime = language_tagged(node, SLOT_MIME);
	vacation->interval = find_interval(node);
	vacation->handle =
		make_handle(vacation, tag_text(run, node, SLOT_HANDLE));
	vacation->fcc = g_strdup(tag_text(run, node, SLOT_FCC));
	vacation->fcc_special_use =
		g_strdup(tag_text(run, node, SLOT_SPECIAL_USE));
	vacation->fcc_create = language_tagged(node, SLOT_CREATE);
	fill_lists(run, node, vacation);
	return vacation;
}

/* RFC 5230 section 4.7: one a script.  Where several scripts are one, the
 * first of them replies. */
static void run_vacation(struct sieve_run *run, const struct ast_node *node)
{
	struct sieve_vacation *vacation;

	if (sieve_action_count(run->pending, SIEVE_VACATION) > 0) {
		sieve_run_fail(run, "vacation a second time");
		return;
	}
	vacation = make_vacation(run, node);
	if (!run->failed)
		sieve_run_act(run, &(struct run_action){
					   .kind = SIEVE_VACATION,
					   .argument = vacation->reason,
					   .vacation = vacation,
					   .copy = true,
				   });
	sieve_vacation_unref(vacation);
}

const struct language_entry cmd_vacation = {
	.kind = LANGUAGE_COMMAND,
	.name = "vacation",
	.extension = EXTENSION_VACATION,
	.signature = "s",
	.tags = tags,
	.check = check_vacation,
	.run = run_vacation,
};
