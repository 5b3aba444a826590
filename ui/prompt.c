/* ui/prompt.c */
#include "ui/prompt.h"

#include "base/array.h"
#include "base/file.h"
#include "base/kept.h"

void ui_history_add(ui_history *h, const char *text)
{
    if (text[strspn(text, " ")] == 0 || (h->n && strcmp(h->v[h->n - 1], text) == 0))
        return;
    char *copy = imr_strdup(text);
    if (!copy)
        return;
    if (h->n == UI_HISTORY_MAX) {
        imr_free(h->v[0]);
        memmove(h->v, h->v + 1, --h->n * sizeof *h->v);
    }
    if (IMR_PUSH(h, copy))
        h->fresh += h->fresh < h->n;
    else
        imr_free(copy);
}

void ui_history_read(ui_history *h, const char *path)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    if (imr_file_map_as(&f, path, IMR_FILE_TEXT, NULL) != IMR_OK)
        return;
    const char *at = (const char *)f.data, *end = at + f.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        ui_prompt line = {0};
        if (ui_prompt_insert(&line, at, n > UI_PROMPT_MAX ? UI_PROMPT_MAX : n))
            ui_history_add(h, ui_prompt_text(&line));
        ui_prompt_done(&line);
        at += n + 1;
    }
    h->fresh = 0;
}

void ui_history_save(const ui_history *h, const char *path)
{
    ui_history all = {0};
    imr_kept lock = {0};
    IMR_AUTOBUF imr_buf name = {0}, b = {0};
    if (!h->fresh)
        return;
    imr_buf_printf(&name, "%s.lock", path);
    if (imr_kept_lock_wait(&lock, imr_buf_text(&name), NULL) != IMR_OK)
        lock = (imr_kept){0}; /* another explorer was stopped saving: without the lock, then */
    ui_history_read(&all, path);
    for (size_t i = h->n - h->fresh; i < h->n; i++)
        ui_history_add(&all, h->v[i]);
    for (size_t i = 0; i < all.n; i++)
        imr_buf_printf(&b, "%s\n", all.v[i]);
    if (!b.failed && imr_file_write_private(path, imr_buf_text(&b), b.len, NULL) != IMR_OK)
        imr_buf_clear(&b);
    ui_history_done(&all);
    imr_kept_remove(&lock);
}

void ui_history_done(ui_history *h)
{
    for (size_t i = 0; i < h->n; i++)
        imr_free(h->v[i]);
    imr_free(h->v);
    *h = (ui_history){0};
}

void ui_prompt_done(ui_prompt *p)
{
    imr_buf_done(&p->text);
    imr_buf_done(&p->kill);
    for (size_t i = 0; i < p->n_undo; i++)
        imr_free(p->undo[i].text);
    imr_free(p->draft);
    *p = (ui_prompt){0};
}

static void remember(ui_prompt *p)
{
    char *copy = imr_strdup(ui_prompt_text(p));
    if (!copy)
        return;
    if (p->n_undo == UI_PROMPT_UNDO) {
        imr_free(p->undo[0].text);
        memmove(p->undo, p->undo + 1, --p->n_undo * sizeof p->undo[0]);
    }
    p->undo[p->n_undo].text = copy;
    p->undo[p->n_undo++].cursor = p->cursor;
}

/* Replaces bytes [from, to) by text; the cursor goes behind it. */
static bool splice(ui_prompt *p, size_t from, size_t to, const char *text, size_t len)
{
    if (from == to && len == 0)
        return false;
    size_t tail = p->text.len - to;
    IMR_AUTOBUF imr_buf fresh = {0};
    imr_buf_add(&fresh, ui_prompt_text(p), from);
    imr_buf_add(&fresh, text, len);
    imr_buf_add(&fresh, ui_prompt_text(p) + to, tail);
    if (fresh.failed)
        return false;
    imr_buf_done(&p->text);
    p->text = IMR_TAKE(fresh);
    p->cursor = from + len;
    return true;
}

