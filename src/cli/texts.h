/*
 * cli/texts.h - texts a user names: a file, or words on the command line.
 *
 *   FILE.jsonl   one a line: "text", or {"_id", "title", "text"} (retrieval/dataset.h has the other
 *   FILE.ndjson  names of an id); also any other file but .txt whose lines look so
 *   FILE.json    an array of the same; also any file that begins with '['
 *   other        one text a line
 *   -            standard input, by the same rules
 * Endings in any case.
 * Blank lines are skipped. A text without id is called by its line (or place) number, from 1.
 * Errors: IMR_E_FORMAT with file and line for a malformed line, text that is not UTF-8, an id met
 * twice, a file without texts; IMR_E_LIMIT.
 */
#ifndef IMR_CLI_TEXTS_H
#define IMR_CLI_TEXTS_H

#include "base/array.h"
#include "base/strmap.h"

typedef struct imr_texts {
    IMR_ARRAY(char *) ids;
    IMR_ARRAY(char *) texts; /* title and text joined as a document's are */
    IMR_ARRAY(size_t) lens;
    imr_strmap by_id;
} imr_texts;

imr_status imr_texts_read(imr_texts *out, const char *path, imr_error *err) IMR_NODISCARD;
/* n words as they are. */
imr_status imr_texts_of(imr_texts *out, const char *const *texts, size_t n,
                        imr_error *err) IMR_NODISCARD;
/* Puts it before each text. */
imr_status imr_texts_prepend(imr_texts *t, const char *prompt, imr_error *err) IMR_NODISCARD;
void imr_texts_done(imr_texts *t);

#endif
