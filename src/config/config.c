/* config/config.c - option values, checked when set, each with its source. */
#include "config/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"

#define CONFIG_MAX_BYTES ((size_t)1 << 20) /* a settings file is written by hand */
#define ANY              false
#define LINE             true

static const imr_option OPTIONS[IMR_OPT_COUNT] = {
#define OPT(id, name, alias, letter, kind, fallback, low, high, choices, metavar, where, help)     \
    {IMR_OPT_##id, name,    alias, letter, IMR_KIND_##kind, fallback, low, high,                   \
     choices,      metavar, help,  where},
#include "config/options.def"
#undef OPT
};

typedef struct value {
    IMR_ARRAY(char *) items;
    imr_source source;
    char *where;
    unsigned line;
} value;

struct imr_config {
    value values[IMR_OPT_COUNT];
    IMR_ARRAY(imr_bind) binds; /* texts and paths are ours */
};

/* ---- the table ---- */

const imr_option *imr_option_of(imr_option_id id)
{
    assert((unsigned)id < IMR_OPT_COUNT);
    return &OPTIONS[id];
}

static bool same(const char *name, const char *word, size_t len)
{
    return name && strlen(name) == len && memcmp(name, word, len) == 0;
}

const imr_option *imr_option_find(const char *name, size_t len)
{
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        if (same(OPTIONS[i].name, name, len) || same(OPTIONS[i].alias, name, len))
            return &OPTIONS[i];
    return NULL;
}

const imr_option *imr_option_by_letter(char letter)
{
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        if (letter && OPTIONS[i].letter == letter)
            return &OPTIONS[i];
    return NULL;
}

char *imr_option_variable(const imr_option *option, char *out)
{
    char *p = out + snprintf(out, 64, "IMRNN_");
    for (const char *s = option->name; *s && p < out + 63; s++)
        *p++ = *s == '-' ? '_' : (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
    *p = '\0';
    return out;
}

/* ---- setting ---- */

imr_status imr_config_new(imr_config **out, imr_error *err)
{
    imr_config *c = IMR_NEW(imr_config);
    if (!c)
        return imr_fail_memory(err);
    *out = c;
    return IMR_OK;
}

static void value_done(value *v)
{
    for (size_t i = 0; i < v->items.n; i++)
        imr_free(v->items.v[i]);
    imr_free(v->items.v);
    imr_free(v->where);
    *v = (value){0};
}

void imr_config_free(imr_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        value_done(&c->values[i]);
    for (size_t i = 0; i < c->binds.n; i++) {
        imr_free((void *)c->binds.v[i].text);
        imr_free((void *)c->binds.v[i].path);
    }
    imr_free(c->binds.v);
    imr_free(c);
}

static int parse_bool(const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < IMR_LEN(words); i++)
        if (strcmp(text, words[i]) == 0)
            return (int)(i & 1);
    return -1;
}

/* Index of text among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *text)
{
    size_t len = strlen(text);
    int index = 0;
    for (const char *p = choices; p; index++) {
        const char *bar = strchr(p, '|');
        size_t n = bar ? (size_t)(bar - p) : strlen(p);
        if (n == len && memcmp(p, text, n) == 0)
            return index;
        p = bar ? bar + 1 : NULL;
    }
    return -1;
}

static void range_text(char out[96], const imr_option *o)
{
    char low[64], high[64];
    bool whole = o->kind == IMR_KIND_INT;
    if (whole) {
        imr_format_fixed(low, o->low, 0, false);
        imr_format_fixed(high, o->high, 0, false);
    } else {
        imr_format_float(low, o->low);
        imr_format_float(high, o->high);
    }
    snprintf(out, 96, "%s from %.30s to %.30s", whole ? "a whole number" : "a number", low, high);
}

static imr_status check(const imr_option *o, const char *text, const char *at, imr_error *err)
{
    char range[96];
    int64_t integer;
    double number;
    switch (o->kind) {
    case IMR_KIND_INT:
        if (imr_parse_int(text, strlen(text), &integer) && (double)integer >= o->low &&
            (double)integer <= o->high)
            return IMR_OK;
        range_text(range, o);
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not %s", at, text, range);
    case IMR_KIND_FLOAT:
        if (imr_parse_double(text, strlen(text), &number) && number >= o->low && number <= o->high)
            return IMR_OK;
        range_text(range, o);
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not %s", at, text, range);
    case IMR_KIND_BOOL:
        if (parse_bool(text) >= 0)
            return IMR_OK;
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is neither yes nor no", at, text);
    case IMR_KIND_CHOICE:
        if (choice_index(o->choices, text) >= 0)
            return IMR_OK;
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not one of %s", at, text, o->choices);
    case IMR_KIND_STRING:
    case IMR_KIND_LIST:
        break;
    }
    return IMR_OK;
}

imr_status imr_config_set(imr_config *c, imr_option_id id, const char *text, imr_source source,
                          const char *where, unsigned line, imr_error *err)
{
    const imr_option *o = imr_option_of(id);
    char at[512];
    if (line)
        snprintf(at, sizeof at, "%s:%u: %s", where, line, o->name);
    else
        snprintf(at, sizeof at, "%s", where);
    if (o->line_only && source != IMR_FROM_LINE)
        return imr_fail(err, IMR_E_USAGE, "%s: only the command line can give --%s", at, o->name);
    IMR_TRY(check(o, text, at, err));

    value *v = &c->values[id];
    if (source < v->source)
        return IMR_OK;
    bool append = o->kind == IMR_KIND_LIST && v->source == source;
    char *item = imr_strdup(text), *place = imr_strdup(where);
    value fresh = {0};
    value *into = append ? v : &fresh;
    if (!item || !place || !IMR_GROW(&into->items, 1)) {
        imr_free(item);
        imr_free(place);
        return imr_fail_memory(err);
    }
    if (append)
        imr_free(v->where);
    else
        value_done(v), *v = fresh;
    v->items.v[v->items.n++] = item;
    v->where = place;
    v->source = source;
    v->line = line;
    return IMR_OK;
}

imr_status imr_config_read_environment(imr_config *c, imr_environment_fn get, void *user,
                                       imr_error *err)
{
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        char name[64];
        if (OPTIONS[i].line_only)
            continue;
        const char *text = get(user, imr_option_variable(&OPTIONS[i], name));
        if (text && *text)
            IMR_TRY(imr_config_set(c, OPTIONS[i].id, text, IMR_FROM_ENVIRONMENT, name, 0, err));
    }
    return IMR_OK;
}

/* ---- files ---- */

