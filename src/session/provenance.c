#include "session/provenance.h"

#include <strings.h>

#include "base/number.h"
#include "math/topk.h"
#include "retrieval/reference_split.h"
#include "text/utf8.h"

enum { SAMPLE = 50, CANDIDATES = 100, FIRST = 10, MIN_QUERIES = 8, MIN_DOCUMENTS = 50 };
#define UPSIDE_DOWN                                                                                \
    4.0 /* documents of the first ten that are kept; ten of a hundred by chance: 1 */
#define KEPT 6.0

/* What was written, sanitised: names in it come from files. The caller's; NULL without memory. */
static char *take_clean(const imr_buf *text)
{
    imr_buf clean = {0};
    imr_utf8_clean(&clean, imr_buf_text(text), text->len, IMR_CLEAN_KEEP);
    return imr_buf_take(&clean);
}

/* NULL where the file holds none. */
static imr_status read_metadata(imr_json **out, const imr_adapter *a, imr_error *err)
{
    return a->metadata ? imr_json_parse(out, a->metadata, strlen(a->metadata), a->path, err)
                       : IMR_OK;
}

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
    const imr_view queries = imr_rows_view(r->cache->queries.rows);
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
        r->cache->queries.ids.n < MIN_QUERIES || r->projected.d.rows < MIN_DOCUMENTS)
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

/* Our own stores know the prefixes they were made with; other caches do not say. */
static bool prefix_differs(imr_buf *out, const imr_cache *c, const imr_json *metadata,
                           const char *key, const char *cached)
{
    const char *trained = imr_json_string_or(metadata, key, NULL);
    if (!trained || strcmp(c->layout, "store") != 0 || strcmp(trained, cached) == 0)
        return false;
    imr_buf_printf(out,
                   "the adapter was trained with the %s prefix \"%s\", the cache was made with "
                   "\"%s\": expect worse rankings",
                   strcmp(key, "query_prefix") == 0 ? "query" : "document", trained, cached);
    return true;
}

static imr_status doubt_encoder(imr_buf *out, const imr_ranker *r, const imr_progress *progress,
                                imr_error *err)
{
    (void)progress; /* quick */
    const imr_adapter *a = r->adapter;
    const imr_encoder_identity *e = &r->cache->encoder;
    IMR_AUTOJSON imr_json *metadata = NULL;
    IMR_TRY(read_metadata(&metadata, a, err));
    const char *hash = imr_json_string_or(metadata, "encoder_sha256", "");
    const char *name = imr_json_string_or(metadata, "encoder", "");
    const char *model = imr_json_string_or(metadata, "encoder_model_name", name);
    /* A hash speaks of weights and precision; of bf16 only the name can be compared. */
    const bool hashes = hash[0] && e->sha256[0] && !e->precision[0];
    const bool names = !hashes && model[0] && e->name[0];
    if (hashes && strcmp(hash, e->sha256) != 0)
        imr_buf_printf(out,
                       "the adapter was trained on another encoder (sha256 %.12s, \"%s\") than "
                       "made the cache (%.12s, \"%s\"): expect nonsense",
                       hash, model, e->sha256, e->name);
    else if (names && !same_name(model, e->name) && !same_name(name, e->name))
        imr_buf_printf(out,
                       "the adapter was trained on vectors of \"%s\", the cache was made with "
                       "\"%s\": expect nonsense unless these are one encoder",
                       model, e->name);
    else if (!prefix_differs(out, r->cache, metadata, "query_prefix", e->query_prefix))
        prefix_differs(out, r->cache, metadata, "passage_prefix", e->passage_prefix);
    return IMR_OK;
}

/* ---- both doubts ---- */

void imr_doubts_done(imr_doubts *d)
{
    for (size_t i = 0; i < d->n; i++)
        imr_free((void *)d->v[i].text);
    *d = (imr_doubts){0};
}

