/* format/zip: entries lie within the file and not over each other and are found by their names;
 * what is accepted without deflated entries is the same with them. */
#include "format/zip.h"
#include "tests/fuzz/fuzz.h"

static void check_entries(const imr_zip *z, const uint8_t *data, size_t size)
{
    uint64_t total = 0;
    for (size_t i = 0; i < z->n; i++) {
        imr_zip_entry e;
        imr_error err;
        size_t found;
        must(imr_zip_at(&e, z, i, &err) == IMR_OK);
        must(e.data >= data && e.data <= data + size);
        must(e.packed <= (uint64_t)(data + size - e.data));
        must(e.deflated || e.packed == e.size);
        must(imr_zip_find(z, e.name, e.name_len / 2, e.name + e.name_len / 2,
                          e.name_len - e.name_len / 2, &found));
        must(found == i);
        total += 30 + e.name_len + e.packed;
        if (!e.deflated && imr_zip_check_crc(&e, &err) != IMR_OK)
            must(err.status == IMR_E_FORMAT);
    }
    must(total <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip z, packed;
    imr_error err;
    const imr_zip_options options = {.deflated = true};
    if (imr_zip_parse(&packed, data, size, &options, &err) != IMR_OK) {
        must(imr_zip_parse(&z, data, size, NULL, &err) != IMR_OK);
        return 0;
    }
    check_entries(&packed, data, size);
    if (imr_zip_parse(&z, data, size, NULL, &err) == IMR_OK) {
        must(z.n == packed.n);
        check_entries(&z, data, size);
        imr_zip_done(&z);
    }
    imr_zip_done(&packed);
    return 0;
}
