/*
 * Writing and reading the files of the drop directory; see dropfile.h.
 */
#include "dropfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define DROPFILE_MAGIC "okapi-drop 1\n"

static void envelope_recipient_free(gpointer data)
{
	struct envelope_recipient *recipient = data;

	g_free(recipient->address);
	g_free(recipient->orcpt);
	g_free(recipient);
}

struct envelope *envelope_new(void)
{
	struct envelope *envelope = g_new0(struct envelope, 1);

	envelope->recipients =
		g_ptr_array_new_with_free_func(envelope_recipient_free);
	return envelope;
}

void envelope_free(struct envelope *envelope)
{
	g_free(envelope->sender);
	g_free(envelope->full_name);
	g_free(envelope->ret);
	g_free(envelope->envid);
	g_free(envelope->token);
	g_ptr_array_unref(envelope->recipients);
	g_free(envelope);
}

struct envelope_recipient *envelope_add(struct envelope *envelope,
					const char *address)
{
	struct envelope_recipient *recipient =
		g_new0(struct envelope_recipient, 1);

	recipient->address = g_strdup(address);
	g_ptr_array_add(envelope->recipients, recipient);
	return recipient;
}

/* ---- options ----------------------------------------------------------------
 */

static char *dropfile_escape(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	return g_uri_escape_string(valid, "@", FALSE);
}

char *envelope_options_format(const struct envelope *envelope)
{
	GString *out = g_string_new("o");

	if (!envelope->sender)
		g_string_append(out, ",u");
	if (envelope->extract)
		g_string_append(out, ",t");
	if (envelope->notify)
		g_string_append_printf(out, ",N:%u", envelope->notify);
	if (envelope->token)
		g_string_append_printf(out, ",k:%s", envelope->token);
	if (envelope->full_name) {
		g_autofree char *name = dropfile_escape(envelope->full_name);

		g_string_append_printf(out, ",F:%s", name);
	}
	return g_string_free(out, FALSE);
}

int envelope_options_parse(struct envelope *envelope, const char *options,
			   struct fault *fault)
{
	g_auto(GStrv) words = g_strsplit(options, ",", -1);

	for (char **word = words; *word; word++) {
		if (strcmp(*word, "o") == 0) {
			continue;
		} else if (strcmp(*word, "u") == 0) {
			g_clear_pointer(&envelope->sender, g_free);
		} else if (strcmp(*word, "t") == 0) {
			envelope->extract = true;
		} else if (g_str_has_prefix(*word, "N:")) {
			envelope->notify =
				(unsigned)strtoul(*word + 2, NULL, 10) & 15u;
		} else if (g_str_has_prefix(*word, "k:")) {
			g_free(envelope->token);
			envelope->token = g_strdup(*word + 2);
		} else if (g_str_has_prefix(*word, "F:")) {
			g_free(envelope->full_name);
			envelope->full_name =
				g_uri_unescape_string(*word + 2, NULL);
		} else {
			return fault_set(fault, FAULT_BAD_ARGUMENT,
					 "X-OKAPI: '%s' is not known", *word);
		}
	}
	return 0;
}

/* ---- format ---- */

static void dropfile_line(GString *out, const char *word, const char *value)
{
	g_autofree char *escaped = NULL;

	if (!value)
		return;
	escaped = dropfile_escape(value);
	g_string_append_printf(out, "%s %s\n", word, escaped);
}

/* The lines, up to the message; owned. */
static char *dropfile_format(const struct envelope *envelope,
			     size_t message_len)
{
	GString *out = g_string_new(DROPFILE_MAGIC);
	g_autofree char *options = envelope_options_format(envelope);

	dropfile_line(out, "sender", envelope->sender);
	g_string_append_printf(out, "options %s\n", options);
	if (envelope->body_8bit)
		g_string_append(out, "body 8BITMIME\n");
	dropfile_line(out, "ret", envelope->ret);
	dropfile_line(out, "envid", envelope->envid);
	for (guint i = 0; i < envelope->recipients->len; i++) {
		const struct envelope_recipient *recipient =
			envelope->recipients->pdata[i];

		dropfile_line(out, "recipient", recipient->address);
		if (recipient->notify)
			g_string_append_printf(out, "notify %u\n",
					       recipient->notify);
	}
	g_string_append_printf(out, "message %zu\n", message_len);
	return g_string_free(out, FALSE);
}

/* ---- parse ---- */

static void dropfile_take(char **field, char **value)
{
	g_free(*field);
	*field = g_steal_pointer(value);
}

/* One line of the envelope, without its end. */
static int dropfile_parse_line(struct envelope *envelope, const char *line,
			       struct fault *fault)
{
	const char *blank = strchr(line, ' ');
	g_autofree char *word = NULL;
	g_autofree char *value = NULL;
	guint count = envelope->recipients->len;

	if (!blank)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "a line of the envelope has no value");
	word = g_strndup(line, (gsize)(blank - line));
	value = g_uri_unescape_string(blank + 1, NULL);
	if (!value)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "'%s' has a value that is not encoded right",
				 word);
	if (strcmp(word, "options") == 0)
		return envelope_options_parse(envelope, blank + 1, fault);
	if (strcmp(word, "sender") == 0)
		dropfile_take(&envelope->sender, &value);
	else if (strcmp(word, "body") == 0)
		envelope->body_8bit = strcmp(value, "8BITMIME") == 0;
	else if (strcmp(word, "ret") == 0)
		dropfile_take(&envelope->ret, &value);
	else if (strcmp(word, "envid") == 0)
		dropfile_take(&envelope->envid, &value);
	else if (strcmp(word, "recipient") == 0)
		(void)envelope_add(envelope, value);
	else if (strcmp(word, "notify") == 0 && count)
		((struct envelope_recipient *)
			 envelope->recipients->pdata[count - 1])
			->notify = (unsigned)strtoul(value, NULL, 10) & 15u;
	else
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "the envelope says '%s'", word);
	return 0;
}

