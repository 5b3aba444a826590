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
#include <string.h>

#include "adapter/net.h"
#include "explain/shares.h"
#include "explain/sentence.h"
#include "math/nn.h"
#include "session/internal.h"

enum { BATCH = 16 }; /* texts encoded at once */

/* The words that were read, in the order of the text, and whose each token is. */
static imr_status find_words(imr_detail *d, uint32_t *place, const imr_reading *r, imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap places = {0};
    imr_why *w = &d->why;
    IMR_NEED(w->deletion = IMR_ARENA_ARRAY(d->arena, imr_pair_word, r->tokens.n), err);
    for (size_t i = 0; i < r->tokens.n; i++) {
        const imr_token *token = &r->tokens.v[i];
        place[i] = UINT32_MAX;
        if (token->word == IMR_NO_WORD || token->start < r->prefix || token->end > r->read_end)
            continue;
        const char *text = imr_tokens_word(&r->tokens, token->word);
        bool added;
        IMR_NEED(
            imr_strmap_add(&places, text, strlen(text), (uint32_t)w->n_deletion, &place[i], &added),
            err);
        imr_pair_word *word = &w->deletion[place[i]];
        word->count += i == 0 || r->tokens.v[i - 1].word != token->word;
        if (!added)
            continue;
        IMR_NEED(word->text = imr_trace_keep(d->arena, text), err);
        word->named = imr_word_is_named(word->text);
        w->n_deletion++;
    }
    return IMR_OK;
}

void imr_deletion_text(imr_buf *out, const imr_reading *r, const imr_tokens *tokens,
                       const uint32_t *place, const uint32_t *gone, size_t n)
{
    const char *text = imr_buf_text(&r->text);
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
    imr_buf_add(out, text + at, r->read_end - at);
}

imr_status imr_deletion_encode(float *out, const imr_session *s, const imr_buf *texts,
                               const size_t *start, size_t n, const imr_progress *progress,
                               imr_error *err)
{
    const char *at[IMR_DELETION_MOST];
    size_t len[IMR_DELETION_MOST];
    IMR_TRY(imr_buf_check(texts, err));
    for (size_t i = 0; i < n; i++) {
        at[i] = imr_buf_text(texts) + start[i];
        len[i] = start[i + 1] - start[i];
    }
    return imr_encoder_encode(s->encoder, at, len, n, out, NULL, progress, err);
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
    float *after = d + base.rows * r->m;
    const imr_view projected = imr_view_of(d, base.rows, r->m);
    IMR_TRY(imr_adapter_project(s->adapter, base, d, err));
    imr_modulate(after, projected, &s->adapter->w, IMR_W_DOC_NORM, r->document_scale,
                 r->document_bias);
    imr_blend_rows(after, projected, r->document_blend);
    for (size_t i = 0; i < base.rows; i++) {
        out[i][IMR_STAGE_BEFORE] = (float)imr_nn_cosine(r->q, d + i * r->m, r->m);
        out[i][IMR_STAGE_AFTER] = (float)imr_nn_cosine(r->q_after, after + i * r->m, r->m);
    }
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
    IMR_AUTOFREE uint32_t *place = IMR_NEW_ARRAY(uint32_t, document->tokens.n);
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, BATCH * t->run.n);
    IMR_AUTOBUF imr_buf texts = {0};
    float found[BATCH][IMR_STAGE_COUNT] = {0};
    IMR_NEED(place && base, err);
    IMR_TRY(find_words(d, place, document, err));
    imr_why *w = &d->why;
    imr_progress_part part = {progress, "leaving each word out", 0, w->n_deletion};
    const imr_progress inner = {imr_progress_part_step, &part};
    for (size_t first = 0; first < w->n_deletion; first += BATCH) {
        const size_t n = w->n_deletion - first < BATCH ? w->n_deletion - first : BATCH;
        size_t start[BATCH + 1] = {0};
        part.first = first;
        imr_buf_clear(&texts);
        for (size_t i = 0; i < n; i++) {
            imr_deletion_text(&texts, document, &document->tokens, place,
                              &(uint32_t){(uint32_t)(first + i)}, 1);
            start[i + 1] = texts.len;
        }
        IMR_TRY(imr_deletion_encode(base, s, &texts, start, n, &inner, err));
        IMR_TRY(imr_deletion_score(found, s, t, imr_view_of(base, n, t->run.n), err));
        for (size_t i = 0; i < n; i++)
            for (imr_stage k = 0; k < (s->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++)
                if (isfinite(of->sim[k])) /* one that left the list has no similarity now */
                    w->deletion[first + i].total[k] = (double)of->sim[k] - (double)found[i][k];
    }
    return say(d, t, err);
}
