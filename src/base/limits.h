/*
 * base/limits.h - every hard cap on what comes from outside, with its reason.
 * A cap turns a hostile or broken file into one clear error before memory is asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IMR_MAX_DIM          65536u /* n, m, h: the widest published encoders have 8,192 */
#define IMR_MAX_TENSOR_RANK  8u     /* no weight of a supported model has more than 4 */
#define IMR_MAX_TENSOR_ELEMS ((uint64_t)1 << 40)
#define IMR_MAX_ZIP_ENTRIES  (1u << 24) /* a cache of 10^7 separately stored vectors */
#define IMR_MAX_PICKLE_DEPTH 64u        /* published files nest 4 deep */
#define IMR_MAX_PICKLE_ITEMS (1u << 26)
#define IMR_MAX_JSON_BYTES                                                                         \
    ((size_t)256 << 20) /* tokenizer.json of large multilingual models: 17 MB */
#define IMR_MAX_JSON_DEPTH         64u
#define IMR_MAX_SAFETENSORS_HEADER ((size_t)100 << 20) /* the format's own limit */
#define IMR_MAX_LINE_BYTES         ((size_t)64 << 20)  /* one document of a JSONL corpus */
#define IMR_MAX_TEXT_BYTES         ((size_t)16 << 20)  /* one text to encode */
#define IMR_MAX_ID_BYTES           ((size_t)1024)  /* BEIR ids are short; long ones break tables */
#define IMR_MAX_QUERY_BYTES        ((size_t)65536) /* of the command line or a queries file */
#define IMR_BUDGET_FREE            ((uint64_t)64 << 20) /* what any file may make us take, and */
#define IMR_BUDGET_TIMES           64u /* for each byte besides: texts pack 3 to 10 times */
#define IMR_MAX_GROWTH             64u /* characters a normaliser makes of a byte; NFKD: 18 of 3 */
#define IMR_MAX_VOCAB              (1u << 24)
#define IMR_MAX_WORD_CHARS         100u /* BERT's own rule: longer words are [UNK] */
#define IMR_MAX_DOCUMENTS          (1u << 28)
#define IMR_MAX_FEEDBACK           100000u /* candidates of one query held with all intermediates */
