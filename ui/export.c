/* ui/export.c - exports, as the dialog of `e` or a line of words asks for them. */
#include "base/file.h"
#include "report/evaluation.h"
#include "report/report.h"
#include "ui/app.h"

enum { TWO, TOP, SELECTED, MARKED, LISTED, ALL, ROWS, EVERY, WHATS };
static const char *const what_names[WHATS] = {"the two compared",   "the first 10, the selected",
                                              "the selected",       "the marked, the selected",
                                              "the list as shown",  "all that are ranked",
                                              "the audit as shown", "the audit, unfiltered"};

static bool offered(const ui_app *a, size_t what)
{
    size_t place[2];
    if (a->screen == UI_AUDIT || what >= ROWS)
        return a->screen == UI_AUDIT && (what == ROWS || (what == EVERY && a->audit.filter));
    return what == TWO        ? a->screen == UI_COMPARE && !*ui_app_compared(a, place).s
           : what == SELECTED ? a->list.n > 0
                              : what != MARKED || a->list.marks.n > 0;
}

static size_t formats(const ui_app *a)
{
    return a->screen == UI_AUDIT ? IMR_EVAL_FORM_COUNT : imr_report_formats_count;
}

/* Named after the query's first words or the audit, and the document or split it is of. */
static imr_path proposed(const ui_app *a)
{
    const ui_export *x = &a->export;
    const imr_trace_document *d = ui_list_selected(&a->list);
    const char *of = x->what == SELECTED && d         ? d->id
                     : x->what == TWO                 ? "compared"
                     : x->what >= ROWS && a->audit.of ? a->audit.of->split.name
                                                      : "";
    const ui_text from =
        ui_textf("%.32s %.32s", x->what < ROWS && a->trace ? a->trace->query_text : "audit", of);
    ui_text name = {"imrnn-"};
    size_t n = strlen(name.s);
    for (const char *c = from.s; *c; c++) {
        const bool upper = *c >= 'A' && *c <= 'Z';
        if (upper || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))
            name.s[n++] = upper ? (char)(*c - 'A' + 'a') : *c;
        else if (name.s[n - 1] != '-')
            name.s[n++] = '-';
    }
    name = ui_textf("%.*s.%s", (int)(n - (name.s[n - 1] == '-')), name.s,
                    imr_report_formats[x->format].extension);
    return imr_path_in(x->folder, name.s);
}

/* Another thing or format. Our name of the file follows, of another one its ending. */
static void choose(ui_app *a, size_t step)
{
    ui_export *x = &a->export;
    imr_path path = imr_path_in("", ui_prompt_text(&a->line));
    const bool ours = strcmp(path.s, proposed(a).s) == 0;
    const char *ending = imr_report_formats[x->format].extension;
    char *dot = strrchr(path.s, '.');
    if (x->field == UI_EXPORT_FORMAT)
        x->format = (x->format + step) % formats(a);
    else
        do
            x->what = (x->what + step) % WHATS;
        while (!offered(a, x->what));
    if (dot && strcmp(dot + 1, ending) == 0)
        snprintf(dot + 1, sizeof path.s - (size_t)(dot + 1 - path.s), "%s",
                 imr_report_formats[x->format].extension);
    ui_prompt_set(&a->line, ours ? proposed(a).s : path.s);
    x->measured = false;
}

bool ui_export_key(ui_app *a, ui_action action)
{
    ui_export *x = &a->export;
    const bool tab = action == UI_DO_COMPLETE, right = action == UI_DO_CHAR_RIGHT;
    const size_t n = x->field == UI_EXPORT_WHAT ? WHATS : formats(a);
    IMR_AUTOBUF imr_buf names = {0};
    x->replace = false;
    if (x->field == UI_EXPORT_FILE && tab && ui_prompt_complete(&a->line, &names) != 1)
        ui_app_say(a, false, names.len ? "%s" : "no name begins like that", imr_buf_text(&names));
    else if (x->field != UI_EXPORT_FILE && tab)
        x->field++;
    else if (x->field != UI_EXPORT_FILE && (right || action == UI_DO_CHAR_LEFT))
        choose(a, right ? 1 : n - 1);
    else
        return tab;
    return true;
}

void ui_export_to(ui_app *a, const char *path, bool replace)
{
    ui_export *x = &a->export;
    if (x->writing)
        return;
    ui_replace(&x->path, path);
    x->replace = replace;
    x->writing = *path != 0;
    a->effects |= UI_FX_EXPORT;
    ui_app_say(a, !*path, *path ? "writing %s" : "name a file", path);
}

