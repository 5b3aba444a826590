/*
 * explain/toplist.h - the k largest and k smallest of a stream of values, without sorting it.
 *
 * Values are offered in the order of their ids, so of equal values the smaller id stays ahead.
 * Only values above 0 enter the list of the largest, only those below 0 the list of the smallest
 * (kept negated): a token with no change is in neither.
 * Values known only within some error e are listed with a slack of 2 e: then a list also keeps, in
 * spare places, what is less than that below its k-th, and so all that may truly be among the first
 * k (imr_toplist_certain).
 * Cost: one comparison a value, and about k log(n/k) insertions in k places.
 */
#ifndef IMR_EXPLAIN_TOPLIST_H
#define IMR_EXPLAIN_TOPLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct imr_top {
    float size; /* the value, or minus it in the list of the smallest: always above 0 */
    uint32_t id;
} imr_top;

typedef struct imr_toplist {
    imr_top *v; /* [k + spare], the caller's; the first n are in use, largest first */
    size_t n, k, spare;
    float slack;
    bool crowded; /* the spare places did not suffice */
} imr_toplist;

/* Offers values[i] under id first + i, i in [0,n), where hidden (may be NULL) at that id is 0. */
void imr_toplist_scan(imr_toplist *largest, imr_toplist *smallest, const float *values,
                      const uint8_t *hidden, size_t first, size_t n);

/*
 * Fills out with the out->k first, and what its slack adds, of n lists (part i at parts[i *
 * stride]) by size and, of equal sizes, by id: what one list would hold to which everything had
 * been offered, however it was shared out. The parts are used up.
 */
void imr_toplist_join(imr_toplist *out, imr_toplist *parts, size_t n, size_t stride);

/* Whether everything that truly is among the first k above 0 is in a list with a slack. */
bool imr_toplist_certain(const imr_toplist *list);

#endif
