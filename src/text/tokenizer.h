/*
 * text/tokenizer.h - text to token ids and back to the bytes they came from.
 *
 *   text -> added tokens cut out -> normalise -> split into words -> WordPiece or WordLevel
 *        -> [CLS] ... [SEP]
 *
 * WordPiece (Wu et al. 2016; Devlin et al. 2018), greedy: the longest prefix of the word that is a
 * token, then the longest prefix of the rest written with the continuation mark "##". A word that
 * cannot be covered, or has more than max_chars code points, is one unknown token. WordLevel: the
 * whole word is a token, or unknown.
 * The order and the rules are those of Hugging Face's fast tokenisers, so that ids equal theirs.
 * Built from a specification, which encoder/tokenizer_folder.h reads from a folder.
 * Threads: const after imr_tokenizer_new; scratch is in the caller's imr_tokens.
 */
#pragma once

#include "base/arena.h"
#include "base/strmap.h"
#include "text/normalise.h"

#define IMR_NO_WORD UINT32_MAX

typedef struct imr_token {
    uint32_t id;
    uint32_t start, end; /* source bytes [start, end); empty for [CLS], [SEP] around a text */
    uint32_t word;       /* which word of the text it is a piece of, counted from 0 as the
                            pre-tokeniser splits; IMR_NO_WORD for special tokens */
} imr_token;

/* {0} is empty. The buffers are kept between calls, so one imr_tokens serves many texts. */
typedef struct imr_tokens {
    imr_token *v;
    size_t n, cap;
    size_t total;    /* ids the text has; more than n when a maximum left some out */
    imr_buf spelled; /* when asked for: the words one after the other, each ended by a zero byte, */
    IMR_ARRAY(uint32_t) words; /* and where each begins */
    imr_chars chars;           /* the tokeniser's scratch */
    imr_pieces pieces;
} imr_tokens;

void imr_tokens_done(imr_tokens *t);

/* A word below t->words.n as the normaliser leaves it ("hipscs"), one that a maximum cut as far as
 * its tokens are kept. Borrowed. */
static inline const char *imr_tokens_word(const imr_tokens *t, size_t word)
{
    return t->spelled.data + t->words.v[word];
}

/* ---- vocabulary: token text <-> id (text/vocab.c) ---- */

/*
 * Ids are dense from 0. Tokens are valid UTF-8, at most IMR_MAX_ID_BYTES long and different from
 * each other; what breaks this is refused with the line or the id. Const after imr_vocab_finish.
 */
#define IMR_NO_TOKEN UINT32_MAX

typedef struct imr_vocab_entry {
    uint32_t offset, len, id; /* bytes within the vocabulary's text */
} imr_vocab_entry;

typedef struct imr_vocab {
    imr_buf bytes;      /* all tokens, each followed by a zero byte */
    imr_vocab_entry *v; /* in order of arrival; by id after imr_vocab_finish */
    size_t n, cap;
    size_t longest; /* bytes of the longest token */
    imr_strmap by_text;
} imr_vocab;

void imr_vocab_done(imr_vocab *v); /* {0} is fine */

/* Collecting. The text is copied. IMR_E_FORMAT when it is empty, too long or not UTF-8. */
imr_status imr_vocab_add(imr_vocab *v, const char *text, size_t len, uint32_t id, imr_error *err);
/* Ends collecting: sorts by id and builds the map. IMR_E_FORMAT when it is empty, an id is missing
 * or stands for two texts, or two ids have the same text. The same text added twice under one id
 * counts once (a tokenizer.json lists its special tokens again). More may be added afterwards, and
 * finished again. */
imr_status imr_vocab_finish(imr_vocab *v, imr_error *err);

/* vocab.txt: one token a line, the line number from 0 is its id; CRLF and empty lines at the end
 * are fine. Errors name the line. On failure *out is untouched. */
imr_status imr_vocab_parse(imr_vocab *out, const char *text, size_t len, imr_error *err);

/* Id of a token, or IMR_NO_TOKEN. Valid after imr_vocab_finish, as the next one. */
uint32_t imr_vocab_id(const imr_vocab *v, const char *text, size_t len);
/* Zero-terminated text of an id below v->n; *len may be NULL. Borrowed. */
const char *imr_vocab_text(const imr_vocab *v, uint32_t id, size_t *len);

/* ---- building ---- */

typedef enum imr_token_model { IMR_WORDPIECE, IMR_WORDLEVEL } imr_token_model;

/* A token recognised in the text before anything else is done to it. */
typedef struct imr_added_token {
    char *text;       /* imr_alloc'd; freed with it, by IMR_AUTOFREE too */
    uint32_t id;      /* IMR_NO_TOKEN: the vocabulary's, or the next one when it is new there */
    bool special;     /* [CLS], [MASK] and their like */
    bool normalised;  /* looked for after normalising (its own text normalised too) */
    bool left, right; /* takes the white space on that side with it */
    bool single_word; /* not inside a word */
} imr_added_token;

