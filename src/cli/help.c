/* cli/help.c - help texts from the tables of commands and options. */
#include <string.h>

#include "cli/options.h"
#include "report/formats.h"

#define HELP_COLUMNS 80
#define OPTION_TEXT  28 /* where the words beside an option begin */

void imr_cli_wrap(imr_buf *b, const char *text, size_t at, size_t indent)
{
    for (; *text; at = indent) {
        const size_t n = strcspn(text, "\n");
        IMR_AUTOBUF imr_buf line = {0};
        imr_buf_add(&line, text, n);
        imr_report_wrap(b, imr_buf_text(&line), at, indent, HELP_COLUMNS);
        text += n + (text[n] == '\n');
        if (*text)
            imr_buf_fill(b, ' ', indent);
    }
}

static bool on_by_default(const imr_option *o)
{
    return o->kind == IMR_KIND_BOOL && o->fallback && strcmp(o->fallback, "true") == 0;
}

void imr_option_name(imr_buf *b, const imr_option *o)
{
    imr_buf_printf(b, "--%s%s", on_by_default(o) ? "no-" : "", o->name);
}

void imr_option_spelling(imr_buf *b, const imr_option *o)
{
    imr_option_name(b, o);
    if (o->metavar)
        imr_buf_printf(b, " %s", o->metavar);
}

void imr_option_help(imr_buf *b, const imr_option *o)
{
    imr_buf_str(b, o->help);
    if (o->choices)
        imr_buf_printf(b, ": %s", o->choices);
    if (o->fallback && o->kind != IMR_KIND_BOOL)
        imr_buf_printf(b, " (default %s)", o->fallback);
}

static void put_option(imr_buf *b, const imr_option *o)
{
    size_t start = b->len;
    if (o->letter)
        imr_buf_printf(b, "  -%c, ", o->letter);
    else
        imr_buf_str(b, "      ");
    imr_option_spelling(b, o);
    size_t at = b->len - start;
    if (at + 2 > OPTION_TEXT) {
        imr_buf_char(b, '\n');
        at = 0;
    }
    imr_buf_fill(b, ' ', OPTION_TEXT - at);
    IMR_AUTOBUF imr_buf text = {0};
    imr_option_help(&text, o);
    if (o->alias)
        imr_buf_printf(&text, "; also --%s", o->alias);
    if (o->kind == IMR_KIND_LIST)
        imr_buf_str(&text, "; may be repeated");
    imr_cli_wrap(b, imr_buf_text(&text), OPTION_TEXT, OPTION_TEXT);
}

static void put_options(imr_buf *b, const char *title, const imr_option_id *list)
{
    imr_buf_printf(b, "\n%s:\n", title);
    for (; *list != IMR_OPT_COUNT; list++)
        put_option(b, imr_option_of(*list));
}

void imr_help_command(imr_buf *b, const imr_command *command)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line, "imrnn %s - %s", command->name, command->summary);
    imr_cli_wrap(b, imr_buf_text(&line), 0, 4);
    imr_buf_clear(&line);
    imr_buf_printf(&line, "usage: imrnn %s %s", command->name, command->usage);
    imr_buf_char(b, '\n');
    imr_cli_wrap(b, imr_buf_text(&line), 0, 11);
    if (command->details) {
        imr_buf_char(b, '\n');
        imr_cli_wrap(b, command->details, 0, 0);
    }
    put_options(b, "options", command->options);
    put_options(b, "common options", imr_common_options);
    if (command->example)
        imr_buf_printf(b, "\nexample:\n%s\n", command->example);
}

void imr_help_all(imr_buf *b, const imr_command *const *commands)
{
    imr_buf_str(b, "imrnn - why a dense retriever ranks as it does, and what an adapter changes\n\n"
                   "usage: imrnn COMMAND [options]\n       imrnn CACHE        the same as imrnn "
                   "explore CACHE\n       imrnn explore --dataset my-texts --encoder minilm\n\n"
                   "commands:\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden) {
            imr_buf_printf(b, "  %-18s", commands[i]->name);
            imr_cli_wrap(b, commands[i]->summary, 20, 20);
        }
    imr_buf_str(b,
                "\nimrnn help COMMAND, or COMMAND --help, shows options and an example.\n"
                "imrnn generate man|bash|zsh|fish prints the man page or a shell's completions.\n"
                "Settings: flags, then IMRNN_<NAME> in the environment, then the project file\n"
                ".imrnn, then $XDG_CONFIG_HOME/imrnn/config.\n"
                "Exit: 0 done, 1 failed, 2 wrong usage, 3 bad data or model, 130 "
                "interrupted.\n");
}

bool imr_help_group(imr_buf *b, const imr_command *const *commands, const char *group)
{
    size_t n = strlen(group);
    bool any = false;
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden && strncmp(commands[i]->name, group, n) == 0 &&
            commands[i]->name[n] == ' ') {
            imr_buf_printf(b, "  imrnn %-18s", commands[i]->name);
            imr_cli_wrap(b, commands[i]->summary, 26, 26);
            any = true;
        }
    return any;
}
