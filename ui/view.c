/* ui/view.c - layout, rows, panes, lines, overlays: in this order. */
#include "report/report.h"
#include "ui/loop.h"
#include "ui/views.h"

void ui_view_done(ui_view *v)
{
    ui_grid_done(&v->grid);
    ui_rows_done(&v->why);
    ui_rows_done(&v->help);
}

/* ---- rows ---- */

/* The reading, when it is of the selected document. */
static const ui_reading *reading(const ui_app *a)
{
    return ui_app_detail_fits(a) && a->reading.detail->why.sentence ? &a->reading : NULL;
}

/* The Why and the text of the document before stay while the next ones are made, for a moment: what
 * comes at once does not flicker. */
static bool stays(const ui_app *a)
{
    return a->reading.detail && a->wanted >= 0 && !a->late;
}

static ui_why_parts why_parts(const ui_app *a, bool full)
{
    return (ui_why_parts){.trace = a->trace,
                          .document = ui_list_selected(&a->list),
                          .reading = reading(a),
                          .facts = a->facts,
                          .notes = a->list.notes,
                          .problem = &a->reading.error,
                          .full = full,
                          .dimensions = a->dimensions};
}

void ui_view_why(const ui_app *a, ui_rows *out)
{
    const ui_why_parts parts = why_parts(a, true);
    ui_rows_begin(out, &(ui_grid){.glyphs = a->glyphs}, 80);
    ui_build_why(out, &parts);
}

static void build_rows(ui_view *v, ui_app *a, const ui_layout *l, ui_surface s)
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    ui_surface pane = ui_sub(s, l->why);
    bool whole = ui_is_rows(a->screen);
    ui_surface in = whole      ? ui_sub(s, l->body)
                    : l->boxed ? ui_inside(pane)
                               : ui_sub(pane, (ui_rect){1, 0, pane.at.h - 1, pane.at.w});
    ui_why_parts parts = why_parts(a, a->screen == UI_WHY);
    parts.brief = a->screen != UI_WHY && !l->boxed;
    const bool fresh =
        (whole && a->screen != UI_WHY) || !stays(a) || v->why.grid.cols != in.at.w || !d;
    if (fresh)
        ui_rows_begin(&v->why, &v->grid, in.at.w);
    if (a->screen == UI_ADAPTER) {
        ui_build_adapter(&v->why, a->facts, a->quality, &a->quality_error);
    } else if (a->screen == UI_AUDIT) {
        ui_scroll_fit(&a->audit.scroll, a->audit.n, ui_audit_page(in, &a->audit));
        a->audit.scroll.top = ui_in_sight(a->audit.scroll.top, a->audit.at, a->audit.scroll.page);
        if (a->audit.words && a->audit.of)
            ui_build_audit(&v->why, &a->audit);
    } else if (a->screen == UI_COMPARE) {
        size_t place[2] = {0};
        ui_text missing = ui_app_compared(a, place);
        if (*missing.s)
            ui_rows_text(&v->why, 1, UI_TEXT, missing.s);
        else
            ui_build_compare(&v->why, a->trace, place,
                             a->compared_serial == a->trace->serial ? a->comparison : NULL,
                             &a->compare_error, a->reading.wish.stage);
    } else if (fresh && d && (a->screen == UI_RANK || a->screen == UI_WHY)) {
        ui_build_why(&v->why, &parts);
    }
    ui_scroll_fit(&a->why, (size_t)v->why.n, in.at.h);
    a->why_rows = &v->why;
    a->help_rows = &v->help;
    if (!ui_app_helps(a))
        return;
    ui_surface help = ui_help_inside(ui_sub(s, l->body));
    ui_rows_begin(&v->help, &v->grid, help.at.w);
    IMR_AUTOBUF imr_buf binds = {0};
    if (a->keys_told)
        ui_keymap_lines(&a->keymap, &binds);
    else
        ui_build_help(&v->help, &a->keymap, ui_app_screen_context(a));
    ui_rows_lines(&v->help, imr_buf_text(&binds));
    ui_scroll_fit(&a->help, (size_t)v->help.n, help.at.h);
}

