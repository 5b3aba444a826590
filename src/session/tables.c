/*
 * The token tables there are for a session, and how well its corpus can be read in each (method.md
 * section 4).
 *
 *   context   kept beside the cache, or made (session/context_table.h); centred
 *   encoded   kept beside the cache, or made (session/encoded_table.h); less the mean of its rows
 *   input     the encoder's word embeddings, as they are
 *   a folder  the rows of a static-embedding folder, as they are
 *
 * Quality is measured on texts that `context` left out for it, in every table on the same ones;
 * where there is no such table on a seeded sample. What was measured is kept:
 *
 *   DIR/tokens/lens   a line each: <key> precision chance rank texts rows, the first three in
 *                     millionths
 *
 * <key> is the sha256 of the names and hashes it depends on: table, its encoder, corpus, prefix,
 * number of documents, adapter.
 */
#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/half.h"
#include "math/random.h"
#include "session/internal.h"
#include "text/utf8.h"

const char *const imr_table_names[IMR_TABLES] = {"context", "encoded", "input"};

/* IMR_TABLES: a folder. */
static size_t place_of(const char *name)
{
    size_t i = 0;
    while (i < IMR_TABLES && strcmp(imr_table_names[i], name) != 0)
        i++;
    return i;
}

void imr_table_done(imr_table *t)
{
    imr_free(t->centre);
    imr_context_table_done(&t->context);
    imr_encoded_table_done(&t->encoded);
    imr_encoder_free(t->own);
    imr_arena_free(t->arena);
    *t = (imr_table){0};
}

imr_context_source imr_session_context(const imr_session *s)
{
    return (imr_context_source){
        .encoder_sha256 = s->facts.inputs.encoder_sha256,
        .corpus_sha256 = s->facts.inputs.dataset_sha256,
        .prefix = s->cache->encoder.passage_prefix,
        .documents = s->cache->documents.ids.n,
        .n = s->cache->dim,
    };
}

/* ---- opening ---- */

static imr_status name_rows(imr_table *t, imr_error *err)
{
    const size_t n = t->rows.rows;
    IMR_AUTOBUF imr_buf clean = {0};
    t->arena = imr_arena_new();
    if (!t->arena)
        return imr_fail_memory(err);
    t->texts = IMR_ARENA_ARRAY(t->arena, const char *, n);
    t->special = IMR_ARENA_ARRAY(t->arena, uint8_t, n);
    if (!t->texts || !t->special)
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *text =
            t->tokeniser ? imr_encoder_token_text(t->tokeniser, (uint32_t)i) : t->context.texts[i];
        imr_buf_clear(&clean);
        imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_LINE);
        IMR_TRY(imr_buf_check(&clean, err));
        t->texts[i] = imr_arena_strndup(t->arena, imr_buf_text(&clean), clean.len);
        t->special[i] = t->tokeniser &&
                        t->tokeniser->tokenizer->flags[i] & (IMR_TOKEN_SPECIAL | IMR_TOKEN_UNKNOWN);
        if (!t->texts[i])
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* The mean of the rows is their centre. */
static imr_status find_centre(imr_table *t, imr_error *err)
{
    const imr_view rows = t->rows;
    IMR_AUTOFREE double *sum = IMR_NEW_ARRAY(double, rows.cols);
    t->centre = IMR_NEW_ARRAY(float, rows.cols);
    if (!t->centre || !sum)
        return imr_fail_memory(err);
    for (size_t i = 0; i < rows.rows; i++)
        for (size_t j = 0; j < rows.cols; j++)
            sum[j] += (double)imr_view_row(&rows, i)[j];
    for (size_t j = 0; j < rows.cols; j++)
        t->centre[j] = (float)(sum[j] / (double)rows.rows);
    return IMR_OK;
}

static imr_status open_context(imr_table *t, bool *found, imr_session *s,
                               const imr_progress *progress, imr_error *err)
{
    const imr_context_source source = imr_session_context(s);
    const char *dir = s->cache->path;
    imr_words *w = &s->words;
    IMR_TRY(imr_context_table_find(&t->context, found, dir, &w->unkept, &source, err));
    if (!*found && !s->encoder->transformer && s->cache->dataset) {
        IMR_TRY(imr_words_hear(s, progress, err)); /* takes a reading, not an encoding */
        IMR_TRY(imr_context_table_find(&t->context, found, dir, &w->unkept, &source, err));
    }
    w->was_heard |= *found;
    t->rows = t->context.rows;
    *found = *found && t->rows.rows > 1; /* a corpus of a few texts has no words of its own */
    return IMR_OK;
}

