/* cli/options.c - parsing the command line over the option table, and help from it. */
#include "cli/command.h"

#include <unistd.h>

#include "assets/cli.h"
#include "base/url.h"
#include "report/formats.h"

#define OPTION_TEXT 28 /* where the words beside an option begin */

const imr_option_id imr_common_options[] = {
    IMR_OPT_HELP,     IMR_OPT_VERSION, IMR_OPT_QUIET,   IMR_OPT_VERBOSE,    IMR_OPT_COLOR,
    IMR_OPT_PROGRESS, IMR_OPT_THREADS, IMR_OPT_KERNELS, IMR_OPT_MAX_MEMORY, IMR_OPT_COUNT};

void imr_line_done(imr_line *line)
{
    IMR_FREE(line->words.v, line->given.v);
    *line = (imr_line){0};
}

static imr_status unknown_option(const char *word, size_t len, imr_error *err)
{
    const char *names[2 * IMR_OPT_COUNT];
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        names[2 * i] = imr_option_of((imr_option_id)i)->name;
        names[2 * i + 1] = imr_option_of((imr_option_id)i)->alias;
    }
    const imr_text name = imr_textf("%.*s", (int)(len < 63 ? len : 63), word);
    const char *near = imr_nearest(name.s, names, IMR_LEN(names));
    return imr_fail(err, IMR_E_USAGE, "unknown option --%s%s%s%s", name.s,
                    near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

typedef struct scan {
    imr_line *line;
    imr_config *config;
    const char *const *argv;
    int argc, at;
} scan;

static imr_status give(scan *s, const imr_option *o, const char *value, const char *spelling,
                       imr_error *err)
{
    IMR_TRY(imr_config_set(s->config, o->id, value, IMR_FROM_LINE, spelling, 0, err));
    return IMR_PUSH(&s->line->given, o->id) ? IMR_OK : imr_fail_memory(err);
}

/* The next word as the value of `spelling`. */
static imr_status next_value(const char **out, scan *s, const char *spelling, imr_error *err)
{
    if (s->at + 1 >= s->argc)
        return imr_fail(err, IMR_E_USAGE, "%s: a value is missing", spelling);
    const char *word = s->argv[s->at + 1];
    if (word[0] == '-' && word[1] == '-' && imr_option_find(word + 2, strcspn(word + 2, "=")))
        return imr_fail(err, IMR_E_USAGE,
                        "%s: a value is missing before %s (write %s=%s when that is the value)",
                        spelling, word, spelling, word);
    s->at++;
    *out = word;
    return IMR_OK;
}

static imr_status long_option(scan *s, const char *word, imr_error *err)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    bool off = false;
    const imr_option *o = imr_option_find(word, len);
    if (!o && len > 3 && memcmp(word, "no-", 3) == 0) {
        o = imr_option_find(word + 3, len - 3);
        if (o && o->kind != IMR_KIND_BOOL)
            o = NULL;
        off = true;
    }
    if (!o)
        return unknown_option(word, len, err);
    char spelling[80];
    snprintf(spelling, sizeof spelling, "--%.*s", (int)len, word);
    const char *value = equals ? equals + 1 : NULL;
    if (o->kind == IMR_KIND_BOOL) {
        if (off && value)
            return imr_fail(err, IMR_E_USAGE, "%s takes no value", spelling);
        value = value ? value : off ? "no" : "yes";
    } else if (!value) {
        IMR_TRY(next_value(&value, s, spelling, err));
    }
    return give(s, o, value, spelling, err);
}

static imr_status short_options(scan *s, const char *letters, imr_error *err)
{
    for (; *letters; letters++) {
        const imr_option *o = imr_option_by_letter(*letters);
        char spelling[3] = {'-', *letters, '\0'};
        if (!o)
            return imr_fail(err, IMR_E_USAGE,
                            "unknown option -%c (put -- before arguments that begin with -)",
                            *letters >= ' ' && *letters <= '~' ? *letters : '?');
        if (o->kind == IMR_KIND_BOOL) {
            IMR_TRY(give(s, o, "yes", spelling, err));
            continue;
        }
        const char *value = letters + 1;
        if (!*value)
            IMR_TRY(next_value(&value, s, spelling, err));
        return give(s, o, value, spelling, err);
    }
    return IMR_OK;
}

