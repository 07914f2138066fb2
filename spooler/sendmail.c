/*
 * Submitting, listing and flushing over the spooler's sockets; see sendmail.h.
 */
#include "sendmail.h"

#include "fixup.h"
#include "net.h"
#include "sendmail_check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define SENDMAIL_CONNECT_MS 5000
#define SENDMAIL_REPLY_MS   600000
#define SENDMAIL_REPLY_MAX  65536

enum sendmail_outcome {
	SENDMAIL_DONE, /* accepted, or refused for good */
	/* Not accepted, or the answer was lost: the drop directory takes it,
	 * and the token keeps it from going twice. */
	SENDMAIL_NOT_TAKEN,
};

static int sendmail_complain(int status, const char *format, ...)
	PRINTF_LIKE(2, 3);

static int sendmail_complain(int status, const char *format, ...)
{
	va_list args;
	g_autofree char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	(void)fprintf(stderr, "okapi-sendmail: %s\n", text);
	return status;
}

/* ---- a small client ---------------------------------------------------------
 */

struct sendmail_link {
	int fd;
	GString *input;
	char reply[512]; /* the last line of the last reply */
};

/* A whole reply; 0 and its text in link->reply, or -1. */
static int sendmail_read_reply(struct sendmail_link *link)
{
	for (;;) {
		char *lf = strchr(link->input->str, '\n');
		char chunk[2048];
		ssize_t n;

		if (lf) {
			bool is_last = link->input->len < 4 ||
				       link->input->str[3] != '-';
			size_t len = (size_t)(lf - link->input->str);

			(void)g_snprintf(link->reply, sizeof(link->reply),
					 "%.*s", (int)len, link->input->str);
			(void)g_strchomp(link->reply);
			g_string_erase(link->input, 0, (gssize)len + 1);
			if (is_last)
				return 0;
			continue;
		}
		if (link->input->len > SENDMAIL_REPLY_MAX ||
		    net_wait(link->fd, false, -1, SENDMAIL_REPLY_MS) != 1)
			return -1;
		n = read(link->fd, chunk, sizeof(chunk));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return -1;
		g_string_append_len(link->input, chunk, n);
	}
}

/* Sends a command; the class of its reply, or -1 when the link is gone. */
static int sendmail_say(struct sendmail_link *link, const char *command)
{
	struct fault fault = {0};

	if (net_send_all(link->fd, command, strlen(command), SENDMAIL_REPLY_MS,
			 &fault) != 0 ||
	    sendmail_read_reply(link) != 0)
		return -1;
	return link->reply[0] - '0';
}

int sendmail_exit_of(const char *reply)
{
	static const struct {
		const char *status;
		int exit;
	} codes[] = {
		{" 5.1.", EX_NOUSER},   {" 5.2.2", EX_CANTCREAT},
		{" 5.3.4", EX_DATAERR}, {" 5.6.", EX_DATAERR},
		{" 5.4.6", EX_DATAERR}, {" 5.7.", EX_NOPERM},
		{" 5.5.", EX_DATAERR},
	};

	if (reply[0] == '2')
		return EX_OK;
	if (reply[0] != '5')
		return EX_TEMPFAIL;
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (strlen(reply) > 3 &&
		    g_str_has_prefix(reply + 3, codes[i].status))
			return codes[i].exit;
	return EX_UNAVAILABLE;
}

/* ---- submission ---- */

/* xtext (RFC 3461 4). */
static char *sendmail_xtext(const char *text)
{
	GString *out = g_string_new(NULL);

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c > 0x20 && c < 0x7f && c != '+' && c != '=')
			g_string_append_c(out, (char)c);
		else
			g_string_append_printf(out, "+%02X", c);
	}
	return g_string_free(out, FALSE);
}

/* Is an address not ASCII (RFC 6531 3.4)? */
static bool sendmail_needs_utf8(const struct envelope *envelope)
{
	bool needs = envelope->sender && !g_str_is_ascii(envelope->sender);

	for (guint i = 0; i < envelope->recipients->len; i++) {
		const struct envelope_recipient *recipient =
			envelope->recipients->pdata[i];

		needs = needs || !g_str_is_ascii(recipient->address);
	}
	return needs;
}

