/* DIR/offsets: where each document's line lies in the corpus. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "retrieval/store_internal.h"

imr_status imr_store_write_offsets(const char *dir, const imr_dataset *d, imr_error *err)
{
    uint64_t offset;
    uint32_t length;
    size_t n = imr_dataset_line(d, 0, &offset, &length) ? imr_dataset_count(d) : 0;
    store_offsets head = {
        .magic = STORE_OFFSETS_MAGIC, .count = n, .corpus_bytes = imr_dataset_corpus_bytes(d)};
    imr_dataset_stamp(d, head.stamp);
    IMR_AUTOFREE char *path = imr_path_join(dir, STORE_OFFSETS);
    if (!path)
        return imr_fail_memory(err);
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path, err));
    imr_writer_add(&w, &head, sizeof head);
    for (size_t i = 0; i < n && imr_dataset_line(d, i, &offset, &length); i++)
        imr_writer_add(&w, &offset, sizeof offset);
    for (size_t i = 0; i < n && imr_dataset_line(d, i, &offset, &length); i++)
        imr_writer_add(&w, &length, sizeof length);
    return imr_writer_commit(&w, err);
}

imr_status imr_store_open_offsets(store_tables *out, imr_file *file, const char *dir, size_t n,
                                  imr_error *err)
{
    *out = (store_tables){0};
    IMR_AUTOFREE char *path = imr_path_join(dir, STORE_OFFSETS);
    if (!path)
        return imr_fail_memory(err);
    imr_error why;
    imr_status status = imr_file_map(file, path, &why);
    if (status == IMR_E_MEMORY)
        return imr_fail_memory(err);
    store_offsets head;
    size_t each = sizeof *out->offset + sizeof *out->length;
    if (status != IMR_OK || file->len < sizeof head)
        return IMR_OK;
    memcpy(&head, file->data, sizeof head);
    size_t count = head.count ? n : 0;
    if (head.magic != STORE_OFFSETS_MAGIC || head.count != count ||
        (file->len - sizeof head) / each != count || (file->len - sizeof head) % each)
        return IMR_OK;
    out->found = true;
    out->head = head;
    if (count == 0)
        return IMR_OK;
    out->offset = (const uint64_t *)(const void *)(file->data + sizeof head);
    out->length = (const uint32_t *)(const void *)(out->offset + count);
    return IMR_OK;
}
