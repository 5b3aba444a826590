#include "explain/prepared.h"

#include <math.h>

#include "math/nn.h"

void imr_prepared_set(imr_prepared *p, const imr_backprojector *b, imr_change_kind kind,
                      const double *const wide[3], const double *const left[3])
{
    const size_t m = b->m, r = b->rank;
    const double *before = wide[0], *after = wide[1], *other = wide[2];
    const double norm_before = sqrt(imr_nn_dot_double(before, before, m));
    p->norm_after = sqrt(imr_nn_dot_double(after, after, m));
    p->dot_other = imr_nn_dot_double(after, other, m);
    const imr_change_factors f = imr_change_factors_of(kind, norm_before, p->norm_after);
    double length = 0, along = 0;
    for (size_t j = 0; j < m; j++) {
        const double delta = f.after * after[j] - f.before * before[j];
        length += delta * delta;
        along += delta * after[j];
    }
    p->length = sqrt(length);
    p->alignment = length > 0 && p->norm_after > 0 ? along / (p->length * p->norm_after) : 0;
    const double keep = norm_before > 0 ? p->norm_after / norm_before : 0;
    double base = 0;
    for (size_t k = 0; k < r; k++) {
        const double s = b->singular[k], old = left[0][k], new = left[1][k];
        p->change[k] = f.after * new - f.before *old;
        p->direction[k] = p->change[k] / s;
        base += p->direction[k] * p->direction[k];
        p->removal[k] = s * (new - keep *old);
        p->after[k] = s * new;
        p->other[k] = s * left[2][k];
    }
    p->length_base = sqrt(base);
    for (size_t k = 0; k < r; k++)
        p->direction[k] = base > 0 ? p->direction[k] / p->length_base : 0;
}

void imr_prepared_place(imr_prepared *p, double *vectors, size_t r)
{
    p->direction = vectors;
    p->change = vectors + r;
    p->removal = vectors + 2 * r;
    p->after = vectors + 3 * r;
    p->other = vectors + 4 * r;
}

/* From W.removal, W.x' and W.o. */
static double effect_of(const imr_prepared *p, double a, double after, double other)
{
    const double left = p->norm_after * p->norm_after - 2 * a * after + a * a;
    const double now = p->norm_after > 0 ? p->dot_other / p->norm_after : 0;
    return now - (left > 1e-24 ? (p->dot_other - a * other) / sqrt(left) : 0);
}

void imr_prepared_score(imr_token_score *out, uint32_t id, const imr_prepared *p,
                        const imr_lens *lens, const imr_shift *shift)
{
    const double *const vectors[4] = {p->direction, p->removal, p->after, p->other};
    double products[4];
    if (shift->other)
        imr_lens_product_4(products, lens, id, vectors);
    else
        products[0] = imr_lens_product(lens, id, p->direction);
    const double cosine = products[0], reach = (double)lens->reach[id];
    out->id = id;
    out->cosine = (float)cosine;
    out->visibility = lens->visibility[id];
    out->z = (float)imr_lens_z(lens, id, cosine);
    out->background_z = NAN;
    out->effect = NAN;
    out->hub_count = 0;
    out->significant = false;
    if (shift->other)
        out->effect = reach > 0 ? (float)effect_of(p, products[1] / reach, products[2] / reach,
                                                   products[3] / reach)
                                : 0;
    if (shift->background) {
        out->background_z = (float)imr_background_z(shift->background, id, cosine);
        out->hub_count =
            cosine < 0 ? shift->background->hub_low[id] : shift->background->hub_high[id];
    }
}

IMR_CPU_CLONES
void imr_prepared_effects(float *effects, const imr_prepared *p, const float *reach,
                          const float *removal, const float *after, const float *other,
                          size_t tokens)
{
    const double square = p->norm_after * p->norm_after, along = p->dot_other;
    const double now = p->norm_after > 0 ? along / p->norm_after : 0;
#pragma omp simd
    for (size_t t = 0; t < tokens; t++) {
        const double scale = reach[t] > 0 ? 1 / (double)reach[t] : 0;
        const double a = (double)removal[t] * scale;
        const double left = square - 2 * a * (double)after[t] * scale + a * a;
        const double then = (along - a * (double)other[t] * scale) / sqrt(fmax(left, 1e-24));
        effects[t] = (float)(left > 1e-24 ? now - then : now);
    }
}
