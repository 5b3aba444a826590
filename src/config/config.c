/* config/config.c - option values, checked when set, each with its source. */
#include "config/config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/file.h"
#include "base/number.h"
#include "base/url.h"

#define CONFIG_MAX_BYTES ((size_t)1 << 20) /* a settings file is written by hand */

static const imr_option OPTIONS[IMR_OPT_COUNT] = {
#define OPT(id, name, alias, letter, kind, fallback, low, high, choices, metavar, where, help)     \
    {IMR_OPT_##id, name,    alias,   letter, IMR_KIND_##kind, fallback, low,                       \
     high,         choices, metavar, help,   IMR_IS_##where},
#include "config/options.def"
#undef OPT
};

typedef struct value {
    const char *text; /* NULL: unset, and without a default */
    double number;    /* INT, SIZE (below 2^53), FLOAT, BOOL, CHOICE: its index, -1 while unset */
    IMR_ARRAY(const char *) items; /* LIST */
    imr_source source;
    const char *where;
    unsigned line;
} value;

struct imr_config {
    imr_arena *arena; /* owns the texts; replaced ones stay until the end */
    value values[IMR_OPT_COUNT];
    IMR_ARRAY(imr_bind) binds;
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

int imr_choice_index(const char *choices, const char *text)
{
    const size_t len = strlen(text);
    int index = 0;
    for (const char *p = choices;; index++) {
        const size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, text, n) == 0)
            return index;
        if (!p[n])
            return -1;
        p += n + 1;
    }
}

/* Is text a value of the option? */
static bool parse(double *number, const imr_option *o, const char *text)
{
    const size_t len = strlen(text);
    int64_t whole = 0;
    int index;
    switch (o->kind) {
    case IMR_KIND_INT:
        if (!imr_parse_int(text, len, &whole))
            return false;
        *number = (double)whole;
        return *number >= o->low && *number <= o->high;
    case IMR_KIND_FLOAT:
        return imr_parse_double(text, len, number) && *number >= o->low && *number <= o->high;
    case IMR_KIND_SIZE:
        index = len ? (int)strcspn("KMGT", text + len - 1) : 4;
        if (!imr_parse_double(text, len - (index < 4), number))
            return false;
        *number = floor(ldexp(*number, index < 4 ? 10 * (index + 1) : 0));
        return *number >= o->low && *number <= o->high;
    case IMR_KIND_BOOL:
        index = imr_choice_index("false|true|no|yes|off|on|0|1", text);
        *number = index & 1;
        return index >= 0;
    case IMR_KIND_CHOICE:
        *number = index = imr_choice_index(o->choices, text);
        return index >= 0;
    case IMR_KIND_STRING:
    case IMR_KIND_LIST:
        break;
    }
    return true;
}

void imr_config_unset(imr_config *c, imr_option_id id)
{
    value *v = &c->values[id];
    v->text = OPTIONS[id].fallback;
    v->number = OPTIONS[id].kind == IMR_KIND_CHOICE ? -1 : 0;
    v->items.n = 0;
    v->source = IMR_FROM_DEFAULT;
    if (v->text)
        (void)parse(&v->number, &OPTIONS[id], v->text);
}

imr_status imr_config_new(imr_config **out, imr_error *err)
{
    IMR_AUTOFREE imr_config *c = IMR_NEW(imr_config);
    IMR_NEED(c && (c->arena = imr_arena_new()), err);
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        imr_config_unset(c, (imr_option_id)i);
    *out = IMR_TAKE(c);
    return IMR_OK;
}

void imr_config_free(imr_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        imr_free(c->values[i].items.v);
    imr_free(c->binds.v);
    imr_arena_free(c->arena);
    imr_free(c);
}

