/*
 * session/session.h - one opened set of adapter, cache, encoder and token table, and what can be
 * asked of it.
 *
 * Opening may take long (projecting the corpus, folding the token table): it reports progress and
 * can be cancelled. An encoder that is absent is no error: cached queries still work and
 * imr_session_encoder_problem says in one sentence what is missing. The same for the token table:
 * only the token lists are then empty.
 *
 * Threads: open, close and the imr_session_facts are for the owner. imr_session_run, _detail,
 * _suggest are for one thread at a time (the worker once it runs); scratch memory belongs to the
 * session.
 */
#pragma once

#include "adapter/weights.h"
#include "base/progress.h"
#include "encoder/folder.h"
#include "retrieval/engine.h"
#include "session/quality.h"
#include "explain/compare.h"
#include "session/trace.h"

typedef struct imr_session imr_session;

/* What it works on, for who measures many queries: its cache (of a store the sample of documents,
 * with the queries) and its engine, NULL when there is none. Borrowed. */
const imr_cache *imr_session_cache(const imr_session *s);
imr_engine *imr_session_engine(const imr_session *s);

typedef struct imr_session_options {
    const char *adapter;    /* .pt or .safetensors; NULL: the encoder's ranking alone, and why */
    const char *other;      /* NULL, or a second adapter whose ranking stands beside: a session of
                               its own over the same cache and encoder, closed with the first's */
    imr_form form;          /* how they are read: AUTO, or whatever each file says */
    const char *trained_on; /* NULL: what its file says; see session/provenance.h */
    const char *cache;      /* our own store or a folder the reference wrote */
    /* With a url documents are an engine's, and `cache` is a folder for what is made and kept of
     * them; an encoder is needed, queries and judgements come from `dataset`. */
    imr_engine_options store;
    const char *dataset; /* NULL: the one the cache names */
    const char *split;   /* NULL: "test" when there is one, else none */
    const char *encoder; /* NULL: the one the cache names */
    /* session/tables.c. NULL or "auto": of those at hand the one that reads the corpus best, none
     * is no error; "context", "encoded", "input"; else a static-embedding folder ("./input" when it
     * has such a name). context and encoded are made when they are not kept. */
    const char *token_table;
    const char *query_prefix;          /* NULL: the encoder's */
    imr_hub hub;                       /* for looking up models */
    const struct imr_kernels *kernels; /* as in imr_encoder_options */
    const char *precision;             /* "float32", "bf16"; NULL: what the cache was made with */
    imr_trace_settings settings; /* 0 in feedback_k and tokens means the defaults: 100 and 10 */
    bool in_memory;              /* no file for the projected documents, see session/projected.h */
    bool background;             /* measure the background sample and lens quality while opening */
    bool words_later; /* the words are not opened yet: imr_session_open_words does, and with "auto"
                         goes on to make the table context where it is lacking */
} imr_session_options;

/* Errors: whatever is wrong with adapter or cache; IMR_E_SHAPE when the adapter does not fit the
 * cache (both dims named); IMR_E_USAGE when both adapters are one file. */
imr_status imr_session_open(imr_session **out, const imr_session_options *options,
                            const imr_progress *progress, imr_error *err);
void imr_session_close(imr_session *s); /* NULL is fine */
IMR_FREE_AT(imr_session, imr_session_close)

/*
 * With words_later: opens the words, after which the facts have changed and details have lists.
 * Queries and details can be run before and between calls. *more: a better table can be made; to be
 * called again. IMR_E_CANCELLED: call again, it goes on where it was stopped, or a second before.
 * Errors: those of a table that was named; the facts then say what is wrong.
 */
imr_status imr_session_open_words(imr_session *s, bool *more, const imr_progress *progress,
                                  imr_error *err);

/* Of a store, measures recall: facts change. imr_session_open_words does it, too; a second call
 * does nothing. Errors: IMR_E_CANCELLED; what the engine cannot do leaves it unknown. */
imr_status imr_session_measure_store(imr_session *s, const imr_progress *progress, imr_error *err);

/* What screens and reports show about the session. Strings are the session's, sanitised. Never
 * changed: when words were opened there are new ones, and the old ones stay until it is closed. */
typedef struct imr_session_facts {
    const char *dataset_name, *adapter_name, *encoder_name; /* short names for a title line */
    const char *other_name;      /* of the other of two adapters; "": there is one */
    bool second;                 /* this is the second of two */
    uint64_t documents, queries; /* queries of the open split with a cached vector */
    bool has_encoder, has_tokens, has_texts;
    bool words_coming;           /* they are not open yet */
    const char *encoder_problem; /* "" or one sentence: what is missing and how to get it */
    const char *tokens_problem;  /* likewise */
    const char *tokens_notice;   /* "" or a sentence: the table had to be made in memory ... */
    const char *cache_notice;    /* "" or what to know: texts are absent, a file was not kept */
    imr_trace_inputs inputs;
} imr_session_facts;
const imr_session_facts *imr_session_facts_of(const imr_session *s);

