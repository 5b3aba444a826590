/*
 * session/pair.h - one query and one document alone, as explain() of the authors' package 0.2.
 *
 * The document is the only candidate (K = 1), so the query's change comes from it alone; there is
 * no average candidate to compare it with, and shares are in cosine units (method.md section 3b).
 * Beside our words stands the list their package prints:
 *
 *     cosine_t = cos(P+ delta, E_t) ,  E: the encoder's own table `input`, pieces as they are,
 *     the largest |cosine_t| first, special tokens left out;  delta: kind `paper`
 */
#ifndef IMR_SESSION_PAIR_H
#define IMR_SESSION_PAIR_H

#include "session/internal.h"

/* Makes t->pair. document: an id of the cache, else a text, which is encoded.
 * Errors: IMR_E_NOT_FOUND when a text comes without an encoder, IMR_E_UNSUPPORTED when it knows no
 * word of it. */
imr_status imr_pair_find(imr_session *s, imr_trace *t, const char *document,
                         imr_error *err) IMR_NODISCARD;

/* The tokens their package would name, from the finished vectors of t; none without an adapter, or
 * where the table has another dimension than the vectors. */
imr_status imr_pair_tokens(const imr_session *s, imr_trace *t, imr_error *err) IMR_NODISCARD;

#endif
