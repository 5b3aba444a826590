/* format/zip_archive: what is read is as long as announced. */
#include "format/zip_archive.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip_archive *a = NULL;
    imr_error err;
    if (imr_zip_archive_parse(&a, data, size, "input", &err) != IMR_OK)
        return 0;
    for (size_t i = 0; i < imr_zip_archive_count(a) && i < 16; i++) {
        imr_buf b = {0};
        if (imr_zip_archive_read(&b, a, i, 1 << 20, &err) == IMR_OK)
            must(b.len == imr_zip_archive_at(a, i).size);
        imr_buf_done(&b);
    }
    imr_zip_archive_free(a);
    return 0;
}
