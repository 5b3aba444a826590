/* The cell grid: clipping, wide characters, marks, bars, dumps. */
#include "support/test.h"

#include "base/buf.h"
#include "screen.h"

static ui_grid grid;

static ui_surface fresh(int rows, int cols)
{
    imr_error err;
    ui_grid_done(&grid);
    CHECK_OK(ui_grid_init(&grid, rows, cols, &err));
    return ui_surface_of(&grid);
}

static const char *dump(void)
{
    static imr_buf b;
    imr_buf_clear(&b);
    ui_grid_text(&grid, &b);
    return imr_buf_text(&b);
}

static const char *roles(void)
{
    static imr_buf b;
    imr_buf_clear(&b);
    ui_grid_roles(&grid, &b);
    return imr_buf_text(&b);
}

TEST("text lands where it is put and trailing blanks are cut in the dump")
{
    ui_surface s = fresh(2, 10);
    CHECK_INT(ui_put(s, 1, 2, UI_GAIN, "abc"), 5);
    CHECK_STR(dump(), "\n  abc\n");
    CHECK_STR(roles(), "01: 002-004 gain\n");
}

TEST("whatever lies outside is clipped, on every side")
{
    ui_surface s = fresh(3, 5);
    ui_put(s, 0, -2, UI_TEXT, "abcdefghij");
    ui_put(s, -1, 0, UI_TEXT, "x");
    ui_put(s, 99, 0, UI_TEXT, "x");
    ui_surface part = ui_sub(s, (ui_rect){1, 1, 1, 3});
    ui_put(part, 0, 0, UI_TEXT, "12345");
    ui_put(part, 1, 0, UI_TEXT, "no");
    CHECK_STR(dump(), "cdefg\n 123\n\n");
}

TEST("rectangles of any size and place are fine")
{
    ui_surface s = fresh(4, 6);
    const int at[] = {-1000000000, -3, -1, 0, 1, 3, 6, 7, 1000000000};
    for (size_t a = 0; a < IMR_LEN(at); a++)
        for (size_t b = 0; b < IMR_LEN(at); b++) {
            ui_surface part = ui_sub(s, (ui_rect){at[a], at[b], at[b], at[a]});
            CHECK(part.at.h >= 0 && part.at.w >= 0 && part.at.y >= 0 && part.at.x >= 0);
            CHECK(part.at.y + part.at.h <= 4 && part.at.x + part.at.w <= 6);
            ui_put(part, 0, 0, UI_TEXT, "漢漢漢漢");
            ui_fill(part, (ui_rect){at[a], at[b], 2, 2}, UI_TEXT);
            ui_box(part, true, "a title", "a note");
            ui_bar(part, 0, at[a], 3, 0.5, 1);
        }
    s = fresh(0, 0);
    ui_put(s, 0, 0, UI_TEXT, "x");
    ui_box(s, false, "t", NULL);
    CHECK_STR(dump(), "");
}

TEST("a wide character takes two cells and becomes a space at the edge")
{
    ui_surface s = fresh(1, 5);
    CHECK_INT(ui_put(s, 0, 0, UI_TEXT, "漢字漢"), 6);
    CHECK_STR(dump(), "漢字\n");
    CHECK_INT(ui_grid_cell(&grid, 0, 0)->width, 2);
    CHECK_INT(ui_grid_cell(&grid, 0, 1)->width, 0);
    CHECK_INT(ui_grid_cell(&grid, 0, 4)->width, 1);
}

TEST("overwriting half of a wide character blanks the other half")
{
    ui_surface s = fresh(1, 6);
    ui_put(s, 0, 0, UI_TEXT, "漢字漢");
    ui_put(s, 0, 1, UI_TEXT, "x");
    ui_put(s, 0, 2, UI_TEXT, "y");
    CHECK_STR(dump(), " xy 漢\n");
    ui_put(s, 0, 3, UI_TEXT, "漢");
    CHECK_STR(dump(), " xy漢\n");
    for (int x = 0; x < 6; x++) {
        const ui_cell *c = ui_grid_cell(&grid, 0, x);
        CHECK(c->width != 2 || (x + 1 < 6 && c[1].width == 0));
        CHECK(c->width != 0 || (x > 0 && c[-1].width == 2));
    }
}

TEST("at most two marks stay with their base, a mark without a base is dropped")
{
    ui_surface s = fresh(1, 4);
    ui_put(s, 0, 0, UI_TEXT,
           "\xcc\x81"
           "e\xcc\x81\xcc\x82\xcc\x83x");
    CHECK_STR(dump(), "e\xcc\x81\xcc\x82x\n");
}

TEST("control and hidden characters enter cells as signs, and take the columns of those")
{
    static const char text[] = "a\033[31mb\xc2\x9b"
                               "c\xff\xe2\x80\xae\xf3\xa0\x81\x81\x07 end";
    static const char shown[] = "a<U+001B>[31mb<U+009B>c\xef\xbf\xbd<U+202E><U+E0041><U+0007> end";
    ui_surface s = fresh(1, 60);
    CHECK_INT(ui_put(s, 0, 0, UI_TEXT, text), (int)sizeof shown - 3);
    CHECK_INT(ui_width(text), (int)sizeof shown - 3);
    CHECK(strncmp(dump(), shown, sizeof shown - 1) == 0);
    for (int w = 1; w < 60; w++) {
        s = fresh(1, 60);
        CHECK(ui_put_cut(s, 0, 0, w, UI_TEXT, text) <= w);
    }
}

