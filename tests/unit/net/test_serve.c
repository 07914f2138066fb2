/*
 * Sessions over real sockets: what a client sees of timeouts, shutdown, TLS,
 * shortages, and of a server that it treats badly.
 */
#include "client.h"
#include "log.h"
#include "serve.h"

#include <glib/gstdio.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define ENVELOPE "MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n"

/* What the sessions did, together. */
static struct {
	atomic_int opened, closed, finished, resets, octets, trusted, tls;
	atomic_bool refuse, hold; /* hold: data is not taken while it is set */
} seen;

/* The kernel's numbers of those that had a session. */
static GHashTable *seen_threads;
static pthread_mutex_t seen_mutex = PTHREAD_MUTEX_INITIALIZER;

static void seen_thread(void)
{
	pthread_mutex_lock(&seen_mutex);
	if (!seen_threads)
		seen_threads = g_hash_table_new(NULL, NULL);
	g_hash_table_add(seen_threads, GINT_TO_POINTER(gettid()));
	pthread_mutex_unlock(&seen_mutex);
}

static int seen_mail(void *context G_GNUC_UNUSED,
		     const struct smtp_mail *mail G_GNUC_UNUSED,
		     struct fault *fault G_GNUC_UNUSED)
{
	return 0;
}

static int seen_rcpt(void *context, const struct smtp_rcpt *rcpt,
		     struct fault *fault G_GNUC_UNUSED)
{
	const struct serve_session *session = context;

	if (strcmp(rcpt->path, "tls@x") == 0 && session->tls) {
		atomic_fetch_add(&seen.tls, 1);
		if (tls_session_is_trusted(session->tls))
			atomic_fetch_add(&seen.trusted, 1);
	}
	return 0;
}

static int seen_data(void *context G_GNUC_UNUSED,
		     const char *octets G_GNUC_UNUSED, size_t len,
		     struct fault *fault G_GNUC_UNUSED)
{
	atomic_fetch_add(&seen.octets, (int)len);
	while (atomic_load(&seen.hold))
		g_usleep(1000);
	return 0;
}

static void seen_finish(void *context G_GNUC_UNUSED, struct fault *replies,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		fault_clear(&replies[i]);
	atomic_fetch_add(&seen.finished, 1);
}

static void seen_reset(void *context G_GNUC_UNUSED)
{
	atomic_fetch_add(&seen.resets, 1);
}

static void *seen_open(const struct serve_session *session, struct fault *fault)
{
	if (atomic_load(&seen.refuse)) {
		fault_set(fault, FAULT_NOT_ALLOWED, "not from there");
		return NULL;
	}
	cr_assert_eq(session->tls != NULL, session->service_context != NULL);
	atomic_fetch_add(&seen.opened, 1);
	seen_thread();
	return (void *)(uintptr_t)session;
}

static void seen_close(void *context)
{
	const struct serve_session *session = context;

	cr_assert_null(session->server);
	atomic_fetch_add(&seen.closed, 1);
}

static const struct smtp_handler handler = {.mail = seen_mail,
					    .rcpt = seen_rcpt,
					    .data = seen_data,
					    .finish = seen_finish,
					    .reset = seen_reset};
static const struct smtp_options smtp = {.protocol = SMTP_PROTOCOL_LMTP,
					 .hostname = "mx.test",
					 .product = "Okapi",
					 .size_limit = 10000000,
					 .offer_starttls = true};
static const struct serve_kind kind = {.options = &smtp,
				       .handler = &handler,
				       .open = seen_open,
				       .close = seen_close};

static const struct serve_kind implicit_kind = {.options = &smtp,
						.handler = &handler,
						.open = seen_open,
						.close = seen_close,
						.is_implicit_tls = true};

struct host {
	struct serve *serve;
	struct tls_context *tls;
	pthread_t thread;
	char *where;
	char *dir;
	char *cert, *key, *client_cert, *client_key;
};

static void *host_main(void *argument)
{
	serve_run(((struct host *)argument)->serve);
	return NULL;
}

static void host_make_tls(struct host *host)
{
	struct fault fault = {0};

	host->dir = g_dir_make_tmp("okapi-serve-XXXXXX", NULL);
	host->cert = g_build_filename(host->dir, "cert.pem", NULL);
	host->key = g_build_filename(host->dir, "key.pem", NULL);
	host->client_cert = g_build_filename(host->dir, "client.pem", NULL);
	host->client_key = g_build_filename(host->dir, "client.key", NULL);
	client_make_certificate("mx.test", host->cert, host->key);
	client_make_certificate("client", host->client_cert, host->client_key);
	cr_assert_eq(tls_context_new(host->cert, host->key, host->client_cert,
				     &host->tls, &fault),
		     0, "%s", fault.text);
}

