/* cli/evaluate_cache.c - adapters over a split of a cache. */
#include <stdio.h>
#include <string.h>

#include "cli/evaluate.h"
#include "retrieval/run_file.h"

void imr_usual_metrics(imr_metric out[IMR_USUAL_METRICS], uint32_t k)
{
    out[0] = (imr_metric){IMR_METRIC_NDCG, k};
    out[1] = (imr_metric){IMR_METRIC_NDCG_EXP, k};
    out[2] = (imr_metric){IMR_METRIC_RR, k};
    out[3] = (imr_metric){IMR_METRIC_RECALL, k};
}

/* ---- run files ---- */

typedef struct runs {
    const imr_cache *cache;
    imr_writer writer[IMR_RANKED_COUNT];
    const char *blank; /* the first id with a blank in it */
} runs;

static imr_status write_ranking(void *user, imr_ranking_kind kind, const char *query_id,
                                const uint32_t *documents, const float *scores, size_t n,
                                imr_error *err)
{
    runs *r = user;
    char tag[32];
    (void)err;
    snprintf(tag, sizeof tag, "imrnn-%s", imr_ranking_kind_name(kind));
    for (size_t i = 0; i < n; i++) {
        const char *id = imr_ids_at(&r->cache->documents.ids, documents[i]);
        if (!r->blank && (imr_run_needs_tabs(id) || imr_run_needs_tabs(query_id)))
            r->blank = imr_run_needs_tabs(id) ? id : query_id;
        imr_run_put(&r->writer[kind], query_id, id, i + 1, scores[i], tag);
    }
    return IMR_OK;
}

static void runs_done(runs *r)
{
    for (size_t k = 0; k < IMR_RANKED_COUNT; k++)
        imr_writer_done(&r->writer[k]);
}

/* encoder.run, before.run, after.run; with several adapters the last two begin with its number and
 * name. */
static imr_status runs_open(runs *r, const char *dir, const imr_adapter *a, size_t number,
                            imr_error *err)
{
    IMR_TRY(imr_dir_make(dir, err));
    for (size_t k = 0; k < (a ? IMR_RANKED_COUNT : 1); k++) {
        char name[300], prefix[200] = "";
        const char *base = a ? imr_path_base(a->path) : "";
        if (number && k != IMR_RANKED_ENCODER)
            snprintf(prefix, sizeof prefix, "%zu-%.*s.", number, (int)strcspn(base, "."), base);
        snprintf(name, sizeof name, "%s%s.run", prefix, imr_ranking_kind_name((imr_ranking_kind)k));
        IMR_AUTOFREE char *path = imr_path_join(dir, name);
        if (!path)
            return imr_fail_memory(err);
        IMR_TRY(imr_writer_open(&r->writer[k], path, err));
    }
    return IMR_OK;
}

static imr_status runs_commit(runs *r, imr_error *err)
{
    for (size_t k = 0; k < IMR_RANKED_COUNT; k++)
        if (r->writer[k].file)
            IMR_TRY(imr_writer_commit(&r->writer[k], err));
    return IMR_OK;
}

/* ---- one adapter ---- */

typedef struct plan {
    imr_cli *cli;
    const imr_cache *cache;
    imr_eval_split split;
    imr_eval_options options;
    imr_metric usual[IMR_USUAL_METRICS];
    imr_metric *chosen;
    bool json;
} plan;

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
    IMR_CLEANUP(runs_done) runs files = {.cache = p->cache};
    imr_eval_options options = p->options;
    options.doubts = true;
    if (dir) {
        IMR_TRY(runs_open(&files, dir, a, number, err));
        options.sink = write_ranking;
        options.sink_user = &files;
    }
    IMR_CLEANUP(imr_seen_done) imr_seen seen = {0};
    if (a)
        IMR_TRY(
            imr_seen_find(&seen, a, p->cache, imr_config_string(config, IMR_OPT_TRAINED_ON), err));
    IMR_CLEANUP(imr_eval_done) imr_eval e = {0};
    IMR_TRY(imr_eval_run(&e, p->cache, a, p->split.qrels, p->split.queries, p->split.n_queries,
                         seen.train, &options, imr_cli_progress(p->cli), err));
    if (e.notice)
        imr_cli_say(p->cli, "%s", e.notice);
    if (e.own)
        imr_cli_say(p->cli,
                    "%zu queries are documents themselves (the same id): each is taken out of its "
                    "own rankings, as BEIR and MTEB do",
                    e.own);
    for (size_t i = 0; i < e.doubts.n; i++)
        imr_cli_say(p->cli, "%s", e.doubts.v[i].text);
    IMR_TRY(runs_commit(&files, err));
    if (files.blank)
        imr_cli_say(p->cli,
                    "%s: ids with blanks, such as \"%.80s\": their lines are separated by tabs, "
                    "which imrnn reads and trec_eval does not",
                    dir, files.blank);
    imr_eval_report report = {.cli = p->cli,
                              .cache = p->cache,
                              .adapter = a,
                              .split = &p->split,
                              .options = &options,
                              .eval = &e,
                              .seen = &seen,
                              .seed = (uint64_t)imr_config_int(config, IMR_OPT_SEED),
                              .per_query = imr_config_bool(config, IMR_OPT_PER_QUERY)};
    return (p->json ? imr_eval_report_json : imr_eval_report_text)(b, &report, err);
}

