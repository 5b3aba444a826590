/*
 * retrieval/dataset.h - documents, queries and judgements as people keep them on disk.
 *
 * Layouts, told apart by what is there:
 *   folder with corpus.jsonl   BEIR: {"_id","title","text"} a line, queries.jsonl {"_id","text"},
 *                              qrels/<split>.tsv
 *   FILE.zip                   a zipped BEIR folder, at any depth inside; of several (CQADupStack)
 *                              one is named: FILE.zip/folder/in/it
 *   FILE.jsonl                 the same lines, or bare strings; a document without an id is called
 *                              by its line number
 *   any other folder           one document for each .txt and .md file (endings in any case) in it
 *                              and in its subfolders, called by its path below the folder
 * The id of a document may also stand under "id", "docid", "doc_id", "docno" or "pid", that of a
 * query under "id", "qid" or "query_id", as other tools write them. An integer is taken as its
 * decimal text.
 *
 * Of a folder of texts names that begin with a dot are passed over; other files, empty ones
 * (nothing but white space), broken links, pipes and devices are counted (imr_dataset.summary).
 * Links are followed, each folder is read once. Bytes of a name that no id may hold (control
 * characters, what is not UTF-8) stand in the id as %XX.
 *
 * The corpus stays mapped; in memory are the ids and where each line lies (or, with a remembered
 * index, nothing), so a text costs one JSON line when it is asked for. A FILE.zip is unpacked
 * first, and checked by size and CRC-32: into a folder that keeps it, or into nameless files beside
 * the archive (memory where it cannot be written). A folder that keeps it serves as long as the
 * archive has the size and the time of change it was made from, and when the archive is gone.
 * Deleting that folder costs another unpacking.
 *
 * Errors:
 *   IMR_E_FORMAT      names file and line: a malformed line, text that is not UTF-8, an id met
 *                     twice (both lines), an id over IMR_MAX_ID_BYTES or with a newline or a tab; a
 *                     corpus without documents. With skip_bad_lines such lines are left out,
 *                     counted and listed (the first IMR_BAD_LINES_KEPT)
 *   IMR_E_NOT_FOUND   the path holds none of the layouts
 * Threads: const after opening; many threads may read (each with its own buffers).
 */
#pragma once

#include "base/progress.h"
#include "base/sha256.h"
#include "format/json.h"
#include "retrieval/qrels.h"

#define IMR_BAD_LINES_KEPT 20

/* Where each document lies, remembered by a cache so that opening need not read the corpus again.
 * All of it must outlive the dataset, which copies nothing. */
typedef struct imr_dataset_index {
    uint64_t corpus_bytes; /* size the corpus must have for the index to hold */
    const imr_ids *ids;
    const uint64_t *offsets; /* [ids->n] of the first byte of each line */
    const uint32_t *lengths; /* [ids->n] */
    const int64_t
        *stamp; /* [2], imr_dataset_bytes.stamp: a folder of texts is not read while it has it */
} imr_dataset_index;

typedef struct imr_dataset_options {
    bool skip_bad_lines;
    const imr_dataset_index *index; /* NULL, or used when the corpus has index->corpus_bytes */
    imr_scratch *scratch;    /* takes what grows with documents and queries (NULL: memory); must
                                outlive the dataset */
    bool without_judgements; /* qrels are not read */
    const char *unpacked; /* of a FILE.zip: the folder that keeps it unpacked, made when it is not
                             there; NULL: nameless files that go with the dataset */
    const imr_progress *progress;
} imr_dataset_options;

/* A file's bytes: mapped, owned (unpacked from an archive), or borrowed from the caller. */
typedef struct imr_dataset_bytes {
    char *name; /* for errors */
    const char *data;
    size_t len; /* 0 for a folder of texts */
    imr_file file;
    void *owned; /* of imr_dataset.beside */
    /* Seconds and nanoseconds of the file's last change, as they were before its first byte was
     * read: who remembers them beside a sha256 made later notices every change since then. Of the
     * archive where there is no such file; of a folder of texts a hash of its files' names, sizes
     * and times; zeros from memory. */
    int64_t stamp[2];
} imr_dataset_bytes;

