/* cli/cmd_score.c - imrnn score: rank given texts, or those of a cache, for a query. */
#include <math.h>
#include <string.h>

#include "adapter/adapter.h"
#include "base/number.h"
#include "cli/steps.h"
#include "encoder/encoder.h"
#include "format/json.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/cache.h"
#include "text/utf8.h"

#define COLUMNS    80
#define CANDIDATES 100u /* of a store */
#define SHOWN      10   /* of a cache, unless --top-k says more */
#define SAYS_BLANK "(the encoder knows none of its words)"

/* Everything between the texts and the printed lines. Only texts the encoder knows a word of are
 * ranked; they are numbered from 0, documents[i] is the text of number i. The others follow. */
typedef struct scoring {
    imr_texts texts;      /* of a file, or: */
    imr_cache *cache;     /* made before */
    imr_adapter *adapter; /* NULL: the encoder ranks alone */
    imr_encoder *encoder;
    size_t n, known;                              /* texts, and those the encoder knows */
    uint32_t *documents;                          /* [n] */
    imr_matrix base, working;                     /* [1+n,n], [1+known,m]; row 0 is the query's */
    float *similarity;                            /* [known] in the encoder's space */
    uint32_t *order, *before_rank, *encoder_rank; /* [known] */
    imr_adapter_result run;
} scoring;

static void scoring_done(scoring *s)
{
    imr_texts_done(&s->texts);
    imr_cache_free(s->cache);
    imr_adapter_free(s->adapter);
    imr_encoder_free(s->encoder);
    imr_matrix_done(&s->base);
    imr_matrix_done(&s->working);
    IMR_FREE(s->documents, s->similarity, s->order, s->before_rank, s->encoder_rank);
    imr_adapter_result_done(&s->run);
}

static const char *id_of(const scoring *s, uint32_t document)
{
    return s->cache ? imr_ids_at(&s->cache->documents.ids, document) : s->texts.ids.v[document];
}

static imr_status text_of(imr_buf *out, const scoring *s, uint32_t document, imr_error *err)
{
    if (!s->cache) {
        const size_t prefix = strlen(s->encoder->passage_prefix); /* which was put before it */
        imr_buf_add(out, s->texts.texts.v[document] + prefix, s->texts.lens.v[document] - prefix);
        return imr_buf_check(out, err);
    }
    IMR_AUTOBUF imr_buf title = {0}, text = {0};
    IMR_TRY(imr_cache_document(s->cache, document, &title, &text, err));
    imr_document_text(out, imr_buf_text(&title), title.len, imr_buf_text(&text), text.len);
    return imr_buf_check(out, err);
}

/* ---- vectors ---- */

static imr_status encode_query(scoring *s, float *out, const char *query, imr_error *err)
{
    IMR_AUTOBUF imr_buf whole = {0};
    imr_token_count count;
    imr_buf_printf(&whole, "%s%s", s->encoder->query_prefix, query);
    IMR_TRY(imr_buf_check(&whole, err));
    const char *text = imr_buf_text(&whole);
    IMR_TRY(imr_encoder_encode(s->encoder, &text, &whole.len, 1, out, &count, NULL, err));
    if (count.known)
        return IMR_OK;
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "no word of the query is known to the encoder %s, so it cannot rank anything; "
                    "try other words",
                    s->encoder->folder.name);
}

static imr_status encode_texts(scoring *s, bool *known, const imr_progress *progress,
                               imr_error *err)
{
    imr_texts *t = &s->texts;
    IMR_AUTOFREE imr_token_count *counts = IMR_NEW_ARRAY(imr_token_count, s->n);
    IMR_NEED(counts, err);
    IMR_TRY(imr_texts_prepend(t, s->encoder->passage_prefix, err));
    IMR_TRY(imr_encoder_encode(s->encoder, (const char *const *)t->texts.v, t->lens.v, s->n,
                               imr_matrix_row(&s->base, 1), counts, progress, err));
    for (size_t i = 0; i < s->n; i++)
        known[i] = counts[i].known != 0;
    return IMR_OK;
}

