/*
 * A connection to a relay host; see relay_link.h.
 */
#include "relay_link.h"

#include "field.h"
#include "net.h"
#include "relay_transport.h"
#include "tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LINK_CHUNK = 65536,
	LINK_INPUT = 4096,
	LINK_NONSENSE = 100,    /* octets that are told of */
	LINK_REPLY_LINES = 128, /* that are kept one by one */
	LINK_REPLY_MAX =
		1 << 20, /* octets of a reply that is read to its end */
};

struct relay_link {
	int fd;
	struct tls_session *tls;
	bool is_loopback;
	GByteArray *out;
	char in[LINK_INPUT];
	size_t in_at;
	size_t in_len;
};

int relay_link_open(const struct relay_place *place,
		    struct relay_control *control, int64_t timeout_ms,
		    struct relay_link **ret_link, struct fault *fault)
{
	struct relay_link *link;
	struct net_peer peer;
	int fd;

	if (relay_control_connect(control, place, timeout_ms, &fd, fault) != 0)
		return -1;
	net_peer_of(fd, &peer);
	link = g_new0(struct relay_link, 1);
	link->fd = fd;
	link->is_loopback = peer.is_unix ||
			    g_str_has_prefix(peer.name, "127.") ||
			    strcmp(peer.name, "::1") == 0;
	link->out = g_byte_array_new();
	*ret_link = link;
	return 0;
}

void relay_link_free(struct relay_link *link)
{
	tls_session_free(link->tls);
	(void)close(link->fd);
	g_byte_array_unref(link->out);
	g_free(link);
}

void relay_link_cut(void *link)
{
	(void)shutdown(((struct relay_link *)link)->fd, SHUT_RDWR);
}

int relay_link_start_tls(struct relay_link *link,
			 const struct relay_place *place, int64_t timeout_ms,
			 struct fault *fault)
{
	if (link->in_at < link->in_len)
		return fault_set(fault, FAULT_NETWORK,
				 "the relay host sent clear text behind its "
				 "STARTTLS reply");
	if (tls_connect(place->tls_ctx, place->host, link->fd, timeout_ms,
			&link->tls, fault) != 0)
		return fault_prefix(fault, "no TLS with the relay host");
	return 0;
}

bool relay_link_has_tls(const struct relay_link *link)
{
	return link->tls;
}

bool relay_link_is_verified(const struct relay_link *link)
{
	return link->tls && tls_session_is_trusted(link->tls);
}

GBytes *relay_link_binding(const struct relay_link *link, const char *type)
{
	return link->tls ? tls_session_binding(link->tls, type) : NULL;
}

bool relay_link_is_loopback(const struct relay_link *link)
{
	return link->is_loopback;
}

/* ---- writing ---- */

GByteArray *relay_link_output(struct relay_link *link)
{
	return link->out;
}

void relay_link_put(struct relay_link *link, const char *format, ...)
{
	va_list args;
	g_autofree char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_byte_array_append(link->out, (const guint8 *)text,
			    (guint)strlen(text));
}

int relay_link_flush(struct relay_link *link, int64_t block_ms,
		     struct fault *fault)
{
	const uint8_t *octets = link->out->data;
	size_t left = link->out->len;

	while (left) {
		size_t len = MIN(left, LINK_CHUNK);

		if ((link->tls ? tls_write_all(link->tls, octets, len, block_ms,
					       fault)
			       : net_send_all(link->fd, octets, len, block_ms,
					      fault)) != 0)
			return -1;
		octets += len;
		left -= len;
	}
	g_byte_array_set_size(link->out, 0);
	return 0;
}

/* ---- reading ---- */

struct relay_reply *relay_reply_new(void)
{
	struct relay_reply *reply = g_new0(struct relay_reply, 1);

	reply->text = g_string_sized_new(128);
	reply->lines = g_ptr_array_new_with_free_func(g_free);
	return reply;
}

void relay_reply_free(struct relay_reply *reply)
{
	g_string_free(reply->text, TRUE);
	g_ptr_array_unref(reply->lines);
	g_free(reply);
}

static int link_lost(struct fault *fault)
{
	return fault_set(fault, FAULT_NETWORK,
			 "lost the connection to the relay host");
}

static int link_late(struct fault *fault)
{
	return fault_set(fault, FAULT_NETWORK,
			 "the relay host did not answer in time");
}

