/* cli/train.h - what `train` and `run` share: the plan from the options, the table of epochs. */
#ifndef IMR_CLI_TRAIN_H
#define IMR_CLI_TRAIN_H

#include "cli/command.h"
#include "task/train.h"

void imr_cli_train_plan(imr_train_plan *out, const imr_cli *cli);
/* Seed, data, epochs, best epoch. */
void imr_cli_train_text(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan);
/* Options that steer training, for a command's list. */
#define IMR_TRAIN_OPTIONS                                                                          \
    IMR_OPT_LOSS, IMR_OPT_FORM, IMR_OPT_OUTPUT_DIM, IMR_OPT_HIDDEN_DIM, IMR_OPT_DROPOUT,           \
        IMR_OPT_EPOCHS, IMR_OPT_PATIENCE, IMR_OPT_LR, IMR_OPT_WEIGHT_DECAY, IMR_OPT_BATCH_SIZE,    \
        IMR_OPT_NUM_NEGATIVES, IMR_OPT_NEGATIVE_POOL, IMR_OPT_FEEDBACK_K, IMR_OPT_MAX_QUERIES,     \
        IMR_OPT_SEED

#endif
