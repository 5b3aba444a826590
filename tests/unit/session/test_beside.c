/* Two adapters in one session: each ranks as it does alone, and the ranks of both stand together. */
#include "base/mem.h"
#include "session/internal.h"
#include "tests/unit/session/find.h"
#include "tests/unit/session/why_support.h"

enum { K = 12 };

/* Another adapter of `n` dimensions, of form mean. */
static const char *made_adapter(size_t n)
{
    imr_adapter *a = NULL;
    const char *path = test_path(test_tmpdir(), "b.pt");
    CHECK_OK(imr_adapter_new(&a, IMR_FORM_MEAN, n, 16, 8, 7, &err));
    CHECK_OK(imr_adapter_save(a, path, NULL, 0, &err));
    imr_adapter_free(a);
    return path;
}

static imr_session *open_with(const fixture *f, const char *a, const char *b)
{
    imr_session *s = NULL;
    const imr_session_options o = {.adapter = a,
                                   .other = b,
                                   .cache = f->cache,
                                   .background = true,
                                   .settings = {.feedback_k = K, .tokens = 5}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

static imr_trace *ask_in(imr_session *s, imr_scope scope)
{
    imr_trace *t = NULL;
    const imr_request r = {.query_id = "q0", .settings = {.feedback_k = K, .scope = scope}};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

static void check_same_ranking(const imr_trace *t, const imr_trace *alone)
{
    CHECK_INT(t->n_documents, alone->n_documents);
    for (size_t i = 0; i < t->n_documents; i++) {
        CHECK_STR(t->documents[i].id, alone->documents[i].id);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            CHECK_INT(t->documents[i].rank[k], alone->documents[i].rank[k]);
            CHECK_NEAR(t->documents[i].sim[k], alone->documents[i].sim[k], 0);
        }
    }
    CHECK_INT(t->n_metrics, alone->n_metrics);
    for (size_t i = 0; i < t->n_metrics; i++)
        CHECK_NEAR(t->metrics[i].after, alone->metrics[i].after, 0);
    CHECK_INT(t->settings.candidates, alone->settings.candidates);
}

/* Listed by the other: there; else no rank, or where all are scored one behind the last listed. */
static void check_beside(const imr_trace *t, const imr_trace *other, imr_scope scope)
{
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const size_t at = listed_at(other, d->id);
        if (at != SIZE_MAX)
            CHECK_INT(d->rank_beside, other->documents[at].rank_after);
        else if (scope == IMR_SCOPE_RERANK)
            CHECK_INT(d->rank_beside, 0);
        else
            CHECK(d->rank_beside > K && d->rank_beside <= DOCUMENTS);
    }
    for (size_t i = 0; i < 10; i++)
        CHECK(imr_trace_place(t, other->documents[i].id) != SIZE_MAX);
}

TEST("two adapters rank as two sessions do, whichever is in force, in every scope")
{
    fixture f = start(NULL);
    const char *path = made_adapter(HIDDEN);
    imr_session *a = open_with(&f, f.adapter, NULL), *b = open_with(&f, path, NULL);
    imr_session *both = open_with(&f, f.adapter, path);
    imr_session *sessions[2] = {both, both->other}, *alone[2] = {a, b};
    CHECK(!a->other && sessions[1]->other == both);
    CHECK_STR(imr_session_facts_of(a)->other_name, "");
    CHECK_STR(imr_session_facts_of(sessions[1])->other_name, imr_session_facts_of(a)->adapter_name);
    CHECK(imr_session_facts_of(sessions[1])->second);
    for (imr_scope scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++)
        for (size_t i = 0; i < 2; i++) {
            imr_trace *t = ask_in(sessions[i], scope);
            imr_trace *one = ask_in(alone[i], scope), *other = ask_in(alone[!i], scope);
            check_same_ranking(t, one);
            check_same_ranking(t->beside, other);
            check_beside(t, other, scope);
            CHECK_INT(t->second, i);
            CHECK(!one->beside && one->documents[0].rank_beside == 0);
            CHECK_STR(t->seen, "unknown");
            const uint64_t runs = sessions[!i]->runs;
            const imr_request only = {
                .query_id = "q0", .alone = true, .settings = {.feedback_k = K, .scope = scope}};
            imr_trace_free(t);
            CHECK_OK(imr_session_run(sessions[i], &only, &t, &err));
            check_same_ranking(t, one);
            CHECK(!t->beside && sessions[!i]->runs == runs);
            imr_trace_free(t);
            imr_trace_free(one);
            imr_trace_free(other);
        }
    imr_session_close(a);
    imr_session_close(b);
    imr_session_close(sessions[1]); /* either closes both */
    tiny_done(&f.t);
}

TEST("gain counts from A to B whichever is in force, and who enters the first ten is counted")
{
    fixture f = start(NULL);
    imr_session *s = open_with(&f, f.adapter, made_adapter(HIDDEN));
    imr_trace *t = ask_in(s, IMR_SCOPE_RERANK), *u = ask_in(s->other, IMR_SCOPE_RERANK);
    imr_trace_exchange x = {0}, of_t = imr_trace_exchanged(t), of_u = imr_trace_exchanged(u);
    size_t shared = 0;
    for (size_t i = 0; i < t->n_documents; i++) {
        uint32_t rank[2], again[2];
        const size_t at = listed_at(u, t->documents[i].id);
        const double gain = imr_trace_gain(rank, t, &t->documents[i]);
        CHECK_INT(rank[0], i + 1);
        if (at == SIZE_MAX) {
            CHECK(gain < 0 && isinf(gain));
        } else {
            shared++;
            CHECK_NEAR(gain, (double)i - (double)at, 0);
            CHECK_NEAR(imr_trace_gain(again, u, &u->documents[at]), gain, 0);
            CHECK(again[0] == rank[0] && again[1] == rank[1]);
        }
        x.documents[0] += i < 10 && (at == SIZE_MAX || at >= 10);
        x.relevant[0] += i < 10 && (at == SIZE_MAX || at >= 10) && t->documents[i].relevance > 0;
    }
    CHECK(shared > 0 && x.documents[0] > 0);
    CHECK_INT(of_t.documents[0], x.documents[0]);
    CHECK_INT(of_t.documents[1], x.documents[0]); /* ten places each */
    CHECK_INT(of_t.relevant[0], x.relevant[0]);
    CHECK(memcmp(&of_t, &of_u, sizeof of_t) == 0);
    imr_trace_free(u);
    finish(&f, s, t, NULL);
}

TEST("one document under both is compared in the one session, and adds up")
{
    fixture f = start(NULL);
    imr_session *s = open_with(&f, f.adapter, made_adapter(HIDDEN));
    imr_trace *t = ask_in(s, IMR_SCOPE_RERANK);
    imr_comparison *c = NULL;
    size_t at = 0;
    while (!t->documents[at].rank_beside)
        at++;
    CHECK_OK(imr_session_compare(&c, s, t, (const size_t[2]){at, at}, NULL, &err));
    CHECK_INT(c->why.of, IMR_COMPARE_ADAPTERS);
    CHECK(c->trace[0] == t && c->trace[1] == t->beside);
    CHECK(c->why.n_words > 1 && c->why.n_pairs > 0);
    double sum = c->why.rounding[IMR_STAGE_AFTER];
    for (size_t i = 0; i < c->why.n_words; i++)
        sum +=
            c->why.words[i].value[0][IMR_STAGE_AFTER] - c->why.words[i].value[1][IMR_STAGE_AFTER];
    CHECK_NEAR(sum, c->why.standing[IMR_STAGE_AFTER], 1e-4);
    imr_comparison_free(c);
    finish(&f, s, t, NULL);
}

TEST("two queries stand beside each other as two adapters do")
{
    fixture f = start(NULL);
    for (int adapter = 0; adapter < 2; adapter++) {
        imr_session *s = open_session(&f, adapter, K);
        imr_trace *u = ask(s, "wc wd", K), *t = NULL;
        const imr_request r = {.text = "wa wt wb", .settings = {.feedback_k = K}, .beside = u};
        CHECK_OK(imr_session_run(s, &r, &t, &err));
        CHECK(t->beside == u && !t->second);
        for (size_t i = 0; i < t->n_documents; i++) {
            const size_t at = listed_at(u, t->documents[i].id);
            CHECK_INT(t->documents[i].rank_beside, at == SIZE_MAX ? 0 : at + 1);
        }
        imr_trace_free(u);
        imr_trace_free(t);
        imr_session_close(s);
    }
    tiny_done(&f.t);
}

TEST("a second adapter that cannot stand beside the first is refused with its reason")
{
    fixture f = start(NULL);
    imr_session *s = NULL;
    imr_session_options o = {.adapter = f.adapter, .cache = f.cache, .other = f.adapter};
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "both adapters are one file");
    o.other = made_adapter(HIDDEN + 1);
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "b.pt takes 49-dimensional vectors");
    const imr_torch_meta metadata[] = {{.name = "encoder", .kind = 's', .s = "another"}};
    imr_adapter *b = NULL;
    o.other = made_adapter(HIDDEN);
    CHECK_OK(imr_adapter_open(&b, o.other, IMR_FORM_AUTO, &err));
    CHECK_OK(imr_adapter_save(b, o.other, metadata, 1, &err));
    imr_adapter_free(b);
    s = open_with(&f, f.adapter, o.other);
    for (int i = 0; i < 2; i++) { /* of another encoder: whichever is in force, it is said */
        imr_trace *t = ask_in(i ? s->other : s, IMR_SCOPE_RERANK);
        CHECK_STR(t->warnings[0].code, "encoder-mismatch");
        CHECK_CONTAINS(t->warning, "the adapter was trained on vectors of \"another\"");
        CHECK((strncmp(t->warning, "adapter B: ", 11) == 0) == !i);
        imr_trace_free(t);
    }
    imr_session_close(s);
    o.other = "/nowhere/b.pt";
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/nowhere/b.pt");
    o.other = test_golden("tiny/bad-nan.pt");
    CHECK_INT(imr_session_open(&s, &o, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "bad-nan.pt");
    s = open_with(&f, f.adapter, made_adapter(HIDDEN));
    imr_trace *t = ask_in(s, IMR_SCOPE_RERANK), *u = NULL;
    size_t at = 0; /* a candidate of A alone */
    while (listed_at(t->beside, t->documents[at].id) != SIZE_MAX)
        at++;
    char term[80];
    snprintf(term, sizeof term, "feedback:-%s", t->documents[at].id);
    imr_request r = {.query_id = "q0", .settings = {.feedback_k = K}};
    CHECK_OK(imr_whatif_add(&r.settings.what_if, term, &err));
    CHECK_INT(imr_session_run(s, &r, &u, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "adapter B: what if ");
    finish(&f, s, t, NULL);
}

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user >= 0;
}

