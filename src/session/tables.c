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

#include "base/half.h"
#include "math/random.h"
#include "session/internal.h"

const char *const imr_table_names[IMR_TABLES] = {"context", "encoded", "input"};

imr_path imr_table_path(const char *dir, const char *sha256, const char *ending)
{
    char name[IMR_SHA256_HEX + 32];
    snprintf(name, sizeof name, "tokens/%.64s.%s", sha256, ending);
    return imr_path_in(dir, name);
}

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

/* Of the texts words come from; "": not known. */
static const char *corpus_hash(const imr_session *s)
{
    return s->engine ? s->cache->sha256 : s->facts.inputs.dataset_sha256;
}

imr_context_source imr_session_context(const imr_session *s)
{
    return (imr_context_source){
        .encoder_sha256 = s->facts.inputs.encoder_sha256,
        .corpus_sha256 = corpus_hash(s),
        .prefix = s->cache->encoder.passage_prefix,
        .documents = s->cache->documents.ids.n,
        .n = s->cache->dim,
    };
}

/* ---- opening ---- */

static imr_status name_rows(imr_table *t, imr_error *err)
{
    const size_t n = t->rows.rows;
    IMR_NEED(t->arena = imr_arena_new(), err);
    t->texts = IMR_ARENA_ARRAY(t->arena, const char *, n);
    t->special = IMR_ARENA_ARRAY(t->arena, uint8_t, n);
    IMR_NEED(t->texts && t->special, err);
    const char *word = t->context.text;
    for (size_t i = 0; i < n; i++) {
        t->texts[i] = imr_trace_keep(
            t->arena, t->tokeniser ? imr_encoder_token_text(t->tokeniser, (uint32_t)i) : word);
        word += t->tokeniser ? 0 : strlen(word) + 1;
        t->special[i] = t->tokeniser &&
                        t->tokeniser->tokenizer->flags[i] & (IMR_TOKEN_SPECIAL | IMR_TOKEN_UNKNOWN);
        IMR_NEED(t->texts[i], err);
    }
    return IMR_OK;
}

/* The mean of the rows is their centre. */
static imr_status find_centre(imr_table *t, imr_error *err)
{
    const imr_view rows = t->rows;
    IMR_AUTOFREE double *sum = IMR_NEW_ARRAY(double, rows.cols);
    t->centre = IMR_NEW_ARRAY(float, rows.cols);
    IMR_NEED(t->centre && sum, err);
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
    const char *dir = imr_session_folder(s);
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
                                       s->facts.inputs.encoder_sha256, imr_session_folder(s),
                                       progress, err));
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
    return IMR_GIVE(out, t);
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
    return imr_path_in(imr_session_folder(s), "tokens/lens");
}

/* Folders have no hash here. */
static bool can_be_kept(const imr_session *s, const char *name)
{
    return corpus_hash(s)[0] && place_of(name) < IMR_TABLES;
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
    const char *ending = strcmp(name, "context") ? "npy" : "context";
    return strcmp(name, "input") == 0 ||
           imr_file_exists(
               imr_table_path(imr_session_folder(s), s->facts.inputs.encoder_sha256, ending).s);
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
    const bool kept =
        imr_dir_make_own(imr_path_in(imr_session_folder(s), "tokens").s, NULL) == IMR_OK &&
        imr_file_write(path.s, b.data, b.len, NULL) == IMR_OK;
    (void)kept; /* else it is measured again */
    return IMR_OK;
}

/* ---- measuring ---- */

/* Texts with their own rows of a table. */
typedef struct sample {
    size_t n;
    uint32_t chosen[IMR_CONTEXT_HELD], starts[IMR_CONTEXT_HELD + 1];
    const uint32_t *documents; /* [n] chosen, or what the table `context` left out */
    imr_matrix vectors;
    IMR_ARRAY(uint32_t) own; /* of text i: [starts[i], starts[i + 1]) */
    imr_view rows;           /* the table; of `context` */
    imr_matrix without;      /* the words its other documents hold, as these have them */
    const char **texts;
} sample;

static void sample_done(sample *x)
{
    imr_matrix_done(&x->vectors);
    imr_matrix_done(&x->without);
    IMR_FREE(x->own.v, (void *)x->texts);
}

static imr_status sample_init(sample *x, const imr_cache *c, const imr_context_table *heard,
                              imr_error *err)
{
    const size_t all = c->documents.ids.n;
    imr_random random;
    imr_random_init(&random, 20260101); /* fixed: the same cache gives the same sample */
    x->documents = heard ? heard->held_documents : x->chosen;
    x->n = heard ? heard->held : 0;
    /* Different documents, in their order (Knuth, selection sampling). */
    for (size_t i = 0; !heard && i < all && x->n < IMR_CONTEXT_HELD; i++)
        if (imr_random_below(&random, all - i) < IMR_CONTEXT_HELD - x->n)
            x->chosen[x->n++] = (uint32_t)i;
    IMR_TRY(imr_matrix_init(&x->vectors, x->n, c->dim, err));
    for (size_t i = 0; i < x->n; i++)
        IMR_TRY(imr_cache_read_rows(c, x->documents[i], 1, imr_matrix_row(&x->vectors, i), err));
    return IMR_OK;
}

