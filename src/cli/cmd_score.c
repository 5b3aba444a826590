/* cli/cmd_score.c - imrnn score: rank given texts for a query. */
#include <string.h>

#include "adapter/adapter.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/texts.h"
#include "encoder/encoder.h"
#include "format/json.h"
#include "math/nn.h"
#include "math/topk.h"
#include "text/utf8.h"

static const imr_option_id options[] = {
    IMR_OPT_CHECKPOINT,    IMR_OPT_ENCODER,      IMR_OPT_ENCODER_MODEL_NAME,
    IMR_OPT_EMBEDDING_DIM, IMR_OPT_QUERY,        IMR_OPT_DOCUMENTS,
    IMR_OPT_TOP_K,         IMR_OPT_QUERY_PREFIX, IMR_OPT_PASSAGE_PREFIX,
    IMR_OPT_PRECISION,     IMR_OPT_FORMAT,       IMR_OPT_OUTPUT,
    IMR_OPT_FORM,          IMR_OPT_COUNT,
};

/* Everything between the texts and the printed lines. */
typedef struct scoring {
    imr_texts texts;
    imr_adapter *adapter;
    imr_encoder *encoder;
    imr_matrix base, working; /* [K,n], [K,m]; row 0 of each is the query's, documents follow */
    float *similarity;        /* [K] in the encoder's space */
    uint32_t *places, *order, *rank; /* [K] */
    imr_adapter_result run;
} scoring;

static void scoring_done(scoring *s)
{
    imr_texts_done(&s->texts);
    imr_adapter_free(s->adapter);
    imr_encoder_free(s->encoder);
    imr_matrix_done(&s->base);
    imr_matrix_done(&s->working);
    imr_free(s->similarity);
    imr_free(s->places);
    imr_free(s->order);
    imr_free(s->rank);
    imr_adapter_result_done(&s->run);
}

static const char *prefix_of(const imr_cli *cli, imr_option_id id, const char *fallback)
{
    return imr_config_is_set(cli->config, id) ? imr_config_string(cli->config, id) : fallback;
}

static imr_status encode_one(scoring *s, const char *prefix, const char *text, size_t len,
                             float *out, imr_token_count *count, imr_error *err)
{
    IMR_AUTOBUF imr_buf whole = {0};
    imr_buf_str(&whole, prefix);
    imr_buf_add(&whole, text, len);
    IMR_TRY(imr_buf_check(&whole, err));
    const char *start = imr_buf_text(&whole);
    return imr_encoder_encode(s->encoder, &start, &whole.len, 1, out, count, NULL, err);
}

static imr_status encode(imr_cli *cli, scoring *s, const char *query, imr_error *err)
{
    const size_t k = s->texts.texts.n, n = imr_encoder_dim(s->encoder);
    const char *query_prefix =
        prefix_of(cli, IMR_OPT_QUERY_PREFIX, imr_encoder_query_prefix(s->encoder));
    const char *passage_prefix =
        prefix_of(cli, IMR_OPT_PASSAGE_PREFIX, imr_encoder_passage_prefix(s->encoder));
    imr_token_count count;
    IMR_TRY(imr_matrix_init(&s->base, k + 1, n, err));
    IMR_TRY(encode_one(s, query_prefix, query, strlen(query), s->base.v, &count, err));
    if (count.known == 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "no word of the query is known to the encoder %s, so it cannot rank "
                        "anything; try other words",
                        imr_encoder_name(s->encoder));
    for (size_t i = 0; i < k; i++) {
        IMR_TRY(encode_one(s, passage_prefix, s->texts.texts.v[i], s->texts.lens.v[i],
                           imr_matrix_row(&s->base, i + 1), &count, err));
        if (count.known == 0)
            imr_cli_say(cli, "text %s: the encoder knows none of its words; its place says nothing",
                        s->texts.ids.v[i]);
        if (!imr_progress_step(imr_cli_progress(cli), "encoding texts", i + 1, k))
            return imr_fail(err, IMR_E_CANCELLED, "interrupted");
    }
    return IMR_OK;
}

static imr_status rank(scoring *s, imr_error *err)
{
    const size_t k = s->texts.texts.n, m = s->adapter->w.m, n = s->base.cols;
    IMR_TRY(imr_matrix_init(&s->working, k + 1, m, err));
    s->similarity = IMR_NEW_ARRAY(float, k);
    s->places = IMR_NEW_ARRAY(uint32_t, k);
    s->order = IMR_NEW_ARRAY(uint32_t, k);
    s->rank = IMR_NEW_ARRAY(uint32_t, k);
    if (!s->similarity || !s->places || !s->order || !s->rank)
        return imr_fail_memory(err);
    IMR_TRY(imr_adapter_project(s->adapter, imr_matrix_view(&s->base), s->working.v, err));
    IMR_TRY(imr_adapter_run(s->adapter, s->working.v, imr_view_of(s->working.v + m, k, m), &s->run,
                            err));
    imr_nn_cosine_rows(s->similarity, imr_view_of(s->base.v + n, k, n), s->base.v);
    IMR_TRY(imr_topk_places(s->places, (const char *const *)s->texts.ids.v, k, err));
    imr_topk(s->order, k, s->run.before, k, s->places);
    for (size_t i = 0; i < k; i++)
        s->rank[s->order[i]] = (uint32_t)i + 1;
    imr_topk(s->order, k, s->run.after, k, s->places);
    return IMR_OK;
}

