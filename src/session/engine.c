/* Documents that stay in an engine: what of them a session needs, and what speaks against them.
 *
 * The session's cache is a sample of the documents: statistics of a corpus are those of a sample.
 * Each query has a window of its own; rankings, details and why-nots are of that.
 */
#include <math.h>

#include "base/number.h"
#include "math/nn.h"
#include "retrieval/cache_internal.h"
#include "session/internal.h"

enum {
    SAMPLE = 1000, /* documents, at most */
    ANEW = 8,      /* texts that are encoded again */
    QUERIES = 20,  /* whose recall is measured, */
    RECALL_K = 100,
    BATCH = 64, /* queries encoded at a time */
    FIRST = 10  /* of a trace beside */
};
#define SECONDS   0.5  /* for recall: at least one query, no more once they are over */
#define AGREEMENT 0.98 /* below it, texts and vectors are not one encoder's: float16 costs 1e-6 */
#define UNIT      1e-2 /* a norm this far from 1 is no rounding */

imr_status imr_session_engine_begin(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_trace_store *t = &s->facts.inputs.store;
    IMR_TRY(imr_engine_open(&s->engine, &s->options.store, progress, err));
    IMR_TRY(imr_engine_sample(&s->cache, s->engine, SAMPLE, progress, err));
    const imr_engine_facts *f = &s->engine->facts;
    *t = (imr_trace_store){.kind = f->kind,
                           .name = f->name,
                           .fields = f->fields,
                           .type = f->type,
                           .index = f->index,
                           .metric = imr_engine_metric_names[f->metric],
                           .filter = s->options.store.filter ? s->options.store.filter : "",
                           .effort = f->effort,
                           .recall = NAN,
                           .agreement = NAN};
    return IMR_OK;
}

/* ---- queries ---- */

/* The ids of the split's judged queries, or of all there are. */
static imr_status choose_questions(imr_cache *c, const imr_dataset *d, const char *split,
                                   imr_error *err)
{
    const imr_qrels *qrels = imr_dataset_qrels(d, split ? split : "test");
    IMR_AUTOBUF imr_buf ids = {0};
    size_t n = 0;
    uint32_t row;
    for (size_t i = 0; i < (qrels ? qrels->queries.n : d->query_ids.n); i++) {
        const char *id = qrels ? qrels->queries.v[i].id : imr_ids_at(&d->query_ids, i);
        if (!imr_ids_find(&d->query_ids, id, &row))
            continue;
        imr_buf_add(&ids, id, strlen(id) + 1);
        n++;
    }
    IMR_TRY(imr_buf_check(&ids, err));
    const size_t bytes = ids.len;
    return n ? imr_ids_take(&c->queries.ids, NULL, NULL, imr_buf_take(&ids), bytes, n, d->path, err)
             : IMR_OK;
}

/* DIR/questions-<hash of encoder, prefix, ids and texts>.npy: their vectors. */
static imr_status name_questions(imr_path *out, const imr_session *s, imr_error *err)
{
    const imr_ids *ids = &s->cache->queries.ids;
    char hex[IMR_SHA256_HEX], name[IMR_SHA256_HEX + 16];
    IMR_AUTOSHA256 imr_sha256 sha = {0};
    imr_sha256_init(&sha);
    imr_sha256_add(&sha, s->facts.inputs.encoder_sha256, IMR_SHA256_HEX);
    imr_sha256_add(&sha, s->prefix, strlen(s->prefix) + 1);
    for (size_t i = 0; i < ids->n; i++) {
        const char *id = imr_ids_at(ids, i), *text = imr_cache_query_text(s->cache, i);
        imr_sha256_add(&sha, id, strlen(id) + 1);
        imr_sha256_add(&sha, text, strlen(text) + 1);
    }
    IMR_TRY(imr_sha256_hex(&sha, hex, err));
    snprintf(name, sizeof name, "questions-%s.npy", hex);
    *out = imr_path_in(imr_session_folder(s), name);
    return IMR_OK;
}

/* Those kept, when they fit. */
static bool recall_questions(imr_cache *c, const char *path)
{
    IMR_CLEANUP(imr_npy_done) imr_npy kept = {0};
    const size_t n = c->queries.ids.n;
    if (!imr_file_exists(path) || imr_npy_open(&kept, path, NULL) != IMR_OK ||
        kept.t.dtype != IMR_F32 || kept.t.rank != 2 || kept.t.shape[0] != n ||
        kept.t.shape[1] != c->dim || imr_tensor_to_f32(&kept.t, c->queries.owned.v, NULL) != IMR_OK)
        return false;
    return imr_view_first_bad(imr_matrix_view(&c->queries.owned)) == n * c->dim;
}

