/* cli/cmd_generate.c - man page and shell completions, from the tables of commands and options. */

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
    if (c->details)
        imr_buf_printf(&text, "%s\n", c->details);
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
        if (!commands[i]->hidden && commands[i]->example) {
            roff(b, commands[i]->example);
            imr_buf_char(b, '\n');
        }
    imr_buf_str(b, ".fi\n");
}

/* ---- completions ---- */

static bool takes_path(const imr_option *o)
{
    return o->metavar && (strcmp(o->metavar, "FILE") == 0 || strcmp(o->metavar, "DIR") == 0);
}

/* Bytes of "encoder " where the i-th command is the first of that group, else 0. */
static size_t begins_group(const imr_command *const *commands, size_t i)
{
    const char *name = commands[i]->name, *space = strchr(name, ' ');
    const size_t n = space && !commands[i]->hidden ? (size_t)(space - name) + 1 : 0;
    return i && n && strncmp(name, commands[i - 1]->name, n) == 0 ? 0 : n;
}

/* First words of all commands, each once. */
static void first_words(imr_buf *b, const imr_command *const *commands)
{
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        if (begins_group(commands, i) || (!commands[i]->hidden && !strchr(name, ' ')))
            imr_buf_printf(b, "%.*s ", (int)strcspn(name, " "), name);
    }
    imr_buf_str(b, "help");
}

static void put_words(imr_buf *b, const char *choices)
{
    for (; *choices; choices++)
        imr_buf_char(b, *choices == '|' ? ' ' : *choices);
}

static void option_words(imr_buf *b, const imr_option_id *list)
{
    for (; *list != IMR_OPT_COUNT; list++) {
        const imr_option *o = imr_option_of(*list);
        imr_option_name(b, o);
        imr_buf_char(b, ' ');
        if (o->alias)
            imr_buf_printf(b, "--%s ", o->alias);
    }
}

static void bash_completion(imr_buf *b, const imr_command *const *commands)
{
    imr_buf_str(b, "# bash completion of imrnn\n_imrnn() {\n"
                   "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                   "    local line=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
                   "    case $prev in\n");
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        const imr_option *o = imr_option_of((imr_option_id)i);
        if (o->choices) {
            imr_buf_printf(b, "    --%s) COMPREPLY=($(compgen -W \"", o->name);
            put_words(b, o->choices);
            imr_buf_str(b, "\" -- \"$cur\")); return ;;\n");
        } else if (takes_path(o)) {
            imr_buf_printf(b, "    --%s%s%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
                           o->name, o->alias ? "|--" : "", o->alias ? o->alias : "");
        }
    }
    imr_buf_str(b, "    esac\n    if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then\n"
                   "        COMPREPLY=($(compgen -W \"");
    first_words(b, commands);
    imr_buf_str(b,
                "\" -- \"$cur\") $(compgen -d -- \"$cur\")); return\n    fi\n    local words=\"");
    option_words(b, imr_common_options);
    imr_buf_str(b, "\" names=\n    case $line in\n");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        const char *space = strchr(commands[i]->name, ' ');
        imr_buf_printf(b, "    \"%s%s\"*) words+=\"", commands[i]->name, space ? "" : " ");
        option_words(b, commands[i]->options);
        imr_buf_str(b, "\" ;;\n");
    }
    imr_buf_str(b, "    esac\n");
    for (size_t i = 0; commands[i]; i++) {
        const size_t n = begins_group(commands, i);
        if (!n)
            continue;
        imr_buf_printf(b, "    [[ ${COMP_WORDS[1]} == %.*s ]] && names=\"", (int)n - 1,
                       commands[i]->name);
        for (size_t j = i; commands[j]; j++)
            if (strncmp(commands[j]->name, commands[i]->name, n) == 0)
                imr_buf_printf(b, "%s ", commands[j]->name + n);
        imr_buf_str(b, "\"\n");
    }
    imr_buf_str(b, "    if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$words\" -- "
                   "\"$cur\"))\n    elif [[ $COMP_CWORD -eq 2 && -n $names ]]; then "
                   "COMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
                   "    else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n}\n"
                   "complete -o filenames -F _imrnn imrnn\n");
}

/* Text between single quotes in a shell, with what else `also` names escaped by a backslash. */
static void quoted(imr_buf *b, const char *text, const char *also)
{
    for (; *text; text++)
        if (*text == '\'')
            imr_buf_str(b, "'\\''");
        else
            imr_buf_printf(b, strchr(also, *text) ? "\\%c" : "%c", *text);
}