static bool blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

static void trim(const char **start, const char **end)
{
    while (*start < *end && blank(**start))
        (*start)++;
    while (*end > *start && blank((*end)[-1]))
        (*end)--;
}

static imr_status keep_bind(imr_config *c, const char *text, size_t len, const char *path,
                            unsigned line, imr_error *err)
{
    char *copy = imr_strndup(text, len), *place = imr_strdup(path);
    if (copy && place && IMR_PUSH(&c->binds, (imr_bind){copy, place, line}))
        return IMR_OK;
    imr_free(copy);
    imr_free(place);
    return imr_fail_memory(err);
}

static imr_status unknown_key(const char *path, unsigned line, const char *key, size_t len,
                              imr_error *err)
{
    const char *names[IMR_OPT_COUNT];
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        names[i] = OPTIONS[i].name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(len < 63 ? len : 63), key);
    const char *near = imr_nearest(word, names, IMR_OPT_COUNT);
    return imr_fail(err, IMR_E_USAGE, "%s:%u: there is no setting '%s'%s%s%s", path, line, word,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static imr_status config_line(imr_config *c, const char *start, const char *end, const char *path,
                              unsigned line, imr_source source, imr_error *err)
{
    trim(&start, &end);
    if (start == end || *start == '#')
        return IMR_OK;
    if (end - start > 5 && memcmp(start, "bind", 4) == 0 && blank(start[4])) {
        start += 4;
        trim(&start, &end);
        return keep_bind(c, start, (size_t)(end - start), path, line, err);
    }
    const char *equals = memchr(start, '=', (size_t)(end - start));
    if (!equals)
        return imr_fail(err, IMR_E_USAGE, "%s:%u: expected 'key = value', found no '='", path,
                        line);
    const char *key_end = equals, *text = equals + 1;
    trim(&start, &key_end);
    trim(&text, &end);
    if (end - text >= 2 && *text == '"' && end[-1] == '"')
        text++, end--;
    size_t len = (size_t)(key_end - start);
    const imr_option *o = imr_option_find(start, len);
    if (!o)
        return unknown_key(path, line, start, len, err);
    IMR_AUTOFREE char *copy = imr_strndup(text, (size_t)(end - text));
    if (!copy)
        return imr_fail_memory(err);
    return imr_config_set(c, o->id, copy, source, path, line, err);
}

imr_status imr_config_parse(imr_config *c, const char *text, size_t len, const char *path,
                            imr_source source, imr_error *err)
{
    if (len > CONFIG_MAX_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s: %zu bytes are too many for a settings file", path,
                        len);
    if (memchr(text, '\0', len))
        return imr_fail(err, IMR_E_USAGE, "%s: not a text file", path);
    unsigned line = 0;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        IMR_TRY(config_line(c, p, stop, path, ++line, source, err));
        p = stop + 1;
    }
    return IMR_OK;
}

static imr_status read_file(imr_config *c, const char *folder, const char *name, imr_source source,
                            imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(folder, name);
    if (!path)
        return imr_fail_memory(err);
    if (!imr_file_exists(path))
        return IMR_OK;
    imr_file file;
    IMR_TRY(imr_file_map(&file, path, err));
    imr_status status = imr_config_parse(c, (const char *)file.data, file.len, path, source, err);
    imr_file_unmap(&file);
    return status;
}

