/*
 * session/audit.h - an adapter over the session's split, query by query: what each gained or lost,
 * where its first relevant document went, which document changed most and why, in words; and what
 * all of them say together. Numbers are session/evaluate.h's.
 *
 *   change   the listed document whose way from the encoder's rank to that of now weighs most, by
 *            nDCG's discount: |1/log2(1 + now) - 1/log2(1 + then)|. Its sentence and, with the
 *            change of each in sd, its three pairs that gained most and the three that lost most.
 *   words    of queries, and those pairs, in losing queries against winning ones. Of N queries L
 *            lost; a word of n queries stands by chance in n L / N of these, and in as many as it
 *            does, or more, with the probability p of the hypergeometric distribution.
 *
 * Rows are kept in CACHE/audits/<sha256>.rows as they are made (base/kept.h), under the hash
 * of all they depend on: version, adapter, cache, encoder, texts, judgements, settings. A stopped
 * audit is gone on with, a whole one opens at once; what was cut or damaged is made again, and
 * another user's cache is not believed. Where nothing can be written it goes on, and `notice` says
 * so.
 *
 * Without judgements there are no metrics, words nor verdict; without an adapter only the encoder's
 * metrics. The settings are those the session was opened with. It must outlive the audit.
 * Threads: imr_audit_run is the worker's. Rows below a number `done` that it has handed over, and
 * once it ended all the rest, never change again: others may read them meanwhile.
 */
#pragma once

#include "base/kept.h"
#include "session/evaluate.h"
#include "session/session.h"

enum { IMR_AUDIT_PAIRS = 6, IMR_AUDIT_METRICS = 3, IMR_AUDIT_WORDS = 10 };

/* Columns: of nDCG, RR and Recall at k encoder, before, after and after less encoder; then: */
enum {
    IMR_AUDIT_GAIN = 3,
    IMR_AUDIT_RECALLED = 11,
    IMR_AUDIT_FIRST =
        12, /* rank of the first relevant document at the three stages; 0: not listed */
    IMR_AUDIT_JUDGED = 15, /* part of the first ten that is judged, at the three stages */
    IMR_AUDIT_RBO = 18,    /* of now against encoder, against before */
    IMR_AUDIT_FROM = 20,   /* rank of the document for the encoder, now */
    IMR_AUDIT_TO,
    IMR_AUDIT_COLUMNS
};

typedef struct imr_audit_row {
    double number[IMR_AUDIT_COLUMNS]; /* NaN: there is none */
    uint32_t document;                /* row of the cache; UINT32_MAX: none */
    uint32_t seen;                    /* not 0: by training */
    char sentence[643];               /* cut, if it must be; "" without texts */
    struct imr_audit_pair {
        char query[40], document[40];
        double change;
    } pairs[IMR_AUDIT_PAIRS]; /* query "": no more */
} imr_audit_row;

typedef struct imr_audit_word {
    const char *query, *document; /* document NULL: a word of queries */
    size_t queries, lost, won;    /* that have it */
    double sum;                   /* of the gains of these */
    double chance, p;             /* of lost, or of won */
    size_t last;                  /* for counting: the row, from 1, that had it last */
} imr_audit_word;

typedef struct imr_audit_options {
    uint32_t k;         /* cut-off of the metrics */
    size_t max_queries; /* 0: all */
    bool no_words;      /* neither sentences nor pairs: no text is encoded */
    uint64_t seed;
} imr_audit_options;

typedef struct imr_audit {
    imr_session *session;
    const imr_cache *cache; /* the session's, as the next two: */
    const imr_adapter *adapter;
    const imr_seen *seen;
    const imr_eval *eval;
    const uint32_t *query; /* [n] rows of the cache: the queries that are judged, */
    imr_audit_row *rows;   /* [n] */
    imr_trace_store store; /* kind NULL: there is none; */
    const char **names;    /* NULL, or [n] of a store: ids of their documents */
    size_t n, done;
    size_t n_first; /* 0, or only the first queries of the split were looked at: so many */
    imr_eval_split split;
    imr_metric metric[IMR_AUDIT_METRICS];
    imr_eval_options measured;
    imr_audit_options options;
    char notice[400]; /* "", or why it is not kept */

    bool ended; /* all is said; since imr_audit_end there are, of `done` rows: */
    imr_eval_summary summary;
    imr_audit_word lost[IMR_AUDIT_WORDS], won[IMR_AUDIT_WORDS]; /* most telling first */
    size_t n_lost, n_won, words; /* words: that were looked at, those of two queries or more */

    imr_evaluator *evaluator; /* its own, as what follows */
    imr_arena *arena;
    imr_kept_rows kept;
    imr_kept journal;
    const imr_progress *progress; /* while it runs */
} imr_audit;

/* Errors: IMR_E_USAGE when k is above feedback_k; IMR_E_NOT_FOUND when no query is judged. */
imr_status imr_audit_new(imr_audit **out, imr_session *s, const imr_audit_options *options,
                         const imr_progress *progress, imr_error *err);
void imr_audit_free(imr_audit *a); /* NULL is fine */
IMR_FREE_AT(imr_audit, imr_audit_free)
/* Makes the rows that are missing, and ends. Errors: those of a query; IMR_E_CANCELLED, between two
 * rows or in one: call again. */
imr_status imr_audit_run(imr_audit *a, const imr_progress *progress, imr_error *err);
/* Summary, words and n_first of the rows so far: the end of imr_audit_run. Where that was stopped
 * before, a doubt says how many of how many queries they are; max_queries = n_first gives the same.
 * Errors: IMR_E_NOT_FOUND without a row; IMR_E_CANCELLED. */
imr_status imr_audit_end(imr_audit *a, const imr_progress *progress, imr_error *err);

/* ---- reading it (session/audit_rows.c) ---- */

imr_suggestion imr_audit_query(const imr_audit *a, size_t row); /* the text is the id without one */
const char *imr_audit_document(const imr_audit *a, size_t row); /* "" */
/* "nDCG@10.difference", "first.after" ...; returns out. */
const char *imr_audit_name(char out[IMR_METRIC_NAME + 16], const imr_audit *a, size_t column);
/*
 * order [n]: of the first n rows those the filter lets through, in order; *shown of them.
 *   sort     a column's name, smallest first; '-' before it: largest first; "query": as in the
 *            split; NULL or "-": by the gain, without judgements by RBO against the encoder
 *   filter   of text/filter.h: "lost", "won", "seen", "unseen", "lost relevant", "entered" (Recall
 *            fell, rose), a column, as in "rbo.encoder<.5", words of query or id; NULL, "": all
 * Errors: IMR_E_USAGE for an unknown column, naming them, and a filter that is none; IMR_E_MEMORY.
 */
imr_status imr_audit_order(uint32_t *order, size_t *shown, const imr_audit *a, size_t n,
                           const char *sort, const char *filter, imr_error *err);

/* Fills lost, won and words: the end of imr_audit_run (session/audit_words.c). */
imr_status imr_audit_count_words(imr_audit *a, imr_error *err);
/* P(X >= k), X of a draw of n of N, L of which count. */
double imr_hypergeometric_p(size_t k, size_t n, size_t L, size_t N);
