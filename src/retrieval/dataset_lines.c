/* Reading a corpus and its queries line by line: where every line lies, what is wrong with it. */
#include <assert.h>

#include "base/limits.h"
#include "retrieval/columns.h"
#include "retrieval/dataset_internal.h"
#include "text/utf8.h"

typedef IMR_ARRAY(char) text_array; /* zero-terminated strings, one after another */

/* What is gathered line by line, in the dataset's scratch; turned into arrays when the end is
 * reached. */
typedef struct gather {
    imr_dataset *d;
    const imr_dataset_options *options;
    text_array ids, texts; /* texts: of queries only */
    IMR_ARRAY(uint64_t) offsets, lines;
    IMR_ARRAY(uint32_t) lengths;
    size_t n, empty; /* empty: documents without a word */
} gather;

static void gather_done(gather *g)
{
    void *const tables[] = {g->ids.v, g->texts.v, g->offsets.v, g->lines.v, g->lengths.v};
    for (size_t i = 0; i < IMR_LEN(tables); i++)
        imr_scratch_free(g->d->scratch, tables[i]);
}

static imr_status no_room(const gather *g, imr_error *err)
{
    return imr_scratch_fail(g->d->scratch, err);
}

static imr_status add_text(gather *g, text_array *to, const char *text, imr_error *err)
{
    size_t n = strlen(text) + 1;
    if (!IMR_SCRATCH_GROW(g->d->scratch, to, n))
        return no_room(g, err);
    memcpy(to->v + to->n, text, n);
    to->n += n;
    return IMR_OK;
}

imr_status imr_dataset_progress(const imr_dataset_options *o, uint64_t done, uint64_t total,
                                imr_error *err)
{
    if (imr_progress_step(o->progress, "reading documents", done, total))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "reading the dataset was cancelled");
}

/* A fault of one line: the end of opening, or noted and skipped. */
imr_status imr_dataset_note_bad(imr_dataset *d, const imr_dataset_options *o, imr_status status,
                                const imr_error *fault, imr_error *err)
{
    bool of_the_line = status == IMR_E_FORMAT || status == IMR_E_LIMIT;
    if (!of_the_line || !o->skip_bad_lines)
        return imr_fail(err, status, "%s", fault->text);
    if (d->n_bad < IMR_BAD_LINES_KEPT && !(d->bad[d->n_bad] = imr_strdup(fault->text)))
        return imr_fail_memory(err);
    d->n_bad++;
    return IMR_OK;
}

/* ---- one line ---- */

static imr_status check_id(const char *id, imr_error *err)
{
    if (!id[0])
        return imr_fail(err, IMR_E_FORMAT, "the id is empty");
    if (strlen(id) > IMR_MAX_ID_BYTES)
        return imr_fail(err, IMR_E_FORMAT, "the id has %zu bytes, at most %zu", strlen(id),
                        IMR_MAX_ID_BYTES);
    for (const char *c = id; *c; c++)
        if ((unsigned char)*c < 0x20)
            return imr_fail(err, IMR_E_FORMAT,
                            "the id holds a newline, tab or other control character");
    return IMR_OK;
}

static const imr_json *first_of(const imr_json *node, const char *const *keys, const char **key)
{
    const imr_json *found = NULL;
    for (; !found && (*key = *keys); keys++)
        found = imr_json_at(node, *keys);
    return found;
}

static const char *const document_keys[] = {"_id", "id", "docid", "doc_id", "docno", "pid", NULL};
static const char *const query_keys[] = {"_id", "id", "qid", "query_id", NULL};

const imr_json *imr_document_id(const imr_json *line)
{
    const char *key;
    return first_of(line, document_keys, &key);
}

/* The id of line `line` as text (integers in decimal); that number when there is none and none is
 * needed. */
static imr_status id_of(char out[IMR_MAX_ID_BYTES + 2], const imr_json *node,
                        const char *const *keys, bool needed, uint64_t line, imr_error *err)
{
    const char *key;
    const imr_json *id = first_of(node, keys, &key);
    if (!id && needed)
        return imr_fail(err, IMR_E_FORMAT, "the line has no \"_id\"");
    if (!id)
        snprintf(out, IMR_MAX_ID_BYTES + 2, "%llu", (unsigned long long)line);
    else if (imr_json_is_string(id))
        snprintf(out, IMR_MAX_ID_BYTES + 2, "%s", imr_json_string_or(id, "", ""));
    else if (imr_json_is_number(id) && imr_json_int_or(id, "", INT64_MIN) != INT64_MIN)
        snprintf(out, IMR_MAX_ID_BYTES + 2, "%lld", (long long)imr_json_int_or(id, "", 0));
    else
        return imr_fail(err, IMR_E_FORMAT, "\"%s\" is neither a string nor an integer", key);
    return check_id(out, err);
}

/* A member that must be a string; absent or null counts as "" when `optional`. */
static imr_status text_of(const char **out, const imr_json *node, const char *key, bool optional,
                          imr_error *err)
{
    const imr_json *at = imr_json_at(node, key);
    *out = imr_json_string_or(at, "", "");
    if (imr_json_is_string(at) || (optional && (!at || imr_json_is_null(at))))
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT, at ? "\"%s\" is not a string" : "the line has no \"%s\"",
                    key);
}

