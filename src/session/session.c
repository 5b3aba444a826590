/* Opening a session: adapter, cache, encoder, token table, and the facts screens show about them.
 */
#include "session/session.h"

#include <math.h>

#include "session/internal.h"
#include "text/utf8.h"

const char *imr_session_string(imr_session *s, const char *text)
{
    const char *kept = imr_line_keep(text ? text : "", text ? strlen(text) : 0, s->strings);
    s->failed |= !kept;
    return kept ? kept : "";
}

bool imr_texts_keep(const char **const texts[], size_t n, imr_arena *arena)
{
    for (size_t i = 0; i < n; i++)
        if (*texts[i] && !(*texts[i] = imr_arena_strdup(arena, *texts[i])))
            return false;
    return true;
}

bool imr_session_options_keep(imr_session_options *o, imr_arena *arena)
{
    const char **const texts[] = {&o->adapter,
                                  &o->other,
                                  &o->trained_on,
                                  &o->cache,
                                  &o->dataset,
                                  &o->split,
                                  &o->encoder,
                                  &o->token_table,
                                  &o->query_prefix,
                                  &o->precision,
                                  &o->store.url,
                                  &o->store.filter,
                                  &o->hub.sentence_transformers_home,
                                  &o->hub.hf_hub_cache,
                                  &o->hub.huggingface_hub_cache,
                                  &o->hub.hf_home,
                                  &o->hub.home,
                                  &o->hub.revision};
    return imr_texts_keep(texts, IMR_LEN(texts), arena);
}

bool imr_progress_part_step(void *part, const imr_progress_info *info)
{
    const imr_progress_part *p = part;
    return imr_progress_step(p->up, p->what, p->first + info->done, p->total);
}

/* Names that say nothing without the folder they lie in. */
static bool is_generic(const char *name)
{
    static const char *const generic[] = {"dataset", "adapter", "cache",
                                          "encoder", "data",    "corpus"};
    for (size_t i = 0; i < IMR_LEN(generic); i++)
        if (strcmp(name, generic[i]) == 0)
            return true;
    return false;
}

/* File name without its folder and ending ("imrnns-minilm-nq"), with the folder where the name
 * alone would say nothing ("demo/adapter"). */
static const char *short_name(imr_session *s, const char *path)
{
    imr_path copy = imr_path_in("", path);
    size_t n = strlen(copy.s);
    while (n > 1 && copy.s[n - 1] == '/')
        copy.s[--n] = '\0';
    const char *base = imr_path_base(copy.s);
    char *dot = strrchr(base, '.');
    if (dot && dot != base && (strcmp(dot, ".pt") == 0 || strcmp(dot, ".safetensors") == 0))
        *dot = '\0';
    if (is_generic(base)) {
        while (base > copy.s && base[-1] == '/')
            base--;
        while (base > copy.s && base[-1] != '/')
            base--;
    }
    return imr_session_string(s, base);
}

