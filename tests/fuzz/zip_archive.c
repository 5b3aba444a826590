/* format/zip_archive: what is read is as long as announced; format/deflated: read in place, in
 * pieces and from anywhere, it is the same. */
#include <stdlib.h>
#include <string.h>

#include "format/deflated.h"
#include "format/zip_archive.h"
#include "tests/fuzz/fuzz.h"

enum { CAP = 1 << 20 };

static imr_status run_pass(imr_deflated *p, const imr_buf *whole)
{
    imr_deflated_pass *pass = NULL;
    imr_error err;
    must(imr_deflated_pass_new(&pass, p, &err) == IMR_OK);
    imr_status status = IMR_OK;
    size_t at = 0, n = 1;
    while (status == IMR_OK && n) {
        const char *bytes;
        status = imr_deflated_pass_next(pass, &bytes, &n, &err);
        if (status != IMR_OK)
            break;
        if (whole)
            must(n <= whole->len - at && memcmp(bytes, whole->data + at, n) == 0);
        at += n;
    }
    imr_deflated_pass_free(pass);
    must(status != IMR_OK || !whole || at == whole->len);
    return status;
}

/* whole: what libzip made of it, NULL when it refused. */
static void read_in_place(const imr_zip_entry *e, const imr_buf *whole)
{
    imr_deflated_entry from = {.name = "input",
                               .data = e->data,
                               .packed = e->packed,
                               .size = e->size,
                               .crc = e->crc,
                               .spacing = 1};
    imr_deflated *p = NULL;
    imr_error err;
    if (imr_deflated_open(&p, &from, &err) != IMR_OK) {
        must(!whole);
        return;
    }
    must((run_pass(p, whole) == IMR_OK) == (whole != NULL));
    char out[100];
    for (uint64_t k = 0; k < 4 && e->size >= sizeof out; k++) {
        uint64_t at = (e->size - sizeof out) * (3 - k) / 3;
        imr_status status = imr_deflated_read(p, at, out, sizeof out, &err);
        if (whole)
            must(status == IMR_OK && memcmp(out, whole->data + at, sizeof out) == 0);
    }
    imr_deflated_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_zip_archive *a = NULL;
    imr_error err;
    if (imr_zip_archive_parse(&a, data, size, "input", &err) != IMR_OK)
        return 0;
    for (size_t i = 0; i < imr_zip_archive_count(a) && i < 16; i++) {
        imr_buf b = {0};
        imr_zip_entry e;
        bool found;
        imr_status status = imr_zip_archive_read(&b, a, i, CAP, &err);
        if (status == IMR_OK)
            must(b.len == imr_zip_archive_at(a, i).size);
        must(imr_zip_archive_find(&found, &e, a, i, &err) == IMR_OK);
        if (found && e.deflated && e.size <= CAP)
            read_in_place(&e, status == IMR_OK ? &b : NULL);
        imr_buf_done(&b);
    }
    imr_zip_archive_free(a);
    return 0;
}