/* ---- panes ---- */

/* Why there is no text to show; "": it is on its way; NULL: there is one. */
static const char *missing(const ui_app *a)
{
    const imr_detail *have = a->reading.detail;
    const imr_trace_document *d = ui_list_selected(&a->list);
    if (d && have && (stays(a) || strcmp(have->document_id, d->id) == 0) && *have->text)
        return NULL;
    if (a->facts && !a->facts->has_texts)
        return "The cache holds no texts: name the data set with --dataset to read documents here.";
    if (a->reading.error.status != IMR_OK)
        return a->reading.error.text;
    return "";
}

/* Keys of the list that the hint line has no room for; while typing they are behind Enter. */
static void note_keys(const ui_app *a, ui_surface s, int end)
{
    const int x = a->editing ? ui_put(s, 0, 1, UI_DIM, "in the list:") : 0;
    ui_draw_hint(ui_sub(s, (ui_rect){0, x, 1, end - x}), &a->keymap, UI_IN_LIST,
                 a->editing ? "why,words,preview"
                            : "words,preview,stage,scope,what-if,mover-next=next mover",
                 false);
}

static void draw_why(const ui_view *v, const ui_app *a, ui_surface s, bool boxed)
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    bool focused = !a->editing && a->pane == UI_PANE_WHY;
    ui_text title = {"Why"}, note = {""};
    if (d)
        title = ui_why_title(a->trace, d, a->glyphs);
    if (stays(a))
        note = ui_textf("…");
    else if (a->why.lines > a->why.page)
        note = ui_textf("%zu-%zu/%zu", a->why.top + 1, a->why.top + a->why.page, a->why.lines);
    if (boxed) {
        ui_box(s, focused, title.s, note.s);
        ui_rows_draw_boxed(&v->why, s, focused, (int)a->why.top);
        ui_mark_found(ui_inside(s), &a->list.find);
        return;
    }
    ui_repeat(s, 0, 0, s.at.w, UI_BORDER, "─");
    ui_putf(s, 0, 1, UI_STRONG, " %s ", title.s);
    ui_rows_draw(&v->why, ui_sub(s, (ui_rect){1, 0, s.at.h - 1, s.at.w}), 0);
}

/* Panes, and the borders between them: two cells, one of each. */
static void hit_panes(ui_surface s, const ui_layout *l)
{
    const ui_rect under = l->why.x ? l->preview : l->why, w = l->why, p = l->preview;
    ui_hit_put(s, l->list, UI_HIT_PANE, UI_PANE_LIST);
    ui_hit_put(s, w, l->boxed ? UI_HIT_PANE : UI_HIT_DO, l->boxed ? UI_PANE_WHY : UI_DO_WHY);
    ui_hit_put(s, p, UI_HIT_PANE, UI_PANE_PREVIEW);
    ui_hit_put(s, (ui_rect){under.y - l->boxed, 0, under.h ? 1 + l->boxed : 0, under.w},
               UI_HIT_BORDER, 1);
    ui_hit_put(s, w.x ? (ui_rect){w.y, w.x - 1, w.h, 2} : (ui_rect){p.y - 1, 0, p.h ? 2 : 0, p.w},
               UI_HIT_BORDER, 0);
}

