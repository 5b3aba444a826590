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

/* ---- which table, and when ---- */

enum { N = 48, DOCUMENTS = 120 };

/* A mean-pooled encoder over texts of its words: all three tables fit. */
static fixture start_mean(void)
{
    fixture f = {.t = tiny_new(false, N, 4, 20, 32)};
    imr_encoder *e = NULL;
    imr_dataset *d = NULL;
    imr_buf b = {0};
    snprintf(f.encoder, sizeof f.encoder, "%s", f.t.dir);
    f.t.dir = f.encoder;
    snprintf(f.cache, sizeof f.cache, "%s/cache", test_tmpdir());
    snprintf(f.adapter, sizeof f.adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    const char *texts = keep(test_tmpdir());
    for (int i = 0; i < DOCUMENTS; i++) {
        imr_buf_printf(&b, "{\"_id\":\"d%d\",\"title\":\"\",\"text\":\"", i);
        for (int k = 0; k < 8; k++)
            imr_buf_printf(&b, "w%c ", (char)('a' + imr_random_below(&f.t.random, 20)));
        imr_buf_str(&b, "\"}\n");
    }
    put_file(texts, "corpus.jsonl", imr_buf_text(&b));
    put_file(texts, "queries.jsonl", "{\"_id\":\"q\",\"text\":\"wa wb\"}\n");
    imr_buf_done(&b);
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, texts, NULL, &err));
    CHECK_OK(imr_cache_encode(NULL, f.cache, d, e, IMR_F32, false, NULL, &err));
    imr_dataset_free(d);
    imr_encoder_free(e);
    return f;
}

/* The only file of the cache's folder tokens that ends so; "" when there is none. */
static const char *kept_file(const fixture *f, const char *ending)
{
    static char path[1200];
    imr_names names;
    const char *dir = keep(test_path(f->cache, "tokens"));
    path[0] = '\0';
    if (!imr_dir_exists(dir))
        return path;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    for (size_t i = 0; i < names.n; i++) {
        const size_t len = strlen(names.v[i]), end = strlen(ending);
        if (len >= end && strcmp(names.v[i] + len - end, ending) == 0)
            snprintf(path, sizeof path, "%s/%s", dir, names.v[i]);
    }
    imr_names_done(&names);
    return path;
}

static size_t query_words(imr_session *s)
{
    imr_trace *t = NULL;
    imr_detail *d = NULL;
    const imr_request r = {.text = "wa wb wc", .settings = {.feedback_k = 10, .tokens = 5}};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    CHECK_OK(imr_session_detail(s, t, 0, IMR_DETAIL_WORDS, NULL, &d, &err));
    const imr_word_list *words = &d->query_words[IMR_CHANGE_PAPER];
    const size_t n = words->n_positive + words->n_negative;
    imr_detail_free(d);
    imr_trace_free(t);
    return n;
}

static bool count_measuring(void *user, const imr_progress_info *info)
{
    *(int *)user += strcmp(info->what, "measuring the lens") == 0;
    return true;
}

TEST("of the tables at hand the best is taken, the others named; what was measured is kept")
{
    fixture f = start_mean();
    imr_session *s = NULL;
    imr_session_options o = options_of(&f, NULL);
    int measured = 0;
    const imr_progress p = {count_measuring, &measured};
    o.background = true;
    CHECK(*kept_file(&f, ".context"));
    CHECK_OK(imr_session_open(&s, &o, &p, &err));
    CHECK(measured > 0);
    const imr_trace_inputs first = imr_session_facts_of(s)->inputs;
    CHECK_INT(first.n_others, 1); /* encoded was not made */
    CHECK(first.lens.precision >= first.others[0].lens.precision);
    CHECK(first.lens.texts == DOCUMENTS / 4 && first.others[0].lens.texts == DOCUMENTS / 4);
    CHECK_STR(first.others[0].name, strcmp(first.table_name, "input") == 0 ? "context" : "input");
    char name[16];
    snprintf(name, sizeof name, "%s", first.table_name);
    CHECK(query_words(s) > 0);
    imr_session_close(s);
    measured = 0;
    CHECK_OK(imr_session_open(&s, &o, &p, &err));
    const imr_trace_inputs *again = &imr_session_facts_of(s)->inputs;
    CHECK_INT(measured, 0);
    CHECK_STR(again->table_name, name);
    CHECK_INT(again->table_rows, first.table_rows);
    CHECK_NEAR(again->lens.precision, first.lens.precision, 1e-6);
    CHECK_NEAR(again->lens.chance, first.lens.chance, 1e-6);
    CHECK_INT(again->others[0].rows, first.others[0].rows);
    imr_session_close(s);
    /* The same measurement under an adapter that does not exist is not believed. */
    o.adapter = NULL;
    CHECK_OK(imr_session_open(&s, &o, &p, &err));
    CHECK(measured > 0);
    imr_session_close(s);
    tiny_done(&f.t);
}

