/* The explorer under random keys, sizes, pastes and answers: it stays whole. */
#include "support/test.h"

#include "base/attr.h"
#include "screen.h"
#include "ui/loop.h"

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* What must hold on every screen of a size that has a hint line. */
static void check_screen(screen *s)
{
    const ui_grid *g = &s->replay.view.grid;
    CHECK(g->rows == s->app.rows && g->cols == s->app.cols);
    CHECK(g->cursor_y < g->rows && g->cursor_x < g->cols);
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->cols; x++) {
            const ui_cell *c = ui_grid_cell(g, y, x);
            CHECK(c->len > 0 || c->width == 0);
            CHECK(c->len == 0 || (unsigned char)c->text[0] >= 0x20);
            CHECK(c->width != 2 || (x + 1 < g->cols && c[1].width == 0));
            CHECK(c->width != 0 || (x > 0 && c[-1].width == 2));
            if (s->app.glyphs->ascii)
                CHECK(c->len == 1 && (unsigned char)c->text[0] < 0x7f);
        }
    CHECK(!strstr(screen_text(s), "nan") && !strstr(screen_text(s), "NaN"));
    if (g->rows >= UI_MIN_ROWS && g->cols >= UI_MIN_COLS) {
        const char *hint = screen_row(s, g->rows - 1);
        CHECK(strlen(hint) > 5 && strcmp(hint + strlen(hint) - 4, "help") == 0);
    }
}

static void random_step(screen *s)
{
    static const char *const pieces[] = {"\033[A",
                                         "4",
                                         "7",
                                         "x",
                                         "\033[B",
                                         "\033[5~",
                                         "\033[6~",
                                         "\r",
                                         "\t",
                                         "\033[Z",
                                         "\033",
                                         "\x7f",
                                         "\x12",
                                         "\x15",
                                         "\x17",
                                         "\x19",
                                         "\x14",
                                         "\x1f",
                                         "\033p",
                                         "\033n",
                                         "\033b",
                                         "\033d",
                                         "\x0c",
                                         "\033OP",
                                         "\033x",
                                         "j",
                                         "k",
                                         "G",
                                         "g",
                                         "s",
                                         "f",
                                         "e",
                                         "?",
                                         ":",
                                         "/",
                                         "n",
                                         "N",
                                         "w",
                                         "p",
                                         "o",
                                         "d",
                                         "x",
                                         "X",
                                         "r",
                                         "R",
                                         "I",
                                         "3",
                                         "h",
                                         "l",
                                         "\033[C",
                                         "\033[D",
                                         "T U",
                                         "m",
                                         "]",
                                         "[",
                                         "y",
                                         "uuu",
                                         "i",
                                         "1",
                                         "2",
                                         "java ",
                                         "boom",
                                         "none of",
                                         "slow ",
                                         "漢字",
                                         "e\xcc\x81",
                                         "\xff\xfe",
                                         "\033[200~a\tb\033[201~",
                                         "export json\r",
                                         "e\t\t",
                                         "e\x1b[C\r",
                                         "theme mono\r",
                                         "filter words x\r",
                                         "frel moved>",
                                         "sort title\r",
                                         "<",
                                         ">",
                                         "=zA",
                                         "u",
                                         "3w",
                                         "af",
                                         "sf",
                                         "what-if without tea\r",
                                         "what-if alpha 7\r",
                                         "next 7\r",
                                         "selftest\r"};
    static const int sizes[][2] = {{3, 10}, {200, 500}, {24, 80}, {36, 120}, {60, 200}, {15, 60},
                                   {9, 46}, {0, 0},     {1, 1},   {2, 300},  {80, 80},  {30, 100}};
    uint32_t what = draw(40);
    if (what == 0) {
        const int *z = sizes[draw(IMR_LEN(sizes))];
        screen_resize(s, z[0], z[1]);
    } else if (what == 1) {
        fake_documents(s->engine, draw(3) ? draw(130) + 1 : 1);
    } else if (what < 14) { /* on the screen or beside it; presses more often than what follows */
        static const int buttons[] = {0, 0, 0, 0, 32, 32, 64, 65, 1, 34};
        char bytes[64];
        snprintf(bytes, sizeof bytes, "\033[<%d;%u;%u%c", buttons[draw(IMR_LEN(buttons))],
                 draw((uint32_t)s->app.cols + 4), draw((uint32_t)s->app.rows + 4),
                 draw(5) ? 'M' : 'm');
        screen_keys(s, bytes);
    } else {
        screen_keys(s, pieces[draw(IMR_LEN(pieces))]);
    }
    s->replay.left = false;
    check_screen(s);
}

