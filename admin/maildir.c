/*
 * Maildir++ on disk, for mail export and mail import.
 */
#include "maildir.h"

#include "store/folders.h"
#include "store/messages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct maildir {
	char *dir;
	int fd;
	char host[256];
	unsigned count;
	GHashTable *made; /* folders that were made */
};

static const struct {
	unsigned flag;
	char letter;
} maildir_letters[] = {{MESSAGE_DRAFT, 'D'},
		       {MESSAGE_FLAGGED, 'F'},
		       {MESSAGE_ANSWERED, 'R'},
		       {MESSAGE_READ, 'S'}};

char *maildir_flags_format(unsigned flags)
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(maildir_letters); i++)
		if (flags & maildir_letters[i].flag)
			g_string_append_c(text, maildir_letters[i].letter);
	return g_string_free(text, FALSE);
}

unsigned maildir_flags_parse(const char *file_name)
{
	const char *info = strstr(file_name, ":2,");
	unsigned flags = 0;

	for (size_t i = 0; info && i < G_N_ELEMENTS(maildir_letters); i++)
		if (strchr(info + 3, maildir_letters[i].letter))
			flags |= maildir_letters[i].flag;
	return flags;
}

/* One part of a path in modified UTF-7, without '.' and '/'. */
static void maildir_append_part(GString *name, const char *part)
{
	g_autofree char *coded =
		g_convert(part, -1, "UTF-7-IMAP", "UTF-8", NULL, NULL, NULL);

	g_string_append_c(name, '.');
	for (const char *p = coded ? coded : part; *p; p++) {
		if (*p == '.')
			g_string_append(name, "&AC4-");
		else if (*p == '/')
			g_string_append(name, "&AC8-");
		else
			g_string_append_c(name, *p);
	}
}

char *maildir_folder_name(const char *path)
{
	GString *name = g_string_new(NULL);
	GString *part = g_string_new(NULL);

	for (;; path++) {
		if (*path == '\\' && path[1] == '/') {
			g_string_append_c(part, '/');
			path++;
		} else if (*path == '/' || !*path) {
			maildir_append_part(name, part->str);
			g_string_truncate(part, 0);
			if (!*path)
				break;
		} else {
			g_string_append_c(part, *path);
		}
	}
	g_string_free(part, TRUE);
	return g_string_free(name, FALSE);
}

static char *maildir_decode_part(const char *part)
{
	/* glibc refuses letters that need no coding in their coded form. */
	static const char *const coded[] = {"&AC4-", "&AC8-"};
	static const char *const plain[] = {".", "\\/"};
	g_autofree char *decoded =
		g_convert(part, -1, "UTF-8", "UTF-7-IMAP", NULL, NULL, NULL);
	GString *name = g_string_new(NULL);

	if (decoded) {
		g_string_assign(name, decoded);
		g_string_replace(name, "/", "\\/", 0);
		return g_string_free(name, FALSE);
	}
	g_string_assign(name, part);
	for (size_t i = 0; i < G_N_ELEMENTS(coded); i++)
		g_string_replace(name, coded[i], plain[i], 0);
	decoded = g_convert(name->str, -1, "UTF-8", "UTF-7-IMAP", NULL, NULL,
			    NULL);
	if (!decoded && !g_utf8_validate(name->str, -1, NULL)) {
		g_string_free(name, TRUE);
		return NULL;
	}
	if (!decoded)
		return g_string_free(name, FALSE);
	g_string_free(name, TRUE);
	return g_steal_pointer(&decoded);
}

char *maildir_folder_path(const char *name)
{
	g_auto(GStrv) parts =
		g_strsplit(*name == '.' ? name + 1 : name, ".", -1);
	GString *path = g_string_new(NULL);

	for (size_t i = 0; parts[i]; i++) {
		g_autofree char *part = maildir_decode_part(parts[i]);

		if (!part || !*part) {
			g_string_free(path, TRUE);
			return NULL;
		}
		g_string_append_printf(path, "%s%s", i ? "/" : "", part);
	}
	return g_string_free(path, FALSE);
}

/* ---- writing ---- */

static int maildir_make(const char *dir, struct fault *fault)
{
	static const char *const parts[] = {"", "/tmp", "/new", "/cur"};

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_strconcat(dir, parts[i], NULL);

		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return fault_set_errno(fault, fault_of_path(errno),
					       errno, "cannot make %s", path);
	}
	return 0;
}

int maildir_create(const char *dir, struct maildir **ret_maildir,
		   struct fault *fault)
{
	AUTO(maildir) maildir = g_new0(struct maildir, 1);

	maildir->fd = -1;
	maildir->dir = g_strdup(dir);
	maildir->made =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (gethostname(maildir->host, sizeof(maildir->host) - 1) < 0)
		g_strlcpy(maildir->host, "localhost", sizeof(maildir->host));
	g_strdelimit(maildir->host, "/:", '_');
	if (maildir_make(dir, fault) < 0)
		return -1;
	maildir->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->fd < 0)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot open %s", dir);
	*ret_maildir = g_steal_pointer(&maildir);
	return 0;
}

void maildir_free(struct maildir *maildir)
{
	if (!maildir)
		return;
	if (maildir->fd >= 0)
		(void)close(maildir->fd);
	g_hash_table_unref(maildir->made);
	g_free(maildir->dir);
	g_free(maildir);
}

