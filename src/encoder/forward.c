#include "encoder/forward.h"

#include "base/mem.h"
#include "encoder/layer.h"

enum {
    BLOCK = 48, /* rows taken through a layer at a time: theirs and a panel fit 1 MB */
    FEW = 24    /* rows a thread below which threads share columns */
};

size_t imr_forward_work(const imr_transformer_config *c)
{
    return c->layers * (4 * c->hidden * c->hidden + 2 * c->hidden * c->inner);
}

/* Heads whose queries, keys and values fill whole panels of the weights, as few as possible. */
static size_t heads_at_once(const imr_transformer *t)
{
    const size_t heads = t->config.heads, each = 3 * (t->config.hidden / heads);
    size_t some = 1;
    while (some < heads && (heads % some != 0 || some * each % t->kernels->cols != 0))
        some++;
    return some;
}

imr_status imr_forward_room_init(imr_forward_room *room, const imr_transformer *t, size_t tokens,
                                 size_t sequences, size_t longest, size_t threads, imr_error *err)
{
    const imr_transformer_config *c = &t->config;
    imr_forward_room r = {.stride = imr_packed_stride(c->hidden)};
    r.heads = threads > 1 ? c->heads : heads_at_once(t);
    r.qkv_stride = imr_packed_stride(3 * (c->hidden / c->heads) * r.heads);
    r.inner_stride = imr_packed_stride(c->inner);
    r.scratch_each =
        imr_packed_stride(imr_layer_scratch(t->kernels, longest, c->hidden / c->heads));
    r.few = threads > 1 && tokens < FEW * threads;
    const size_t inner = (r.few ? tokens : BLOCK * threads) * r.inner_stride;
    /* Rounded rows take half a row; all of a thread's are kept for the heads in turn. */
    const size_t some = (r.few ? tokens : BLOCK) * r.inner_stride, all = tokens * r.stride;
    r.pairs_each = t->precision == IMR_BFLOAT16 ? some + all : 0;
    const size_t rows = tokens * (2 * r.stride + r.qkv_stride);
    r.starts = IMR_NEW_ARRAY(size_t, sequences + 1);
    r.x = imr_alloc_large(rows + inner + threads * r.scratch_each, sizeof *r.x);
    r.pairs = imr_alloc_large(threads * r.pairs_each, sizeof *r.pairs);
    if (!r.starts || !r.x || !r.pairs) {
        imr_forward_room_done(&r);
        return imr_fail_memory(err);
    }
    r.context = r.x + tokens * r.stride;
    r.qkv = r.context + tokens * r.stride;
    r.inner = r.qkv + tokens * r.qkv_stride;
    r.scratch = r.inner + inner;
    *room = r;
    return IMR_OK;
}

void imr_forward_room_done(imr_forward_room *room)
{
    imr_free(room->x);
    imr_free(room->pairs);
    imr_free(room->starts);
    *room = (imr_forward_room){0};
}

/* ---- what one thread does ---- */