typedef struct imr_dataset_split {
    char *name;
    imr_qrels *qrels;
} imr_dataset_split;

/* To be read by everybody, changed by those who open it. */
typedef struct imr_dataset {
    char *path;       /* as opened; the corpus' name from memory */
    bool text_folder; /* there is no corpus file */
    /* What people should know, when it was read: "388 taken, 7 skipped: 5 .pdf, 2 empty" of a
     * folder of texts, that documents of a corpus are empty; else "". */
    char summary[512];
    char notice[512];    /* "" or a sentence: why a FILE.zip is not kept where it should be */
    imr_scratch *beside; /* beside an archive: what is unpacked of it */
    imr_dataset_bytes corpus, queries;
    bool ids_needed; /* of lines that are objects: a BEIR folder's judgements name them */
    imr_ids documents;
    const uint64_t *offsets; /* [documents.n] of each line, NULL for a folder of texts; of the
                                remembered index, or made_offsets */
    const uint32_t *lengths; /* likewise */
    imr_scratch *scratch;    /* of made_offsets ... query_texts and the ids */
    uint64_t *made_offsets;
    uint32_t *made_lengths;
    imr_ids query_ids; /* in file order, as: */
    const char **query_texts;
    char *query_blob;
    imr_dataset_split *splits; /* in the order train, dev/val, test, then others by name */
    size_t n_splits;
    size_t n_bad;                  /* lines skipped; 0 without skip_bad_lines */
    char *bad[IMR_BAD_LINES_KEPT]; /* the first of them: "corpus.jsonl:17: ..." */
} imr_dataset;

/* Bytes with a name, for datasets that are not files. */
typedef struct imr_named_bytes {
    const char *name;
    const void *data;
    size_t len;
} imr_named_bytes;

/* options may be NULL. */
imr_status imr_dataset_open(imr_dataset **out, const char *path, const imr_dataset_options *options,
                            imr_error *err);
/* A BEIR dataset from memory, which must outlive the dataset. queries.data may be NULL; qrels[i]
 * is one split, its name the split's ("test"). */
imr_status imr_dataset_open_memory(imr_dataset **out, imr_named_bytes corpus,
                                   imr_named_bytes queries, const imr_named_bytes *qrels,
                                   size_t n_qrels, const imr_dataset_options *options,
                                   imr_error *err);
void imr_dataset_free(imr_dataset *d);
IMR_FREE_AT(imr_dataset, imr_dataset_free)

/* Title and text as they are in the file, appended to the buffers (either may be NULL). */
imr_status imr_dataset_read(const imr_dataset *d, size_t document, imr_buf *title, imr_buf *text,
                            imr_error *err);
/* What an encoder is given, without its prefix: imr_document_text of the document, appended. */
imr_status imr_dataset_text(const imr_dataset *d, size_t document, imr_buf *out, imr_error *err);
/* The same of a document or a query, its prefix (may be NULL) before it. */
imr_status imr_dataset_prefixed(const imr_dataset *d, bool query, size_t row, const char *prefix,
                                imr_buf *out, imr_error *err);

/* The value of a line's id, or NULL. */
const imr_json *imr_document_id(const imr_json *line);

/* The reference's rule: title and text without white space around them, a newline between; the
 * text alone when the title is empty, the title alone when the text is. Appends. */
void imr_document_text(imr_buf *out, const char *title, size_t title_len, const char *text,
                       size_t text_len);

/* True for equal names and for any two of "dev", "val", "valid", "validation". */
bool imr_same_split(const char *a, const char *b);
/* By imr_same_split; NULL when there is no such split. */
const imr_qrels *imr_dataset_qrels(const imr_dataset *d, const char *split);

/* sha256 of corpus.jsonl and of queries.jsonl as they are (for a folder of texts: of every file's
 * id, a zero byte, its bytes, a zero byte). Either may be NULL. Reads everything once.
 * IMR_E_CANCELLED. */
imr_status imr_dataset_sha256(const imr_dataset *d, char corpus[IMR_SHA256_HEX],
                              char queries[IMR_SHA256_HEX], const imr_progress *progress,
                              imr_error *err);
