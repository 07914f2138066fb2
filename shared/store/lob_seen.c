/*
 * Files of large values that this process wrote or looked at itself.
 *
 * A file in store.lob/ may be there before the value comes: of another message,
 * of a delivery that was never made, or broken by a disk or a copy that was
 * cut. Before a message relies on one it is compared with what the message has;
 * that is done once for as long as the file stays the same by stat(2).
 */
#include "lob.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* So many are known; then all are forgotten and looked at again. */
#define LOB_SEEN_MAX 4096
#define LOB_PIECE    65536

struct lob_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed; /* contents or inode */
};

static GMutex lob_seen_lock;
static GHashTable *lob_seen_files; /* of struct lob_mark, by path */

static struct lob_mark lob_mark_of(const struct stat *st)
{
	return (struct lob_mark){.device = st->st_dev,
				 .inode = st->st_ino,
				 .size = st->st_size,
				 .changed = st->st_ctim};
}

static bool lob_mark_is(const struct lob_mark *a, const struct lob_mark *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static void lob_remember(const char *file, const struct stat *st)
{
	struct lob_mark mark = lob_mark_of(st);

	g_mutex_lock(&lob_seen_lock);
	if (!lob_seen_files)
		lob_seen_files = g_hash_table_new_full(g_str_hash, g_str_equal,
						       g_free, g_free);
	if (g_hash_table_size(lob_seen_files) >= LOB_SEEN_MAX)
		g_hash_table_remove_all(lob_seen_files);
	(void)g_hash_table_replace(lob_seen_files, g_strdup(file),
				   g_memdup2(&mark, sizeof(mark)));
	g_mutex_unlock(&lob_seen_lock);
}

bool lob_seen(const char *file, int64_t *ret_kept)
{
	const struct lob_mark *known;
	struct lob_mark mark;
	struct stat st;
	bool is_same;

	if (stat(file, &st))
		return false;
	mark = lob_mark_of(&st);
	g_mutex_lock(&lob_seen_lock);
	known = lob_seen_files ? g_hash_table_lookup(lob_seen_files, file)
			       : NULL;
	is_same = known && lob_mark_is(known, &mark);
	g_mutex_unlock(&lob_seen_lock);
	if (is_same)
		*ret_kept = st.st_size;
	return is_same;
}

void lob_see(const char *file)
{
	struct stat st;

	if (stat(file, &st) == 0)
		lob_remember(file, &st);
}

/* Has the file, at that place, what the value has? */
static bool lob_piece_is(const struct lob_value *value, off_t at,
			 const char *piece, size_t len)
{
	char own[LOB_PIECE];

	if (value->data)
		return memcmp((const char *)g_bytes_get_data(value->data,
							     NULL) +
				      at,
			      piece, len) == 0;
	return pread(value->fd, own, len, at) == (ssize_t)len &&
	       memcmp(own, piece, len) == 0;
}

bool lob_look(const char *file, const struct lob_value *value)
{
	AUTOCLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	char piece[LOB_PIECE];
	off_t at = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size != value->kept)
		return false;
	while (at < st.st_size) {
		ssize_t n = lob_get(fd, piece, sizeof(piece), NULL);

		if (n <= 0 || at + n > st.st_size ||
		    !lob_piece_is(value, at, piece, (size_t)n))
			return false;
		at += n;
	}
	lob_remember(file, &st);
	return true;
}
