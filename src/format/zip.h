/*
 * format/zip.h - the entries of a .pt archive, in place.
 *
 * For stored (uncompressed) entries only, as torch.save writes them: nothing is copied, an entry is
 * a range of the file. Deflated archives go through format/zip_archive.h. The layout stands at the
 * top of zip.c.
 *
 * Refused with a sentence: a missing or damaged end record, several disks, encrypted or compressed
 * entries, sizes on which the two headers disagree, ranges outside the file or over each other, two
 * entries of one name, names that are not UTF-8.
 */
#ifndef IMR_FORMAT_ZIP_H
#define IMR_FORMAT_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_zip_entry {
    const char *name; /* not terminated; points into the file */
    uint32_t name_len;
    uint32_t crc;
    const uint8_t *data;
    uint64_t size, header; /* header: offset of the local header */
} imr_zip_entry;

typedef struct imr_zip {
    imr_zip_entry *v; /* in the order of the central directory */
    size_t n;
} imr_zip;

/* data must outlive the result. Errors carry no file name. */
imr_status imr_zip_parse(imr_zip *out, const void *data, size_t len, imr_error *err) IMR_NODISCARD;
void imr_zip_done(imr_zip *z); /* {0} is fine */

/* IMR_E_FORMAT when the entry's bytes do not have the CRC-32 the directory says. */
imr_status imr_zip_check_crc(const imr_zip_entry *e, imr_error *err) IMR_NODISCARD;

#endif
