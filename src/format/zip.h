/*
 * format/zip.h - the entries of an archive, in place.
 *
 * Nothing is copied: an entry is a range of the file. imr_zip_parse is for stored (uncompressed)
 * entries only, as torch.save writes them; imr_zip_parse_packed lets deflated ones pass, to be read
 * by format/packed.h. Archives of any other kind go through format/zip_archive.h. The layout stands
 * at the top of zip.c.
 *
 * Refused with a sentence: a missing or damaged end record, several disks, encrypted or otherwise
 * compressed entries, sizes on which the two headers disagree, ranges outside the file or over each
 * other, two entries of one name, names that are not UTF-8.
 */
#ifndef IMR_FORMAT_ZIP_H
#define IMR_FORMAT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_zip_entry {
    const char *name; /* not terminated; points into the file */
    uint32_t name_len;
    uint32_t crc;
    const uint8_t *data;
    uint64_t packed, size; /* bytes at data, and when unpacked: the same for a stored entry */
    uint64_t header;       /* offset of the local header */
    bool deflated;
} imr_zip_entry;

typedef struct imr_zip {
    imr_zip_entry *v; /* in the order of the central directory */
    size_t n;
} imr_zip;

/* data must outlive the result. Errors carry no file name. */
imr_status imr_zip_parse(imr_zip *out, const void *data, size_t len, imr_error *err) IMR_NODISCARD;
imr_status imr_zip_parse_packed(imr_zip *out, const void *data, size_t len,
                                imr_error *err) IMR_NODISCARD;
void imr_zip_done(imr_zip *z); /* {0} is fine */

/* Of a stored entry: IMR_E_FORMAT when its bytes do not have the CRC-32 the directory says. */
imr_status imr_zip_check_crc(const imr_zip_entry *e, imr_error *err) IMR_NODISCARD;

#endif