/* The ids of the texts' tokens, those of their prefix left out, each once. */
static imr_status read_ids(sample *x, const imr_cache *c, const imr_encoder *e, imr_error *err)
{
    const size_t prefix = strlen(c->encoder.passage_prefix);
    IMR_CLEANUP(imr_tokens_done) imr_tokens tokens = {0};
    IMR_AUTOBUF imr_buf text = {0};
    IMR_AUTOFREE uint32_t *seen_in = IMR_NEW_ARRAY(uint32_t, imr_encoder_token_count(e));
    IMR_NEED(seen_in, err);
    for (size_t i = 0; i < x->n; i++) {
        IMR_TRY(imr_context_text(&text, c, x->documents[i], err));
        IMR_TRY(imr_encoder_read_tokens(&tokens, e, imr_buf_text(&text), text.len, err));
        for (size_t k = 0; k < tokens.n; k++) {
            const imr_token token = tokens.v[k];
            if (token.word == IMR_NO_WORD || token.start < prefix || seen_in[token.id] == i + 1)
                continue;
            seen_in[token.id] = (uint32_t)i + 1;
            IMR_NEED(IMR_PUSH(&x->own, token.id), err);
        }
        x->starts[i + 1] = (uint32_t)x->own.n;
    }
    return IMR_OK;
}

/* The words of `context` that its other documents hold, with their rows. */
static imr_status without_held(sample *x, const imr_context_table *c, imr_error *err)
{
    IMR_AUTOFREE uint32_t *place = IMR_NEW_ARRAY(uint32_t, c->words);
    x->texts = IMR_NEW_ARRAY(const char *, c->words);
    IMR_NEED(place && x->texts, err);
    IMR_TRY(imr_matrix_init(&x->without, c->words, c->n, err));
    size_t n = 0;
    const char *text = c->text;
    for (size_t w = 0; w < c->words; w++, text += strlen(text) + 1) {
        bool finite = true;
        float *row = x->without.v + n * c->n;
        for (size_t j = 0; j < c->n; j++) {
            row[j] = imr_f16_to_f32(c->without[w * c->n + j]);
            finite = finite && isfinite(row[j]);
        }
        place[w] = finite ? (uint32_t)n : UINT32_MAX;
        x->texts[n] = text;
        n += finite;
    }
    x->rows = imr_view_of(x->without.v, n, c->n);
    for (size_t i = 0; i < x->n; i++) {
        for (size_t k = c->starts[i]; k < c->starts[i + 1]; k++)
            if (place[c->own[k]] != UINT32_MAX && !IMR_PUSH(&x->own, place[c->own[k]]))
                return imr_fail_memory(err);
        x->starts[i + 1] = (uint32_t)x->own.n;
    }
    return IMR_OK;
}

imr_status imr_table_measure(imr_lens_quality *out, const imr_session *s, const imr_table *t,
                             const imr_context_table *heard, const imr_progress *progress,
                             imr_error *err)
{
    IMR_CLEANUP(sample_done) sample x = {.rows = t->rows};
    IMR_CLEANUP(imr_token_table_done) imr_token_table table = {0};
    IMR_CLEANUP(imr_lens_done) imr_lens lens = {0};
    *out = (imr_lens_quality){NAN, NAN, NAN, 0};
    if (t->tokeniser && !imr_cache_has_texts(s->cache))
        return IMR_OK;
    IMR_TRY(sample_init(&x, s->cache, heard, err));
    IMR_TRY(t->tokeniser ? read_ids(&x, s->cache, t->tokeniser, err)
                         : without_held(&x, &t->context, err));
    if (x.rows.rows > 1 && x.n > 0) {
        IMR_TRY(imr_token_table_init(&table, x.rows, t->tokeniser ? t->texts : x.texts,
                                     t->tokeniser ? t->special : NULL, err));
        table.centre = t->centre;
        IMR_TRY(imr_lens_init(&lens, &table, &s->words.back, progress, err));
        IMR_TRY(imr_lens_measure(out, &lens, imr_matrix_view(&x.vectors), x.starts, x.own.v,
                                 progress, err));
    }
    IMR_TRY(keep(out, s, t, err));
    /* As it will be read again, so that a report made then is the same. */
    if (!isnan(out->precision))
        *out = (imr_lens_quality){from_millionths(millionths(out->precision)),
                                  from_millionths(millionths(out->chance)),
                                  from_millionths(millionths(out->rank)), out->texts};
    return IMR_OK;
}
