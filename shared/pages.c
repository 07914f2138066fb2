/*
 * Memory that was read, given back by madvise(2).
 */
#include "pages.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	uintptr_t start;
	uintptr_t end;
} pages_mapped;

void pages_map(const void *data, size_t len)
{
	pages_mapped.start = len < PAGES_PIECE ? 0 : (uintptr_t)data;
	pages_mapped.end = len < PAGES_PIECE ? 0 : (uintptr_t)data + len;
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

	if (start >= pages_mapped.start && start + len <= pages_mapped.end)
		pages_spend((void *)start, len);
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
