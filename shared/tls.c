/*
 * TLS: the only <openssl/ssl.h>.
 */
#include "tls.h"

#include "net.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

struct tls_context {
	pthread_mutex_t mutex; /* of the pointer, not of what it points to */
	SSL_CTX *ctx;
};

struct tls_session {
	SSL *ssl;
	int fd;
	char description[128];
};

/* The reason OpenSSL gives, or what errno says. */
static int tls_fault(struct fault *fault, enum fault_kind kind,
		     const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	int err = errno;

	ERR_clear_error();
	if (!reason)
		reason = err ? g_strerror(err) : "connection lost";
	return fault_set(fault, kind, "%s: %s", what, reason);
}

/* A key with a passphrase is refused; nobody is asked for it. */
static int tls_no_passphrase(char *buffer G_GNUC_UNUSED, int size G_GNUC_UNUSED,
			     int rwflag G_GNUC_UNUSED,
			     void *context G_GNUC_UNUSED)
{
	return 0;
}

/* A client's certificate is asked for, not required: one that does not verify
 * only leaves the client untrusted. */
static int tls_verify_any(int ok G_GNUC_UNUSED,
			  X509_STORE_CTX *store G_GNUC_UNUSED)
{
	return 1;
}

static int tls_load_client_ca(SSL_CTX *ctx, const char *file,
			      struct fault *fault)
{
	STACK_OF(X509_NAME) * names;

	errno = 0;
	if (SSL_CTX_load_verify_locations(ctx, file, NULL) != 1)
		return tls_fault(fault, FAULT_CONFIG, file);
	names = SSL_load_client_CA_file(file);
	if (!names)
		return tls_fault(fault, FAULT_CONFIG, file);
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_verify_any);
	return 0;
}

