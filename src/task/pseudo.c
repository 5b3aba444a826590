#include "task/pseudo.h"

#include "task/cache.h"

enum { LEAST_WORDS = 3 }; /* of an ask: "Introduction" or "Abstract" is in every document */

static bool blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

static size_t words(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !strchr(" \t\r\n", text[i]) && (i == 0 || strchr(" \t\r\n", text[i - 1]));
    return count;
}

static bool is_cut(const char *text, size_t len, size_t at)
{
    return words(text, at) >= LEAST_WORDS && words(text + at, len - at) >= LEAST_WORDS;
}

size_t imr_pseudo_cut(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n' && is_cut(text, len, i))
            return i;
    for (size_t i = 0; i + 1 < len; i++)
        if (strchr(".?!", text[i]) && text[i + 1] == ' ' && is_cut(text, len, i + 1))
            return i + 1;
    return 0;
}

/* ---- as a data set ---- */

typedef struct lines {
    imr_buf corpus, queries;
    size_t n;
} lines;

static void lines_done(lines *l)
{
    imr_buf_done(&l->corpus);
    imr_buf_done(&l->queries);
}

static void put_line(imr_buf *b, const char *id, const char *text, size_t n)
{
    imr_json_printf(b, "{'_id': %s, 'text': %.*s}\n", id, (int)n, text);
}

static imr_status add(lines *l, const imr_cache *cache, size_t document, imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0}, text = {0};
    IMR_TRY(imr_cache_document(cache, document, &title, &text, err));
    const char *id = imr_ids_at(&cache->documents.ids, document), *rest = imr_buf_text(&text);
    size_t cut = 0;
    if (blank(imr_buf_text(&title), title.len)) {
        cut = imr_pseudo_cut(rest, text.len);
        if (cut == 0)
            return IMR_OK;
        imr_buf_clear(&title);
        imr_buf_add(&title, rest, cut);
    } else if (blank(rest, text.len)) {
        return IMR_OK;
    }
    put_line(&l->queries, id, imr_buf_text(&title), title.len);
    put_line(&l->corpus, id, rest + cut, text.len - cut);
    l->n++;
    return IMR_OK;
}

static imr_status ask_all(lines *l, const imr_cache *cache, const imr_progress *progress,
                          imr_error *err)
{
    const size_t all = cache->documents.ids.n;
    const size_t n = all < IMR_PSEUDO_MOST ? all : IMR_PSEUDO_MOST;
    for (size_t i = 0; i < n; i++) {
        IMR_TRY(add(l, cache, (size_t)((double)i * (double)all / (double)n), err));
        if (!imr_progress_step(progress, "reading titles", i + 1, n))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while reading titles");
    }
    if (l->n == 0)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "no document of %s has a title and a text, or more than one sentence: "
                        "nothing can ask for anything; --recipe imrnns-0.2 trains on judgements",
                        cache->path);
    IMR_TRY(imr_buf_check(&l->corpus, err));
    return imr_buf_check(&l->queries, err);
}

static imr_status check(const imr_cache *cache, const imr_encoder *encoder, imr_error *err)
{
    if (!*cache->path || !cache->dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no texts, so nothing can be asked of them; name its data "
                        "set with --dataset, or train on judgements alone: --recipe imrnns-0.2",
                        cache->path);
    if (encoder->dim != cache->dim)
        return imr_fail(err, IMR_E_SHAPE,
                        "the encoder %s has %zu dimensions, the cache %s %zu: it is another one",
                        encoder->folder.name, encoder->dim, cache->path, cache->dim);
    return IMR_OK;
}

imr_status imr_pseudo_open(imr_cache **out, const imr_cache *cache, const imr_encoder *encoder,
                           const imr_progress *progress, imr_error *err)
{
    IMR_TRY(check(cache, encoder, err));
    const imr_path dir = imr_path_in(cache->path, "pseudo");
    IMR_CLEANUP(lines_done) lines l = {0};
    IMR_TRY(ask_all(&l, cache, progress, err));
    const imr_named_bytes corpus = {"rests.jsonl", l.corpus.data, l.corpus.len},
                          queries = {"asks.jsonl", l.queries.data, l.queries.len};
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    IMR_TRY(imr_dataset_open_memory(&dataset, corpus, queries, NULL, 0, NULL, err));
    IMR_TRY(imr_cache_encode(NULL, dir.s, dataset, encoder, IMR_F32, true, progress, err));
    return imr_cache_open(out, dir.s, &(imr_cache_options){.dataset = ""}, err);
}
