/*
 * assets/cli.h - what --help and the man page say of each command, and what bash, zsh and fish
 * complete command lines with: each asks `imrnn complete` what may follow. Where nothing is offered
 * a file may stand; a folder may, too, where the command does. One zero byte, which the length does
 * not count, follows each.
 */
#ifndef ASSETS_CLI_H
#define ASSETS_CLI_H

#include "assets/demo.h"

extern const unsigned char imr_cli_manual[];
extern const size_t imr_cli_manual_len;
extern const imr_asset imr_cli_files[]; /* the manual, then those of the shells, by name */
extern const size_t imr_cli_files_count;

#endif
