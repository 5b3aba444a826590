/* One query and one document alone: on made-up vectors, and as the authors' package explains. */
#include "adapter/adapter.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "math/nn.h"
#include "retrieval/dataset.h"
#include "session/session.h"
#include "task/cache.h"
#include "tests/support/test.h"

static imr_error err;

static void put(const char *dir, const char *name, const imr_buf *b)
{
    CHECK_OK(imr_file_write(test_path(dir, name), imr_buf_text(b), b->len, &err));
}

static void add_line(imr_buf *out, const char *id, const char *title, const char *text)
{
    imr_buf_str(out, "{\"_id\": ");
    imr_json_put_string(out, id);
    imr_buf_str(out, ", \"title\": ");
    imr_json_put_string(out, title);
    imr_buf_str(out, ", \"text\": ");
    imr_json_put_string(out, text);
    imr_buf_str(out, "}\n");
}

/* The documents and queries of the golden pairs as a collection of their own. */
static void write_pairs(const char *dir, const imr_json *pairs, const char *scifact)
{
    imr_dataset *d = NULL;
    imr_buf corpus = {0}, queries = {0}, title = {0}, text = {0};
    const char *last = "";
    CHECK_OK(imr_dataset_open(&d, scifact, NULL, &err));
    for (const imr_json *p = imr_json_child(pairs); p; p = imr_json_next(p)) {
        uint32_t row, query;
        const char *id = imr_json_string_or(p, "document", "");
        const char *asked = imr_json_string_or(p, "query", "");
        CHECK(imr_ids_find(&d->documents, id, &row) && imr_ids_find(&d->query_ids, asked, &query));
        imr_buf_clear(&title);
        imr_buf_clear(&text);
        CHECK_OK(imr_dataset_read(d, row, &title, &text, &err));
        add_line(&corpus, id, imr_buf_text(&title), imr_buf_text(&text));
        if (strcmp(last, asked) != 0)
            add_line(&queries, asked, "", d->query_texts[query]);
        last = asked;
    }
    put(dir, "corpus.jsonl", &corpus);
    put(dir, "queries.jsonl", &queries);
    imr_buf_done(&corpus);
    imr_buf_done(&queries);
    imr_buf_done(&title);
    imr_buf_done(&text);
    imr_dataset_free(d);
}

static imr_session *open_on(const char *dir, const char *encoder, const char *adapter)
{
    imr_session *s = NULL;
    imr_dataset *d = NULL;
    imr_encoder *e = NULL;
    char cache[512];
    snprintf(cache, sizeof cache, "%s/cache", dir);
    CHECK_OK(imr_encoder_open(&e, encoder, NULL, &err));
    CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
    CHECK_OK(imr_cache_encode(NULL, cache, d, e, IMR_F32, false, NULL, &err));
    imr_dataset_free(d);
    imr_encoder_free(e);
    const imr_session_options o = {.adapter = adapter, .cache = cache, .settings = {.tokens = 10}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

static imr_trace *explain(imr_session *s, const char *query, const char *document)
{
    imr_trace *t = NULL;
    const imr_request r = {.text = query, .document = document, .settings = {.tokens = 10}};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

static void check_tokens(const imr_trace_token *found, size_t n, const imr_json *expected)
{
    CHECK_INT(n, 10);
    for (const imr_json *e = imr_json_child(expected); e; e = imr_json_next(e), found++) {
        const imr_json *token = imr_json_child(e);
        CHECK_STR(found->text, imr_json_string_or(token, "", ""));
        CHECK_NEAR(found->cosine, imr_json_number_or(imr_json_next(token), "", 0), 1e-5);
    }
}

TEST("a pair alone has the scores and the words of the authors' explain()")
{
    char encoder[512], adapter[512], scifact[512];
    snprintf(encoder, sizeof encoder, "%s", test_shared("models/all-MiniLM-L6-v2"));
    snprintf(adapter, sizeof adapter, "%s",
             test_shared("adapters/final/imrnns-final-minilm-scifact.pt"));
    snprintf(scifact, sizeof scifact, "%s", test_shared("datasets/scifact"));
    char dir[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    imr_json *pairs = NULL;
    CHECK_OK(imr_json_open(&pairs, test_shared("oracle/final/explain.json"), &err));
    write_pairs(dir, pairs, scifact);
    imr_session *s = open_on(dir, encoder, adapter);
    for (const imr_json *p = imr_json_child(pairs); p; p = imr_json_next(p)) {
        imr_trace *t =
            explain(s, imr_json_string_or(p, "query", ""), imr_json_string_or(p, "document", ""));
        CHECK_INT(t->n_documents, 1);
        CHECK_NEAR(t->documents[0].sim_encoder, imr_json_number_or(p, "base_score", 0), 1e-5);
        CHECK_NEAR(t->documents[0].sim_after, imr_json_number_or(p, "adapted_score", 0), 1e-5);
        check_tokens(t->pair->query, t->pair->n_query, imr_json_at(p, "query_tokens"));
        check_tokens(t->pair->document, t->pair->n_document, imr_json_at(p, "document_tokens"));
        imr_trace_free(t);
    }
    imr_session_close(s);
    imr_json_free(pairs);
}

TEST("a document that is given as a text is explained as the same one of the cache is")
{
    char encoder[512];
    snprintf(encoder, sizeof encoder, "%s", test_shared("models/all-MiniLM-L6-v2"));
    char dir[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    static const char text[] = "Vitamin D raises bone mineral density in elderly women.";
    imr_buf corpus = {0};
    add_line(&corpus, "d1", "", text);
    add_line(&corpus, "d2", "", "A bridge of steel.");
    put(dir, "corpus.jsonl", &corpus);
    imr_buf_done(&corpus);
    imr_session *s = open_on(dir, encoder, NULL);
    imr_trace *t[2] = {explain(s, "does vitamin d help bones", "d1"),
                       explain(s, "does vitamin d help bones", text)};
    imr_detail *d[2];
    for (size_t i = 0; i < 2; i++)
        CHECK_OK(imr_session_detail(s, t[i], 0, IMR_DETAIL_WORDS, NULL, &d[i], &err));
    CHECK_NEAR(t[0]->documents[0].sim_encoder, t[1]->documents[0].sim_encoder, 1e-6);
    CHECK_STR(t[0]->documents[0].id, "d1");
    CHECK_STR(t[1]->documents[0].id, "text");
    CHECK_STR(d[0]->why.sentence, d[1]->why.sentence);
    CHECK_CONTAINS(d[1]->why.sentence, "cosine .");
    CHECK_CONTAINS(d[1]->why.sentence, "*vitamin*");
    CHECK_STR(d[1]->text, text);
    const imr_pairs *p = &d[1]->why.pairs;
    double sum = 0;
    for (size_t i = 0; i < (p->n_query + 1) * (p->n_document + 1); i++)
        sum += p->raw[IMR_STAGE_ENCODER][i];
    CHECK_NEAR(sum + p->residual[IMR_STAGE_ENCODER], t[1]->documents[0].sim_encoder, 1e-6);
    imr_trace *none = NULL;
    const imr_request blank = {.text = "vitamin", .document = " \n", .settings = {.tokens = 10}};
    CHECK(imr_session_run(s, &blank, &none, &err) == IMR_E_USAGE);
    for (size_t i = 0; i < 2; i++) {
        imr_detail_free(d[i]);
        imr_trace_free(t[i]);
    }
    imr_session_close(s);
}
