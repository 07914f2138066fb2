/*
 * Random operations against a simple model of the store, by processes that
 * are killed in the middle of a unit: what was committed is there, what was
 * not has left no trace, counters are those of a recount.
 *
 * OKAPI_SEED repeats a run, OKAPI_ROUNDS makes it longer (make test-random).
 */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

TestSuite(random, .init = fixture_open, .fini = fixture_close, .timeout = 3600);

enum {
	RANDOM_STEPS = 25, /* of one process */
	RANDOM_FOLDERS = 4,
	RANDOM_MESSAGES = 4096,
};

struct model_message {
	int64_t id;
	int folder;
	int origin; /* it was in before, -1: none */
	int64_t size;
	bool is_read;
	bool is_deleted;
	bool is_gone; /* purged */
};

/* Shared by the processes; changed after a commit only. */
struct model {
	int64_t store;
	int64_t folders[RANDOM_FOLDERS]; /* the first is Deleted Items */
	struct model_message messages[RANDOM_MESSAGES];
	int count;
	int number; /* of contents */
	char fault[FAULT_TEXT_MAX];
};

enum random_kind {
	RANDOM_DELIVER,
	RANDOM_FLAG,
	RANDOM_MOVE,
	RANDOM_COPY,
	RANDOM_DELETE,
	RANDOM_DESTROY,
	RANDOM_RESTORE,
	RANDOM_PURGE, /* no unit: many of its own */
	RANDOM_KINDS
};

struct random_step {
	struct model *model;
	enum random_kind kind;
	struct model_message *message;
	int folder;
	bool is_killed; /* within the unit */
	int64_t id;     /* of what came to be */
	int64_t size;
};

static int random_deliver(struct store *store, struct random_step *step,
			  struct fault *fault)
{
	AUTO(content) content = content_mixed(step->model->number);
	struct delivery_copy copy = {.folder =
					     step->model->folders[step->folder],
				     .trace = "",
				     .received = g_get_real_time()};
	struct delivery delivery = {.store = step->model->store,
				    .recipient = "bob",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result = {0};
	int rc = store_deliver(store, &delivery, &result, fault);

	step->id = result.message;
	step->size = (int64_t)g_bytes_get_size(content->rfc822);
	return rc;
}

static int random_do(struct store *store, struct random_step *step,
		     struct fault *fault)
{
	const struct model_message *m = step->message;
	int64_t folder = step->model->folders[step->folder];

	switch (step->kind) {
	case RANDOM_DELIVER:
		return random_deliver(store, step, fault);
	case RANDOM_FLAG:
		return store_message_set_flags(
			store, m->id, m->is_read ? 0 : MESSAGE_READ,
			m->is_read ? MESSAGE_READ : 0, fault);
	case RANDOM_MOVE:
		return store_message_move(store, m->id, folder, fault);
	case RANDOM_COPY:
		step->size = m->size;
		return store_message_copy(store, m->id, folder, &step->id,
					  fault);
	case RANDOM_DELETE:
	case RANDOM_DESTROY:
		return store_message_delete(
			store, m->id, step->kind == RANDOM_DESTROY, fault);
	case RANDOM_RESTORE:
		return store_message_restore(store, m->id, fault);
	case RANDOM_PURGE:
	case RANDOM_KINDS:
		break;
	}
	return -1;
}

static int random_unit(struct store *store, void *context, struct fault *fault)
{
	struct random_step *step = context;
	int rc = random_do(store, step, fault);

	if (step->is_killed)
		(void)raise(SIGKILL);
	return rc;
}

/* What the step does to the model. */
static void model_apply(const struct random_step *step)
{
	struct model *model = step->model;
	struct model_message *m = step->message;

	switch (step->kind) {
	case RANDOM_DELIVER:
	case RANDOM_COPY:
		model->messages[model->count++] = (struct model_message){
			.id = step->id,
			.folder = step->folder,
			.origin = -1,
			.size = step->size,
			.is_read = step->kind == RANDOM_COPY && m->is_read,
		};
		model->number++;
		break;
	case RANDOM_FLAG:
		m->is_read = !m->is_read;
		break;
	case RANDOM_MOVE:
		m->origin = m->folder;
		m->folder = step->folder;
		break;
	case RANDOM_DELETE:
		if (m->folder == 0) {
			m->is_deleted = true;
			break;
		}
		m->origin = m->folder;
		m->folder = 0;
		break;
	case RANDOM_DESTROY:
		m->is_deleted = true;
		break;
	case RANDOM_RESTORE:
		if (m->is_deleted) {
			m->is_deleted = false;
		} else if (m->origin >= 0) {
			m->folder = m->origin;
			m->origin = -1;
		}
		break;
	case RANDOM_PURGE:
		for (int i = 0; i < model->count; i++)
			model->messages[i].is_gone =
				model->messages[i].is_deleted;
		break;
	case RANDOM_KINDS:
		break;
	}
}

/* A step that makes sense for the message it falls on. */
static struct random_step random_choose(struct model *model, GRand *rand)
{
	struct random_step step = {
		.model = model,
		.folder = g_rand_int_range(rand, 0, RANDOM_FOLDERS)};

