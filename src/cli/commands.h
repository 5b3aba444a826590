/* cli/commands.h - one imr_command a command, defined in cmd_<name>.c. */
#ifndef IMR_CLI_COMMANDS_H
#define IMR_CLI_COMMANDS_H

#include "cli/command.h"

extern const imr_command imr_command_demo;
extern const imr_command imr_command_cache;
extern const imr_command imr_command_encoder_bench;
extern const imr_command imr_command_encoder_encode;
extern const imr_command imr_command_encoder_info;
extern const imr_command imr_command_encoder_tokenize;
extern const imr_command imr_command_encoder_train;
extern const imr_command imr_command_evaluate;
extern const imr_command imr_command_explain;
extern const imr_command imr_command_explore;
extern const imr_command imr_command_generate;
extern const imr_command imr_command_inspect;
extern const imr_command imr_command_run;
extern const imr_command imr_command_score;
extern const imr_command imr_command_train;

#endif
