/*
 * What the tests of shared/convert share: text in, property set out.
 */
#ifndef TEST_CONVERT_H
#define TEST_CONVERT_H

#include "convert/convert.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

static inline struct propset *convert_len(const char *message, size_t len,
					  GPtrArray *notes)
{
	const struct convert_options options = {
		.flags = CONVERT_ALL,
		.default_charset = "windows-1252",
	};

	convert_init();
	return convert_to_propset(message, len, &options, notes);
}

static inline struct propset *convert(const char *message)
{
	return convert_len(message, strlen(message), NULL);
}

static inline void expect_text(const char *name, const struct propset *set,
			       uint32_t tag, const char *expected)
{
	const char *got = propset_text(set, tag);

	cr_expect(got && expected ? !strcmp(got, expected) : got == expected,
		  "%s: %s is \"%s\", not \"%s\"", name, proptag_name(tag),
		  got ? got : "(none)", expected ? expected : "(none)");
}

static inline void expect_number(const char *name, const struct propset *set,
				 uint32_t tag, int64_t expected)
{
	int64_t got = propset_number(set, tag, INT64_MIN);

	cr_expect(got == expected, "%s: %s is %" PRId64 ", not %" PRId64, name,
		  proptag_name(tag), got, expected);
}

#endif
