/*
 * Random operations against a simple model of the store, by processes that
 * are killed in the middle of a unit or of a backup: what was committed is
 * there, what was not has left no trace, counters and quota are those of a
 * recount; the backup is the last one that was complete, and now and then
 * takes the store's place.
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
	RANDOM_FOLDERS = 6,
	RANDOM_PLAIN = 4, /* from this one on they have no role */
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

/* What the store has to be. */
struct model_state {
	struct model_message messages[RANDOM_MESSAGES];
	int count;
	int number;                /* of contents */
	int names[RANDOM_FOLDERS]; /* "work 3": of the plain ones */
	bool is_below;             /* the last folder is in the one before */
	int rights;                /* of anna in the last folder */
};

/* Shared by the processes; changed after a commit only. */
struct model {
	int64_t store;
	int64_t folders[RANDOM_FOLDERS]; /* the first is Deleted Items */
	struct model_state now;
	struct model_state saved; /* as the backup has it */
	bool has_saved;
	char fault[FAULT_TEXT_MAX];
};

static const struct {
	const char *name;
	int64_t bits;
} model_rights[] = {{"none", 0}, {"readonly", 0x401}, {"fullcontrol", 0x4fb}};

enum random_kind {
	RANDOM_DELIVER,
	RANDOM_FLAG,
	RANDOM_MOVE,
	RANDOM_COPY,
	RANDOM_DELETE,
	RANDOM_DESTROY,
	RANDOM_RESTORE,
	/* of a folder: */
	RANDOM_RENAME,
	RANDOM_PLACE,
	RANDOM_RIGHTS,
	/* no unit, or many of its own: */
	RANDOM_PURGE,
	RANDOM_VACUUM,
	RANDOM_BACKUP,
	RANDOM_KINDS
};

struct random_step {
	struct model *model;
	enum random_kind kind;
	struct model_message *message;
	int folder;
	bool is_killed; /* within the unit */
	int left;       /* of a backup: steps to live */
	int64_t id;     /* of what came to be */
	int64_t size;
};

static int random_deliver(struct store *store, struct random_step *step,
			  struct fault *fault)
{
	AUTO(content) content = content_mixed(step->model->now.number);
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

static char *model_name(const struct model_state *state, int folder)
{
	return g_strdup_printf("work %d", state->names[folder]);
}

static int random_do_folder(struct store *store, struct random_step *step,
			    struct fault *fault)
{
	const struct model *model = step->model;
	int64_t last = model->folders[RANDOM_FOLDERS - 1];
	struct model_state next = {.names = {0}};
	g_autofree char *name = NULL;

	next.names[step->folder] = model->now.number + 100;
	name = model_name(&next, step->folder);
	if (step->kind == RANDOM_RENAME)
		return store_folder_move(store, model->folders[step->folder], 0,
					 name, fault);
	if (step->kind == RANDOM_PLACE)
		return store_folder_move(
			store, last,
			model->now.is_below
				? model->store
				: model->folders[RANDOM_FOLDERS - 2],
			NULL, fault);
	return store_acl_set(store, last, "anna",
			     model_rights[(model->now.rights + 1) % 3].name,
			     fault);
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
	case RANDOM_RENAME:
	case RANDOM_PLACE:
	case RANDOM_RIGHTS:
		return random_do_folder(store, step, fault);
	case RANDOM_PURGE:
	case RANDOM_VACUUM:
	case RANDOM_BACKUP:
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
	struct model_state *model = &step->model->now;
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
	case RANDOM_RENAME:
		model->names[step->folder] = model->number + 100;
		model->number++;
		break;
	case RANDOM_PLACE:
		model->is_below = !model->is_below;
		break;
	case RANDOM_RIGHTS:
		model->rights = (model->rights + 1) % 3;
		break;
	case RANDOM_VACUUM:
	case RANDOM_BACKUP:
	case RANDOM_KINDS:
		break;
	}
}

/* ---- backups ------------------------------------------------------------- */

static char *random_backup_path(void)
{
	return g_build_filename(fx.directory, "backup", "store.db", NULL);
}

