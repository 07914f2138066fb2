/*
 * The table of smtp_sender_table: by which relay host a sender's mail goes.
 *
 *	# sender or @domain	relay host		login
 *	anna@home.example	smtp.isp.example	anna.a  the password
 *	@company.example	smtps://mx.example	us      |command
 *	@home.example		smtp.isp.example
 */
#ifndef OKAPI_SENDER_TABLE_H
#define OKAPI_SENDER_TABLE_H

#include "base.h"
#include "fault.h"

/* What a line says; what it does not is NULL. */
struct sender_table_line {
	char *sender;
	char *relay;
	char *user;
	char *password;
	char *token_command;
};

/* Cuts a line up, in place: what ret_line points to is borrowed from it.  All
 * is NULL for one that is empty or a comment.  The relay host is not looked at
 * (relay_name.h).  FAULT_CONFIG. */
NODISCARD int sender_table_parse(char *line, struct sender_table_line *ret_line,
				 struct fault *fault);

#endif
