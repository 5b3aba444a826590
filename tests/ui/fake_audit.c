/* tests/ui/fake_audit.c - a made-up audit; its summary and words are the engine's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "fake_trace.h"

enum { AUDITED = 30 };

static struct {
    imr_audit audit;
    imr_cache cache;
    imr_eval eval;
    imr_seen seen;
    uint32_t query[AUDITED];
    bool was_seen[AUDITED];
    double values[IMR_STAGE_COUNT][3 * AUDITED], similar[3][AUDITED];
    imr_eval_more more[AUDITED];
    imr_audit_row rows[AUDITED];
    const char *texts[AUDITED];
} audited;

static imr_ids ids_of(const char *letter)
{
    imr_error err;
    imr_ids ids = {0};
    imr_buf b = {0};
    for (int i = 0; i < AUDITED; i++) {
        imr_buf_printf(&b, "%s%d", letter, i * 37);
        imr_buf_char(&b, '\0');
    }
    const size_t bytes = b.len;
    if (imr_ids_take(&ids, NULL, NULL, imr_buf_take(&b), bytes, AUDITED, "ids", &err) != IMR_OK)
        abort();
    return ids;
}

static void fake_row(size_t i)
{
    static const char *const words[] = {
        "java coffee",  "volcanic soil",
        "type erasure", "caf\xc3\xa9 \xe6\xbc\xa2\xe5\xad\x97",
        "\033[31mred",  "leaf rust in ceylon, and whatever came of its plantations"};
    imr_audit_row *r = &audited.rows[i];
    const double encoder = (double)(3 + i * 7 % 11) / 15;
    const double gain = i % 3 == 0 ? 0 : (audited.was_seen[i] ? .4 : -.2) * (double)(i % 5) / 5;
    *r = (imr_audit_row){.document = (uint32_t)i, .seen = audited.was_seen[i]};
    snprintf(r->sentence, sizeof r->sentence, "made up");
    snprintf(r->pairs[0].query, sizeof r->pairs[0].query, "java");
    snprintf(r->pairs[0].document, sizeof r->pairs[0].document, i % 2 ? "island" : "cup");
    for (size_t m = 0; m < 3; m++) {
        double *of = r->number + 4 * m;
        of[0] = encoder;
        of[1] = encoder + gain / 2;
        of[2] = encoder + gain;
        of[3] = of[2] - of[0];
        for (size_t k = 0; k < 3; k++)
            audited.values[k][3 * i + m] = of[k];
    }
    for (size_t k = 0; k < 3; k++) {
        r->number[IMR_AUDIT_FIRST + k] = (double)((i * 5 + k) % 14);
        r->number[IMR_AUDIT_JUDGED + k] = (double)(i % 4) / 10;
        audited.more[i].unjudged[k] = 1 - r->number[IMR_AUDIT_JUDGED + k];
    }
    r->number[IMR_AUDIT_RBO] = 1 - (double)(i % 9) / 20;
    r->number[IMR_AUDIT_RBO + 1] = 1;
    r->number[IMR_AUDIT_FROM] = (double)(i + 1);
    r->number[IMR_AUDIT_TO] = 1 + (double)(i % 3);
    audited.texts[i] = words[i % IMR_LEN(words)];
}

imr_audit *fake_audit(bool adapter)
{
    imr_error err = {0};
    imr_audit *a = &audited.audit;
    memset(&audited, 0, sizeof audited);
    audited.cache.queries.ids = ids_of("q");
    audited.cache.documents.ids = ids_of("doc-");
    audited.cache.query_texts = audited.texts;
    audited.seen = (imr_seen){.known = true, .words = (char *)(uintptr_t) "trained on this"};
    for (size_t i = 0; i < AUDITED; i++) {
        audited.query[i] = (uint32_t)i;
        audited.was_seen[i] = i % 10 == 9;
        fake_row(i);
    }
    audited.eval = (imr_eval){.queries = AUDITED,
                              .metrics = 3,
                              .has_adapter = adapter,
                              .has_train = true,
                              .query = audited.query,
                              .seen = audited.was_seen,
                              .overlap_k = 10,
                              .values = {audited.values[0], adapter ? audited.values[1] : NULL,
                                         adapter ? audited.values[2] : NULL},
                              .unjudged_at = {.7, .7, .75},
                              .more = audited.more};
    *a =
        (imr_audit){.cache = &audited.cache,
                    .adapter = adapter ? (const imr_adapter *)&audited : NULL,
                    .seen = &audited.seen,
                    .eval = &audited.eval,
                    .split.name = "test",
                    .query = audited.query,
                    .rows = audited.rows,
                    .n = AUDITED,
                    .measured.feedback_k = 100,
                    .done = AUDITED,
                    .metric = {{IMR_METRIC_NDCG, 10}, {IMR_METRIC_RR, 10}, {IMR_METRIC_RECALL, 10}},
                    .arena = imr_arena_new(),
                    .ended = true};
    if (imr_eval_summarise(&a->summary, a->eval, a->metric, a->seen, 1, true, NULL, &err) !=
            IMR_OK ||
        imr_audit_count_words(a, &err) != IMR_OK)
        abort();
    return a;
}

void fake_audit_free(imr_audit *a)
{
    if (!a)
        return;
    imr_eval_summary_done(&a->summary);
    imr_arena_free(a->arena);
    imr_ids_done(&audited.cache.queries.ids);
    imr_ids_done(&audited.cache.documents.ids);
}
