/* The mouse: what is clicked, scrolled and dragged does what its key does. */
#include "support/test.h"

#include "base/attr.h"
#include "screen.h"

static void mouse(screen *s, int button, int y, int x, char end)
{
    char bytes[64];
    snprintf(bytes, sizeof bytes, "\033[<%d;%d;%d%c", button, x + 1, y + 1, end);
    screen_keys(s, bytes);
}

/* Where a text stands on the screen, from row `from` on. */
static void find(screen *s, int from, const char *text, int *y, int *x)
{
    for (*y = from; *y < s->app.rows; ++*y) {
        const char *line = screen_row(s, *y), *at = strstr(line, text);
        if (at) {
            *x = (int)imr_utf8_width(line, (size_t)(at - line));
            return;
        }
    }
    FAIL("%s is not on the screen\n%s", text, screen_text(s));
    *y = *x = 0;
}

static void click(screen *s, int from, const char *text)
{
    int y, x;
    find(s, from, text, &y, &x);
    mouse(s, 0, y, x, 'M');
    mouse(s, 0, y, x, 'm');
}

static void begin(screen *s, int rows, int cols)
{
    screen_start(s, rows, cols, false);
    fake_open(s->engine, true, true, true);
    screen_keys(s, "java coffee came from mocha");
}

TEST("a click selects a row and leaves the query, another opens it")
{
    screen s;
    begin(&s, 24, 80);
    mouse(&s, 0, 6, 40, 'M');
    CHECK(!s.app.editing && s.app.list.at == 2 && s.app.screen == UI_RANK);
    mouse(&s, 0, 7, 3, 'M');
    CHECK_INT(s.app.list.at, 3);
    mouse(&s, 2, 8, 3, 'M'); /* other buttons do nothing */
    mouse(&s, 35, 8, 3, 'M');
    CHECK(s.app.list.at == 3 && s.app.screen == UI_RANK);
    mouse(&s, 0, 7, 3, 'M');
    CHECK(s.app.screen == UI_DOCUMENT && s.app.list.at == 3);
    screen_end(&s);
}

TEST("the selected row of a pane that is not focused is only focused")
{
    screen s;
    begin(&s, 36, 120);
    mouse(&s, 0, 5, 20, 'M');
    CHECK(!s.app.editing && s.app.list.at == 0 && s.app.screen == UI_RANK);
    mouse(&s, 0, 10, 90, 'M');
    CHECK(s.app.pane == UI_PANE_WHY);
    mouse(&s, 0, 30, 20, 'M');
    CHECK(s.app.pane == UI_PANE_PREVIEW);
    mouse(&s, 0, 5, 20, 'M');
    CHECK(s.app.pane == UI_PANE_LIST && s.app.screen == UI_RANK);
    mouse(&s, 0, 5, 20, 'M');
    CHECK(s.app.screen == UI_DOCUMENT);
    screen_end(&s);
}

TEST("tabs, help and the keys of the hint line are clicked")
{
    static const char *const tabs[] = {"3 Words",   "4 Map",      "5 Audit",
                                       "7 Adapter", "2 Document", "1 Rank"};
    static const ui_screen screens[] = {UI_WORDS,   UI_MAP,      UI_AUDIT,
                                        UI_ADAPTER, UI_DOCUMENT, UI_RANK};
    screen s;
    begin(&s, 36, 120);
    for (size_t i = 0; i < IMR_LEN(tabs); i++) {
        click(&s, 0, tabs[i]);
        CHECK_INT(s.app.screen, screens[i]);
    }
    click(&s, 0, "? help");
    CHECK_INT(s.app.overlay, UI_OVER_HELP);
    mouse(&s, 65, 10, 20, 'M');
    CHECK_INT(s.app.help.top, 3);
    mouse(&s, 0, 10, 20, 'M'); /* a row of the list lies under it */
    CHECK(s.app.overlay == UI_OVER_HELP && s.app.list.at == 0);
    click(&s, 35, "Esc close");
    CHECK_INT(s.app.overlay, UI_OVER_NONE);
    click(&s, 35, "s sort");
    CHECK_INT(s.app.overlay, UI_OVER_MENU);
    click(&s, 20, "title");
    CHECK(s.app.list.sort == UI_COL_TITLE && s.app.overlay == UI_OVER_NONE);
    click(&s, 35, ": commands");
    screen_keys(&s, "prev");
    click(&s, 5, "preview");
    CHECK(!s.app.preview && s.app.overlay == UI_OVER_NONE);
    screen_end(&s);
}

