/* A trace and its details, made up: a query of two words against a document of three, and one that
 * nobody asked about. Shares are such that every sum is what it must be. */
#ifndef TESTS_UNIT_REPORT_SUPPORT_H
#define TESTS_UNIT_REPORT_SUPPORT_H

#include "tests/support/test.h"

#include "report/report.h"

enum { MADE_QUERY = 3, MADE_DOCUMENT = 5, MADE_WORDS = 12 }; /* words; one of each is special */

typedef struct made_report {
    imr_trace trace;
    imr_trace_document documents[2], left[1];
    imr_trace_warning warnings[1];
    imr_detail detail, numbers;
    imr_detail_span spans[3];
    imr_detail *v[2];
    imr_details details;
    imr_pair_word query[MADE_QUERY + 1], words[MADE_DOCUMENT + 1];
    double raw[IMR_STAGE_COUNT][(MADE_QUERY + 1) * (MADE_DOCUMENT + 1)];
    double centred[IMR_STAGE_COUNT][(MADE_QUERY + 1) * (MADE_DOCUMENT + 1)];
    imr_pair_word deletion[MADE_DOCUMENT];
    imr_strong_pair strongest[2];
    imr_word_score score[MADE_WORDS];
    struct imr_why_dimension dimensions[1];
} made_report;

static inline void made_lists(made_report *m, imr_word_list lists[IMR_CHANGE_COUNT])
{
    m->score[0] = (imr_word_score){.text = "folate",
                                   .id = 7,
                                   .cosine = .5f,
                                   .visibility = .9f,
                                   .z = 2,
                                   .background_z = 4,
                                   .effect = .01f,
                                   .significant = true,
                                   .where = IMR_IN_DOCUMENT};
    m->score[1] = (imr_word_score){.text = "manner",
                                   .id = 8,
                                   .cosine = .25f,
                                   .visibility = .9f,
                                   .z = 1,
                                   .background_z = .5f,
                                   .effect = NAN,
                                   .hub_count = 90,
                                   .hub = true};
    for (size_t i = 2; i < MADE_WORDS; i++)
        m->score[i] = m->score[1];
    for (int k = 0; k < IMR_CHANGE_COUNT; k++)
        lists[k] = (imr_word_list){.positive = m->score,
                                   .n_positive = MADE_WORDS,
                                   .negative = m->score + 1,
                                   .n_negative = 1,
                                   .alignment = .99f,
                                   .common_part = .4f,
                                   .coverage = .3f};
}

