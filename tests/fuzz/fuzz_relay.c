/*
 * Fuzzes our own SMTP client (libFuzzer): the input is all that a relay host
 * ever says; a zero octet in it waits until we have sent something.  The first
 * octet chooses the login and what the messages are.
 *
 * Beside what the sanitizers see, it holds that
 *   - every message that was given out is done once, in order;
 *   - then every recipient has an outcome, unless the message is untouched;
 *   - words are one line of UTF-8, a code is one of RFC 3463;
 *   - nothing is sent, and nothing refused by the relay host, without a reply
 *     that says so.
 */
#include "net.h"
#include "spooler/relay_transport.h"
#include "tls.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FUZZ_MESSAGES = 3,
	FUZZ_RECIPIENTS = 2
};

static const uint8_t *fuzz_input;
static size_t fuzz_len;

static void fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the network: each of our flushes lets out what comes up to the next zero
 * octet; after the last, the relay host closes ---- */

static int fuzz_fd = -1; /* the relay host's end */
static size_t fuzz_at;

static void fuzz_feed(void)
{
	const uint8_t *from = fuzz_input + fuzz_at;
	const uint8_t *zero;
	size_t len = fuzz_len - fuzz_at;

	if (fuzz_fd < 0)
		return;
	zero = len ? memchr(from, 0, len) : NULL;
	if (zero)
		len = (size_t)(zero - from);
	if (len && write(fuzz_fd, from, len) != (ssize_t)len)
		abort();
	fuzz_at += len + (zero ? 1 : 0);
	if (!zero) {
		(void)close(fuzz_fd);
		fuzz_fd = -1;
	}
}

int net_addresses_new(const char *where, struct net_addresses **ret_addresses,
		      struct fault *fault)
{
	(void)where;
	(void)fault;
	*ret_addresses = (struct net_addresses *)g_strdup("one");
	return 0;
}

void net_addresses_free(struct net_addresses *addresses)
{
	g_free(addresses);
}

size_t net_addresses_count(const struct net_addresses *addresses)
{
	return addresses ? 1 : 0;
}

int net_addresses_connect(const struct net_addresses *addresses, size_t from,
			  int64_t timeout_ms, int wake_fd, size_t *ret_at,
			  int *ret_fd, struct fault *fault)
{
	int fds[2];

	(void)addresses;
	(void)timeout_ms;
	(void)wake_fd;
	(void)fault;
	*ret_at = from;
	fuzz_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) ==
		     0);
	if (fuzz_fd >= 0)
		(void)close(fuzz_fd);
	fuzz_fd = fds[1];
	fuzz_at = 0;
	fuzz_feed();
	*ret_fd = fds[0];
	return 0;
}

void net_peer_of(int fd, struct net_peer *ret_peer)
{
	(void)fd;
	memset(ret_peer, 0, sizeof(*ret_peer));
	ret_peer->is_unix = true;
}

int net_wait(int fd, bool for_write, int wake_fd, int64_t timeout_ms)
{
	struct pollfd one = {.fd = fd, .events = for_write ? POLLOUT : POLLIN};

	(void)wake_fd;
	(void)timeout_ms;
	return poll(&one, 1, 0);
}

int net_send_all(int fd, const void *data, size_t len, int64_t timeout_ms,
		 struct fault *fault)
{
	(void)fd;
	(void)data;
	(void)len;
	(void)timeout_ms;
	(void)fault;
	fuzz_feed();
	return 0;
}

/* ---- TLS: never ---- */

int tls_connect(struct ssl_ctx_st *ctx, const char *host, int fd,
		int64_t timeout_ms, struct tls_session **ret_session,
		struct fault *fault)
{
	(void)ctx;
	(void)host;
	(void)fd;
	(void)timeout_ms;
	(void)ret_session;
	return fault_set(fault, FAULT_NETWORK, "no TLS");
}

void tls_session_free(struct tls_session *session)
{
	fuzz_require(!session);
}

bool tls_session_is_trusted(const struct tls_session *session)
{
	return session != NULL;
}

GBytes *tls_session_binding(const struct tls_session *session, const char *type)
{
	(void)session;
	(void)type;
	return NULL;
}

ssize_t tls_read(struct tls_session *session, void *buffer, size_t len,
		 int wake_fd, int64_t timeout_ms, struct fault *fault)
{
	(void)session;
	(void)buffer;
	(void)len;
	(void)wake_fd;
	(void)timeout_ms;
	return fault_set(fault, FAULT_NETWORK, "no TLS");
}

