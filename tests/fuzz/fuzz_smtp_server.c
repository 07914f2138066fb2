/*
 * Fuzzes the protocol engine (libFuzzer).  The first octets choose protocol,
 * options and where the input is cut; the rest is what the client sends.
 *
 * Beside what the sanitizers see, it holds that
 *   - output is a sequence of well-formed reply lines;
 *   - events come in order (no RCPT before MAIL, no data before data_begin
 * ...);
 *   - a cut makes no difference to replies and events;
 *   - no more octets reach the handler than the client sent.
 */
#include "scram.h"
#include "smtp/smtp_server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_log {
	bool open;
	bool begun;
	bool delivers; /* XDELIVER */
	size_t rcpts;
	size_t octets;   /* of the message */
	guint message;   /* hash of them */
	size_t finished; /* octets of all messages that were finished */
	guint hash;      /* of all events */
	struct scram *scram;
};

static void fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

static guint fuzz_hash(guint hash, const char *what, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)what[i];
	return hash;
}

static void fuzz_note(struct fuzz_log *log, const char *what, size_t len)
{
	log->hash = fuzz_hash(log->hash, what, len);
}

static void fuzz_hello(void *context, const char *name)
{
	struct fuzz_log *log = context;

	fuzz_require(!log->open && *name);
	fuzz_note(log, name, strlen(name));
}

static int fuzz_mail(void *context, const struct smtp_mail *mail,
		     struct fault *fault)
{
	struct fuzz_log *log = context;

	fuzz_require(!log->open);
	fuzz_require(!*mail->reverse_path ||
		     smtp_path_check(mail->reverse_path, true, false));
	fuzz_note(log, mail->reverse_path, strlen(mail->reverse_path));
	if (g_str_has_prefix(mail->reverse_path, "no"))
		return fault_set(fault, FAULT_NOT_ALLOWED, "no");
	log->open = true;
	return 0;
}

static int fuzz_rcpt(void *context, const struct smtp_rcpt *rcpt,
		     struct fault *fault)
{
	struct fuzz_log *log = context;

	fuzz_require(log->open && !log->begun && !log->delivers);
	fuzz_require(smtp_path_check(rcpt->path, true, false));
	fuzz_note(log, rcpt->path, strlen(rcpt->path));
	if (g_str_has_prefix(rcpt->path, "no"))
		return fault_set(fault, FAULT_NO_RECIPIENT, "no");
	log->rcpts++;
	return 0;
}

static int fuzz_data_begin(void *context, struct fault *fault G_GNUC_UNUSED)
{
	struct fuzz_log *log = context;

	fuzz_require(log->open && !log->begun);
	log->begun = true;
	log->octets = 0;
	log->message = 0;
	return 0;
}

static int fuzz_data(void *context, const char *octets, size_t len,
		     struct fault *fault)
{
	struct fuzz_log *log = context;

	const char *stop = memchr(octets, 0x7f, len);

	fuzz_require(log->begun && len > 0);
	/* Where and how it fails may not depend on how the runs were cut: it is
	 * what the engine says of a message beyond its limit. */
	if (stop)
		len = (size_t)(stop - octets);
	log->message = fuzz_hash(log->message, octets, len);
	log->octets += len;
	return stop ? fault_set(fault, FAULT_TOO_BIG,
				"The message is larger than 3000 octets")
		    : 0;
}

static void fuzz_finish(void *context, struct fault *replies, size_t count)
{
	struct fuzz_log *log = context;

	fuzz_require(log->begun && !log->delivers);
	/* How much of a message that is refused comes may depend on cuts. */
	fuzz_note(log, (const char *)&log->message, sizeof(log->message));
	log->finished += log->octets;
	for (size_t i = 0; i < count; i += 2)
		fault_clear(&replies[i]);
}

static int fuzz_deliver(void *context, int64_t arguments, struct fault *fault)
{
	struct fuzz_log *log = context;

	fuzz_require(!log->open && arguments >= 0);
	fuzz_note(log, "deliver", 7);
	if (arguments > 1000)
		return fault_set(fault, FAULT_TOO_MANY, "too many");
	log->open = true;
	log->delivers = true;
	return 0;
}

static int fuzz_delivered(void *context, struct fault *verdict)
{
	struct fuzz_log *log = context;

	fuzz_require(log->delivers && log->begun);
	fuzz_note(log, "delivered", 9);
	if (verdict->kind == FAULT_NONE)
		log->finished += log->octets;
	return fault_exit(verdict);
}

static void fuzz_reset(void *context)
{
	struct fuzz_log *log = context;

	fuzz_require(log->open);
	log->open = false;
	log->begun = false;
	log->delivers = false;
	log->rcpts = 0;
	fuzz_note(log, "reset", 5);
}

static int fuzz_auth(void *context, const char *authzid, const char *user,
		     const char *password, struct fault *fault)
{
	fuzz_note(context, authzid, strlen(authzid));
	fuzz_note(context, user, strlen(user));
	if (*password == 'y')
		return 0;
	return fault_set(fault, FAULT_NOT_ALLOWED, "no");
}