static imr_status open_rows(imr_table *t, bool *found, const imr_session *s, bool make,
                            const imr_progress *progress, imr_error *err)
{
    const size_t n = s->cache->dim;
    t->tokeniser = t->own ? t->own : s->encoder;
    t->rows = imr_encoder_token_rows(t->tokeniser);
    *found = true;
    if (strcmp(t->name, "encoded") == 0) {
        IMR_TRY(imr_encoded_table_open(&t->encoded, make ? NULL : found, s->encoder,
                                       s->facts.inputs.encoder_sha256, s->cache->path, progress,
                                       err));
        t->rows = t->encoded.rows;
        if (*found)
            IMR_TRY(find_centre(t, err));
    }
    if (t->own && t->rows.cols != n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the rows of the token table %s have %zu dimensions, the vectors have %zu; "
                        "name a table of the same encoder with --token-table",
                        t->name, t->rows.cols, n);
    *found = *found && t->rows.cols == n;
    return IMR_OK;
}

imr_status imr_table_open(imr_table *out, bool *found, imr_session *s, const char *name, bool make,
                          const imr_progress *progress, imr_error *err)
{
    const size_t place = place_of(name);
    /* Other folders have rows only: float32. */
    const imr_encoder_options lookup = {.hub = s->options.hub, .kernels = s->options.kernels};
    IMR_CLEANUP(imr_table_done)
    imr_table t = {.name = place < IMR_TABLES ? imr_table_names[place] : name};
    *found = false;
    if (place == IMR_TABLES)
        IMR_TRY(imr_encoder_open(&t.own, name, &lookup, err));
    else if (!s->encoder)
        return IMR_OK;
    IMR_TRY(place ? open_rows(&t, found, s, make, progress, err)
                  : open_context(&t, found, s, progress, err));
    if (!*found)
        return IMR_OK;
    IMR_TRY(name_rows(&t, err));
    *out = t;
    t = (imr_table){0};
    return IMR_OK;
}

/* ---- what was measured ---- */

static imr_status key_of(char hex[IMR_SHA256_HEX], const imr_session *s, const char *name,
                         imr_error *err)
{
    const imr_context_source c = imr_session_context(s);
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "lens 1\n%s\n%s\n%s\n%zu\n%s\n%s", name, c.encoder_sha256, c.corpus_sha256,
                   c.documents, s->facts.inputs.adapter_sha256, c.prefix);
    IMR_TRY(imr_buf_check(&b, err));
    return imr_sha256_memory(b.data, b.len, hex, err);
}

static imr_path lens_file(const imr_session *s)
{
    return imr_path_in(s->cache->path, "tokens/lens");
}

/* Folders have no hash here. */
static bool can_be_kept(const imr_session *s, const char *name)
{
    return s->cache->path[0] && s->facts.inputs.dataset_sha256[0] && place_of(name) < IMR_TABLES;
}

enum { MILLION = 1000000 };

/* Whole numbers are the same in every locale; more than a million stands for NaN. */
static unsigned millionths(double v)
{
    return isnan(v) ? MILLION + 1 : (unsigned)lround(v * MILLION);
}

static double from_millionths(unsigned v)
{
    return v > MILLION ? (double)NAN : (double)v / MILLION;
}

/* Its file is there; what is in it shows when it is opened. */
static bool seems_there(const imr_session *s, const char *name)
{
    char file[IMR_SHA256_HEX + 32];
    snprintf(file, sizeof file, "tokens/%.64s.%s", s->facts.inputs.encoder_sha256,
             strcmp(name, "context") ? "npy" : "context");
    return strcmp(name, "input") == 0 || imr_file_exists(imr_path_in(s->cache->path, file).s);
}

