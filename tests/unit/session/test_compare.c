/* A against B in a session: documents, queries, adapters; what cannot be compared says why. */
#include "base/mem.h"
#include "tests/unit/session/find.h"
#include "tests/unit/session/why_support.h"

static imr_comparison *compare(imr_session *s, const imr_trace *t, size_t a, size_t b)
{
    imr_comparison *c = NULL;
    CHECK_OK(imr_session_compare(&c, s, t, (const size_t[2]){a, b}, NULL, &err));
    return c;
}

static imr_trace *ask_beside(imr_session *s, const char *text, const imr_trace *beside)
{
    imr_trace *t = NULL;
    const imr_request r = {
        .text = text, .settings = {.feedback_k = 40, .tokens = 5}, .beside = beside};
    CHECK_OK(imr_session_run(s, &r, &t, &err));
    return t;
}

static double gap_of_words(const imr_compare *c, imr_stage k)
{
    double sum = c->rounding[k];
    for (size_t i = 0; i < c->n_words; i++)
        sum += c->words[i].value[0][k] - c->words[i].value[1][k];
    return sum;
}

/* The words of one comparison with the other sign are those of the other. Of the contrasts sampled
 * none is A's or B's: a word shows up as often for one as against it. */
static void check_turned(const imr_word_list *a, const imr_word_list *b)
{
    CHECK_INT(a->n_positive, b->n_negative);
    CHECK_INT(a->n_negative, b->n_positive);
    for (size_t i = 0; i < a->n_positive; i++) {
        const imr_word_score *w = &a->positive[i];
        CHECK_NEAR(w->cosine, -b->negative[i].cosine, 1e-5);
        CHECK(isfinite(w->background_z) && w->background_z * w->cosine >= 0);
        CHECK_NEAR(w->background_z, -b->negative[i].background_z, 1e-3);
    }
}

TEST("any two listed documents: the words' gap is the standings' gap at each stage, and the other "
     "way round it is the same with the other sign")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    for (size_t a = 0; a < t->n_documents; a++) {
        const size_t b = (a + 3) % t->n_documents;
        imr_comparison *c = compare(s, t, a, b), *d = compare(s, t, b, a);
        CHECK_INT(c->why.of, IMR_COMPARE_DOCUMENTS);
        CHECK_STR(c->why.problem, "");
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            const double gap = t->documents[a].standing[k] - t->documents[b].standing[k];
            CHECK(c->why.in_sd);
            CHECK_NEAR(c->why.standing[k], gap, 1e-9);
            CHECK_NEAR(gap_of_words(&c->why, k), gap, 1e-4);
            CHECK_NEAR(c->why.similarity[k] / t->reference[k].sd, gap, 1e-6);
            CHECK_NEAR(d->why.standing[k], -gap, 1e-9);
        }
        CHECK_NEAR(c->why.sides[0][0] + c->why.sides[0][1] + c->why.sides[1][0] +
                       c->why.sides[1][1] + c->why.residual,
                   c->why.similarity[2] - c->why.similarity[1], 1e-6);
        CHECK(c->contrast.n_positive > 0 && c->contrast.n_negative > 0);
        check_turned(&c->contrast, &d->contrast);
        CHECK_CONTAINS(c->why.sentence, " now, ");
        imr_comparison_free(c);
        imr_comparison_free(d);
    }
    finish(&f, s, t, NULL);
}