static void host_start_kind(struct host *host, int64_t max_sessions,
			    int64_t timeout_ms, bool with_tls,
			    const struct serve_kind *of)
{
	struct serve_options options = {.max_sessions = max_sessions,
					.timeout_ms = timeout_ms};
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct fault fault = {0};
	int fd = -1;

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_NONE);
	*host = (struct host){0};
	if (with_tls)
		host_make_tls(host);
	options.tls = host->tls;
	cr_assert_eq(net_listen("127.0.0.1:0", NULL, &fd, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	host->where = g_strdup_printf("127.0.0.1:%d", ntohs(address.sin_port));
	cr_assert_eq(serve_new(&options, &host->serve, &fault), 0);
	/* The service's context says that TLS is there from the start. */
	serve_add(host->serve, fd, of, of->is_implicit_tls ? host : NULL);
	cr_assert_eq(pthread_create(&host->thread, NULL, host_main, host), 0);
}

static void host_start(struct host *host, int64_t max_sessions,
		       int64_t timeout_ms, bool with_tls)
{
	host_start_kind(host, max_sessions, timeout_ms, with_tls, &kind);
}

static void host_remove(char **file)
{
	if (*file)
		(void)g_remove(*file);
	g_clear_pointer(file, g_free);
}

static void host_stop(struct host *host, int64_t grace_ms)
{
	serve_stop(host->serve);
	pthread_join(host->thread, NULL);
	serve_wait(host->serve, grace_ms);
	serve_free(host->serve);
	tls_context_free(host->tls);
	host_remove(&host->cert);
	host_remove(&host->key);
	host_remove(&host->client_cert);
	host_remove(&host->client_key);
	if (host->dir)
		(void)g_rmdir(host->dir);
	g_free(host->dir);
	g_free(host->where);
	cr_expect_eq(atomic_load(&seen.opened), atomic_load(&seen.closed));
}

static void await(const atomic_int *number, int value)
{
	for (int i = 0; i < 6000 && atomic_load(number) < value; i++)
		g_usleep(10000);
	cr_expect_eq(atomic_load(number), value);
}

Test(serve, a_message)
{
	struct host host;
	struct client client;

	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_expect(&client, "220 mx.test LMTP Okapi\r\n");
	client_send(&client, "LHLO c\r\n");
	client_expect(&client, "250 CHUNKING\r\n");
	client_send(&client, ENVELOPE "DATA\r\n");
	client_expect(&client, "354 ");
	client_send(&client, "hello\r\n.\r\n");
	client_expect(&client, "250 2.1.5 OK\r\n");
	client_send(&client, "QUIT\r\n");
	client_expect(&client, "221 2.0.0 ");
	client_expect_end(&client);
	client_close(&client);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.octets), 7);
	cr_expect_eq(atomic_load(&seen.finished), 1);
}

/* What was pipelined behind QUIT must not make the kernel throw away the
 * replies before it. */
Test(serve, the_last_reply_is_seen)
{
	struct host host;

	g_autoptr(GString) input = g_string_new("LHLO c\r\n" ENVELOPE
						"BDAT 3 LAST\r\nabcQUIT\r\n");

	while (input->len < 300000)
		g_string_append(input, "NOOP\r\n");
	host_start(&host, 10, 60000, false);
	for (int i = 0; i < 5; i++) {
		struct client client;

		client_open(&client, host.where);
		client_send(&client, input->str);
		g_usleep(20000); /* a reset would have come by now */
		client_expect(&client, "250 2.1.5 OK\r\n221 2.0.0 Bye\r\n");
		client_expect_end(&client);
		client_close(&client);
	}
	host_stop(&host, 1000);
}

