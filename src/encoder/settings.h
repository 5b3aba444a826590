/*
 * encoder/settings.h - what a folder's configuration asks for and is not done here.
 *
 * A setting that may change a vector is obeyed, refused, or named once: the sentences gather in a
 * buffer ("; " between them) that imr_encoder_notice gives to whoever opened the encoder.
 * For src/encoder only.
 */
#ifndef IMR_ENCODER_SETTINGS_H
#define IMR_ENCODER_SETTINGS_H

#include "base/buf.h"
#include "format/json.h"

/* One more sentence; notice NULL: nobody wants to know. */
void imr_settings_note(imr_buf *notice, const char *format, ...) IMR_PRINTF(2, 3);

/* Names the keys of config that are not among `known` (ended by NULL) and say something: null,
 * false, empty texts, lists and objects say nothing. */
void imr_settings_unknown(imr_buf *notice, const char *file, const imr_json *config,
                          const char *const *known);

/* Does this value say nothing? */
bool imr_settings_empty(const imr_json *value);

#endif