TEST("an ASCII grid is 7-bit whatever is put, widths kept")
{
    ui_surface s = fresh(1, 20);
    grid.glyphs = &ui_ascii;
    CHECK_INT(ui_put(s, 0, 0, UI_TEXT, "é→…−漢😀e\xcc\x81|"), 10);
    CHECK_STR(dump(), "e>~-????e|\n");
}

TEST("text that does not fit ends in an ellipsis")
{
    ui_surface s = fresh(1, 12);
    CHECK_INT(ui_put_cut(s, 0, 0, 6, UI_TEXT, "abcdefgh"), 6);
    CHECK_STR(dump(), "abcde…\n");
    s = fresh(1, 12);
    CHECK_INT(ui_put_cut(s, 0, 0, 4, UI_TEXT, "漢字漢"), 3);
    CHECK_STR(dump(), "漢…\n");
    s = fresh(1, 12);
    CHECK_INT(ui_put_cut(s, 0, 0, 6, UI_TEXT, "漢字漢"), 6);
    CHECK_STR(dump(), "漢字漢\n");
}

TEST("bars grow from the axis in eighths, to the side of their sign")
{
    ui_surface s = fresh(6, 9);
    ui_bar(s, 0, 0, 4, 0.5, 1);
    ui_bar(s, 1, 0, 4, -0.5, 1);
    ui_bar(s, 2, 0, 4, 9, 1);
    ui_bar(s, 3, 0, 4, 0.3, 1);
    ui_bar(s, 4, 0, 4, -0.3, 1);
    ui_bar(s, 5, 0, 4, NAN, 1);
    CHECK_STR(dump(), "    │██\n"
                      "  ██│\n"
                      "    │████\n"
                      "    │█▎\n"
                      "  ▊█│\n"
                      "    │\n");
    CHECK_CONTAINS(roles(), "04: 002-002 loss+reversed 003-003 loss 004-004 border\n");
    s = fresh(1, 9);
    grid.halves = true;
    ui_bar(s, 0, 0, 4, -0.3, 1);
    CHECK_STR(dump(), "  ▐█│\n");
}

TEST("bars in ASCII use plus and minus")
{
    ui_surface s = fresh(2, 9);
    grid.glyphs = &ui_ascii;
    ui_bar(s, 0, 0, 4, 0.6, 1);
    ui_bar(s, 1, 0, 4, -0.6, 1);
    CHECK_STR(dump(), "    |++\n  --|\n");
}

TEST("a bar of any value keeps to its side and its columns")
{
    for (int ascii = 0; ascii < 2; ascii++)
        for (int half = 1; half < 12; half++)
            for (double v = -1.3; v <= 1.3; v += 0.01) {
                ui_surface s = fresh(1, 2 * half + 3);
                grid.glyphs = ascii ? &ui_ascii : &ui_unicode;
                ui_bar(s, 0, 1, half, v, 1);
                for (int x = 0; x < 2 * half + 3; x++) {
                    const ui_cell *c = ui_grid_cell(&grid, 0, x);
                    bool inked = c->text[0] != ' ';
                    if (x == 0 || x == 2 * half + 2 || (v >= 0 && x < half + 1) ||
                        (v <= 0 && x > half + 1))
                        CHECK(!inked);
                }
            }
}

TEST("a box carries its title and note, heavy when focused")
{
    ui_surface s = fresh(3, 20);
    ui_box(s, true, "Ranking", "7 of 9");
    CHECK_STR(dump(), "┏━ Rank… ━ 7 of 9 ━┓\n"
                      "┃                  ┃\n"
                      "┗━━━━━━━━━━━━━━━━━━┛\n");
    s = fresh(3, 24);
    ui_box(s, true, "Ranking", "7 of 9");
    CHECK_STR(dump(), "┏━ Ranking ━━━ 7 of 9 ━┓\n"
                      "┃                      ┃\n"
                      "┗━━━━━━━━━━━━━━━━━━━━━━┛\n");
    s = fresh(3, 14);
    ui_box(s, false, "A long title", NULL);
    CHECK_STR(dump(), "┌─ A long … ─┐\n│            │\n└────────────┘\n");
}

TEST("marking adds flags and keeps roles")
{
    ui_surface s = fresh(1, 6);
    ui_put(s, 0, 1, UI_GAIN, "ab");
    ui_mark(s, (ui_rect){0, 0, 1, 6}, UI_SELECTED);
    CHECK_STR(roles(), "00: 000-000 text+selected 001-002 gain+selected 003-005 text+selected\n");
    ui_mark(s, (ui_rect){0, 1, 1, 1}, UI_LOSS);
    CHECK_CONTAINS(roles(), "001-001 loss+selected");
}