/* The directory of a folder, made if it is not there; borrowed. */
static int maildir_folder(struct maildir *maildir, const char *folder,
			  const char **ret_dir, struct fault *fault)
{
	const char *known = g_hash_table_lookup(maildir->made, folder);
	g_autofree char *name = NULL;
	char *dir;

	if (known) {
		*ret_dir = known;
		return 0;
	}
	if (!*folder || folder_role_parse(folder) == FOLDER_INBOX) {
		dir = g_strdup(maildir->dir);
	} else {
		name = maildir_folder_name(folder);
		dir = g_strconcat(maildir->dir, "/", name, NULL);
	}
	g_hash_table_insert(maildir->made, g_strdup(folder), dir);
	*ret_dir = dir;
	return maildir_make(dir, fault);
}

static int maildir_write(const char *path, const GByteArray *message,
			 int64_t received, struct fault *fault)
{
	AUTOCLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT},
		{.tv_sec = received / USEC_PER_SEC,
		 .tv_nsec = received % USEC_PER_SEC * 1000}};

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", path);
	for (size_t done = 0; done < message->len;) {
		ssize_t n =
			write(fd, message->data + done, message->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot write %s", path);
		done += (size_t)n;
	}
	/* The time of delivery; a file system without times loses only it. */
	(void)futimens(fd, times);
	return 0;
}

int maildir_put(struct maildir *maildir, const char *folder, unsigned flags,
		int64_t received, const GByteArray *message,
		struct fault *fault)
{
	const char *dir = NULL;
	g_autofree char *info = maildir_flags_format(flags);
	g_autofree char *name = g_strdup_printf(
		"%" G_GINT64_FORMAT ".M%" G_GINT64_FORMAT "P%dQ%u.%s",
		g_get_real_time() / USEC_PER_SEC,
		g_get_real_time() % USEC_PER_SEC, (int)getpid(),
		maildir->count++, maildir->host);
	g_autofree char *tmp = NULL;
	g_autofree char *final = NULL;

	if (maildir_folder(maildir, folder, &dir, fault) < 0)
		return -1;
	tmp = g_strconcat(dir, "/tmp/", name, NULL);
	final = *info ? g_strconcat(dir, "/cur/", name, ":2,", info, NULL)
		      : g_strconcat(dir, "/new/", name, NULL);
	if (maildir_write(tmp, message, received, fault) < 0) {
		(void)unlink(tmp);
		return -1;
	}
	if (rename(tmp, final) < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot rename %s", tmp);
	return 0;
}

int maildir_sync(struct maildir *maildir, struct fault *fault)
{
	/* One sync for all files rather than one each. */
	if (syncfs(maildir->fd) < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       maildir->dir);
	return 0;
}

/* ---- reading ---- */

static bool maildir_is_dir(const char *dir, const char *part)
{
	g_autofree char *path = g_strconcat(dir, part, NULL);

	return g_file_test(path, G_FILE_TEST_IS_DIR);
}

bool maildir_is(const char *dir)
{
	return maildir_is_dir(dir, "/cur") || maildir_is_dir(dir, "/new");
}

static int maildir_compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a directory, sorted; none if it cannot be read because it is not
 * there. */
static int maildir_names(const char *dir, GPtrArray **ret_names,
			 struct fault *fault)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	DIR *handle = opendir(dir);
	const struct dirent *entry;

	if (!handle && errno != ENOENT) {
		int err = errno;

		g_ptr_array_unref(names);
		return fault_set_errno(fault, FAULT_IO, err, "cannot read %s",
				       dir);
	}
	while (handle && (entry = readdir(handle)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			g_ptr_array_add(names, g_strdup(entry->d_name));
	if (handle)
		(void)closedir(handle);
	g_ptr_array_sort(names, maildir_compare);
	*ret_names = names;
	return 0;
}

struct maildir_walk {
	int (*each)(const struct maildir_file *file, void *context,
		    struct fault *fault);
	void *context;
};

static int maildir_read_part(const char *dir, const char *part,
			     const char *folder,
			     const struct maildir_walk *walk,
			     struct fault *fault)
{
	g_autofree char *sub = g_strconcat(dir, part, NULL);
	g_autoptr(GPtrArray) names = NULL;

	if (maildir_names(sub, &names, fault) < 0)
		return -1;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autofree char *path = g_strconcat(sub, "/", name, NULL);
		struct maildir_file file = {.path = path, .folder = folder};
		struct stat st;

		if (name[0] == '.' || stat(path, &st) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		file.flags = maildir_flags_parse(name);
		file.received = (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
				st.st_mtim.tv_nsec / 1000;
		if (walk->each(&file, walk->context, fault) < 0)
			return -1;
	}
	return 0;
}

static int maildir_read_folder(const char *dir, const char *folder,
			       const struct maildir_walk *walk,
			       struct fault *fault)
{
	if (maildir_read_part(dir, "/new", folder, walk, fault) < 0)
		return -1;
	return maildir_read_part(dir, "/cur", folder, walk, fault);
}

int maildir_read(const char *dir,
		 int (*each)(const struct maildir_file *file, void *context,
			     struct fault *fault),
		 void *context, struct fault *fault)
{
	struct maildir_walk walk = {each, context};
	g_autoptr(GPtrArray) names = NULL;

	if (maildir_read_folder(dir, "", &walk, fault) < 0 ||
	    maildir_names(dir, &names, fault) < 0)
		return -1;
	for (guint i = 0; i < names->len; i++) {
		const char *name = names->pdata[i];
		g_autofree char *sub = g_strconcat(dir, "/", name, NULL);
		g_autofree char *folder = NULL;

		if (name[0] != '.' || !maildir_is(sub))
			continue;
		folder = maildir_folder_path(name);
		if (!folder)
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "%s: not a name of a folder", sub);
		if (maildir_read_folder(sub, folder, &walk, fault) < 0)
			return -1;
	}
	return 0;
}
