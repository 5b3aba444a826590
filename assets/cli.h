/*
 * assets/cli.h - the texts of the command line: what --help and the man page say of each command;
 * man page and list of commands; what bash, zsh and fish complete lines with, each asking `imrnn
 * complete` what may follow (where nothing is offered a file may stand; a folder may, too, where
 * the command does); what lies in a bundle beside its report. imrnn puts its own in where a NAME
 * stands between two @. One zero byte, which the length does not count, follows each.
 */
#ifndef ASSETS_CLI_H
#define ASSETS_CLI_H

#include "assets/demo.h"

extern const unsigned char imr_cli_manual[], imr_cli_man[], imr_cli_help[], imr_cli_readme[],
    imr_cli_crate[];
extern const size_t imr_cli_manual_len, imr_cli_man_len, imr_cli_help_len, imr_cli_readme_len,
    imr_cli_crate_len;
extern const imr_asset imr_cli_files[];
extern const size_t imr_cli_files_count;

#endif
