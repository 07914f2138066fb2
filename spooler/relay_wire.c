/*
 * The wire under libesmtp; see relay_wire.h for why there is one.
 */
#include "relay_wire.h"

#include "relay_content.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>

#define WIRE_DATA_END      "\r\n.\r\n"
#define WIRE_DATA_END_LEN  5
#define WIRE_DATA_WORD     "DATA\r\n"
#define WIRE_DATA_WORD_LEN 6
#define WIRE_MAIL_WORD     "MAIL FROM:"
#define WIRE_QUIT_WORD     "QUIT\r\n"
#define WIRE_QUIT_WORD_LEN 6
#define WIRE_QUIT_MS       5000
#define WIRE_CHUNK         65536
#define WIRE_SSL_WANT_READ 2 /* OpenSSL's, whose headers stay out */

enum wire_hold {
	WIRE_HOLD_NONE,
	WIRE_HOLD_BACK,   /* until the recipients' outcome is known */
	WIRE_HOLD_REFUSE, /* none of them was taken */
};

struct relay_wire {
	int handed;  /* not yet taken by libesmtp, or -1 */
	int fd;      /* libesmtp's, once it took it */
	int watch;   /* a duplicate, so that cutting never hits another file */
	bool is_new; /* its connect(2) is still to come */
	int64_t timeout_ms;
	bool data_word_seen; /* the last thing written was DATA */
	bool in_data;        /* libesmtp is rendering: swallow */
	bool ask_utf8;       /* at the next MAIL */
	bool data_sent;
	bool refused_early;  /* a 4xx or 5xx before all was sent */
	enum wire_hold hold; /* of DATA */
	bool data_held;      /* it would have been written */
	int64_t answer_by;   /* of what was asked last, monotonic ms; 0: yet
				to be asked for */
	bool timed_out;      /* it was not answered by then */
	bool in_ssl;         /* within OpenSSL */
	void *ssl;           /* once something was written through it */
	char tail[WIRE_DATA_END_LEN];
	const void *octets;
	size_t len;
	pthread_mutex_t lock; /* guards watch and cut */
	bool cut;
};

static __thread struct relay_wire *wire_current;

typedef ssize_t wire_put_fn(struct relay_wire *wire, void *where,
			    const void *octets, size_t len);

struct relay_wire *relay_wire_new(int fd, int64_t timeout_ms)
{
	struct relay_wire *wire = g_new0(struct relay_wire, 1);

	wire->handed = fd;
	wire->fd = -1;
	wire->watch = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	wire->timeout_ms = timeout_ms;
	pthread_mutex_init(&wire->lock, NULL);
	wire_current = wire;
	return wire;
}

void relay_wire_free(struct relay_wire *wire)
{
	wire_current = NULL;
	if (wire->handed >= 0)
		(void)close(wire->handed);
	if (wire->watch >= 0)
		(void)close(wire->watch);
	pthread_mutex_destroy(&wire->lock);
	g_free(wire);
}

void relay_wire_cut(struct relay_wire *wire)
{
	pthread_mutex_lock(&wire->lock);
	wire->cut = true;
	if (wire->watch >= 0)
		(void)shutdown(wire->watch, SHUT_RDWR);
	pthread_mutex_unlock(&wire->lock);
}

bool relay_wire_was_cut(const struct relay_wire *wire)
{
	return wire->cut;
}

bool relay_wire_timed_out(const struct relay_wire *wire)
{
	return wire->timed_out;
}

bool relay_wire_data_was_sent(const struct relay_wire *wire)
{
	return wire->data_sent;
}

bool relay_wire_refused_early(const struct relay_wire *wire)
{
	return wire->refused_early;
}

bool relay_wire_begin_data(struct relay_wire *wire, const void *octets,
			   size_t len)
{
	if (!wire->data_word_seen || wire->ask_utf8) {
		relay_wire_cut(wire);
		return false;
	}
	wire->octets = octets;
	wire->len = len;
	wire->in_data = true;
	wire->data_sent = false;
	memset(wire->tail, 0, sizeof(wire->tail));
	return true;
}

