/* cli/cmd_evaluate.c - imrnn evaluate: adapters over a split of a cache, or run files. */

#include "cli/evaluate.h"
#include "cli/steps.h"
#include "retrieval/run_file.h"

/* ---- run files ---- */

typedef struct runs {
    imr_writer writer[IMR_RANKED_COUNT];
    char *about[IMR_RANKED_COUNT]; /* paths of what is told of each; NULL: no such run */
    const char *blank;             /* the first id with a blank in it */
} runs;

static imr_text tag_of(imr_ranking_kind kind)
{
    return imr_textf("imrnn-%s", imr_ranking_kind_name(kind));
}

static imr_status write_ranking(void *user, imr_ranking_kind kind, const char *query_id,
                                const char *const *ids, const float *scores, size_t n,
                                IMR_UNUSED imr_error *err)
{
    runs *r = user;
    const imr_text tag = tag_of(kind);
    for (size_t i = 0; r->about[kind] && i < n; i++) {
        const char *id = ids[i];
        if (!r->blank && (imr_run_needs_tabs(id) || imr_run_needs_tabs(query_id)))
            r->blank = imr_run_needs_tabs(id) ? id : query_id;
        imr_run_put(&r->writer[kind], query_id, id, i + 1, scores[i], tag.s);
    }
    return IMR_OK;
}

static void runs_done(runs *r)
{
    for (size_t k = 0; k < IMR_RANKED_COUNT; k++) {
        imr_writer_done(&r->writer[k]);
        imr_free(r->about[k]);
    }
}

/* encoder.run, before.run, after.run, bm25.run; with several adapters before and after begin with
 * its number and name, and the others, which are the same, come with the first. */
static imr_status runs_open(runs *r, const imr_cli *cli, const char *dir, const imr_adapter *a,
                            bool bm25, size_t number, imr_error *err)
{
    IMR_TRY(imr_dir_make(dir, err));
    for (size_t k = 0; k < IMR_RANKED_COUNT; k++) {
        const bool shared = k == IMR_RANKED_ENCODER || k == IMR_RANKED_BM25;
        if (shared ? number > 1 || (k == IMR_RANKED_BM25 && !bm25) : !a)
            continue;
        char name[320], prefix[200] = "";
        const char *base = a ? imr_path_base(a->path) : "";
        if (number && !shared)
            snprintf(prefix, sizeof prefix, "%zu-%.*s.", number, (int)strcspn(base, "."), base);
        snprintf(name, sizeof name, "%s%s.run", prefix, imr_ranking_kind_name((imr_ranking_kind)k));
        IMR_TRY(imr_cli_vacant(cli, dir, (const char *const[]){name, NULL}, err));
        IMR_TRY(imr_writer_open(&r->writer[k], imr_path_in(dir, name).s, err));
        snprintf(name + strlen(name), sizeof name - strlen(name), ".ir_metadata.yaml");
        IMR_TRY(imr_cli_vacant(cli, dir, (const char *const[]){name, NULL}, err));
        IMR_NEED(r->about[k] = imr_path_join(dir, name), err);
    }
    return IMR_OK;
}

static imr_status runs_commit(runs *r, const imr_eval_report *of, imr_error *err)
{
    for (size_t k = 0; k < IMR_RANKED_COUNT; k++) {
        if (!r->about[k])
            continue;
        IMR_AUTOBUF imr_buf b = {0};
        const imr_ranking_kind kind = (imr_ranking_kind)k;
        imr_cli_run_metadata(&b, of, kind, tag_of(kind).s);
        IMR_TRY(imr_buf_check(&b, err));
        IMR_TRY(imr_writer_commit(&r->writer[k], err));
        IMR_TRY(imr_file_write(r->about[k], b.data, b.len, err));
    }
    return IMR_OK;
}

/* ---- one adapter ---- */