static char *sendmail_mail_command(const struct envelope *envelope)
{
	GString *out = g_string_new(NULL);
	g_autofree char *options = envelope_options_format(envelope);

	g_string_printf(out, "MAIL FROM:<%s> X-OKAPI=%s",
			envelope->sender ? envelope->sender : "", options);
	if (envelope->body_8bit)
		g_string_append(out, " BODY=8BITMIME");
	if (envelope->ret)
		g_string_append_printf(out, " RET=%s", envelope->ret);
	if (envelope->envid) {
		g_autofree char *xtext = sendmail_xtext(envelope->envid);

		g_string_append_printf(out, " ENVID=%s", xtext);
	}
	if (sendmail_needs_utf8(envelope))
		g_string_append(out, " SMTPUTF8");
	g_string_append(out, "\r\n");
	return g_string_free(out, FALSE);
}

static char *sendmail_rcpt_command(const struct envelope_recipient *recipient)
{
	static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE",
					    "DELAY"};
	GString *out = g_string_new(NULL);
	const char *separator = " NOTIFY=";

	g_string_printf(out, "RCPT TO:<%s>", recipient->address);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (!(recipient->notify & (1u << i)))
			continue;
		g_string_append_printf(out, "%s%s", separator, words[i]);
		separator = ",";
	}
	g_string_append(out, "\r\n");
	return g_string_free(out, FALSE);
}

/* Everything before the data; the class of the reply that stopped it, or 3. */
static int sendmail_envelope(struct sendmail_link *link,
			     const struct envelope *envelope)
{
	g_autofree char *mail = sendmail_mail_command(envelope);
	int class;

	if (sendmail_read_reply(link) != 0)
		return -1;
	if (link->reply[0] != '2')
		return link->reply[0] - '0';
	class = sendmail_say(link, "EHLO localhost\r\n");
	if (class == 2)
		class = sendmail_say(link, mail);
	for (guint i = 0; class == 2 && i < envelope->recipients->len; i++) {
		g_autofree char *rcpt =
			sendmail_rcpt_command(envelope->recipients->pdata[i]);

		class = sendmail_say(link, rcpt);
	}
	return class == 2 ? sendmail_say(link, "DATA\r\n") : class;
}

static GByteArray *sendmail_stuffed(const GByteArray *message)
{
	GByteArray *out = g_byte_array_sized_new(message->len + 1024);
	const guint8 *p = message->data;
	const guint8 *end = p + message->len;

	while (p < end) {
		const guint8 *lf = memchr(p, '\n', (size_t)(end - p));
		const guint8 *next = lf ? lf + 1 : end;

		if (*p == '.')
			g_byte_array_append(out, (const guint8 *)".", 1);
		g_byte_array_append(out, p, (guint)(next - p));
		p = next;
	}
	g_byte_array_append(out, (const guint8 *)".\r\n", 3);
	return out;
}

static enum sendmail_outcome sendmail_over(struct sendmail_link *link,
					   const struct envelope *envelope,
					   const GByteArray *message)
{
	g_autoptr(GByteArray) stuffed = NULL;
	struct fault fault = {0};
	int class = sendmail_envelope(link, envelope);

	if (class == 5)
		return SENDMAIL_DONE;
	if (class != 3)
		return SENDMAIL_NOT_TAKEN;
	stuffed = sendmail_stuffed(message);
	if (net_send_all(link->fd, stuffed->data, stuffed->len,
			 SENDMAIL_REPLY_MS, &fault) != 0)
		return SENDMAIL_NOT_TAKEN; /* the dot was not sent */
	if (sendmail_read_reply(link) != 0)
		return SENDMAIL_NOT_TAKEN;
	return link->reply[0] == '4' ? SENDMAIL_NOT_TAKEN : SENDMAIL_DONE;
}

static char *sendmail_socket(const struct conf *conf, const char *name)
{
	return g_strdup_printf("unix:%s/%s", conf->run_dir, name);
}

