#include "cli/command.h"
#include "report/report.h"
#include "support/test.h"

static imr_status parse(imr_line *line, imr_config **config, imr_error *out_err,
                        const char *const *argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    CHECK(imr_config_new(config, out_err) == IMR_OK);
    return imr_line_parse(line, *config, argc, argv, out_err);
}
#define PARSE(...) parse(&line, &config, &err, (const char *const[]){"imrnn", __VA_ARGS__, NULL})

TEST("long, short, joined and negated spellings set the same options")
{
    imr_error err;
    imr_config *config;
    imr_line line;
    CHECK_OK(PARSE("train", "--epochs", "3", "--lr=0.01", "-qv", "-oout", "--no-progress",
                   "--adapter", "a.pt", "--checkpoint=b.pt", "x", "--", "--epochs"));
    CHECK_INT(line.words.n, 3);
    CHECK_STR(line.words.v[0], "train");
    CHECK_STR(line.words.v[1], "x");
    CHECK_STR(line.words.v[2], "--epochs");
    CHECK_INT(line.given.n, 8);
    CHECK_INT(imr_config_int(config, IMR_OPT_EPOCHS), 3);
    CHECK_NEAR(imr_config_float(config, IMR_OPT_LR), 0.01, 0);
    CHECK(imr_config_bool(config, IMR_OPT_QUIET) && imr_config_bool(config, IMR_OPT_VERBOSE));
    CHECK(!imr_config_bool(config, IMR_OPT_PROGRESS));
    CHECK_STR(imr_config_string(config, IMR_OPT_OUTPUT), "out");
    CHECK_INT(imr_config_count(config, IMR_OPT_CHECKPOINT), 2);
    imr_line_done(&line);
    imr_config_free(config);
}

TEST("a lone dash is an argument, and a value may begin with a dash")
{
    imr_error err;
    imr_config *config;
    imr_line line;
    CHECK_OK(PARSE("-", "--query", "-5 degrees", "--query=--seed"));
    CHECK_INT(line.words.n, 1);
    CHECK_STR(imr_config_item(config, IMR_OPT_QUERY, 0), "-5 degrees");
    CHECK_STR(imr_config_item(config, IMR_OPT_QUERY, 1), "--seed");
    imr_line_done(&line);
    imr_config_free(config);
}

TEST("two-word commands are found by both words, and a half of one lists the rest")
{
    static const imr_command train = {.name = "encoder train"}, info = {.name = "encoder info"},
                             other = {.name = "train"};
    static const imr_command *const all[] = {&train, &info, &other, NULL};
    imr_error err;
    imr_config *config;
    imr_line line;
    const imr_command *found;
    size_t taken;
    CHECK_OK(PARSE("encoder", "info", "dir"));
    CHECK_OK(imr_line_command(&found, &taken, &line, all, &err));
    CHECK(found == &info);
    CHECK_INT(taken, 2);
    imr_line_done(&line);
    imr_config_free(config);
    CHECK_OK(PARSE("encoder"));
    CHECK_INT(imr_line_command(&found, &taken, &line, all, &err), IMR_E_USAGE);
    CHECK_STR(err.text, "encoder needs one of: train, info");
    imr_line_done(&line);
    imr_config_free(config);
    CHECK_OK(PARSE("trian"));
    CHECK_INT(imr_line_command(&found, &taken, &line, all, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "did you mean train?");
    imr_line_done(&line);
    imr_config_free(config);
}

TEST("a folder as the first word is explored")
{
    static const imr_command explore = {.name = "explore"};
    static const imr_command *const all[] = {&explore, NULL};
    imr_error err;
    imr_config *config;
    imr_line line;
    const imr_command *found;
    size_t taken;
    CHECK_OK(PARSE(test_tmpdir()));
    CHECK_OK(imr_line_command(&found, &taken, &line, all, &err));
    CHECK(found == &explore);
    CHECK_INT(taken, 0);
    imr_line_done(&line);
    imr_config_free(config);
}

TEST("every line of every help fits 80 columns")
{
    static const imr_option_id some[] = {IMR_OPT_CHECKPOINT, IMR_OPT_ENCODER_MODEL_NAME,
                                         IMR_OPT_SCOPE, IMR_OPT_MEASURE, IMR_OPT_COUNT};
    imr_command c = {.name = "inspect", .usage = "u", .summary = "s", .options = some};
    imr_buf b = {0};
    imr_help_command(&b, &c);
    size_t column = 0;
    for (const char *p = imr_buf_text(&b); *p; p++) {
        column = *p == '\n' ? 0 : column + 1;
        CHECK(column <= 80);
    }
    CHECK_CONTAINS(imr_buf_text(&b), "--checkpoint FILE");
    CHECK_CONTAINS(imr_buf_text(&b), "also --adapter");
    CHECK_CONTAINS(imr_buf_text(&b), "cannot be used.\n--form reads adapters");
    CHECK_CONTAINS(imr_buf_text(&b), "\nexample:\n  imrnn inspect demo/adapter.pt demo/cache\n");
    imr_buf_done(&b);
}

TEST("the manual of explain says what each format is for")
{
    imr_buf b = {0}, format = {0};
    imr_manual_of(&b, NULL, &imr_command_explain);
    for (size_t i = 0; i < imr_report_formats_count; i++) {
        imr_buf_clear(&format);
        imr_buf_printf(&format, " %s (%s);", imr_report_formats[i].name,
                       imr_report_formats[i].what);
        CHECK_CONTAINS(imr_buf_text(&b), imr_buf_text(&format));
    }
    imr_buf_done(&format);
    imr_buf_done(&b);
}
