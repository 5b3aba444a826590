/*
 * A made-up encoder for tests: every value depends on the text alone. It can be told to fail after
 * some texts, to stop the process, or to give a value that is not finite.
 */
#ifndef TESTS_RETRIEVAL_FAKE_ENCODER_H
#define TESTS_RETRIEVAL_FAKE_ENCODER_H

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "retrieval/cache.h"

#define FAKE_DIM 6

typedef struct fake_encoder {
    long texts;      /* seen so far */
    long fail_after; /* 0: never */
    long kill_after; /* 0: never */
    const char *poison;
    char last[256];
} fake_encoder;

static imr_status fake_encode(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    fake_encoder *f = user;
    const char *const *texts = t->texts;
    const size_t *lens = t->lens;
    for (size_t i = 0; i < t->count; i++) {
        if (f->kill_after && f->texts >= f->kill_after)
            raise(SIGKILL);
        if (f->fail_after && f->texts >= f->fail_after)
            return imr_fail(err, IMR_E_IO, "the made-up encoder was told to fail");
        uint64_t h = 1469598103934665603u;
        for (size_t j = 0; j < lens[i]; j++)
            h = (h ^ (unsigned char)texts[i][j]) * 1099511628211u;
        for (size_t j = 0; j < FAKE_DIM; j++, h = h * 6364136223846793005u + 1442695040888963407u)
            out[i * FAKE_DIM + j] = (float)(h >> 40) / 16777216.0f - 0.5f;
        if (f->poison && strstr(texts[i], f->poison))
            out[i * FAKE_DIM + 2] = NAN;
        f->texts++;
        size_t n = lens[i] < sizeof f->last - 1 ? lens[i] : sizeof f->last - 1;
        memcpy(f->last, texts[i], n);
        f->last[n] = '\0';
    }
    return IMR_OK;
}

#endif
