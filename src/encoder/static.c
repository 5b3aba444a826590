#include "encoder/encoder_kind.h"

#include <inttypes.h>
#include <math.h>

#include "base/limits.h"
#include "base/mem.h"
#include "format/safetensors.h"
#include "math/nn.h"
#include "text/utf8.h"

/* ---- encoding ---- */

bool imr_static_leaves_out(const imr_encoder *e, uint32_t id)
{
    return e->drop_unknown && id == e->tokenizer->spec.unknown;
}

double imr_static_sum(const imr_encoder *e, const imr_tokens *tokens, double *sum)
{
    size_t n = e->dim, used = 0;
    memset(sum, 0, n * sizeof *sum);
    for (size_t i = 0; i < tokens->n; i++) {
        uint32_t id = tokens->v[i].id;
        if (imr_static_leaves_out(e, id))
            continue;
        const float *row = e->rows + (size_t)id * n;
        for (size_t j = 0; j < n; j++)
            sum[j] += (double)row[j];
        used++;
    }
    if (used == 0)
        return 0;
    double square = 0, mean = 1 / (double)used;
    for (size_t j = 0; j < n; j++)
        square += sum[j] * mean * (sum[j] * mean);
    return !e->normalise ? mean : square > 0 ? mean / sqrt(square) : 0;
}

enum { BLOCK = 256 }; /* texts between two reports: abstracts take about 20 ms on one core */

/* Bytes of text that take about two milliseconds, far more than starting threads does. */
enum { WORTH_THREADS = 32768 };

/* The first text of a block that failed, whichever thread found it. */
typedef struct failure {
    size_t text;
    imr_error err;
} failure;

static void encode_one(const imr_encoder_call *c, size_t i, imr_tokens *tokens, double *sum,
                       failure *f)
{
    const imr_encoder *e = c->e;
    imr_token_count count = {0};
    imr_error err;
    const imr_status status =
        sum ? imr_encoder_read(tokens, &count, e, c->texts[i], c->lens[i], false, &err)
            : imr_fail_memory(&err);
    if (c->counts)
        c->counts[i] = count;
    if (status == IMR_OK) {
        const double scale = imr_static_sum(e, tokens, sum);
        for (size_t j = 0; j < e->dim; j++)
            c->out[i * e->dim + j] = (float)(sum[j] * scale);
    } else if (i < f->text) {
        *f = (failure){i, err};
    }
}

static imr_status encode_block(const imr_encoder_call *c, size_t first, size_t last, imr_error *err)
{
    failure worst = {.text = SIZE_MAX};
    size_t bytes = 0;
    for (size_t i = first; i < last; i++)
        bytes += c->lens[i] < WORTH_THREADS ? c->lens[i] : WORTH_THREADS;
    (void)bytes; /* only OpenMP asks */
#pragma omp parallel if (last - first > 1 && bytes >= WORTH_THREADS)
    {
        imr_tokens tokens = {0};
        double *sum = IMR_NEW_ARRAY(double, c->e->dim);
        failure mine = {.text = SIZE_MAX};
#pragma omp for schedule(dynamic, 16)
        for (size_t i = first; i < last; i++)
            encode_one(c, i, &tokens, sum, &mine);
#pragma omp critical(imr_encode_block)
        if (mine.text < worst.text)
            worst = mine;
        imr_tokens_done(&tokens);
        imr_free(sum);
    }
    if (worst.text == SIZE_MAX)
        return IMR_OK;
    return imr_fail(err, worst.err.status, "text %zu: %s", worst.text, worst.err.text);
}

/* A text of one token is its row. */
static imr_status one_row(float *out, const imr_encoder *e, uint32_t id, imr_error *err)
{
    const size_t n = e->dim, vocab = imr_encoder_token_count(e);
    if (id >= vocab)
        return imr_fail(err, IMR_E_USAGE, "there is no token %u, the vocabulary has %zu", id,
                        vocab);
    if (imr_static_leaves_out(e, id))
        memset(out, 0, n * sizeof *out);
    else if (e->normalise)
        imr_nn_unit(out, e->rows + id * n, n);
    else
        memcpy(out, e->rows + id * n, n * sizeof *out);
    return IMR_OK;
}

