/*
 * A request to a helper and its answer, seen from a daemon: sending, waiting,
 * judging what comes, and replacing a helper that died, overran or answered
 * nonsense.  No GMime here.
 */
#include "helper_pool.h"
#include "pieces.h"
#include "utf8.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ALARM_EXTRA_S 5
#define TEXT_TRIES    2 /* of a text that helpers die of */
/* Told from a helper that overran or answered nonsense. */
#define HELPER_DIED FAULT_NETWORK

struct exchange {
	int fd;
	int64_t deadline; /* g_get_monotonic_time() */
};

static int wait_for(const struct exchange *exchange, short events,
		    struct fault *fault)
{
	for (;;) {
		struct pollfd poll_fd = {.fd = exchange->fd, .events = events};
		int64_t left = exchange->deadline - g_get_monotonic_time();
		int rc = 0;

		if (left <= 0)
			return fault_set(fault, FAULT_INTERNAL,
					 "the helper took too long");
		rc = poll(&poll_fd, 1,
			  (int)MIN(left / 1000 + 1, (int64_t)G_MAXINT));
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return fault_set_errno(fault, FAULT_INTERNAL, errno,
					       "poll");
	}
}

/* All pieces, in one call where they fit. */
static int send_all(const struct exchange *exchange, struct msghdr *message,
		    struct fault *fault)
{
	while (message->msg_iovlen) {
		ssize_t n = sendmsg(exchange->fd, message, MSG_NOSIGNAL);

		if (n >= 0) {
			pieces_skip(message, (size_t)n);
			/* A descriptor went with the first octet. */
			message->msg_control = NULL;
			message->msg_controllen = 0;
		} else if (errno == EAGAIN) {
			if (wait_for(exchange, POLLOUT, fault) != 0)
				return -1;
		} else if (errno != EINTR) {
			return fault_set_errno(fault, HELPER_DIED, errno,
					       "the helper died");
		}
	}
	return 0;
}

static int receive_all(const struct exchange *exchange, void *data, size_t len,
		       struct fault *fault)
{
	while (len) {
		ssize_t n = recv(exchange->fd, data, len, 0);

		if (n > 0) {
			data = (char *)data + n;
			len -= (size_t)n;
		} else if (n == 0) {
			return fault_set(fault, HELPER_DIED, "the helper died");
		} else if (errno == EAGAIN) {
			if (wait_for(exchange, POLLIN, fault) != 0)
				return -1;
		} else if (errno != EINTR) {
			return fault_set_errno(fault, HELPER_DIED, errno,
					       "the helper died");
		}
	}
	return 0;
}

static int receive_body(const struct exchange *exchange, uint64_t len,
			GByteArray *body, struct fault *fault)
{
	while (body->len < len) {
		guint old = body->len;
		guint step = (guint)MIN(len - old,
					MAX((uint64_t)WIRE_READ_CHUNK, old));

		g_byte_array_set_size(body, old + step);
		if (receive_all(exchange, body->data + old, step, fault) != 0)
			return -1;
	}
	return 0;
}

static int receive_answer(const struct exchange *exchange,
			  struct wire_answer *head, GByteArray *body,
			  struct fault *fault)
{
	if (receive_all(exchange, head, sizeof(*head), fault) != 0)
		return -1;
	if (head->version != WIRE_VERSION || head->body_len > WIRE_BODY_MAX ||
	    (head->status != WIRE_DONE && head->status != WIRE_REFUSED))
		return fault_set(fault, FAULT_INTERNAL,
				 "the helper answered nonsense");
	return receive_body(exchange, head->body_len, body, fault);
}

union passed_file {
	struct cmsghdr head; /* for its alignment */
	char octets[CMSG_SPACE(sizeof(int))];
};

static void pass_file(struct msghdr *message, union passed_file *passed,
		      int file)
{
	struct cmsghdr *head;

	memset(passed, 0, sizeof(*passed));
	message->msg_control = passed->octets;
	message->msg_controllen = sizeof(passed->octets);
	head = CMSG_FIRSTHDR(message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &file, sizeof(file));
}

/* What a helper is asked to do. */
struct order {
	struct wire_request request;
	GString *fields; /* request.fields_len octets; NULL: all fields */
	const void *data;
	int file; /* that holds the data; -1: it is sent */
	struct helper_meanwhile meanwhile; /* nothing once it is done */
};

static void order_meanwhile(struct order *order)
{
	struct helper_meanwhile meanwhile = order->meanwhile;

	order->meanwhile.run = NULL;
	if (meanwhile.run)
		meanwhile.run(meanwhile.context);
}

