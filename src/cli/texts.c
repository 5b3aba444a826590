/* cli/texts.c - reading texts from files of three shapes. */
#include "cli/command.h"

#include <strings.h>

#include "base/limits.h"
#include "retrieval/dataset.h"
#include "text/utf8.h"

void imr_texts_done(imr_texts *t)
{
    for (size_t i = 0; i < t->ids.n; i++)
        imr_free(t->ids.v[i]);
    for (size_t i = 0; i < t->texts.n; i++)
        imr_free(t->texts.v[i]);
    IMR_FREE(t->ids.v, t->texts.v, t->lens.v);
    imr_strmap_done(&t->by_id);
    *t = (imr_texts){0};
}

/* Takes text's memory in any case. at: "file:7", for errors. */
static imr_status add(imr_texts *t, const char *id, char *text, size_t len, const char *at,
                      imr_error *err)
{
    IMR_NEED(text, err);
    IMR_AUTOFREE char *held = text;
    if (len > IMR_MAX_TEXT_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s: the text is longer than %zu bytes", at,
                        IMR_MAX_TEXT_BYTES);
    size_t bad = imr_utf8_first_bad(text, len);
    if (bad < len)
        return imr_fail(err, IMR_E_FORMAT, "%s: not UTF-8 at byte %zu of the text", at, bad + 1);
    if (strlen(id) > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "%s: the id is longer than %zu bytes", at,
                        IMR_MAX_ID_BYTES);
    IMR_NEED(IMR_GROW(&t->ids, 1) && IMR_GROW(&t->texts, 1) && IMR_GROW(&t->lens, 1), err);
    IMR_AUTOFREE char *key = imr_strdup(id);
    bool added = false;
    if (!key || !imr_strmap_add(&t->by_id, key, strlen(key), (uint32_t)t->ids.n, NULL, &added))
        return imr_fail_memory(err);
    if (!added)
        return imr_fail(err, IMR_E_FORMAT, "%s: the id '%.80s' was used before", at, id);
    t->ids.v[t->ids.n++] = key;
    t->texts.v[t->texts.n++] = text;
    t->lens.v[t->lens.n++] = len;
    key = held = NULL;
    return IMR_OK;
}

static imr_status add_node(imr_texts *t, const imr_json *node, size_t number, const char *at,
                           imr_error *err)
{
    imr_text id = imr_textf("%zu", number);
    if (imr_json_is_string(node)) {
        const char *text = imr_json_string_or(node, "", "");
        return add(t, id.s, imr_strdup(text), strlen(text), at, err);
    }
    const char *text;
    imr_error why;
    if (!imr_json_is_object(node) || imr_json_need_string(&text, node, "text", &why) != IMR_OK)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: expected a string or an object with \"_id\" and \"text\"", at);
    const imr_json *found = imr_document_id(node);
    const char *name = imr_json_string_or(found, "", NULL);
    if (!name && imr_json_is_number(found))
        id = imr_textf("%lld", (long long)imr_json_int_or(found, "", 0));
    const char *title = imr_json_string_or(node, "title", "");
    IMR_AUTOBUF imr_buf b = {0};
    imr_document_text(&b, title, strlen(title), text, strlen(text));
    IMR_TRY(imr_buf_check(&b, err));
    size_t len = b.len;
    char *joined = len ? imr_buf_take(&b) : imr_strdup("");
    return add(t, name ? name : id.s, joined, len, at, err);
}

static imr_status parse_array(imr_texts *t, const char *data, size_t len, const char *name,
                              imr_error *err)
{
    IMR_AUTOJSON imr_json *root = NULL;
    IMR_TRY(imr_json_parse(&root, data, len, name, err));
    if (!imr_json_is_array(root))
        return imr_fail(err, IMR_E_FORMAT, "%s: expected an array of texts", name);
    size_t place = 0;
    for (const imr_json *n = imr_json_child(root); n; n = imr_json_next(n)) {
        place++;
        IMR_TRY(add_node(t, n, place, imr_textf("%.400s: text %zu", name, place).s, err));
    }
    return IMR_OK;
}

