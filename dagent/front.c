/*
 * Handing over: XDELIVER with what the command line and the environment say,
 * the message in chunks (BDAT), and one reply that says how to exit
 * (docs/protocol.md).  All of a small message goes in one call.
 *
 * Only a chunk that is called the last one ends a message: who dies before
 * that has delivered nothing.
 */
#include "front.h"

#include "door.h"
#include "pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define FRONT_CHUNK ((size_t)256 * 1024)
/* After this long at reading, or half of its timeout, the daemon may have lost
 * its patience. */
#define FRONT_SLOW_MS    2000
#define FRONT_LINE_MAX   1024 /* of a reply */
#define FRONT_PIECES_MAX 4

struct front {
	const struct front_options *options;
	const char *path;
	int64_t timeout_ms;
	int fd;         /* of the daemon */
	int source;     /* of the message */
	bool has_ended; /* the message */
	bool may_write;
	bool is_over; /* the outcome was told */
	int code;
	char replies[FRONT_LINE_MAX]; /* what is not yet a line */
	size_t replies_len;
	size_t chunk_len;
};

static char front_chunk[FRONT_CHUNK];

static int64_t front_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is said to the caller ---- */

/* One line, whatever stands in it: MTAs read the first one. */
static void front_print(const struct front_options *options, char *line)
{
	size_t len = strlen(line);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[len] = '\n';
	if (!options->silent)
		(void)!write(STDOUT_FILENO, line, len + 1);
}

int front_fail(const struct front_options *options, const char *format, ...)
{
	char line[FRONT_LINE_MAX + 1];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, FRONT_LINE_MAX, format, args);
	va_end(args);
	front_print(options, line);
	return options->qmail ? DOOR_QMAIL_TEMPORARY : EX_TEMPFAIL;
}

static void front_end(struct front *front, int code)
{
	front->code = code;
	front->is_over = true;
}

/* ---- the daemon's replies ---- */

/* "550 5.1.1 exit=67 <x@y>: no such recipient": the outcome, which is told.
 * False: the line is none, or one that does not agree with itself. */
static bool front_take_outcome(struct front *front, const char *line,
			       char *status)
{
	char *text = status + strcspn(status, " ");
	char *end;
	long code;

	text += *text == ' ';
	if (strncmp(text, DOOR_EXIT, strlen(DOOR_EXIT)) != 0)
		return false;
	code = strtol(text + strlen(DOOR_EXIT), &end, 10);
	if (*end != ' ' || code < 0 || code > UINT8_MAX ||
	    (code == EX_OK) != (line[0] == '2'))
		return false;
	front_end(front, (int)code);
	(void)memmove(text, end + 1, strlen(end));
	if (code != EX_OK)
		front_print(front->options, status);
	return true;
}

/* Positive replies other than the outcome say that it goes on.  Anything else
 * is no answer to this message, hence temporary. */
static void front_take_reply(struct front *front, char *line)
{
	char *status = strlen(line) > 4 ? line + 4 : line + strlen(line);

	if (front_take_outcome(front, line, status))
		return;
	if (line[0] == '4' && status[0] == '4') {
		front_end(front, front_fail(front->options, "%s", status));
	} else if (line[0] != '2') {
		front_end(front,
			  front_fail(front->options,
				     "4.3.0 the daemon says \"%s\": is it an "
				     "older one, to be started anew?",
				     line));
	}
}

