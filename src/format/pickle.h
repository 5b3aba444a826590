/*
 * format/pickle.h - a closed machine for pickles, protocol 2 to 5 as torch.save writes them.
 *
 * Only a fixed list of opcodes is known, and only these globals:
 *   collections.OrderedDict
 *   torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter
 *   torch.*Storage, and torch.Size, torch.device as plain values
 * A value made of anything else (a NumPy scalar, a path, a set, bytes ...) is left unread: it
 * stands in the tree as OPAQUE with its name. What could run code if it were called (os,
 * builtins.eval ...) is refused by name; nothing is ever looked up, imported or executed.
 *
 * The result is a tree that may share nodes but has no cycle, is at most IMR_MAX_PICKLE_DEPTH deep
 * and has at most IMR_MAX_PICKLE_ITEMS nodes when shared ones are counted as often as they are
 * reached, so that walking it is safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/tensors.h"

typedef enum imr_pickle_kind {
    IMR_PK_NONE,
    IMR_PK_BOOL,
    IMR_PK_INT,
    IMR_PK_FLOAT,
    IMR_PK_STRING,
    IMR_PK_LIST,
    IMR_PK_TUPLE,
    IMR_PK_DICT,
    IMR_PK_TENSOR,
    IMR_PK_STORAGE,
    IMR_PK_GLOBAL,
    IMR_PK_OPAQUE
} imr_pickle_kind;

typedef struct imr_pickle_value imr_pickle_value;

/* A view of a storage, not yet checked against the storage's size. */
typedef struct imr_pickle_tensor {
    const imr_pickle_value *storage;
    uint64_t offset; /* first element within the storage */
    uint32_t rank;
    uint64_t shape[IMR_MAX_TENSOR_RANK];
    int64_t stride[IMR_MAX_TENSOR_RANK]; /* in elements, not negative */
} imr_pickle_tensor;

struct imr_pickle_value {
    imr_pickle_kind kind;
    imr_dtype dtype; /* STORAGE */
    size_t len;      /* bytes of text; items of LIST, TUPLE; pairs of DICT */
    union {
        int64_t integer;                 /* BOOL, INT */
        double number;                   /* FLOAT */
        const char *text;                /* STRING, GLOBAL, OPAQUE, STORAGE (its key): terminated
                                            UTF-8 */
        imr_pickle_value **items;        /* LIST, TUPLE: len values; DICT: 2*len, key then value */
        const imr_pickle_tensor *tensor; /* TENSOR */
    };
    uint64_t elements; /* STORAGE */
};

typedef struct imr_pickle imr_pickle; /* owns every value */

/* data may go after the call. Errors name the opcode and its offset. *used (may be NULL): bytes up
 * to and including STOP. */
imr_status imr_pickle_parse(imr_pickle **out, const void *data, size_t len, size_t *used,
                            imr_error *err);
void imr_pickle_free(imr_pickle *p);
IMR_FREE_AT(imr_pickle, imr_pickle_free)
const imr_pickle_value *imr_pickle_root(const imr_pickle *p);
/* The i-th STORAGE in the order of appearance (a key may come again), or NULL behind the last. */
const imr_pickle_value *imr_pickle_storage(const imr_pickle *p, size_t i);

/*
 * Reads a pickle whose root is a dictionary and hands over each pair in turn, key first, instead of
 * keeping them: memory holds what the pickle refers to again, not how many pairs there are. Both
 * values are valid during the call; what `each` returns ends the reading. Errors: also IMR_E_FORMAT
 * when the root is no dictionary, possibly after some pairs.
 */
typedef imr_status (*imr_pickle_pair_fn)(void *user, const imr_pickle_value *key,
                                         const imr_pickle_value *value, imr_error *err);
imr_status imr_pickle_each(const void *data, size_t len, imr_pickle_pair_fn each, void *user,
                           imr_error *err);

/* The value under a string key of a DICT (the last one, as in Python), or NULL (also when v is NULL
 * or no dict). */
const imr_pickle_value *imr_pickle_get(const imr_pickle_value *v, const char *key);
/* "a dictionary", "a tensor": for errors; v may be NULL. */
const char *imr_pickle_kind_name(const imr_pickle_value *v);