static void write_twins(const char *dir)
{
    imr_buf corpus = {0};
    for (int i = 0; i < 12; i++)
        imr_buf_printf(&corpus, "{\"_id\": \"d%d\", \"text\": \"wa w%c wc\"}\n", i,
                       i == 10 ? 'l' : 'c' + i);
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl", "{\"_id\": \"q0\", \"text\": \"wa wt wb\"}\n");
    put_file(dir, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\td3\t1\n");
    imr_buf_done(&corpus);
}

TEST("equal documents are told apart by nothing, and the same one is refused")
{
    fixture f = start_with(NULL, write_twins);
    imr_session *s = open_session(&f, true, 12);
    imr_trace *t = ask(s, "wa wt wb", 12);
    const size_t a = listed_at(t, "d9"), b = listed_at(t, "d10");
    imr_comparison *c = compare(s, t, a, b);
    CHECK_CONTAINS(c->why.sentence, "A and B stand level");
    CHECK_CONTAINS(c->why.sentence, "no single pair of words tells them apart");
    CHECK_INT(c->contrast.n_positive + c->contrast.n_negative, 0);
    CHECK_NEAR(c->why.standing[2], 0, 1e-4);
    imr_comparison_free(c);
    CHECK_INT(imr_session_compare(&c, s, t, (const size_t[2]){a, a}, NULL, &err), IMR_E_USAGE);
    CHECK_STR(err.text, "A and B are the same document, d9");
    finish(&f, s, t, NULL);
}

TEST("without an adapter, and for one that left the list, the encoder's stage alone is compared")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, false, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_comparison *c = compare(s, t, 0, 4);
    CHECK_INT(c->why.last, IMR_STAGE_ENCODER);
    CHECK_NEAR(gap_of_words(&c->why, IMR_STAGE_ENCODER), c->why.standing[0], 1e-4);
    CHECK(c->why.standing[0] >= 0 && isnan(c->why.standing[2]) && isnan(c->why.projector));
    CHECK(c->contrast.n_positive > 0);
    CHECK_CONTAINS(c->why.sentence,
                   "A stands above B: 1st and 5th for the encoder; A is ahead by ");
    CHECK(!strstr(c->why.sentence, "nan"));
    imr_comparison_free(c);
    imr_trace_free(t);
    imr_session_close(s);
    s = open_session(&f, true, 3);
    t = ask(s, "wa wt wb", 3);
    CHECK(t->n_left > 0);
    c = compare(s, t, 0, t->n_documents);
    CHECK_CONTAINS(c->why.sentence, "not listed now, ");
    CHECK_INT(c->why.last, IMR_STAGE_ENCODER);
    CHECK_NEAR(gap_of_words(&c->why, IMR_STAGE_ENCODER), c->why.standing[0], 1e-4);
    CHECK_INT(c->contrast.n_positive, 0);
    CHECK(!strstr(c->why.sentence, "nan"));
    imr_comparison_free(c);
    finish(&f, s, t, NULL);
}

TEST("one document for two queries is told by its own words, one that is not listed is refused")
{
    fixture f = start(NULL);
    for (int adapter = 0; adapter < 2; adapter++) {
        imr_session *s = open_session(&f, adapter, 40);
        imr_trace *u = ask(s, "wc wd", 40), *t = ask_beside(s, "wa wt wb", u);
        imr_trace *v = ask_beside(s, "wc wd", t), *few = ask(s, "wc wd", 3);
        const size_t a = listed_at(t, "d3"), b = listed_at(u, "d3");
        imr_comparison *c = compare(s, t, a, a), *d = compare(s, v, b, b);
        const imr_stage last = adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
        CHECK_INT(c->why.of, IMR_COMPARE_QUERIES);
        CHECK_INT(c->why.last, last);
        CHECK_INT(c->why.n_words, c->detail[0]->why.pairs.n_document + 1);
        CHECK_NEAR(gap_of_words(&c->why, last),
                   t->documents[a].standing[last] - u->documents[b].standing[last], 1e-4);
        CHECK(c->contrast.n_positive > 0);
        check_turned(&c->contrast, &d->contrast);
        CHECK_CONTAINS(c->why.sentence, "For the queries A and B it is ");
        imr_comparison_free(c);
        imr_comparison_free(d);
        imr_trace_free(t);
        t = ask_beside(s, "wa wt wb", few);
        size_t none = 0;
        while (imr_trace_place(few, t->documents[none].id) != SIZE_MAX)
            none++;
        CHECK_INT(imr_session_compare(&c, s, t, (const size_t[2]){none, none}, NULL, &err),
                  IMR_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, " is not among the 3 listed for B: ");
        imr_trace_free(u);
        imr_trace_free(v);
        imr_trace_free(few);
        imr_trace_free(t);
        imr_session_close(s);
    }
    tiny_done(&f.t);
}

TEST("every allocation of a comparison can fail")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_comparison *c = compare(s, t, 0, 1);
    imr_status status = IMR_E_MEMORY;
    imr_comparison_free(c);
    for (long n = 0; status == IMR_E_MEMORY; n++) {
        imr_mem_fail_after(n);
        status = imr_session_compare(&c, s, t, (const size_t[2]){0, 1}, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
    }
    CHECK_OK(status);
    imr_comparison_free(c);
    finish(&f, s, t, NULL);
}
