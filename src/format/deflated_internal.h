/*
 * format/deflated_internal.h - what deflated.c (passes and reads), deflated_points.c (restart
 * points) and deflated_stream.c (zlib) share.
 */
#ifndef IMR_FORMAT_DEFLATED_INTERNAL_H
#define IMR_FORMAT_DEFLATED_INTERNAL_H

#include <zlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "format/deflated.h"

#define DEFLATED_WINDOW ((size_t)32 << 10) /* how far back deflate may refer */

/* ---- unpacking ---- */

typedef struct deflated_stream {
    const imr_deflated_entry *entry;
    z_stream z;
    bool open, ended;
    uint64_t out; /* bytes unpacked, from the start of the entry */
} deflated_stream;

/* zlib's memory comes from base/mem.h. */
voidpf imr_deflated_alloc(voidpf unused, uInt items, uInt size);
void imr_deflated_release(voidpf unused, voidpf memory);

void imr_deflated_stream_done(deflated_stream *s); /* {0} is fine */
/* To the start of the entry, or to a point and its window. */
imr_status imr_deflated_stream_start(deflated_stream *s, const imr_deflated_entry *entry,
                                     const imr_deflated_point *point, const uint8_t *window,
                                     imr_error *err) IMR_NODISCARD;
/* Up to cap bytes to `to`; fewer at the end of the entry and, with borders, of a deflate block. */
imr_status imr_deflated_stream_step(deflated_stream *s, uint8_t *to, size_t cap, bool borders,
                                    size_t *made, imr_error *err) IMR_NODISCARD;
/* After a step with borders: does a block end here, and another begin? */
bool imr_deflated_stream_at_border(const deflated_stream *s);
/* Where in the packed data the next bit to be read lies. */
uint64_t imr_deflated_stream_bit(const deflated_stream *s);

/* ---- restart points ---- */

typedef struct deflated_points {
    const imr_deflated_point *v; /* gathered, or within the file */
    size_t n;
    const char *windows;
    size_t window_bytes;
    imr_deflated_point *made;
    size_t cap, spacing;
    imr_buf made_windows;
    imr_file file;
    bool whole; /* every point there is to note was noted */
} deflated_points;

void imr_deflated_points_done(deflated_points *p); /* {0} is fine */
/* Notes a point where the stream stands, at the end of a block, when the last is far enough. */
imr_status imr_deflated_points_note(deflated_points *p, deflated_stream *s, z_stream *deflater,
                                    imr_error *err) IMR_NODISCARD;
/* The last point at or before offset whose window is sound, unpacked to window[DEFLATED_WINDOW];
 * NULL for the start of the entry. */
imr_status imr_deflated_points_find(const imr_deflated_point **out, uint8_t *window,
                                    const deflated_points *p, uint64_t offset,
                                    imr_error *err) IMR_NODISCARD;
/* Where the last point at or before offset stands; 0 without one. */
uint64_t imr_deflated_points_before(const deflated_points *p, uint64_t offset);
/* imr_deflated_open_points into an empty table. */
imr_status imr_deflated_points_open(bool *found, deflated_points *out, const imr_deflated_entry *e,
                                    const char *path, const int64_t tag[2],
                                    imr_error *err) IMR_NODISCARD;

const deflated_points *imr_deflated_points_of(const imr_deflated *p);
const imr_deflated_entry *imr_deflated_entry_of(const imr_deflated *p);

#endif
