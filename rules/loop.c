/*
 * Counting the marks of a message.
 */
#include "loop.h"

#include "header.h"

#include <string.h>

/* Where others (Postfix) take it for a loop. */
#define LOOP_RECEIVED_MAX 50

struct loop {
	const char *const *own;
	size_t hops;
	size_t received;
	bool is_loop;
};

static bool see_field(void *context, const char *name, const char *value)
{
	struct loop *loop = context;
	bool is_ours = g_ascii_strcasecmp(name, LOOP_MARK) == 0;

	loop->received += g_ascii_strcasecmp(name, "Received") == 0;
	if (!is_ours && g_ascii_strcasecmp(name, LOOP_MARK_TOO) != 0)
		return true;
	loop->hops += is_ours;
	for (size_t i = 0; loop->own[i]; i++)
		if (g_ascii_strcasecmp(loop->own[i], value) == 0)
			loop->is_loop = true;
	return true;
}

bool sieve_is_loop(GBytes *message, const char *address, const char *const *own)
{
	static const char *const names[] = {LOOP_MARK, LOOP_MARK_TOO,
					    "Received", NULL};
	struct loop loop = {.own = own};
	size_t size = 0;
	const char *octets = g_bytes_get_data(message, &size);

	for (size_t i = 0; own[i]; i++)
		if (g_ascii_strcasecmp(own[i], address) == 0)
			return true;
	header_scan(octets, size, names, see_field, &loop);
	return loop.is_loop || loop.hops >= LOOP_HOPS_MAX ||
	       loop.received >= LOOP_RECEIVED_MAX;
}
