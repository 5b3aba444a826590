/*
 * cli/command.h - what a command is, and what it is given.
 *
 * A command is one file cmd_<name>.c that defines one imr_command; main.c lists them in the order
 * of the help. Help, man page and completions come from these values, the option table and the
 * texts of assets/cli. A command returns a status and fills err; main prints "imrnn: <text>" and
 * exits with imr_status_exit(status). Results go through imr_cli_emit, words for people through
 * imr_cli_say.
 */
#pragma once

#include "base/array.h"
#include "base/file.h"
#include "base/strmap.h"
#include "cli/progress.h"
#include "encoder/folder.h"
#include "math/kernels.h"
#include "config/config.h"

typedef struct imr_cli imr_cli;

/* Where a result goes: standard output, or a file published whole. Failures stick (a full disk, a
 * closed pipe) and are reported once by imr_output_close. */
typedef struct imr_output {
    FILE *stream; /* NULL while writing to a file */
    imr_writer writer;
    int failure;
} imr_output;

/* path NULL, "-" or /dev/stdout: standard output. */
imr_status imr_output_open(imr_output *o, const char *path, bool overwrite, imr_error *err);
void imr_output_add(imr_output *o, const void *bytes, size_t n);
/* Flushes and publishes; imr_writer_done(&o->writer) removes an unpublished file. */
imr_status imr_output_close(imr_output *o, imr_error *err);

typedef struct imr_command {
    const char *name;                    /* "train", or two words: "encoder train" */
    const char *usage;                   /* what follows the name in the usage line */
    const char *summary;                 /* one line without a full stop */
    const imr_option_id *options;        /* beside the common ones; ended by IMR_OPT_COUNT */
    size_t min_arguments, max_arguments; /* positional, after the name */
    imr_status (*run)(imr_cli *cli, imr_error *err);
    bool hidden;     /* not in help, man page and completions */
    bool own_output; /* reads --output itself: a folder, or a file of another writer */
    bool two;        /* adapters may stand side by side in its session */
    bool many;       /* it takes any number of adapters, one after the other */
} imr_command;

/* For the table of a command; some options go together. */
#define IMR_OPTIONS(...)    ((const imr_option_id[]){__VA_ARGS__, IMR_OPT_COUNT})
#define IMR_OUTPUT_OPTIONS  IMR_OPT_OUTPUT, IMR_OPT_OVERWRITE
#define IMR_ENCODER_OPTIONS IMR_OPT_ENCODER, IMR_OPT_ENCODER_MODEL_NAME, IMR_OPT_ENCODER_REVISION
#define IMR_DATASET_OPTIONS IMR_OPT_DATASET, IMR_OPT_DATASETS_DIR, IMR_OPT_ASSETS_ROOT

struct imr_cli {
    const imr_command *command;
    const imr_command *const *commands; /* all, ended by NULL */
    imr_config *config;
    const char *const *arguments; /* positional, after the name */
    size_t n_arguments;
    const char *const *argv; /* the whole line, for reports */
    int argc;
    imr_output output;
    imr_meter meter; /* its progress: for calls that report and can be cancelled with C-c */
    bool quiet;
    const char *project; /* what the project file sets; "": nothing */
    bool told;           /* what the encoder has to notice */
    bool again;          /* a report is computed again: nothing is kept, nor read of what was */
    bool plain;          /* then: nobody had asked for the influence of the feedback */
};

/* A finished buffer of the result: to -o FILE (published when the command succeeds) or standard
 * output. Fails when the buffer did. */
imr_status imr_cli_emit(imr_cli *cli, const imr_buf *b, imr_error *err);
/* One line for people on standard error, made safe for a terminal; nothing when quiet or empty. */
void imr_cli_say(imr_cli *cli, const char *format, ...) IMR_PRINTF(2, 3);
/* Each line of a text. */
void imr_cli_say_lines(imr_cli *cli, const char *text);
/* $VARIABLE/name, else ~/below_home; false when neither is a folder, *out NULL when memory ran
 * out. */
