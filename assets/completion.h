/*
 * assets/completion.h - what bash, zsh and fish complete command lines with: each asks `imrnn
 * complete` what may follow. Where nothing is offered a file may stand; a folder may, too, where
 * the command does.
 */
#ifndef ASSETS_COMPLETION_H
#define ASSETS_COMPLETION_H

#include "assets/demo.h"

extern const imr_asset imr_completion_files[];
extern const size_t imr_completion_files_count;

#endif
