/* format/zip: entries lie within the file and not over each other. */
#include "format/zip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip z;
    imr_error err;
    if (imr_zip_parse(&z, data, size, &err) != IMR_OK)
        return 0;
    uint64_t total = 0;
    for (size_t i = 0; i < z.n; i++) {
        const imr_zip_entry *e = &z.v[i];
        must(e->data >= data && e->data <= data + size);
        must(e->size <= (uint64_t)(data + size - e->data));
        total += 30 + e->name_len + e->size;
        if (imr_zip_check_crc(e, &err) != IMR_OK)
            must(err.status == IMR_E_FORMAT);
    }
    must(total <= size);
    imr_zip_done(&z);
    return 0;
}
