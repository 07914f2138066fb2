/*
 * Spam marks: the header fields by which a filter in front of Okapi says what
 * is junk (spam_header_name, spam_header_value, spam_headers).
 *
 * A mark is one of
 *
 *   NAME:PREFIX     the value begins with PREFIX (empty: the field is there)
 *   NAME~REGEX      the regular expression (PCRE) is found in the value
 *   NAME>=NUMBER    the score in the value is NUMBER or more: what stands
 *                   behind "score=", "hits=" or "[", else the first word
 *
 * Names and values are compared case-blind; every occurrence of a field
 * counts, and values are unfolded before.
 */
#ifndef OKAPI_SPAM_H
#define OKAPI_SPAM_H

#include "base.h"
#include "conf.h"
#include "fault.h"

struct spam_marks;

/* FAULT_CONFIG names the mark that is none. */
NODISCARD int spam_marks_new(const struct conf *conf,
			     struct spam_marks **ret_marks,
			     struct fault *fault);
void spam_marks_free(struct spam_marks *marks);
AUTO_DEFINE(spam_marks, spam_marks_free);

/* The first mark, as it is configured, that a field of the message's header
 * has; NULL: none.  Borrowed from marks.  A regular expression that takes too
 * much work is not found. */
const char *spam_marks_find(const struct spam_marks *marks, const char *message,
			    size_t len);

/* Only spam_headers: what is wrong with it.  For config check. */
NODISCARD int spam_headers_check(const char *const *list, struct fault *fault);

#endif
