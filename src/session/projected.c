/* Projected documents: in memory, or a file that is made once and mapped. */
#include "session/projected.h"

#include <math.h>

#include "base/kept.h"
#include "math/nn.h"

enum {
    BLOCK = 4096,   /* documents between two looks at progress */
    HEADER = 4096,  /* so that the rows begin on a page */
    SAMPLE = 32,    /* rows looked at when a file is opened */
    ALIGNMENT = 64, /* of the rows' end */
};
#define FLUSH_BYTES ((size_t)16 << 20) /* at once: a cancel waits no longer */

#define WORTH_THREADS ((size_t)1 << 16)

#define MAGIC           "IMRPROJ1"
#define BYTE_ORDER_MARK 0x01020304u

typedef struct header {
    char magic[8];
    uint32_t byte_order, half;
    uint64_t documents, n, m;
    uint32_t form, scaled;
    char adapter[72],
        cache[72]; /* sha256 in hexadecimal; without padding, so that headers compare */
} header;

/* What is projected, how it lies in memory or behind the header, and what making a block needs. */
typedef struct plan {
    const imr_adapter *adapter;
    const imr_cache *cache;
    const imr_progress *progress;
    imr_rows base;
    size_t m;
    bool half, scaled;
    imr_kept_column column[IMR_KEPT_COLUMNS]; /* rows, base scales, working scales */
    size_t bytes;
    float *base_block, *block; /* [BLOCK, ...] in one, only where the store is float16 */
    uint8_t head[HEADER];      /* of the file */
} plan;

static void plan_done(plan *p)
{
    imr_free(p->base_block);
}

static imr_status plan_init(plan *p, const imr_adapter *adapter, const imr_cache *cache,
                            const imr_progress *progress, imr_error *err)
{
    *p = (plan){.adapter = adapter, .cache = cache, .progress = progress, .m = adapter->w.m};
    p->base = cache->documents.rows;
    p->half = cache->dtype == IMR_F16;
    p->scaled = p->half || !imr_form_scales(adapter->w.form);
    const size_t row = p->m * (p->half ? sizeof(uint16_t) : sizeof(float));
    const size_t base_at = (p->base.rows * row + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const size_t working_at = base_at + p->base.rows * sizeof(float);
    p->column[0] = (imr_kept_column){0, row};
    p->column[1] = (imr_kept_column){base_at, sizeof(float)};
    p->column[2] = (imr_kept_column){working_at, p->scaled ? sizeof(float) : 0};
    p->bytes = working_at + p->base.rows * p->column[2].bytes;
    const size_t from = (p->base.rows * p->base.cols + adapter->w.count) * sizeof(float);
    IMR_TRY(imr_budget_disk("projecting the documents", p->bytes, from, err));
    if (p->half) {
        p->base_block = imr_alloc_aligned(BLOCK * (p->base.cols + p->m), sizeof *p->block);
        p->block = p->base_block + BLOCK * p->base.cols;
    }
    return p->base_block || !p->half ? IMR_OK : imr_fail_memory(err);
}

static void lay_out(imr_projected *out, const plan *p, const uint8_t *payload)
{
    const void *rows = payload;
    out->d =
        p->half ? imr_rows_f16(rows, p->base.rows, p->m) : imr_rows_f32(rows, p->base.rows, p->m);
    out->base_scale = (const float *)(const void *)(payload + p->column[1].at);
    out->working_scale =
        p->scaled ? (const float *)(const void *)(payload + p->column[2].at) : NULL;
}

/* ---- a block ---- */

/* Which document it is that the projection found not finite. */
static imr_status name_bad(const plan *p, imr_view base, imr_view d, size_t first, imr_error *err)
{
    const size_t in = imr_view_first_bad(base), out = imr_view_first_bad(d);
    const bool input = in < base.rows * base.cols;
    const size_t row = input ? in / base.cols : out / d.cols;
    return imr_fail(err, IMR_E_NUMERIC,
                    input ? "the vector of document %s in the cache %s holds a value that is not "
                            "finite: build the cache again"
                          : "document %s of the cache %s has no finite projection: the adapter's "
                            "weights or the document's vector are too large",
                    imr_ids_at(&p->cache->documents.ids, first + (row < base.rows ? row : 0)),
                    p->cache->path);
}

/* d as float16, and back, so that the norms are those of what is kept. */
static imr_status to_half(const plan *p, uint16_t *out, float *d, size_t first, size_t count,
                          imr_error *err)
{
    const size_t values = count * p->m, bad = imr_rows_to_half(out, d, values);
    if (bad < values)
        return imr_fail(err, IMR_E_NUMERIC,
                        "the projection of document %s holds a value too large for float16: build "
                        "the cache %s with --dtype f32",
                        imr_ids_at(&p->cache->documents.ids, first + bad / p->m), p->cache->path);
    imr_rows_read(d, imr_rows_f16(out, count, p->m), 0, count);
    return IMR_OK;
}

/* Documents [first, first+count): rows, base scales, then the working scales. */
static imr_status make_block(void *user, size_t first, size_t count, void *const out[],
                             imr_error *err)
{
    const plan *p = user;
    float *d = p->half ? p->block : out[0], *base_scale = out[1], *working_scale = out[2];
    const imr_view base = imr_rows_widened(p->base, first, count, p->base_block);
    const imr_status status = imr_adapter_project(p->adapter, base, d, err);
    if (status == IMR_E_NUMERIC)
        return name_bad(p, base, imr_view_of(d, count, p->m), first, err);
    IMR_TRY(status);
    if (p->half)
        IMR_TRY(to_half(p, out[0], d, first, count, err));
#pragma omp parallel for schedule(static) if (count * p->m > WORTH_THREADS)
    for (size_t i = 0; i < count; i++) {
        base_scale[i] = imr_nn_inverse_norm(imr_view_row(&base, i), base.cols);
        if (p->scaled)
            working_scale[i] = imr_nn_inverse_norm(d + i * p->m, p->m);
    }
    return IMR_OK;
}

/* Into r's memory or file. */
static imr_status project(plan *p, imr_kept_rows *r, imr_error *err)
{
    r->what = "projecting documents";
    r->rows = p->base.rows;
    r->block = BLOCK;
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++) {
        r->column[c] = p->column[c];
        r->column[c].at += r->head_bytes;
    }
    return imr_kept_rows_make(r, NULL, make_block, p, p->progress, err);
}