imr_status imr_table_recall(imr_table_lens *out, const imr_session *s, const char *name,
                            imr_error *err)
{
    char key[IMR_SHA256_HEX], end;
    unsigned v[5];
    const imr_path path = lens_file(s);
    IMR_AUTOBUF imr_buf kept = {0};
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    out->rows = 0;
    if (!can_be_kept(s, name) || !seems_there(s, name) || !imr_file_exists(path.s) ||
        imr_file_map(&f, path.s, NULL) != IMR_OK)
        return IMR_OK;
    IMR_TRY(key_of(key, s, name, err));
    imr_buf_add(&kept, f.data, f.len);
    IMR_TRY(imr_buf_check(&kept, err));
    for (const char *at = imr_buf_text(&kept); (at = strstr(at, key)); at += sizeof key - 1) {
        /* Widths keep the numbers in range. NOLINTNEXTLINE(cert-err34-c) */
        if (sscanf(at + sizeof key - 1, "%7u %7u %7u %7u %8u%c", &v[0], &v[1], &v[2], &v[3], &v[4],
                   &end) != 6 ||
            end != '\n' || v[0] > MILLION || v[1] > MILLION)
            continue;
        out->lens = (imr_lens_quality){from_millionths(v[0]), from_millionths(v[1]),
                                       from_millionths(v[2]), v[3]};
        out->rows = v[4];
    }
    return IMR_OK;
}

/* Beside what is kept of others; a folder that cannot be written keeps nothing. */
static imr_status keep(const imr_lens_quality *q, const imr_session *s, const imr_table *t,
                       imr_error *err)
{
    char key[IMR_SHA256_HEX];
    const imr_path path = lens_file(s);
    IMR_AUTOBUF imr_buf b = {.limit = 1 << 16};
    if (!can_be_kept(s, t->name) || isnan(q->precision))
        return IMR_OK;
    IMR_TRY(key_of(key, s, t->name, err));
    imr_buf_printf(&b, "%s %u %u %u %zu %zu\n", key, millionths(q->precision),
                   millionths(q->chance), millionths(q->rank), q->texts, t->rows.rows);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    if (imr_file_exists(path.s) && imr_file_map(&f, path.s, NULL) == IMR_OK &&
        f.len < b.limit - b.len)
        imr_buf_add(&b, f.data, f.len);
    IMR_TRY(imr_buf_check(&b, err));
    const bool kept = imr_dir_make(imr_path_in(s->cache->path, "tokens").s, NULL) == IMR_OK &&
                      imr_file_write(path.s, b.data, b.len, NULL) == IMR_OK;
    (void)kept; /* else it is measured again */
    return IMR_OK;
}

/* ---- measuring ---- */

/* Texts with their own rows. */
typedef struct sample {
    imr_matrix vectors;
    size_t n;
    IMR_ARRAY(uint32_t) starts, own;
} sample;

static void sample_done(sample *s)
{
    imr_matrix_done(&s->vectors);
    imr_free(s->starts.v);
    imr_free(s->own.v);
}

/* n different documents of all, in their order (Knuth, selection sampling). */
static size_t choose(uint32_t *out, size_t all, size_t n)
{
    imr_random random;
    imr_random_init(&random, 20260101); /* fixed: the same cache gives the same sample */
    size_t got = 0;
    for (size_t i = 0; i < all && got < n; i++)
        if (imr_random_below(&random, all - i) < n - got)
            out[got++] = (uint32_t)i;
    return got;
}

/* The ids of a text's tokens, those of its prefix left out, each once. seen [V]: zeros, and again. */
static imr_status add_ids(sample *x, const imr_encoder *e, const char *text, size_t len,
                          size_t prefix, uint8_t *seen, imr_tokens *tokens, imr_error *err)
{
    const size_t first = x->own.n;
    IMR_TRY(imr_encoder_read_tokens(tokens, e, text, len, err));
    for (size_t i = 0; i < tokens->n; i++) {
        const imr_token k = tokens->v[i];
        if (k.word == IMR_NO_WORD || k.start < prefix || seen[k.id])
            continue;
        seen[k.id] = 1;
        if (!IMR_PUSH(&x->own, k.id))
            return imr_fail_memory(err);
    }
    for (size_t k = first; k < x->own.n; k++)
        seen[x->own.v[k]] = 0;
    return IMR_PUSH(&x->starts, (uint32_t)x->own.n) ? IMR_OK : imr_fail_memory(err);
}

static imr_status read_ids(sample *x, const imr_cache *c, const imr_table *t,
                           const uint32_t *documents, imr_error *err)
{
    const size_t prefix = strlen(c->encoder.passage_prefix);
    IMR_CLEANUP(imr_tokens_done) imr_tokens tokens = {0};
    IMR_AUTOBUF imr_buf text = {0};
    IMR_AUTOFREE uint8_t *seen = IMR_NEW_ARRAY(uint8_t, imr_encoder_token_count(t->tokeniser));
    if (!seen)
        return imr_fail_memory(err);
    for (size_t i = 0; i < x->n; i++) {
        IMR_TRY(imr_context_text(&text, c, documents[i], err));
        IMR_TRY(
            add_ids(x, t->tokeniser, imr_buf_text(&text), text.len, prefix, seen, &tokens, err));
    }
    return IMR_OK;
}