static void draw_panes(const ui_view *v, const ui_app *a, ui_surface s, const ui_layout *l)
{
    ui_text moved = ui_moved_text(&a->list, a->glyphs);
    ui_surface list = ui_sub(s, l->list);
    bool focused = !a->editing && a->pane == UI_PANE_LIST;
    hit_panes(s, l);
    if (l->boxed) {
        const char *arrow = a->glyphs->arrow;
        ui_text title = ui_textf("encoder %s projected %s now", arrow, arrow);
        if (a->held)
            title = ui_textf("B: %.60s", a->held->query_text);
        ui_box(list, focused, a->held || ui_adapted(a->trace) ? title.s : "Ranking", moved.s);
        list = ui_inside(list);
    }
    ui_draw_list(list, &a->list, focused);
    const bool spoken = s.grid->glyphs->spoken; /* the rest is told when it is asked for */
    if (l->why.h && !spoken)
        draw_why(v, a, ui_sub(s, l->why), l->boxed);
    if (l->preview.w)
        ui_draw_preview(ui_sub(s, l->preview), &a->list, &a->reading, a->text.top, missing(a), true,
                        !a->editing && a->pane == UI_PANE_PREVIEW);
    if (l->note.w) {
        ui_surface note = ui_sub(s, l->note);
        if (!spoken)
            note_keys(a, note, note.at.w - ui_width(moved.s) - 2);
        ui_put_right(note, 0, note.at.w, UI_DIM, moved.s);
    }
    /* Rows that answer another query than the one typed look it. */
    if (a->query_error.status != IMR_OK)
        ui_mark(s, l->body, UI_DIM);
}

static void draw_rank(const ui_view *v, const ui_app *a, ui_surface s, const ui_layout *l)
{
    ui_surface body = ui_sub(s, l->body);
    if (a->trace && !ui_app_offering(a))
        draw_panes(v, a, s, l);
    else if (a->error.status != IMR_OK)
        ui_draw_failed(body, &a->error);
    else if (!a->facts)
        ui_draw_loading(body, &a->progress, a->intro);
    else if (ui_app_offering(a))
        ui_draw_offers(body, a->facts, &a->offers);
    else
        ui_draw_empty(body, a->facts, &a->offers, &a->query_error, a->intro, a->editing);
}

static void draw_words(const ui_app *a, ui_surface s)
{
    const ui_reading *r = stays(a) ? &a->reading : reading(a);
    const imr_trace_document *d = ui_list_selected(&a->list);
    if (r && r->document.n) {
        size_t q = a->cell_query < r->query.n ? a->cell_query : r->query.n - 1;
        size_t w = a->cell_document < r->document.n ? a->cell_document : r->document.n - 1;
        int y = ui_draw_words(s, d, r, q, w) + 1;
        ui_draw_text(ui_sub(s, (ui_rect){y, 0, s.at.h - y - 2, s.at.w}), r);
        return;
    }
    const char *why = r                                   ? r->detail->why.pairs.problem
                      : a->reading.error.status != IMR_OK ? a->reading.error.text
                                                          : "";
    if (!d)
        return;
    ui_put_cut(s, 0, 1, s.at.w - 2, UI_STRONG, d->title);
    int y = ui_put_wrapped(s, 2, 1, s.at.w - 2, s.at.h - 3, UI_TEXT,
                           why && *why ? why : "The words that met are being worked out.");
    if (r && r->detail->n_spans)
        ui_put(s, y, 1, UI_DIM, "L leaves each word out, w shows what that does.");
}

static void draw_document(const ui_app *a, ui_surface s, const ui_layout *l)
{
    const ui_rect w = l->words;
    ui_hit_put(s, l->document, UI_HIT_PANE, UI_PANE_LIST);
    ui_hit_put(s, w, UI_HIT_PANE, UI_PANE_WORDS);
    ui_hit_put(s, (ui_rect){w.y, w.x - 1, w.h, w.w && w.x ? 2 : 0}, UI_HIT_BORDER, 2);
    ui_draw_document(ui_sub(s, l->document), ui_sub(s, w), &a->list, &a->reading, a->document.top,
                     &a->words, missing(a), l->boxed, a->pane == UI_PANE_WORDS);
}