bool imr_cli_xdg(char **out, const char *variable, const char *name,
                 const char *below_home) IMR_NODISCARD;

/* Value of a STRING option that must be there: IMR_E_USAGE "--cache-dir DIR is needed ...". */
imr_status imr_cli_need(const char **out, const imr_cli *cli, imr_option_id id, imr_error *err);
/* --format as its place in "a|b|c"; of text or json. */
imr_status imr_cli_format(int *out, const imr_cli *cli, const char *choices, imr_error *err);
imr_status imr_cli_json(bool *out, const imr_cli *cli, imr_error *err);
/* None of these files of a folder is there, ended by NULL, or --overwrite is given: asked before
 * anything is computed. IMR_E_IO names the first. */
imr_status imr_cli_vacant(const imr_cli *cli, const char *dir, const char *const *names,
                          imr_error *err);
/* The one argument, when it is there, becomes the value of this option. */
imr_status imr_cli_argument(imr_cli *cli, imr_option_id id, imr_error *err);
/* The one argument of a command that reads texts is what --cache-dir would be, or, where it holds
 * no cache, what --dataset would be; a URL is what --store would be. */
imr_status imr_cli_cache_argument(imr_cli *cli, imr_error *err);
/* What --assets-root stands for, where nothing else was said (config/options.def). */
imr_status imr_cli_assets(const imr_cli *cli, imr_error *err);
/* --dataset as a folder: a path, else a name under --datasets-dir. The caller's. NULL and IMR_OK
 * when --dataset is not given. */
imr_status imr_cli_dataset_path(char **out, const imr_cli *cli, imr_error *err);

/* --kernels; IMR_E_USAGE, with those there are, when this CPU cannot run them. */
imr_status imr_cli_kernels(const imr_kernels **out, const imr_cli *cli, imr_error *err);

/* Where encoders lie, from the environment. */
imr_hub imr_cli_hub(const imr_cli *cli);

struct imr_encoder;
/* Opens --encoder (or --encoder-model-name), with the prefixes given and in --precision, float32
 * when that is auto; its dimension must be --embedding-dim when that is given. Says what the
 * encoder has to notice. */
imr_status imr_cli_encoder(struct imr_encoder **out, imr_cli *cli, imr_error *err);
/* The same in this precision. */
imr_status imr_cli_encoder_as(struct imr_encoder **out, imr_cli *cli, imr_precision precision,
                              imr_error *err);

struct imr_cache;
/* The encoder a cache was made with, as it names it or --encoder does, in its precision and with
 * its prefixes. IMR_E_FORMAT when its weights are others. */
imr_status imr_cli_encoder_of_cache(struct imr_encoder **out, imr_cli *cli,
                                    const struct imr_cache *cache, imr_error *err);
/* Where --encoder is given: that it is the one the cache was made with; errors as above. */
imr_status imr_cli_check_encoder(imr_cli *cli, const struct imr_cache *cache, imr_error *err);

/* That encoder opened for its tokeniser; its weights may be missing. */
imr_status imr_cli_tokenizer(struct imr_encoder **out, imr_cli *cli, imr_error *err);

struct imr_dataset;
struct imr_scratch;
/* Opens --dataset, which must be there; says which lines --skip-bad-lines left out. With a scratch
 * its tables go there and judgements are not read. */
imr_status imr_cli_dataset(struct imr_dataset **out, imr_cli *cli, struct imr_scratch *scratch,
                           imr_error *err);

/* With --skip-bad-lines. dataset: a path, or NULL. */
imr_status imr_cli_open_cache(struct imr_cache **out, imr_cli *cli, const char *dir,
                              const char *dataset, imr_error *err);
/* Opens --cache-dir with --dataset when given; says what the cache has to notice, and
 * imr_cli_say_absent. */
imr_status imr_cli_cache(struct imr_cache **out, imr_cli *cli, imr_error *err);
/* Says for each split how many of its judged documents the corpus lacks. */
void imr_cli_say_absent(imr_cli *cli, const struct imr_cache *cache);
/* --feedback-k; the default becomes the number of documents, and says so, when there are fewer. */
uint32_t imr_cli_feedback_k(imr_cli *cli, const struct imr_cache *cache);