/* The words of `context` that its other documents hold, with their rows: *table is of these. */
static imr_status without_held(imr_matrix *rows, const char **texts, sample *x,
                               const imr_context_table *c, imr_error *err)
{
    IMR_AUTOFREE uint32_t *place = IMR_NEW_ARRAY(uint32_t, c->words);
    if (!place)
        return imr_fail_memory(err);
    IMR_TRY(imr_matrix_init(rows, c->words, c->n, err));
    size_t n = 0;
    for (size_t w = 0; w < c->words; w++) {
        bool finite = true;
        float *row = rows->v + n * c->n;
        for (size_t j = 0; j < c->n; j++) {
            row[j] = imr_f16_to_f32(c->without[w * c->n + j]);
            finite = finite && isfinite(row[j]);
        }
        place[w] = finite ? (uint32_t)n : UINT32_MAX;
        texts[n] = c->texts[w];
        n += finite;
    }
    rows->rows = n;
    for (size_t i = 0; i < x->n; i++) {
        for (size_t k = c->starts[i]; k < c->starts[i + 1]; k++)
            if (place[c->own[k]] != UINT32_MAX && !IMR_PUSH(&x->own, place[c->own[k]]))
                return imr_fail_memory(err);
        if (!IMR_PUSH(&x->starts, (uint32_t)x->own.n))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static imr_status measure_rows(imr_lens_quality *out, imr_view rows, const imr_table *t,
                               const char *const *texts, const sample *x,
                               const imr_backprojector *back, const imr_progress *progress,
                               imr_error *err)
{
    IMR_CLEANUP(imr_token_table_done) imr_token_table table = {0};
    IMR_CLEANUP(imr_lens_done) imr_lens lens = {0};
    IMR_TRY(imr_token_table_init(&table, rows, texts, t->tokeniser ? t->special : NULL, err));
    table.centre = t->centre;
    IMR_TRY(imr_lens_init(&lens, &table, back, progress, err));
    return imr_lens_measure(out, &lens, imr_matrix_view(&x->vectors), x->starts.v, x->own.v,
                            progress, err);
}

static imr_status take_vectors(sample *x, const imr_cache *c, const uint32_t *documents, size_t n,
                               imr_error *err)
{
    x->n = n;
    IMR_TRY(imr_matrix_init(&x->vectors, n, c->dim, err));
    for (size_t i = 0; i < n; i++)
        IMR_TRY(imr_cache_read_rows(c, documents[i], 1, imr_matrix_row(&x->vectors, i), err));
    return IMR_PUSH(&x->starts, 0) ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_table_measure(imr_lens_quality *out, const imr_session *s, const imr_table *t,
                             const imr_context_table *heard, const imr_progress *progress,
                             imr_error *err)
{
    uint32_t own_choice[IMR_CONTEXT_HELD] = {0};
    const uint32_t *documents = heard ? heard->held_documents : own_choice;
    IMR_CLEANUP(sample_done) sample x = {0};
    IMR_CLEANUP(imr_matrix_done) imr_matrix without = {0};
    IMR_AUTOFREE const char **texts = IMR_NEW_ARRAY(const char *, t->rows.rows);
    *out = (imr_lens_quality){NAN, NAN, NAN, 0};
    if (!texts)
        return imr_fail_memory(err);
    if (t->tokeniser && !s->cache->dataset)
        return IMR_OK;
    const size_t n =
        heard ? heard->held : choose(own_choice, s->cache->documents.ids.n, IMR_CONTEXT_HELD);
    IMR_TRY(take_vectors(&x, s->cache, documents, n, err));
    if (t->tokeniser)
        IMR_TRY(read_ids(&x, s->cache, t, documents, err));
    else
        IMR_TRY(without_held(&without, texts, &x, &t->context, err));
    const imr_view rows = t->tokeniser ? t->rows : imr_matrix_view(&without);
    if (rows.rows > 1 && n > 0)
        IMR_TRY(measure_rows(out, rows, t, t->tokeniser ? t->texts : texts, &x, &s->words.back,
                             progress, err));
    return keep(out, s, t, err);
}
