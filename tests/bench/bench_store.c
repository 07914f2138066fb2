/*
 * What should be rows?  Inserts real messages in three ways and measures
 * messages a second, CPU and bytes on disk, one and 32 to a commit:
 *
 *   rows     the whole property set as rows of properties, with an object for
 *            every recipient and attachment
 *   blob     the whole property set as one packed value
 *   settled  what shared/store does: rows of what lists need, the rest is
 *            derived from the kept bytes
 *
 * In all three the message's bytes are kept once, and the data of attachments
 * is not kept a second time.  Usage: bench_store [CORPUS-DIRECTORY|-] [COUNT]
 */
#include "convert/convert.h"
#include "digest.h"
#include "store/lob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum bench_way {
	BENCH_ROWS,
	BENCH_BLOB,
	BENCH_SETTLED,
	BENCH_WAYS
};

static const char *const bench_names[] = {"rows", "blob", "settled"};

struct bench_message {
	struct content content;
	struct propset *set; /* the whole one */
};

struct bench_result {
	double rate;
	double cpu_ms; /* a message */
	double octets; /* on disk, a message */
	double rows;   /* of properties, a message */
};

static void bench_die(const struct fault *fault)
{
	fprintf(stderr, "bench_store: %s\n", fault->text);
	exit(1);
}

/* ---- messages ------------------------------------------------------------
 */

static struct bench_message *bench_message_new(const char *text, size_t len,
					       int number)
{
	static const struct convert_options options = {CONVERT_BODIES,
						       "windows-1252"};
	struct bench_message *m = g_new0(struct bench_message, 1);
	GString *bytes = g_string_new(NULL);

	/* Bytes of its own. */
	g_string_append_printf(bytes, "X-Bench: %d\r\n", number);
	g_string_append_len(bytes, text, (gssize)len);
	m->content.rfc822 = g_string_free_to_bytes(bytes);
	digest_sha256(g_bytes_get_data(m->content.rfc822, NULL),
		      g_bytes_get_size(m->content.rfc822), m->content.sha256);
	m->set = convert_to_propset(g_bytes_get_data(m->content.rfc822, NULL),
				    g_bytes_get_size(m->content.rfc822),
				    &options, NULL);
	return m;
}

static struct bench_message *bench_generated(int number)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_append_printf(
		text,
		"Received: from a.example by b.example; Mon, 23 Nov 2026 06:00:00 +0000\r\n"
		"Message-ID: <%d@a.example>\r\nDate: Mon, 23 Nov 2026 06:00:00 +0000\r\n"
		"From: Anna Example <anna@a.example>\r\nTo: Bob <bob@b.example>, Eve <eve@b.example>\r\n"
		"Subject: message %d of the bench\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative; boundary=x\r\n\r\n"
		"--x\r\nContent-Type: text/plain\r\n\r\n",
		number, number);
	while (text->len < 4000)
		g_string_append_printf(text, "Line %zu of message %d.\r\n",
				       text->len, number);
	g_string_append(text, "--x\r\nContent-Type: text/html\r\n\r\n<p>");
	while (text->len < 10000)
		g_string_append_printf(text, "<b>Line %zu</b> of %d.\r\n",
				       text->len, number);
	g_string_append(text, "--x--\r\n");
	return bench_message_new(text->str, text->len, number);
}

static void bench_find_files(const char *directory, GPtrArray *files)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		char *path = g_build_filename(directory, name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
			bench_find_files(path, files);
			g_free(path);
		} else if (g_str_has_suffix(name, ".eml")) {
			g_ptr_array_add(files, path);
		} else {
			g_free(path);
		}
	}
}

static int bench_by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *bench_messages(const char *corpus, int count)
{
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	GPtrArray *messages = g_ptr_array_new();

	if (strcmp(corpus, "-") != 0)
		bench_find_files(corpus, files);
	g_ptr_array_sort(files, bench_by_name);
	for (int i = 0; i < count; i++) {
		g_autofree char *text = NULL;
		gsize len;

		/* Spread over the corpus. */
		if (files->len &&
		    g_file_get_contents(
			    g_ptr_array_index(files,
					      (guint)((guint64)i * files->len /
						      (guint)count)),
			    &text, &len, NULL))
			g_ptr_array_add(messages,
					bench_message_new(text, len, i));
		else
			g_ptr_array_add(messages, bench_generated(i));
	}
	return messages;
}

