/* report/evaluation_page.c - an evaluation, or an audit, as a page. */
#include <math.h>

#include "base/number.h"
#include "report/evaluation.h"
#include "report/page.h"
#include "report/report.h"
#include "text/utf8.h"

static void put_means(imr_page *p, const imr_eval_report *r, size_t m)
{
    static const char *const names[] = {
        "all that are judged", "training saw documents relevant to them", "training saw none"};
    char name[IMR_METRIC_NAME];
    imr_metric_name(r->options->metrics[m], name);
    imr_page_table(p, imr_textf("%s: means, with 95 %% intervals", name).s,
                   "*queries|#number|#change|#encoder|#projected|#now|95 % of change");
    for (size_t g = 0; g < (r->eval->has_train ? IMR_GROUPS : 1); g++) {
        const imr_eval_row *row = &r->summary->row[m * IMR_GROUPS + g];
        const imr_significance *s = &row->from_encoder;
        double v[IMR_STAGE_COUNT];
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            v[k] = row->n && r->eval->values[k] ? row->mean[k] : (double)NAN;
        imr_page_row(p, NULL);
        IMR_PAGE_CELLS(p, names[g], imr_textf("%zu", row->n).s);
        imr_page_stages(p, v, .2);
        imr_page_cell(p, NULL,
                      r->adapter && !isnan(s->low)
                          ? imr_textf("%s to %s", IMR_SIGNED(s->low, 4), IMR_SIGNED(s->high, 4)).s
                          : "");
    }
    imr_page_table_end(p);
}

static void put_bm25(imr_page *p, const imr_eval_report *r)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line, "By words alone (BM25, k1 %g, b %g):", r->options->bm25_k1,
                   r->options->bm25_b);
    for (size_t m = 0; m < r->eval->metrics; m++)
        imr_buf_printf(&line, "%s %s %s", m ? "," : "",
                       imr_metric_name(r->options->metrics[m], (char[IMR_METRIC_NAME]){0}),
                       IMR_FIXED(imr_eval_mean(r->eval, IMR_RANKED_BM25, m), 4));
    imr_page_put(p, "note", &line);
}

static void put_words(imr_page *p, const char *caption, const imr_audit_word *w, size_t n)
{
    imr_page_table(p, caption, "*words|#queries|#lost|#won|#by chance|#p");
    for (size_t i = 0; i < n; i++, w++) {
        const char *second = w->document ? w->document : "";
        imr_page_row(p, NULL);
        IMR_PAGE_CELLS(p, imr_textf("%s%s%s", w->query, w->document ? " ~ " : "", second).s,
                       IMR_FIXED((double)w->queries, 0), IMR_FIXED((double)w->lost, 0),
                       IMR_FIXED((double)w->won, 0), IMR_FIXED(w->chance, 1), IMR_FIXED(w->p, 4));
    }
    imr_page_table_end(p);
}

/* Where the first relevant document stood, and what changed most. */
static void put_about(imr_page *p, const imr_audit *a, size_t row)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_audit_report_line(&line, a, row);
    imr_page_say(p, "about", imr_buf_text(&line));
}

static void put_queries(imr_page *p, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    char by[IMR_METRIC_NAME] = "";
    if (e->metrics)
        imr_metric_name(r->options->metrics[0], by);
    imr_page_table(p, imr_textf("Queries%s%s", *by ? ", by " : "", by).s,
                   "*query|#change|#encoder|#projected|#now|training");
    for (size_t j = 0; j < imr_eval_report_rows(r); j++) {
        const size_t i = imr_eval_report_row(r, j);
        double v[IMR_STAGE_COUNT];
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            v[k] = e->metrics && e->values[k] ? e->values[k][i * e->metrics] : (double)NAN;
        imr_page_row(p, NULL);
        imr_page_title(p, NULL, imr_cache_query_text(r->cache, e->query[i]),
                       imr_ids_at(&r->cache->queries.ids, e->query[i]));
        if (r->audit)
            put_about(p, r->audit, i);
        imr_page_cell_close(p);
        imr_page_stages(p, v, 1);
        imr_page_cell(p, NULL, !e->has_train ? "" : e->seen[i] ? "seen" : "unseen");
    }
    imr_page_table_end(p);
}

static void put_inputs(imr_page *p, const imr_eval_report *r)
{
    const imr_adapter *a = r->adapter;
    const imr_eval_options *o = r->options;
    IMR_AUTOBUF imr_buf command = {0};
    imr_report_command(&command, r->command, r->n_command);
    const imr_text settings =
        imr_textf("feedback-k %u, scope %s, seed %llu, split %s", o->feedback_k,
                  imr_scope_names[o->scope], (unsigned long long)r->seed, r->split->name);
    imr_page_table(p, "Everything needed to get it again", "*what|value|sha256");
    const char *const rows[][3] = {{"made by", "imrnn " IMR_VERSION, ""},
                                   {"command", imr_buf_text(&command), ""},
                                   {"settings", settings.s, ""},
                                   {"cache", r->cache->path, r->cache->sha256},
                                   {"encoder", r->cache->encoder.name, r->cache->encoder.sha256},
                                   {"adapter", a ? a->path : "", a ? a->sha256 : ""}};
    for (size_t i = 0; i < IMR_LEN(rows) - !a; i++) {
        imr_page_row(p, NULL);
        imr_page_add_cells(p, rows[i], 3);
    }
    imr_page_table_end(p);
}

void imr_eval_report_page(imr_buf *b, const imr_eval_report *r, bool html)
{
    const imr_eval_summary *s = r->summary;
    imr_page p = {.out = b, .html = html};
    const imr_text title =
        imr_textf("%s, split %s: %zu queries, %llu documents", r->audit ? "Audit" : "Evaluation",
                  r->split->name, r->eval->queries, (unsigned long long)imr_cache_corpus(r->cache));
    imr_page_begin(&p, title.s);
    imr_page_heading(&p, 1, NULL, title.s);
    imr_page_say(&p, "lead", s->code ? s->text : r->split->qrels ? "" : "Nothing is judged.");
    for (size_t i = 0; i < r->eval->doubts.n; i++)
        imr_page_say(&p, "warning", r->eval->doubts.v[i].text);
    if (r->store) {
        IMR_AUTOBUF imr_buf line = {0};
        imr_trace_store_text(&line, r->store);
        imr_page_put(&p, "note", &line);
    }
    for (int queries = 0; queries < 2; queries++) {
        IMR_AUTOBUF imr_buf line = {0};
        imr_eval_report_missing(&line, r, queries);
        imr_page_put(&p, "warning", &line);
    }
    for (size_t m = 0; s->row && m < r->eval->metrics; m++)
        put_means(&p, r, m);
    if (r->eval->values[IMR_RANKED_BM25] && r->eval->metrics)
        put_bm25(&p, r);
    if (r->seen->words)
        imr_page_say(&p, "note", r->seen->words);
    if (r->audit && r->adapter && r->eval->metrics) {
        put_words(&p, "Words of queries that lost", r->audit->lost, r->audit->n_lost);
        put_words(&p, "Words of queries that won", r->audit->won, r->audit->n_won);
    }
    imr_page_heading(&p, 2, "queries", "Query by query");
    put_queries(&p, r);
    imr_page_heading(&p, 2, "inputs", "What it was made from");
    put_inputs(&p, r);
    imr_page_end(&p);
}
