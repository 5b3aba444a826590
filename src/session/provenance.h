/*
 * session/provenance.h - where an adapter comes from, held against the cache it is used with: what
 * speaks against it, and which judgements its training used.
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
 *
 * Seen and unseen (method.md section 5) are labels of an adapter and its training data, not of a
 * data set. What an adapter was trained on is known, in this order,
 *
 *   from --trained-on       a split of the cache, a file of judgements, or none
 *   from its metadata       the hashes of the splits the authors' package 0.2 made of this data set
 *                           (retrieval/reference_split.h), or: no judgements at all
 *   from its metadata       the name of this data set, or the hash of its corpus (moved or renamed,
 *                           a data set is the same): then all judgements of train count, since
 *                           which of them were used is not known
 *
 * and else not at all: another data set, no metadata, the authors' release 0.1, which cut its
 * training queries out of the test judgements without saying which. Validation queries that were
 * cut out of train chose the epoch: they were used, too.
 */
#pragma once

#include "session/ranker.h"

typedef struct imr_doubts {
    imr_trace_warning v[5]; /* texts: ours; up to three are the store's (session/engine.c) */
    size_t n;
} imr_doubts;

/*
 * The form is not looked into for form full, a form the user chose, fewer than 8 cached queries or
 * 50 documents. Cost: one product of the corpus with 50 queries. Without an adapter there are no
 * doubts. Errors: IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_doubts_find(imr_doubts *out, const imr_ranker *r, const imr_progress *progress,
                           imr_error *err);
void imr_doubts_done(imr_doubts *d); /* {0} is fine */

typedef struct imr_seen {
    bool known;
    imr_qrels *train; /* the judgements used; NULL: none, or unknown */
    char *words;      /* "trained on ...", "unknown what it was trained on ..."; never NULL */
} imr_seen;

/* trained_on may be NULL. Errors: IMR_E_NOT_FOUND when it names neither a judged split nor a file;
 * what a file's reader says; IMR_E_MEMORY. */
imr_status imr_seen_find(imr_seen *out, const imr_adapter *a, const imr_cache *cache,
                         const char *trained_on, imr_error *err);
void imr_seen_done(imr_seen *s); /* {0} is fine */