#define IMR_MOST_PINNED ((size_t)32)

typedef struct imr_request {
    const char *text;     /* a typed query, or NULL */
    const char *query_id; /* a cached query, or NULL; wins over text */
    const char *document; /* NULL, or the only candidate (session/pair.c): an id, else a text;
                             `text` may then be the id of a query, too */
    const char *selected; /* session/async.h: the document whose detail is to follow; NULL or not
                             listed: the first */
    const char *const *pinned; /* [n_pinned] ids that are in the trace whatever their rank: in
                                  `left` where they are not listed; unknown ones are not */
    size_t n_pinned;           /* at most IMR_MOST_PINNED */
    const imr_trace *beside;   /* of another query, to stand beside; NULL: of two adapters the other
                                  one's, which is run first, */
    bool alone;                /* or none */
    imr_trace_settings settings;
    uint64_t serial;
    const imr_progress *progress; /* may be NULL; asked every few milliseconds */
} imr_request;

/*
 * Runs one query. A text equal to a cached query's text uses the cached vector.
 * Errors: IMR_E_NOT_FOUND for an unknown query id, or a typed query without an encoder; IMR_E_USAGE
 * for an empty text or a feedback_k above the number of documents; IMR_E_UNSUPPORTED "no word of
 * the query is known to the encoder" (names the words): such a vector would rank arbitrarily;
 * IMR_E_CANCELLED.
 */
imr_status imr_session_run(imr_session *s, const imr_request *request, imr_trace **out,
                           imr_error *err);

/* Why a detail of IMR_DETAIL_NUMBERS has no pairs. */
extern const char imr_words_unasked[];
typedef enum imr_detail_depth {
    IMR_DETAIL_NUMBERS, /* shares and words of the document's change; nothing is encoded: no pairs,
                           no words of the query's change */
    IMR_DETAIL_PAIRS,   /* sentence and pairs; no words of changes */
    IMR_DETAIL_WORDS,   /* all but what deleting words does */
    IMR_DETAIL_WHY_NOT, /* that too: why it is not higher; ranks all documents four times */
    IMR_DETAIL_DELETION /* that too: whether the words carry it (session/carry.h); where vectors are
                           no sum, an encoding for each word of the document, seconds */
} imr_detail_depth;

/*
 * Text and why of one document of a trace of this session: place as in imr_trace_at. WORDS encodes
 * its text (and the query's, for the first of a trace) and looks at progress (may be NULL) several
 * times a layer; the last 128 are kept, and cost nothing.
 * Errors: IMR_E_USAGE for a trace of another session than this and its other; IMR_E_CANCELLED,
 * IMR_E_MEMORY; a dataset that can no longer be read.
 */
imr_status imr_session_detail(imr_session *s, const imr_trace *t, size_t place,
                              imr_detail_depth depth, const imr_progress *progress,
                              imr_detail **out, imr_error *err);

/* Details for a report: v[i] of the place i; NULL is none, {0} none at all. */
typedef struct imr_details {
    imr_detail **v;
    size_t n;
} imr_details;
typedef struct imr_details_ask {
    bool all;       /* of those that are listed, too, of judged ones in words, else in numbers */
    bool why_not;   /* of words[i], why it is not higher */
    bool leave_out; /* where shares are no sum, words are left out: IMR_DETAIL_DELETION */
} imr_details_ask;
/* In words where words[i]. Errors: as above. */
imr_status imr_session_details(imr_session *s, const imr_trace *t, const bool *words,
                               const imr_details_ask *ask, const imr_progress *progress,
                               imr_details *out, imr_error *err);
void imr_details_done(imr_details *d);

/* A against B (explain/compare.h): two documents of a trace, or, equal places, that document in it
 * and in the trace beside. Owns its traces and details. */
typedef struct imr_comparison {
    imr_trace *trace[2]; /* equal where A and B are documents */
    imr_detail *detail[2];
    size_t place[2];
    imr_compare why;
    imr_word_list contrast; /* of the documents, or of the queries; empty for two adapters, whose
                               spaces differ */
    struct imr_arena *arena;
} imr_comparison;

/* Errors: those of details; IMR_E_USAGE: A is B; IMR_E_NOT_FOUND: it is not in the trace beside. */
imr_status imr_session_compare(imr_comparison **out, imr_session *s, const imr_trace *t,
                               const size_t place[2], const imr_progress *progress, imr_error *err);
void imr_comparison_free(imr_comparison *c); /* NULL is fine */
IMR_FREE_AT(imr_comparison, imr_comparison_free)

/* Cached queries of the split whose text begins with (first those) or contains `text`, case folded;
 * at most max. */
typedef struct imr_suggestion {
    const char *query_id, *text; /* the session's; valid until it is closed */
} imr_suggestion;
size_t imr_session_suggest(const imr_session *s, const char *text, imr_suggestion *out, size_t max);

/* The i-th cached query of the split in file order, i < facts->queries. */
imr_suggestion imr_session_query(const imr_session *s, size_t i);
