/*
 * retrieval/dataset_internal.h - what dataset.c (reading), dataset_lines.c (indexing),
 * dataset_open.c (layouts), dataset_folder.c (folders of texts) and dataset_archive.c (zipped ones)
 * share.
 */
#ifndef IMR_RETRIEVAL_DATASET_INTERNAL_H
#define IMR_RETRIEVAL_DATASET_INTERNAL_H

#include "base/array.h"
#include "base/file.h"
#include "retrieval/dataset.h"
#include "retrieval/ids.h"

typedef IMR_ARRAY(char *) path_array; /* its strings are owned */
void imr_dataset_paths_done(path_array *p);

/* A file's bytes: mapped, owned (unpacked from an archive), or borrowed from the caller. */
typedef struct dataset_bytes {
    char *name; /* for errors */
    const char *data;
    size_t len;
    imr_file file;
    void *owned;      /* of imr_dataset.beside */
    int64_t stamp[2]; /* imr_dataset_stamp */
} dataset_bytes;

typedef struct dataset_split {
    char *name;
    imr_qrels *qrels;
} dataset_split;

struct imr_dataset {
    char *path;
    char *text_folder;   /* the folder of texts, NULL when there is a corpus file */
    char *summary;       /* imr_dataset_summary */
    char notice[512];    /* imr_dataset_notice */
    imr_scratch *beside; /* beside an archive: what is unpacked of it */
    dataset_bytes corpus, queries;
    bool ids_needed; /* of lines that are objects: a BEIR folder's judgements name them */
    imr_ids documents;
    const uint64_t *offsets; /* of the remembered index, or made_offsets */
    const uint32_t *lengths;
    imr_scratch *scratch; /* of made_offsets ... query_texts and the ids */
    uint64_t *made_offsets;
    uint32_t *made_lengths;
    imr_ids query_ids;
    char *query_blob;
    const char **query_texts;
    dataset_split *splits;
    size_t n_splits;
    char *bad[IMR_BAD_LINES_KEPT];
    size_t n_bad;
};

void imr_dataset_bytes_done(dataset_bytes *b, imr_scratch *beside);
/* Length of the zip file's path in "FILE.zip" or "FILE.zip/a/folder/in/it", 0 for other paths. */
size_t imr_dataset_archive_len(const char *path);
/* d->path is such a path. */
imr_status imr_dataset_open_archive(imr_dataset *d, const imr_dataset_options *o,
                                    imr_error *err) IMR_NODISCARD;
/* Its time of change, seconds and nanoseconds; out stays when there is no such file. */
void imr_dataset_stamp_of(int64_t out[2], const char *path);
/* The BEIR folder `dir`. */
imr_status imr_dataset_open_beir(imr_dataset *d, const char *dir, const imr_dataset_options *o,
                                 imr_error *err) IMR_NODISCARD;
/* Takes q. Keeps the splits in their order. */
imr_status imr_dataset_add_split(imr_dataset *d, const char *name, size_t name_len, imr_qrels *q,
                                 imr_error *err) IMR_NODISCARD;
/* Length of the name without one of the endings judgements, or texts (in any case), come with; 0
 * when it has none. */
size_t imr_dataset_stem_len(const char *file, bool text);
/* d->path is a folder of texts. */
imr_status imr_dataset_open_texts(imr_dataset *d, const imr_dataset_options *o,
                                  imr_error *err) IMR_NODISCARD;
/* The text of such a document, appended. */
imr_status imr_dataset_read_text(const imr_dataset *d, size_t document, imr_buf *out,
                                 imr_error *err) IMR_NODISCARD;

/* d->corpus and d->queries hold the bytes; options->index is used when it fits. topics:
 * "id<TAB>text" lines instead of JSON. */
imr_status imr_dataset_read_corpus(imr_dataset *d, const imr_dataset_options *o,
                                   imr_error *err) IMR_NODISCARD;
imr_status imr_dataset_read_queries(imr_dataset *d, const imr_dataset_options *o, bool topics,
                                    imr_error *err) IMR_NODISCARD;
/* n zero-terminated ids become the documents; takes the buffer. */
imr_status imr_dataset_take_ids(imr_dataset *d, imr_buf *ids, size_t n,
                                const imr_dataset_options *o, imr_error *err) IMR_NODISCARD;

/* A fault of one line: IMR_OK when it was noted and may be skipped, else the fault itself. */
imr_status imr_dataset_note_bad(imr_dataset *d, const imr_dataset_options *o, imr_status status,
                                const imr_error *fault, imr_error *err) IMR_NODISCARD;
imr_status imr_dataset_progress(const imr_dataset_options *o, uint64_t done, uint64_t total,
                                imr_error *err) IMR_NODISCARD;

#endif