/* Replies to what was pipelined come in one piece. */
Test(serve, pipelined_commands_get_one_write)
{
	struct host host;
	struct client client;
	g_autoptr(GString) many = g_string_new("LHLO c\r\nMAIL FROM:<a@x>\r\n");

	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_expect(&client, "220 ");
	for (int i = 0; i < 60; i++)
		g_string_append(many, "RCPT TO:<b@x>\r\n");
	g_string_append(many, "DATA\r\n");
	client_send(&client, many->str);
	cr_expect(client_read(&client, CLIENT_WAIT_MS));
	cr_expect(g_str_has_suffix(client.input->str, "CRLF.CRLF\r\n"), "%s",
		  client.input->str);
	client_close(&client);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.resets), 1);
}

/* Who says all at once over a unix socket gets all at once: one wake-up. */
Test(serve, an_eager_client_gets_one_write)
{
	g_autofree char *dir = g_dir_make_tmp("okapi-serve-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "s", NULL);
	g_autofree char *where = g_strconcat("unix:", path, NULL);
	const struct serve_options options = {.max_sessions = 4,
					      .timeout_ms = 5000};
	struct host host = {0};
	struct client client = {.fd = -1, .input = g_string_new(NULL)};
	struct fault fault = {0};
	int fd = -1;

	log_set_level(LOG_LEVEL_NONE);
	cr_assert_eq(serve_new(&options, &host.serve, &fault), 0);
	cr_assert_eq(net_listen(where, NULL, &fd, &fault), 0, "%s", fault.text);
	serve_add(host.serve, fd, &kind, NULL);
	/* Before anybody accepts: all of it is there at the first look. */
	cr_assert_eq(net_unix_connect(path, CLIENT_WAIT_MS, &client.fd, &fault),
		     0, "%s", fault.text);
	client_send(&client, "LHLO c\r\nQUIT\r\n");
	cr_assert_eq(pthread_create(&host.thread, NULL, host_main, &host), 0);
	cr_expect(client_read(&client, CLIENT_WAIT_MS));
	cr_expect(g_str_has_prefix(client.input->str, "220 "));
	cr_expect(g_str_has_suffix(client.input->str, "221 2.0.0 Bye\r\n"),
		  "%s", client.input->str);
	client_expect(&client, "221 2.0.0 Bye\r\n");
	client_expect_end(&client);
	client_close(&client);
	host_stop(&host, 1000);
	(void)g_remove(path);
	(void)g_rmdir(dir);
}

/* A thread whose session is over takes the next one. */
Test(serve, threads_are_used_again)
{
	enum {
		SESSIONS = 40,
		THREADS_MAX = 10
	};
	struct host host;

	host_start(&host, 10, 60000, false);
	for (int i = 0; i < SESSIONS; i++) {
		struct client client;

		client_open(&client, host.where);
		client_expect(&client, "220 ");
		client_send(&client, "QUIT\r\n");
		client_expect(&client, "221 ");
		client_expect_end(&client);
		client_close(&client);
	}
	cr_expect_leq(g_hash_table_size(seen_threads), THREADS_MAX);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.opened), SESSIONS);
}

Test(serve, a_silent_client)
{
	static const char *const cases[] = {
		"", "LHLO c\r\n", "LHLO c\r\n" ENVELOPE "DATA\r\nx",
		"LHLO c\r\n" ENVELOPE "BDAT 100\r\nx"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct host host;
		struct client client;

		host_start(&host, 10, 700, false);
		client_open(&client, host.where);
		client_send(&client, cases[i]);
		client_expect(&client, "421 4.4.2 mx.test ");
		client_expect_end(&client);
		client_close(&client);
		host_stop(&host, 1000);
	}
	cr_expect_eq(atomic_load(&seen.finished), 0);
	cr_expect_eq(atomic_load(&seen.resets), 2);
}

Test(serve, shutdown)
{
	struct host host;
	struct client idle;
	struct client busy;

	host_start(&host, 10, 60000, false);
	client_open(&idle, host.where);
	client_open(&busy, host.where);
	client_send(&idle, "LHLO c\r\n" ENVELOPE);
	client_expect(&idle, "250 2.1.5 OK\r\n");
	client_send(&busy, "LHLO c\r\n" ENVELOPE "DATA\r\nhel");
	client_expect(&busy, "354 ");
	await(&seen.octets, 3);
	serve_stop(host.serve);
	client_expect(&idle, "421 4.3.2 mx.test ");
	client_expect_end(&idle);
	client_send(&busy, "lo\r\n.\r\n");
	client_expect(&busy, "250 2.1.5 OK\r\n421 4.3.2 mx.test ");
	client_expect_end(&busy);
	client_close(&idle);
	client_close(&busy);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.finished), 1);
	cr_expect_eq(atomic_load(&seen.octets), 7);
}