/* "Ka" of RFC 7677's example, whose password is "pencil". */
static const char fuzz_keys[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
				"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
				"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static bool fuzz_scram_offered(void *context G_GNUC_UNUSED)
{
	return true;
}

static int fuzz_scram_first(void *context, const char *message,
			    char **ret_answer, struct fault *fault)
{
	struct fuzz_log *log = context;
	AUTO(scram) scram = scram_new("nonce");
	const char *user;

	if (scram_client_first(scram, message, &user, fault) != 0)
		return -1;
	fuzz_note(log, user, strlen(user));
	*ret_answer =
		scram_server_first(scram, *user == 'u' ? fuzz_keys : NULL);
	fuzz_require(*ret_answer && !strpbrk(*ret_answer, "\r\n"));
	scram_free(log->scram);
	log->scram = g_steal_pointer(&scram);
	return 0;
}

static int fuzz_scram_final(void *context, const char *message,
			    char **ret_answer, struct fault *fault)
{
	struct fuzz_log *log = context;
	AUTO(scram) scram = g_steal_pointer(&log->scram);

	fuzz_note(log, message, strlen(message));
	if (!scram)
		return fault_set(fault, FAULT_BAD_ARGUMENT, "no exchange");
	return scram_client_final(scram, message, ret_answer, fault);
}

static const struct smtp_handler fuzz_handler = {
	.hello = fuzz_hello,
	.mail = fuzz_mail,
	.rcpt = fuzz_rcpt,
	.data_begin = fuzz_data_begin,
	.data = fuzz_data,
	.finish = fuzz_finish,
	.deliver = fuzz_deliver,
	.delivered = fuzz_delivered,
	.reset = fuzz_reset,
	.auth_plain = fuzz_auth,
	.auth_scram_offered = fuzz_scram_offered,
	.auth_scram_first = fuzz_scram_first,
	.auth_scram_final = fuzz_scram_final,
};

static int64_t fuzz_clock(void)
{
	return INT64_C(1795428000) * USEC_PER_SEC;
}

/* Three digits, a blank or a hyphen, printable text, CRLF; and so on. */
static void fuzz_check_output(const GString *output)
{
	const char *p = output->str;

	fuzz_require(strlen(p) == output->len);
	while (*p) {
		const char *end = strstr(p, "\r\n");

		fuzz_require(end && end - p >= 4 && end - p <= 510);
		fuzz_require(p[0] >= '2' && p[0] <= '5' &&
			     g_ascii_isdigit(p[1]) && g_ascii_isdigit(p[2]) &&
			     (p[3] == ' ' || p[3] == '-'));
		for (; p < end; p++)
			fuzz_require((unsigned char)*p >= 0x20 && *p != 0x7f);
		p += 2;
	}
}

/* Feeds in pieces of step octets; after STARTTLS TLS is on at once. */
static struct fuzz_log fuzz_play(const struct smtp_options *options,
				 const char *input, size_t len, size_t step,
				 GString *ret_output)
{
	struct fuzz_log log = {0};
	struct smtp_server *server =
		smtp_server_new(options, &fuzz_handler, &log);

	smtp_server_greet(server);
	for (size_t at = 0; at < len; at += step) {
		size_t n = MIN(step, len - at);
		/* Exactly so long, so that ASan sees what reads too far. */
		char *piece = g_memdup2(input + at, n);
		enum smtp_next next = smtp_server_feed(server, piece, n);

		g_free(piece);
		if (next == SMTP_NEXT_CLOSE)
			break;
	}
	fuzz_check_output(smtp_server_output(server));
	g_string_assign(ret_output, smtp_server_output(server)->str);
	smtp_server_free(server);
	scram_free(log.scram);
	log.scram = NULL;
	fuzz_require(!log.open);
	fuzz_require(log.finished <= len);
	return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_options options = {
		.hostname = "mx.test", .product = "Okapi", .size_limit = 3000};
	g_autoptr(GString) whole = g_string_new(NULL);
	g_autoptr(GString) split = g_string_new(NULL);
	struct fuzz_log a;
	struct fuzz_log b;

	if (size < 2)
		return 0;
	options.protocol =
		data[0] & 1 ? SMTP_PROTOCOL_ESMTP : SMTP_PROTOCOL_LMTP;
	options.offer_starttls = data[0] & 2;
	options.offer_dsn = data[0] & 4;
	options.offer_smtputf8 = data[0] & 4;
	options.offer_auth = data[0] & 8;
	options.allow_private = data[0] & 16;
	options.allow_deliver = data[0] & 16;
	options.allow_local = data[0] & 32;
	options.future_release = data[0] & 64 ? 3600 : 0;
	options.clock = fuzz_clock;
	options.offer_mt_priority = data[0] & 64;
	options.offer_binarymime = data[0] & 128;
	a = fuzz_play(&options, (const char *)data + 2, size - 2, size, whole);
	b = fuzz_play(&options, (const char *)data + 2, size - 2,
		      (size_t)data[1] + 1, split);
	fuzz_require(a.hash == b.hash && a.finished == b.finished);
	fuzz_require(g_string_equal(whole, split));
	return 0;
}