static void draw_body(const ui_view *v, const ui_app *a, ui_surface s, const ui_layout *l)
{
    ui_surface body = ui_sub(s, l->body);
    if (a->screen == UI_RANK)
        draw_rank(v, a, s, l);
    else if (a->screen == UI_DOCUMENT)
        draw_document(a, s, l);
    else if (a->screen == UI_WORDS)
        draw_words(a, body);
    else if (a->screen == UI_MAP)
        ui_draw_map(
            body, &(ui_map_parts){.map = ui_app_map(a),
                                  .problem = a->map_error.status != IMR_OK ? a->map_error.text : "",
                                  .stage = a->map_stage,
                                  .blocks = a->map_blocks,
                                  .list = &a->list});
    else if (a->screen == UI_AUDIT && !(a->audit.words && a->audit.of))
        ui_draw_audit(body, &a->audit);
    else if (ui_is_rows(a->screen))
        ui_rows_draw(&v->why, body, (int)a->why.top);
    else if (a->screen == UI_PREVIEW)
        ui_draw_preview(body, &a->list, &a->reading, a->text.top, missing(a), false, true);
    else if (a->screen == UI_SELFTEST)
        ui_draw_selftest(body);
    if (a->screen == UI_WORDS || ui_is_rows(a->screen))
        ui_mark_found(body, &a->list.find);
}

/* ---- the lines above ---- */

static void draw_query(const ui_app *a, ui_surface s)
{
    static const char *const overlays[] = {"",     "HELP", "POINT", "COLUMNS", "PICK",
                                           "PICK", "MENU", "PICK",  "EXPORT"};
    static const char *const screens[] = {
        [UI_RANK] = "LIST",       [UI_DOCUMENT] = "DOC",    [UI_WORDS] = "WORDS",
        [UI_WHY] = "WHY",         [UI_PREVIEW] = "TEXT",    [UI_MAP] = "MAP",
        [UI_COMPARE] = "COMPARE", [UI_ADAPTER] = "ADAPTER", [UI_AUDIT] = "AUDIT",
        [UI_SELFTEST] = "LIST"};
    const bool typing = a->editing && a->screen == UI_RANK, over = a->overlay != UI_OVER_NONE;
    const ui_prompt *p = &a->query;
    const char *text = ui_prompt_text(p), *note = "";
    if (a->stale)
        note = a->glyphs->ascii ? "working" : "?";
    else if (a->trace && a->query_error.status != IMR_OK)
        note = "old rows";
    else if (a->facts && !a->facts->has_encoder)
        note = a->cols >= 100 ? "no encoder: cached queries only" : "no encoder";
    ui_put_right(s, 0, s.at.w - 1, UI_MODE,
                 a->live.of == UI_DO_FIND ? "FIND"
                 : a->live.of             ? "FILTER"
                 : over                   ? overlays[a->overlay]
                 : typing                 ? "QUERY"
                                          : screens[a->screen]);
    ui_put_right(s, 0, s.at.w - 8, a->stale ? UI_STRONG : UI_DIM, note);
    int x = ui_put(s, 0, 1, UI_STRONG, "›") + 1;
    int w = s.at.w - 9 - ui_width(note) - x, end = x + ui_width(text);
    ui_prompt_draw(p, s, x, w, typing && !over);
    /* the rest of a query that begins as typed */
    if (typing && !over && a->ghost && p->cursor == p->text.len && end + 4 < x + w)
        ui_put_cut(s, 0, end, x + w - end, UI_BORDER,
                   a->theme == UI_THEME_MONO ? ui_textf("[%.400s]", a->ghost).s : a->ghost);
    const ui_reading *r = reading(a);
    const imr_pairs *words = r && end < x + w ? &r->detail->why.pairs : NULL;
    for (size_t i = 0, from, to; words && i < words->n_query; i++) {
        const imr_pair_word *word = &words->query[i];
        const bool marked = r->marked && r->marked_query == i;
        const bool unknown = !word->special && word->total[0] == 0; /* its row is all zeros */
        for (size_t at = 0; (marked || unknown) && ui_find_word(text, at, word->text, &from, &to);
             at = to)
            ui_mark(s,
                    (ui_rect){0, x + (int)imr_utf8_width(text, from), 1,
                              (int)imr_utf8_width(text + from, to - from)},
                    marked ? UI_REVERSED : UI_LOSS_WORD);
    }
}

