/*
 * retrieval/dataset_internal.h - what dataset.c (layouts, reading), dataset_lines.c (indexing),
 * dataset_folder.c (folders of texts) and dataset_archive.c (zipped ones) share.
 */
#pragma once

#include "retrieval/dataset.h"

void imr_dataset_bytes_done(imr_dataset_bytes *b, imr_scratch *beside);
/* Length of the zip file's path in "FILE.zip" or "FILE.zip/a/folder/in/it", 0 for other paths. */
size_t imr_dataset_archive_len(const char *path);
/* d->path is such a path. */
imr_status imr_dataset_open_archive(imr_dataset *d, const imr_dataset_options *o, imr_error *err);
/* Its time of change, seconds and nanoseconds; out stays when there is no such file. */
void imr_dataset_stamp_of(int64_t out[2], const char *path);
/* The BEIR folder `dir`. */
imr_status imr_dataset_open_beir(imr_dataset *d, const char *dir, const imr_dataset_options *o,
                                 imr_error *err);
/* Takes q. Keeps the splits in their order. */
imr_status imr_dataset_add_split(imr_dataset *d, const char *name, size_t name_len, imr_qrels *q,
                                 imr_error *err);
/* Length of the name without one of the endings judgements, or texts (in any case), come with; 0
 * when it has none. */
size_t imr_dataset_stem_len(const char *file, bool text);
/* d->path is a folder of texts. */
imr_status imr_dataset_open_texts(imr_dataset *d, const imr_dataset_options *o, imr_error *err);
/* The text of such a document, appended. */
imr_status imr_dataset_read_text(const imr_dataset *d, size_t document, imr_buf *out,
                                 imr_error *err);

/* d->corpus and d->queries hold the bytes; options->index is used when it fits. topics:
 * "id<TAB>text" lines instead of JSON. */
imr_status imr_dataset_read_corpus(imr_dataset *d, const imr_dataset_options *o, imr_error *err);
imr_status imr_dataset_read_queries(imr_dataset *d, const imr_dataset_options *o, bool topics,
                                    imr_error *err);
/* n zero-terminated ids become the documents; takes the buffer. */
imr_status imr_dataset_take_ids(imr_dataset *d, imr_buf *ids, size_t n,
                                const imr_dataset_options *o, imr_error *err);

/* A fault of one line: IMR_OK when it was noted and may be skipped, else the fault itself. */
imr_status imr_dataset_note_bad(imr_dataset *d, const imr_dataset_options *o, imr_status status,
                                const imr_error *fault, imr_error *err);
imr_status imr_dataset_progress(const imr_dataset_options *o, uint64_t done, uint64_t total,
                                imr_error *err);
