/* The explanation of a query as a page: the query, the ranking, documents, and what it rests on. */
#include <math.h>

#include "base/number.h"
#include "report/explanation.h"

/* ---- the query ---- */

static void metrics(imr_page *p, const imr_trace *t)
{
    const bool adapter = imr_report_adapted(t);
    if (!t->n_metrics)
        return;
    imr_page_table(p, "Metrics of the three rankings",
                   adapter ? "*metric|#encoder|#projected|#now|#change" : "*metric|#encoder");
    for (size_t i = 0; i < t->n_metrics; i++) {
        const imr_trace_metric *m = &t->metrics[i];
        imr_page_row(p, NULL);
        IMR_PAGE_CELLS(p, m->name, IMR_FIXED(m->encoder, 4));
        if (!adapter)
            continue;
        IMR_PAGE_CELLS(p, IMR_FIXED(m->before, 4), IMR_FIXED(m->after, 4));
        imr_page_amount(p, m->after - m->encoder, 4, 0);
    }
    imr_page_table_end(p);
    size_t top = t->n_documents < 10 ? t->n_documents : 10, judged = 0;
    for (size_t i = 0; i < top; i++)
        judged += t->documents[i].relevance >= 0;
    imr_page_say(
        p, "key",
        imr_textf("Of the first %zu now, %zu were judged by nobody; metrics count those as "
                  "not relevant.",
                  top, top - judged)
            .s);
}

static void query(imr_page *p, const imr_trace *t, const imr_report_context *c)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_page_heading(p, 1, NULL, t->query_text);
    imr_buf_printf(&line, "%s%s%s%s%s; %s", *t->query_id ? "query " : "a typed query", t->query_id,
                   *t->inputs.split ? " of split " : "", t->inputs.split,
                   *t->query_prefix ? ", asked with its prefix" : "",
                   !imr_report_adapted(t)           ? "the encoder's ranking alone"
                   : strcmp(t->seen, "seen") == 0   ? "training saw documents relevant to it"
                   : strcmp(t->seen, "unseen") == 0 ? "training saw no document relevant to it"
                                                    : "what training saw of it is not known");
    imr_page_put(p, "about", &line);
    for (size_t i = 0; i < t->n_warnings; i++) {
        imr_page_open(p, "warning");
        imr_page_mark(p, "w", "Warning:", 8);
        imr_page_text(p, " ");
        imr_page_text(p, t->warnings[i].text);
        imr_page_close(p);
    }
    imr_page_say(p, "lead", t->sentence);
    imr_explanation_notes(p, t, c, "");
    metrics(p, t);
}

/* ---- the ranking ---- */

enum { SHOWN = 20, CAPTION = 100 };

static void rank(imr_page *p, uint32_t r)
{
    imr_page_cell(p, NULL, r ? imr_textf("%u", r).s : "\xe2\x80\x93");
}

static void row(imr_page *p, const imr_trace *t, const imr_trace_document *d, double most,
                const char *link)
{
    const bool adapter = imr_report_adapted(t), after = adapter && d->rank_after;
    imr_page_row(p, d->relevance > 0 ? "relevant" : NULL);
    rank(p, d->rank_encoder);
    if (adapter) {
        rank(p, d->rank_before);
        rank(p, d->rank_after);
        imr_page_cell(p, NULL,
                      !after ? "left"
                      : !d->move_encoder
                          ? "="
                          : imr_textf(d->move_encoder > 0 ? "\xe2\x96\xb2%d" : "\xe2\x96\xbc%d",
                                      abs(d->move_encoder))
                                .s);
    }
    imr_page_title(p, link, *imr_trace_title(d) ? imr_trace_title(d) : d->id,
                   *imr_trace_title(d) ? d->id : "");
    imr_page_cell_close(p);
    if (adapter)
        imr_page_amount(p, after ? d->lift.total : NAN, 2, most);
    IMR_PAGE_CELLS(p, IMR_FIXED((double)(after ? d->sim_after : d->sim_encoder), 4),
                   d->relevance > 0    ? "\xe2\x98\x85\xc2\xa0relevant"
                   : d->relevance == 0 ? "not\xc2\xa0relevant"
                                       : "");
}

/* Documents `from` to `to` of the list and of those that left. */
static void rows(imr_page *p, const imr_trace *t, const imr_report_context *c, const char *caption,
                 size_t from, size_t to)
{
    double most = 0;
    if (from >= to)
        return;
    for (size_t i = 0; i < t->n_documents; i++)
        most = fmax(most, fabs(t->documents[i].lift.total));
    imr_page_table(p, caption,
                   imr_report_adapted(t)
                       ? "#enc|#proj|#now|#move|*document|#lift, sd|#cosine|judged"
                       : "#enc|*document|#cosine|judged");
    for (size_t i = from; i < to; i++) {
        const bool told = p->html && imr_report_detail(c, i) && imr_report_prints(c, i);
        row(p, t, imr_trace_at(t, i), most, told ? imr_textf("#q%zu-d%zu", p->number, i).s : NULL);
    }
    imr_page_table_end(p);
}