static void draw_head(const ui_app *a, ui_surface s, const ui_layout *l)
{
    static const int tabs[] = {
        [UI_RANK] = 1, [UI_DOCUMENT] = 2, [UI_WORDS] = 3,   [UI_WHY] = 1,   [UI_PREVIEW] = 1,
        [UI_MAP] = 4,  [UI_COMPARE] = 6,  [UI_ADAPTER] = 7, [UI_AUDIT] = 5, [UI_SELFTEST] = 1};
    ui_draw_tabs(ui_sub(s, l->tabs), tabs[a->screen], a->facts,
                 a->trace ? &a->trace->settings : &a->settings, a->trace != NULL,
                 ui_key_for(&a->keymap, a->glyphs, ui_app_context(a), UI_DO_HELP).s);
    draw_query(a, ui_sub(s, l->query));
    const char *banner = ui_app_banner(a), *what_if = ui_app_what_if(a);
    ui_surface top = ui_sub(s, l->banner);
    if (what_if) {
        ui_text undo = ui_key_for(&a->keymap, a->glyphs, UI_IN_LIST, UI_DO_NO_WHAT_IF);
        ui_text back = ui_textf("%s undoes it", undo.s);
        const bool here = a->screen != UI_AUDIT && a->screen != UI_ADAPTER;
        ui_put_cut(top, 0, 1, a->cols - ui_width(back.s) - 4, UI_STRONG,
                   here ? what_if : ui_textf("the adapter as it is, not %s", what_if).s);
        ui_put_right(top, 0, a->cols - 1, UI_STRONG, *undo.s ? back.s : "");
        ui_hit_put(top, (ui_rect){0, a->cols - 20, 1, 20}, UI_HIT_DO, UI_DO_NO_WHAT_IF);
        ui_mark(top, (ui_rect){0, 0, 1, a->cols}, UI_REVERSED);
    }
    if (banner)
        ui_put_wrapped(top, what_if != NULL, 1, a->cols - 2, l->banner.h - (what_if != NULL),
                       ui_query_error_role(&a->query_error), banner);
    ui_surface m = ui_sub(s, l->metrics);
    if (!a->trace)
        return;
    if (ui_is_of_document(a->screen) && ui_list_selected(&a->list)) {
        ui_draw_facts(m, a->trace, ui_list_selected(&a->list));
    } else if (a->query_error.status != IMR_OK) {
        int from = ui_put(m, 0, 1, UI_DIM, "? the rows below answer: ");
        ui_put_cut(m, 0, from, m.at.w - from - 1, UI_TEXT, a->trace->query_text);
    } else {
        ui_draw_metrics(m, a->trace, ui_shows_both(&a->list));
    }
}

/* ---- the lines below ---- */

static void status_of_list(const ui_app *a, imr_buf *b)
{
    const char *dot = a->glyphs->middot;
    const ui_list *l = &a->list;
    const imr_trace_document *d = ui_list_selected(l);
    imr_buf_printf(b, "%zu of %zu %s sort %s%s", l->n ? l->at + 1 : 0, l->n, dot,
                   ui_menu_of(UI_DO_SORT, UI_MENU_USUAL)->labels[l->sort],
                   l->reversed ? " reversed" : "");
    if (ui_shows_both(l) && *l->trace->seen)
        imr_buf_printf(b, " %s in training: A %s, B %s", dot, imr_trace_side(l->trace, 0)->seen,
                       imr_trace_side(l->trace, 1)->seen);
    if (l->filter)
        imr_buf_printf(b, " %s %s", dot, ui_app_filtered(a, true).s);
    if (l->marks.n)
        imr_buf_printf(b, " %s %zu marked", dot, l->marks.n);
    if (l->selected && d)
        imr_buf_printf(b, " %s on document %s", dot, d->id);
    if (l->pinned)
        imr_buf_printf(b, " %s pinned %s", dot, l->pinned);
    if (ui_adapted(a->trace) && (a->reading.wish.stage != IMR_STAGE_AFTER || a->reading.wish.raw))
        imr_buf_printf(b, " %s shares %s", dot, ui_measure_text(a->reading.wish).s);
}

