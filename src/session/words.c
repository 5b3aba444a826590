/* The words changes are told in: which table, its lens, what a why needs of it. Opened in steps that
 * can be stopped anywhere and gone on with (imr_session_open_words). */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "session/internal.h"

static const char *const names[IMR_TABLES] = {"context", "encoded", "input"};

static bool is_auto(const imr_words *w)
{
    return strcmp(w->wanted, "auto") == 0;
}

static imr_table_source source_of(const imr_session *s)
{
    return (imr_table_source){
        .cache = s->cache,
        .encoder = s->encoder,
        .encoder_sha256 = s->facts.inputs.encoder_sha256,
        .corpus_sha256 = s->facts.inputs.dataset_sha256,
        .adapter_sha256 = s->facts.inputs.adapter_sha256,
        .lookup = &s->words.lookup,
        .heard = s->words.heard.words ? &s->words.heard : NULL,
    };
}

static imr_status keep_text(imr_session *s, const char **out, const char *text, imr_error *err)
{
    *out = text ? imr_arena_strdup(s->strings, text) : NULL;
    return text && !*out ? imr_fail_memory(err) : IMR_OK;
}

imr_status imr_words_begin(imr_session *s, const imr_session_options *o,
                           const imr_encoder_options *lookup, imr_error *err)
{
    imr_words *w = &s->words;
    const imr_hub *from = &lookup->hub;
    *w = (imr_words){.lookup = *lookup, .measure = o->background, .later = o->words_later};
    imr_hub *hub = &w->lookup.hub;
    IMR_TRY(keep_text(s, &w->wanted, o->token_table ? o->token_table : "auto", err));
    IMR_TRY(keep_text(s, &hub->sentence_transformers_home, from->sentence_transformers_home, err));
    IMR_TRY(keep_text(s, &hub->hf_hub_cache, from->hf_hub_cache, err));
    IMR_TRY(keep_text(s, &hub->huggingface_hub_cache, from->huggingface_hub_cache, err));
    IMR_TRY(keep_text(s, &hub->hf_home, from->hf_home, err));
    IMR_TRY(keep_text(s, &hub->home, from->home, err));
    /* Rank and condition number belong to the adapter, table or not. */
    if (!s->adapter) /* words of the vectors themselves */
        return imr_backprojector_identity(&w->back, imr_cache_dim(s->cache), err);
    IMR_TRY(
        imr_backprojector_init(&w->back, imr_weight_view(&s->adapter->w, IMR_W_PROJECTOR), err));
    s->facts.inputs.rank = (uint32_t)w->back.rank;
    s->facts.inputs.condition_number = w->back.svd.condition;
    return IMR_OK;
}

static void free_told(imr_told **t)
{
    if (!*t)
        return;
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        imr_background_done(&(*t)->queries[kind]);
        imr_background_done(&(*t)->documents[kind]);
    }
    imr_free((*t)->query_common);
    imr_lens_done(&(*t)->lens);
    imr_token_table_done(&(*t)->table);
    imr_table_done(&(*t)->source);
    imr_free(*t);
    *t = NULL;
}

void imr_words_close(imr_words *w)
{
    free_told(&w->told);
    free_told(&w->next);
    imr_context_making_free(w->making);
    imr_context_rows_done(&w->heard);
    imr_backprojector_done(&w->back);
    *w = (imr_words){.stage = IMR_WORDS_DONE};
}

/* ---- which table ---- */

/* How well the i-th table reads, when it is at hand or asked for: as it was kept, else measured now.
 */
static imr_status look_at(imr_session *s, size_t i, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    const imr_table_source source = source_of(s);
    imr_table_lens l = {.lens = {NAN, NAN, NAN, 0}};
    IMR_CLEANUP(imr_table_done) imr_table t = {0};
    IMR_CLEANUP(imr_table_done) imr_table context = {0};
    bool found = false, heard;
    size_t rows;
    IMR_TRY(imr_table_recall(&l.lens, &rows, &source, names[i], err));
    if (!rows)
        IMR_TRY(imr_table_open(&t, &found, &source, names[i], strcmp(names[i], w->wanted) == 0,
                               progress, err));
    if (found && w->measure) {
        IMR_TRY(imr_table_open(&context, &heard, &source, "context", false, progress, err));
        IMR_TRY(imr_table_measure(&l.lens, &source, &t, heard ? &context.context : NULL, &w->back,
                                  progress, err));
    }
    l.rows = rows ? rows : t.rows.rows;
    l.name = rows || found ? names[i] : NULL;
    if (i == 0 && !l.name) { /* heard already, and too few texts share a word */
        const imr_context_source heard_of = imr_table_context_source(&source);
        IMR_CLEANUP(imr_context_table_done) imr_context_table kept = {.words = 0};
        IMR_TRY(
            imr_context_table_find(&kept, &w->was_heard, imr_cache_path(s->cache), &heard_of, err));
    }
    w->lenses[i] = l;
    w->looked[i] = true;
    return IMR_OK;
}

