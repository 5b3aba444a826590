/* Find and filter as they are typed, on each screen. */
#include "support/test.h"

#include "base/attr.h"
#include "screen.h"

static void start(screen *s, int rows, int cols)
{
    screen_start(s, rows, cols, false);
    fake_open(s->engine, true, true, true);
    screen_keys(s, "java coffee came from mocha\t");
}

/* Cells of a row that carry a style. */
static int marked(screen *s, int y, ui_style style)
{
    const ui_grid *g = &s->replay.view.grid;
    int n = 0;
    for (int x = 0; y >= 0 && x < g->cols; x++)
        n += (ui_grid_cell(g, y, x)->style & style) == style;
    return n;
}

TEST("a find goes to the first match with each key, Esc goes back, Enter keeps")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "jj");
    const size_t before = s.app.list.at;
    screen_keys(&s, "/passage 5");
    const size_t first = s.app.list.at;
    CHECK(first != before);
    CHECK_CONTAINS(ui_list_selected(&s.app.list)->title, "Passage 5");
    CHECK_CONTAINS(screen_row(&s, 22), " of ");
    screen_keys(&s, "9");
    CHECK_CONTAINS(ui_list_selected(&s.app.list)->title, "Passage 59");
    screen_keys(&s, "\x7f");
    CHECK_INT(s.app.list.at, first);
    screen_keys(&s, "\033");
    CHECK_INT(s.app.list.at, before);
    CHECK(!ui_app_finds(&s.app) && s.app.overlay == UI_OVER_NONE);
    screen_keys(&s, "/passage 5\r");
    CHECK_INT(s.app.list.at, first);
    CHECK_CONTAINS(screen_row(&s, 22), "1 of 10 found: passage 5");
    screen_keys(&s, "n");
    CHECK_CONTAINS(screen_row(&s, 22), "2 of 10 found");
    screen_keys(&s, "NN");
    CHECK_CONTAINS(screen_row(&s, 22), "10 of 10 found"); /* around the end */
    screen_keys(&s, "/zebra\r");
    CHECK_CONTAINS(screen_row(&s, 22), "nothing here has zebra");
    screen_keys(&s, "\033");
    screen_keys(&s, "n");
    CHECK_CONTAINS(screen_row(&s, 22), "nothing to find");
    screen_end(&s);
}

TEST("the first row stays the first row after a find that was left")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "/passage 5\033");
    CHECK(s.app.list.at == 0 && !s.app.list.selected);
    screen_end(&s);
}

TEST("an expression that is none says so while it is typed, and finds nothing")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "//passage 5[89");
    CHECK_CONTAINS(screen_row(&s, 22), "no regular expression is passage 5[89");
    CHECK(s.app.list.at == 0);
    screen_keys(&s, "]");
    CHECK(!strstr(screen_row(&s, 22), "regular"));
    CHECK_CONTAINS(ui_list_selected(&s.app.list)->title, "Passage 5");
    screen_keys(&s, "\x15/.\r"); /* everything */
    CHECK_INT(s.app.found.n, s.app.list.n);
    screen_keys(&s, "n");
    CHECK_INT(s.app.list.at, 1);
    screen_keys(&s, "//@*\r"); /* what is empty is nothing */
    CHECK_INT(s.app.found.n, 0);
    screen_end(&s);
}

TEST("in a text all matches are marked, n and N go from one to the next")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "\r/coffee");
    const ui_found *f = &s.app.found;
    const ui_lines *page = &s.app.reading.page;
    size_t n = 0;
    for (size_t i = 0; i < page->n; i++)
        n += strstr(ui_textf("%.*s", (int)(page->v[i].end - page->v[i].start),
                             page->text + page->v[i].start)
                        .s,
                    "offee") != NULL;
    CHECK(f->n == n && n > 1 && f->at == 1);
    int cells = 0;
    for (int y = 4; y < 22; y++)
        cells += marked(&s, y, UI_REVERSED) + marked(&s, y, UI_MODE);
    CHECK(cells >= 6);
    screen_keys(&s, "\r");
    for (size_t i = 0; i < n; i++)
        screen_keys(&s, "n");
    CHECK_INT(f->at, 1); /* around */
    screen_keys(&s, "N");
    CHECK_INT(f->at, n);
    const size_t line = f->row;
    CHECK(line >= s.app.document.top && line < s.app.document.top + s.app.document.page);
    screen_keys(&s, "]"); /* another text, the same find */
    CHECK_INT(s.app.document.top, 0);
    CHECK(f->n != n);
    screen_end(&s);
}

