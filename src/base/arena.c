#include "base/arena.h"

#include <stdint.h>

#include "base/mem.h"

enum { BLOCK = 64 * 1024, ALIGN = 16 };

typedef struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char data[];
} block;

struct imr_arena {
    block *blocks; /* the one being filled first */
};

imr_arena *imr_arena_new(void)
{
    return IMR_NEW(imr_arena);
}

void imr_arena_free(imr_arena *a)
{
    if (!a)
        return;
    for (block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        imr_free(b);
    }
    imr_free(a);
}

void *imr_arena_alloc(imr_arena *a, size_t count, size_t size)
{
    size_t need;
    if (!a || __builtin_mul_overflow(count, size, &need) || need > SIZE_MAX / 4)
        return NULL;
    need = need ? (need + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    block *b = a->blocks;
    if (!b || b->size - b->used < need) {
        size_t room = need > BLOCK / 4 ? need : BLOCK;
        b = imr_calloc(1, sizeof *b + room);
        if (!b)
            return NULL;
        b->size = room;
        /* a big item keeps the half-filled block in front */
        block **at = room == need && a->blocks ? &a->blocks->next : &a->blocks;
        b->next = *at;
        *at = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    return p;
}

void *imr_arena_begin(imr_arena **arena, size_t size)
{
    *arena = imr_arena_new();
    void *owner = imr_arena_alloc(*arena, 1, size);
    if (!owner)
        imr_arena_free(*arena);
    return owner;
}

char *imr_arena_strndup(imr_arena *a, const char *text, size_t n)
{
    char *copy = imr_arena_alloc(a, n + 1, 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

char *imr_arena_strdup(imr_arena *a, const char *text)
{
    return imr_arena_strndup(a, text ? text : "", text ? strlen(text) : 0);
}