bool ui_prompt_insert(ui_prompt *p, const char *text, size_t len)
{
    /* Cleaned together with the cluster before it: a mark typed alone belongs to that. */
    IMR_AUTOBUF imr_buf both = {0}, clean = {0};
    size_t before = p->cursor - imr_utf8_prev(ui_prompt_text(p), p->text.len, p->cursor);
    imr_buf_add(&both, ui_prompt_text(p) + p->cursor - before, before);
    imr_buf_add(&both, text, len);
    imr_utf8_clean(&clean, imr_buf_text(&both), both.len, IMR_CLEAN_KEEP);
    if (both.failed || clean.failed || clean.len <= before)
        return false;
    memmove(clean.data, clean.data + before, clean.len - before + 1);
    clean.len -= before;
    size_t room = UI_PROMPT_MAX > p->text.len ? UI_PROMPT_MAX - p->text.len : 0;
    size_t n = clean.len;
    while (n > room)
        n = imr_utf8_prev(imr_buf_text(&clean), clean.len, n);
    if (n == 0)
        return false;
    bool typed = n <= 4 && imr_buf_text(&clean)[0] != ' ';
    if (!typed || !p->typing)
        remember(p);
    p->typing = typed;
    p->killing = false;
    return splice(p, p->cursor, p->cursor, imr_buf_text(&clean), n);
}

bool ui_prompt_set(ui_prompt *p, const char *text)
{
    p->typing = p->killing = false;
    if (strcmp(ui_prompt_text(p), text) == 0) {
        p->cursor = p->text.len;
        return false;
    }
    remember(p);
    size_t n = strlen(text);
    return splice(p, 0, p->text.len, text, n > UI_PROMPT_MAX ? UI_PROMPT_MAX : n);
}

static size_t left(const ui_prompt *p, size_t i)
{
    return imr_utf8_prev(ui_prompt_text(p), p->text.len, i);
}

static size_t right(const ui_prompt *p, size_t i)
{
    return imr_utf8_next(ui_prompt_text(p), p->text.len, i);
}

/* Over what is no word, then over the word. */
static size_t word(const ui_prompt *p, bool forward)
{
    const char *text = ui_prompt_text(p);
    size_t i = p->cursor, end = p->text.len;
    for (int inside = 0; inside < 2; inside++)
        while (forward ? i < end && ui_word_at(text, end, i) == inside
                       : i > 0 && ui_word_at(text, end, left(p, i)) == inside)
            i = forward ? right(p, i) : left(p, i);
    return i;
}

static bool cut(ui_prompt *p, size_t from, size_t to)
{
    if (from == to)
        return false;
    remember(p);
    p->typing = p->killing = false;
    return splice(p, from, to, "", 0);
}

/* Cuts into the kill buffer; a kill right after a kill joins it on its side. */
static bool kill_text(ui_prompt *p, size_t from, size_t to)
{
    IMR_AUTOBUF imr_buf joined = {0};
    size_t kept = p->killing ? p->kill.len : 0;
    bool behind = to > p->cursor;
    if (from == to)
        return false;
    imr_buf_add(&joined, imr_buf_text(&p->kill), behind ? kept : 0);
    imr_buf_add(&joined, ui_prompt_text(p) + from, to - from);
    imr_buf_add(&joined, imr_buf_text(&p->kill), behind ? 0 : kept);
    if (joined.failed)
        return false;
    imr_buf_done(&p->kill);
    p->kill = IMR_TAKE(joined);
    bool changed = cut(p, from, to);
    p->killing = true;
    return changed;
}

static bool transpose(ui_prompt *p)
{
    if (p->cursor == 0 || p->text.len == 0)
        return false;
    size_t b = p->cursor == p->text.len ? left(p, p->cursor) : p->cursor;
    size_t a = left(p, b), end = right(p, b);
    if (a == b)
        return false;
    IMR_AUTOBUF imr_buf swapped = {0};
    imr_buf_add(&swapped, ui_prompt_text(p) + b, end - b);
    imr_buf_add(&swapped, ui_prompt_text(p) + a, b - a);
    remember(p);
    return !swapped.failed && splice(p, a, end, imr_buf_text(&swapped), swapped.len);
}

static bool undo(ui_prompt *p)
{
    if (p->n_undo == 0)
        return false;
    char *text = p->undo[--p->n_undo].text;
    size_t cursor = p->undo[p->n_undo].cursor;
    bool changed = splice(p, 0, p->text.len, text, strlen(text));
    p->cursor = cursor <= p->text.len ? cursor : p->text.len;
    imr_free(text);
    p->typing = p->killing = false;
    return changed;
}

static bool recall(ui_prompt *p, bool older)
{
    const ui_history *h = p->history;
    if (!h || (older ? p->past >= h->n : p->past == 0))
        return false;
    if (p->past == 0) {
        imr_free(p->draft);
        p->draft = imr_strdup(ui_prompt_text(p));
    }
    size_t past = older ? p->past + 1 : p->past - 1;
    /* The newest entry is often the line in work itself. */
    if (older && past == 1 && h->n > 1 && strcmp(h->v[h->n - 1], ui_prompt_text(p)) == 0)
        past++;
    const char *text = past ? h->v[h->n - past] : p->draft ? p->draft : "";
    p->past = past;
    return ui_prompt_set(p, text);
}

