/* Settings of an encoder's folder that change its vectors. */
#include "encoder/encoder.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

static tiny small(bool mpnet)
{
    return tiny_new(mpnet, 12, 3, 20, 10);
}

static imr_encoder *open_or_fail(const char *folder)
{
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, folder, NULL, &err));
    return e;
}

static void refused(const char *dir, imr_status status, const char *part)
{
    folder_refused(&err, dir, status, part);
}

static void vectors_of(const char *dir, const char *const *texts, size_t n, float *out)
{
    size_t lens[4];
    imr_encoder *e = open_or_fail(dir);
    CHECK(n <= 4);
    for (size_t i = 0; i < n; i++)
        lens[i] = strlen(texts[i]);
    CHECK_OK(imr_encoder_encode(e, texts, lens, n, out, NULL, NULL, &err));
    imr_encoder_free(e);
}

TEST("truncation on the left keeps the end of a text, processing_kwargs go before max_seq_length")
{
    static const char *const texts[] = {"wa wb wc wd", "wa wb", "wc wd"};
    tiny t = small(false);
    float v[3 * 12];
    put_file(t.dir, "sentence_bert_config.json",
             "{\"max_seq_length\":9,\"processing_kwargs\":{\"text\":{\"max_length\":4,"
             "\"truncation\":true}}}");
    vectors_of(t.dir, texts, 3, v);
    CHECK(memcmp(v, v + 12, 12 * sizeof *v) == 0);
    put_file(t.dir, "tokenizer_config.json", "{\"truncation_side\":\"left\"}");
    vectors_of(t.dir, texts, 3, v);
    CHECK(memcmp(v, v + 24, 12 * sizeof *v) == 0);
    put_file(t.dir, "sentence_bert_config.json",
             "{\"processing_kwargs\":{\"common\":{\"max_length\":11}}}");
    refused(t.dir, IMR_E_SHAPE, "max_length is 11, but config.json has positions for 10");
    tiny_done(&t);
}

TEST("a setting that may change vectors and is not obeyed is named once")
{
    static const struct {
        const char *file, *json, *part; /* part NULL: nothing to notice */
    } rows[] = {
        {"sentence_bert_config.json", "{\"do_lower_case\":false,\"unpad_inputs\":null}", NULL},
        {"sentence_bert_config.json", "{\"query_length\":32,\"document_length\":null}",
         "sentence_bert_config.json: query_length: not known here and not obeyed"},
        {"sentence_bert_config.json", "{\"tokenizer_args\":{\"a\":1},\"model_args\":{}}",
         "tokenizer_args: not known"},
        {"sentence_bert_config.json",
         "{\"processing_kwargs\":{\"text\":{\"add_special_tokens\":1}}}",
         "processing_kwargs: add_special_tokens"},
        {"sentence_bert_config.json", "{\"processing_kwargs\":{\"text\":{\"truncation\":false}}}",
         "truncation is off"},
        {"config_sentence_transformers.json", "{\"prompts\":{},\"similarity_fn_name\":\"dot\"}",
         NULL},
        {"config_sentence_transformers.json", "{\"truncate_dim\":4}", "truncate_dim: not known"},
        {"1_Pooling/config.json",
         "{\"pooling_mode_mean_tokens\":true,\"word_embedding_dimension\":12,\"weigh\":2}",
         "weigh: not known"},
    };
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        tiny t = small(false);
        put_file(t.dir, rows[i].file, rows[i].json);
        imr_encoder *e = open_or_fail(t.dir);
        if (rows[i].part)
            CHECK_CONTAINS(imr_buf_text(&e->notice), rows[i].part);
        else
            CHECK_STR(imr_buf_text(&e->notice), "");
        imr_encoder_free(e);
        tiny_done(&t);
    }
    tiny t = small(false);
    put_file(t.dir, "sentence_bert_config.json", "{\"transformer_task\":\"fill-mask\"}");
    refused(t.dir, IMR_E_UNSUPPORTED, "transformer_task \"fill-mask\" is not supported");
    tiny_done(&t);
}

TEST("prompts of the folder are the prefixes: the default one for all, or one a kind")
{
    static const struct {
        const char *json, *query, *passage, *all, *notice;
    } rows[] = {
        {"{\"prompts\":{\"x\":\"see: \",\"query\":\"q: \"},\"default_prompt_name\":\"x\"}",
         "see: ", "see: ", "see: ", NULL},
        {"{\"prompts\":{\"query\":\"q: \",\"passage\":\"p: \"}}", "q: ", "p: ", "",
         "\"q: \" is put before queries and \"p: \" before documents"},
        {"{\"prompts\":{\"query\":\"\",\"document\":\"\"},\"default_prompt_name\":null}", "", "",
         "", NULL},
    };
    tiny t = small(false);
    for (size_t i = 0; i < IMR_LEN(rows); i++) {
        put_file(t.dir, "config_sentence_transformers.json", rows[i].json);
        imr_encoder *e = open_or_fail(t.dir);
        CHECK_STR(e->query_prefix, rows[i].query);
        CHECK_STR(e->passage_prefix, rows[i].passage);
        CHECK_STR(e->prompt, rows[i].all);
        if (rows[i].notice)
            CHECK_CONTAINS(imr_buf_text(&e->notice), rows[i].notice);
        else
            CHECK_STR(imr_buf_text(&e->notice), "");
        imr_encoder_free(e);
    }
    const imr_encoder_options asked = {.query_prefix = "Q", .passage_prefix = ""};
    put_file(t.dir, "config_sentence_transformers.json", rows[1].json);
    imr_encoder *e = NULL;
    CHECK_OK(imr_encoder_open(&e, t.dir, &asked, &err));
    CHECK_STR(e->query_prefix, "Q");
    CHECK_STR(e->passage_prefix, "");
    CHECK_STR(imr_buf_text(&e->notice), "");
    imr_encoder_free(e);
    put_file(t.dir, "config_sentence_transformers.json", "{\"default_prompt_name\":\"gone\"}");
    refused(t.dir, IMR_E_FORMAT, "default_prompt_name \"gone\" is not among the prompts");
    tiny_done(&t);
}

TEST("do_lower_case is done, whatever the tokeniser does")
{
    tiny t = small(false);
    put_file(t.dir, "sentence_bert_config.json", "{\"do_lower_case\":true}");
    imr_encoder_free(open_or_fail(t.dir));
    static const char *const texts[] = {"WA Wb [SEP]", "wa wb [sep]"};
    static const size_t lens[] = {11, 11};
    float v[2 * 12];
    put_file(t.dir, "tokenizer_config.json", "{\"do_lower_case\":false}");
    imr_encoder *e = open_or_fail(t.dir);
    CHECK_OK(imr_encoder_encode(e, texts, lens, 2, v, NULL, NULL, &err));
    CHECK(memcmp(v, v + 12, 12 * sizeof *v) == 0);
    imr_encoder_free(e);
    tiny_done(&t);
}
