/*
 * What a helper does: reads requests from descriptor 0, answers on descriptor
 * 1, ends when its parent closes the stream.  It meets hostile bytes.
 *
 * It does not ask to be killed with its parent (PR_SET_PDEATHSIG): that signal
 * comes when the *thread* ends that started it.  The end of the stream tells
 * it between requests, an alarm(2) bounds each of them.
 */
#include "helper_serve.h"
#include "charset.h"
#include "convert.h"
#include "pages.h"
#include "sandbox.h"
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define AHEAD_MAX ((size_t)64 * 1024)

/* The body of a request: octets that were sent, or a file that is mapped. */
struct body {
	GByteArray *sent; /* or NULL */
	const void *data;
	size_t len;
	void *map; /* or NULL */
};

/* What came with the head of a request: mostly all of it, in one call.
 * Requests and answers take turns, so it is never of another request. */
static struct {
	char octets[AHEAD_MAX];
	size_t at;
	size_t len;
} ahead;

static size_t take_ahead(void *data, size_t len)
{
	len = MIN(len, ahead.len - ahead.at);
	memcpy(data, ahead.octets + ahead.at, len);
	ahead.at += len;
	return len;
}

/* 1: whole, 0: the stream ended before the first octet, -1: within. */
static int read_whole(void *data, size_t len)
{
	size_t done = take_ahead(data, len);

	while (done < len) {
		ssize_t n = read(0, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return done == 0 && n == 0 ? 0 : -1;
		done += (size_t)n;
	}
	return 1;
}

/* The head of a request, and the file that came with its first octet; as
 * read_whole(). */
static int read_request(struct wire_request *request, int *ret_file)
{
	char control[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec pieces[2] = {
		{.iov_base = request, .iov_len = sizeof(*request)},
		{.iov_base = ahead.octets, .iov_len = sizeof(ahead.octets)},
	};
	struct msghdr message = {
		.msg_iov = pieces,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head;
	ssize_t n;

	ahead.at = ahead.len = 0;
	do
		n = recvmsg(0, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ENOTSOCK) /* started by hand: no files then */
		return read_whole(request, sizeof(*request));
	if (n <= 0)
		return n == 0 ? 0 : -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET &&
	    head->cmsg_type == SCM_RIGHTS)
		memcpy(ret_file, CMSG_DATA(head), sizeof(*ret_file));
	if ((size_t)n >= sizeof(*request)) {
		ahead.len = (size_t)n - sizeof(*request);
		return 1;
	}
	return read_whole((char *)request + n, sizeof(*request) - (size_t)n) ==
			       1
		       ? 1
		       : -1;
}

static int write_whole(const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(1, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return 0;
}

/* Memory grows with the bytes that are there, not with the claim. */
static int read_sent(GByteArray *body, uint64_t len)
{
	while (body->len < len) {
		guint old = body->len;
		guint step = (guint)MIN(len - old,
					MAX((uint64_t)WIRE_READ_CHUNK, old));

		g_byte_array_set_size(body, old + step);
		if (read_whole(body->data + old, step) != 1)
			return -1;
	}
	return 0;
}

/* The file is another's: it may be read, not written, and has no more octets
 * than it says. */
static int map_file(struct body *body, int file, uint64_t len)
{
	struct stat st;

	if (file < 0 || len == 0 || fstat(file, &st) != 0 ||
	    (uint64_t)st.st_size < len)
		return -1;
	body->map =
		mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (body->map == MAP_FAILED) {
		body->map = NULL;
		return -1;
	}
	body->data = body->map;
	body->len = len;
	pages_map(body->data, body->len);
	return 0;
}

static int read_body(const struct wire_request *request, int file,
		     struct body *body)
{
	if (request->is_file)
		return map_file(body, file, request->body_len);
	body->sent = g_byte_array_new();
	if (read_sent(body->sent, request->body_len) != 0)
		return -1;
	body->data = body->sent->data;
	body->len = body->sent->len;
	return 0;
}

static void body_clear(struct body *body)
{
	g_clear_pointer(&body->sent, g_byte_array_unref);
	pages_map(NULL, 0);
	if (body->map)
		(void)munmap(body->map, body->len);
	body->map = NULL;
}

/* The message goes before the answer is made: both may be large.  Owned. */
static struct propset *to_propset(const struct wire_request *request,
				  const char *const *fields, struct body *body)
{
	const struct convert_options options = {
		.flags = request->flags,
		.default_charset = request->charset,
		.fields = request->fields_len ? fields : NULL,
	};
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	struct propset *set =
		convert_to_propset(body->data, body->len, &options, notes);

	for (guint i = 0; i < notes->len; i++)
		propset_add_text(set, PR_OKAPI_NOTES, notes->pdata[i]);
	body_clear(body);
	return set;
}

static enum wire_status to_rfc822(struct body *body, GByteArray *out)
{
	struct fault fault = {0};
	AUTO(propset) set = NULL;
	GByteArray *message = NULL;
	g_autoptr(GBytes) wire = g_bytes_new_static(body->data, body->len);

	if (propset_decode(wire, &set, &fault) != 0 ||
	    convert_to_rfc822(set, &message, &fault) != 0) {
		g_byte_array_append(out, (const guint8 *)fault.text,
				    (guint)strlen(fault.text));
		return WIRE_REFUSED;
	}
	g_byte_array_append(out, message->data, message->len);
	g_byte_array_unref(message);
	return WIRE_DONE;
}

static enum wire_status to_utf8(const struct wire_request *request,
				const struct body *body, GByteArray *out)
{
	g_autofree char *text =
		charset_decode(request->charset, body->data, body->len);

	if (!text)
		return WIRE_REFUSED;
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
	return WIRE_DONE;
}

/* All goes out in one write, if it is not much. */
static int answer(const struct wire_request *request, const char *const *fields,
		  struct body *body)
{
	struct wire_answer head = {.version = WIRE_VERSION};
	g_autoptr(GByteArray) out = g_byte_array_new();
	AUTO(propset) set = NULL;

	g_byte_array_set_size(out, sizeof(head)); /* its place is kept */
	if (request->operation == WIRE_TO_PROPSET)
		set = to_propset(request, fields, body);
	else if (request->operation == WIRE_TO_RFC822)
		head.status = (uint8_t)to_rfc822(body, out);
	else
		head.status = (uint8_t)to_utf8(request, body, out);
	head.body_len =
		set ? propset_encoded_len(set) : out->len - sizeof(head);
	memcpy(out->data, &head, sizeof(head));
	if (set && propset_encode_to(set, out, write_whole) != 0)
		return -1;
	return write_whole(out->data, out->len);
}

static bool is_sound(const struct wire_request *request)
{
	return request->version == WIRE_VERSION &&
	       (request->operation == WIRE_TO_PROPSET ||
		request->operation == WIRE_TO_RFC822 ||
		request->operation == WIRE_TO_UTF8) &&
	       request->body_len <= WIRE_BODY_MAX &&
	       request->fields_len <= CONVERT_FIELDS_MAX &&
	       memchr(request->charset, '\0', sizeof(request->charset));
}

/* The names before the body, NULL-terminated, the last one ended by the last
 * octet; owned. */
static char **read_fields(const struct wire_request *request)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	char octets[CONVERT_FIELDS_MAX];
	size_t len = request->fields_len;

	if (len && (read_whole(octets, len) != 1 || octets[len - 1]))
		return NULL;
	for (size_t at = 0; at < len; at += strlen(octets + at) + 1)
		g_ptr_array_add(names, g_strdup(octets + at));
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_steal(names, NULL);
}

/* One request; 0 to go on, 1 at the end of the stream, -1 on trouble. */
static int serve_one(void)
{
	struct wire_request request;
	struct body body = {0};
	g_auto(GStrv) fields = NULL;
	AUTOCLOSE int file = -1;
	int got = read_request(&request, &file);
	int rc = -1;

	if (got == 0)
		return 1;
	if (got < 0 || !is_sound(&request))
		return -1;
	(void)alarm(request.timeout_s);
	fields = read_fields(&request);
	if (fields && read_body(&request, file, &body) == 0)
		rc = answer(&request, (const char *const *)fields, &body);
	body_clear(&body);
	(void)alarm(0);
	return rc;
}

int helper_serve(void)
{
	struct fault fault = {0};
	int rc = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C is for the daemon */
	/* Started by a descriptor, which gave it its number for a name, or a
	 * copy. */
	(void)prctl(PR_SET_NAME, "okapi-convert");
	(void)close_range(3, ~0u, 0);
	convert_init();
	if (sandbox_enter(&fault) != 0) {
		g_printerr("okapi-convert: %s\n", fault.text);
		return 75;
	}
	while ((rc = serve_one()) == 0)
		;
	return rc == 1 ? 0 : 70;
}
