/*
 * cli/project.h - the project file .imrnn of the folder a command runs in.
 *
 * It may be a stranger's: it sets what is shown and computed, names no path out of its folder
 * (config/options.def), binds no key that writes or ends (ui/keymap.h), and what it sets is said
 * each time. A file or folder of another user is used after a yes, asked once on a terminal and
 * kept by content and place in $XDG_STATE_HOME/imrnn/trusted; elsewhere it is left out, aloud. A
 * link or anything but a regular file is left out, aloud.
 */
#ifndef IMR_CLI_PROJECT_H
#define IMR_CLI_PROJECT_H

#include "config/config.h"

/* Reads ./.imrnn into c; said: what is to be said about it, may stay empty. Without a folder for
 * what is kept nobody is asked. */
imr_status imr_cli_project_file(imr_config *c, imr_buf *said, imr_error *err) IMR_NODISCARD;

/* $XDG_STATE_HOME/imrnn, else ~/.local/state/imrnn, made when it is not there; the caller's. NULL
 * when it cannot be: a session without history is a session all the same. */
char *imr_cli_state_folder(void);

#endif
