#include "encoder/train_static.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "text/normalise.h"
#include "text/utf8.h"

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
    IMR_FREE(c->words.v, c->ids.v);
    imr_chars_done(&c->chars);
    imr_pieces_done(&c->pieces);
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
