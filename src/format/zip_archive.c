#include "format/zip_archive.h"

#include <inttypes.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "format/utf8_step.h"

#define CHUNK ((size_t)64 << 10)

struct imr_zip_archive {
    zip_t *zip;
    const void *data;
    size_t len;
    imr_file file; /* {0} when the bytes are the caller's */
    char *name;
    imr_zip_member *members; /* names belong to zip */
    size_t n;
};

static imr_status read_directory(imr_zip_archive *a, imr_error *err)
{
    zip_int64_t n = zip_get_num_entries(a->zip, 0);
    if (n < 0 || n > IMR_MAX_ZIP_ENTRIES)
        return imr_fail(err, IMR_E_LIMIT, "%" PRId64 " entries, at most %u are read", (int64_t)n,
                        IMR_MAX_ZIP_ENTRIES);
    a->members = IMR_NEW_ARRAY(imr_zip_member, (size_t)n);
    if (!a->members)
        return imr_fail_memory(err);
    for (size_t i = 0; i < (size_t)n; i++) {
        zip_stat_t s;
        if (zip_stat_index(a->zip, i, 0, &s) != 0 || !(s.valid & ZIP_STAT_NAME) ||
            !(s.valid & ZIP_STAT_SIZE))
            return imr_fail(err, IMR_E_FORMAT, "zip entry %zu has no name or size", i);
        if (imr_utf8_first_bad(s.name, strlen(s.name)) != strlen(s.name))
            return imr_fail(err, IMR_E_FORMAT, "the name of zip entry %zu is not UTF-8", i);
        a->members[a->n++] = (imr_zip_member){s.name, s.size};
    }
    return IMR_OK;
}

static imr_status check_names(const imr_zip_archive *a, imr_error *err)
{
    imr_strmap names = {0};
    imr_status status = IMR_OK;
    for (size_t i = 0; i < a->n && status == IMR_OK; i++) {
        bool added;
        const char *name = a->members[i].name;
        if (!imr_strmap_add(&names, name, strlen(name), 0, NULL, &added))
            status = imr_fail_memory(err);
        else if (!added)
            status = imr_fail(err, IMR_E_FORMAT, "zip entry %.200s is there twice", name);
    }
    imr_strmap_done(&names);
    return status;
}

static imr_status open_source(imr_zip_archive *a, const void *data, size_t len, imr_error *err)
{
    zip_error_t e;
    if (len < 22) /* an end record alone; libzip takes no bytes at all for an empty archive */
        return imr_fail(err, IMR_E_FORMAT, "is no zip archive: %zu bytes", len);
    zip_error_init(&e);
    zip_source_t *source = zip_source_buffer_create(data, len, 0, &e);
    if (source && !(a->zip = zip_open_from_source(source, ZIP_RDONLY, &e)))
        zip_source_free(source);
    imr_status status = IMR_OK;
    if (!a->zip)
        status = zip_error_code_zip(&e) == ZIP_ER_MEMORY
                     ? imr_fail_memory(err)
                     : imr_fail(err, IMR_E_FORMAT, "is no zip archive we can read: %s",
                                zip_error_strerror(&e));
    zip_error_fini(&e);
    return status;
}

imr_status imr_zip_archive_parse(imr_zip_archive **out, const void *data, size_t len,
                                 const char *name, imr_error *err)
{
    imr_zip_archive *a = IMR_NEW(imr_zip_archive);
    if (!a || !(a->name = imr_strdup(name))) {
        imr_free(a);
        return imr_fail_memory(err);
    }
    a->data = data;
    a->len = len;
    imr_status status = open_source(a, data, len, err);
    if (status == IMR_OK)
        status = read_directory(a, err);
    if (status == IMR_OK)
        status = check_names(a, err);
    if (status != IMR_OK) {
        imr_zip_archive_free(a);
        return imr_error_prefix(err, status, name);
    }
    *out = a;
    return IMR_OK;
}

imr_status imr_zip_archive_open(imr_zip_archive **out, const char *path, imr_error *err)
{
    imr_file f;
    imr_zip_archive *a = NULL;
    IMR_TRY(imr_file_map(&f, path, err));
    imr_status status = imr_zip_archive_parse(&a, f.data, f.len, path, err);
    if (status != IMR_OK) {
        imr_file_unmap(&f);
        return status;
    }
    a->file = f;
    *out = a;
    return IMR_OK;
}