TEST("of two keys that share a hint each is clicked")
{
    screen s;
    begin(&s, 36, 120);
    int y, x;
    find(&s, 35, "↑↓", &y, &x);
    mouse(&s, 0, y, x + 1, 'M');
    mouse(&s, 0, y, x + 1, 'M');
    CHECK_INT(s.app.list.at, 2);
    mouse(&s, 0, y, x, 'M');
    CHECK(s.app.list.at == 1 && s.app.editing);
    screen_keys(&s, "\t2");
    find(&s, 35, "]/[", &y, &x);
    mouse(&s, 0, y, x, 'M');
    mouse(&s, 0, y, x + 1, 'M'); /* what stands between them is the first's, as its words are */
    CHECK_INT(s.app.list.at, 3);
    mouse(&s, 0, y, x + 2, 'M');
    CHECK_INT(s.app.list.at, 2);
    click(&s, 35, "document");
    CHECK_INT(s.app.list.at, 3);
    screen_end(&s);
}

TEST("a click on a word of the query leaves it out, another takes it back")
{
    screen s;
    begin(&s, 24, 80);
    click(&s, 1, "coffee"); /* typing: the cursor goes there */
    CHECK(s.app.editing && s.app.query.cursor == 5);
    screen_keys(&s, "\t");
    click(&s, 1, "offee");
    CHECK_STR(s.app.settings.what_if.terms, "without:coffee\n");
    CHECK_INT(s.app.query.cursor, 5); /* so the line does not scroll under the mouse */
    click(&s, 1, "mocha");
    CHECK_STR(s.app.settings.what_if.terms, "without:coffee\nwithout:mocha\n");
    click(&s, 1, "coffee");
    CHECK_STR(s.app.settings.what_if.terms, "without:mocha\n");
    click(&s, 2, "undoes it");
    CHECK_STR(s.app.settings.what_if.terms, "");
    mouse(&s, 0, 1, 60, 'M'); /* behind it */
    CHECK(s.app.editing);
    screen_keys(&s, "\t3");
    click(&s, 5, " java"); /* the row's label */
    CHECK_STR(s.app.settings.what_if.terms, "without:java\n");
    screen_end(&s);
}

TEST("the cell of Words under the mouse is under the cursor, and then in the texts")
{
    screen s;
    begin(&s, 24, 80);
    screen_keys(&s, "\t3");
    const ui_grid *g = &s.replay.view.grid;
    const int y = g->cursor_y + 1, x = g->cursor_x + 14;
    mouse(&s, 0, y, x, 'M');
    CHECK(s.app.cell_query == 1 && s.app.cell_document == 2);
    g = &s.replay.view.grid;
    CHECK(g->cursor_y == y && g->cursor_x == x);
    mouse(&s, 65, 10, 10, 'M');
    CHECK_INT(s.app.cell_query, 2);
    mouse(&s, 0, y, x, 'M');
    CHECK(s.app.screen == UI_WORDS && s.app.reading.marked);
    CHECK_INT(s.app.reading.marked_document, s.app.reading.document.order[2]);
    screen_end(&s);
}

TEST("a click on the map selects the nearest document")
{
    screen s;
    begin(&s, 24, 80);
    screen_keys(&s, "\t4");
    int moved = 0;
    for (int y = 3; y < 22; y += 3)
        for (int x = 1; x < 48; x += 5) {
            const size_t before = s.app.list.at;
            mouse(&s, 0, y, x, 'M');
            if (s.app.screen == UI_DOCUMENT) { /* it was selected already */
                CHECK_INT(s.app.list.at, before);
                screen_keys(&s, "4");
                continue;
            }
            moved++;
            const ui_grid *g = &s.replay.view.grid;
            CHECK(ui_grid_cell(g, g->cursor_y, g->cursor_x)->style & UI_SELECTED);
        }
    CHECK(moved > 20);
    screen_end(&s);
}

