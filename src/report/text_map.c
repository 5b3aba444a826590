/* The query and its documents in two dimensions: the screen Map in text. */
#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "explain/map.h"
#include "report/formats.h"

enum { ROWS = 18, ID = 20 };

/* "." a document, "*" a relevant one, 1 to 9 by the rank at the stage, "Q" the query. */
static void plot(imr_buf *out, const imr_trace *t, const imr_map *map, imr_stage stage,
                 size_t width, char *cells)
{
    memset(cells, ' ', ROWS * width);
    for (size_t i = map->k + 1; i-- > 0;) { /* the first ranks over the others, Q over all */
        const size_t point = i == 0 ? map->k : i - 1;
        const imr_trace_document *d = i == 0 ? NULL : &t->documents[point];
        const uint32_t rank = d ? d->rank[stage] : 0;
        size_t y, x;
        imr_map_place(&map->stage[stage], point, ROWS, width, 2, &y, &x);
        char *cell = &cells[y * width + x];
        if (!d || d->relevance > 0)
            *cell = d ? '*' : 'Q';
        else if (rank && rank <= 9)
            *cell = (char)('0' + rank);
        else if (*cell == ' ')
            *cell = '.';
    }
    for (size_t y = 0; y < ROWS; y++) {
        size_t n = width;
        while (n && cells[y * width + n - 1] == ' ')
            n--;
        imr_buf_add(out, cells + y * width, n);
        imr_buf_char(out, '\n');
    }
}

static void axes(imr_buf *out, const imr_map_stage *s, imr_stage stage)
{
    static const char *const names[] = {"encoder", "projected", "now"};
    imr_buf_printf(out, "\n%s: ", names[stage]);
    if (isnan(s->carried[0]))
        imr_buf_str(out, "the candidates have one vector; across: to the query\n");
    else
        imr_buf_printf(out, "across %s %%, up %s %% of the variance\n",
                       IMR_FIXED(100 * s->carried[0], 1), IMR_FIXED(100 * s->carried[1], 1));
}

/* The query and the printed documents, with their places at each stage. */
static void table(imr_buf *out, const imr_trace *t, const imr_map *map,
                  const imr_report_context *context)
{
    const size_t width = imr_report_width(context), id = width < 51 + ID ? width - 51 : ID;
    imr_buf_str(out, "\nrank  ");
    imr_report_cell(out, "document", id);
    imr_buf_str(out, "  across, up at each stage\n");
    for (size_t i = map->k + 1; i-- > 0;) {
        const size_t point = map->k - i ? map->k - i - 1 : map->k;
        if (point < map->k && !imr_report_prints(context, point))
            continue;
        imr_buf_printf(out, "%4zu  ", point < map->k ? point + 1 : 0);
        imr_report_cell(out, point < map->k ? t->documents[point].id : "the query", id);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT && map->stage[k].at; k++)
            imr_buf_printf(out, "  %6s %6s", IMR_SIGNED(map->stage[k].at[point][0], 3),
                           IMR_SIGNED(map->stage[k].at[point][1], 3));
        imr_buf_char(out, '\n');
    }
}

void imr_report_map(const imr_trace *t, const imr_report_context *context, imr_buf *out)
{
    const size_t width = imr_report_width(context);
    IMR_CLEANUP(imr_map_free_at) imr_map *map = NULL;
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
    for (imr_stage k = 0; k < IMR_STAGE_COUNT && map->stage[k].at; k++) {
        axes(out, &map->stage[k], k);
        plot(out, t, map, k, width, cells);
    }
    table(out, t, map, context);
}