void imr_zip_archive_free(imr_zip_archive *a)
{
    if (!a)
        return;
    if (a->zip)
        zip_discard(a->zip);
    imr_file_unmap(&a->file);
    imr_free(a->members);
    imr_free(a->name);
    imr_free(a);
}

size_t imr_zip_archive_count(const imr_zip_archive *a)
{
    return a->n;
}

imr_zip_member imr_zip_archive_at(const imr_zip_archive *a, size_t i)
{
    return a->members[i];
}

imr_status imr_zip_archive_find(bool *found, imr_zip_entry *out, const imr_zip_archive *a, size_t i,
                                imr_error *err)
{
    imr_error why;
    IMR_CLEANUP(imr_zip_done) imr_zip z = {0};
    *found = false;
    const imr_zip_options options = {.deflated = true};
    imr_status status = imr_zip_parse(&z, a->data, a->len, &options, &why);
    if (status == IMR_E_MEMORY)
        return imr_fail_memory(err);
    imr_zip_entry e;
    if (status != IMR_OK || z.n != a->n || imr_zip_at(&e, &z, i, &why) != IMR_OK)
        return IMR_OK;
    const imr_zip_member *m = &a->members[i];
    *found = e.size == m->size && e.name_len == strlen(m->name) &&
             memcmp(e.name, m->name, e.name_len) == 0;
    if (*found)
        *out = e;
    return IMR_OK;
}

/* Grows with what really comes: the size in the directory may lie. */
static imr_status read_stream(imr_buf *out, zip_file_t *f, uint64_t size, imr_error *err)
{
    for (;;) {
        char *to = imr_buf_reserve(out, CHUNK);
        if (!to)
            return imr_fail_memory(err);
        zip_int64_t got = zip_fread(f, to, CHUNK);
        if (got < 0)
            return imr_fail(err, IMR_E_FORMAT, "%s", zip_error_strerror(zip_file_get_error(f)));
        if (got == 0)
            break;
        out->len += (size_t)got;
        out->data[out->len] = '\0';
        if (out->len > size)
            break;
    }
    if (out->len != size)
        return imr_fail(err, IMR_E_FORMAT,
                        "unpacks to %s bytes than the %" PRIu64 " the directory says",
                        out->len > size ? "more" : "fewer", size);
    return IMR_OK;
}

static imr_status read_member(imr_buf *out, imr_zip_archive *a, size_t i, uint64_t cap,
                              imr_error *err)
{
    zip_stat_t s;
    uint64_t size = a->members[i].size;
    if (cap && size > cap)
        return imr_fail(err, IMR_E_LIMIT, "unpacks to %" PRIu64 " bytes, at most %" PRIu64, size,
                        cap);
    if (zip_stat_index(a->zip, i, 0, &s) == 0 && s.valid & ZIP_STAT_ENCRYPTION_METHOD &&
        s.encryption_method != ZIP_EM_NONE)
        return imr_fail(err, IMR_E_UNSUPPORTED, "is encrypted; unpack the archive by hand");
    zip_file_t *f = zip_fopen_index(a->zip, i, 0);
    if (!f) {
        zip_error_t *e = zip_get_error(a->zip);
        return imr_fail(
            err, zip_error_code_zip(e) == ZIP_ER_COMPNOTSUPP ? IMR_E_UNSUPPORTED : IMR_E_FORMAT,
            "%s", zip_error_strerror(e));
    }
    imr_status status = read_stream(out, f, size, err);
    zip_fclose(f);
    return status;
}

imr_status imr_zip_archive_read(imr_buf *out, imr_zip_archive *a, size_t i, uint64_t cap,
                                imr_error *err)
{
    imr_buf made = {0};
    imr_status status = read_member(&made, a, i, cap, err);
    if (status != IMR_OK) {
        char where[512];
        imr_buf_done(&made);
        snprintf(where, sizeof where, "%.250s: %.200s", a->name, a->members[i].name);
        return imr_error_prefix(err, status, where);
    }
    made.limit = out->limit;
    *out = made;
    return IMR_OK;
}
