/* tests/ui/screen.c */
#include "screen.h"

#include <string.h>

#include "base/clock.h"
#include "support/test.h"
#include "ui/loop.h"

void screen_start(screen *s, int rows, int cols, bool ascii)
{
    imr_error err;
    *s = (screen){0};
    imr_clock_freeze(1763640000);
    CHECK_OK(ui_app_init(&s->app, ascii ? &ui_ascii : &ui_unicode, rows, cols, &err));
    CHECK_OK(ui_term_headless_open(&s->term, rows, cols, &err));
    s->engine = fake_new(&s->app);
    screen_settle(s);
}

void screen_end(screen *s)
{
    fake_free(s->engine);
    ui_app_done(&s->app);
    s->term->close(s->term);
    ui_view_done(&s->view);
}

void screen_settle(screen *s)
{
    for (int i = 0; i < 100 && !s->left; i++) {
        s->left = !ui_act(&s->app, s->term, s->engine);
        int before = imr_async_pending(s->engine);
        imr_async_reap(s->engine);
        if (!s->app.effects && imr_async_pending(s->engine) == before)
            break;
    }
    if (!s->left)
        s->left = !ui_act(&s->app, s->term, s->engine);
    ui_frame(&s->app, s->term, &s->view);
}

void screen_keys(screen *s, const char *bytes)
{
    ui_event e;
    size_t n = strlen(bytes);
    while (n) {
        size_t piece = n < 1000 ? n : 1000;
        ui_term_headless_feed(s->term, bytes, piece);
        bytes += piece;
        n -= piece;
        for (int flush = 0; flush < 2; flush++) {
            while (ui_decoder_next(&s->term->decoder, &e)) {
                ui_update(&s->app, &e);
                screen_settle(s);
            }
            if (n == 0)
                ui_decoder_flush(&s->term->decoder);
        }
    }
}

void screen_resize(screen *s, int rows, int cols)
{
    ui_event e = {.kind = UI_EVENT_RESIZE, .y = rows, .x = cols};
    ui_term_headless_resize(s->term, rows, cols);
    ui_update(&s->app, &e);
    screen_settle(s);
}

const char *screen_text(screen *s)
{
    static imr_buf b;
    imr_buf_clear(&b);
    ui_grid_text(ui_term_headless_shown(s->term), &b);
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
