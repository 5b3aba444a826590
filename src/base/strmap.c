#include "base/strmap.h"

#include "base/mem.h"

static uint64_t hash_bytes(uint64_t seed, const char *key, size_t len)
{
    uint64_t h = seed ^ (len * 0x9e3779b97f4a7c15u);
    while (len >= 8) {
        uint64_t w;
        memcpy(&w, key, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
        key += 8;
        len -= 8;
    }
    uint64_t w = 0;
    if (len)
        memcpy(&w, key, len);
    h = (h ^ w) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

static imr_strmap_slot *find(const imr_strmap *m, const char *key, size_t len, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    for (;;) {
        imr_strmap_slot *s = &m->slots[i];
        if (!s->key || (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0))
            return s;
        i = (i + 1) & (m->cap - 1);
    }
}

void imr_strmap_done(imr_strmap *m)
{
    imr_free(m->slots);
    *m = (imr_strmap){0};
}

bool imr_strmap_reserve(imr_strmap *m, size_t n)
{
    size_t cap = m->cap ? m->cap : 16;
    while (cap / 8 * 5 < n + 1)
        cap *= 2;
    if (cap == m->cap)
        return true;
    imr_strmap_slot *slots = IMR_NEW_ARRAY(imr_strmap_slot, cap);
    if (!slots)
        return false;
    imr_strmap old = *m;
    m->slots = slots;
    m->cap = cap;
    if (!old.slots)
        m->seed = (uint64_t)(uintptr_t)slots * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; old.slots && i < old.cap; i++)
        if (old.slots[i].key)
            *find(m, old.slots[i].key, old.slots[i].len, old.slots[i].hash) = old.slots[i];
    imr_free(old.slots);
    return true;
}

bool imr_strmap_add(imr_strmap *m, const char *key, size_t len, uint32_t value, uint32_t *found,
                    bool *added)
{
    if (len > UINT32_MAX || !imr_strmap_reserve(m, m->count + 1))
        return false;
    uint64_t hash = hash_bytes(m->seed, key, len);
    imr_strmap_slot *s = find(m, key, len, hash);
    bool is_new = s->key == NULL;
    if (is_new) {
        *s = (imr_strmap_slot){.key = key, .len = (uint32_t)len, .value = value, .hash = hash};
        m->count++;
    }
    if (found)
        *found = s->value;
    if (added)
        *added = is_new;
    return true;
}

bool imr_strmap_get(const imr_strmap *m, const char *key, size_t len, uint32_t *value)
{
    if (m->cap == 0)
        return false;
    const imr_strmap_slot *s = find(m, key, len, hash_bytes(m->seed, key, len));
    if (!s->key)
        return false;
    if (value)
        *value = s->value;
    return true;
}