imr_status imr_line_parse(imr_line *out, imr_config *config, int argc, const char *const *argv,
                          imr_error *err)
{
    IMR_CLEANUP(imr_line_done) imr_line line = {0};
    scan s = {&line, config, argv, argc, 1};
    bool ended = false;
    for (; s.at < argc; s.at++) {
        const char *word = argv[s.at];
        if (ended || word[0] != '-' || word[1] == '\0') {
            const char *secret = imr_is_url(word) ? imr_url_secret(word) : NULL;
            if (secret)
                return imr_fail(err, IMR_E_USAGE, "%s", secret);
            IMR_NEED(IMR_PUSH(&line.words, word), err);
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (word[1] == '-') {
            IMR_TRY(long_option(&s, word + 2, err));
        } else {
            IMR_TRY(short_options(&s, word + 1, err));
        }
    }
    return IMR_GIVE(out, line);
}

/* How many of the line's words spell the command's name; 0: not this command. */
static size_t name_matches(const char *name, const imr_line *line)
{
    size_t i = 0;
    for (const char *p = name;; i++) {
        size_t n = strcspn(p, " ");
        if (i >= line->words.n || strlen(line->words.v[i]) != n ||
            memcmp(line->words.v[i], p, n) != 0)
            return 0;
        if (!p[n])
            return i + 1;
        p += n + 1;
    }
}

static bool in_group(const imr_command *c, const char *group)
{
    size_t n = strlen(group);
    return strncmp(c->name, group, n) == 0 && c->name[n] == ' ';
}

static imr_status unknown_command(const imr_line *line, const imr_command *const *commands,
                                  imr_error *err)
{
    const char *word = line->words.v[0], *names[64];
    size_t n = 0;
    for (size_t i = 0; commands[i]; i++)
        if (in_group(commands[i], word)) {
            IMR_AUTOBUF imr_buf list = {0};
            for (size_t j = 0; commands[j]; j++)
                if (in_group(commands[j], word))
                    imr_buf_printf(&list, "%s%s", list.len ? ", " : "",
                                   commands[j]->name + strlen(word) + 1);
            if (line->words.n == 1)
                return imr_fail(err, IMR_E_USAGE, "%s needs one of: %s", word, imr_buf_text(&list));
            return imr_fail(err, IMR_E_USAGE, "unknown command '%s %s'; there are: %s", word,
                            line->words.v[1], imr_buf_text(&list));
        }
    for (size_t i = 0; commands[i] && n < IMR_LEN(names); i++)
        if (!commands[i]->hidden)
            names[n++] = commands[i]->name;
    const char *near = imr_nearest(word, names, n);
    return imr_fail(err, IMR_E_USAGE,
                    "'%s' is neither a command nor a folder%s%s%s (imrnn help lists the commands)",
                    word, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

imr_status imr_line_command(const imr_command **out, size_t *taken, const imr_line *line,
                            const imr_command *const *commands, imr_error *err)
{
    const imr_command *found = NULL, *explore = NULL;
    size_t words = 0;
    for (size_t i = 0; commands[i] && line->words.n; i++) {
        size_t n = name_matches(commands[i]->name, line);
        if (n > words)
            words = n, found = commands[i];
        if (strcmp(commands[i]->name, "explore") == 0)
            explore = commands[i];
    }
    if (!found && line->words.n) {
        if (!explore || (!imr_is_url(line->words.v[0]) && access(line->words.v[0], F_OK) != 0))
            return unknown_command(line, commands, err);
        found = explore;
    }
    *out = found;
    *taken = words;
    return IMR_OK;
}

bool imr_option_is_in(const imr_option_id *list, imr_option_id id)
{
    for (; *list != IMR_OPT_COUNT; list++)
        if (*list == id)
            return true;
    return false;
}

imr_status imr_line_check(const imr_line *line, const imr_command *command, size_t n_arguments,
                          imr_error *err)
{
    for (size_t i = 0; i < line->given.n; i++) {
        imr_option_id id = line->given.v[i];
        if (!imr_option_is_in(command->options, id) && !imr_option_is_in(imr_common_options, id))
            return imr_fail(err, IMR_E_USAGE, "%s takes no --%s (imrnn %s --help)", command->name,
                            imr_option_of(id)->name, command->name);
    }
    if (n_arguments < command->min_arguments)
        return imr_fail(err, IMR_E_USAGE, "usage: imrnn %s %s", command->name, command->usage);
    if (n_arguments > command->max_arguments)
        return imr_fail(err, IMR_E_USAGE, "unexpected argument '%s'; usage: imrnn %s %s",
                        line->words.v[line->words.n - 1], command->name, command->usage);
    return IMR_OK;
}

/* ---- help ---- */

void imr_option_name(imr_buf *b, const imr_option *o)
{
    const bool on = o->kind == IMR_KIND_BOOL && o->fallback && strcmp(o->fallback, "true") == 0;
    imr_buf_printf(b, "--%s%s", on ? "no-" : "", o->name);
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
    imr_report_wrap(b, imr_buf_text(&text), OPTION_TEXT, OPTION_TEXT, IMR_REPORT_WIDTH);
}

static void put_options(imr_buf *b, const char *title, const imr_option_id *list)
{
    imr_buf_printf(b, "\n%s:\n", title);
    for (; *list != IMR_OPT_COUNT; list++)
        put_option(b, imr_option_of(*list));
}

void imr_fill(imr_buf *b, const unsigned char *text, const imr_mark *marks)
{
    const char *from = (const char *)text, *at = from;
    while (*at) {
        const imr_mark *m = marks;
        size_t n = 0;
        for (; *at == '@' && m->name; m++) {
            n = strlen(m->name);
            if (strncmp(at + 1, m->name, n) == 0 && at[1 + n] == '@')
                break;
        }
        if (*at != '@' || !m->name) {
            imr_buf_char(b, *at++);
            continue;
        }
        const bool line = at == from || at[-1] == '\n';
        imr_buf_str(b, m->text);
        at += n + 2;
        at += line && *at == '\n';
    }
}

void imr_manual_of(imr_buf *details, imr_buf *examples, const imr_command *command)
{
    const imr_text head = imr_textf("\n# %s\n", command->name);
    const char *at = strstr((const char *)imr_cli_manual, head.s);
    at = at ? at + strlen(head.s) : "#";
    for (size_t n; *at && *at != '#'; at += n + 1) {
        n = strcspn(at, "\n");
        if (*at == ' ' && examples)
            imr_buf_printf(examples, "%.*s\n", (int)n, at);
        else if (n && *at != ' ' && details) /* the paragraph goes on, or ends */
            imr_buf_printf(details, at[n + 1] == '\n' ? "%.*s\n" : "%.*s ", (int)n, at);
    }
}

void imr_help_command(imr_buf *b, const imr_command *command)
{
    IMR_AUTOBUF imr_buf details = {0}, examples = {0};
    const char *name = command->name;
    imr_report_wrap(b, imr_textf("imrnn %s - %s", name, command->summary).s, 0, 4,
                    IMR_REPORT_WIDTH);
    imr_buf_char(b, '\n');
    imr_report_wrap(b, imr_textf("usage: imrnn %s %s", name, command->usage).s, 0, 11,
                    IMR_REPORT_WIDTH);
    imr_manual_of(&details, &examples, command);
    if (details.len) {
        details.data[--details.len] = '\0'; /* the last line's end */
        imr_buf_char(b, '\n');
        imr_report_wrap(b, details.data, 0, 0, IMR_REPORT_WIDTH);
    }
    put_options(b, "options", command->options);
    put_options(b, "common options", imr_common_options);
    if (examples.len)
        imr_buf_printf(b, "\nexample:\n%s", imr_buf_text(&examples));
}

void imr_help_all(imr_buf *b, const imr_command *const *commands)
{
    IMR_AUTOBUF imr_buf list = {0};
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden) {
            imr_buf_printf(&list, "  %-18s", commands[i]->name);
            imr_report_wrap(&list, commands[i]->summary, 20, 20, IMR_REPORT_WIDTH);
        }
    imr_fill(b, imr_cli_help, (const imr_mark[]){{"COMMANDS", imr_buf_text(&list)}, {0}});
}

bool imr_help_group(imr_buf *b, const imr_command *const *commands, const char *group)
{
    bool any = false;
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden && in_group(commands[i], group)) {
            imr_buf_printf(b, "  imrnn %-18s", commands[i]->name);
            imr_report_wrap(b, commands[i]->summary, 26, 26, IMR_REPORT_WIDTH);
            any = true;
        }
    return any;
}