static void print_text(imr_buf *out, const scoring *s, size_t shown)
{
    char number[64];
    imr_buf_str(out, " now was   after  before encoder  id and text\n");
    for (size_t i = 0; i < shown; i++) {
        const uint32_t d = s->order[i];
        IMR_AUTOBUF imr_buf clean = {0};
        imr_buf_printf(out, "%4zu%4u  ", i + 1, s->rank[d]);
        imr_buf_printf(out, "%s  ", imr_format_fixed(number, (double)s->run.after[d], 4, false));
        imr_buf_printf(out, "%s  ", imr_format_fixed(number, (double)s->run.before[d], 4, false));
        imr_buf_printf(out, "%s  ", imr_format_fixed(number, (double)s->similarity[d], 4, false));
        imr_utf8_clean(&clean, s->texts.ids.v[d], strlen(s->texts.ids.v[d]), IMR_CLEAN_LINE);
        imr_buf_str(&clean, "  ");
        imr_utf8_clean(&clean, s->texts.texts.v[d], s->texts.lens.v[d], IMR_CLEAN_LINE);
        imr_utf8_clip(out, imr_buf_text(&clean), clean.len, 80, "...");
        imr_buf_char(out, '\n');
    }
}

static void print_json(imr_buf *out, const scoring *s, const char *query, size_t shown)
{
    imr_buf_str(out, "{\"query\": ");
    imr_json_put_string(out, query);
    imr_buf_str(out, ", \"documents\": [");
    for (size_t i = 0; i < shown; i++) {
        const uint32_t d = s->order[i];
        imr_buf_str(out, i ? ", {\"id\": " : "{\"id\": ");
        imr_json_put_string(out, s->texts.ids.v[d]);
        imr_buf_printf(out, ", \"rank_after\": %zu, \"rank_before\": %u, \"sim_after\": ", i + 1,
                       s->rank[d]);
        imr_json_put_number(out, (double)s->run.after[d]);
        imr_buf_str(out, ", \"sim_before\": ");
        imr_json_put_number(out, (double)s->run.before[d]);
        imr_buf_str(out, ", \"sim_encoder\": ");
        imr_json_put_number(out, (double)s->similarity[d]);
        imr_buf_str(out, ", \"text\": ");
        imr_json_put_string_n(out, s->texts.texts.v[d], s->texts.lens.v[d]);
        imr_buf_char(out, '}');
    }
    imr_buf_str(out, "]}\n");
}

static imr_status score(imr_cli *cli, scoring *s, const char *query, const char *documents,
                        imr_error *err)
{
    const imr_config *c = cli->config;
    int json;
    IMR_TRY(imr_cli_format(&json, cli, "text|json", err));
    IMR_TRY(imr_texts_read(&s->texts, documents, err));
    const size_t k = s->texts.texts.n, top = (size_t)imr_config_int(c, IMR_OPT_TOP_K);
    if (top > k)
        return imr_fail(err, IMR_E_USAGE,
                        "--top-k is %zu, %s holds %zu texts; use at most %zu, or 0 for all", top,
                        documents, k, k);
    IMR_TRY(imr_adapter_open(&s->adapter, imr_config_item(c, IMR_OPT_CHECKPOINT, 0),
                             (imr_form)imr_config_choice(c, IMR_OPT_FORM), err));
    IMR_TRY(imr_cli_encoder(&s->encoder, cli, err));
    if (imr_encoder_dim(s->encoder) != s->adapter->w.n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the adapter %s takes %zu-dimensional vectors, the encoder %s gives "
                        "%zu-dimensional ones; use the "
                        "encoder the adapter was trained on",
                        s->adapter->path, s->adapter->w.n, imr_encoder_name(s->encoder),
                        imr_encoder_dim(s->encoder));
    IMR_TRY(encode(cli, s, query, err));
    IMR_TRY(rank(s, err));
    IMR_AUTOBUF imr_buf out = {0};
    if (json)
        print_json(&out, s, query, top ? top : k);
    else
        print_text(&out, s, top ? top : k);
    return imr_cli_emit(cli, &out, err);
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    const char *documents;
    if (imr_config_count(c, IMR_OPT_QUERY) != 1 || imr_config_count(c, IMR_OPT_CHECKPOINT) != 1)
        return imr_fail(err, IMR_E_USAGE, "one --query TEXT and one --checkpoint FILE are needed");
    IMR_TRY(imr_cli_need(&documents, cli, IMR_OPT_DOCUMENTS, err));
    scoring s = {0};
    imr_status status = score(cli, &s, imr_config_item(c, IMR_OPT_QUERY, 0), documents, err);
    scoring_done(&s);
    return status;
}

const imr_command imr_command_score = {
    .name = "score",
    .usage = "--checkpoint FILE --encoder DIR --query TEXT --documents FILE [--top-k K]",
    .summary = "rank given texts for a query",
    .details = "All texts are the adapter's feedback: a score depends on the whole set. Texts: "
               "JSONL, a JSON array of strings, "
               "or one a line; - reads standard input.",
    .example = "  imrnn score --checkpoint demo/adapter.pt --encoder demo/encoder --query "
               "'volcanic islands' "
               "--documents demo/dataset/corpus.jsonl --top-k 5",
    .options = options,
    .run = run,
};
