#include <sys/utsname.h>
#include <unistd.h>

#include "cli/evaluate.h"
#include "report/report.h"

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