static void status_left(const ui_app *a, imr_buf *b)
{
    static const char *const signs[] = {"bold for it, underlined against", "for it", "against it"};
    const char *dot = a->glyphs->middot;
    const ui_reading *r = &a->reading;
    if (ui_app_finds(a))
        imr_buf_printf(b, "%zu of %zu found: %.100s %s ", a->found.at, a->found.n,
                       a->list.find.text, dot);
    if (a->trace && (a->screen == UI_DOCUMENT || a->screen == UI_PREVIEW)) {
        bool page = a->screen == UI_DOCUMENT;
        imr_buf_printf(b, "line %zu of %zu %s %zu highlights",
                       (page ? a->document.top : a->text.top) + 1, page ? r->page.n : r->preview.n,
                       dot, r->n_highlights);
        if (r->highlight_at && r->n_highlights)
            imr_buf_printf(b, " %s at %zu", dot, r->highlight_at);
        imr_buf_printf(b, " %s %s", dot, signs[r->signs]);
    } else if (a->trace && a->screen == UI_WORDS) {
        imr_buf_printf(b, "%zu words of the query %s %zu of the text %s sort %s", r->query.words,
                       dot, r->document.words, dot,
                       ui_menu_of(UI_DO_SORT, UI_MENU_WORDS)->labels[r->sort]);
    } else if (a->screen == UI_AUDIT) {
        const ui_audit *u = &a->audit;
        const ui_menu *sorts = ui_menu_of(UI_DO_SORT, UI_MENU_AUDIT);
        const bool down = u->sort && *u->sort == '-';
        const char *sort = u->sort && u->sort[down] ? u->sort + down : sorts->names[0];
        for (size_t i = 0; i < strlen(sorts->keys); i++)
            sort = strcmp(sort, sorts->names[i]) == 0 ? sorts->labels[i] : sort;
        imr_buf_printf(b, "%zu of %zu %s sort %s%s", u->n ? u->at + 1 : 0, u->n, dot, sort,
                       down ? " reversed" : "");
        if (u->filter)
            imr_buf_printf(b, " %s %s", dot, ui_app_filtered(a, true).s);
    } else if (a->trace) {
        status_of_list(a, b);
    } else if (a->facts) {
        imr_buf_printf(b, "%s documents %s %s cached queries", ui_count(a->facts->documents).s, dot,
                       ui_count(a->facts->queries).s);
    }
}

/* A line that acts while it is typed, and what it comes to. */
static void draw_live(const ui_app *a, ui_surface s)
{
    const bool find = a->live.of == UI_DO_FIND, told = a->message[0] != 0;
    const ui_text note = told         ? ui_textf("%s", a->message)
                         : !find      ? ui_app_filtered(a, false)
                         : a->found.n ? ui_textf("%zu of %zu", a->found.at, a->found.n)
                                      : (ui_text){""};
    const int x = ui_put(s, 0, 1, UI_STRONG, find ? "/" : "filter ");
    const int room = s.at.w - x - 22, w = ui_width(note.s) < room ? ui_width(note.s) : room;
    ui_prompt_draw(&a->line, s, x, s.at.w - x - w - 3, true);
    ui_put_cut(s, 0, s.at.w - 1 - w, w, told && a->message_error ? UI_ERROR : UI_TEXT, note.s);
}

static void draw_status(const ui_app *a, ui_surface s)
{
    IMR_AUTOBUF imr_buf left = {0};
    if (a->live.of) {
        draw_live(a, s);
        return;
    }
    if (!a->glyphs->spoken || a->screen != UI_RANK)
        status_left(a, &left);
    ui_text right = {""};
    if (a->message[0])
        right = ui_textf("%s%s", a->message_error ? "Error: " : "", a->message);
    else if (a->progress.total && !a->glyphs->spoken)
        right = ui_textf("%s %d%%", a->progress.what,
                         (int)(100 * a->progress.done / a->progress.total));
    else if (a->stale)
        right = ui_textf(a->trace ? "? ranking of the query before" : "searching");
    int room = s.at.w - 2, w = ui_width(right.s) < room ? ui_width(right.s) : room;
    ui_put_cut(s, 0, s.at.w - 1 - w, w, a->message_error && a->message[0] ? UI_ERROR : UI_TEXT,
               right.s);
    int rest = room - w - (*right.s ? 2 : 0);
    if (rest >= 20 || rest >= ui_width(imr_buf_text(&left)))
        ui_put_cut(s, 0, 1, rest, UI_DIM, imr_buf_text(&left)); /* else a long message has it all */
}

