/*
 * What a document's words do, by leaving each out (method.md section 3b).
 *
 *     loss_w = sim(q, d) - sim(q, d without w)          at each of the three stages
 *
 * For encoders whose vectors are no sum over words (CLS, max pooling); works for any. All places of
 * the word are cut out of what the encoder read, so that nothing that it did not read moves in, and
 * the text is encoded anew. The query and the scales and biases of its run stay as they are. Losses
 * do not add up to the similarity.
 * Cost: an encoding for each different word, some at a time.
 */

#include <math.h>

#include "adapter/net.h"
#include "explain/shares.h"
#include "explain/sentence.h"
#include "math/nn.h"
#include "session/internal.h"

enum { BATCH = 16 }; /* texts encoded at once */

void imr_deletion_text(imr_buf *out, const char *text, size_t end, const imr_tokens *tokens,
                       const uint32_t *place, const uint32_t *gone, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < tokens->n; i++) {
        const imr_token *token = &tokens->v[i];
        size_t k = 0;
        while (k < n && place[i] != gone[k])
            k++;
        if (k == n || token->start < at)
            continue;
        imr_buf_add(out, text + at, token->start - at);
        at = token->end;
    }
    imr_buf_add(out, text + at, end - at);
}

imr_status imr_deletion_encode(float *out, const imr_session *s, const imr_buf *texts,
                               const size_t *end, size_t n, const imr_progress *progress,
                               imr_error *err)
{
    const char *start[IMR_DELETION_MOST];
    size_t len[IMR_DELETION_MOST];
    IMR_TRY(imr_buf_check(texts, err));
    for (size_t i = 0; i < n; i++) {
        const size_t from = i ? end[i - 1] : 0;
        start[i] = imr_buf_text(texts) + from;
        len[i] = end[i] - from;
    }
    return imr_encoder_encode(s->encoder, start, len, n, out, NULL, progress, err);
}

/* out [2 rows,m]: base vectors projected, and behind them modulated as the run's query or documents
 * were. */
static imr_status through(float *out, const imr_session *s, const imr_why_run *r, imr_view base,
                          bool query, imr_error *err)
{
    const imr_view projected = imr_view_of(out, base.rows, r->m);
    float *after = out + base.rows * r->m;
    IMR_TRY(imr_adapter_project(s->adapter, base, out, err));
    imr_modulate(after, projected, &s->adapter->w, query ? IMR_W_QUERY_NORM : IMR_W_DOC_NORM,
                 query ? r->query_scale : r->document_scale,
                 query ? r->query_bias : r->document_bias);
    imr_blend_rows(after, projected, query ? r->query_blend : r->document_blend);
    return IMR_OK;
}

imr_status imr_deletion_score(float (*out)[IMR_STAGE_COUNT], const imr_session *s,
                              const imr_trace *t, imr_view base, imr_error *err)
{
    const imr_why_run *r = &t->run;
    for (size_t i = 0; i < base.rows; i++)
        out[i][IMR_STAGE_ENCODER] =
            (float)imr_nn_cosine(r->query_base, imr_view_row(&base, i), r->n);
    if (!s->adapter)
        return IMR_OK;
    IMR_AUTOFREE float *d = IMR_NEW_ARRAY(float, 2 * base.rows * r->m);
    IMR_NEED(d, err);
    const float *after = d + base.rows * r->m;
    IMR_TRY(through(d, s, r, base, false, err));
    for (size_t i = 0; i < base.rows; i++) {
        out[i][IMR_STAGE_BEFORE] = (float)imr_nn_cosine(r->q, d + i * r->m, r->m);
        out[i][IMR_STAGE_AFTER] = (float)imr_nn_cosine(r->q_after, after + i * r->m, r->m);
    }
    return IMR_OK;
}

imr_status imr_session_ahead(double *out, const imr_session *s, const imr_trace *t, size_t place,
                             const float *document, const float *x, imr_stage stage, imr_error *err)
{
    const imr_why_run *r = &t->run;
    const bool after = stage == IMR_STAGE_AFTER;
    IMR_AUTOFREE float *q = IMR_NEW_ARRAY(float, 2 * r->m + r->k);
    IMR_NEED(q, err);
    float *cosine = q + 2 * r->m;
    if (after)
        IMR_TRY(through(q, s, r, imr_view_of(x, 1, r->n), true, err));
    imr_nn_cosine_rows(
        cosine, after ? imr_view_of(r->d_after, r->k, r->m) : imr_view_of(r->base, r->k, r->n),
        after ? q + r->m : x);
    *out = after ? (double)cosine[place] : imr_nn_cosine(x, document, r->n);
    *out -= imr_reference_of(cosine, r->k).mean;
    return IMR_OK;
}

/* Adds to the sentence which words it leans on. */
static imr_status say(imr_detail *d, const imr_trace *t, imr_error *err)
{
    const bool listed = t->run.m && d->place < t->n_documents;
    const imr_stage k = listed ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_str(&text, d->why.sentence);
    imr_sentence_deletion(&text, d->why.deletion, d->why.n_deletion, k, t->reference[k].sd);
    return imr_buf_keep(&d->why.sentence, &text, d->arena, err);
}

imr_status imr_deletion_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                             const imr_reading *document, const imr_progress *progress,
                             imr_error *err)
{
    const imr_trace_document *of = imr_trace_at(t, d->place);
    imr_why *w = &d->why;
    uint32_t *place;
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, BATCH * t->run.n);
    IMR_AUTOBUF imr_buf texts = {0};
    size_t end[BATCH];
    float found[BATCH][IMR_STAGE_COUNT] = {0};
    IMR_NEED(base, err);
    IMR_TRY(imr_words_join(&w->deletion, &place, &w->n_deletion, &document->tokens,
                           document->prefix, document->read_end, NULL, d->arena, err));
    imr_progress_part part = {progress, "leaving each word out", 0, w->n_deletion};
    const imr_progress inner = {imr_progress_part_step, &part};
    for (size_t first = 0; first < w->n_deletion; first += BATCH) {
        const size_t n = w->n_deletion - first < BATCH ? w->n_deletion - first : BATCH;
        part.first = first;
        imr_buf_clear(&texts);
        for (size_t i = 0; i < n; i++) {
            imr_deletion_text(&texts, imr_buf_text(&document->text), document->read_end,
                              &document->tokens, place, &(uint32_t){(uint32_t)(first + i)}, 1);
            end[i] = texts.len;
        }
        IMR_TRY(imr_deletion_encode(base, s, &texts, end, n, &inner, err));
        IMR_TRY(imr_deletion_score(found, s, t, imr_view_of(base, n, t->run.n), err));
        for (size_t i = 0; i < n; i++)
            for (imr_stage k = 0; k < (s->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++)
                if (isfinite(of->sim[k])) /* one that left the list has no similarity now */
                    w->deletion[first + i].total[k] = (double)of->sim[k] - (double)found[i][k];
    }
    return say(d, t, err);
}
