/*
 * The client side of LMTP between machines.  Nothing of the mail is said before
 * the server's certificate has been verified.
 */
#include "remote.h"

#include "net.h"
#include "tls.h"

#include <errno.h>
#include <string.h>

#define REMOTE_CONNECT_MS  INT64_C(30000)
#define REMOTE_BATCH       ((size_t)50) /* commands sent before replies are read */
#define REMOTE_PIECE       ((size_t)256 * 1024)
#define REMOTE_REPLIES_MAX ((size_t)16 * 1024 * 1024)

struct remote {
	int fd;
	struct tls_session *tls; /* NULL: not yet */
	int64_t timeout_ms;
	GString *replies; /* all of them, as they came */
	size_t seen;      /* octets of it that have been counted */
};

/* 1: something came, 0: the end, -1. */
static int remote_read(struct remote *remote, struct fault *fault)
{
	char buffer[8192];
	ssize_t n;

	if (remote->tls) {
		n = tls_read(remote->tls, buffer, sizeof(buffer), -1,
			     remote->timeout_ms, fault);
	} else {
		if (net_wait(remote->fd, false, -1, remote->timeout_ms) != 1)
			return fault_set(fault, FAULT_NETWORK,
					 "the server does not answer");
		n = recv(remote->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 1;
		if (n < 0)
			return fault_set_errno(fault, FAULT_NETWORK, errno,
					       "the server is gone");
	}
	if (n <= 0)
		return n < 0 ? -1 : 0;
	g_string_append_len(remote->replies, buffer, n);
	return remote->replies->len < REMOTE_REPLIES_MAX
		       ? 1
		       : fault_set(fault, FAULT_NETWORK,
				   "the server says too much");
}

/* How many whole replies have come that were not counted yet. */
static size_t remote_count(struct remote *remote)
{
	size_t count = 0;
	const char *end;

	while ((end = strstr(remote->replies->str + remote->seen, "\r\n"))) {
		const char *line = remote->replies->str + remote->seen;

		count += end - line < 4 || line[3] != '-';
		remote->seen = (size_t)(end + 2 - remote->replies->str);
	}
	return count;
}

static int remote_await(struct remote *remote, size_t count,
			struct fault *fault)
{
	size_t have = remote_count(remote);

	while (have < count) {
		int rc = remote_read(remote, fault);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return fault_set(fault, FAULT_NETWORK,
					 "the server broke off");
		have += remote_count(remote);
	}
	return 0;
}

static int remote_write(struct remote *remote, const char *octets, size_t len,
			struct fault *fault)
{
	while (len > 0) {
		size_t piece = MIN(len, REMOTE_PIECE);
		int rc = remote->tls ? tls_write_all(remote->tls, octets, piece,
						     remote->timeout_ms, fault)
				     : net_send_all(remote->fd, octets, piece,
						    remote->timeout_ms, fault);

		if (rc)
			return -1;
		octets += piece;
		len -= piece;
	}
	return 0;
}

/* One command of the opening and its reply, which has to be of the 2xx; the
 * reply is borrowed until the next one. */
static int remote_say(struct remote *remote, const char *command,
		      const char **ret_reply, struct fault *fault)
{
	g_string_truncate(remote->replies, 0);
	remote->seen = 0;
	if (remote_write(remote, command, strlen(command), fault) ||
	    remote_await(remote, 1, fault))
		return -1;
	*ret_reply = remote->replies->str;
	if (remote->replies->str[0] == '2')
		return 0;
	return fault_set(fault, FAULT_NETWORK, "the server says: %.200s",
			 g_strchomp(remote->replies->str));
}

static bool remote_offers(const char *reply, const char *keyword)
{
	g_auto(GStrv) lines = g_strsplit(reply, "\r\n", -1);

	for (char **line = lines; *line; line++)
		if (strlen(*line) > 4 &&
		    g_ascii_strcasecmp(*line + 4, keyword) == 0)
			return true;
	return false;
}

static int remote_handshake(struct remote *remote, const struct conf *conf,
			    struct fault *fault)
{
	g_autofree char *host = net_host_of(conf->dagent_server);
	const struct tls_client_options options = {
		.ca_file = conf->dagent_tls_ca_file,
		.host = host,
		.must_verify = true,
		.cert_file = conf->dagent_tls_cert_file,
		.key_file = conf->dagent_tls_key_file,
	};
	struct ssl_ctx_st *ctx = NULL;
	int rc;

	if (tls_client_ctx_new(&options, &ctx, fault))
		return -1;
	rc = tls_connect(ctx, host, remote->fd, remote->timeout_ms,
			 &remote->tls, fault);
	tls_client_ctx_free(ctx);
	return rc;
}

/* Up to TLS and who we are: what was said in the clear counts for nothing
 * afterwards. */
static int remote_open(struct remote *remote, const struct conf *conf,
		       struct fault *fault)
{
	const char *reply = NULL;

	if (net_connect(conf->dagent_server, REMOTE_CONNECT_MS, &remote->fd,
			fault) ||
	    remote_say(remote, "", &reply, fault) ||
	    remote_say(remote, "LHLO localhost\r\n", &reply, fault))
		return -1;
	if (!remote_offers(reply, "STARTTLS"))
		return fault_set(fault, FAULT_NETWORK,
				 "the server offers no STARTTLS");
	if (remote_say(remote, "STARTTLS\r\n", &reply, fault))
		return -1;
	if (remote->seen != remote->replies->len)
		return fault_set(fault, FAULT_NETWORK,
				 "the server goes on in the clear");
	if (remote_handshake(remote, conf, fault) ||
	    remote_say(remote, "LHLO localhost\r\n", &reply, fault))
		return -1;
	if (!remote_offers(reply, "X-OKAPI"))
		return fault_set(fault, FAULT_NETWORK,
				 "the server does not trust the certificate "
				 "%s (its tls_client_ca_file)",
				 conf->dagent_tls_cert_file);
	return 0;
}

/* The commands in batches, so that neither side fills the other's buffers; the
 * last one, BDAT, goes with the message. */
static int remote_commands(struct remote *remote, const char *commands,
			   const char **ret_last, struct fault *fault)
{
	const char *start = commands;
	const char *line = commands;
	size_t count = 0;

	while (!g_str_has_prefix(line, "BDAT ")) {
		line = strstr(line, "\r\n") + 2;
		count++;
		if (count < REMOTE_BATCH && !g_str_has_prefix(line, "BDAT "))
			continue;
		if (remote_write(remote, start, (size_t)(line - start),
				 fault) ||
		    remote_await(remote, count, fault))
			return -1;
		start = line;
		count = 0;
	}
	*ret_last = line;
	return 0;
}

static void remote_message(struct remote *remote,
			   const struct handover *handover, const char *bdat)
{
	size_t size = 0;
	const char *octets = g_bytes_get_data(handover->message, &size);
	struct fault fault;

	/* What did not get through has no answer, which is told later. */
	if (remote_write(remote, bdat, strlen(bdat), &fault) == 0 &&
	    remote_write(remote, octets, size, &fault) == 0 &&
	    remote_write(remote, "QUIT\r\n", 6, &fault) == 0)
		while (remote_read(remote, &fault) > 0)
			continue;
}

static int remote_talk(struct remote *remote, const struct conf *conf,
		       const struct handover *handover,
		       struct fault *ret_faults, struct fault *fault)
{
	g_autofree char *commands = NULL;
	const char *bdat = NULL;

	if (remote_open(remote, conf, fault))
		return -1;
	/* Under TLS there is no greeting. */
	g_string_assign(remote->replies, "220 TLS\r\n");
	remote->seen = remote->replies->len;
	commands = handover_format(handover, ret_faults);
	if (remote_commands(remote, commands, &bdat, fault))
		return -1;
	remote_message(remote, handover, bdat);
	handover_judge(remote->replies->str,
		       g_strv_length((char **)(uintptr_t)handover->recipients),
		       ret_faults);
	return 0;
}

int remote_send(const struct conf *conf, const struct handover *handover,
		struct fault *ret_faults, struct fault *fault)
{
	struct remote remote = {.fd = -1,
				.timeout_ms = handover->timeout_ms,
				.replies = g_string_new(NULL)};
	int rc = remote_talk(&remote, conf, handover, ret_faults, fault);

	tls_session_free(remote.tls);
	base_close_fd(&remote.fd);
	g_string_free(remote.replies, TRUE);
	if (rc == 0)
		return 0;
	if (!fault_is_temporary(fault))
		fault->kind = FAULT_NETWORK;
	return fault_prefix(fault, "dagent_server %s", conf->dagent_server);
}
