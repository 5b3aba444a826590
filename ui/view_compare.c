/* ui/view_compare.c */
#include "ui/views.h"

void ui_build_compare(ui_rows *out, const imr_trace *t, const size_t place[2])
{
    for (int i = 0; i < 2; i++) {
        const imr_trace_document *d = imr_trace_at(t, place[i]);
        ui_surface s = ui_rows_add(out, 1);
        const char *arrow = s.grid->glyphs->arrow;
        int x = ui_putf(s, 0, 1, UI_STRONG, "%c", "AB"[i]) + 2;
        x = ui_putf(ui_about(s, UI_TERM_RANK_NOW), 0, x, UI_TEXT, "rank %u", d->rank_encoder) + 1;
        if (ui_adapted(t))
            x = ui_putf(ui_about(s, UI_TERM_RANK_NOW), 0, x, UI_TEXT, "%s %u %s %s", arrow,
                        d->rank_before, arrow,
                        d->rank_after ? ui_textf("%u", d->rank_after).s : "–") +
                1;
        ui_put_cut(s, 0, x + 1, s.at.w - x - 2, UI_TEXT, *d->title ? d->title : d->id);
    }
}
