/*
 * assets/demo.h - the demo's corpus, queries and judgements, inside the program.
 *
 * An original collection in BEIR layout, written for this project (assets/demo/README.md says how
 * it is split): 560 passages of 28 subjects, 1736 queries, grades 1 and 2. Every array is followed
 * by one zero byte that its length does not count. Const data: any thread may read.
 */
#ifndef ASSETS_DEMO_H
#define ASSETS_DEMO_H

#include <stddef.h>

typedef struct imr_asset {
    const char *name; /* path within the dataset folder: "qrels/train.tsv" */
    const unsigned char *data;
    size_t len;
} imr_asset;

extern const unsigned char imr_demo_corpus[], imr_demo_queries[];
extern const size_t imr_demo_corpus_len, imr_demo_queries_len;
extern const unsigned char imr_demo_qrels_train[], imr_demo_qrels_dev[], imr_demo_qrels_test[];
extern const size_t imr_demo_qrels_train_len, imr_demo_qrels_dev_len, imr_demo_qrels_test_len;

/* All of them: writing each to its name makes a dataset folder. */
extern const imr_asset imr_demo_files[];
extern const size_t imr_demo_files_count;

#endif