imr_status imr_doubts_find(imr_doubts *out, const imr_ranker *r, const imr_progress *progress,
                           imr_error *err)
{
    static const struct {
        const char *code;
        imr_status (*find)(imr_buf *, const imr_ranker *, const imr_progress *, imr_error *);
    } all[] = {{"encoder-mismatch", doubt_encoder}, {"form-unlikely", doubt_form}};
    IMR_CLEANUP(imr_doubts_done) imr_doubts found = {0};
    for (size_t i = 0; r->adapter && i < IMR_LEN(all); i++) {
        IMR_AUTOBUF imr_buf text = {0};
        IMR_TRY(all[i].find(&text, r, progress, err));
        IMR_TRY(imr_buf_check(&text, err));
        found.v[found.n] = (imr_trace_warning){all[i].code, text.len ? take_clean(&text) : NULL};
        found.n += text.len > 0;
        IMR_NEED(!text.len || found.v[found.n - 1].text, err);
    }
    return IMR_GIVE(out, found);
}

/* ---- what training saw ---- */

void imr_seen_done(imr_seen *s)
{
    imr_qrels_free(s->train);
    imr_free(s->words);
    *s = (imr_seen){0};
}

/* ---- judgements ---- */

/* Every judged query of the sources. */
static imr_status join(imr_qrels **out, const imr_qrels *const *sources, size_t n, imr_error *err)
{
    size_t count = 0, at = 0;
    for (size_t s = 0; s < n; s++)
        count += sources[s]->queries.n;
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, count + 1);
    IMR_NEED(ids, err);
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; i < sources[s]->queries.n; i++)
            ids[at++] = sources[s]->queries.v[i].id;
    return count ? imr_qrels_subset(out, sources, n, ids, count, err) : IMR_OK;
}

/* Those of the cache's split train, and in the authors' layout of validation, which is cut out of
 * it; none: *out stays NULL. */
static imr_status from_splits(imr_qrels **out, const imr_cache *cache, imr_error *err)
{
    static const char *const names[] = {"train", "validation"};
    const imr_qrels *sources[IMR_LEN(names)];
    const bool cut = strcmp(cache->layout, "reference") == 0;
    size_t n = 0, split;
    for (size_t i = 0; i < (cut ? IMR_LEN(names) : 1); i++)
        if (imr_cache_find_split(cache, names[i], &split) && cache->splits[split].qrels)
            sources[n++] = cache->splits[split].qrels;
    return join(out, sources, n, err);
}

/* Those of the training and validation queries of the authors' splits, when these are the ones the
 * metadata hold hashes of. */
static imr_status from_hashes(imr_qrels **out, const imr_cache *cache, const imr_json *metadata,
                              imr_error *err)
{
    const imr_json *said = imr_json_at(metadata, "dataset_manifest/splits");
    if (!said || !imr_cache_asked(cache))
        return IMR_OK;
    const int64_t seed = imr_json_int_or(metadata, "dataset_manifest/seed", IMR_REFERENCE_SEED);
    IMR_CLEANUP(imr_reference_splits_done) imr_reference_splits s = {0};
    imr_error none;
    if (imr_reference_splits_make(&s, imr_cache_asked(cache), (uint32_t)seed, &none) != IMR_OK)
        return IMR_OK;
    for (size_t i = 0; i < 2; i++) {
        char found[IMR_SHA256_HEX];
        const imr_json *split = imr_json_at(said, s.v[i].name);
        IMR_TRY(imr_reference_hash(&s.v[i], found, err));
        if (strcmp(imr_json_string_or(split, "query_ids_sha256", ""), found) != 0)
            return IMR_OK;
    }
    /* Their ids lie one split after the other. */
    return imr_qrels_subset(out, &s.v[0].qrels, 1, s.v[0].ids, s.v[0].n + s.v[1].n, err);
}

