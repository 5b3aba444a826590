/* format/zip: entries lie within the file and not over each other; what is accepted without
 * deflated entries is the same with them. */
#include "format/zip.h"
#include "tests/fuzz/fuzz.h"

static void check_entries(const imr_zip *z, const uint8_t *data, size_t size)
{
    uint64_t total = 0;
    for (size_t i = 0; i < z->n; i++) {
        const imr_zip_entry *e = &z->v[i];
        must(e->data >= data && e->data <= data + size);
        must(e->packed <= (uint64_t)(data + size - e->data));
        must(e->deflated || e->packed == e->size);
        total += 30 + e->name_len + e->packed;
    }
    must(total <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip z, packed;
    imr_error err;
    if (imr_zip_parse_packed(&packed, data, size, &err) != IMR_OK) {
        must(imr_zip_parse(&z, data, size, &err) != IMR_OK);
        return 0;
    }
    check_entries(&packed, data, size);
    if (imr_zip_parse(&z, data, size, &err) == IMR_OK) {
        must(z.n == packed.n);
        for (size_t i = 0; i < z.n; i++)
            if (!z.v[i].deflated && imr_zip_check_crc(&z.v[i], &err) != IMR_OK)
                must(err.status == IMR_E_FORMAT);
        check_entries(&z, data, size);
        imr_zip_done(&z);
    }
    imr_zip_done(&packed);
    return 0;
}
