/*
 * session/internal.h - what the files of the session share. Not for others.
 */
#pragma once

#include <stdatomic.h>

#include "adapter/adapter.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "encoder/encoder.h"
#include "encoder/token_sum.h"
#include "explain/background.h"
#include "explain/why.h"
#include "retrieval/bm25.h"
#include "retrieval/cache.h"
#include "session/context_table.h"
#include "session/encoded_table.h"
#include "session/provenance.h"
#include "session/session.h"

/* A table and what stands behind it. */
typedef struct imr_table {
    const char *name; /* static, or the folder as it was named */
    imr_view rows;
    const char **texts; /* sanitised */
    uint8_t *special;
    float *centre; /* NULL: none */
    imr_context_table context;
    imr_encoded_table encoded;
    imr_encoder *own;             /* a folder's */
    const imr_encoder *tokeniser; /* whose ids the rows are; NULL: context */
    imr_arena *arena;
} imr_table;

void imr_table_done(imr_table *t); /* {0} is fine */

/* A table that words are told in, and what was measured of it. Not moved: the lens points there. */
typedef struct imr_told {
    imr_table source;
    imr_token_table table;
    imr_lens lens;
    imr_lens_quality lens_quality; /* of a folder; the others' are in imr_words */
    /* Of the kinds that are shown, over a sample of the cache; {0}: not measured. */
    imr_background queries[IMR_CHANGE_COUNT], documents[IMR_CHANGE_COUNT];
    imr_why_table why; /* all that for a why; its order and words are the request's */
} imr_told;

typedef enum imr_words_stage {
    IMR_WORDS_CHOOSE, /* the tables at hand are looked at */
    IMR_WORDS_FOLD,
    IMR_WORDS_SAMPLE, /* how often words show up anyway */
    IMR_WORDS_HEAR,   /* the table context is made */
    IMR_WORDS_DONE
} imr_words_stage;

/* Words for changes: everything behind their lists. */
typedef struct imr_words {
    imr_words_stage stage;
    imr_backprojector back;
    imr_table_lens lenses[IMR_TABLES]; /* name NULL: not at hand */
    bool looked[IMR_TABLES];
    imr_context_making *making;
    imr_buf unkept; /* the table context that was made and could not be kept */
    bool was_heard;
    imr_told *told; /* in use; NULL: lists stay empty */
    imr_told *next; /* being made */
} imr_words;

/*
 * Titles of documents that were listed, each in the place of its row, the newest there. Reading a
 * hundred documents a key press would be most of its time; neighbouring queries share most of
 * theirs. {0} is empty.
 */
typedef struct imr_titles {
    imr_arena *arena;
    struct imr_title {
        uint32_t row;
        const char *text; /* NULL: none */
        bool empty;       /* neither title nor text */
    } * v;                /* [IMR_TITLES] */
    size_t bytes;
} imr_titles;

enum { IMR_TITLES = 1 << 16, IMR_TITLES_BYTES = 16 << 20 /* with which they are to be dropped */ };

#define IMR_SESSION_DETAILS ((size_t)128) /* the last ones are kept */

struct imr_session {
    imr_session_facts facts; /* as the worker has them */
    _Atomic(const imr_session_facts *) shown;
    imr_session_options options;
    imr_arena *strings; /* of facts and options */
    bool failed;        /* one of them could not be made */
    imr_adapter *adapter;
    imr_session *other; /* under the other of two adapters, NULL: there is one; */
    bool second;        /* of the second of them: cache and encoder are the first's */
    imr_cache *cache;
    imr_engine *engine;   /* NULL: cache has all documents; else a sample of them */
    bool recalled;        /* its recall was measured */
    imr_encoder *encoder; /* NULL: cached queries only */
    const char *prefix;   /* put before typed queries; borrowed */
    imr_ranker ranker;
    imr_doubts doubts; /* warnings of every trace */
    imr_seen seen;     /* what the adapter was trained on */
    imr_words words;
    imr_titles titles;
    imr_bm25 *bm25;                           /* NULL: not built yet */
    const uint32_t *split;                    /* query rows of the open split; NULL: every query */
    float *query_base;                        /* [n] */
    uint64_t number;                          /* of all sessions */
    uint64_t runs;                            /* so far */
    imr_reading query;                        /* the last typed, or a why was made for */
    imr_detail *details[IMR_SESSION_DETAILS]; /* the one used last first */
};