static imr_status parse_jsonl(imr_texts *t, const char *data, size_t len, const char *name,
                              imr_error *err)
{
    IMR_CLEANUP(imr_jsonl_done) imr_jsonl it;
    imr_jsonl_init(&it, data, len, name);
    for (const imr_json *node;;) {
        IMR_TRY(imr_jsonl_next(&it, &node, err));
        if (!node)
            return IMR_OK;
        const size_t line = (size_t)it.line;
        IMR_TRY(add_node(t, node, line, imr_textf("%.400s:%zu", name, line).s, err));
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next line of [*at, end) without blanks around it, perhaps empty; NULL: there is none. */
static const char *next_line(const char **at, const char *end, size_t *n)
{
    const char *line = *at, *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    const char *last = stop ? stop : end;
    if (line == end)
        return NULL;
    *at = stop ? stop + 1 : end;
    while (line < last && is_blank(*line))
        line++;
    while (last > line && is_blank(last[-1]))
        last--;
    *n = (size_t)(last - line);
    return line;
}

static imr_status parse_lines(imr_texts *t, const char *data, size_t len, const char *name,
                              imr_error *err)
{
    size_t number = 0, n;
    for (const char *from = data, *p; (p = next_line(&from, data + len, &n));) {
        number++;
        if (n) {
            const imr_text at = imr_textf("%.400s:%zu", name, number),
                           id = imr_textf("%zu", number);
            if (memchr(p, '\0', n))
                return imr_fail(err, IMR_E_FORMAT, "%s: a zero byte: not a text file", at.s);
            IMR_TRY(add(t, id.s, imr_strndup(p, n), n, at.s, err));
        }
    }
    return IMR_OK;
}

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), w = strlen(with);
    return n >= w && strcasecmp(name + n - w, with) == 0;
}

/* By their looks: {" begins an object, and lines that are all between "" or {} are JSON, too. A
 * sentence in quotation marks among others is one. */
static bool looks_like_jsonl(const char *data, size_t len)
{
    bool strings = false;
    size_t n;
    for (const char *at = data, *p; (p = next_line(&at, data + len, &n)); strings |= n > 0) {
        if (n && *p == '{') {
            size_t key = 1;
            while (key < n && is_blank(p[key]))
                key++;
            return key < n && (p[key] == '"' || p[key] == '}');
        }
        if (n && (*p != '"' || n < 2 || p[n - 1] != '"'))
            return false;
    }
    return strings;
}

/* name: for errors; its ending steers the format. */
static imr_status parse(imr_texts *out, const char *data, size_t len, const char *name,
                        imr_error *err)
{
    IMR_CLEANUP(imr_texts_done) imr_texts t = {0};
    if (len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        len -= 3;
    }
    size_t at = 0;
    while (at < len && is_blank(data[at]))
        at++;
    const bool named = ends(name, ".jsonl") || ends(name, ".ndjson");
    const bool array = !named && (ends(name, ".json") || (at < len && data[at] == '['));
    const bool jsonl = named || (!array && !ends(name, ".txt") && looks_like_jsonl(data, len));
    IMR_TRY((array ? parse_array : jsonl ? parse_jsonl : parse_lines)(&t, data, len, name, err));
    if (t.ids.n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s: no text in it", name);
    return IMR_GIVE(out, t);
}

static imr_status read_stream(imr_texts *out, FILE *from, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {.limit = IMR_MAX_JSON_BYTES};
    for (char *room; (room = imr_buf_reserve(&b, 65536));) {
        const size_t n = fread(room, 1, 65536, from);
        b.len += n;
        b.data[b.len] = '\0';
        if (n == 0)
            break;
    }
    IMR_TRY(imr_buf_check(&b, err));
    if (ferror(from))
        return imr_fail(err, IMR_E_IO, "cannot read standard input");
    return parse(out, imr_buf_text(&b), b.len, "standard input", err);
}

imr_status imr_texts_read(imr_texts *out, const char *path, imr_error *err)
{
    if (strcmp(path, "-") == 0)
        return read_stream(out, stdin, err);
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map_as(&file, path, IMR_FILE_PIPE | IMR_FILE_TEXT, err));
    return parse(out, (const char *)file.data, file.len, path, err);
}

imr_status imr_texts_of(imr_texts *out, const char *const *texts, size_t n, imr_error *err)
{
    IMR_CLEANUP(imr_texts_done) imr_texts t = {0};
    for (size_t i = 0; i < n; i++) {
        const imr_text id = imr_textf("%zu", i + 1);
        IMR_TRY(add(&t, id.s, imr_strdup(texts[i]), strlen(texts[i]), "argument", err));
    }
    return IMR_GIVE(out, t);
}

imr_status imr_texts_prepend(imr_texts *t, const char *prompt, imr_error *err)
{
    const size_t n = strlen(prompt);
    for (size_t i = 0; n && i < t->texts.n; i++) {
        IMR_AUTOBUF imr_buf b = {0};
        imr_buf_add(&b, prompt, n);
        imr_buf_add(&b, t->texts.v[i], t->lens.v[i]);
        IMR_TRY(imr_buf_check(&b, err));
        imr_free(t->texts.v[i]);
        t->lens.v[i] += n;
        t->texts.v[i] = imr_buf_take(&b);
    }
    return IMR_OK;
}