static imr_status add_id(gather *g, const char *id, uint64_t line, imr_error *err)
{
    if (g->n >= IMR_MAX_DOCUMENTS)
        return imr_fail(err, IMR_E_LIMIT, "more than %u documents or queries", IMR_MAX_DOCUMENTS);
    IMR_TRY(add_text(g, &g->ids, id, err));
    if (!IMR_SCRATCH_PUSH(g->d->scratch, &g->lines, line))
        return no_room(g, err);
    g->n++;
    return IMR_OK;
}

static bool is_blank(const char *text)
{
    return !text[strspn(text, " \t\r\n\f\v")];
}

static imr_status document_line(gather *g, const imr_jsonl *it, const imr_json *node,
                                imr_error *err)
{
    char id[IMR_MAX_ID_BYTES + 2];
    const char *title = "", *text = imr_json_string_or(node, "", "");
    if (!imr_json_is_string(node)) {
        if (!imr_json_is_object(node))
            return imr_fail(err, IMR_E_FORMAT,
                            "expected an object with \"_id\" and \"text\", or a string");
        IMR_TRY(text_of(&title, node, "title", true, err));
        IMR_TRY(text_of(&text, node, "text", imr_json_at(node, "title") != NULL, err));
    }
    const bool needed = g->d->ids_needed && !imr_json_is_string(node);
    IMR_TRY(id_of(id, node, document_keys, needed, it->line, err));
    IMR_TRY(add_id(g, id, it->line, err));
    if (!IMR_SCRATCH_PUSH(g->d->scratch, &g->offsets, it->line_start) ||
        !IMR_SCRATCH_PUSH(g->d->scratch, &g->lengths, (uint32_t)it->line_len))
        return no_room(g, err);
    g->empty += is_blank(title) && is_blank(text);
    return IMR_OK;
}

static imr_status add_query(gather *g, const char *id, const char *text, uint64_t line,
                            imr_error *err)
{
    if (strlen(text) > IMR_MAX_QUERY_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "the query has %zu bytes, at most %zu", strlen(text),
                        IMR_MAX_QUERY_BYTES);
    IMR_TRY(add_id(g, id, line, err));
    return add_text(g, &g->texts, text, err);
}

static imr_status query_line(gather *g, const imr_jsonl *it, const imr_json *node, imr_error *err)
{
    char id[IMR_MAX_ID_BYTES + 2];
    const char *text = "";
    IMR_TRY(id_of(id, node, query_keys, true, it->line, err));
    IMR_TRY(text_of(&text, node, "text", false, err));
    return add_query(g, id, text, it->line, err);
}

/* A line that could not be taken: its fault gets its place. */
static imr_status bad_line(gather *g, imr_status status, imr_error *fault, const char *name,
                           uint64_t line, imr_error *err)
{
    char where[IMR_ERROR_TEXT];
    snprintf(where, sizeof where, "%s: line %llu", name, (unsigned long long)line);
    if (status == IMR_E_FORMAT || status == IMR_E_LIMIT)
        (void)imr_error_prefix(fault, status, where);
    return imr_dataset_note_bad(g->d, g->options, status, fault, err);
}

typedef imr_status (*line_fn)(gather *, const imr_jsonl *, const imr_json *, imr_error *);

static imr_status each_line(gather *g, const imr_dataset_bytes *b, line_fn take, imr_error *err)
{
    IMR_CLEANUP(imr_jsonl_done) imr_jsonl it;
    imr_jsonl_init(&it, b->data, b->len, b->name);
    for (;;) {
        const imr_json *node = NULL;
        imr_error fault;
        imr_status status = imr_jsonl_next(&it, &node, &fault);
        if (status != IMR_OK)
            IMR_TRY(imr_dataset_note_bad(g->d, g->options, status, &fault, err));
        else if (!node)
            return IMR_OK;
        else if ((status = take(g, &it, node, &fault)) != IMR_OK)
            IMR_TRY(bad_line(g, status, &fault, b->name, it.line, err));
        if (it.line % 256 == 0)
            IMR_TRY(imr_dataset_progress(g->options, it.pos, b->len, err));
    }
}

/* ---- from what was gathered to arrays ---- */

/* The gathered ids become a table; a repeated one is a bad line, left out everywhere. */
static imr_status index_ids(imr_ids *ids, gather *g, const char **texts, const char *name,
                            imr_error *err)
{
    IMR_AUTOFREE imr_ids_repeats repeats = {0};
    imr_dataset *d = g->d;
    char *text = IMR_TAKE(g->ids.v);
    IMR_TRY(imr_ids_take(ids, &repeats, d->scratch, text, g->ids.n, g->n, name, err));
    assert(repeats.n == 0 || g->lines.v); /* only a gathered id can be a repeated one */
    for (size_t i = 0; i < repeats.n; i++) {
        imr_error fault;
        const imr_ids_repeat r = repeats.v[i];
        imr_status status =
            imr_fail(&fault, IMR_E_FORMAT, "the id \"%s\" was used before, on line %llu", r.id,
                     (unsigned long long)g->lines.v[r.first]);
        IMR_TRY(bad_line(g, status, &fault, name, g->lines.v[r.row], err));
    }
    imr_ids_drop(g->offsets.v, sizeof *g->offsets.v, g->offsets.n, &repeats);
    imr_ids_drop(g->lengths.v, sizeof *g->lengths.v, g->lengths.n, &repeats);
    imr_ids_drop(texts, sizeof *texts, g->n, &repeats);
    return IMR_OK;
}

