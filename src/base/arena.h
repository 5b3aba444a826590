/*
 * base/arena.h - bump allocation for values that live and die together (one trace, one parse).
 *
 * Everything is freed at once. Memory is zeroed and 16-byte aligned. NULL means memory ran out;
 * of the arena NULL there is none.
 * Threads: one at a time.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"

typedef struct imr_arena imr_arena;

imr_arena *imr_arena_new(void) IMR_NODISCARD;
void imr_arena_free(imr_arena *a); /* NULL is fine */
IMR_FREE_AT(imr_arena, imr_arena_free)
void *imr_arena_alloc(imr_arena *a, size_t count, size_t size) IMR_NODISCARD;
char *imr_arena_strndup(imr_arena *a, const char *text, size_t n) IMR_NODISCARD;
char *imr_arena_strdup(imr_arena *a, const char *text) IMR_NODISCARD; /* NULL text gives "" */

/* An arena whose first item, zeroed, is the struct that will own it; NULL: neither is made. */
void *imr_arena_begin(imr_arena **arena, size_t size) IMR_NODISCARD;

#define IMR_ARENA_ARRAY(a, type, n) ((type *)imr_arena_alloc((a), (n), sizeof(type)))
