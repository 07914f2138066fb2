/*
 * Memory that was read, given back by madvise(2).
 */
#include "pages.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_GAP 65536 /* headers of parts are between their contents */

static struct {
	uintptr_t start;
	uintptr_t end;
	/* Read since pages were let go, with what is between. */
	uintptr_t from;
	uintptr_t to;
} pages_mapped;

void pages_map(const void *data, size_t len)
{
	memset(&pages_mapped, 0, sizeof(pages_mapped));
	if (len < PAGES_PIECE)
		return;
	pages_mapped.start = (uintptr_t)data;
	pages_mapped.end = (uintptr_t)data + len;
}

void pages_spend(void *data, size_t len)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)data + size - 1) / size * size;
	uintptr_t end = ((uintptr_t)data + len) / size * size;

	if (start < end)
		(void)madvise((void *)start, end - start, MADV_DONTNEED);
}

void pages_done(const void *data, size_t len)
{
	uintptr_t start = (uintptr_t)data;

	if (start < pages_mapped.start || start + len > pages_mapped.end)
		return;
	if (start < pages_mapped.to || start > pages_mapped.to + PAGES_GAP)
		pages_mapped.from = start;
	pages_mapped.to = start + len;
	if (pages_mapped.to - pages_mapped.from < PAGES_PIECE)
		return;
	pages_spend((void *)pages_mapped.from,
		    pages_mapped.to - pages_mapped.from);
	pages_mapped.from = pages_mapped.to;
}

void pages_copy(void *to, const void *from, size_t len)
{
	for (size_t done = 0; done < len; done += PAGES_PIECE) {
		const char *piece = (const char *)from + done;
		size_t n = MIN(len - done, (size_t)PAGES_PIECE);

		memcpy((char *)to + done, piece, n);
		pages_done(piece, n);
	}
}
