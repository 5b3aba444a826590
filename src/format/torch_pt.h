/*
 * format/torch_pt.h - PyTorch .pt files: the zip container of 1.6 and later, and its pickle.
 *
 * No code ever runs: the pickle machine (format/pickle.h) builds dictionaries, lists, tuples,
 * strings, numbers, booleans, None and tensors, and refuses any other global by name.
 * Pre-1.6 files (a row of pickles and the raw storages) are read too.
 * The pickle's CRC-32 is checked; storages are not read until a tensor is.
 *
 * Many tensors may be views of one storage: each costs its row in the tree, none copies.
 *
 * The object is a tree; imr_torch_tensors flattens one dictionary of it into a tensor table.
 */
#pragma once

#include "base/scratch.h"
#include "format/pickle.h"
#include "format/tensors.h"

typedef struct imr_torch imr_torch;

/* Maps and parses. Errors name the path, the entry and the offset. */
imr_status imr_torch_open(imr_torch **out, const char *path, imr_error *err);
/* The same from memory, which must outlive the object. name is used in errors. */
imr_status imr_torch_parse(imr_torch **out, const void *data, size_t len, const char *name,
                           imr_error *err);
void imr_torch_free(imr_torch *t);
IMR_FREE_AT(imr_torch, imr_torch_free)
/* Frees all but the mapped file, which is the table's from now on: one of t's tensors. */
void imr_torch_free_into(imr_torch *t, imr_tensors *table);

const imr_pickle_value *imr_torch_root(const imr_torch *t); /* NULL after imr_torch_open_pairs */

/* Collects the tensors of a dict (string key -> tensor; other values are ignored) into a table that
 * borrows t's bytes: t must outlive it. Keys that are not strings are written as decimal when they
 * are integers, else refused. */
imr_status imr_torch_tensors(imr_tensors *out, const imr_torch *t, const imr_pickle_value *dict,
                             imr_error *err);

/*
 * Opens a file whose object is a dictionary key -> tensor, calling `each` for every tensor of it in
 * turn (other values are ignored) and keeping no tree: a cache has a tensor a document. name is
 * valid during the call, tensor->data as long as *out; a key may come twice. The file is read from
 * front to back and its pages are given back on the way; what is held for each storage (21 to 34
 * bytes) goes to the scratch (NULL: memory) and is gone after the call. Errors: also what `each`
 * returns.
 */
typedef imr_status (*imr_torch_pair_fn)(void *user, const char *name, const imr_tensor *tensor,
                                        imr_error *err);
imr_status imr_torch_open_pairs(imr_torch **out, const char *path, imr_scratch *scratch,
                                imr_torch_pair_fn each, void *user, imr_error *err);
/* imr_file_forget of the mapped file. */
void imr_torch_forget(const imr_torch *t);

/* ---- writing (format/torch_write.c) ----
 * A zip with stored entries and 64-byte aligned storages, a protocol-2 pickle; opens with
 * torch.load, also with weights_only=True. */

typedef struct imr_torch_item {
    const char *name;
    const float *data; /* row-major float32 */
    uint32_t rank;
    uint64_t shape[IMR_MAX_TENSOR_RANK];
} imr_torch_item;

uint64_t imr_torch_item_count(const imr_torch_item *item); /* values of it */

/* A dict ids[i] -> row rows[i] of a matrix v [n_rows,dim], as a cache holds vectors: each a view of
 * one storage. Errors as imr_torch_write. */
imr_status imr_torch_write_pairs(const char *path, const char *const *ids, const uint32_t *rows,
                                 size_t n, const float *v, size_t n_rows, size_t dim,
                                 imr_error *err);

/* A metadata value of the written payload; nested by `items` when kind is 'd'. */
typedef struct imr_torch_meta {
    const char *name;
    char kind; /* 'i' integer, 'f' float, 's' string, 'b' bool, 'n' None, 'd' dictionary */
    int64_t i; /* also of 'b' */
    double f;
    const char *s;
    const struct imr_torch_meta *items;
    size_t n_items;
} imr_torch_meta;

/* Writes {"model_state": OrderedDict(items), "metadata": {...}} atomically to path. The same input
 * gives the same bytes. Errors: IMR_E_LIMIT for 4 GiB or more, or more than 65,000 tensors. */
imr_status imr_torch_write(const char *path, const imr_torch_item *items, size_t n,
                           const imr_torch_meta *metadata, size_t n_metadata, imr_error *err);
