/* The session on the made-up cache of the reference and the tiny adapter: no encoder, so cached
 * queries only. */
#include "format/json.h"
#include "base/mem.h"
#include "report/report.h"
#include "session/session.h"
#include "tests/support/schema.h"
#include "tests/support/test.h"
#include "tests/unit/session/find.h"

static imr_session *open_tiny(uint32_t feedback_k, imr_scope scope)
{
    imr_error err;
    imr_session *s = NULL;
    char adapter[1024], cache[1024], dataset[1024];
    snprintf(adapter, sizeof adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    snprintf(cache, sizeof cache, "%s", test_golden("cache"));
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    const imr_session_options o = {.adapter = adapter,
                                   .cache = cache,
                                   .dataset = dataset,
                                   .settings = {.feedback_k = feedback_k, .scope = scope}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

static imr_trace *ask(imr_session *s, const char *id, imr_trace_settings settings)
{
    imr_error err;
    imr_trace *t = NULL;
    const imr_request request = {.query_id = id, .settings = settings, .serial = 7};
    CHECK_OK(imr_session_run(s, &request, &t, &err));
    return t;
}

TEST("rankings of the reference cache equal the reference's, before and after")
{
    imr_error err;
    imr_json *expected;
    CHECK_OK(
        imr_json_open(&expected, test_golden("cache/expected_rankings_feedback30.json"), &err));
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    size_t queries = 0;
    for (const imr_json *q = imr_json_child(expected); q; q = imr_json_next(q), queries++) {
        imr_trace *t = ask(s, imr_json_key(q), (imr_trace_settings){.feedback_k = 30});
        CHECK_INT(t->n_documents, 30);
        CHECK_INT(t->serial, 7);
        size_t place = 0;
        const imr_json *candidate = imr_json_child(imr_json_at(q, "candidates"));
        const imr_json *base = imr_json_child(imr_json_at(q, "base")),
                       *after = imr_json_child(imr_json_at(q, "after"));
        for (; candidate; candidate = imr_json_next(candidate), place++) {
            const size_t at = listed_at(t, imr_json_string_or(candidate, "", ""));
            CHECK(at < t->n_documents);
            CHECK_INT(t->documents[at].rank_before, place + 1);
            CHECK_NEAR(t->documents[at].sim_before, imr_json_number_or(base, "", 9), 1e-5);
            CHECK_NEAR(t->documents[at].sim_after, imr_json_number_or(after, "", 9), 1e-5);
            base = imr_json_next(base);
            after = imr_json_next(after);
        }
        place = 0;
        for (const imr_json *id = imr_json_child(imr_json_at(q, "order_after")); id;
             id = imr_json_next(id), place++)
            CHECK_STR(t->documents[place].id, imr_json_string_or(id, "", ""));
        imr_trace_free(t);
    }
    CHECK_INT(queries, 6);
    imr_json_free(expected);
    imr_session_close(s);
}

TEST("shares, steps and moves of a trace add up")
{
    imr_error err;
    imr_session *s = open_tiny(40, IMR_SCOPE_RERANK);
    imr_trace *t = ask(s, "q01", (imr_trace_settings){.feedback_k = 40});
    double median_count = 0;
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_trace_document *d = &t->documents[i];
        CHECK_INT(d->rank_after, i + 1);
        CHECK_INT(d->move, (int)d->rank_before - (int)d->rank_after);
        imr_detail *detail;
        CHECK_OK(imr_session_detail(s, t, i, IMR_DETAIL_NUMBERS, NULL, &detail, &err));
        const imr_why *w = &detail->why;
        CHECK_NEAR(w->share_query + w->share_document + w->share_residual, d->delta_sim, 1e-6);
        CHECK_NEAR(w->share_residual, 0, 1e-6);
        double sum = w->steps[0].cosine - (double)d->sim_before;
        for (int k = 1; k < IMR_STEP_COUNT; k++)
            sum += w->steps[k].change;
        CHECK(w->has_steps);
        CHECK_NEAR(sum, d->delta_sim, 1e-6);
        CHECK_NEAR(w->steps[IMR_STEP_COUNT - 1].cosine, d->sim_after, 1e-6);
        imr_detail_free(detail);
        median_count += d->delta_sim_relative > 0;
        CHECK(d->rank_encoder >= 1 && d->rank_encoder <= 120);
    }
    CHECK_NEAR(median_count, 20, 0);
    imr_trace_free(t);
    imr_session_close(s);
}

TEST("scope rescore ranks the feedback documents as rerank does, among all others")
{
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    imr_trace *a = ask(s, "q02", (imr_trace_settings){.feedback_k = 30});
    imr_trace *b =
        ask(s, "q02", (imr_trace_settings){.feedback_k = 30, .scope = IMR_SCOPE_RESCORE});
    CHECK_INT(b->n_scored, 120);
    CHECK_INT(b->n_documents, 30);
    size_t shared = 0;
    for (size_t i = 0; i < a->n_documents; i++) {
        const size_t at = listed_at(b, a->documents[i].id);
        if (at == SIZE_MAX)
            continue;
        shared++;
        CHECK_NEAR(b->documents[at].sim_after, a->documents[i].sim_after, 1e-6);
        CHECK(b->documents[at].rank_after >= a->documents[i].rank_after);
    }
    CHECK(shared > 0);
    for (size_t i = 1; i < b->n_documents; i++)
        CHECK(b->documents[i].sim_after <= b->documents[i - 1].sim_after);
    imr_trace_free(a);
    imr_trace_free(b);
    imr_session_close(s);
}

TEST("scope corpus with every document as feedback equals rerank with K = N")
{
    imr_session *s = open_tiny(120, IMR_SCOPE_CORPUS);
    imr_trace *a = ask(s, "q03", (imr_trace_settings){.feedback_k = 120});
    imr_trace *b =
        ask(s, "q03", (imr_trace_settings){.feedback_k = 120, .scope = IMR_SCOPE_CORPUS});
    CHECK_INT(a->n_documents, b->n_documents);
    for (size_t i = 0; i < a->n_documents; i++)
        CHECK_NEAR(a->documents[i].sim_after,
                   b->documents[listed_at(b, a->documents[i].id)].sim_after, 1e-6);
    imr_trace_free(a);
    imr_trace_free(b);
    imr_session_close(s);
}

TEST("without an encoder cached queries work and typed ones say what is missing")
{
    imr_error err;
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    const imr_session_facts *facts = imr_session_facts_of(s);
    CHECK(!facts->has_encoder && !facts->has_tokens);
    CHECK(facts->encoder_problem[0] != '\0' && facts->tokens_problem[0] != '\0');
    CHECK_INT(facts->documents, 120);
    imr_trace *t = NULL;
    imr_request request = {.text = "  MIBAR tigem lohut mihut ", .settings = {.feedback_k = 30}};
    CHECK_OK(imr_session_run(s, &request, &t, &err));
    CHECK_STR(t->query_id, "q00");
    CHECK(t->query_cached);
    CHECK(t->n_metrics > 0);
    imr_trace_free(t);
    request.text = "something nobody cached";
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "encoder");
    request.text = " \t ";
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_USAGE);
    request.text = NULL;
    request.query_id = "nobody";
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_NOT_FOUND);
    request.query_id = "q00";
    request.settings.feedback_k = 121;
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "120");
    imr_session_close(s);
}