UI_ON(export)
{
    ui_export *x = &a->export;
    imr_error err;
    const bool audit = a->screen == UI_AUDIT;
    const size_t n = argument ? strcspn(argument, " ") : 0, most = formats(a);
    const imr_report_format *f =
        n ? imr_report_format_of(ui_textf("%.*s", (int)n, argument).s, &err)
          : &imr_report_formats[x->format < most ? x->format : 0];
    const ui_text no = x->writing ? ui_textf("%s is being written; C-c stops that", x->path)
                       : (audit ? !a->audit.rows : !a->trace)
                           ? ui_textf("nothing to export yet: no query has been ranked")
                       : !f ? ui_textf("%s", err.text)
                       : f >= imr_report_formats + most
                           ? ui_textf("an audit is not written as %s", f->name)
                           : ui_textf("%s", "");
    if (*no.s || !f) {
        ui_app_say(a, true, "%s", no.s);
        return;
    }
    x->what = audit ? ROWS : offered(a, TWO) ? TWO : TOP;
    x->format = (size_t)(f - imr_report_formats);
    if (n) {
        const char *path = argument + n + strspn(argument + n, " ");
        ui_export_to(a, *path ? path : proposed(a).s, action == UI_DO_EXPORT_OVER);
        return;
    }
    ui_open_line(a, action, proposed(a).s);
    a->overlay = UI_OVER_EXPORT;
    x->field = UI_EXPORT_WHAT;
    x->measured = false;
}

void ui_export_ask(ui_app *a, imr_async *jobs)
{
    ui_export *x = &a->export;
    const ui_list *l = &a->list;
    const ui_audit *u = &a->audit;
    const bool audit = x->what >= ROWS;
    const imr_trace *t = audit ? NULL : a->trace;
    const size_t all = t ? t->n_documents + t->n_left : 0;
    size_t place[2] = {SIZE_MAX, SIZE_MAX}, n = 0;
    imr_error err;
    imr_export e = {.format = imr_report_formats[x->format].name,
                    .path = x->writing ? x->path : NULL,
                    .replace = x->replace,
                    .two = x->what == TWO && !*ui_app_compared(a, place).s,
                    .sort = u->sort,
                    .filter = x->what == EVERY ? NULL : u->filter,
                    .render = a->render};
    const bool wanted = (t || audit) && (x->writing || a->overlay == UI_OVER_EXPORT);
    if (wanted && t && !(e.printed = IMR_NEW_ARRAY(bool, all)))
        return;
    for (size_t i = 0; wanted && t && i < l->n; i++)
        e.printed[l->order[i]] = x->what == LISTED || (i == l->at && !e.two);
    for (size_t i = 0; wanted && x->what == MARKED && i < l->marks.n; i++) {
        const size_t at = imr_trace_place(t, l->marks.v[i]);
        if (at < all)
            e.printed[at] = true;
    }
    for (size_t i = 0; wanted && i < all; i++) {
        e.printed[i] |= x->what == ALL || (x->what == TOP && i < IMR_REPORT_TOP) || i == place[0] ||
                        i == place[1];
        n += e.printed[i];
    }
    memcpy(e.compared, place, sizeof place);
    x->told = ui_textf("%s: %zu document%s", what_names[x->what], n, n == 1 ? "" : "s");
    if (audit && u->of)
        x->told = ui_textf("%s: %zu of %zu queries", what_names[x->what],
                           x->what == EVERY ? u->rows : u->n, u->of->n);
    if (imr_async_export(jobs, t, wanted ? &e : NULL, &err) != IMR_OK)
        ui_app_say(a, true, "%s", err.text);
}

void ui_export_take(ui_app *a, const imr_delivery *d)
{
    ui_export *x = &a->export;
    const bool open = a->overlay == UI_OVER_EXPORT, stopped = d->status == IMR_E_CANCELLED;
    if (d->kind == IMR_ASYNC_SIZE) {
        x->bytes = d->bytes;
    } else {
        x->measured = x->writing = false;
        a->message[0] = 0;
        x->replace = open && d->exists;
    }
    if (d->kind == IMR_ASYNC_EXPORT && d->status == IMR_OK) {
        imr_free(x->folder);
        x->folder = strchr(d->path, '/') ? imr_path_dir(d->path) : NULL;
        a->overlay = open ? UI_OVER_NONE : a->overlay;
        const size_t n = d->audit_rows, of = a->audit.of ? a->audit.of->n : 0;
        ui_app_say(a, false, "saved %s, %s KB%s", d->path, ui_count((d->bytes + 999) / 1000).s,
                   n && n < of ? ui_textf("; audited: %zu of %zu queries", n, of).s : "");
    } else if (stopped && d->kind == IMR_ASYNC_EXPORT) {
        ui_app_say(a, false, "cancelled; nothing was written");
    } else if (d->exists && !open) {
        ui_app_say(a, true, "%s exists; :export! replaces it", x->path);
    } else if (d->status != IMR_OK && !d->exists && !stopped) {
        ui_app_say(a, true, "%s", d->error.text);
    }
}
