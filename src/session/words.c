/* The words changes are told in: which table, its lens, what a why needs of it. Opened in steps that
 * can be stopped anywhere and gone on with (imr_session_open_words). */
#include <math.h>

#include "session/internal.h"

static bool is_auto(const imr_session *s)
{
    return !s->options.token_table || strcmp(s->options.token_table, "auto") == 0;
}

static bool is_wanted(const imr_session *s, const char *name)
{
    return s->options.token_table && strcmp(s->options.token_table, name) == 0;
}

imr_status imr_words_begin(imr_session *s, imr_error *err)
{
    imr_words *w = &s->words;
    /* Rank and condition number belong to the adapter, table or not. */
    if (!s->adapter) /* words of the vectors themselves */
        return imr_backprojector_identity(&w->back, s->cache->dim, err);
    IMR_TRY(
        imr_backprojector_init(&w->back, imr_weight_view(&s->adapter->w, IMR_W_PROJECTOR), err));
    s->facts.inputs.rank = (uint32_t)w->back.rank;
    s->facts.inputs.condition_number = w->back.svd.condition;
    return IMR_OK;
}

void imr_told_free(imr_told **t)
{
    if (!*t)
        return;
    imr_told_forget(*t);
    imr_lens_done(&(*t)->lens);
    imr_token_table_done(&(*t)->table);
    imr_table_done(&(*t)->source);
    imr_free(*t);
    *t = NULL;
}

void imr_words_close(imr_words *w)
{
    imr_told_free(&w->told);
    imr_told_free(&w->next);
    imr_context_making_free(w->making);
    imr_buf_done(&w->unkept);
    imr_backprojector_done(&w->back);
    *w = (imr_words){.stage = IMR_WORDS_DONE};
}

/* ---- which table ---- */

/* How well the i-th table reads, when it is at hand or asked for: as it was kept, else measured now.
 */
static imr_status look_at(imr_session *s, size_t i, const imr_progress *progress, imr_error *err)
{
    const char *name = imr_table_names[i];
    imr_table_lens l = {.lens = {NAN, NAN, NAN, 0}};
    IMR_CLEANUP(imr_table_done) imr_table t = {0};
    IMR_CLEANUP(imr_table_done) imr_table context = {0};
    bool found = false, heard;
    IMR_TRY(imr_table_recall(&l, s, name, err));
    if (!l.rows)
        IMR_TRY(imr_table_open(&t, &found, s, name, is_wanted(s, name), progress, err));
    if (found && s->options.background) {
        IMR_TRY(imr_table_open(&context, &heard, s, "context", false, progress, err));
        IMR_TRY(imr_table_measure(&l.lens, s, &t, heard ? &context.context : NULL, progress, err));
    }
    l.rows = found ? t.rows.rows : l.rows;
    l.name = l.rows ? name : NULL;
    s->words.lenses[i] = l;
    s->words.looked[i] = true;
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
    imr_error why;
    if (!s->encoder)
        (void)imr_fail(&why, IMR_E_NOT_FOUND,
                       "no token table: it comes with the encoder, or from a folder named with "
                       "--token-table");
    else if (is_wanted(s, "context"))
        (void)imr_fail(&why, IMR_E_NOT_FOUND, "the token table context cannot be made: %s",
                       *imr_context_problem(s->encoder) ? imr_context_problem(s->encoder)
                       : s->facts.has_texts             ? "too few of the texts share a word"
                                            : "the cache has no texts, name them with --dataset");
    else
        (void)imr_fail(&why, IMR_E_SHAPE,
                       "the rows of the token table %s have %zu dimensions, the vectors have "
                       "%zu; --token-table encoded has rows that fit",
                       is_auto(s) ? "input" : s->options.token_table,
                       imr_encoder_token_rows(s->encoder).cols, s->cache->dim);
    s->facts.tokens_problem = imr_session_string(s, why.text);
    return is_auto(s) || !s->encoder ? IMR_OK : imr_fail(err, why.status, "%s", why.text);
}

/* Can the corpus's own words be heard, and were they not yet? */
static bool can_hear(const imr_session *s)
{
    const imr_words *w = &s->words;
    return s->encoder && s->encoder->transformer && s->facts.has_texts &&
           !*imr_context_problem(s->encoder) && !w->lenses[0].name && !w->was_heard;
}