TEST("random keys, pastes, sizes and answers leave every screen whole")
{
    for (uint32_t round = 0; round < 12; round++) {
        screen s;
        seed = 77 + round;
        screen_start(&s, 24, 80, round % 3 == 2);
        if (round > 8)
            fake_encoder_only(s.engine);
        if (round != 5)
            fake_open(s.engine, round != 3, round != 4, round != 6);
        else
            fake_fail_open(s.engine);
        for (int i = 0; i < 300; i++)
            random_step(&s);
        screen_end(&s);
    }
}

TEST("shares of every measure add up to the number they stand beside")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java coffee came from mocha\t3");
    for (int raw = 0; raw < 2; raw++) {
        for (int stage = 0; stage <= UI_CHANGE; stage++) {
            const ui_reading *r = &s.app.reading;
            double sums[2] = {0};
            for (size_t i = 0; i <= r->query.n; i++)
                sums[0] += r->query.total[i];
            for (size_t i = 0; i <= r->document.n; i++)
                sums[1] += r->document.total[i];
            double whole = ui_share_whole(&r->detail->why.pairs, r->measure);
            CHECK_NEAR(sums[0], whole, 1e-5);
            CHECK_NEAR(sums[1], whole, 1e-5);
            if (!raw && r->measure.stage == UI_CHANGE)
                CHECK_NEAR(whole, ui_list_selected(&s.app.list)->lift.total, 1e-6);
            screen_keys(&s, "x");
        }
        screen_keys(&s, "r");
    }
    screen_end(&s);
}

TEST("a cell of Words goes to its two words in their texts, and back")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java coffee came from mocha\t3ll");
    const ui_reading *r = &s.app.reading;
    CHECK(r->marked && r->marked_document == r->document.order[2]);
    screen_keys(&s, "\r");
    CHECK(s.app.screen == UI_DOCUMENT && r->marked && r->highlight_at > 0);
    CHECK(r->highlights[r->highlight_at - 1].word == r->marked_document);
    screen_keys(&s, "\x7f");
    CHECK(s.app.screen == UI_WORDS);
    screen_keys(&s, "q\r");
    CHECK(s.app.screen == UI_DOCUMENT && !r->marked);
    screen_end(&s);
}

TEST("what the encoder never read is dim and never highlighted")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java coffee came from mocha\t\r");
    const imr_detail *d = s.app.reading.detail;
    CHECK(d->read_end < strlen(d->text) && s.app.reading.n_highlights > 0);
    for (size_t i = 0; i < s.app.reading.n_highlights; i++)
        CHECK(s.app.reading.highlights[i].end <= d->read_end);
    CHECK_CONTAINS(screen_text(&s), "the encoder read up to here: 64 of 91 tokens");
    screen_end(&s);
}