/* The table with the best precision; where that is not known, the first in their order. */
static const char *best(const imr_words *w)
{
    const imr_table_lens *found = NULL;
    for (size_t i = 0; i < IMR_TABLES; i++) {
        const imr_table_lens *l = &w->lenses[i];
        if (l->name && (!found || l->lens.precision > found->lens.precision))
            found = l;
    }
    return found ? found->name : NULL;
}

/* Nothing to tell words in: an error only for a table that was asked for. */
static imr_status no_table(imr_session *s, imr_error *err)
{
    const imr_words *w = &s->words;
    imr_error why;
    imr_status status = IMR_E_NOT_FOUND;
    if (!s->encoder)
        snprintf(why.text, sizeof why.text,
                 "no token table: it comes with the encoder, or from a folder named with "
                 "--token-table");
    else if (strcmp(w->wanted, "context") == 0)
        snprintf(why.text, sizeof why.text, "the token table context cannot be made: %s",
                 *imr_context_problem(s->encoder) ? imr_context_problem(s->encoder)
                 : s->facts.has_texts             ? "too few of the texts share a word"
                                      : "the cache has no texts, name them with --dataset");
    else
        status = imr_fail(&why, IMR_E_SHAPE,
                          "the rows of the token table %s have %zu dimensions, the vectors have "
                          "%zu; --token-table encoded has rows that fit",
                          is_auto(w) ? "input" : w->wanted, imr_encoder_token_rows(s->encoder).cols,
                          imr_cache_dim(s->cache));
    s->facts.tokens_problem = imr_session_string(s, why.text);
    if (!s->facts.tokens_problem)
        return imr_fail_memory(err);
    return is_auto(w) || !s->encoder ? IMR_OK : imr_fail(err, status, "%s", why.text);
}

/* Can the corpus's own words be heard, and were they not yet? */
static bool can_hear(const imr_session *s)
{
    const imr_words *w = &s->words;
    return s->encoder && !imr_encoder_is_static(s->encoder) && s->facts.has_texts &&
           !*imr_context_problem(s->encoder) && !w->lenses[0].name && !w->was_heard;
}

static imr_status choose(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    const imr_table_source source = source_of(s);
    for (size_t i = 0; i < IMR_TABLES && s->encoder; i++)
        if (!w->looked[i])
            IMR_TRY(look_at(s, i, progress, err));
    const char *name = is_auto(w) ? best(w) : w->wanted;
    if (!is_auto(w) && strcmp(name, "context") == 0 && can_hear(s)) {
        w->stage = IMR_WORDS_HEAR;
        return IMR_OK;
    }
    bool found = false;
    if (name && w->told && strcmp(name, w->told->source.name) == 0) {
        w->stage = IMR_WORDS_DONE; /* what was made is no better than what is open */
        return IMR_OK;
    }
    free_told(&w->next);
    w->next = IMR_NEW(imr_told);
    if (!w->next)
        return imr_fail_memory(err);
    if (name)
        IMR_TRY(imr_table_open(&w->next->source, &found, &source, name, true, progress, err));
    for (size_t i = 0; i < IMR_TABLES && !found; i++)
        if (name && w->lenses[i].name &&
            strcmp(w->lenses[i].name, name) == 0) { /* it seemed to be there, and is damaged */
            w->lenses[i].name = NULL;
            return IMR_OK;
        }
    w->stage = found ? IMR_WORDS_FOLD : IMR_WORDS_DONE;
    return found ? IMR_OK : no_table(s, err);
}

static imr_status fold(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    imr_told *t = w->next;
    imr_token_table_done(&t->table);
    IMR_TRY(
        imr_token_table_init(&t->table, t->source.rows, t->source.texts, t->source.special, err));
    t->table.centre = t->source.centre;
    IMR_TRY(imr_lens_init(&t->lens, &t->table, &w->back, progress, err));
    w->stage = IMR_WORDS_SAMPLE;
    return IMR_OK;
}

/* ---- hearing the corpus ---- */

