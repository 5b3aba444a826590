/* cli/train.h - what `train` and `run` share: the plan from the options, the table of epochs. */
#ifndef IMR_CLI_TRAIN_H
#define IMR_CLI_TRAIN_H

#include "cli/command.h"
#include "task/train.h"

void imr_cli_train_plan(imr_train_plan *out, const imr_cli *cli);
/* Trains with the encoder of the cache, where the recipe encodes, and saves into dir; interrupted,
 * it saves the best so far and gives IMR_E_CANCELLED. out: started from {0}, the caller's to
 * end. */
imr_status imr_cli_train_run(imr_train_outcome *out, imr_cli *cli, const imr_cache *cache,
                             const imr_train_plan *plan, const char *dir,
                             imr_error *err) IMR_NODISCARD;
/* Seed, data, epochs, best epoch, and what it is worth in words. */
void imr_cli_train_text(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan);
/* Options that steer training, for a command's list. */
#define IMR_TRAIN_OPTIONS                                                                          \
    IMR_OPT_RECIPE, IMR_OPT_LOSS, IMR_OPT_FORM, IMR_OPT_OUTPUT_DIM, IMR_OPT_HIDDEN_DIM,            \
        IMR_OPT_DROPOUT, IMR_OPT_EPOCHS, IMR_OPT_PATIENCE, IMR_OPT_LR, IMR_OPT_WEIGHT_DECAY,       \
        IMR_OPT_BATCH_SIZE, IMR_OPT_NUM_NEGATIVES, IMR_OPT_NEGATIVE_POOL,                          \
        IMR_OPT_IMPROVEMENT_MARGIN, IMR_OPT_JUDGED_WEIGHT, IMR_OPT_FEEDBACK_K,                     \
        IMR_OPT_MAX_QUERIES, IMR_OPT_SEED

#endif
