/*
 * Memory that was read, given back by madvise(2).
 */
#include "pages.h"

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

void pages_done(const void *data, size_t len)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)data + size - 1) / size * size;
	uintptr_t end = ((uintptr_t)data + len) / size * size;

	if (start < pages_mapped.start || end > pages_mapped.end ||
	    start >= end)
		return;
	(void)madvise((void *)start, end - start, MADV_DONTNEED);
}
