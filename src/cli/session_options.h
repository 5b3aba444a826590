/*
 * cli/session_options.h - the options of a session, from the configuration.
 */
#ifndef IMR_CLI_SESSION_OPTIONS_H
#define IMR_CLI_SESSION_OPTIONS_H

#include "cli/command.h"
#include "session/session.h"

/* The options imr_cli_session_options reads, for command tables. */
#define IMR_CLI_SESSION_OPTIONS                                                                    \
    IMR_OPT_CHECKPOINT, IMR_OPT_CACHE_DIR, IMR_OPT_DATASET, IMR_OPT_DATASETS_DIR, IMR_OPT_SPLIT,   \
        IMR_OPT_ENCODER, IMR_OPT_ENCODER_MODEL_NAME, IMR_OPT_QUERY_PREFIX, IMR_OPT_TOKEN_TABLE,    \
        IMR_OPT_FEEDBACK_K, IMR_OPT_SCOPE, IMR_OPT_DELTA, IMR_OPT_ORDER, IMR_OPT_TOKENS,           \
        IMR_OPT_PROJECTED_FILES, IMR_OPT_PRECISION, IMR_OPT_FORM, IMR_OPT_CANDIDATES

/*
 * Fills *out; strings belong to the configuration, except *dataset, which the caller frees. A value
 * nobody set stays unset, so that the session's own defaults (the cache's encoder, its test split,
 * K bent to a small corpus) hold. IMR_E_USAGE names a missing option.
 */
imr_status imr_cli_session_options(imr_session_options *out, char **dataset, const imr_cli *cli,
                                   imr_error *err) IMR_NODISCARD;

/* Values of the environment that say where encoders lie. */
void imr_cli_hub(imr_session_options *out, const imr_cli *cli);

#endif
