#include "encoder/transformer.h"

#include "base/mem.h"

enum {
    BLOCK = 48, /* rows taken through a layer at a time: theirs and a panel fit 1 MB */
    FEW = 24    /* rows a thread below which threads share columns */
};

size_t imr_forward_work(const imr_transformer_config *c)
{
    return c->layers * (4 * c->hidden * c->hidden + 2 * c->hidden * c->inner);
}

/* Heads whose queries, keys and values fill whole panels of the weights, as few as possible. */
static size_t heads_at_once(const imr_transformer_config *c, const imr_kernels *k)
{
    const size_t heads = c->heads, each = 3 * (c->hidden / heads);
    size_t some = 1;
    while (some < heads && (heads % some != 0 || some * each % k->cols != 0))
        some++;
    return some;
}

imr_status imr_forward_room_init(imr_forward_room *room, const imr_encoder *e, size_t tokens,
                                 size_t sequences, size_t longest, size_t threads, imr_error *err)
{
    const imr_transformer_config *c = &e->transformer->config;
    IMR_CLEANUP(imr_forward_room_done)
    imr_forward_room r = {.stride = imr_packed_stride(c->hidden)};
    r.heads = threads > 1 ? c->heads : heads_at_once(c, e->kernels);
    r.qkv_stride = imr_packed_stride(3 * (c->hidden / c->heads) * r.heads);
    r.inner_stride = imr_packed_stride(c->inner);
    r.scratch_each =
        imr_packed_stride(imr_layer_scratch(e->kernels, longest, c->hidden / c->heads));
    r.few = threads > 1 && tokens < FEW * threads;
    const size_t inner = (r.few ? tokens : BLOCK * threads) * r.inner_stride;
    /* Rounded rows take half a row; all of a thread's are kept for the heads in turn. */
    const size_t some = (r.few ? tokens : BLOCK) * r.inner_stride, all = tokens * r.stride;
    r.pairs_each = e->precision == IMR_BFLOAT16 ? some + all : 0;
    const size_t rows = tokens * (2 * r.stride + r.qkv_stride);
    r.starts = IMR_NEW_ARRAY(size_t, sequences + 1);
    r.x = imr_alloc_large(rows + inner + threads * r.scratch_each, sizeof *r.x);
    r.pairs = imr_alloc_large(threads * r.pairs_each, sizeof *r.pairs);
    IMR_NEED(r.starts && r.x && r.pairs, err);
    r.context = r.x + tokens * r.stride;
    r.qkv = r.context + tokens * r.stride;
    r.inner = r.qkv + tokens * r.qkv_stride;
    r.scratch = r.inner + inner;
    return IMR_GIVE(room, r);
}

void imr_forward_room_done(imr_forward_room *room)
{
    IMR_FREE(room->x, room->pairs, room->starts);
    *room = (imr_forward_room){0};
}

/* ---- what one thread does ---- */

typedef struct worker {
    const imr_forward_pass *p;
    const imr_transformer *t;
    const imr_kernels *kernels;
    const imr_forward_room *room;
    size_t me, threads;
    size_t first, last; /* its rows */
} worker;

/* Is there more to do? Asked before each piece of work, so that it is soon known when there is not.
 * Threads leave the layers only where all do: after a wait. */
static bool go_on(const worker *w)
{
    const imr_forward_pass *p = w->p;
    if (atomic_load(p->stop))
        return false;
    if (w->me != 0 || !p->watch || p->watch(p->user))
        return true;
    atomic_store(p->stop, true);
    return false;
}

static void wait_for_all(const worker *w)
{
    imr_team_wait(w->p->team, w->threads);
}

static void normalise_row(const worker *w, size_t row, const imr_layer_norm *n)
{
    const imr_transformer_config *c = &w->t->config;
    w->kernels->norm(w->room->x + row * w->room->stride, c->hidden, n->gain, n->shift, c->eps);
}

static void embed(const worker *w)
{
    const imr_transformer *t = w->t;
    const size_t hidden = t->config.hidden;
    size_t row = 0;
    for (size_t s = 0; s < w->p->count; s++) {
        const imr_sequence *q = &w->p->sequences[s];
        size_t next = t->config.first_position;
        for (size_t k = 0; k < q->n; k++, row++) {
            const bool padding = t->family->positions_after_pad && q->ids[k] == t->config.pad;
            const size_t place = padding ? t->config.pad : next++;
            if (row < w->first || row >= w->last)
                continue;
            const float *word = w->p->e->rows + q->ids[k] * hidden;
            const float *position = t->position + place * hidden;
            float *x = w->room->x + row * w->room->stride;
            for (size_t i = 0; i < hidden; i++)
                x[i] = t->type ? word[i] + (position[i] + t->type[i]) : word[i] + position[i];
            normalise_row(w, row, &t->embedding_norm);
        }
    }
}

/* The team's shares of the heads in qkv, the first of which is `before`, in all sequences. */
static void attend(const worker *w, size_t before)
{
    const imr_transformer_config *c = &w->t->config;
    const imr_forward_room *r = w->room;
    const size_t width = c->hidden / c->heads, reach = w->p->e->max_tokens;
    imr_attention a = {.kernels = w->kernels,
                       .width = width,
                       .stride = r->qkv_stride,
                       .starts = r->starts,
                       .reach = reach};
    for (size_t task = w->me; task < w->p->count * r->heads; task += w->threads) {
        const size_t head = before + task % r->heads;
        a.qkv = r->qkv + task % r->heads * 3 * width;
        a.relative = w->t->relative ? w->t->relative + head * (2 * reach - 1) : NULL;
        imr_layer_attend(r->context + head * width, r->stride, &a, task / r->heads,
                         r->scratch + w->me * r->scratch_each);
    }
}