static imr_status open_encoder(imr_session *s, imr_error *err)
{
    const imr_session_options *o = &s->options;
    const imr_encoder_identity *made_by = &s->cache->encoder;
    /* A cache from elsewhere: its folder is not here, but its model may be. */
    const bool elsewhere = made_by->name[0] && !imr_dir_exists(made_by->path);
    const char *name = o->encoder                       ? o->encoder
                       : made_by->path[0] && !elsewhere ? made_by->path
                                                        : made_by->name;
    const char *precision = o->precision ? o->precision : made_by->precision;
    const bool bf16 = strcmp(precision, imr_precision_name(IMR_BFLOAT16)) == 0;
    const imr_encoder_options lookup = {
        .hub = o->hub, .kernels = o->kernels, .precision = bf16 ? IMR_BFLOAT16 : IMR_FLOAT32};
    imr_error why;
    if (!name[0]) {
        s->facts.encoder_problem = "no encoder: the cache names none, so only its own queries can "
                                   "be asked; name its encoder with --encoder";
        return IMR_OK;
    }
    imr_status status = imr_encoder_open(&s->encoder, name, &lookup, &why);
    char sha256[IMR_SHA256_HEX] = "";
    if (status == IMR_OK)
        status = imr_encoder_sha256(s->encoder, sha256, &why);
    if (status == IMR_OK && s->encoder->dim != s->cache->dim)
        status = imr_fail(&why, IMR_E_SHAPE,
                          "the encoder %s gives %zu-dimensional vectors, the cache %s holds "
                          "%zu-dimensional ones; use the "
                          "encoder the cache was made with",
                          name, s->encoder->dim, s->cache->path, s->cache->dim);
    if (status == IMR_OK && made_by->sha256[0] && strcmp(made_by->sha256, sha256) != 0)
        status = imr_fail(&why, IMR_E_FORMAT,
                          "the encoder %s in %s is not the one the cache %s was made with (sha256 "
                          "%.12s, the cache says %.12s in %s); "
                          "use that one, or make the cache again",
                          name, imr_precision_name(lookup.precision), s->cache->path, sha256,
                          made_by->sha256, made_by->precision[0] ? made_by->precision : "float32");
    if (status != IMR_OK) {
        imr_encoder_free(s->encoder);
        s->encoder = NULL;
        if (o->encoder || status == IMR_E_MEMORY)
            return imr_fail(err, status, "%s", why.text);
        s->facts.encoder_problem = imr_session_string(s, why.text);
        return IMR_OK;
    }
    imr_trace_inputs *in = &s->facts.inputs;
    in->encoder_path = imr_session_string(s, s->encoder->folder.path);
    in->encoder_name = imr_session_string(s, s->encoder->folder.name);
    in->encoder_kind = s->encoder->kind;
    memcpy(in->encoder_sha256, sha256, sizeof sha256);
    s->facts.has_encoder = true;
    return IMR_OK;
}

static imr_status open_split(imr_session *s, const char *wanted, imr_error *err)
{
    size_t split, n = s->cache->queries.ids.n;
    s->facts.inputs.split = "";
    if (s->cache->n_splits > 0 &&
        imr_cache_find_split(s->cache, wanted ? wanted : "test", &split)) {
        s->split = imr_cache_split_queries(s->cache, split, &n);
        s->facts.inputs.split = imr_session_string(s, s->cache->splits[split].name);
    } else if (wanted) {
        IMR_AUTOBUF imr_buf known = {0};
        for (size_t i = 0; i < s->cache->n_splits; i++)
            imr_buf_printf(&known, "%s%s", i ? ", " : "", s->cache->splits[i].name);
        return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s has no split '%s'; it has: %s",
                        s->cache->path, wanted, known.len ? imr_buf_text(&known) : "none");
    }
    s->facts.queries = n;
    return IMR_OK;
}

static void note_adapter(imr_session *s)
{
    imr_trace_inputs *in = &s->facts.inputs;
    const imr_weights *w = &s->adapter->w;
    in->adapter_path = imr_session_string(s, s->adapter->path);
    in->adapter_form = imr_form_name(w->form);
    in->adapter_form_from = imr_form_source_name(s->adapter->form_from);
    memcpy(in->adapter_sha256, s->adapter->sha256, sizeof in->adapter_sha256);
    in->working_dim = (uint32_t)w->m;
    in->hidden_dim = (uint32_t)w->h;
    s->facts.adapter_name = short_name(s, s->adapter->path);
}

static imr_status note_inputs(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_trace_inputs *in = &s->facts.inputs;
    const imr_dataset *dataset = s->cache->dataset;
    in->adapter_path = in->adapter_form = in->adapter_form_from = s->facts.adapter_name = "";
    s->facts.other_name = "";
    in->input_dim = (uint32_t)s->cache->dim;
    in->condition_number = NAN;
    if (s->adapter)
        note_adapter(s);
    in->cache_path = imr_session_string(s, s->engine ? s->engine->facts.name : s->cache->path);
    snprintf(in->cache_sha256, sizeof in->cache_sha256, "%s", s->cache->sha256);
    in->cache_documents = s->engine ? s->engine->facts.documents : s->cache->documents.ids.n;
    in->encoder_path = in->encoder_name = in->encoder_kind = in->table_name = in->dataset_path = "";
    in->lens = (imr_lens_quality){NAN, NAN, NAN, 0};
    s->facts.documents = in->cache_documents;
    s->facts.has_texts = imr_cache_has_texts(s->cache);
    s->facts.encoder_problem = s->facts.tokens_problem = "";
    s->facts.tokens_notice = s->facts.cache_notice = "";
    if (dataset) {
        in->dataset_path = imr_session_string(s, dataset->path);
        /* A store was compared with its dataset when it was opened: by its bytes, or by size and
         * time when these have not changed since the bytes were. */
        snprintf(in->dataset_sha256, sizeof in->dataset_sha256, "%s", s->cache->dataset_sha256);
        in->dataset_untouched = s->cache->dataset_untouched;
        if (!in->dataset_sha256[0])
            IMR_TRY(imr_dataset_sha256(dataset, in->dataset_sha256, NULL, progress, err));
    }
    s->facts.dataset_name = s->engine ? imr_session_engine_name(s)
                                      : short_name(s, dataset ? dataset->path : s->cache->path);
    return IMR_OK;
}

