/* cli/commands.h - one imr_command a file cmd_<name>.c. */
#ifndef IMR_CLI_COMMANDS_H
#define IMR_CLI_COMMANDS_H

#include "cli/command.h"

extern const imr_command imr_command_evaluate;
extern const imr_command imr_command_generate;

#endif