TEST("a table that was noted as measured and is damaged is left out, and made again when asked for")
{
    fixture f = start_mean();
    imr_session *s = NULL;
    imr_session_options o = options_of(&f, "context");
    o.background = true;
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    CHECK_STR(imr_session_facts_of(s)->inputs.table_name, "context");
    imr_session_close(s);
    const char *file = kept_file(&f, ".context");
    CHECK(*file);
    CHECK_OK(imr_file_write(file, "damaged", 7, &err));
    o.token_table = "auto";
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    CHECK_STR(imr_session_facts_of(s)->inputs.table_name, "input");
    CHECK_CONTAINS(imr_session_facts_of(s)->tokens_notice, "--token-table context");
    imr_session_close(s);
    o.token_table = "context";
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    CHECK_STR(imr_session_facts_of(s)->inputs.table_name, "context");
    CHECK_INT(imr_session_facts_of(s)->inputs.table_rows, 20);
    imr_session_close(s);
    tiny_done(&f.t);
}

typedef struct stopper {
    size_t calls, after;
} stopper;

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    stopper *x = user;
    return ++x->calls % x->after != 0;
}

TEST("queries are answered before there are words; these come however often they are stopped")
{
    for (int writable = 0; writable < 2; writable++) {
        fixture f = start_mean();
        imr_session *s = NULL;
        imr_session_options o = options_of(&f, NULL);
        stopper x = {.after = 150}; /* the longest piece that is begun anew */
        const imr_progress p = {stop, &x};
        o.background = o.words_later = true;
        CHECK_INT(remove(kept_file(&f, ".context")), 0);
        if (!writable) {
            CHECK_INT(remove(test_path(f.cache, "tokens")), 0);
            CHECK_OK(imr_file_write(test_path(f.cache, "tokens"), "", 0, &err));
        }
        CHECK_OK(imr_session_open(&s, &o, NULL, &err));
        const imr_session_facts *before = imr_session_facts_of(s);
        CHECK(before->words_coming && !before->has_tokens && !*before->tokens_problem);
        CHECK_INT(query_words(s), 0);
        bool more = true;
        size_t stops = 0, opened = 0;
        while (more) {
            const imr_status status = imr_session_open_words(s, &more, &p, &err);
            if (status == IMR_E_CANCELLED) {
                CHECK(++stops < 1000);
                CHECK((query_words(s) > 0) == (opened > 0));
                continue;
            }
            CHECK_OK(status);
            opened++;
            const imr_session_facts *facts = imr_session_facts_of(s);
            CHECK(facts != before && !facts->words_coming && facts->has_tokens);
            CHECK(query_words(s) > 0);
            if (more)
                CHECK_STR(facts->inputs.table_name, "input"); /* until the corpus was heard */
        }
        CHECK(stops > 1);
        CHECK(before->words_coming); /* old facts stay as they were */
        const imr_trace_inputs *in = &imr_session_facts_of(s)->inputs;
        CHECK_INT(in->n_others, 1);
        CHECK(in->lens.precision >= in->others[0].lens.precision);
        CHECK((*kept_file(&f, ".context") != '\0') == writable);
        imr_session_close(s);
        tiny_done(&f.t);
    }
}