/* adapter false: the encoder's ranking alone. */
static inline void made_report_init(made_report *m, bool adapter)
{
    static const char *const query[] = {"[CLS]", "vitamin", "homocysteine", NULL};
    static const char *const words[] = {"[CLS]",        "folic",           "acid",
                                        "homocysteine", "supplementation", NULL};
    memset(m, 0, sizeof *m);
    imr_trace *t = &m->trace;
    t->inputs = (imr_trace_inputs){.adapter_path = adapter ? "a.pt" : "",
                                   .adapter_form = "mean",
                                   .adapter_form_from = "metadata",
                                   .condition_number = 1.5,
                                   .cache_path = "c",
                                   .encoder_path = "e",
                                   .encoder_name = "e",
                                   .encoder_kind = "bert",
                                   .dataset_path = "d",
                                   .split = "test",
                                   .table_name = "context",
                                   .table_rows = 100,
                                   .lens = {.43, .01, .9, 200}};
    for (int i = 0; i < 64; i++)
        t->inputs.adapter_sha256[i] = t->inputs.cache_sha256[i] = 'a';
    t->settings = (imr_trace_settings){.feedback_k = 2, .tokens = 10, .delta = IMR_CHANGE_OWN};
    t->settings.candidates = IMR_CANDIDATES_ENCODER;
    t->query_id = "36", t->query_text = "vitamin homocysteine", t->query_prefix = "";
    t->seen = adapter ? "unseen" : "";
    t->sentence = "1 of 2 moved.";
    t->working_dim = adapter ? 4 : 0;
    t->n_documents = t->n_scored = 2, t->documents = m->documents;
    t->kendall_tau = t->tau_encoder = -1, t->moved = t->moved_encoder = 2;
    t->metrics[0] = (imr_trace_metric){"nDCG@10", {{.25, .5, .75}}}, t->n_metrics = 1;
    m->warnings[0] = (imr_trace_warning){"lens-low", "the table reads this collection poorly"};
    t->warnings = m->warnings, t->n_warnings = 1, t->warning = m->warnings[0].text;
    for (uint32_t i = 0; i < 2; i++)
        m->documents[i] = (imr_trace_document){.id = i ? "200" : "100",
                                               .title = i ? "" : "Folic acid \xe2\x80\x94 a trial",
                                               .row = i,
                                               .rank_encoder = 2 - i,
                                               .rank_before = 2 - i,
                                               .rank_after = i + 1,
                                               .move = i ? -1 : 1,
                                               .move_encoder = i ? -1 : 1,
                                               .lift = {i ? -1.5 : 1.5, .5, 1},
                                               .sentence = "2nd for the encoder, 1st now.",
                                               .sim_encoder = .4f,
                                               .sim_before = .5f,
                                               .sim_after = .6f,
                                               .delta_sim = .1f,
                                               .delta_sim_relative = .05f,
                                               .relevance = i ? -1 : 1,
                                               .feedback = true};
    m->left[0] = m->documents[1], m->left[0].id = "300", m->left[0].rank_after = 0;
    t->left = m->left, t->n_left = adapter;

    imr_why *w = &m->detail.why;
    w->sentence = "2nd for the encoder, 1st now; it is here for *homocysteine*, *acid ~ vitamin*, "
                  "among others.";
    w->lift = m->documents[0].lift;
    imr_pairs *p = &w->pairs;
    *p = (imr_pairs){.problem = "",
                     .query = m->query,
                     .document = m->words,
                     .n_query = MADE_QUERY,
                     .n_document = MADE_DOCUMENT};
    for (int i = 0; i <= MADE_QUERY; i++)
        m->query[i] = (imr_pair_word){
            .text = query[i], .count = 1, .named = i > 0 && query[i], .special = i == 0};
    for (int i = 0; i <= MADE_DOCUMENT; i++)
        m->words[i] = (imr_pair_word){
            .text = words[i], .count = 1, .named = i > 0 && words[i], .special = i == 0};
    for (int s = 0; s < (adapter ? IMR_STAGE_COUNT : 1); s++) {
        const size_t n = sizeof m->raw[0] / sizeof m->raw[0][0];
        p->raw[s] = m->raw[s], p->centred[s] = m->centred[s];
        p->reference[s] = (imr_reference){.1, .125};
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            m->centred[s][i] = (double)((int)(i * 7 + (size_t)s * 3) % 11 - 3) / 64;
            m->raw[s][i] = m->centred[s][i] + .1 / (double)n;
            m->query[i / (MADE_DOCUMENT + 1)].total[s] += m->centred[s][i];
            m->words[i % (MADE_DOCUMENT + 1)].total[s] += m->centred[s][i];
            sum += m->centred[s][i];
        }
        p->residual[s] = 1e-7;
        p->similarity[s] = sum + .1 + 1e-7;
        w->standing[s] = sum / .125;
    }
    if (adapter)
        w->lift.total = w->standing[IMR_STAGE_AFTER] - w->standing[IMR_STAGE_ENCODER];
    m->strongest[0] = (imr_strong_pair){2, 3, {.05, .05, .06}, .08};
    m->strongest[1] = (imr_strong_pair){1, 2, {.04, .03, .02}, -.16};
    w->strongest = m->strongest, w->n_strongest = 2;
    m->dimensions[0].index = 3;
    w->dimensions = m->dimensions, w->n_dimensions = adapter;
    w->share_query = .04, w->share_document = .06;
    w->has_steps = adapter;
    w->query_tokens = (imr_tokens_read){4, 4}, w->document_tokens = (imr_tokens_read){256, 300};
    made_lists(m, w->words);
    made_lists(m, m->detail.query_words);
    m->numbers = m->detail;
    m->numbers.why.pairs = (imr_pairs){.problem = "nobody asked"};
    m->numbers.why.n_strongest = 0;
    m->detail.document_id = "100", m->numbers.document_id = "200";
    m->detail.text = "folic acid, homocysteine; unread", m->detail.read_end = 25;
    m->spans[0] = (imr_detail_span){0, 5, 1}, m->spans[1] = (imr_detail_span){6, 10, 2};
    m->spans[2] = (imr_detail_span){12, 24, 3};
    m->detail.spans = m->spans, m->detail.n_spans = 3;
    m->numbers.text = "";
    m->v[0] = &m->detail, m->v[1] = &m->numbers;
    m->details = (imr_details){m->v, 2};
    for (size_t i = 0; i < MADE_DOCUMENT; i++)
        m->deletion[i] = m->words[i];
    m->numbers.why.deletion = m->deletion, m->numbers.why.n_deletion = MADE_DOCUMENT;
}

#endif
