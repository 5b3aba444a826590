/*
 * ui/app.h - the model: everything the explorer knows, and nothing about terminals.
 *
 * ui_update (ui/update.h) and ui_app_deliver change it, views (ui/view.h) read it, the loop carries
 * out the effects it asks for. Nothing here draws, waits, reads files or computes what the engine
 * should. Threads: the UI thread only.
 */
#ifndef UI_APP_H
#define UI_APP_H

#include "session/async.h"
#include "ui/decode.h"
#include "ui/keymap.h"
#include "ui/layout.h"
#include "ui/lines.h"
#include "ui/prompt.h"

typedef enum ui_screen {
    UI_RANK,
    UI_DOCUMENT,
    UI_WHY_FULL,
    UI_PREVIEW_FULL,
    UI_SELFTEST
} ui_screen;
typedef enum ui_pane { UI_PANE_LIST, UI_PANE_PREVIEW } ui_pane; /* the focused one */
typedef enum ui_overlay {
    UI_OVER_NONE,
    UI_OVER_HELP,
    UI_OVER_PALETTE, /* commands by name */
    UI_OVER_HISTORY, /* queries typed before and queries of the cache */
    UI_OVER_MENU,    /* after s, f, r, e: the next key */
    UI_OVER_LINE     /* one line of text: find, filter by words */
} ui_overlay;

typedef enum ui_sort {
    UI_SORT_NOW,
    UI_SORT_WAS,
    UI_SORT_MOVE,
    UI_SORT_DELTA,
    UI_SORT_ABS,
    UI_SORT_COS,
    UI_SORT_TITLE,
    UI_SORT_ID,
    UI_SORT_COUNT
} ui_sort;

typedef enum ui_filter {
    UI_FILTER_NONE,
    UI_FILTER_WINNERS,
    UI_FILTER_LOSERS,
    UI_FILTER_RELEVANT,
    UI_FILTER_MOVERS,
    UI_FILTER_WORDS,
    UI_FILTER_COUNT
} ui_filter;

typedef enum ui_signs { UI_SIGNS_BOTH, UI_SIGNS_GAIN, UI_SIGNS_LOSS } ui_signs;

#define UI_BIG_MOVE        10
#define UI_CLIP_MAX        2250 /* bytes; 3000 of base64 is what terminals take in one OSC 52 */
#define UI_STALE_AFTER     0.1  /* seconds until old rows carry a '?' */
#define UI_MESSAGE_SECONDS 4
#define UI_OFFER_MAX       500

/* What the loop should do; bits of ui_app.effects. */
enum {
    UI_FX_QUIT = 1,
    UI_FX_SUSPEND = 2,
    UI_FX_REDRAW = 4,
    UI_FX_QUERY = 8,    /* run app->request_text / request_id with app->settings */
    UI_FX_DETAIL = 16,  /* the detail of app->trace, place app->detail_place */
    UI_FX_SUGGEST = 32, /* for app->suggest_text */
    UI_FX_CANCEL = 64,
    UI_FX_COPY = 128,   /* app->clip */
    UI_FX_EXPORT = 256, /* app->export_format, app->export_path */
    UI_FX_THEME = 512
};

typedef struct ui_offer {
    char *text, *query_id; /* query_id "" for a line of the history */
} ui_offer;

typedef struct ui_offers {
    ui_offer *v;
    size_t n, cap;
} ui_offers;

/* A run of a text that raises or lowers the similarity. */
typedef struct ui_highlight {
    size_t start, end;
    double effect;
} ui_highlight;

/* A token of the text with all its places. */
typedef struct ui_word {
    size_t start, end; /* its first place */
    uint32_t count, id;
    double effect;
} ui_word;

typedef struct ui_retired {
    imr_trace *trace;
} ui_retired;

