/*
 * format/safetensors.h - read and write safetensors (layout stands in safetensors.c).
 *
 * Offsets must tile the data without gap or overlap, as the format asks.
 *   read    F32 F64 F16 BF16 I64 I32 I16 I8 U8 BOOL
 *   not     another dtype: IMR_E_UNSUPPORTED with the tensor's name
 */
#pragma once

#include "format/json.h"
#include "format/tensors.h"
#include "format/torch_pt.h"

/* Maps the file; the table keeps the map alive. Tensors stand in the order of the data. */
imr_status imr_safetensors_open(imr_tensors *out, const char *path, imr_error *err);
/* From memory that outlives the table. Errors carry no file name. */
imr_status imr_safetensors_parse(imr_tensors *out, const void *data, size_t len, imr_error *err);
/* The header alone, for its "__metadata__" object of strings:
 * imr_json_string_or(header, "__metadata__/format", NULL). */
imr_status imr_safetensors_header(imr_json **out, const void *data, size_t len, imr_error *err);

/* F32, atomically; metadata (flattened to strings, "a.b": "text") goes to __metadata__. The data
 * begins at a multiple of 64 bytes; the same input gives the same bytes. */
imr_status imr_safetensors_write(const char *path, const imr_torch_item *items, size_t n,
                                 const imr_torch_meta *metadata, size_t n_metadata, imr_error *err);
