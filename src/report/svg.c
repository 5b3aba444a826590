/* Drawings of a page: the ranks of a ranking, bars, and word pairs as a heat map. */
#include <math.h>
#include <stdlib.h>

#include "report/explanation.h"
#include "text/utf8.h"

/* ---- shades ---- */

const char *imr_shade(double value, bool in_sd)
{
    static const char *const names[2][5] = {{NULL, "p1", "p2", "p3", "p4"},
                                            {NULL, "n1", "n2", "n3", "n4"}};
    static const double least[] = {.02, .05, .1, .2};
    const double size = fabs(value) * (in_sd ? 1 : 10);
    size_t level = 0;
    while (level < IMR_LEN(least) && size >= least[level])
        level++;
    return names[value < 0][level];
}

static void begin(imr_page *p, const char *kind, size_t width, size_t height, const char *title,
                  const char *description)
{
    imr_buf_printf(p->out,
                   "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
                   "<svg class=\"%s\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" height=\"%zu\" "
                   "role=\"img\"><title>%s</title><desc>%s</desc>\n",
                   title, kind, width, height, width, height, title, description);
}

static void end(imr_page *p, const char *key)
{
    imr_buf_str(p->out, "</svg></div>\n");
    imr_page_say(p, "key", key);
}

/* At most so many columns of a text. */
static void label(imr_page *p, const char *text, size_t columns)
{
    IMR_AUTOBUF imr_buf cut = {0};
    imr_utf8_clip(&cut, text, strlen(text), columns, "\xe2\x80\xa6");
    imr_page_text(p, imr_buf_text(&cut));
}

/* ---- ranks ---- */

enum { MOST_LINES = 24, LEVELS = 20, STEP = 26, ACROSS = 110, LEFT = 40, TOP = 34 };

typedef struct bump {
    size_t place[MOST_LINES]; /* imr_trace_at */
    uint32_t level[MOST_LINES][IMR_STAGE_COUNT];
    size_t n;
    uint32_t deepest;
} bump;

/* Ranks up to LEVELS stand at their level, later ones below in their order, last what has none. */
static void find_levels(bump *b, const imr_trace *t)
{
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        for (size_t i = 0; i < b->n; i++) {
            const uint32_t rank = imr_trace_at(t, b->place[i])->rank[s];
            uint32_t before = 0;
            for (size_t k = 0; k < b->n; k++) {
                const uint32_t other = imr_trace_at(t, b->place[k])->rank[s];
                before += (other > LEVELS && (!rank || other < rank)) || (!other && !rank && k < i);
            }
            b->level[i][s] = rank && rank <= LEVELS ? rank : LEVELS + 1 + before;
            if (b->level[i][s] > b->deepest)
                b->deepest = b->level[i][s];
        }
}

static int x_of(int stage)
{
    return LEFT + stage * ACROSS;
}

static int y_of(uint32_t level)
{
    return TOP + (int)level * STEP;
}

static void draw_document(imr_page *p, const bump *b, size_t i, const imr_trace_document *d)
{
    const uint32_t *level = b->level[i];
    const char *kind = d->rank_after == 0 || d->move_encoder < 0 ? "fell"
                       : d->move_encoder > 0                     ? "rose"
                                                                 : "same";
    imr_buf_printf(p->out, "<g class=\"%s\"><path d=\"M%d %dL%d %dL%d %d\"/>", kind, x_of(0),
                   y_of(level[0]), x_of(1), y_of(level[1]), x_of(2), y_of(level[2]));
    for (int s = 0; s < IMR_STAGE_COUNT; s++) {
        imr_buf_printf(p->out, "<circle cx=\"%d\" cy=\"%d\" r=\"11\"/><text x=\"%d\" y=\"%d\">",
                       x_of(s), y_of(level[s]), x_of(s), y_of(level[s]) + 4);
        imr_buf_printf(p->out, d->rank[s] ? "%u</text>" : "\xe2\x80\x93</text>", d->rank[s]);
    }
    imr_buf_printf(p->out, "<text class=\"name\" x=\"%d\" y=\"%d\">", x_of(2) + 18,
                   y_of(level[2]) + 4);
    imr_buf_str(p->out, d->relevance > 0 ? "\xe2\x98\x85 " : "");
    label(p, d->title[0] ? d->title : d->id, 56);
    imr_buf_str(p->out, "</text></g>\n");
}