/* ---- cli/project.c: the project file .imrnn of the folder a command runs in ---- */

/*
 * It may be a stranger's: it sets what is shown and computed, names no path out of its folder
 * (config/options.def), binds no key that writes or ends (ui/keymap.h), and what it sets is said
 * each time. A file or folder of another user, and of anybody's file a store and its filter, are
 * used after a yes, asked once on a terminal and kept by content and place in
 * $XDG_STATE_HOME/imrnn/trusted; elsewhere they are left out, aloud. A link or anything but a
 * regular file is left out, aloud.
 */
/* Reads ./.imrnn into c; said: what is to be said about it, may stay empty. Without a folder for
 * what is kept nobody is asked. */
imr_status imr_cli_project_file(imr_config *c, imr_buf *said, imr_error *err);

/* $XDG_STATE_HOME/imrnn, else ~/.local/state/imrnn, made when it is not there; the caller's. NULL
 * when it cannot be: a session without history is a session all the same. */
char *imr_cli_state_folder(void);

/* ---- what the libraries below us read from the environment, before main ---- */

/*
 * OMP_WAIT_POLICY. OpenMP's threads spin for milliseconds at every barrier before they sleep. Alone
 * on the machine that saves a little; beside other programs the thread waited for is not even
 * running, and the spinning takes the time it needs: from a typed key to its ranking it takes 40 to
 * 90 ms instead of 1.2 on two cores with other work (the median; docs/measured.md). They should
 * sleep. Starting again for it takes 6 ms.
 *
 * OPENBLAS_CORETYPE chooses OpenBLAS's kernels; it is left alone and only told.
 *
 * Starts the program again with OMP_WAIT_POLICY where that is missing: whoever sets it chooses.
 * Returns when there is nothing to do or the program cannot be started again; it then works as
 * well, only less politely. Call first in main.
 */
void imr_cli_tune_libraries(char **argv);

/* "OPENBLAS_CORETYPE = Cooperlake (chosen by OpenBLAS 0.3.21)": the kernels in use and who chose
 * them. */
void imr_cli_blas_text(imr_buf *out);

/* The options every command takes, ended by IMR_OPT_COUNT. */
extern const imr_option_id imr_common_options[];
bool imr_option_is_in(const imr_option_id *list, imr_option_id id);
/* One a command, defined in cmd_<name>.c; main.c lists them in the order of the help. */
extern const imr_command imr_command_audit, imr_command_cache, imr_command_complete,
    imr_command_demo, imr_command_encoder_bench, imr_command_encoder_encode,
    imr_command_encoder_info, imr_command_encoder_tokenize, imr_command_encoder_train,
    imr_command_evaluate, imr_command_explain, imr_command_explore, imr_command_replay,
    imr_command_generate, imr_command_inspect, imr_command_notes, imr_command_run,
    imr_command_score, imr_command_train, imr_command_verify;

/* ---- cli/bundle.c: --bundle DIR, a report with what is needed to check it ---- */

/*
 *   report.json, report.txt  what the command prints, run once for each; of one explained query
 *                            report.html, too
 *   *.run                    of an evaluation, each with its .ir_metadata.yaml
 *   notes.jsonl              the notes on what was read, if there are any
 *   MANIFEST.sha256          hashes of all these, for sha256sum -c
 *   ro-crate-metadata.json   RO-Crate 1.1, profile Process Run Crate 0.5
 *   README.md                how to check it; intended use and limits are people's to fill in
 * Made beside under another name, then renamed: whole or not at all. Errors: the command's;
 * IMR_E_IO when DIR holds anything, but for a bundle with --overwrite.
 */
imr_status imr_cli_bundle(imr_cli *cli, const char *dir, imr_error *err);
/* Tells, a line each, what of the files is missing, other or not listed, and counts that. The
 * folder may be a stranger's: IMR_E_FORMAT for a name that leads out of it. */
