#include "explain/map.h"

#include <math.h>
#include <string.h>

#include "math/linalg.h"
#include "math/nn.h"

/* Axes [2,cols] of rows that are centred; zeros where there is no variance. */
static imr_status find_axes(double *axes, double carried[2], imr_view rows, imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    double all = 0;
    if (rows.rows > IMR_MAP_MOST)
        rows.rows = IMR_MAP_MOST;
    IMR_TRY(imr_svd_init(&svd, rows, err));
    for (size_t i = 0; i < svd.k; i++)
        all += svd.s[i] * svd.s[i];
    const bool varies = all > 1e-12 * (double)rows.rows; /* not by rounding alone */
    for (size_t j = 0; j < 2; j++) {
        carried[j] = !varies ? (double)NAN : j < svd.k ? svd.s[j] * svd.s[j] / all : 0;
        if (varies && j < svd.k && carried[j] > 1e-12)
            memcpy(axes + j * rows.cols, svd.vt + j * rows.cols, rows.cols * sizeof *axes);
    }
    return IMR_OK;
}

static void turn_to_query(imr_map_stage *s, size_t k)
{
    for (size_t j = 0; j < 2; j++) {
        double far = 0, side = s->at[k][j];
        for (size_t i = 0; i < k; i++)
            far = fabs(s->at[i][j]) > fabs(far) ? s->at[i][j] : far;
        if (fabs(side) <= 1e-9 * fabs(far))
            side = far;
        s->low[j] = INFINITY;
        s->high[j] = -s->low[j];
        for (size_t i = 0; i <= k; i++) {
            s->at[i][j] = side < 0 ? -s->at[i][j] : s->at[i][j];
            s->low[j] = fmin(s->low[j], s->at[i][j]);
            s->high[j] = fmax(s->high[j], s->at[i][j]);
        }
    }
}

imr_status imr_map_project(imr_map_stage *out, imr_view points, const float *query,
                           imr_arena *arena, imr_error *err)
{
    const size_t k = points.rows, n = points.cols;
    imr_map_stage s = {.at = (double(*)[2])IMR_ARENA_ARRAY(arena, double, 2 * (k + 1))};
    double *axes = IMR_ARENA_ARRAY(arena, double, 2 * n), *mean = IMR_ARENA_ARRAY(arena, double, n);
    IMR_CLEANUP(imr_matrix_done) imr_matrix rows = {0}; /* the query last */
    IMR_NEED(s.at && axes && mean, err);
    IMR_TRY(imr_matrix_init(&rows, k + 1, n, err));
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++)
            mean[j] += (double)imr_view_row(&points, i)[j] / (double)k;
    for (size_t i = 0; i <= k; i++)
        for (size_t j = 0; j < n; j++)
            imr_matrix_row(&rows, i)[j] =
                (float)((double)(i < k ? imr_view_row(&points, i) : query)[j] - mean[j]);
    IMR_TRY(find_axes(axes, s.carried, imr_view_of(rows.v, k, n), err));
    if (isnan(s.carried[0])) {
        const float *to = imr_matrix_row(&rows, k);
        const double length = imr_nn_norm(to, n);
        for (size_t j = 0; j < n && length > 0; j++)
            axes[j] = (double)to[j] / length;
    }
    for (size_t i = 0; i <= k; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t a = 0; a < 2; a++)
                s.at[i][a] += (double)imr_matrix_row(&rows, i)[j] * axes[a * n + j];
    turn_to_query(&s, k);
    *out = s;
    return IMR_OK;
}

static imr_status make(imr_map *map, const imr_why_run *run, imr_error *err)
{
    const float *const queries[] = {run->query_base, run->q, run->q_after};
    const float *const documents[] = {run->base, run->d, run->d_after};
    map->k = run->k;
    for (size_t i = 0; i < (run->m ? IMR_STAGE_COUNT : 1); i++) {
        const size_t n = i ? run->m : run->n;
        IMR_CLEANUP(imr_matrix_done) imr_matrix units = {0};
        IMR_TRY(imr_matrix_init(&units, run->k + 1, n, err));
        imr_nn_unit_rows(units.v, imr_view_of(documents[i], run->k, n));
        imr_nn_unit(imr_matrix_row(&units, run->k), queries[i], n);
        IMR_TRY(imr_map_project(&map->stage[i], imr_view_of(units.v, run->k, n),
                                imr_matrix_row(&units, run->k), map->arena, err));
    }
    return IMR_OK;
}

imr_status imr_map_make(imr_map **out, const imr_why_run *run, imr_error *err)
{
    imr_arena *arena = imr_arena_new();
    imr_map *map = arena ? IMR_ARENA_ARRAY(arena, imr_map, 1) : NULL;
    if (!map)
        imr_arena_free(arena);
    IMR_NEED(map, err);
    map->arena = arena;
    const imr_status status = make(map, run, err);
    if (status != IMR_OK)
        imr_map_free(map);
    else
        *out = map;
    return status;
}

void imr_map_free(imr_map *m)
{
    if (m)
        imr_arena_free(m->arena);
}

void imr_map_place(const imr_map_stage *s, size_t point, size_t rows, size_t columns, double height,
                   size_t *row, size_t *column)
{
    const double size[2] = {columns ? (double)(columns - 1) : 0,
                            rows ? (double)(rows - 1) * height : 0};
    double scale = INFINITY, at[2];
    for (size_t j = 0; j < 2; j++)
        if (s->high[j] > s->low[j])
            scale = fmin(scale, size[j] / (s->high[j] - s->low[j]));
    for (size_t j = 0; j < 2; j++) {
        const double middle = (s->low[j] + s->high[j]) / 2;
        at[j] = size[j] / 2 + (isfinite(scale) ? (s->at[point][j] - middle) * scale : 0);
    }
    *column = (size_t)fmin(fmax(at[0] + 0.5, 0), size[0]);
    *row = (size_t)fmin(fmax((size[1] - at[1]) / height + 0.5, 0), size[1] / height);
}
