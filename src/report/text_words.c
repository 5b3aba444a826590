/* The screens Words and Map in text: the words of the query against the words of a document, as
 * tables; the query and its documents in two dimensions. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "explain/map.h"
#include "report/formats.h"

enum { NAME = 12, COLUMN = 8 /* the blank before it counted */ };

void imr_share_table_done(imr_share_table *t)
{
    IMR_FREE(t->v, t->rows);
}

static void add(imr_share_table *t, imr_stage stage, double sign)
{
    const imr_pairs *p = t->p;
    const double *v = imr_pairs_shares(p, stage), by = sign / imr_pairs_unit(p, stage);
    for (size_t i = 0; i < (p->n_query + 1) * (p->n_document + 1); i++)
        t->v[i] += by * v[i];
}

static size_t order(imr_report_place *out, const imr_pair_word *words, size_t n, const double *sum)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!words[i].special)
            out[kept++] = (imr_report_place){sum[i], (uint32_t)i};
    imr_report_rank(out, kept);
    return kept;
}

bool imr_share_table_make(imr_share_table *t, const imr_pairs *p, int stage)
{
    const size_t q = p->n_query + 1, d = p->n_document + 1;
    *t = (imr_share_table){.p = p,
                           .v = IMR_NEW_ARRAY(double, q *d + q + d),
                           .rows = IMR_NEW_ARRAY(imr_report_place, q + d),
                           .decimals =
                               p->centred[IMR_STAGE_ENCODER] && stage != IMR_STAGE_COUNT ? 2 : 3};
    if (!t->v || !t->rows)
        return false;
    t->row = t->v + q * d, t->column = t->row + q, t->columns = t->rows + q;
    add(t, stage == IMR_STAGE_COUNT ? IMR_STAGE_AFTER : (imr_stage)stage, 1);
    if (stage == IMR_STAGE_COUNT)
        add(t, IMR_STAGE_ENCODER, -1);
    for (size_t a = 0; a < q; a++)
        for (size_t b = 0; b < d; b++)
            t->row[a] += t->v[a * d + b], t->column[b] += t->v[a * d + b];
    for (size_t a = 0; a < q; a++)
        t->sum += t->row[a];
    t->n_rows = order(t->rows, p->query, p->n_query, t->row);
    t->n_columns = order(t->columns, p->document, p->n_document, t->column);
    return true;
}

const char *const imr_share_titles[] = {"encoder", "projected", "after", "change: after - encoder"};

/* Right in its column; less than two of the last digit but one is a point. */
static void number(imr_buf *out, const imr_share_table *t, double value, bool always)
{
    const bool shown = always || fabs(value) >= (t->decimals == 2 ? .02 : .002);
    imr_buf_printf(out, " %*s", COLUMN - 1, shown ? IMR_SIGNED(value, t->decimals) : ".");
}

static void line(imr_buf *out, const imr_share_table *t, const char *name, const double *cells,
                 double sum, size_t shown)
{
    double other = sum;
    imr_report_cell(out, name, NAME);
    for (size_t i = 0; i < shown; i++) {
        number(out, t, cells[t->columns[i].place], false);
        other -= cells[t->columns[i].place];
    }
    number(out, t, other, false);
    imr_buf_str(out, " |");
    number(out, t, sum, true);
    imr_buf_char(out, '\n');
}

static void print(imr_buf *out, const imr_share_table *t, size_t width)
{
    const size_t d = t->p->n_document + 1;
    size_t shown = (width - NAME - 2 * COLUMN - 2) / COLUMN;
    if (shown > t->n_columns)
        shown = t->n_columns;
    imr_buf_fill(out, ' ', NAME);
    for (size_t i = 0; i < shown; i++) {
        imr_buf_char(out, ' ');
        imr_report_cell(out, t->p->document[t->columns[i].place].text, COLUMN - 1);
    }
    imr_buf_str(out, "   other |   total\n");
    for (size_t i = 0; i < t->n_rows; i++)
        line(out, t, t->p->query[t->rows[i].place].text, t->v + t->rows[i].place * d,
             t->rows[i].value, shown);
    for (size_t a = 0; a < t->p->n_query; a++)
        if (t->p->query[a].special)
            line(out, t, t->p->query[a].text, t->v + a * d, t->row[a], shown);
    line(out, t, "not words", t->v + (d * t->p->n_query), t->row[t->p->n_query], shown);
    line(out, t, "total", t->column, t->sum, shown);
}

