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
 * so that every file of a list is reported. Only memory and cancelling fail. What a stranger's file
 * says at length is cut, the rest counted: a value at 4 KiB of text or 64 KiB of JSON (a map is a
 * string then), problems at 100.
 */
#pragma once

#include "adapter/weights.h"
#include "retrieval/cache.h"

typedef struct imr_inspection {
    const char *kind;             /* static; "unknown" when nothing fits */
    const char *path;             /* borrowed */
    imr_form form;                /* an adapter is read as; AUTO: as its file says */
    const imr_cache *cache;       /* it is tried on; NULL: none; borrowed */
    const imr_progress *progress; /* of looking */
    char sha256[IMR_SHA256_HEX];  /* of the file; of a folder what identifies it; "" when unread */
    struct imr_findings {
        imr_buf json, text; /* members of the object; lines for people */
        size_t n;           /* problems, those left out counted */
    } facts, problems;
    imr_buf words; /* what the numbers mean, for people; empty: nothing to say */
    bool usable;
} imr_inspection;

imr_status imr_inspect(imr_inspection *out, const char *path, imr_form form, const imr_cache *on,
                       const imr_progress *progress, imr_error *err);
void imr_inspection_done(imr_inspection *i);

/* Appends. Failure to allocate sticks in the buffer. Text is safe for a terminal. */
void imr_inspection_text(imr_buf *b, const imr_inspection *i);
void imr_inspection_json(imr_buf *b, const imr_inspection *i);

/* ---- of each kind: i->path is set; failures but memory and cancelling become problems ---- */

typedef imr_status imr_look_fn(imr_inspection *i, imr_error *err);
imr_look_fn imr_inspect_adapter, imr_inspect_array, imr_inspect_cache, imr_inspect_dataset,
    imr_inspect_encoder, imr_inspect_qrels, imr_inspect_report, imr_inspect_run;

/* A fact: a member of the JSON object and, unless label is NULL, a line for people. What cannot be
 * allocated sticks in the buffers of the inspection. */
void imr_fact_int(imr_inspection *i, const char *key, const char *label, size_t value);
void imr_fact_number(imr_inspection *i, const char *key, const char *label, double value,
                     int decimals);
/* text NULL is left out. */
void imr_fact_string(imr_inspection *i, const char *key, const char *label, const char *text);
/* json is put into the object as it is; both are empty afterwards. */
void imr_fact_buf(imr_inspection *i, const char *key, const char *label, imr_buf *json,
                  imr_buf *text);

void imr_found(imr_inspection *i, imr_severity severity, const char *where, const char *what,
               const char *fix);
/* An error that makes it unusable. */
void imr_found_error(imr_inspection *i, const char *where, const char *what, const char *fix);
/* A reader's failure becomes such an error; memory and cancelling stay failures. */
imr_status imr_found_failure(imr_inspection *i, imr_status status, const imr_error *why,
                             const char *fix, imr_error *err);
