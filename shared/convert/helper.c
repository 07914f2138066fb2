/*
 * The pool of helper processes, seen from a daemon: who is free, sending a
 * request, waiting for its answer, ending and replacing a helper that died,
 * overran or answered nonsense.  No GMime here.
 */
#include "helper.h"
#include "charset.h"
#include "net.h"
#include "program.h"
#include "utf8.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HELPER_NAME   "okapi-convert"
#define HELPERS_MAX   256
#define SOCKET_BUFFER (1024 * 1024)
#define ALARM_EXTRA_S 5
/* Told from a helper that overran or answered nonsense. */
#define HELPER_DIED FAULT_NETWORK

struct helper {
	pid_t pid; /* 0: not started */
	int fd;
	bool busy;
};

struct helper_pool {
	char *program;
	int image; /* the program, opened; -1: it is started by its path */
	int64_t timeout_ms;
	/* Not GLib's: the thread sanitizer sees through these. */
	pthread_mutex_t lock; /* of who is busy */
	sem_t free;           /* helpers that are not */
	unsigned count;
	struct helper helpers[];
};

/* ---- processes ------------------------------------------------------------
 */

/* Default signals, nothing blocked: a daemon has its own ideas of both. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all;
	sigset_t none;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* image, if there is one, is started: what lies at the path of the program now
 * may be of another version. */
static int spawn(const char *program, int image, int fd, pid_t *ret_pid)
{
	char *const argv[] = {(char *)(uintptr_t)program, NULL};
	const char *path = image >= 0 ? "/proc/self/fd/3" : program;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = 0;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fd, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, fd, 1);
	if (image >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, image, 3);
	(void)posix_spawn_file_actions_addclosefrom_np(&actions,
						       image >= 0 ? 4 : 3);
	(void)posix_spawnattr_init(&attributes);
	set_attributes(&attributes);
	err = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

static int helper_start(const struct helper_pool *pool, struct helper *helper,
			struct fault *fault)
{
	AUTOCLOSE int ours = -1;
	AUTOCLOSE int theirs = -1;
	int size = SOCKET_BUFFER;
	int pair[2];
	int err = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno,
				       "socketpair");
	ours = pair[0];
	theirs = pair[1];
	/* Best effort: fewer turns for large messages. */
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno, "fcntl");
	err = spawn(pool->program, pool->image, theirs, &helper->pid);
	if (err) {
		helper->pid = 0;
		return fault_set_errno(fault, FAULT_INTERNAL, err, "%s",
				       pool->program);
	}
	helper->fd = base_take_fd(&ours);
	return 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void helper_kill(struct helper *helper)
{
	if (!helper->pid)
		return;
	(void)kill(helper->pid, SIGKILL);
	reap(helper->pid);
	(void)close(helper->fd);
	helper->pid = 0;
	helper->fd = -1;
}

/* A free helper says nothing: if it does, or hung up, it is of no use. */
static bool helper_is_well(const struct helper *helper)
{
	struct pollfd poll_fd = {.fd = helper->fd, .events = POLLIN};

	return helper->pid && poll(&poll_fd, 1, 0) == 0;
}

/* ---- the pool -------------------------------------------------------------
 */

/* image: moved in. */
static struct helper_pool *pool_new(const char *program, int image,
				    unsigned count, int64_t timeout_ms)
{
	struct helper_pool *pool = NULL;

	if (!count)
		count = g_get_num_processors();
	count = MIN(count, HELPERS_MAX);
	pool = g_malloc0(sizeof(*pool) + count * sizeof(struct helper));
	pool->program = g_strdup(program);
	pool->image = image;
	pool->timeout_ms = timeout_ms;
	pool->count = count;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)sem_init(&pool->free, 0, count);
	return pool;
}

/* -1 also where /proc is missing (a chroot): nothing could be started by it. */
static int image_open(const char *program)
{
	AUTOCLOSE int image = open(program, O_PATH | O_CLOEXEC);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", image);

	return access(path, F_OK) == 0 ? base_take_fd(&image) : -1;
}

struct helper_pool *helper_pool_new_at(const char *program, unsigned count,
				       int64_t timeout_ms)
{
	return pool_new(program, image_open(program), count, timeout_ms);
}

/* The program as it was when this process asked for it first: an update puts
 * another one in its place, which need not understand us. */
static int image_of_process(const char *program)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int first = -1;
	int image;

	(void)pthread_mutex_lock(&lock);
	if (first < 0)
		first = image_open(program);
	image = first < 0 ? -1 : fcntl(first, F_DUPFD_CLOEXEC, 3);
	(void)pthread_mutex_unlock(&lock);
	return image;
}

int helper_pool_new(unsigned count, int64_t timeout_ms,
		    struct helper_pool **ret_pool, struct fault *fault)
{
	g_autofree char *program = program_find(HELPER_NAME);

	if (!program)
		return fault_set(fault, FAULT_CONFIG,
				 "%s is neither beside this program nor in %s",
				 HELPER_NAME, OKAPI_LIBEXECDIR);
	*ret_pool =
		pool_new(program, image_of_process(program), count, timeout_ms);
	return 0;
}