typedef struct plan {
    imr_cli *cli;
    const imr_cache *cache;
    imr_session *session; /* of a store; NULL: of a cache */
    imr_eval_split split;
    imr_eval_options options;
    imr_measures measures;
    imr_eval_form form;
    IMR_ARRAY(imr_eval_side) sides; /* of each adapter so far */
} plan;

static void plan_done(plan *p)
{
    imr_measures_done(&p->measures);
    imr_free(p->sides.v);
    imr_session_close(p->session);
}

/* number: 0 for the only adapter. */
static imr_status evaluate_one(plan *p, const imr_adapter *a, size_t number, imr_buf *b,
                               imr_error *err)
{
    if (!a && !p->split.qrels)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no judgements for split '%s'; name its data set with "
                        "--dataset",
                        p->cache->path, p->split.name);
    const imr_config *config = p->cli->config;
    const char *dir = imr_config_string(config, IMR_OPT_WRITE_RUNS);
    IMR_CLEANUP(runs_done) runs files = {0};
    imr_eval_options options = p->options;
    options.doubts = true;
    if (dir) {
        IMR_TRY(runs_open(&files, p->cli, dir, a, options.bm25, number, err));
        options.sink = write_ranking;
        options.sink_user = &files;
    }
    IMR_CLEANUP(imr_seen_done) imr_seen seen = {0};
    if (a)
        IMR_TRY(
            imr_seen_find(&seen, a, p->cache, imr_config_string(config, IMR_OPT_TRAINED_ON), err));
    IMR_CLEANUP(imr_eval_done) imr_eval e = {0};
    IMR_CLEANUP(imr_eval_summary_done) imr_eval_summary summary = {0};
    IMR_TRY(imr_eval_run(&e, p->cache, a, p->split.qrels, p->split.queries, p->split.n_queries,
                         seen.train, &options, &p->cli->meter.progress, err));
    imr_cli_say(p->cli, "%s", e.notice ? e.notice : "");
    if (e.own)
        imr_cli_say(p->cli,
                    "%zu queries are documents themselves (the same id): each is taken out of its "
                    "own rankings, as BEIR and MTEB do",
                    e.own);
    for (size_t i = 0; i < e.doubts.n; i++)
        imr_cli_say(p->cli, "%s", e.doubts.v[i].text);
    imr_eval_report report = {.command = p->cli->argv,
                              .n_command = (size_t)p->cli->argc,
                              .cache = p->cache,
                              .store = p->session ? &imr_session_facts_of(p->session)->inputs.store
                                                  : NULL,
                              .adapter = a,
                              .split = &p->split,
                              .options = &options,
                              .eval = &e,
                              .seen = &seen,
                              .summary = &summary,
                              .seed = (uint64_t)imr_config_int(config, IMR_OPT_SEED),
                              .per_query = imr_config_bool(config, IMR_OPT_PER_QUERY)};
    IMR_TRY(runs_commit(&files, &report, err));
    if (files.blank)
        imr_cli_say(p->cli,
                    "%s: ids with blanks, such as \"%.80s\": their lines are separated by tabs, "
                    "which imrnn reads and trec_eval does not",
                    dir, files.blank);
    if (p->form != IMR_EVAL_CSV)
        IMR_TRY(imr_eval_summarise(&summary, &e, options.metrics, &seen, report.seed, false, NULL,
                                   err));
    IMR_TRY(imr_eval_report_write(b, &report, p->form, err));
    if (!a || !number || !p->split.qrels)
        return IMR_OK;
    const imr_eval_side side = {imr_config_item(config, IMR_OPT_CHECKPOINT, number - 1),
                                summary.row->from_encoder,
                                summary.row[IMR_GROUP_UNSEEN].from_encoder};
    IMR_NEED(IMR_PUSH(&p->sides, side), err);
    return IMR_OK;
}

