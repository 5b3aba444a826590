/* cli/evaluate_run.c - any run file against any judgements, printed as trec_eval does; and what is
 * said beside a run file of ours. */
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/evaluate.h"
#include "report/report.h"
#include "retrieval/run_file.h"
#include "text/utf8.h"

void imr_measures_done(imr_measures *m)
{
    IMR_FREE(m->list.v, m->metrics.v);
    *m = (imr_measures){0};
}

static imr_status add_one(imr_measures *m, const char *text, imr_error *err)
{
    imr_measure one = {.num_q = strcmp(text, "num_q") == 0};
    if (one.num_q) {
        snprintf(one.name, sizeof one.name, "num_q");
    } else {
        IMR_TRY(imr_metric_parse(&one.metric, text, err));
        imr_metric_name(one.metric, one.name);
        if (!strchr(text, '@') && strcmp(text, one.name) != 0)
            imr_metric_trec_name(one.metric, one.name);
    }
    return IMR_PUSH(&m->list, one) && (one.num_q || IMR_PUSH(&m->metrics, one.metric))
               ? IMR_OK
               : imr_fail_memory(err);
}

/* Adds what one -m names: "map", "nDCG@10", "ndcg_cut.1,3,10", "num_q". */
static imr_status add_measures(imr_measures *m, const char *text, imr_error *err)
{
    size_t family = strcspn(text, ".@");
    if (!strchr(text, ','))
        return add_one(m, text, err);
    if (!text[family])
        return imr_fail(err, IMR_E_USAGE,
                        "-m %s: cut-offs follow a '.' or '@', as in ndcg_cut.1,3,10", text);
    family++;
    for (const char *p = text + family;; p++) {
        char name[64];
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s%.*s", (int)(family < 32 ? family : 32), text,
                 (int)(n < 16 ? n : 16), p);
        IMR_TRY(add_one(m, name, err));
        p += n;
        if (!*p)
            return IMR_OK;
    }
}

imr_status imr_measures_given(imr_measures *m, const imr_config *config, imr_error *err)
{
    for (size_t i = 0; i < imr_config_count(config, IMR_OPT_MEASURE); i++)
        IMR_TRY(add_measures(m, imr_config_item(config, IMR_OPT_MEASURE, i), err));
    return IMR_OK;
}

typedef struct named {
    const char *id;
    size_t row;
} named;

static int by_id(const void *a, const void *b)
{
    return strcmp(((const named *)a)->id, ((const named *)b)->id);
}

/* values: one of each measure that is not num_q, in order. */
static void put_json(imr_buf *b, const imr_measures *m, const double *values, size_t queries)
{
    for (size_t i = 0; i < m->list.n; i++)
        if (m->list.v[i].num_q)
            imr_json_printf(b, ", 'num_q': %zu", queries);
        else
            imr_json_printf(b, ", %s: %g", m->list.v[i].name, *values++);
}

static void write_text(imr_buf *b, const imr_measures *m, const imr_evaluation *e,
                       const named *rows, size_t n_rows)
{
    for (size_t r = 0; r <= n_rows; r++) {
        bool all = r == n_rows;
        const double *values = all ? e->summary : e->values + rows[r].row * e->metrics;
        for (size_t i = 0; i < m->list.n; i++) {
            const imr_measure *one = &m->list.v[i];
            if (one->num_q && !all)
                continue;
            const bool count = one->num_q || imr_metric_is_count(one->metric);
            const double value = one->num_q ? (double)e->queries : *values++;
            const char *query = all ? "all" : rows[r].id;
            imr_buf_printf(b, "%-22s\t", one->name);
            imr_utf8_clean(b, query, strlen(query), IMR_CLEAN_LINE);
            imr_buf_printf(b, "\t%s\n", IMR_FIXED(value, count ? 0 : 4));
        }
    }
}

static void write_json(imr_buf *b, const imr_measures *m, const imr_evaluation *e,
                       const named *rows, size_t n_rows)
{
    imr_json_printf(b, "{'num_q': %zu, 'all': {'num_q': %zu", e->queries, e->queries);
    put_json(b, m, e->summary, e->queries);
    imr_json_printf(b, "}, 'queries': [");
    for (size_t r = 0; r < n_rows; r++) {
        imr_json_printf(b, r ? ",\n {'id': %s" : "\n {'id': %s", rows[r].id);
        put_json(b, m, e->values + rows[r].row * e->metrics, 1);
        imr_buf_char(b, '}');
    }
    imr_buf_str(b, "]}\n");
}

static imr_status measure(imr_cli *cli, const imr_measures *m, const imr_run *run,
                          const imr_qrels *qrels, bool json, imr_error *err)
{
    IMR_CLEANUP(imr_evaluation_done) imr_evaluation e = {0};
    IMR_TRY(imr_evaluate(&e, qrels, imr_run_ranked, (void *)run, m->metrics.v, m->metrics.n,
                         imr_config_bool(cli->config, IMR_OPT_COMPLETE), err));
    if (e.queries == 0)
        return imr_fail(err, IMR_E_NOT_FOUND, "no query of the run %s is judged in %s",
                        imr_config_string(cli->config, IMR_OPT_RUN),
                        imr_config_string(cli->config, IMR_OPT_QRELS));
    if (e.queries < qrels->queries.n)
        imr_cli_say(cli,
                    "judged queries that the run lacks: %zu of %zu; they are left out, "
                    "--complete counts them as 0",
                    qrels->queries.n - e.queries, qrels->queries.n);
    IMR_AUTOFREE named *rows = IMR_NEW_ARRAY(named, e.queries);
    IMR_NEED(rows, err);
    for (size_t i = 0; i < e.queries; i++)
        rows[i] = (named){qrels->queries.v[e.query[i]].id, i};
    qsort(rows, e.queries, sizeof *rows, by_id);
    size_t n_rows = imr_config_bool(cli->config, IMR_OPT_PER_QUERY) ? e.queries : 0;
    IMR_AUTOBUF imr_buf b = {0};
    (json ? write_json : write_text)(&b, m, &e, rows, n_rows);
    return imr_cli_emit(cli, &b, err);
}

