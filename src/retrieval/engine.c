/* What all engines share: their URLs, the checks of what they answer, windows, recall. */
#include "retrieval/engine.h"

#include <math.h>
#include <strings.h>

#include "base/clock.h"
#include "base/url.h"
#include "math/nn.h"
#include "retrieval/cache_internal.h"
#include "text/utf8.h"

const char *const imr_engine_metric_names[] = {"none", "cosine", "inner product", "L2"};

#ifndef IMR_PGVECTOR
const imr_engine_driver imr_engine_pgvector = {
    .kind = "pgvector",
    .schemes = (const char *const[]){"postgresql://", "postgres://", NULL},
    .needs = "install PostgreSQL's client library (Debian: libpq-dev) and build again"};
#endif
#ifndef IMR_SOLR
const imr_engine_driver imr_engine_solr = {
    .kind = "Solr",
    .schemes = (const char *const[]){"solr+http://", "solr+https://", NULL},
    .needs = "install libcurl (Debian: libcurl4-openssl-dev) and build again"};
#endif

static const imr_engine_driver *const drivers[] = {&imr_engine_pgvector, &imr_engine_solr,
                                                   &imr_engine_store};

/* ---- answers ---- */

void imr_engine_rows_done(imr_engine_rows *r)
{
    IMR_FREE(r->rows.v, r->vectors.v);
    imr_strmap_done(&r->by_id);
    imr_arena_free(r->arena);
    *r = (imr_engine_rows){0};
}

static imr_status check_id(const imr_engine_row *row, imr_error *err)
{
    if (row->id_len == 0 || row->id_len > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_FORMAT,
                        "the engine answers an id of %zu bytes; 1 to %zu are expected", row->id_len,
                        IMR_MAX_ID_BYTES);
    for (size_t i = 0; i < row->id_len; i++)
        if ((unsigned char)row->id[i] < ' ' || row->id[i] == 0x7f)
            return imr_fail(err, IMR_E_FORMAT,
                            "the engine answers an id with the control character 0x%02x (byte %zu)",
                            (unsigned)(unsigned char)row->id[i], i);
    return imr_utf8_first_bad(row->id, row->id_len) == row->id_len
               ? IMR_OK
               : imr_fail(err, IMR_E_FORMAT, "the engine answers an id that is not UTF-8");
}

void imr_engine_put_text(imr_buf *out, const char *text, size_t len)
{
    for (size_t i = 0, n; i < len;) {
        const char *zero = memchr(text + i, 0, len - i);
        const size_t end = zero ? (size_t)(zero - text) : len;
        for (; i < end; i += n) {
            n = imr_utf8_first_bad(text + i, end - i);
            imr_buf_add(out, text + i, n);
            if (n == 0) {
                n = imr_utf8_part((const uint8_t *)text + i, end - i, &(bool){0});
                imr_buf_str(out, "\xef\xbf\xbd");
            }
        }
        imr_buf_str(out, zero ? "\xef\xbf\xbd" : "");
        i += zero != NULL;
    }
}

/* Cut at a character. */
static imr_status keep_text(const char **out, imr_engine_rows *r, const char *text, size_t len,
                            imr_error *err)
{
    IMR_AUTOBUF imr_buf clean = {0};
    if (len > IMR_ENGINE_TEXT) {
        len = imr_utf8_prev(text, len, IMR_ENGINE_TEXT);
        r->cut++;
    }
    imr_engine_put_text(&clean, text, len);
    IMR_TRY(imr_buf_check(&clean, err));
    IMR_NEED(*out = imr_arena_strndup(r->arena, imr_buf_text(&clean), clean.len), err);
    return IMR_OK;
}

imr_status imr_engine_add(imr_engine_rows *r, const imr_engine_row *row, imr_error *err)
{
    imr_engine_document d = {0};
    bool added;
    IMR_TRY(check_id(row, err));
    if (!r->dim)
        r->dim = row->dim;
    if (!row->dim || row->dim > IMR_MAX_DIM || row->dim != r->dim)
        return imr_fail(err, IMR_E_SHAPE,
                        "document %.*s has %zu numbers in its vector, %zu are expected",
                        (int)row->id_len, row->id, row->dim, r->dim);
    for (size_t j = 0; j < row->dim; j++)
        if (!isfinite(row->vector[j]))
            return imr_fail(err, IMR_E_NUMERIC, "the vector of document %.*s is not finite (%zu)",
                            (int)row->id_len, row->id, j);
    if (!r->arena)
        r->arena = imr_arena_new();
    IMR_NEED(r->arena && (d.id = imr_arena_strndup(r->arena, row->id, row->id_len)), err);
    IMR_NEED(imr_strmap_add(&r->by_id, d.id, row->id_len, (uint32_t)r->rows.n, NULL, &added), err);
    if (!added) {
        r->repeated++;
        return IMR_OK;
    }
    if (r->rows.n == r->most)
        return imr_fail(err, IMR_E_FORMAT,
                        "the engine answers more than the %zu documents asked "
                        "for",
                        r->most);
    IMR_TRY(keep_text(&d.title, r, row->title ? row->title : "", row->title_len, err));
    IMR_TRY(keep_text(&d.text, r, row->text ? row->text : "", row->text_len, err));
    IMR_NEED(IMR_GROW(&r->vectors, row->dim) && IMR_PUSH(&r->rows, d), err);
    memcpy(r->vectors.v + r->vectors.n, row->vector, row->dim * sizeof *row->vector);
    r->vectors.n += row->dim;
    return IMR_OK;
}

