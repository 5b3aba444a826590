/* cli/commands.c - the commands, in the order of the help. */
#include "cli/commands.h"

#include <stddef.h>

const imr_command *const imr_commands[] = {
    &imr_command_demo,
    &imr_command_explore,
    &imr_command_explain,
    &imr_command_score,
    &imr_command_encoder_train,
    &imr_command_encoder_info,
    &imr_command_encoder_encode,
    &imr_command_encoder_tokenize,
    &imr_command_encoder_bench,
    &imr_command_cache,
    &imr_command_train,
    &imr_command_evaluate,
    &imr_command_run,
    &imr_command_inspect,
    &imr_command_generate,
    NULL,
};
