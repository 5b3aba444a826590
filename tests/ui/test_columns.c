/* Columns of the ranking: which, in what order, where. */
#include "support/test.h"

#include "base/attr.h"
#include "screen.h"

static void start(screen *s, int rows, int cols)
{
    screen_start(s, rows, cols, false);
    fake_open(s->engine, true, true, true);
    screen_keys(s, "java coffee came from mocha\t");
}

TEST("columns are named in a command, what is no column changes nothing")
{
    static const char *const bad[] = {"",     "nothing", "enc,,now", ",",         "enc now",
                                      "\xff", "enc,",    "ENC",      "title,%s%n"};
    screen s;
    start(&s, 24, 100);
    screen_keys(&s, ":columns title,now,rel\r");
    CHECK_STR(s.app.list.columns, "title,now,rel");
    const char *head = screen_row(&s, 3);
    CHECK(strncmp(head, " title  ", 8) == 0 && strlen(head) > 95);
    CHECK(strstr(head, "now") && strstr(head, "now") < strstr(head, "\xe2\x98\x85"));
    for (size_t i = 1; i < IMR_LEN(bad); i++) {
        screen_keys(&s, ":columns ");
        ui_event paste = {.kind = UI_EVENT_PASTE, .text = bad[i], .len = strlen(bad[i])};
        ui_update(&s.app, &paste);
        screen_keys(&s, "\r");
        if (i != 6) /* a comma at the end is fine */
            CHECK_STR(s.app.list.columns, "title,now,rel");
        screen_keys(&s, ":columns title,now,rel\r");
    }
    screen_keys(&s, ":columns nothing\r");
    CHECK_CONTAINS(screen_row(&s, 22), "no column is called 'nothing'; there are now, proj");
    screen_keys(&s, ":columns now,now,encoder,now,title\r"); /* twice is once; names of before */
    CHECK(!strstr(screen_row(&s, 3), "now now") && strstr(screen_row(&s, 3), "enc"));
    screen_keys(&s, ":columns usual\r");
    CHECK(!s.app.list.columns);
    screen_end(&s);
}

TEST("what the session has not is left out, and nothing goes over the edge")
{
    static const int sizes[][2] = {{15, 60}, {24, 80}, {36, 120}, {60, 200}, {200, 500}, {3, 10}};
    for (int adapter = 0; adapter < 2; adapter++) {
        screen s;
        screen_start(&s, 24, 80, false);
        if (!adapter)
            fake_encoder_only(s.engine);
        fake_open(s.engine, true, true, true);
        screen_keys(&s,
                    "java\t:columns "
                    "influence,gain,lift,bar,id,cos,seen,notes,enc,delta,moved,now,proj,title\r");
        for (size_t i = 0; i < IMR_LEN(sizes); i++) {
            screen_resize(&s, sizes[i][0], sizes[i][1]);
            screen_keys(&s, "C");
            screen_keys(&s, "\033");
        }
        screen_resize(&s, 60, 200);
        const char *head = screen_row(&s, 4);
        CHECK(!strstr(head, "gain") && !strstr(head, "|n"));
        CHECK(adapter == (strstr(head, "move") != NULL) && strstr(head, "id"));
        screen_end(&s);
    }
}

TEST("the overlay switches columns and moves them")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, "C");
    CHECK(s.app.overlay == UI_OVER_COLUMNS);
    CHECK_CONTAINS(screen_text(&s), "[x] enc");
    screen_keys(&s, " "); /* the encoder's rank goes */
    CHECK_STR(s.app.list.columns,
              "proj,now,gain,moved,lift,bar,delta,cos,influence,rel,notes,title");
    screen_keys(&s, ">J<");
    CHECK_STR(s.app.list.columns,
              "now,proj,gain,moved,lift,bar,delta,cos,influence,rel,notes,title");
    CHECK_INT(s.app.pick, 1);
    screen_keys(&s, "KK<");
    CHECK_STR(s.app.list.columns,
              "proj,now,gain,moved,lift,bar,delta,cos,influence,rel,notes,title");
    for (int i = 0; i < 12; i++)
        screen_keys(&s, "j");
    CHECK_INT(s.app.pick, 12);
    screen_keys(&s, "\033[B "); /* the id comes */
    CHECK_CONTAINS(s.app.list.columns, "notes,title,id");
    screen_keys(&s, "gg<\x1b[A");
    for (int i = 0; i < 20; i++)
        screen_keys(&s, "k");
    for (int i = 0; i < 20; i++)
        screen_keys(&s, " ");
    CHECK(!strchr(s.app.list.columns, ',')); /* one stays */
    screen_keys(&s, "C");
    CHECK(s.app.overlay == UI_OVER_NONE);
    screen_end(&s);
}

TEST("a click on the head of a column sorts by it, once more turns the order around")
{
    screen s;
    start(&s, 24, 80);
    screen_keys(&s, ":columns enc,now,moved,title\r");
    const char *at = strstr(screen_row(&s, 3), "enc");
    char click[40];
    CHECK(at);
    snprintf(click, sizeof click, "\033[<0;%d;4M", 3);
    screen_keys(&s, click);
    CHECK_INT(s.app.list.sort, UI_COL_ENC);
    screen_keys(&s, click);
    CHECK(s.app.list.reversed);
    screen_end(&s);
}
