/* What if: terms, and rankings under them against what the definitions give, on the reference's
 * cache (120 documents, no encoder) with the tiny adapter. */
#include "session/whatif.h"

#include "base/mem.h"
#include "math/nn.h"
#include "report/report.h"
#include "session/session.h"
#include "tests/support/test.h"
#include "tests/unit/session/find.h"

enum { K = 30, DOCUMENTS = 120 };

static imr_error err;

static imr_session *open_as(imr_form form)
{
    imr_session *s = NULL;
    char adapter[1024], cache[1024], dataset[1024];
    snprintf(adapter, sizeof adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    snprintf(cache, sizeof cache, "%s", test_golden("cache"));
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    const imr_session_options o = {
        .adapter = adapter, .form = form, .cache = cache, .dataset = dataset};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

/* terms: separated by blanks. */
static imr_status ask_if(imr_trace **out, imr_session *s, imr_scope scope, const char *terms)
{
    imr_request r = {.query_id = "q02", .settings = {.feedback_k = K, .scope = scope}};
    char term[256];
    for (size_t n; (n = strcspn(terms, " ")) > 0; terms += n + (terms[n] == ' ')) {
        snprintf(term, sizeof term, "%.*s", (int)n, terms);
        CHECK_OK(imr_whatif_add(&r.settings.what_if, term, &err));
    }
    return imr_session_run(s, &r, out, &err);
}

static imr_trace *ask(imr_session *s, imr_scope scope, const char *terms)
{
    imr_trace *t = NULL;
    CHECK_OK(ask_if(&t, s, scope, terms));
    return t;
}

static void check_equal(const imr_trace *a, const imr_trace *b)
{
    CHECK_INT(a->n_documents, b->n_documents);
    for (size_t i = 0; i < a->n_documents; i++) {
        CHECK_STR(a->documents[i].id, b->documents[i].id);
        CHECK(memcmp(a->documents[i].sim, b->documents[i].sim, sizeof a->documents[i].sim) == 0);
        CHECK(memcmp(a->documents[i].rank, b->documents[i].rank, sizeof a->documents[i].rank) == 0);
    }
}

/* ---- terms ---- */

TEST("what if: terms are added, take each other's place, and are taken away")
{
    imr_whatif w = {0};
    IMR_AUTOBUF imr_buf told = {0};
    CHECK_NEAR(imr_whatif_alpha(&w), 1, 0);
    CHECK_INT(imr_whatif_form(&w), IMR_FORM_AUTO);
    static const char *const terms[] = {"without:folic", "alpha 0.5",   "alpha:0.25",   "off:query",
                                        "without folic", "push:a=b=.5", "push:a=b=1",   "dim:-3",
                                        "form:mean",     "form:full",   "feedback:-a b"};
    for (size_t i = 0; i < IMR_LEN(terms); i++)
        CHECK_OK(imr_whatif_add(&w, terms[i], &err));
    CHECK_STR(w.terms, "alpha:0.25\noff:query\nwithout:folic\npush:a=b=1\ndim:-3\nform:full\n"
                       "feedback:-a b\n");
    CHECK_NEAR(imr_whatif_alpha(&w), .25, 0);
    CHECK_INT(imr_whatif_form(&w), IMR_FORM_FULL);
    imr_whatif_tell(&told, &w);
    CHECK_STR(imr_buf_text(&told), "alpha 0.25; off query; without folic; push a=b=1; dim -3; form "
                                   "full; feedback -a b");
    CHECK(imr_whatif_drop(&w, "without:") && !imr_whatif_drop(&w, "without:"));
    CHECK_OK(imr_whatif_add(&w, "alpha:1", &err));
    CHECK_STR(w.terms, "off:query\npush:a=b=1\ndim:-3\nform:full\nfeedback:-a b\n");
    CHECK(imr_whatif_drop(&w, ""));
    CHECK_STR(w.terms, "");
}

TEST("what if: what is no term is refused with what one looks like")
{
    static const char *const bad[] = {"",
                                      "alpha",
                                      "alpha:",
                                      "alpha:1.51",
                                      "alpha:-0.1",
                                      "alpha:nan",
                                      "alpha:inf",
                                      "alpha:0.5x",
                                      "alphabet:1",
                                      "without:",
                                      "feedback:d1",
                                      "feedback:-",
                                      "off:both",
                                      "off:",
                                      "form:auto",
                                      "form:mea",
                                      "dim:3",
                                      "dim:-",
                                      "dim:-1.5",
                                      "dim:--1",
                                      "dim:-99999999999999999999",
                                      "push:x",
                                      "push:=1",
                                      "push:x=11",
                                      "push:x=nan",
                                      "without:a\nalpha:0",
                                      "without:\x1b[2J"};
    imr_whatif w = {0};
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        CHECK_INT(imr_whatif_add(&w, bad[i], &err), IMR_E_USAGE);
        CHECK_CONTAINS(err.text, "what if '");
        CHECK(!strchr(err.text, '\x1b') && !strchr(err.text, '\n'));
        CHECK_STR(w.terms, "");
    }
    char term[64];
    imr_status status = IMR_OK;
    for (int i = 0; i < 1000 && status == IMR_OK; i++) {
        snprintf(term, sizeof term, "without:w%d", i);
        status = imr_whatif_add(&w, term, &err);
    }
    CHECK_INT(status, IMR_E_LIMIT);
    CHECK(strlen(w.terms) < IMR_WHATIF_BYTES);
}

/* ---- rankings ---- */

/* unit(x^ + a (x'^ - x^)) without dimensions 3 and 7, when they are left out. */
static void twin_blend(double *out, const float *x, const float *after, size_t m, double a,
                       bool dims)
{
    double nx = 0, na = 0;
    for (size_t j = 0; j < m; j++) {
        nx += (double)x[j] * (double)x[j];
        na += (double)after[j] * (double)after[j];
    }
    for (size_t j = 0; j < m; j++) {
        const double old = (double)x[j] / sqrt(nx);
        out[j] = dims && (j == 3 || j == 7) ? 0 : old + a * ((double)after[j] / sqrt(na) - old);
    }
}

TEST(
    "what if: sides off, a part of the modulation and dimensions left out are the definition's, in "
    "every scope and form")
{
    static const struct {
        const char *terms;
        double query, document;
        bool dims;
    } cases[] = {{"alpha:0.5", .5, .5, false},
                 {"alpha:1.5 dim:-3 dim:-7", 1.5, 1.5, true},
                 {"off:query", 0, 1, false},
                 {"off:document", 1, 0, false},
                 {"off:document alpha:0.3", .3, 0, false},
                 {"dim:-7 dim:-3", 1, 1, true},
                 {"off:query off:document dim:-3 dim:-7", 0, 0, true}};
    for (imr_form form = IMR_FORM_DIAGONAL; form <= IMR_FORM_MEAN; form++) {
        imr_session *s = open_as(form);
        for (imr_scope scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++)
            for (size_t c = 0; c < IMR_LEN(cases); c++) {
                imr_trace *plain = ask(s, scope, ""), *t = ask(s, scope, cases[c].terms);
                const size_t m = plain->run.m;
                double q[256], d[256];
                twin_blend(q, plain->run.q, plain->run.q_after, m, cases[c].query, cases[c].dims);
                size_t shared = 0;
                for (size_t i = 0; i < t->n_documents; i++) {
                    const size_t at = listed_at(plain, t->documents[i].id);
                    CHECK_INT(t->documents[i].rank_after, i + 1);
                    CHECK(i == 0 || t->documents[i].sim_after <= t->documents[i - 1].sim_after);
                    if (at == SIZE_MAX)
                        continue;
                    shared++;
                    twin_blend(d, plain->run.d + at * m, plain->run.d_after + at * m, m,
                               cases[c].document, cases[c].dims);
                    double qd = 0, qq = 0, dd = 0;
                    for (size_t j = 0; j < m; j++)
                        qd += q[j] * d[j], qq += q[j] * q[j], dd += d[j] * d[j];
                    CHECK_NEAR(t->documents[i].sim_after, qd / sqrt(qq * dd), 1e-6);
                    CHECK_NEAR(t->documents[i].sim_before, plain->documents[at].sim_before, 0);
                }
                CHECK(shared > 0 && (scope != IMR_SCOPE_RERANK || shared == K));
                imr_trace_free(plain);
                imr_trace_free(t);
            }
        imr_session_close(s);
    }
}

TEST("what if: alpha 0 is `before` to the last digit, alpha 1 the adapter itself")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    for (imr_scope scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
        imr_trace *plain = ask(s, scope, ""), *none = ask(s, scope, "alpha:0");
        imr_trace *sides = ask(s, scope, "off:query off:document"), *one = ask(s, scope, "alpha:1");
        CHECK_STR(one->warning, plain->warning);
        check_equal(one, plain);
        check_equal(none, sides);
        CHECK_INT(none->moved, 0);
        for (size_t i = 0; i < none->n_documents; i++) {
            const imr_trace_document *d = &none->documents[i];
            CHECK(memcmp(&d->sim_after, &d->sim_before, sizeof d->sim_after) == 0);
            CHECK_INT(d->rank_after, d->rank_before);
            CHECK_NEAR(d->lift.modulation, 0, 0);
        }
        for (size_t i = 0; i < none->n_metrics; i++)
            CHECK_NEAR(none->metrics[i].after, none->metrics[i].before, 0);
        imr_detail *d = NULL;
        CHECK_OK(imr_session_detail(s, none, 1, IMR_DETAIL_NUMBERS, NULL, &d, &err));
        CHECK(!d->why.has_steps);
        CHECK_NEAR(d->why.share_query, 0, 0);
        imr_detail_free(d);
        imr_trace_free(plain), imr_trace_free(none), imr_trace_free(sides), imr_trace_free(one);
    }
    imr_session_close(s);
}

