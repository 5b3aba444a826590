/* cli/cmd_generate.c - man page and shell completions, from the tables of commands and options. */

#include "assets/cli.h"
#include "cli/command.h"

/* ---- man page ---- */

/* Text for roff: backslashes, leading dots and dashes kept as they are. */
static void roff(imr_buf *b, const char *text)
{
    for (bool start = true; *text; text++) {
        if (*text == '\\')
            imr_buf_str(b, "\\e");
        else if (*text == '-')
            imr_buf_str(b, "\\-");
        else if (start && (*text == '.' || *text == '\''))
            imr_buf_printf(b, "\\&%c", *text);
        else
            imr_buf_char(b, *text);
        start = *text == '\n';
    }
}

static void man_option(imr_buf *b, const imr_option *o)
{
    IMR_AUTOBUF imr_buf text = {0};
    char variable[64];
    if (o->letter)
        imr_buf_printf(&text, "-%c, ", o->letter);
    imr_option_spelling(&text, o);
    if (o->alias)
        imr_buf_printf(&text, ", --%s", o->alias);
    imr_buf_char(&text, '\n');
    imr_option_help(&text, o);
    imr_buf_str(b, ".TP\n.B ");
    roff(b, imr_buf_text(&text));
    if (o->where != IMR_IS_LINE)
        imr_buf_printf(b, "; in the environment %s", imr_option_variable(o, variable));
    imr_buf_char(b, '\n');
}

static void man_command(imr_buf *b, const imr_command *c)
{
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_printf(&text, "imrnn %s %s\n%s.\n", c->name, c->usage, c->summary);
    imr_manual_of(&text, NULL, c);
    for (const imr_option_id *id = c->options; *id != IMR_OPT_COUNT; id++) {
        imr_buf_str(&text, id == c->options ? "Options: " : ", ");
        imr_option_name(&text, imr_option_of(*id));
    }
    imr_buf_str(b, ".TP\n.B ");
    roff(b, imr_buf_text(&text));
    imr_buf_str(b, ".\n");
}

static void man_page(imr_buf *b, const imr_command *const *commands)
{
    IMR_AUTOBUF imr_buf list = {0}, options = {0}, examples = {0}, escaped = {0};
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden) {
            man_command(&list, commands[i]);
            imr_manual_of(NULL, &examples, commands[i]);
        }
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        man_option(&options, imr_option_of((imr_option_id)i));
    roff(&escaped, imr_buf_text(&examples));
    imr_fill(b, imr_cli_man,
             (const imr_mark[]){{"VERSION", IMR_VERSION},
                                {"COMMANDS", imr_buf_text(&list)},
                                {"OPTIONS", imr_buf_text(&options)},
                                {"EXAMPLES", imr_buf_text(&escaped)},
                                {0}});
}

/* ---- completions: a shell asks the program what may follow ---- */

/* "WORD<tab>what it is", or the word alone, where the word begins as typed. */
static void offer(imr_buf *b, const char *typed, const char *word, size_t n, const char *what)
{
    if (n >= strlen(typed) && memcmp(word, typed, strlen(typed)) == 0)
        imr_buf_printf(b, "%.*s%s%s\n", (int)n, word, *what ? "\t" : "", what);
}

static void offer_options(imr_buf *b, const char *typed, const imr_option_id *list)
{
    for (; *list != IMR_OPT_COUNT; list++) {
        const imr_option *o = imr_option_of(*list);
        IMR_AUTOBUF imr_buf name = {0}, alias = {0};
        imr_option_name(&name, o);
        offer(b, typed, imr_buf_text(&name), name.len, o->help);
        imr_buf_printf(&alias, "--%s", o->alias ? o->alias : "");
        if (o->alias)
            offer(b, typed, imr_buf_text(&alias), alias.len, o->help);
    }
}

/* The next word, once each, of the commands that begin with the word before, or with none. */
static void offer_commands(imr_buf *b, const char *typed, const char *before,
                           const imr_command *const *commands)
{
    const size_t n = strlen(before);
    for (const imr_command *const *c = commands; *c; c++) {
        const char *name = (*c)->name;
        const bool fits = !n || (strncmp(name, before, n) == 0 && name[n] == ' ');
        const char *word = fits && n ? name + n + 1 : name;
        const size_t len = strcspn(word, " "), end = (size_t)(word - name) + len;
        if (fits && !(*c)->hidden && (c == commands || strncmp(name, c[-1]->name, end + 1) != 0))
            offer(b, typed, word, len, word[len] ? "" : (*c)->summary);
    }
}

/* The words of the line behind the program's name, up to the one that is typed. */
static imr_status run_complete(imr_cli *cli, imr_error *err)
{
    const size_t n = cli->n_arguments;
    const char *typed = cli->arguments[n - 1], *before = n > 1 ? cli->arguments[n - 2] : "";
    const imr_option *o =
        strncmp(before, "--", 2) == 0 ? imr_option_find(before + 2, strlen(before + 2)) : NULL;
    const imr_command *command = NULL;
    IMR_CLEANUP(imr_line_done) imr_line line = {0};
    IMR_AUTOBUF imr_buf b = {0};
    size_t taken;
    for (size_t i = 0; i + 1 < n; i++)
        IMR_NEED(*cli->arguments[i] == '-' || IMR_PUSH(&line.words, cli->arguments[i]), err);
    if (o && o->kind != IMR_KIND_BOOL) {
        for (const char *at = o->choices ? o->choices : ""; *at; at += strspn(at, "|")) {
            offer(&b, typed, at, strcspn(at, "|"), "");
            at += strcspn(at, "|");
        }
    } else if (*typed == '-') {
        offer_options(&b, typed, imr_common_options);
        if (imr_line_command(&command, &taken, &line, cli->commands, NULL) == IMR_OK && command)
            offer_options(&b, typed, command->options);
    } else if (n <= 2) {
        if (n == 1)
            offer(&b, typed, "help", strlen("help"), "what a command does");
        offer_commands(&b, typed, before, cli->commands);
    }
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_complete = {
    .name = "complete",
    .usage = "-- WORD...",
    .summary = "what may follow on a line, for the shells",
    .options = IMR_OPTIONS(IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_complete,
    .hidden = true,
};

static imr_status run_generate(imr_cli *cli, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    const char *form = cli->arguments[0];
    if (imr_choice_index("man|bash|zsh|fish", form) < 0)
        return imr_fail(err, IMR_E_USAGE, "generate knows man, bash, zsh and fish, not '%s'", form);
    if (strcmp(form, "man") == 0)
        man_page(&b, cli->commands);
    for (size_t i = 0; !b.len && i < imr_cli_files_count; i++)
        if (strcmp(form, imr_cli_files[i].name) == 0)
            imr_buf_add(&b, imr_cli_files[i].data, imr_cli_files[i].len);
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_generate = {
    .name = "generate",
    .usage = "man|bash|zsh|fish",
    .summary = "print the man page or a shell's completions",
    .options = IMR_OPTIONS(IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_generate,
    .hidden = true,
};
