#include "tests/unit/explain/support.h"

float *random_floats(size_t n, double sd, uint64_t seed)
{
    float *v = malloc((n ? n : 1) * sizeof *v);
    imr_random r;
    imr_random_init(&r, seed);
    if (!v)
        FAIL("out of memory");
    imr_random_fill_normal(&r, v, n, sd);
    return v;
}

void world_init(world *w, size_t m, size_t n, size_t v, size_t rank, uint64_t seed)
{
    imr_error err = {0};
    *w = (world){.m = m, .n = n, .v = v};
    w->p = random_floats(m * n, 0.3, seed);
    /* Rows beyond the rank repeat earlier ones. */
    for (size_t i = rank; i < m; i++)
        memcpy(w->p + i * n, w->p + (i % rank) * n, n * sizeof *w->p);
    w->e = random_floats(v * n, 2, seed + 1);
    if (v > 5)
        memset(w->e + 5 * n, 0, n * sizeof *w->e);
    w->texts = calloc(v, sizeof *w->texts);
    for (size_t t = 0; t < v; t++) {
        w->texts[t] = calloc(1, 24);
        snprintf(w->texts[t], 24, t % 7 == 6 ? "[unused%zu]" : "w%zu", t);
    }
    CHECK_OK(imr_backprojector_init(&w->back, imr_view_of(w->p, m, n), &err));
    CHECK_OK(imr_token_table_init(&w->table, imr_view_of(w->e, v, n), (const char *const *)w->texts,
                                  NULL, &err));
    CHECK_OK(imr_lens_init(&w->lens, &w->table, &w->back, NULL, &err));
}

void world_done(world *w)
{
    imr_lens_done(&w->lens);
    imr_token_table_done(&w->table);
    imr_backprojector_done(&w->back);
    for (size_t t = 0; t < w->v; t++)
        free(w->texts[t]);
    free(w->texts);
    free(w->p);
    free(w->e);
}

double naive_dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

double naive_cosine(const double *x, const double *y, size_t n)
{
    double scale = sqrt(naive_dot(x, x, n)) * sqrt(naive_dot(y, y, n));
    return scale > 0 ? naive_dot(x, y, n) / scale : 0;
}

void naive_project(double *out, const world *w, const float *x)
{
    for (size_t i = 0; i < w->m; i++) {
        out[i] = 0;
        for (size_t k = 0; k < w->n; k++)
            out[i] += (double)w->p[i * w->n + k] * (double)x[k];
    }
}

double naive_token_cosine(const world *w, const double *delta_base, size_t t)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < w->n; i++) {
        double e = (double)w->e[t * w->n + i];
        xy += delta_base[i] * e;
        xx += delta_base[i] * delta_base[i];
        yy += e * e;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : 0;
}

void naive_direction(double *out, const world *w, size_t t)
{
    naive_project(out, w, w->e + t * w->n);
    double norm = sqrt(naive_dot(out, out, w->m));
    for (size_t i = 0; i < w->m; i++)
        out[i] = norm > 0 ? out[i] / norm : 0;
}