static imr_status note_notices(imr_session *s, imr_error *err)
{
    const char *const notices[] = {s->cache->notice, s->ranker.projected.notice,
                                   s->other ? s->other->ranker.projected.notice : NULL,
                                   s->encoder ? imr_buf_text(&s->encoder->notice) : NULL};
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t i = 0; i < IMR_LEN(notices); i++)
        if (notices[i] && *notices[i])
            imr_buf_printf(&text, "%s%s", text.len ? "; " : "", notices[i]);
    IMR_TRY(imr_buf_check(&text, err));
    s->facts.cache_notice = imr_session_string(s, imr_buf_text(&text));
    return IMR_OK;
}

/* All that rankings take. */
static imr_status open_ranker(imr_session *s, const imr_progress *progress, imr_error *err)
{
    const imr_session_options *o = &s->options;
    IMR_NEED(s->query_base = IMR_NEW_ARRAY(float, s->cache->dim), err);
    IMR_TRY(imr_ranker_init(&s->ranker, s->adapter, s->cache,
                            o->in_memory || s->engine ? SIZE_MAX : 0, progress, err));
    if (s->adapter)
        IMR_TRY(imr_seen_find(&s->seen, s->adapter, s->cache, o->trained_on, err));
    IMR_TRY(imr_doubts_find(&s->doubts, &s->ranker, progress, err));
    return imr_session_engine_doubts(s, err);
}

/* So far: no trace is taken for one of another session. */
static atomic_uint_fast32_t sessions = 1;

static imr_status begin(imr_session **out, const imr_session_options *options, imr_error *err)
{
    IMR_CLEANUP(imr_session_close_at) imr_session *s = IMR_NEW(imr_session);
    IMR_NEED(s, err);
    s->options = *options;
    s->number = atomic_fetch_add(&sessions, 1);
    s->strings = imr_arena_new();
    IMR_NEED(s->strings && imr_session_options_keep(&s->options, s->strings), err);
    return IMR_GIVE(out, s);
}

/* A second adapter, over what the first will open. */
static imr_status begin_other(imr_session *a, const imr_session_options *options, imr_error *err)
{
    IMR_TRY(begin(&a->other, options, err));
    imr_session *b = a->other;
    b->other = a;
    b->second = true;
    IMR_TRY(imr_adapter_open(&b->adapter, options->other, options->form, err));
    if (strcmp(a->adapter->sha256, b->adapter->sha256) == 0)
        return imr_fail(err, IMR_E_USAGE,
                        "both adapters are one file (sha256 %.12s): %s and %s; give two to compare",
                        a->adapter->sha256, a->adapter->path, b->adapter->path);
    return IMR_OK;
}

/* Its words wait until it is in force. */
static imr_status open_other(imr_session *a, const imr_progress *progress, imr_error *err)
{
    imr_session *b = a->other;
    b->cache = a->cache;
    b->engine = a->engine;
    b->recalled = true;
    b->encoder = a->encoder;
    b->prefix = a->prefix;
    b->split = a->split;
    b->facts = a->facts;
    b->facts.second = b->facts.words_coming = true;
    IMR_TRY(imr_session_check_settings(&b->options.settings, b, err));
    note_adapter(b);
    b->facts.other_name = a->facts.adapter_name;
    a->facts.other_name = b->facts.adapter_name;
    IMR_TRY(open_ranker(b, progress, err));
    IMR_TRY(imr_words_begin(b, err));
    return imr_session_publish(b, err);
}