void imr_line_total(imr_buf *out, const imr_why *w, int stage)
{
    const imr_pairs *p = &w->pairs;
    if (stage == IMR_STAGE_COUNT)
        imr_buf_printf(out, "total = its lift %s", IMR_SIGNED(w->lift.total, 3));
    else if (p->centred[stage])
        imr_buf_printf(out, "total = its standing %s sd = (similarity %s - mean %s) / sd %s",
                       IMR_SIGNED(w->standing[stage], 2), IMR_FIXED(p->similarity[stage], 4),
                       IMR_FIXED(p->reference[stage].mean, 4),
                       IMR_FIXED(p->reference[stage].sd, 4));
    else
        imr_buf_printf(out, "total = similarity %s", IMR_FIXED(p->similarity[stage], 4));
    if (stage != IMR_STAGE_COUNT)
        imr_buf_printf(out, ", less the rounding of the cache %s",
                       IMR_SIGNED(p->residual[stage], 6));
}

static void one(imr_buf *out, const imr_why *w, int stage, size_t width)
{
    const bool centred = w->pairs.centred[IMR_STAGE_ENCODER];
    IMR_CLEANUP(imr_share_table_done) imr_share_table t;
    if (!imr_share_table_make(&t, &w->pairs, stage))
        return;
    imr_buf_printf(out, "\n%s, %s\n", imr_share_titles[stage],
                   centred ? "in sd above the average candidate" : "in cosine");
    print(out, &t, width);
    if (stage == IMR_STAGE_COUNT && !centred)
        return;
    IMR_AUTOBUF imr_buf text = {0};
    imr_line_total(&text, w, stage);
    imr_report_wrap(out, imr_buf_text(&text), 0, 0, width);
}

/* ---- where there is no sum ---- */

void imr_text_left_out(imr_buf *out, const imr_why *w, bool adapter, size_t indent, size_t width)
{
    if (!w->n_deletion)
        return;
    const imr_stage last = adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    IMR_AUTOFREE imr_report_place *v = IMR_NEW_ARRAY(imr_report_place, w->n_deletion);
    if (!v)
        return;
    for (size_t i = 0; i < w->n_deletion; i++)
        v[i] = (imr_report_place){w->deletion[i].total[last], (uint32_t)i};
    imr_report_rank(v, w->n_deletion);
    imr_buf_fill(out, ' ', indent);
    imr_report_wrap(out,
                    adapter ? "what the cosine loses without a word: encoder, projected, now"
                            : "what the cosine loses without a word",
                    indent, indent, width);
    for (size_t i = 0; i < w->n_deletion; i++) {
        const imr_pair_word *word = &w->deletion[v[i].place];
        imr_buf_fill(out, ' ', indent);
        imr_report_cell(out, word->text, 2 * (size_t)NAME);
        for (int s = 0; s <= (int)last; s++)
            imr_buf_printf(out, " %s", IMR_SIGNED(word->total[s], 4));
        imr_buf_char(out, '\n');
    }
}

void imr_report_words(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const size_t width = imr_report_width(context);
    IMR_AUTOBUF imr_buf text = {0};
    bool tables = false;
    if (t->settings.what_if.terms[0]) /* the first warning */
        imr_report_wrap(out, t->warning, 0, 9, width);
    imr_buf_printf(&text, "query  %s%s", t->query_prefix, t->query_text);
    imr_report_wrap(out, imr_buf_text(&text), 0, 7, width);
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_detail *about = imr_report_detail(context, i);
        if (!about || !imr_report_prints(context, i))
            continue;
        const imr_why *w = &about->why;
        imr_buf_clear(&text);
        imr_buf_printf(&text, "%s  %s", t->documents[i].id, t->documents[i].title);
        imr_buf_char(out, '\n');
        imr_report_wrap(out, imr_buf_text(&text), 0, 0, width);
        imr_buf_clear(&text);
        imr_sentence_plain(&text, w->sentence);
        imr_report_wrap(out, imr_buf_text(&text), 0, 0, width);
        if (w->pairs.problem[0]) {
            imr_report_wrap(out, w->pairs.problem, 0, 0, width);
            imr_text_left_out(out, w, imr_report_adapted(t), 0, width);
            continue;
        }
        for (int stage = 0; stage <= IMR_STAGE_COUNT; stage++)
            if (stage < IMR_STAGE_COUNT ? w->pairs.raw[stage] != NULL : imr_report_adapted(t))
                one(out, w, stage, width);
        tables = true;
    }
    if (!tables)
        return;
    imr_buf_char(out, '\n');
    imr_report_wrap(out,
                    "other: words with smaller totals, special tokens of the document, and what no "
                    "word carries",
                    0, 0, width);
}