int tls_write_all(struct tls_session *session, const void *data, size_t len,
		  int64_t timeout_ms, struct fault *fault)
{
	(void)session;
	(void)data;
	(void)len;
	(void)timeout_ms;
	return fault_set(fault, FAULT_NETWORK, "no TLS");
}

void tls_client_ctx_free(struct ssl_ctx_st *ctx)
{
	fuzz_require(!ctx);
}

/* ---- messages ---- */

struct fuzz_queue {
	struct relay_message messages[FUZZ_MESSAGES];
	struct relay_recipient to[FUZZ_MESSAGES][FUZZ_RECIPIENTS];
	size_t given;
	size_t done;
};

static struct relay_message *fuzz_next(void *context)
{
	struct fuzz_queue *queue = context;

	return queue->given < FUZZ_MESSAGES ? &queue->messages[queue->given++]
					    : NULL;
}

/* Does the relay host say anything that begins with this digit? */
static bool fuzz_says(char digit)
{
	for (size_t i = 0; i < fuzz_len; i++)
		if (fuzz_input[i] == (uint8_t)digit &&
		    (i == 0 || fuzz_input[i - 1] == '\n' ||
		     fuzz_input[i - 1] == 0))
			return true;
	return false;
}

static void fuzz_check(const struct relay_recipient *to)
{
	fuzz_require(to->reply && g_utf8_validate(to->reply, -1, NULL) &&
		     !strpbrk(to->reply, "\r\n"));
	fuzz_require(strchr("245", to->status[0]) && to->status[1] == '.');
	if (to->verdict == RELAY_SENT)
		fuzz_require(to->from_relay && fuzz_says('2'));
	if (to->verdict == RELAY_FAILED && to->from_relay)
		fuzz_require(fuzz_says('5'));
}

static void fuzz_settle(void *context)
{
	(void)context;
}

static void fuzz_done(void *context, struct relay_message *message)
{
	struct fuzz_queue *queue = context;

	fuzz_require(message == &queue->messages[queue->done++]);
	if (message->untouched)
		return;
	for (size_t i = 0; i < message->recipient_count; i++)
		fuzz_check(&message->recipients[i]);
}

static void fuzz_fill(struct fuzz_queue *queue, uint8_t kind)
{
	static const char plain[] = "Subject: x\r\n\r\n.\r\nx\r\n";
	static const char eightbit[] =
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n\303\244\r\n";

	for (size_t i = 0; i < FUZZ_MESSAGES; i++) {
		struct relay_message *message = &queue->messages[i];
		bool is_8bit = (kind & 4) && i == 1;

		message->reverse_path = "a@b.test";
		message->octets = is_8bit ? eightbit : plain;
		message->len = strlen(message->octets);
		message->body_8bit = is_8bit;
		message->recipients = queue->to[i];
		message->recipient_count = FUZZ_RECIPIENTS;
		queue->to[i][0].address = "x@y.test";
		queue->to[i][1].address =
			kind & 8 ? "\303\244@y.test" : "z@y.test";
	}
}

static void fuzz_clear(struct fuzz_queue *queue)
{
	for (size_t i = 0; i < FUZZ_MESSAGES; i++)
		for (size_t j = 0; j < FUZZ_RECIPIENTS; j++)
			g_free(queue->to[i][j].reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relay_place place = {.host = (char[]){"x"},
				    .port = (char[]){"25"}};
	struct fuzz_queue queue = {0};
	struct relay_options options = {
		.hostname = "mx.test",
		.tls = CONF_TLS_NONE,
		.login = {.user = "", .password = "", .token_command = ""},
		.timeouts = {1000, 1000, 1000, 1000, 1000},
	};
	const struct relay_source source = {fuzz_next, fuzz_done, fuzz_settle,
					    &queue};
	struct relay_control *control;
	struct fault fault = {0};
	int result;

	if (size < 1 || size > 60000)
		return 0;
	if (data[0] & 1) {
		options.login.user = "anna";
		options.login.password = "secret";
	}
	fuzz_input = data + 1;
	fuzz_len = size - 1;
	fuzz_fill(&queue, data[0]);
	control = relay_control_new();
	result = relay_direct_run(&place, &options, control, fuzz_next(&queue),
				  &source, &fault);
	fuzz_require(result == 0 ? queue.done == queue.given
				 : queue.done == 0 && queue.given == 1 &&
					   *fault.text);
	relay_control_free(control);
	fuzz_clear(&queue);
	return 0;
}
