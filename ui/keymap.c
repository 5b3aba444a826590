/* ui/keymap.c */
#include "ui/keymap.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "base/array.h"
#include "base/number.h"
#include "text/utf8.h"

/* ---- keys ---- */

static const struct {
    ui_key key;
    const char *name, *label;
} names[] = {
    {UI_KEY_ENTER, "Enter", "Enter"},
    {UI_KEY_ENTER, "CR", "Enter"},
    {UI_KEY_TAB, "Tab", "Tab"},
    {UI_KEY_ESC, "Esc", "Esc"},
    {UI_KEY_BACKSPACE, "BS", "Bksp"},
    {UI_KEY_BACKSPACE, "Backspace", "Bksp"},
    {UI_KEY_UP, "Up", "↑"},
    {UI_KEY_DOWN, "Down", "↓"},
    {UI_KEY_LEFT, "Left", "←"},
    {UI_KEY_RIGHT, "Right", "→"},
    {UI_KEY_HOME, "Home", "Home"},
    {UI_KEY_END, "End", "End"},
    {UI_KEY_PGUP, "PgUp", "PgUp"},
    {UI_KEY_PGDN, "PgDn", "PgDn"},
    {UI_KEY_INS, "Ins", "Ins"},
    {UI_KEY_DEL, "Del", "Del"},
    {' ', "Space", "space"},
    {'<', "lt", "<"},
    {'>', "gt", ">"},
};

bool ui_key_is_text(ui_key key)
{
    return !(key & UI_MODS) && key >= ' ' && key < UI_KEY_NAMED && key != 0x7f;
}

ui_text ui_key_name(ui_key key, bool label)
{
    ui_key code = key & UI_KEY_CODE;
    char name[12] = "";
    for (size_t i = 0; i < IMR_LEN(names) && !*name; i++)
        if (names[i].key == code && key != '>')
            snprintf(name, sizeof name, "%s", label ? names[i].label : names[i].name);
    if (code >= UI_KEY_F1 && code <= UI_KEY_F12)
        snprintf(name, sizeof name, "F%d", (int)(code - UI_KEY_F1 + 1));
    bool brackets = !label && (*name || key & UI_MODS);
    if (!*name)
        imr_utf8_encode(code, name);
    return ui_textf("%s%s%s%s%s%s", brackets ? "<" : "", key & UI_CTRL ? "C-" : "",
                    key & UI_ALT ? "M-" : "", key & UI_SHIFT ? "S-" : "", name,
                    brackets ? ">" : "");
}

static ui_key named(const char *text, size_t len)
{
    int64_t n;
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, text, len) == 0)
            return names[i].key;
    bool function = (len == 2 || len == 3) && (text[0] == 'F' || text[0] == 'f') &&
                    text[1] >= '0' && text[1] <= '9' && imr_parse_int(text + 1, len - 1, &n);
    return function && n >= 1 && n <= 12 ? UI_KEY_F1 + (ui_key)(n - 1) : UI_KEY_NONE;
}

static ui_key modifier(char c)
{
    return c == 'C' || c == 'c'                           ? UI_CTRL
           : c == 'M' || c == 'm' || c == 'A' || c == 'a' ? UI_ALT
           : c == 'S' || c == 's'                         ? UI_SHIFT
                                                          : 0;
}

/* One whole character, or NONE. */
static ui_key character(const char *text, size_t len, size_t *used)
{
    uint32_t code = IMR_UTF8_BAD;
    *used = imr_utf8_decode(text, len, &code);
    return *used && code != IMR_UTF8_BAD && code >= ' ' && code != 0x7f ? code : UI_KEY_NONE;
}

size_t ui_key_parse(ui_key *out, const char *text, size_t len)
{
    const char *close = len && text[0] == '<' ? memchr(text, '>', len) : NULL;
    size_t used;
    if (!close || close == text + 1) {
        ui_key key = character(text, len, &used);
        if (key == UI_KEY_NONE)
            return 0;
        *out = key;
        return used;
    }
    const char *at = text + 1;
    ui_key mods = 0, mod;
    while (close - at > 2 && at[1] == '-' && (mod = modifier(at[0])) != 0) {
        mods |= mod;
        at += 2;
    }
    size_t n = (size_t)(close - at);
    ui_key code = named(at, n);
    if (code == UI_KEY_NONE) {
        code = character(at, n, &used);
        if (code == UI_KEY_NONE || used != n || !mods)
            return 0;
    }
    if (mods & UI_CTRL && code >= 'A' && code <= 'Z')
        code += 'a' - 'A';
    *out = code | mods;
    return (size_t)(close - text) + 1;
}

