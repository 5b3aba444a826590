/*
 * ui/app.h - the model: everything the explorer knows, and nothing about terminals.
 *
 * ui_update and ui_app_deliver change it, views (ui/views.h) show parts of it, the
 * loop carries out the effects it asks for. Nothing here draws, waits, reads files or computes what
 * the engine should.
 * Threads: the UI thread only.
 */
#pragma once

#include "session/async.h"
#include "ui/decode.h"
#include "ui/layout.h"
#include "ui/prompt.h"
#include "ui/reading.h"

typedef enum ui_screen {
    UI_RANK,
    UI_DOCUMENT,
    UI_WORDS,
    UI_COMPARE,
    UI_WHY,     /* the Why pane on the whole screen */
    UI_PREVIEW, /* the preview likewise */
    UI_MAP,
    UI_ADAPTER,
    UI_AUDIT,
    UI_SELFTEST
} ui_screen;
/* Rows on the whole screen, as the Why pane has them. */
static inline bool ui_is_rows(ui_screen s)
{
    return s == UI_WHY || s == UI_COMPARE || s == UI_ADAPTER || s == UI_AUDIT;
}
/* Of the selected document. */
static inline bool ui_is_of_document(ui_screen s)
{
    return s != UI_RANK && s != UI_COMPARE && s != UI_ADAPTER && s != UI_AUDIT && s != UI_SELFTEST;
}
/* Of UI_RANK; UI_DOCUMENT has its text, UI_PANE_LIST, and the words beside it. */
typedef enum ui_pane {
    UI_PANE_LIST,
    UI_PANE_WHY,
    UI_PANE_PREVIEW,
    UI_PANE_WORDS,
    UI_PANE_COUNT
} ui_pane;
typedef enum ui_overlay {
    UI_OVER_NONE,
    UI_OVER_HELP,
    UI_OVER_POINT,   /* at a number of the screen, to be told what it is */
    UI_OVER_COLUMNS, /* of the ranking: which, in what order */
    UI_OVER_PALETTE, /* commands by name */
    UI_OVER_HISTORY, /* queries typed before and queries of the cache */
    UI_OVER_MENU,    /* after s, f, r, a: the next key */
    UI_OVER_LINE,    /* one line of text: find, filter by words */
    UI_OVER_EXPORT   /* what, in which format, to which file: the line */
} ui_overlay;

#define UI_CLIP_MAX        2250 /* bytes; 3000 of base64 is what terminals take in one OSC 52 */
#define UI_STALE_AFTER     0.1  /* seconds until old rows carry a '?' */
#define UI_MESSAGE_SECONDS 4
#define UI_OFFER_MAX       500

/* What the loop should do; bits of ui_app.effects. */
enum {
    UI_FX_QUIT = 1,
    UI_FX_SUSPEND = 2,
    UI_FX_REDRAW = 4,
    UI_FX_QUERY = 8,    /* run request_text / request_id with settings */
    UI_FX_DETAIL = 16,  /* the detail of trace, place reading.place */
    UI_FX_SUGGEST = 32, /* for suggest_text */
    UI_FX_CANCEL = 64,
    UI_FX_COPY = 128,   /* clip */
    UI_FX_EXPORT = 256, /* ui_export_ask */
    UI_FX_THEME = 512,
    UI_FX_MAP = 2048, /* of trace */
    UI_FX_QUALITY = 4096,
    UI_FX_AUDIT = 1 << 22,
    UI_FX_COMPARE = 1 << 15, /* the two places of compared */
    UI_FX_SWAP = 1 << 18,
    UI_FX_NOTES = 1 << 20,  /* to be read */
    UI_FX_JUDGED = 1 << 21, /* judged, with verdict and reason */
    UI_FX_DEEPER = 1024     /* the detail once more, in depth `deeper` */
};

enum { UI_EXPORT_WHAT, UI_EXPORT_FORMAT, UI_EXPORT_FILE }; /* fields of the dialog */
typedef struct ui_export {
    size_t field, what, format; /* what: ui/export.c; format: of imr_report_formats */
    ui_text told;               /* what, in words */
    char *folder, *path;        /* of the last export, NULL: here; of the one that is written */
    bool replace;               /* what is there; in the dialog only after it was asked */
    bool writing, measured;     /* measured: its size was asked for, */
    uint64_t bytes;             /* which is not known: 0 */
} ui_export;

/* Rows that have what is looked for: of n the at-th, 0: none; the one a find stopped at. */
typedef struct ui_found {
    size_t row, at, n;
} ui_found;