#define IMR_MAX_SPLIT_RULES      8u
#define IMR_MAX_AFFIX            8u
#define IMR_MAX_ADDED_TOKENS     65536u
#define IMR_MAX_NORMALISE_STEP   64u
#define IMR_WORDPIECE_MARK_BYTES 16u /* longest continuation mark we take; BERT's "##" has 2 */

typedef struct imr_tokenizer_spec {
    imr_vocab vocab; /* finished; holds the added tokens too */
    size_t n_words;  /* ids from here on are added tokens, which no word is made of; 0: none is */
    imr_normalise_step *steps;
    size_t n_steps, cap_steps;
    imr_split_rule rules[IMR_MAX_SPLIT_RULES];
    size_t n_rules;
    imr_token_model model;
    char mark[IMR_WORDPIECE_MARK_BYTES + 1]; /* WordPiece: of tokens inside a word */
    uint32_t max_chars;     /* WordPiece: longer words are unknown; at most IMR_MAX_WORD_CHARS */
    uint32_t unknown;       /* id; IMR_NO_TOKEN only for WordLevel: unknown words give no token */
    imr_added_token *added; /* the first of two with one text counts */
    size_t n_added, cap_added;
    uint32_t before[IMR_MAX_AFFIX], after[IMR_MAX_AFFIX]; /* special ids around one text */
    size_t n_before, n_after;
    bool lower_first; /* the text is lower-cased before added tokens are looked for in it */
} imr_tokenizer_spec;

void imr_tokenizer_spec_done(imr_tokenizer_spec *s); /* {0} is fine */

/* Finds added tokens in text: leftmost, of those the longest. */
typedef struct imr_added {
    imr_strmap by_text; /* text -> index in the specification */
    uint32_t *lengths;  /* the different lengths, descending */
    size_t n, cap;
    bool first[256]; /* bytes some token begins with */
} imr_added;

typedef struct imr_tokenizer {
    imr_tokenizer_spec spec;
    imr_added added[2]; /* looked for in the text as it is, and in the normalised one */
    imr_arena *texts;   /* of those looked for in the normalised one */
    uint8_t *flags;     /* IMR_TOKEN_* by id */
} imr_tokenizer;

enum {
    IMR_TOKEN_SPECIAL = 1,      /* [CLS], [PAD], ... */
    IMR_TOKEN_UNUSED = 2,       /* [unused7]: never trained */
    IMR_TOKEN_CONTINUATION = 4, /* "##ing" */
    IMR_TOKEN_UNKNOWN = 8,      /* [UNK] */
};

/* Takes over everything spec owns (spec is {0} afterwards); on failure it stays the caller's.
 * IMR_E_FORMAT when an id is not in the vocabulary. */
imr_status imr_tokenizer_new(imr_tokenizer **out, imr_tokenizer_spec *spec, imr_error *err);
void imr_tokenizer_free(imr_tokenizer *t); /* NULL is fine */

/* Copies token, text and all. IMR_E_LIMIT over IMR_MAX_ADDED_TOKENS. */
imr_status imr_tokenizer_add(imr_tokenizer_spec *s, const imr_added_token *token, imr_error *err);

enum { IMR_BERT_CLS, IMR_BERT_SEP, IMR_BERT_UNK, IMR_BERT_PAD, IMR_BERT_MASK, IMR_BERT_NAMES };

typedef struct imr_bert_options {
    bool keep_case;      /* do_lower_case: false */
    bool keep_accents;   /* strip_accents: false; BERT strips them when it lowers case */
    bool keep_ideograph; /* tokenize_chinese_chars: false */
    bool mpnet;          /* <s> </s> <pad> <mask> instead of [CLS] [SEP] [PAD] [MASK] */
    const char *names[IMR_BERT_NAMES]; /* NULL: those, and [UNK] */
} imr_bert_options;

/* BERT's rules for the vocabulary of s: normaliser, words, WordPiece, the special tokens and where
 * they stand. IMR_E_FORMAT when it lacks the first three; [PAD] and [MASK] may be missing. */
imr_status imr_tokenizer_bert(imr_tokenizer_spec *s, const imr_bert_options *options,
                              imr_error *err);

/* ---- encoding ---- */

typedef struct imr_encode_options {
    bool special;     /* put the special ids around the text */
    bool spell;       /* also the words themselves, of the ids kept (imr_tokens_word) */
    size_t max_ids;   /* keep the first ones, special ids included; 0: all */
    bool keep_end;    /* the last ones of the text instead */
    size_t max_chars; /* only so many code points of the text are looked at; 0: all */
} imr_encode_options;

/* Overwrites out. Spans ascend and point into text. options NULL: {0}. Any bytes are fine.
 * IMR_E_LIMIT when text is longer than IMR_MAX_TEXT_BYTES; IMR_E_MEMORY. */
imr_status imr_tokenizer_encode(const imr_tokenizer *t, const char *text, size_t len,
                                const imr_encode_options *options, imr_tokens *out, imr_error *err);

/* One token alone: the special ids before a text, `id`, those after it. Overwrites out; every span
 * is empty. IMR_E_USAGE when id is not in the vocabulary; IMR_E_MEMORY. */
imr_status imr_tokenizer_alone(const imr_tokenizer *t, uint32_t id, imr_tokens *out,
                               imr_error *err);