static int tls_load(SSL_CTX *ctx, const char *cert_file, const char *key_file,
		    const char *client_ca_file, struct fault *fault)
{
	errno = 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return tls_fault(fault, FAULT_CONFIG, cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		return tls_fault(fault, FAULT_CONFIG, key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return tls_fault(fault, FAULT_CONFIG,
				 "tls_key_file does not fit tls_cert_file");
	if (client_ca_file && *client_ca_file)
		return tls_load_client_ca(ctx, client_ca_file, fault);
	return 0;
}

/* A server context by the files; owned, NULL with a fault. */
static SSL_CTX *tls_ctx_new(const char *cert_file, const char *key_file,
			    const char *client_ca_file, struct fault *fault)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx) {
		tls_fault(fault, FAULT_INTERNAL, "OpenSSL");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
	if (tls_load(ctx, cert_file, key_file, client_ca_file, fault) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int tls_context_new(const char *cert_file, const char *key_file,
		    const char *client_ca_file,
		    struct tls_context **ret_context, struct fault *fault)
{
	SSL_CTX *ctx = tls_ctx_new(cert_file, key_file, client_ca_file, fault);
	struct tls_context *context;

	if (!ctx)
		return -1;
	context = g_new0(struct tls_context, 1);
	context->ctx = ctx;
	pthread_mutex_init(&context->mutex, NULL);
	*ret_context = context;
	return 0;
}

int tls_context_reload(struct tls_context *context, const char *cert_file,
		       const char *key_file, const char *client_ca_file,
		       struct fault *fault)
{
	SSL_CTX *ctx = tls_ctx_new(cert_file, key_file, client_ca_file, fault);
	SSL_CTX *old;

	if (!ctx)
		return -1;
	pthread_mutex_lock(&context->mutex);
	old = context->ctx;
	context->ctx = ctx;
	pthread_mutex_unlock(&context->mutex);
	SSL_CTX_free(old);
	return 0;
}

/* A session holds its own reference to the SSL_CTX it began with. */
static SSL *tls_ssl_new(struct tls_context *context)
{
	SSL *ssl;

	pthread_mutex_lock(&context->mutex);
	ssl = SSL_new(context->ctx);
	pthread_mutex_unlock(&context->mutex);
	return ssl;
}

void tls_context_free(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ctx);
	pthread_mutex_destroy(&context->mutex);
	g_free(context);
}

void tls_session_free(struct tls_session *session)
{
	if (!session)
		return;
	/* Says goodbye, but does not wait for the other side's. */
	if (session->ssl && SSL_is_init_finished(session->ssl))
		(void)SSL_shutdown(session->ssl);
	ERR_clear_error();
	SSL_free(session->ssl);
	g_free(session);
}

/* Waits for what the last operation, which returned rc, wants: 1 try again, 0
 * timeout, 2 woken, -1 it failed, -2 the other side has ended TLS. */
static int tls_wait(struct tls_session *session, int rc, int wake_fd,
		    int64_t deadline_ms)
{
	int64_t left = deadline_ms - g_get_monotonic_time() / 1000;
	bool for_write = false;

	switch (SSL_get_error(session->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		for_write = true;
		break;
	case SSL_ERROR_ZERO_RETURN:
		return -2;
	default:
		return -1;
	}
	return net_wait(session->fd, for_write, wake_fd, MAX(left, 0));
}

static int64_t tls_deadline(int64_t timeout_ms)
{
	ERR_clear_error();
	errno = 0;
	return g_get_monotonic_time() / 1000 + timeout_ms;
}

/* Takes a session that knows its SSL through its handshake. */
static int tls_handshake(struct tls_session *session, int (*step)(SSL *),
			 int64_t timeout_ms, struct fault *fault)
{
	int64_t deadline = tls_deadline(timeout_ms);
	int rc;

	if (!session->ssl || SSL_set_fd(session->ssl, session->fd) != 1)
		return tls_fault(fault, FAULT_INTERNAL, "OpenSSL");
	while ((rc = step(session->ssl)) != 1) {
		rc = tls_wait(session, rc, -1, deadline);
		if (rc == 0)
			return fault_set(fault, FAULT_NETWORK,
					 "TLS handshake: timeout");
		if (rc < 0)
			return tls_fault(fault, FAULT_NETWORK, "TLS handshake");
	}
	(void)g_snprintf(session->description, sizeof(session->description),
			 "%s %s", SSL_get_version(session->ssl),
			 SSL_get_cipher_name(session->ssl));
	return 0;
}

int tls_accept(struct tls_context *context, int fd, int64_t timeout_ms,
	       struct tls_session **ret_session, struct fault *fault)
{
	AUTO(tls_session) session = g_new0(struct tls_session, 1);

	session->fd = fd;
	session->ssl = tls_ssl_new(context);
	if (tls_handshake(session, SSL_accept, timeout_ms, fault) != 0)
		return -1;
	*ret_session = g_steal_pointer(&session);
	return 0;
}

int tls_connect(struct ssl_ctx_st *ctx, const char *host, int fd,
		int64_t timeout_ms, struct tls_session **ret_session,
		struct fault *fault)
{
	AUTO(tls_session) session = g_new0(struct tls_session, 1);

	session->fd = fd;
	session->ssl = SSL_new(ctx);
	if (session->ssl && !g_hostname_is_ip_address(host) && *host != '/')
		(void)SSL_set_tlsext_host_name(session->ssl, host);
	if (tls_handshake(session, SSL_connect, timeout_ms, fault) != 0)
		return -1;
	*ret_session = g_steal_pointer(&session);
	return 0;
}

bool tls_session_is_trusted(const struct tls_session *session)
{
	return SSL_get0_peer_certificate(session->ssl) &&
	       SSL_get_verify_result(session->ssl) == X509_V_OK;
}

const char *tls_session_describe(const struct tls_session *session)
{
	return session->description;
}

/* The hash of the server's certificate, by that of its signature. */
static GBytes *tls_end_point(SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int digest = NID_undef;

	if (!cert || !X509_get_signature_info(cert, &digest, NULL, NULL, NULL))
		return NULL;
	if (digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	if (digest == NID_undef || !EVP_get_digestbynid(digest) ||
	    !X509_digest(cert, EVP_get_digestbynid(digest), hash, &len))
		return NULL;
	return g_bytes_new(hash, len);
}

static GBytes *tls_exporter(SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char key[32];

	if (SSL_version(ssl) < TLS1_3_VERSION ||
	    SSL_export_keying_material(ssl, key, sizeof(key), label,
				       strlen(label), (const unsigned char *)"",
				       0, 1) != 1)
		return NULL;
	return g_bytes_new(key, sizeof(key));
}

/* The first Finished message: the client's, or the server's where a session was
 * resumed. */
static GBytes *tls_unique(SSL *ssl)
{
	unsigned char finished[EVP_MAX_MD_SIZE];
	bool is_ours = SSL_is_server(ssl) == SSL_session_reused(ssl);
	size_t len;

	if (SSL_version(ssl) >= TLS1_3_VERSION ||
	    SSL_get_extms_support(ssl) != 1)
		return NULL;
	len = is_ours ? SSL_get_finished(ssl, finished, sizeof(finished))
		      : SSL_get_peer_finished(ssl, finished, sizeof(finished));
	return len && len <= sizeof(finished) ? g_bytes_new(finished, len)
					      : NULL;
}

GBytes *tls_session_binding(const struct tls_session *session, const char *type)
{
	static const struct {
		const char *type;
		GBytes *(*make)(SSL *ssl);
	} makers[] = {
		{"tls-exporter", tls_exporter},
		{"tls-unique", tls_unique},
		{"tls-server-end-point", tls_end_point},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
		if (strcmp(makers[i].type, type) == 0)
			return makers[i].make(session->ssl);
	return NULL;
}

ssize_t tls_read(struct tls_session *session, void *buffer, size_t len,
		 int wake_fd, int64_t timeout_ms, struct fault *fault)
{
	int64_t deadline = tls_deadline(timeout_ms);

	for (;;) {
		int n = SSL_read(session->ssl, buffer, (int)MIN(len, INT_MAX));

		if (n > 0)
			return n;
		n = tls_wait(session, n, wake_fd, deadline);
		if (n == 2)
			return -2;
		if (n == -2)
			return 0;
		if (n < 0)
			return tls_fault(fault, FAULT_NETWORK, "TLS");
		if (n == 0) {
			fault_set(fault, FAULT_NETWORK, "timeout");
			return -3;
		}
	}
}

int tls_write_all(struct tls_session *session, const void *data, size_t len,
		  int64_t timeout_ms, struct fault *fault)
{
	const char *p = data;
	int64_t deadline = tls_deadline(timeout_ms);

	while (len > 0) {
		int n = SSL_write(session->ssl, p, (int)MIN(len, INT_MAX));

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		n = tls_wait(session, n, -1, deadline);
		if (n == 0)
			return fault_set(fault, FAULT_NETWORK,
					 "the peer takes no data");
		if (n < 0)
			return tls_fault(fault, FAULT_NETWORK, "TLS");
	}
	return 0;
}

/* ---- clients ---- */

static int tls_client_trust(SSL_CTX *ctx, const char *ca_file,
			    struct fault *fault)
{
	errno = 0;
	if (*ca_file)
		return SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1
			       ? 0
			       : tls_fault(fault, FAULT_CONFIG, ca_file);
	return SSL_CTX_set_default_verify_paths(ctx) == 1
		       ? 0
		       : tls_fault(fault, FAULT_CONFIG,
				   "cannot load the system's certificates");
}

/* The handshake itself looks at chain, dates and name: nothing later can forget
 * to. */
static void tls_client_expect(SSL_CTX *ctx, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1) {
		X509_VERIFY_PARAM_set_hostflags(
			param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		(void)X509_VERIFY_PARAM_set1_host(param, host, 0);
	}
	ERR_clear_error();
}

static int tls_client_show(SSL_CTX *ctx,
			   const struct tls_client_options *options,
			   struct fault *fault)
{
	const char *key_file =
		*options->key_file ? options->key_file : options->cert_file;

	return *options->cert_file ? tls_load(ctx, options->cert_file, key_file,
					      NULL, fault)
				   : 0;
}

int tls_client_ctx_new(const struct tls_client_options *options,
		       struct ssl_ctx_st **ret_ctx, struct fault *fault)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return tls_fault(fault, FAULT_INTERNAL, "no TLS context");
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	(void)SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx,
			       SSL_MODE_ENABLE_PARTIAL_WRITE |
				       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_passphrase);
	if (tls_client_trust(ctx, options->ca_file, fault) != 0 ||
	    tls_client_show(ctx, options, fault) != 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	tls_client_expect(ctx, options->host);
	if (options->must_verify)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	*ret_ctx = ctx;
	return 0;
}

void tls_client_ctx_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}

void tls_client_error(char *text, size_t size)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	(void)g_strlcpy(text, reason ? reason : "", size);
	ERR_clear_error();
}

void tls_thread_end(void)
{
	OPENSSL_thread_stop();
}
