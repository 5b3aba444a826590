/* ui/layout.c */
#include "ui/layout.h"

static ui_class class_of(int rows, int cols)
{
    if (rows < UI_MIN_ROWS || cols < UI_MIN_COLS)
        return UI_CLASS_T;
    if (cols < 100 || rows < 30)
        return cols < 100 && rows >= 45 ? UI_CLASS_P : UI_CLASS_S;
    return cols >= 160 && rows >= 45 ? UI_CLASS_L : UI_CLASS_M;
}

/* A border where it was dragged to, of so many cells, or where it usually is. */
static int border(double part, int of, int usual, int least, int most)
{
    const int at = part > 0 && part < 1 ? (int)(part * of + .5) : usual;
    return at < least ? least : at > most ? most : at;
}

static void small(ui_layout *l, const double *split)
{
    ui_rect b = l->body;
    /* Why: a rule and 5 rows of tokens, fewer when the list would be shorter than 5 documents. */
    int why = b.h - 1 - 6 < 6 ? b.h - 1 - 6 : 6;
    if (why < 3)
        why = 0;
    if (why)
        why = b.h - 1 - border(split[1], b.h, b.h - 1 - why, 4, b.h - 4);
    l->list = (ui_rect){b.y, b.x, b.h - 1 - why, b.w};
    l->why = (ui_rect){b.y + l->list.h, b.x, why, why ? b.w : 0};
    l->note = (ui_rect){b.y + b.h - 1, b.x, 1, b.w};
}

static void medium(ui_layout *l, bool preview, const double *split)
{
    ui_rect b = l->body;
    const int part = l->class == UI_CLASS_L ? 62 : 56; /* percent */
    int left = border(split[0], b.w, b.w * part / 100, UI_MIN_COLS, b.w - 30);
    /* 36 rows have a preview of 8; of further rows it gets every third, of missing ones a half. */
    int extra = b.h - 31;
    int height = preview ? 8 + (extra > 0 ? extra / 3 : extra / 2) : 0;
    if (preview)
        height = b.h - border(split[1], b.h, b.h - height, 6, b.h - 4);
    l->list = (ui_rect){b.y, b.x, b.h - height, left};
    l->preview = (ui_rect){b.y + b.h - height, b.x, height, preview ? left : 0};
    l->why = (ui_rect){b.y, b.x + left, b.h, b.w - left};
}

static void portrait(ui_layout *l, bool preview, const double *split)
{
    ui_rect b = l->body;
    int list = border(split[1], b.h, b.h / 2, 6, b.h - 9), why = b.h - list;
    if (preview)
        why = border(split[0], b.h, list + b.h * 3 / 10, list + 4, b.h - 4) - list;
    l->list = (ui_rect){b.y, b.x, list, b.w};
    l->why = (ui_rect){b.y + list, b.x, why, b.w};
    l->preview = (ui_rect){b.y + list + why, b.x, b.h - list - why, preview ? b.w : 0};
}

ui_layout ui_layout_of(int rows, int cols, bool preview, int banner, const double split[3])
{
    ui_layout l = {.class = class_of(rows, cols)};
    if (l.class == UI_CLASS_T) {
        l.body = (ui_rect){0, 0, rows, cols};
        return l;
    }
    l.tabs = (ui_rect){0, 0, 1, cols};
    l.query = (ui_rect){1, 0, 1, cols};
    l.banner = (ui_rect){2, 0, banner, cols};
    l.metrics = (ui_rect){2 + banner, 0, 1, cols};
    l.body = (ui_rect){3 + banner, 0, rows - 5 - banner, cols};
    l.status = (ui_rect){rows - 2, 0, 1, cols};
    l.hint = (ui_rect){rows - 1, 0, 1, cols};
    l.boxed = l.class != UI_CLASS_S;
    if (l.class == UI_CLASS_S)
        small(&l, split);
    else if (l.class == UI_CLASS_P)
        portrait(&l, preview, split);
    else
        medium(&l, preview, split);
    ui_rect b = l.body;
    int side = cols >= 100 ? (b.w * 33 / 100 > 60 ? 60 : b.w * 33 / 100) : 0;
    if (side)
        side = b.w - border(split[2], b.w, b.w - side, UI_MIN_COLS, b.w - 30);
    l.document = (ui_rect){b.y, b.x, b.h, b.w - side};
    l.words = (ui_rect){b.y, b.x + b.w - side, b.h, side};
    l.document_columns = l.document.w - UI_GUTTER - (l.boxed ? 3 : 1);
    l.preview_columns = l.preview.w ? l.preview.w - 4 : cols - 2;
    return l;
}