void helper_pool_free(struct helper_pool *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < pool->count; i++)
		helper_kill(&pool->helpers[i]);
	(void)pthread_mutex_destroy(&pool->lock);
	(void)sem_destroy(&pool->free);
	if (pool->image >= 0)
		(void)close(pool->image);
	g_free(pool->program);
	g_free(pool);
}

/* A free one, rather one that runs. */
static struct helper *find_free(struct helper_pool *pool)
{
	struct helper *found = NULL;

	for (unsigned i = 0; i < pool->count; i++) {
		struct helper *helper = &pool->helpers[i];

		if (helper->busy)
			continue;
		if (helper->pid)
			return helper;
		if (!found)
			found = helper;
	}
	return found;
}

static struct helper *helper_take(struct helper_pool *pool)
{
	struct helper *helper = NULL;

	while (sem_wait(&pool->free) && errno == EINTR)
		;
	(void)pthread_mutex_lock(&pool->lock);
	helper = find_free(pool);
	if (!helper)
		g_error("a free helper is none");
	helper->busy = true;
	(void)pthread_mutex_unlock(&pool->lock);
	return helper;
}

static void helper_give_back(struct helper_pool *pool, struct helper *helper)
{
	(void)pthread_mutex_lock(&pool->lock);
	helper->busy = false;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)sem_post(&pool->free);
}

void helper_pool_warm(struct helper_pool *pool)
{
	struct helper *helper = helper_take(pool);
	struct fault fault = {0};

	if (!helper->pid)
		(void)helper_start(pool, helper, &fault);
	helper_give_back(pool, helper);
}

/* ---- one request ----------------------------------------------------------
 */

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
			net_pieces_skip(message, (size_t)n);
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
		.deadline = g_get_monotonic_time() + pool->timeout_ms * 1000,
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
		(uint32_t)(pool->timeout_ms / 1000) + ALARM_EXTRA_S;
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

static int helper_renew(struct helper_pool *pool, struct helper *helper,
			struct fault *fault)
{
	helper_kill(helper);
	return helper_start(pool, helper, fault);
}

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
	g_autoptr(GBytes) wire = NULL;

	if (head->status != WIRE_DONE)
		return fault_set(fault, FAULT_INTERNAL,
				 "the helper answered nonsense");
	wire = g_byte_array_free_to_bytes(g_byte_array_ref(body));
	return propset_decode(wire, ret_result, fault);
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
	if (converse(pool, &order, judge_text, &text, &why) &&
	    why.kind != FAULT_REFUSED_INPUT)
		(void)fault_set(fault, FAULT_INTERNAL, "conversion: %s",
				why.text);
	return text;
}

/* ---- fallback delivery ----------------------------------------------------
 */

static struct propset *fallback_attachment(GBytes *rfc822)
{
	struct propset *attachment = propset_new();

	propset_set_number(attachment, PR_ATTACH_NUM, 0);
	propset_set_number(attachment, PR_ATTACH_METHOD, 1);
	propset_set_number(attachment, PR_ATTACH_SIZE,
			   (int64_t)g_bytes_get_size(rfc822));
	propset_set_number(attachment, PR_RENDERING_POSITION, -1);
	propset_set_text(attachment, PR_ATTACH_LONG_FILENAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_FILENAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_EXTENSION, ".eml");
	propset_set_text(attachment, PR_DISPLAY_NAME, "original.eml");
	propset_set_text(attachment, PR_ATTACH_MIME_TAG, "message/rfc822");
	propset_set_binary(attachment, PR_ATTACH_DATA_BIN, rfc822);
	return attachment;
}

struct propset *helper_fallback_propset(GBytes *rfc822)
{
	static const char subject[] = "Fallback delivery";
	struct propset *set = propset_new();

	propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note");
	propset_set_text(set, PR_SUBJECT, subject);
	propset_set_text(set, PR_SUBJECT_PREFIX, "");
	propset_set_text(set, PR_NORMALIZED_SUBJECT, subject);
	propset_set_text(set, PR_CONVERSATION_TOPIC, subject);
	propset_set_text(set, PR_SENDER_NAME, "System Administrator");
	propset_set_text(set, PR_SENT_REPRESENTING_NAME,
			 "System Administrator");
	propset_set_number(set, PR_IMPORTANCE, 1);
	propset_set_number(set, PR_PRIORITY, 0);
	propset_set_number(set, PR_SENSITIVITY, 0);
	propset_set_number(set, PR_MESSAGE_SIZE,
			   (int64_t)g_bytes_get_size(rfc822));
	propset_set_text(set, PR_BODY,
			 "A message for you could not be read by the mail "
			 "server.\r\n\r\nIt is attached as it came, as "
			 "original.eml: a mail program can open it.\r\n");
	propset_set_number(set, PR_NATIVE_BODY, 1);
	propset_set_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_number(set, PR_MESSAGE_FLAGS, 0x12);
	propset_add_attachment(set, fallback_attachment(rfc822));
	return set;
}
