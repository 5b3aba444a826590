/*
 * base/strmap.h - hash map from byte strings to uint32_t (ids, tensor indexes, rows).
 *
 * Keys are borrowed: they must outlive the map. {0} is an empty map. Keyed hash (a hostile
 * vocabulary cannot choose collisions without knowing the seed, which is the address of the table).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

typedef struct imr_strmap_slot {
    const char *key;
    uint32_t len, value;
    uint64_t hash;
} imr_strmap_slot;

typedef struct imr_strmap {
    imr_strmap_slot *slots; /* power of two, at most 5/8 full */
    size_t cap, count;
    uint64_t seed;
} imr_strmap;

void imr_strmap_done(imr_strmap *m);
/* Room for n keys in all. False when memory ran out. */
bool imr_strmap_reserve(imr_strmap *m, size_t n) IMR_NODISCARD;
/* Adds key -> value unless the key is there; *found (may be NULL) gets the value now stored, *added
 * whether it is new. False only when memory ran out. */
bool imr_strmap_add(imr_strmap *m, const char *key, size_t len, uint32_t value, uint32_t *found,
                    bool *added) IMR_NODISCARD;
bool imr_strmap_get(const imr_strmap *m, const char *key, size_t len, uint32_t *value);
