/*
 * session/deletion.h - what a document's words do, by leaving each out (method.md section 3b).
 *
 *     loss_w = sim(q, d) - sim(q, d without w)          at each of the three stages
 *
 * For encoders whose vectors are no sum over words (CLS, max pooling); works for any. All places of
 * the word are cut out of what the encoder read, so that nothing that it did not read moves in, and
 * the text is encoded anew. The query and the scales and biases of its run stay as they are. Losses
 * do not add up to the similarity.
 * Cost: an encoding for each different word, some at a time.
 * Threads: one at a time.
 */
#ifndef IMR_SESSION_DELETION_H
#define IMR_SESSION_DELETION_H

#include "session/internal.h"

/* Fills d->why.deletion from the document's reading. Errors: the encoder's, IMR_E_CANCELLED. */
imr_status imr_deletion_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                             const imr_reading *document, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

#endif