TEST("the wheel scrolls what lies under it, and the selection stays")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\tj");
    for (int i = 0; i < 3; i++)
        mouse(&s, 65, 10, 20, 'M');
    CHECK(s.app.list.top == 9 && s.app.list.at == 1 && s.app.pane == UI_PANE_LIST);
    mouse(&s, 64, 10, 90, 'M'); /* Why is at its top */
    CHECK(s.app.why.top == 0 && s.app.list.top == 9);
    mouse(&s, 65, 10, 90, 'M');
    CHECK(s.app.why.top == 3 && s.app.list.top == 9);
    mouse(&s, 65, 31, 20, 'M');
    CHECK(s.app.text.top > 0 && s.app.why.top == 3);
    mouse(&s, 0, 5, 20, 'M'); /* the row that is there now */
    CHECK(s.app.list.at == 9 && s.app.list.top == 9);
    for (int i = 0; i < 99; i++)
        mouse(&s, 65, 10, 20, 'M');
    CHECK_INT(s.app.list.top + (size_t)ui_app_list_rows(&s.app), s.app.list.n);
    screen_keys(&s, "k"); /* a key finds it again */
    CHECK(s.app.list.at == 8 && s.app.list.top == 8);
    mouse(&s, 65, 1, 20, 'M'); /* nothing scrolls there */
    CHECK(s.app.list.at == 8 && s.app.list.top == 8);
    screen_keys(&s, "2");
    mouse(&s, 65, 10, 20, 'M');
    CHECK_INT(s.app.document.top, s.app.document.lines > s.app.document.page ? 3 : 0);
    screen_end(&s);
}

TEST("the words beside a text are a pane as others are, and each of them comes in sight")
{
    static const int sizes[][2] = {{24, 80}, {36, 120}};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        screen s;
        begin(&s, sizes[i][0], sizes[i][1]);
        screen_keys(&s, "\t2");
        const ui_side *d = &s.app.reading.document;
        const imr_pair_word *words = s.app.reading.detail->why.pairs.document;
        const ui_scroll *at = &s.app.words;
        CHECK_INT(ui_app_layout(&s.app).words.w > 0, i); /* else they take the text's place */
        screen_keys(&s, "\t");
        const ui_rect pane = ui_app_layout(&s.app).words;
        CHECK_INT(s.app.pane, UI_PANE_WORDS);
        CHECK(at->lines == d->words && at->page > 9 && at->page < at->lines);
        for (size_t top = 0; top + at->page <= d->words; top++, screen_keys(&s, "j")) {
            const size_t last = top + at->page;
            CHECK_INT(at->top, top);
            CHECK_CONTAINS(screen_row(&s, pane.y),
                           ui_textf("━ %zu-%zu/%zu ━", top + 1, last, d->words).s);
            CHECK_CONTAINS(screen_row(&s, pane.y + 1),
                           ui_textf("┃ %s ", words[d->order[top]].text).s);
            CHECK_CONTAINS(screen_row(&s, pane.y + (int)at->page),
                           ui_textf("┃ %s ", words[d->order[last - 1]].text).s);
        }
        CHECK_INT(at->top + at->page, d->words);
        screen_keys(&s, "g");
        CHECK_INT(at->top, 0);
        screen_keys(&s, "\033[6~");
        CHECK(at->top > 0);
        const size_t page = at->top;
        screen_keys(&s, "\033[5~k");
        CHECK_INT(at->top, 0);
        screen_keys(&s, "G");
        CHECK(at->top + at->page == d->words && at->top >= page && s.app.document.top == 0);
        screen_keys(&s, "\t");
        CHECK_INT(s.app.pane, UI_PANE_LIST);
        CHECK_INT(ui_app_layout(&s.app).words.w > 0, i);
        screen_keys(&s, "u"); /* as the panes of the ranking */
        CHECK(s.app.pane == UI_PANE_WORDS && s.app.screen == UI_DOCUMENT);
        screen_keys(&s, "]");
        CHECK(at->top == 0 && s.app.pane == UI_PANE_WORDS);
        screen_keys(&s, "}"); /* a highlight is in the text */
        CHECK_INT(s.app.pane, UI_PANE_LIST);
        screen_keys(&s, "\tq2");
        CHECK_INT(s.app.pane, UI_PANE_LIST);
        screen_end(&s);
    }
}

