/* What is told of one document when it is looked at: its text, and its why. */

#include "base/guard.h"
#include "session/internal.h"
#include "text/utf8.h"

static const char CHANGED[] = "the text of this document is not there: name the dataset of the "
                              "cache with --dataset";

const char imr_words_unasked[] = "the words of this document were not asked for";

/* ---- reading ---- */

static void reading_done(imr_reading *r)
{
    imr_buf_done(&r->text);
    imr_tokens_done(&r->tokens);
    imr_token_sum_done(&r->sum);
    *r = (imr_reading){0};
}

/* Where reading ended: of a text that was cut, before the special tokens after it. */
static size_t end_of(const imr_reading *r)
{
    size_t after = 0;
    const imr_tokens *t = &r->tokens;
    while (after < t->n && t->v[t->n - 1 - after].word == IMR_NO_WORD)
        after++;
    return r->read.read >= r->read.total || r->read.read <= after
               ? r->text.len
               : t->v[r->read.read - after - 1].end;
}

/* r->text is in place. */
static imr_status read_text(imr_reading *r, const imr_encoder *e, bool sum,
                            const imr_progress *progress, imr_error *err)
{
    const char *text = imr_buf_text(&r->text);
    imr_token_count count;
    IMR_TRY(imr_buf_check(&r->text, err));
    IMR_TRY(imr_encoder_tokenize(e, text, r->text.len, true, &r->tokens, err));
    if (sum && !imr_encoder_sum_problem(e)[0]) {
        IMR_TRY(imr_encoder_token_sum(&r->sum, e, text, r->text.len, progress, err));
        count.read = r->sum.tokens.n;
        count.total = r->sum.tokens.total;
    } else {
        IMR_TRY(imr_encoder_count_tokens(&count, e, text, r->text.len, err));
    }
    r->read = (imr_tokens_read){(uint32_t)count.read, (uint32_t)count.total};
    r->read_end = end_of(r);
    return IMR_OK;
}

imr_status imr_session_read_query(imr_session *s, const char *prefix, const char *text,
                                  const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(reading_done) imr_reading r = {0};
    imr_buf_str(&r.text, prefix);
    r.prefix = r.body = r.text.len;
    imr_buf_str(&r.text, text);
    if (s->query.tokens.n && !s->query.pushed &&
        strcmp(imr_buf_text(&r.text), imr_buf_text(&s->query.text)) == 0)
        return IMR_OK;
    IMR_TRY(read_text(&r, s->encoder, true, progress, err));
    reading_done(&s->query);
    s->query = IMR_TAKE(r);
    return IMR_OK;
}

/* The query of t; a cached one has the prefix of its cache. What if it is pushed along words: that
 * belongs to no word of its own. */
static imr_status read_query(imr_session *s, const imr_trace *t, const imr_progress *progress,
                             imr_error *err)
{
    imr_reading *r = &s->query;
    if (t->push && r->pushed == t->number)
        return IMR_OK;
    IMR_TRY(imr_session_read_query(
        s, t->query_cached ? s->cache->encoder.query_prefix : t->query_prefix, t->query_read,
        progress, err));
    for (size_t i = 0; t->push && r->sum.rows && i < r->sum.tokens.n * r->sum.n; i++)
        r->sum.rows[i] = (float)(t->push_by * (double)r->sum.rows[i]);
    for (size_t j = 0; t->push && r->sum.rows && j < r->sum.n; j++)
        r->sum.extra[j] = (float)(t->push_by * (double)r->sum.extra[j]) + t->push[j];
    r->pushed = t->push ? t->number : 0;
    return IMR_OK;
}

/* A document's text as its encoder is given it, without reading it. */
static imr_status find_document(imr_session *s, const imr_trace *t, uint32_t row, imr_reading *r,
                                imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0}, text = {0};
    if (row == UINT32_MAX)
        imr_buf_str(&text, t->pair->text);
    else
        IMR_TRY(imr_cache_document(imr_cache_of(s, t), row, &title, &text, err));
    IMR_TRY(imr_buf_check(&title, err));
    IMR_TRY(imr_buf_check(&text, err));
    imr_buf_str(&r->text, s->cache->encoder.passage_prefix);
    r->prefix = r->body = r->text.len;
    imr_document_text(&r->text, imr_buf_text(&title), title.len, "", 0);
    r->body = r->text.len;
    r->text.len = r->prefix;
    imr_document_text(&r->text, imr_buf_text(&title), title.len, imr_buf_text(&text), text.len);
    if (r->body > r->prefix && r->text.len > r->body)
        r->body++; /* the line end after the title */
    return imr_buf_check(&r->text, err);
}

/* ---- text and spans ---- */

