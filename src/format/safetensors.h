/*
 * format/safetensors.h - read and write safetensors (layout stands in safetensors.c).
 */
#ifndef IMR_FORMAT_SAFETENSORS_H
#define IMR_FORMAT_SAFETENSORS_H

#include "format/tensors.h"
#include "format/torch_pt.h"

/* Maps the file; the table keeps the map alive. Offsets must tile the data without gap or overlap.
 */
imr_status imr_safetensors_open(imr_tensors *out, const char *path, imr_error *err) IMR_NODISCARD;
/* From memory that outlives the table. */
imr_status imr_safetensors_parse(imr_tensors *out, const void *data, size_t len,
                                 imr_error *err) IMR_NODISCARD;
/* F32, atomically; metadata (flattened to strings "a.b": "text") goes to __metadata__. */
imr_status imr_safetensors_write(const char *path, const imr_torch_item *items, size_t n,
                                 const imr_torch_meta *metadata, size_t n_metadata,
                                 imr_error *err) IMR_NODISCARD;

#endif
