#include "format/deflated.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "format/deflated_internal.h"

#define PIECE        ((size_t)256 << 10) /* what a pass gives at a time and a cursor remembers */
#define STEP         ((size_t)16 << 10)  /* what a cursor unpacks at a time */
#define RESTART_COST DEFLATED_WINDOW     /* of a window, in unpacked bytes */
#define MOST_EXPAND  1032                /* of deflate: 258 bytes from 2 bits */

/* A stream somewhere in the entry and the bytes it gave last, [at.out - n, at.out). */
typedef struct cursor {
    deflated_stream at;
    uint8_t *bytes; /* [PIECE], NULL until the first use */
    size_t n;
    bool live;
    uint64_t used; /* when */
} cursor;

struct imr_deflated {
    imr_deflated_entry entry;
    char *name;
    deflated_points points;
    pthread_mutex_t lock; /* guards what follows */
    cursor cursors[IMR_DEFLATED_CURSORS];
    uint64_t now;
};

struct imr_deflated_pass {
    imr_deflated *of;
    deflated_stream at;
    uint32_t crc;
    deflated_points points; /* noted on the way when there are none yet */
    z_stream deflater;
    bool noting, finished, failed;
    imr_error failure;
    uint8_t bytes[PIECE];
};

const deflated_points *imr_deflated_points_of(const imr_deflated *p)
{
    return &p->points;
}

const imr_deflated_entry *imr_deflated_entry_of(const imr_deflated *p)
{
    return &p->entry;
}

imr_status imr_deflated_open(imr_deflated **out, const imr_deflated_entry *entry, imr_error *err)
{
    if (entry->size / MOST_EXPAND > entry->packed)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: %" PRIu64 " packed bytes cannot be the %" PRIu64 " the directory says",
                        entry->name, entry->packed, entry->size);
    imr_deflated *p = IMR_NEW(imr_deflated);
    if (!p || !(p->name = imr_strdup(entry->name))) {
        imr_free(p);
        return imr_fail_memory(err);
    }
    p->entry = *entry;
    p->entry.name = p->name;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return IMR_OK;
}

void imr_deflated_free(imr_deflated *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < IMR_DEFLATED_CURSORS; i++) {
        imr_deflated_stream_done(&p->cursors[i].at);
        imr_free(p->cursors[i].bytes);
    }
    pthread_mutex_destroy(&p->lock);
    imr_deflated_points_done(&p->points);
    imr_free(p->name);
    imr_free(p);
}

/* ---- from front to back ---- */

void imr_deflated_pass_free(imr_deflated_pass *pass)
{
    if (!pass)
        return;
    if (pass->noting)
        deflateEnd(&pass->deflater);
    imr_deflated_stream_done(&pass->at);
    imr_deflated_points_done(&pass->points);
    imr_free(pass);
}

imr_status imr_deflated_pass_new(imr_deflated_pass **out, imr_deflated *p, imr_error *err)
{
    imr_deflated_pass *pass = imr_alloc(1, sizeof *pass);
    if (!pass)
        return imr_fail_memory(err);
    memset(pass, 0, offsetof(imr_deflated_pass, bytes));
    pass->of = p;
    imr_status status = imr_deflated_stream_start(&pass->at, &p->entry, NULL, NULL, err);
    if (status == IMR_OK && !p->points.whole) {
        /* The fastest level: as many bytes pass through here as a quarter of the entry has. */
        pass->deflater = (z_stream){.zalloc = imr_deflated_alloc, .zfree = imr_deflated_release};
        pass->noting = deflateInit2(&pass->deflater, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8,
                                    Z_DEFAULT_STRATEGY) == Z_OK;
        status = pass->noting ? IMR_OK : imr_fail_memory(err);
    }
    if (status != IMR_OK) {
        imr_deflated_pass_free(pass);
        return status;
    }
    *out = pass;
    return IMR_OK;
}

static imr_status finish(imr_deflated_pass *pass, imr_error *err)
{
    const imr_deflated_entry *e = &pass->of->entry;
    pass->finished = true;
    if (pass->crc != e->crc)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is damaged: CRC-32 %08" PRIx32 ", the directory says %08" PRIx32,
                        e->name, pass->crc, e->crc);
    if (pass->noting && !pass->of->points.whole) {
        pass->points.whole = true;
        pass->of->points = pass->points;
        pass->points = (deflated_points){0};
    }
    return IMR_OK;
}

