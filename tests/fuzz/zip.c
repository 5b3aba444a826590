/* format/zip: entries lie within the file and not over each other and are found by their names,
 * what is unpacked is as long as announced; what is accepted as a .pt is the same as an archive. */
#include "format/zip.h"
#include "tests/fuzz/fuzz.h"

enum { CAP = 1 << 20 };

static imr_status count(void *user, const uint8_t *bytes, size_t n, imr_error *err)
{
    uint64_t *sum = user;
    (void)err;
    must(n > 0 && bytes != NULL);
    *sum += n;
    return IMR_OK;
}

static void unpack(const imr_zip_entry *e)
{
    imr_error err;
    uint64_t sum = 0;
    const imr_status status = imr_zip_unpack(e, count, &sum, &err);
    must(sum <= e->size);
    must(status == IMR_OK ? sum == e->size : status == IMR_E_FORMAT || status == IMR_E_UNSUPPORTED);
    if (!e->method && !e->encrypted)
        must(status == imr_zip_check_crc(e, &err));
}

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
        must(e.method || e.encrypted || e.packed == e.size);
        must(imr_zip_find(z, e.name, e.name_len / 2, e.name + e.name_len / 2,
                          e.name_len - e.name_len / 2, &found));
        must(found == i);
        total += 30 + e.name_len + e.packed;
        if (i < 16 && e.size <= CAP)
            unpack(&e);
    }
    must(total <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip z = {0}, packed = {.packed = true};
    imr_error err;
    if (imr_zip_parse(&packed, data, size, &err) != IMR_OK) {
        must(imr_zip_parse(&z, data, size, &err) != IMR_OK);
        return 0;
    }
    check_entries(&packed, data, size);
    if (imr_zip_parse(&z, data, size, &err) == IMR_OK) {
        must(z.n == packed.n);
        check_entries(&z, data, size);
        imr_zip_done(&z);
    }
    imr_zip_done(&packed);
    return 0;
}
