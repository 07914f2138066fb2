/*
 * Zstandard: contexts that are used again, since making one costs more than a
 * small message.
 */
#include "squeeze.h"

#include <pthread.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_c_forceAttachDict */
#include <zstd.h>

enum {
	SQUEEZE_LEVEL = 1,
	SQUEEZE_SHORT = 16384, /* up to there the dictionary pays */
	SQUEEZE_SAMPLE = 16384,
	SQUEEZE_IDLE = 8, /* contexts that are kept for the next */
};

/* ---- what is kept for the next -------------------------------------------
 */

struct squeeze_idle {
	pthread_mutex_t mutex;
	void *contexts[SQUEEZE_IDLE];
	unsigned count;
};

static struct squeeze_idle squeeze_idle = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static struct squeeze_idle unsqueeze_idle = {.mutex =
						     PTHREAD_MUTEX_INITIALIZER};

static void *squeeze_take(struct squeeze_idle *idle)
{
	void *context = NULL;

	(void)pthread_mutex_lock(&idle->mutex);
	if (idle->count)
		context = idle->contexts[--idle->count];
	(void)pthread_mutex_unlock(&idle->mutex);
	return context;
}

/* False: there are enough. */
static bool squeeze_give(struct squeeze_idle *idle, void *context)
{
	bool has_room;

	(void)pthread_mutex_lock(&idle->mutex);
	has_room = idle->count < SQUEEZE_IDLE;
	if (has_room)
		idle->contexts[idle->count++] = context;
	(void)pthread_mutex_unlock(&idle->mutex);
	return has_room;
}

/* What fails here fails out of memory or by a parameter that is ours. */
static size_t squeeze_must(size_t rc)
{
	if (ZSTD_isError(rc))
		g_error("Zstandard: %s", ZSTD_getErrorName(rc));
	return rc;
}

static gpointer squeeze_make_dictionary(gpointer data)
{
	(void)data;
	return ZSTD_createCDict(squeeze_words, squeeze_words_size,
				SQUEEZE_LEVEL);
}

static gpointer unsqueeze_make_dictionary(gpointer data)
{
	(void)data;
	return ZSTD_createDDict(squeeze_words, squeeze_words_size);
}

static ZSTD_CCtx *squeeze_context(bool with_dictionary)
{
	static GOnce once = G_ONCE_INIT;
	ZSTD_CCtx *context = squeeze_take(&squeeze_idle);

	(void)g_once(&once, squeeze_make_dictionary, NULL);
	if (!context) {
		context = ZSTD_createCCtx();
		if (!context || !once.retval)
			g_error("out of memory in Zstandard");
		squeeze_must(ZSTD_CCtx_setParameter(
			context, ZSTD_c_compressionLevel, SQUEEZE_LEVEL));
		/* Copying the tables of the dictionary takes a third of the
		 * time at 10 KB; where this is not known they are. */
		(void)ZSTD_CCtx_setParameter(context, ZSTD_c_forceAttachDict,
					     ZSTD_dictForceAttach);
	}
	squeeze_must(ZSTD_CCtx_refCDict(context,
					with_dictionary ? once.retval : NULL));
	return context;
}

static void squeeze_put_back(ZSTD_CCtx *context)
{
	squeeze_must(ZSTD_CCtx_reset(context, ZSTD_reset_session_only));
	if (!squeeze_give(&squeeze_idle, context))
		(void)ZSTD_freeCCtx(context);
}

/* ---- whole ---------------------------------------------------------------
 */

void squeeze(const void *data, size_t len, GByteArray *out)
{
	ZSTD_CCtx *context = squeeze_context(len <= SQUEEZE_SHORT);
	guint start = out->len;
	size_t bound = ZSTD_compressBound(len);

	g_byte_array_set_size(out, start + (guint)bound);
	bound = squeeze_must(
		ZSTD_compress2(context, out->data + start, bound, data, len));
	g_byte_array_set_size(out, start + (guint)bound);
	squeeze_put_back(context);
}