/* The first byte of the shown text that comes from `source` or after it. */
static size_t shown_at(const uint32_t *from, size_t n, size_t source)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (from[middle] < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each word of the text that was read: where it is shown, and which of the pairs' words it is. */
static imr_status find_spans(imr_detail *d, const imr_reading *r, const uint32_t *from, size_t n,
                             imr_error *err)
{
    const uint32_t *place = d->why.pairs.document_place;
    IMR_NEED(d->spans = IMR_ARENA_ARRAY(d->arena, imr_detail_span, r->read.read), err);
    for (size_t i = 0; i < r->tokens.n && r->tokens.v[i].end <= r->read_end; i++) {
        const imr_token *token = &r->tokens.v[i];
        if (token->word == IMR_NO_WORD || token->start < r->body)
            continue;
        const size_t end = shown_at(from, n, token->end - r->body);
        if (i > 0 && r->tokens.v[i - 1].word == token->word && d->n_spans) {
            d->spans[d->n_spans - 1].end = end;
            continue;
        }
        d->spans[d->n_spans++] = (imr_detail_span){shown_at(from, n, token->start - r->body), end,
                                                   place ? place[i] : UINT32_MAX};
    }
    return IMR_OK;
}

static imr_status show_text(imr_detail *d, const imr_reading *r, imr_error *err)
{
    IMR_AUTOBUF imr_buf clean = {0};
    IMR_AUTOFREE uint32_t *from = NULL;
    IMR_TRY(imr_utf8_clean_map(&clean, &from, imr_buf_text(&r->text) + r->body,
                               r->text.len - r->body, IMR_CLEAN_NEWLINES, err));
    IMR_NEED(d->text = imr_arena_strndup(d->arena, imr_buf_text(&clean), clean.len), err);
    d->read_end = !r->tokens.n || r->read_end >= r->text.len ? clean.len
                  : r->read_end <= r->body                   ? 0
                                           : shown_at(from, clean.len, r->read_end - r->body);
    return r->tokens.n ? find_spans(d, r, from, clean.len, err) : IMR_OK;
}

/* ---- the why ---- */

bool imr_session_passed(const imr_trace *t, size_t place)
{
    const imr_trace_document *d = &t->documents[place];
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_trace_document *other = &t->documents[i];
        if (other->rank_encoder != d->rank_encoder &&
            (other->rank_encoder < d->rank_encoder) != (other->rank_after < d->rank_after))
            return true;
    }
    return false;
}

static imr_status explain(imr_session *s, const imr_trace *t, imr_detail *d, const char *problem,
                          const imr_reading *document, const imr_progress *progress, imr_error *err)
{
    const imr_trace_document *of = imr_trace_at(t, d->place);
    static const imr_reading none = {0};
    IMR_AUTOFREE float *read = NULL;
    imr_why_input in = {
        .run = &t->run,
        .weights = s->adapter ? &s->adapter->w : NULL,
        .encoder = s->encoder,
        .place = d->place,
        .rank = {of->rank_encoder, of->rank_before, of->rank_after},
        .similarity = {of->sim_encoder, of->sim_before, of->sim_after},
        .passed = d->place < t->n_documents && imr_session_passed(t, d->place),
        .alone = t->pair != NULL,
        .problem = problem,
        .query = s->query.tokens.n && document->tokens.n ? &s->query : &none,
        .document = document->tokens.n ? document : &none,
    };
    memcpy(in.reference, t->reference, sizeof in.reference);
    if (s->words.told && d->depth != IMR_DETAIL_PAIRS)
        in.table = s->words.told->why;
    if (t->run.other_adapter) { /* what other changes say was measured without */
        in.table.query = in.table.document = NULL;
        in.table.query_common = NULL;
    }
    in.table.order = t->settings.order;
    in.table.words = t->settings.tokens;
    if (!s->adapter && t->pair) {
        in.document_base = t->pair->base;
    } else if (!s->adapter) {
        IMR_NEED(read = IMR_NEW_ARRAY(float, t->run.n), err);
        IMR_TRY(imr_cache_read_rows(imr_cache_of(s, t), of->row, 1, read, err));
        in.document_base = read;
    }
    return imr_why_make(&d->why, d->query_words, &in, d->arena, progress, err);
}

static imr_status fill(imr_session *s, const imr_trace *t, imr_detail *d, imr_detail_depth depth,
                       const imr_progress *progress, imr_error *err)
{
    const imr_trace_document *of = imr_trace_at(t, d->place);
    IMR_CLEANUP(reading_done) imr_reading document = {0};
    const char *problem = "";
    d->document_id = imr_arena_strdup(d->arena, of->id);
    d->title = imr_arena_strdup(d->arena, of->title);
    IMR_NEED(d->document_id && d->title, err);
    IMR_TRY(find_document(s, t, of->row, &document, err));
    if (document.text.len == document.prefix) {
        problem = CHANGED;
    } else if (!s->encoder) {
        problem = imr_arena_strdup(d->arena, s->facts.encoder_problem);
    } else {
        IMR_TRY(read_query(s, t, progress, err));
        const bool words = depth > IMR_DETAIL_NUMBERS;
        IMR_TRY(read_text(&document, s->encoder, words, progress, err));
        problem = words ? imr_encoder_sum_problem(s->encoder) : imr_words_unasked;
    }
    IMR_NEED(problem, err);
    IMR_TRY(explain(s, t, d, problem, &document, progress, err));
    if (depth == IMR_DETAIL_WHY_NOT)
        IMR_TRY(imr_why_not_fill(d, s, t, &document, progress, err));
    if (depth == IMR_DETAIL_DELETION && document.tokens.n)
        IMR_TRY((document.sum.rows ? imr_carry_fill : imr_deletion_fill)(d, s, t, &document,
                                                                         progress, err));
    return show_text(d, &document, err);
}

