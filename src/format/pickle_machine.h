/*
 * format/pickle_machine.h - what pickle.c (stack, opcodes), pickle_tree.c, pickle_globals.c (the
 * few things a pickle may name) and pickle_each.c (pairs that are not kept) share. Nobody else
 * includes it.
 */
#ifndef IMR_FORMAT_PICKLE_MACHINE_H
#define IMR_FORMAT_PICKLE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/mem.h"
#include "format/pickle.h"

/* A value and what the checks of the tree needs. &n->v points to n as well. */
typedef struct node {
    imr_pickle_value v; /* GLOBAL: elements is its row in the table of globals */
    uint32_t cap;       /* items there is room for */
    uint32_t height;    /* levels from here down; 0: not yet known */
    uint64_t unfolded;  /* values from here down, shared ones as often as they are reached */
    struct node *moved; /* pickle_each.c: its copy in new memory */
    bool streamed;      /* pairs of it went to the callback */
} node;

/* Values live in blocks that go all at once: most are gone from the stack long before. */
typedef struct block {
    struct block *next;
    size_t used, size;
    _Alignas(16) uint8_t bytes[];
} block;

struct imr_pickle {
    block *blocks;
    const imr_pickle_value *root;
    IMR_ARRAY(node *) storages;
};

typedef struct machine {
    imr_bytes in;
    size_t at;  /* offset of the current opcode */
    uint8_t op; /* the current opcode */
    imr_pickle *owner;
    IMR_ARRAY(node *) stack;
    IMR_ARRAY(node *) memo;
    IMR_ARRAY(size_t) marks; /* heights of the stack */
    size_t values, taken;    /* in the owner's blocks; taken: bytes of the blocks */
    node *constant[4];       /* None, True, False, () */
    node *small[256];        /* integers 0 to 255 */
    imr_error *err;

    /* pickle_each.c; each NULL: the tree is kept, with all of the memo. */
    imr_pickle_pair_fn each;
    void *user;
    IMR_ARRAY(uint64_t) wanted; /* a bit for each memo number that is asked for */
    uint32_t *before;           /* [wanted.n + 1] bits in the words before */
    node **kept;                /* what those numbers stand for */
    uint64_t memoized;          /* numbers given so far */
    size_t limit;               /* of taken, before dead values are thrown away */
    bool streamed;
} machine;

/* Fails with the opcode and its offset before the text. */
imr_status imr_machine_refuse(const machine *m, imr_status status, const char *format, ...)
    IMR_PRINTF(3, 4);
#ifdef __clang_analyzer__ /* as in base/error.h */
#define imr_machine_refuse(m, status, ...)                                                         \
    ((void)(imr_machine_refuse)((m), (status), __VA_ARGS__), (status))
#endif
void *imr_machine_take(machine *m, size_t n) IMR_NODISCARD; /* n bytes that live with the owner */
imr_status imr_machine_new(machine *m, node **out, imr_pickle_kind kind) IMR_NODISCARD;
imr_status imr_machine_push(machine *m, node *n) IMR_NODISCARD;
imr_status imr_machine_pop(machine *m, node **out) IMR_NODISCARD;
imr_status imr_machine_append(machine *m, node *to, node *const *from, size_t n) IMR_NODISCARD;
imr_status imr_machine_string(machine *m, const char *text, size_t n) IMR_NODISCARD; /* pushes */

/* Pushes a value that is not read. */
imr_status imr_machine_opaque(machine *m, const char *what) IMR_NODISCARD;
/* Pushes the global module.name, or refuses it by name. */
imr_status imr_machine_global(machine *m, const char *module, size_t module_len, const char *name,
                              size_t name_len) IMR_NODISCARD;
imr_status imr_machine_persistent(machine *m) IMR_NODISCARD; /* BINPERSID: a storage */
imr_status imr_machine_reduce(machine *m) IMR_NODISCARD;     /* REDUCE: a tensor, a dictionary */
imr_status imr_machine_make(machine *m) IMR_NODISCARD;       /* NEWOBJ */
imr_status imr_machine_build(machine *m) IMR_NODISCARD; /* BUILD: attributes, which are dropped */

imr_status imr_machine_run(machine *m) IMR_NODISCARD;   /* leaves the root on the stack */
imr_status imr_machine_check(machine *m) IMR_NODISCARD; /* no cycles, not too deep, not too much */
void imr_machine_done(machine *m);                      /* all but the owner */
/* Where memo number i is kept; NULL when nobody asks for it. */
node **imr_machine_kept(const machine *m, uint64_t i);
/* n values, key and value in turn, for the dictionary at the bottom of the stack. */
imr_status imr_machine_deliver(machine *m, node *to, node *const *from, size_t n) IMR_NODISCARD;

#endif