static imr_status choose(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    for (size_t i = 0; i < IMR_TABLES && s->encoder; i++)
        if (!w->looked[i])
            IMR_TRY(look_at(s, i, progress, err));
    const char *name = is_auto(s) ? best(w) : s->options.token_table;
    if (is_wanted(s, "context") && can_hear(s)) {
        w->stage = IMR_WORDS_HEAR;
        return IMR_OK;
    }
    bool found = false;
    if (name && w->told && strcmp(name, w->told->source.name) == 0) {
        w->stage = IMR_WORDS_DONE; /* what was made is no better than what is open */
        return IMR_OK;
    }
    imr_told_free(&w->next);
    IMR_NEED(w->next = IMR_NEW(imr_told), err);
    if (name)
        IMR_TRY(imr_table_open(&w->next->source, &found, s, name, true, progress, err));
    for (size_t i = 0; i < IMR_TABLES && !found; i++)
        if (name && w->lenses[i].name &&
            strcmp(w->lenses[i].name, name) == 0) { /* it seemed to be there, and is damaged */
            w->lenses[i].name = NULL;
            return IMR_OK;
        }
    w->stage = found ? IMR_WORDS_FOLD : IMR_WORDS_DONE;
    return found ? IMR_OK : no_table(s, err);
}

imr_status imr_told_fold(imr_told *t, const imr_backprojector *back, const imr_progress *progress,
                         imr_error *err)
{
    imr_token_table_done(&t->table);
    IMR_TRY(
        imr_token_table_init(&t->table, t->source.rows, t->source.texts, t->source.special, err));
    t->table.centre = t->source.centre;
    IMR_TRY(imr_lens_init(&t->lens, &t->table, back, progress, err));
    t->why.lens = &t->lens;
    return IMR_OK;
}

static imr_status fold(imr_session *s, const imr_progress *progress, imr_error *err)
{
    IMR_TRY(imr_told_fold(s->words.next, &s->words.back, progress, err));
    s->words.stage = IMR_WORDS_SAMPLE;
    return IMR_OK;
}

/* ---- hearing the corpus ---- */

imr_status imr_words_hear(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    const imr_context_source source = imr_session_context(s);
    IMR_CLEANUP(imr_context_table_done) imr_context_table made = {.n = 0};
    if (!w->making)
        IMR_TRY(imr_context_making_new(&w->making, s->cache, s->encoder, err));
    const imr_status status = imr_context_making_run(w->making, &made, progress, err);
    if (status == IMR_E_CANCELLED)
        return status;
    imr_context_making_free(w->making);
    w->making = NULL;
    IMR_TRY(status);
    return imr_context_table_keep(&w->unkept, imr_session_folder(s), &source, &made, err);
}

static imr_status hear(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    IMR_TRY(imr_words_hear(s, progress, err));
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
    s->facts.tokens_notice =
        is_auto(s) && !s->options.words_later && can_hear(s)
            ? "the corpus's own words are not known yet; --token-table context hears them, once"
            : imr_session_string(s, t->encoded.notice);
    imr_told_free(&w->told);
    w->told = IMR_TAKE(w->next);
    s->facts.has_tokens = true;
    imr_session_forget(s);
    w->stage =
        is_auto(s) && s->options.words_later && can_hear(s) ? IMR_WORDS_HEAR : IMR_WORDS_DONE;
    return IMR_OK;
}

/* A folder named as table is measured like the others, but not kept. */
static imr_status sample(imr_session *s, const imr_progress *progress, imr_error *err)
{
    imr_told *t = s->words.next;
    t->lens_quality = (imr_lens_quality){NAN, NAN, NAN, 0};
    IMR_TRY(imr_ranker_look(&s->ranker, NULL, err));
    if (s->options.background && t->source.own)
        IMR_TRY(imr_table_measure(&t->lens_quality, s, &t->source, NULL, progress, err));
    if (s->options.background)
        IMR_TRY(imr_words_measure(s, t, progress, err));
    return take(s, err);
}

imr_status imr_session_open_words(imr_session *s, bool *more, const imr_progress *progress,
                                  imr_error *err)
{
    static imr_status (*const stages[])(imr_session *, const imr_progress *,
                                        imr_error *) = {choose, fold, sample, hear};
    imr_words *w = &s->words;
    imr_status status = IMR_OK;
    const imr_told *before = w->told;
    IMR_TRY(imr_session_measure_store(s, progress, err));
    while (status == IMR_OK && w->stage != IMR_WORDS_DONE && w->told == before)
        status = stages[w->stage](s, progress, err);
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
