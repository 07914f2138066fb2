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
			     bool old, const char **ret_type, GBytes **ret_ours,
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
	*ret_ours = tls_session_binding(session, ret_type);
	*ret_theirs = tls_session_binding(end.session, ret_type);
	tls_session_free(session);
	tls_session_free(end.session);
	tls_client_ctx_free(ctx);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

Test(tls, bindings, .timeout = 30)
{
	g_autofree char *directory = g_dir_make_tmp("okapi-tls-XXXXXX", NULL);
	g_autofree char *cert = g_strdup_printf("%s/cert", directory);
	g_autofree char *key = g_strdup_printf("%s/key", directory);
	g_autofree char *command = g_strdup_printf(
		"openssl req -x509 -newkey ec -pkeyopt"
		" ec_paramgen_curve:prime256v1 -nodes -keyout %s -out %s"
		" -days 2 -subj /CN=x.test 2>/dev/null",
		key, cert);
	g_autoptr(GBytes) first = NULL;
	g_autoptr(GBytes) first_there = NULL;
	g_autoptr(GBytes) second = NULL;
	g_autoptr(GBytes) second_there = NULL;
	g_autoptr(GBytes) old = NULL;
	g_autoptr(GBytes) old_there = NULL;
	struct tls_context *context;
	struct fault fault = {0};
	const char *type;

	/* NOLINTNEXTLINE(cert-env33-c) */
	cr_assert_eq(system(command), 0);
	cr_assert_eq(tls_context_new(cert, key, "", &context, &fault), 0, "%s",
		     fault.text);
	session_bindings(context, cert, false, &type, &first, &first_there);
	cr_expect_str_eq(type, "tls-exporter");
	cr_assert_eq(g_bytes_get_size(first), 32);
	cr_expect(g_bytes_equal(first, first_there));
	session_bindings(context, cert, false, &type, &second, &second_there);
	cr_expect(!g_bytes_equal(first, second));
	session_bindings(context, cert, true, &type, &old, &old_there);
	cr_expect_str_eq(type, "tls-server-end-point");
	cr_assert_eq(g_bytes_get_size(old), 32); /* SHA-256 of a certificate */
	cr_expect_null(old_there);               /* the server is shown none */
	tls_context_free(context);
	(void)g_remove(cert);
	(void)g_remove(key);
	(void)g_rmdir(directory);
}
