#include "task/cache.h"

#include "session/context_table.h"

/* ---- a static encoder ---- */

typedef struct reader {
    const imr_dataset *dataset;
    imr_buf text; /* of the document handed out last */
} reader;

static imr_status document_text(void *user, size_t i, const char **text, size_t *len,
                                imr_error *err)
{
    reader *r = user;
    imr_buf_clear(&r->text);
    IMR_TRY(imr_dataset_text(r->dataset, i, &r->text, err));
    IMR_TRY(imr_buf_check(&r->text, err));
    *text = imr_buf_text(&r->text);
    *len = r->text.len;
    return IMR_OK;
}

static void reader_done(reader *r)
{
    imr_buf_done(&r->text);
}

imr_status imr_encoder_train(size_t *words, const char *folder, const imr_dataset *dataset,
                             const imr_static_train_options *options, const imr_progress *progress,
                             imr_error *err)
{
    IMR_CLEANUP(reader_done) reader r = {.dataset = dataset};
    IMR_CLEANUP(imr_static_words_done) imr_static_words made = {0};
    const imr_text_source source = {dataset->documents.n, document_text, &r};
    IMR_TRY(imr_static_train(&made, &source, options, progress, err));
    IMR_TRY(imr_static_write(folder, made.stream.word, made.stream.words,
                             imr_matrix_view(&made.rows), true, err));
    if (words)
        *words = made.stream.words;
    return IMR_OK;
}

/* ---- who encodes ---- */

imr_status imr_encoder_names_init(imr_encoder_names *out, const imr_encoder *encoder,
                                  imr_error *err)
{
    const imr_precision precision = encoder->precision;
    IMR_TRY(imr_encoder_sha256(encoder, out->sha256, err));
    char *real = realpath(encoder->folder.path, NULL);
    out->path = imr_strdup(real ? real : encoder->folder.path);
    free(real);
    IMR_NEED(out->path, err);
    out->identity = (imr_encoder_identity){
        .kind = encoder->kind,
        .name = encoder->folder.name,
        .path = out->path,
        .sha256 = out->sha256,
        .query_prefix = encoder->query_prefix,
        .passage_prefix = encoder->passage_prefix,
        .precision = precision == IMR_FLOAT32 ? "" : imr_precision_name(precision),
    };
    return IMR_OK;
}

void imr_encoder_names_done(imr_encoder_names *n)
{
    imr_free(n->path);
    *n = (imr_encoder_names){.path = NULL};
}

/* ---- what it reads ---- */

enum { BLOCK = 512, BLOCK_BYTES = 1 << 20 }; /* most texts counted at a time */

imr_status imr_counter_text(imr_buf *out, const imr_token_counter *c, bool queries, size_t row,
                            imr_error *err)
{
    const imr_encoder_identity *e = c->identity;
    imr_buf_clear(out);
    return imr_dataset_prefixed(c->dataset, queries, row,
                                queries ? e->query_prefix : e->passage_prefix, out, err);
}

static imr_status count_block(imr_token_totals *t, const imr_token_counter *c, const imr_buf *texts,
                              size_t count, imr_error *err)
{
    uint64_t cut = 0, read = 0, total = 0;
    imr_status worst = IMR_OK;
    imr_error why;
#pragma omp parallel for schedule(dynamic, 16) reduction(+ : cut, read, total)
    for (size_t i = 0; i < count; i++) {
        imr_token_count one = {0};
        imr_error mine;
        imr_status status = imr_encoder_count_tokens(&one, c->encoder, imr_buf_text(&texts[i]),
                                                     texts[i].len, &mine);
        if (status != IMR_OK)
#pragma omp critical(imr_count_block)
        {
            worst = status;
            why = mine;
        }
        cut += one.read < one.total;
        read += one.read;
        total += one.total;
    }
    if (worst != IMR_OK)
        return imr_fail(err, worst, "%s", why.text);
    *t = (imr_token_totals){t->texts + count, t->cut + cut, t->read + read, t->total + total};
    return IMR_OK;
}

static imr_status count_texts(imr_token_totals *t, const imr_token_counter *c, bool queries,
                              imr_buf *texts, imr_error *err)
{
    const size_t all = queries ? c->dataset->query_ids.n : c->dataset->documents.n;
    while (t->texts < all) {
        size_t n = 0, bytes = 0;
        if (!imr_progress_step(c->progress, "counting tokens", t->texts, all))
            return imr_fail(err, IMR_E_CANCELLED,
                            "counting tokens was cancelled; run the same command again to go on");
        for (; n < BLOCK && bytes < BLOCK_BYTES && t->texts + n < all; n++) {
            IMR_TRY(imr_counter_text(&texts[n], c, queries, t->texts + n, err));
            bytes += texts[n].len;
        }
        IMR_TRY(count_block(t, c, texts, n, err));
    }
    return IMR_OK;
}