TEST("what if read as another form is the session opened so, and the trace says both")
{
    imr_session *s = open_as(IMR_FORM_AUTO), *mean = open_as(IMR_FORM_MEAN);
    for (imr_scope scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
        imr_trace *t = ask(s, scope, "form:mean"), *twin = ask(mean, scope, "");
        check_equal(t, twin);
        CHECK_STR(t->inputs.adapter_form, "mean");
        CHECK_STR(t->inputs.adapter_form_from, "what-if");
        CHECK_STR(t->warnings[0].text, "what if: form mean");
        imr_trace_free(t), imr_trace_free(twin);
        t = ask(s, scope, ""), twin = ask(mean, scope, "form:diagonal"); /* nothing stays behind */
        check_equal(t, twin);
        imr_trace_free(t), imr_trace_free(twin);
    }
    imr_session_close(s);
    imr_session_close(mean);
}

TEST("what if candidates give no feedback: the run over the others, and they stay ranked")
{
    for (imr_form form = IMR_FORM_DIAGONAL; form <= IMR_FORM_MEAN; form++)
        for (imr_scope scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_RESCORE; scope++) {
            imr_session *s = open_as(form);
            imr_trace *plain = ask(s, IMR_SCOPE_RERANK, "");
            char terms[256];
            snprintf(terms, sizeof terms, "feedback:-%s feedback:-%s", plain->documents[4].id,
                     plain->documents[0].id);
            imr_trace *t = ask(s, scope, terms);
            const size_t m = t->run.m;
            imr_adapter *a = NULL;
            imr_adapter_result r = {0};
            float *d = calloc((K - 2) * m, sizeof *d);
            for (size_t i = 0, n = 0; i < K; i++)
                if (i != 0 && i != 4)
                    memcpy(d + n++ * m, plain->run.d + i * m, m * sizeof *d);
            CHECK_OK(imr_adapter_open(&a, test_golden("tiny/adapter-v1.pt"), form, &err));
            CHECK_OK(imr_adapter_run(a, plain->run.q, imr_view_of(d, K - 2, m), &r, &err));
            CHECK_INT(t->n_documents, K);
            for (size_t i = 0; i < K; i++) {
                const size_t at = listed_at(plain, t->documents[i].id);
                if (at == SIZE_MAX)
                    continue;
                CHECK_INT(t->documents[i].feedback, at != 0 && at != 4);
                CHECK_NEAR(t->documents[i].sim_after,
                           imr_nn_cosine(r.q_mod, plain->run.d_after + at * m, m), 1e-6);
            }
            imr_adapter_result_done(&r);
            imr_adapter_free(a);
            free(d);
            imr_trace_free(t), imr_trace_free(plain);
            imr_session_close(s);
        }
}

