/*
 * tests/bench/model.h - a sentence encoder of MiniLM's shape with random weights, and texts for it.
 *
 * Its words are four letters long and one token each, so a text of n tokens is n - 2 of them
 * between [CLS] and [SEP], and its ids are known without a tokeniser.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_VOCAB = 30522,
    MODEL_HIDDEN = 384,
    MODEL_INNER = 1536,
    MODEL_LAYERS = 6,
    MODEL_HEADS = 12,
    MODEL_POSITIONS = 512
};

/* Writes a sentence-transformers folder: mean pooling, Normalize. */
void bench_model_write(const char *folder);

typedef struct bench_texts {
    const char *name;
    char **text;
    size_t *len;
    uint32_t *ids;  /* of all texts, one after the other */
    size_t *starts; /* [n + 1], of each text's ids */
    size_t n, longest;
} bench_texts;

/* One text for each length in tokens (at least 3). */
bench_texts bench_texts_new(const char *name, const size_t *tokens, size_t n, unsigned seed);
void bench_texts_done(bench_texts *t);
/* Multiplications and additions of encoding each text alone, padding not counted. */
double bench_texts_flops(const bench_texts *t);

/*
 * n lengths (a multiple of `batch`) in random order that stand for SciFact's 5,183 documents: in
 * ascending order they are runs of `batch` neighbours, taken evenly from all documents sorted by
 * length, so that sorting them pads as little as sorting everything would. Cut to `most`. True: the
 * real lengths; false: log-normal ones like them.
 */
bool bench_scifact_lengths(size_t *out, size_t n, size_t batch, size_t most);
