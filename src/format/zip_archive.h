/*
 * format/zip_archive.h - zip files as people pack data sets: deflated, with folders.
 *
 * Entries are read into memory one at a time, or, where they are large, found to be read in place;
 * nothing is ever unpacked to disk, so names such as "../x" are only names. (The .pt container is
 * read in place by format/zip.h instead.)
 * Threads: one archive, one thread.
 */
#ifndef IMR_FORMAT_ZIP_ARCHIVE_H
#define IMR_FORMAT_ZIP_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/zip.h"

typedef struct imr_zip_archive imr_zip_archive;

typedef struct imr_zip_member {
    const char *name; /* UTF-8, with '/'; a folder's ends with '/' */
    uint64_t size;    /* bytes when unpacked, as the directory says */
} imr_zip_member;

/* Errors: IMR_E_NOT_FOUND; IMR_E_FORMAT for what is no archive, an entry without a size or with a
 * name that is not UTF-8, two entries of one name; IMR_E_LIMIT. */
imr_status imr_zip_archive_open(imr_zip_archive **out, const char *path,
                                imr_error *err) IMR_NODISCARD;
/* From memory that outlives the archive. name: for errors. */
imr_status imr_zip_archive_parse(imr_zip_archive **out, const void *data, size_t len,
                                 const char *name, imr_error *err) IMR_NODISCARD;
void imr_zip_archive_free(imr_zip_archive *a); /* NULL is fine */

size_t imr_zip_archive_count(const imr_zip_archive *a);
imr_zip_member imr_zip_archive_at(const imr_zip_archive *a, size_t i); /* borrowed */

/* Where the i-th entry's bytes lie: within the mapped or given ones, so of no use after those.
 * *found false when the entry or the archive is of a kind that format/zip.h refuses; reading the
 * entry then says what is wrong with it, if anything is. Checks no checksum. */
imr_status imr_zip_archive_find(bool *found, imr_zip_entry *out, const imr_zip_archive *a, size_t i,
                                imr_error *err) IMR_NODISCARD;

/* The i-th entry's bytes into an empty buffer. Errors: IMR_E_LIMIT above cap bytes (0: no cap);
 * IMR_E_UNSUPPORTED when encrypted or packed by an unknown method; IMR_E_FORMAT when the bytes are
 * damaged, fail their CRC-32, or are not as many as the directory says. */
imr_status imr_zip_archive_read(imr_buf *out, imr_zip_archive *a, size_t i, uint64_t cap,
                                imr_error *err) IMR_NODISCARD;

#endif