TEST("what if: what cannot be asked of this query is refused with a sentence")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    imr_trace *t = ask(s, IMR_SCOPE_RESCORE, ""), *none = NULL;
    IMR_AUTOBUF imr_buf all = {0};
    imr_trace *near = ask(s, IMR_SCOPE_RERANK, "");
    const char *far = NULL;
    for (size_t i = 0; i < t->n_documents && !far; i++)
        if (!t->documents[i].feedback)
            far = t->documents[i].id;
    CHECK(far != NULL);
    imr_buf_printf(&all, "feedback:-%s", far);
    CHECK_INT(ask_if(&none, s, IMR_SCOPE_RERANK, imr_buf_text(&all)), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "none of the 30 candidates");
    CHECK_INT(ask_if(&none, s, IMR_SCOPE_CORPUS, imr_buf_text(&all)), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "in scope corpus all give it");
    imr_buf_clear(&all);
    for (size_t i = 0; i < K; i++)
        imr_buf_printf(&all, "%sfeedback:-%s", i ? " " : "", near->documents[i].id);
    CHECK_INT(ask_if(&none, s, IMR_SCOPE_RERANK, imr_buf_text(&all)), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "no candidate gave feedback");
    CHECK_INT(ask_if(&none, s, IMR_SCOPE_RERANK, "without:a"), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "the encoder is missing");
    CHECK_INT(ask_if(&none, s, IMR_SCOPE_RERANK, "push:a=1"), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "what if pushed along 'a'?");
    imr_trace_free(t), imr_trace_free(near);
    imr_session_close(s);
}

