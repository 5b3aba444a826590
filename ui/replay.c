/* ui/replay.c */
#include "ui/replay.h"

#include <poll.h>

#include "base/mem.h"
#include "base/number.h"

static const char *const words[] = {"press",  "drag",   "release", "wheel-up", "wheel-down",
                                    "click",  "keys",   "paste",   "resize",   "wait",
                                    "screen", "expect", "absent"};
enum { CLICK = UI_MOUSE_WHEEL_DOWN + 1, KEYS, PASTE, RESIZE, WAIT, SCREEN, EXPECT };

/* ---- what was done, as lines ---- */

/* A blank at the end of a line would be lost in an editor. */
static void end_line(imr_buf *b)
{
    if (b->len && b->data[b->len - 1] == ' ') {
        b->len--;
        imr_buf_str(b, "<Space>");
    }
    if (b->len && b->data[b->len - 1] != '\n')
        imr_buf_char(b, '\n');
}

void ui_record(imr_buf *b, const ui_event *e)
{
    if (e->kind == UI_EVENT_TICK || e->kind == UI_EVENT_BACKGROUND)
        return;
    const char *last = imr_buf_text(b) + b->len;
    while (last > imr_buf_text(b) && last[-1] != '\n')
        last--;
    const bool key = e->kind == UI_EVENT_KEY && e->key != IMR_UTF8_BAD;
    const bool goes_on = key && strncmp(last, "keys ", 5) == 0 && strlen(last) < 72;
    if (!goes_on)
        end_line(b);
    if (key)
        imr_buf_printf(b, "%s%s", goes_on ? "" : "keys ",
                       e->key == ' ' ? " " : ui_key_name(e->key, false).s);
    else if (e->kind == UI_EVENT_PASTE)
        imr_buf_printf(b, "paste %s\n", e->text);
    else if (e->kind == UI_EVENT_MOUSE)
        imr_buf_printf(b, "%s %d %d %d\n", words[e->mouse], e->y, e->x, e->button);
    else if (e->kind == UI_EVENT_RESIZE)
        imr_buf_printf(b, "resize %dx%d\n", e->x, e->y);
}

/* ---- a screen as text ---- */

void ui_grid_text(const ui_grid *g, imr_buf *out)
{
    for (int y = 0; y < g->rows; y++) {
        size_t keep = out->len;
        for (int x = 0; x < g->cols; x++) {
            const ui_cell *c = ui_grid_cell(g, y, x);
            imr_buf_add(out, c->text, c->len);
            if (c->len != 1 || c->text[0] != ' ')
                keep = c->len ? out->len : keep;
        }
        if (!out->failed)
            out->len = keep;
        imr_buf_char(out, '\n');
    }
}

void ui_replay_print(const ui_replay *r, const char *title)
{
    const ui_grid *g = &r->view.grid;
    if (*title) {
        imr_buf_str(r->out, "=== ");
        imr_utf8_clean(r->out, title, strlen(title), IMR_CLEAN_LINE);
        imr_buf_printf(r->out, " (%dx%d, cursor %d,%d%s)\n", g->cols, g->rows, g->cursor_y,
                       g->cursor_x, g->cursor_shown ? "" : " hidden");
    }
    ui_grid_text(g, r->out);
}

/* ---- done again ---- */

void ui_replay_settle(ui_replay *r)
{
    struct pollfd p = {imr_async_fd(r->jobs), POLLIN, 0};
    for (bool more = true; !r->left && more;) {
        r->left = !ui_act(r->app, &r->term, r->jobs);
        more = !r->left && !imr_async_idle(r->jobs) && poll(&p, 1, r->patience) != 0;
        imr_async_reap(r->jobs);
    }
    if (!r->left)
        r->left = !ui_act(r->app, &r->term, r->jobs);
    ui_frame(r->app, &r->term, &r->view);
}

void ui_replay_event(ui_replay *r, const ui_event *e)
{
    if (r->left)
        return;
    ui_update(r->app, e);
    ui_replay_settle(r);
    if (r->left)
        imr_buf_str(r->out, "=== left\n");
}

static imr_status keys(ui_replay *r, const char *text, imr_error *err)
{
    ui_event e = {.kind = UI_EVENT_KEY};
    for (size_t used, left = strlen(text); left; text += used, left -= used) {
        used = ui_key_parse(&e.key, text, left < 16 ? left : 16); /* no name is longer */
        if (!used)
            return imr_fail(err, IMR_E_FORMAT, "'%.16s' is no key; write x, <C-n>, <PgUp>, <lt>",
                            text);
        ui_replay_event(r, &e);
    }
    return IMR_OK;
}

/* A number at *at, which moves behind it and one `end` more. */
static bool number(int *out, const char **at, char end)
{
    const size_t n = strspn(*at, "0123456789");
    int64_t value;
    if (n > 4 || !imr_parse_int(*at, n, &value) || (*at)[n] != end)
        return false;
    *out = (int)value;
    *at += n + (end != '\0');
    return true;
}