static imr_status hear(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    const imr_table_source source = source_of(s);
    const imr_context_source of = imr_table_context_source(&source);
    imr_context_rows rows = {0};
    bool kept = false;
    if (!w->making)
        IMR_TRY(imr_context_making_new(&w->making, s->cache, s->encoder, err));
    IMR_TRY(imr_context_making_run(w->making, &rows, progress, err));
    imr_context_making_free(w->making);
    w->making = NULL;
    imr_status status = imr_context_table_keep(&kept, imr_cache_path(s->cache), &of, &rows, err);
    if (status == IMR_OK && !kept)
        w->heard = rows;
    else
        imr_context_rows_done(&rows);
    IMR_TRY(status);
    w->was_heard = true;
    memset(w->looked, 0, sizeof w->looked); /* measured on the texts it left out */
    w->stage = IMR_WORDS_CHOOSE;
    return IMR_OK;
}

/* ---- all of it ---- */

/* What is folded and measured takes the place of what was in use. */
static imr_status take(imr_session *s, imr_error *err)
{
    imr_words *w = &s->words;
    imr_trace_inputs *in = &s->facts.inputs;
    const imr_table *t = &w->next->source;
    in->table_name = imr_session_string(s, t->name);
    if (!in->table_name)
        return imr_fail_memory(err);
    in->table_rows = t->rows.rows;
    if (t->own)
        IMR_TRY(imr_encoder_sha256(t->own, in->table_sha256, err));
    else
        memcpy(in->table_sha256, in->encoder_sha256, sizeof in->table_sha256);
    in->n_others = 0;
    in->lens = w->next->lens_quality;
    for (size_t i = 0; i < IMR_TABLES; i++) {
        const imr_table_lens *l = &w->lenses[i];
        if (l->name && strcmp(l->name, t->name) == 0)
            in->lens = l->lens;
        else if (l->name && in->n_others < IMR_LEN(in->others))
            in->others[in->n_others++] = *l;
    }
    s->facts.tokens_problem = "";
    s->facts.tokens_notice = imr_session_string(s, t->encoded.notice);
    if (!s->facts.tokens_notice)
        return imr_fail_memory(err);
    if (is_auto(w) && !w->later && can_hear(s))
        s->facts.tokens_notice =
            "the corpus's own words are not known yet; --token-table context hears them, once";
    free_told(&w->told);
    w->told = w->next;
    w->next = NULL;
    s->facts.has_tokens = true;
    imr_session_forget(s);
    w->stage = is_auto(w) && w->later && can_hear(s) ? IMR_WORDS_HEAR : IMR_WORDS_DONE;
    return IMR_OK;
}

/* A folder named as table is measured like the others, but not kept. */
static imr_status sample(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    imr_told *t = w->next;
    const imr_table_source source = source_of(s);
    t->lens_quality = (imr_lens_quality){NAN, NAN, NAN, 0};
    if (w->measure && t->source.own)
        IMR_TRY(imr_table_measure(&t->lens_quality, &source, &t->source, NULL, &w->back, progress,
                                  err));
    if (w->measure)
        IMR_TRY(imr_words_measure(s, t, progress, err));
    return take(s, err);
}

imr_status imr_session_open_words(imr_session *s, bool *more, const imr_progress *progress,
                                  imr_error *err)
{
    imr_words *w = &s->words;
    imr_status status = IMR_OK;
    const imr_told *before = w->told;
    while (status == IMR_OK && w->stage != IMR_WORDS_DONE && w->told == before)
        status = w->stage == IMR_WORDS_CHOOSE ? choose(s, progress, err)
                 : w->stage == IMR_WORDS_FOLD ? fold(s, progress, err)
                 : w->stage == IMR_WORDS_HEAR ? hear(s, progress, err)
                                              : sample(s, progress, err);
    if (status == IMR_E_CANCELLED)
        return status;
    if (status != IMR_OK) {
        w->stage = IMR_WORDS_DONE;
        s->facts.tokens_problem = imr_session_string(s, err ? err->text : "");
    }
    *more = w->stage != IMR_WORDS_DONE;
    s->facts.words_coming = false;
    const imr_status published = imr_session_publish(s, err);
    return status != IMR_OK ? status : published;
}

void imr_words_table(imr_why_table *out, const imr_words *w, const imr_trace_settings *settings)
{
    const imr_told *t = w->told;
    *out = (imr_why_table){.order = settings->order, .words = settings->tokens};
    if (!t)
        return;
    out->lens = &t->lens;
    out->query_common = t->query_common;
    out->query_common_part = t->query_common_part;
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        out->query[kind] = t->queries[kind].samples ? &t->queries[kind] : NULL;
        out->document[kind] = t->documents[kind].samples ? &t->documents[kind] : NULL;
    }
}
