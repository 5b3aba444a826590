/* cli/cmd_audit.c - imrnn audit: an adapter over a split, query by query. */
#include "cli/evaluate.h"
#include "cli/steps.h"

static imr_status run_audit(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    const imr_progress *progress = &cli->meter.progress;
    const imr_audit_options options = {.k = (uint32_t)imr_config_int(c, IMR_OPT_K),
                                       .max_queries =
                                           (size_t)imr_config_int(c, IMR_OPT_MAX_QUERIES),
                                       .no_words = imr_config_choice(c, IMR_OPT_PAIRS) == 2,
                                       .seed = (uint64_t)imr_config_int(c, IMR_OPT_SEED)};
    const imr_eval_report r = {.command = cli->argv,
                               .n_command = (size_t)cli->argc,
                               .sort = imr_config_string(c, IMR_OPT_SORT),
                               .filter = imr_config_string(c, IMR_OPT_FILTER)};
    IMR_AUTOBUF imr_buf b = {0};
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_CLEANUP(imr_session_close_at) imr_session *s = NULL;
    IMR_CLEANUP(imr_audit_free_at) imr_audit *a = NULL;
    imr_session_options session;
    int form;
    IMR_TRY(imr_cli_format(&form, cli, IMR_EVAL_FORMS, err));
    IMR_TRY(imr_cli_session_options(&session, &paths, cli, err));
    session.words_later = true; /* no list of words is asked for */
    IMR_TRY(imr_session_open(&s, &session, progress, err));
    IMR_TRY(imr_session_measure_store(s, progress, err));
    imr_cli_say(cli, "%s", imr_session_facts_of(s)->encoder_problem);
    imr_cli_say(cli, "%s", imr_session_facts_of(s)->cache_notice);
    IMR_TRY(imr_audit_new(&a, s, &options, progress, err));
    IMR_TRY(imr_audit_run(a, progress, err));
    imr_cli_say(cli, "%s", a->notice);
    IMR_TRY(imr_audit_report(&b, a, r, (imr_eval_form)form, err));
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_audit = {
    .name = "audit",
    .usage = "[--checkpoint A] CACHE [--split S] [--sort COLUMN] [--filter WHICH]",
    .summary = "whether an adapter may go live: a verdict, and query by query what changed and why",
    .options = IMR_OPTIONS(IMR_CLI_SESSION_OPTIONS, IMR_OPT_K, IMR_OPT_MAX_QUERIES, IMR_OPT_SORT,
                           IMR_OPT_FILTER, IMR_OPT_PAIRS, IMR_OPT_SEED, IMR_OPT_FORMAT,
                           IMR_OPT_BUNDLE, IMR_OUTPUT_OPTIONS),
    .max_arguments = 1,
    .run = run_audit,
};