/* Of a text without a known word a static encoder made the zero vector. */
static imr_status read_vectors(scoring *s, bool *known, imr_error *err)
{
    IMR_TRY(imr_cache_read_rows(s->cache, 0, s->n, imr_matrix_row(&s->base, 1), err));
    for (size_t i = 0; i < s->n; i++) {
        const float *row = imr_matrix_row(&s->base, i + 1);
        for (size_t j = 0; j < s->base.cols && !known[i]; j++)
            known[i] = row[j] != 0;
    }
    return IMR_OK;
}

static imr_status encode(imr_cli *cli, scoring *s, const char *query, imr_error *err)
{
    IMR_AUTOFREE bool *known = IMR_NEW_ARRAY(bool, s->n);
    size_t unknown = s->n;
    s->documents = IMR_NEW_ARRAY(uint32_t, s->n);
    IMR_NEED(known && s->documents, err);
    IMR_TRY(imr_matrix_init(&s->base, s->n + 1, s->encoder->dim, err));
    IMR_TRY(encode_query(s, s->base.v, query, err));
    IMR_TRY(s->cache ? read_vectors(s, known, err)
                     : encode_texts(s, known, &cli->meter.progress, err));
    for (size_t i = s->n; i-- > 0;)
        if (!known[i])
            s->documents[--unknown] = (uint32_t)i;
    for (size_t i = 0; i < s->n; i++) {
        if (!known[i])
            continue;
        s->documents[s->known++] = (uint32_t)i;
        memmove(imr_matrix_row(&s->base, s->known), imr_matrix_row(&s->base, i + 1),
                s->base.cols * sizeof(float));
    }
    if (s->known)
        return IMR_OK;
    return imr_fail(err, IMR_E_UNSUPPORTED, "the encoder %s knows no word of any text",
                    s->encoder->folder.name);
}

/* ---- ranks ---- */

static void rank_by(const scoring *s, uint32_t *rank, const float *scores, const uint32_t *places)
{
    imr_topk(s->order, s->known, scores, s->known, places);
    for (size_t i = 0; i < s->known; i++)
        rank[s->order[i]] = (uint32_t)i + 1;
}

static imr_status rank(scoring *s, imr_error *err)
{
    const size_t k = s->known, n = s->base.cols;
    IMR_AUTOFREE uint32_t *places = IMR_NEW_ARRAY(uint32_t, k);
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, k);
    s->similarity = IMR_NEW_ARRAY(float, k);
    s->order = IMR_NEW_ARRAY(uint32_t, k);
    s->before_rank = IMR_NEW_ARRAY(uint32_t, k);
    s->encoder_rank = IMR_NEW_ARRAY(uint32_t, k);
    IMR_NEED(places && ids && s->similarity && s->order && s->before_rank && s->encoder_rank, err);
    for (size_t i = 0; i < k; i++)
        ids[i] = id_of(s, s->documents[i]);
    IMR_TRY(imr_topk_places(places, ids, k, err));
    imr_nn_cosine_rows(s->similarity, imr_view_of(s->base.v + n, k, n), s->base.v);
    rank_by(s, s->encoder_rank, s->similarity, places);
    if (!s->adapter)
        return IMR_OK;
    const size_t m = s->adapter->w.m;
    IMR_TRY(imr_matrix_init(&s->working, k + 1, m, err));
    IMR_TRY(imr_adapter_project(s->adapter, imr_view_of(s->base.v, k + 1, n), s->working.v, err));
    IMR_TRY(imr_adapter_run(s->adapter, s->working.v, imr_view_of(s->working.v + m, k, m), &s->run,
                            err));
    rank_by(s, s->before_rank, s->run.before, places);
    imr_topk(s->order, k, s->run.after, k, places);
    return IMR_OK;
}

/* ---- printing ---- */

/* Ranks and similarities of number i of the order; of a text that is not ranked only blanks. */
static void put_numbers(imr_buf *out, const scoring *s, size_t i)
{
    if (i >= s->known) {
        imr_buf_printf(out, "%4s%*s", "-", s->adapter ? 32 : 8, "");
        return;
    }
    const uint32_t at = s->order[i];
    imr_buf_printf(out, "%4zu", i + 1);
    if (s->adapter)
        imr_buf_printf(out, "%4u%4u%8s%8s", s->before_rank[at], s->encoder_rank[at],
                       IMR_FIXED((double)s->run.after[at], 4),
                       IMR_FIXED((double)s->run.before[at], 4));
    imr_buf_printf(out, "%8s", IMR_FIXED((double)s->similarity[at], 4));
}