/* Dies at the step that was chosen.  From the first rename on the new state is
 * the backup's. */
static void random_backup_step(const char *what, int64_t done, int64_t of,
			       void *context)
{
	struct random_step *step = context;
	struct model *model = step->model;

	(void)of;
	if (strcmp(what, BACKUP_PLACING) == 0 &&
	    done >= (model->has_saved ? 1 : 2)) {
		model->saved = model->now;
		model->has_saved = true;
	}
	if (step->is_killed && step->left-- == 0)
		(void)raise(SIGKILL);
}

static int random_backup(struct store *store, struct random_step *step,
			 struct fault *fault)
{
	g_autofree char *dir = g_build_filename(fx.directory, "backup", NULL);
	int rc;

	store_set_progress(store, random_backup_step, step);
	rc = store_backup(store, dir, NULL, NULL, fault);
	store_set_progress(store, NULL, NULL);
	return rc;
}

/* ---- the process that works ---------------------------------------------- */

/* Not of a message. */
static bool random_choose_other(struct random_step *step, GRand *rand)
{
	int other = g_rand_int_range(rand, 0, 60);

	switch (other) {
	case 0:
	case 1:
		step->kind = RANDOM_PURGE;
		return true;
	case 2:
		step->kind = RANDOM_VACUUM;
		return true;
	case 3:
	case 4:
	case 5:
		step->kind = RANDOM_BACKUP;
		return true;
	case 6:
	case 7:
	case 8:
		step->kind = (enum random_kind)(RANDOM_RENAME + other - 6);
		step->folder =
			g_rand_int_range(rand, RANDOM_PLAIN, RANDOM_FOLDERS);
		return true;
	default:
		return false;
	}
}

/* A step that makes sense for the message it falls on. */
static struct random_step random_choose(struct model *model, GRand *rand)
{
	struct random_step step = {
		.model = model,
		.folder = g_rand_int_range(rand, 0, RANDOM_FOLDERS),
		.left = g_rand_int_range(rand, 0, 10)};
	struct model_state *now = &model->now;

	if (!now->count || g_rand_int_range(rand, 0, 3) == 0)
		return step; /* a delivery */
	if (random_choose_other(&step, rand))
		return step;
	step.message = &now->messages[g_rand_int_range(rand, 0, now->count)];
	step.kind = (enum random_kind)g_rand_int_range(rand, RANDOM_FLAG,
						       RANDOM_RENAME);
	if (step.message->is_gone)
		return (struct random_step){.model = model,
					    .folder = step.folder};
	if (step.message->is_deleted)
		step.kind = RANDOM_RESTORE;
	if (step.kind == RANDOM_MOVE && step.folder == step.message->folder)
		step.folder = (step.folder + 1) % RANDOM_FOLDERS;
	return step;
}

static int random_run(struct store *store, struct random_step *step,
		      struct fault *fault)
{
	int64_t ignored;

	if (step->kind == RANDOM_PURGE)
		return store_purge(store, g_get_real_time(), true, &ignored,
				   fault);
	if (step->kind == RANDOM_VACUUM)
		return store_vacuum(store, &ignored, fault);
	if (step->kind == RANDOM_BACKUP)
		return random_backup(store, step, fault);
	return store_run(store, random_unit, step, fault);
}

/* Killed within its last step. */
static void random_child(struct model *model, uint32_t seed)
{
	GRand *rand = g_rand_new_with_seed(seed);
	struct store *store = NULL;
	struct fault fault = {0};
	int rc = store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store, &fault);

	for (int i = 0; rc == 0 && i < RANDOM_STEPS; i++) {
		struct random_step step = random_choose(model, rand);

		step.is_killed = i == RANDOM_STEPS - 1;
		/* Where most can go wrong. */
		if (step.is_killed && g_rand_int_range(rand, 0, 4) == 0)
			step.kind = RANDOM_BACKUP;
		rc = random_run(store, &step, &fault);
		if (rc == 0)
			model_apply(&step);
		if (step.is_killed)
			(void)raise(SIGKILL);
	}
	g_strlcpy(model->fault, fault.text, sizeof(model->fault));
	_exit(1);
}

