/*
 * The client side of run_dir/dagent.sock.
 *
 * All is written at once (PIPELINING, CHUNKING), replies are read meanwhile,
 * so that neither side can wait for the other for ever; then the replies are
 * told apart in the order of the commands.
 */
#include "handover.h"

#include "net.h"
#include "outcome.h"
#include "smtp/smtp_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HANDOVER_REPLIES_MAX ((size_t)16 * 1024 * 1024)

/* A recipient whose name cannot travel is none that the store could know. */
static void handover_add_rcpt(GString *out, const char *recipient,
			      const char *orcpt, struct fault *ret_fault)
{
	if (!smtp_path_check(recipient, true, false)) {
		(void)fault_set(ret_fault, FAULT_NO_RECIPIENT,
				"<%s>: no such recipient", recipient);
		return;
	}
	g_string_append_printf(out, "RCPT TO:<%s>%s\r\n", recipient, orcpt);
	fault_clear(ret_fault);
}

static bool handover_is_ascii(const struct handover *handover)
{
	bool is_ascii = g_str_is_ascii(handover->sender);

	for (size_t i = 0; handover->recipients[i]; i++)
		is_ascii = is_ascii && g_str_is_ascii(handover->recipients[i]);
	return is_ascii;
}

/* The parameter with the blank before it, or ""; owned. */
static char *handover_orcpt(const struct handover *handover)
{
	g_autofree char *xtext = handover->original
					 ? smtp_xtext_encode(handover->original)
					 : NULL;

	return xtext ? g_strconcat(" ORCPT=rfc822;", xtext, NULL)
		     : g_strdup("");
}

char *handover_format(const struct handover *handover, struct fault *ret_faults)
{
	GString *out = g_string_new("LHLO localhost\r\n");
	struct wishes wishes;
	const char *sender = handover->sender;
	g_autofree char *options = NULL;
	g_autofree char *xtext = NULL;
	g_autofree char *orcpt = handover_orcpt(handover);

	wishes_copy(handover->wishes, &wishes);
	wishes.from_stdin = true;
	if (*sender && !smtp_path_check(sender, true, false)) {
		g_free(wishes.sender);
		wishes.sender = g_strdup(sender);
		sender = "";
	}
	options = wishes_format(&wishes);
	xtext = smtp_xtext_encode(options);
	wishes_clear(&wishes);
	g_string_append_printf(
		out, "MAIL FROM:<%s> SIZE=%zu BODY=BINARYMIME%s X-OKAPI=%s\r\n",
		sender, g_bytes_get_size(handover->message),
		handover_is_ascii(handover) ? "" : " SMTPUTF8", xtext);
	for (size_t i = 0; handover->recipients[i]; i++)
		handover_add_rcpt(out, handover->recipients[i], orcpt,
				  &ret_faults[i]);
	g_string_append_printf(out, "BDAT %zu LAST\r\n",
			       g_bytes_get_size(handover->message));
	return g_string_free(out, FALSE);
}

/* What is still to be written (commands, message, QUIT) in one call where it
 * fits, so that the daemon is woken once. */
static int handover_write(int fd, struct msghdr *pieces, struct fault *fault)
{
	ssize_t n = sendmsg(fd, pieces, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return fault_set_errno(fault, FAULT_NETWORK, errno,
				       "the daemon does not listen any more");
	net_pieces_skip(pieces, (size_t)n);
	return 0;
}

/* 1: more may come, 0: the end, -1. */
static int handover_read(int fd, GString *replies, struct fault *fault)
{
	char buffer[8192];
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0)
		return fault_set_errno(fault, FAULT_NETWORK, errno,
				       "the daemon does not answer any more");
	g_string_append_len(replies, buffer, n);
	return n > 0 && replies->len < HANDOVER_REPLIES_MAX;
}

/* Whether the last reply is that to QUIT: nobody need wait for the daemon to
 * close. */
static bool handover_is_over(const GString *replies)
{
	const char *end = replies->str + replies->len;
	const char *line;

	if (replies->len < 6 || end[-1] != '\n')
		return false;
	line = memrchr(replies->str, '\n', replies->len - 1);
	return line && g_str_has_prefix(line + 1, "221 ");
}

/* Writes and reads until all is said.  A write that fails is no end: the
 * daemon may have said why. */