static const char *hints(const ui_app *a, ui_context c)
{
    if (a->overlay == UI_OVER_COLUMNS)
        return "alpha-down=to the left,alpha-up=to the right,escape";
    if (a->overlay == UI_OVER_MENU)
        return "escape=close; a letter of the menu chooses";
    if (a->live.of == UI_DO_FIND)
        return "open=keep,escape=go back";
    if (a->live.of == UI_DO_FILTER)
        return a->cols < 80 ? "open=keep,escape=as before"
               : a->screen == UI_AUDIT
                   ? "open=keep,escape=as before; words: lost won unseen rbo.encoder<.5"
                   : "open=keep,escape=as before; words: rel unseen marked moved>5 -word";
    if (a->overlay == UI_OVER_LINE)
        return a->judged ? "open=keep it,escape" : "open=search,escape";
    if (a->overlay == UI_OVER_EXPORT)
        return "next=field,char-right=choose,complete,open=write,escape";
    if (a->overlay == UI_OVER_POINT)
        return "point-down=the next number,escape";
    if (c == UI_IN_PICK)
        return "next,open=run,escape";
    if (c == UI_IN_HELP)
        return "next=scroll,point-down=points at a number,page-down,escape,palette";
    if (c == UI_IN_DOC)
        return "next=scroll,highlight-next,doc-next,quit=back,pane-next,stage,words,signs,why,"
               "export,copy,find";
    if (c == UI_IN_MAP)
        return "next=nearest,left,stage,dots,mark,open,doc-next,quit=back,why";
    if (a->screen == UI_AUDIT)
        return a->audit.words ? "next=scroll,pane-next=queries,export,quit=back"
                              : "next,open=open it live,sort,filter,pane-next=verdict and "
                                "words,export,reverse,quit=back,rank";
    if (a->screen == UI_ADAPTER)
        return "next=scroll,page-down,quit=back,rank,map,query,palette";
    if (c == UI_IN_WORDS)
        return "next,left,stage,sort,raw,open=in the text,without,doc-next,quit=back,export,copy";
    if (c == UI_IN_QUERY && ui_app_offering(a))
        return "next,list=rank it,kill-start,escape=leave,palette";
    if (c == UI_IN_QUERY)
        return "next,list,kill-start,history,palette";
    if (a->screen == UI_SELFTEST)
        return "quit=back,palette";
    if (a->error.status != IMR_OK)
        return "quit,palette";
    if (!a->trace)
        return "query,history,palette,quit";
    if (a->screen == UI_COMPARE)
        return "next=scroll,stage,rank=mark others,quit=back,words,export";
    if (a->screen == UI_RANK)
        return "next,open,query,sort,filter,why,words,export,palette,quit,stage,copy,find";
    return "next=scroll,quit=back,open,words,stage,raw,dimensions,order,export,copy";
}

/* ---- overlays ---- */

/* The line's title while a verdict is given. */
static ui_text judged_text(const ui_app *a)
{
    const bool query = a->judged_place == SIZE_MAX;
    if (a->judged_n)
        return ui_textf("Why %s %zu marked document%s", ui_actions[a->line_action].hint,
                        a->judged_n, a->judged_n == 1 ? "" : "s");
    return ui_textf("Why %s %s%.200s", ui_actions[a->line_action].hint, query ? "the query " : "",
                    query ? a->judged->query_text : imr_trace_at(a->judged, a->judged_place)->id);
}

