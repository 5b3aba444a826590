/* The layout as a pure function of the size. */
#include "support/test.h"

#include "base/attr.h"
#include "ui/layout.h"

static bool overlap(ui_rect a, ui_rect b)
{
    return a.h > 0 && b.h > 0 && a.w > 0 && b.w > 0 && a.y < b.y + b.h && b.y < a.y + a.h &&
           a.x < b.x + b.w && b.x < a.x + a.w;
}

static const double usual[3];

TEST("classes begin and end where the design says")
{
    static const struct {
        int rows, cols;
        ui_class class;
    } at[] = {{9, 46, UI_CLASS_T},  {14, 200, UI_CLASS_T}, {15, 59, UI_CLASS_T},
              {15, 60, UI_CLASS_S}, {24, 80, UI_CLASS_S},  {29, 120, UI_CLASS_S},
              {30, 99, UI_CLASS_S}, {30, 100, UI_CLASS_M}, {36, 120, UI_CLASS_M},
              {44, 99, UI_CLASS_S}, {60, 80, UI_CLASS_P},  {60, 200, UI_CLASS_L},
              {0, 0, UI_CLASS_T},   {45, 160, UI_CLASS_L}};
    for (size_t i = 0; i < IMR_LEN(at); i++)
        CHECK_INT(ui_layout_of(at[i].rows, at[i].cols, true, 0, usual).class, at[i].class);
}

TEST("at 120 x 36 and 120 x 40 the panes are those of the drawings")
{
    ui_layout l = ui_layout_of(36, 120, true, 0, usual);
    CHECK(l.list.y == 3 && l.list.h == 23 && l.list.w == 67);
    CHECK(l.preview.y == 26 && l.preview.h == 8 && l.preview.w == 67);
    CHECK(l.why.y == 3 && l.why.h == 31 && l.why.x == 67 && l.why.w == 53);
    l = ui_layout_of(40, 120, true, 0, usual);
    CHECK(l.list.h == 26 && l.preview.h == 9);
    l = ui_layout_of(24, 80, true, 0, usual);
    CHECK(l.list.y == 3 && l.list.h == 12 && l.why.y == 15 && l.why.h == 6 && l.note.y == 21);
}

TEST("for every size panes stay on the screen and apart, and the list has rows")
{
    for (int rows = 0; rows <= 90; rows++)
        for (int cols = 0; cols <= 260; cols += cols < 110 ? 1 : 13)
            for (int drawn = 0; drawn < 12; drawn++) {
                const double across = drawn / 4 * .45,
                             along = drawn / 2 % 2 * (cols % 3 ? .9 : .05),
                             split[3] = {across, along, along};
                ui_layout l = ui_layout_of(rows, cols, drawn % 2, rows % 3, split);
                ui_rect all[] = {l.tabs,    l.query, l.metrics, l.list, l.why,
                                 l.preview, l.note,  l.status,  l.hint};
                if (l.class == UI_CLASS_T)
                    continue;
                for (size_t i = 0; i < IMR_LEN(all); i++) {
                    ui_rect r = all[i];
                    CHECK(r.y >= 0 && r.x >= 0 && r.h >= 0 && r.w >= 0);
                    CHECK(r.y + r.h <= rows && r.x + r.w <= cols);
                    for (size_t k = 0; k < i; k++)
                        CHECK(!overlap(r, all[k]));
                }
                CHECK(l.list.h >= (split[1] > 0 ? 4 : 6) && l.list.w >= 60);
                CHECK(!l.preview.w || l.preview.h >= 4);
                CHECK(!overlap(l.document, l.words) && l.document.w + l.words.w == cols);
                CHECK(!l.words.w || (l.words.w >= 30 && l.document.w >= 60));
                CHECK(!l.why.w || (l.why.h >= 3 && l.why.w >= 30));
            }
}

TEST("borders stand where they were dragged to")
{
    ui_layout l = ui_layout_of(40, 120, true, 0, (double[3]){.6, .5, .7});
    CHECK(l.document.w == 84 && l.words.x == 84 && l.words.w == 36);
    CHECK(l.list.w == 72 && l.why.x == 72 && l.why.w == 48 && l.preview.w == 72);
    CHECK(l.list.h == 18 && l.preview.y == l.list.y + 18 && l.preview.h == 17);
    l = ui_layout_of(24, 80, true, 0, (double[3]){.6, .5, .7});
    CHECK(l.list.h == 10 && l.why.y == 13 && l.why.h == 8 && l.why.w == 80);
    l = ui_layout_of(60, 80, true, 0, (double[3]){.8, .25});
    CHECK(l.list.h == 14 && l.why.h == 30 && l.preview.h == 11);
}
