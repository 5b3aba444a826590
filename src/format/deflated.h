/*
 * format/deflated.h - a deflated entry of an archive, read in place and never unpacked as a whole.
 *
 * A pass gives the bytes from front to back in pieces of 256 KB and checks size and CRC-32 at its
 * end. The first pass also notes restart points: ends of deflate blocks with the 32 KB before them,
 * from which unpacking can begin without anything before (zlib's inflatePrime and
 * inflateSetDictionary). imr_deflated_read then unpacks from the last point before the bytes that
 * are asked for.
 *
 * Points lie IMR_DEFLATED_SPACING apart, at the first end of a block behind that. Their windows are
 * kept deflated, at most IMR_DEFLATED_WINDOWS bytes in all: when that is full every second point is
 * dropped and the distance doubles. With the blocks of zip and zlib (0.15 MB of text) and windows
 * of 12 KB that is a point each 0.15 MB up to 0.8 GB, each 0.6 MB at 3 GB, each 2.4 MB at 10 GB. A
 * read from anywhere unpacks half of that, at about 300 MB/s. A stream that has no ends of blocks
 * has no points; reading from it then unpacks from the start, in bounded memory all the same.
 *
 * The points can be kept in a file, which is mapped and believed only for the very entry it was
 * made from. A window there is checked by its CRC-32 when it is used; a damaged one costs time only
 * (the point before it serves). All numbers little-endian:
 *   1. 80 bytes        magic, tag[2], packed, size, n, window bytes (u64 each), the entry's crc,
 *                      the points' crc (u32 each), 0, 0
 *   2. 32 bytes [n]    imr_deflated_point, ascending
 *   3. the windows, each a raw deflate stream of 32 KB
 *
 * Memory: the points (with a file: none), 0.6 MB a pass, and up to IMR_DEFLATED_CURSORS cursors of
 * 0.3 MB that remember where the last reads were, so that reading on costs what it unpacks.
 * Threads: many may read at once (one unpacks at a time, under a lock); a pass belongs to one
 * thread, and the one that notes the points ends before others read.
 * Errors name the entry and how far unpacking came: IMR_E_FORMAT for damage.
 */
#ifndef IMR_FORMAT_DEFLATED_H
#define IMR_FORMAT_DEFLATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define IMR_DEFLATED_SPACING ((size_t)128 << 10)
#define IMR_DEFLATED_WINDOWS ((size_t)64 << 20)
#define IMR_DEFLATED_CURSORS 8

typedef struct imr_deflated imr_deflated;
typedef struct imr_deflated_pass imr_deflated_pass;

typedef struct imr_deflated_entry {
    const char *name;    /* for errors; copied */
    const uint8_t *data; /* raw deflate; must outlive the object */
    uint64_t packed, size;
    uint32_t crc;
    size_t spacing, windows; /* 0: the usual */
} imr_deflated_entry;

typedef struct imr_deflated_point {
    uint64_t out;        /* bytes before it when unpacked, at least 32 KB */
    uint64_t bit;        /* where its block begins in the packed bytes */
    uint64_t window;     /* where its window begins among the windows */
    uint32_t bytes, crc; /* of the window, as it is kept */
} imr_deflated_point;

/* IMR_E_FORMAT when so few bytes cannot unpack to so many. Reads nothing. */
imr_status imr_deflated_open(imr_deflated **out, const imr_deflated_entry *entry,
                             imr_error *err) IMR_NODISCARD;
void imr_deflated_free(imr_deflated *p); /* NULL is fine */

/* ---- from front to back ---- */
imr_status imr_deflated_pass_new(imr_deflated_pass **out, imr_deflated *p,
                                 imr_error *err) IMR_NODISCARD;
void imr_deflated_pass_free(imr_deflated_pass *pass); /* NULL is fine */
/* The next bytes, valid until the next call; *n 0 at the end. IMR_E_FORMAT at damage, where the
 * data end early or unpack to more or fewer bytes than announced, and, instead of the end, when the
 * CRC-32 is another. A pass that failed fails again. */
imr_status imr_deflated_pass_next(imr_deflated_pass *pass, const char **bytes, size_t *n,
                                  imr_error *err) IMR_NODISCARD;

/* ---- from anywhere ---- */
/* len bytes from offset on; both lie within the size. The CRC-32 of the whole is not looked at. */
imr_status imr_deflated_read(imr_deflated *p, uint64_t offset, char *out, size_t len,
                             imr_error *err) IMR_NODISCARD;

/* ---- restart points ---- */
/* True after a whole pass or when they came from a file. */
bool imr_deflated_has_points(const imr_deflated *p);
bool imr_deflated_points_from_file(const imr_deflated *p);
size_t imr_deflated_points(const imr_deflated *p, const imr_deflated_point **points);
/* tag: what else must be equal, such as the archive's time of change. */
imr_status imr_deflated_write_points(const imr_deflated *p, const char *path, const int64_t tag[2],
                                     imr_error *err) IMR_NODISCARD;
/* *found false when the file is absent, damaged or of another entry or tag. */
imr_status imr_deflated_open_points(bool *found, imr_deflated *p, const char *path,
                                    const int64_t tag[2], imr_error *err) IMR_NODISCARD;

#endif