static imr_status refuse(const imr_option *o, const char *text, const char *at, imr_error *err)
{
    char low[64], high[64];
    if (o->kind == IMR_KIND_BOOL)
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is neither yes nor no", at, text);
    if (o->kind == IMR_KIND_CHOICE)
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not one of %s", at, text, o->choices);
    if (o->kind == IMR_KIND_SIZE)
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not a size such as 512M or 4G", at, text);
    if (o->kind == IMR_KIND_INT)
        return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not a whole number from %s to %s", at, text,
                        imr_format_fixed(low, o->low, 0, false),
                        imr_format_fixed(high, o->high, 0, false));
    return imr_fail(err, IMR_E_USAGE, "%s: '%s' is not a number from %s to %s", at, text,
                    imr_format_float(low, o->low), imr_format_float(high, o->high));
}

/* Does a path of the file `of` stay in that file's folder, links included? */
static bool stays_within(const char *path, const char *of)
{
    IMR_AUTOFREE char *folder = imr_path_dir(of);
    IMR_AUTOFREE char *joined = folder ? imr_path_join(folder, path) : NULL;
    if (!joined || path[0] == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/'), part += part != NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    char *root = realpath(folder, NULL), *real = realpath(joined, NULL);
    const size_t n = root ? strlen(root) : 0;
    const bool within =
        !real || (root && (strcmp(root, "/") == 0 ||
                           (strncmp(real, root, n) == 0 && (real[n] == '/' || !real[n]))));
    free(root);
    free(real);
    return within;
}

/* What a stranger's file may not set. */
static imr_status check_project(const imr_option *o, const char *text, const char *file,
                                const char *at, imr_error *err)
{
    if (o->where == IMR_IS_OWN)
        return imr_fail(err, IMR_E_USAGE, "%s: a project file cannot set this", at);
    if (o->where != IMR_IS_WITHIN || (o->id == IMR_OPT_STORE && imr_is_url(text)) ||
        stays_within(text, file))
        return IMR_OK;
    return imr_fail(err, IMR_E_USAGE,
                    "%s: '%s' leads out of the folder of the project file; say it on the command "
                    "line, or in your own settings file",
                    at, text);
}

/* A cache and a store are two answers to one question: the stronger source gives it. One source may
 * give both. */
static bool yields(imr_config *c, imr_option_id id, imr_source source)
{
    if (id != IMR_OPT_STORE && id != IMR_OPT_CACHE_DIR)
        return false;
    const imr_option_id other = id == IMR_OPT_STORE ? IMR_OPT_CACHE_DIR : IMR_OPT_STORE;
    const imr_source by = c->values[other].source;
    if (by < source)
        imr_config_unset(c, other);
    return by > source;
}

imr_status imr_config_set(imr_config *c, imr_option_id id, const char *text, imr_source source,
                          const char *where, unsigned line, imr_error *err)
{
    const bool url = imr_is_url(text);
    if (id == IMR_OPT_CACHE_DIR && url)
        id = IMR_OPT_STORE;
    const imr_option *o = imr_option_of(id);
    value *v = &c->values[id];
    double number = 0;
    char at[512];
    if (line)
        snprintf(at, sizeof at, "%s:%u: %s", where, line, o->name);
    else
        snprintf(at, sizeof at, "%s", where);
    if (o->where == IMR_IS_LINE && source != IMR_FROM_LINE)
        return imr_fail(err, IMR_E_USAGE, "%s: only the command line can give --%s", at, o->name);
    const char *secret = url && o->where == IMR_IS_WITHIN ? imr_url_secret(text) : NULL;
    if (secret)
        return imr_fail(err, IMR_E_USAGE, "%s: %s", at, secret);
    if (!parse(&number, o, text))
        return refuse(o, text, at, err);
    if (source == IMR_FROM_PROJECT_FILE)
        IMR_TRY(check_project(o, text, where, at, err));
    if (source < v->source || yields(c, id, source))
        return IMR_OK;
    text = imr_arena_strdup(c->arena, text);
    where = imr_arena_strdup(c->arena, where);
    const bool list = o->kind == IMR_KIND_LIST;
    IMR_NEED(text && where && (!list || IMR_GROW(&v->items, 1)), err);
    if (v->source != source)
        v->items.n = 0;
    if (list)
        v->items.v[v->items.n++] = text;
    v->text = text;
    v->number = number;
    v->source = source;
    v->where = where;
    v->line = line;
    return IMR_OK;
}

static imr_status read_environment(imr_config *c, imr_environment_fn get, void *user,
                                   imr_error *err)
{
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        char name[64];
        if (OPTIONS[i].where == IMR_IS_LINE)
            continue;
        const char *text = get(user, imr_option_variable(&OPTIONS[i], name));
        if (text && *text)
            IMR_TRY(imr_config_set(c, OPTIONS[i].id, text, IMR_FROM_ENVIRONMENT, name, 0, err));
    }
    return IMR_OK;
}

