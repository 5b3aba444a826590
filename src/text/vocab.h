/*
 * text/vocab.h - token text <-> id.
 *
 * Ids are dense from 0. Tokens are valid UTF-8, at most IMR_MAX_ID_BYTES long and different from
 * each other; what breaks this is refused with the line or the id.
 * Threads: const after imr_vocab_finish; many threads may read.
 */
#ifndef IMR_TEXT_VOCAB_H
#define IMR_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strmap.h"

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
imr_status imr_vocab_add(imr_vocab *v, const char *text, size_t len, uint32_t id,
                         imr_error *err) IMR_NODISCARD;
/* Ends collecting: sorts by id and builds the map. IMR_E_FORMAT when it is empty, an id is missing
 * or stands for two texts, or two ids have the same text. The same text added twice under one id
 * counts once (a tokenizer.json lists its special tokens again). More may be added afterwards, and
 * finished again. */
imr_status imr_vocab_finish(imr_vocab *v, imr_error *err) IMR_NODISCARD;

/* vocab.txt: one token a line, the line number from 0 is its id; CRLF and empty lines at the end
 * are fine. Errors name the line. On failure *out is untouched. */
imr_status imr_vocab_parse(imr_vocab *out, const char *text, size_t len,
                           imr_error *err) IMR_NODISCARD;

/* Id of a token, or IMR_NO_TOKEN. Valid after imr_vocab_finish, as the next one. */
uint32_t imr_vocab_id(const imr_vocab *v, const char *text, size_t len);
/* Zero-terminated text of an id below v->n; *len may be NULL. Borrowed. */
const char *imr_vocab_text(const imr_vocab *v, uint32_t id, size_t *len);

#endif