TEST("the wheel is over the text or over its words, a click focuses, the border is dragged")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\t2");
    const int x = ui_app_layout(&s.app).words.x;
    mouse(&s, 65, 10, x + 5, 'M');
    CHECK(s.app.words.top == 3 && s.app.document.top == 0 && s.app.pane == UI_PANE_LIST);
    mouse(&s, 0, 10, x + 5, 'M');
    mouse(&s, 0, 10, x + 5, 'm');
    CHECK(s.app.pane == UI_PANE_WORDS && s.app.words.top == 3);
    mouse(&s, 65, 10, 10, 'M');
    CHECK_INT(s.app.words.top, 3);
    mouse(&s, 0, 10, 10, 'M');
    mouse(&s, 0, 10, 10, 'm');
    CHECK(s.app.pane == UI_PANE_LIST && s.app.screen == UI_DOCUMENT);
    mouse(&s, 0, 10, x, 'M');
    mouse(&s, 32, 12, 71, 'M');
    CHECK(ui_app_layout(&s.app).words.x == 72 && s.app.split[0] == 0 && s.app.split[1] == 0);
    mouse(&s, 32, 12, 2, 'M');
    mouse(&s, 0, 12, 2, 'm');
    CHECK_INT(ui_app_layout(&s.app).words.x, 60);
    screen_keys(&s, "u");
    CHECK_INT(ui_app_layout(&s.app).words.x, x);
    screen_end(&s);
}

TEST("borders are dragged, within what panes need, and beyond the screen too")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\t");
    ui_layout l = ui_app_layout(&s.app);
    mouse(&s, 0, 10, l.why.x, 'M');
    CHECK(s.app.dragged == 1);
    mouse(&s, 32, 12, 79, 'M');
    l = ui_app_layout(&s.app);
    CHECK(l.list.w == 80 && l.why.x == 80);
    mouse(&s, 32, 500, 99999, 'M');
    CHECK_INT(ui_app_layout(&s.app).why.w, 30);
    mouse(&s, 32, 10, 0, 'M');
    CHECK_INT(ui_app_layout(&s.app).list.w, 60);
    mouse(&s, 0, 10, 0, 'm');
    mouse(&s, 32, 10, 79, 'M');
    CHECK_INT(ui_app_layout(&s.app).list.w, 60);
    mouse(&s, 0, l.preview.y, 20, 'M');
    mouse(&s, 32, 19, 20, 'M');
    l = ui_app_layout(&s.app);
    CHECK(l.preview.y == 20 && l.list.w == 60 && s.app.list.at == 0);
    screen_end(&s);
    begin(&s, 24, 80); /* and the Why strip of a small one */
    l = ui_app_layout(&s.app);
    mouse(&s, 0, l.why.y, 20, 'M');
    mouse(&s, 32, 10, 20, 'M');
    CHECK(ui_app_layout(&s.app).why.y == 11 && s.app.screen == UI_RANK);
    mouse(&s, 0, 10, 20, 'm');
    mouse(&s, 0, 14, 20, 'M');
    CHECK_INT(s.app.screen, UI_WHY);
    screen_end(&s);
}

TEST("queries of the past and of the cache are picked with a click")
{
    screen s;
    begin(&s, 24, 80);
    screen_keys(&s, "\x12");
    const char *line = screen_row(&s, 8);
    CHECK_INT(s.app.overlay, UI_OVER_HISTORY);
    char row[400];
    snprintf(row, sizeof row, "%s", line);
    mouse(&s, 0, 8, 20, 'M');
    CHECK_INT(s.app.overlay, UI_OVER_NONE);
    CHECK(s.app.query.text.len > 0 && strstr(row, s.app.query.text.data));
    screen_end(&s);
    screen_start(&s, 24, 80, false); /* without an encoder, and the examples of an empty screen */
    fake_open(s.engine, false, true, true);
    screen_settle(&s);
    mouse(&s, 0, 9, 10, 'M');
    CHECK(s.app.trace && !s.app.editing);
    screen_end(&s);
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_settle(&s);
    int y, x;
    find(&s, 0, "Try", &y, &x);
    mouse(&s, 0, y, 20, 'M');
    CHECK(s.app.trace && s.app.query.text.len > 0);
    screen_end(&s);
}

