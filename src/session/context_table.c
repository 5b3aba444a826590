#include "session/context_table.h"

#include "session/internal.h"

enum { HEADER = 256, TRAILER = IMR_SHA256_HEX - 1, BATCH = 16 /* documents encoded at a time */ };

/* ---- the file ---- */

/* What stands before the sizes in the first line. */
static imr_status header_of(imr_buf *out, const imr_context_source *s, imr_error *err)
{
    char hex[IMR_SHA256_HEX];
    IMR_AUTOBUF imr_buf source = {0};
    imr_buf_printf(&source, "%s\n%s", s->corpus_sha256, s->prefix);
    IMR_TRY(imr_buf_check(&source, err));
    IMR_TRY(imr_sha256_memory(source.data, source.len, hex, err));
    imr_buf_printf(out, "imrnn-context 1 %.64s %s %zu ", s->encoder_sha256, hex, s->documents);
    return imr_buf_check(out, err);
}

/* ---- writing ---- */

static imr_status write_table(imr_buf *b, const imr_context_source *s, const imr_context_table *t,
                              imr_error *err)
{
    char hex[IMR_SHA256_HEX];
    IMR_TRY(header_of(b, s, err));
    imr_buf_printf(b, "%zu %zu %zu %zu %zu %zu ", t->words, t->n, t->heard, t->held, t->owned,
                   t->text_bytes);
    imr_buf_fill(b, ' ', HEADER - 1 - b->len);
    imr_buf_char(b, '\n');
    imr_buf_add(b, t->made.data, t->made.len);
    IMR_TRY(imr_buf_check(b, err));
    IMR_TRY(imr_sha256_memory(b->data, b->len, hex, err));
    imr_buf_add(b, hex, TRAILER);
    return imr_buf_check(b, err);
}

imr_status imr_context_table_keep(imr_buf *unkept, const char *dir,
                                  const imr_context_source *source, const imr_context_table *table,
                                  imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    IMR_TRY(write_table(&b, source, table, err));
    if (dir[0] && imr_dir_make_own(imr_path_in(dir, "tokens").s, NULL) == IMR_OK &&
        imr_dir_room(dir, b.len, NULL) == IMR_OK &&
        imr_file_write(imr_table_path(dir, source->encoder_sha256, "context").s, b.data, b.len,
                       NULL) == IMR_OK)
        return IMR_OK;
    return IMR_GIVE(unkept, b);
}

/* ---- reading ---- */

/* Do the numbers stay within each other's bounds, and are there as many words as it says? */
static bool sound(const imr_context_table *t, const imr_context_source *s)
{
    size_t words = 0;
    bool good = t->starts[0] == 0 && t->starts[t->held] == t->owned;
    for (size_t i = 0; i < t->held && good; i++)
        good = t->held_documents[i] < s->documents && t->starts[i] <= t->starts[i + 1];
    for (size_t i = 0; i < t->owned && good; i++)
        good = t->own[i] < t->words;
    for (size_t i = 0; i < t->text_bytes; i++)
        words += !t->text[i];
    return good && words == t->words && (!t->text_bytes || !t->text[t->text_bytes - 1]);
}

/* Reads a table from bytes that outlive it. *good is false for anything that is not one of the
 * source, and t to be done with either way. */
static imr_status parse(imr_context_table *t, bool *good, const void *data, size_t len,
                        const imr_context_source *s, imr_error *err)
{
    IMR_AUTOBUF imr_buf header = {0};
    char line[HEADER + 1], hex[IMR_SHA256_HEX];
    *good = false;
    IMR_TRY(header_of(&header, s, err));
    if (len < HEADER + TRAILER || memcmp(data, header.data, header.len) != 0)
        return IMR_OK;
    memcpy(line, data, HEADER);
    line[HEADER] = '\0';
    /* Widths keep the numbers in range. NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(line + header.len, "%7zu %7zu %7zu %7zu %12zu %12zu", &t->words, &t->n, &t->heard,
               &t->held, &t->owned, &t->text_bytes) != 6 ||
        t->n != s->n || t->words > IMR_CONTEXT_WORDS || t->held > IMR_CONTEXT_HELD ||
        len != HEADER + imr_context_bytes(t) + TRAILER)
        return IMR_OK;
    IMR_TRY(imr_sha256_memory(data, len - TRAILER, hex, err));
    if (memcmp((const char *)data + len - TRAILER, hex, TRAILER) != 0)
        return IMR_OK;
    imr_context_lay_out(t, (const char *)data + HEADER);
    *good = sound(t, s);
    return IMR_OK;
}

imr_status imr_context_table_find(imr_context_table *out, bool *found, const char *dir,
                                  const imr_buf *unkept, const imr_context_source *source,
                                  imr_error *err)
{
    const imr_path path = imr_table_path(dir, source->encoder_sha256, "context");
    IMR_CLEANUP(imr_context_table_done) imr_context_table t = {.words = 0};
    *found = false;
    if (dir[0] && imr_file_exists(path.s) && imr_file_map(&t.mapped, path.s, NULL) == IMR_OK)
        IMR_TRY(parse(&t, found, t.mapped.data, t.mapped.len, source, err));
    if (!*found && unkept && unkept->len) {
        imr_context_table_done(&t);
        IMR_TRY(parse(&t, found, unkept->data, unkept->len, source, err));
    }
    if (*found) {
        *out = t;
        t = (imr_context_table){.words = 0};
    }
    return IMR_OK;
}

/* ---- making one from a cache ---- */

struct imr_context_making {
    const imr_cache *cache;
    const imr_encoder *encoder;
    imr_context *context;
    size_t next;  /* document of the pass */
    size_t batch; /* documents encoded at a time: fewer after a stop, so that some get through */
    bool counted;
    imr_buf text[BATCH];
    size_t document[BATCH]; /* of the texts being encoded */
    float *vectors;         /* [BATCH, n], not looked at */
};

void imr_context_making_free(imr_context_making *m)
{
    if (!m)
        return;
    imr_context_free(m->context);
    for (size_t i = 0; i < BATCH; i++)
        imr_buf_done(&m->text[i]);
    IMR_FREE(m->vectors, m);
}

imr_status imr_context_making_new(imr_context_making **out, const imr_cache *cache,
                                  const imr_encoder *encoder, imr_error *err)
{
    if (!imr_cache_has_texts(cache))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the words of a corpus are read in its texts, and the cache %s has none: "
                        "name them with --dataset",
                        cache->path);
    IMR_CLEANUP(imr_context_making_free_at) imr_context_making *m = IMR_NEW(imr_context_making);
    IMR_NEED(m, err);
    m->cache = cache;
    m->encoder = encoder;
    m->batch = BATCH;
    m->vectors = IMR_NEW_ARRAY(float, BATCH * encoder->dim);
    IMR_NEED(m->vectors, err);
    IMR_TRY(imr_context_new(&m->context, encoder, cache->documents.ids.n,
                            strlen(cache->encoder.passage_prefix), err));
    return IMR_GIVE(out, m);
}

