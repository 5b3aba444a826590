/* main.c - argv to a command, its error to one line on standard error, its status to an exit. */
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/steps.h"
#include "math/blas.h"
#include "text/utf8.h"

#if defined(__linux__) && defined(__GLIBC__)
/* Where the address space is limited (ulimit -v) OpenBLAS asks for its working memory again and
 * again, for ever and deaf to SIGTERM: once while it is loaded, once at the first product. So the
 * room is looked for before any library is set up, while there is still somebody to say so. */
static void find_room(IMR_UNUSED int argc, IMR_UNUSED char **argv, IMR_UNUSED char **envp)
{
    static const char words[] =
        "imrnn: out of memory: the address space is limited (ulimit -v), and "
        "OpenBLAS asks for 128 MB of it for each thread\n";
    const size_t buffer = (size_t)128 << 20;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    /* Threads' stacks and heaps come before the last of them. */
    const size_t n = buffer * (cpus > 2 ? (size_t)cpus : 2) + ((size_t)160 << 20);
    const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zero < 0)
        return;
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    close(zero);
    if (p != MAP_FAILED)
        munmap(p, n);
    else if (write(STDERR_FILENO, words, sizeof words - 1) >= -1)
        _exit(1);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const before_libraries)(int, char **, char **) = find_room;
#endif

static const imr_command *const commands[] = {
    &imr_command_demo,          &imr_command_explore,        &imr_command_replay,
    &imr_command_explain,       &imr_command_score,          &imr_command_encoder_train,
    &imr_command_encoder_info,  &imr_command_encoder_encode, &imr_command_encoder_tokenize,
    &imr_command_encoder_bench, &imr_command_cache,          &imr_command_train,
    &imr_command_evaluate,      &imr_command_audit,          &imr_command_run,
    &imr_command_inspect,       &imr_command_verify,         &imr_command_notes,
    &imr_command_generate,      &imr_command_complete,       NULL,
};

static const char *environment(IMR_UNUSED void *user, const char *name)
{
    return getenv(name);
}

/* Bar on a terminal that can move its cursor, lines in a log, nothing when asked. */
static imr_meter_mode meter_mode(const imr_config *config)
{
    const char *term = getenv("TERM");
    if (imr_config_bool(config, IMR_OPT_QUIET) || !imr_config_bool(config, IMR_OPT_PROGRESS))
        return IMR_METER_OFF;
    if (!isatty(STDERR_FILENO) || !term || !*term || strcmp(term, "dumb") == 0)
        return IMR_METER_LINES;
    return IMR_METER_BAR;
}

/* `help X` is `X --help`. True when help or version was asked for; the answer is then in *b. */
static imr_status answer(bool *answered, imr_buf *b, imr_line *line, const imr_config *config,
                         imr_error *err)
{
    bool help = imr_config_bool(config, IMR_OPT_HELP);
    if (line->words.n && strcmp(line->words.v[0], "help") == 0) {
        memmove(line->words.v, line->words.v + 1, --line->words.n * sizeof *line->words.v);
        help = true;
    }
    *answered = help || imr_config_bool(config, IMR_OPT_VERSION);
    if (!help) {
        if (*answered)
            imr_buf_str(b, "imrnn " IMR_VERSION "\n");
    } else if (line->words.n == 0) {
        imr_help_all(b, commands);
    } else if (line->words.n > 1 || !imr_help_group(b, commands, line->words.v[0])) {
        const imr_command *command;
        size_t taken;
        IMR_TRY(imr_line_command(&command, &taken, line, commands, err));
        imr_help_command(b, command);
    }
    return imr_buf_check(b, err);
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const char *path = imr_config_string(cli->config, IMR_OPT_OUTPUT);
    IMR_TRY(imr_output_open(&cli->output, cli->command->own_output ? NULL : path,
                            imr_config_bool(cli->config, IMR_OPT_OVERWRITE), err));
    const char *bundle = imr_config_string(cli->config, IMR_OPT_BUNDLE);
    imr_status status = bundle ? imr_cli_bundle(cli, bundle, err) : cli->command->run(cli, err);
    if (status == IMR_OK)
        status = imr_guard_check(err);
    imr_meter_clear(&cli->meter);
    /* What was printed before an error stays printed; a file appears whole or not at all. */
    const bool well = status == IMR_OK;
    if (well || cli->output.stream) {
        const imr_status closed = imr_output_close(&cli->output, well ? err : NULL);
        status = well ? closed : status;
    }
    imr_writer_done(&cli->output.writer);
    return status;
}