static void draw_export(const ui_app *a, ui_surface body)
{
    const ui_export *x = &a->export;
    const imr_report_format *f = &imr_report_formats[x->format];
    const imr_async_progress *p = &a->progress;
    const bool failed = a->message_error && *a->message, asks = x->replace && !x->writing;
    const ui_text told = failed ? ui_textf("%s", a->message)
                         : asks ? ui_textf("This file exists: Enter again replaces it.")
                         : x->bytes && !x->writing
                             ? ui_textf("about %s KB", ui_count((x->bytes + 999) / 1000).s)
                             : ui_textf("%s %d%%", x->writing ? "writing" : "working out the size",
                                        p->total ? (int)(100 * p->done / p->total) : 0);
    ui_draw_export(body, x->told.s, ui_textf("%s: %s", f->name, f->what).s, &a->line, x->field,
                   failed ? UI_ERROR
                   : asks ? UI_STRONG
                          : UI_DIM,
                   told.s);
}

static void draw_overlay(const ui_view *v, const ui_app *a, ui_surface s, ui_surface body)
{
    const struct ui_hit *h = a->hits.n ? &a->hits.v[a->pointed] : NULL;
    if (ui_app_helps(a)) {
        ui_draw_help(body, &v->help, (int)a->help.top);
        ui_mark_found(ui_help_inside(body), &a->list.find);
    } else if (a->overlay == UI_OVER_POINT && h && h->kind == UI_HIT_TERM)
        ui_draw_point(s, h->at.y, h->at.x, h->at.w, (int)h->value);
    else if (a->overlay == UI_OVER_COLUMNS)
        ui_draw_columns(body, a->list.columns, a->pick);
    else if (a->overlay == UI_OVER_PALETTE)
        ui_draw_palette(body, &a->keymap, ui_app_menus(a), &a->line, a->pick);
    else if (a->overlay == UI_OVER_HISTORY)
        ui_draw_history(body, &a->line, &a->offers);
    else if (a->overlay == UI_OVER_MENU)
        ui_draw_menu(body, ui_actions[a->menu].hint, ui_menu_of(a->menu, ui_app_menus(a)));
    else if (a->overlay == UI_OVER_EXPORT)
        draw_export(a, body);
    else if (a->overlay == UI_OVER_LINE && !a->live.of)
        ui_draw_line(body, a->judged ? judged_text(a).s : "What if (without WORD, push WORD=0.2)",
                     &a->line);
}

bool ui_view_make(ui_view *v, ui_app *a)
{
    if (v->grid.rows != a->rows || v->grid.cols != a->cols) {
        ui_grid fresh;
        if (ui_grid_init(&fresh, a->rows, a->cols, NULL) != IMR_OK)
            return false;
        ui_grid_done(&v->grid);
        v->grid = fresh;
    }
    ui_grid_clear(&v->grid);
    a->hits.n = 0;
    v->grid.glyphs = a->glyphs;
    v->grid.halves = a->theme == UI_THEME_MONO || a->theme == UI_THEME_16;
    ui_layout l = ui_app_layout(a);
    ui_surface s = ui_surface_of(&v->grid);
    if (l.class == UI_CLASS_T) {
        ui_draw_too_small(s, a->pending ? a->progress.what : "");
        return true;
    }
    v->grid.hits = &a->hits;
    build_rows(v, a, &l, s);
    draw_head(a, s, &l);
    if (!a->glyphs->spoken || a->overlay == UI_OVER_NONE || a->overlay == UI_OVER_POINT)
        draw_body(v, a, s, &l);
    draw_status(a, ui_sub(s, l.status));
    ui_context c = ui_app_context(a);
    if (a->overlay != UI_OVER_NONE && !a->live.of)
        a->hits.n = 0;
    if (a->overlay == UI_OVER_POINT)
        ui_find_numbers(s);
    a->pointed = a->pointed < a->hits.n ? a->pointed : 0;
    ui_draw_hint(ui_sub(s, l.hint), &a->keymap, c, hints(a, c), true);
    draw_overlay(v, a, s, ui_sub(s, l.body));
    return true;
}