static bool at_once(void *user, const imr_progress_info *info)
{
    (void)info;
    ++*(int *)user;
    return false;
}

TEST("a query can be cancelled")
{
    imr_error err;
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    imr_trace *t = NULL;
    int calls = 0;
    const imr_progress progress = {at_once, &calls};
    const imr_request request = {
        .query_id = "q00", .settings = {.feedback_k = 30}, .progress = &progress};
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_CANCELLED);
    CHECK(t == NULL && calls == 1);
    imr_session_close(s);
}

static bool count_search(void *user, const imr_progress_info *info)
{
    *(int *)user += strcmp(info->what, "searching") == 0;
    return *(int *)user < 2;
}

TEST("the search of a query tells how far it is, and stops when told to")
{
    imr_error err = {0};
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    imr_trace *t = NULL;
    int steps = 0;
    const imr_progress progress = {count_search, &steps};
    const imr_request request = {.query_id = "q01", .progress = &progress};
    CHECK_OK(imr_session_run(s, &request, &t, &err));
    CHECK_INT(steps, 1);
    imr_trace_free(t);
    CHECK_INT(imr_session_run(s, &request, &t, &err), IMR_E_CANCELLED);
    imr_session_close(s);
}

TEST("an adapter of another encoder is refused with both dimensions")
{
    imr_error err;
    imr_session *s = NULL;
    const char *adapter = test_shared("adapters/imrnns-minilm-nq.pt");
    const imr_session_options o = {.adapter = adapter, .cache = test_golden("cache")};
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "384");
    CHECK_CONTAINS(err.text, "48");
}

