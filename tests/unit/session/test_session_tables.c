/* Which token table a session reads changes with. The encoder is a BERT whose pooling is
 * concatenated: its input rows are half as wide as its vectors, so only `encoded` fits. */
#include "base/mem.h"
#include "task/cache.h"
#include "session/session.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

typedef struct fixture {
    tiny t;
    char encoder[512], cache[512], adapter[1024];
} fixture;

static fixture start(void)
{
    fixture f = {.t = tiny_new(false, 24, 3, 20, 64)};
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    snprintf(f.encoder, sizeof f.encoder, "%s", f.t.dir);
    f.t.dir = f.encoder;
    snprintf(f.cache, sizeof f.cache, "%s/cache", test_tmpdir());
    snprintf(f.adapter, sizeof f.adapter, "%s", test_golden("tiny/adapter-v1.pt")); /* n is 48 */
    tiny_modules(&f.t, "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}", "");
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    CHECK_OK(imr_cache_encode(NULL, f.cache, d, e, IMR_F32, false, NULL, &err));
    imr_dataset_free(d);
    imr_encoder_free(e);
    return f;
}

static imr_session_options options_of(const fixture *f, const char *table)
{
    return (imr_session_options){.adapter = f->adapter,
                                 .cache = f->cache,
                                 .token_table = table,
                                 .settings = {.feedback_k = 10, .tokens = 5}};
}

TEST("an input table that does not fit costs the words, unless it was asked for")
{
    fixture f = start();
    imr_session *s = NULL;
    imr_session_options o = options_of(&f, NULL);
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    const imr_session_facts *facts = imr_session_facts_of(s);
    CHECK(facts->has_encoder && !facts->has_tokens);
    CHECK_CONTAINS(facts->tokens_problem, "have 24 dimensions, the vectors have 48");
    CHECK_CONTAINS(facts->tokens_problem, "--token-table encoded");
    CHECK_STR(facts->inputs.table_name, "");
    imr_session_close(s);
    o = options_of(&f, "input");
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "--token-table encoded has rows that fit");
    o = options_of(&f, f.encoder);
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "name a table of the same encoder");
    tiny_done(&f.t);
}

TEST("with the table of tokens encoded alone typed queries are told in words, and it is named")
{
    fixture f = start();
    imr_session *s = NULL;
    for (int again = 0; again < 2; again++) {
        imr_trace *t = NULL;
        imr_session_options o = options_of(&f, "encoded");
        o.background = true;
        CHECK_OK(imr_session_open(&s, &o, NULL, &err));
        const imr_session_facts *facts = imr_session_facts_of(s);
        CHECK(facts->has_tokens);
        CHECK_STR(facts->tokens_problem, "");
        CHECK_STR(facts->tokens_notice, "");
        const imr_request r = {.text = "wa wb wc", .settings = o.settings};
        CHECK_OK(imr_session_run(s, &r, &t, &err));
        CHECK_STR(t->inputs.table_name, "encoded");
        CHECK_INT(t->inputs.table_rows, TINY_VOCAB);
        CHECK_STR(t->inputs.table_sha256, t->inputs.encoder_sha256);
        imr_detail *d = NULL;
        CHECK_OK(imr_session_detail(s, t, 0, IMR_DETAIL_WORDS, NULL, &d, &err));
        const imr_word_list *words = &d->query_words[IMR_CHANGE_PAPER];
        CHECK(words->n_positive + words->n_negative > 0);
        for (size_t i = 0; i < words->n_positive; i++)
            CHECK(words->positive[i].text[0] == 'w'); /* special ones stay hidden */
        imr_detail_free(d);
        imr_trace_free(t);
        imr_session_close(s);
    }
    tiny_done(&f.t);
}

static bool stop_at_table(void *user, const imr_progress_info *info)
{
    (void)user;
    return strcmp(info->what, "encoding each token alone") != 0;
}

TEST("opening is stopped while the table is made, and any allocation of it may fail")
{
    fixture f = start();
    imr_session *s = NULL;
    const imr_progress p = {stop_at_table, NULL};
    imr_session_options o = options_of(&f, "encoded");
    CHECK_INT(imr_session_open(&s, &o, &p, &err), IMR_E_CANCELLED);
    CHECK_CONTAINS(err.text, "run the same command again to go on");
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i += 1 + i / 16) {
        imr_mem_fail_after(i);
        status = imr_session_open(&s, &o, NULL, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK)
            CHECK_INT(status, IMR_E_MEMORY);
    }
    imr_session_close(s);
    tiny_done(&f.t);
}