imr_status imr_cli_bundle_check(imr_buf *told, size_t *others, const char *dir, imr_error *err);

/* ---- cli/options.c: the command line: options over config/options.def, command, arguments ---- */

/*
 * --name value, --name=value, -n value, -nvalue, -qv; --no-name switches a yes/no option off;
 * `--` ends options. Options may stand before or after the command. Every error is IMR_E_USAGE.
 */
typedef struct imr_line {
    IMR_ARRAY(const char *) words; /* what is no option, borrowed from argv */
    IMR_ARRAY(imr_option_id) given;
} imr_line;

/* Sets values in `config` (IMR_FROM_LINE). argv[0] is skipped. */
imr_status imr_line_parse(imr_line *out, imr_config *config, int argc, const char *const *argv,
                          imr_error *err);
void imr_line_done(imr_line *line);

/*
 * The command the first words name, and how many words that took. An unknown word that is a URL or
 * an existing folder or file means `explore` (0 words taken) when there is such a command. *out
 * NULL: no words.
 */
imr_status imr_line_command(const imr_command **out, size_t *taken, const imr_line *line,
                            const imr_command *const *commands, imr_error *err);
/* Every option given belongs to the command; the number of arguments fits. */
imr_status imr_line_check(const imr_line *line, const imr_command *command, size_t n_arguments,
                          imr_error *err);

/* "--no-progress", "--feedback-k": how an option is given. Appends. */
void imr_option_name(imr_buf *b, const imr_option *o);
/* The same with what stands for its value: "--feedback-k K". */
void imr_option_spelling(imr_buf *b, const imr_option *o);

/* What it does, its choices and default. Appends. */
void imr_option_help(imr_buf *b, const imr_option *o);

/* What assets/cli/manual.txt says of a command: paragraphs, a line each, and its examples, which
 * work with the demo. Appends, where not NULL. */
void imr_manual_of(imr_buf *details, imr_buf *examples, const imr_command *command);
/* A text of assets/cli.h with what stands for each name in it, ended by {NULL}: in place of @NAME@,
 * or of the whole line where there is nothing else. Appends. */
typedef struct imr_mark {
    const char *name, *text;
} imr_mark;
void imr_fill(imr_buf *b, const unsigned char *text, const imr_mark *marks);

/* Help of one command; of all (short). Appends. */
void imr_help_command(imr_buf *b, const imr_command *command);
void imr_help_all(imr_buf *b, const imr_command *const *commands);
/* Commands whose name begins with `group` and a space ("encoder"); false when there is none. */
bool imr_help_group(imr_buf *b, const imr_command *const *commands, const char *group);

/* ---- cli/texts.c: texts a user names: a file, or words on the command line ---- */

/*
 *   FILE.jsonl   one a line: "text", or {"_id", "title", "text"} (retrieval/dataset.h has the other
 *   FILE.ndjson  names of an id); also any other file but .txt whose lines look so
 *   FILE.json    an array of the same; also any file that begins with '['
 *   other        one text a line
 *   -            standard input, by the same rules
 * Endings in any case.
 * Blank lines are skipped. A text without id is called by its line (or place) number, from 1.
 * Errors: IMR_E_FORMAT with file and line for a malformed line, text that is not UTF-8, an id met
 * twice, a file without texts; IMR_E_LIMIT.
 */
typedef struct imr_texts {
    IMR_ARRAY(char *) ids;
    IMR_ARRAY(char *) texts; /* title and text joined as a document's are */
    IMR_ARRAY(size_t) lens;
    imr_strmap by_id;
} imr_texts;

imr_status imr_texts_read(imr_texts *out, const char *path, imr_error *err);
/* n words as they are. */
imr_status imr_texts_of(imr_texts *out, const char *const *texts, size_t n, imr_error *err);
/* Puts the prompt before each. */
imr_status imr_texts_prepend(imr_texts *t, const char *prompt, imr_error *err);
void imr_texts_done(imr_texts *t);
