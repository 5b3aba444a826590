#include "encoder/train_static.h"

#include <inttypes.h>
#include <math.h>

#include "base/array.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "text/normalise.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#define CONTEXT_POWER    0.75
#define BLOCK_ROWS       4096 /* rows between two looks at the progress callback */
#define ROUNDING         1e-9 /* of the logarithms below: no information, not a little */
#define FREQUENCY_WEIGHT 1e-3
#define MAX_WINDOW       1000u
#define OVERSAMPLE       40
#define POWER_ROUNDS     4

/* ---- the corpus as a row of words ---- */

typedef struct seen_word {
    const char *text;
    uint64_t count;
    uint32_t documents, last; /* last: document that counted it last, from 1 */
} seen_word;

/* Everything the pass over the documents collects, words numbered by first appearance. */
typedef struct collector {
    imr_arena *arena;
    imr_strmap by_text;
    IMR_ARRAY(seen_word) words;
    IMR_ARRAY(uint32_t) ids;
    imr_chars chars;
    imr_pieces pieces;
} collector;

static void collector_done(collector *c)
{
    imr_arena_free(c->arena);
    imr_strmap_done(&c->by_text);
    IMR_FREE(c->words.v, c->ids.v, c->chars.v, c->pieces.v);
}

/* The piece as UTF-8, or 0 bytes when it is no word. */
static size_t spell(char *out, const imr_char *c, size_t n)
{
    size_t len = 0;
    bool word = false;
    if (n > IMR_MAX_WORD_CHARS)
        return 0;
    for (size_t i = 0; i < n; i++) {
        word = word || imr_utf8_is_word(c[i].cp);
        len += imr_utf8_encode(c[i].cp, out + len);
    }
    return word ? len : 0;
}

static bool count_word(collector *c, const char *text, size_t len, uint32_t document)
{
    uint32_t id;
    if (!imr_strmap_get(&c->by_text, text, len, &id)) {
        const char *kept = imr_arena_strndup(c->arena, text, len);
        id = (uint32_t)c->words.n;
        if (!kept || !IMR_PUSH(&c->words, (seen_word){.text = kept}) ||
            !imr_strmap_add(&c->by_text, kept, len, id, NULL, NULL))
            return false;
    }
    seen_word *w = &c->words.v[id];
    w->count++;
    w->documents += w->last != document;
    w->last = document;
    return IMR_PUSH(&c->ids, id);
}

static imr_status collect_document(collector *c, const char *text, size_t len, uint32_t document,
                                   imr_error *err)
{
    imr_normalise_step steps[IMR_NORMALISE_BERT_STEPS];
    size_t n_steps = imr_normalise_bert(steps, true, true, true, true);
    imr_split_rule rule = IMR_SPLIT_BERT;
    IMR_TRY(imr_normalise(steps, n_steps, text, len, 0, &c->chars, err));
    IMR_TRY(imr_pretokenise(&rule, 1, &c->chars, 0, c->chars.n, &c->pieces, err));
    for (size_t i = 0; i < c->pieces.n; i++) {
        char word[4 * IMR_MAX_WORD_CHARS];
        imr_piece p = c->pieces.v[i];
        size_t bytes = spell(word, c->chars.v + p.first, p.last - p.first);
        if (bytes > 0 && !count_word(c, word, bytes, document))
            return imr_fail_memory(err);
    }
    IMR_NEED(IMR_PUSH(&c->ids, IMR_DOCUMENT_END), err);
    if (c->ids.n >= UINT32_MAX || c->words.n >= IMR_DOCUMENT_END)
        return imr_fail(err, IMR_E_LIMIT,
                        "more than %" PRIu32 " words in all; train on a part of the corpus",
                        UINT32_MAX);
    return IMR_OK;
}

