/* ui/state.c */
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/sha256.h"
#include "session/whatif.h"
#include "ui/app.h"

#define HEAD         "imrnn state 1\n"
#define MOST_BYTES   ((size_t)1 << 20)
#define KEEP_SECONDS 5

/* ---- the lines ---- */

typedef enum kind { FLAG, CHOICE, PART, TEXT, QUERY, FIND, TERMS, MARKS } kind;
typedef struct field {
    const char *name;
    kind kind;
    size_t at;
    const char *const *names; /* of a choice; NULL: those of a menu */
    int n;
    ui_action menu;
    ui_menu_place place;
} field;

static const char *const screens[] = {"rank",    "document", "words",   "compare", "why",
                                      "preview", "map",      "adapter", "audit",   "selftest"};
static const char *const panes[] = {"list", "why", "preview", "words"};
static const char *const signs[] = {"both", "for", "against"}, *const switches[] = {"off", "on"};

#define AT(member)          offsetof(ui_app, member)
#define SWITCH(member)      FLAG, AT(member), switches, 2
#define ONE_OF(member, of)  CHOICE, AT(member), of, IMR_LEN(of)
#define MENU(member, of, p) CHOICE, AT(member), .menu = (of), .place = (p)
/* The first that changes names a step. Those up to the pin ask for another ranking. */
static const field fields[] = {
    {"query", QUERY},
    {"query-id", TEXT, AT(request_id)},
    {"scope", CHOICE, AT(settings.scope), imr_scope_names, 3},
    {"order", CHOICE, AT(settings.order), imr_token_order_names, 3},
    {"beside", TEXT, AT(beside)},
    {"what-if", TERMS},
    {"pin", TEXT, AT(list.pinned)},
    {"other-adapter", SWITCH(second)},
    {"sort", MENU(list.sort, UI_DO_SORT, UI_MENU_USUAL)},
    {"reversed", SWITCH(list.reversed)},
    {"filter", TEXT, AT(list.filter)},
    {"find", FIND},
    {"columns", TEXT, AT(list.columns)},
    {"both", SWITCH(list.both)},
    {"marks", MARKS},
    {"screen", ONE_OF(screen, screens)},
    {"pane", ONE_OF(pane, panes)},
    {"preview", SWITCH(preview)},
    {"dimensions", SWITCH(dimensions)},
    {"mouse", SWITCH(mouse)},
    {"stage", CHOICE, AT(reading.wish.stage), ui_measure_names, UI_CHANGE + 1},
    {"raw", SWITCH(reading.wish.raw)},
    {"words-sort", MENU(reading.sort, UI_DO_SORT, UI_MENU_WORDS)},
    {"signs", ONE_OF(reading.signs, signs)},
    {"map-stage", CHOICE, AT(map_stage), ui_measure_names, IMR_STAGE_COUNT},
    {"map-blocks", SWITCH(map_blocks)},
    {"audit-sort", TEXT, AT(audit.sort)},
    {"audit-filter", TEXT, AT(audit.filter)},
    {"audit-words", SWITCH(audit.words)},
    {"theme", CHOICE, AT(theme), ui_theme_names, UI_THEME_COUNT},
    {"pane-width", PART, AT(split[0])}, /* these move */
    {"pane-height", PART, AT(split[1])},
    {"words-width", PART, AT(split[2])},
    {"selection", TEXT, AT(list.selected)},
};
enum { F_QUERY, F_PIN = 6, F_MOVES = IMR_LEN(fields) - 4, FIELDS = IMR_LEN(fields) };

static const char *name_of(const field *f, int i)
{
    const ui_menu *m = f->names ? NULL : ui_menu_of(f->menu, f->place);
    return i >= (m ? (int)strlen(m->keys) : f->n) ? NULL : m ? m->names[i] : f->names[i];
}

/* Lists stand on one line, a tab behind each item. */
static void value_of(imr_buf *b, const ui_app *a, const field *f)
{
    const void *at = (const char *)a + f->at;
    const char *const text = f->kind == TEXT ? *(char *const *)at : NULL;
    imr_buf_str(b, f->kind == FLAG                        ? name_of(f, *(const bool *)at)
                   : f->kind == CHOICE                    ? name_of(f, *(const int *)at)
                   : f->kind == QUERY                     ? ui_prompt_text(&a->query)
                   : f->kind == FIND && a->list.find.text ? a->list.find.text
                   : text                                 ? text
                                                          : "");
    if (f->kind == PART)
        imr_buf_printf(b, "%.4f", *(const double *)at);
    for (const char *c = a->settings.what_if.terms; f->kind == TERMS && *c; c++)
        imr_buf_char(b, *c == '\n' ? '\t' : *c);
    for (size_t i = 0; f->kind == MARKS && i < a->list.marks.n; i++)
        imr_buf_printf(b, "%s\t", a->list.marks.v[i]);
}

