/*
 * adapter/weights.h - the tensors of an adapter: a table of names and shapes, a block of memory.
 *
 * Three forms (method.md section 1):
 *   diagonal  the first release: projector, two three-layer nets m -> h -> h/2 -> 2m, two norms
 *   mean      the present release: the same tensors, but the documents' net sees each candidate as
 *             it was, and what it says is averaged
 *   full      the paper's: projector without bias, two two-layer nets m -> h -> m*m + m, two norms
 * Tensors tell `full` from the others; `diagonal` and `mean` only the file can tell, by what it
 * says of itself (adapter/adapter.c).
 *
 * A weight is [outputs, inputs], row-major. All weights lie in one zero-padded float32 block, so
 * that a gradient or an optimiser's moments are a second imr_weights of the same shape.
 *
 * Reading remaps older names (`e5_projector.`, `sbert_projector.` for `projector.`), strips wrapper
 * prefixes (`module.`, `model_state.` and the like) and passes over encoder weights some files
 * carry (`e5_model.*`, `sbert.*`). What does not fit becomes a list of problems: PyTorch's
 * strict=False, which the authors' package uses, says nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "format/tensors.h"
#include "math/matrix.h"

/* In the order of --form. AUTO is a wish, no adapter has it: what the file says. */
typedef enum imr_form { IMR_FORM_AUTO, IMR_FORM_DIAGONAL, IMR_FORM_MEAN, IMR_FORM_FULL } imr_form;

const char *imr_form_name(imr_form form);    /* "auto", "diagonal", "mean", "full" */
imr_form imr_form_of_name(const char *name); /* AUTO for any other word */
/* Its nets give a scale and a bias for each dimension, and its vectors have length 1 (diagonal,
 * mean); else a matrix and a bias. */
static inline bool imr_form_scales(imr_form form)
{
    return form != IMR_FORM_FULL;
}

/* Layers of the two nets are numbered 1..3 (form full: 1..2). Odd ids: biases of the one before. */
typedef enum imr_weight_id {
    IMR_W_PROJECTOR,
    IMR_W_PROJECTOR_BIAS,
    IMR_W_QUERY_1,
    IMR_W_QUERY_1_BIAS,
    IMR_W_QUERY_2,
    IMR_W_QUERY_2_BIAS,
    IMR_W_QUERY_3,
    IMR_W_QUERY_3_BIAS,
    IMR_W_DOC_1,
    IMR_W_DOC_1_BIAS,
    IMR_W_DOC_2,
    IMR_W_DOC_2_BIAS,
    IMR_W_DOC_3,
    IMR_W_DOC_3_BIAS,
    IMR_W_QUERY_NORM, /* gain */
    IMR_W_QUERY_NORM_BIAS,
    IMR_W_DOC_NORM,
    IMR_W_DOC_NORM_BIAS,
    IMR_W_COUNT
} imr_weight_id;

typedef struct imr_weights {
    imr_form form;
    size_t n, m, h;
    float *v; /* the block, 64-byte aligned */
    size_t count;
    size_t offset[IMR_W_COUNT];
} imr_weights;

/* Zeroed weights. IMR_E_SHAPE when a dimension is 0 or over IMR_MAX_DIM or h < 2, IMR_E_LIMIT when
 * there would be more than 2^30 values. */
imr_status imr_weights_init(imr_weights *out, imr_form form, size_t n, size_t m, size_t h,
                            imr_error *err);
void imr_weights_done(imr_weights *w); /* {0} is fine */
/* A block of the same shape, zeroed. */
imr_status imr_weights_like(imr_weights *out, const imr_weights *w, imr_error *err);
void imr_weights_copy(imr_weights *to, const imr_weights *from); /* same shape */

/*
 * Initial weights for training (method.md section 5): projector uniform +-1/sqrt(n), weight and
 * bias, but of form mean with m = n the identity and 0; nets normal with sd 0.01, biases 0; norms
 * 1 and 0.
 */
void imr_weights_random(imr_weights *w, uint64_t seed);

/* The tensor's name in a file, or NULL when the form has no such tensor. */
const char *imr_weight_name(imr_form form, imr_weight_id id);
/* Shape: rank (0 when the form has no such tensor), shape[0..rank). */
size_t imr_weight_shape(const imr_weights *w, imr_weight_id id, uint64_t shape[2]);
size_t imr_weight_count(const imr_weights *w, imr_weight_id id); /* values; 0 when absent */

static inline float *imr_weight(const imr_weights *w, imr_weight_id id)
{
    return w->v + w->offset[id];
}
/* A matrix as a view; a vector as one row. */
imr_view imr_weight_view(const imr_weights *w, imr_weight_id id);

/* ---- what is wrong with a file ---- */

typedef enum imr_severity {
    IMR_SEVERITY_NOTE,    /* worth knowing */
    IMR_SEVERITY_WARNING, /* the adapter works; the file is not quite what it should be */
    IMR_SEVERITY_ERROR    /* the adapter cannot be used */
} imr_severity;

extern const char *const imr_severity_names[]; /* "note", "warning", "error" */

typedef struct imr_problem {
    imr_severity severity;
    imr_status status; /* what opening for use would return */
    char *where;       /* the tensor, as the file names it */
    char *what;        /* found and expected, and what it means */
    const char *fix;   /* static: what to do */
} imr_problem;

typedef struct imr_problems {
    imr_problem *v;
    size_t n, cap;
} imr_problems;

void imr_problems_done(imr_problems *p); /* {0} is fine */
/* The first of the worst severity, or NULL. */
const imr_problem *imr_problems_worst(const imr_problems *p);

/* format: of what; fix is static. Errors: IMR_E_MEMORY. */
imr_status imr_problems_add(imr_problems *p, imr_severity severity, imr_status status,
                            const char *where, const char *fix, imr_error *err, const char *format,
                            ...) IMR_PRINTF(7, 8);

/*
 * Fills out from a table and adds to problems: missing, wrong-shape and non-finite tensors
 * (errors), unexpected ones (warnings; errors when strict, as PyTorch's load_state_dict has it),
 * ignored encoder weights (one note). form AUTO: diagonal or full, by the tensors. n, m and h come
 * from the shapes. When an error is among them out holds what could be read, zeros elsewhere; when
 * not even the dimensions can be told out has none. Only memory and limits fail the call itself.
 */
imr_status imr_weights_read(imr_weights *out, imr_problems *problems, const imr_tensors *table,
                            imr_form form, bool strict, imr_error *err);