static uint32_t document_at(const scoring *s, size_t i)
{
    return s->documents[i < s->known ? s->order[i] : i];
}

static imr_status print_text(imr_buf *out, const scoring *s, size_t shown, imr_error *err)
{
    imr_buf_str(out, s->adapter ? " now was enc   after  before encoder  id and text\n"
                                : "rank encoder  id and text\n");
    for (size_t i = 0; i < shown; i++) {
        const uint32_t d = document_at(s, i);
        const size_t start = out->len;
        IMR_AUTOBUF imr_buf text = {0}, clean = {0};
        put_numbers(out, s, i);
        imr_buf_str(out, "  ");
        imr_utf8_clean(&clean, id_of(s, d), strlen(id_of(s, d)), IMR_CLEAN_LINE);
        imr_buf_str(&clean, i < s->known ? "  " : "  " SAYS_BLANK " ");
        IMR_TRY(text_of(&text, s, d, err));
        imr_utf8_clean(&clean, imr_buf_text(&text), text.len, IMR_CLEAN_LINE);
        imr_utf8_clip(out, imr_buf_text(&clean), clean.len, COLUMNS - (out->len - start), "...");
        imr_buf_char(out, '\n');
    }
    return imr_buf_check(out, err);
}

static imr_status print_json(imr_buf *out, const scoring *s, const char *query, size_t shown,
                             imr_error *err)
{
    imr_json_printf(out, "{'query': %s, 'documents': [", query);
    for (size_t i = 0; i < shown; i++) {
        const bool known = i < s->known, adapted = known && s->adapter;
        const uint32_t at = known ? s->order[i] : 0, d = document_at(s, i);
        IMR_AUTOBUF imr_buf text = {0};
        IMR_TRY(text_of(&text, s, d, err));
        imr_json_printf(out, i ? ",\n {'id': %s" : "\n {'id': %s", id_of(s, d));
        imr_json_printf(
            out,
            ", 'rank_after': %g, 'rank_before': %g, 'rank_encoder': %g, 'sim_after': %g, "
            "'sim_before': %g, 'sim_encoder': %g, 'text': %.*s}",
            adapted ? (double)i + 1 : NAN, adapted ? (double)s->before_rank[at] : NAN,
            known ? (double)s->encoder_rank[at] : NAN, adapted ? (double)s->run.after[at] : NAN,
            adapted ? (double)s->run.before[at] : NAN, known ? (double)s->similarity[at] : NAN,
            (int)text.len, imr_buf_text(&text));
    }
    imr_buf_str(out, "]}\n");
    return imr_buf_check(out, err);
}

/* ---- the command ---- */

/* The candidates of the query in a store. */
static imr_status open_window(scoring *s, imr_cli *cli, const char *query, imr_error *err)
{
    const imr_engine_options store = imr_cli_store(cli);
    const size_t k = (size_t)imr_config_int(cli->config, IMR_OPT_TOP_K);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *e = NULL;
    IMR_TRY(imr_cli_encoder(&s->encoder, cli, err));
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, s->encoder->dim);
    IMR_NEED(base, err);
    IMR_TRY(encode_query(s, base, query, err));
    IMR_TRY(imr_engine_open(&e, &store, &cli->meter.progress, err));
    if (e->facts.dim != s->encoder->dim)
        return imr_fail(err, IMR_E_SHAPE,
                        "the encoder %s gives %zu-dimensional vectors, %s holds %zu-dimensional "
                        "ones; use the encoder these were made with",
                        s->encoder->folder.name, s->encoder->dim, e->facts.name, e->facts.dim);
    IMR_TRY(imr_engine_window(&s->cache, e, base, k > CANDIDATES ? k : CANDIDATES, NULL, 0,
                              &cli->meter.progress, err));
    s->n = s->cache->documents.ids.n;
    return IMR_OK;
}

