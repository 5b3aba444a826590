/* ui/view_help.c - help from the action table and the key map as it is, and the glyph self-test. */
#include <string.h>

#include "text/utf8.h"
#include "ui/view.h"

static const char *const groups[UI_GROUP_COUNT] = {"Move", "This screen", "Everywhere",
                                                   "Editing the query"};

/* One entry: keys, then what they do. */
static void entry(const ui_app *a, ui_surface s, int y, int x, int w, ui_action action)
{
    IMR_AUTOBUF imr_buf keys = {0};
    ui_keymap_labels(&a->keymap, action, 3, &keys);
    const ui_action_info *info = ui_action_info_of(action);
    if (!keys.len)
        imr_buf_printf(&keys, ":%s", info->name);
    ui_put_cut(s, y, x, 13, UI_KEY, imr_buf_text(&keys), strlen(imr_buf_text(&keys)));
    ui_put_cut(s, y, x + 14, w - 15, UI_TEXT, info->help, strlen(info->help));
}

/* Whether an action can be done where help was asked for. */
static bool belongs(const ui_app *a, ui_action action)
{
    ui_context here = a->screen == UI_DOCUMENT ? UI_IN_DOC : UI_IN_LIST;
    ui_group group = ui_action_info_of(action)->group;
    if (group != UI_GROUP_SCREEN && group != UI_GROUP_MOVE)
        return true;
    return ui_keymap_key(&a->keymap, here, action, 0) != UI_KEY_NONE;
}

/* A group as a column from (y,x); returns the line after it. */
static int column(const ui_app *a, ui_surface s, int y, int x, int w, ui_group group)
{
    ui_put(s, y++, x, UI_STRONG, groups[group]);
    ui_repeat(s, y++, x, w - 2, UI_BORDER, a->glyphs->h);
    for (int i = 1; i < UI_ACTION_COUNT; i++)
        if (ui_action_info_of((ui_action)i)->group == group && belongs(a, (ui_action)i))
            entry(a, s, y++, x, w, (ui_action)i);
    return y;
}

static int marks(const ui_app *a, ui_surface s, int y, int w)
{
    const ui_glyphs *g = a->glyphs;
    IMR_AUTOBUF imr_buf b = {0};
    ui_put(s, y++, 2, UI_STRONG, "Marks and columns");
    ui_repeat(s, y++, 2, w - 4, UI_BORDER, g->h);
    imr_buf_printf(&b,
                   "now, was, enc: rank after and before modulation, and of the encoder. %sn %sn "
                   "%s: moved up, down, not.\n",
                   g->up, g->down, g->same);
    imr_buf_printf(&b,
                   "%ssim: cosine after minus cosine before. %s%smed: the same less the median of "
                   "the listed documents; this is what changes the order, bars and colours show "
                   "it.\n",
                   g->delta, g->delta, g->minus);
    imr_buf_printf(&b,
                   "%s judged relevant, %s judged not relevant. %s cut off. ? not final, still "
                   "computing.\n",
                   g->relevant, g->judged, g->ellipsis);
    imr_buf_printf(&b,
                   "doc, query: the two steps that add up to %ssim; resid: what they leave over.\n",
                   g->delta);
    imr_buf_str(&b, "Tokens: cosine with the change; effect: the similarity a token carries; z "
                    "against chance; bg z against other changes (dim: not significant); vis.: "
                    "what the working space sees of it; hub: in how many sampled changes it is "
                    "among the top 20; in: who has it.\n");
    imr_buf_str(&b, "In texts, bold words raise the similarity, underlined words lower it.");
    ui_lines l = {0};
    ui_lines_set(&l, imr_buf_text(&b), w - 4 > 10 ? w - 4 : 10);
    for (size_t i = 0; i < l.n; i++)
        ui_put_n(s, y++, 2, UI_TEXT, l.text + l.v[i].start, l.v[i].end - l.v[i].start);
    ui_lines_done(&l);
    return y;
}

int ui_draw_help(const ui_app *a, ui_surface s, int top)
{
    int margin = s.at.w >= 116 ? 4 : 0;
    ui_surface box = ui_sub(s, (ui_rect){0, margin, s.at.h, s.at.w - 2 * margin});
    ui_fill(box, (ui_rect){0, 0, box.at.h, box.at.w}, UI_TEXT);
    ui_surface in = ui_sub(box, (ui_rect){1, 1, box.at.h - 2, box.at.w - 2});
    int w = in.at.w, y = -top, end = y;
    if (w >= 96) {
        int half = (w - 2) / 2;
        int left = column(a, in, y, 2, half, UI_GROUP_MOVE) + 1;
        left = column(a, in, left, 2, half, UI_GROUP_SCREEN);
        int right = column(a, in, y, 2 + half, half, UI_GROUP_ALL) + 1;
        right = column(a, in, right, 2 + half, half, UI_GROUP_EDIT);
        end = left > right ? left : right;
    } else {
        for (int g = 0; g < UI_GROUP_COUNT; g++)
            end = column(a, in, end, 2, w - 2, (ui_group)g) + 1;
    }
    end = marks(a, in, end + 1, w);
    /* The frame last: lines scrolled above the top lie under it. */
    ui_box(box, a->glyphs, true, "Help", "Esc closes");
    return end + top;
}

void ui_draw_selftest(const ui_app *a, ui_surface s)
{
    const ui_glyphs *g = a->glyphs;
    const char *const all[] = {
        g->eighths[1], g->eighths[4], g->eighths[8], g->v,        g->h,          g->tl,     g->hv,
        g->hh,         g->up,         g->down,       g->relevant, g->judged,     g->cursor, g->pin,
        g->ellipsis,   g->minus,      g->delta,      g->dash,     g->spinner[0], g->prompt};
    ui_put(s, 0, 1, UI_STRONG, "Each glyph is one column wide when its | stands below the others.");
    for (size_t i = 0; i < IMR_LEN(all); i++) {
        int y = 2 + (int)(i % 10), x = 4 + 24 * (int)(i / 10);
        ui_put(s, y, ui_put(s, y, x, UI_TEXT, all[i]), UI_TEXT, "| ");
        ui_put(s, y, x + 4, UI_DIM, "| one column");
    }
    int y = 13;
    for (int r = 0; r < UI_ROLE_COUNT; r++)
        ui_putf(s, y + r / 5, 4 + 15 * (r % 5), (ui_style)r, "%s", ui_role_word((ui_role)r));
    ui_put(s, y + 4, 1, UI_DIM, "Esc goes back. --glyphs ascii draws without them.");
}