imr_status imr_count_tokens(void *counter, imr_token_totals out[2], imr_error *err)
{
    const imr_token_counter *c = counter;
    imr_buf *texts = IMR_NEW_ARRAY(imr_buf, BLOCK);
    imr_status status = texts ? IMR_OK : imr_fail_memory(err);
    out[0] = out[1] = (imr_token_totals){0};
    for (int i = 0; i < 2 && status == IMR_OK; i++)
        status = count_texts(&out[i], c, i, texts, err);
    for (size_t i = 0; texts && i < BLOCK; i++)
        imr_buf_done(&texts[i]);
    imr_free(texts);
    return status;
}

/* ---- encoding ---- */

/* The encoder reports and looks for a stop inside a block too: one of a large model takes seconds.
 */
typedef struct job {
    const imr_encoder *encoder;
    const imr_progress *up;
    imr_progress_info block; /* what the store said before the block under way */
    imr_token_counter texts;
    imr_context *context; /* NULL: no table is made */
    size_t first;         /* row of the block under way */
} job;

static bool store_step(void *user, const imr_progress_info *info)
{
    job *j = user;
    j->block = *info;
    return !j->up || !j->up->fn || j->up->fn(j->up->user, info);
}

static bool encoder_step(void *user, const imr_progress_info *info)
{
    const job *j = user;
    return imr_progress_step(j->up, j->block.what, j->block.done + info->done, j->block.total);
}

/* Of a static encoder the table is made in no time, whenever it is wanted. */
static imr_status begin_table(job *j, imr_error *err)
{
    const size_t all = j->texts.dataset->documents.n;
    IMR_AUTOBUF imr_buf text = {0};
    if (!j->encoder->transformer || *imr_context_problem(j->encoder))
        return IMR_OK;
    IMR_TRY(imr_context_new(&j->context, j->encoder, all, strlen(j->texts.identity->passage_prefix),
                            err));
    for (size_t i = 0; i < all; i++) {
        if (!imr_context_wants(j->context, i))
            continue;
        if (!imr_progress_step(j->up, "counting the words of the corpus", i, all))
            return imr_fail(err, IMR_E_CANCELLED, "counting the words was cancelled");
        IMR_TRY(imr_counter_text(&text, &j->texts, false, i, err));
        IMR_TRY(imr_context_count(j->context, i, imr_buf_text(&text), text.len, err));
    }
    return imr_context_choose(j->context, err);
}

static imr_status on_read(void *user, size_t text, const imr_tokens *tokens, imr_error *err)
{
    const job *j = user;
    return imr_context_read(j->context, text, j->first + text, tokens, err);
}

static void on_heard(void *user, size_t text, imr_view rows)
{
    imr_context_hear(((const job *)user)->context, text, rows);
}

static imr_status encode(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    job *j = user;
    const imr_progress inner = {encoder_step, j};
    const imr_encoder_listener listener = {on_read, on_heard, j};
    if (!t->queries && t->first == 0)
        IMR_TRY(begin_table(j, err));
    j->first = t->first;
    /* Of a cache brought up to date only some rows are encoded: the table is not complete. */
    const bool heard = j->context && !t->queries && t->first != SIZE_MAX;
    return imr_encoder_encode_heard(j->encoder, t->texts, t->lens, t->count, out, NULL,
                                    heard ? &listener : NULL, &inner, err);
}

static imr_status keep_table(const job *j, const char *dir, imr_error *err)
{
    IMR_CLEANUP(imr_context_table_done) imr_context_table table = {.n = 0};
    imr_context_source source = {.encoder_sha256 = j->texts.identity->sha256,
                                 .prefix = j->texts.identity->passage_prefix,
                                 .documents = j->texts.dataset->documents.n,
                                 .n = j->encoder->dim};
    IMR_AUTOBUF imr_buf unkept = {0};
    if (!j->context || !imr_context_complete(j->context))
        return IMR_OK;
    imr_json *manifest IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&manifest, imr_path_in(dir, "manifest.json").s, err));
    source.corpus_sha256 = imr_json_string_or(manifest, "dataset/corpus_sha256", "");
    IMR_TRY(imr_context_finish(&table, j->context, err));
    return imr_context_table_keep(&unkept, dir, &source, &table, err);
}

imr_status imr_cache_encode(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_encoder *encoder, imr_dtype dtype, bool overwrite,
                            const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_names_done) imr_encoder_names names = {.path = NULL};
    IMR_TRY(imr_encoder_names_init(&names, encoder, err));
    job j = {.encoder = encoder,
             .up = progress,
             .block = {.what = "encoding"},
             .texts = {dataset, encoder, &names.identity, progress}};
    const imr_store_plan plan = {
        .dataset = dataset,
        .encoder = &names.identity,
        .n = encoder->dim,
        .dtype = dtype,
        .overwrite = overwrite,
        .count = imr_count_tokens,
        .counter = &j.texts,
    };
    const imr_progress outer = {store_step, &j};
    imr_status status = imr_store_build(result, dir, &plan, encode, &j, &outer, err);
    if (status == IMR_OK)
        status = keep_table(&j, dir, err);
    imr_context_free(j.context);
    return status;
}