typedef struct ui_app {
    const ui_glyphs *glyphs;
    ui_theme theme;
    ui_keymap keymap;
    int rows, cols;
    unsigned effects;

    /* the session */
    imr_session *session;
    const imr_session_facts *facts; /* NULL until it is open */
    bool failed;                    /* opening failed: error says why */
    imr_error error;
    const char *intro; /* NULL or lines shown under the examples; borrowed */
    imr_async_progress progress;
    int pending;

    /* the query */
    ui_prompt query;
    ui_history history;
    bool editing;
    uint64_t serial; /* of the last request */
    imr_trace_settings settings;
    char *request_text, *request_id; /* one of them NULL */
    double asked;                    /* clock when the last request went out */
    bool waiting;                    /* no answer to it yet */
    bool stale;                      /* and for longer than UI_STALE_AFTER */
    imr_error query_error;           /* status IMR_OK: none */
    char *ghost;                     /* the rest of a cached query that begins as typed, or NULL */
    ui_offers offers;                /* cached queries that fit what is typed */
    uint64_t suggest_serial;
    char *suggest_text;

    /* its answer */
    imr_trace *trace;
    ui_retired *retired; /* older ones that a running job may still read */
    size_t n_retired, cap_retired;

    /* the list */
    size_t *order; /* places of trace->documents shown, in this order */
    size_t n_order;
    size_t at, top; /* row under the cursor, first row shown */
    char *selected; /* document id, once the selection was moved; NULL: rank 1 */
    char *pinned;
    ui_sort sort;
    bool reversed;
    ui_filter filter;
    char *filter_words, *find;
    ui_pane pane;
    bool preview, show_query_tokens;

    /* the selected document */
    imr_detail *detail;
    size_t detail_place; /* asked for, of the trace with detail_serial */
    uint64_t detail_serial;
    imr_error detail_error;
    ui_highlight *highlights;
    size_t n_highlights, cap_highlights;
    ui_word *words;
    size_t n_words, cap_words;
    size_t highlight_at;
    ui_signs signs;
    ui_lines document_lines, preview_lines;
    size_t document_top, preview_top, why_top;

    /* screens and overlays */
    ui_screen screen;
    ui_overlay overlay;
    ui_prompt line;        /* of the palette, the history, a find */
    ui_action line_action; /* what UI_OVER_LINE's text is for */
    ui_action menu;
    size_t pick, help_top;
    char message[400];
    bool message_error;
    double message_time, cancelled; /* cancelled: negative, or when C-c was last pressed */

    /* for the loop */
    imr_buf clip;
    char *clip_path;                            /* NULL: none */
    char *export_format, *export_path, *folder; /* folder: where exports go when no path is said */
} ui_app;

imr_status ui_app_init(ui_app *out, const ui_glyphs *glyphs, int rows, int cols,
                       imr_error *err) IMR_NODISCARD;
/* After the backend is gone: a job may read the trace. */
void ui_app_done(ui_app *a);

/* A result of the engine; takes what the delivery owns. */
void ui_app_deliver(ui_app *a, const imr_delivery *d);
/* The session is open. */
void ui_app_opened(ui_app *a, imr_session *session, const imr_session_facts *facts);
/* No job is running: traces that were kept for one can go. */
void ui_app_idle(ui_app *a);

/* ---- asked by update and views ---- */

/* The sentence under the query: why what was typed has no ranking while older rows stay, or what
 * the trace warns of. NULL: none. */
const char *ui_app_banner(const ui_app *a);
ui_layout ui_app_layout(const ui_app *a);
ui_context ui_app_context(const ui_app *a);
/* The selected document; NULL without rows. */
const imr_trace_document *ui_app_selected(const ui_app *a);
/* Whether a->detail is that of the selected document. */
bool ui_app_detail_fits(const ui_app *a);
const char *ui_sort_name(ui_sort sort);
const char *ui_filter_name(ui_filter filter);
/* The number a token list is ordered by. */
double ui_token_value(const imr_trace_token *t, imr_token_order order);

/* ---- called by update ---- */

void ui_app_reorder(ui_app *a);            /* rows again after sort, filter or a new trace */
void ui_app_select(ui_app *a, size_t row); /* moves the selection, as the user does */
void ui_app_settle(ui_app *a);             /* scroll positions, line breaks, wanted detail */
void ui_app_run(ui_app *a, const char *text, const char *query_id); /* asks for a query */
void ui_app_say(ui_app *a, bool error, const char *format, ...) IMR_PRINTF(3, 4);
void ui_app_forget(ui_app *a);      /* a message that stood long enough */
void ui_app_list_offers(ui_app *a); /* asks for cached queries that fit the line */
/* Rows of the list that can be seen. */
int ui_app_list_rows(const ui_app *a);
void ui_replace(char **slot, const char *text); /* frees the old one; NULL clears */

#endif