bool ui_prompt_do(ui_prompt *p, ui_action action)
{
    const size_t at = p->cursor;
    /* where it moves to, or what it deletes up to */
    size_t to = action == UI_DO_LINE_START || action == UI_DO_KILL_START    ? 0
                : action == UI_DO_LINE_END || action == UI_DO_KILL_END      ? p->text.len
                : action == UI_DO_CHAR_LEFT || action == UI_DO_RUBOUT       ? left(p, at)
                : action == UI_DO_CHAR_RIGHT || action == UI_DO_DELETE      ? right(p, at)
                : action == UI_DO_WORD_LEFT || action == UI_DO_WORD_RUBOUT  ? word(p, false)
                : action == UI_DO_WORD_RIGHT || action == UI_DO_WORD_DELETE ? word(p, true)
                                                                            : at;
    size_t start = to < at ? to : at, end = to < at ? at : to;
    if (action == UI_DO_OLDER || action == UI_DO_NEWER)
        return recall(p, action == UI_DO_OLDER);
    p->past = 0;
    if (action == UI_DO_EDIT_UNDO)
        return undo(p);
    if (action == UI_DO_RUBOUT || action == UI_DO_DELETE)
        return cut(p, start, end);
    if (action == UI_DO_WORD_RUBOUT || action == UI_DO_WORD_DELETE || action == UI_DO_KILL_START ||
        action == UI_DO_KILL_END)
        return kill_text(p, start, end);
    p->killing = p->typing = false;
    if (action == UI_DO_YANK)
        return p->kill.len && ui_prompt_insert(p, imr_buf_text(&p->kill), p->kill.len);
    if (action == UI_DO_TRANSPOSE)
        return transpose(p);
    p->cursor = to;
    return false;
}

size_t ui_prompt_complete(ui_prompt *p, imr_buf *names)
{
    const char *text = ui_prompt_text(p), *typed = imr_path_base(text), *first = NULL;
    const size_t begun = strlen(typed);
    IMR_AUTOFREE char *dir = imr_path_dir(text);
    IMR_CLEANUP(imr_names_done) imr_names all = {0};
    size_t fits = 0, common = 0;
    if (!dir || imr_dir_list(&all, dir, NULL) != IMR_OK)
        return 0;
    for (size_t i = 0; i < all.n; i++) {
        if (strncmp(all.v[i], typed, begun) != 0 || (all.v[i][0] == '.' && !begun))
            continue;
        imr_buf_printf(names, "%s%s", fits++ ? "  " : "", all.v[i]);
        if (!first)
            common = strlen(first = all.v[i]);
        while (strncmp(first, all.v[i], common) != 0)
            common = imr_utf8_prev(first, strlen(first), common);
    }
    ui_prompt_do(p, UI_DO_LINE_END);
    if (common > begun)
        ui_prompt_insert(p, first + begun, common - begun);
    if (fits == 1 && imr_dir_exists(ui_prompt_text(p)))
        ui_prompt_insert(p, "/", 1);
    return fits;
}

/* The first byte shown in w columns: one stays free for the cursor behind the text, two for the
 * sign of a cut. */
static size_t first_shown(const ui_prompt *p, int w)
{
    const char *text = ui_prompt_text(p);
    const int before = (int)imr_utf8_width(text, p->cursor);
    size_t start = 0;
    for (int gone = 0; before >= w && start < p->cursor && gone < before - w + 1 + 2;) {
        size_t next = right(p, start);
        gone += (int)imr_utf8_width(text + start, next - start);
        start = next;
    }
    return start;
}

size_t ui_prompt_at(const ui_prompt *p, int w, int column)
{
    const size_t start = first_shown(p, w);
    column -= start ? 2 : 0;
    return start + imr_utf8_fit(ui_prompt_text(p) + start, p->text.len - start,
                                column > 0 ? (size_t)column : 0, NULL);
}

void ui_prompt_draw(const ui_prompt *p, ui_surface s, int x, int w, bool active)
{
    if (w <= 0)
        return;
    const size_t start = first_shown(p, w);
    const char *text = ui_prompt_text(p) + start;
    ui_hit_put(s, (ui_rect){0, x, 1, w}, UI_HIT_TEXT, 0);
    if (start) {
        ui_put(s, 0, x, UI_TEXT, "… ");
        x += 2;
        w -= 2;
    }
    ui_put_cut(s, 0, x, w, UI_TEXT, text);
    if (active)
        ui_cursor(s, 0, x + (int)imr_utf8_width(text, p->cursor - start), true);
}