/* A request and its answer with one helper. */
static int talk(const struct helper_pool *pool, struct helper *helper,
		struct order *order, struct wire_answer *head, GByteArray *body,
		struct fault *fault)
{
	struct wire_request *request = &order->request;
	struct exchange exchange = {
		.fd = helper->fd,
		.deadline = g_get_monotonic_time() +
			    helper_pool_timeout(pool) * 1000,
	};

	struct iovec pieces[3] = {
		{.iov_base = request, .iov_len = sizeof(*request)},
		{.iov_base = order->fields ? order->fields->str : NULL,
		 .iov_len = request->fields_len},
		{.iov_base = (void *)(uintptr_t)order->data,
		 .iov_len = request->body_len},
	};
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
	union passed_file passed;

	request->version = WIRE_VERSION;
	request->timeout_s =
		(uint32_t)(helper_pool_timeout(pool) / 1000) + ALARM_EXTRA_S;
	request->is_file = order->file >= 0;
	if (order->file >= 0) {
		message.msg_iovlen = 2;
		pass_file(&message, &passed, order->file);
	}
	if (send_all(&exchange, &message, fault) != 0)
		return -1;
	order_meanwhile(order);
	return receive_answer(&exchange, head, body, fault);
}

/* What an answer has to be, to be taken. */
typedef int judge_fn(const struct wire_answer *head, GByteArray *body,
		     void *ret_result, struct fault *fault);

/* The same with a helper that is well.  One that has served others and is gone
 * before it answers was killed, or died of them: a fresh one is asked. */
static int ask(struct helper_pool *pool, struct helper *helper,
	       struct order *order, struct wire_answer *head, GByteArray *body,
	       struct fault *fault)
{
	bool is_fresh = !helper_is_well(helper);

	if (is_fresh && helper_renew(pool, helper, fault) != 0)
		return -1;
	if (talk(pool, helper, order, head, body, fault) == 0)
		return 0;
	if (is_fresh || fault->kind != HELPER_DIED)
		return -1;
	g_byte_array_set_size(body, 0);
	fault_clear(fault);
	if (helper_renew(pool, helper, fault) != 0)
		return -1;
	return talk(pool, helper, order, head, body, fault);
}

/* The same with the pool around it.  A helper that failed or whose answer is
 * not taken is gone afterwards. */
static int converse(struct helper_pool *pool, struct order *order,
		    judge_fn *judge, void *ret_result, struct fault *fault)
{
	struct helper *helper = NULL;
	struct wire_answer head = {0};
	GByteArray *body = NULL;
	bool heard = false; /* a whole answer */
	int rc = 0;

	if (order->request.body_len > WIRE_BODY_MAX)
		return fault_set(fault, FAULT_INTERNAL,
				 "too large to be converted");
	helper = helper_take(pool);
	body = g_byte_array_new();
	rc = ask(pool, helper, order, &head, body, fault);
	if (rc == 0) {
		heard = true;
		rc = judge(&head, body, ret_result, fault);
	}
	/* A message is never refused: what does so is no helper. */
	if (rc != 0 && !(heard && head.status == WIRE_REFUSED &&
			 order->request.operation != WIRE_TO_PROPSET))
		helper_kill(helper);
	helper_give_back(pool, helper);
	g_byte_array_unref(body);
	return rc;
}

static int judge_set(const struct wire_answer *head, GByteArray *body,
		     void *ret_result, struct fault *fault)
{
	if (head->status != WIRE_DONE)
		return fault_set(fault, FAULT_INTERNAL,
				 "the helper answered nonsense");
	return propset_decode_take(
		g_byte_array_free_to_bytes(g_byte_array_ref(body)), ret_result,
		fault);
}

static int judge_message(const struct wire_answer *head, GByteArray *body,
			 void *ret_result, struct fault *fault)
{
	if (head->status != WIRE_DONE)
		return fault_set(fault, FAULT_REFUSED_INPUT, "%.*s",
				 (int)MIN(body->len, 400u),
				 (const char *)body->data);
	*(GBytes **)ret_result =
		g_byte_array_free_to_bytes(g_byte_array_ref(body));
	return 0;
}

/* A second descriptor of the file, one that cannot be written through; -1 if
 * there is none to be had. */
