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
    IMR_AUTOBUF imr_buf examples = {0};
    imr_buf_str(b, ".TH IMRNN 1 \"\" \"imrnn " IMR_VERSION "\"\n.SH NAME\n"
                   "imrnn \\- why a dense retriever ranks as it does, and what an adapter changes\n"
                   ".SH SYNOPSIS\n.B imrnn\n.I COMMAND\n[options]\n.SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            man_command(b, commands[i]);
    imr_buf_str(b, ".SH OPTIONS\n");
    for (size_t i = 0; i < IMR_OPT_COUNT; i++)
        man_option(b, imr_option_of((imr_option_id)i));
    imr_buf_str(
        b, ".SH ENVIRONMENT\nEvery option that is not about one call only can be given "
           "as IMRNN_<NAME>, such as IMRNN_FEEDBACK_K. NO_COLOR switches colour off. ESCDELAY "
           "says for how many milliseconds the rest of a key that begins with ESC is "
           "waited for (100). "
           "HF_HUB_CACHE, HF_HOME and SENTENCE_TRANSFORMERS_HOME say where encoders "
           "lie.\n.SH FILES\n.TP\n.I $XDG_CONFIG_HOME/imrnn/config\nsettings of the user: "
           "lines \\(lqname = value\\(rq, names being those of the options with a variable above "
           "(\\(lqtheme = light\\(rq), and \\(lqbind LIST x :sort delta\\(rq for the "
           "explorer, where :keys shows all.\n.TP\n"
           ".I .imrnn\nsettings of the project, in the current folder; stronger than the "
           "user's, weaker than the environment and the command line.\n"
           ".SH COMPLETION\nimrnn generate bash, zsh or fish prints what the shell completes "
           "commands, options and their values with; imrnn generate man this page.\n"
           ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 bad data or model, 130 "
           "interrupted.\n.SH EXAMPLES\n.nf\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            imr_manual_of(NULL, &examples, commands[i]);
    roff(b, imr_buf_text(&examples));
    imr_buf_str(b, ".fi\n");
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
    if (strcmp(form, "man") == 0)
        man_page(&b, cli->commands);
    for (size_t i = 1; i < imr_cli_files_count; i++) /* behind the manual */
        if (strcmp(form, imr_cli_files[i].name) == 0)
            imr_buf_add(&b, imr_cli_files[i].data, imr_cli_files[i].len);
    return b.len || b.failed ? imr_cli_emit(cli, &b, err)
                             : imr_fail(err, IMR_E_USAGE,
                                        "generate knows man, bash, zsh and fish, not '%s'", form);
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
