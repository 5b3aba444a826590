/* ui/view_map.c */
#include <math.h>

#include "base/mem.h"
#include "ui/views.h"

/* The plot: rows by columns of cells, each 4 by 2 dots, or 2 by 2 blocks. */
typedef struct plot {
    const ui_map_parts *in;
    ui_surface s;
    uint8_t *dots; /* [rows, columns] a bit each, those of U+2800 or of a block's index */
} plot;

static size_t shown_place(const ui_list *l)
{
    return l->at < l->n ? l->order[l->at] : SIZE_MAX;
}

/* What a point is drawn with; NULL: a dot. */
static const char *sign(const plot *p, size_t point)
{
    static const char *const digits[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
    if (point == p->in->map->k)
        return "Q";
    const imr_trace_document *d = &p->in->list->trace->documents[point];
    const char *mark = ui_list_mark_of(p->in->list, d);
    const uint32_t rank = d->rank[p->in->stage];
    return mark ? mark : d->relevance > 0 ? "★" : rank && rank <= 9 ? digits[rank - 1] : NULL;
}

/* The cell of a point; a column at each side is for the bracket. Returns its dot's bit. */
static uint8_t place(const plot *p, size_t point, int *row, int *column)
{
    static const uint8_t braille[] = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
    static const uint8_t block[] = {1, 2, 1, 2, 4, 8, 4, 8};
    size_t y, x;
    imr_map_place(&p->in->map->stage[p->in->stage], point, 4 * (size_t)p->s.at.h,
                  2 * (size_t)(p->s.at.w - 2), 1, &y, &x);
    *row = (int)y / 4;
    *column = (int)x / 2 + 1;
    return (p->in->blocks ? block : braille)[y % 4 * 2 + x % 2];
}

static void put_sign(const plot *p, size_t point, ui_style style)
{
    int row, column;
    place(p, point, &row, &column);
    if (sign(p, point))
        ui_put(p->s, row, column, style, sign(p, point));
}

static void put_dots(const plot *p, int row, int column)
{
    static const char *const blocks[] = {" ", "▘", "▝", "▀", "▖", "▌", "▞", "▛",
                                         "▗", "▚", "▐", "▜", "▄", "▙", "▟", "█"};
    const uint8_t bits = p->dots[row * p->s.at.w + column];
    char text[5] = ".";
    if (!p->s.grid->glyphs->ascii)
        text[imr_utf8_encode(0x2800u + bits, text)] = 0;
    if (bits)
        ui_put(p->s, row, column, UI_TEXT,
               p->in->blocks && !p->s.grid->glyphs->ascii ? blocks[bits] : text);
}

/* Dots of all that have no sign, then signs, the first ranks over later ones, then the query; what
 * is selected last, in brackets. */
static void draw_plot(const plot *p)
{
    const ui_list *l = p->in->list;
    const size_t k = p->in->map->k, at = shown_place(l);
    int row, column;
    for (size_t i = 0; i < k; i++) {
        const uint8_t bit = place(p, i, &row, &column);
        if (!sign(p, i))
            p->dots[row * p->s.at.w + column] |= bit;
    }
    for (row = 0; row < p->s.at.h; row++)
        for (column = 0; column < p->s.at.w; column++)
            put_dots(p, row, column);
    for (size_t i = k; i-- > 0;)
        put_sign(p, i, l->trace->documents[i].relevance > 0 ? UI_RELEVANT : UI_STRONG);
    put_sign(p, k, UI_MODE);
    for (size_t i = 0; i < l->n; i++)
        if (l->order[i] < k) {
            place(p, l->order[i], &row, &column);
            ui_hit_put(p->s, (ui_rect){row, column, 1, 1}, UI_HIT_ROW, i);
        }
    if (at >= k)
        return;
    place(p, at, &row, &column);
    ui_put(p->s, row, column - 1, UI_STRONG, "[");
    ui_put(p->s, row, column + 1, UI_STRONG, "]");
    put_sign(p, at, UI_STRONG);
    ui_mark(p->s, (ui_rect){row, column, 1, 1}, UI_SELECTED);
    ui_cursor(p->s, row, column, false);
}

/* ---- beside it ---- */

/* Stages, axes, the selected document, what the signs are. */
static void draw_side(ui_surface s, const ui_map_parts *in)
{
    static const char *const legend[] = {"Q query  [ ] selected", "★ relevant  A B + marked",
                                         "1-9 rank at this stage"};
    const imr_map_stage *stage = &in->map->stage[in->stage];
    const imr_trace_document *d = ui_list_selected(in->list);
    ui_surface about = ui_about(s, UI_TERM_CARRIED);
    int x = 0, y = 1;
    for (int i = 0; i < IMR_STAGE_COUNT; i++)
        if (in->map->stage[i].at)
            x = 1 + ui_put(s, 0, x, i == (int)in->stage ? UI_MODE : UI_DIM, ui_measure_names[i]);
    if (isnan(stage->carried[0])) {
        y = ui_put_wrapped(s, y, 0, s.at.w, 3, UI_TEXT,
                           in->map->k == 1
                               ? "There is one candidate; across: the way to the query."
                               : "The candidates have one vector here; across: the way to the "
                                 "query.");
    } else {
        ui_putf(about, y++, 0, UI_TEXT, "across %s %% of the candidates'",
                ui_plain(100 * stage->carried[0], 0).s);
        ui_putf(about, y++, 0, UI_TEXT, "variance, up %s %%",
                ui_plain(100 * stage->carried[1], 0).s);
    }
    for (size_t i = 0; i < IMR_LEN(legend); i++)
        ui_put_cut(s, ++y, 0, s.at.w, UI_DIM, legend[i]);
    if (!d)
        return;
    y = ui_put_wrapped(s, y + 2, 0, s.at.w, 5, UI_STRONG, *d->title ? d->title : d->id);
    if (shown_place(in->list) >= in->map->k)
        ui_put_wrapped(s, y, 0, s.at.w, 2, UI_DIM, "It is not among the candidates.");
}

void ui_draw_map(ui_surface s, const ui_map_parts *in)
{
    const int side = 30, wide = s.at.w - side - 1;
    ui_surface panel = ui_sub(s, (ui_rect){0, wide + 1, s.at.h, side});
    if (!in->map) {
        ui_put_wrapped(s, 1, 1, s.at.w - 2, s.at.h - 1, UI_TEXT,
                       *in->problem ? in->problem : "The map is being drawn.");
        return;
    }
    plot p = {.in = in,
              .s = ui_sub(s, (ui_rect){0, 0, s.at.h, wide}),
              .dots = IMR_NEW_ARRAY(uint8_t, (size_t)(s.at.h * wide + 1))};
    if (p.dots && !s.grid->glyphs->spoken && p.s.at.h > 0 && p.s.at.w > 2)
        draw_plot(&p);
    imr_free(p.dots);
    draw_side(panel, in);
}