static imr_status evaluate_path(plan *p, const char *path, size_t number, imr_buf *b,
                                imr_error *err)
{
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *a = NULL;
    IMR_TRY(
        imr_adapter_open(&a, path, (imr_form)imr_config_choice(p->cli->config, IMR_OPT_FORM), err));
    return evaluate_one(p, a, number, b, err);
}

static imr_status choose_metrics(plan *p, imr_error *err)
{
    static const imr_metric_kind usual[] = {IMR_METRIC_NDCG, IMR_METRIC_NDCG_EXP, IMR_METRIC_RR,
                                            IMR_METRIC_RECALL};
    const uint32_t k = (uint32_t)imr_config_int(p->cli->config, IMR_OPT_K);
    imr_measures *m = &p->measures;
    IMR_TRY(imr_measures_given(m, p->cli->config, err));
    for (size_t i = 0; !m->list.n && i < IMR_LEN(usual); i++)
        IMR_NEED(IMR_PUSH(&m->metrics, (imr_metric){usual[i], k}), err);
    if (!m->metrics.n) /* num_q stands beside every mean anyway */
        return imr_fail(err, IMR_E_USAGE, "-m: name at least one measure besides num_q");
    p->options.metrics = m->metrics.v;
    p->options.n_metrics = m->metrics.n;
    return IMR_OK;
}

static imr_status prepare(plan *p, imr_cli *cli, const imr_cache *cache, imr_error *err)
{
    const imr_config *config = cli->config;
    p->cli = cli;
    p->cache = cache;
    p->options.feedback_k = imr_cli_feedback_k(cli, cache);
    p->options.scope = (imr_scope)imr_config_choice(config, IMR_OPT_SCOPE);
    p->options.candidates = p->session
                                ? IMR_CANDIDATES_ENCODER
                                : (imr_candidates_by)imr_config_choice(config, IMR_OPT_CANDIDATES);
    p->options.bm25 = imr_config_bool(config, IMR_OPT_BM25);
    p->options.bm25_k1 = imr_config_float(config, IMR_OPT_BM25_K1);
    p->options.bm25_b = imr_config_float(config, IMR_OPT_BM25_B);
    p->options.in_memory = !imr_config_bool(config, IMR_OPT_PROJECTED_FILES);
    IMR_TRY(choose_metrics(p, err));
    return imr_eval_find_split(&p->split, cache, imr_config_string(config, IMR_OPT_SPLIT),
                               (size_t)imr_config_int(config, IMR_OPT_MAX_QUERIES), err);
}

imr_status imr_cli_evaluate_adapter(imr_buf *b, imr_cli *cli, const imr_cache *cache,
                                    const char *checkpoint, bool json, imr_error *err)
{
    IMR_CLEANUP(plan_done) plan p = {.form = json ? IMR_EVAL_JSON : IMR_EVAL_TEXT};
    IMR_TRY(prepare(&p, cli, cache, err));
    return evaluate_path(&p, checkpoint, 0, b, err);
}

/* Its queries, encoded, and its engine, without an adapter. */
static imr_status open_store(plan *p, imr_cli *cli, imr_error *err)
{
    const imr_progress *progress = &cli->meter.progress;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    imr_session_options o;
    IMR_TRY(imr_cli_session_options(&o, &paths, cli, err));
    o.adapter = o.other = NULL;
    o.words_later = true;
    IMR_TRY(imr_session_open(&p->session, &o, progress, err));
    IMR_TRY(imr_session_measure_store(p->session, progress, err));
    imr_cli_say(cli, "%s", imr_session_facts_of(p->session)->cache_notice);
    p->options.engine = imr_session_engine(p->session);
    return IMR_OK;
}