/* ---- opening ---- */

static const imr_engine_driver *driver_of(const char *url)
{
    for (size_t i = 0; i < IMR_LEN(drivers); i++)
        for (const char *const *s = drivers[i]->schemes; s && *s; s++)
            if (strncasecmp(url, *s, strlen(*s)) == 0)
                return drivers[i];
    return strstr(url, "://") ? NULL : &imr_engine_store;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static imr_status decode(const char **out, imr_engine *e, const char *v, size_t len, imr_error *err)
{
    char *text = imr_arena_strndup(e->arena, v, len);
    size_t n = 0;
    IMR_NEED(text, err);
    for (size_t i = 0; i < len; i++) {
        const bool coded = v[i] == '%';
        const int high = coded && i + 2 < len ? hex(v[i + 1]) : -1;
        const int low = coded && i + 2 < len ? hex(v[i + 2]) : -1;
        if (coded && (high < 0 || low < 0 || high + low == 0))
            return imr_fail(err, IMR_E_USAGE, "'%.*s' in the URL: %% begins two hexadecimal digits",
                            (int)len, v);
        text[n++] = coded ? (char)(high * 16 + low) : v[i];
        i += coded ? 2 : 0;
    }
    text[n] = '\0';
    *out = text;
    return IMR_OK;
}

imr_status imr_engine_parameter(const char **out, imr_engine *e, imr_buf *url, const char *name,
                                imr_error *err)
{
    const size_t len = strlen(name);
    const char *found = NULL;
    char *query = strchr(url->data, '?');
    for (char *p = query; p && *p;) {
        char *end = p + 1 + strcspn(p + 1, "&");
        if (strncmp(p + 1, name, len) != 0 || p[1 + len] != '=') {
            p = end;
            continue;
        }
        if (found || p + 2 + len == end)
            return imr_fail(err, IMR_E_USAGE, "the URL says %s=%s", name,
                            found ? " twice" : " and no value");
        IMR_TRY(decode(&found, e, p + 2 + len, (size_t)(end - p) - 2 - len, err));
        /* What follows moves up; the first of those that stay keeps the question mark. */
        if (*p == '?' && *end)
            p++, end++;
        memmove(p, end, strlen(end) + 1);
        url->len -= (size_t)(end - p);
        if (p > url->data && p[-1] == '?')
            p--;
    }
    *out = found;
    return IMR_OK;
}

imr_status imr_engine_open(imr_engine **out, const imr_engine_options *options,
                           const imr_progress *progress, imr_error *err)
{
    const imr_engine_driver *driver = driver_of(options->url);
    if (!driver)
        return imr_fail(err, IMR_E_USAGE,
                        "'%.*s' names no engine; postgresql://, solr+http://, solr+https:// or a "
                        "cache folder are known",
                        (int)strcspn(options->url, ":"), options->url);
    const char *secret = imr_url_secret(options->url);
    if (secret)
        return imr_fail(err, IMR_E_USAGE, "%s", secret);
    if (driver->needs)
        return imr_fail(err, IMR_E_UNSUPPORTED, "this imrnn was built without %s: %s", driver->kind,
                        driver->needs);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = IMR_NEW(imr_engine);
    IMR_NEED(e, err);
    e->driver = driver;
    IMR_NEED(e->arena = imr_arena_new(), err);
    e->options = *options;
    e->options.timeout = options->timeout > 0 ? options->timeout : 10;
    const char *none = "";
    e->facts =
        (imr_engine_facts){.kind = driver->kind, .fields = none, .type = none, .index = none};
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        e->facts.encoder.text[i] = none;
    e->options.url = imr_arena_strdup(e->arena, options->url);
    e->facts.name = imr_line_keep(options->url, strlen(options->url), e->arena);
    e->options.filter = options->filter ? imr_arena_strdup(e->arena, options->filter) : NULL;
    IMR_NEED(e->options.url && e->facts.name && (!options->filter || e->options.filter), err);
    IMR_TRY(driver->open(e, progress, err));
    return IMR_GIVE(out, e);
}

void imr_engine_close(imr_engine *e)
{
    if (!e)
        return;
    e->driver->close(e);
    imr_cache_free(e->last);
    imr_buf_done(&e->asked);
    imr_arena_free(e->arena);
    imr_free(e);
}

/* ---- whose vectors they are ---- */

static const char *noted(const imr_encoder_identity *e, size_t i)
{
    return e->text[i] && &e->text[i] != &e->path ? e->text[i] : "";
}

void imr_engine_put_encoder(imr_buf *out, const imr_encoder_identity *by)
{
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        imr_json_printf(out, i ? ",%s:%s" : "{%s:%s", imr_encoder_keys[i], noted(by, i));
    imr_buf_char(out, '}');
}

imr_status imr_engine_keep_encoder(imr_engine *e, const imr_json *by, imr_error *err)
{
    imr_encoder_identity *is = &e->facts.encoder;
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        IMR_NEED(is->text[i] =
                     imr_arena_strdup(e->arena, imr_json_string_or(by, imr_encoder_keys[i], "")),
                 err);
    is->path = ""; /* of another machine */
    return IMR_OK;
}

bool imr_engine_same_encoder(const imr_engine *e, const imr_encoder_identity *with)
{
    const imr_encoder_identity *is = &e->facts.encoder;
    bool same = true;
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        same &= &is->text[i] == &is->name || strcmp(noted(is, i), noted(with, i)) == 0;
    return same;
}

/* ---- windows ---- */

static imr_status take(imr_cache *c, imr_engine_rows *r, const imr_engine *e, imr_error *err)
{
    const size_t n = r->rows.n;
    IMR_AUTOBUF imr_buf ids = {0};
    c->dim = e->facts.dim;
    if (!n)
        return IMR_OK;
    const char **titles = IMR_ARENA_ARRAY(r->arena, const char *, n);
    const char **texts = IMR_ARENA_ARRAY(r->arena, const char *, n);
    for (size_t i = 0; i < n; i++)
        imr_buf_add(&ids, r->rows.v[i].id, strlen(r->rows.v[i].id) + 1);
    IMR_TRY(imr_buf_check(&ids, err));
    IMR_NEED(titles && texts, err);
    for (size_t i = 0; i < n; i++) {
        titles[i] = r->rows.v[i].title;
        texts[i] = r->rows.v[i].text;
    }
    const size_t bytes = ids.len;
    IMR_TRY(
        imr_ids_take(&c->documents.ids, NULL, NULL, imr_buf_take(&ids), bytes, n, c->path, err));
    IMR_TRY(imr_matrix_init(&c->documents.owned, n, r->dim, err));
    memcpy(c->documents.owned.v, r->vectors.v, n * r->dim * sizeof *r->vectors.v);
    c->documents.rows = imr_rows_of_view(imr_matrix_view(&c->documents.owned));
    c->dtype = IMR_F32;
    c->titles = e->facts.has_texts ? titles : NULL;
    c->texts = e->facts.has_texts ? texts : NULL;
    c->own = IMR_TAKE(r->arena);
    if (r->repeated)
        imr_cache_add_notice(c,
                             "%zu documents of the engine have an id that another one has; they "
                             "are left out",
                             r->repeated);
    if (r->cut)
        imr_cache_add_notice(c, "%zu texts have more than %zu bytes and were cut there", r->cut,
                             IMR_ENGINE_TEXT);
    return imr_cache_set_encoder(c, &e->facts.encoder, err);
}

static imr_status none_there(const imr_engine *e, imr_error *err)
{
    return imr_fail(err, IMR_E_NOT_FOUND, "%s has no document with a vector%s", e->facts.name,
                    e->options.filter ? " that the filter lets through" : "");
}

/* All that a window depends on. */
static imr_status put_request(imr_buf *out, const imr_engine *e, const float *vector, size_t k,
                              const char *const *ids, size_t n, imr_error *err)
{
    imr_buf_add(out, &k, sizeof k);
    if (k)
        imr_buf_add(out, vector, e->facts.dim * sizeof *vector);
    for (size_t i = 0; i < n; i++)
        imr_buf_add(out, ids[i], strlen(ids[i]) + 1);
    return imr_buf_check(out, err);
}

imr_status imr_engine_window(imr_cache **out, imr_engine *e, const float *vector, size_t k,
                             const char *const *ids, size_t n, const imr_progress *progress,
                             imr_error *err)
{
    IMR_AUTOBUF imr_buf request = {0};
    IMR_TRY(put_request(&request, e, vector, k, ids, n, err));
    if (e->last && request.len == e->asked.len &&
        memcmp(request.data, e->asked.data, request.len) == 0) {
        *out = imr_cache_share(e->last);
        return IMR_OK;
    }
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = k, .dim = e->facts.dim};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = imr_cache_new(e->facts.name, "engine");
    IMR_AUTOFREE const char **rest = IMR_NEW_ARRAY(const char *, n + 1);
    size_t missing = 0;
    IMR_NEED(c && rest, err);
    if (k)
        IMR_TRY(e->driver->nearest(e, &rows, vector, k, false, progress, err));
    const size_t found = rows.rows.n;
    if (k && !found)
        return none_there(e, err);
    for (size_t i = 0; i < n; i++)
        if (!imr_strmap_get(&rows.by_id, ids[i], strlen(ids[i]), &(uint32_t){0}))
            rest[missing++] = ids[i];
    rows.most += missing;
    const size_t repeated = rows.repeated; /* what is found twice by its id was asked for twice */
    if (missing)
        IMR_TRY(e->driver->find(e, &rows, rest, missing, progress, err));
    rows.repeated = repeated;
    c->beside = rows.rows.n - found;
    IMR_TRY(take(c, &rows, e, err));
    imr_cache_free(e->last);
    e->last = imr_cache_share(c);
    imr_buf_done(&e->asked);
    e->asked = IMR_TAKE(request);
    return IMR_GIVE(out, c);
}

