/* A session whose documents are an engine's (our own store as the engine) beside one on the cache:
 * the same rankings and reasons, as long as both have the same candidates. */
#include <math.h>

#include "session/audit.h"
#include "session/internal.h"
#include "tests/unit/session/why_support.h"

enum { K = 30 };

static imr_session_options options_of(const fixture *f, imr_form form, bool store)
{
    return (imr_session_options){
        .adapter = f->adapter,
        .form = form,
        .cache = store ? test_tmpdir() : f->cache,
        .store = {.url = store ? f->cache : NULL},
        .dataset = store ? f->dataset : NULL,
        .encoder = f->encoder,
        .settings = {.feedback_k = K,
                     .tokens = 5,
                     .candidates = store ? IMR_CANDIDATES_AUTO : IMR_CANDIDATES_ENCODER}};
}

static imr_session *open_one(const fixture *f, imr_form form, bool store)
{
    imr_session *s = NULL;
    const imr_session_options o = options_of(f, form, store);
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

static imr_trace *run(imr_session *s, imr_request r, const char *text)
{
    imr_trace *t = NULL;
    r.text = text;
    if (!r.settings.feedback_k)
        r.settings = (imr_trace_settings){.feedback_k = K, .tokens = 5, .influence = true};
    r.settings.candidates = IMR_CANDIDATES_ENCODER;
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

static void check_same(imr_session *s[2], imr_trace *t[2])
{
    CHECK_INT(t[1]->n_documents, t[0]->n_documents);
    CHECK_STR(t[1]->query_id, t[0]->query_id);
    CHECK_INT(t[1]->n_metrics, t[0]->n_metrics);
    for (size_t m = 0; m < t[0]->n_metrics; m++)
        CHECK_NEAR(t[1]->metrics[m].after, t[0]->metrics[m].after, 1e-12);
    for (size_t i = 0; i < t[0]->n_documents; i++) {
        const imr_trace_document *a = &t[0]->documents[i], *b = &t[1]->documents[i];
        imr_detail *d[2];
        CHECK_STR(b->id, a->id);
        CHECK_STR(b->title, a->title);
        CHECK_INT(b->rank_encoder, a->rank_encoder);
        CHECK_INT(b->rank_after, a->rank_after);
        CHECK_INT(b->relevance, a->relevance);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
            CHECK_NEAR(b->sim[k], a->sim[k], 1e-6); /* products of fewer rows, in another order */
        CHECK_NEAR(b->influence, a->influence, 1e-5);
        for (size_t k = 0; k < 2; k++)
            CHECK_OK(imr_session_detail(s[k], t[k], i, IMR_DETAIL_PAIRS, NULL, &d[k], &err));
        CHECK_STR(d[1]->text, d[0]->text);
        CHECK_INT(d[1]->why.pairs.n_document, d[0]->why.pairs.n_document);
        imr_detail_free(d[0]);
        imr_detail_free(d[1]);
    }
}

TEST("an engine's documents give the rankings, metrics and pairs of our own store")
{
    static const imr_form forms[] = {IMR_FORM_MEAN, IMR_FORM_DIAGONAL};
    fixture f = start(NULL);
    for (size_t i = 0; i < IMR_LEN(forms); i++) {
        imr_session *s[2] = {open_one(&f, forms[i], false), open_one(&f, forms[i], true)};
        const imr_session_facts *facts = imr_session_facts_of(s[1]);
        CHECK_INT(facts->documents, DOCUMENTS);
        CHECK_INT(facts->queries, 1); /* the judged ones */
        CHECK(facts->has_texts);
        CHECK_STR(facts->inputs.store.kind, "store");
        CHECK(facts->inputs.store.recall == 1);
        CHECK_NEAR(facts->inputs.store.agreement, 1, 1e-6);
        static const char *const queries[] = {"wa wt wb", "wc", "we wf wg"};
        imr_trace *t[IMR_LEN(queries)][2];
        for (size_t q = 0; q < IMR_LEN(queries); q++)
            for (size_t k = 0; k < 2; k++)
                t[q][k] = run(s[k], (imr_request){0}, queries[q]);
        for (size_t q = 0; q < IMR_LEN(queries); q++) { /* also those that are no longer the last */
            check_same(s, t[q]);
            CHECK(t[q][1]->n_warnings == t[q][0]->n_warnings + (forms[i] == IMR_FORM_DIAGONAL));
            imr_trace_free(t[q][0]);
            imr_trace_free(t[q][1]);
        }
        imr_session_close(s[0]);
        imr_session_close(s[1]);
    }
    tiny_done(&f.t);
}

TEST("a document that is no candidate is pinned, told why it is not higher, and paired by its id")
{
    fixture f = start(NULL);
    imr_session *s = open_one(&f, IMR_FORM_MEAN, true);
    imr_trace *all =
        run(s, (imr_request){.settings = {.feedback_k = DOCUMENTS, .tokens = 5}}, "wa");
    const char *last = NULL;
    for (size_t i = 0; i < all->n_documents; i++)
        if (all->documents[i].rank_encoder == DOCUMENTS)
            last = all->documents[i].id;
    const char *const pinned[] = {last, "no such document"};
    imr_trace *t = run(s, (imr_request){.pinned = pinned, .n_pinned = 2}, "wa");
    CHECK_INT(t->n_documents, K);
    CHECK_INT(t->n_left, 1);
    CHECK_STR(t->left[0].id, last);
    CHECK_INT(t->left[0].rank_encoder, 0);
    CHECK_CONTAINS(t->left[0].sentence, "not among the candidates");
    imr_detail *d = NULL;
    CHECK_OK(imr_session_detail(s, t, K, IMR_DETAIL_WHY_NOT, NULL, &d, &err));
    CHECK(d->why.why_not && !d->why.why_not->candidate);
    CHECK_INT(d->why.why_not->among, K);
    CHECK_CONTAINS(d->why.why_not->sentence, "the engine does not have it among the 30 candidates");
    imr_trace *pair = run(s, (imr_request){.document = last}, "wa");
    CHECK_INT(pair->n_documents, 1);
    CHECK_STR(pair->documents[0].id, last);
    CHECK_NEAR(pair->documents[0].sim_encoder, t->left[0].sim_encoder, 1e-6);
    imr_trace *own = run(s, (imr_request){.document = "we wf"}, "wa");
    CHECK_STR(own->documents[0].id, "text");
    imr_trace_free(own);
    imr_trace_free(pair);
    imr_trace_free(all);
    finish(&f, s, t, d);
}

TEST("a trace and its details outlive the window's session, and another query beside it is found "
     "by id")
{
    fixture f = start(NULL);
    imr_session *s = open_one(&f, IMR_FORM_MEAN, true);
    imr_trace *a = run(s, (imr_request){0}, "wa wb");
    imr_trace *b = run(s, (imr_request){.beside = a}, "wc");
    for (size_t i = 0; i < 10; i++) {
        const size_t place = imr_trace_place(b, a->documents[i].id);
        CHECK(place != SIZE_MAX);
        CHECK_INT(imr_trace_at(b, place)->rank_beside, i + 1);
    }
    imr_detail *d = look(s, a, 3);
    CHECK_STR(d->document_id, a->documents[3].id);
    imr_trace_free(a);
    finish(&f, s, b, d);
}

TEST("what takes all vectors is refused with a sentence")
{
    fixture f = start(NULL);
    imr_session *s = open_one(&f, IMR_FORM_MEAN, true);
    static const imr_trace_settings wrong[] = {{.scope = IMR_SCOPE_RESCORE},
                                               {.scope = IMR_SCOPE_CORPUS},
                                               {.candidates = IMR_CANDIDATES_BEFORE}};
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        imr_trace *t = NULL;
        const imr_request r = {.text = "wa", .settings = wrong[i]};
        CHECK_INT(imr_session_run(s, &r, &t, &err), IMR_E_UNSUPPORTED);
        CHECK_CONTAINS(err.text, "stay in the engine");
    }
    finish(&f, s, run(s, (imr_request){0}, "wa"), NULL);
}

/* ---- an engine that fails ---- */

static imr_engine_driver failing;
static imr_status fails_with;
static imr_status fail_nearest(IMR_UNUSED imr_engine *e, IMR_UNUSED imr_engine_rows *out,
                               IMR_UNUSED const float *vector, IMR_UNUSED size_t k,
                               IMR_UNUSED bool exact, IMR_UNUSED const imr_progress *progress,
                               imr_error *error)
{
    return imr_fail(error, fails_with, "lost");
}

static imr_status other_dimension(IMR_UNUSED imr_engine *e, imr_engine_rows *out,
                                  IMR_UNUSED const float *vector, IMR_UNUSED size_t k,
                                  IMR_UNUSED bool exact, IMR_UNUSED const imr_progress *progress,
                                  imr_error *error)
{
    const float v[] = {1, 2};
    return imr_engine_add(out, &(imr_engine_row){.id = "x", .id_len = 1, .vector = v, .dim = 2},
                          error);
}

static imr_status nothing(IMR_UNUSED imr_engine *e, IMR_UNUSED imr_engine_rows *out,
                          IMR_UNUSED const float *vector, IMR_UNUSED size_t k,
                          IMR_UNUSED bool exact, IMR_UNUSED const imr_progress *progress,
                          IMR_UNUSED imr_error *error)
{
    return IMR_OK;
}

TEST("an engine that fails in the middle leaves the session usable, and its last ranking explained")
{
    fixture f = start(NULL);
    imr_session *s = open_one(&f, IMR_FORM_MEAN, true);
    imr_trace *t = run(s, (imr_request){0}, "wa wb"), *none = NULL;
    failing = imr_engine_store;
    failing.nearest = fail_nearest;
    s->engine->driver = &failing;
    static const imr_status all[] = {IMR_E_IO, IMR_E_CANCELLED, IMR_E_NUMERIC, IMR_E_MEMORY};
    for (size_t i = 0; i < IMR_LEN(all); i++) {
        const imr_request r = {.text = "wc"};
        fails_with = all[i];
        CHECK_INT(imr_session_run(s, &r, &none, &err), all[i]);
    }
    const imr_request r = {.text = "wd"};
    failing.nearest = other_dimension;
    CHECK_INT(imr_session_run(s, &r, &none, &err), IMR_E_SHAPE);
    failing.nearest = nothing;
    CHECK_INT(imr_session_run(s, &r, &none, &err), IMR_E_NOT_FOUND);
    imr_detail *d = NULL;
    CHECK_OK(imr_session_detail(s, t, 5, IMR_DETAIL_WHY_NOT, NULL, &d, &err));
    s->engine->driver = &imr_engine_store;
    imr_trace *again = run(s, (imr_request){0}, "wa wb");
    CHECK_STR(again->documents[5].id, t->documents[5].id);
    imr_trace_free(again);
    finish(&f, s, t, d);
}

TEST("an audit and an evaluation through an engine equal those of the cache")
{
    fixture f = start(NULL);
    imr_session *s[2] = {open_one(&f, IMR_FORM_MEAN, false), open_one(&f, IMR_FORM_MEAN, true)};
    imr_audit *a[2] = {NULL};
    for (size_t i = 0; i < 2; i++) {
        const imr_audit_options o = {.k = 10};
        CHECK_OK(imr_audit_new(&a[i], s[i], &o, NULL, &err));
        CHECK_OK(imr_audit_run(a[i], NULL, &err));
        CHECK_INT(a[i]->done, 1);
    }
    CHECK_STR(imr_audit_document(a[1], 0), imr_audit_document(a[0], 0));
    CHECK_STR(a[1]->rows[0].sentence, a[0]->rows[0].sentence);
    for (size_t i = 0; i < IMR_AUDIT_COLUMNS; i++)
        if (i != IMR_AUDIT_RBO + 1 && i % 4 != 1 && i != 13 &&
            i != 16) /* projected: of the candidates alone */
            CHECK(a[1]->rows[0].number[i] == a[0]->rows[0].number[i] ||
                  (isnan(a[1]->rows[0].number[i]) && isnan(a[0]->rows[0].number[i])));
    for (size_t i = 0; i < 2; i++) {
        imr_audit_free(a[i]);
        imr_session_close(s[i]);
    }
    tiny_done(&f.t);
}
