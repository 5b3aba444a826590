/*
 * encoder/train_static.h - a static encoder from nothing but a corpus.
 *
 * Method (method.md section 6): count which words stand near each other, take the leading singular
 * vectors of the resulting matrix, and give word t the row
 *
 *     E_t = U_t sqrt(S) * a / (a + p_t)         a = 1e-3, p_t = count of t / count of all words
 *
 * (the weight of Arora, Liang, Ma 2017: frequent words say little). A text is the mean of its
 * words' rows, brought to length 1.
 *
 * Deterministic: the same corpus, options and number of threads give the same bytes. The counts do
 * not depend on the number of threads at all; the decomposition does in the last bits where the
 * BLAS splits its sums differently.
 */
#pragma once

#include "base/arena.h"
#include "base/progress.h"
#include "math/matrix.h"
#include "math/svd_sparse.h"

/* Documents by number. `text` gives bytes that stay valid until its next call; any bytes will do
 * (what is not UTF-8 is dropped). */
typedef struct imr_text_source {
    size_t count;
    imr_status (*text)(void *user, size_t i, const char **text, size_t *len, imr_error *err);
    void *user;
} imr_text_source;

/* ---- a corpus as one long row of word ids ---- */

/*
 * A word is a piece of BERT's pre-tokeniser (lower-cased, accents stripped, split at white space
 * and around punctuation) that holds at least one letter or digit: punctuation is no word. Words of
 * more than IMR_MAX_WORD_CHARS characters are passed over, as BERT does. Kept are the words found
 * in at least `min_documents` documents; the others leave no gap, so their neighbours become
 * neighbours. Id 0 is the most frequent word; equally frequent words stand in byte order.
 */
typedef struct imr_word_stream {
    size_t words;
    const char **word; /* [words], zero-terminated UTF-8, owned by the arena */
    uint64_t *count;   /* [words], occurrences in the corpus, descending */
    uint64_t total;    /* sum of count */
    uint32_t *id;      /* [length]: starts and ends with IMR_DOCUMENT_END, one between documents */
    size_t length;
    imr_arena *arena;
} imr_word_stream;

#define IMR_DOCUMENT_END UINT32_MAX

/* One pass over the documents, in order. A corpus without any such word gives words 0.
 * Errors: those of source->text, IMR_E_LIMIT (a document over IMR_MAX_TEXT_BYTES, more than 2^32
 * words), both naming the document by its number from 1; IMR_E_MEMORY; IMR_E_CANCELLED. */
imr_status imr_word_stream_init(imr_word_stream *out, const imr_text_source *source,
                                uint32_t min_documents, const imr_progress *progress,
                                imr_error *err);
void imr_word_stream_done(imr_word_stream *s); /* {0} is fine */

/* ---- positive pointwise mutual information of words that stand near each other ---- */

/*
 * Formula (Levy, Goldberg, Dagan 2015):
 *   count(w,c)  sum of 1/distance over the pairs of w and c at most `window` words apart within
 *               one document, both directions, so the matrix of counts is symmetric
 *   p(w) = count(w,.)/count(.,.)      p_0.75(c) = count(.,c)^0.75 / sum of the same over all c
 *   entry(w,c)  max(0, log p(w,c)/(p(w) p_0.75(c))), only positive entries are stored
 *
 * Order: the counts of a row are summed in the order of the corpus by one thread, so the result is
 * the same bytes for any number of threads. Columns of a row are in order of first meeting.
 */
typedef struct imr_ppmi {
    imr_csr matrix; /* [words, words], points into the arrays below */
    uint64_t *start;
    uint32_t *col;
    float *value;
} imr_ppmi;

/* window: at least 1. Memory: 4 bytes a word of the corpus, 8 bytes an entry, and 12 bytes times
 * IMR_PPMI_LANES a distinct word. Time: proportional to words of the corpus times the window.
 * Errors: IMR_E_MEMORY, IMR_E_CANCELLED. */
#define IMR_PPMI_LANES 8
imr_status imr_ppmi_init(imr_ppmi *out, const imr_word_stream *stream, uint32_t window,
                         const imr_progress *progress, imr_error *err);
void imr_ppmi_done(imr_ppmi *p); /* {0} is fine */

/* ---- training ---- */

typedef struct imr_static_train_options {
    size_t dim;             /* n; at most the number of words kept */
    uint32_t window;        /* words to either side, 1 to 1000 */
    uint32_t min_documents; /* a rarer word is left out; at least 1 */
    uint64_t seed;          /* of the decomposition */
} imr_static_train_options;

#define IMR_STATIC_TRAIN_DEFAULTS ((imr_static_train_options){256, 8, 3, 0})

/* What training hands over: rows of words, the most frequent word first. */
typedef struct imr_static_words {
    imr_word_stream stream; /* words and counts; the row of ids has been freed */
    imr_matrix rows;        /* [stream.words, dim] */
} imr_static_words;

/*
 * Progress: "reading words", "counting neighbours", "decomposing". A cancelled training leaves
 * nothing.
 * Errors: IMR_E_USAGE (an option out of range); IMR_E_FORMAT (no word is in min_documents
 * documents, or no two words stand together more often than chance); IMR_E_SHAPE (dim above the
 * number of words, which the text names); what imr_word_stream_init and the source report.
 */
imr_status imr_static_train(imr_static_words *out, const imr_text_source *documents,
                            const imr_static_train_options *options, const imr_progress *progress,
                            imr_error *err);
void imr_static_words_done(imr_static_words *w); /* {0} is fine */

/* ---- writing ---- */

/*
 * Writes a whole-word static encoder as a Model2Vec folder: model.safetensors (`embeddings`, F32),
 * tokenizer.json (BertNormalizer lower-casing and stripping accents, BertPreTokenizer, WordLevel),
 * modules.json (StaticEmbedding, Normalize: for sentence-transformers) and, last, config.json,
 * without which the folder is no encoder; so an interrupted write is never taken for one. Python's
 * model2vec, sentence-transformers and tokenizers open it.
 *
 * Id 0 is [UNK] with a row of zeros: readers that keep unknown tokens then get the same unit vector
 * as those that leave them out.
 *
 * rows [n_words, n]: row i belongs to words[i] (id i + 1). Words are zero-terminated UTF-8, all
 * different, not empty. The folder is made when it is missing; imr_static_files in it are
 * replaced. IMR_E_USAGE names a word that cannot be written, IMR_E_SHAPE when counts differ,
 * IMR_E_NUMERIC the row that is not finite.
 */
extern const char *const imr_static_files[]; /* ended by NULL */
imr_status imr_static_write(const char *folder, const char *const *words, size_t n_words,
                            imr_view rows, bool normalise, imr_error *err);