/* The remembered index instead of reading the corpus, when it describes this very file. */
static bool use_index(imr_dataset *d, const imr_dataset_index *index)
{
    if (!index || !index->offsets || index->corpus_bytes != d->corpus.len || index->ids->n == 0)
        return false;
    int outside = 0;
#pragma omp parallel for reduction(| : outside) if (index->ids->n > 65536)
    for (size_t i = 0; i < index->ids->n; i++)
        outside |= index->offsets[i] > d->corpus.len ||
                   index->lengths[i] > d->corpus.len - index->offsets[i];
    if (outside)
        return false;
    d->documents = imr_ids_borrow(index->ids);
    d->offsets = index->offsets;
    d->lengths = index->lengths;
    return true;
}

imr_status imr_dataset_read_corpus(imr_dataset *d, const imr_dataset_options *o, imr_error *err)
{
    if (use_index(d, o->index))
        return IMR_OK;
    IMR_CLEANUP(gather_done) gather g = {.d = d, .options = o};
    IMR_TRY(each_line(&g, &d->corpus, document_line, err));
    if (g.n == 0 && d->n_bad)
        return imr_fail(err, IMR_E_FORMAT, "%s holds no documents: all %zu lines were skipped",
                        d->corpus.name, d->n_bad);
    if (g.n == 0)
        return imr_fail(err, IMR_E_FORMAT, "%s holds no documents", d->corpus.name);
    if (g.empty)
        snprintf(d->summary, sizeof d->summary,
                 "%zu of %zu documents are empty: where they rank says nothing", g.empty, g.n);
    IMR_TRY(index_ids(&d->documents, &g, NULL, d->corpus.name, err));
    d->offsets = d->made_offsets = g.offsets.v;
    d->lengths = d->made_lengths = g.lengths.v;
    g.offsets.v = NULL;
    g.lengths.v = NULL;
    return IMR_OK;
}

/* "query<TAB>text" a line, as TREC topics come. */
static imr_status each_topic(gather *g, const imr_dataset_bytes *b, imr_error *err)
{
    IMR_AUTOFREE char *copy = imr_strndup(b->data, b->len);
    IMR_NEED(copy, err);
    imr_lines l = {.at = copy, .end = copy + b->len};
    for (char *line; (line = imr_lines_next(&l));) {
        char *tab = strchr(line, '\t');
        imr_error fault;
        imr_status status = IMR_OK;
        if (imr_utf8_first_bad(line, l.len) < l.len)
            status = imr_fail(&fault, IMR_E_FORMAT, "not text in UTF-8");
        else if (!tab && line[0])
            status = imr_fail(&fault, IMR_E_FORMAT, "no tab between id and text");
        if (status == IMR_OK && tab) {
            *tab = '\0';
            status = check_id(line, &fault);
        }
        if (status == IMR_OK && tab)
            status = add_query(g, line, tab + 1, l.number, &fault);
        if (status != IMR_OK)
            IMR_TRY(bad_line(g, status, &fault, b->name, l.number, err));
    }
    return IMR_OK;
}

imr_status imr_dataset_read_queries(imr_dataset *d, const imr_dataset_options *o, bool topics,
                                    imr_error *err)
{
    IMR_CLEANUP(gather_done) gather g = {.d = d, .options = o};
    if (topics)
        IMR_TRY(each_topic(&g, &d->queries, err));
    else
        IMR_TRY(each_line(&g, &d->queries, query_line, err));
    d->query_blob = IMR_TAKE(g.texts.v);
    d->query_texts = imr_scratch_alloc(d->scratch, g.n, sizeof *d->query_texts);
    if (!d->query_texts)
        return no_room(&g, err);
    const char *at = d->query_blob;
    for (size_t i = 0; i < g.n; i++) {
        d->query_texts[i] = at;
        at += strlen(at) + 1;
    }
    return index_ids(&d->query_ids, &g, d->query_texts, d->queries.name, err);
}

imr_status imr_dataset_take_ids(imr_dataset *d, imr_buf *ids, size_t n,
                                const imr_dataset_options *o, imr_error *err)
{
    const size_t bytes = ids->len;
    IMR_CLEANUP(gather_done)
    gather g = {.d = d, .options = o, .ids = {imr_buf_take(ids), bytes, bytes}, .n = n};
    IMR_NEED(g.ids.v, err);
    /* Names of files in one folder never repeat, so no line is ever named. */
    return index_ids(&d->documents, &g, NULL, d->path, err);
}
