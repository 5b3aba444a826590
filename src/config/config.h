/*
 * config/config.h - the options and where their values came from.
 *
 *   flags  >  environment (IMRNN_<NAME>)  >  project file .imrnn  >  user file  >  default
 *
 * config/options.def is the one table; parser, help, man page, completions, `:set` and the config
 * files all read it. Values are checked (kind, range, choice) when they are set, so that getters
 * cannot fail. A later value of the same source replaces the earlier one; LIST options append.
 *
 * Config file: one `key = value` a line, `#` starts a comment line, blank lines are fine, value
 * text runs to the end of the line without surrounding blanks (double quotes around it are taken
 * off and keep blanks). Lines `bind LIST x :stage next` are kept for the explorer, unread.
 * A getter of the wrong kind for an option is a caller's bug (asserted).
 * Threads: const after loading.
 */
#pragma once

#include "base/buf.h"

typedef enum imr_option_id {
#define OPT(id, name, alias, letter, kind, fallback, low, high, choices, metavar, where, help)     \
    IMR_OPT_##id,
#include "config/options.def"
#undef OPT
    IMR_OPT_COUNT
} imr_option_id;

typedef enum imr_option_kind {
    IMR_KIND_STRING,
    IMR_KIND_INT,
    IMR_KIND_FLOAT,
    IMR_KIND_SIZE, /* bytes; read by imr_config_int */
    IMR_KIND_BOOL,
    IMR_KIND_CHOICE,
    IMR_KIND_LIST
} imr_option_kind;

typedef struct imr_option {
    imr_option_id id;
    const char *name, *alias; /* without dashes; alias NULL when there is none */
    char letter;              /* 0: none */
    imr_option_kind kind;
    const char *fallback; /* NULL: none */
    double low, high;
    const char *choices, *metavar, *help;
    enum { IMR_IS_ANY, IMR_IS_WITHIN, IMR_IS_OWN, IMR_IS_LINE } where; /* options.def */
} imr_option;

/* In order of strength: a value of a weaker source never replaces a stronger one. */
typedef enum imr_source {
    IMR_FROM_DEFAULT,
    IMR_FROM_USER_FILE,
    IMR_FROM_PROJECT_FILE,
    IMR_FROM_ENVIRONMENT,
    IMR_FROM_LINE
} imr_source;

/* ---- the table ---- */
const imr_option *imr_option_of(imr_option_id id);
/* By --name or alias (no dashes), len bytes; NULL when there is none. */
const imr_option *imr_option_find(const char *name, size_t len);
const imr_option *imr_option_by_letter(char letter);
/* Index of text among "a|b|c", or -1. */
int imr_choice_index(const char *choices, const char *text);
/* "IMRNN_FEEDBACK_K" into out (at least 64 bytes). Returns out. */
char *imr_option_variable(const imr_option *option, char *out);

/* ---- values ---- */
typedef struct imr_config imr_config;
/* A variable of the environment, or NULL. */
typedef const char *(*imr_environment_fn)(void *user, const char *name);

typedef struct imr_bind {
    const char *text; /* the line without "bind" and surrounding blanks */
    const char *path; /* of the file */
    unsigned line;
    bool project; /* of a project file: binds neither what writes nor the keys that end */
} imr_bind;

imr_status imr_config_new(imr_config **out, imr_error *err);
void imr_config_free(imr_config *c);

/*
 * Sets one value as text. where: the spelling used ("--feedback-k") for IMR_FROM_LINE, the variable
 * for IMR_FROM_ENVIRONMENT, the path for files (with line > 0). IMR_E_USAGE names where, what was
 * found and what is expected, but never repeats a password of a URL. IMR_E_MEMORY leaves the old
 * value. A URL as --cache-dir is --store; of these two the one of the stronger source is kept.
 */
imr_status imr_config_set(imr_config *c, imr_option_id id, const char *text, imr_source source,
                          const char *where, unsigned line, imr_error *err);

/* As if nobody had set it. */
void imr_config_unset(imr_config *c, imr_option_id id);

/* text: the file's bytes. source: IMR_FROM_USER_FILE or IMR_FROM_PROJECT_FILE. */
imr_status imr_config_parse(imr_config *c, const char *text, size_t len, const char *path,
                            imr_source source, imr_error *err);
/*
 * Environment and the user file ($XDG_CONFIG_HOME/imrnn/config, else $HOME/.config/imrnn/config).
 * An absent file is fine. The project file is a stranger's until somebody vouches for it
 * (cli/project.c).
 */
imr_status imr_config_load(imr_config *c, imr_environment_fn get, void *user, imr_error *err);

/* Value text of STRING and CHOICE (NULL when unset and without default); borrowed. */
const char *imr_config_string(const imr_config *c, imr_option_id id);
/* Numbers without a default are 0 until they are set. */
int64_t imr_config_int(const imr_config *c, imr_option_id id);
double imr_config_float(const imr_config *c, imr_option_id id);
bool imr_config_bool(const imr_config *c, imr_option_id id);
/* Index of a CHOICE within its choices; -1 while one without a default is not set. */
int imr_config_choice(const imr_config *c, imr_option_id id);
/* LIST: how many, and each, NULL behind the last; borrowed. */
size_t imr_config_count(const imr_config *c, imr_option_id id);
const char *imr_config_item(const imr_config *c, imr_option_id id, size_t i);

/* Whether anyone set it (any source but the default). */
bool imr_config_is_set(const imr_config *c, imr_option_id id);
imr_source imr_config_from(const imr_config *c, imr_option_id id);
/* Appends the value as text: `100`, `yes`, items joined by ", ", `(none)`. */
void imr_config_value(imr_buf *b, const imr_config *c, imr_option_id id);
/* Appends "--feedback-k on the command line", "IMRNN_SEED in the environment",
 * "user file /home/ann/.config/imrnn/config:3", "default". */
void imr_config_source(imr_buf *b, const imr_config *c, imr_option_id id);

/* Sets a value that nobody set, as if the place that gave `from` had: the rules of that place hold
 * for it, too. */
imr_status imr_config_derive(imr_config *c, imr_option_id id, const char *text, imr_option_id from,
                             imr_error *err);
/* Appends what the project file sets: "cache-dir = c, seed = 3, bind LIST x :stage". */
void imr_config_project(imr_buf *b, const imr_config *c);

size_t imr_config_binds(const imr_config *c, const imr_bind **out);

/* --encoder-model-name when given, else --encoder; NULL when neither is. */
const char *imr_config_encoder(const imr_config *c);

/* The nearest of n words within a third of its length (at least 1 edit, a swap counts 1), or NULL:
 * for "did you mean". */
const char *imr_nearest(const char *word, const char *const *words, size_t n);