bool squeeze_pays(const void *data, size_t len)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	size_t part = MIN(len, SQUEEZE_SAMPLE);

	squeeze((const uint8_t *)data + (len - part) / 2, part, out);
	return out->len < part - part / 16;
}

/* ---- in pieces -----------------------------------------------------------
 */

struct squeezer {
	ZSTD_CCtx *context;
};

struct squeezer *squeezer_new(void)
{
	struct squeezer *squeezer = g_new(struct squeezer, 1);

	squeezer->context = squeeze_context(false);
	return squeezer;
}

void squeezer_free(struct squeezer *squeezer)
{
	if (!squeezer)
		return;
	squeeze_put_back(squeezer->context);
	g_free(squeezer);
}

static void squeezer_run(struct squeezer *squeezer, ZSTD_inBuffer *in,
			 ZSTD_EndDirective how, GByteArray *out)
{
	size_t left;

	do {
		uint8_t piece[16384];
		ZSTD_outBuffer to = {piece, sizeof(piece), 0};

		left = squeeze_must(
			ZSTD_compressStream2(squeezer->context, &to, in, how));
		g_byte_array_append(out, piece, (guint)to.pos);
	} while (how == ZSTD_e_end ? left > 0 : in->pos < in->size);
}

void squeezer_add(struct squeezer *squeezer, const void *data, size_t len,
		  GByteArray *out)
{
	ZSTD_inBuffer in = {data, len, 0};

	squeezer_run(squeezer, &in, ZSTD_e_continue, out);
}

void squeezer_end(struct squeezer *squeezer, GByteArray *out)
{
	ZSTD_inBuffer in = {NULL, 0, 0};

	squeezer_run(squeezer, &in, ZSTD_e_end, out);
}

/* ---- back ----------------------------------------------------------------
 */

struct unsqueezer {
	ZSTD_DCtx *context;
	bool is_at_end;
};

struct unsqueezer *unsqueezer_new(void)
{
	static GOnce once = G_ONCE_INIT;
	struct unsqueezer *unsqueezer = g_new0(struct unsqueezer, 1);

	unsqueezer->context = squeeze_take(&unsqueeze_idle);
	if (unsqueezer->context)
		return unsqueezer;
	unsqueezer->context = ZSTD_createDCtx();
	(void)g_once(&once, unsqueeze_make_dictionary, NULL);
	if (!unsqueezer->context || !once.retval)
		g_error("out of memory in Zstandard");
	squeeze_must(ZSTD_DCtx_refDDict(unsqueezer->context, once.retval));
	return unsqueezer;
}

void unsqueezer_free(struct unsqueezer *unsqueezer)
{
	if (!unsqueezer)
		return;
	squeeze_must(
		ZSTD_DCtx_reset(unsqueezer->context, ZSTD_reset_session_only));
	if (!squeeze_give(&unsqueeze_idle, unsqueezer->context))
		(void)ZSTD_freeDCtx(unsqueezer->context);
	g_free(unsqueezer);
}

ssize_t unsqueezer_run(struct unsqueezer *unsqueezer, const uint8_t **at,
		       size_t *left, uint8_t *out, size_t room)
{
	ZSTD_outBuffer to = {out, room, 0};
	ZSTD_inBuffer in = {*at, *left, 0};

	while (to.pos < room && !unsqueezer->is_at_end) {
		size_t before = to.pos;
		size_t rc =
			ZSTD_decompressStream(unsqueezer->context, &to, &in);

		if (ZSTD_isError(rc))
			return -1;
		unsqueezer->is_at_end = rc == 0;
		/* What it holds back comes without more input. */
		if (in.pos == in.size && to.pos == before)
			break;
	}
	*at += in.pos;
	*left -= in.pos;
	return (ssize_t)to.pos;
}

bool unsqueezer_is_at_end(const struct unsqueezer *unsqueezer)
{
	return unsqueezer->is_at_end;
}
