/*
 * Pages in the form of SQLite's write-ahead log, one transaction: put beside
 * a database it is the next state of it, for SQLite as for whoever reads it
 * without knowing of backups; cut short it is nothing.
 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
	/* Its last bit clear: checksums are of little-endian words. */
	PAGE_LOG_MAGIC = 0x377f0682,
	PAGE_LOG_VERSION = 3007000,
	PAGE_LOG_HEAD = 32,
	PAGE_LOG_FRAME_HEAD = 24,
};

struct page_log {
	char *path;
	FILE *file;
	size_t page_size;
	uint32_t salt[2];
	uint32_t sum[2]; /* of all up to here */
	int64_t frames;
};

static void page_log_put_word(uint8_t *at, uint32_t word)
{
	word = GUINT32_TO_BE(word);
	memcpy(at, &word, sizeof(word));
}

/* len is a multiple of eight. */
static void page_log_sum(uint32_t sum[2], const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint32_t words[2];

		memcpy(words, data + i, sizeof(words));
		sum[0] += GUINT32_FROM_LE(words[0]) + sum[1];
		sum[1] += GUINT32_FROM_LE(words[1]) + sum[0];
	}
}

static int page_log_fault(const struct page_log *log, struct fault *fault)
{
	return fault_set_errno(fault, FAULT_IO, errno, "cannot write %s",
			       log->path);
}

static int page_log_put(struct page_log *log, const uint8_t *data, size_t len,
			struct fault *fault)
{
	if (fwrite(data, 1, len, log->file) != len)
		return page_log_fault(log, fault);
	return 0;
}

static int page_log_put_head(struct page_log *log, struct fault *fault)
{
	uint8_t head[PAGE_LOG_HEAD] = {0};

	page_log_put_word(head, PAGE_LOG_MAGIC);
	page_log_put_word(head + 4, PAGE_LOG_VERSION);
	page_log_put_word(head + 8, (uint32_t)log->page_size);
	page_log_put_word(head + 16, log->salt[0]);
	page_log_put_word(head + 20, log->salt[1]);
	page_log_sum(log->sum, head, 24);
	page_log_put_word(head + 24, log->sum[0]);
	page_log_put_word(head + 28, log->sum[1]);
	return page_log_put(log, head, sizeof(head), fault);
}

int page_log_new(const char *path, int page_size, struct page_log **ret_log,
		 struct fault *fault)
{
	AUTO(page_log) log = g_new0(struct page_log, 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	log->path = g_strdup(path);
	log->page_size = (size_t)page_size;
	log->salt[0] = g_random_int();
	log->salt[1] = g_random_int();
	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", path);
	log->file = fdopen(fd, "w");
	if (page_log_put_head(log, fault))
		return -1;
	*ret_log = g_steal_pointer(&log);
	return 0;
}

static int page_log_frame(struct page_log *log, uint32_t number,
			  const uint8_t *page, uint32_t count,
			  struct fault *fault)
{
	uint8_t head[PAGE_LOG_FRAME_HEAD];

	page_log_put_word(head, number);
	page_log_put_word(head + 4, count);
	page_log_put_word(head + 8, log->salt[0]);
	page_log_put_word(head + 12, log->salt[1]);
	page_log_sum(log->sum, head, 8);
	page_log_sum(log->sum, page, log->page_size);
	page_log_put_word(head + 16, log->sum[0]);
	page_log_put_word(head + 20, log->sum[1]);
	log->frames++;
	if (page_log_put(log, head, sizeof(head), fault))
		return -1;
	return page_log_put(log, page, log->page_size, fault);
}

int page_log_add(struct page_log *log, uint32_t number, const uint8_t *page,
		 struct fault *fault)
{
	return page_log_frame(log, number, page, 0, fault);
}

int page_log_commit(struct page_log *log, uint32_t number, const uint8_t *page,
		    uint32_t count, struct fault *fault)
{
	if (page_log_frame(log, number, page, count, fault))
		return -1;
	if (fflush(log->file) || fsync(fileno(log->file)))
		return page_log_fault(log, fault);
	return 0;
}

int64_t page_log_frames(const struct page_log *log)
{
	return log->frames;
}

void page_log_free(struct page_log *log)
{
	if (!log)
		return;
	/* What had to be written was, or is not needed. */
	if (log->file)
		(void)fclose(log->file);
	g_free(log->path);
	g_free(log);
}