imr_status imr_context_text(imr_buf *out, const imr_cache *cache, size_t document, imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0}, body = {0};
    IMR_TRY(imr_cache_document(cache, document, &title, &body, err));
    imr_buf_clear(out);
    imr_buf_str(out, cache->encoder.passage_prefix);
    imr_document_text(out, imr_buf_text(&title), title.len, imr_buf_text(&body), body.len);
    return imr_buf_check(out, err);
}

static imr_status stopped(imr_error *err)
{
    return imr_fail(err, IMR_E_CANCELLED, "reading the words of the corpus was stopped");
}

static imr_status count_words(imr_context_making *m, const imr_progress *progress, imr_error *err)
{
    const size_t all = m->cache->documents.ids.n;
    for (; m->next < all; m->next++) {
        if (!imr_context_wants(m->context, m->next))
            continue;
        if (!imr_progress_step(progress, "counting the words of the corpus", m->next, all))
            return stopped(err);
        IMR_TRY(imr_context_text(&m->text[0], m->cache, m->next, err));
        IMR_TRY(
            imr_context_count(m->context, m->next, imr_buf_text(&m->text[0]), m->text[0].len, err));
    }
    IMR_TRY(imr_context_choose(m->context, err));
    m->counted = true;
    m->next = 0;
    return IMR_OK;
}

static imr_status on_read(void *user, size_t text, const imr_tokens *tokens, imr_error *err)
{
    const imr_context_making *m = user;
    return imr_context_read(m->context, text, m->document[text], tokens, err);
}

static void on_heard(void *user, size_t text, imr_view rows)
{
    imr_context_hear(((imr_context_making *)user)->context, text, rows);
}

static imr_status hear_words(imr_context_making *m, const imr_progress *progress, imr_error *err)
{
    const size_t all = m->cache->documents.ids.n;
    const imr_encoder_listener listener = {on_read, on_heard, m};
    while (!imr_context_complete(m->context)) {
        const char *texts[BATCH];
        size_t lens[BATCH], n = 0, at = m->next;
        for (; at < all && n < m->batch; at++) {
            if (!imr_context_wants(m->context, at))
                continue;
            IMR_TRY(imr_context_text(&m->text[n], m->cache, at, err));
            texts[n] = imr_buf_text(&m->text[n]);
            lens[n] = m->text[n].len;
            m->document[n++] = at;
        }
        imr_progress_part part = {progress, "hearing the words of the corpus", m->next, all};
        const imr_progress inner = {imr_progress_part_step, &part};
        imr_status status = imr_encoder_encode_heard(m->encoder, texts, lens, n, m->vectors, NULL,
                                                     &listener, &inner, err);
        m->batch = status == IMR_OK ? BATCH : m->batch > 1 ? m->batch / 2 : 1;
        if (status != IMR_OK)
            return status == IMR_E_CANCELLED ? stopped(err) : status;
        m->next = at;
    }
    return IMR_OK;
}

imr_status imr_context_making_run(imr_context_making *m, imr_context_table *out,
                                  const imr_progress *progress, imr_error *err)
{
    if (!m->counted)
        IMR_TRY(count_words(m, progress, err));
    IMR_TRY(hear_words(m, progress, err));
    return imr_context_finish(out, m->context, err);
}
