/*
 * session/seen.h - which judgements an adapter's training used.
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
#ifndef IMR_SESSION_SEEN_H
#define IMR_SESSION_SEEN_H

#include "adapter/adapter.h"
#include "retrieval/cache.h"

typedef struct imr_seen {
    bool known;
    imr_qrels *train; /* the judgements used; NULL: none, or unknown */
    char *words;      /* "trained on ...", "unknown what it was trained on ..."; never NULL */
} imr_seen;

/* trained_on may be NULL. Errors: IMR_E_NOT_FOUND when it names neither a judged split nor a file;
 * what a file's reader says; IMR_E_MEMORY. */
imr_status imr_seen_find(imr_seen *out, const imr_adapter *a, const imr_cache *cache,
                         const char *trained_on, imr_error *err) IMR_NODISCARD;
void imr_seen_done(imr_seen *s); /* {0} is fine */

#endif