TEST("every allocation can fail and every look at progress can stop it, while opening and ranking")
{
    fixture f = start(NULL);
    imr_session *s = NULL;
    imr_trace *t = NULL;
    const imr_session_options o = {
        .adapter = f.adapter, .other = made_adapter(HIDDEN), .cache = f.cache, .in_memory = true};
    imr_status status = IMR_E_MEMORY;
    for (long n = 0; status == IMR_E_MEMORY; n += 1 + n / 8) {
        imr_mem_fail_after(n);
        status = imr_session_open(&s, &o, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
    }
    imr_request r = {.query_id = "q0", .settings = {.feedback_k = K}};
    status = IMR_E_MEMORY;
    for (long n = 0; status == IMR_E_MEMORY; n++) {
        imr_mem_fail_after(n);
        status = imr_session_run(s, &r, &t, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
    }
    imr_trace_free(t);
    int looks = 0, left;
    const imr_progress progress = {stop, &left};
    r.progress = &progress;
    do {
        left = looks++;
        status = imr_session_run(s, &r, &t, &err);
        CHECK(status == IMR_OK || status == IMR_E_CANCELLED);
    } while (status == IMR_E_CANCELLED);
    CHECK(looks > 6); /* of both rankings */
    finish(&f, s, t, NULL);
}
