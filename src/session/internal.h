/*
 * session/internal.h - what the files of the session share. Not for others.
 */
#ifndef IMR_SESSION_INTERNAL_H
#define IMR_SESSION_INTERNAL_H

#include "adapter/adapter.h"
#include "base/arena.h"
#include "encoder/encoder.h"
#include "encoder/token_sum.h"
#include "explain/background.h"
#include "explain/why.h"
#include "retrieval/cache.h"
#include "session/encoded_table.h"
#include "session/doubts.h"
#include "session/session.h"
#include "session/titles.h"

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
    /* Of the kinds that are shown, over a sample of the cache; {0}: not measured. */
    imr_background queries[IMR_CHANGE_COUNT], documents[IMR_CHANGE_COUNT];
    double *query_common; /* [m] mean unit change of the sampled queries */
    float query_common_part;
} imr_words;

/* A text as the encoder read it. */
typedef struct imr_reading {
    imr_buf text;        /* with its prefix */
    size_t prefix, body; /* bytes: the prefix, and where the document's text begins */
    imr_tokens tokens;   /* all of it */
    imr_token_sum sum;   /* rows NULL: there is none */
    imr_tokens_read read;
    size_t read_end;
} imr_reading;

#define IMR_SESSION_DETAILS ((size_t)32) /* the last ones are kept */

struct imr_session {
    imr_session_facts facts;
    imr_trace_settings defaults;
    imr_arena *strings; /* of facts and words */
    imr_adapter *adapter;
    imr_cache *cache;
    imr_encoder *encoder; /* NULL: cached queries only */
    char *prefix;         /* put before typed queries */
    imr_ranker ranker;
    imr_doubts doubts; /* warnings of every trace */
    imr_words words;
    imr_titles titles;
    const uint32_t *split;                    /* query rows of the open split; NULL: every query */
    float *query_base;                        /* [n] */
    uint64_t number;                          /* of all sessions */
    uint64_t runs;                            /* so far */
    imr_reading query;                        /* the last that a why was made for */
    imr_detail *details[IMR_SESSION_DETAILS]; /* the one used last first */
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

/* What a why tells changes in (session/words.c). */
void imr_words_table(imr_why_table *out, const imr_words *w, const imr_trace_settings *settings);

/* Forgets the details that were kept, and the query's reading (session/detail.c). */
void imr_session_forget(imr_session *s);

/* Whether a listed document changed sides with t->documents[place], encoder against now. */
bool imr_session_passed(const imr_trace *t, size_t place);

/* A copy in the session's strings, sanitised to one line; "" for NULL. NULL when memory ran out. */
const char *imr_session_string(imr_session *s, const char *text);

/* Puts defaults in the place of zeros; IMR_E_USAGE for what cannot be. */
imr_status imr_session_check_settings(imr_trace_settings *settings, const imr_session *s,
                                      imr_error *err) IMR_NODISCARD;

#endif