/* ---- three ways ----------------------------------------------------------
 */

static int bench_put_set(struct store *store, int64_t object,
			 const struct propset *set, struct fault *fault);

static int bench_put_child(struct store *store, int64_t parent,
			   enum object_type type, const struct propset *set,
			   struct fault *fault)
{
	if (sql_run(store, fault,
		    "INSERT INTO hierarchy (type, parent) VALUES (?, ?)", "di",
		    (int)type, parent))
		return -1;
	return bench_put_set(store, sqlite3_last_insert_rowid(store->db), set,
			     fault);
}

static int bench_put_set(struct store *store, int64_t object,
			 const struct propset *set, struct fault *fault)
{
	const struct propset *embedded = propset_embedded(set);

	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);

		if (PROP_TYPE(prop->tag) == PT_BINARY &&
		    !prop->value.binary.data)
			continue;
		if (property_put(store, object, prop, fault))
			return -1;
	}
	for (size_t i = 0; i < propset_recipient_count(set); i++)
		if (bench_put_child(store, object, OBJECT_RECIPIENT,
				    propset_recipient(set, i), fault))
			return -1;
	for (size_t i = 0; i < propset_attachment_count(set); i++)
		if (bench_put_child(store, object, OBJECT_ATTACHMENT,
				    propset_attachment(set, i), fault))
			return -1;
	if (embedded)
		return bench_put_child(store, object, OBJECT_ATTACHMENT,
				       embedded, fault);
	return 0;
}

static int bench_put_blob(struct store *store, int64_t object,
			  const struct propset *set, struct fault *fault)
{
	g_autoptr(GByteArray) wire = g_byte_array_new();

	propset_encode(set, wire);
	return sql_run(store, fault,
		       "INSERT INTO properties (object, tag, value)"
		       " VALUES (?, 0, ?)",
		       "ib", object, wire->data, (size_t)wire->len);
}

static int bench_deliver(struct store *store, enum bench_way way, int64_t owner,
			 int64_t inbox, struct bench_message *m,
			 struct fault *fault)
{
	struct delivery_copy copy = {
		.folder = inbox,
		.trace = "Return-Path: <anna@a.example>\r\n"
			 "Delivered-To: bob@b.example\r\n",
		.received = g_get_real_time(),
	};
	struct delivery delivery = {
		.store = owner,
		.recipient = "bob@b.example",
		.reverse_path = "anna@a.example",
		.content = &m->content,
		.copies = &copy,
		.copy_count = 1,
		.check_duplicate = true,
		.check_quota = true,
	};
	struct delivery_result result;
	struct copy_row row;

	m->content.set = way == BENCH_SETTLED ? m->set : NULL;
	if (store_deliver(store, &delivery, &result, fault))
		return -1;
	if (way == BENCH_SETTLED)
		return 0;
	if (copy_get(store, result.message, &row, fault))
		return -1;
	return way == BENCH_ROWS
		       ? bench_put_set(store, row.content, m->set, fault)
		       : bench_put_blob(store, row.content, m->set, fault);
}

/* ---- measuring -----------------------------------------------------------
 */

struct bench_files {
	struct store *store;
	int64_t octets;
};