/* Queries, keys and values of this thread's rows for as many heads as there is room for. */
static void project(const worker *w, const imr_dense *qkv, size_t head)
{
    const imr_forward_room *r = w->room;
    const size_t n = w->last - w->first, blocks = (n + BLOCK - 1) / BLOCK;
    const size_t each = 3 * (w->t->config.hidden / w->t->config.heads), cols = w->kernels->cols;
    const imr_packed part =
        imr_packed_part(&qkv->w, head * each / cols, ((head + r->heads) * each + cols - 1) / cols);
    imr_product p = {
        .out_stride = r->qkv_stride, .x_stride = r->stride, .bias = qkv->bias + head * each};
    for (size_t i = 0; i < blocks; i++) {
        const size_t first = n * i / blocks, end = n * (i + 1) / blocks;
        p.out = r->qkv + (w->first + first) * r->qkv_stride;
        p.x = r->x + (w->first + first) * r->stride;
        p.rows = end - first;
        p.scratch = r->pairs + w->me * r->pairs_each + first * imr_packed_scratch(&part, 1);
        if (part.paired && head > 0)
            p.x = NULL; /* rounded for the first head */
        imr_packed_multiply(&part, &p, 0, part.panels);
    }
}

/* A product of some rows that are this thread's: all columns. Of few rows, which are all threads':
 * its columns, and the others'. */
static void multiply(const worker *w, const imr_dense *d, imr_product p)
{
    const size_t panels = d->w.panels, share = w->room->few ? w->threads : 1,
                 at = w->room->few ? w->me : 0;
    p.bias = d->bias;
    p.scratch = w->room->pairs + w->me * w->room->pairs_each;
    imr_packed_multiply(&d->w, &p, panels * at / share, panels * (at + 1) / share);
    if (w->room->few)
        wait_for_all(w);
}

static void normalise(const worker *w, const imr_layer_norm *n, size_t first, size_t last)
{
    const bool few = w->room->few;
    for (size_t i = few ? w->first : first; i < (few ? w->last : last); i++)
        normalise_row(w, i, n);
    if (few)
        wait_for_all(w);
}

/* What follows the attention, for some rows of this thread, at most BLOCK, or all of few. */
static void feed_forward(const worker *w, const imr_transformer_layer *l, size_t first, size_t last)
{
    const imr_forward_room *r = w->room;
    float *x = r->x + first * r->stride;
    float *inner = r->inner + (r->few ? 0 : w->me * BLOCK * r->inner_stride);
    const imr_product out = {.out = x,
                             .x = r->context + first * r->stride,
                             .out_stride = r->stride,
                             .x_stride = r->stride,
                             .rows = last - first,
                             .finish = IMR_FINISH_ADD};
    const imr_product up = {.out = inner,
                            .x = x,
                            .out_stride = r->inner_stride,
                            .x_stride = r->stride,
                            .rows = last - first,
                            .finish = IMR_FINISH_GELU};
    const imr_product down = {.out = x,
                              .x = inner,
                              .out_stride = r->stride,
                              .x_stride = r->inner_stride,
                              .rows = last - first,
                              .finish = IMR_FINISH_ADD};
    multiply(w, &l->products[IMR_OUT], out);
    normalise(w, &l->attention_norm, first, last);
    multiply(w, &l->products[IMR_UP], up);
    multiply(w, &l->products[IMR_DOWN], down);
    normalise(w, &l->norm, first, last);
}

/* One layer; false when the pass is to stop. */
static bool run_layer(const worker *w, const imr_transformer_layer *l)
{
    const imr_forward_room *r = w->room;
    const imr_dense *qkv = &l->products[IMR_QKV];
    const imr_product all = {.out = r->qkv,
                             .x = r->x,
                             .out_stride = r->qkv_stride,
                             .x_stride = r->stride,
                             .rows = w->p->tokens};
    const size_t n = w->last - w->first, blocks = (n + BLOCK - 1) / BLOCK;
    for (size_t head = 0; head < w->t->config.heads; head += r->heads) {
        const bool more = go_on(w);
        if (!r->few && more)
            project(w, qkv, head);
        if (r->few) /* and soon through */
            multiply(w, qkv, all);
        else
            wait_for_all(w);
        if (atomic_load(w->p->stop))
            return false;
        attend(w, head);
    }
    wait_for_all(w);
    if (r->few)
        feed_forward(w, l, 0, w->p->tokens);
    for (size_t i = 0; !r->few && i < blocks && go_on(w); i++)
        feed_forward(w, l, w->first + n * i / blocks, w->first + n * (i + 1) / blocks);
    return true;
}

void imr_forward(const imr_forward_pass *p, size_t me, size_t threads)
{
    const imr_transformer *t = p->e->transformer;
    const worker w = {.p = p,
                      .t = t,
                      .kernels = p->e->kernels,
                      .room = p->room,
                      .me = me,
                      .threads = threads,
                      .first = p->tokens * me / threads,
                      .last = p->tokens * (me + 1) / threads};
    if (me == 0) {
        p->room->starts[0] = 0;
        for (size_t s = 0; s < p->count; s++)
            p->room->starts[s + 1] = p->room->starts[s] + p->sequences[s].n;
    }
    embed(&w);
    wait_for_all(&w);
    for (size_t i = 0; i < t->config.layers; i++) {
        if (!run_layer(&w, &t->layers[i]))
            return;
    }
    wait_for_all(&w);
}