/* ---- files ---- */

#define BLANKS " \t\r"

/* The text without the blanks around it; a zero takes the place of the last ones. */
static char *trim(char *text)
{
    text += strspn(text, BLANKS);
    size_t n = strlen(text);
    while (n > 0 && strchr(BLANKS, text[n - 1]))
        n--;
    text[n] = '\0';
    return text;
}

static imr_status unknown_key(const char *path, unsigned line, const char *key, imr_error *err)
{
    const char *names[IMR_OPT_COUNT];
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        names[i] = OPTIONS[i].name;
    char word[64];
    snprintf(word, sizeof word, "%.63s", key);
    const char *near = imr_nearest(word, names, IMR_OPT_COUNT);
    return imr_fail(err, IMR_E_USAGE, "%s:%u: there is no setting '%s'%s%s%s", path, line, word,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* text: the arena's. */
static imr_status config_line(imr_config *c, char *text, const char *path, unsigned line,
                              imr_source source, imr_error *err)
{
    text = trim(text);
    if (!*text || *text == '#')
        return IMR_OK;
    if (strncmp(text, "bind", 4) == 0 && text[4] && strchr(BLANKS, text[4])) {
        const imr_bind bind = {trim(text + 4), imr_arena_strdup(c->arena, path), line,
                               source == IMR_FROM_PROJECT_FILE};
        return bind.path && IMR_PUSH(&c->binds, bind) ? IMR_OK : imr_fail_memory(err);
    }
    char *equals = strchr(text, '=');
    if (!equals)
        return imr_fail(err, IMR_E_USAGE, "%s:%u: expected 'key = value', found no '='", path,
                        line);
    *equals = '\0';
    const char *key = trim(text);
    char *said = trim(equals + 1);
    const size_t len = strlen(said);
    if (len >= 2 && said[0] == '"' && said[len - 1] == '"') {
        said[len - 1] = '\0';
        said++;
    }
    const imr_option *o = imr_option_find(key, strlen(key));
    return o ? imr_config_set(c, o->id, said, source, path, line, err)
             : unknown_key(path, line, key, err);
}

imr_status imr_config_parse(imr_config *c, const char *text, size_t len, const char *path,
                            imr_source source, imr_error *err)
{
    if (len > CONFIG_MAX_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s: %zu bytes are too many for a settings file", path,
                        len);
    if (memchr(text, '\0', len))
        return imr_fail(err, IMR_E_USAGE, "%s: not a text file", path);
    char *at = imr_arena_strndup(c->arena, text, len);
    IMR_NEED(at, err);
    for (unsigned line = 1; at; line++) {
        char *stop = strchr(at, '\n');
        if (stop)
            *stop++ = '\0';
        IMR_TRY(config_line(c, at, path, line, source, err));
        at = stop;
    }
    return IMR_OK;
}

static imr_status read_file(imr_config *c, const char *folder, const char *name, imr_error *err)
{
    const imr_path path = imr_path_in(folder, name);
    if (!imr_file_exists(path.s))
        return IMR_OK;
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map(&file, path.s, err));
    return imr_config_parse(c, (const char *)file.data, file.len, path.s, IMR_FROM_USER_FILE, err);
}

imr_status imr_config_load(imr_config *c, imr_environment_fn get, void *user, imr_error *err)
{
    IMR_TRY(read_environment(c, get, user, err));
    const char *xdg = get(user, "XDG_CONFIG_HOME"), *home = get(user, "HOME");
    if (xdg && *xdg == '/') /* the specification: relative paths are ignored */
        return read_file(c, xdg, "imrnn/config", err);
    if (home && *home)
        return read_file(c, home, ".config/imrnn/config", err);
    return IMR_OK;
}

/* ---- getting ---- */

const char *imr_config_string(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_STRING || OPTIONS[id].kind == IMR_KIND_CHOICE);
    return c->values[id].text;
}

