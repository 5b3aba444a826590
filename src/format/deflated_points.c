/* Restart points: noted along a pass, thinned out, kept in a file and found again. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "format/deflated_internal.h"

#define POINTS_MAGIC 0x3153544E504B5A49u /* "IZKPNTS1" */

typedef struct points_head {
    uint64_t magic;
    int64_t tag[2];
    uint64_t packed, size, n, window_bytes;
    uint32_t entry_crc, points_crc;
    uint64_t reserved[2];
} points_head;

void imr_deflated_points_done(deflated_points *p)
{
    imr_free(p->made);
    imr_buf_done(&p->made_windows);
    imr_file_unmap(&p->file);
    *p = (deflated_points){0};
}

static uint32_t crc_of(const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, n);
}

/* ---- noting them ---- */

static void publish(deflated_points *p)
{
    p->v = p->made;
    p->windows = imr_buf_text(&p->made_windows);
    p->window_bytes = p->made_windows.len;
}

/* Doubles the distance: what is nearer to the last point that stays is dropped. */
static void thin_out(deflated_points *p)
{
    size_t kept = 0;
    uint64_t last = 0, end = 0;
    p->spacing *= 2;
    for (size_t i = 0; i < p->n; i++) {
        imr_deflated_point point = p->made[i];
        if (point.out - last < p->spacing)
            continue;
        last = point.out;
        memmove(p->made_windows.data + end, p->made_windows.data + point.window, point.bytes);
        point.window = end;
        end += point.bytes;
        p->made[kept++] = point;
    }
    p->n = kept;
    p->made_windows.len = (size_t)end;
}

static imr_status make_room(deflated_points *p, imr_error *err)
{
    if (p->n < p->cap)
        return IMR_OK;
    size_t cap = p->cap ? 2 * p->cap : 64;
    imr_deflated_point *grown = imr_realloc(p->made, cap, sizeof *grown);
    if (!grown)
        return imr_fail_memory(err);
    p->made = grown;
    p->cap = cap;
    return IMR_OK;
}

static imr_status add_window(imr_deflated_point *point, deflated_points *p, deflated_stream *s,
                             z_stream *deflater, imr_error *err)
{
    uint8_t window[DEFLATED_WINDOW];
    uInt n = 0;
    inflateGetDictionary(&s->z, window, &n);
    deflateReset(deflater);
    size_t room = deflateBound(deflater, DEFLATED_WINDOW);
    uint8_t *to = (uint8_t *)imr_buf_reserve(&p->made_windows, room);
    if (!to)
        return imr_fail_memory(err);
    deflater->next_in = window;
    deflater->avail_in = n;
    deflater->next_out = to;
    deflater->avail_out = (uInt)room;
    int result = deflate(deflater, Z_FINISH);
    assert(n == DEFLATED_WINDOW && result == Z_STREAM_END);
    (void)result;
    point->window = p->made_windows.len;
    point->bytes = (uint32_t)(room - deflater->avail_out);
    point->crc = crc_of(to, point->bytes);
    p->made_windows.len += point->bytes;
    return IMR_OK;
}

imr_status imr_deflated_points_note(deflated_points *p, deflated_stream *s, z_stream *deflater,
                                    imr_error *err)
{
    uint64_t last = p->n ? p->made[p->n - 1].out : 0;
    size_t most = s->entry->windows ? s->entry->windows : IMR_DEFLATED_WINDOWS;
    if (!p->spacing)
        p->spacing = s->entry->spacing ? s->entry->spacing : IMR_DEFLATED_SPACING;
    if (s->out < DEFLATED_WINDOW || s->out - last < p->spacing)
        return IMR_OK;
    imr_deflated_point point = {.out = s->out, .bit = imr_deflated_stream_bit(s)};
    IMR_TRY(make_room(p, err));
    IMR_TRY(add_window(&point, p, s, deflater, err));
    p->made[p->n++] = point;
    while (p->made_windows.len > most)
        thin_out(p);
    publish(p);
    return IMR_OK;
}

/* ---- finding them ---- */

/* How many points stand at or before offset. */
static size_t points_until(const deflated_points *p, uint64_t offset)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->v[middle].out <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t imr_deflated_points_before(const deflated_points *p, uint64_t offset)
{
    size_t n = points_until(p, offset);
    return n ? p->v[n - 1].out : 0;
}