void imr_svg_ranks(imr_page *p, const imr_trace *t, const imr_report_context *c)
{
    bump b = {0};
    for (size_t i = 0; i < t->n_documents + t->n_left && b.n < MOST_LINES; i++)
        if (imr_report_prints(c, i) || i >= t->n_documents)
            b.place[b.n++] = i;
    if (!p->html || !imr_report_adapted(t) || b.n < 2)
        return;
    find_levels(&b, t);
    begin(p, "ranks", (size_t)x_of(2) + 420, (size_t)y_of(b.deepest) + STEP / 2,
          "Ranks at the three stages",
          "A line a document, from its rank for the encoder over that behind the projector to the "
          "rank now. The table below has the same numbers.");
    for (int s = 0; s < IMR_STAGE_COUNT; s++)
        imr_buf_printf(p->out, "<text class=\"head\" x=\"%d\" y=\"20\">%s</text>", x_of(s),
                       imr_report_stages[s]);
    for (size_t i = b.n; i--;)
        draw_document(p, &b, i, imr_trace_at(t, b.place[i]));
    end(p,
        "A line each: solid rose, dashed fell, dotted stayed, against the encoder. The number is "
        "the rank there; what stands below the twentieth is drawn below it in order. "
        "\xe2\x98\x85 judged relevant.");
}

/* ---- word pairs ---- */

enum { CELL = 9, ROW = 20, NAMES = 120, HEADS = 92, MOST_WORDS = 160, NAMED = 14 };

/* All cells of one shade: in the whole height for it, a low bar against it. */
static void draw_shade(imr_page *p, const imr_share_table *t, const uint32_t *column, size_t n,
                       const char *shade)
{
    bool any = false;
    for (size_t a = 0; a < t->n_rows; a++)
        for (size_t k = 0; k < n; k++) {
            const double v = t->v[t->rows[a].place * (t->p->n_document + 1) + column[k]];
            const char *is = imr_shade(2 * v, t->decimals == 2);
            if (!is || strcmp(is, shade) != 0)
                continue;
            if (!any)
                imr_buf_printf(p->out, "<path class=\"%s\" d=\"", shade);
            imr_buf_printf(p->out, "M%zu %zuh%dv%dh-%dz", NAMES + k * CELL,
                           HEADS + a * ROW + (v < 0 ? ROW - 8 : 1), CELL - 1, v < 0 ? 6 : ROW - 2,
                           CELL - 1);
            any = true;
        }
    imr_buf_str(p->out, any ? "\"/>" : "");
}

void imr_svg_pairs(imr_page *p, const imr_share_table *t)
{
    static const char *const shades[] = {"p1", "p2", "p3", "p4", "n1", "n2", "n3", "n4"};
    uint32_t column[MOST_WORDS];
    size_t n = 0;
    if (!p->html || !t->n_rows || !t->n_columns)
        return;
    for (uint32_t b = 0; b < t->p->n_document && n < MOST_WORDS; b++)
        if (!t->p->document[b].special)
            column[n++] = b;
    begin(p, "pairs", NAMES + n * CELL + 40, HEADS + t->n_rows * ROW + 4,
          "Word pairs: words of the query by words of the document",
          "High and blue speaks for the document, low and orange against it. The tables below have "
          "numbers.");
    for (size_t a = 0; a < t->n_rows; a++) {
        imr_buf_printf(p->out,
                       "<path class=\"line\" d=\"M%d %zuh%zu\"/><text x=\"%d\" y=\"%zu\" "
                       "class=\"row\">",
                       NAMES, HEADS + (a + 1) * ROW, n * CELL, NAMES - 6, HEADS + a * ROW + 14);
        label(p, t->p->query[t->rows[a].place].text, 16);
        imr_buf_str(p->out, "</text>");
    }
    bool taken[MOST_WORDS + 4] = {false}; /* names need room; the strongest have it first */
    for (size_t i = 0, named = 0; i < t->n_columns && named < NAMED; i++) {
        size_t k = 0;
        while (k < n && column[k] != t->columns[i].place)
            k++;
        if (k == n || !t->p->document[column[k]].named || taken[k + 1] || taken[k + 2] ||
            taken[k + 3])
            continue;
        taken[k + 2] = true;
        named++;
        imr_buf_printf(p->out, "<text transform=\"translate(%zu %d) rotate(-50)\">",
                       NAMES + k * CELL + CELL, HEADS - 4);
        label(p, t->p->document[column[k]].text, 16);
        imr_buf_str(p->out, "</text>");
    }
    for (size_t i = 0; i < IMR_LEN(shades); i++)
        draw_shade(p, t, column, n, shades[i]);
    end(p, "A row a word of the query, a column a word of the document as they follow in its text: "
           "high and blue for it, low and orange against it, from .01 sd on.");
}
