/* ui/keymap.c */
#include "ui/keymap.h"

#include <string.h>

#include "base/array.h"
#include "base/mem.h"

static const char *const context_names[UI_CONTEXT_COUNT] = {
    "ANY", "SCREEN", "EDIT", "QUERY", "LIST", "DOC", "WORDS", "HELP", "PICK"};

/* Where a context looks next; ANY is its own end. */
static const ui_context wider[UI_CONTEXT_COUNT] = {
    [UI_IN_ANY] = UI_IN_ANY,      [UI_IN_SCREEN] = UI_IN_ANY,  [UI_IN_EDIT] = UI_IN_ANY,
    [UI_IN_QUERY] = UI_IN_EDIT,   [UI_IN_LIST] = UI_IN_SCREEN, [UI_IN_DOC] = UI_IN_SCREEN,
    [UI_IN_WORDS] = UI_IN_SCREEN, [UI_IN_HELP] = UI_IN_SCREEN, [UI_IN_PICK] = UI_IN_EDIT};

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

/* The next word of [*at, end): runs of anything but blanks. */
static size_t word(const char **at, const char *end, const char **out)
{
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
    *out = *at;
    while (*at < end && **at != ' ' && **at != '\t')
        ++*at;
    return (size_t)(*at - *out);
}

/* "CONTEXT key key; CONTEXT key" of one action. */
static imr_status defaults(ui_keymap *m, ui_action action, const char *keys, imr_error *err)
{
    const char *at = keys, *end = keys + strlen(keys), *w;
    ui_context context = UI_IN_ANY;
    bool fresh = true;
    for (size_t n; (n = word(&at, end, &w)) > 0;) {
        bool last = n > 1 && w[n - 1] == ';';
        if (last)
            n--;
        ui_key key;
        if (fresh ? !context_of(&context, w, n) : ui_key_parse(&key, w, n) != n)
            return imr_fail(err, IMR_E_FORMAT,
                            "default keys of %s: '%.*s' is neither context nor key",
                            ui_action_info_of(action)->name, (int)n, w);
        if (!fresh)
            IMR_TRY(bind(m, (ui_bind){context, key, action, NULL}, err));
        fresh = last;
    }
    return IMR_OK;
}

imr_status ui_keymap_init(ui_keymap *out, imr_error *err)
{
    ui_keymap m = {0};
    imr_status status = IMR_OK;
    for (int i = 1; status == IMR_OK && i < UI_ACTION_COUNT; i++)
        status = defaults(&m, (ui_action)i, ui_action_info_of((ui_action)i)->keys, err);
    if (status != IMR_OK) {
        ui_keymap_done(&m);
        return status;
    }
    *out = m;
    return IMR_OK;
}

void ui_keymap_done(ui_keymap *m)
{
    for (size_t i = 0; i < m->n; i++)
        imr_free(m->v[i].argument);
    imr_free(m->v);
    *m = (ui_keymap){0};
}

imr_status ui_keymap_bind(ui_keymap *m, const char *text, size_t len, imr_error *err)
{
    const char *at = text, *end = text + len, *context_word, *key_word, *name;
    ui_bind b = {0};
    size_t n = word(&at, end, &context_word);
    if (!context_of(&b.context, context_word, n))
        return imr_fail(err, IMR_E_FORMAT,
                        "'%.*s' is no context; there are ANY, SCREEN, EDIT, QUERY, LIST, DOC, "
                        "WORDS, HELP and PICK",
                        (int)n, context_word);
    n = word(&at, end, &key_word);
    if (n == 0 || ui_key_parse(&b.key, key_word, n) != n)
        return imr_fail(err, IMR_E_FORMAT, "'%.*s' is no key; write x, <C-n>, <F1>, <PgUp>", (int)n,
                        key_word);
    n = word(&at, end, &name);
    size_t colon = n && name[0] == ':';
    b.action = ui_action_find(name + colon, n - colon);
    if (b.action == UI_DO_NOTHING)
        return imr_fail(err, IMR_E_FORMAT, "'%.*s' is no action; ? in the explorer lists them",
                        (int)n, name);
    const char *rest;
    word(&at, end, &rest);
    while (end > rest && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    if (rest < end && !(b.argument = imr_strndup(rest, (size_t)(end - rest))))
        return imr_fail_memory(err);
    return bind(m, b, err);
}

const ui_bind *ui_keymap_get(const ui_keymap *m, ui_context context, ui_key key)
{
    for (;; context = wider[context]) {
        const ui_bind *b = own(m, context, key);
        if (b)
            return b;
        if (context == UI_IN_ANY)
            return NULL;
    }
}

ui_key ui_keymap_key(const ui_keymap *m, ui_context context, ui_action action)
{
    for (;; context = wider[context]) {
        for (size_t k = 0; k < m->n; k++)
            if (m->v[k].context == context && m->v[k].action == action && !m->v[k].argument)
                return m->v[k].key;
        if (context == UI_IN_ANY)
            return UI_KEY_NONE;
    }
}

void ui_keymap_labels(const ui_keymap *m, ui_action action, size_t max, imr_buf *out)
{
    ui_key seen[8];
    size_t n = 0;
    char label[UI_KEY_NAME_MAX];
    for (size_t i = 0; i < m->n && n < max && n < IMR_LEN(seen); i++) {
        if (m->v[i].action != action || m->v[i].argument)
            continue;
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again = again || seen[k] == m->v[i].key;
        if (again)
            continue;
        seen[n++] = m->v[i].key;
        imr_buf_printf(out, "%s%s", n > 1 ? " " : "", ui_key_label(label, m->v[i].key));
    }
}
