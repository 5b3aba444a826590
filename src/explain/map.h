/*
 * explain/map.h - a query and its candidates in two dimensions, at each stage.
 *
 *   points   unit vectors at the stage (encoder, projected, now), less the candidates' mean
 *   axes     the two directions in which the candidates vary most (PCA: right singular vectors)
 *   carried  s_j^2 / sum s^2: the part of the candidates' variance along axis j; NaN without any
 *   sign     the query lies on the positive side of each axis; on neither, the farthest candidate
 *
 * Candidates that are one and the same vector vary in no direction: then the first axis leads to
 * the query. Of more than IMR_MAP_MOST candidates the first ones give the axes.
 * Coordinates are finite where the vectors are. Cost: an SVD of [k, dimension].
 */
#pragma once

#include "explain/why.h"

#define IMR_MAP_MOST 200

typedef struct imr_map_stage {
    double (*at)[2]; /* [k+1]: documents in the order of the list, the query last; NULL: no stage */
    double carried[2];
    double low[2], high[2]; /* of all points */
} imr_map_stage;

/* One block of memory: imr_free. */
typedef struct imr_map {
    size_t k;
    imr_map_stage stage[IMR_STAGE_COUNT];
    uint64_t serial; /* the caller's */
    double points[][2];
} imr_map;

/* The stages a run has. Errors: IMR_E_NUMERIC for what is not finite, IMR_E_MEMORY. */
imr_status imr_map_make(imr_map **out, const imr_why_run *run, imr_error *err);

/* One stage, whose `at` has room. rows [k+1,dimension]: unit vectors or zero, the query last; they
 * lose the candidates' mean. */
imr_status imr_map_project(imr_map_stage *s, imr_matrix *rows, imr_error *err);

/* Where a point lies in a grid, from its top left corner, (row, column) whole numbers: one scale on
 * both axes, all points inside. A cell is `height` times as high as it is wide. */
void imr_map_place(const imr_map_stage *s, size_t point, size_t rows, size_t columns, double height,
                   size_t *row, size_t *column);