static void zsh_options(imr_buf *b, const imr_option_id *list)
{
    for (; *list != IMR_OPT_COUNT; list++) {
        const imr_option *o = imr_option_of(*list);
        imr_buf_printf(b, " \\\n        '%s", o->kind == IMR_KIND_LIST ? "*" : "");
        imr_option_name(b, o);
        imr_buf_str(b, o->kind == IMR_KIND_BOOL ? "[" : "=[");
        quoted(b, o->help, "[]:");
        imr_buf_char(b, ']');
        if (o->choices) {
            imr_buf_printf(b, ":%s:(", o->metavar);
            put_words(b, o->choices);
            imr_buf_char(b, ')');
        } else if (o->kind != IMR_KIND_BOOL) {
            imr_buf_printf(b, ":%s:%s", o->metavar, takes_path(o) ? "_files" : "");
        }
        imr_buf_char(b, '\'');
    }
}

static void zsh_completion(imr_buf *b, const imr_command *const *commands)
{
    imr_buf_str(b, "#compdef imrnn\n_imrnn() {\n    if (( CURRENT == 2 )); then\n"
                   "        local -a names=(");
    first_words(b, commands);
    imr_buf_str(b, ")\n        compadd -- $names; _files -/; return\n    fi\n"
                   "    case \"$words[2] $words[3]\" in\n");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        bool two = strchr(commands[i]->name, ' ') != NULL;
        imr_buf_printf(b, "    (\"%s%s\"*) _arguments", commands[i]->name, two ? "" : " ");
        zsh_options(b, commands[i]->options);
        zsh_options(b, imr_common_options);
        imr_buf_str(b, " '*:file:_files' ;;\n");
    }
    for (size_t i = 0; commands[i]; i++) {
        const size_t n = begins_group(commands, i);
        if (!n)
            continue;
        imr_buf_printf(b, "    (\"%.*s\"*) compadd --", (int)n, commands[i]->name);
        for (size_t j = i; commands[j]; j++)
            if (strncmp(commands[j]->name, commands[i]->name, n) == 0)
                imr_buf_printf(b, " %s", commands[j]->name + n);
        imr_buf_str(b, " ;;\n");
    }
    imr_buf_str(b, "    esac\n}\n_imrnn \"$@\"\n");
}

/* command: its last word; NULL: of all. */
static void fish_option(imr_buf *b, const char *command, const imr_option *o)
{
    IMR_AUTOBUF imr_buf name = {0};
    imr_option_name(&name, o);
    imr_buf_str(b, "complete -c imrnn");
    if (command)
        imr_buf_printf(b, " -n '__fish_seen_subcommand_from %s'", command);
    imr_buf_printf(b, " -l %s", imr_buf_text(&name) + 2);
    if (o->letter)
        imr_buf_printf(b, " -s %c", o->letter);
    if (o->choices) {
        imr_buf_str(b, " -x -a '");
        put_words(b, o->choices);
        imr_buf_char(b, '\'');
    } else if (o->kind != IMR_KIND_BOOL) {
        imr_buf_str(b, takes_path(o) ? " -r -F" : " -x");
    }
    imr_buf_str(b, " -d '");
    quoted(b, o->help, "");
    imr_buf_str(b, "'\n");
}

static void fish_completion(imr_buf *b, const imr_command *const *commands)
{
    imr_buf_str(b, "# fish completion of imrnn\n");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        size_t n = space ? (size_t)(space - name) : strlen(name);
        imr_buf_printf(b, "complete -c imrnn -n __fish_use_subcommand -a %.*s -d '", (int)n, name);
        quoted(b, space ? "" : commands[i]->summary, "");
        imr_buf_str(b, "'\n");
        if (space) {
            imr_buf_printf(b, "complete -c imrnn -n '__fish_seen_subcommand_from %.*s' -a %s -d '",
                           (int)n, name, space + 1);
            quoted(b, commands[i]->summary, "");
            imr_buf_str(b, "'\n");
        }
        for (const imr_option_id *id = commands[i]->options; *id != IMR_OPT_COUNT; id++)
            fish_option(b, space ? space + 1 : name, imr_option_of(*id));
    }
    for (const imr_option_id *id = imr_common_options; *id != IMR_OPT_COUNT; id++)
        fish_option(b, NULL, imr_option_of(*id));
}

static imr_status run_generate(imr_cli *cli, imr_error *err)
{
    static const struct {
        const char *name;
        void (*write)(imr_buf *b, const imr_command *const *commands);
    } forms[] = {{"man", man_page},
                 {"bash", bash_completion},
                 {"zsh", zsh_completion},
                 {"fish", fish_completion}};
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < IMR_LEN(forms); i++)
        if (strcmp(cli->arguments[0], forms[i].name) == 0) {
            forms[i].write(&b, cli->commands);
            return imr_cli_emit(cli, &b, err);
        }
    return imr_fail(err, IMR_E_USAGE, "generate knows man, bash, zsh and fish, not '%s'",
                    cli->arguments[0]);
}

const imr_command imr_command_generate = {
    .name = "generate",
    .usage = "man|bash|zsh|fish",
    .summary = "print the man page or a shell's completions",
    .example = "  imrnn generate bash >/etc/bash_completion.d/imrnn",
    .options = IMR_OPTIONS(IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_generate,
    .hidden = true,
};
