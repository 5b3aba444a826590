/* tests/ui/explorer.c - the explorer on the made-up engine, for tests through a real terminal.
 * Arguments: [--theme NAME] [--crash] [--no-encoder] [--spoken]. */
#include <locale.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake.h"
#include "ui/loop.h"
#include "ui/term.h"

static void marker(ui_term *t, int rows, int cols, int pending)
{
    static unsigned frame;
    (void)t;
    printf("\033]7770;frame;%u;%dx%d;%d\007", ++frame, rows, cols, pending);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    ui_app app = {0};
    ui_term *term;
    const char *wanted = NULL;
    imr_error err;
    bool crash = false, encoder = true, spoken = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--theme") == 0 && i + 1 < argc)
            wanted = argv[++i];
        crash = crash || strcmp(argv[i], "--crash") == 0;
        spoken = spoken || strcmp(argv[i], "--spoken") == 0;
        encoder = encoder && strcmp(argv[i], "--no-encoder") != 0;
    }
    setlocale(LC_CTYPE, "");
    imr_clock_freeze(1763640000);
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    ui_term_options options = {.theme = wanted,
                               .no_color = getenv("NO_COLOR"),
                               .term = getenv("TERM"),
                               .escape_delay = getenv("ESCDELAY"),
                               .test_sync = getenv("IMRNN_TEST_SYNC")};
    if (ui_app_init(&app,
                    spoken ? &ui_spoken
                    : utf8 ? &ui_unicode
                           : &ui_ascii,
                    24, 80, &err) != IMR_OK ||
        ui_signals_open(&err) != IMR_OK ||
        (spoken ? ui_term_text_open(&term, &err) : ui_term_curses_open(&term, &options, &err)) !=
            IMR_OK) {
        fprintf(stderr, "%s\n", err.text);
        ui_app_done(&app);
        return 2;
    }
    if (spoken)
        term->marker = marker;
    app.theme = term->theme;
    app.mouse = true;
    term->size(term, &app.rows, &app.cols);
    if (*term->notice)
        ui_app_say(&app, false, "%s", term->notice);
    fake *engine = fake_new(&app);
    fake_open(engine, encoder, true, true);
    if (crash)
        raise(SIGSEGV);
    int code = ui_loop(&app, term, engine);
    term->close(term);
    ui_signals_close();
    fake_free(engine);
    ui_app_done(&app);
    printf("left with %d\n", code);
    return code;
}
