#include "session/doubts.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "encoder/folder.h"
#include "format/json.h"
#include "math/topk.h"
#include "text/utf8.h"

enum { SAMPLE = 50, CANDIDATES = 100, FIRST = 10, MIN_QUERIES = 8, MIN_DOCUMENTS = 50 };
#define UPSIDE_DOWN                                                                                \
    4.0 /* documents of the first ten that are kept; ten of a hundred by chance: 1 */
#define KEPT 6.0

/* ---- the form ---- */

/* How many of the first candidates of the sampled queries stay first. */
static imr_status kept_by(double *out, const imr_ranker *r, imr_form form, imr_query_sample *x,
                          imr_error *err)
{
    imr_adapter as = *r->adapter; /* the same weights, read otherwise */
    IMR_CLEANUP(imr_adapter_result_done) imr_adapter_result run = {0};
    uint32_t order[FIRST];
    size_t kept = 0;
    const size_t n = x->q.rows, k = x->rows.rows;
    as.w.form = form;
    for (size_t i = 0; i < n; i++) {
        imr_ranker_gather(r, x->rows.v, x->candidates + i * k, k);
        IMR_TRY(
            imr_adapter_run(&as, imr_matrix_row(&x->q, i), imr_matrix_view(&x->rows), &run, err));
        imr_topk(order, FIRST, run.after, k, NULL);
        for (size_t j = 0; j < FIRST; j++)
            kept += order[j] < FIRST;
    }
    *out = (double)kept / (double)n;
    return IMR_OK;
}

/* Queries spread evenly over the cache, and their candidates in the projected space. */
static imr_status sample(imr_query_sample *x, const imr_ranker *r, const imr_progress *progress,
                         imr_error *err)
{
    const imr_view queries = imr_cache_query_vectors(r->cache);
    const size_t n = queries.rows < SAMPLE ? queries.rows : SAMPLE;
    const size_t documents = r->projected.d.rows;
    uint32_t chosen[SAMPLE];
    for (size_t i = 0; i < n; i++)
        chosen[i] = (uint32_t)(i * queries.rows / n);
    return imr_query_sample_init(x, r, IMR_STAGE_BEFORE, imr_rows_of_view(queries), chosen, n,
                                 documents < CANDIDATES ? documents : CANDIDATES,
                                 "checking the adapter's form", progress, err);
}

static imr_status doubt_form(imr_buf *out, const imr_ranker *r, const imr_progress *progress,
                             imr_error *err)
{
    const imr_adapter *a = r->adapter;
    if (!imr_form_scales(a->w.form) || a->form_from == IMR_FORM_FROM_OPTION ||
        imr_cache_queries(r->cache) < MIN_QUERIES || r->projected.d.rows < MIN_DOCUMENTS)
        return IMR_OK;
    const imr_form other = a->w.form == IMR_FORM_MEAN ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN;
    IMR_CLEANUP(imr_query_sample_done) imr_query_sample x = {0};
    IMR_TRY(sample(&x, r, progress, err));
    double own, others;
    IMR_TRY(kept_by(&own, r, a->w.form, &x, err));
    if (own >= UPSIDE_DOWN)
        return IMR_OK;
    IMR_TRY(kept_by(&others, r, other, &x, err));
    if (others < KEPT)
        return IMR_OK;
    char one[64], two[64];
    imr_buf_printf(
        out,
        "read as form %s (known from %s) the adapter keeps %s of the first %d documents "
        "of a projected ranking, read as form %s %s (%zu queries of the cache): as %s it "
        "turns rankings upside down; --form %s reads it the other way",
        imr_form_name(a->w.form), imr_form_source_name(a->form_from),
        imr_format_fixed(one, own, 1, false), FIRST, imr_form_name(other),
        imr_format_fixed(two, others, 1, false), x.q.rows, imr_form_name(a->w.form),
        imr_form_name(other));
    return IMR_OK;
}

/* ---- the encoder ---- */

/* "minilm", "sentence-transformers/all-MiniLM-L6-v2" and "all-MiniLM-L6-v2" are one name. */
static bool same_name(const char *a, const char *b)
{
    const char *known_a = imr_known_model(a), *known_b = imr_known_model(b);
    return strcasecmp(imr_path_base(known_a ? known_a : a), imr_path_base(known_b ? known_b : b)) ==
           0;
}

