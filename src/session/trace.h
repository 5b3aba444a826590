/*
 * session/trace.h - everything that was computed for one query, once, and never changed again.
 *
 * The trace is the engine's only product and the only input of reports and views: a number on a
 * screen, in a report and in the CLI is this number. The session makes it on the worker and hands
 * it over; afterwards it is read-only and any thread may read it. It borrows nothing:
 * texts are copied, so it may outlive the session. Notation: method.md.
 *
 * Ranks count from 1; 0 stands for "not ranked" (null in JSON). Similarities are cosines.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "session/carry.h"
#include "explain/lens.h"
#include "explain/why.h"

typedef enum imr_scope { IMR_SCOPE_RERANK, IMR_SCOPE_RESCORE, IMR_SCOPE_CORPUS } imr_scope;

/* Which ranking the feedback documents are the head of. AUTO: by the adapter's form (ranker.h). */
typedef enum imr_candidates_by {
    IMR_CANDIDATES_AUTO,
    IMR_CANDIDATES_ENCODER,
    IMR_CANDIDATES_BEFORE
} imr_candidates_by;

extern const char *const imr_candidates_names[]; /* "auto", "encoder", "before" */
extern const char *const imr_scope_names[];      /* "rerank" ... as on the command line */

typedef struct imr_trace_document {
    const char *id, *title; /* one line of UTF-8; title "" when the dataset has none */
    uint32_t row;           /* in the cache */
    union {
        uint32_t rank[IMR_STAGE_COUNT];
        struct {
            uint32_t rank_encoder, rank_before; /* over the whole corpus */
            uint32_t rank_after;                /* among the scored documents */
        };
    };
    int32_t move; /* rank_before - rank_after: positive went up; 0 when either is not ranked */
    int32_t move_encoder;             /* rank_encoder - rank_after, likewise: what screens show */
    double standing[IMR_STAGE_COUNT]; /* sd above the mean of the listed documents, see why.h */
    imr_lift lift;
    const char *sentence; /* why this one, without words of its own: those are in its imr_why */
    union {
        float sim[IMR_STAGE_COUNT];
        struct {
            float sim_encoder, sim_before, sim_after;
        };
    };
    float delta_sim;          /* sim_after - sim_before */
    float delta_sim_relative; /* delta_sim - median over the listed documents */
    int32_t relevance;        /* judged grade, or -1: not judged */
    bool feedback;            /* was among the feedback documents */
    bool empty;               /* the dataset has neither title nor text of it */
    int8_t seen;              /* by training, as relevant: 1, 0; -1: not known */
    /* What its feedback does (settings.influence): |q' without it - q'|, and how many of the first
     * ten listed would stand elsewhere. NaN, 0: not asked for, or it gives none. */
    float influence;
    uint32_t influence_moves;
    uint32_t rank_beside; /* now in the trace beside; 0: not ranked there, or there is none */
} imr_trace_document;

/* One metric over the whole ranking, for queries with judgements. */
typedef struct imr_trace_metric {
    const char *name; /* static: "nDCG@10" */
    union {
        double value[IMR_STAGE_COUNT];
        struct {
            double encoder, before, after;
        };
    };
} imr_trace_metric;

/* How well the corpus can be read in a table; name: static, one of IMR_TABLES. */
#define IMR_TABLES 3 /* context, encoded, input */
typedef struct imr_table_lens {
    const char *name;
    uint64_t rows;
    imr_lens_quality lens;
} imr_table_lens;

/* The engine that documents come from (retrieval/engine.h); kind NULL: a cache, which is exact. */
typedef struct imr_trace_store {
    const char *kind, *name, *fields, *type, *index, *metric;
    const char *filter; /* "": none */
    uint32_t effort;    /* hnsw.ef_search and its like; 0: none */
    double recall;      /* of the index at recall_k; NaN: not measured yet, or it cannot be */
    bool recall_exact;  /* against the same query without the index; else on a sample */
    uint32_t recall_k, recall_queries;
    double agreement; /* median cosine of stored vectors to those of their texts, encoded anew; */
    uint32_t agreed;  /* of so many; 0: none could be */
} imr_trace_store;

/* {"kind": ...}; and a line for people: index, recall, whether texts and vectors agree. */
void imr_trace_store_json(imr_buf *out, const imr_trace_store *s);
void imr_trace_store_text(imr_buf *out, const imr_trace_store *s);

