/*
 * base/sort.h - a stable sort whose memory is the caller's.
 *
 * Merges runs back and forth between the items and a spare table of the same size, reading and
 * writing both from front to back, so that either may be a mapped file (base/scratch.h). The C
 * library's qsort takes as much memory again of its own.
 */
#pragma once

#include <stddef.h>

/* spare: n * size bytes. compare as for qsort. */
void imr_sort(void *items, void *spare, size_t n, size_t size,
              int (*compare)(const void *a, const void *b));

/* Of char *, by their bytes: for qsort and bsearch. */
int imr_by_text(const void *a, const void *b);
