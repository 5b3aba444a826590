/*
 * format/packed_internal.h - what packed.c (passes and reads), packed_points.c (restart points) and
 * packed_stream.c (zlib) share.
 */
#ifndef IMR_FORMAT_PACKED_INTERNAL_H
#define IMR_FORMAT_PACKED_INTERNAL_H

#include <zlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "format/packed.h"

#define PACKED_WINDOW ((size_t)32 << 10) /* how far back deflate may refer */

/* ---- unpacking ---- */

typedef struct packed_stream {
    const imr_packed_entry *entry;
    z_stream z;
    bool open, ended;
    uint64_t out; /* bytes unpacked, from the start of the entry */
} packed_stream;

/* zlib's memory comes from base/mem.h. */
voidpf imr_packed_alloc(voidpf unused, uInt items, uInt size);
void imr_packed_release(voidpf unused, voidpf memory);

void imr_packed_stream_done(packed_stream *s); /* {0} is fine */
/* To the start of the entry, or to a point and its window. */
imr_status imr_packed_stream_start(packed_stream *s, const imr_packed_entry *entry,
                                   const imr_packed_point *point, const uint8_t *window,
                                   imr_error *err) IMR_NODISCARD;
/* Up to cap bytes to `to`; fewer at the end of the entry and, with borders, of a deflate block. */
imr_status imr_packed_stream_step(packed_stream *s, uint8_t *to, size_t cap, bool borders,
                                  size_t *made, imr_error *err) IMR_NODISCARD;
/* After a step with borders: does a block end here, and another begin? */
bool imr_packed_stream_at_border(const packed_stream *s);
/* Where in the packed data the next bit to be read lies. */
uint64_t imr_packed_stream_bit(const packed_stream *s);

/* ---- restart points ---- */

typedef struct packed_points {
    const imr_packed_point *v; /* gathered, or within the file */
    size_t n;
    const char *windows;
    size_t window_bytes;
    imr_packed_point *made;
    size_t cap, spacing;
    imr_buf made_windows;
    imr_file file;
    bool whole; /* every point there is to note was noted */
} packed_points;

void imr_packed_points_done(packed_points *p); /* {0} is fine */
/* Notes a point where the stream stands, at the end of a block, when the last is far enough. */
imr_status imr_packed_points_note(packed_points *p, packed_stream *s, z_stream *deflater,
                                  imr_error *err) IMR_NODISCARD;
/* The last point at or before offset whose window is sound, unpacked to window[PACKED_WINDOW]; NULL
 * for the start of the entry. */
imr_status imr_packed_points_find(const imr_packed_point **out, uint8_t *window,
                                  const packed_points *p, uint64_t offset,
                                  imr_error *err) IMR_NODISCARD;
/* Where the last point at or before offset stands; 0 without one. */
uint64_t imr_packed_points_before(const packed_points *p, uint64_t offset);
/* imr_packed_open_points into an empty table. */
imr_status imr_packed_points_open(bool *found, packed_points *out, const imr_packed_entry *e,
                                  const char *path, const int64_t tag[2],
                                  imr_error *err) IMR_NODISCARD;

const packed_points *imr_packed_points_of(const imr_packed *p);
const imr_packed_entry *imr_packed_entry_of(const imr_packed *p);

#endif
