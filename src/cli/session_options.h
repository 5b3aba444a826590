/*
 * cli/session_options.h - the options of a session, from the configuration.
 */
#ifndef IMR_CLI_SESSION_OPTIONS_H
#define IMR_CLI_SESSION_OPTIONS_H

#include "cli/command.h"
#include "session/session.h"

/* The options imr_cli_session_options reads, for command tables. */
#define IMR_CLI_SESSION_OPTIONS                                                                    \
    IMR_OPT_CHECKPOINT, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET, IMR_OPT_DATASETS_DIR,                  \
        IMR_OPT_ASSETS_ROOT, IMR_OPT_SPLIT, IMR_OPT_SKIP_BAD_LINES, IMR_OPT_ENCODER,               \
        IMR_OPT_ENCODER_MODEL_NAME, IMR_OPT_ENCODER_REVISION, IMR_OPT_QUERY_PREFIX,                \
        IMR_OPT_PASSAGE_PREFIX, IMR_OPT_TOKEN_TABLE, IMR_OPT_FEEDBACK_K, IMR_OPT_SCOPE,            \
        IMR_OPT_DELTA, IMR_OPT_ORDER, IMR_OPT_TOKENS, IMR_OPT_PROJECTED_FILES, IMR_OPT_PRECISION,  \
        IMR_OPT_FORM, IMR_OPT_CANDIDATES, IMR_OPT_TRAINED_ON

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
                                   imr_error *err) IMR_NODISCARD;

/*
 * The folder of the cache a session opens, the caller's.
 *   --cache-dir alone        as it is; one that is stale says so when it is opened
 *   --dataset and --encoder  in --cache-dir, or in $XDG_CACHE_HOME/imrnn/<name>-<hash> (else
 *                            ~/.cache/imrnn): made first, with progress, or brought up to date,
 *                            which encodes new and changed texts only
 * dataset: --dataset as a path, or NULL. Errors: IMR_E_USAGE says what is missing; those of opening
 * dataset and encoder, and of building.
 */
imr_status imr_cli_session_cache(char **out, imr_cli *cli, const char *dataset,
                                 imr_error *err) IMR_NODISCARD;

#endif
