/*
 * session/doubts.h - whether an adapter is what its file says, and belongs to these vectors.
 *
 * Nothing fails where the wrong form or another encoder of the same n is used: rankings come out,
 * and are nonsense. A doubt is one sentence with what was found and what to do; its code is stable.
 *
 *   form-unlikely     several readings fit the same tensors. A sample of cached queries is run
 *                     under each; where the file's own keeps fewer than 4 of the first 10 documents
 *                     of the projected ranking and another keeps at least 6, that is said. (The
 *                     published minilm adapters on the real MiniLM, SciFact: diagonal keeps 0.8 to
 *                     5.5 of 10, mean 7.2 to 9.2; the authors' present one 8.6 and 9.3.)
 *   encoder-mismatch  the encoder the adapter's metadata name against the one that made the cache:
 *                     by the hash of its weights where both have one, else by name (without
 *                     organisation and case, short names resolved), and by the prefixes.
 */
#ifndef IMR_SESSION_DOUBTS_H
#define IMR_SESSION_DOUBTS_H

#include "session/ranker.h"

typedef struct imr_doubt {
    const char *code; /* static */
    char *text;
} imr_doubt;

typedef struct imr_doubts {
    imr_doubt v[2];
    size_t n;
} imr_doubts;

/*
 * The form is not looked into for form full, a form the user chose, fewer than 8 cached queries or
 * 50 documents. Cost: one product of the corpus with 50 queries. Without an adapter there are no
 * doubts. Errors: IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_doubts_find(imr_doubts *out, const imr_ranker *r, const imr_progress *progress,
                           imr_error *err) IMR_NODISCARD;
void imr_doubts_done(imr_doubts *d); /* {0} is fine */

#endif