enum { UI_STEPS = 200 };
typedef struct ui_states {
    char *step[UI_STEPS];    /* [0, at) can be taken back, [at, n) were */
    size_t n, at, last;      /* last: what the last one changed first */
    bool taking;             /* this event takes one back, or does it again */
    bool came, dirty;        /* what was kept is back, its ranking not yet; there is more to keep */
    const char *folder, *of; /* borrowed. NULL: nothing is kept; "" or the project */
    char *path, *fresh;      /* NULL until the session is open; the state a start made */
    char *live;              /* before a line of find or filter was opened, or NULL */
    double kept_at;
} ui_states;

typedef struct ui_app {
    const ui_glyphs *glyphs;
    ui_theme theme, background; /* of the terminal, in place of auto, once it has said */
    ui_keymap keymap;
    int rows, cols;
    unsigned effects;

    /* the session */
    imr_session *session;
    const imr_session_facts *facts; /* NULL until it is open */
    bool second, second_asked; /* of two adapters B is to be in force; the last that was asked */
    imr_error error;           /* why it cannot be opened; status IMR_OK: it can */
    const char *intro;         /* NULL or lines shown under the examples; borrowed */
    imr_async_progress progress;
    int pending;

    /* the query */
    ui_prompt query;
    ui_history history;
    bool editing;
    uint64_t serial; /* of the last request */
    imr_trace_settings settings;
    imr_candidates_by candidates; /* as they were when it was opened; `settings` is of a trace */
    imr_whatif what_if_before;    /* and the request with what took its place: where that fails, */
    uint64_t what_if_serial;      /* it is as before */
    imr_trace *held;              /* of a query that stands beside as B, or NULL; */
    char *beside;                 /* its text; */
    bool beside_wanted;           /* it is ranked first, then the request */
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
    ui_list list;
    ui_reading reading;         /* of the selected document, once its detail is here */
    imr_comparison *comparison; /* of the screen Compare; NULL: not here yet */
    size_t compared[2];         /* places asked for, of the trace with that serial */
    uint64_t compared_serial;
    imr_error compare_error;
    imr_detail_depth deeper;
    bool why_not;  /* asked of a document that comes with the next trace */
    double wanted; /* clock when that was asked for; negative: it is here, or never comes */
    bool late;     /* it has not come for UI_STALE_AFTER: until then the one before stays */

    /* screens and panes */
    ui_screen screen;
    ui_pane pane; /* the focused one */
    bool preview, dimensions, mouse;
    double split[3]; /* as ui_layout_of has it; kept by whoever keeps the panes */
    bool away;       /* the wheel left the selected row, until the next key */
    size_t dragged;  /* border the mouse has hold of, from 1; 0: none */
    ui_hits hits;    /* of the screen as last drawn; the numbers first, where one is pointed at: */
    size_t pointed;
    ui_scroll why, document, words /* beside it */, text /* of the preview */, help;
    size_t cell_query, cell_document; /* of the screen Words: under the cursor, in its order */

    ui_audit audit;
    imr_map *map;         /* the last that came; NULL: none */
    uint64_t map_serial;  /* of the trace whose map was asked for */
    imr_stage map_stage;  /* shown on the screen Map, */
    bool map_blocks;      /* in place of braille */
    imr_error map_error;  /* status IMR_OK: none */
    imr_quality *quality; /* of the adapter; NULL: not here */
    bool quality_asked;
    imr_error quality_error;

    /* notes and verdicts; list.notes */
    const char *notes_path, *reviewer; /* borrowed; NULL: none are kept */
    imr_trace *judged;                 /* what the line or UI_FX_JUDGED is about: a document, or */
    size_t judged_place;               /* the query itself, SIZE_MAX; or the marked ones, */
    size_t judged_n;                   /* so many; 0: not these */
    imr_verdict verdict;
    char *reason;
    imr_error note_error; /* of the last that could not be kept; status IMR_OK: none */

    /* overlays */
    ui_overlay overlay;
    bool keys_told;        /* UI_OVER_HELP: all binds in place of it */
    ui_prompt line;        /* of the palette, the history, a find */
    ui_action line_action; /* what UI_OVER_LINE's text is for */
    struct {               /* a line that acts while it is typed, over the status */
        ui_action of;      /* FIND, FILTER; NOTHING: there is none */
        ui_overlay under;  /* help, or none */
        char *before;      /* what was found or filtered by, */
        size_t at;         /* the row, or the first one shown, */
        bool untouched;    /* and whether the selection was never moved */
    } live;
    ui_found found;                      /* where one looks */
    const ui_rows *why_rows, *help_rows; /* as last drawn; the view's */
    ui_action menu;
    size_t pick; /* of the palette, the columns */
    char message[400];
    bool message_error;
    double message_time, cancelled; /* cancelled: negative, or when C-c was last pressed */

    ui_states states;

    /* for the loop */
    imr_buf *record;   /* takes what the user does, as lines of ui/replay.h; NULL: nothing does */
    bool stranger;     /* events are of a file nobody vouched for: what ui_keymap_writes says is */
    ui_action refused; /* refused, and this was */
    ui_export export;
    imr_render_fn *render; /* of exports */
    imr_buf clip;
    ui_text copied; /* what that is; */
    bool tmux;      /* it is given to tmux first */
    const char
        *clip_path; /* where no tmux takes it, it is written there; NULL: nowhere; borrowed */
} ui_app;