/* False when the window is damaged. */
static imr_status unpack_window(bool *sound, uint8_t *window, const deflated_points *p,
                                const imr_deflated_point *point, imr_error *err)
{
    const uint8_t *from = (const uint8_t *)p->windows + point->window;
    *sound = false;
    if (crc_of(from, point->bytes) != point->crc)
        return IMR_OK;
    z_stream z = {.zalloc = imr_deflated_alloc, .zfree = imr_deflated_release};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return imr_fail_memory(err);
    z.next_in = (z_const Bytef *)(uintptr_t)from;
    z.avail_in = point->bytes;
    z.next_out = window;
    z.avail_out = DEFLATED_WINDOW;
    int result = inflate(&z, Z_FINISH);
    *sound = result == Z_STREAM_END && z.avail_out == 0;
    inflateEnd(&z);
    return result == Z_MEM_ERROR ? imr_fail_memory(err) : IMR_OK;
}

imr_status imr_deflated_points_find(const imr_deflated_point **out, uint8_t *window,
                                    const deflated_points *p, uint64_t offset, imr_error *err)
{
    for (size_t n = points_until(p, offset); n; n--) {
        bool sound;
        IMR_TRY(unpack_window(&sound, window, p, &p->v[n - 1], err));
        if (sound) {
            *out = &p->v[n - 1];
            return IMR_OK;
        }
    }
    *out = NULL;
    return IMR_OK;
}

/* ---- in a file ---- */

imr_status imr_deflated_write_points(const imr_deflated *packed, const char *path,
                                     const int64_t tag[2], imr_error *err)
{
    const deflated_points *p = imr_deflated_points_of(packed);
    const imr_deflated_entry *e = imr_deflated_entry_of(packed);
    points_head head = {.magic = POINTS_MAGIC,
                        .tag = {tag[0], tag[1]},
                        .packed = e->packed,
                        .size = e->size,
                        .n = p->n,
                        .window_bytes = p->window_bytes,
                        .entry_crc = e->crc,
                        .points_crc = crc_of(p->v, p->n * sizeof *p->v)};
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path, err));
    imr_writer_add(&w, &head, sizeof head);
    imr_writer_add(&w, p->v, p->n * sizeof *p->v);
    imr_writer_add(&w, p->windows, p->window_bytes);
    return imr_writer_commit(&w, err);
}

/* Everything that is used to address memory. */
static bool points_fit(const imr_deflated_point *v, const points_head *h)
{
    uint64_t last = DEFLATED_WINDOW - 1;
    for (size_t i = 0; i < h->n; i++) {
        if (v[i].out <= last || v[i].out > h->size || v[i].bit > h->packed * 8 ||
            v[i].window > h->window_bytes || v[i].bytes > h->window_bytes - v[i].window)
            return false;
        last = v[i].out;
    }
    return true;
}

static bool take_file(deflated_points *p, const imr_deflated_entry *e, const int64_t tag[2])
{
    points_head h;
    if (p->file.len < sizeof h)
        return false;
    memcpy(&h, p->file.data, sizeof h);
    size_t left = p->file.len - sizeof h;
    if (h.magic != POINTS_MAGIC || h.tag[0] != tag[0] || h.tag[1] != tag[1] ||
        h.packed != e->packed || h.size != e->size || h.entry_crc != e->crc ||
        h.n > left / sizeof *p->v || h.window_bytes != left - h.n * sizeof *p->v)
        return false;
    p->v = (const imr_deflated_point *)(const void *)(p->file.data + sizeof h);
    p->n = (size_t)h.n;
    p->windows = (const char *)(p->v + p->n);
    p->window_bytes = (size_t)h.window_bytes;
    return crc_of(p->v, p->n * sizeof *p->v) == h.points_crc && points_fit(p->v, &h);
}

imr_status imr_deflated_points_open(bool *found, deflated_points *out, const imr_deflated_entry *e,
                                    const char *path, const int64_t tag[2], imr_error *err)
{
    imr_error why;
    deflated_points p = {.whole = true};
    imr_status status = imr_file_map(&p.file, path, &why);
    if (status == IMR_E_MEMORY)
        return imr_fail_memory(err);
    *found = status == IMR_OK && take_file(&p, e, tag);
    if (*found)
        *out = p;
    else
        imr_deflated_points_done(&p);
    return IMR_OK;
}