static void handover_exchange(int fd, struct msghdr *pieces, int64_t timeout_ms,
			      GString *replies)
{
	bool may_write = true;
	struct fault fault;

	while (!handover_is_over(replies)) {
		bool want = may_write && pieces->msg_iovlen;
		struct pollfd poll_fd = {
			.fd = fd,
			.events = (short)(POLLIN | (want ? POLLOUT : 0))};
		int ready = poll(&poll_fd, 1, (int)timeout_ms);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return;
		if (want && (poll_fd.revents & (POLLOUT | POLLERR)) &&
		    handover_write(fd, pieces, &fault))
			may_write = false;
		if ((poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) &&
		    handover_read(fd, replies, &fault) <= 0)
			return;
	}
}

/* One reply, lines joined by blanks; NULL at the end.  *text moves on. */
static char *handover_next_reply(const char **text, int *ret_code)
{
	GString *joined = g_string_new(NULL);

	for (;;) {
		const char *end = strstr(*text, "\r\n");
		const char *line = *text;
		bool more;

		if (!end || end - line < 3 || !g_ascii_isdigit(line[0])) {
			g_string_free(joined, TRUE);
			return NULL;
		}
		more = line[3] == '-';
		*ret_code = atoi(line);
		if (joined->len)
			g_string_append_c(joined, ' ');
		if (end - line > 4)
			g_string_append_len(joined, line + 4, end - line - 4);
		*text = end + 2;
		if (!more)
			return g_string_free(joined, FALSE);
	}
}

/* The next reply as a fault, with whether there was one. */
static bool handover_next(const char **text, struct fault *ret_fault)
{
	int code = 0;
	g_autofree char *reply = handover_next_reply(text, &code);

	if (!reply) {
		(void)fault_set(ret_fault, FAULT_NETWORK,
				"the daemon broke off before it answered");
		return false;
	}
	if (code == 354 || code / 100 == 2)
		fault_clear(ret_fault);
	else
		outcome_from_reply(code, reply, ret_fault);
	return true;
}

void handover_judge(const char *replies, size_t count, struct fault *ret_faults)
{
	g_autofree bool *is_accepted = g_new0(bool, count);
	struct fault fault = {0};

	/* Greeting, LHLO, MAIL: what refuses these refuses all.  But for its
	 * size, that is not the mail's fault. */
	for (int i = 0; i < 3; i++)
		if (!handover_next(&replies, &fault) ||
		    fault.kind != FAULT_NONE) {
			if (!fault_is_temporary(&fault) &&
			    fault.kind != FAULT_TOO_BIG)
				fault.kind = FAULT_INTERNAL;
			goto all;
		}
	for (size_t i = 0; i < count; i++) {
		if (ret_faults[i].kind != FAULT_NONE)
			continue;
		if (!handover_next(&replies, &ret_faults[i]))
			(void)fault_set(&ret_faults[i], FAULT_NETWORK,
					"the daemon broke off before it "
					"answered");
		is_accepted[i] = ret_faults[i].kind == FAULT_NONE;
	}
	for (size_t i = 0; i < count; i++)
		if (is_accepted[i])
			(void)handover_next(&replies, &ret_faults[i]);
	return;
all:
	for (size_t i = 0; i < count; i++)
		if (ret_faults[i].kind == FAULT_NONE)
			ret_faults[i] = fault;
}

char *handover_socket(const struct conf *conf)
{
	return g_build_filename(conf->run_dir, "dagent.sock", NULL);
}

void handover_send(int fd, const struct handover *handover,
		   struct fault *ret_faults)
{
	g_autofree char *commands = handover_format(handover, ret_faults);
	g_autoptr(GString) replies = g_string_new(NULL);
	size_t size = 0;
	const char *message = g_bytes_get_data(handover->message, &size);
	struct iovec octets[] = {
		{commands, strlen(commands)},
		{(void *)(uintptr_t)message, size},
		{(void *)(uintptr_t) "QUIT\r\n", 6},
	};
	struct msghdr pieces = {.msg_iov = octets, .msg_iovlen = 3};

	handover_exchange(fd, &pieces, handover->timeout_ms, replies);
	handover_judge(replies->str,
		       g_strv_length((char **)(uintptr_t)handover->recipients),
		       ret_faults);
}