/* Whether it is a value; else nothing is set. */
static bool set(ui_app *a, const field *f, char *text)
{
    void *at = (char *)a + f->at;
    imr_error err;
    int i = 0;
    while (f->kind <= CHOICE && name_of(f, i) && strcmp(name_of(f, i), text) != 0)
        i++;
    double part = 0;
    if (f->kind == PART ? !imr_parse_double(text, strlen(text), &part) || part < 0 || part > 1
                        : f->kind <= CHOICE && !name_of(f, i))
        return false;
    if (f->kind == FLAG)
        *(bool *)at = i;
    else if (f->kind == CHOICE)
        *(int *)at = i;
    else if (f->kind == PART)
        *(double *)at = part;
    else if (f->kind == FIND)
        return ui_find(a, text);
    else if (f->kind == TEXT)
        ui_replace(at, *text ? text : NULL);
    else if (f->kind == QUERY && strcmp(text, ui_prompt_text(&a->query)) != 0)
        ui_prompt_set(&a->query, text);
    else if (f->kind == TERMS)
        a->settings.what_if.terms[0] = 0;
    else if (f->kind == MARKS)
        ui_list_unmark(&a->list);
    for (char *item; f->kind >= TERMS && (item = strtok_r(text, "\t", &text));)
        if (f->kind == TERMS ? imr_whatif_add(&a->settings.what_if, item, &err) != IMR_OK
                             : !ui_list_mark(&a->list, item))
            return false;
    return true;
}

void ui_state_write(const ui_app *a, imr_buf *out)
{
    for (const field *f = fields; f < fields + FIELDS; f++) {
        imr_buf_str(out, f->name);
        imr_buf_char(out, ' ');
        value_of(out, a, f);
        imr_buf_char(out, '\n');
    }
}

/* The first field that is another one, or FIELDS. Appends all that are, where asked. */
static size_t differ(const char *now, const char *before, imr_buf *out)
{
    size_t first = FIELDS;
    for (size_t i = 0, n, m; i < FIELDS && *now && *before; i++, now += n, before += m) {
        n = strcspn(now, "\n");
        m = strcspn(before, "\n");
        n += now[n] != 0; /* memory may have ended it early */
        m += before[m] != 0;
        if (n == m && memcmp(now, before, n) == 0)
            continue;
        first = i < first ? i : first;
        if (out)
            imr_buf_add(out, now, n);
    }
    return first;
}

/* What follows from what was set. */
static void follow(ui_app *a, bool ranks)
{
    const char *query = ui_prompt_text(&a->query);
    const bool typed = query[strspn(query, " ")] && a->facts && a->facts->has_encoder;
    a->second = a->second && a->facts && *a->facts->other_name;
    a->pane = a->pane == UI_PANE_PREVIEW && !a->preview ? UI_PANE_LIST : a->pane;
    a->effects |= UI_FX_THEME | UI_FX_SWAP;
    a->beside_wanted = a->beside && (!a->held || strcmp(a->held->query_text, a->beside) != 0);
    if (!a->beside)
        imr_trace_free(IMR_TAKE(a->held));
    if (ranks || (a->list.sort == UI_COL_INFLUENCE && !a->settings.influence)) {
        a->settings.influence |= a->list.sort == UI_COL_INFLUENCE;
        a->query_error.status = IMR_OK;
        ui_replace(&a->request_text, a->request_id || !typed ? NULL : query);
        if (a->request_text || a->request_id)
            ui_app_run_again(a);
        else
            ui_app_run(a, "", NULL);
    }
    ui_list_arrange(&a->list);
    ui_reading_arrange(&a->reading);
    ui_app_audit_arrange(a);
    ui_app_settle(a);
}

size_t ui_state_read(ui_app *a, const char *text, size_t len)
{
    size_t unknown = 0;
    IMR_AUTOBUF imr_buf before = {0}, after = {0}, lines = {0};
    ui_state_write(a, &before);
    for (size_t i = 0; i < len; i++)
        imr_buf_char(&lines, text[i] ? text[i] : '?');
    char *rest = lines.data;
    for (char *line; rest && (line = strtok_r(rest, "\n", &rest));) {
        const size_t n = strcspn(line, " ");
        const field *f = fields;
        while (f < fields + FIELDS && (strlen(f->name) != n || memcmp(f->name, line, n) != 0))
            f++;
        unknown += !line[n] || f == fields + FIELDS || !set(a, f, line + n + 1);
    }
    ui_state_write(a, &after);
    follow(a, differ(imr_buf_text(&after), imr_buf_text(&before), NULL) <= F_PIN);
    return unknown;
}

/* ---- steps ---- */

void ui_state_done(ui_states *s)
{
    while (s->n)
        imr_free(s->step[--s->n]);
    IMR_FREE(s->path, s->fresh, s->live);
}