/* What is needed to get this trace again. Strings are the trace's; "" means absent. */
typedef struct imr_trace_inputs {
    const char *adapter_path, *adapter_form;
    const char *adapter_form_from; /* "metadata", "shapes", "option" */
    char adapter_sha256[IMR_SHA256_HEX];
    uint32_t input_dim, working_dim, hidden_dim, rank;
    double condition_number;
    const char *cache_path;
    char cache_sha256[IMR_SHA256_HEX]; /* of the cache's manifest */
    uint64_t cache_documents;
    const char *encoder_path, *encoder_name, *encoder_kind;
    char encoder_sha256[IMR_SHA256_HEX];
    const char *dataset_path;
    char dataset_sha256[IMR_SHA256_HEX]; /* of corpus.jsonl */
    bool dataset_untouched; /* the hash is the cache manifest's, of a corpus that has the size and
                               the time of change it had then; false: its bytes were hashed now */
    const char *split;      /* "" when no split is open */
    const char *table_name; /* "input", "encoded", a folder; "" without a token table */
    char table_sha256[IMR_SHA256_HEX]; /* of the encoder its rows come from */
    uint64_t table_rows;
    imr_trace_store store;
    imr_lens_quality lens;                 /* of that table; NaN when it could not be measured */
    imr_table_lens others[IMR_TABLES - 1]; /* the other tables at hand */
    size_t n_others;
} imr_trace_inputs;

/* What if: session/whatif.h. Terms, each ended by '\n'; "": none. */
#define IMR_WHATIF_BYTES 1024
typedef struct imr_whatif {
    char terms[IMR_WHATIF_BYTES];
} imr_whatif;

typedef struct imr_trace_settings {
    uint32_t feedback_k, tokens;
    uint32_t ranking_k; /* the rank a why-not compares with; 0: 10, or as many as are listed */
    imr_scope scope;
    imr_candidates_by candidates; /* of a trace: never AUTO */
    imr_change_kind delta;        /* of the words a report lists first: paper, own or unit */
    imr_token_order order;
    imr_whatif what_if;
    bool influence; /* of each feedback document: documents[].influence (session/influence.c) */
} imr_trace_settings;

/* {"feedback_k": ...}: the settings of every JSON report. */
void imr_trace_settings_json(imr_buf *out, const imr_trace_settings *s);

/* What nobody should overlook, with a code that does not change: lens-low, what-if ... */
typedef struct imr_trace_warning {
    const char *code, *text; /* code: static */
} imr_trace_warning;

/* One query and one document alone (session/pair.c). */
typedef struct imr_trace_token {
    const char *text; /* as the vocabulary writes it */
    float cosine;
} imr_trace_token;
typedef struct imr_trace_pair {
    uint32_t row;     /* of the document in the cache; UINT32_MAX: a text of somebody's own, */
    const char *text; /* this one; else NULL */
    float *base;      /* [n] its vector */
    imr_trace_token *query, *document; /* what the authors' package would name */
    size_t n_query, n_document;
} imr_trace_pair;

typedef struct imr_trace_timing {
    double encode, search, adapt, explain; /* milliseconds; 0 under a frozen clock */
} imr_trace_timing;