TEST("what if every dimension but one is left out: cosines are 1 and -1, nothing is NaN")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    imr_trace *t = ask(s, IMR_SCOPE_RERANK, "");
    const size_t m = t->run.m;
    IMR_AUTOBUF imr_buf all = {0};
    for (size_t j = 0; j < m; j++)
        imr_buf_printf(&all, "%sdim:-%zu", j ? " " : "", j);
    imr_trace_free(t);
    CHECK_INT(ask_if(&t, s, IMR_SCOPE_RERANK, imr_buf_text(&all)), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "one must stay");
    t = ask(s, IMR_SCOPE_RERANK, imr_buf_text(&all) + strlen("dim:-0 "));
    for (size_t i = 0; i < t->n_documents; i++)
        CHECK_NEAR(fabsf(t->documents[i].sim_after), 1, 1e-6);
    imr_trace_free(t);
    imr_session_close(s);
}

/* ---- influence ---- */

/* terms: as of ask_if, and influence. */
static imr_trace *ask_influence(imr_session *s, imr_scope scope, const char *term)
{
    imr_trace *t = NULL;
    imr_request r = {.query_id = "q02",
                     .settings = {.feedback_k = K, .scope = scope, .influence = true}};
    if (*term)
        CHECK_OK(imr_whatif_add(&r.settings.what_if, term, &err));
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

TEST("the influence of a document is what a run without its feedback changes")
{
    for (imr_form form = IMR_FORM_DIAGONAL; form <= IMR_FORM_MEAN; form++) {
        imr_session *s = open_as(form);
        for (size_t half = 0; half < 2; half++) {
            imr_trace *t = ask_influence(s, IMR_SCOPE_RERANK, half ? "alpha:0.5" : "");
            const size_t m = t->run.m;
            size_t most = 0;
            for (size_t i = 0; i < K; i++) {
                char terms[256];
                snprintf(terms, sizeof terms, "%sfeedback:-%s", half ? "alpha:0.5 " : "",
                         t->documents[i].id);
                imr_trace *twin = ask(s, IMR_SCOPE_RERANK, terms);
                double square = 0;
                uint32_t moves = 0;
                for (size_t j = 0; j < m; j++)
                    square += pow((double)twin->run.q_after[j] - (double)t->run.q_after[j], 2);
                for (size_t j = 0; j < 10; j++)
                    moves += strcmp(twin->documents[j].id, t->documents[j].id) != 0;
                CHECK_NEAR(t->documents[i].influence, sqrt(square), 2e-5);
                CHECK_INT(t->documents[i].influence_moves, moves);
                CHECK(isnan(twin->documents[i].influence));
                if (t->documents[i].influence > t->documents[most].influence)
                    most = i;
                imr_trace_free(twin);
            }
            CHECK_CONTAINS(t->sentence, "Of the feedback documents ");
            CHECK_CONTAINS(t->sentence, t->documents[most].id);
            imr_trace_free(t);
        }
        imr_session_close(s);
    }
}

TEST("there is no influence where no single document gave feedback")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    imr_trace *plain = ask(s, IMR_SCOPE_RERANK, ""), *t = ask_influence(s, IMR_SCOPE_CORPUS, "");
    char term[128];
    for (size_t i = 0; i < t->n_documents; i++)
        CHECK(isnan(t->documents[i].influence));
    CHECK(!strstr(t->sentence, "Of the feedback"));
    imr_trace_free(t);
    snprintf(term, sizeof term, "feedback:-%s", plain->documents[3].id);
    t = ask_influence(s, IMR_SCOPE_RERANK, term);
    for (size_t i = 0; i < t->n_documents; i++)
        CHECK_INT(isnan(t->documents[i].influence),
                  strcmp(t->documents[i].id, plain->documents[3].id) == 0);
    imr_trace_free(t);
    t = ask_influence(s, IMR_SCOPE_RESCORE, "");
    for (size_t i = 0; i < t->n_documents; i++)
        CHECK_INT(isnan(t->documents[i].influence), !t->documents[i].feedback);
    imr_trace_free(t);
    t = ask_influence(s, IMR_SCOPE_RERANK, "off:query"); /* then no feedback does anything */
    for (size_t i = 0; i < t->n_documents; i++)
        CHECK(t->documents[i].influence == 0 && t->documents[i].influence_moves == 0);
    CHECK(!strstr(t->sentence, "Of the feedback"));
    imr_trace_free(t), imr_trace_free(plain);
    imr_session_close(s);
}

