/*
 * cli/explore.h - starting the explorer from a command.
 */
#ifndef IMR_CLI_EXPLORE_H
#define IMR_CLI_EXPLORE_H

#include "cli/command.h"
#include "session/session.h"

/*
 * Runs the explorer on a session until the user leaves; key binds, theme, glyphs, history and log
 * come from the configuration and the environment. query: NULL or what stands in the query line at
 * first; intro: NULL or lines for the screen before that. A signal that ended it is raised again
 * once the terminal is restored.
 */
imr_status imr_cli_explore(imr_cli *cli, const imr_session_options *session, const char *query,
                           const char *intro, imr_error *err) IMR_NODISCARD;

#endif