/* Query vectors, BATCH at a time. */
static imr_status encode_questions(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_cache *c = s->cache;
    const size_t all = c->queries.ids.n;
    imr_path kept;
    IMR_TRY(imr_matrix_init(&c->queries.owned, all, c->dim, err));
    c->queries.rows = imr_rows_of_view(imr_matrix_view(&c->queries.owned));
    IMR_TRY(name_questions(&kept, s, err));
    if (recall_questions(c, kept.s))
        return IMR_OK;
    for (size_t first = 0; first < all; first += BATCH) {
        const size_t n = all - first < BATCH ? all - first : BATCH;
        IMR_AUTOBUF imr_buf text = {0};
        size_t len[BATCH] = {0}, end = 0;
        const char *start[BATCH];
        for (size_t i = 0; i < n; i++) {
            imr_buf_str(&text, s->prefix);
            imr_buf_str(&text, imr_cache_query_text(c, first + i));
            len[i] = text.len - end;
            end = text.len;
        }
        IMR_TRY(imr_buf_check(&text, err));
        for (size_t i = 0, at = 0; i < n; at += len[i++])
            start[i] = imr_buf_text(&text) + at;
        IMR_TRY(imr_encoder_encode(s->encoder, start, len, n,
                                   imr_matrix_row(&c->queries.owned, first), NULL, NULL, err));
        IMR_TRY(imr_ranker_step(progress, "encoding queries", first + n, all, err));
    }
    /* Where nothing can be kept they are encoded again. */
    return imr_only_memory(
        all ? imr_npy_write_f32(kept.s, c->queries.owned.v, all, c->dim, err) : IMR_OK, err);
}

static imr_status open_questions(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_cache *c = s->cache;
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *d = NULL;
    const imr_dataset_options options = {.progress = progress};
    c->queries.rows = imr_rows_f32(NULL, 0, c->dim);
    if (s->options.dataset) {
        IMR_TRY(imr_dataset_open(&d, s->options.dataset, &options, err));
        IMR_TRY(choose_questions(c, d, s->options.split, err));
    }
    c->dataset = d;
    const imr_status status = imr_cache_finish(c, err);
    c->questions = IMR_TAKE(d);
    c->dataset = NULL;
    IMR_TRY(status);
    if (!c->questions)
        return IMR_OK;
    s->facts.inputs.dataset_path = imr_session_string(s, c->questions->path);
    return encode_questions(s, progress, err);
}

/* ---- what speaks against it ---- */

static imr_status doubt(imr_session *s, const char *code, imr_buf *text, imr_error *err)
{
    IMR_TRY(imr_buf_check(text, err));
    assert(s->doubts.n < IMR_LEN(s->doubts.v));
    if (text->len)
        s->doubts.v[s->doubts.n++] = (imr_trace_warning){code, imr_buf_take(text)};
    return IMR_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Some stored texts, encoded anew, against their stored vectors. */
static imr_status encode_anew(imr_session *s, imr_error *err)
{
    imr_trace_store *t = &s->facts.inputs.store;
    const imr_cache *c = s->cache;
    const size_t all = c->documents.ids.n, n = all < ANEW ? all : ANEW;
    IMR_AUTOFREE float *anew = IMR_NEW_ARRAY(float, c->dim);
    double cosine[ANEW] = {0};
    IMR_NEED(anew, err);
    for (size_t i = 0; c->texts && i < n; i++) {
        const size_t row = i * all / n;
        IMR_AUTOBUF imr_buf text = {0};
        imr_token_count count;
        imr_document_text(&text, c->titles[row], strlen(c->titles[row]), c->texts[row],
                          strlen(c->texts[row]));
        IMR_TRY(imr_buf_check(&text, err));
        IMR_TRY(imr_session_encode(s, anew, &count, c->encoder.passage_prefix, imr_buf_text(&text),
                                   err));
        if (count.known)
            cosine[t->agreed++] =
                imr_nn_cosine(anew, imr_matrix_row(&c->documents.owned, row), c->dim);
    }
    qsort(cosine, t->agreed, sizeof *cosine, by_value);
    if (t->agreed)
        t->agreement = cosine[(t->agreed - 1) / 2];
    return IMR_OK;
}

static imr_status find_doubts(imr_session *s, imr_error *err)
{
    const imr_trace_store *t = &s->facts.inputs.store;
    const imr_cache *c = s->cache;
    IMR_AUTOBUF imr_buf text = {0};
    double furthest = 0;
    if (t->agreed && t->agreement < AGREEMENT)
        imr_buf_printf(&text,
                       "the vectors of %s are not what the encoder %s makes of their texts: cosine "
                       "%.3f at the median of %u; name the encoder they were made with (--encoder, "
                       "--passage-prefix), or other text columns",
                       t->name, s->facts.inputs.encoder_name, t->agreement, t->agreed);
    IMR_TRY(doubt(s, "store-mismatch", &text, err));
    for (size_t i = 0; i < c->documents.ids.n; i++)
        furthest =
            fmax(furthest, fabs(imr_nn_norm(imr_matrix_row(&c->documents.owned, i), c->dim) - 1));
    if (s->engine->facts.metric > IMR_METRIC_OF_COSINE && furthest > UNIT)
        imr_buf_printf(&text,
                       "the index of %s is by %s, and its vectors are not of length 1: the "
                       "candidates are not those of the encoder's cosine",
                       t->name, t->metric);
    IMR_TRY(doubt(s, "store-metric", &text, err));
    if (s->adapter &&
        imr_ranker_candidates(s->adapter, IMR_CANDIDATES_AUTO) == IMR_CANDIDATES_BEFORE)
        imr_buf_printf(&text,
                       "an adapter of form %s takes its candidates from the projected space, which "
                       "the engine does not know: they are those of the encoder",
                       imr_form_name(s->adapter->w.form));
    return doubt(s, "store-candidates", &text, err);
}

imr_status imr_session_engine_ready(imr_session *s, const imr_progress *progress, imr_error *err)
{
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "queries of %s take an encoder, the one its vectors were made with: %s",
                        s->engine->facts.name, s->facts.encoder_problem);
    const char *passage = s->cache->encoder.passage_prefix;
    const imr_encoder_identity made_by = {.kind = s->encoder->kind,
                                          .name = s->facts.inputs.encoder_name,
                                          .path = s->facts.inputs.encoder_path,
                                          .sha256 = s->facts.inputs.encoder_sha256,
                                          .query_prefix = s->prefix,
                                          .passage_prefix =
                                              passage[0] ? passage : s->encoder->passage_prefix};
    IMR_TRY(imr_cache_set_encoder(s->cache, &made_by, err));
    IMR_TRY(open_questions(s, progress, err));
    return encode_anew(s, err);
}

