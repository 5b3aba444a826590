/* cli/steps.h - what several commands do: make and open caches, train, compare precisions,
 * explore. */
#pragma once

#include "cli/command.h"
#include "retrieval/engine.h"
#include "session/session.h"
#include "task/cache.h"
#include "task/precision.h"
#include "task/train.h"

/* ---- caches and sessions ---- */

/* --dataset encoded into `dir`, with --dtype, --skip-bad-lines. overwrite: in place of a finished
 * cache of something else. */
imr_status imr_cli_encode_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                                const imr_encoder *encoder, bool overwrite, imr_error *err);

/* Appends "5 texts encoded, 383 unchanged". */
void imr_cli_made_text(imr_buf *b, const imr_store_result *r, bool imported);

#define IMR_CLI_STORE_OPTIONS                                                                      \
    IMR_OPT_STORE, IMR_OPT_STORE_FILTER, IMR_OPT_STORE_TIMEOUT, IMR_OPT_STORE_EFFORT, IMR_OPT_NETRC
/* What they say; url NULL: no --store is in force. Strings belong to the configuration. */
imr_engine_options imr_cli_store(const imr_cli *cli);

/* The options imr_cli_session_options reads, for command tables. */
#define IMR_CLI_SESSION_OPTIONS                                                                    \
    IMR_OPT_CHECKPOINT, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET, IMR_OPT_DATASETS_DIR,                  \
        IMR_OPT_ASSETS_ROOT, IMR_OPT_SPLIT, IMR_OPT_SKIP_BAD_LINES, IMR_OPT_ENCODER,               \
        IMR_OPT_ENCODER_MODEL_NAME, IMR_OPT_ENCODER_REVISION, IMR_OPT_QUERY_PREFIX,                \
        IMR_OPT_PASSAGE_PREFIX, IMR_OPT_TOKEN_TABLE, IMR_OPT_FEEDBACK_K, IMR_OPT_SCOPE,            \
        IMR_OPT_DELTA, IMR_OPT_ORDER, IMR_OPT_TOKENS, IMR_OPT_PROJECTED_FILES, IMR_OPT_PRECISION,  \
        IMR_OPT_FORM, IMR_OPT_CANDIDATES, IMR_OPT_TRAINED_ON, IMR_CLI_STORE_OPTIONS

/* Paths the session's options point to. */
typedef struct imr_cli_paths {
    char *dataset, *cache;
} imr_cli_paths;
void imr_cli_paths_done(imr_cli_paths *p);

/*
 * Fills *out; strings belong to the configuration or to *paths. A value nobody set stays unset, so
 * that the session's own defaults (the cache's encoder, its test split, K bent to a small corpus)
 * hold. The cache is that of imr_cli_session_cache. IMR_E_USAGE names a missing option.
 */
imr_status imr_cli_session_options(imr_session_options *out, imr_cli_paths *paths, imr_cli *cli,
                                   imr_error *err);

/*
 * The folder of the cache a session opens, the caller's.
 *   --cache-dir alone        as it is; one that is stale says so when it is opened
 *   --dataset and --encoder  in --cache-dir, or in $XDG_CACHE_HOME/imrnn/<name>-<hash> (else
 *                            ~/.cache/imrnn): made first, with progress, or brought up to date,
 *                            which encodes new and changed texts only
 * dataset: --dataset as a path, or NULL. Errors: IMR_E_USAGE says what is missing; those of opening
 * dataset and encoder, and of building.
 */
imr_status imr_cli_session_cache(char **out, imr_cli *cli, const char *dataset, imr_error *err);

/* ---- training ---- */

void imr_cli_train_plan(imr_train_plan *out, const imr_cli *cli);
/* Trains with the encoder of the cache, where the recipe encodes, and saves into dir; interrupted,
 * it saves the best so far and gives IMR_E_CANCELLED. out: started from {0}, the caller's to
 * end. */
imr_status imr_cli_train_run(imr_train_outcome *out, imr_cli *cli, const imr_cache *cache,
                             const imr_train_plan *plan, const char *dir, imr_error *err);
/* Seed, data, epochs, best epoch, and what it is worth in words. */
void imr_cli_train_text(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan);
/* Options that steer training, for a command's list. */
#define IMR_TRAIN_OPTIONS                                                                          \
    IMR_OPT_RECIPE, IMR_OPT_LOSS, IMR_OPT_FORM, IMR_OPT_OUTPUT_DIM, IMR_OPT_HIDDEN_DIM,            \
        IMR_OPT_DROPOUT, IMR_OPT_EPOCHS, IMR_OPT_PATIENCE, IMR_OPT_LR, IMR_OPT_WEIGHT_DECAY,       \
        IMR_OPT_BATCH_SIZE, IMR_OPT_NUM_NEGATIVES, IMR_OPT_NEGATIVE_POOL,                          \
        IMR_OPT_IMPROVEMENT_MARGIN, IMR_OPT_JUDGED_WEIGHT, IMR_OPT_FEEDBACK_K,                     \
        IMR_OPT_MAX_QUERIES, IMR_OPT_SEED

/* ---- precision ---- */

/* Compares the encoder, of IMR_BFLOAT16, with --encoder in float32 on a sample of the dataset;
 * appends a table. */
imr_status imr_cli_precision_table(imr_buf *out, imr_cli *cli, const imr_encoder *encoder,
                                   const imr_dataset *dataset, imr_error *err);

/* What to say of kernels without has_bf16. */
extern const char imr_no_bf16[];

/* ---- notes (session/notes.h) ---- */

/* --reviewer, else the login name; valid until the next call. */
const char *imr_cli_reviewer(const imr_cli *cli);
/* --notes, else notes.jsonl in the cache folder. */
imr_path imr_cli_notes(const imr_cli *cli, const char *cache);
/* Reads it; IMR_E_NOT_FOUND for --notes of a file that is not there. */
struct imr_notes;
imr_status imr_cli_read_notes(struct imr_notes **out, const imr_cli *cli, const char *cache,
                              imr_error *err);

/* ---- the explorer ---- */

/*
 * Runs the explorer on a session until the user leaves; key binds, theme, glyphs, history and log
 * come from the configuration and the environment. query: NULL or what stands in the query line at
 * first; intro: NULL or lines for the screen before that. A signal that ended it is raised again
 * once the terminal is restored.
 */
imr_status imr_cli_explore(imr_cli *cli, const imr_session_options *session, const char *query,
                           const char *intro, imr_error *err);