static imr_status evaluate_cache(imr_cli *cli, imr_error *err)
{
    const size_t n = imr_config_count(cli->config, IMR_OPT_CHECKPOINT);
    IMR_CLEANUP(plan_done) plan p = {0};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *cache = NULL;
    IMR_AUTOBUF imr_buf b = {0};
    int form;
    IMR_TRY(imr_cli_format(&form, cli, IMR_EVAL_FORMS, err));
    p.form = (imr_eval_form)form;
    const bool json = p.form == IMR_EVAL_JSON;
    if (n > 1 && p.form != IMR_EVAL_TEXT && !json)
        return imr_fail(err, IMR_E_USAGE,
                        "--format: several adapters are compared in text or json");
    const bool store = imr_cli_store(cli).url;
    IMR_TRY(store ? open_store(&p, cli, err) : imr_cli_cache(&cache, cli, err));
    IMR_TRY(prepare(&p, cli, store ? imr_session_cache(p.session) : cache, err));
    if (!store)
        IMR_TRY(imr_cli_check_encoder(cli, cache, err));
    if (n == 0)
        IMR_TRY(evaluate_one(&p, NULL, 0, &b, err));
    imr_buf_str(&b, json && n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(&b, i == 0 ? "" : json ? ",\n" : "\n");
        IMR_TRY(evaluate_path(&p, imr_config_item(cli->config, IMR_OPT_CHECKPOINT, i),
                              n > 1 ? i + 1 : 0, &b, err));
    }
    if (p.sides.n) {
        imr_buf_str(&b, json ? ",\n" : "\n");
        IMR_TRY(imr_eval_report_sides(&b, p.options.metrics[0], p.sides.v, p.sides.n, json, err));
    }
    imr_buf_str(&b, json ? n > 1 ? "]\n" : "\n" : "");
    return imr_cli_emit(cli, &b, err);
}

/* ---- the command ---- */

static imr_status run_evaluate(imr_cli *cli, imr_error *err)
{
    static const imr_option_id of_runs[] = {IMR_OPT_QRELS, IMR_OPT_COMPLETE};
    if (imr_config_is_set(cli->config, IMR_OPT_RUN))
        return cli->n_arguments
                   ? imr_fail(err, IMR_E_USAGE, "either --run or the cache %s", cli->arguments[0])
                   : imr_cli_evaluate_run(cli, err);
    for (size_t i = 0; i < IMR_LEN(of_runs); i++)
        if (imr_config_is_set(cli->config, of_runs[i]))
            return imr_fail(err, IMR_E_USAGE, "--%s goes with --run",
                            imr_option_of(of_runs[i])->name);
    IMR_TRY(imr_cli_argument(cli, IMR_OPT_CACHE_DIR, err));
    return evaluate_cache(cli, err);
}

const imr_command imr_command_evaluate = {
    .name = "evaluate",
    .usage = "CACHE [--checkpoint A]... [--split S] | --run RUN --qrels QRELS",
    .summary = "how good the rankings are, before and after, and whether the difference is luck",
    .options = IMR_OPTIONS(
        IMR_OPT_CACHE_DIR, IMR_CLI_STORE_OPTIONS, IMR_ENCODER_OPTIONS, IMR_OPT_CHECKPOINT,
        IMR_OPT_SPLIT, IMR_OPT_K, IMR_OPT_MEASURE, IMR_OPT_FEEDBACK_K, IMR_OPT_SCOPE, IMR_OPT_FORM,
        IMR_OPT_CANDIDATES, IMR_OPT_TRAINED_ON, IMR_OPT_MAX_QUERIES, IMR_DATASET_OPTIONS,
        IMR_OPT_SKIP_BAD_LINES, IMR_OPT_BM25, IMR_OPT_BM25_K1, IMR_OPT_BM25_B, IMR_OPT_SEED,
        IMR_OPT_PROJECTED_FILES, IMR_OPT_PER_QUERY, IMR_OPT_WRITE_RUNS, IMR_OPT_RUN, IMR_OPT_QRELS,
        IMR_OPT_COMPLETE, IMR_OPT_FORMAT, IMR_OPT_BUNDLE, IMR_OUTPUT_OPTIONS),
    .max_arguments = 1,
    .run = run_evaluate,
    .many = true,
};
