/*
 * format/pickle_machine.h - what pickle.c (stack, memo, opcodes), pickle_globals.c (the few things
 * a pickle may name) and pickle_tree.c (the values it leaves) share. Nobody else includes it.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/bytes.h"
#include "format/pickle.h"

/* A value and what the checks of the tree needs. &n->v points to n as well. */
typedef struct node {
    imr_pickle_value v; /* GLOBAL: elements is its row in the table of globals */
    uint32_t cap;       /* items there is room for */
    uint32_t height;    /* levels from here down; 0: not yet known */
    uint64_t unfolded;  /* values from here down, shared ones as often as they are reached */
    struct node *moved; /* its copy in new memory */
    bool streamed;      /* pairs of it went to the callback */
} node;

struct imr_pickle {
    imr_arena *arena; /* all values */
    const imr_pickle_value *root;
    IMR_ARRAY(node *) storages;
};

/* Values of which there is one each: integers 0 to 255, and these. */
enum { NONE = 256, FALSE, TRUE, EMPTY_TUPLE, SHARED };

typedef struct machine {
    imr_bytes in;
    size_t at;  /* offset of the current opcode */
    uint8_t op; /* the current opcode; its operand: */
    uint64_t operand;
    const uint8_t *bytes; /* where the operand says how many follow */
    imr_pickle *owner;
    IMR_ARRAY(node *) stack;
    IMR_ARRAY(size_t) marks; /* heights of the stack */
    size_t taken;            /* bytes in the owner's arena */
    node *shared[SHARED];
    imr_error *err;

    IMR_ARRAY(uint64_t) wanted; /* a bit for each memo number that is asked for */
    uint32_t *before;           /* [wanted.n + 1] bits in the words before */
    node **kept;                /* what those numbers stand for */
    uint64_t memoized;          /* numbers given so far */

    imr_pickle_pair_fn each; /* NULL: the tree is kept */
    void *user;
    size_t limit; /* of taken, before dead values are thrown away */
    bool streamed;
} machine;

/* Fails with the opcode and its offset before the text. */
imr_status imr_pk_refuse(const machine *m, imr_status status, const char *format, ...)
    IMR_PRINTF(3, 4);
#ifdef __clang_analyzer__ /* as in base/error.h */
#define imr_pk_refuse(m, status, ...) ((void)(imr_pk_refuse)((m), (status), __VA_ARGS__), (status))
#endif
void *imr_pk_take(machine *m, size_t n) IMR_NODISCARD; /* n bytes that live with the owner */
char *imr_pk_text(machine *m, const char *text, size_t n) IMR_NODISCARD; /* so does the copy */
imr_status imr_pk_new(machine *m, node **out, imr_pickle_kind kind);
imr_status imr_pk_push(machine *m, node *n);
imr_status imr_pk_pop(machine *m, node **out);
/* Pushes a STRING, or a value that is not read: OPAQUE. */
imr_status imr_pk_string(machine *m, imr_pickle_kind kind, const char *text, size_t n);
imr_status imr_pk_opaque(machine *m, const char *what);
imr_status imr_pk_run(machine *m); /* leaves the root on the stack */

/* Pushes the global module.name, or refuses it by name. */
imr_status imr_pk_global(machine *m, const char *module, size_t module_len, const char *name,
                         size_t name_len);
imr_status imr_pk_persistent(machine *m); /* BINPERSID: a storage */
imr_status imr_pk_reduce(machine *m);     /* REDUCE: a tensor, a dictionary */
imr_status imr_pk_make(machine *m);       /* NEWOBJ */
imr_status imr_pk_build(machine *m);      /* BUILD: attributes, which are dropped */

/* n values, key and value in turn, for the dictionary at the bottom of the stack. */
imr_status imr_pk_deliver(machine *m, node *to, node *const *from, size_t n);
size_t imr_pk_items(const imr_pickle_value *v); /* values below a LIST, TUPLE or DICT, else 0 */