/* ---- the map ---- */

enum { ROWS = 18, ID = 20 };

/* Its axes, and "." a document, "*" a relevant one, 1 to 9 by the rank there, "Q" the query. */
static void plot(imr_buf *out, const imr_trace *t, const imr_map *map, imr_stage stage,
                 size_t width, char *cells)
{
    const imr_map_stage *s = &map->stage[stage];
    memset(cells, ' ', ROWS * width);
    for (size_t i = map->k + 1; i-- > 0;) { /* the first ranks over the others, Q over all */
        const imr_trace_document *d = i == 0 ? NULL : &t->documents[i - 1];
        const uint32_t rank = d ? d->rank[stage] : 0;
        size_t y, x;
        imr_map_place(s, d ? i - 1 : map->k, ROWS, width, 2, &y, &x);
        char *cell = &cells[y * width + x];
        if (!d || d->relevance > 0)
            *cell = d ? '*' : 'Q';
        else if (rank && rank <= 9)
            *cell = (char)('0' + rank);
        else if (*cell == ' ')
            *cell = '.';
    }
    imr_buf_printf(out, "\n%s: ", imr_report_stages[stage]);
    if (isnan(s->carried[0]))
        imr_buf_str(out, "the candidates have one vector; across: to the query\n");
    else
        imr_buf_printf(out, "across %s %%, up %s %% of the variance\n",
                       IMR_FIXED(100 * s->carried[0], 1), IMR_FIXED(100 * s->carried[1], 1));
    for (size_t y = 0; y < ROWS; y++) {
        size_t n = width;
        while (n && cells[y * width + n - 1] == ' ')
            n--;
        imr_buf_add(out, cells + y * width, n);
        imr_buf_char(out, '\n');
    }
}

/* A line of the table: where a point is at each stage. */
static void place(imr_buf *out, const imr_map *map, size_t point, size_t rank, const char *name,
                  size_t columns)
{
    imr_buf_printf(out, "%4zu  ", rank);
    imr_report_cell(out, name, columns);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT && map->stage[k].at; k++)
        imr_buf_printf(out, "  %6s %6s", IMR_SIGNED(map->stage[k].at[point][0], 3),
                       IMR_SIGNED(map->stage[k].at[point][1], 3));
    imr_buf_char(out, '\n');
}

void imr_report_map(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const size_t width = imr_report_width(context), id = width < 51 + ID ? width - 51 : ID;
    IMR_AUTOFREE imr_map *map = NULL;
    IMR_AUTOFREE char *cells = imr_alloc(ROWS, width);
    IMR_AUTOBUF imr_buf text = {0};
    if (!cells || imr_map_make(&map, &t->run, NULL) != IMR_OK) {
        out->failed = true;
        return;
    }
    imr_buf_printf(&text,
                   "query  %s%s: Q; documents: 1 to 9 by their rank at the stage, * relevant, . "
                   "others",
                   t->query_prefix, t->query_text);
    imr_report_wrap(out, imr_buf_text(&text), 0, 7, width);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT && map->stage[k].at; k++)
        plot(out, t, map, k, width, cells);
    imr_buf_str(out, "\nrank  ");
    imr_report_cell(out, "document", id);
    imr_buf_str(out, "  across, up at each stage\n");
    place(out, map, map->k, 0, "the query", id);
    for (size_t i = 0; i < map->k; i++)
        if (imr_report_prints(context, i))
            place(out, map, i, i + 1, t->documents[i].id, id);
}
