/*
 * adapter/adapter.h - an adapter as a whole: open, project, run, look at, save.
 *
 *   imr_adapter *a;
 *   IMR_TRY(imr_adapter_open(&a, "imrnns-minilm-scifact.pt", IMR_FORM_AUTO, err));
 *   IMR_TRY(imr_adapter_project(a, imr_view_of(query, 1, n), q, err));
 *   IMR_TRY(imr_adapter_project(a, documents, d, err));
 *   imr_adapter_result r = {0};
 *   IMR_TRY(imr_adapter_run(a, q, imr_view_of(d, k, m), &r, err));       r.before, r.after, ...
 *   imr_adapter_result_done(&r);
 *   imr_adapter_free(a);
 *
 * A score depends on the whole candidate set, so there is no pairwise score(query, document).
 * Threads: an open adapter is const; any number may use it, each with a result of its own.
 */
#pragma once

#include "adapter/weights.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "format/torch_pt.h"
#include "math/matrix.h"

/* What decided the form: the tensors, what the file says (adapter/adapter.c), or the caller. */
typedef enum imr_form_source {
    IMR_FORM_FROM_SHAPES,
    IMR_FORM_FROM_METADATA,
    IMR_FORM_FROM_OPTION
} imr_form_source;

const char *imr_form_source_name(imr_form_source from); /* "shapes", "metadata", "option" */

typedef struct imr_adapter {
    imr_weights w; /* w.form: the form it is computed with */
    imr_form_source form_from;
    char *path; /* "" for one that was not read from a file */
    char sha256[IMR_SHA256_HEX];
    const char *container; /* "PyTorch", "safetensors" or "memory" */
    char *metadata;        /* JSON object the file holds beside the tensors; NULL when none */
    imr_problems problems;
    bool usable; /* no problem is an error */
} imr_adapter;

/*
 * Opens for use. form: AUTO, or the form to read the tensors as, whatever the file says.
 * Errors: the first error of the problem list (missing, wrong-shape or non-finite tensor, with how
 * many more there are), or what the container's reader says. Unexpected tensors are only listed in
 * `problems`.
 */
imr_status imr_adapter_open(imr_adapter **out, const char *path, imr_form form, imr_error *err);
/* Opens to look at: succeeds whenever the container can be read; usable tells whether w may be
 * used, problems why not. */
imr_status imr_adapter_examine(imr_adapter **out, const char *path, imr_form form, imr_error *err);
/* An untrained one with weights for training, see imr_weights_random. */
imr_status imr_adapter_new(imr_adapter **out, imr_form form, size_t n, size_t m, size_t h,
                           uint64_t seed, imr_error *err);
void imr_adapter_free(imr_adapter *a); /* NULL is fine */
IMR_FREE_AT(imr_adapter, imr_adapter_free)

/* Writes {"model_state": ..., "metadata": ...} as .pt, or safetensors when path ends so. The
 * metadata begin with what the file says of itself (adapter/adapter.c). */
imr_status imr_adapter_save(const imr_adapter *a, const char *path, const imr_torch_meta *metadata,
                            size_t n_metadata, imr_error *err);

/*
 * Encoder vectors base [rows,n] into the working space, out [rows,m] without gaps, not base:
 *   diagonal, mean  unit(P x + c), unit(y) = y/max(|y|, 1e-12)
 *   full            P x                                                    method.md section 1
 * Errors: IMR_E_SHAPE when base has another n (both named, with the usual cause); IMR_E_NUMERIC
 * names the first row that is not finite. out is then unspecified. No allocation.
 */
imr_status imr_adapter_project(const imr_adapter *a, imr_view base, float *out, imr_error *err);

/*
 * What is compared in place of x': unit((1 - by) x^ + by x'^) in the length of x', but x itself for
 * by 0; then the dimensions dims are set to 0. by >= 0.
 */
typedef struct imr_blend {
    double by;
    const uint32_t *dims;
    size_t n_dims;
} imr_blend;

/* after [rows,m]: x' of each row of before becomes that. b NULL: stays. */
void imr_blend_rows(float *after, imr_view before, const imr_blend *b);

/*
 * One run: q and K candidates, every intermediate. Vectors are [m] unless said otherwise.
 * The struct is also the workspace: start from {0}, use it again and again, end with _done. It
 * allocates only when K grows beyond what it held before. Pointers are valid until the next run.
 */