/* ---- the end of it ------------------------------------------------------- */

static void compare_folder(struct store *store, const struct model *model,
			   const struct model_state *state, int f, int64_t *all)
{
	AUTO(store_folder) folder = NULL;
	int64_t messages = 0;
	int64_t unread = 0;
	int64_t size = 0;

	must(store_folder_get(store, model->folders[f], &folder, fault));
	for (int i = 0; i < state->count; i++) {
		const struct model_message *m = &state->messages[i];

		if (m->folder != f || m->is_deleted)
			continue;
		messages++;
		unread += !m->is_read;
		size += m->size;
	}
	*all += size;
	cr_assert(folder->messages == messages && folder->unread == unread &&
			  folder->size == size,
		  "%s: %d, %d, %d; the model has %d, %d, %d", folder->path,
		  (int)folder->messages, (int)folder->unread, (int)folder->size,
		  (int)messages, (int)unread, (int)size);
	if (f >= RANDOM_PLAIN) {
		g_autofree char *above = model_name(state, RANDOM_FOLDERS - 2);
		g_autofree char *name = model_name(state, f);
		g_autofree char *path =
			f == RANDOM_FOLDERS - 1 && state->is_below
				? g_strconcat(above, "/", name, NULL)
				: g_strdup(name);

		cr_assert_str_eq(folder->path, path);
	}
}

static void model_compare(struct store *store, const struct model *model,
			  const struct model_state *state)
{
	AUTO(store_user) bob = NULL;
	int64_t rights = -1;
	int64_t wrong = -1;
	int64_t size = 0;

	for (int f = 0; f < RANDOM_FOLDERS; f++)
		compare_folder(store, model, state, f, &size);
	must(store_user_find(store, "bob", &bob, fault));
	cr_assert_eq(bob->size, size, "quota: %d, the model has %d",
		     (int)bob->size, (int)size);
	must(sql_get(store, fault, &rights,
		     "SELECT coalesce(max(rights), 0) FROM acl"
		     " WHERE folder = ?",
		     "i", model->folders[RANDOM_FOLDERS - 1]) != 1);
	cr_assert_eq(rights, model_rights[state->rights].bits,
		     "rights %x, the model has %s", (unsigned)rights,
		     model_rights[state->rights].name);
	must(store_check(store, tell_wrong, NULL, &wrong, fault));
	cr_assert_eq(wrong, 0);
}

/* The backup is the last one that was complete. */
static void model_compare_backup(const struct model *model)
{
	g_autofree char *path = random_backup_path();
	AUTO(store) copy = NULL;

	if (!model->has_saved)
		return;
	must(store_open(path, STORE_WRITE, TIMEOUT_MS, &copy, fault));
	model_compare(copy, model, &model->saved);
}

/* As docs/store.md says. */
static void model_go_back(struct model *model)
{
	g_autofree char *command = g_strdup_printf(
		"cd '%s' && rm -rf store.db store.db-wal store.db-shm store.lob"
		" && cp -a backup/. .",
		fx.directory);

	store_close(fx.store);
	fx.store = NULL;
	cr_assert_eq(system(command), 0);
	model->now = model->saved;
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store, fault));
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
	model_compare(fx.store, model, &model->now);
	model_compare_backup(model);
	if (model->has_saved && seed % 5 == 0) {
		model_go_back(model);
		model_compare(fx.store, model, &model->now);
	}
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
	for (int f = RANDOM_PLAIN; f < RANDOM_FOLDERS; f++) {
		g_autofree char *name = NULL;

		model->now.names[f] = f;
		name = model_name(&model->now, f);
		in_unit(store_folder_create(fx.store, model->store, name, '/',
					    &model->folders[f], NULL, fault));
	}
	(void)user_make("anna");
	for (int i = 0; i < rounds; i++) {
		if (model->now.count + RANDOM_STEPS > RANDOM_MESSAGES)
			break;
		random_round(model, seed + (uint32_t)i);
	}
	cr_expect_eq(munmap(model, sizeof(*model)), 0);
}
