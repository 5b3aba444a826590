/* What if with an encoder: words left out of the query, the query pushed, and word by word. */
#include "session/whatif.h"
#include "tests/unit/session/find.h"
#include "tests/unit/session/why_support.h"

static imr_status ask_if(imr_trace **out, imr_session *s, const char *text, const char *term)
{
    imr_request r = {.text = text, .settings = {.feedback_k = 12, .tokens = 5}};
    CHECK_OK(imr_whatif_add(&r.settings.what_if, term, &err));
    return imr_session_run(s, &r, out, &err);
}

TEST("what if: pairs add up under every change, and the query is read without what was left out")
{
    static const char *const terms[] = {"without:wt",   "push:wc=0.3", "push WC=-1.5",
                                        "alpha:0.5",    "off:query",   "alpha:0",
                                        "off:document", "dim:-3",      "form:mean"};
    fixture f = start("{\"pooling_mode_mean_tokens\": true}");
    imr_session *s = open_session(&f, true, 12);
    imr_trace *plain = ask(s, "wa wt wb", 12);
    for (size_t i = 0; i < IMR_LEN(terms); i++) {
        imr_trace *t = NULL;
        CHECK_OK(ask_if(&t, s, "wa wt wb", terms[i]));
        imr_detail *d = look(s, t, 2);
        const imr_why *w = &d->why;
        check_pairs(t, w, IMR_STAGE_COUNT);
        CHECK_INT(w->pairs.n_query, i == 0 ? 4 : 5);
        CHECK_STR(t->query_text, "wa wt wb");
        CHECK_STR(t->query_id, "q0");
        CHECK_STR(t->warnings[0].code, "what-if");
        CHECK_NEAR(w->share_query + w->share_document, t->documents[2].delta_sim, 1e-6);
        CHECK_INT(w->has_steps, i < 3 || i == 8);
        const imr_trace_document *of = &t->documents[2];
        const size_t at = listed_at(plain, of->id);
        if (i >= 3 && at < plain->n_documents) { /* the query itself is as it was */
            CHECK_NEAR(of->sim_encoder, plain->documents[at].sim_encoder, 0);
            CHECK_NEAR(of->sim_before, plain->documents[at].sim_before, 0);
        }
        imr_detail_free(d);
        imr_trace_free(t);
    }
    finish(&f, s, plain, NULL);
}

TEST("what if without a word is the query without it, and pushed is the sum, at its length")
{
    fixture f = start("{\"pooling_mode_mean_tokens\": true}");
    imr_session *s = open_session(&f, true, 12);
    imr_trace *t = NULL, *twin = ask(s, "wa  wb", 12), *plain = ask(s, "wa wt wb", 12);
    CHECK_OK(ask_if(&t, s, "wa wt wb", "without:WT"));
    CHECK_STR(t->query_read, "wa  wb");
    CHECK(!t->query_cached && plain->query_cached);
    for (size_t i = 0; i < t->n_documents; i++) {
        CHECK_STR(t->documents[i].id, twin->documents[i].id);
        CHECK_NEAR(t->documents[i].sim_after, twin->documents[i].sim_after, 0);
    }
    CHECK(t->n_metrics > 0); /* it is judged still */
    imr_trace_free(t);
    CHECK_OK(ask_if(&t, s, "wa wt wb", "push:wc=0.3"));
    double length = 0, pushed = 0;
    for (size_t j = 0; j < HIDDEN; j++) {
        const double before = (double)plain->run.query_base[j];
        const double x = (double)t->run.query_base[j];
        length += before * before;
        pushed += x * x;
        CHECK_NEAR(x, t->push_by * before + (double)t->push[j], 1e-6);
    }
    CHECK_NEAR(pushed, length, 1e-5);
    CHECK_NEAR(imr_nn_norm(t->push, HIDDEN), .3 * t->push_by * sqrt(length), 1e-6);
    imr_trace_free(t);
    imr_trace_free(twin);
    finish(&f, s, plain, NULL);
}

TEST("what if without words the query has not, without all, or along an unknown one, is refused")
{
    static const struct {
        const char *term, *says;
    } bad[] = {{"without:wz", "'wz'? it is no word of the query"},
               {"without:wa wt wb", "nothing is left to ask"},
               {"without:...", "no word of the query"},
               {"push:nosuchword=1", "the token table has no such word"},
               {"dim:-4000", "the working space has"},
               {"feedback:-d99", "no such document"},
               {"form:full", "its tensors are those of diagonal and mean"}};
    fixture f = start("{\"pooling_mode_mean_tokens\": true}");
    imr_session *s = open_session(&f, true, 12);
    imr_trace *t = NULL;
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        CHECK(ask_if(&t, s, "wa wt wb", bad[i].term) != IMR_OK);
        CHECK_CONTAINS(err.text, bad[i].says);
    }
    CHECK_INT(ask_if(&t, s, "wa wt!", "without:wt wa"), IMR_E_USAGE); /* marks ask nothing */
    CHECK_CONTAINS(err.text, "nothing is left to ask");
    imr_session_close(s);
    s = open_session(&f, false, 12); /* no adapter */
    CHECK_INT(ask_if(&t, s, "wa wt wb", "alpha:0.5"), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "no adapter to change");
    CHECK_OK(ask_if(&t, s, "wa wt wb", "without:wa"));
    CHECK_STR(t->warning, "what if: without wa");
    finish(&f, s, t, NULL);
}
