/*
 * Octets as iconv(3) wants them, a piece after the other.  Private to
 * charset*.c.
 */
#ifndef OKAPI_CHARSET_MEND_H
#define OKAPI_CHARSET_MEND_H

#include "base.h"

/* All octets, how far they were read, and what is known there. */
struct charset_mending {
	const char *data; /* borrowed */
	size_t len;
	size_t at;
	int set;  /* that signs are of; at the beginning 0: ASCII */
	bool bad; /* they are none of that charset: what came is void */
};

/* Appends the octets up to there, and what is left of the sign there. */
typedef void charset_mend(struct charset_mending *mending, size_t upto,
			  GString *out);

/* HZ (RFC 1843) as EUC-CN: from "~{" to "~}", or to the end of the line, each
 * pair of octets gets its high bits. */
charset_mend charset_mend_hz;

/* GBK, in which Windows has the euro sign as 0x80 (code page 936), as GB 18030
 * has it. */
charset_mend charset_mend_gb;
/* Has it one? */
bool charset_has_gb_euro(const void *octets, size_t len);

/* ISO-2022-JP with each line ended in ASCII (RFC 1468), so that a sender who
 * forgot it garbles one line. */
charset_mend charset_mend_jp;

/* The same as Shift_JIS, of which iconv(3) knows the letters that Windows has
 * besides (code page 932: digits in circles, signs of companies).  Bad: sets
 * that Shift_JIS has not, octets of eight bits, half a letter. */
charset_mend charset_jp_shift;

/* EUC-JP as Shift_JIS, likewise (code page 51932).  Bad: letters of JIS X 0212,
 * which Shift_JIS has not, half a letter. */
charset_mend charset_euc_shift;

#endif