/* What a sample is known by again. */
static imr_status hash_rows(imr_cache *c, imr_error *err)
{
    IMR_AUTOSHA256 imr_sha256 s = {0};
    const imr_matrix *v = &c->documents.owned;
    imr_sha256_init(&s);
    imr_sha256_add(&s, c->documents.ids.text, c->documents.ids.bytes);
    for (size_t i = 0; i < v->rows; i++) {
        imr_sha256_add(&s, imr_matrix_row(v, i), v->cols * sizeof *v->v);
        for (size_t k = 0; c->texts && k < 2; k++) {
            const char *text = (k ? c->texts : c->titles)[i];
            imr_sha256_add(&s, text, strlen(text) + 1);
        }
    }
    return imr_sha256_hex(&s, c->sha256, err);
}

imr_status imr_engine_sample(imr_cache **out, imr_engine *e, size_t n, const imr_progress *progress,
                             imr_error *err)
{
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = 2 * n, .dim = e->facts.dim};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = imr_cache_new(e->facts.name, "engine");
    IMR_NEED(c, err);
    IMR_TRY(e->driver->sample(e, &rows, n, progress, err));
    if (!rows.rows.n)
        return none_there(e, err);
    IMR_TRY(take(c, &rows, e, err));
    c->sampled = e->facts.documents;
    IMR_TRY(hash_rows(c, err));
    return IMR_GIVE(out, c);
}

