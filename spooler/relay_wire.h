/*
 * The wire under libesmtp: what that library cannot do by itself.
 *
 * libesmtp 1.1.0 opens its own socket (no IPv6 literal, no bound on
 * connect(2), Nagle left on), and rewrites the header while it sends (drops
 * Return-Path and every second To, adds Date and From).  A relay must do none
 * of that.  So its calls of socket, connect, write and SSL_write are
 * interposed (relay_interpose.h): it is handed a socket that is connected
 * already, and what it renders after DATA is thrown away and replaced by the
 * message as it is, dot-stuffed.
 *
 * poll is interposed as well: TLS 1.3 session tickets make a socket readable
 * without there being a reply, and libesmtp would then wait for one to a
 * command that it has yet to write.
 *
 * If the interposition is not in force, the connection is cut before anything
 * of a message was sent: nothing can be half right.
 */
#ifndef OKAPI_RELAY_WIRE_H
#define OKAPI_RELAY_WIRE_H

#include "base.h"

#include <poll.h>
#include <sys/socket.h>

struct relay_wire;

/* A wire over a connected socket (moved), current in this thread until it is
 * freed.  timeout_ms bounds each wait for the relay host within a message. */
struct relay_wire *relay_wire_new(int fd, int64_t timeout_ms);
/* Closes what libesmtp did not take. */
void relay_wire_free(struct relay_wire *wire);
AUTO_DEFINE(relay_wire, relay_wire_free);

/* The message that follows the 354; len octets, borrowed until it is sent.
 * False (and the connection cut) if the interposition is not in force. */
bool relay_wire_begin_data(struct relay_wire *wire, const void *octets,
			   size_t len);

/* Adds SMTPUTF8 (RFC 6531) to the next MAIL, which libesmtp cannot; if that
 * MAIL is not seen the connection is cut. */
void relay_wire_ask_utf8(struct relay_wire *wire, bool ask);

/*
 * libesmtp sends DATA whatever became of the recipients.  It is held back until
 * their outcome is known: true lets it go, false says QUIT instead, for
 * libesmtp cannot go on without a reply to its DATA.
 */
void relay_wire_hold_data(struct relay_wire *wire);
void relay_wire_release_data(struct relay_wire *wire, bool any_taken);

/* The relay host has answered: what it is asked next has its own time. */
void relay_wire_answered(struct relay_wire *wire);

/* Forgets what is known of the last message. */
void relay_wire_end_data(struct relay_wire *wire);

/* Cuts the connection, from any thread. */
void relay_wire_cut(struct relay_wire *wire);
bool relay_wire_was_cut(const struct relay_wire *wire);
/* Did the relay host let the time for a reply pass? */
bool relay_wire_timed_out(const struct relay_wire *wire);
/* Was the end of a message sent since relay_wire_end_data()? */
bool relay_wire_data_was_sent(const struct relay_wire *wire);
/* Did the relay host refuse the message before it had all of it?  Then that
 * reply can be read, and the connection is of no further use. */
bool relay_wire_refused_early(const struct relay_wire *wire);

/* What the interposed calls do. */
int relay_wire_socket(int domain, int type, int protocol);
int relay_wire_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t relay_wire_write(int fd, const void *octets, size_t len);
int relay_wire_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int relay_wire_ssl_write(void *ssl, const void *octets, int len);

#endif