int64_t imr_config_int(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_INT || OPTIONS[id].kind == IMR_KIND_SIZE);
    return (int64_t)c->values[id].number;
}

double imr_config_float(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_FLOAT);
    return c->values[id].number;
}

bool imr_config_bool(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_BOOL);
    return c->values[id].number > 0;
}

int imr_config_choice(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_CHOICE);
    return (int)c->values[id].number;
}

size_t imr_config_count(const imr_config *c, imr_option_id id)
{
    assert(OPTIONS[id].kind == IMR_KIND_LIST);
    return c->values[id].items.n;
}

const char *imr_config_item(const imr_config *c, imr_option_id id, size_t i)
{
    return i < imr_config_count(c, id) ? c->values[id].items.v[i] : NULL;
}

bool imr_config_is_set(const imr_config *c, imr_option_id id)
{
    return c->values[id].source != IMR_FROM_DEFAULT;
}

imr_source imr_config_from(const imr_config *c, imr_option_id id)
{
    return c->values[id].source;
}

void imr_config_value(imr_buf *b, const imr_config *c, imr_option_id id)
{
    const value *v = &c->values[id];
    if (OPTIONS[id].kind == IMR_KIND_BOOL)
        imr_buf_str(b, v->number > 0 ? "yes" : "no");
    else if (!v->items.n)
        imr_buf_str(b, v->text ? v->text : "(none)");
    for (size_t i = 0; i < v->items.n; i++)
        imr_buf_printf(b, "%s%s", i ? ", " : "", v->items.v[i]);
}

void imr_config_source(imr_buf *b, const imr_config *c, imr_option_id id)
{
    static const char *const before[] = {"default", "user file ", "project file ", "", ""};
    static const char *const after[] = {"", "", "", " in the environment", " on the command line"};
    const value *v = &c->values[id];
    imr_buf_printf(b, "%s%s", before[v->source], v->where ? v->where : "");
    if (v->line)
        imr_buf_printf(b, ":%u", v->line);
    imr_buf_str(b, after[v->source]);
}

imr_status imr_config_derive(imr_config *c, imr_option_id id, const char *text, imr_option_id from,
                             imr_error *err)
{
    const value *v = &c->values[from];
    return imr_config_is_set(c, id)
               ? IMR_OK
               : imr_config_set(c, id, text, v->source, v->where, v->line, err);
}

void imr_config_project(imr_buf *b, const imr_config *c)
{
    const char *comma = "";
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        if (c->values[i].source != IMR_FROM_PROJECT_FILE)
            continue;
        imr_buf_printf(b, "%s%s = ", comma, OPTIONS[i].name);
        imr_config_value(b, c, (imr_option_id)i);
        comma = ", ";
    }
    for (size_t i = 0; i < c->binds.n; i++)
        if (c->binds.v[i].project) {
            imr_buf_printf(b, "%sbind %s", comma, c->binds.v[i].text);
            comma = ", ";
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

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) between two words; 99 when one is too long.
 */
static unsigned distance(const char *a, const char *b)
{
    const size_t la = strlen(a), lb = strlen(b);
    unsigned row[3][WORD_MAX];
    if (la >= WORD_MAX || lb >= WORD_MAX)
        return 99;
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            now[j] = least(up[j - 1] + (a[i - 1] != b[j - 1]), least(up[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], up2[j - 2] + 1);
        }
    }
    return row[la % 3][lb];
}

const char *imr_nearest(const char *word, const char *const *words, size_t n)
{
    const size_t len = strlen(word);
    unsigned best = len < 3 ? 2 : (unsigned)(len / 3 + 1);
    const char *found = NULL;
    for (size_t i = 0; i < n; i++) {
        const unsigned d = words[i] ? distance(word, words[i]) : best;
        if (d < best)
            best = d, found = words[i];
    }
    return found;
}
