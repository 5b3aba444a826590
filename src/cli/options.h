/*
 * cli/options.h - the command line: options over config/options.def, command, arguments.
 *
 * --name value, --name=value, -n value, -nvalue, -qv; --no-name switches a yes/no option off;
 * `--` ends options. Options may stand before or after the command. Every error is IMR_E_USAGE.
 */
#ifndef IMR_CLI_OPTIONS_H
#define IMR_CLI_OPTIONS_H

#include "base/array.h"
#include "cli/command.h"

typedef struct imr_line {
    IMR_ARRAY(const char *) words; /* what is no option, borrowed from argv */
    IMR_ARRAY(imr_option_id) given;
} imr_line;

/* Sets values in `config` (IMR_FROM_LINE). argv[0] is skipped. */
imr_status imr_line_parse(imr_line *out, imr_config *config, int argc, const char *const *argv,
                          imr_error *err) IMR_NODISCARD;
void imr_line_done(imr_line *line);

/*
 * The command the first words name, and how many words that took. An unknown word that is an
 * existing folder or file means `explore` (0 words taken) when there is such a command. *out NULL:
 * no words.
 */
imr_status imr_line_command(const imr_command **out, size_t *taken, const imr_line *line,
                            const imr_command *const *commands, imr_error *err) IMR_NODISCARD;
/* Every option given belongs to the command; the number of arguments fits. */
imr_status imr_line_check(const imr_line *line, const imr_command *command, size_t n_arguments,
                          imr_error *err) IMR_NODISCARD;

/* "--no-progress", "--feedback-k": how an option is given. Appends. */
void imr_option_name(imr_buf *b, const imr_option *o);
/* The same with what stands for its value: "--feedback-k K". */
void imr_option_spelling(imr_buf *b, const imr_option *o);

/* What it does, its choices and default. Appends. */
void imr_option_help(imr_buf *b, const imr_option *o);

/* Help of one command; of all (short). Appends. */
void imr_help_command(imr_buf *b, const imr_command *command);
void imr_help_all(imr_buf *b, const imr_command *const *commands);
/* Commands whose name begins with `group` and a space ("encoder"); false when there is none. */
bool imr_help_group(imr_buf *b, const imr_command *const *commands, const char *group);

/* Words of text, wrapped at 80 columns; the first line begins at column `at`, the others at
 * `indent`. */
void imr_cli_wrap(imr_buf *b, const char *text, size_t at, size_t indent);

#endif
