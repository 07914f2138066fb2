/*
 * Taking the files of the drop directory; see drop.h.
 */
#include "drop.h"

#include "dropfile.h"
#include "log.h"
#include "sendmail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define DROP_ENVELOPE_MAX (4 * 1024 * 1024)

enum drop_result {
	DROP_TAKEN,
	DROP_LATER,
	DROP_ELSEWHERE, /* another spooler is at it */
	DROP_NEVER,
};

int drop_watch(const struct conf *conf, int *ret_fd, struct fault *fault)
{
	g_autofree char *drop =
		g_build_filename(conf->spool_dir, DROP_DIRECTORY, NULL);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0 ||
	    inotify_add_watch(fd, drop, IN_MOVED_TO | IN_ONLYDIR) < 0) {
		int err = errno;

		if (fd >= 0)
			(void)close(fd);
		return fault_set_errno(fault, FAULT_CONFIG, err,
				       "cannot watch %s", drop);
	}
	*ret_fd = fd;
	return 0;
}

void drop_watch_drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		continue;
}

/* ---- one file ---- */

/* Is it what okapi-sendmail leaves, and nobody's but its owner's? */
static int drop_check(int fd, const struct conf *conf, struct stat *ret_st,
		      struct fault *fault)
{
	if (fstat(fd, ret_st) != 0)
		return fault_set_errno(fault, FAULT_IO, errno, "fstat");
	if (!S_ISREG(ret_st->st_mode))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "not a regular file");
	if (ret_st->st_nlink > 1)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "it has another name");
	if (ret_st->st_mode & (S_IWGRP | S_IWOTH))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "others may write to it");
	if (ret_st->st_size > conf->message_size_limit + DROP_ENVELOPE_MAX)
		return fault_set(fault, FAULT_TOO_BIG,
				 "larger than message_size_limit");
	return 0;
}

static int drop_read(int fd, size_t size, GByteArray *octets,
		     struct fault *fault)
{
	g_byte_array_set_size(octets, (guint)size);
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, octets->data + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fault_set_errno(fault, FAULT_IO, n ? errno : EIO,
					       "read");
		at += (size_t)n;
	}
	return 0;
}

/* What will never be submitted is told; temporary if that has to wait. */
static void drop_tell(struct submit *submit, const struct submit_caller *caller,
		      const struct envelope *envelope, const void *octets,
		      size_t len, struct fault *why)
{
	struct fault fault = {0};

	if (fault_is_temporary(why))
		return;
	if (submit_tell(submit, caller, envelope, octets, len, why, &fault) < 0)
		*why = fault;
}

static int drop_submit(int fd, const struct stat *st, const struct conf *conf,
		       struct submit *submit, struct fault *fault)
{
	g_autoptr(GByteArray) octets = g_byte_array_new();
	AUTO(envelope) envelope = NULL;
	struct submit_caller caller;
	const char *message;
	size_t len;
	int64_t id;

	submit_caller_init(conf, st->st_uid, &caller);
	if (drop_read(fd, (size_t)st->st_size, octets, fault) != 0)
		return -1;
	if (dropfile_parse((const char *)octets->data, octets->len, &envelope,
			   &message, &len, fault) != 0) {
		drop_tell(submit, &caller, NULL, "", 0, fault);
		return -1;
	}
	if (submit_message(submit, &caller, envelope, message, len, &id,
			   fault) == 0)
		return 0;
	drop_tell(submit, &caller, envelope, message, len, fault);
	return -1;
}

static enum drop_result drop_file(int dir, const char *name,
				  const struct conf *conf,
				  struct submit *submit, struct fault *fault)
{
	AUTOCLOSE int fd = openat(dir, name,
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					  O_CLOEXEC | O_NOCTTY);
	int err = errno;
	struct stat st;

	if (fd < 0 && err == ENOENT)
		return DROP_TAKEN;
	if (fd < 0) {
		(void)fault_set_errno(fault, FAULT_IO, err, "open");
		return err == ELOOP ? DROP_NEVER : DROP_LATER;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return DROP_ELSEWHERE;
		(void)fault_set_errno(fault, FAULT_IO, errno, "lock");
		return DROP_LATER;
	}
	/* Or done with it since. */
	if (fstat(fd, &st) == 0 && st.st_nlink == 0)
		return DROP_TAKEN;
	if (drop_check(fd, conf, &st, fault) != 0 ||
	    drop_submit(fd, &st, conf, submit, fault) != 0)
		return fault_is_temporary(fault) ? DROP_LATER : DROP_NEVER;
	if (unlinkat(dir, name, 0) != 0)
		log_message(LOG_LEVEL_ERROR,
			    "drop/%s was submitted but cannot be removed: %s",
			    name, g_strerror(errno));
	return DROP_TAKEN;
}

static void drop_put_away(const struct conf *conf, int dir, const char *name,
			  const struct fault *why)
{
	g_autofree char *to =
		g_build_filename(conf->spool_dir, FAILED_DIRECTORY, name, NULL);

	if (renameat(dir, name, AT_FDCWD, to) == 0)
		log_message(LOG_LEVEL_ERROR,
			    "drop/%s cannot be submitted (%s %s): it is kept "
			    "as %s",
			    name, fault_status(why), why->text, to);
	else
		log_message(LOG_LEVEL_ERROR,
			    "drop/%s cannot be submitted (%s %s), nor moved to "
			    "%s: %s",
			    name, fault_status(why), why->text, to,
			    g_strerror(errno));
}

/* ---- all of them ---- */

static int drop_compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *drop_list(DIR *directory)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const struct dirent *entry;

	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' &&
		    g_str_has_suffix(entry->d_name, DROPFILE_SUFFIX))
			g_ptr_array_add(names, g_strdup(entry->d_name));
	g_ptr_array_sort(names, drop_compare);
	return names;
}

size_t drop_take(const struct conf *conf, struct submit *submit)
{
	g_autofree char *drop =
		g_build_filename(conf->spool_dir, DROP_DIRECTORY, NULL);
	DIR *directory = opendir(drop);
	g_autoptr(GPtrArray) names = NULL;
	size_t later = 0;

	if (!directory) {
		log_message(LOG_LEVEL_ERROR, "cannot read %s: %s", drop,
			    g_strerror(errno));
		return 1;
	}
	names = drop_list(directory);
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		struct fault fault = {0};

		switch (drop_file(dirfd(directory), name, conf, submit,
				  &fault)) {
		case DROP_TAKEN:
			break;
		case DROP_ELSEWHERE:
			later++;
			break;
		case DROP_LATER:
			later++;
			log_message(LOG_LEVEL_WARNING,
				    "drop/%s waits for a later try: %s", name,
				    fault.text);
			break;
		case DROP_NEVER:
			drop_put_away(conf, dirfd(directory), name, &fault);
			break;
		}
	}
	(void)closedir(directory);
	return later;
}

bool drop_is_empty(const struct conf *conf)
{
	g_autofree char *drop =
		g_build_filename(conf->spool_dir, DROP_DIRECTORY, NULL);
	DIR *directory = opendir(drop);
	g_autoptr(GPtrArray) names = NULL;

	if (!directory)
		return false;
	names = drop_list(directory);
	(void)closedir(directory);
	return names->len == 0;
}
