/* ui/copy.c - what is copied, and where to: tmux's buffer, the terminal's clipboard, a file. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "report/report.h"
#include "ui/replay.h"

#define TMUX_MS 40 /* that it may take */

extern char **environ;

/* ---- what ---- */

/* Rows as the csv report has them. */
static void copy_rows(ui_app *a, bool all)
{
    const ui_list *l = &a->list;
    IMR_AUTOFREE bool *printed = IMR_NEW_ARRAY(bool, a->trace->n_documents + a->trace->n_left);
    imr_error err;
    for (size_t i = 0; printed && i < l->n; i++)
        printed[l->order[i]] = all || i == l->at;
    const imr_report_context context = {.printed = printed, .chosen = true};
    if (!printed || imr_report_render(a->trace, "csv", &context, &a->clip, &err) != IMR_OK)
        a->clip.failed = true;
}

/* Why the selected document stands where it stands, at length. */
static void copy_why(ui_app *a, const imr_trace_document *d)
{
    ui_rows rows = {0};
    imr_buf_printf(&a->clip, "%s\n%s %s\n", a->trace->query_text, d->id, d->title);
    ui_view_why(a, &rows);
    rows.grid.rows = rows.n;
    ui_grid_text(&rows.grid, &a->clip);
    ui_rows_done(&rows);
}

/* The matrix of the screen Words as it is measured, in the order of the texts. */
static void copy_words(imr_buf *b, const ui_reading *r)
{
    const imr_pairs *p = &r->detail->why.pairs;
    char text[64];
    for (size_t d = 0; d <= p->n_document; d++)
        imr_buf_printf(b, "\t%s", d < p->n_document ? p->document[d].text : "not from words");
    for (size_t q = 0; q <= p->n_query; q++) {
        imr_buf_printf(b, "\n%s", q < p->n_query ? p->query[q].text : "not from words");
        for (size_t d = 0; d <= p->n_document; d++)
            imr_buf_printf(b, "\t%s",
                           imr_format_fixed(text, ui_share(p, r->measure, q, d), 4, true));
    }
    imr_buf_char(b, '\n');
}

UI_ON(copy)
{
    enum { ID, ROW, TEXT, WHY, QUERY, ALL };
    const imr_trace_document *d = ui_list_selected(&a->list);
    const bool fits = ui_app_detail_fits(a) && a->reading.detail->why.sentence;
    const int what = ui_chosen(a, action, "copy", argument);
    if (what < 0)
        return;
    if (!d || (!fits && (what == TEXT || what == WHY))) {
        ui_app_say(a, true, "nothing to copy");
        return;
    }
    imr_buf_clear(&a->clip);
    if (ui_app_what_if(a) && (what == ROW || what >= WHY)) /* numbers do not leave without it */
        imr_buf_printf(&a->clip, "%s\n", ui_app_what_if(a));
    if (what == WHY)
        copy_why(a, d);
    else if (what == ALL && a->screen == UI_WORDS && fits && a->reading.document.n)
        copy_words(&a->clip, &a->reading);
    else if (what == ROW || what == ALL)
        copy_rows(a, what == ALL);
    else if (what == TEXT)
        imr_buf_printf(&a->clip, "%s\n\n%s\n", d->title, a->reading.detail->text);
    else
        imr_buf_str(&a->clip, what == ID ? d->id : a->trace->query_text);
    a->copied = ui_textf(what == QUERY || what == ALL ? "the %s" : "%s %s",
                         what == ALL ? "table" : argument, d->id);
    a->effects |= a->clip.failed ? 0 : UI_FX_COPY;
}

/* ---- where to ---- */

/* clipboard: to the terminal's, too, which an old tmux cannot. */
static bool tmux(bool clipboard, const imr_buf *text)
{
    char name[] = "tmux", verb[] = "load-buffer", flag[] = "-w", in[] = "-";
    char *const argv[] = {name, verb, clipboard ? flag : in, clipboard ? in : NULL, NULL};
    posix_spawn_file_actions_t files;
    int status = 1;
    pid_t pid;
    FILE *f = tmpfile();
    if (!f)
        return false;
    const bool whole = fwrite(text->data, 1, text->len, f) == text->len && fflush(f) == 0;
    rewind(f);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fileno(f), STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    const bool runs = whole && posix_spawnp(&pid, name, &files, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&files);
    fclose(f);
    for (int ms = 0; runs && waitpid(pid, &status, WNOHANG) == 0; ms++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        if (ms == TMUX_MS)
            kill(pid, SIGKILL);
    }
    return runs && status == 0;
}

void ui_copy(ui_app *a, ui_term *t, imr_async *jobs)
{
    const imr_buf *b = &a->clip;
    const bool small = b->len <= UI_CLIP_MAX, both = a->tmux && tmux(true, b),
               buffer = both || (a->tmux && tmux(false, b));
    imr_error err;
    if (small && !both && t->copy)
        t->copy(t, b->data, b->len);
    const char *const to = both              ? "tmux's buffer and the clipboard"
                           : small && buffer ? "tmux's buffer and, by OSC 52, the clipboard"
                           : buffer          ? "tmux's buffer"
                           : small           ? "the terminal's clipboard (OSC 52)"
                                             : a->clip_path;
    if (to)
        ui_app_say(a, false, "copied %s to %s", a->copied.s, to);
    else
        ui_app_say(a, true, "%zu bytes are more than a terminal takes (%d); export writes a file",
                   b->len, UI_CLIP_MAX);
    if (!buffer && a->clip_path && imr_async_write(jobs, a->clip_path, b->data, b->len, &err))
        ui_app_say(a, true, "%s", err.text);
}