static imr_status mouse(ui_replay *r, size_t word, const char *text, imr_error *err)
{
    ui_event e = {.kind = UI_EVENT_MOUSE, .mouse = word < CLICK ? (ui_mouse)word : UI_MOUSE_PRESS};
    const char *at = text;
    int button = 0;
    if (!number(&e.y, &at, ' ') ||
        (!number(&e.x, &at, '\0') && (!number(&e.x, &at, ' ') || !number(&button, &at, '\0'))) ||
        button > 2)
        return imr_fail(err, IMR_E_FORMAT, "'%.40s': write row, column and perhaps button", text);
    e.button = (uint8_t)button;
    ui_replay_event(r, &e);
    e.mouse = UI_MOUSE_RELEASE;
    if (word == CLICK)
        ui_replay_event(r, &e);
    return IMR_OK;
}

static imr_status resize(ui_replay *r, const char *text, imr_error *err)
{
    ui_event e = {.kind = UI_EVENT_RESIZE};
    const char *at = text;
    if (!number(&e.x, &at, 'x') || !number(&e.y, &at, '\0') || e.x > UI_MAX_COLS ||
        e.y > UI_MAX_ROWS)
        return imr_fail(err, IMR_E_FORMAT, "'%.40s' is no size; write 80x24", text);
    ui_replay_event(r, &e);
    return IMR_OK;
}

static imr_status expect(ui_replay *r, const char *text, bool there, imr_error *err)
{
    IMR_AUTOBUF imr_buf screen = {0};
    const size_t n = strlen(text), quoted = n > 1 && *text == '"' && text[n - 1] == '"';
    IMR_AUTOFREE char *part = imr_strndup(text + quoted, n - 2 * quoted);
    ui_grid_text(&r->view.grid, &screen);
    IMR_NEED(part && !screen.failed, err);
    if ((strstr(imr_buf_text(&screen), part) != NULL) == there)
        return IMR_OK;
    ui_replay_print(r, "the screen then");
    return imr_fail(err, IMR_E_DIFFERENT, "expected%s on the screen: \"%s\"; it is printed above",
                    there ? "" : " nowhere", part);
}

imr_status ui_replay_line(ui_replay *r, const char *line, imr_error *err)
{
    const size_t n = strcspn(line, " ");
    const char *rest = line + n + (line[n] == ' ');
    const size_t bytes = strlen(rest);
    size_t word = 0;
    while (word < IMR_LEN(words) && (strlen(words[word]) != n || memcmp(words[word], line, n) != 0))
        word++;
    const bool command = *line == ':', event = command || word < WAIT;
    if (!*line || *line == '#')
        return IMR_OK;
    if (command ? !ui_action_find(line + 1, n - 1) : word == IMR_LEN(words))
        return imr_fail(err, IMR_E_FORMAT, "a replay has no '%.*s' (see imrnn replay --help)",
                        (int)(n < 40 ? n : 40), line);
    if (r->left && event)
        return imr_fail(err, IMR_E_FORMAT, "the explorer was left before this line");
    if (command || word == PASTE)
        ui_replay_event(r, &(ui_event){.kind = command ? UI_EVENT_COMMAND : UI_EVENT_PASTE,
                                       .text = command ? line : rest,
                                       .len = bytes,
                                       .total = imr_utf8_count(rest, bytes)});
    else if (word == KEYS)
        IMR_TRY(keys(r, rest, err));
    else if (word == RESIZE)
        IMR_TRY(resize(r, rest, err));
    else if (word <= CLICK)
        IMR_TRY(mouse(r, word, rest, err));
    else if (word == WAIT)
        ui_replay_settle(r);
    else if (word == SCREEN)
        ui_replay_print(r, rest);
    else
        IMR_TRY(expect(r, rest, word == EXPECT, err));
    if (r->app->refused)
        return imr_fail(err, IMR_E_USAGE,
                        "%s writes, copies or leaves: a replay does that with --trust alone",
                        ui_actions[r->app->refused].name);
    return IMR_OK;
}

imr_status ui_replay_run(ui_replay *r, const char *name, const char *text, size_t len,
                         imr_error *err)
{
    size_t number = 1;
    for (size_t at = 0, n; at < len; at += n + 1, number++) {
        const char *end = memchr(text + at, '\n', len - at);
        n = end ? (size_t)(end - text) - at : len - at;
        const size_t keep = n && text[at + n - 1] == '\r' ? n - 1 : n;
        IMR_AUTOFREE char *line = imr_strndup(text + at, keep);
        IMR_NEED(line, err);
        bool clean = imr_utf8_first_bad(text + at, keep) == keep;
        for (size_t i = at; i < at + keep; i++) /* a NUL has cut the line */
            clean = clean && (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
        imr_status status = clean
                                ? ui_replay_line(r, line, err)
                                : imr_fail(err, IMR_E_FORMAT, "a control character, or not UTF-8");
        if (status != IMR_OK)
            return imr_error_prefix(err, status, ui_textf("%s:%zu", name, number).s);
    }
    return IMR_OK;
}