TEST("the words beside a text are searched where they are focused")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "\r\t");
    const ui_side *d = &s.app.reading.document;
    const char *last = s.app.reading.detail->why.pairs.document[d->order[d->words - 1]].text;
    screen_keys(&s, ui_textf("/%s\r", last).s);
    CHECK(s.app.found.n > 0 && s.app.document.top == 0);
    CHECK(s.app.found.row >= s.app.words.top &&
          s.app.found.row < s.app.words.top + s.app.words.page);
    CHECK(marked(&s, 4 + (int)(s.app.found.row - s.app.words.top), UI_MODE) +
              marked(&s, 4 + (int)(s.app.found.row - s.app.words.top), UI_REVERSED) >
          0);
    screen_end(&s);
}

TEST("words broken over two lines are found")
{
    screen s;
    start(&s, 24, 60);
    screen_keys(&s, "\r");
    const ui_lines *page = &s.app.reading.page;
    const char *text = s.app.reading.detail->text;
    char words[100] = "/";
    for (size_t i = 0; i + 1 < page->n && !words[1]; i++)
        if (page->v[i + 1].start == page->v[i].end + 1 && !page->v[i].mark && !page->v[i + 1].mark)
            snprintf(words + 1, sizeof words - 1, "%.11s", text + page->v[i].end - 5);
    CHECK(words[1]);
    screen_keys(&s, words);
    CHECK(s.app.found.n >= 1);
    screen_end(&s);
}

TEST("Why, help, the words and the audit are searched where one looks")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "w/standing\r");
    CHECK(s.app.found.n > 0);
    screen_keys(&s, "q?/kendall");
    CHECK_CONTAINS(screen_text(&s), "Kendall");
    CHECK_CONTAINS(screen_row(&s, 22), "1 of 1");
    CHECK(s.app.help.top > 0);
    screen_keys(&s, "\033");
    CHECK(s.app.overlay == UI_OVER_HELP && s.app.help.top == 0);
    screen_keys(&s, "/the\rnn");
    CHECK(s.app.overlay == UI_OVER_HELP && s.app.found.at == 3);
    screen_keys(&s, "\033\0333/mocha\r");
    const ui_reading *r = &s.app.reading;
    CHECK_STR(r->detail->why.pairs.document[r->document.order[s.app.cell_document]].text, "mocha");
    fake_release(s.engine);
    screen_keys(&s, "5/erasure\r");
    CHECK_CONTAINS(imr_audit_query(s.app.audit.of, s.app.audit.order[s.app.audit.at]).text,
                   "erasure");
    screen_end(&s);
}

TEST("a filter follows each key; Esc brings back the rows, Enter keeps them; all parts hold")
{
    screen s;
    start(&s, 24, 80);
    const size_t all = s.app.list.n;
    screen_keys(&s, "fpass");
    CHECK(s.app.list.n > 0 && s.app.list.n < all);
    CHECK_CONTAINS(screen_row(&s, 22), ui_app_filtered(&s.app, false).s);
    screen_keys(&s, "age 5");
    const size_t some = s.app.list.n;
    CHECK(some > 0 && some < all);
    screen_keys(&s, " -rel moved>0 enc<=100");
    CHECK(s.app.list.n < some && s.app.list.n > 0);
    for (size_t i = 0; i < s.app.list.n; i++) {
        const imr_trace_document *d = ui_list_row(&s.app.list, i);
        CHECK(strstr(d->title, "assage") && d->relevance <= 0);
        CHECK(d->move_encoder > 0 && d->rank_encoder <= 100);
    }
    screen_keys(&s, "\033");
    CHECK_INT(s.app.list.n, all);
    screen_keys(&s, "frel\r");
    CHECK_STR(s.app.list.filter, "rel");
    const size_t rel = s.app.list.n;
    CHECK(rel > 0 && rel < all);
    CHECK_CONTAINS(screen_row(&s, 22), " of 102: rel");
    screen_keys(&s, "fmoved<0"); /* behind what there is */
    CHECK_STR(s.app.list.filter, "rel moved<0");
    screen_keys(&s, "\033");
    CHECK_INT(s.app.list.n, rel);
    screen_keys(&s, ":filter none\r");
    CHECK(!s.app.list.filter && s.app.list.n == all);
    screen_end(&s);
}

TEST("every fact and every column can be filtered by, and the names of before still work")
{
    static const char *const filters[] = {
        "winners", "losers",  "movers",     "entered", "left",         "relevant", "rel",
        "lost",    "seen",    "unseen",     "noted",   "now<=10",      "proj>50",  "enc>50",
        "moved>5", "lift>.5", "bar>1",      "delta<0", "cos>.5",       "sim>.5",   "influence>0",
        "gain<0",  "rel>=1",  "encoder<10", "move<-3", "words passage"};
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, " jj ");
    screen_keys(&s, "fmarked\r");
    CHECK_INT(s.app.list.n, 2);
    for (size_t i = 0; i < IMR_LEN(filters); i++) {
        screen_keys(&s, ":filter ");
        screen_keys(&s, filters[i]);
        screen_keys(&s, "\r");
        CHECK_STR(s.app.list.filter, filters[i]);
    }
    screen_keys(&s, ":filter lost\r");
    screen_keys(&s, ":filter mved>5\r"); /* nothing changes */
    CHECK_STR(s.app.list.filter, "lost");
    CHECK_CONTAINS(screen_row(&s, 22), "mved is nothing that a row has");
    screen_keys(&s, "f mved>5\r"); /* the line stays until it is a filter */
    CHECK(s.app.live.of == UI_DO_FILTER);
    screen_keys(&s, "\x15"
                    "lost\r");
    CHECK(!s.app.live.of);
    CHECK_STR(s.app.list.filter, "lost");
    screen_end(&s);
}