static imr_status evaluate_path(plan *p, const char *path, size_t number, imr_buf *b,
                                imr_error *err)
{
    imr_adapter *a;
    IMR_TRY(
        imr_adapter_open(&a, path, (imr_form)imr_config_choice(p->cli->config, IMR_OPT_FORM), err));
    imr_status status = evaluate_one(p, a, number, b, err);
    imr_adapter_free(a);
    return status;
}

static imr_status choose_metrics(plan *p, imr_error *err)
{
    const imr_config *config = p->cli->config;
    size_t n = imr_config_count(config, IMR_OPT_MEASURE);
    imr_usual_metrics(p->usual, (uint32_t)imr_config_int(config, IMR_OPT_K));
    p->options.metrics = p->usual;
    p->options.n_metrics = IMR_USUAL_METRICS;
    if (!n)
        return IMR_OK;
    IMR_CLEANUP(imr_measures_done) imr_measures m = {0};
    for (size_t i = 0; i < n; i++)
        IMR_TRY(imr_measures_add(&m, imr_config_item(config, IMR_OPT_MEASURE, i), err));
    p->chosen = IMR_NEW_ARRAY(imr_metric, m.list.n);
    if (!p->chosen)
        return imr_fail_memory(err);
    p->options.metrics = p->chosen;
    p->options.n_metrics = 0;
    for (size_t i = 0; i < m.list.n; i++)
        if (!m.list.v[i].num_q) /* stands beside every mean anyway */
            p->chosen[p->options.n_metrics++] = m.list.v[i].metric;
    if (p->options.n_metrics == 0)
        return imr_fail(err, IMR_E_USAGE, "-m: name at least one measure besides num_q");
    return IMR_OK;
}

static imr_status prepare(plan *p, imr_cli *cli, const imr_cache *cache, imr_error *err)
{
    const imr_config *config = cli->config;
    p->cli = cli;
    p->cache = cache;
    p->options.feedback_k = imr_cli_feedback_k(cli, cache);
    p->options.scope = (imr_scope)imr_config_choice(config, IMR_OPT_SCOPE);
    p->options.candidates = (imr_candidates_by)imr_config_choice(config, IMR_OPT_CANDIDATES);
    p->options.in_memory = !imr_config_bool(config, IMR_OPT_PROJECTED_FILES);
    IMR_TRY(choose_metrics(p, err));
    return imr_eval_find_split(&p->split, cache, imr_config_string(config, IMR_OPT_SPLIT),
                               (size_t)imr_config_int(config, IMR_OPT_MAX_QUERIES), err);
}

imr_status imr_cli_evaluate_adapter(imr_buf *b, imr_cli *cli, const imr_cache *cache,
                                    const char *checkpoint, bool json, imr_error *err)
{
    plan p = {.json = json};
    imr_status status = prepare(&p, cli, cache, err);
    if (status == IMR_OK)
        status = evaluate_path(&p, checkpoint, 0, b, err);
    imr_free(p.chosen);
    return status;
}

static imr_status evaluate_all(plan *p, imr_buf *b, imr_error *err)
{
    const imr_config *config = p->cli->config;
    size_t n = imr_config_count(config, IMR_OPT_CHECKPOINT);
    IMR_TRY(imr_cli_check_encoder(p->cli, p->cache, err));
    if (n == 0)
        return evaluate_one(p, NULL, 0, b, err);
    imr_buf_str(b, p->json && n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(b, i == 0 ? "" : p->json ? ",\n" : "\n");
        IMR_TRY(evaluate_path(p, imr_config_item(config, IMR_OPT_CHECKPOINT, i), n > 1 ? i + 1 : 0,
                              b, err));
    }
    imr_buf_str(b, p->json && n > 1 ? "]" : "");
    return IMR_OK;
}

imr_status imr_cli_evaluate_cache(imr_cli *cli, imr_error *err)
{
    plan p = {0};
    imr_cache *cache;
    int json;
    IMR_TRY(imr_cli_format(&json, cli, "text|json", err));
    p.json = json == 1;
    IMR_TRY(imr_cli_cache(&cache, cli, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_status status = prepare(&p, cli, cache, err);
    if (status == IMR_OK)
        status = evaluate_all(&p, &b, err);
    imr_free(p.chosen);
    imr_cache_free(cache);
    IMR_TRY(status);
    imr_buf_str(&b, p.json ? "\n" : "");
    return imr_cli_emit(cli, &b, err);
}
