#include "encoder/transformer.h"

#include "math/nn.h"

enum {
    BATCH_TEXTS = 512,
    BATCH_TOKENS = 65536,
    GROUP = 256,         /* tokens one thread takes at a time, */
    LAST_GROUP = 48,     /* fewer towards the end, so that all threads end together */
    WORTH_THREADS = 4000 /* thousand multiplications a thread: about 50 us */
};

/* The working memory of one call. */
typedef struct work {
    const imr_encoder_call *call;
    const imr_transformer *t;
    imr_tokens tokens;              /* of one text */
    IMR_ARRAY(uint32_t) ids;        /* of the batch's tokens */
    size_t starts[BATCH_TEXTS + 1]; /* of its texts */
    size_t texts;
    float *pooled; /* [texts, modes hidden], the batch's */
    size_t done;   /* texts */
} work;

static void work_done(work *w)
{
    imr_tokens_done(&w->tokens);
    imr_free(w->ids.v);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- a batch through the layers ---- */

/* A batch and who does it: one team of all threads, or a team of one thread for each group. */
typedef struct batch {
    work *w;
    imr_sequence sequences[BATCH_TEXTS]; /* the longest first */
    size_t groups[BATCH_TEXTS + 1];      /* first sequence of each */
    size_t n_groups, threads;
    bool alone; /* each thread takes groups */
    imr_forward_room *rooms;
    size_t n_rooms;
    imr_team team;
    atomic_size_t next, done; /* groups, texts */
    atomic_bool stop;
} batch;

static void batch_done(batch *b)
{
    for (size_t i = 0; b->rooms && i < b->n_rooms; i++)
        imr_forward_room_done(&b->rooms[i]);
    imr_free(b->rooms);
}

static int longer_first(const void *a, const void *b)
{
    const imr_sequence *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x->text < y->text ? -1 : 1;
}

static size_t group_tokens(const batch *b, size_t group)
{
    size_t tokens = 0;
    for (size_t i = b->groups[group]; i < b->groups[group + 1]; i++)
        tokens += b->sequences[i].n;
    return tokens;
}

/* Groups as large as is good for the caches, but each at most half of what a thread has left to
 * do. */
static void make_groups(batch *b)
{
    size_t left = b->w->ids.n, texts = b->w->texts;
    for (size_t i = 0; i < texts; b->n_groups++) {
        size_t tokens = 0, enough = left / (2 * b->threads);
        enough = larger(enough < GROUP ? enough : GROUP, LAST_GROUP);
        b->groups[b->n_groups] = i;
        do
            tokens += b->sequences[i++].n;
        while (i < texts && tokens + b->sequences[i].n <= enough);
        left -= tokens;
    }
    b->groups[b->n_groups] = texts;
}

static void plan(batch *b)
{
    const work *w = b->w;
    const size_t tokens = w->ids.n;
    const size_t worth = tokens * (imr_forward_work(&w->t->config) / 1000) / WORTH_THREADS;
    for (size_t i = 0; i < w->texts; i++)
        b->sequences[i] =
            (imr_sequence){w->ids.v + w->starts[i], w->starts[i + 1] - w->starts[i], i};
    qsort(b->sequences, w->texts, sizeof *b->sequences, longer_first);
    b->threads = imr_team_most() < larger(worth, 1) ? imr_team_most() : larger(worth, 1);
    b->alone = b->threads == 1 || (w->texts >= 2 * b->threads &&
                                   tokens >= b->threads * larger(LAST_GROUP, b->sequences[0].n));
    make_groups(b);
    if (!b->alone) {
        b->n_groups = 1;
        b->groups[1] = w->texts;
    }
}

static imr_status make_rooms(batch *b, imr_error *err)
{
    size_t tokens = 0, sequences = 0;
    for (size_t i = 0; i < b->n_groups; i++) {
        tokens = larger(tokens, group_tokens(b, i));
        sequences = larger(sequences, b->groups[i + 1] - b->groups[i]);
    }
    b->n_rooms = b->alone ? b->threads : 1;
    b->rooms = IMR_NEW_ARRAY(imr_forward_room, b->n_rooms);
    IMR_NEED(b->rooms, err);
    for (size_t i = 0; i < b->n_rooms; i++)
        IMR_TRY(imr_forward_room_init(&b->rooms[i], b->w->call->e, tokens, sequences,
                                      b->sequences[0].n, b->alone ? 1 : b->threads, err));
    return IMR_OK;
}

static bool watch(void *user)
{
    batch *b = user;
    const work *w = b->w;
    return imr_progress_step(w->call->progress, "encoding texts", w->done + atomic_load(&b->done),
                             w->call->count);
}

/* Every `step`th text of a group that is through. */
static void pool(const batch *b, size_t group, const imr_forward_room *room, size_t first,
                 size_t step)
{
    const work *w = b->w;
    const size_t hidden = w->t->config.hidden, at = b->groups[group];
    for (size_t i = first; i < b->groups[group + 1] - at; i += step) {
        const imr_view rows = {room->x + room->starts[i] * room->stride, b->sequences[at + i].n,
                               hidden, room->stride};
        const size_t text = b->sequences[at + i].text;
        imr_pool_rows(w->pooled + text * w->t->pool.n * hidden, &w->t->pool, rows);
        if (w->call->listener)
#pragma omp critical(imr_encoder_listener)
            w->call->listener->heard(w->call->listener->user, w->done + text, rows);
    }
}

/* One thread's part of a batch. The caller's own is number 0, which reports. */
static void work_along(batch *b, size_t me, size_t threads)
{
    imr_forward_pass p = {
        .e = b->w->call->e, .stop = &b->stop, .user = b, .watch = me ? NULL : watch};
    const size_t team = b->alone ? 1 : threads;
    for (;;) {
        const size_t group = b->alone ? atomic_fetch_add(&b->next, 1) : 0;
        if (group >= b->n_groups || atomic_load(&b->stop))
            return;
        p.sequences = b->sequences + b->groups[group];
        p.count = b->groups[group + 1] - b->groups[group];
        p.tokens = group_tokens(b, group);
        p.room = &b->rooms[b->alone ? me : 0];
        p.team = &b->team;
        imr_forward(&p, b->alone ? 0 : me, team);
        if (atomic_load(&b->stop))
            return;
        pool(b, group, p.room, b->alone ? 0 : me, team);
        if (!b->alone)
            return;
        atomic_fetch_add(&b->done, p.count);
    }
}

static imr_status run_layers(work *w, imr_error *err)
{
    batch b IMR_CLEANUP(batch_done) = {.w = w};
    plan(&b);
    IMR_TRY(make_rooms(&b, err));
#pragma omp parallel num_threads((int)b.threads) if (b.threads > 1)
    work_along(&b, imr_team_member(), imr_team_size());
    if (atomic_load(&b.stop))
        return imr_fail(err, IMR_E_CANCELLED, "stopped after %zu of %zu texts",
                        w->done + atomic_load(&b.done), w->call->count);
    return IMR_OK;
}

/* ---- from tokens to vectors ---- */

imr_status imr_transformer_dense(float **v, size_t rows, const imr_transformer_step *d,
                                 const float *bias, imr_error *err)
{
    float *next = imr_alloc_aligned(rows, d->out * sizeof *next);
    IMR_NEED(next, err);
    imr_nn_linear(next, imr_view_of(*v, rows, d->in), imr_view_of(d->w, d->out, d->in), bias);
    imr_free(*v);
    *v = next;
    return IMR_OK;
}

/* Encodes the texts collected to out [texts, e->dim], and forgets them. */
static imr_status run_batch(work *w, float *out, imr_error *err)
{
    const imr_transformer *t = w->t;
    const imr_encoder_call *c = w->call;
    const size_t n = w->texts, dim = c->e->dim;
    size_t width = t->pool.n * t->config.hidden;
    float *v IMR_AUTOFREE = w->pooled = imr_alloc_aligned(n * width, sizeof *v);
    IMR_NEED(v, err);
    IMR_TRY(run_layers(w, err));
    for (size_t i = 0; i < t->n_steps; i++) {
        const imr_transformer_step *s = &t->steps[i];
        if (!s->w) {
            imr_nn_unit_rows(v, imr_view_of(v, n, width));
            continue;
        }
        IMR_TRY(imr_transformer_dense(&v, n, s, s->bias, err));
        width = s->out;
        if (s->activate)
            s->activate(v, n * width);
    }
    memcpy(out, v, n * dim * sizeof *out);
    size_t bad = imr_view_first_bad(imr_view_of(out, n, dim));
    if (bad < n * dim)
        return imr_fail(err, IMR_E_NUMERIC,
                        "text %zu: its vector is not finite: the encoder's weights overflow",
                        w->done + bad / dim);
    w->done += n;
    w->texts = w->ids.n = 0;
    if (imr_progress_step(c->progress, "encoding texts", w->done, c->count))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "stopped after %zu of %zu texts", w->done, c->count);
}

