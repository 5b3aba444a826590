/* ui/ui.c - terminal, model, jobs: put together and taken apart. */
#include "ui/ui.h"

#include <langinfo.h>
#include <locale.h>
#include <strings.h>

#include "report/evaluation.h"
#include "report/report.h"
#include "ui/replay.h"

static const ui_options *running; /* for reports: the command line of this run */

static imr_status render(imr_session *s, const imr_trace *t, const imr_export *e,
                         const imr_comparison *compared, const imr_progress *progress, imr_buf *out,
                         imr_error *err)
{
    const imr_report_format *format = imr_report_format_of(e->format, err);
    const imr_details_ask ask = {.all = format && format->details == IMR_REPORT_ALL};
    IMR_CLEANUP(imr_details_done) imr_details details = {0};
    IMR_CLEANUP(imr_notes_free_at) imr_notes *notes = NULL;
    if (!format)
        return IMR_E_USAGE;
    if (e->audit)
        return imr_audit_report(out, e->audit,
                                (imr_eval_report){.command = running->command,
                                                  .n_command = running->n_command,
                                                  .sort = e->sort,
                                                  .filter = e->filter},
                                (imr_eval_form)(format - imr_report_formats), err);
    if (running->notes)
        IMR_TRY(imr_notes_read(&notes, running->notes, err));
    if (format->details != IMR_REPORT_NONE)
        IMR_TRY(imr_session_details(s, t, e->printed, &ask, progress, &details, err));
    const imr_report_context context = {.command = running->command,
                                        .n_command = running->n_command,
                                        .details = &details,
                                        .compare = compared,
                                        .notes = notes,
                                        .printed = e->printed,
                                        .chosen = true};
    return imr_report_render(t, e->format, &context, out, err);
}

static void deliver(void *user, const imr_delivery *d)
{
    ui_app *a = user;
    ui_app_deliver(a, d);
    if ((d->kind == IMR_ASYNC_OPEN || d->kind == IMR_ASYNC_SWAP) && d->status == IMR_OK)
        ui_app_opened(a, d->session, imr_session_facts_of(d->session));
    if (d->kind == IMR_ASYNC_OPEN && d->status == IMR_OK) {
        ui_state_open(a, running->restore);
        a->mouse = !running->terminal.no_mouse; /* until then an error can be selected */
    }
    if (d->kind == IMR_ASYNC_WORDS) { /* lists that were empty can be made */
        a->facts = imr_session_facts_of(d->session);
        ui_app_run_again(a);
    }
}

/* ---- files ---- */

static imr_status bind_keys(ui_app *a, const ui_options *o, imr_error *err)
{
    for (size_t i = 0; i < o->n_binds; i++) {
        const imr_bind *b = &o->binds[i];
        imr_error cause;
        imr_status status = ui_keymap_bind(&a->keymap, b->text, b->project, &cause);
        if (status != IMR_OK)
            return imr_fail(err, status, "%s:%u: %s", b->path, b->line, cause.text);
    }
    return IMR_OK;
}

static const ui_glyphs *glyphs(const ui_options *o)
{
    if (o->spoken)
        return &ui_spoken;
    const char *codeset = nl_langinfo(CODESET);
    bool utf8 = strcasecmp(codeset, "UTF-8") == 0 || strcasecmp(codeset, "utf8") == 0;
    bool unicode = o->glyphs ? strcmp(o->glyphs, "unicode") == 0 : utf8;
    return unicode && utf8 ? &ui_unicode : &ui_ascii;
}

/* ---- with a terminal, and without ---- */

/* Where it begins, without what was left last time. */
static void begin(ui_app *a, const ui_options *o)
{
    IMR_AUTOBUF imr_buf fresh = {0};
    a->mouse = !o->terminal.no_mouse; /* as it will be */
    ui_state_write(a, &fresh);
    a->mouse = false;
    a->states.fresh = imr_buf_take(&fresh);
    if (o->query)
        ui_prompt_set(&a->query, o->query);
}

static imr_status replay(ui_app *a, const ui_options *o, imr_async *jobs, imr_error *err)
{
    ui_replay r = {.app = a, .jobs = jobs, .out = o->printed, .patience = -1};
    if (!ui_theme_parse(&a->theme, o->terminal.theme))
        a->theme = UI_THEME_MONO;
    a->stranger = o->stranger;
    begin(a, o);
    ui_replay_settle(&r);
    imr_status status = a->error.status;
    if (status != IMR_OK)
        *err = a->error;
    else
        status = ui_replay_run(&r, o->lines_name, o->lines, o->n_lines, err);
    ui_view_done(&r.view);
    return status;
}

static imr_status interact(int *exit_code, ui_app *a, const ui_options *o, imr_async *jobs,
                           imr_error *err)
{
    ui_term *t;
    ui_event size = {.kind = UI_EVENT_RESIZE};
    IMR_TRY(ui_signals_open(err));
    IMR_TRY(o->spoken ? ui_term_text_open(&t, err) : ui_term_curses_open(&t, &o->terminal, err));
    a->theme = t->theme;
    a->record = o->record;
    begin(a, o);
    t->size(t, &size.y, &size.x);
    ui_update(a, &size);
    if (*t->notice)
        ui_app_say(a, false, "%s", t->notice);
    *exit_code = ui_loop(a, t, jobs);
    t->close(t);
    return IMR_OK;
}

static imr_status run(int *exit_code, ui_app *a, const imr_session_options *session,
                      const ui_options *o, imr_error *err)
{
    imr_async *jobs = NULL;
    ui_column v[UI_COL_COUNT];
    size_t n;
    IMR_TRY(bind_keys(a, o, err));
    IMR_TRY(ui_columns_parse(v, &n, o->columns, err));
    ui_replace(&a->list.columns, o->columns);
    if (o->history)
        ui_history_read(&a->history, o->history);
    IMR_TRY(imr_async_new(&jobs, deliver, a, err));
    imr_status status = imr_async_open(jobs, session, err);
    if (status == IMR_OK)
        status = o->lines ? replay(a, o, jobs, err) : interact(exit_code, a, o, jobs, err);
    ui_signals_close();
    imr_async_free(jobs);
    if (status == IMR_OK && a->note_error.status != IMR_OK)
        status = imr_fail(err, a->note_error.status, "%s; %s was not kept: %s", a->note_error.text,
                          imr_verdict_names[a->verdict], a->reason ? a->reason : "");
    IMR_AUTOBUF imr_buf kept = {0};
    imr_error lost; /* is no reason to fail what is over */
    if (ui_state_due(a, true, &kept) &&
        imr_file_write_private(a->states.path, kept.data, kept.len, &lost) != IMR_OK)
        imr_buf_clear(&kept);
    if (status == IMR_OK && o->history)
        ui_history_save(&a->history, o->history);
    return status;
}

imr_status ui_run(int *exit_code, const imr_session_options *session, const ui_options *options,
                  imr_error *err)
{
    ui_app a;
    setlocale(LC_CTYPE, "");
    running = options;
    IMR_TRY(ui_app_init(&a, glyphs(options), 24, 80, err));
    a.settings = session->settings;
    a.candidates = a.settings.candidates;
    a.intro = options->intro;
    a.clip_path = options->clip_file;
    a.tmux = options->tmux;
    a.notes_path = options->notes;
    a.reviewer = options->reviewer;
    a.render = render;
    a.states.folder = options->state;
    a.states.of = options->project;
    imr_status status = run(exit_code, &a, session, options, err);
    ui_app_done(&a);
    return status;
}
