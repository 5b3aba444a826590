/*
 * task/pseudo.h - queries out of a collection itself: each title asks for the rest of its document.
 *
 *   ask    the title; without one the first of several lines, else the first of several sentences
 *   rest   the text without it, encoded alone: a query that stands word for word in what it is to
 *          find teaches nothing
 *
 * A document of a single sentence, or with nothing beside its title, asks nothing. Above
 * IMR_PSEUDO_MOST documents evenly spread ones ask.
 *
 * They are a cache of their own (retrieval/store.h) in the folder `pseudo` of the one they come
 * from: documents are the rests, queries the asks, row i of both has the id of its document.
 * Resumable; encoding takes as long as the cache did. Deleting DIR/pseudo loses nothing but time.
 */
#pragma once

#include "encoder/encoder.h"
#include "retrieval/cache.h"

#define IMR_PSEUDO_MOST 50000u

/*
 * Opens them, made first where they are not there yet. Errors: IMR_E_NOT_FOUND when the cache has
 * no folder or no texts, or when no document asks anything; IMR_E_SHAPE when the encoder is not the
 * cache's; imr_cache_encode's.
 */
imr_status imr_pseudo_open(imr_cache **out, const imr_cache *cache, const imr_encoder *encoder,
                           const imr_progress *progress, imr_error *err);

/* Bytes of a text without a title that ask; 0 when nothing would be left. */
size_t imr_pseudo_cut(const char *text, size_t len);
