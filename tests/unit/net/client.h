/*
 * The other side of a session: a client over a socket or over TLS, and
 * certificates made for the moment.
 */
#ifndef OKAPI_TEST_CLIENT_H
#define OKAPI_TEST_CLIENT_H

#include "net.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define CLIENT_WAIT_MS 60000

struct client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	int max_tls;    /* 0: the newest */
	GString *input; /* all that came, since the last client_expect() */
	bool ended;     /* the server closed */
	bool broken;    /* and not in good order */
};

static inline void client_open(struct client *client, const char *where)
{
	struct fault fault = {0};

	*client = (struct client){.fd = -1};
	client->input = g_string_new(NULL);
	cr_assert_eq(net_connect(where, CLIENT_WAIT_MS, &client->fd, &fault), 0,
		     "%s", fault.text);
}

static inline void client_close(struct client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->ctx);
	base_close_fd(&client->fd);
	g_string_free(client->input, TRUE);
}

/* The handshake; cert and key may be NULL.  false: it failed. */
static inline bool client_starttls(struct client *client, const char *cert,
				   const char *key)
{
	int rc;

	client->ctx = SSL_CTX_new(TLS_client_method());
	if (client->max_tls) {
		SSL_CTX_set_min_proto_version(client->ctx, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(client->ctx, client->max_tls);
		SSL_CTX_set_cipher_list(client->ctx, "ALL:@SECLEVEL=0");
	}
	if (cert) {
		cr_assert_eq(SSL_CTX_use_certificate_file(client->ctx, cert,
							  SSL_FILETYPE_PEM),
			     1);
		cr_assert_eq(SSL_CTX_use_PrivateKey_file(client->ctx, key,
							 SSL_FILETYPE_PEM),
			     1);
	}
	client->ssl = SSL_new(client->ctx);
	SSL_set_fd(client->ssl, client->fd);
	while ((rc = SSL_connect(client->ssl)) != 1) {
		int error = SSL_get_error(client->ssl, rc);

		if (error != SSL_ERROR_WANT_READ &&
		    error != SSL_ERROR_WANT_WRITE)
			return false;
		if (net_wait(client->fd, error == SSL_ERROR_WANT_WRITE, -1,
			     CLIENT_WAIT_MS) != 1)
			return false;
	}
	return true;
}

static inline void client_send_octets(struct client *client, const char *octets,
				      size_t len)
{
	struct fault fault = {0};

	if (client->ssl)
		cr_assert_eq(SSL_write(client->ssl, octets, (int)len),
			     (int)len);
	else
		cr_assert_eq(net_send_all(client->fd, octets, len,
					  CLIENT_WAIT_MS, &fault),
			     0, "%s", fault.text);
}

static inline void client_send(struct client *client, const char *text)
{
	client_send_octets(client, text, strlen(text));
}

/* Reads once, within wait_ms; false if nothing came. */
static inline bool client_read(struct client *client, int64_t wait_ms)
{
	char buffer[4096];
	ssize_t n;

	if (!(client->ssl && SSL_pending(client->ssl)) &&
	    net_wait(client->fd, false, -1, wait_ms) != 1)
		return false;
	if (client->ssl) {
		n = SSL_read(client->ssl, buffer, sizeof(buffer));
		if (n <= 0 &&
		    SSL_get_error(client->ssl, (int)n) == SSL_ERROR_WANT_READ)
			return true;
	} else {
		n = recv(client->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN)
			return true;
		client->broken = n < 0;
	}
	if (n <= 0)
		client->ended = true;
	else
		g_string_append_len(client->input, buffer, n);
	return n > 0;
}

/* Reads until the input contains text, and forgets the input. */
static inline void client_expect(struct client *client, const char *text)
{
	while (!strstr(client->input->str, text) && !client->ended)
		if (!client_read(client, CLIENT_WAIT_MS))
			break;
	cr_expect_not_null(strstr(client->input->str, text),
			   "expected \"%s\", got \"%s\"", text,
			   client->input->str);
	g_string_truncate(client->input, 0);
}

/* The server closes now, in good order. */
static inline void client_expect_end(struct client *client)
{
	while (!client->ended && client_read(client, CLIENT_WAIT_MS))
		continue;
	cr_expect(client->ended && !client->broken);
	cr_expect_str_eq(client->input->str, "");
}

/* A key and a certificate for name that signs itself, both PEM. */
static inline void client_make_certificate(const char *name,
					   const char *cert_file,
					   const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	FILE *file;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	cr_assert_neq(X509_sign(cert, key, EVP_sha256()), 0);
	file = fopen(cert_file, "w");
	cr_assert(file && PEM_write_X509(file, cert));
	(void)fclose(file);
	file = fopen(key_file, "w");
	cr_assert(file &&
		  PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	(void)fclose(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

#endif