/* The texts of --documents, candidates of a store, or a cache that is made when it has to be, with its encoder. */
static imr_status open_texts(scoring *s, imr_cli *cli, const char *query, imr_error *err)
{
    const char *file = imr_config_string(cli->config, IMR_OPT_DOCUMENTS);
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    if (file && cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE, "either --documents or a cache: %s is named too",
                        cli->arguments[0]);
    if (file) {
        IMR_TRY(imr_texts_read(&s->texts, file, err));
        s->n = s->texts.texts.n;
        return imr_cli_encoder(&s->encoder, cli, err);
    }
    IMR_TRY(imr_cli_cache_argument(cli, err));
    if (imr_cli_store(cli).url)
        return open_window(s, cli, query, err);
    IMR_TRY(imr_cli_dataset_path(&paths.dataset, cli, err));
    IMR_TRY(imr_cli_session_cache(&paths.cache, cli, paths.dataset, err));
    IMR_TRY(imr_cli_open_cache(&s->cache, cli, paths.cache, paths.dataset, err));
    imr_cli_say(cli, "%s", s->cache->notice);
    s->n = s->cache->documents.ids.n;
    return imr_cli_encoder_of_cache(&s->encoder, cli, s->cache, err);
}

static imr_status open_adapter(scoring *s, const imr_config *c, imr_error *err)
{
    const char *path = imr_config_item(c, IMR_OPT_CHECKPOINT, 0);
    if (!path)
        return IMR_OK;
    IMR_TRY(imr_adapter_open(&s->adapter, path, (imr_form)imr_config_choice(c, IMR_OPT_FORM), err));
    if (s->encoder->dim == s->adapter->w.n)
        return IMR_OK;
    return imr_fail(err, IMR_E_SHAPE,
                    "the adapter %s takes %zu-dimensional vectors, the encoder %s gives "
                    "%zu-dimensional ones; use the encoder the adapter was trained on",
                    s->adapter->path, s->adapter->w.n, s->encoder->folder.name, s->encoder->dim);
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    IMR_CLEANUP(scoring_done) scoring s = {0};
    IMR_AUTOBUF imr_buf out = {0};
    bool json;
    if (imr_config_count(c, IMR_OPT_QUERY) != 1 || imr_config_count(c, IMR_OPT_CHECKPOINT) > 1)
        return imr_fail(err, IMR_E_USAGE,
                        "one --query TEXT is needed, and at most one --checkpoint FILE");
    const char *query = imr_config_item(c, IMR_OPT_QUERY, 0);
    IMR_TRY(imr_cli_json(&json, cli, err));
    IMR_TRY(open_texts(&s, cli, query, err));
    size_t top = (size_t)imr_config_int(c, IMR_OPT_TOP_K);
    if (top > s.n)
        return imr_fail(err, IMR_E_USAGE,
                        "--top-k is %zu, but there are %zu texts; use at most %zu, or 0 for all",
                        top, s.n, s.n);
    if (top == 0)
        top = s.cache && !imr_config_is_set(c, IMR_OPT_TOP_K) && s.n > SHOWN ? SHOWN : s.n;
    IMR_TRY(open_adapter(&s, c, err));
    IMR_TRY(encode(cli, &s, query, err));
    IMR_TRY(rank(&s, err));
    IMR_TRY(json ? print_json(&out, &s, query, top, err) : print_text(&out, &s, top, err));
    return imr_cli_emit(cli, &out, err);
}

const imr_command imr_command_score = {
    .name = "score",
    .usage = "[--checkpoint FILE] --query TEXT (--encoder E --documents FILE | CACHE | --dataset D "
             "--encoder E) [--top-k K]",
    .summary = "rank given texts, or those of a cache, for a query",
    .options = IMR_OPTIONS(IMR_OPT_CHECKPOINT, IMR_ENCODER_OPTIONS, IMR_OPT_EMBEDDING_DIM,
                           IMR_OPT_QUERY, IMR_OPT_DOCUMENTS, IMR_OPT_CACHE_DIR, IMR_DATASET_OPTIONS,
                           IMR_OPT_TOP_K, IMR_OPT_SKIP_BAD_LINES, IMR_OPT_QUERY_PREFIX,
                           IMR_OPT_PRECISION, IMR_OPT_PASSAGE_PREFIX, IMR_OPT_FORMAT,
                           IMR_OUTPUT_OPTIONS, IMR_OPT_FORM, IMR_CLI_STORE_OPTIONS),
    .max_arguments = 1,
    .run = run,
};
