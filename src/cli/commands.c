/* cli/commands.c - the commands, in the order of the help. */
#include "cli/commands.h"

#include <stddef.h>

const imr_command *const imr_commands[] = {
    &imr_command_evaluate,
    &imr_command_generate,
    NULL,
};