static imr_status into_memory(imr_projected *out, plan *p, imr_error *err)
{
    imr_kept_rows r = {.memory = imr_alloc_aligned(p->bytes, 1)};
    IMR_NEED(r.memory, err);
    out->owned = r.memory;
    lay_out(out, p, r.memory);
    return project(p, &r, err);
}

/* ---- the file ---- */

static void put_header(plan *p)
{
    header h = {.byte_order = BYTE_ORDER_MARK,
                .half = p->half,
                .documents = p->base.rows,
                .n = p->base.cols,
                .m = p->m,
                .form = !imr_form_scales(p->adapter->w.form),
                .scaled = p->scaled};
    memcpy(h.magic, MAGIC, sizeof h.magic);
    snprintf(h.adapter, sizeof h.adapter, "%s", p->adapter->sha256);
    snprintf(h.cache, sizeof h.cache, "%s", p->cache->sha256);
    memcpy(p->head, &h, sizeof h);
}

static bool near(float found, float expected, float scale, bool half)
{
    return fabsf(found - expected) <= (half ? 2e-3f : 1e-5f) * scale; /* false for NaN */
}

/* Whether row i is what the adapter makes of the cache's vector; buffers: [2,m]. */
static bool row_fits(const imr_projected *f, plan *p, float *buffers, size_t i)
{
    const size_t m = p->m;
    float *found = buffers, *expected = buffers + m, base_scale = 0, working_scale = 1;
    void *const out[] = {p->half ? found : expected, &base_scale, &working_scale};
    if (make_block(p, i, 1, out, NULL) != IMR_OK)
        return false;
    if (p->half)
        imr_rows_get(expected, imr_rows_f16(out[0], 1, m), 0);
    imr_rows_get(found, f->d, i);
    const float largest = 1 / fmaxf(working_scale, 1e-12f); /* |d| bounds every value */
    for (size_t j = 0; j < m; j++)
        if (!near(found[j], expected[j], largest, p->half))
            return false;
    return near(f->base_scale[i], base_scale, base_scale, false) &&
           (!p->scaled || near(f->working_scale[i], working_scale, working_scale, p->half));
}

/* *fits: the file at path is the one, and is mapped. Errors: IMR_E_MEMORY. */
static imr_status map(imr_projected *out, bool *fits, plan *p, const char *path, imr_error *err)
{
    imr_projected found = {0};
    IMR_AUTOFREE float *buffers = IMR_NEW_ARRAY(float, 2 * p->m);
    *fits = false;
    IMR_NEED(buffers, err);
    const imr_status status = imr_file_map(&found.file, path, err);
    if (status != IMR_OK)
        return status == IMR_E_MEMORY ? status : IMR_OK;
    *fits = found.file.mapped && found.file.len == HEADER + p->bytes &&
            memcmp(found.file.data, p->head, HEADER) == 0;
    if (*fits)
        lay_out(&found, p, found.file.data + HEADER);
    for (size_t i = 0; *fits && i < SAMPLE && i < p->base.rows; i++)
        *fits = row_fits(&found, p, buffers, i * (p->base.rows - 1) / (SAMPLE - 1) % p->base.rows);
    if (!*fits) {
        imr_file_unmap(&found.file);
        return IMR_OK;
    }
    imr_file_read_ahead(found.file.data, found.file.len);
    *out = found;
    return IMR_OK;
}