/* Every setting and where it came from, for --verbose. */
static void say_settings(imr_cli *cli, const imr_kernels *kernels)
{
    IMR_AUTOBUF imr_buf blas = {0};
    const imr_option_id *lists[] = {cli->command->options, imr_common_options};
    if (!imr_config_bool(cli->config, IMR_OPT_VERBOSE))
        return;
    const char *waiting = getenv("OMP_WAIT_POLICY");
    imr_cli_say(cli, "OMP_WAIT_POLICY = %s", waiting ? waiting : "");
    imr_cli_blas_text(&blas);
    imr_cli_say(cli, "%s", imr_buf_text(&blas));
    if (!imr_config_is_set(cli->config, IMR_OPT_KERNELS))
        imr_cli_say(cli, "kernels = %s (the best of this CPU)", kernels->name);
    const char *precision = imr_config_string(cli->config, IMR_OPT_PRECISION);
    if (!kernels->has_bf16 && strcmp(precision, imr_precision_name(IMR_BFLOAT16)) == 0)
        imr_cli_say(cli, "%s", imr_no_bf16);
    for (size_t l = 0; l < IMR_LEN(lists); l++)
        for (const imr_option_id *id = lists[l]; id && *id != IMR_OPT_COUNT; id++) {
            IMR_AUTOBUF imr_buf b = {0};
            imr_buf_printf(&b, "%s = ", imr_option_of(*id)->name);
            imr_config_value(&b, cli->config, *id);
            imr_buf_str(&b, " (");
            imr_config_source(&b, cli->config, *id);
            imr_buf_char(&b, ')');
            if (imr_config_is_set(cli->config, *id))
                imr_cli_say(cli, "%s", imr_buf_text(&b));
        }
}

static imr_status start(imr_config *config, imr_line *line, int argc, const char *const *argv,
                        imr_error *err)
{
    IMR_TRY(imr_line_parse(line, config, argc, argv, err));
    IMR_AUTOBUF imr_buf text = {0};
    bool answered;
    IMR_TRY(answer(&answered, &text, line, config, err));
    imr_output out = {.stream = stdout};
    if (answered) {
        imr_output_add(&out, imr_buf_text(&text), text.len);
        return imr_output_close(&out, err);
    }
    if (line->words.n == 0 && line->given.n == 0) {
        imr_help_all(&text, commands);
        fputs(imr_buf_text(&text), stderr);
        return imr_fail(err, IMR_E_USAGE, "which command?");
    }
    IMR_AUTOBUF imr_buf project = {0};
    IMR_TRY(imr_config_load(config, environment, NULL, err));
    IMR_TRY(imr_cli_project_file(config, &project, err));

    imr_cli cli = {.config = config,
                   .commands = commands,
                   .argv = argv,
                   .argc = argc,
                   .project = imr_buf_text(&project)};
    size_t taken;
    IMR_TRY(imr_line_command(&cli.command, &taken, line, commands, err));
    if (!cli.command)
        return imr_fail(err, IMR_E_USAGE, "which command? (imrnn help lists them)");
    cli.arguments = line->words.v + taken;
    cli.n_arguments = line->words.n - taken;
    IMR_TRY(imr_line_check(line, cli.command, cli.n_arguments, err));
    cli.quiet = imr_config_bool(config, IMR_OPT_QUIET);
    imr_cli_say(&cli, "%s", cli.project);
    imr_meter_init(&cli.meter, meter_mode(config), stderr);
    imr_interrupt_install();
    imr_guard_install();
    imr_budget_said = (uint64_t)imr_config_int(config, IMR_OPT_MAX_MEMORY);
    imr_blas_set_threads((int)imr_config_int(config, IMR_OPT_THREADS));
    const imr_kernels *kernels;
    IMR_TRY(imr_cli_kernels(&kernels, &cli, err));
    IMR_TRY(imr_cli_assets(&cli, err));
    say_settings(&cli, kernels);
    return run(&cli, err);
}

int main(int argc, char **argv)
{
    imr_cli_tune_libraries(argv);
    setlocale(LC_CTYPE, "");
    imr_error err = {0};
    imr_config *config = NULL;
    imr_line line = {0};
    imr_status status = imr_config_new(&config, &err);
    if (status == IMR_OK)
        status = start(config, &line, argc, (const char *const *)argv, &err);
    imr_line_done(&line);
    imr_config_free(config);
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, err.text, strlen(err.text), IMR_CLEAN_LINE);
    if (status != IMR_OK)
        fprintf(stderr, "imrnn: %s\n", imr_buf_text(&clean));
    return imr_status_exit(status);
}