TEST("help, then an arrow, points at numbers of the screen and tells them")
{
    screen s;
    screen_start(&s, 36, 120, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\t?\033[B");
    CHECK(s.app.overlay == UI_OVER_POINT && s.app.hits.n > 50);
    CHECK_CONTAINS(screen_text(&s), "place by the cosine of the encoder's vectors");
    screen_keys(&s, "\033[C\033[C\033[C\033[C");
    CHECK_CONTAINS(screen_text(&s), "standing now less standing for the encoder");
    screen_keys(&s, "\033[D");
    CHECK_CONTAINS(screen_text(&s), "10 ranks are a big move");
    screen_keys(&s, "\033");
    CHECK(s.app.overlay == UI_OVER_NONE && s.app.screen == UI_RANK);
    screen_end(&s);
}

TEST("documents that lost their place unseen are listed, found by filters, and have no rank now")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\t");
    CHECK_INT(s.app.list.n, 102);
    screen_keys(&s, "G");
    CHECK(ui_list_selected(&s.app.list)->rank_after == 0);
    CHECK_CONTAINS(screen_text(&s), "\xe2\x80\x93");
    screen_keys(&s, "flost\r");
    for (size_t i = 0; i < s.app.list.n; i++) {
        const imr_trace_document *d = ui_list_row(&s.app.list, i);
        CHECK(d->relevance > 0 && d->rank_encoder <= 10 && (!d->rank_after || d->rank_after > 10));
    }
    CHECK(s.app.list.n > 0);
    screen_keys(&s, "f\x15"
                    "entered\r");
    for (size_t i = 0; i < s.app.list.n; i++)
        CHECK(ui_list_row(&s.app.list, i)->rank_encoder > 10 &&
              ui_list_row(&s.app.list, i)->rank_after <= 10);
    screen_end(&s);
}

TEST("a document of hostile bytes is shown as text")
{
    screen s;
    screen_start(&s, 36, 120, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java \033[200~\xe2\x80\xae\x1b]0;x\x07\xc2\x9b"
                    "31m\033[201~");
    check_screen(&s);
    CHECK(!strstr(screen_text(&s), "\033") && !strstr(screen_text(&s), "\xe2\x80\xae"));
    screen_end(&s);
}

TEST("of a paste of 1 MB the first 8192 characters are taken, which is said")
{
    static char big[1 << 20];
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    memset(big, 'x', sizeof big - 1);
    memcpy(big, "\033[200~", 6);
    memcpy(big + sizeof big - 7, "\033[201~", 6);
    screen_keys(&s, big);
    CHECK_INT(s.app.query.text.len, UI_PROMPT_MAX);
    CHECK_CONTAINS(screen_text(&s), "pasted text cut at 8 192 characters of 1 048 563");
    screen_keys(&s, "\033[200~more\033[201~");
    CHECK_CONTAINS(screen_text(&s), "pasted text cut at 0 characters of 4");
    screen_keys(&s, "\x15\033[200~caf\xc3\xa9 \033[201~");
    CHECK_STR(s.app.query.text.data, "caf\xc3\xa9 ");
    screen_end(&s);
}

TEST("the old ranking stays, with a question mark, until a slow one arrives")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java");
    char before[200];
    snprintf(before, sizeof before, "%s", screen_row(&s, 4));
    screen_keys(&s, "\x01\033[200~slow \033[201~");
    CHECK(s.app.waiting);
    CHECK_STR(screen_row(&s, 4), before);
    ui_event tick = {.kind = UI_EVENT_TICK};
    ui_update(&s.app, &tick);
    screen_settle(&s);
    CHECK_CONTAINS(screen_row(&s, 1), "?");
    CHECK_STR(screen_row(&s, 4), before);
    fake_release(s.engine);
    screen_settle(&s);
    CHECK(!s.app.waiting);
    CHECK(!strstr(screen_row(&s, 1), "?"));
    CHECK(strcmp(screen_row(&s, 4), before) != 0);
    screen_end(&s);
}

TEST("the Why before stays until the next comes, a tenth of a second at most")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "late java\t");
    ui_event tick = {.kind = UI_EVENT_TICK};
    ui_update(&s.app, &tick);
    screen_settle(&s);
    CHECK_CONTAINS(screen_text(&s), "The words that met are being worked out");
    fake_release(s.engine);
    screen_settle(&s);
    char first[200], second[200];
    snprintf(first, sizeof first, "%s", screen_row(&s, 20));
    fake_hold(s.engine);
    screen_keys(&s, "j");
    CHECK_STR(screen_row(&s, 20), first);
    ui_update(&s.app, &tick);
    screen_settle(&s);
    CHECK_CONTAINS(screen_text(&s), "The words that met are being worked out");
    fake_release(s.engine);
    screen_settle(&s);
    snprintf(second, sizeof second, "%s", screen_row(&s, 20));
    CHECK(strcmp(first, second) != 0 && !strstr(screen_text(&s), "being worked out"));
    screen_end(&s);
}

TEST("keys typed before the session is open are kept and run")
{
    screen s;
    screen_start(&s, 24, 80, false);
    screen_keys(&s, "java coffee");
    CHECK_CONTAINS(screen_text(&s), "Opening");
    fake_open(s.engine, true, true, true);
    screen_settle(&s);
    CHECK(s.app.trace && strcmp(s.app.trace->query_text, "java coffee") == 0);
    screen_end(&s);
}

TEST("opening says how far it is and how long it takes, and being stopped is no error")
{
    screen s;
    screen_start(&s, 24, 80, false);
    imr_async_progress p = {"encoding each token alone", 8192, 30522, 2000};
    fake_progress(s.engine, &p);
    screen_settle(&s);
    CHECK_CONTAINS(screen_text(&s), "encoding each token alone");
    CHECK_CONTAINS(screen_text(&s), " 26%");
    CHECK_CONTAINS(screen_text(&s), "8 192 of 30 522, 2 000 a second, 0:11 left");
    p.rate = 0; /* not known yet */
    fake_progress(s.engine, &p);
    screen_settle(&s);
    CHECK(!strstr(screen_text(&s), "left"));
    p = (imr_async_progress){.total = 0};
    fake_progress(s.engine, &p);
    fake_stop_open(s.engine);
    screen_settle(&s);
    CHECK_CONTAINS(screen_text(&s), " Stopped ");
    CHECK_CONTAINS(screen_text(&s), "stopped after 512 of 30522");
    CHECK(!strstr(screen_text(&s), "Error"));
    screen_end(&s);
}