/* More input; end_ms on the monotonic clock. */
static int link_fill(struct relay_link *link, int64_t end_ms,
		     struct fault *fault)
{
	int64_t left = end_ms - g_get_monotonic_time() / 1000;
	ssize_t n;

	link->in_at = link->in_len = 0;
	if (left <= 0)
		return link_late(fault);
	if (link->tls) {
		n = tls_read(link->tls, link->in, sizeof(link->in), -1, left,
			     fault);
		if (n == -3)
			return link_late(fault);
	} else {
		n = recv(link->fd, link->in, sizeof(link->in), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (net_wait(link->fd, false, -1, left) == 0)
				return link_late(fault);
			return 0;
		}
	}
	if (n <= 0)
		return link_lost(fault);
	link->in_len = (size_t)n;
	return 0;
}

bool relay_link_has_input(struct relay_link *link)
{
	struct fault fault;
	ssize_t n;

	if (link->in_at < link->in_len)
		return true;
	if (!link->tls)
		return net_wait(link->fd, false, -1, 0) != 0;
	n = tls_read(link->tls, link->in, sizeof(link->in), -1, 0, &fault);
	link->in_at = 0;
	link->in_len = n > 0 ? (size_t)n : 0;
	return n != -3;
}

/* One line without its end, cut at RELAY_TEXT_MAX; budget: octets that the
 * reply may still have. */
static int link_line(struct relay_link *link, int64_t end_ms, GString *line,
		     size_t *budget, struct fault *fault)
{
	g_string_truncate(line, 0);
	for (;;) {
		const char *from = link->in + link->in_at;
		size_t have = link->in_len - link->in_at;
		const char *lf = memchr(from, '\n', have);
		size_t len = lf ? (size_t)(lf - from) : have;

		g_string_append_len(
			line, from,
			(gssize)MIN(len, RELAY_TEXT_MAX - line->len));
		if (len >= *budget)
			return fault_set(fault, FAULT_NETWORK,
					 "the relay host's reply has no end");
		*budget -= len;
		if (lf) {
			link->in_at += len + 1;
			break;
		}
		if (link_fill(link, end_ms, fault) != 0)
			return -1;
	}
	if (line->len && line->str[line->len - 1] == '\r')
		g_string_truncate(line, line->len - 1);
	return 0;
}

/* "250-text", "250 text", "250": its code, or 0. */
static int link_code(const GString *line)
{
	const char *p = line->str;

	if (line->len < 3 || p[0] < '2' || p[0] > '5' ||
	    !g_ascii_isdigit(p[1]) || !g_ascii_isdigit(p[2]) ||
	    (line->len > 3 && p[3] != ' ' && p[3] != '-'))
		return 0;
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

static int link_nonsense(const char *line, struct fault *fault)
{
	g_autofree char *words = field_clean(line, LINK_NONSENSE);

	return fault_set(fault, FAULT_NETWORK,
			 "the relay host does not speak SMTP: '%s'", words);
}

static void reply_add(struct relay_reply *reply, const char *text)
{
	if (reply->lines->len < LINK_REPLY_LINES)
		g_ptr_array_add(reply->lines, g_strdup(text));
	if (reply->text->len && reply->text->len < RELAY_TEXT_MAX)
		g_string_append_c(reply->text, ' ');
	if (reply->text->len < RELAY_TEXT_MAX)
		g_string_append_len(
			reply->text, text,
			(gssize)MIN(strlen(text),
				    RELAY_TEXT_MAX - reply->text->len));
}

int relay_link_reply(struct relay_link *link, int64_t timeout_ms,
		     struct relay_reply *reply, struct fault *fault)
{
	g_autoptr(GString) line = g_string_sized_new(128);
	int64_t end_ms = g_get_monotonic_time() / 1000 + timeout_ms;
	size_t budget = LINK_REPLY_MAX;
	int code;

	g_string_truncate(reply->text, 0);
	g_ptr_array_set_size(reply->lines, 0);
	reply->code = 0;
	do {
		if (link_line(link, end_ms, line, &budget, fault) != 0)
			return -1;
		code = link_code(line);
		if (!code || (reply->code && code != reply->code))
			return link_nonsense(line->str, fault);
		reply->code = code;
		reply_add(reply, line->len > 4 ? line->str + 4 : "");
	} while (line->len > 3 && line->str[3] == '-');
	return 0;
}