/* ---- actions ---- */

const ui_action_info ui_actions[UI_ACTION_COUNT] = {
#define X(id, name, group, handler, keys, hint, help)                                              \
    [UI_DO_##id] = {name, keys, hint, help, UI_GROUP_##group},
#include "ui/actions.def"
#undef X
};

ui_action ui_action_find(const char *name, size_t len)
{
    for (int i = 1; i < UI_ACTION_COUNT; i++)
        if (strlen(ui_actions[i].name) == len && memcmp(ui_actions[i].name, name, len) == 0)
            return (ui_action)i;
    return UI_DO_NOTHING;
}

const ui_menu *ui_menu_of(ui_action action, ui_menu_place place)
{
    static const ui_menu
        sorts = {"npemladctifbros", /* as ui_column */
                 {"now", "proj", "enc", "moved", "lift", "bar", "delta", "cos", "title", "id",
                  "influence", "gain", "rel", "notes", "seen"},
                 {"now", "projected", "encoder", "ranks moved", "lift", "|lift|",
                  "change of cosine", "cosine now", "title", "id", "influence of its feedback",
                  "gain under B", "relevance", "notes", "seen by training"},
                 0},
        words_sorts = {"spn",
                       {"share", "place", "name"},
                       {"largest share", "place in the text", "alphabet"},
                       0},
        audit_sorts = {"dpenfrjtq",
                       {"nDCG@10.difference", "nDCG@10.before", "nDCG@10.encoder", "nDCG@10.after",
                        "first.after", "rbo.encoder", "judged.after", "to", "query"},
                       {"what lost most", "nDCG projected", "nDCG of the encoder", "nDCG now",
                        "first relevant now", "RBO: what changed most", "part judged",
                        "rank of what changed most", "as in the split"},
                       0},
        scopes = {"tac",
                  {"rerank", "rescore", "corpus"},
                  {"rank the top", "rank all", "rank all, fed by all"},
                  0},
        what_ifs = {"fqd0rtn",
                    {"feedback", "off query", "off document", "alpha 0", "form", "term", "none"},
                    {"this gave no feedback", "query's side off", "document's side off",
                     "no modulation", "the other form", "type it", "as it is"},
                    6},
        copies = {"yrtwqa",
                  {"id", "row", "text", "why", "query", "table"},
                  {"its id", "its row, as csv", "its text", "why it is there", "the query",
                   "all rows, or words"},
                  0},
        verdicts = {"arunARUN",
                    {"accept", "reject", "unsure", "note", "accept-query", "reject-query",
                     "unsure-query", "note-query"},
                    {"accept the document", "reject it", "unsure", "a note on it",
                     "accept the query", "reject the query", "unsure about it", "a note on it"},
                    0};
    return action == UI_DO_SORT      ? (place == UI_MENU_WORDS   ? &words_sorts
                                        : place == UI_MENU_AUDIT ? &audit_sorts
                                                                 : &sorts)
           : action == UI_DO_SCOPE   ? &scopes
           : action == UI_DO_WHAT_IF ? &what_ifs
           : action == UI_DO_COPY    ? &copies
                                     : &verdicts;
}

/* The k-th setting of an action that has some; false: there are not so many. */
static bool setting(ui_command *out, ui_action action, ui_menu_place place, size_t k)
{
    const bool theme = action == UI_DO_THEME;
    const bool has =
        theme || action == UI_DO_SORT || action == UI_DO_SCOPE || action == UI_DO_WHAT_IF;
    const ui_menu *m = ui_menu_of(action, place);
    if (!has || k >= (theme ? (size_t)UI_THEME_COUNT : strlen(m->keys)))
        return false;
    *out = (ui_command){action, theme ? ui_theme_names[k] : m->names[k],
                        theme ? "colours of the screen" : m->labels[k]};
    return true;
}

/* Where it stands among what fits a line, from 0; -1: it does not. */
static int fits(const ui_command *c, const char *line)
{
    const char *name = ui_actions[c->action].name;
    const ui_text all = ui_textf("%s %s %s", name, c->argument ? c->argument : "", c->help);
    bool every = true; /* word of the line is in it */
    for (const char *at = line + strspn(line, " "); *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        every = every && imr_utf8_contains(all.s, ui_textf("%.*s", (int)n, at).s);
        at += n;
    }
    if (c->argument)
        return !*line || !every ? -1 : strcmp(c->argument, line) == 0 ? 0 : 3;
    const size_t first = strcspn(line, " ");
    return strlen(name) == first && memcmp(name, line, first) == 0 ? 0
           : imr_utf8_begins(name, line) || !*line                 ? 1
           : imr_utf8_contains(name, line)                         ? 2
           : every                                                 ? 4
                                                                   : -1;
}

size_t ui_palette(const char *line, ui_menu_place place, ui_command out[UI_COMMANDS_MAX])
{
    ui_command all[UI_COMMANDS_MAX];
    int at[UI_COMMANDS_MAX];
    size_t n = 0, found = 0;
    for (ui_action i = 1; i < UI_ACTION_COUNT; i++) {
        ui_command c = {i, NULL, ui_actions[i].help};
        if (ui_actions[i].group == UI_GROUP_EDIT || i == UI_DO_ESCAPE || i == UI_DO_TO_LIST)
            continue;
        size_t k = 0;
        do
            if (n < UI_COMMANDS_MAX && (at[n] = fits(&c, line)) >= 0)
                all[n++] = c;
        while (setting(&c, i, place, k++));
    }
    for (int pass = 0; pass < 5; pass++)
        for (size_t i = 0; i < n; i++)
            if (at[i] == pass)
                out[found++] = all[i];
    return found;
}

/* ---- which key does what ---- */

static const char *const context_names[UI_CONTEXT_COUNT] = {
    "ANY", "SCREEN", "EDIT", "QUERY", "LIST", "DOC", "WORDS", "MAP", "HELP", "PICK"};

/* Where a context looks next. */
static const ui_context wider[UI_CONTEXT_COUNT] = {
    [UI_IN_ANY] = UI_CONTEXT_COUNT, [UI_IN_SCREEN] = UI_IN_ANY,  [UI_IN_EDIT] = UI_IN_ANY,
    [UI_IN_QUERY] = UI_IN_EDIT,     [UI_IN_LIST] = UI_IN_SCREEN, [UI_IN_DOC] = UI_IN_SCREEN,
    [UI_IN_WORDS] = UI_IN_SCREEN,   [UI_IN_MAP] = UI_IN_SCREEN,  [UI_IN_HELP] = UI_IN_SCREEN,
    [UI_IN_PICK] = UI_IN_EDIT};

static bool context_of(ui_context *out, const char *word, size_t len)
{
    for (int i = 0; i < UI_CONTEXT_COUNT; i++)
        if (strlen(context_names[i]) == len && memcmp(context_names[i], word, len) == 0) {
            *out = (ui_context)i;
            return true;
        }
    return false;
}

static ui_bind *own(const ui_keymap *m, ui_context context, ui_key key)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].context == context && m->v[i].key == key)
            return &m->v[i];
    return NULL;
}

