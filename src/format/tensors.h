/*
 * format/tensors.h - a table of named tensors, whatever container they came from.
 *
 * The table owns names, shapes and the mapped file that imr_tensor.data points into, if any. Views
 * of one storage are kept as views (offset and strides): nothing is copied until imr_tensor_to_f32.
 * Duplicate names are a format error of the reader.
 * Threads: const after loading; many threads may read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/strmap.h"

typedef enum imr_dtype {
    IMR_F32,
    IMR_F64,
    IMR_F16,
    IMR_BF16,
    IMR_I64,
    IMR_I32,
    IMR_I16,
    IMR_I8,
    IMR_U8,
    IMR_BOOL,
    IMR_DTYPE_COUNT
} imr_dtype;

size_t imr_dtype_size(imr_dtype t);      /* bytes of one element */
const char *imr_dtype_name(imr_dtype t); /* "F32", as safetensors writes it */

typedef struct imr_tensor {
    char *name;
    imr_dtype dtype;
    uint32_t rank; /* 0: a scalar */
    uint64_t shape[IMR_MAX_TENSOR_RANK];
    int64_t stride[IMR_MAX_TENSOR_RANK]; /* in elements, never negative */
    const uint8_t *data;                 /* first element, little-endian, possibly unaligned */
    size_t bytes; /* bytes from data to the end of its storage, checked to hold every element */
} imr_tensor;

typedef struct imr_tensors {
    imr_tensor *v;
    size_t n, cap;
    imr_strmap by_name;
    imr_file file; /* {0}: the bytes are the caller's */
} imr_tensors;

void imr_tensors_done(imr_tensors *t); /* {0} is fine */

const imr_tensor *imr_tensors_find(const imr_tensors *t, const char *name); /* NULL when absent */
uint64_t imr_tensor_count(const imr_tensor *t); /* elements; 1 for a scalar */
bool imr_tensor_has_shape(const imr_tensor *t, size_t rank, const uint64_t *shape);
bool imr_tensor_is_contiguous(const imr_tensor *t); /* row-major without holes */
/* "256 x 384" into out (at least 160 bytes); "scalar" for rank 0. Returns out. */
char *imr_tensor_shape_text(const imr_tensor *t, char *out);

/*
 * Converts to float32, row-major, into out[imr_tensor_count]. F16/BF16/F64/integers convert by
 * value (F64 rounds to nearest, booleans to 0 and 1). Does not reject NaN: the caller decides and
 * names the tensor.
 * Errors: IMR_E_UNSUPPORTED for a dtype that is no number.
 */
imr_status imr_tensor_to_f32(const imr_tensor *t, float *out, imr_error *err);
/* The same for rows [first, first+count) of a tensor of rank >= 1: streams big tables.
 * Errors: also IMR_E_SHAPE when the rows are not there. */
imr_status imr_tensor_rows_to_f32(const imr_tensor *t, uint64_t first, uint64_t count, float *out,
                                  imr_error *err);

/* ---- for readers ---- */

/* Puts "tensor NAME: " before the text, as imr_error_prefix does. */
imr_status imr_tensor_prefix(imr_error *err, imr_status status, const char *name, size_t len);

void imr_tensor_row_major(imr_tensor *t); /* strides of rank and shape (checked before) */
/* Rank, caps, and that `bytes` hold every element that shape and strides reach; one that repeats
 * elements may be larger than its file: copies have base/mem.h's budget. Errors: no name. */
imr_status imr_tensor_check(const imr_tensor *t, imr_error *err);
/* Adds a checked copy of t under name[0..len). Errors: IMR_E_FORMAT for a duplicate or a name that
 * is not UTF-8 or holds a NUL; IMR_E_LIMIT; what imr_tensor_check says, behind the name. */
imr_status imr_tensors_add(imr_tensors *table, const char *name, size_t len, const imr_tensor *t,
                           imr_error *err);