imr_status ui_app_init(ui_app *out, const ui_glyphs *glyphs, int rows, int cols, imr_error *err);
void ui_app_done(ui_app *a);

/* A result of the engine; takes what the delivery owns. */
void ui_app_deliver(ui_app *a, const imr_delivery *d);
/* The session is open. */
void ui_app_opened(ui_app *a, imr_session *session, const imr_session_facts *facts);

/* ---- asked by update and views ---- */

/* The sentence under the query: why what was typed has no ranking while older rows stay, or what
 * the trace warns of. NULL: none. */
const char *ui_app_banner(const ui_app *a);
/* What the rows suppose ("what if: ..."); NULL: nothing. */
const char *ui_app_what_if(const ui_app *a);
ui_layout ui_app_layout(const ui_app *a);
/* Of the screen alone: without overlays, and as if nobody was typing. */
ui_context ui_app_screen_context(const ui_app *a);
ui_context ui_app_context(const ui_app *a);
static inline bool ui_app_types(const ui_app *a) /* keys are text */
{
    const ui_context c = ui_app_context(a);
    return (c == UI_IN_QUERY || c == UI_IN_PICK) && ui_app_layout(a).class != UI_CLASS_T;
}
/* Whether the detail at hand is that of the selected document. */
bool ui_app_detail_fits(const ui_app *a);
/* Places in the trace of the screen Compare's two documents: those marked, or the one marked and
 * the selected one; with two adapters and none of that, twice the selected one. "", or what is
 * missing. */
ui_text ui_app_compared(const ui_app *a, size_t place[2]);
/* Cached queries are offered in place of a ranking. */
bool ui_app_offering(const ui_app *a);
int ui_app_list_rows(const ui_app *a); /* rows of the list that can be seen */

/* ---- the screen Audit: ui/audit.c ---- */

void ui_app_take_audit(ui_app *a, const imr_delivery *d);
/* Whether the action does something of its own there, and does it: sort, filter, reverse, open the
 * query live, words or rows. */
bool ui_app_audit_does(ui_app *a, ui_action action, const char *argument);

bool ui_audit_filter(ui_app *a, const char *filter); /* whether it is one; else it is said */

/* A key of the overlay of columns; false: it is none of its own. */
bool ui_columns_key(ui_app *a, ui_key key);

/* ---- find, filter: ui/find.c ---- */

bool ui_find(ui_app *a, const char *text); /* "": nothing; whether there is something to find */
void ui_found_settle(ui_app *a);           /* counts it, where one looks */
void ui_live_open(ui_app *a, ui_action action, const char *text);
void ui_live_typed(ui_app *a);
void ui_live_close(ui_app *a, bool keep);
static inline bool ui_app_finds(const ui_app *a)
{
    return a->list.find.text && *a->list.find.text;
}
static inline bool ui_app_helps(const ui_app *a)
{
    return a->overlay == UI_OVER_HELP || (a->live.of && a->live.under == UI_OVER_HELP);
}
static inline const char *ui_app_filter(const ui_app *a) /* of what is shown; NULL: none */
{
    return a->screen == UI_AUDIT ? a->audit.filter : a->list.filter;
}
ui_text ui_app_filtered(const ui_app *a, bool by); /* "12 of 100", by: and ": rel" */

/* ---- called by update and, the last, when a screen was made ---- */