static imr_status next_piece(imr_deflated_pass *pass, size_t *n, imr_error *err)
{
    deflated_stream *s = &pass->at;
    for (*n = 0; *n < PIECE && !s->ended;) {
        size_t made;
        IMR_TRY(
            imr_deflated_stream_step(s, pass->bytes + *n, PIECE - *n, pass->noting, &made, err));
        *n += made;
        if (pass->noting && imr_deflated_stream_at_border(s))
            IMR_TRY(imr_deflated_points_note(&pass->points, s, &pass->deflater, err));
    }
    pass->crc = (uint32_t)crc32_z(pass->crc, pass->bytes, *n);
    return s->ended && !pass->finished ? finish(pass, err) : IMR_OK;
}

imr_status imr_deflated_pass_next(imr_deflated_pass *pass, const char **bytes, size_t *n,
                                  imr_error *err)
{
    size_t made = 0;
    if (!pass->failed)
        pass->failed = next_piece(pass, &made, &pass->failure) != IMR_OK;
    if (pass->failed) {
        if (err)
            *err = pass->failure;
        return pass->failure.status;
    }
    *bytes = (const char *)pass->bytes;
    *n = made;
    return IMR_OK;
}

/* ---- from anywhere ---- */

static imr_status restart(cursor *c, const imr_deflated *p, uint64_t offset, imr_error *err)
{
    uint8_t window[DEFLATED_WINDOW];
    const imr_deflated_point *point;
    c->live = false;
    c->n = 0;
    if (!c->bytes && !(c->bytes = imr_alloc(PIECE, 1)))
        return imr_fail_memory(err);
    IMR_TRY(imr_deflated_points_find(&point, window, &p->points, offset, err));
    IMR_TRY(imr_deflated_stream_start(&c->at, &p->entry, point, window, err));
    c->live = true;
    return IMR_OK;
}

/* A cursor that holds offset or stands before it: the one with the least to unpack until there,
 * or the one not used for longest, begun anew. */
static imr_status choose(cursor **out, imr_deflated *p, uint64_t offset, imr_error *err)
{
    uint64_t least = offset - imr_deflated_points_before(&p->points, offset) + RESTART_COST;
    cursor *best = NULL, *oldest = &p->cursors[0];
    for (size_t i = 0; i < IMR_DEFLATED_CURSORS; i++) {
        cursor *c = &p->cursors[i];
        if (c->used < oldest->used)
            oldest = c;
        if (!c->live || c->at.out - c->n > offset)
            continue;
        uint64_t work = c->at.out < offset ? offset - c->at.out : 0;
        if (work < least) {
            least = work;
            best = c;
        }
    }
    if (!best) {
        IMR_TRY(restart(oldest, p, offset, err));
        best = oldest;
    }
    best->used = ++p->now;
    *out = best;
    return IMR_OK;
}

static imr_status advance(cursor *c, imr_error *err)
{
    size_t made;
    if (c->n + STEP > PIECE)
        c->n = 0;
    imr_status status = imr_deflated_stream_step(&c->at, c->bytes + c->n, STEP, false, &made, err);
    if (status == IMR_OK)
        c->n += made;
    else
        c->live = false;
    return status;
}

static imr_status read_locked(imr_deflated *p, uint64_t offset, char *out, size_t len,
                              imr_error *err)
{
    while (len) {
        cursor *c;
        IMR_TRY(choose(&c, p, offset, err));
        while (c->at.out <= offset)
            IMR_TRY(advance(c, err));
        size_t behind = (size_t)(c->at.out - offset), n = len < behind ? len : behind;
        memcpy(out, c->bytes + c->n - behind, n);
        offset += n;
        out += n;
        len -= n;
    }
    return IMR_OK;
}

imr_status imr_deflated_read(imr_deflated *p, uint64_t offset, char *out, size_t len,
                             imr_error *err)
{
    assert(offset <= p->entry.size && len <= p->entry.size - offset);
    pthread_mutex_lock(&p->lock);
    imr_status status = read_locked(p, offset, out, len, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}

/* ---- restart points ---- */

bool imr_deflated_has_points(const imr_deflated *p)
{
    return p->points.whole;
}

bool imr_deflated_points_from_file(const imr_deflated *p)
{
    return p->points.file.data != NULL;
}

size_t imr_deflated_points(const imr_deflated *p, const imr_deflated_point **points)
{
    *points = p->points.v;
    return p->points.n;
}

imr_status imr_deflated_open_points(bool *found, imr_deflated *p, const char *path,
                                    const int64_t tag[2], imr_error *err)
{
    imr_deflated_points_done(&p->points);
    return imr_deflated_points_open(found, &p->points, &p->entry, path, tag, err);
}
