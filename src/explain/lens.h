/*
 * explain/lens.h - from the working space back to the encoder's, and there to words.
 *
 * Back-projection: delta_base = P+ delta,  P+ = P'(P P')^-1                    method.md section 4
 * The projector P [m,n] is factorised once, P = U S V' (thin SVD, double), and everything else is
 * read off it, with r the rank:
 *
 *     delta_base           = V S^-1 U' delta                            [n]
 *     coordinates(delta)   = S^-1 U' delta                              [r], |.| = |delta_base|
 *     delta' (P P')^+ delta = |coordinates(delta)|^2
 *     P+ P                 = V V', the part of the encoder's space P can see
 *
 * The rows of V' are an orthonormal basis of what P can see, so lengths and angles of
 * back-projected changes are lengths and angles of r numbers instead of n. Working in these
 * coordinates keeps float32 errors independent of P's condition number, which forming (P P')^-1
 * would square.
 *
 * A lens is an adapter and a token table, folded into one (fast path of the same section): with E_t
 * the table's row less its centre, where it has one, e_t = unit(E_t) and B = unit_rows(E) P+ ,
 *
 *     cosine_t = cos(P+ delta, E_t) = B_t delta / sqrt(delta' (P P')^+ delta)
 *
 * We keep B in those orthonormal coordinates, F = unit_rows(E) V [V,r], so
 *
 *     cosine_t = F_t . c / |c| ,           c = S^-1 U' delta              (the same number)
 *     visibility_t = |P+ P E_t|^2/|E_t|^2 = |F_t|^2                       in [0,1]
 *     reach_t = |P e_t| = |S F_t| ,        W_t = unit(P E_t) = U S F_t / reach_t
 *
 * One product of F with any number of directions gives all cosines; entries of F are at most 1, so
 * its float32 error is near 1e-7 whatever the condition number. A zero row of E has F_t = 0:
 * cosine, visibility and reach 0, never NaN.
 *
 * Precision: double, but for the basis and F.
 * Memory: 4 V r bytes and two floats a token. Table and backprojector are borrowed.
 * Threads: const after init; every function here is safe from any thread.
 */
#pragma once

#include "base/progress.h"
#include "math/linalg.h"
#include "math/packed.h"

/* ---- a table (explain/token_table.c) ----
 *
 * The words a change can be told in: E [V,n], one row a token, in the encoder's space (method.md
 * section 4). Kinds decide what is hidden by default: special tokens, [unused*], lone punctuation,
 * digits, single letters. A leading "##" (WordPiece continuation) is not looked at: "##s" is a
 * single letter, "##ing" is ordinary. Rows and texts are borrowed and must outlive the table. */

typedef enum imr_token_kind {
    IMR_KIND_ORDINARY,
    IMR_KIND_SPECIAL,     /* [CLS], <s>, and what the caller marks */
    IMR_KIND_UNUSED,      /* [unused17] */
    IMR_KIND_PUNCTUATION, /* no letter, digit or mark in it */
    IMR_KIND_DIGITS,      /* 0-9 only */
    IMR_KIND_LETTER,      /* one letter of an alphabet; a wide character (CJK) is a word */
    IMR_KIND_COUNT
} imr_token_kind;

imr_token_kind imr_token_kind_of(const char *text); /* UTF-8; bad bytes count as punctuation */
/* At least two characters, one of them a letter. */
bool imr_token_is_word(const char *text);

typedef struct imr_token_table {
    imr_view rows;                /* E [V,n], borrowed */
    const char *const *texts;     /* [V], borrowed */
    const float *centre;          /* NULL, or [n] the caller takes off every row; borrowed */
    uint8_t *hidden;              /* [V] 1: hidden by default, that is kind != ordinary */
    size_t count[IMR_KIND_COUNT]; /* tokens of each kind; the first is the number shown */
} imr_token_table;

/*
 * special (may be NULL): [V], not 0 where the tokeniser says a token is special.
 * Errors: IMR_E_SHAPE for an empty table, IMR_E_LIMIT over IMR_MAX_VOCAB rows, IMR_E_NUMERIC names
 * the token whose row is not finite, IMR_E_MEMORY.
 */
imr_status imr_token_table_init(imr_token_table *out, imr_view rows, const char *const *texts,
                                const uint8_t *special, imr_error *err);
void imr_token_table_done(imr_token_table *t); /* {0} is fine */