/* The one of two adapters that ranked t. */
static inline imr_session *imr_session_of(imr_session *s, const imr_trace *t)
{
    return s->other && t->number >> 32 == s->other->number ? s->other : s;
}

/* Where what is made of its documents is kept. */
static inline const char *imr_session_folder(const imr_session *s)
{
    return s->engine ? s->options.cache : s->cache->path;
}

/* Where the rows of t are. */
static inline const imr_cache *imr_cache_of(const imr_session *s, const imr_trace *t)
{
    return t->window ? t->window : s->cache;
}

/* ---- documents of an engine (session/engine.c) ---- */

/* s->engine, s->cache and what is known of the store. */
imr_status imr_session_engine_begin(imr_session *s, const imr_progress *progress, imr_error *err);
/* Once there is an encoder: queries of the dataset, encoded; vectors held against their texts. */
imr_status imr_session_engine_ready(imr_session *s, const imr_progress *progress, imr_error *err);
/* The table, collection or folder: "public.docs". */
const char *imr_session_engine_name(imr_session *s);
/* Appends to s->doubts what speaks against the store; nothing where there is none. */
imr_status imr_session_engine_doubts(imr_session *s, imr_error *err);
/* t->window: the candidates of s->query_base, what is pinned, what the trace beside has first; of a
 * pair the document alone, if it is there. The ranker looks there. */
imr_status imr_session_engine_look(imr_session *s, const imr_request *request, imr_trace *t,
                                   imr_error *err);

/* ---- token tables (session/tables.c) ---- */

/* "context", "encoded", "input" */
extern const char *const imr_table_names[IMR_TABLES];
/* DIR/tokens/<sha256 of the encoder>.ENDING */
imr_path imr_table_path(const char *dir, const char *sha256, const char *ending);

/* What the table `context` of the session's cache is of. */
imr_context_source imr_session_context(const imr_session *s);

/*
 * Opens a table by name ("context", "encoded", "input", else a folder). *found is false where there
 * is none at hand: context and encoded are then not kept (make: encoded is made), input is of
 * another width. A static encoder's context is made at once.
 * Errors: those of making and of folders.
 */
imr_status imr_table_open(imr_table *out, bool *found, imr_session *s, const char *name, bool make,
                          const imr_progress *progress, imr_error *err);
/* The kept measurement of a table, and its rows; rows 0: none is kept, or not the table. Quick: the
 * table is not read. */
imr_status imr_table_recall(imr_table_lens *out, const imr_session *s, const char *name,
                            imr_error *err);
/* Measures and keeps it. heard: the table `context`, whose left out texts are taken; NULL: none.
 * NaN without texts. */
imr_status imr_table_measure(imr_lens_quality *out, const imr_session *s, const imr_table *t,
                             const imr_context_table *heard, const imr_progress *progress,
                             imr_error *err);

/* ---- words (session/words.c, background.c) ---- */

/* What imr_session_open_words begins with (session/words.c). */
imr_status imr_words_begin(imr_session *s, imr_error *err);
/* Makes the table `context` and keeps it; after a stop it goes on. */
imr_status imr_words_hear(imr_session *s, const imr_progress *progress, imr_error *err);
void imr_words_close(imr_words *w);
/* t->source becomes a lens; and the end of one. */
imr_status imr_told_fold(imr_told *t, const imr_backprojector *back, const imr_progress *progress,
                         imr_error *err);
void imr_told_free(imr_told **t); /* NULL is fine, and becomes it */

/*
 * The background of a table over a seeded sample of the cache (session/background.c); what a stop
 * left behind is made again. Errors: IMR_E_CANCELLED, IMR_E_MEMORY; a cache too small to sample
 * leaves the numbers absent.
 */
imr_status imr_words_measure(const imr_session *s, imr_told *t, const imr_progress *progress,
                             imr_error *err);
void imr_told_forget(imr_told *t); /* what was measured */

/* The facts as they are now become those that imr_session_facts_of gives; IMR_E_MEMORY also when a
 * string of theirs could not be made. */
imr_status imr_session_publish(imr_session *s, imr_error *err);

/* Reads a query, unless it is the one read last: s->query (session/detail.c). */
imr_status imr_session_read_query(imr_session *s, const char *prefix, const char *text,
                                  const imr_progress *progress, imr_error *err);
/* Forgets the details that were kept, and the query's reading (session/detail.c). */
void imr_session_forget(imr_session *s);

/* A sanitised copy on one line; NULL when memory ran out. */
const char *imr_trace_keep(imr_arena *arena, const char *text);