/* ---- recall ---- */

/* Of the k that belong there (or of the sampled documents nearer than the last one), how many are
 * among those found. */
static void count_found(const imr_engine_rows *found, const imr_engine_rows *exact,
                        const imr_cache *sample, const float *query, size_t *hits, size_t *of)
{
    const size_t n = exact ? exact->rows.n : sample->documents.ids.n, dim = found->dim;
    double last = 2;
    for (size_t i = 0; i < found->rows.n; i++)
        last = fmin(last, imr_nn_cosine(query, found->vectors.v + i * dim, dim));
    for (size_t i = 0; i < n; i++) {
        const char *id = exact ? exact->rows.v[i].id : imr_ids_at(&sample->documents.ids, i);
        if (!exact &&
            !(imr_nn_cosine(query, imr_matrix_row(&sample->documents.owned, i), dim) > last))
            continue;
        ++*of;
        *hits += imr_strmap_get(&found->by_id, id, strlen(id), &(uint32_t){0});
    }
}

imr_status imr_engine_measure(imr_engine_recall *out, imr_engine *e, imr_view queries, size_t k,
                              const imr_cache *sample, double seconds, const imr_progress *progress,
                              imr_error *err)
{
    imr_engine_recall r = {.recall = NAN, .exact = true, .k = k};
    const double start = imr_clock_seconds();
    size_t hits = 0, of = 0;
    for (; r.queries < queries.rows && (!r.queries || imr_clock_seconds() - start < seconds);
         r.queries++) {
        const float *q = imr_view_row(&queries, r.queries);
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows found = {.most = k, .dim = e->facts.dim};
        IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows exact = {.most = k, .dim = e->facts.dim};
        if (!imr_progress_step(progress, "measuring the engine's recall", r.queries, queries.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
        IMR_TRY(e->driver->nearest(e, &found, q, k, false, progress, err));
        if (r.exact) {
            const imr_status status = e->driver->nearest(e, &exact, q, k, true, progress, err);
            /* A scan of millions takes longer than a request may. */
            r.exact = status != IMR_E_UNSUPPORTED && status != IMR_E_IO;
            if (r.exact)
                IMR_TRY(status);
        }
        count_found(&found, r.exact ? &exact : NULL, sample, q, &hits, &of);
    }
    if (of)
        r.recall = (double)hits / (double)of;
    *out = r;
    return IMR_OK;
}