void relay_wire_end_data(struct relay_wire *wire)
{
	wire->octets = NULL;
	wire->len = 0;
	wire->data_sent = false;
}

/* ---- sending --------------------------------------------------------------
 */

static ssize_t wire_put_plain(struct relay_wire *wire, void *where,
			      const void *octets, size_t len)
{
	(void)where;
	return syscall(SYS_write, wire->fd, octets, len);
}

typedef int wire_write_fn(void *ssl, const void *octets, int len);
typedef int wire_peek_fn(void *ssl, void *octets, int len);
typedef int wire_error_fn(const void *ssl, int result);

/* OpenSSL's own. */
struct wire_openssl {
	wire_write_fn *write;
	wire_peek_fn *peek;
	wire_error_fn *error;
};
static struct wire_openssl wire_found;

static void wire_find(void)
{
	wire_found.write = (wire_write_fn *)dlsym(RTLD_NEXT, "SSL_write");
	wire_found.peek = (wire_peek_fn *)dlsym(RTLD_NEXT, "SSL_peek");
	wire_found.error = (wire_error_fn *)dlsym(RTLD_NEXT, "SSL_get_error");
}

/* Looked up once, for every thread. */
static const struct wire_openssl *wire_openssl(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, wire_find);
	return &wire_found;
}

static ssize_t wire_put_ssl(struct relay_wire *wire, void *where,
			    const void *octets, size_t len)
{
	int put;

	wire->in_ssl = true;
	errno = 0;
	put = wire_openssl()->write(where, octets, (int)MIN(len, WIRE_CHUNK));
	wire->in_ssl = false;
	return put;
}

/* The first octet of what there is to read, and not only what TLS tells itself;
 * 0: nothing, -1: the end. */
