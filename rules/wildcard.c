/*
 * Wildcard matching in steps of at most pattern times text.
 */
#include "wildcard.h"

#include <string.h>

enum element_kind {
	LITERAL,
	ANY_ONE,
	ANY
};

struct element {
	enum element_kind kind;
	char octet; /* LITERAL */
	size_t at;  /* where in the text it was put */
};

struct wildcard {
	struct element *elements;
	size_t count;
	const char *text;
	size_t len;
	uint64_t steps;
};

static void compile(struct wildcard *wildcard, const char *pattern)
{
	wildcard->elements = g_new0(struct element, strlen(pattern) + 1);
	for (; *pattern; pattern++) {
		struct element *element =
			&wildcard->elements[wildcard->count++];

		if (*pattern == '*') {
			element->kind = ANY;
		} else if (*pattern == '?') {
			element->kind = ANY_ONE;
		} else {
			if (*pattern == '\\' && pattern[1])
				pattern++;
			element->octet = *pattern;
		}
	}
}

static bool is_continuation(char octet)
{
	return ((unsigned char)octet & 0xc0u) == 0x80u;
}

static size_t next_character(const struct wildcard *wildcard, size_t at)
{
	at++;
	while (at < wildcard->len && is_continuation(wildcard->text[at]))
		at++;
	return at;
}

static size_t previous_character(const struct wildcard *wildcard, size_t at)
{
	at--;
	while (at > 0 && is_continuation(wildcard->text[at]))
		at--;
	return at;
}

/* Puts elements [first, end), none of them ANY, at *at; moves it behind. */
static bool put_forward(struct wildcard *wildcard, size_t first, size_t end,
			size_t *at)
{
	size_t here = *at;

	for (size_t i = first; i < end; i++) {
		struct element *element = &wildcard->elements[i];

		wildcard->steps++;
		if (here >= wildcard->len)
			return false;
		element->at = here;
		if (element->kind == ANY_ONE)
			here = next_character(wildcard, here);
		else if (wildcard->text[here] == element->octet)
			here++;
		else
			return false;
	}
	*at = here;
	return true;
}

/* The same so that they end at the end of the text, not before start. */
static bool put_at_end(struct wildcard *wildcard, size_t first, size_t end,
		       size_t start)
{
	size_t here = wildcard->len;

	for (size_t i = end; i-- > first;) {
		struct element *element = &wildcard->elements[i];

		wildcard->steps++;
		if (here <= start)
			return false;
		if (element->kind == ANY_ONE)
			here = previous_character(wildcard, here);
		else if (wildcard->text[here - 1] == element->octet)
			here--;
		else
			return false;
		element->at = here;
	}
	return here >= start;
}

/* The first place from *at on where [first, end) fits. */
static bool put_somewhere(struct wildcard *wildcard, size_t first, size_t end,
			  size_t *at)
{
	for (size_t start = *at; start <= wildcard->len; start++) {
		size_t here = start;

		if (start < wildcard->len &&
		    is_continuation(wildcard->text[start]))
			continue;
		if (put_forward(wildcard, first, end, &here)) {
			*at = here;
			return true;
		}
	}
	return false;
}

/* The next ANY from element i on, or count. */
static size_t next_star(const struct wildcard *wildcard, size_t i)
{
	while (i < wildcard->count && wildcard->elements[i].kind != ANY)
		i++;
	return i;
}

static bool match(struct wildcard *wildcard)
{
	size_t star = next_star(wildcard, 0);
	size_t at = 0;

	if (!put_forward(wildcard, 0, star, &at))
		return false;
	if (star == wildcard->count)
		return at == wildcard->len;
	for (;;) {
		size_t next = next_star(wildcard, star + 1);

		wildcard->elements[star].at = at;
		if (next == wildcard->count)
			return put_at_end(wildcard, star + 1, next, at);
		if (!put_somewhere(wildcard, star + 1, next, &at))
			return false;
		star = next;
	}
}

static void fill_spans(const struct wildcard *wildcard,
		       struct wildcard_span spans[WILDCARD_SPANS])
{
	size_t filled = 1;

	memset(spans, 0, WILDCARD_SPANS * sizeof(*spans));
	spans[0].end = wildcard->len;
	for (size_t i = 0; i < wildcard->count; i++) {
		const struct element *element = &wildcard->elements[i];

		if (element->kind == LITERAL || filled == WILDCARD_SPANS)
			continue;
		spans[filled].start = element->at;
		spans[filled].end = i + 1 < wildcard->count
					    ? wildcard->elements[i + 1].at
					    : wildcard->len;
		filled++;
	}
}

bool wildcard_match(const char *pattern, const char *text,
		    struct wildcard_span spans[WILDCARD_SPANS], uint64_t *steps)
{
	struct wildcard wildcard = {.text = text, .len = strlen(text)};
	bool matched;

	compile(&wildcard, pattern);
	matched = match(&wildcard);
	if (matched && spans)
		fill_spans(&wildcard, spans);
	if (steps)
		*steps += wildcard.steps + wildcard.count;
	g_free(wildcard.elements);
	return matched;
}
