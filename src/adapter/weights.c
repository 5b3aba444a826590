#include "adapter/weights.h"

#include <math.h>

#include "base/mem.h"
#include "math/random.h"

#define MAX_VALUES ((size_t)1 << 30) /* 4 GB: a full-form adapter of m 2048, h 128 has 0.5 GB */

enum side { NONE, N, M, H, HALF, TWO_M, SQUARE }; /* SQUARE: m*m + m */

/* Of the forms that scale, of form full; rows NONE: it has no such tensor. cols NONE: a vector. */
static const struct row {
    const char *name[2];
    unsigned char rows[2], cols[2];
} table[IMR_W_COUNT] = {
#define WEIGHT(name, rows, cols, full, full_rows, full_cols, full_bias)                            \
    {{name ".weight", full ".weight"}, {rows, full_rows}, {cols, full_cols}},                      \
    {                                                                                              \
        {name ".bias", full ".bias"}, {rows, full_bias},                                           \
        {                                                                                          \
            NONE, NONE                                                                             \
        }                                                                                          \
    }
    WEIGHT("projector", M, N, "projector", M, N, NONE),
    WEIGHT("query_hypernet.hypernet.0", H, M, "query_adapter.0", H, M, H),
    WEIGHT("query_hypernet.hypernet.3", HALF, H, "query_adapter.2", SQUARE, H, SQUARE),
    WEIGHT("query_hypernet.hypernet.6", TWO_M, HALF, "", NONE, NONE, NONE),
    WEIGHT("doc_hypernet.hypernet.0", H, M, "doc_adapter.0", H, M, H),
    WEIGHT("doc_hypernet.hypernet.3", HALF, H, "doc_adapter.2", SQUARE, H, SQUARE),
    WEIGHT("doc_hypernet.hypernet.6", TWO_M, HALF, "", NONE, NONE, NONE),
    WEIGHT("query_norm", M, NONE, "query_norm", M, NONE, M),
    WEIGHT("doc_norm", M, NONE, "doc_norm", M, NONE, M),
};

static size_t length(const imr_weights *w, unsigned char side)
{
    const size_t of[] = {0, w->n, w->m, w->h, w->h / 2, 2 * w->m, w->m * w->m + w->m};
    return of[side];
}

static const char *const forms[] = {"auto", "diagonal", "mean", "full"};

const char *imr_form_name(imr_form form)
{
    return forms[form];
}

imr_form imr_form_of_name(const char *name)
{
    for (int form = IMR_FORM_DIAGONAL; form <= IMR_FORM_FULL; form++)
        if (strcmp(name, forms[form]) == 0)
            return (imr_form)form;
    return IMR_FORM_AUTO;
}

const char *const imr_severity_names[] = {"note", "warning", "error"};

const char *imr_weight_name(imr_form form, imr_weight_id id)
{
    const bool full = form == IMR_FORM_FULL;
    return table[id].rows[full] == NONE ? NULL : table[id].name[full];
}

size_t imr_weight_shape(const imr_weights *w, imr_weight_id id, uint64_t shape[2])
{
    const struct row *r = &table[id];
    const bool full = w->form == IMR_FORM_FULL;
    if (r->rows[full] == NONE)
        return 0;
    shape[0] = length(w, r->rows[full]);
    shape[1] = length(w, r->cols[full]);
    return r->cols[full] ? 2 : 1;
}

size_t imr_weight_count(const imr_weights *w, imr_weight_id id)
{
    uint64_t shape[2];
    size_t rank = imr_weight_shape(w, id, shape);
    return rank == 0 ? 0 : (size_t)(rank == 1 ? shape[0] : shape[0] * shape[1]);
}

imr_view imr_weight_view(const imr_weights *w, imr_weight_id id)
{
    uint64_t shape[2];
    size_t rank = imr_weight_shape(w, id, shape);
    assert(rank > 0);
    return rank == 1 ? imr_view_of(imr_weight(w, id), 1, (size_t)shape[0])
                     : imr_view_of(imr_weight(w, id), (size_t)shape[0], (size_t)shape[1]);
}

imr_status imr_weights_init(imr_weights *out, imr_form form, size_t n, size_t m, size_t h,
                            imr_error *err)
{
    if (n == 0 || m == 0 || h < 2 || n > IMR_MAX_DIM || m > IMR_MAX_DIM || h > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_SHAPE,
                        "an adapter of n %zu, m %zu, h %zu is not possible: n and m are 1 to %u, h "
                        "is 2 to %u",
                        n, m, h, IMR_MAX_DIM, IMR_MAX_DIM);
    imr_weights w = {.form = form, .n = n, .m = m, .h = h};
    for (int id = 0; id < IMR_W_COUNT; id++) {
        w.offset[id] = w.count;
        w.count += (imr_weight_count(&w, (imr_weight_id)id) + 15) / 16 * 16;
    }
    if (w.count > MAX_VALUES)
        return imr_fail(err, IMR_E_LIMIT,
                        "an adapter of n %zu, m %zu, h %zu has %zu values, more than the %zu "
                        "allowed; choose a smaller m or h",
                        n, m, h, w.count, MAX_VALUES);
    w.v = imr_alloc_aligned(w.count, sizeof *w.v);
    IMR_NEED(w.v, err);
    *out = w;
    return IMR_OK;
}

void imr_weights_done(imr_weights *w)
{
    imr_free(w->v);
    *w = (imr_weights){0};
}

imr_status imr_weights_like(imr_weights *out, const imr_weights *w, imr_error *err)
{
    return imr_weights_init(out, w->form, w->n, w->m, w->h, err);
}

void imr_weights_copy(imr_weights *to, const imr_weights *from)
{
    assert(to->count == from->count && to->form == from->form);
    memcpy(to->v, from->v, from->count * sizeof *to->v);
}

void imr_weights_random(imr_weights *w, uint64_t seed)
{
    imr_random r;
    imr_random_init(&r, seed);
    const double bound = 1.0 / sqrt((double)w->n);
    const bool identity = w->form == IMR_FORM_MEAN && w->m == w->n;
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        float *v = imr_weight(w, id);
        size_t count = imr_weight_count(w, id);
        if (identity && (id == IMR_W_PROJECTOR || id == IMR_W_PROJECTOR_BIAS))
            for (size_t j = 0; j < count; j++)
                v[j] = id == IMR_W_PROJECTOR && j % (w->n + 1) == 0 ? 1.0f : 0.0f;
        else if (id == IMR_W_PROJECTOR || id == IMR_W_PROJECTOR_BIAS)
            for (size_t j = 0; j < count; j++)
                v[j] = (float)(-bound + 2 * bound * imr_random_uniform(&r));
        else if (id < IMR_W_QUERY_NORM && i % 2 == 0)
            imr_random_fill_normal(&r, v, count, 0.01);
        else
            for (size_t j = 0; j < count; j++)
                v[j] = i % 2 == 0 ? 1.0f : 0.0f; /* a norm's gain, or a bias */
    }
}