/* The request's query (session/query.c): s->query_base, and t's text, read and pushed as what if
 * has it. Errors: those of imr_session_run. */
imr_status imr_session_find_query(imr_session *s, const imr_request *request, imr_trace *t,
                                  imr_error *err);
/* Makes t->pair (session/pair.c). document: an id of the cache, else a text, which is encoded.
 * Errors: IMR_E_NOT_FOUND when a text comes without an encoder, IMR_E_UNSUPPORTED when it knows no
 * word of it. */
imr_status imr_pair_find(imr_session *s, imr_trace *t, const char *document, imr_error *err);
/* The tokens their package would name, from the finished vectors of t; none without an adapter, or
 * where the table has another dimension than the vectors. */
imr_status imr_pair_tokens(const imr_session *s, imr_trace *t, imr_error *err);

/* Fills d->why.deletion from the document's reading (session/deletion.c). Errors: the encoder's,
 * IMR_E_CANCELLED. */
imr_status imr_deletion_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                             const imr_reading *document, const imr_progress *progress,
                             imr_error *err);
/* Appends the first `end` bytes of text, without the n words `gone`; place: of each token, whose
 * word. */
void imr_deletion_text(imr_buf *out, const char *text, size_t end, const imr_tokens *tokens,
                       const uint32_t *place, const uint32_t *gone, size_t n);
/* The vectors of n texts, at most IMR_DELETION_MOST, one behind the other; end: of each. */
#define IMR_DELETION_MOST 64
imr_status imr_deletion_encode(float *out, const imr_session *s, const imr_buf *texts,
                               const size_t *end, size_t n, const imr_progress *progress,
                               imr_error *err);
/* Similarities of documents base [rows,n] at the stages there are; the run stays as it was. */
imr_status imr_deletion_score(float (*out)[IMR_STAGE_COUNT], const imr_session *s,
                              const imr_trace *t, imr_view base, imr_error *err);
/* Fills d->why.carry, where there are pairs (session/trials.c). Errors: as above. */
imr_status imr_carry_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                          const imr_reading *document, const imr_progress *progress,
                          imr_error *err);

/* How far a document is above the listed ones on average, in cosine, to a query x [n], at the stage
 * encoder (base vector `document` [n]) or after (that of the place, listed). */
imr_status imr_session_ahead(double *out, const imr_session *s, const imr_trace *t, size_t place,
                             const float *document, const float *x, imr_stage stage,
                             imr_error *err);
/* Makes d->why.why_not (session/whynot.c), where d has a why. Errors: IMR_E_USAGE for a pair, else
 * as above. */
imr_status imr_why_not_fill(imr_detail *d, imr_session *s, const imr_trace *t,
                            const imr_reading *document, const imr_progress *progress,
                            imr_error *err);

/* The vector of prefix and text, and what the encoder knows of them. */
imr_status imr_session_encode(const imr_session *s, float *out, imr_token_count *count,
                              const char *prefix, const char *text, imr_error *err);

/* Whether a listed document changed sides with t->documents[place], encoder against now. */
bool imr_session_passed(const imr_trace *t, size_t place);

/* Sanitised, one line, "" without one; valid until imr_titles_done. */
imr_status imr_titles_get(struct imr_title *out, imr_titles *t, const imr_cache *cache,
                          uint32_t row, imr_error *err);
void imr_titles_done(imr_titles *t);

/* A copy of what was written, which is cleared. */
imr_status imr_buf_keep(const char **out, imr_buf *text, imr_arena *arena, imr_error *err);

/* A copy in the session's strings, sanitised to one line; "" for NULL, and when memory ran out:
 * then imr_session_publish says so. */
const char *imr_session_string(imr_session *s, const char *text);

/* Puts defaults in the place of zeros; IMR_E_USAGE for what cannot be. */
imr_status imr_session_check_settings(imr_trace_settings *settings, const imr_session *s,
                                      imr_error *err);

/* Puts copies in the place of n texts, NULL stays; false when memory ran out. */
bool imr_texts_keep(const char **const texts[], size_t n, imr_arena *arena);
/* Likewise of all texts of the options. */
bool imr_session_options_keep(imr_session_options *o, imr_arena *arena);

/* Progress of a part, told as that of the whole: imr_progress_part_step is the callback. */
typedef struct imr_progress_part {
    const imr_progress *up;
    const char *what;
    uint64_t first, total; /* of the whole, before the part */
} imr_progress_part;
bool imr_progress_part_step(void *part, const imr_progress_info *info);