static int open_for_reading(int file)
{
	char path[sizeof("/proc/self/fd/") + 12];

	if (file < 0)
		return -1;
	(void)g_snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What options ask for beyond flags: names that are too many ask for all. */
static void order_fields(struct order *order,
			 const struct convert_options *options)
{
	const char *const *name = options->fields;

	if (!name || !(options->flags & CONVERT_HEADERS))
		return;
	if (!*name)
		order->request.flags &= (uint16_t)~CONVERT_HEADERS;
	order->fields = g_string_new(NULL);
	for (; *name; name++)
		g_string_append_len(order->fields, *name,
				    (gssize)strlen(*name) + 1);
	if (order->fields->len <= CONVERT_FIELDS_MAX)
		order->request.fields_len = (uint32_t)order->fields->len;
}

int helper_to_propset_while(struct helper_pool *pool, GBytes *rfc822, int file,
			    const struct convert_options *options,
			    const struct helper_meanwhile *meanwhile,
			    struct propset **ret_set, struct fault *fault)
{
	AUTOCLOSE int readable = open_for_reading(file);
	struct order order = {
		.request = {.operation = WIRE_TO_PROPSET},
		.file = readable,
		.meanwhile = *meanwhile,
	};
	gsize len = 0;
	int rc;

	order.data = g_bytes_get_data(rfc822, &len);
	order.request.flags = (uint16_t)options->flags;
	order.request.body_len = len;
	if (options->default_charset)
		g_strlcpy(order.request.charset, options->default_charset,
			  sizeof(order.request.charset));
	order_fields(&order, options);
	rc = converse(pool, &order, judge_set, ret_set, fault);
	if (order.fields)
		g_string_free(order.fields, TRUE);
	order_meanwhile(&order);
	if (rc == 0)
		return 0;
	fault_prefix(fault, "conversion");
	*ret_set = helper_fallback_propset(rfc822);
	return -1;
}

int helper_to_propset(struct helper_pool *pool, GBytes *rfc822, int file,
		      const struct convert_options *options,
		      struct propset **ret_set, struct fault *fault)
{
	static const struct helper_meanwhile nothing = {NULL, NULL};

	return helper_to_propset_while(pool, rfc822, file, options, &nothing,
				       ret_set, fault);
}

int helper_to_rfc822(struct helper_pool *pool, const struct propset *set,
		     GBytes **ret_rfc822, struct fault *fault)
{
	struct order order = {
		.request = {.operation = WIRE_TO_RFC822},
		.file = -1,
	};
	GByteArray *wire = g_byte_array_new();
	int rc = 0;

	propset_encode(set, wire);
	order.request.body_len = wire->len;
	order.data = wire->data;
	rc = converse(pool, &order, judge_message, ret_rfc822, fault);
	g_byte_array_unref(wire);
	return rc;
}

static int judge_text(const struct wire_answer *head, GByteArray *body,
		      void *ret_result, struct fault *fault)
{
	if (head->status != WIRE_DONE)
		return fault_set(fault, FAULT_REFUSED_INPUT, "unknown charset");
	*(char **)ret_result =
		utf8_make_valid((const char *)body->data, body->len);
	return 0;
}

/* Does a helper that is asked for something else live?  Then it is the text
 * that others died of. */
static bool is_alive(struct helper_pool *pool)
{
	static const struct convert_options options = {0};
	g_autoptr(GBytes) nothing = g_bytes_new_static("\r\n", 2);
	AUTO(propset) set = NULL;
	struct fault fault = {0};

	return helper_to_propset(pool, nothing, -1, &options, &set, &fault) ==
	       0;
}

char *helper_to_utf8(struct helper_pool *pool, const char *charset,
		     const void *octets, size_t len, struct fault *fault)
{
	struct order order = {
		.request = {.operation = WIRE_TO_UTF8, .body_len = len},
		.data = octets,
		.file = -1,
	};
	struct fault why = {0};
	char *text = NULL;

	if (g_strlcpy(order.request.charset, charset,
		      sizeof(order.request.charset)) >=
	    sizeof(order.request.charset))
		return NULL;
	for (int i = 0; i < TEXT_TRIES; i++) {
		fault_clear(&why);
		if (converse(pool, &order, judge_text, &text, &why) == 0)
			return text;
		if (why.kind == FAULT_REFUSED_INPUT)
			return NULL;
		if (why.kind != HELPER_DIED)
			break;
	}
	(void)fault_set(fault,
			why.kind == HELPER_DIED && is_alive(pool)
				? FAULT_REFUSED_INPUT
				: FAULT_INTERNAL,
			"conversion: %s", why.text);
	return NULL;
}
