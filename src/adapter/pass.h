/*
 * adapter/pass.h - the forward pass over a training batch, keeping what the way back needs.
 *
 * A batch has `size` queries, each with a list of `list` documents (column 0 the positive); every
 * document of a list is feedback of its own query. Documents that occur in several lists are
 * projected once, and in form mean go through their net once. Formulas: method.md section 1, with
 * dropout after each relu of the nets.
 *
 * Threads: only the dense products use several; the loops between them are too short to share out
 * (measured: 0.13 s an epoch of 700 queries x 21 documents, n 384, m 256, on one busy core, against
 * 2 s with OpenMP between products on the same machine).
 *
 * The pass is a workspace: {0} to start, _prepare for each batch (allocates only when the batch is
 * larger than any before), _done at the end.
 */
#ifndef IMR_ADAPTER_PASS_H
#define IMR_ADAPTER_PASS_H

#include "adapter/weights.h"
#include "math/random.h"

typedef struct imr_pass {
    size_t size, list, unique; /* B queries, L documents each, U different documents */
    /* Inputs, filled by the caller after _prepare. */
    float *x;           /* [B+U,n] encoder vectors: queries, then documents */
    uint32_t *document; /* [B*L] which of the U documents */

    /* All forms. */
    float *z, *z_norm;           /* [B+U,m] projected; but for full |P x + c| before unit() */
    float *d_hat, *d_inverse;    /* [B*L,m], [B*L] of LN_doc */
    float *d_mod;                /* [B*L,m] */
    float *q_hat, *q_inverse;    /* [B,m], [B] of LN_query */
    float *q_mod;                /* [B,m] */
    float *query_h1, *query_out; /* [B,h]; [B,2m] or [B,m*m+m] */
    float *doc_h1,
        *doc_out; /* diagonal [B,h], [B,2m]; mean [U,h], [B,2m]; full [B*L,h], [B,m*m+m] */
    float *base;  /* [B*L] cosines of x, for the loss `improvement` */
    /* Diagonal and mean. */
    float *query_h2, *doc_h2; /* [B,h/2]; mean: doc_h2 [U,h/2] */
    /* Diagonal. */
    float *d_mean; /* [B,m] of d' */
    /* Mean. */
    float *doc_each, *d_each; /* [U,2m] the documents' net on each, and its gradient */
    /* Full. */
    float *doc_mean; /* [B,h] mean hidden layer over a list */
    float *d_list;   /* [B*L,m] projected documents of the lists, side by side */

    /* Gradients, the way back's. */
    float *dq_mod, *dd_mod;   /* [B,m], [B*L,m] */
    float *dz;                /* [B+U,m] */
    float *d_out, *dh1, *dh2; /* shapes of *_out, of the larger *_h1 and *_h2 */
    float *d_feedback;        /* [B,m], full [B,h] */
    float *d_gain, *d_shift;  /* [B,m]: LN_doc's, one a query, so that sums have one order */
    float *scratch;           /* of the loss */

    /* Dropout multipliers, 0 or 1/(1-p); NULL without dropout. Shapes of the hidden layers. */
    float *mask_query_h1, *mask_query_h2, *mask_doc_h1, *mask_doc_h2;

    float *store; /* private */
    uint32_t *ids;
    size_t capacity, ids_capacity;
} imr_pass;

/* Makes room for a batch and points everything. Errors: IMR_E_MEMORY. */
imr_status imr_pass_prepare(imr_pass *p, const imr_weights *w, size_t size, size_t list,
                            size_t unique, bool dropout, imr_error *err) IMR_NODISCARD;
void imr_pass_done(imr_pass *p);

/* x and document to d_mod and q_mod. random: draws dropout masks with probability `dropout`; not
 * used when the pass was prepared without. */
void imr_pass_forward(imr_pass *p, const imr_weights *w, double dropout, imr_random *random);

#endif