/* Reads what there is; -1: nothing comes any more. */
static int front_read_replies(struct front *front)
{
	char *end;
	ssize_t n = recv(front->fd, front->replies + front->replies_len,
			 sizeof(front->replies) - front->replies_len - 1,
			 MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	front->replies_len += (size_t)n;
	front->replies[front->replies_len] = '\0';
	while (!front->is_over && (end = strstr(front->replies, "\r\n"))) {
		*end = '\0';
		front_take_reply(front, front->replies);
		end += 2;
		front->replies_len -= (size_t)(end - front->replies);
		(void)memmove(front->replies, end, front->replies_len + 1);
	}
	return front->replies_len < sizeof(front->replies) - 1 ? 0 : -1;
}

/* ---- writing ---- */

/* A write that fails is no end: the daemon may have said why. */
static void front_write(struct front *front, struct msghdr *pieces)
{
	ssize_t n = sendmsg(front->fd, pieces, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		pieces_skip(pieces, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		front->may_write = false;
}

/* Writes the pieces, and reads meanwhile, so that neither side can wait for the
 * other for ever; behind the last chunk until the outcome is there. */
static void front_exchange(struct front *front, struct msghdr *pieces)
{
	front_write(front, pieces);
	while (!front->is_over && (pieces->msg_iovlen || front->has_ended)) {
		bool want = front->may_write && pieces->msg_iovlen;
		struct pollfd ready = {
			.fd = front->fd,
			.events = (short)(POLLIN | (want ? POLLOUT : 0))};
		int rc = poll(&ready, 1, (int)front->timeout_ms);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc > 0 && want && (ready.revents & (POLLOUT | POLLERR)))
			front_write(front, pieces);
		if (rc <= 0 ||
		    ((ready.revents & (POLLIN | POLLHUP | POLLERR)) &&
		     front_read_replies(front) < 0))
			break;
	}
	if (!front->is_over && (pieces->msg_iovlen || front->has_ended))
		front_end(front,
			  front_fail(front->options,
				     "4.4.2 the daemon broke off before it "
				     "answered"));
}

/* ---- the message ---- */

/* Waits for more of the message; false: not before the time is over.  -1: for
 * ever. */
static bool front_wait_source(const struct front *front, int64_t until_ms)
{
	struct pollfd ready = {.fd = front->source, .events = POLLIN};
	int64_t left;

	if (until_ms < 0)
		return true;
	left = until_ms - front_now_ms();
	return left > 0 && poll(&ready, 1, (int)left) != 0;
}

/* Reads a chunk: until it is full, the message has ended, or it is time that
 * the daemon hears something.  -1: errno. */
static int front_read_chunk(struct front *front, int64_t until_ms)
{
	front->chunk_len = 0;
	while (front->chunk_len < FRONT_CHUNK && !front->has_ended) {
		ssize_t n;

		if (!front_wait_source(front, until_ms))
			return 0;
		n = read(front->source, front_chunk + front->chunk_len,
			 FRONT_CHUNK - front->chunk_len);
		if (n < 0 && errno != EINTR)
			return -1;
		front->chunk_len += n > 0 ? (size_t)n : 0;
		front->has_ended = n == 0;
	}
	return 0;
}

/* What stands before the message, as the first octets of it: the variables,
 * "NAME=value", an empty string, the words of the command line, each ended by
 * a NUL.  Owned. */
static char *front_arguments(char *const *argv, size_t *ret_len)
{
	static const char *const names[DOOR_VARIABLES] = DOOR_NAMES;
	size_t size = 1;
	char *block;
	char *end;

	for (size_t i = 0; i < DOOR_VARIABLES; i++)
		if (getenv(names[i]))
			size += strlen(names[i]) + strlen(getenv(names[i])) + 2;
	for (char *const *word = argv + 1; argv[0] && *word; word++)
		size += strlen(*word) + 1;
	block = malloc(size + 1);
	if (!block)
		abort();
	end = block;
	for (size_t i = 0; i < DOOR_VARIABLES; i++)
		if (getenv(names[i]))
			end += sprintf(end, "%s=%s", names[i],
				       getenv(names[i])) +
			       1;
	*end++ = '\0';
	for (char *const *word = argv + 1; argv[0] && *word; word++)
		end = stpcpy(end, *word) + 1;
	*ret_len = (size_t)(end - block);
	return block;
}

/* One chunk; block is what stands before the first one. */
static void front_send_chunk(struct front *front, char *block, size_t block_len)
{
	char command[96];
	int len = 0;
	struct iovec octets[FRONT_PIECES_MAX];
	struct msghdr pieces = {.msg_iov = octets, .msg_iovlen = 0};

	if (block)
		len = snprintf(command, sizeof(command), "XDELIVER %zu\r\n",
			       block_len);
	len += snprintf(command + len, sizeof(command) - (size_t)len,
			"BDAT %zu%s\r\n", block_len + front->chunk_len,
			front->has_ended ? " LAST" : "");
	octets[pieces.msg_iovlen++] = (struct iovec){command, (size_t)len};
	octets[pieces.msg_iovlen++] = (struct iovec){block, block_len};
	octets[pieces.msg_iovlen++] =
		(struct iovec){front_chunk, front->chunk_len};
	if (front->has_ended)
		octets[pieces.msg_iovlen++] =
			(struct iovec){(void *)(uintptr_t) "QUIT\r\n", 6};
	front_exchange(front, &pieces);
}

static int front_fail_reading(const struct front *front)
{
	return front_fail(front->options, "4.3.0 cannot read the message: %s",
			  strerror(errno));
}

/* Has so much time gone by that the connection may be no good any more? */
static bool front_is_slow(const struct front *front, int64_t since_ms)
{
	int64_t gone_ms = front_now_ms() - since_ms;

	return gone_ms >= FRONT_SLOW_MS || gone_ms >= front->timeout_ms / 2;
}

/* The first chunk, which may come slowly, on a fresh connection then; since_ms
 * is when the first one was made.  -1: over. */
static int front_begin(struct front *front, char *const *argv, int64_t since_ms)
{
	size_t len = 0;
	char *block;

	if (front_read_chunk(front, -1)) {
		front_end(front, front_fail_reading(front));
		return -1;
	}
	if (front_is_slow(front, since_ms)) {
		(void)close(front->fd);
		front->fd = front_connect(front->path, front->timeout_ms);
	}
	if (front->fd < 0) {
		front_end(front, front_fail(front->options,
					    "4.4.2 cannot connect to unix:%s: "
					    "%s",
					    front->path, strerror(errno)));
		return -1;
	}
	block = front_arguments(argv, &len);
	front_send_chunk(front, block, len);
	free(block);
	return 0;
}

int front_hand_over(int fd, const char *path, char *const *argv,
		    const struct front_options *options, int64_t timeout_ms)
{
	struct front front = {
		.options = options,
		.path = path,
		.timeout_ms = timeout_ms,
		.fd = fd,
		.source = STDIN_FILENO,
		.may_write = true,
	};
	int64_t since_ms = front_now_ms();

	/* Opening a FIFO waits, too. */
	if (options->file)
		front.source = open(options->file, O_RDONLY | O_CLOEXEC);
	if (front.source < 0)
		return front_fail(options, "4.3.0 cannot read %s: %s",
				  options->file, strerror(errno));
	if (front_begin(&front, argv, since_ms))
		return front.code;
	while (!front.is_over) {
		int64_t until_ms = front_now_ms() + front.timeout_ms / 2;

		if (front_read_chunk(&front, until_ms))
			return front_fail_reading(&front);
		front_send_chunk(&front, NULL, 0);
	}
	return front.code;
}

int front_connect(const char *path, int64_t timeout_ms)
{
	/* A full backlog is waited for: connect(2) on a socket that does not
	 * block would give up at once. */
	const struct timeval timeout = {.tv_sec = timeout_ms / 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int rc;
	int fd;

	if (*path != '/' || strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			 sizeof(timeout));
	do
		rc = connect(fd, (const struct sockaddr *)&address,
			     sizeof(address));
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return fd;
	rc = errno;
	(void)close(fd);
	errno = rc;
	return -1;
}