static imr_status collect(collector *c, const imr_text_source *source, const imr_progress *progress,
                          imr_error *err)
{
    c->arena = imr_arena_new();
    IMR_NEED(c->arena && IMR_PUSH(&c->ids, IMR_DOCUMENT_END), err);
    if (source->count > IMR_MAX_DOCUMENTS)
        return imr_fail(err, IMR_E_LIMIT, "%zu documents; at most %u are supported", source->count,
                        IMR_MAX_DOCUMENTS);
    for (size_t i = 0; i < source->count; i++) {
        const char *text;
        size_t len;
        IMR_TRY(source->text(source->user, i, &text, &len, err));
        char where[48];
        snprintf(where, sizeof where, "document %zu", i + 1);
        IMR_TRY(imr_error_prefix(err, collect_document(c, text, len, (uint32_t)i + 1, err), where));
        if (i % 64 == 0 && !imr_progress_step(progress, "reading words", i, source->count))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    return IMR_OK;
}

static int by_count(const void *a, const void *b)
{
    const seen_word *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

/* Numbers the kept words and rewrites the row of ids without the others. */
static imr_status keep_frequent(imr_word_stream *out, collector *c, uint32_t min_documents,
                                imr_error *err)
{
    IMR_AUTOFREE uint32_t *renamed = imr_alloc(c->words.n, sizeof *renamed);
    IMR_AUTOFREE seen_word *kept = imr_alloc(c->words.n, sizeof *kept);
    IMR_NEED(renamed && kept, err);
    size_t words = 0, length = 0;
    for (size_t i = 0; i < c->words.n; i++)
        if (c->words.v[i].documents >= min_documents) {
            kept[words] = c->words.v[i];
            kept[words++].last = (uint32_t)i; /* from here on: its old number */
        }
    if (words > 1)
        qsort(kept, words, sizeof *kept, by_count);
    IMR_AUTOFREE const char **word = imr_alloc(words, sizeof *word);
    IMR_AUTOFREE uint64_t *count = imr_alloc(words, sizeof *count);
    IMR_NEED(word && count, err);
    for (size_t i = 0; i < c->words.n; i++)
        renamed[i] = IMR_DOCUMENT_END;
    uint64_t total = 0;
    for (size_t i = 0; i < words; i++) {
        renamed[kept[i].last] = (uint32_t)i;
        word[i] = kept[i].text;
        count[i] = kept[i].count;
        total += kept[i].count;
    }
    for (size_t i = 0; i < c->ids.n; i++) {
        uint32_t id = c->ids.v[i];
        if (id == IMR_DOCUMENT_END || renamed[id] != IMR_DOCUMENT_END)
            c->ids.v[length++] = id == IMR_DOCUMENT_END ? id : renamed[id];
    }
    uint32_t *ids = IMR_TAKE(c->ids.v);
    imr_arena *arena = IMR_TAKE(c->arena);
    *out = (imr_word_stream){words, IMR_TAKE(word), IMR_TAKE(count), total, ids, length, arena};
    return IMR_OK;
}

imr_status imr_word_stream_init(imr_word_stream *out, const imr_text_source *source,
                                uint32_t min_documents, const imr_progress *progress,
                                imr_error *err)
{
    IMR_CLEANUP(collector_done) collector c = {0};
    IMR_TRY(collect(&c, source, progress, err));
    return keep_frequent(out, &c, min_documents, err);
}

void imr_word_stream_done(imr_word_stream *s)
{
    IMR_FREE(s->word, s->count, s->id);
    imr_arena_free(s->arena);
    *s = (imr_word_stream){0};
}

/* ---- which words stand near each other ---- */

typedef struct counting {
    const imr_word_stream *stream;
    int window;
    uint64_t *first; /* [words+1]: where word w's places begin in `place` */
    uint32_t *place; /* every position of the stream that holds a word, by word, ascending */
    double *sum;     /* [words] count(w,.) */
    double *log_context;
    double *weights;   /* [LANES, words], all 0 between rows */
    uint32_t *touched; /* [LANES, words] */
} counting;

static void counting_done(counting *c)
{
    IMR_FREE(c->first, c->place, c->sum, c->log_context, c->weights, c->touched);
}

static void find_places(counting *c)
{
    const imr_word_stream *s = c->stream;
    for (size_t w = 0; w < s->words; w++)
        c->first[w + 1] = c->first[w] + s->count[w];
    for (size_t i = 0; i < s->length; i++)
        if (s->id[i] != IMR_DOCUMENT_END)
            c->place[c->first[s->id[i]]++] = (uint32_t)i;
    for (size_t w = s->words; w > 0; w--)
        c->first[w] = c->first[w - 1];
    c->first[0] = 0;
}

/* count(w,.) of all words. It is also count(.,w): the matrix is symmetric. */
static void sum_rows(counting *c)
{
    const uint32_t *id = c->stream->id;
    double powers = 0;
    for (size_t i = 0; i < c->stream->length; i++) {
        double sum = 0;
        for (int side = -1; id[i] != IMR_DOCUMENT_END && side <= 1; side += 2)
            for (int d = 1; d <= c->window && id[i + side * d] != IMR_DOCUMENT_END; d++)
                sum += 1.0 / d;
        if (id[i] != IMR_DOCUMENT_END)
            c->sum[id[i]] += sum;
    }
    for (size_t w = 0; w < c->stream->words; w++)
        powers += pow(c->sum[w], CONTEXT_POWER);
    for (size_t w = 0; w < c->stream->words; w++)
        c->log_context[w] = c->sum[w] > 0 ? CONTEXT_POWER * log(c->sum[w]) - log(powers) : 0;
}

/* Entries of row w. col and value may be NULL to count them only. */
static size_t row(const counting *c, size_t lane, size_t w, uint32_t *col, float *value)
{
    double *weights = c->weights + lane * c->stream->words;
    uint32_t *touched = c->touched + lane * c->stream->words;
    size_t n = 0, entries = 0;
    for (uint64_t p = c->first[w]; p < c->first[w + 1]; p++) {
        const uint32_t *at = c->stream->id + c->place[p];
        for (int side = -1; side <= 1; side += 2)
            for (int d = 1; d <= c->window && at[side * d] != IMR_DOCUMENT_END; d++) {
                const uint32_t other = at[side * d];
                if (weights[other] == 0)
                    touched[n++] = other;
                weights[other] += 1.0 / d;
            }
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t other = touched[i];
        /* p(w,c)/p(w) = count(w,c)/count(w,.) */
        double pmi = log(weights[other] / c->sum[w]) - c->log_context[other];
        weights[other] = 0;
        if (!(pmi > ROUNDING))
            continue;
        if (col) {
            col[entries] = other;
            value[entries] = (float)pmi;
        }
        entries++;
    }
    return entries;
}

/* Both sweeps do the same work; the second one knows where its entries go. */
static imr_status sweep(const counting *c, imr_ppmi *out, bool fill, const imr_progress *progress,
                        imr_error *err)
{
    size_t words = c->stream->words;
    uint64_t all = 2 * c->first[words];
    for (size_t from = 0; from < words; from += BLOCK_ROWS) {
        size_t to = from + BLOCK_ROWS < words ? from + BLOCK_ROWS : words;
#pragma omp parallel for schedule(dynamic, 1)
        for (size_t lane = 0; lane < IMR_PPMI_LANES; lane++)
            for (size_t w = from + lane; w < to; w += IMR_PPMI_LANES) {
                if (fill)
                    (void)row(c, lane, w, out->col + out->start[w], out->value + out->start[w]);
                else
                    out->start[w + 1] = row(c, lane, w, NULL, NULL);
            }
        uint64_t done = c->first[to] + (fill ? all / 2 : 0);
        if (!imr_progress_step(progress, "counting neighbours", done, all))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    return IMR_OK;
}

imr_status imr_ppmi_init(imr_ppmi *out, const imr_word_stream *stream, uint32_t window,
                         const imr_progress *progress, imr_error *err)
{
    size_t words = stream->words;
    IMR_CLEANUP(counting_done) counting c = {.stream = stream, .window = (int)window};
    IMR_CLEANUP(imr_ppmi_done) imr_ppmi p = {0};
    c.first = imr_calloc(words + 1, sizeof *c.first);
    c.place = imr_alloc(stream->length, sizeof *c.place);
    c.sum = imr_calloc(words, sizeof *c.sum);
    c.log_context = imr_alloc(words, sizeof *c.log_context);
    c.weights = imr_calloc(words, IMR_PPMI_LANES * sizeof *c.weights);
    c.touched = imr_alloc(words, IMR_PPMI_LANES * sizeof *c.touched);
    p.start = imr_calloc(words + 1, sizeof *p.start);
    IMR_NEED(c.first && c.place && c.sum && c.log_context && c.weights && c.touched && p.start,
             err);
    find_places(&c);
    sum_rows(&c);
    IMR_TRY(sweep(&c, &p, false, progress, err));
    for (size_t w = 0; w < words; w++)
        p.start[w + 1] += p.start[w];
    p.col = imr_alloc((size_t)p.start[words], sizeof *p.col);
    p.value = imr_alloc((size_t)p.start[words], sizeof *p.value);
    IMR_NEED(p.col && p.value, err);
    IMR_TRY(sweep(&c, &p, true, progress, err));
    p.matrix = (imr_csr){words, words, p.start, p.col, p.value};
    return IMR_GIVE(out, p);
}

void imr_ppmi_done(imr_ppmi *p)
{
    IMR_FREE(p->start, p->col, p->value);
    *p = (imr_ppmi){0};
}

/* ---- training ---- */

void imr_static_words_done(imr_static_words *w)
{
    imr_word_stream_done(&w->stream);
    imr_matrix_done(&w->rows);
}

static imr_status check_options(const imr_static_train_options *o, imr_error *err)
{
    if (o->dim == 0 || o->dim > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_USAGE, "%zu dimensions asked for; 1 to %u are possible", o->dim,
                        IMR_MAX_DIM);
    if (o->window == 0 || o->window > MAX_WINDOW)
        return imr_fail(err, IMR_E_USAGE, "a window of %u words; 1 to %u are possible", o->window,
                        MAX_WINDOW);
    if (o->min_documents == 0)
        return imr_fail(err, IMR_E_USAGE, "a word cannot be in fewer than 1 document");
    return IMR_OK;
}

static imr_status check_words(const imr_word_stream *s, size_t documents,
                              const imr_static_train_options *o, imr_error *err)
{
    if (s->words == 0)
        return imr_fail(
            err, IMR_E_FORMAT,
            "none of the corpus's words is in %u or more of its %zu documents; a static "
            "encoder needs more text, or a smaller number of documents a word",
            o->min_documents, documents);
    if (o->dim > s->words)
        return imr_fail(err, IMR_E_SHAPE,
                        "%zu dimensions asked for, but the corpus has %zu words that are in %u or "
                        "more documents; at most %zu dimensions are possible",
                        o->dim, s->words, o->min_documents, s->words);
    return IMR_OK;
}

/* E_t = U_t sqrt(S) a/(a + p_t), in place of U. */
static void weigh_rows(imr_matrix *u, const float *s, const imr_word_stream *words)
{
    for (size_t t = 0; t < u->rows; t++) {
        double p = (double)words->count[t] / (double)words->total;
        double weight = FREQUENCY_WEIGHT / (FREQUENCY_WEIGHT + p);
        float *row = imr_matrix_row(u, t);
        for (size_t j = 0; j < u->cols; j++)
            row[j] = (float)(row[j] * sqrt((double)s[j]) * weight);
    }
}

imr_status imr_static_train(imr_static_words *out, const imr_text_source *documents,
                            const imr_static_train_options *options, const imr_progress *progress,
                            imr_error *err)
{
    IMR_TRY(check_options(options, err));
    IMR_CLEANUP(imr_static_words_done) imr_static_words w = {0};
    IMR_TRY(imr_word_stream_init(&w.stream, documents, options->min_documents, progress, err));
    IMR_TRY(check_words(&w.stream, documents->count, options, err));
    IMR_CLEANUP(imr_ppmi_done) imr_ppmi ppmi = {0};
    IMR_TRY(imr_ppmi_init(&ppmi, &w.stream, options->window, progress, err));
    imr_free(w.stream.id);
    w.stream.id = NULL;
    w.stream.length = 0;
    if (ppmi.start[w.stream.words] == 0)
        return imr_fail(
            err, IMR_E_FORMAT,
            "no two words of the corpus stand together more often than chance; a static "
            "encoder needs more text");
    imr_svd_sparse_options svd = {options->dim, OVERSAMPLE, POWER_ROUNDS, options->seed};
    IMR_CLEANUP(imr_svd_sparse_done) imr_svd_sparse factors = {0};
    IMR_TRY(imr_svd_sparse_init(&factors, &ppmi.matrix, &svd, progress, err));
    weigh_rows(&factors.u, factors.s, &w.stream);
    w.rows = IMR_TAKE(factors.u);
    return IMR_GIVE(out, w);
}

/* ---- writing ---- */

static imr_status check(const char *const *words, size_t n_words, imr_view rows, imr_error *err)
{
    if (n_words == 0 || n_words != rows.rows || rows.cols == 0 || rows.cols > IMR_MAX_DIM)
        return imr_fail(
            err, IMR_E_SHAPE,
            "%zu words, but a table of %zu x %zu; a static encoder needs one row a word", n_words,
            rows.rows, rows.cols);
    size_t bad = imr_view_first_bad(rows);
    if (bad != rows.rows * rows.cols)
        return imr_fail(err, IMR_E_NUMERIC, "the row of \"%s\" holds a value that is not finite",
                        words[bad / rows.cols]);
    imr_vocab v IMR_CLEANUP(imr_vocab_done) = {0};
    imr_status status = imr_vocab_add(&v, "[UNK]", 5, 0, err);
    for (size_t i = 0; status == IMR_OK && i < n_words; i++)
        status = imr_vocab_add(&v, words[i], strlen(words[i]), (uint32_t)i + 1, err);
    if (status == IMR_OK)
        status = imr_vocab_finish(&v, err);
    if (status == IMR_OK || status == IMR_E_MEMORY)
        return status;
    (void)imr_error_prefix(err, status, "cannot write this vocabulary");
    if (err)
        err->status = IMR_E_USAGE;
    return IMR_E_USAGE;
}

static void put_tokenizer(imr_buf *b, const char *const *words, size_t n_words)
{
    imr_json_printf(
        b, "{\n  'version': '1.0',\n  'truncation': null,\n  'padding': null,\n"
           "  'added_tokens': [\n    {'id': 0, 'content': '[UNK]', 'single_word': false, "
           "'lstrip': false, 'rstrip': false, 'normalized': false, 'special': true}\n  ],\n"
           "  'normalizer': {'type': 'BertNormalizer', 'clean_text': true, "
           "'handle_chinese_chars': true, 'strip_accents': true, 'lowercase': true},\n"
           "  'pre_tokenizer': {'type': 'BertPreTokenizer'},\n  'post_processor': null,\n"
           "  'decoder': null,\n  'model': {\n    'type': 'WordLevel',\n    'vocab': {\n"
           "      '[UNK]': 0");
    for (size_t i = 0; i < n_words; i++)
        imr_json_printf(b, ",\n      %s: %zu", words[i], i + 1);
    imr_buf_str(b, "\n    },\n    \"unk_token\": \"[UNK]\"\n  }\n}\n");
}

static imr_status write_text(const char *folder, const char *name, const imr_buf *b, imr_error *err)
{
    IMR_TRY(imr_buf_check(b, err));
    return imr_file_write(imr_path_in(folder, name).s, imr_buf_text(b), b->len, err);
}

static imr_status write_table(const char *folder, imr_view rows, imr_error *err)
{
    imr_matrix table IMR_CLEANUP(imr_matrix_done) = {0};
    IMR_TRY(imr_matrix_init(&table, rows.rows + 1, rows.cols, err));
    for (size_t i = 0; i < rows.rows; i++)
        memcpy(imr_matrix_row(&table, i + 1), imr_view_row(&rows, i), rows.cols * sizeof(float));
    imr_torch_item item = {.name = "embeddings",
                           .data = table.v,
                           .rank = 2,
                           .shape = {(uint64_t)table.rows, (uint64_t)table.cols}};
    return imr_safetensors_write(imr_path_in(folder, "model.safetensors").s, &item, 1, NULL, 0,
                                 err);
}

const char *const imr_static_files[] = {"model.safetensors", "tokenizer.json", "modules.json",
                                        "config.json", NULL};

imr_status imr_static_write(const char *folder, const char *const *words, size_t n_words,
                            imr_view rows, bool normalise, imr_error *err)
{
    IMR_TRY(check(words, n_words, rows, err));
    IMR_TRY(imr_dir_make(folder, err));
    IMR_TRY(write_table(folder, rows, err));
    imr_buf b IMR_AUTOBUF = {0};
    put_tokenizer(&b, words, n_words);
    IMR_TRY(write_text(folder, "tokenizer.json", &b, err));
    imr_buf_clear(&b);
    imr_json_printf(&b, "[\n  {'idx': 0, 'name': '0', 'path': '.', 'type': "
                        "'sentence_transformers.models.StaticEmbedding'}");
    if (normalise)
        imr_json_printf(&b, ",\n  {'idx': 1, 'name': '1', 'path': '1_Normalize', 'type': "
                            "'sentence_transformers.models.Normalize'}");
    imr_buf_str(&b, "\n]\n");
    IMR_TRY(write_text(folder, "modules.json", &b, err));
    imr_buf_clear(&b);
    imr_json_printf(&b,
                    "{\n  'model_type': 'model2vec',\n  'architectures': ['StaticModel'],\n"
                    "  'hidden_dim': %zu,\n  'seq_length': 1000000,\n  'normalize': %hhd\n}\n",
                    rows.cols, normalise);
    return write_text(folder, "config.json", &b, err);
}
