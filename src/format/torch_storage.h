/*
 * format/torch_storage.h - the storages of a PyTorch file of before 1.6 by their key: what
 * torch_legacy.c finds and imr_torch_tensor looks up. Nobody else includes it.
 */
#ifndef IMR_FORMAT_TORCH_STORAGE_H
#define IMR_FORMAT_TORCH_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/strmap.h"
#include "format/pickle.h"

typedef struct imr_torch_storage {
    const uint8_t *data;
    uint64_t bytes;
} imr_torch_storage;

typedef struct imr_torch_storages {
    imr_strmap by_key; /* keys are borrowed: from the file or the pickle */
    IMR_ARRAY(imr_torch_storage) list;
} imr_torch_storages;

void imr_torch_storages_done(imr_torch_storages *s);
/* IMR_E_FORMAT when the key is there already. */
imr_status imr_torch_storages_add(imr_torch_storages *s, const char *key, size_t len,
                                  imr_torch_storage storage, imr_error *err) IMR_NODISCARD;

/* Do the bytes begin as torch.save before 1.6 wrote them? */
bool imr_torch_is_legacy(const void *data, size_t len);
/* Fills pickle (the caller's) and storages (added to). */
imr_status imr_torch_legacy_parse(imr_pickle **pickle, imr_torch_storages *storages,
                                  const void *data, size_t len, imr_error *err) IMR_NODISCARD;

#endif
