/*
 * report/inspect.h - what a file or folder is, what is in it, what is wrong with it.
 *
 * The kind is told by content, not by name:
 *   folder  manifest.json or a split with embeddings.pt       "cache"
 *           corpus.jsonl, or .txt or .md files below          "dataset"
 *           model weights, tokenizer.json, modules.json       "encoder"
 *   file    zip or pickle of PyTorch, safetensors             "adapter"
 *           zip with a data set in it, JSONL of texts         "dataset"
 *           NumPy array                                       "array"
 *           TREC run; TREC or BEIR judgements                 "run", "qrels"
 *           JSON of ours                                      "report", "history"
 *
 * A file that cannot be used is no failure of the call: `usable` is false and the problems say why,
 * so that every file of a list is reported. Only memory and cancelling fail.
 */
#ifndef IMR_REPORT_INSPECT_H
#define IMR_REPORT_INSPECT_H

#include <stdbool.h>

#include "adapter/weights.h"
#include "base/buf.h"
#include "base/progress.h"
#include "base/sha256.h"

/* One fact: a member of the JSON object, and (unless label is NULL) a line for people. */
typedef struct imr_fact {
    const char *key, *label; /* static */
    char *json, *text;
} imr_fact;

typedef struct imr_inspection {
    const char *kind; /* static; "unknown" when nothing fits */
    char *path;
    char sha256[IMR_SHA256_HEX]; /* of the file; of a folder what identifies it; "" when unread */
    imr_fact *facts;
    size_t n_facts, cap_facts;
    imr_problems problems;
    char *words; /* what the numbers mean, for people; NULL: nothing to say */
    bool usable;
} imr_inspection;

imr_status imr_inspect(imr_inspection *out, const char *path, const imr_progress *progress,
                       imr_error *err) IMR_NODISCARD;
void imr_inspection_done(imr_inspection *i);

/* Appends. Failure to allocate sticks in the buffer. Text is safe for a terminal. */
void imr_inspection_text(imr_buf *b, const imr_inspection *i);
void imr_inspection_json(imr_buf *b, const imr_inspection *i);

/* ---- for the readers of single kinds ---- */
imr_status imr_inspection_int(imr_inspection *i, const char *key, const char *label, int64_t value,
                              imr_error *err) IMR_NODISCARD;
imr_status imr_inspection_number(imr_inspection *i, const char *key, const char *label,
                                 double value, int decimals, imr_error *err) IMR_NODISCARD;
/* text NULL is left out. */
imr_status imr_inspection_string(imr_inspection *i, const char *key, const char *label,
                                 const char *text, imr_error *err) IMR_NODISCARD;
/* json is put into the object as it is. label or text NULL: not for people. */
imr_status imr_inspection_raw(imr_inspection *i, const char *key, const char *label,
                              const char *json, const char *text, imr_error *err) IMR_NODISCARD;
imr_status imr_inspection_problem(imr_inspection *i, imr_severity severity, const char *where,
                                  const char *what, const char *fix, imr_error *err) IMR_NODISCARD;
/* A reader's failure becomes a problem; memory and cancelling stay failures. */
imr_status imr_inspection_failed(imr_inspection *i, imr_status status, const imr_error *why,
                                 const char *fix, imr_error *err) IMR_NODISCARD;

#endif