typedef struct worker {
    const imr_forward_pass *p;
    const imr_transformer *t;
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

static void normalise(const worker *w, size_t first, size_t last, const float *gain,
                      const float *shift)
{
    const imr_transformer_config *c = &w->t->config;
    for (size_t i = first; i < last; i++)
        w->t->kernels->norm(w->room->x + i * w->room->stride, c->hidden, gain, shift, c->eps);
}

static void embed_row(const worker *w, size_t row, uint32_t id, uint32_t place)
{
    const imr_transformer *t = w->t;
    const size_t hidden = t->config.hidden;
    const float *word = w->p->e->rows + id * hidden, *position = t->position + place * hidden;
    float *x = w->room->x + row * w->room->stride;
    for (size_t i = 0; i < hidden; i++)
        x[i] = t->type ? word[i] + (position[i] + t->type[i]) : word[i] + position[i];
    normalise(w, row, row + 1, t->embedding_gain, t->embedding_shift);
}

static void embed(const worker *w)
{
    size_t row = 0;
    for (size_t s = 0; s < w->p->count; s++) {
        const imr_sequence *q = &w->p->sequences[s];
        for (size_t i = 0; i < q->n; i++, row++)
            if (w->first <= row && row < w->last)
                embed_row(w, row, q->ids[i], q->places[i]);
    }
}

/* The team's shares of the heads in qkv, the first of which is `before`, in all sequences. */
static void attend(const worker *w, size_t before)
{
    const imr_transformer_config *c = &w->t->config;
    const imr_forward_room *r = w->room;
    const size_t width = c->hidden / c->heads, reach = w->p->e->max_tokens;
    imr_attention a = {.kernels = w->t->kernels,
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

/* ---- threads share columns ---- */

/* This thread's columns of all rows. */
static void columns(const worker *w, const imr_packed *weights, imr_product p)
{
    p.rows = w->p->tokens;
    p.scratch = w->room->pairs + w->me * w->room->pairs_each;
    imr_packed_multiply(weights, &p, weights->panels * w->me / w->threads,
                        weights->panels * (w->me + 1) / w->threads);
    wait_for_all(w);
}

static bool layer_by_columns(const worker *w, const imr_transformer_layer *l)
{
    const imr_forward_room *r = w->room;
    (void)go_on(w); /* some rows are soon through */
    columns(w, &l->qkv,
            (imr_product){.out = r->qkv,
                          .x = r->x,
                          .out_stride = r->qkv_stride,
                          .x_stride = r->stride,
                          .bias = l->qkv_bias});
    if (atomic_load(w->p->stop))
        return false;
    attend(w, 0);
    wait_for_all(w);
    columns(w, &l->out,
            (imr_product){.out = r->x,
                          .x = r->context,
                          .out_stride = r->stride,
                          .x_stride = r->stride,
                          .bias = l->out_bias,
                          .finish = IMR_FINISH_ADD});
    normalise(w, w->first, w->last, l->attention_gain, l->attention_shift);
    wait_for_all(w);
    columns(w, &l->up,
            (imr_product){.out = r->inner,
                          .x = r->x,
                          .out_stride = r->inner_stride,
                          .x_stride = r->stride,
                          .bias = l->up_bias,
                          .finish = IMR_FINISH_GELU});
    columns(w, &l->down,
            (imr_product){.out = r->x,
                          .x = r->inner,
                          .out_stride = r->stride,
                          .x_stride = r->inner_stride,
                          .bias = l->down_bias,
                          .finish = IMR_FINISH_ADD});
    normalise(w, w->first, w->last, l->gain, l->shift);
    wait_for_all(w);
    return true;
}

/* ---- threads share rows ---- */

/* All columns of some rows, at most BLOCK. */
static void rows(const worker *w, const imr_packed *weights, imr_product p, size_t n)
{
    p.rows = n;
    p.scratch = w->room->pairs + w->me * w->room->pairs_each;
    imr_packed_multiply(weights, &p, 0, weights->panels);
}

/* Queries, keys and values of this thread's rows for as many heads as there is room for. */
static void project(const worker *w, const imr_transformer_layer *l, size_t head)
{
    const imr_forward_room *r = w->room;
    const size_t n = w->last - w->first, blocks = (n + BLOCK - 1) / BLOCK;
    const size_t each = 3 * (w->t->config.hidden / w->t->config.heads), cols = l->qkv.kernels->cols;
    const imr_packed part =
        imr_packed_part(&l->qkv, head * each / cols, ((head + r->heads) * each + cols - 1) / cols);
    imr_product p = {
        .out_stride = r->qkv_stride, .x_stride = r->stride, .bias = l->qkv_bias + head * each};
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

/* What follows the attention, for some rows of this thread. */
static void feed_forward(const worker *w, const imr_transformer_layer *l, size_t first, size_t last)
{
    const imr_forward_room *r = w->room;
    float *x = r->x + first * r->stride, *inner = r->inner + w->me * BLOCK * r->inner_stride;
    rows(w, &l->out,
         (imr_product){.out = x,
                       .x = r->context + first * r->stride,
                       .out_stride = r->stride,
                       .x_stride = r->stride,
                       .bias = l->out_bias,
                       .finish = IMR_FINISH_ADD},
         last - first);
    normalise(w, first, last, l->attention_gain, l->attention_shift);
    rows(w, &l->up,
         (imr_product){.out = inner,
                       .x = x,
                       .out_stride = r->inner_stride,
                       .x_stride = r->stride,
                       .bias = l->up_bias,
                       .finish = IMR_FINISH_GELU},
         last - first);
    rows(w, &l->down,
         (imr_product){.out = x,
                       .x = inner,
                       .out_stride = r->stride,
                       .x_stride = r->inner_stride,
                       .bias = l->down_bias,
                       .finish = IMR_FINISH_ADD},
         last - first);
    normalise(w, first, last, l->gain, l->shift);
}

static bool layer_by_rows(const worker *w, const imr_transformer_layer *l)
{
    const size_t n = w->last - w->first, blocks = (n + BLOCK - 1) / BLOCK;
    for (size_t head = 0; head < w->t->config.heads; head += w->room->heads) {
        if (go_on(w))
            project(w, l, head);
        wait_for_all(w);
        if (atomic_load(w->p->stop))
            return false;
        attend(w, head);
    }
    wait_for_all(w);
    for (size_t i = 0; i < blocks && go_on(w); i++)
        feed_forward(w, l, w->first + n * i / blocks, w->first + n * (i + 1) / blocks);
    return true;
}

void imr_forward(const imr_forward_pass *p, size_t me, size_t threads)
{
    const imr_transformer *t = p->e->transformer;
    const worker w = {.p = p,
                      .t = t,
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
        if (!(p->room->few ? layer_by_columns(&w, &t->layers[i])
                           : layer_by_rows(&w, &t->layers[i])))
            return;
    }
    wait_for_all(&w);
}