static int sendmail_drop(const struct conf *conf,
			 const struct envelope *envelope,
			 const GByteArray *message, bool verbose)
{
	g_autofree char *directory =
		g_build_filename(conf->spool_dir, DROP_DIRECTORY, NULL);
	g_autofree char *name = NULL;
	struct fault fault = {0};

	/* The spooler makes it; this is for a machine where none ever ran. */
	if ((access(directory, F_OK) != 0 &&
	     dropfile_prepare(conf->spool_dir, conf->user, &fault) != 0) ||
	    dropfile_write(directory, envelope, message->data, message->len,
			   &name, &fault) != 0)
		return sendmail_complain(EX_TEMPFAIL,
					 "4.3.0 no spooler answers, and the "
					 "message cannot wait for one: %s",
					 fault.text);
	if (verbose)
		(void)fprintf(stderr, "okapi-sendmail: waits as %s/%s\n",
			      directory, name);
	return EX_OK;
}

static int sendmail_submit(const struct conf *conf,
			   const struct sendmail_args *args,
			   const GByteArray *message)
{
	g_autofree char *where = sendmail_socket(conf, SUBMISSION_SOCKET);
	g_autoptr(GString) input = g_string_new(NULL);
	struct sendmail_link link = {.input = input};
	struct fault fault = {0};
	enum sendmail_outcome outcome = SENDMAIL_NOT_TAKEN;

	args->envelope->token = g_uuid_string_random();
	if (net_connect(where, SENDMAIL_CONNECT_MS, &link.fd, &fault) == 0) {
		outcome = sendmail_over(&link, args->envelope, message);
		(void)close(link.fd);
	}
	switch (outcome) {
	case SENDMAIL_NOT_TAKEN:
		return sendmail_drop(conf, args->envelope, message,
				     args->verbose);
	case SENDMAIL_DONE:
		break;
	}
	if (link.reply[0] == '2') {
		if (args->verbose)
			(void)fprintf(stderr, "okapi-sendmail: %s\n",
				      link.reply);
		return EX_OK;
	}
	return sendmail_complain(sendmail_exit_of(link.reply), "%s",
				 strlen(link.reply) > 4 ? link.reply + 4
							: link.reply);
}

/* ---- stdin ---- */

/* Looks for the lone dot in what was read since at; true if it ends here. */
static bool sendmail_cut_at_dot(GByteArray *octets, guint *at)
{
	while (*at < octets->len) {
		const guint8 *line = octets->data + *at;
		const guint8 *lf = memchr(line, '\n', octets->len - *at);
		size_t len;

		if (!lf)
			return false;
		len = (size_t)(lf - line);
		if (line[0] == '.' &&
		    (len == 1 || (len == 2 && line[1] == '\r'))) {
			g_byte_array_set_size(octets, *at);
			return true;
		}
		*at += (guint)len + 1;
	}
	return false;
}

static int sendmail_read(bool dot_is_text, int64_t limit, GByteArray *octets)
{
	guint seen = 0;

	for (;;) {
		guint8 chunk[65536];
		ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sendmail_complain(EX_TEMPFAIL,
						 "4.3.0 cannot read stdin: %s",
						 g_strerror(errno));
		g_byte_array_append(octets, chunk, (guint)n);
		if (!dot_is_text && sendmail_cut_at_dot(octets, &seen))
			return EX_OK;
		if ((int64_t)octets->len > limit)
			return sendmail_complain(
				EX_DATAERR, "5.3.4 the message is larger than "
					    "message_size_limit");
		if (n == 0)
			break;
	}
	/* A dot at the very end, without its line end. */
	if (!dot_is_text && octets->len == seen + 1 &&
	    octets->data[seen] == '.')
		g_byte_array_set_size(octets, seen);
	return EX_OK;
}

static int sendmail_message(const struct conf *conf,
			    const struct sendmail_args *args)
{
	g_autoptr(GByteArray) octets = g_byte_array_new();
	g_autoptr(GByteArray) message = g_byte_array_new();
	int status = sendmail_read(args->dot_is_text, conf->message_size_limit,
				   octets);

	struct fault fault = {0};

	if (status != EX_OK)
		return status;
	fixup_from_stdin(octets->data, octets->len, message);
	if (sendmail_check(conf, args->envelope, (const char *)message->data,
			   message->len, &fault) != 0)
		return sendmail_complain(fault_exit(&fault), "%s %s",
					 fault_status(&fault), fault.text);
	return sendmail_submit(conf, args, message);
}

/* ---- the other modes ---- */