TEST("the token table is named beside the lists, with what it is worth")
{
    screen s;
    screen_start(&s, 24, 100, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\tw");
    screen_keys(&s, "\x04");
    CHECK_CONTAINS(screen_text(&s), "context .43, chance .01");
    s.app.trace->inputs.table_name = "models/words-300";
    s.app.trace->inputs.lens.precision = NAN;
    screen_settle(&s);
    CHECK_CONTAINS(screen_text(&s), "words-300 ");
    screen_end(&s);
}

TEST("the selection follows its document, untouched it stays on rank 1")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java");
    screen_keys(&s, " d");
    CHECK_INT(s.app.list.at, 0);
    screen_keys(&s, "\033[B\033[B");
    char id[64];
    snprintf(id, sizeof id, "%s", ui_list_selected(&s.app.list)->id);
    screen_keys(&s, " and mocha");
    CHECK_STR(ui_list_selected(&s.app.list)->id, id);
    screen_keys(&s, "\tsm"); /* another order: what was asked for is its first row */
    CHECK(s.app.list.at == 0 && !s.app.list.selected);
    for (size_t i = 0; i < s.app.list.n; i++)
        CHECK(ui_list_row(&s.app.list, i)->move_encoder <=
              ui_list_selected(&s.app.list)->move_encoder);
    screen_end(&s);
}

TEST("every escape does one step and none quits")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\tfwinners\r");
    screen_keys(&s, "/passage\r");
    screen_keys(&s, "\r?");
    CHECK(s.app.overlay == UI_OVER_HELP && s.app.screen == UI_DOCUMENT);
    screen_keys(&s, "\033");
    CHECK(s.app.overlay == UI_OVER_NONE && ui_app_finds(&s.app));
    screen_keys(&s, "\033");
    CHECK(!ui_app_finds(&s.app));
    CHECK_STR(s.app.list.filter, "winners");
    screen_keys(&s, "\033");
    CHECK(!s.app.list.filter && s.app.screen == UI_DOCUMENT);
    screen_keys(&s, "\033");
    CHECK(s.app.screen == UI_RANK);
    screen_keys(&s, "\033");
    CHECK(!s.replay.left);
    CHECK_CONTAINS(screen_text(&s), "q quits");
    screen_keys(&s, "q");
    CHECK(s.replay.left);
    screen_end(&s);
}

TEST("export names its file after the query and says where it is")
{
    screen s;
    screen_start(&s, 24, 100, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "Java: does it compile?\te\t\x1b[D\r");
    CHECK_STR(fake_exported(s.engine), "diffir of 10 to imrnn-java-does-it-compile.diffir");
    CHECK_CONTAINS(screen_text(&s), "saved imrnn-java-does-it-compile.diffir, 13 KB");
    screen_keys(&s, ":export text /tmp/a b.txt\r");
    CHECK_STR(fake_exported(s.engine), "text of 10 to /tmp/a b.txt");
    screen_keys(&s, "e\r"); /* the folder and the format are remembered */
    CHECK_STR(fake_exported(s.engine), "text of 10 to /tmp/imrnn-java-does-it-compile.txt");
    screen_keys(&s, "6e\r"); /* nothing is marked: the ranking */
    CHECK_STR(fake_exported(s.engine), "text of 10 to /tmp/imrnn-java-does-it-compile.txt");
    screen_keys(&s, "1 j 6:export json\r");
    CHECK_STR(fake_exported(s.engine),
              "compared json of 2 to /tmp/imrnn-java-does-it-compile-compared.json");
    screen_end(&s);
}

