/* cli/options.c - parsing the command line over the option table. */
#include "cli/options.h"

#include <string.h>
#include <unistd.h>

const imr_option_id imr_common_options[] = {IMR_OPT_HELP,    IMR_OPT_VERSION, IMR_OPT_QUIET,
                                            IMR_OPT_VERBOSE, IMR_OPT_COLOR,   IMR_OPT_PROGRESS,
                                            IMR_OPT_THREADS, IMR_OPT_KERNELS, IMR_OPT_COUNT};

void imr_line_done(imr_line *line)
{
    imr_free(line->words.v);
    imr_free(line->given.v);
    *line = (imr_line){0};
}

static imr_status unknown_option(const char *word, size_t len, imr_error *err)
{
    const char *names[2 * IMR_OPT_COUNT];
    for (size_t i = 0; i < IMR_OPT_COUNT; i++) {
        names[2 * i] = imr_option_of((imr_option_id)i)->name;
        names[2 * i + 1] = imr_option_of((imr_option_id)i)->alias;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), word);
    const char *near = imr_nearest(name, names, IMR_LEN(names));
    return imr_fail(err, IMR_E_USAGE, "unknown option --%s%s%s%s", name,
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
            IMR_NEED(IMR_PUSH(&line.words, word), err);
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (word[1] == '-') {
            IMR_TRY(long_option(&s, word + 2, err));
        } else {
            IMR_TRY(short_options(&s, word + 1, err));
        }
    }
    *out = line;
    line = (imr_line){0};
    return IMR_OK;
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
        if (!explore || access(line->words.v[0], F_OK) != 0)
            return unknown_command(line, commands, err);
        found = explore;
    }
    *out = found;
    *taken = words;
    return IMR_OK;
}

static bool listed(const imr_option_id *list, imr_option_id id)
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
        if (!listed(command->options, id) && !listed(imr_common_options, id))
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