/* Asks the spooler something and copies its answer to stdout. */
static int sendmail_ask(const struct conf *conf, const char *question)
{
	g_autofree char *where = sendmail_socket(conf, QUEUE_SOCKET);
	struct fault fault = {0};
	AUTOCLOSE int fd = -1;
	char chunk[65536];
	ssize_t n;

	if (net_connect(where, SENDMAIL_CONNECT_MS, &fd, &fault) != 0 ||
	    net_send_all(fd, question, strlen(question), SENDMAIL_CONNECT_MS,
			 &fault) != 0)
		return sendmail_complain(EX_TEMPFAIL,
					 "no spooler answers (%s); okapi-admin "
					 "queue list reads the store itself",
					 fault.text);
	for (;;) {
		if (net_wait(fd, false, -1, SENDMAIL_REPLY_MS) != 1)
			return EX_TEMPFAIL;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? EX_TEMPFAIL : EX_OK;
		if (fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
			return EX_IOERR;
	}
}

/* Without a spooler okapi-admin lists the queue, as far as the caller may read
 * the store; it is looked for beside us, and where make install puts it. */
static void sendmail_exec_admin(const struct sendmail_args *args)
{
	static const char *const places[] = {"okapi-admin",
					     "../sbin/okapi-admin"};
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;

	for (size_t i = 0; directory && i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path =
			g_build_filename(directory, places[i], NULL);

		if (args->config)
			(void)execl(path, "okapi-admin", "-c", args->config,
				    "queue", "list", (char *)NULL);
		else
			(void)execl(path, "okapi-admin", "queue", "list",
				    (char *)NULL);
	}
}

static int sendmail_list(const struct conf *conf,
			 const struct sendmail_args *args)
{
	g_autofree char *where = sendmail_socket(conf, QUEUE_SOCKET);
	struct fault fault = {0};
	int fd;

	if (net_connect(where, SENDMAIL_CONNECT_MS, &fd, &fault) != 0) {
		(void)sendmail_complain(EX_OK,
					"no spooler answers (%s); this is what "
					"the store says:",
					fault.text);
		sendmail_exec_admin(args);
	} else {
		(void)close(fd);
	}
	return sendmail_ask(conf, "list\n");
}

/* Writes all of it; to may be a pipe, a terminal or a socket. */
static bool sendmail_put(int to, const char *octets, size_t len)
{
	while (len) {
		ssize_t n = write(to, octets, len);

		if (n < 0 && errno == EAGAIN &&
		    net_wait(to, true, -1, SENDMAIL_REPLY_MS) != 1)
			return false;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0) {
			octets += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Copies what one end has to the other; false when it is at its end. */
static bool sendmail_pump(int from, int to)
{
	char chunk[65536];
	ssize_t n = read(from, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	return sendmail_put(to, chunk, (size_t)n);
}

/* -bs: stdin and stdout are the client's. */
static int sendmail_proxy(const struct conf *conf)
{
	g_autofree char *where = sendmail_socket(conf, SUBMISSION_SOCKET);
	struct fault fault = {0};
	AUTOCLOSE int fd = -1;
	struct pollfd ends[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.events = POLLIN},
	};

	if (net_connect(where, SENDMAIL_CONNECT_MS, &fd, &fault) != 0) {
		(void)printf(
			"421 4.3.2 no spooler answers, try again later\r\n");
		return sendmail_complain(EX_TEMPFAIL, "4.3.2 %s", fault.text);
	}
	ends[1].fd = fd;
	for (;;) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			return EX_TEMPFAIL;
		if (ends[1].revents && !sendmail_pump(fd, STDOUT_FILENO))
			return EX_OK;
		if (ends[0].fd >= 0 && ends[0].revents &&
		    !sendmail_pump(STDIN_FILENO, fd)) {
			(void)shutdown(fd, SHUT_WR);
			ends[0].fd = -1;
		}
	}
}

int sendmail_run(const struct conf *conf, struct sendmail_args *args)
{
	switch (args->mode) {
	case SENDMAIL_SUBMIT:
		return sendmail_message(conf, args);
	case SENDMAIL_QUEUE:
		return sendmail_list(conf, args);
	case SENDMAIL_FLUSH:
		return sendmail_ask(conf, "flush\n");
	case SENDMAIL_SMTP:
		return sendmail_proxy(conf);
	case SENDMAIL_NOTHING:
	case SENDMAIL_HELP:
	case SENDMAIL_VERSION:
		break;
	}
	return EX_OK;
}