TEST("queries are suggested by their beginning")
{
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    imr_suggestion found[5];
    CHECK(imr_session_suggest(s, "midin", found, 5) >= 2);
    CHECK(strncmp(found[0].text, "midin", 5) == 0);
    CHECK_INT(imr_session_suggest(s, "no such beginning", found, 5), 0);
    imr_session_close(s);
}

TEST("a trace outlives its session and reports say the same in text and JSON")
{
    imr_error err;
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    imr_trace *t = ask(s, "q04", (imr_trace_settings){.feedback_k = 30});
    imr_details details = {0};
    const bool words[64] = {true, true, true};
    CHECK_OK(
        imr_session_details(s, t, words, &(imr_details_ask){.all = true}, NULL, &details, &err));
    imr_session_close(s);
    const char *const command[] = {"imrnn", "explain", "--query", "a \"b\""};
    const imr_report_context context = {
        .command = command, .n_command = 4, .top = 3, .details = &details};
    imr_buf json = {0}, text = {0};
    CHECK_OK(imr_report_render(t, "json", &context, &json, &err));
    CHECK_OK(imr_report_render(t, "text", &context, &text, &err));
    CHECK_INT(imr_report_render(t, "xml", &context, &text, &err), IMR_E_USAGE);
    imr_json *parsed;
    CHECK_OK(imr_json_parse(&parsed, json.data, json.len, "report", &err));
    imr_json *schema;
    CHECK_OK(imr_json_open(&schema, IMRNN_SOURCE_ROOT "/assets/report.schema.json", &err));
    CHECK_STR(schema_problem(schema, parsed), "");
    imr_json_free(schema);
    CHECK_STR(imr_json_string_or(parsed, "command/3", ""), "a \"b\"");
    CHECK_INT(imr_json_count(imr_json_at(parsed, "documents")), 30);
    CHECK_NEAR(imr_json_number_or(parsed, "documents/4/delta_sim", 9), t->documents[4].delta_sim,
               1e-9);
    CHECK(imr_json_is_null(imr_json_at(parsed, "inputs/encoder/path")));
    CHECK_INT(imr_json_count(imr_json_at(parsed, "documents/0/stages")), IMR_STEP_COUNT);
    CHECK_CONTAINS(text.data, t->documents[2].id);
    CHECK(strstr(text.data, t->documents[3].id) == NULL || t->documents[3].id[0] == '\0');
    imr_json_free(parsed);
    imr_buf_done(&json);
    imr_buf_done(&text);
    imr_details_done(&details);
    imr_trace_free(t);
}

TEST("every allocation of a query can fail")
{
    imr_error err;
    imr_session *s = open_tiny(30, IMR_SCOPE_RERANK);
    const imr_request request = {.query_id = "q00", .settings = {.feedback_k = 30}};
    imr_status status = IMR_E_MEMORY;
    int failures = 0;
    for (long i = 0; status != IMR_OK && i < 10000; i++) {
        imr_trace *t = NULL;
        imr_mem_fail_after(i);
        status = imr_session_run(s, &request, &t, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            imr_trace_free(t);
        } else {
            CHECK_INT(status, IMR_E_MEMORY);
            failures++;
        }
    }
    CHECK_INT(status, IMR_OK);
    CHECK(failures > 10);
    imr_session_close(s);
}