/* ---- texts to batches ---- */

static imr_status add_text(work *w, size_t index, imr_token_count *count, imr_error *err)
{
    const imr_encoder_call *c = w->call;
    const imr_tokens *tokens = &w->tokens;
    if (c->ids)
        IMR_TRY(imr_tokenizer_alone(c->e->tokenizer, c->ids[index], &w->tokens, err));
    else
        IMR_TRY(imr_encoder_read(&w->tokens, count, c->e, c->texts[index], c->lens[index],
                                 c->listener && c->listener->read, err));
    if (c->listener && c->listener->read)
        IMR_TRY(c->listener->read(c->listener->user, index, tokens, err));
    w->starts[w->texts++] = w->ids.n;
    for (size_t i = 0; i < tokens->n; i++)
        IMR_NEED(IMR_PUSH(&w->ids, tokens->v[i].id), err);
    w->starts[w->texts] = w->ids.n;
    return IMR_OK;
}

imr_status imr_transformer_encode(const imr_encoder_call *c, imr_error *err)
{
    work w IMR_CLEANUP(work_done) = {.call = c, .t = c->e->transformer};
    for (size_t i = 0; i < c->count; i++) {
        imr_token_count count = {0};
        imr_error why;
        imr_status status = add_text(&w, i, &count, &why);
        if (status != IMR_OK)
            return imr_fail(err, status, "text %zu: %s", i, why.text);
        if (c->counts)
            c->counts[i] = count;
        if (w.ids.n >= BATCH_TOKENS || w.texts == BATCH_TEXTS || i + 1 == c->count)
            IMR_TRY(run_batch(&w, c->out + w.done * c->e->dim, err));
    }
    return IMR_OK;
}