imr_status imr_static_encode(const imr_encoder_call *c, imr_error *err)
{
    const char *what = c->ids ? "tokens" : "texts";
    for (size_t first = 0, last; first < c->count; first = last) {
        last = c->count - first > BLOCK ? first + BLOCK : c->count;
        for (size_t i = first; c->ids && i < last; i++)
            IMR_TRY(one_row(c->out + i * c->e->dim, c->e, c->ids[i], err));
        if (!c->ids)
            IMR_TRY(encode_block(c, first, last, err));
        if (!imr_progress_step(c->progress, c->ids ? "encoding tokens" : "encoding texts", last,
                               c->count))
            return imr_fail(err, IMR_E_CANCELLED, "stopped after %zu of %zu %s", last, c->count,
                            what);
    }
    return IMR_OK;
}

/* ---- opening ---- */

/* A vector of one number a token, or NULL when the tensor is absent. */
static imr_status read_column(float **out, const imr_tensors *t, const char *name, size_t vocab,
                              imr_error *err)
{
    const imr_tensor *found = imr_tensors_find(t, name);
    if (!found)
        return IMR_OK;
    char shape[160];
    if (imr_tensor_count(found) != vocab)
        return imr_fail(err, IMR_E_SHAPE,
                        "the tensor `%s` is %s, but the vocabulary has %zu tokens", name,
                        imr_tensor_shape_text(found, shape), vocab);
    *out = IMR_NEW_ARRAY(float, vocab);
    return *out ? imr_tensor_to_f32(found, *out, err) : imr_fail_memory(err);
}

/* rows[t] = table[mapping[t]] */
static imr_status map_rows(imr_encoder *e, const imr_tensor *table, const float *mapping,
                           imr_error *err)
{
    size_t vocab = e->tokenizer->spec.vocab.n, n = e->dim;
    if (table->shape[0] > IMR_MAX_VOCAB) /* row numbers pass through float32, exact up to 2^24 */
        return imr_fail(err, IMR_E_LIMIT,
                        "the tensor `%s` has %" PRIu64 " rows, at most %u are "
                        "read through `mapping`",
                        table->name, table->shape[0], IMR_MAX_VOCAB);
    for (size_t id = 0; id < vocab; id++) {
        double row = (double)mapping[id];
        if (!(row >= 0 && row < (double)table->shape[0]))
            return imr_fail(err, IMR_E_FORMAT,
                            "`mapping` sends token %zu to row %.0f, the table has %" PRIu64 " rows",
                            id, row, table->shape[0]);
        IMR_TRY(imr_tensor_rows_to_f32(table, (uint64_t)row, 1, e->rows + id * n, err));
    }
    return IMR_OK;
}

/* Model2Vec's files may have `mapping` and `weights`, others two names of the table. */
static imr_status fill_rows(imr_encoder *e, const imr_tensors *t, bool model2vec, imr_error *err)
{
    const imr_vocab *vocab = &e->tokenizer->spec.vocab;
    const char *name = model2vec ? "embeddings" : "embedding.weight";
    const imr_tensor *table = imr_tensors_find(t, name);
    float *mapping IMR_AUTOFREE = NULL, *weights IMR_AUTOFREE = NULL;
    char shape[160];
    if (!table)
        table = imr_tensors_find(t, "embeddings");
    if (!table)
        return imr_fail(err, IMR_E_NOT_FOUND, "the tensor `%s` is missing", name);
    if (table->rank != 2 || !table->shape[0] || !table->shape[1] || table->shape[1] > IMR_MAX_DIM)
        return imr_fail(
            err, IMR_E_SHAPE,
            "the tensor `%s` is %s; expected tokens x dimensions, at most %u dimensions",
            table->name, imr_tensor_shape_text(table, shape), IMR_MAX_DIM);
    if (model2vec) {
        IMR_TRY(read_column(&mapping, t, "mapping", vocab->n, err));
        IMR_TRY(read_column(&weights, t, "weights", vocab->n, err));
    }
    if (!mapping && table->shape[0] != vocab->n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the tensor `%s` has %" PRIu64 " rows, but the vocabulary has %zu tokens",
                        table->name, table->shape[0], vocab->n);
    const size_t n = e->dim = e->rows_dim = (size_t)table->shape[1];
    e->rows = vocab->n > SIZE_MAX / n ? NULL : imr_alloc_aligned(vocab->n * n, sizeof *e->rows);
    IMR_NEED(e->rows, err);
    IMR_TRY(mapping ? map_rows(e, table, mapping, err) : imr_tensor_to_f32(table, e->rows, err));
    for (size_t i = 0; weights && i < vocab->n * n; i++)
        e->rows[i] *= weights[i / n];
    const size_t bad = imr_view_first_bad(imr_view_of(e->rows, vocab->n, n));
    const uint32_t id = (uint32_t)(bad / n);
    if (id < vocab->n)
        return imr_fail(err, IMR_E_NUMERIC,
                        "the row of token %" PRIu32
                        " (\"%s\") holds a value that is not finite, at "
                        "dimension %zu",
                        id, imr_vocab_text(vocab, id, NULL), bad % n);
    return IMR_OK;
}