static int wire_peek(struct relay_wire *wire)
{
	uint8_t octet;
	ssize_t n;

	if (!wire->ssl) {
		n = recv(wire->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		return n == 1 ? octet : -1;
	}
	wire->in_ssl = true;
	n = wire_openssl()->peek(wire->ssl, &octet, 1);
	wire->in_ssl = false;
	if (n == 1)
		return octet;
	return wire_openssl()->error(wire->ssl, (int)n) == WIRE_SSL_WANT_READ
		       ? 0
		       : -1;
}

/* Has the relay host answered what it does not have yet?  If it says no that is
 * left to be read; anything else makes no sense, and the connection is cut. */
static bool wire_came_early(struct relay_wire *wire)
{
	int octet = wire_peek(wire);

	if (octet == 0)
		return false;
	if (octet == '4' || octet == '5')
		wire->refused_early = true;
	else
		relay_wire_cut(wire);
	return true;
}

/* All of it, or the connection is cut. */
static void wire_put_all(struct relay_wire *wire, wire_put_fn *put, void *where,
			 const uint8_t *octets, size_t len)
{
	while (len && !wire->cut) {
		struct pollfd ready = {.fd = wire->fd, .events = POLLOUT};
		ssize_t n = put(wire, where, octets, MIN(len, WIRE_CHUNK));

		if (n > 0) {
			octets += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (errno != EAGAIN ||
		    poll(&ready, 1, (int)wire->timeout_ms) <= 0) {
			relay_wire_cut(wire);
			return;
		}
	}
}

static void wire_put_message(struct relay_wire *wire, wire_put_fn *put,
			     void *where)
{
	g_autoptr(GByteArray) piece = g_byte_array_new();
	struct relay_content content;

	relay_content_init(&content, wire->octets, wire->len, true);
	while (!wire->cut && relay_content_next(&content, piece)) {
		if (wire_came_early(wire))
			return;
		wire_put_all(wire, put, where, piece->data, piece->len);
		g_byte_array_set_size(piece, 0);
	}
	wire->data_sent = !wire->cut;
	if (wire->cut)
		(void)wire_came_early(wire); /* why it closed its end */
}

/* The last octets libesmtp wrote, to see where its rendering ends. */
static void wire_remember(struct relay_wire *wire, const char *octets,
			  size_t len)
{
	size_t keep;

	if (len >= WIRE_DATA_END_LEN) {
		memcpy(wire->tail, octets + len - WIRE_DATA_END_LEN,
		       WIRE_DATA_END_LEN);
		return;
	}
	keep = WIRE_DATA_END_LEN - len;
	memmove(wire->tail, wire->tail + len, keep);
	memcpy(wire->tail + keep, octets, len);
}

static bool wire_ends_with(const char *octets, size_t len, const char *word,
			   size_t word_len)
{
	return len >= word_len &&
	       memcmp(octets + len - word_len, word, word_len) == 0;
}

static bool wire_begins_with(const char *octets, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(octets, word, strlen(word)) == 0;
}

/* A relay host that does not answer QUIT must not hold us: libesmtp would
 * wait for ten minutes. */
static void wire_await_goodbye(struct relay_wire *wire)
{
	struct pollfd ready = {.fd = wire->fd, .events = POLLIN};

	if (poll(&ready, 1, WIRE_QUIT_MS) <= 0)
		relay_wire_cut(wire);
}

void relay_wire_ask_utf8(struct relay_wire *wire, bool ask)
{
	wire->ask_utf8 = ask;
}

/* MAIL begins what is written: whatever came before it was answered. */
static ssize_t wire_put_mail(struct relay_wire *wire, wire_put_fn *put,
			     void *where, const char *octets, size_t len)
{
	static const char word[] = " SMTPUTF8";
	const char *end = memmem(octets, len, "\r\n", 2);
	g_autoptr(GByteArray) all = g_byte_array_new();
	size_t line;

	wire->ask_utf8 = false;
	if (!end) {
		relay_wire_cut(wire);
		return (ssize_t)len;
	}
	line = (size_t)(end - octets);
	g_byte_array_append(all, (const guint8 *)octets, (guint)line);
	g_byte_array_append(all, (const guint8 *)word, (guint)strlen(word));
	g_byte_array_append(all, (const guint8 *)end, (guint)(len - line));
	wire_put_all(wire, put, where, all->data, all->len);
	return (ssize_t)len;
}

/* Writes DATA, or what stands for it where nobody was taken. */
static void wire_put_data_word(struct relay_wire *wire, wire_put_fn *put,
			       void *where)
{
	bool refuse = wire->hold == WIRE_HOLD_REFUSE;
	const char *word = refuse ? WIRE_QUIT_WORD : WIRE_DATA_WORD;

	wire->data_word_seen = !refuse;
	wire_put_all(wire, put, where, (const uint8_t *)word, strlen(word));
}

void relay_wire_hold_data(struct relay_wire *wire)
{
	wire->hold = WIRE_HOLD_BACK;
	wire->data_held = false;
}

void relay_wire_release_data(struct relay_wire *wire, bool any_taken)
{
	wire->hold = any_taken ? WIRE_HOLD_NONE : WIRE_HOLD_REFUSE;
	if (!wire->data_held)
		return;
	wire->data_held = false;
	wire->answer_by = 0;
	if (wire->ssl)
		wire_put_data_word(wire, wire_put_ssl, wire->ssl);
	else
		wire_put_data_word(wire, wire_put_plain, NULL);
}

/* Commands that end in DATA. */
static ssize_t wire_put_before_data(struct relay_wire *wire, wire_put_fn *put,
				    void *where, const char *octets, size_t len)
{
	wire_put_all(wire, put, where, (const uint8_t *)octets,
		     len - WIRE_DATA_WORD_LEN);
	if (wire->hold == WIRE_HOLD_BACK)
		wire->data_held = true;
	else
		wire_put_data_word(wire, put, where);
	return (ssize_t)len;
}

void relay_wire_answered(struct relay_wire *wire)
{
	wire->answer_by = 0;
}

/* What libesmtp writes: commands pass, its rendering of a message does not. */
static ssize_t wire_filter(struct relay_wire *wire, wire_put_fn *put,
			   void *where, const char *octets, size_t len)
{
	bool is_quit =
		wire_ends_with(octets, len, WIRE_QUIT_WORD, WIRE_QUIT_WORD_LEN);
	ssize_t n;

	if (wire->in_data) {
		wire_remember(wire, octets, len);
		if (memcmp(wire->tail, WIRE_DATA_END, WIRE_DATA_END_LEN) == 0) {
			wire->in_data = false;
			wire->data_word_seen = false;
			wire->answer_by = 0;
			wire_put_message(wire, put, where);
		}
		return (ssize_t)len;
	}
	wire->answer_by = 0;
	/* Who answered DATA with nonsense may wait for a message. */
	if (is_quit && wire->data_word_seen)
		relay_wire_cut(wire);
	if (wire_ends_with(octets, len, WIRE_DATA_WORD, WIRE_DATA_WORD_LEN))
		return wire_put_before_data(wire, put, where, octets, len);
	wire->data_word_seen = false;
	if (wire->ask_utf8 && wire_begins_with(octets, len, WIRE_MAIL_WORD))
		n = wire_put_mail(wire, put, where, octets, len);
	else
		n = put(wire, where, octets, len);
	if (n < 0)
		return n;
	if (is_quit)
		wire_await_goodbye(wire);
	return n;
}

/* ---- the interposed calls --------------------------------------------------
 */

int relay_wire_socket(int domain, int type, int protocol)
{
	struct relay_wire *wire = wire_current;

	if (wire && wire->handed >= 0) {
		wire->fd = wire->handed;
		wire->handed = -1;
		wire->is_new = true;
		return wire->fd;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}

int relay_wire_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct relay_wire *wire = wire_current;

	if (wire && wire->is_new && fd == wire->fd) {
		wire->is_new = false;
		return 0;
	}
	return (int)syscall(SYS_connect, fd, address, len);
}

ssize_t relay_wire_write(int fd, const void *octets, size_t len)
{
	struct relay_wire *wire = wire_current;

	if (!wire || fd != wire->fd || wire->in_ssl)
		return syscall(SYS_write, fd, octets, len);
	return wire_filter(wire, wire_put_plain, NULL, octets, len);
}

static int wire_real_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {.tv_sec = timeout_ms / 1000,
				   .tv_nsec = timeout_ms % 1000 * 1000000L};

	return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

/* A reply has one time to come in, however many pieces it comes in: libesmtp
 * counts from the last octet, and would wait for a drop an hour for ever. */
static int wire_patience(struct relay_wire *wire, int timeout_ms)
{
	int64_t now = g_get_monotonic_time() / 1000;

	if (!wire->answer_by)
		wire->answer_by = now + timeout_ms;
	if (wire->answer_by <= now) {
		wire->timed_out = true;
		relay_wire_cut(wire);
	}
	return (int)CLAMP(wire->answer_by - now, 1, timeout_ms);
}

/* libesmtp asks for its socket once to read and once to write; what it has to
 * write goes first.  Without a time to wait it only asks whether a reply has
 * come early. */
int relay_wire_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct relay_wire *wire = wire_current;
	int ready;
	bool is_patient = wire && timeout_ms > 0 && !wire->in_ssl &&
			  fds[0].fd == wire->fd;

	if (is_patient)
		timeout_ms = wire_patience(wire, timeout_ms);
	ready = wire_real_poll(fds, count, timeout_ms);
	if (is_patient && ready == 0)
		wire->timed_out = true;
	if (ready <= 0 || !wire || wire->in_ssl || fds[0].fd != wire->fd ||
	    fds[0].revents != POLLIN)
		return ready;
	if (count == 2 && fds[1].fd == wire->fd && fds[1].revents == POLLOUT) {
		fds[0].revents = 0;
		return ready - 1;
	}
	if (count == 1 && timeout_ms == 0 && wire->ssl &&
	    wire_peek(wire) <= 0) {
		fds[0].revents = 0;
		return 0;
	}
	return ready;
}

int relay_wire_ssl_write(void *ssl, const void *octets, int len)
{
	struct relay_wire *wire = wire_current;

	if (!wire || len <= 0)
		return wire_openssl()->write(ssl, octets, len);
	wire->ssl = ssl;
	return (int)wire_filter(wire, wire_put_ssl, ssl, octets, (size_t)len);
}