imr_status imr_config_load(imr_config *c, imr_environment_fn get, void *user, const char *folder,
                           imr_error *err)
{
    IMR_TRY(imr_config_read_environment(c, get, user, err));
    if (folder)
        IMR_TRY(read_file(c, folder, ".imrnn", IMR_FROM_PROJECT_FILE, err));
    const char *xdg = get(user, "XDG_CONFIG_HOME"), *home = get(user, "HOME");
    if (xdg && *xdg == '/') /* the specification: relative paths are ignored */
        return read_file(c, xdg, "imrnn/config", IMR_FROM_USER_FILE, err);
    if (home && *home)
        return read_file(c, home, ".config/imrnn/config", IMR_FROM_USER_FILE, err);
    return IMR_OK;
}

/* ---- getting ---- */

static const char *text_of(const imr_config *c, imr_option_id id)
{
    const value *v = &c->values[id];
    return v->items.n ? v->items.v[v->items.n - 1] : imr_option_of(id)->fallback;
}

const char *imr_config_string(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_STRING || OPTIONS[id].kind == IMR_KIND_CHOICE);
    return text_of(c, id);
}

int64_t imr_config_int(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_INT);
    int64_t number = 0;
    const char *text = text_of(c, id);
    bool ok = !text || imr_parse_int(text, strlen(text), &number);
    assert(ok);
    (void)ok;
    return number;
}

double imr_config_float(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_FLOAT);
    double number = 0;
    const char *text = text_of(c, id);
    bool ok = !text || imr_parse_double(text, strlen(text), &number);
    assert(ok);
    (void)ok;
    return number;
}

bool imr_config_bool(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_BOOL);
    return parse_bool(text_of(c, id)) == 1;
}

int imr_config_choice(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_CHOICE);
    const char *text = text_of(c, id);
    return text ? choice_index(OPTIONS[id].choices, text) : -1;
}

size_t imr_config_count(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_LIST);
    return c->values[id].items.n;
}

const char *imr_config_item(const imr_config *c, imr_option_id id, size_t i)
{
    assert(i < imr_config_count(c, id));
    return c->values[id].items.v[i];
}

bool imr_config_is_set(const imr_config *c, imr_option_id id)
{
    return c->values[id].source != IMR_FROM_DEFAULT;
}

void imr_config_value(imr_buf *b, const imr_config *c, imr_option_id id)
{
    const value *v = &c->values[id];
    const char *text = text_of(c, id);
    if (OPTIONS[id].kind == IMR_KIND_LIST && v->items.n) {
        for (size_t i = 0; i < v->items.n; i++)
            imr_buf_printf(b, "%s%s", i ? ", " : "", v->items.v[i]);
    } else if (OPTIONS[id].kind == IMR_KIND_BOOL) {
        imr_buf_str(b, parse_bool(text) == 1 ? "yes" : "no");
    } else {
        imr_buf_str(b, text ? text : "(none)");
    }
}

void imr_config_source(imr_buf *b, const imr_config *c, imr_option_id id)
{
    const value *v = &c->values[id];
    switch (v->source) {
    case IMR_FROM_DEFAULT:
        imr_buf_str(b, "default");
        break;
    case IMR_FROM_USER_FILE:
        imr_buf_printf(b, "user file %s:%u", v->where, v->line);
        break;
    case IMR_FROM_PROJECT_FILE:
        imr_buf_printf(b, "project file %s:%u", v->where, v->line);
        break;
    case IMR_FROM_ENVIRONMENT:
        imr_buf_printf(b, "%s in the environment", v->where);
        break;
    case IMR_FROM_LINE:
        imr_buf_printf(b, "%s on the command line", v->where);
        break;
    }
}

size_t imr_config_binds(const imr_config *c, const imr_bind **out)
{
    *out = c->binds.v;
    return c->binds.n;
}

const char *imr_config_encoder(const imr_config *c)
{
    const char *name = imr_config_string(c, IMR_OPT_ENCODER_MODEL_NAME);
    return name ? name : imr_config_string(c, IMR_OPT_ENCODER);
}

/* ---- did you mean ---- */

#define WORD_MAX 64

/* Edits (insert, delete, replace, swap of neighbours) between two words; 99 when one is too long.
 */
static unsigned distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la >= WORD_MAX || lb >= WORD_MAX)
        return 99;
    unsigned char row[3][WORD_MAX];
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned char *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (unsigned char)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1u < best)
                best = up[j] + 1u;
            if (now[j - 1] + 1u < best)
                best = now[j - 1] + 1u;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                up2[j - 2] + 1u < best)
                best = up2[j - 2] + 1u;
            now[j] = (unsigned char)best;
        }
    }
    return row[la % 3][lb];
}

const char *imr_nearest(const char *word, const char *const *words, size_t n)
{
    size_t len = strlen(word);
    unsigned best = len < 3 ? 2 : (unsigned)(len / 3 + 1);
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!words[i])
            continue;
        unsigned d = distance(word, words[i]);
        if (d < best)
            best = d, found = words[i];
    }
    return found;
}
