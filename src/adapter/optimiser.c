#include "adapter/optimiser.h"

#include <math.h>

#include "base/mem.h"

#define BETA1 0.9
#define BETA2 0.999
#define EPS   1e-8

const char *imr_optimiser_name(imr_optimiser_kind kind)
{
    return kind == IMR_ADAM ? "Adam" : "AdamW";
}

imr_status imr_optimiser_init(imr_optimiser *o, imr_optimiser_kind kind, double lr,
                              double weight_decay, const imr_weights *w, imr_error *err)
{
    float *moments = imr_alloc_aligned(w->count, 2 * sizeof *moments);
    if (!moments)
        return imr_fail_memory(err);
    *o = (imr_optimiser){.kind = kind,
                         .lr = lr,
                         .weight_decay = weight_decay,
                         .first = moments,
                         .second = moments + w->count,
                         .count = w->count};
    return IMR_OK;
}

void imr_optimiser_done(imr_optimiser *o)
{
    imr_free(o->first); /* one block with second */
    *o = (imr_optimiser){0};
}

typedef struct factors {
    float keep, l2, step, root;
} factors;

IMR_CPU_CLONES
static void update(float *restrict p, const float *restrict gradient, float *restrict first,
                   float *restrict second, size_t n, factors f)
{
    const float b1 = (float)BETA1, b2 = (float)BETA2, eps = (float)EPS;
    const float c1 = (float)(1.0 - BETA1), c2 = (float)(1.0 - BETA2);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + f.l2 * p[i];
        first[i] = b1 * first[i] + c1 * g;
        second[i] = b2 * second[i] + c2 * g * g;
        p[i] = f.keep * p[i] - f.step * first[i] / (sqrtf(second[i]) * f.root + eps);
    }
}

void imr_optimiser_step(imr_optimiser *o, imr_weights *w, const imr_weights *gradient)
{
    assert(o->count == w->count && w->count == gradient->count);
    double t = (double)++o->step;
    bool decoupled = o->kind == IMR_ADAMW;
    factors f = {.keep = (float)(decoupled ? 1.0 - o->lr * o->weight_decay : 1.0),
                 .l2 = (float)(decoupled ? 0.0 : o->weight_decay),
                 .step = (float)(o->lr / (1.0 - pow(BETA1, t))),
                 .root = (float)(1.0 / sqrt(1.0 - pow(BETA2, t)))};
    enum { BLOCK = 16384, WORTH_THREADS = 1 << 20 }; /* see nn.c */
#pragma omp parallel for schedule(static) if (w->count > WORTH_THREADS)
    for (size_t at = 0; at < w->count; at += BLOCK) {
        size_t n = w->count - at < BLOCK ? w->count - at : BLOCK;
        update(w->v + at, gradient->v + at, o->first + at, o->second + at, n, f);
    }
}
