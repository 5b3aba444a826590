/* tests/ui/screen.c */
#include "screen.h"

#include <string.h>

#include "base/clock.h"
#include "support/test.h"

void screen_start(screen *s, int rows, int cols, bool ascii)
{
    imr_error err;
    *s = (screen){0};
    imr_clock_freeze(1763640000);
    CHECK_OK(ui_app_init(&s->app, ascii ? &ui_ascii : &ui_unicode, rows, cols, &err));
    s->engine = fake_new(&s->app);
    s->replay = (ui_replay){.app = &s->app, .jobs = s->engine, .out = &s->printed};
    ui_decoder_init(&s->replay.term.decoder);
    ui_replay_settle(&s->replay);
}

void screen_end(screen *s)
{
    fake_free(s->engine);
    ui_app_done(&s->app);
    ui_view_done(&s->replay.view);
    imr_buf_done(&s->printed);
}

void screen_settle(screen *s)
{
    ui_replay_settle(&s->replay);
}

void screen_keys(screen *s, const char *bytes)
{
    ui_event e;
    size_t n = strlen(bytes);
    while (n) {
        size_t piece = ui_decoder_feed(&s->replay.term.decoder, bytes, n < 1000 ? n : 1000);
        bytes += piece;
        n -= piece;
        for (int flush = 0; flush < 2; flush++) {
            while (ui_decoder_next(&s->replay.term.decoder, &e))
                ui_replay_event(&s->replay, &e);
            if (n == 0)
                ui_decoder_flush(&s->replay.term.decoder);
        }
    }
}

void screen_line(screen *s, const char *line)
{
    imr_error err = {0};
    CHECK_OK(ui_replay_line(&s->replay, line, &err));
}

void screen_resize(screen *s, int rows, int cols)
{
    screen_line(s, ui_textf("resize %dx%d", cols, rows).s);
}

const char *screen_text(screen *s)
{
    static imr_buf b;
    imr_buf_clear(&b);
    ui_grid_text(&s->replay.view.grid, &b);
    return imr_buf_text(&b);
}

const char *screen_row(screen *s, int row)
{
    static char line[4000];
    const char *at = screen_text(s);
    while (row-- > 0 && strchr(at, '\n'))
        at = strchr(at, '\n') + 1;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

void ui_grid_roles(const ui_grid *g, imr_buf *out)
{
    for (int y = 0; y < g->rows; y++) {
        size_t start = out->len;
        for (int x = 0; x < g->cols;) {
            ui_style style = ui_grid_cell(g, y, x)->style;
            int end = x + 1;
            while (end < g->cols && ui_grid_cell(g, y, end)->style == style)
                end++;
            if (style != UI_TEXT) {
                if (out->len == start)
                    imr_buf_printf(out, "%02d:", y);
                imr_buf_printf(out, " %03d-%03d %s%s%s", x, end - 1,
                               ui_role_word((ui_role)(style & UI_STYLE_ROLE)),
                               style & UI_SELECTED ? "+selected" : "",
                               style & UI_REVERSED ? "+reversed" : "");
            }
            x = end;
        }
        if (out->len != start)
            imr_buf_char(out, '\n');
    }
}