void ui_state_step(ui_app *a, const char *before)
{
    ui_states *s = &a->states;
    IMR_AUTOBUF imr_buf now = {0};
    ui_state_write(a, &now);
    if (a->live.of) { /* a line that acts as it is typed is one step */
        s->live = s->live ? s->live : imr_strdup(before);
        return;
    }
    IMR_AUTOFREE char *live = IMR_TAKE(s->live);
    before = live ? live : before;
    const size_t changed = differ(imr_buf_text(&now), before, NULL);
    const bool goes_on =
        s->n && changed == s->last && (changed >= F_MOVES || (changed == F_QUERY && a->editing));
    const bool step = changed < FIELDS && !s->taking;
    s->dirty = s->dirty || changed < FIELDS;
    s->taking = false;
    if (!step)
        return;
    s->last = changed;
    while (s->n > s->at)
        imr_free(s->step[--s->n]);
    if (goes_on)
        return;
    if (s->n == UI_STEPS) {
        imr_free(s->step[0]);
        memmove(s->step, s->step + 1, --s->n * sizeof *s->step);
    }
    if ((s->step[s->n] = imr_strdup(before)))
        s->n++;
    s->at = s->n;
}

/* A step changes places with what there is now. */
UI_ON(undo)
{
    ui_states *s = &a->states;
    const bool back = action == UI_DO_UNDO;
    IMR_AUTOBUF imr_buf now = {0};
    ui_state_write(a, &now);
    if (now.failed || s->at == (back ? 0 : s->n)) {
        ui_app_say(a, false,
                   back ? "nothing to undo; files and notes stay as they were written"
                        : "nothing to do again");
        return;
    }
    char **step = &s->step[back ? --s->at : s->at++];
    const size_t changed = differ(imr_buf_text(&now), *step, NULL);
    ui_state_read(a, *step, strlen(*step));
    ui_app_say(a, false, "%s: %s", back ? "undid" : "did again",
               changed < FIELDS ? fields[changed].name : "nothing");
    s->taking = true;
    s->last = FIELDS;
    imr_free(*step);
    *step = imr_buf_take(&now);
}

/* ---- the file ---- */

/* What options set when it began. */
static void add_given(const ui_app *a, imr_buf *out)
{
    ui_app usual;
    imr_error err;
    IMR_AUTOBUF imr_buf text = {0};
    if (!a->states.fresh || ui_app_init(&usual, a->glyphs, 24, 80, &err) != IMR_OK)
        return;
    usual.mouse = true;
    ui_state_write(&usual, &text);
    ui_app_done(&usual);
    differ(a->states.fresh, imr_buf_text(&text), out);
}

void ui_state_open(ui_app *a, bool restore)
{
    ui_states *s = &a->states;
    const imr_trace_inputs *in = &a->facts->inputs;
    char hex[IMR_SHA256_HEX], *cache = realpath(in->cache_path, NULL);
    IMR_AUTOBUF imr_buf name = {0}, lines = {0};
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    imr_error err;
    imr_buf_printf(&name, "%s\n%s\n%s\n%s", cache ? cache : in->cache_path, in->adapter_sha256,
                   a->facts->other_name, s->of);
    free(cache);
    if (!s->folder || imr_sha256_memory(imr_buf_text(&name), name.len, hex, &err) != IMR_OK)
        return;
    s->path = imr_path_join(s->folder, ui_textf("session-%.32s", hex).s);
    s->kept_at = imr_clock_seconds();
    if (!s->path || !restore || a->query.text.len || !imr_file_exists(s->path))
        return;
    const size_t head = strlen(HEAD);
    if (imr_file_map(&f, s->path, &err) != IMR_OK || f.len > MOST_BYTES || f.len < head ||
        memcmp(f.data, HEAD, head) != 0) {
        ui_app_say(a, true, "%s cannot be read by this version: nothing is as it was left",
                   s->path);
        return;
    }
    imr_buf_add(&lines, (const char *)f.data + head, f.len - head);
    imr_buf_char(&lines, '\n');
    add_given(a, &lines); /* wins over what was kept */
    const size_t unknown = ui_state_read(a, imr_buf_text(&lines), lines.len);
    a->editing = a->screen == UI_RANK && !a->request_text && !a->request_id;
    s->came = true;
    if (unknown)
        ui_app_say(a, true, "as it was left, but for %zu lines of %s", unknown, s->path);
    else if (!a->editing)
        ui_app_say(a, false, "as it was left; --no-restore starts afresh");
}

bool ui_state_due(ui_app *a, bool now, imr_buf *out)
{
    ui_states *s = &a->states;
    const double clock = imr_clock_seconds();
    IMR_AUTOBUF imr_buf state = {0};
    if (!s->path || !s->fresh || !s->dirty ||
        (!now && (a->editing || a->waiting || clock - s->kept_at < KEEP_SECONDS)))
        return false;
    s->dirty = false;
    s->kept_at = clock;
    ui_state_write(a, &state);
    imr_buf_str(out, HEAD);
    differ(imr_buf_text(&state), s->fresh, out);
    return !state.failed && !out->failed;
}
