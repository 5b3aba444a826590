/* retrieval/dataset and bm25: a corpus and its queries as JSONL. The first byte says whether bad
 * lines are skipped; a zero byte ends the corpus and begins the queries. */
#include <string.h>

#include "retrieval/bm25.h"
#include "retrieval/dataset.h"
#include "tests/fuzz/fuzz.h"

static void use_documents(const imr_dataset *d)
{
    imr_error err;
    for (size_t i = 0; i < d->documents.n; i++) {
        uint32_t at;
        must(imr_ids_find(&d->documents, imr_ids_at(&d->documents, i), &at) && at == i);
        imr_buf text = {0};
        must(imr_dataset_text(d, i, &text, &err) == IMR_OK);
        imr_buf_done(&text);
    }
}

static void use_words(const imr_dataset *d)
{
    imr_error err;
    imr_bm25 *b = NULL;
    double *scores = malloc(d->documents.n * sizeof *scores);
    must(scores && imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err) == IMR_OK);
    for (size_t i = 0; i < d->query_ids.n && i < 8; i++) {
        const char *text = d->query_texts[i];
        must(imr_bm25_scores(b, text, strlen(text), scores, &err) == IMR_OK);
        for (size_t j = 0; j < d->documents.n; j++)
            must(scores[j] >= 0 && scores[j] < 1e12);
    }
    imr_bm25_free(b);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    imr_dataset_options options = {.skip_bad_lines = data[0] & 1};
    const uint8_t *text = data + 1, *end = data + size;
    const uint8_t *zero = memchr(text, '\0', size - 1);
    imr_named_bytes corpus = {"corpus.jsonl", text, (size_t)((zero ? zero : end) - text)};
    imr_named_bytes queries = {"queries.jsonl", zero ? zero + 1 : NULL,
                               zero ? (size_t)(end - zero - 1) : 0};
    imr_dataset *d = NULL;
    imr_error err;
    if (imr_dataset_open_memory(&d, corpus, queries, NULL, 0, &options, &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    must(d->documents.n > 0);
    must(options.skip_bad_lines || d->n_bad == 0);
    use_documents(d);
    use_words(d);
    imr_dataset_free(d);
    return 0;
}