static double bench_cpu_s(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int bench_file(const struct lob_name *name, int64_t mtime_s,
		      void *context, struct fault *fault)
{
	struct bench_files *files = context;
	g_autofree char *file = lob_file(files->store->path, name);
	struct stat st;

	(void)mtime_s;
	(void)fault;
	if (stat(file, &st) == 0)
		files->octets += st.st_size;
	return 0;
}

static int64_t bench_disk(struct store *store)
{
	struct stat st;
	struct fault fault = {0};
	struct bench_files files = {.store = store};

	(void)sqlite3_wal_checkpoint_v2(store->db, NULL,
					SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (lob_each(store->path, bench_file, &files, &fault) ||
	    stat(store->path, &st))
		bench_die(&fault);
	return st.st_size + files.octets;
}

static int64_t bench_user(struct store *store, int64_t *ret_inbox,
			  struct fault *fault)
{
	struct store_user_change change = {.email = "bob@b.example"};
	AUTO(store_user) user = NULL;

	if (store_begin(store, fault) ||
	    store_user_create(store, "bob", &change, NULL, fault) ||
	    store_commit(store, fault) ||
	    store_user_find(store, "bob", &user, fault) ||
	    store_folder_by_role(store, user->store, FOLDER_INBOX, ret_inbox,
				 fault))
		bench_die(fault);
	return user->store;
}

static struct bench_result bench_run(const char *directory, enum bench_way way,
				     int group, GPtrArray *messages)
{
	static int runs;
	static const struct store_policy policy = {.duplicate_window_s = 86400};
	g_autofree char *path =
		g_strdup_printf("%s/run%d.db", directory, runs++);
	AUTO(store) store = NULL;
	struct fault fault = {0};
	struct bench_result result;
	int64_t owner;
	int64_t inbox;
	int64_t rows = 0;
	double start;
	double cpu;

	if (store_create(path, 10000, NULL, &fault) ||
	    store_open(path, STORE_WRITE, 10000, &store, &fault))
		bench_die(&fault);
	store_set_policy(store, &policy);
	owner = bench_user(store, &inbox, &fault);
	start = (double)g_get_monotonic_time() / 1e6;
	cpu = bench_cpu_s();
	for (guint i = 0; i < messages->len; i++) {
		struct bench_message *m = g_ptr_array_index(messages, i);

		AUTO(kept) kept = NULL;

		if (store_content_prepare(path, &m->content, -1, &kept, &fault))
			bench_die(&fault);
		m->content.kept = kept;
		if ((i % (guint)group == 0 && store_begin(store, &fault)) ||
		    bench_deliver(store, way, owner, inbox, m, &fault) ||
		    ((i + 1) % (guint)group == 0 &&
		     store_commit(store, &fault)))
			bench_die(&fault);
	}
	if (store->in_unit && store_commit(store, &fault))
		bench_die(&fault);
	result.rate =
		messages->len / ((double)g_get_monotonic_time() / 1e6 - start);
	result.cpu_ms = (bench_cpu_s() - cpu) * 1000 / messages->len;
	result.octets = (double)bench_disk(store) / messages->len;
	if (sql_get(store, &fault, &rows, "SELECT count(*) FROM properties",
		    "") != 1)
		bench_die(&fault);
	result.rows = (double)rows / messages->len;
	return result;
}

static int bench_by_rate(gconstpointer a, gconstpointer b)
{
	const struct bench_result *x = a;
	const struct bench_result *y = b;

	return (x->rate > y->rate) - (x->rate < y->rate);
}

int main(int argc, char **argv)
{
	static const int groups[] = {1, 32};
	const char *corpus = argc > 1 ? argv[1] : "-";
	int count = argc > 2 ? atoi(argv[2]) : 2000;
	g_autofree char *directory = g_dir_make_tmp("okapi-bench-XXXXXX", NULL);
	g_autofree char *remove = g_strdup_printf("rm -rf '%s'", directory);
	struct bench_result results[2][BENCH_WAYS][3];
	GPtrArray *messages;
	double mean = 0;

	convert_init();
	messages = bench_messages(corpus, MAX(count, 1));
	for (guint i = 0; i < messages->len; i++) {
		const struct bench_message *m = g_ptr_array_index(messages, i);

		mean += (double)g_bytes_get_size(m->content.rfc822);
	}
	printf("%u messages from %s, %.0f octets each on average; median of 3\n\n",
	       messages->len, corpus, mean / messages->len);
	/* Interleaved: the machine's speed drifts. */
	for (int run = 0; run < 3; run++)
		for (int g = 0; g < 2; g++)
			for (int w = 0; w < BENCH_WAYS; w++)
				results[g][w][run] =
					bench_run(directory, (enum bench_way)w,
						  groups[g], messages);
	printf("| way | to a commit | msgs/s | CPU ms/msg | octets on disk/msg | rows/msg |\n|---|--:|--:|--:|--:|--:|\n");
	for (int g = 0; g < 2; g++)
		for (int w = 0; w < BENCH_WAYS; w++) {
			struct bench_result *r = results[g][w];

			qsort(r, 3, sizeof(*r), bench_by_rate);
			printf("| %s | %d | %.0f (%.0f-%.0f) | %.3f | %.0f | %.1f |\n",
			       bench_names[w], groups[g], r[1].rate, r[0].rate,
			       r[2].rate, r[1].cpu_ms, r[1].octets, r[1].rows);
		}
	return system(remove) ? 1 : 0;
}