void ui_app_select(ui_app *a, size_t row); /* moves the selection, as the user does */
void ui_app_settle(ui_app *a);             /* scroll positions, line breaks, wanted detail */
void ui_app_run(ui_app *a, const char *text, const char *query_id); /* asks for a query */
void ui_app_run_again(ui_app *a); /* the last request, with the settings as they are now */
void ui_app_say(ui_app *a, bool error, const char *format, ...) IMR_PRINTF(3, 4);
void ui_app_forget(ui_app *a); /* a message that stood long enough */
void ui_take_offer(ui_app *a, size_t i);
void ui_app_list_offers(ui_app *a); /* asks for cached queries that fit the line */
/* So many lines there are, so many fit: the scroll stays within. */
void ui_scroll_fit(ui_scroll *s, size_t lines, int page);

/* ---- the one way the model changes by the user's doing: ui/update.c ---- */

/* Takes an event, changes the model and leaves what the loop should do in a->effects. */
void ui_update(ui_app *a, const ui_event *e);

/* What the mouse does: what keys could do to what is under it. ui/mouse.c */
void ui_point_at(ui_app *a, const ui_event *e);
/* One action, perhaps with words after it, as typed behind ':' or named in a bind line: "sort
 * lift", "next 5", "export json PATH". argument: those words, or NULL. */
void ui_do(ui_app *a, ui_action action, const char *argument);
/* The handlers that ui/actions.def names: ui/update.c what moves and leaves, ui/commands.c the
 * rest. One that serves several actions asks which; the argument may be NULL. */
#define UI_ON(handler)                                                                             \
    void ui_on_##handler(ui_app *a, IMR_UNUSED ui_action action, IMR_UNUSED const char *argument)
#define X(id, name, group, handler, keys, hint, help) UI_ON(handler);
#include "ui/actions.def"
#undef X

/* Rows again, in the usual order where sort or filter cannot be. */
void ui_app_audit_arrange(ui_app *a);

/* ---- ui/state.c: what the user made of it, to step back to, and to come back to ----
 *
 * Lines "name value" of one table, which writes and reads them. Any bytes are read: a line stands
 * alone, and one that is not understood changes nothing. What keys set is set, and a ranking asked
 * for; no action runs. What belongs to a ranking that has not come holds until it does. The file,
 * named after cache, adapters and project, has what a start did not make. It is written whole or
 * not at all: of two explorers the last one wins. */
void ui_state_write(const ui_app *a, imr_buf *out);
size_t ui_state_read(ui_app *a, const char *text, size_t len); /* lines not understood */
void ui_state_done(ui_states *s);
/* After an event: a step, when the state is not `before`. Letters typed in one go are one step, so
 * are moves of the selection. */
void ui_state_step(ui_app *a, const char *before);
/* The session is open: comes back, when `restore` and nothing was typed yet; but for what options
 * set. */
void ui_state_open(ui_app *a, bool restore);
/* Whether that is to be written to states.path: nothing is going on, or it ends, `now`. */
bool ui_state_due(ui_app *a, bool now, imr_buf *out);

/* ---- ui/export.c ---- */

/* What the dialog or `writing` stands for is asked for, and nothing else any more. */
void ui_export_ask(ui_app *a, imr_async *jobs);
/* Tab, or an arrow beside the file's line; false: it is for the line. */
bool ui_export_key(ui_app *a, ui_action action);
void ui_export_to(ui_app *a, const char *path, bool replace); /* writes */
void ui_export_take(ui_app *a, const imr_delivery *d);        /* EXPORT, SIZE */

/* ---- ui/replay.c ---- */

/* Adds the event to the lines of a recording. */
void ui_record(imr_buf *b, const ui_event *e);

/* ---- what both need ---- */

void ui_scroll_by(ui_scroll *s, long by, bool half_pages);

void ui_go(ui_app *a, ui_screen screen);
/* On the map to the nearest document to the right (x 1), left (-1), above (y 1), below (-1). */
void ui_go_on_map(ui_app *a, int y, int x);
/* The map of the trace that is shown, or NULL. */
static inline const imr_map *ui_app_map(const ui_app *a)
{
    return a->map && a->trace && a->map->serial == a->trace->serial ? a->map : NULL;
}
static inline ui_menu_place ui_app_menus(const ui_app *a)
{
    return a->screen == UI_WORDS   ? UI_MENU_WORDS
           : a->screen == UI_AUDIT ? UI_MENU_AUDIT
                                   : UI_MENU_USUAL;
}
void ui_open_line(ui_app *a, ui_action action, const char *text);
/* The place of a word among the names of the action's menu, which opens when there is none; -1: not
 * chosen, or no name, which is said. */
int ui_chosen(ui_app *a, ui_action action, const char *what, const char *argument);
/* The value of the UI_DO_... pair: 1 for the first, -1 for its opposite. */
static inline int ui_step(ui_action action, ui_action forward)
{
    return action == forward ? 1 : -1;
}
