#include "session/precision.h"

#include "base/clock.h"
#include "base/mem.h"
#include "math/nn.h"

typedef struct sample {
    imr_buf all; /* the texts, each ended by a zero */
    size_t lens[IMR_PRECISION_SAMPLE];
    const char *texts[IMR_PRECISION_SAMPLE];
    size_t n;
} sample;

static imr_status take(sample *s, const imr_encoder *e, const imr_dataset *dataset, imr_error *err)
{
    s->n = imr_dataset_count(dataset);
    if (s->n > IMR_PRECISION_SAMPLE)
        s->n = IMR_PRECISION_SAMPLE;
    for (size_t i = 0; i < s->n; i++) {
        const size_t before = s->all.len;
        imr_buf_str(&s->all, imr_encoder_passage_prefix(e));
        IMR_TRY(imr_dataset_text(dataset, i, &s->all, err));
        s->lens[i] = s->all.len - before;
        imr_buf_char(&s->all, '\0');
    }
    IMR_TRY(imr_buf_check(&s->all, err));
    const char *at = imr_buf_text(&s->all);
    for (size_t i = 0; i < s->n; i++) {
        s->texts[i] = at;
        at += s->lens[i] + 1;
    }
    return IMR_OK;
}

static imr_status encode(float *out, double *seconds, const imr_encoder *e, const sample *s,
                         imr_error *err)
{
    const double start = imr_clock_seconds();
    IMR_TRY(imr_encoder_encode(e, s->texts, s->lens, s->n, out, NULL, NULL, err));
    *seconds = imr_clock_seconds() - start;
    return IMR_OK;
}

static imr_status compare(imr_precision_effect *out, const imr_encoder *encoder,
                          const imr_encoder *exact, const sample *s, imr_error *err)
{
    const size_t n = imr_encoder_dim(encoder);
    imr_precision_effect e = {.documents = s->n, .least_cosine = 1};
    float *a IMR_AUTOFREE = IMR_NEW_ARRAY(float, s->n *n);
    float *b IMR_AUTOFREE = IMR_NEW_ARRAY(float, s->n *n);
    if (!a || !b)
        return imr_fail_memory(err);
    IMR_TRY(encode(a, &e.seconds, encoder, s, err));
    IMR_TRY(encode(b, &e.exact_seconds, exact, s, err));
    for (size_t i = 0; i < s->n; i++) {
        const double cosine = imr_nn_cosine(a + i * n, b + i * n, n);
        e.mean_cosine += cosine / (double)s->n;
        e.least_cosine = cosine < e.least_cosine ? cosine : e.least_cosine;
    }
    *out = e;
    return IMR_OK;
}

imr_status imr_precision_compare(imr_precision_effect *out, const imr_encoder *encoder,
                                 const imr_encoder *exact, const imr_dataset *dataset,
                                 imr_error *err)
{
    sample *s IMR_AUTOFREE = IMR_NEW(sample);
    if (!s)
        return imr_fail_memory(err);
    imr_status status = take(s, encoder, dataset, err);
    if (status == IMR_OK)
        status = compare(out, encoder, exact, s, err);
    imr_buf_done(&s->all);
    return status;
}