static imr_status from_option(imr_seen *s, imr_buf *words, const imr_cache *cache,
                              const char *trained_on, imr_error *err)
{
    size_t split;
    s->known = true;
    if (strcmp(trained_on, "none") == 0) {
        imr_buf_str(words, "trained on no judgement, as --trained-on says");
        return IMR_OK;
    }
    if (imr_cache_find_split(cache, trained_on, &split) && cache->splits[split].qrels) {
        const imr_qrels *qrels = cache->splits[split].qrels;
        IMR_TRY(join(&s->train, &qrels, 1, err));
    } else if (imr_file_exists(trained_on)) {
        IMR_TRY(imr_qrels_open(&s->train, trained_on, err));
    } else {
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "--trained-on %s is neither a judged split of the cache %s nor a file of "
                        "judgements",
                        trained_on, cache->path);
    }
    imr_buf_printf(words, "trained on the judgements of \"%s\", as --trained-on says (%zu queries)",
                   trained_on, s->train ? s->train->queries.n : 0);
    return IMR_OK;
}

/* safetensors hold texts under one dotted name. */
static bool without_judgements(const imr_json *metadata)
{
    return imr_json_int_or(metadata, "training/judged_queries", -1) == 0 ||
           strcmp(imr_json_string_or(metadata, "training.judged_queries", ""), "0") == 0;
}

/* By the hash of the corpus where both are known, else by the folder's name. */
static bool same_dataset(const imr_cache *cache, const imr_json *metadata)
{
    const imr_dataset *d = imr_cache_asked(cache);
    const char *hash = imr_json_string_or(metadata, "dataset_sha256", "");
    const char *name = imr_json_string_or(metadata, "dataset", "");
    if (hash[0] && cache->dataset_sha256[0])
        return strcmp(hash, cache->dataset_sha256) == 0;
    return d && name[0] && strcasecmp(name, imr_path_base(d->path)) == 0;
}

static imr_status from_metadata(imr_seen *s, imr_buf *words, const imr_cache *cache,
                                const imr_json *metadata, imr_error *err)
{
    const char *dataset = imr_json_string_or(metadata, "dataset", "");
    const bool ours = imr_json_at(metadata, "tool") != NULL;
    const char *format = imr_json_string_or(metadata, "checkpoint_format", "");
    IMR_TRY(from_hashes(&s->train, cache, metadata, err));
    s->known = s->train != NULL;
    if (s->known) {
        imr_buf_printf(words, "trained on the queries whose hashes are in its file (%zu queries)",
                       s->train->queries.n);
    } else if (without_judgements(metadata)) {
        s->known = true;
        imr_buf_str(words, "trained on texts alone, without judgements");
    } else if (!dataset[0]) {
        imr_buf_str(words, "unknown what it was trained on: its file does not say; --trained-on "
                           "SPLIT or FILE tells");
    } else if (!same_dataset(cache, metadata)) {
        imr_buf_printf(words,
                       "unknown what it was trained on: its file names the data set \"%s\", which "
                       "is not this one; --trained-on SPLIT or FILE tells",
                       dataset);
    } else if (!ours && strcmp(format, "imrnns-adapter-only-v1") == 0) {
        imr_buf_str(words, "unknown what it was trained on: release 0.1 took its queries out of "
                           "the test judgements, and does not say which; --trained-on FILE tells");
    } else {
        IMR_TRY(from_splits(&s->train, cache, err));
        s->known = s->train != NULL;
        if (s->known)
            imr_buf_printf(words,
                           "trained on this data set: all judgements of train count as seen (%zu "
                           "queries)",
                           s->train->queries.n);
        else
            imr_buf_str(words, "unknown what it was trained on: this data set, but there are no "
                               "judged training queries");
    }
    return IMR_OK;
}

imr_status imr_seen_find(imr_seen *out, const imr_adapter *a, const imr_cache *cache,
                         const char *trained_on, imr_error *err)
{
    IMR_CLEANUP(imr_seen_done) imr_seen s = {0};
    IMR_AUTOBUF imr_buf words = {0};
    IMR_AUTOJSON imr_json *metadata = NULL;
    IMR_TRY(trained_on ? IMR_OK : read_metadata(&metadata, a, err));
    IMR_TRY(trained_on ? from_option(&s, &words, cache, trained_on, err)
                       : from_metadata(&s, &words, cache, metadata, err));
    IMR_TRY(imr_buf_check(&words, err));
    IMR_NEED(s.words = take_clean(&words), err);
    return IMR_GIVE(out, s);
}