imr_status imr_cli_evaluate_run(imr_cli *cli, imr_error *err)
{
    static const char *const usual[] = {"num_q", "map", "recip_rank", "recall.10,100",
                                        "ndcg_cut.10"};
    const char *run_path, *qrels_path;
    bool json;
    IMR_TRY(imr_cli_need(&run_path, cli, IMR_OPT_RUN, err));
    IMR_TRY(imr_cli_need(&qrels_path, cli, IMR_OPT_QRELS, err));
    IMR_TRY(imr_cli_json(&json, cli, err));
    IMR_CLEANUP(imr_measures_done) imr_measures m = {0};
    IMR_TRY(imr_measures_given(&m, cli->config, err));
    for (size_t i = 0, given = m.list.n; !given && i < IMR_LEN(usual); i++)
        IMR_TRY(add_measures(&m, usual[i], err));
    IMR_CLEANUP(imr_qrels_free_at) imr_qrels *qrels = NULL;
    IMR_CLEANUP(imr_run_free_at) imr_run *run = NULL;
    IMR_TRY(imr_qrels_open(&qrels, qrels_path, err));
    IMR_TRY(imr_run_open(&run, run_path, err));
    return measure(cli, &m, run, qrels, json, err);
}

/* ---- what a run file is of ---- */

/* What it ran on, and the command line. */
static void put_process(imr_buf *b, const imr_eval_report *r)
{
    struct utsname u = {0};
    IMR_AUTOBUF imr_buf blas = {0}, line = {0};
    (void)uname(&u);
    imr_cli_blas_text(&blas);
    imr_report_command(&line, r->command, r->n_command);
    imr_json_printf(b,
                    "platform:\n  hardware:\n    cpu:\n      architecture: %s\n"
                    "      number of cores: %ld\n  operating system:\n    kernel: %s\n"
                    "  software:\n    libraries:\n      c:\n      - %s\n"
                    "    retrieval toolkit:\n    - %s\n"
                    "implementation:\n  executable:\n    cmd: %s\n  source:\n    lang:\n    - c\n",
                    u.machine, sysconf(_SC_NPROCESSORS_ONLN), u.release, imr_buf_text(&blas),
                    "imrnn==" IMR_VERSION, imr_buf_text(&line));
}

/* One stage of the ranking; reranks "": it is the first. */
static void put_stage(imr_buf *b, const char *name, const char *method, const char *reranks)
{
    imr_json_printf(b, "  - name: %s\n    method: %s\n", name, method);
    if (*reranks)
        imr_json_printf(b, "    reranks: %s\n", reranks);
}

static void put_words(imr_buf *b, const imr_eval_options *o)
{
    imr_json_printf(b,
                    "  indexing:\n    tokenizer: %s\n    stemmer: %s\n    stopwords: %s\n"
                    "  retrieval:\n",
                    "runs of letters, digits and underscores, lower-cased", "snowball english",
                    "lucene english");
    put_stage(b, "bm25", "BM25", "");
    imr_json_printf(b, "    k1: %g\n    b: %g\n", o->bm25_k1, o->bm25_b);
}

static void put_method(imr_buf *b, const imr_eval_report *r, imr_ranking_kind kind)
{
    const imr_encoder_identity *e = &r->cache->encoder;
    const imr_adapter *a = r->adapter;
    const imr_eval_options *o = r->options;
    imr_json_printf(b, "method:\n  automatic: true\n  score ties: %s\n",
                    "document id, descending, as trec_eval");
    if (kind == IMR_RANKED_BM25) {
        put_words(b, o);
        return;
    }
    imr_json_printf(b, "  retrieval:\n");
    put_stage(b, "encoder", "cosine of dense vectors", "");
    imr_json_printf(b, "    model: %s\n    sha256: %s\n", e->name, e->sha256);
    if (kind == IMR_RANKED_ENCODER)
        return;
    put_stage(b, "before", "cosine behind an IMRNN adapter's projector", "");
    imr_json_printf(b, "    adapter: %s\n    sha256: %s\n", a->path, a->sha256);
    if (kind == IMR_RANKED_BEFORE)
        return;
    put_stage(b, "after", "IMRNN modulation",
              imr_candidates_names[imr_ranker_candidates(a, o->candidates)]);
    imr_json_printf(b,
                    "    adapter: %s\n    sha256: %s\n    form: %s\n    feedback_k: %u\n"
                    "    scope: %s\n",
                    a->path, a->sha256, imr_form_name(a->w.form), o->feedback_k,
                    imr_scope_names[o->scope]);
}

void imr_cli_run_metadata(imr_buf *b, const imr_eval_report *r, imr_ranking_kind kind,
                          const char *tag)
{
    const char *dataset = r->cache->dataset ? r->cache->dataset->path : r->cache->path;
    imr_json_printf(b, "schema-version: 0.2\nrun-version: 1.0\ntag: %s\n", tag);
    put_process(b, r);
    put_method(b, r, kind);
    imr_json_printf(b,
                    "data:\n  test collection:\n    name: %s\n    source: %s\n    topics: %s\n"
                    "  other:\n  - name: %s\n    source: %s\n    sha256: %s\n",
                    imr_path_base(dataset), dataset, r->split->name, "cache of vectors",
                    r->cache->path, r->cache->sha256);
}
