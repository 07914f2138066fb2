/*
 * Edit distance (Levenshtein) over a handful of short words.
 */
#include "nearest.h"

#include <string.h>

#define NEAREST_MAX 32 /* octets of a word that is compared */

static size_t nearest_distance(const char *a, const char *b)
{
	size_t row[NEAREST_MAX + 1];
	size_t la = strlen(a);
	size_t lb = strlen(b);

	if (la > NEAREST_MAX || lb > NEAREST_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			bool differs = g_ascii_tolower(a[i - 1]) !=
				       g_ascii_tolower(b[j - 1]);
			size_t change = corner + differs;
			size_t step = 1 + MIN(row[j], row[j - 1]);

			corner = row[j];
			row[j] = MIN(change, step);
		}
	}
	return row[lb];
}

const char *nearest_word(const char *typed, const char *const *known)
{
	const char *best = NULL;
	size_t least = strlen(typed) / 3 + 2;

	for (; *known; known++) {
		size_t distance = nearest_distance(typed, *known);

		if (**known && distance < least) {
			best = *known;
			least = distance;
		}
	}
	return best;
}

char *nearest_hint(const char *typed, const char *const *known)
{
	const char *word = nearest_word(typed, known);

	return word ? g_strdup_printf("; did you mean \"%s\"?", word)
		    : g_strdup("");
}
