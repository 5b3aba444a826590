/*
 * task/demo.h - the embedded demo: collection, encoder, cache and adapter, made once in a folder.
 *
 *   DIR/dataset      the collection in BEIR layout, as it is inside the program
 *   DIR/encoder      a static encoder trained on its passages (Model2Vec folder)
 *   DIR/cache        passages and queries encoded
 *   DIR/adapter.pt   trained on the training queries, early stopping on the dev queries;
 *                    .safetensors and history.json beside
 *   DIR/numbers.txt  what it achieves on the test queries; written last: a folder without it is
 *                    made again
 *
 * Everything is what the commands encoder train, cache, train and evaluate would do. Deterministic
 * for a given machine.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/progress.h"

/*
 * Makes DIR unless it holds this version's demo already; *made tells which. numbers (may be NULL)
 * gets the text of numbers.txt appended. Errors: those of the steps; IMR_E_IO for a file of its
 * names that no demo made, overwrite off; IMR_E_CANCELLED leaves a folder the next call goes on
 * with; IMR_E_BUSY when another process is encoding into DIR/cache.
 */
imr_status imr_demo_prepare(const char *dir, bool overwrite, bool *made, imr_buf *numbers,
                            const imr_progress *progress, imr_error *err);