TEST("the export dialog is filled in with the mouse")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\te");
    const size_t what = s.app.export.what, format = s.app.export.format;
    int y, x;
    find(&s, 5, "What", &y, &x);
    mouse(&s, 0, y, x + 20, 'M');
    CHECK(s.app.export.field == UI_EXPORT_WHAT && s.app.export.what != what);
    mouse(&s, 0, y, x + 7, 'M'); /* the arrow to the left */
    CHECK(s.app.export.what == what);
    mouse(&s, 0, y + 1, x + 20, 'M');
    CHECK(s.app.export.field == UI_EXPORT_FORMAT && s.app.export.format != format);
    mouse(&s, 0, y + 2, x + 14, 'M');
    CHECK(s.app.export.field == UI_EXPORT_FILE && s.app.line.cursor == 5);
    mouse(&s, 0, y + 3, x, 'M');
    CHECK(s.app.overlay == UI_OVER_EXPORT && !s.app.export.writing);
    mouse(&s, 64, y, x, 'M');
    CHECK_INT(s.app.export.field, UI_EXPORT_FORMAT);
    click(&s, 35, "Enter write");
    screen_settle(&s);
    CHECK(*fake_exported(s.engine));
    screen_end(&s);
}

TEST("a click on a head sorts, another reverses")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\t");
    click(&s, 4, "lift");
    CHECK(s.app.list.sort == UI_COL_LIFT && !s.app.list.reversed);
    click(&s, 4, "lift");
    CHECK(s.app.list.sort == UI_COL_LIFT && s.app.list.reversed);
    click(&s, 4, "lift");
    CHECK(s.app.list.sort == UI_COL_LIFT && !s.app.list.reversed);
    click(&s, 4, "title");
    CHECK(s.app.list.sort == UI_COL_TITLE && !s.app.list.reversed);
    CHECK(s.app.screen == UI_RANK && s.app.list.at == 0);
    screen_end(&s);
}

TEST("a click ends a find or a filter, which stays, and does what it does")
{
    screen s;
    begin(&s, 24, 80);
    screen_keys(&s, "\tfpassage");
    CHECK(s.app.live.of == UI_DO_FILTER);
    mouse(&s, 0, 5, 20, 'M');
    CHECK(!s.app.live.of && s.app.list.filter && s.app.list.at == 1);
    screen_keys(&s, "/of");
    int y, x;
    find(&s, 20, "/of", &y, &x);
    mouse(&s, 0, y, x + 1, 'M');
    CHECK(s.app.live.of == UI_DO_FIND && s.app.line.cursor == 0);
    click(&s, 23, "Esc");
    CHECK(!s.app.live.of && !ui_app_finds(&s.app));
    screen_end(&s);
}

TEST("where numbers are pointed at, a click points at one")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\t?\033[B");
    CHECK_CONTAINS(screen_text(&s), "place by the cosine of the encoder's vectors");
    int y, x;
    find(&s, 5, "+0.", &y, &x);
    mouse(&s, 0, y, x, 'M');
    CHECK(s.app.overlay == UI_OVER_POINT && s.app.screen == UI_RANK);
    CHECK_CONTAINS(screen_text(&s), "standing now less standing for the encoder");
    mouse(&s, 0, 1, 30, 'M'); /* no number */
    CHECK_CONTAINS(screen_text(&s), "standing now less standing for the encoder");
    screen_end(&s);
}

TEST("a click on a head of the audit sorts, another reverses; on a row it opens the query")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\t5");
    click(&s, 4, "RBO");
    CHECK_STR(s.app.audit.sort, "rbo.encoder");
    click(&s, 4, "RBO");
    CHECK_STR(s.app.audit.sort, "-rbo.encoder");
    click(&s, 4, "now");
    CHECK_STR(s.app.audit.sort, "nDCG@10.after");
    int y, x;
    find(&s, 4, "RBO", &y, &x);
    mouse(&s, 0, y + 3, x, 'M');
    CHECK(s.app.audit.at == 2 && s.app.screen == UI_AUDIT);
    mouse(&s, 0, y + 3, x, 'M');
    CHECK(s.app.screen == UI_RANK && s.app.audit.opened);
    screen_end(&s);
}

TEST("a click on a column shows it or hides it")
{
    screen s;
    begin(&s, 36, 120);
    screen_keys(&s, "\tC");
    click(&s, 4, "[x] lift");
    CHECK_CONTAINS(screen_text(&s), "[ ] lift");
    CHECK(s.app.overlay == UI_OVER_COLUMNS);
    mouse(&s, 65, 10, 50, 'M');
    screen_keys(&s, "\033");
    CHECK(!strstr(screen_row(&s, 4), "lift"));
    screen_end(&s);
}