	if (!model->count || g_rand_int_range(rand, 0, 3) == 0)
		return step; /* a delivery */
	if (g_rand_int_range(rand, 0, 20) == 0) {
		step.kind = RANDOM_PURGE;
		return step;
	}
	step.message =
		&model->messages[g_rand_int_range(rand, 0, model->count)];
	step.kind = (enum random_kind)g_rand_int_range(rand, RANDOM_FLAG,
						       RANDOM_PURGE);
	if (step.message->is_gone)
		return (struct random_step){.model = model,
					    .folder = step.folder};
	if (step.message->is_deleted)
		step.kind = RANDOM_RESTORE;
	if (step.kind == RANDOM_MOVE && step.folder == step.message->folder)
		step.folder = (step.folder + 1) % RANDOM_FOLDERS;
	return step;
}

/* The process that works; killed within its last step. */
static void random_child(struct model *model, uint32_t seed)
{
	GRand *rand = g_rand_new_with_seed(seed);
	struct store *store = NULL;
	struct fault fault = {0};
	int rc = store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store, &fault);

	for (int i = 0; rc == 0 && i < RANDOM_STEPS; i++) {
		struct random_step step = random_choose(model, rand);

		int64_t purged;

		step.is_killed = i == RANDOM_STEPS - 1;
		rc = step.kind == RANDOM_PURGE
			     ? store_purge(store, g_get_real_time(), true,
					   &purged, &fault)
			     : store_run(store, random_unit, &step, &fault);
		if (rc == 0)
			model_apply(&step);
		if (step.is_killed)
			(void)raise(SIGKILL);
	}
	g_strlcpy(model->fault, fault.text, sizeof(model->fault));
	_exit(1);
}

static void model_compare(const struct model *model, uint32_t seed)
{
	for (int f = 0; f < RANDOM_FOLDERS; f++) {
		AUTO(store_folder) folder = NULL;
		int64_t messages = 0;
		int64_t unread = 0;
		int64_t size = 0;

		must(store_folder_get(fx.store, model->folders[f], &folder,
				      fault));
		for (int i = 0; i < model->count; i++) {
			const struct model_message *m = &model->messages[i];

			if (m->folder != f || m->is_deleted)
				continue;
			messages++;
			unread += !m->is_read;
			size += m->size;
		}
		cr_assert(folder->messages == messages &&
				  folder->unread == unread &&
				  folder->size == size,
			  "seed %u, %s: %d, %d, %d; the model has %d, %d, %d",
			  seed, folder->path, (int)folder->messages,
			  (int)folder->unread, (int)folder->size, (int)messages,
			  (int)unread, (int)size);
	}
}

static void random_round(struct model *model, uint32_t seed)
{
	int status = 0;
	pid_t pid;

	/* No connection goes through a fork. */
	store_close(fx.store);
	fx.store = NULL;
	pid = fork();
	if (pid == 0)
		random_child(model, seed);
	cr_assert(pid > 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		  "seed %u: %s", seed, model->fault);
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store, fault));
	model_compare(model, seed);
	must_be_sound();
}

static int64_t random_setting(const char *name, int64_t otherwise)
{
	const char *text = g_getenv(name);

	return text ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

Test(random, operations_and_kills_agree_with_the_model)
{
	uint32_t seed = (uint32_t)random_setting(
		"OKAPI_SEED", g_get_real_time() & G_MAXINT32);
	int rounds = (int)random_setting("OKAPI_ROUNDS", 8);
	struct model *model = mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(model, MAP_FAILED);
	fprintf(stderr, "OKAPI_SEED=%u OKAPI_ROUNDS=%d\n", seed, rounds);
	model->store = user_make("bob");
	model->folders[0] = folder_of(model->store, FOLDER_DELETED);
	model->folders[1] = folder_of(model->store, FOLDER_INBOX);
	model->folders[2] = folder_of(model->store, FOLDER_SENT);
	model->folders[3] = folder_of(model->store, FOLDER_DRAFTS);
	for (int i = 0; i < rounds; i++) {
		if (model->count + RANDOM_STEPS > RANDOM_MESSAGES)
			break;
		random_round(model, seed + (uint32_t)i);
	}
	cr_expect_eq(munmap(model, sizeof(*model)), 0);
}
