/*
 * format/zip.h - the entries of an archive, in place.
 *
 * Nothing is copied: an entry is a range of the file. It is stored (uncompressed), as torch.save
 * writes them; archives as people pack them pass when asked for, to be read by imr_zip_unpack. The
 * layout stands at the top of zip.c.
 *
 * A cache with a storage for each of its vectors has millions of entries, so an archive is not a
 * list of them: it holds where each header lies in the directory (8 bytes an entry) and a hash
 * table of the names (13 to 26), and reads the directory again for each entry asked for.
 *
 * Refused with a sentence:
 *   archive   a missing or damaged end record, several disks
 *   entry     sizes on which the two headers disagree, ranges outside the file or over each other
 *   names     two entries of one name, a zero byte
 *   and, unless asked for, what is compressed or encrypted and names that are not UTF-8
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "base/scratch.h"

typedef struct imr_zip_entry {
    const char *name; /* not terminated; points into the file */
    uint32_t name_len;
    uint32_t crc;
    const uint8_t *data;
    uint64_t packed, size; /* bytes at data, and when unpacked: the same for a stored entry */
    uint64_t header;       /* offset of the local header */
    uint16_t method;       /* 0: stored */
    bool encrypted;
} imr_zip_entry;

typedef struct imr_zip {
    /* How it is read, set before: {0} will do. */
    bool packed;            /* compressed and encrypted entries pass, and names of any encoding */
    imr_scratch *scratch;   /* takes the tables; must outlive the archive */
    const imr_file *mapped; /* the file the bytes are of: forgotten now and then while every local
                               header is looked at */
    const uint8_t *data, *directory;
    size_t start, bytes; /* of the directory: its offset and its length */
    uint64_t *at;        /* [n] of each header, within the directory; in its order */
    size_t n;
    uint64_t *slots; /* [mask + 1] of the names: half a hash, and the entry's number + 1 */
    uint64_t mask, seed;
} imr_zip;

/* Checks every entry. data must outlive z, which holds nothing after an error. Errors: no file
 * name. */
imr_status imr_zip_parse(imr_zip *z, const void *data, size_t len, imr_error *err);
void imr_zip_done(imr_zip *z); /* {0} is fine */

/* Entry i of n. Errors only when the bytes changed since. */
imr_status imr_zip_at(imr_zip_entry *out, const imr_zip *z, size_t i, imr_error *err);
/* The name alone, not terminated. */
const char *imr_zip_name(const imr_zip *z, size_t i, size_t *len);
/* Finds the entry called a followed by b. */
bool imr_zip_find(const imr_zip *z, const char *a, size_t a_len, const char *b, size_t b_len,
                  size_t *i);

/* For "%.*s": the name, or the first bytes of one that is very long. */
#define IMR_ZIP_NAME(e) ((e)->name_len > 200 ? 200 : (int)(e)->name_len), (e)->name

/* The CRC-32 of these bytes, as the directory has it. */
uint32_t imr_zip_crc(const void *data, size_t len);
/* Of a stored entry: IMR_E_FORMAT when its bytes do not have the CRC-32 the directory says. */
imr_status imr_zip_check_crc(const imr_zip_entry *e, imr_error *err);

/* Takes the next bytes of an entry that is unpacked; another status than IMR_OK ends that. */
typedef imr_status (*imr_zip_sink)(void *user, const uint8_t *bytes, size_t n, imr_error *err);
/* From front to back in pieces of 256 KB, which is the memory it takes; never more bytes than the
 * directory says. Errors name the entry: IMR_E_UNSUPPORTED encrypted, or packed by another method
 * than deflate; IMR_E_FORMAT damage, more or fewer bytes than announced or another CRC-32 (all of
 * the sink's bytes are void then); IMR_E_MEMORY; the sink's. */
imr_status imr_zip_unpack(const imr_zip_entry *e, imr_zip_sink sink, void *user, imr_error *err);