typedef struct imr_trace {
    imr_trace_inputs inputs;
    imr_trace_settings settings;

    const char *query_id;   /* "" for a typed query */
    const char *query_text; /* without prefix, sanitised */
    const char *query_prefix;
    const char *query_read; /* what of the text is encoded: words may be left out (what if) */
    bool query_cached;      /* the vector came from the cache, not from the encoder */

    imr_trace_document *documents; /* in `after` order */
    size_t n_documents;
    uint64_t n_scored; /* documents that got an `after` similarity */
    float median_delta_sim;

    /* Of the encoder's first ten the ones that are not listed: they lost their place unseen. Behind
     * them the pinned ones. Ranks and similarities of encoder and before only; rank_after 0. */
    imr_trace_document *left;
    size_t n_left;
    imr_reference reference[IMR_STAGE_COUNT];
    const char *sentence; /* what the adapter did to this ranking */
    double kendall_tau;   /* before against after, over the listed documents */
    double tau_encoder;   /* encoder against after */
    uint32_t moved;       /* listed documents whose rank changed, before against after */
    uint32_t moved_encoder;
    imr_trace_metric metrics[4];
    size_t n_metrics; /* 0 without judgements for this query */

    imr_trace_pair *pair; /* NULL: a ranking */

    /* NULL, or the same query under the other of two adapters, or another query: owned. What it has
     * among its first ten is in `left` where it is not listed. second: this is B, beside is A. */
    struct imr_trace *beside;
    bool second;
    const char *seen; /* whether training saw its relevant documents: "seen", "unseen", "unknown";
                         "": no judgements, no adapter */

    /* What if the query is pushed along words: its vector is push_by times the text's, plus push
     * [n]; NULL: it is not. */
    float *push;
    double push_by;

    size_t working_dim;
    imr_why_run run; /* the vectors, documents in `documents` order */

    struct imr_cache *window; /* of an engine: where rows are; a share. NULL: in the cache */

    imr_trace_timing timing;
    imr_trace_warning *warnings; /* every screen and report shows them as a banner */
    size_t n_warnings;
    const char *warning; /* the first one's text, or "" */
    uint64_t serial;     /* of the request this answers */

    uint64_t number;         /* of the run, among all of the session */
    atomic_uint owners;      /* beside the first */
    struct imr_arena *arena; /* owns every pointer above */
} imr_trace;

/* A trace and a detail have owners, on any thread; the last one to free it does. */
imr_trace *imr_trace_share(const imr_trace *t);
void imr_trace_free(imr_trace *t); /* NULL is fine */
IMR_FREE_AT(imr_trace, imr_trace_free)

/* Of the places 0 to n_documents + n_left - 1: a listed document, or one that left. */
static inline const imr_trace_document *imr_trace_at(const imr_trace *t, size_t place)
{
    return place < t->n_documents ? &t->documents[place] : &t->left[place - t->n_documents];
}

/* The title as it is shown: "" where there is none. */
static inline const char *imr_trace_title(const imr_trace_document *d)
{
    return d->empty ? "(no text)" : d->title;
}

/* With a trace beside: its ranks now in A's and in B's, 0 where it has none, and how many ranks
 * better B's is: infinite where one has none, NaN where both. */
double imr_trace_gain(uint32_t rank[2], const imr_trace *t, const imr_trace_document *d);

/* The stage that is shown as now, and A's or B's of two that stand beside each other. */
static inline imr_stage imr_trace_now(const imr_trace *t)
{
    return t->working_dim ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
}
static inline const imr_trace *imr_trace_side(const imr_trace *t, int b)
{
    return t->beside && t->second != b ? t->beside : t;
}

/* Who gains and who loses: [0] documents of A's first ten that are not among B's, [1] the other way
 * round; of those, relevant ones. */
typedef struct imr_trace_exchange {
    uint32_t documents[2], relevant[2];
} imr_trace_exchange;
imr_trace_exchange imr_trace_exchanged(const imr_trace *t);

/* The place of a document, listed or not, or SIZE_MAX. */
size_t imr_trace_place(const imr_trace *t, const char *document_id);

/*
 * The detail of one document for the preview and the document screen: its text and its why. Made by
 * imr_session_detail on the worker, then read-only.
 */
typedef struct imr_detail_span {
    size_t start, end; /* bytes of text */
    uint32_t word;     /* place in why.pairs.document; UINT32_MAX: in none, or never read */
} imr_detail_span;

typedef struct imr_detail {
    const char *document_id, *title, *text; /* sanitised; paragraphs separated by '\n' */
    imr_detail_span *spans; /* one a piece, in text order; none without an encoder */
    size_t n_spans;
    size_t read_end; /* byte of text where reading ended; its length when it read all */
    imr_why why;
    imr_word_list query_words[IMR_CHANGE_COUNT]; /* what the query's change says */
    uint64_t serial;                             /* of the trace it belongs to */

    uint64_t number; /* that trace's */
    size_t place;    /* in it: documents, then left */
    int depth;       /* imr_detail_depth it was made in */
    atomic_uint owners;
    struct imr_arena *arena;
} imr_detail;

imr_detail *imr_detail_share(const imr_detail *d);
void imr_detail_free(imr_detail *d); /* NULL is fine */
IMR_FREE_AT(imr_detail, imr_detail_free)