TEST("whatever is exported, the selected document is in it, and an unfinished export can be left")
{
    static const char *const arrows[] = {"\x1b[C", "\x1b[C\x1b[C", "\x1b[C\x1b[C\x1b[C", "\x1b[D"};
    static const int counts[] = {1, 2, 102, 102};
    screen s;
    screen_start(&s, 24, 100, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "java\tGk:export json x.json\r");
    CHECK_STR(fake_exported(s.engine), "json of 11 to x.json");
    screen_keys(&s, " kk"); /* A is marked */
    for (size_t i = 0; i < IMR_LEN(arrows); i++) {
        char expected[200];
        screen_keys(&s, "e");
        screen_keys(&s, arrows[i]);
        const char *id = i ? "" : ui_list_selected(&s.app.list)->id;
        snprintf(expected, sizeof expected, "json of %d to imrnn-java%s%s.json", counts[i],
                 i ? "" : "-", id);
        screen_keys(&s, "\r");
        CHECK_STR(fake_exported(s.engine), expected);
    }
    screen_keys(&s, "g j j ke\x1b[C\x1b[C\r"); /* three more, the second of them selected */
    CHECK_CONTAINS(screen_text(&s), "4 marked");
    CHECK_CONTAINS(fake_exported(s.engine), "json of 4 to ");
    screen_keys(&s, "e\t\t\x15slow.json\r");
    CHECK_CONTAINS(screen_text(&s), "writing slow.json");
    screen_keys(&s, "\x1b");
    CHECK_CONTAINS(screen_text(&s), "cancelled; nothing was written");
    CHECK(!strstr(screen_text(&s), "Export"));
    screen_keys(&s, ":export json there.json\r");
    CHECK_CONTAINS(screen_text(&s), "there.json exists; :export! replaces it");
    screen_keys(&s, ":export! json there.json\r");
    CHECK_STR(fake_exported(s.engine), "json of 10 to there.json, replaced");
    screen_keys(&s, ":export pdf a.pdf\r");
    CHECK_CONTAINS(screen_text(&s), "'pdf' is not one of text|");
    screen_keys(&s, "e\t\t\x15\r");
    CHECK_CONTAINS(screen_text(&s), "name a file");
    screen_end(&s);
}

TEST("of several scopes asked for the last one wins; cancelled, what is shown holds")
{
    screen s;
    screen_start(&s, 24, 110, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "slow\t");
    fake_release(s.engine);
    screen_settle(&s);
    fake_hold(s.engine);
    char before[200];
    snprintf(before, sizeof before, "%s", screen_row(&s, 4));
    const uint64_t shown = s.app.serial;
    screen_keys(&s, "Rc");
    CHECK(s.app.waiting);
    CHECK_CONTAINS(screen_row(&s, 0), "top 100");
    CHECK_STR(screen_row(&s, 4), before);
    screen_keys(&s, "Ra");
    CHECK_INT(s.app.serial, shown + 2);
    fake_release(s.engine);
    screen_settle(&s);
    CHECK_CONTAINS(screen_row(&s, 0), "scope rescore");
    CHECK(s.app.trace->settings.scope == IMR_SCOPE_RESCORE);
    fake_hold(s.engine);
    screen_keys(&s, "Rc\x03");
    CHECK(!s.app.waiting);
    CHECK_INT(s.app.settings.scope, IMR_SCOPE_RESCORE);
    CHECK_CONTAINS(screen_row(&s, 0), "scope rescore");
    CHECK_CONTAINS(screen_row(&s, 22), "cancelled");
    screen_keys(&s, "i\x15tea");
    CHECK(s.app.trace->settings.scope == IMR_SCOPE_RESCORE);
    screen_end(&s);
}

TEST("a setting changed when nothing is asked runs nothing, and holds for the next query")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "tea\x15\tRc");
    CHECK(!s.app.waiting && !s.app.trace);
    CHECK_CONTAINS(screen_row(&s, 0), "scope corpus");
    screen_keys(&s, "itea");
    CHECK(s.app.trace && s.app.trace->settings.scope == IMR_SCOPE_CORPUS);
    screen_end(&s);
}

TEST("another scope than the usual is told even where the names must be cut for it")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    imr_session_facts long_names = *s.app.facts;
    long_names.dataset_name = "a-data-set-with-a-very-long-name-indeed";
    s.app.facts = &long_names;
    screen_keys(&s, "tea\t");
    CHECK(!strstr(screen_row(&s, 0), "top 100"));
    screen_keys(&s, "Rc");
    CHECK_CONTAINS(screen_row(&s, 0), "minilm \xc2\xb7 scope corpus  ? help");
    CHECK_CONTAINS(screen_row(&s, 0), "a-da");
    screen_end(&s);
}

TEST("C-c cancels, and quits only when pressed again")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    screen_keys(&s, "slow");
    CHECK(s.app.waiting);
    screen_keys(&s, "\x03");
    CHECK(!s.app.waiting && !s.replay.left);
    screen_keys(&s, "\x03");
    CHECK(s.replay.left);
    screen_end(&s);
}
