/*
 * TLS (OpenSSL): contexts of servers and clients, sessions over a socket.
 */
#ifndef OKAPI_TLS_H
#define OKAPI_TLS_H

#include "base.h"
#include "fault.h"

struct tls_context;
struct tls_session;
struct ssl_ctx_st; /* OpenSSL's */

/* cert_file: PEM chain; client_ca_file: "" or the CA of client certificates
 * (asked for, not required). */
NODISCARD int tls_context_new(const char *cert_file, const char *key_file,
			      const char *client_ca_file,
			      struct tls_context **ret_context,
			      struct fault *fault);
/* Reads the files anew (renewed certificates, SIGHUP); sessions that are open
 * keep what they have.  On failure nothing changes.  From any thread. */
NODISCARD int tls_context_reload(struct tls_context *context,
				 const char *cert_file, const char *key_file,
				 const char *client_ca_file,
				 struct fault *fault);
void tls_context_free(struct tls_context *context);
AUTO_DEFINE(tls_context, tls_context_free);

/* Handshake as server on a connected socket, within timeout_ms. */
NODISCARD int tls_accept(struct tls_context *context, int fd,
			 int64_t timeout_ms, struct tls_session **ret_session,
			 struct fault *fault);
/* Handshake as client; host as in tls_client_options. */
NODISCARD int tls_connect(struct ssl_ctx_st *ctx, const char *host, int fd,
			  int64_t timeout_ms, struct tls_session **ret_session,
			  struct fault *fault);
void tls_session_free(struct tls_session *session);
AUTO_DEFINE(tls_session, tls_session_free);

/* Did the client show a certificate that client_ca_file vouches for, the server
 * one that ca_file vouches for and that is valid for host? */
bool tls_session_is_trusted(const struct tls_session *session);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; borrowed. */
const char *tls_session_describe(const struct tls_session *session);

/*
 * What ties a login to this session of a client (RFC 5056) by the type, owned:
 * "tls-exporter" (RFC 9266) in TLS 1.3; before that "tls-unique" (RFC 5929 3),
 * where the handshake was extended (RFC 7627), for else another session could
 * have the same; "tls-server-end-point" (RFC 5929 4), unless the certificate's
 * signature has no hash.  NULL: this session has none of that type.
 */
GBytes *tls_session_binding(const struct tls_session *session,
			    const char *type);

/* >0 octets, 0 end, -1 error (fault), -3 timeout (fault); wake_fd as
 * net_wait(): -2 when woken.  timeout_ms 0: what is there now. */
ssize_t tls_read(struct tls_session *session, void *buffer, size_t len,
		 int wake_fd, int64_t timeout_ms, struct fault *fault);
NODISCARD int tls_write_all(struct tls_session *session, const void *data,
			    size_t len, int64_t timeout_ms,
			    struct fault *fault);

/* How a client trusts and shows itself. */
struct tls_client_options {
	const char
		*ca_file; /* whose certificates are trusted; "": the system's */
	const char *host; /* a name or an address, for which the server's
			     certificate has to be valid */
	bool must_verify; /* a handshake without such a certificate fails;
			     otherwise tls_session_is_trusted() tells */
	const char *cert_file; /* PEM chain to show, or "" */
	const char *key_file;  /* "": in cert_file */
};

/* A context for connections to one host, of any number of threads; also for a
 * library that does the handshake itself (spooler/relay_esmtp.c).  Released
 * with tls_client_ctx_free(). */
NODISCARD int tls_client_ctx_new(const struct tls_client_options *options,
				 struct ssl_ctx_st **ret_ctx,
				 struct fault *fault);
void tls_client_ctx_free(struct ssl_ctx_st *ctx);
/* Why the last handshake in this thread failed ("" if it did not), forgetting
 * it. */
void tls_client_error(char *text, size_t size);

/* Frees what OpenSSL keeps for the calling thread: for a detached thread, which
 * the end of the process may overtake. */
void tls_thread_end(void);

#endif