static imr_status bind(ui_keymap *m, ui_bind b, imr_error *err)
{
    ui_bind *old = own(m, b.context, b.key);
    if (old) {
        imr_free(old->argument);
        *old = b;
        return IMR_OK;
    }
    if (!IMR_PUSH(m, b)) {
        imr_free(b.argument);
        return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* The next word behind *at: anything but blanks. */
static size_t word(const char **at, const char **out)
{
    *out = *at + strspn(*at, " \t");
    size_t n = strcspn(*out, " \t");
    *at = *out + n;
    return n;
}

/* "CONTEXT key key; CONTEXT key" of one action. */
static imr_status defaults(ui_keymap *m, ui_action action, imr_error *err)
{
    const char *at = ui_actions[action].keys, *w;
    ui_bind b = {.action = action};
    for (size_t n; (n = word(&at, &w)) > 0;) {
        n -= n > 1 && w[n - 1] == ';';
        if (context_of(&b.context, w, n))
            continue;
        size_t used = ui_key_parse(&b.key, w, n);
        assert(used == n);
        IMR_TRY(bind(m, b, err));
    }
    return IMR_OK;
}

imr_status ui_keymap_init(ui_keymap *out, imr_error *err)
{
    IMR_CLEANUP(ui_keymap_done) ui_keymap m = {0};
    for (int i = 1; i < UI_ACTION_COUNT; i++)
        IMR_TRY(defaults(&m, (ui_action)i, err));
    *out = IMR_TAKE(m);
    return IMR_OK;
}

void ui_keymap_done(ui_keymap *m)
{
    for (size_t i = 0; i < m->n; i++)
        imr_free(m->v[i].argument);
    imr_free(m->v);
    *m = (ui_keymap){0};
}

bool ui_keymap_writes(ui_action action)
{
    static const bool writes[UI_ACTION_COUNT] = {
        [UI_DO_EXPORT] = 1,  [UI_DO_EXPORT_OVER] = 1, [UI_DO_COPY] = 1,
        [UI_DO_SUSPEND] = 1, [UI_DO_JUDGE] = 1,       [UI_DO_ACCEPT] = 1,
        [UI_DO_REJECT] = 1,  [UI_DO_UNSURE] = 1,      [UI_DO_NOTE] = 1};
    return writes[action];
}

/* What a stranger may not bind: that, what ends, and the keys that stop. */
static bool is_reserved(const ui_bind *b)
{
    return ui_keymap_writes(b->action) || b->action == UI_DO_QUIT || b->key == 'q' ||
           b->key == ('c' | UI_CTRL) || b->key == ('g' | UI_CTRL);
}

imr_status ui_keymap_bind(ui_keymap *m, const char *text, bool stranger, imr_error *err)
{
    const char *at = text, *w;
    ui_bind b = {0};
    size_t n = word(&at, &w);
    if (!context_of(&b.context, w, n))
        return imr_fail(err, IMR_E_FORMAT,
                        "'%.*s' is no context; there are ANY, SCREEN, EDIT, QUERY, LIST, DOC, "
                        "WORDS, MAP, HELP and PICK",
                        (int)n, w);
    n = word(&at, &w);
    if (n == 0 || ui_key_parse(&b.key, w, n) != n)
        return imr_fail(err, IMR_E_FORMAT, "'%.*s' is no key; write x, <C-n>, <F1>, <PgUp>", (int)n,
                        w);
    n = word(&at, &w);
    size_t colon = n && w[0] == ':';
    b.action = ui_action_find(w + colon, n - colon);
    if (b.action == UI_DO_NOTHING)
        return imr_fail(err, IMR_E_FORMAT, "'%.*s' is no action; ? in the explorer lists them",
                        (int)n, w);
    if (stranger && is_reserved(&b))
        return imr_fail(err, IMR_E_USAGE,
                        "a project file cannot bind '%s': it binds nothing that writes or leaves, "
                        "and not the keys that do",
                        text);
    at += strspn(at, " \t");
    for (n = strlen(at); n && strchr(" \t\r", at[n - 1]);)
        n--;
    IMR_NEED(!n || (b.argument = imr_strndup(at, n)), err);
    return bind(m, b, err);
}

void ui_keymap_lines(const ui_keymap *m, imr_buf *b)
{
    for (const ui_bind *k = m->v; k < m->v + m->n; k++)
        imr_buf_printf(b, " bind %s %s :%s%s%s\n", context_names[k->context],
                       ui_key_name(k->key, false).s, ui_actions[k->action].name,
                       k->argument ? " " : "", k->argument ? k->argument : "");
}

const ui_bind *ui_keymap_get(const ui_keymap *m, ui_context context, ui_key key)
{
    const ui_bind *found = NULL;
    for (; !found && context != UI_CONTEXT_COUNT; context = wider[context])
        found = own(m, context, key);
    return found;
}

ui_key ui_keymap_key(const ui_keymap *m, ui_context context, ui_action action)
{
    for (; context != UI_CONTEXT_COUNT; context = wider[context])
        for (size_t k = 0; k < m->n; k++)
            if (m->v[k].context == context && m->v[k].action == action && !m->v[k].argument)
                return m->v[k].key;
    return UI_KEY_NONE;
}

ui_text ui_keymap_labels(const ui_keymap *m, ui_action action, size_t max)
{
    ui_text out = {""};
    for (size_t i = 0, n = 0; i < m->n && n < max; i++) {
        const ui_bind *b = &m->v[i], *before = m->v;
        while (before < b &&
               (before->action != action || before->argument || before->key != b->key))
            before++;
        if (before == b && b->action == action && !b->argument)
            out = ui_textf("%s%s%s", out.s, n++ ? " " : "", ui_key_name(b->key, true).s);
    }
    return out;
}