static void ranking(imr_page *p, const imr_trace *t, const imr_report_context *c)
{
    const size_t n = t->n_documents, first = n < SHOWN ? n : SHOWN;
    IMR_AUTOBUF imr_buf line = {0};
    imr_page_heading(p, 2, "ranking", "The ranking");
    if (imr_report_adapted(t)) {
        imr_line_moved(&line, t);
        imr_buf_char(&line, '.');
    }
    imr_page_put(p, NULL, &line);
    imr_svg_ranks(p, t, c);
    rows(p, t, c, "Documents in their order now", 0, first);
    if (n > first) {
        imr_page_fold(p, imr_textf("%zu more of the %zu listed", n - first, n).s);
        rows(p, t, c, "Documents further down", first, n);
        imr_page_unfold(p);
    }
    rows(p, t, c, "Not listed now, but among the encoder's first ten, or asked for", n,
         n + t->n_left);
}

/* ---- what it rests on ---- */

static void add_fact(void *user, const char *name, const char *text, const char *sha256)
{
    imr_page *p = user;
    imr_page_row(p, NULL);
    IMR_PAGE_CELLS(p, name + (*name == ' '), text, sha256 ? sha256 : "");
}

static void legend(imr_page *p)
{
    static const struct {
        const char *name, *formula, *range, *good;
    } terms[] = {
#define X(id, name, formula, range, good) {name, formula, range, good},
#include "report/glossary.def"
#undef X
    };
    imr_page_heading(p, 2, "legend", "What the numbers are");
    imr_page_table(p, "Every number of this page", "*name|what it is|range|how to read it");
    for (size_t i = 0; i < IMR_LEN(terms); i++) {
        imr_page_row(p, NULL);
        IMR_PAGE_CELLS(p, terms[i].name, terms[i].formula, terms[i].range, terms[i].good);
    }
    imr_page_table_end(p);
}

void imr_explanation_settings(imr_page *p, const imr_trace *t, const imr_report_context *c)
{
    imr_page_heading(p, 2, "settings", "What it was made from");
    imr_page_table(p, "Everything needed to get it again", "*what|value|sha256");
    add_fact(p, "made by", "imrnn " IMR_VERSION, "");
    imr_report_facts(t, c, add_fact, p);
    if (t->inputs.dataset_path[0])
        add_fact(p, "data set", t->inputs.dataset_path, t->inputs.dataset_sha256);
    for (const char *at = t->settings.what_if.terms; *at; at += strcspn(at, "\n") + 1) {
        IMR_AUTOBUF imr_buf term = {0};
        imr_buf_add(&term, at, strcspn(at, "\n"));
        add_fact(p, "what if", imr_buf_text(&term), "");
    }
    imr_page_table_end(p);
}

/* ---- the page ---- */

/* What the text report lays out in columns goes as it is. */
static void as_text(imr_page *p, const imr_trace *t, const imr_report_context *c)
{
    IMR_AUTOBUF imr_buf text = {0};
    if (t->pair)
        imr_text_pair(&text, t, IMR_REPORT_WIDTH);
    if (t->beside)
        imr_text_beside(&text, t, IMR_REPORT_WIDTH);
    if (c && c->compare)
        imr_text_compare(&text, t, c->compare, IMR_REPORT_WIDTH);
    if (!text.len)
        return;
    imr_page_heading(p, 2, "compare", t->pair ? "The pair" : "A against B");
    imr_page_plain(p, imr_buf_text(&text));
}

static void write_page(const imr_trace *t, const imr_report_context *c, imr_buf *out, bool html)
{
    imr_page p = {.out = out, .html = html, .number = c ? c->done : 0};
    const imr_detail *any = imr_report_query(t, c);
    if (!p.number)
        imr_page_begin(&p, t->query_text);
    if (c && c->up) {
        imr_page_open(&p, "about");
        imr_page_link(&p, c->up, "All queries");
        imr_page_close(&p);
    }
    query(&p, t, c);
    if (!t->pair)
        ranking(&p, t, c);
    as_text(&p, t, c);
    if (any && t->inputs.table_name[0]) {
        imr_page_heading(&p, 2, "words",
                         imr_report_adapted(t) ? "Words of the query's change"
                                               : "Words of the query's vector");
        imr_explanation_words(&p, t, any->query_words, "Words of the query");
    }
    imr_page_heading(&p, 2, "documents", "Documents");
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_detail *d = imr_report_detail(c, i);
        if (d && imr_report_prints(c, i))
            imr_explanation_document(&p, t, c, i, d);
    }
    imr_explanation_settings(&p, t, c);
    if (!c || c->done + 1 >= c->total) {
        legend(&p);
        imr_page_end(&p);
    }
}

void imr_report_html(const imr_trace *t, const imr_report_context *c, imr_buf *out)
{
    write_page(t, c, out, true);
}

void imr_report_md(const imr_trace *t, const imr_report_context *c, imr_buf *out)
{
    write_page(t, c, out, false);
}
