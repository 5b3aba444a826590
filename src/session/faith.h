/*
 * session/faith.h - do back-projected words carry a change? (method.md section 4, Faithfulness)
 *
 * The directions W_t = P E_t of the j largest words of the first document's change, and their span
 * Q (QR), are taken out of every listed document's modulation, and all are scored again:
 *
 *   d_i'' = d_i' - Q Q'(d_i' - |d_i'| unit(d_i)) ,   cos(q', d_i'')
 *
 * against j random shown words of the table, 20 seeded draws.
 */
#ifndef IMR_SESSION_FAITH_H
#define IMR_SESSION_FAITH_H

#include "session/session.h"

#define IMR_FAITH_WORDS 10 /* half of m, where that is no larger than these */
#define IMR_FAITH_DRAWS 20
typedef enum imr_faith_number {
    IMR_FAITH_TAU, /* Kendall's, with the ranking now; behind it the mean over random draws */
    IMR_FAITH_TAU_RANDOM,
    IMR_FAITH_OVERLAP, /* of the first ten, 0 to 1 */
    IMR_FAITH_OVERLAP_RANDOM,
    IMR_FAITH_FALL, /* of the document's lead, in sd */
    IMR_FAITH_FALL_RANDOM,
    IMR_FAITH_DRAWN, /* sd of tau over the draws */
    IMR_FAITH_BEATS, /* tau at random less tau */
    IMR_FAITH_COUNT
} imr_faith_number;
extern const char *const imr_faith_names[]; /* "tau", "tau_random" ... */
typedef struct imr_faith_row {
    const char *table;
    imr_change_kind kind;
    imr_spread v[IMR_FAITH_COUNT];
} imr_faith_row;

/* Kinds paper and own in the tables input and context, those at hand. */
typedef struct imr_faith {
    struct imr_told *told[2];
    imr_faith_row rows[4];
    size_t n;
} imr_faith;
imr_status imr_faith_open(imr_faith *out, imr_session *s, const imr_progress *progress,
                          imr_error *err) IMR_NODISCARD;
/* Adds a ranking of two documents or more; nothing without an adapter. */
imr_status imr_faith_add(imr_faith *f, const imr_trace *t, imr_error *err) IMR_NODISCARD;
void imr_faith_done(imr_faith *f); /* {0} is fine */
/* The words named disturb the ranking by far more than random ones. */
bool imr_faith_holds(const imr_faith_row *r);

#endif