/* A reload: nobody is accepted any more, but who talks is heard out. */
Test(serve, retirement)
{
	struct host host;
	struct client client;
	struct client silent;

	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_open(&silent, host.where);
	client_expect(&client, "220 ");
	client_expect(&silent, "220 ");
	serve_retire(host.serve);
	pthread_join(host.thread, NULL);
	client_send(&client, "LHLO c\r\n" ENVELOPE "BDAT 3 LAST\r\nabc");
	client_expect(&client, "250 2.1.5 OK\r\n250 2.1.5 OK\r\n");
	client_expect(&silent, "421 4.3.2 mx.test ");
	client_expect(&client, "421 4.3.2 mx.test ");
	client_expect_end(&client);
	client_close(&client);
	client_close(&silent);
	serve_wait(host.serve, 10000);
	serve_free(host.serve);
	g_free(host.where);
	cr_expect_eq(atomic_load(&seen.closed), 2);
}

Test(serve, shutdown_does_not_wait_for_ever)
{
	struct host host;
	struct client client;
	int64_t begin;

	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_send(&client, "LHLO c\r\n" ENVELOPE "DATA\r\nhel");
	client_expect(&client, "354 ");
	begin = g_get_monotonic_time();
	host_stop(&host, 200);
	cr_expect_lt(g_get_monotonic_time() - begin, 50 * USEC_PER_SEC);
	client_expect(&client, "421 4.3.2 mx.test ");
	client_expect_end(&client);
	client_close(&client);
	cr_expect_eq(atomic_load(&seen.finished), 0);
	cr_expect_eq(atomic_load(&seen.resets), 1);
}

static void *host_end(void *serve)
{
	serve_wait(serve, 0);
	serve_free(serve);
	return NULL;
}

/* Who is asked to stop twice goes on with what the first time began: sessions
 * that are cut off still say so. */
Test(serve, a_second_stop_takes_nothing_back)
{
	struct host host;
	struct client client;
	pthread_t thread;

	host_start(&host, 10, 60000, false);
	atomic_store(&seen.hold, true);
	client_open(&client, host.where);
	client_send(&client, "LHLO c\r\n" ENVELOPE "DATA\r\n");
	client_expect(&client, "354 ");
	client_send(&client, "hel");
	await(&seen.octets, 3);
	serve_stop(host.serve);
	pthread_join(host.thread, NULL);
	cr_assert_eq(pthread_create(&thread, NULL, host_end, host.serve), 0);
	g_usleep(200000); /* no grace: it is cut off by now */
	serve_stop(host.serve);
	atomic_store(&seen.hold, false);
	client_expect(&client, "421 4.3.2 mx.test ");
	client_expect_end(&client);
	client_close(&client);
	pthread_join(thread, NULL);
	g_free(host.where);
	cr_expect_eq(atomic_load(&seen.finished), 0);
}

Test(serve, sessions_are_bounded)
{
	struct host host;
	struct client clients[3];

	host_start(&host, 2, 60000, false);
	for (size_t i = 0; i < 3; i++)
		client_open(&clients[i], host.where);
	client_expect(&clients[0], "220 ");
	client_expect(&clients[1], "220 ");
	cr_expect_not(client_read(&clients[2], 200));
	client_send(&clients[0], "QUIT\r\n");
	client_expect(&clients[0], "221 ");
	client_close(&clients[0]);
	client_expect(&clients[2], "220 ");
	client_close(&clients[1]);
	client_close(&clients[2]);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.opened), 3);
}

/* The first descriptor number that is free. */
static rlim_t next_fd(void)
{
	int fd = dup(0);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	return (rlim_t)fd;
}

Test(serve, survives_a_shortage_of_descriptors)
{
	struct host host;
	struct client client;
	struct rlimit limit;
	struct rlimit low;

	host_start(&host, 10, 60000, false);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = next_fd() + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	client_open(&client, host.where);
	cr_expect_not(client_read(&client, 100));
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	client_expect(&client, "220 ");
	client_close(&client);
	host_stop(&host, 1000);
}

Test(serve, a_peer_that_is_refused)
{
	struct host host;
	struct client client;

	atomic_store(&seen.refuse, true);
	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_expect(&client, "554 5.7.1 not from there\r\n");
	client_expect_end(&client);
	client_close(&client);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.closed), 0);
}