static void put_text(imr_buf *out, const char *text)
{
    imr_buf_char(out, '"');
    imr_utf8_clean(out, text, strlen(text), IMR_CLEAN_LINE);
    imr_buf_char(out, '"');
}

static void put_pair(imr_buf *out, const char *what, const char *trained, const char *cached)
{
    imr_buf_printf(out, "%s", what);
    put_text(out, trained);
    imr_buf_str(out, ", the cache was made with ");
    put_text(out, cached);
}

/* Our own stores know the prefixes they were made with; other caches do not say. */
static bool prefix_differs(imr_buf *out, const imr_cache *c, const imr_json *metadata,
                           const char *key, const char *cached)
{
    const char *trained = imr_json_string_or(metadata, key, NULL);
    if (!trained || strcmp(imr_cache_layout(c), "store") != 0 || strcmp(trained, cached) == 0)
        return false;
    imr_buf_printf(out, "the adapter was trained with the %s ",
                   strcmp(key, "query_prefix") == 0 ? "query prefix" : "document prefix");
    put_pair(out, "", trained, cached);
    return true;
}

static imr_status doubt_encoder(imr_buf *out, const imr_ranker *r, imr_error *err)
{
    const imr_adapter *a = r->adapter;
    const imr_encoder_identity *e = imr_cache_encoder(r->cache);
    if (!a->metadata)
        return IMR_OK;
    IMR_AUTOJSON imr_json *metadata = NULL;
    IMR_TRY(imr_json_parse(&metadata, a->metadata, strlen(a->metadata), a->path, err));
    const char *hash = imr_json_string_or(metadata, "encoder_sha256", "");
    const char *name = imr_json_string_or(metadata, "encoder", "");
    const char *model = imr_json_string_or(metadata, "encoder_model_name", name);
    /* A hash speaks of weights and precision; of bf16 only the name can be compared. */
    const bool hashes = hash[0] && e->sha256[0] && !e->precision[0];
    const bool names = !hashes && model[0] && e->name[0];
    if (hashes && strcmp(hash, e->sha256) != 0) {
        imr_buf_printf(out, "the adapter was trained on another encoder (sha256 %.12s, ", hash);
        put_text(out, model);
        imr_buf_printf(out, ") than made the cache (%.12s, ", e->sha256);
        put_text(out, e->name);
        imr_buf_str(out, "): expect nonsense");
    } else if (names && !same_name(model, e->name) && !same_name(name, e->name)) {
        put_pair(out, "the adapter was trained on vectors of ", model, e->name);
        imr_buf_str(out, ": expect nonsense unless these are one encoder");
    } else if (prefix_differs(out, r->cache, metadata, "query_prefix", e->query_prefix) ||
               prefix_differs(out, r->cache, metadata, "passage_prefix", e->passage_prefix)) {
        imr_buf_str(out, ": expect worse rankings");
    }
    return IMR_OK;
}

/* ---- both ---- */

void imr_doubts_done(imr_doubts *d)
{
    for (size_t i = 0; i < d->n; i++)
        imr_free(d->v[i].text);
    *d = (imr_doubts){0};
}

/* Takes what was written. */
static imr_status add(imr_doubts *d, const char *code, imr_buf *text, imr_error *err)
{
    IMR_TRY(imr_buf_check(text, err));
    if (!text->len)
        return IMR_OK;
    d->v[d->n] = (imr_doubt){code, imr_buf_take(text)};
    return d->v[d->n++].text ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_doubts_find(imr_doubts *out, const imr_ranker *r, const imr_progress *progress,
                           imr_error *err)
{
    IMR_CLEANUP(imr_doubts_done) imr_doubts found = {0};
    IMR_AUTOBUF imr_buf encoder = {0};
    IMR_AUTOBUF imr_buf form = {0};
    if (r->adapter) {
        IMR_TRY(doubt_encoder(&encoder, r, err));
        IMR_TRY(doubt_form(&form, r, progress, err));
    }
    IMR_TRY(add(&found, "encoder-mismatch", &encoder, err));
    IMR_TRY(add(&found, "form-unlikely", &form, err));
    *out = found;
    found = (imr_doubts){0};
    return IMR_OK;
}