static imr_status write_file(plan *p, imr_kept *f, const char *path, imr_error *err)
{
    imr_kept_rows r = {.head = p->head, .head_bytes = HEADER, .file = *f};
    IMR_TRY(imr_kept_resize(f, 0, err)); /* what a killed process left */
    IMR_TRY(imr_kept_resize(f, HEADER + p->bytes, err));
    IMR_TRY(project(p, &r, err));
    return imr_kept_publish(f, path, err);
}

static imr_status into_file(imr_projected *out, plan *p, const char *dir, const char *path,
                            imr_error *err)
{
    imr_buf partial IMR_AUTOBUF = {0};
    imr_buf_printf(&partial, "%s.partial", path);
    IMR_TRY(imr_buf_check(&partial, err));
    IMR_CLEANUP(imr_kept_close) imr_kept f = {0};
    bool fits;
    IMR_TRY(imr_dir_make_own(dir, err));
    IMR_TRY(imr_dir_room(dir, p->bytes, err));
    IMR_TRY(imr_kept_lock(&f, imr_buf_text(&partial), err));
    f.flush_every = FLUSH_BYTES;
    /* Another process may have finished it since we looked. */
    imr_status status = map(out, &fits, p, path, err);
    if (status == IMR_OK && !fits)
        status = write_file(p, &f, path, err);
    if (status != IMR_OK || fits) {
        imr_kept_remove(&f);
        return status;
    }
    IMR_TRY(map(out, &fits, p, path, err));
    return fits ? IMR_OK : imr_fail(err, IMR_E_IO, "%s is not what was written a moment ago", path);
}

static imr_status open_kept(imr_projected *out, plan *p, imr_error *err)
{
    imr_error why;
    bool fits;
    const imr_path dir = imr_path_in(p->cache->path, "projected");
    const imr_path path = imr_path_in(dir.s, p->adapter->sha256);
    IMR_AUTOBUF imr_buf notice = {0};
    put_header(p);
    IMR_TRY(map(out, &fits, p, path.s, err));
    if (fits)
        return IMR_OK;
    const imr_status status = into_file(out, p, dir.s, path.s, &why);
    if (status != IMR_E_IO && status != IMR_E_BUSY && status != IMR_E_NOT_FOUND) {
        if (err)
            *err = why;
        return status;
    }
    imr_buf_printf(&notice,
                   "projected documents are held in memory (%zu MB) and made again at each "
                   "opening: %s",
                   p->bytes >> 20, why.text);
    IMR_TRY(imr_buf_check(&notice, err));
    out->notice = imr_buf_take(&notice);
    return into_memory(out, p, err);
}

imr_status imr_projected_open(imr_projected *out, const imr_adapter *adapter,
                              const imr_cache *cache, size_t keep_from,
                              const imr_progress *progress, imr_error *err)
{
    if (adapter->w.n != cache->dim)
        return imr_fail(
            err, IMR_E_SHAPE,
            "the adapter %s takes %zu-dimensional vectors, the cache %s holds %zu-dimensional "
            "ones; use an "
            "adapter trained on this encoder, or a cache made with the adapter's encoder",
            adapter->path, adapter->w.n, cache->path, cache->dim);
    IMR_CLEANUP(plan_done) plan p = {0};
    IMR_CLEANUP(imr_projected_done) imr_projected made = {0};
    IMR_TRY(plan_init(&p, adapter, cache, progress, err));
    imr_file_read_ahead(p.base.v, p.base.rows * p.base.stride * (p.base.half ? 2 : 4));
    const bool keep = p.base.rows >= (keep_from ? keep_from : IMR_PROJECTED_KEEP_FROM) &&
                      adapter->sha256[0] && cache->sha256[0] && strcmp(cache->layout, "store") == 0;
    IMR_TRY(keep ? open_kept(&made, &p, err) : into_memory(&made, &p, err));
    return IMR_GIVE(out, made);
}

void imr_projected_done(imr_projected *p)
{
    imr_file_unmap(&p->file);
    IMR_FREE(p->owned, p->notice);
    *p = (imr_projected){0};
}