Test(serve, clients_that_vanish)
{
	static const char *const cases[] = {
		"", "LHLO", "LHLO c\r\n" ENVELOPE,
		"LHLO c\r\n" ENVELOPE "DATA\r\nhello\r\n.",
		"LHLO c\r\n" ENVELOPE "BDAT 10\r\nhello"};
	struct host host;

	host_start(&host, 10, 60000, false);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct linger reset = {.l_onoff = 1};
		struct client client;

		client_open(&client, host.where);
		client_send(&client, cases[i]);
		(void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset,
				 sizeof(reset));
		client_close(&client);
	}
	await(&seen.closed, G_N_ELEMENTS(cases));
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.finished), 0);
}

Test(serve, a_large_message)
{
	struct host host;
	struct client client;
	g_autofree char *block = g_strnfill(65536, 'x');

	memcpy(block + 65534, "\r\n", 2);
	host_start(&host, 10, 60000, true);
	client_open(&client, host.where);
	client_send(&client, "LHLO c\r\nSTARTTLS\r\n");
	client_expect(&client, "220 2.0.0 ");
	cr_assert(client_starttls(&client, NULL, NULL));
	for (int tls = 0; tls < 2; tls++) {
		client_send(&client, "LHLO c\r\n" ENVELOPE "DATA\r\n");
		client_expect(&client, "354 ");
		/* Non-blocking: what TLS cannot write at once is tried on. */
		for (int i = 0; i < 50; i++)
			while (SSL_write(client.ssl, block, 65536) <= 0)
				(void)net_wait(client.fd, true, -1, 1000);
		client_send(&client, ".\r\n");
		client_expect(&client, "250 2.1.5 OK\r\n");
	}
	client_close(&client);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.octets), 2 * 50 * 65536);
}

/* ---- TLS ---- */

Test(serve, starttls_and_who_is_trusted)
{
	static const char *const cases[] = {"none", "trusted", "another"};
	struct host host;

	host_start(&host, 10, 60000, true);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct client client;
		const char *cert = i == 1 ? host.client_cert : host.cert;
		const char *key = i == 1 ? host.client_key : host.key;

		client_open(&client, host.where);
		client_send(&client, "LHLO c\r\n");
		client_expect(&client, "250-STARTTLS\r\n");
		client_send(&client, "STARTTLS\r\n");
		client_expect(&client, "220 2.0.0 ");
		cr_assert(client_starttls(&client, i ? cert : NULL, key), "%s",
			  cases[i]);
		client_send(&client, "MAIL FROM:<a@x>\r\n");
		client_expect(&client, "503 5.5.1 LHLO first\r\n");
		client_send(&client,
			    "LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<tls@x>\r\n"
			    "BDAT 2 LAST\r\nhiQUIT\r\n");
		client_expect(&client, "221 2.0.0 ");
		client_expect_end(&client);
		client_close(&client);
		cr_expect_eq(atomic_load(&seen.trusted), i >= 1, "%s",
			     cases[i]);
	}
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.tls), 3);
	cr_expect_eq(atomic_load(&seen.finished), 3);
}

/* CVE-2011-0411: commands behind STARTTLS in the clear are not executed. */
Test(serve, tls_before_the_greeting)
{
	struct host host;
	struct client client;
	struct client plain;

	host_start_kind(&host, 10, 60000, true, &implicit_kind);
	client_open(&plain, host.where);
	client_send(&plain, "LHLO c\r\n");
	client_open(&client, host.where);
	cr_assert(client_starttls(&client, NULL, NULL));
	client_expect(&client, "220 ");
	client_send(&client, "LHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@x>\r\n"
			     "RCPT TO:<tls@x>\r\nQUIT\r\n");
	client_expect(&client, "503 5.5.1 TLS is on already\r\n"
			       "250 2.1.0 OK\r\n250 2.1.5 OK\r\n221 ");
	client_close(&client);
	client_close(&plain);
	host_stop(&host, 5000);
	cr_expect_eq(atomic_load(&seen.opened), 1);
	cr_expect_eq(atomic_load(&seen.tls), 1);
}