static imr_status open_table(imr_encoder *e, const char *module, bool model2vec, imr_error *err)
{
    static const char file[] = "model.safetensors";
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(imr_folder_need(&path, &e->folder, module, file, "the weights are", err));
    imr_tensors t IMR_CLEANUP(imr_tensors_done) = {0};
    IMR_TRY(imr_safetensors_open(&t, path, err));
    IMR_TRY(imr_error_prefix(err, fill_rows(e, &t, model2vec, err), path));
    return imr_encoder_add_file(e, module, file, err);
}

/* Median length of the tokens in code points, rounded down. */
static size_t median_length(const imr_vocab *v)
{
    size_t counts[IMR_MAX_ID_BYTES + 1] = {0}, at[2] = {0, 0};
    for (uint32_t id = 0; id < v->n; id++) {
        size_t len;
        const char *text = imr_vocab_text(v, id, &len);
        counts[imr_utf8_count(text, len)]++;
    }
    for (size_t k = 0; k < 2; k++)
        for (size_t passed = counts[0]; passed <= (v->n - 1 + k) / 2;)
            passed += counts[++at[k]];
    return (at[0] + at[1]) / 2;
}

static imr_status read_length(imr_encoder *e, const imr_json *config, imr_error *err)
{
    const imr_json *given = imr_json_at(config, "max_length");
    int64_t n = IMR_MODEL2VEC_TOKENS;
    if (imr_json_is_null(given))
        return IMR_OK;
    if (given)
        IMR_TRY(imr_json_need_int(&n, given, "", 1, INT32_MAX, err));
    e->max_tokens = (size_t)n;
    e->max_chars = e->max_tokens * median_length(&e->tokenizer->spec.vocab);
    return IMR_OK;
}

imr_status imr_static_open_model2vec(imr_encoder *e, const imr_json *config, imr_error *err)
{
    static const char known[] =
        " normalize max_length model_type architectures tokenizer_name apply_pca "
        "sif_coefficient hidden_dim seq_length pooling embedding_dtype "
        "vocabulary_quantization head_config apply_zipf base_model_name language "
        "token_remove_pattern vocabulary_size ";
    imr_tokenizer_facts facts;
    e->kind = "model2vec";
    e->normalise = imr_json_bool_or(config, "normalize", false);
    e->drop_unknown = true;
    imr_settings_unknown(&e->notice, "config.json", config, known);
    IMR_TRY(imr_encoder_add_file(e, "", "config.json", err));
    IMR_TRY(imr_encoder_add_tokenizer(&facts, e, "", false, err));
    imr_status status = read_length(e, config, err);
    status = imr_error_prefix(err, status, "config.json: max_length");
    IMR_TRY(imr_error_prefix(err, status, e->folder.path));
    return e->tokens_only ? IMR_OK : open_table(e, "", true, err);
}

imr_status imr_static_open_modules(imr_encoder *e, const imr_modules *m, imr_error *err)
{
    e->kind = "static-embedding";
    for (size_t i = 1; i < m->n; i++) {
        if (m->kind[i] != IMR_MODULE_NORMALIZE)
            return imr_fail(err, IMR_E_UNSUPPORTED,
                            "%s: after StaticEmbedding only a Normalize module is supported; "
                            "module %zu is another",
                            e->folder.path, i);
        e->normalise = true;
    }
    IMR_TRY(imr_encoder_add_file(e, "", "modules.json", err));
    imr_tokenizer_facts facts;
    IMR_TRY(imr_encoder_add_tokenizer(&facts, e, m->path[0], false, err));
    e->max_tokens = facts.max_ids;
    e->keep_end = facts.keep_end;
    return e->tokens_only ? IMR_OK : open_table(e, m->path[0], false, err);
}
