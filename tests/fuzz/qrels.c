/* retrieval/qrels: both layouts of judgements. */
#include "retrieval/qrels.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_qrels *q = NULL;
    imr_error err;
    if (imr_qrels_parse(&q, data, size, "input", &err) != IMR_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < q->queries.n; i++) {
        imr_qrels_query one = q->queries.v[i];
        uint32_t found;
        must(imr_qrels_find(q, one.id, &found) && found == i);
        for (size_t k = 0; k < one.n; k++) {
            const char *id = q->documents.v[one.v[k].document];
            int32_t grade = one.v[k].grade;
            must(imr_qrels_grade(q, i, id, NULL) == (grade > 0 ? grade : 0));
        }
        must(one.relevant <= one.n);
    }
    imr_qrels_free(q);
    return 0;
}