Test(serve, starttls_injection)
{
	struct host host;
	struct client client;

	host_start(&host, 10, 60000, true);
	client_open(&client, host.where);
	client_expect(&client, "220 ");
	client_send(&client, "LHLO c\r\nSTARTTLS\r\nLHLO evil\r\n" ENVELOPE);
	client_expect(&client, "220 2.0.0 ");
	cr_assert(client_starttls(&client, NULL, NULL));
	client_send(&client, "RCPT TO:<b@x>\r\n");
	client_expect(&client, "503 5.5.1 LHLO first\r\n");
	client_close(&client);
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.resets), 0);
}

Test(serve, starttls_without_tls)
{
	struct host host;
	struct client client;

	host_start(&host, 10, 60000, false);
	client_open(&client, host.where);
	client_send(&client, "LHLO c\r\nSTARTTLS\r\nQUIT\r\n");
	client_expect(&client, "502 5.5.1 ");
	client_close(&client);
	host_stop(&host, 1000);
}

Test(serve, tls_of_another_age)
{
	struct host host;
	struct client client;

	host_start(&host, 10, 60000, true);
	client_open(&client, host.where);
	client_send(&client, "LHLO c\r\nSTARTTLS\r\n");
	client_expect(&client, "220 2.0.0 ");
	client.max_tls = TLS1_1_VERSION;
	cr_expect_not(client_starttls(&client, NULL, NULL));
	client_close(&client);
	host_stop(&host, 1000);
}

/* A handshake that is none, or never comes, costs its own session only. */
Test(serve, handshakes_that_fail)
{
	static const char *const cases[] = {"NOOP\r\n", "\x16\x03\x01", ""};
	struct host host;
	struct client client;

	host_start(&host, 10, 700, true);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		client_open(&client, host.where);
		client_send(&client, "LHLO c\r\nSTARTTLS\r\n");
		client_expect(&client, "220 2.0.0 ");
		client_send(&client, cases[i]);
		while (!client.ended && client_read(&client, CLIENT_WAIT_MS))
			continue;
		cr_expect(client.ended, "case %zu", i);
		client_close(&client);
	}
	client_open(&client, host.where);
	client_expect(&client, "220 mx.test ");
	client_close(&client);
	host_stop(&host, 1000);
}

/* CVE-2026-45185: TLS is ended within a message, then an octet follows. */
Test(serve, tls_ended_within_a_message)
{
	static const char *const cases[] = {"DATA\r\n", "BDAT 100\r\nab"};
	struct host host;

	host_start(&host, 10, 60000, true);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct client client;

		client_open(&client, host.where);
		client_send(&client, "LHLO c\r\nSTARTTLS\r\n");
		client_expect(&client, "220 2.0.0 ");
		cr_assert(client_starttls(&client, NULL, NULL));
		client_send(&client, "LHLO c\r\n" ENVELOPE);
		client_expect(&client, "250 2.1.5 ");
		client_send(&client, cases[i]);
		(void)SSL_shutdown(client.ssl);
		(void)send(client.fd, "x", 1, MSG_NOSIGNAL);
		await(&seen.resets, (int)i + 1);
		client_close(&client);
	}
	host_stop(&host, 1000);
	cr_expect_eq(atomic_load(&seen.finished), 0);
}

Test(tls, files_that_do_not_fit)
{
	struct host host = {0};
	struct tls_context *context = NULL;
	struct fault fault = {0};

	host_make_tls(&host);
	const struct {
		const char *name, *cert, *key, *ca;
	} cases[] = {
		{"no certificate", "/nonexistent", host.key, ""},
		{"no key", host.cert, "/nonexistent", ""},
		{"another key", host.cert, host.client_key, ""},
		{"no PEM", "/dev/null", host.key, ""},
		{"no CA", host.cert, host.key, "/nonexistent"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		cr_expect_eq(tls_context_new(cases[i].cert, cases[i].key,
					     cases[i].ca, &context, &fault),
			     -1, "%s", cases[i].name);
		cr_expect_eq(fault.kind, FAULT_CONFIG, "%s", cases[i].name);
		cr_expect_eq(tls_context_reload(host.tls, cases[i].cert,
						cases[i].key, cases[i].ca,
						&fault),
			     -1, "%s", cases[i].name);
	}
	cr_expect_eq(tls_context_reload(host.tls, host.client_cert,
					host.client_key, "", &fault),
		     0, "%s", fault.text);
	tls_context_free(host.tls);
	host_remove(&host.cert);
	host_remove(&host.key);
	host_remove(&host.client_cert);
	host_remove(&host.client_key);
	(void)g_rmdir(host.dir);
	g_free(host.dir);
}