TEST("a filter of 8 KB, a find of 8 KB and other lines opened over them end well")
{
    static char line[UI_PROMPT_MAX + 100];
    screen s;
    start(&s, 24, 80);
    const size_t all = s.app.list.n;
    for (int find = 0; find < 2; find++)
        for (size_t step = 1; step < 4; step++) {
            memset(line, 'x', sizeof line - 1);
            for (size_t i = step; i < sizeof line - 1; i += step + 1)
                line[i] = ' ';
            screen_keys(&s, find ? "/" : "f");
            ui_event paste = {.kind = UI_EVENT_PASTE, .text = line, .len = sizeof line - 1};
            ui_update(&s.app, &paste);
            screen_settle(&s);
            screen_keys(&s, "\033");
            CHECK(s.app.overlay == UI_OVER_NONE && s.app.list.n == all && !s.app.list.selected);
        }
    screen_keys(&s, "fpassage\033x"); /* the palette: the line is left */
    CHECK(s.app.overlay == UI_OVER_PALETTE && !s.app.live.of && s.app.list.n == all);
    screen_keys(&s, "\033/passage 5\033OP");
    CHECK(s.app.overlay == UI_OVER_HELP && !s.app.live.of && s.app.list.at == 0);
    screen_end(&s);
}

TEST("a document without a text and a word that is not known are marked, the rest of a query too")
{
    screen s;
    start(&s, 24, 80);
    s.app.trace->documents[0].empty = true;
    screen_settle(&s);
    CHECK_CONTAINS(screen_row(&s, 4), "(no text)");
    s.app.reading.detail->why.pairs.query[0].total[0] = 0; /* its row was all zeros */
    screen_settle(&s);
    CHECK(marked(&s, 1, UI_LOSS_WORD) > 0);
    s.app.theme = UI_THEME_MONO;
    screen_keys(&s, "i\x15java c");
    CHECK_CONTAINS(screen_row(&s, 1), "java c[offee came from which harbour]");
    screen_end(&s);
}

TEST("a command that takes no words says so, and does nothing")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\t:pin 17\r");
    CHECK_CONTAINS(screen_text(&s), "pin takes no words: what is 17?");
    CHECK(!s.app.list.pinned);
    screen_keys(&s, ":next 3\r:sort lift\r");
    CHECK_CONTAINS(screen_text(&s), "sorted by lift");
    screen_end(&s);
}

TEST("a count that is none is said, and nothing moves")
{
    static const char *const none[] = {"x", "0", "-3", "5x", "100001", "99999999999999999999"};
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, ":next 5\r");
    CHECK_INT(s.app.list.at, 5);
    for (size_t i = 0; i < IMR_LEN(none); i++) {
        screen_keys(&s, ui_textf(":%s %s\r", i % 2 ? "prev" : "next", none[i]).s);
        CHECK_INT(s.app.list.at, 5);
        CHECK_CONTAINS(screen_row(&s, 22), "takes a number from 1 to 100,000, not");
        CHECK_CONTAINS(screen_row(&s, 22), none[i]);
    }
    screen_keys(&s, "3:right x\r");
    CHECK_INT(s.app.cell_document, 0);
    CHECK_CONTAINS(screen_row(&s, 22), "right takes a number");
    screen_end(&s);
}

TEST("a menu that is higher than the screen stands in columns, its words whole")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\ts");
    CHECK_CONTAINS(screen_text(&s), "influence of its feedback ");
    screen_resize(&s, 15, 60);
    CHECK_CONTAINS(screen_text(&s), "s  seen by training");
    CHECK_CONTAINS(screen_text(&s), "n  now");
    screen_end(&s);
}

TEST("a title that is read out shows where it is cut, and says where there is none")
{
    screen s;
    start(&s, 24, 60);
    s.app.glyphs = &ui_spoken;
    imr_trace_document *d = (imr_trace_document *)ui_list_selected(&s.app.list);
    d->title = "a title of many words that goes on and on, longer than the row it is read from";
    screen_resize(&s, 24, 61);
    CHECK_CONTAINS(screen_text(&s), "1 of 102: a title of many words");
    CHECK_CONTAINS(screen_text(&s), "goes on and on, longer …\n");
    d->title = "";
    d->empty = true;
    screen_resize(&s, 24, 60);
    CHECK_CONTAINS(screen_text(&s), "1 of 102: (no text)");
    screen_end(&s);
}
