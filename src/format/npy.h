/*
 * format/npy.h - NumPy arrays (format versions 1-3, C order), mapped reading and streamed writing.
 *
 *   read    '<f4' '<f8' '<f2' '<i8' '<i4' '<i2' '|i1' '|u1' '|b1'
 *   not     big-endian, other types, Fortran order of more than one dimension: IMR_E_UNSUPPORTED
 *           with the way to convert them
 *
 * The file must hold exactly the bytes its shape says: a shorter one was cut, a longer one was
 * never finished.
 */
#pragma once

#include "base/file.h"
#include "format/tensors.h"

typedef struct imr_npy {
    imr_tensor t; /* name NULL; data points into the map, aligned to 64 bytes when we wrote it */
    imr_file file;
} imr_npy;

imr_status imr_npy_open(imr_npy *out, const char *path, imr_error *err);
/* From memory that outlives out. Errors carry no file name. */
imr_status imr_npy_parse(imr_npy *out, const void *data, size_t len, imr_error *err);
void imr_npy_done(imr_npy *a); /* {0} is fine */

/* 128-byte version-1 header for a 2-D array, fixed size so that the row count can be patched later.
 * dtype is one NumPy has (no BF16). */
#define IMR_NPY_HEADER 128
void imr_npy_header(uint8_t out[IMR_NPY_HEADER], imr_dtype dtype, uint64_t rows, uint64_t cols);

/* Whole float32 matrix, atomically. */
imr_status imr_npy_write_f32(const char *path, const float *v, uint64_t rows, uint64_t cols,
                             imr_error *err);
