/* retrieval/run_file: accepted rankings are sorted. */
#include <string.h>

#include "retrieval/run_file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_run *r = NULL;
    imr_error err;
    if (imr_run_parse(&r, data, size, "input", &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < imr_run_count(r); i++) {
        imr_run_query q = imr_run_at(r, i);
        must(q.n > 0 && (i == 0 || strcmp(imr_run_at(r, i - 1).id, q.id) < 0));
        for (size_t k = 1; k < q.n; k++)
            must(q.scores[k - 1] > q.scores[k] || (q.scores[k - 1] == q.scores[k] &&
                                                   strcmp(q.documents[k - 1], q.documents[k]) > 0));
    }
    imr_run_free(r);
    return 0;
}