TEST("no report hides what if")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    imr_trace *t = ask(s, IMR_SCOPE_RERANK, "alpha:0.5 off:query");
    static const char *const formats[] = {"text", "words", "json"};
    for (size_t i = 0; i < IMR_LEN(formats); i++) {
        IMR_AUTOBUF imr_buf out = {0};
        CHECK_OK(imr_report_render(t, formats[i], NULL, &out, &err));
        CHECK_CONTAINS(imr_buf_text(&out), "what if: alpha 0.5; off query");
        if (i == 2)
            CHECK_CONTAINS(imr_buf_text(&out), "\"what_if\":[\"alpha:0.5\",\"off:query\"]");
    }
    imr_trace_free(t);
    imr_session_close(s);
}

TEST("every allocation under what if can fail")
{
    imr_session *s = open_as(IMR_FORM_AUTO);
    imr_trace *plain = ask(s, IMR_SCOPE_RERANK, ""), *t = NULL;
    char terms[256];
    snprintf(terms, sizeof terms, "feedback:-%s alpha:0.5 form:mean dim:-3",
             plain->documents[0].id);
    for (long n = 0;; n++) {
        imr_request r = {.query_id = "q02",
                         .settings = {.feedback_k = K, .scope = IMR_SCOPE_RESCORE}};
        CHECK_OK(imr_whatif_add(&r.settings.what_if, "alpha:0.5", &err));
        CHECK_OK(imr_whatif_add(&r.settings.what_if, "form:mean", &err));
        imr_mem_fail_after(n);
        const imr_status status = imr_session_run(s, &r, &t, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            imr_trace_free(t);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
    t = ask(s, IMR_SCOPE_RERANK, "");
    check_equal(t, plain);
    imr_trace_free(t), imr_trace_free(plain);
    imr_session_close(s);
}
