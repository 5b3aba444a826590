/*
 * session/internal.h - what the files of the session share. Not for others.
 */
#ifndef IMR_SESSION_INTERNAL_H
#define IMR_SESSION_INTERNAL_H

#include "adapter/adapter.h"
#include "base/arena.h"
#include "encoder/encoder.h"
#include "explain/attribution.h"
#include "retrieval/cache.h"
#include "session/document_cache.h"
#include "session/encoded_table.h"
#include "session/ranker.h"
#include "session/session.h"

/* Words for changes: everything behind the token lists. */
typedef struct imr_words {
    bool ready;                   /* the lens is folded; without it lists stay empty */
    imr_encoder *own;             /* a folder named as token table; NULL: the encoder's rows */
    imr_encoded_table encoded;    /* {0} unless that is the table */
    const imr_encoder *tokeniser; /* whose ids the table has */
    const char **texts;           /* [V] sanitised */
    uint8_t *special;             /* [V] */
    imr_backprojector back;
    imr_token_table table;
    imr_lens lens;
    bool measured; /* the backgrounds below hold for `kind` */
    imr_change_kind kind;
    imr_background queries, documents;
    imr_attribution_space space;
} imr_words;

struct imr_session {
    imr_session_facts facts;
    imr_trace_settings defaults;
    imr_arena *strings; /* of facts and words */
    imr_adapter *adapter;
    imr_cache *cache;
    imr_encoder *encoder; /* NULL: cached queries only */
    char *prefix;         /* put before typed queries */
    imr_ranker ranker;
    imr_words words;
    imr_document_cache documents;
    const uint32_t *split; /* query rows of the open split; NULL: every query */
    float *query_base;     /* [n] */
};

/* Opens the token table and folds it (session/words.c). A table that cannot be opened is an error
 * only when the user named it; otherwise s->facts.tokens_problem says why. */
imr_status imr_words_open(imr_session *s, const char *table, const imr_encoder_options *lookup,
                          const imr_progress *progress, imr_error *err) IMR_NODISCARD;
void imr_words_close(imr_words *w);

/*
 * Lens quality and background over a seeded sample of the cache (session/background.c).
 * Errors: IMR_E_CANCELLED, IMR_E_MEMORY; a cache too small to sample leaves the numbers absent.
 */
imr_status imr_words_measure(imr_session *s, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

/* Token lists of the query and every document of a trace whose vectors and titles are in place
 * (session/words.c). */
imr_status imr_words_explain(imr_session *s, imr_trace *t, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

/* A copy in the session's strings, sanitised to one line; "" for NULL. NULL when memory ran out. */
const char *imr_session_string(imr_session *s, const char *text);

imr_change_kind imr_session_change_kind(imr_delta_kind kind);

/* Puts defaults in the place of zeros; IMR_E_USAGE for what cannot be. */
imr_status imr_session_check_settings(imr_trace_settings *settings, const imr_session *s,
                                      imr_error *err) IMR_NODISCARD;

#endif