int dropfile_parse(const char *octets, size_t len,
		   struct envelope **ret_envelope, const char **ret_message,
		   size_t *ret_message_len, struct fault *fault)
{
	AUTO(envelope) envelope = envelope_new();
	const char *end = octets + len;
	const char *p = octets + strlen(DROPFILE_MAGIC);

	if (len < strlen(DROPFILE_MAGIC) ||
	    memcmp(octets, DROPFILE_MAGIC, strlen(DROPFILE_MAGIC)) != 0)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "not a file of okapi-sendmail");
	for (;;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		g_autofree char *line = NULL;

		if (!lf || memchr(p, '\0', (size_t)(lf - p)))
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "the envelope is not whole");
		line = g_strndup(p, (gsize)(lf - p));
		p = lf + 1;
		if (!g_str_has_prefix(line, "message ")) {
			if (dropfile_parse_line(envelope, line, fault) != 0)
				return -1;
			continue;
		}
		if (g_ascii_strtoull(line + strlen("message "), NULL, 10) !=
		    (guint64)(end - p))
			return fault_set(fault, FAULT_REFUSED_INPUT,
					 "the message is not whole");
		*ret_message = p;
		*ret_message_len = (size_t)(end - p);
		*ret_envelope = g_steal_pointer(&envelope);
		return 0;
	}
}

/* ---- writing ---- */

static int dropfile_put(int fd, const void *octets, size_t len)
{
	const char *p = octets;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A name nobody can guess: others may look a name up, though not list. */
static char *dropfile_name(void)
{
	uint64_t words[2] = {0};
	int64_t now = g_get_real_time();

	if (getrandom(words, sizeof(words), 0) != sizeof(words))
		words[0] = (uint64_t)g_get_monotonic_time();
	return g_strdup_printf("%016" G_GINT64_MODIFIER
			       "x.%d.%016" G_GINT64_MODIFIER
			       "x%016" G_GINT64_MODIFIER "x" DROPFILE_SUFFIX,
			       now, (int)getpid(), words[0], words[1]);
}

static int dropfile_fill(int fd, const struct envelope *envelope,
			 const void *message, size_t len)
{
	g_autofree char *head = dropfile_format(envelope, len);

	if (dropfile_put(fd, head, strlen(head)) != 0 ||
	    dropfile_put(fd, message, len) != 0)
		return -1;
	/* The spooler may run as another user than root. */
	return fchmod(fd, 0644) != 0 || fsync(fd) != 0 ? -1 : 0;
}

int dropfile_write(const char *directory, const struct envelope *envelope,
		   const void *message, size_t message_len, char **ret_name,
		   struct fault *fault)
{
	g_autofree char *name = dropfile_name();
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *temporary =
		g_strdup_printf("%s/.%s.tmp", directory, name);
	AUTOCLOSE int dir = -1;
	AUTOCLOSE int fd =
		open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot write into %s", directory);
	if (dropfile_fill(fd, envelope, message, message_len) != 0 ||
	    rename(temporary, path) != 0) {
		int err = errno;

		(void)unlink(temporary);
		return fault_set_errno(fault, FAULT_IO, err, "cannot write %s",
				       path);
	}
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && fsync(dir) != 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       directory);
	*ret_name = g_steal_pointer(&name);
	return 0;
}

/* ---- directories ---- */

/* A new one is given to owner, or to whom its parent belongs. */
static int dropfile_make_directory(const char *path, mode_t mode,
				   const struct passwd *owner,
				   struct fault *fault)
{
	g_autofree char *parent = g_path_get_dirname(path);
	struct stat st = {0};
	uid_t uid = owner ? owner->pw_uid : (uid_t)-1;
	gid_t gid = owner ? owner->pw_gid : (gid_t)-1;
	AUTOCLOSE int fd = -1;

	if (mkdir(path, mode) != 0) {
		if (errno == EEXIST)
			return 0;
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot make %s (spool_dir)", path);
	}
	if (!owner && geteuid() == 0 && stat(parent, &st) == 0) {
		uid = st.st_uid;
		gid = st.st_gid;
	}
	/* Not by its name, which may be a link to another's file by now: the
	 * directory above is not root's. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) != 0 || fchown(fd, uid, gid) != 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot set up %s", path);
	return 0;
}

int dropfile_prepare(const char *spool_dir, const char *user,
		     struct fault *fault)
{
	g_autofree char *drop =
		g_build_filename(spool_dir, DROP_DIRECTORY, NULL);
	g_autofree char *failed =
		g_build_filename(spool_dir, FAILED_DIRECTORY, NULL);
	const struct passwd *owner =
		*user && geteuid() == 0 ? getpwnam(user) : NULL;

	if (dropfile_make_directory(spool_dir, 0755, owner, fault) != 0 ||
	    dropfile_make_directory(drop, 01733, owner, fault) != 0)
		return -1;
	return dropfile_make_directory(failed, 0700, owner, fault);
}
