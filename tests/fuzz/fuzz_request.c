/*
 * libFuzzer on the helper's requests (shared/convert/wire.h): the input is what
 * a daemon that is out of its mind would send.  The helper's own code reads it
 * from descriptor 0 and answers on descriptor 1, without its sandbox and
 * without its clock.
 *
 * The first octet says how it is sent: SEND_AS_IS leaves the lengths alone,
 * otherwise they are made right, so that what is behind them is reached;
 * SEND_FILE puts the body into a file; SEND_BROKEN sends the head in two
 * pieces.
 */
#include "check.h"

#define alarm(s) ((void)(s), 0u)
#include "../../shared/convert/helper_serve.c"

enum {
	SEND_AS_IS = 1,
	SEND_FILE = 2,
	SEND_BROKEN = 4
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int answers = -1; /* a file in memory, as descriptor 1 */

static void start(void)
{
	convert_init();
	answers = memfd_create("answers", MFD_CLOEXEC);
	check(answers >= 0 && dup2(answers, 1) == 1);
}

static void make_right(struct wire_request *request, size_t rest, bool as_file)
{
	request->version = WIRE_VERSION;
	request->operation =
		(uint8_t)(WIRE_TO_PROPSET + (request->operation + 2) % 3);
	request->charset[WIRE_CHARSET_MAX - 1] = '\0';
	request->fields_len %= CONVERT_FIELDS_MAX + 1;
	request->fields_len = (uint32_t)MIN(request->fields_len, rest);
	request->is_file = as_file;
	request->body_len = rest - request->fields_len;
}

/* A file that holds the octets; closed by the caller. */
static int file_of(const void *data, size_t len)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	check(file >= 0);
	while (len) {
		ssize_t n = write(file, data, len);

		check(n > 0);
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return file;
}

static void send_piece(int to, const void *data, size_t len, int file)
{
	char control[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = {0};
	struct iovec piece = {(void *)(uintptr_t)data, len};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	if (file >= 0) {
		struct cmsghdr *head = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(file));
		memcpy(CMSG_DATA(head), &file, sizeof(file));
	}
	/* More than the socket holds is cut: the stream ends early then. */
	if (len)
		(void)sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What is in the file of answers is one answer, whole. */
static void check_answer(const struct wire_request *request)
{
	struct wire_answer head;
	off_t size = lseek(answers, 0, SEEK_END);
	g_autoptr(GBytes) bytes = NULL;
	AUTO(propset) set = NULL;
	char *body;

	check(size >= (off_t)sizeof(head));
	check(pread(answers, &head, sizeof(head), 0) == sizeof(head));
	check(head.version == WIRE_VERSION);
	check(head.body_len == (uint64_t)size - sizeof(head));
	if (request->operation != WIRE_TO_PROPSET)
		return;
	check(head.status == WIRE_DONE);
	body = g_malloc(head.body_len);
	check(pread(answers, body, head.body_len, sizeof(head)) ==
	      (ssize_t)head.body_len);
	bytes = g_bytes_new_take(body, head.body_len);
	check(propset_decode(bytes, &set, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_request request;
	const uint8_t *rest;
	size_t rest_len;
	unsigned how;
	int ends[2];
	int file = -1;
	int split;

	if (answers < 0)
		start();
	if (size < 1 + sizeof(request))
		return 0;
	how = data[0];
	memcpy(&request, data + 1, sizeof(request));
	rest = data + 1 + sizeof(request);
	rest_len = size - 1 - sizeof(request);
	if (!(how & SEND_AS_IS))
		make_right(&request, rest_len, how & SEND_FILE);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	check(dup2(ends[1], 0) == 0);
	check(ftruncate(answers, 0) == 0 && lseek(answers, 0, SEEK_SET) == 0);
	if (how & SEND_FILE) {
		size_t before = MIN(rest_len, request.fields_len);

		file = file_of(rest + before, rest_len - before);
		rest_len = before;
	}
	split = how & SEND_BROKEN ? 5 : (int)sizeof(request);
	send_piece(ends[0], &request, (size_t)split, file);
	send_piece(ends[0], (const char *)&request + split,
		   sizeof(request) - (size_t)split, -1);
	send_piece(ends[0], rest, rest_len, -1);
	check(shutdown(ends[0], SHUT_WR) == 0);
	if (serve_one() == 0)
		check_answer(&request);
	(void)close(ends[0]);
	(void)close(ends[1]);
	if (file >= 0)
		(void)close(file);
	return 0;
}
