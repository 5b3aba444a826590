#include "explain/map.h"

#include <math.h>

#include "math/linalg.h"
#include "math/nn.h"

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

imr_status imr_map_project(imr_map_stage *s, imr_matrix *rows, imr_error *err)
{
    const size_t k = rows->rows - 1, n = rows->cols, sample = k < IMR_MAP_MOST ? k : IMR_MAP_MOST;
    const double *axis[2] = {NULL, NULL};
    const float *query = imr_matrix_row(rows, k);
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    IMR_AUTOFREE double *mean = IMR_NEW_ARRAY(double, n);
    double all = 0;
    IMR_NEED(mean, err);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++)
            mean[j] += (double)imr_matrix_row(rows, i)[j] / (double)k;
    for (size_t i = 0; i <= k; i++)
        for (size_t j = 0; j < n; j++)
            imr_matrix_row(rows, i)[j] = (float)((double)imr_matrix_row(rows, i)[j] - mean[j]);
    IMR_TRY(imr_svd_init(&svd, imr_view_of(rows->v, sample, n), err));
    for (size_t j = 0; j < svd.k; j++)
        all += svd.s[j] * svd.s[j];
    const bool varies = all > 1e-12 * (double)sample; /* not by rounding alone */
    for (size_t a = 0; a < 2; a++) {
        s->carried[a] = !varies ? (double)NAN : a < svd.k ? svd.s[a] * svd.s[a] / all : 0;
        axis[a] = varies && s->carried[a] > 1e-12 ? svd.vt + a * n : NULL;
    }
    const double length = imr_nn_norm(query, n);
    if (!varies && length > 0) {
        for (size_t j = 0; j < n; j++)
            mean[j] = (double)query[j] / length;
        axis[0] = mean;
    }
    for (size_t i = 0; i <= k; i++)
        for (size_t a = 0; a < 2; a++)
            for (size_t j = 0; axis[a] && j < n; j++)
                s->at[i][a] += (double)imr_matrix_row(rows, i)[j] * axis[a][j];
    turn_to_query(s, k);
    return IMR_OK;
}

imr_status imr_map_make(imr_map **out, const imr_why_run *run, imr_error *err)
{
    const float *const queries[] = {run->query_base, run->q, run->q_after};
    const float *const documents[] = {run->base, run->d, run->d_after};
    const size_t k = run->k, stages = run->m ? IMR_STAGE_COUNT : 1;
    IMR_AUTOFREE imr_map *map =
        imr_calloc(1, sizeof *map + stages * (k + 1) * sizeof *map->stage[0].at);
    IMR_NEED(map, err);
    map->k = k;
    for (size_t i = 0; i < stages; i++) {
        const size_t n = i ? run->m : run->n;
        IMR_CLEANUP(imr_matrix_done) imr_matrix units = {0};
        IMR_TRY(imr_matrix_init(&units, k + 1, n, err));
        imr_nn_unit_rows(units.v, imr_view_of(documents[i], k, n));
        imr_nn_unit(imr_matrix_row(&units, k), queries[i], n);
        map->stage[i].at = map->points + i * (k + 1);
        IMR_TRY(imr_map_project(&map->stage[i], &units, err));
    }
    *out = IMR_TAKE(map);
    return IMR_OK;
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