imr_status imr_session_engine_doubts(imr_session *s, imr_error *err)
{
    return s->engine ? find_doubts(s, err) : IMR_OK;
}

/* ---- recall ---- */

const char *imr_session_engine_name(imr_session *s)
{
    const imr_trace_store *t = &s->facts.inputs.store;
    const char *table = strncmp(t->fields, "table ", 6) == 0 ? t->fields + 6 : t->name;
    const size_t len = strcspn(table, table == t->name ? "?" : ",");
    IMR_AUTOFREE char *name = imr_strndup(table, len);
    return imr_session_string(s, name ? imr_path_base(name) : NULL);
}

imr_status imr_session_measure_store(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_trace_store *t = &s->facts.inputs.store;
    imr_engine_recall r;
    imr_error why;
    if (!s->engine || s->recalled)
        return IMR_OK;
    const imr_cache *c = s->cache;
    const imr_matrix *from =
        c->queries.owned.v && c->queries.ids.n ? &c->queries.owned : &c->documents.owned;
    const size_t n = from->rows < QUERIES ? from->rows : QUERIES;
    const imr_status status = imr_engine_measure(&r, s->engine, imr_view_of(from->v, n, c->dim),
                                                 RECALL_K, c, SECONDS, progress, &why);
    if (status == IMR_E_CANCELLED || status == IMR_E_MEMORY)
        return imr_fail(err, status, "%s", why.text);
    s->recalled = true;
    if (status != IMR_OK) /* the ranking is there all the same */
        return IMR_OK;
    t->recall = r.recall;
    t->recall_exact = r.exact;
    t->recall_k = (uint32_t)r.k;
    t->recall_queries = (uint32_t)r.queries;
    if (s->other)
        s->other->facts.inputs.store = *t;
    return imr_session_publish(s, err);
}

/* ---- windows ---- */

imr_status imr_session_engine_look(imr_session *s, const imr_request *request, imr_trace *t,
                                   imr_error *err)
{
    const char *ids[IMR_MOST_PINNED + FIRST + 1];
    size_t n = 0;
    if (request->document)
        ids[n++] = request->document;
    for (size_t i = 0; i < request->n_pinned && i < IMR_MOST_PINNED; i++)
        ids[n++] = request->pinned[i];
    for (size_t i = 0; t->beside && i < FIRST && i < t->beside->n_documents; i++)
        ids[n++] = t->beside->documents[i].id;
    const size_t k = request->document ? 0 : t->settings.feedback_k;
    IMR_TRY(
        imr_engine_window(&t->window, s->engine, s->query_base, k, ids, n, request->progress, err));
    return request->document ? IMR_OK : imr_ranker_look(&s->ranker, t->window, err);
}
