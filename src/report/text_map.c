/* The query and its documents in two dimensions: the screen Map in text. */
#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "explain/map.h"
#include "report/formats.h"

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
