/*
 * Octets as iconv(3) wants them.  Private to charset.c.
 */
#ifndef OKAPI_CHARSET_MEND_H
#define OKAPI_CHARSET_MEND_H

#include "base.h"

/* HZ (RFC 1843) as EUC-CN: from "~{" to "~}", or to the end of the line, each
 * pair of octets gets its high bits.  Owned. */
GString *charset_mend_hz(const void *octets, size_t len);

/* GBK, in which Windows has the euro sign as 0x80 (code page 936), as GB 18030
 * has it.  Owned; NULL if there is nothing to mend. */
GString *charset_mend_gb(const void *octets, size_t len);

/* ISO-2022-JP with each line ended in ASCII (RFC 1468), so that a sender who
 * forgot it garbles one line.  Owned; NULL if there is nothing to mend. */
GString *charset_mend_jp(const void *octets, size_t len);

/* ISO-2022-JP as Shift_JIS, of which iconv(3) knows the letters that Windows
 * has besides (code page 932: digits in circles, signs of companies).  Owned;
 * NULL if it has sets that Shift_JIS has not, octets of eight bits, or
 * half a letter. */
GString *charset_jp_shift(const void *octets, size_t len);

/* EUC-JP as Shift_JIS, likewise (code page 51932).  Owned; NULL if it has
 * letters of JIS X 0212, which Shift_JIS has not, or half a letter. */
GString *charset_euc_shift(const void *octets, size_t len);

#endif
