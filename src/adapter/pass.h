/*
 * adapter/pass.h - the pass over a training batch, forward and back.
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
#pragma once

#include "adapter/loss.h"
#include "adapter/weights.h"
#include "math/random.h"

typedef struct imr_pass {
    size_t size, list, unique; /* B queries, L documents each, U different documents */
    uint32_t *document;        /* [B*L] which of the U documents; filled by the caller, as x is */
#define FLOATS(name, values, where) float *name;
#include "adapter/pass.def"
#undef FLOATS
    float *store; /* private */
    size_t capacity, document_capacity;
} imr_pass;

/* Makes room for a batch and points everything. Errors: IMR_E_MEMORY. */
imr_status imr_pass_prepare(imr_pass *p, const imr_weights *w, size_t size, size_t list,
                            size_t unique, bool dropout, imr_error *err);
void imr_pass_done(imr_pass *p);

/* x and document to d_mod and q_mod. random: draws dropout masks with probability `dropout`; not
 * used when the pass was prepared without. */
void imr_pass_forward(imr_pass *p, const imr_weights *w, double dropout, imr_random *random);

/* Then the chain rule, backwards: gradients of every weight, of all forms. gradient has the shape
 * of w and is overwritten; w and dropout are the same. Returns the batch's loss. Checked against
 * PyTorch's gradients and against finite differences of a plain double forward pass. */
double imr_backward(imr_weights *gradient, imr_pass *p, const imr_weights *w, const imr_loss *loss,
                    double dropout);
