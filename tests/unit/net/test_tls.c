/*
 * What ties a login to a TLS session: both ends see the same, and no other
 * session has it.
 */
#include "net.h"
#include "tls.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct end {
	struct tls_context *context;
	int fd;
	struct tls_session *session;
};

static void *serve(void *object)
{
	struct end *end = object;
	struct fault fault = {0};

	cr_assert_eq(
		tls_accept(end->context, end->fd, 5000, &end->session, &fault),
		0, "%s", fault.text);
	return NULL;
}

/* A session with itself: its binding at the client's end, and the server's. */
static void session_bindings(struct tls_context *context, const char *cert,
			     bool old, const char *type, GBytes **ret_ours,
			     GBytes **ret_theirs)
{
	const struct tls_client_options options = {.ca_file = cert,
						   .host = "x.test",
						   .cert_file = "",
						   .key_file = ""};
	struct end end = {.context = context};
	struct ssl_ctx_st *ctx;
	struct tls_session *session;
	struct fault fault = {0};
	pthread_t thread;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
		     0);
	end.fd = fds[1];
	cr_assert_eq(tls_client_ctx_new(&options, &ctx, &fault), 0, "%s",
		     fault.text);
	if (old)
		(void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	cr_assert_eq(pthread_create(&thread, NULL, serve, &end), 0);
	cr_assert_eq(tls_connect(ctx, "x.test", fds[0], 5000, &session, &fault),
		     0, "%s", fault.text);
	(void)pthread_join(thread, NULL);
	*ret_ours = tls_session_binding(session, type);
	*ret_theirs = tls_session_binding(end.session, type);
	tls_session_free(session);
	tls_session_free(end.session);
	tls_client_ctx_free(ctx);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

Test(tls, a_context_has_what_it_was_given_or_is_none)
{
	struct fault fault = {0};
	struct tls_context *context = NULL;

	cr_assert_eq(
		tls_context_new("/dev/null", "/dev/null", "", &context, &fault),
		-1);
	cr_expect_eq(fault.kind, FAULT_CONFIG);
	cr_expect_null(context);
}

Test(tls, bindings, .timeout = 120)
{
	g_autofree char *directory = g_dir_make_tmp("okapi-tls-XXXXXX", NULL);
	g_autofree char *cert = g_strdup_printf("%s/cert", directory);
	g_autofree char *key = g_strdup_printf("%s/key", directory);
	g_autofree char *command = g_strdup_printf(
		"openssl req -x509 -newkey ec -pkeyopt"
		" ec_paramgen_curve:prime256v1 -nodes -keyout %s -out %s"
		" -days 2 -subj /CN=x.test 2>/dev/null",
		key, cert);
	struct tls_context *context;
	struct fault fault = {0};
	static const struct {
		const char *type;
		bool old;
		size_t size;   /* 0: none */
		bool is_fresh; /* another for another session */
		bool is_there; /* the server has it, too */
	} cases[] = {
		{"tls-exporter", false, 32, true, true},
		{"tls-exporter", true, 0, false, false},
		{"tls-unique", false, 0, false, false},
		{"tls-unique", true, 12, true, true},
		/* SHA-256 of a certificate; the server is shown none. */
		{"tls-server-end-point", false, 32, false, false},
		{"tls-server-end-point", true, 32, false, false},
		{"tls-no-such", false, 0, false, false},
	};

	/* NOLINTNEXTLINE(cert-env33-c) */
	cr_assert_eq(system(command), 0);
	cr_assert_eq(tls_context_new(cert, key, "", &context, &fault), 0, "%s",
		     fault.text);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) one = NULL;
		g_autoptr(GBytes) one_there = NULL;
		g_autoptr(GBytes) two = NULL;
		g_autoptr(GBytes) two_there = NULL;

		session_bindings(context, cert, cases[i].old, cases[i].type,
				 &one, &one_there);
		session_bindings(context, cert, cases[i].old, cases[i].type,
				 &two, &two_there);
		cr_assert_eq(one ? g_bytes_get_size(one) : 0, cases[i].size,
			     "%s", cases[i].type);
		cr_expect_eq(one_there != NULL, cases[i].is_there, "%s",
			     cases[i].type);
		if (one && one_there)
			cr_expect(g_bytes_equal(one, one_there), "%s",
				  cases[i].type);
		if (one && two)
			cr_expect_eq(!g_bytes_equal(one, two),
				     cases[i].is_fresh, "%s", cases[i].type);
	}
	tls_context_free(context);
	(void)g_remove(cert);
	(void)g_remove(key);
	(void)g_rmdir(directory);
}