static imr_status open_all(imr_session *s, const imr_session_options *options,
                           const imr_progress *progress, imr_error *err)
{
    const imr_session_options *o = &s->options;
    const imr_cache_options cache_options = {.dataset = o->dataset, .progress = progress};
    if (o->adapter)
        IMR_TRY(imr_adapter_open(&s->adapter, o->adapter, o->form, err));
    if (o->other)
        IMR_TRY(begin_other(s, options, err));
    IMR_TRY(o->store.url ? imr_session_engine_begin(s, progress, err)
                         : imr_cache_open(&s->cache, o->cache, &cache_options, err));
    IMR_TRY(imr_session_check_settings(&s->options.settings, s, err));
    IMR_TRY(note_inputs(s, progress, err));
    IMR_TRY(open_encoder(s, err));
    s->facts.encoder_name = s->encoder ? s->facts.inputs.encoder_name
                            : s->cache->encoder.name[0]
                                ? imr_session_string(s, s->cache->encoder.name)
                                : "no encoder";
    s->prefix = o->query_prefix                     ? o->query_prefix
                : s->cache->encoder.query_prefix[0] ? s->cache->encoder.query_prefix
                : s->encoder                        ? s->encoder->query_prefix
                                                    : "";
    if (s->engine)
        IMR_TRY(imr_session_engine_ready(s, progress, err));
    IMR_TRY(open_split(s, o->split, err));
    IMR_TRY(open_ranker(s, progress, err));
    if (o->other)
        IMR_TRY(open_other(s, progress, err));
    IMR_TRY(note_notices(s, err));
    IMR_TRY(imr_words_begin(s, err));
    bool more;
    s->facts.words_coming = o->words_later;
    return o->words_later ? imr_session_publish(s, err)
                          : imr_session_open_words(s, &more, progress, err);
}

imr_status imr_session_open(imr_session **out, const imr_session_options *options,
                            const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_session_close_at) imr_session *s = NULL;
    if (!options->cache)
        return imr_fail(err, IMR_E_USAGE, "a cache (--cache-dir DIR) is needed");
    IMR_TRY(begin(&s, options, err));
    IMR_TRY(open_all(s, options, progress, err));
    return IMR_GIVE(out, s);
}

void imr_session_close(imr_session *s)
{
    if (!s)
        return;
    imr_session *other = s->other;
    if (other)
        s->other = other->other = NULL;
    if (other && other->second) /* before what it borrows */
        imr_session_close(IMR_TAKE(other));
    imr_session_forget(s);
    imr_titles_done(&s->titles);
    imr_bm25_free(s->bm25);
    imr_words_close(&s->words);
    imr_doubts_done(&s->doubts);
    imr_seen_done(&s->seen);
    imr_ranker_done(&s->ranker);
    if (!s->second) {
        imr_encoder_free(s->encoder);
        imr_cache_free(s->cache);
        imr_engine_close(s->engine);
    }
    imr_adapter_free(s->adapter);
    imr_free(s->query_base);
    imr_arena_free(s->strings);
    imr_free(s);
    imr_session_close(other);
}

imr_status imr_session_publish(imr_session *s, imr_error *err)
{
    imr_session_facts *copy = IMR_ARENA_ARRAY(s->strings, imr_session_facts, 1);
    if (!copy || s->failed) {
        s->failed = false;
        return imr_fail_memory(err);
    }
    *copy = s->facts;
    atomic_store(&s->shown, copy);
    return IMR_OK;
}

const imr_cache *imr_session_cache(const imr_session *s)
{
    return s->cache;
}

imr_engine *imr_session_engine(const imr_session *s)
{
    return s->engine;
}

const imr_session_facts *imr_session_facts_of(const imr_session *s)
{
    return atomic_load(&s->shown);
}

static imr_suggestion suggestion_of(const imr_session *s, size_t row)
{
    return (imr_suggestion){imr_ids_at(&s->cache->queries.ids, row),
                            imr_cache_query_text(s->cache, row)};
}

imr_suggestion imr_session_query(const imr_session *s, size_t i)
{
    return suggestion_of(s, s->split ? s->split[i] : i);
}

size_t imr_session_suggest(const imr_session *s, const char *text, imr_suggestion *out, size_t max)
{
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, max);
    const size_t n = rows ? imr_cache_offer_queries(s->cache, text, rows, max) : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = suggestion_of(s, rows[i]);
    return n;
}