/* ---- details that are kept ---- */

void imr_session_forget(imr_session *s)
{
    for (size_t i = 0; i < IMR_SESSION_DETAILS; i++) {
        imr_detail_free(s->details[i]);
        s->details[i] = NULL;
    }
    reading_done(&s->query);
}

/* Puts a detail first; the one used longest ago makes room. */
static void keep(imr_session *s, size_t at, imr_detail *d)
{
    if (s->details[at] != d)
        imr_detail_free(s->details[at]);
    memmove(s->details + 1, s->details, at * sizeof *s->details);
    s->details[0] = d;
}

static imr_status make(imr_detail **out, imr_session *s, const imr_trace *t, size_t place,
                       imr_detail_depth depth, const imr_progress *progress, imr_error *err)
{
    imr_arena *arena;
    IMR_CLEANUP(imr_detail_free_at) imr_detail *d = imr_arena_begin(&arena, sizeof *d);
    IMR_NEED(d, err);
    d->arena = arena;
    d->serial = t->serial;
    d->number = t->number;
    d->place = place;
    d->depth = (int)depth;
    IMR_TRY(fill(s, t, d, depth, progress, err));
    IMR_TRY(imr_guard_check(err));
    *out = IMR_TAKE(d);
    return IMR_OK;
}

imr_status imr_session_detail(imr_session *s, const imr_trace *t, size_t place,
                              imr_detail_depth depth, const imr_progress *progress,
                              imr_detail **out, imr_error *err)
{
    s = imr_session_of(s, t);
    if (t->number >> 32 != s->number)
        return imr_fail(err, IMR_E_USAGE,
                        "this ranking belongs to a session that was closed; ask "
                        "the query again");
    size_t kept = 0; /* where it is kept, or the one used longest ago */
    for (; kept + 1 < IMR_SESSION_DETAILS && s->details[kept]; kept++) {
        const imr_detail *d = s->details[kept];
        if (d->number != t->number || d->place != place)
            continue;
        if (depth != IMR_DETAIL_WORDS && (int)depth != d->depth)
            break; /* what was asked for now takes its place */
        keep(s, kept, s->details[kept]);
        *out = imr_detail_share(s->details[0]);
        return IMR_OK;
    }
    imr_detail *d = NULL;
    IMR_TRY(make(&d, s, t, place, depth, progress, err));
    if (depth >= IMR_DETAIL_WORDS)
        keep(s, kept, imr_detail_share(d));
    *out = d;
    return IMR_OK;
}

/* However far one document is, so many are done. */
static bool documents_done(void *part, IMR_UNUSED const imr_progress_info *info)
{
    const imr_progress_part *p = part;
    return imr_progress_step(p->up, p->what, p->first, p->total);
}

imr_status imr_session_details(imr_session *s, const imr_trace *t, const bool *words,
                               const imr_details_ask *ask, const imr_progress *progress,
                               imr_details *out, imr_error *err)
{
    imr_progress_part part = {progress, "explaining documents", 0, t->n_documents + t->n_left};
    IMR_CLEANUP(imr_details_done)
    imr_details d = {.v = IMR_NEW_ARRAY(imr_detail *, part.total)};
    const imr_progress each = {documents_done, &part};
    IMR_NEED(d.v, err);
    for (size_t i = 0; i < part.total; part.first = d.n = ++i) {
        const bool rest = ask->all && i < t->n_documents;
        const bool read = words[i] || (rest && t->documents[i].relevance >= 0);
        const imr_detail_depth depth = words[i] && ask->why_not ? IMR_DETAIL_WHY_NOT
                                       : read                   ? IMR_DETAIL_WORDS
                                                                : IMR_DETAIL_NUMBERS;
        imr_detail *one = NULL;
        if (!read && !rest)
            continue;
        IMR_TRY(imr_session_detail(s, t, i, depth, &each, &one, err));
        if (depth == IMR_DETAIL_WORDS && ask->leave_out && one->why.pairs.problem[0] &&
            one->n_spans) {
            imr_detail_free(one);
            IMR_TRY(imr_session_detail(s, t, i, IMR_DETAIL_DELETION, &each, &one, err));
        }
        d.v[i] = one;
    }
    *out = IMR_TAKE(d);
    return IMR_OK;
}

void imr_details_done(imr_details *d)
{
    for (size_t i = 0; i < d->n; i++)
        imr_detail_free(d->v[i]);
    imr_free(d->v);
    *d = (imr_details){0};
}