/* ---- back ---- */

typedef struct imr_backprojector {
    size_t m, n;      /* working and encoder dimension: P is [m,n] */
    size_t rank;      /* r: singular values that count, see imr_svd */
    imr_svd svd;      /* of P; columns of U and rows of V' from r on are not looked at */
    imr_matrix basis; /* [r,n] rows of V' in float32; of the identity none, nor U and V' */
} imr_backprojector;

/* weight: P, borrowed during the call only. Errors: IMR_E_SHAPE when empty, IMR_E_NUMERIC when an
 * entry is not finite or every entry is zero, IMR_E_MEMORY. */
imr_status imr_backprojector_init(imr_backprojector *out, imr_view weight, imr_error *err);
/* Of the space itself, without an adapter: P is the identity [n,n]. */
imr_status imr_backprojector_identity(imr_backprojector *out, size_t n, imr_error *err);
void imr_backprojector_done(imr_backprojector *b); /* {0} is fine */

/* out[r] = U' x, x [m] in the working space. */
void imr_backproject_left(double *out, const imr_backprojector *b, const double *x);
/* out[r] = S^-1 x in unit length, zeros when that is zero; x = U' delta [r] is overwritten. */
void imr_backproject_direction(float *out, const imr_backprojector *b, double *x);
/* out[n] = P+ x. scratch [r]. */
void imr_backproject(double *out, const imr_backprojector *b, const double *x, double *scratch);

/* ---- and to words ---- */

typedef struct imr_lens {
    const imr_token_table *table;
    const imr_backprojector *back;
    imr_packed folded; /* F [V,r], laid out for products */
    float *visibility; /* [V] */
    float *reach;      /* [V] */
} imr_lens;

/* Once per adapter and table; reports progress and can be cancelled every few milliseconds.
 * Errors: IMR_E_SHAPE when the table's n is not the adapter's, IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_lens_init(imr_lens *out, const imr_token_table *table, const imr_backprojector *back,
                         const imr_progress *progress, imr_error *err);
void imr_lens_done(imr_lens *l); /* {0} is fine */

/* Tokens whose cosines one product computes between two looks at the cancel flag. */
#define IMR_LENS_BLOCK ((size_t)4096)

/*
 * out[i,t] = F_t . directions_i for count directions [count,r] and tokens t from first to last - 1
 * (at most V - 1); out [count,V]. With unit directions these are cosines. first and last are
 * multiples of IMR_LENS_BLOCK, or last at least V. A number depends neither on the other
 * directions nor on the threads, among which OpenMP shares the tokens out.
 */
void imr_lens_products(float *out, const imr_lens *l, const float *directions, size_t count,
                       size_t first, size_t last);

/* cosine / sqrt(visibility/r), r the rank of P (m unless m > n): against a uniformly random
 * direction of what P can see; 0 for a token P cannot see. */
double imr_lens_z(const imr_lens *l, uint32_t token, double cosine);

/* ---- how well a corpus can be read through a lens (method.md section 4) ----
 *
 * Texts whose own words are known are looked at through the lens: x their base vectors less the
 * mean of them, the shown rows t of the table ordered by cos(P+ P x, E_t).
 *
 *   precision   of the ten nearest rows, or as many as the text has where it has fewer, the part
 *               that is the text's own                                  in [0,1], 1 is perfect
 *   chance      the same of as many random rows: own / shown
 *   rank        percentile rank (rows below + half of the equal ones) / (shown - 1) of the text's
 *               rarer words, those in at most 5 % of the texts          in [0,1], .5 is chance
 *
 * each the mean over a text, then over the texts. Texts without a shown word do not count, nor
 * those without a rarer one in rank. */

typedef struct imr_lens_quality {
    double precision, chance, rank; /* NaN where nothing counted */
    size_t texts;                   /* that counted */
} imr_lens_quality;

/*
 * vectors [S,n]; own[starts[i]..starts[i+1]): the rows of text i's words, each once; hidden ones do
 * not count. Errors: IMR_E_SHAPE, IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_lens_measure(imr_lens_quality *out, const imr_lens *l, imr_view vectors,
                            const uint32_t *starts, const uint32_t *own,
                            const imr_progress *progress, imr_error *err);

/* Is it so bad that what is read should not be believed? Below .25 or three times chance, whichever
 * is larger. False where nothing was measured. */
bool imr_lens_is_poor(const imr_lens_quality *q);