typedef struct imr_adapter_result {
    size_t m, k;
    float *q;                /* the projected query */
    float *scale_q, *bias_q; /* from the query, for the documents; range (0,1) and (-1,1); form
                                full: the matrix [m,m] in place of the scale */
    float *d_mod;            /* [k,m] d' */
    float *d_mean;           /* diagonal: mean of d'; the others: unused (NULL) */
    float *scale_d, *bias_d; /* likewise from the documents, for the query */
    float *q_mod;            /* q' */
    float *before;           /* [k] cos(q, d_i) */
    float *after;            /* [k] cos(q', d_i') */

    /* What if: set before a run; of q_mod and of every modulated document. NULL: as they are. */
    const imr_blend *query_blend, *document_blend;

    float *store, *scratch; /* private */
    size_t capacity;
} imr_adapter_result;

void imr_adapter_result_done(imr_adapter_result *r); /* {0} is fine */

/*
 * q [m] and d [K,m] are projected vectors; the feedback documents are the candidates.
 * Errors: IMR_E_SHAPE when d has another m or no row, IMR_E_LIMIT above IMR_MAX_FEEDBACK rows,
 * IMR_E_NUMERIC names the first candidate whose similarity is not finite, IMR_E_MEMORY. After a
 * failure the result's contents are unspecified, but it may be used again.
 */
imr_status imr_adapter_run(const imr_adapter *a, const float *q, imr_view d, imr_adapter_result *r,
                           imr_error *err);

/* d' of any documents d [rows,m], modulated as the candidates were; out [rows,m], not d. */
void imr_adapter_modulate(const imr_adapter *a, const imr_adapter_result *r, imr_view d,
                          float *out);

/*
 * Leave one out (method.md section 4): out[i] [m] = q' of a run over the rows of d but the i-th. r
 * is the run over d, which has at least two rows.
 *   diagonal  the net on the mean of the others, all K in one product
 *   mean      the net of each once, the mean of the others
 *   full      likewise of the hidden layers; L2 is applied to q first: W q + b is linear in them
 * Within 1e-5 of those runs. Memory: K (2m + 1.5h), full h (K + m). Errors: IMR_E_MEMORY.
 */
imr_status imr_adapter_without_each(float *out, const imr_adapter *a, const imr_adapter_result *r,
                                    imr_view d, imr_error *err);

/*
 * Scores further documents with the query side of a finished run (scope `rescore`): after[i] =
 * cos(r->q_mod, d_i'), d_i' modulated as the candidates were.
 * No d' is kept: the forms that scale read d once (adapter/sweep.h), form full goes by blocks.
 * progress (may be NULL) is told "scoring documents" every few milliseconds. Within 2e-6 of the
 * run's own numbers, and the same for any number of threads.
 * Errors: IMR_E_SHAPE, IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_adapter_score(const imr_adapter *a, const imr_adapter_result *r, imr_rows d,
                             float *after, const imr_progress *progress, imr_error *err);

/* What a set of documents says to every query under an adapter of form mean or full: it does not
 * depend on the query, so their net is applied once to each. {0} at first; made by the first sweep
 * that gets it, used by later ones over the same documents. */
typedef struct imr_feedback {
    float *v; /* what the net says; freed with imr_free */
} imr_feedback;

/*
 * Every document as feedback and every document scored (scope `corpus`). q [m], d [N,m],
 * after [N]; kept may be NULL. r: as imr_adapter_run, without d_mod, before and after (NULL, k 0);
 * imr_adapter_score may follow. Form diagonal takes two sweeps over d (adapter/sweep.h), the others
 * one once the feedback is kept.
 * progress (may be NULL) is told after every few milliseconds of work how many of the N documents
 * the sweep has read, in the first as "averaging documents" (absent when it was kept), in the
 * second as "scoring documents"; after the last of the second all is done.
 * Errors: those of imr_adapter_run, but no limit on N; IMR_E_CANCELLED, after which after is
 * partly written and r is as after any failure.
 */
imr_status imr_adapter_score_sweep(const imr_adapter *a, const float *q, imr_rows d,
                                   imr_feedback *kept, imr_adapter_result *r, float *after,
                                   const imr_progress *progress, imr_error *err);

/* How strongly the adapter acts, over `queries` seeded random unit vectors of the encoder space. */
typedef struct imr_adapter_survey {
    size_t queries;
    double scale_min, scale_mean, scale_max, scale_sd; /* over all dimensions of all queries; form
                                                          full: the diagonal of W */
    double bias_min, bias_median, bias_max;            /* |bias|_2 of a query */
} imr_adapter_survey;

imr_status imr_adapter_survey_run(imr_adapter_survey *out, const imr_adapter *a, size_t queries,
                                  uint64_t seed, imr_error *err);
