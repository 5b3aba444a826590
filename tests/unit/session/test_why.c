/* The why of a document, in a session: a made-up BERT with mean pooling, a made-up collection. */
#include "math/random.h"
#include "tests/unit/session/find.h"
#include "tests/unit/session/why_support.h"

/* How many named pairs have a larger value. */
static size_t larger(const imr_pairs *p, const double *v, const double *less, double value)
{
    size_t n = 0;
    for (size_t a = 0; a < p->n_query; a++)
        for (size_t b = 0; b < p->n_document; b++) {
            const size_t at = a * (p->n_document + 1) + b;
            n += p->query[a].named && p->document[b].named &&
                 v[at] / p->reference[IMR_STAGE_AFTER].sd -
                         (less ? less[at] / p->reference[IMR_STAGE_ENCODER].sd : 0) >
                     value + 1e-12;
        }
    return n;
}

/* Each is among the ten of one of the three lists; largest first; none twice. */
static void check_strongest(const imr_why *w)
{
    const imr_pairs *p = &w->pairs;
    const double *after = p->centred[IMR_STAGE_AFTER], *encoder = p->centred[IMR_STAGE_ENCODER];
    CHECK(w->n_strongest > 0 && w->n_strongest <= 30);
    for (size_t i = 0; i < w->n_strongest; i++) {
        const imr_strong_pair *s = &w->strongest[i];
        const size_t at = s->query * (p->n_document + 1) + s->document;
        const double scaled = after[at] / p->reference[IMR_STAGE_AFTER].sd;
        const double change = scaled - encoder[at] / p->reference[IMR_STAGE_ENCODER].sd;
        CHECK(p->query[s->query].named && p->document[s->document].named);
        CHECK_NEAR(s->value[IMR_STAGE_AFTER], after[at], 0);
        CHECK_NEAR(s->change, change, 1e-12);
        CHECK(i == 0 || s->value[IMR_STAGE_AFTER] <= w->strongest[i - 1].value[IMR_STAGE_AFTER]);
        const size_t losses = larger(p, encoder, NULL, INFINITY);
        (void)losses;
        size_t fewer = 0;
        for (size_t k = 0; k < w->n_strongest; k++)
            fewer += w->strongest[k].change < change;
        CHECK(larger(p, after, NULL, scaled) < 10 || larger(p, after, encoder, change) < 10 ||
              fewer < 10);
        for (size_t k = 0; k < i; k++)
            CHECK(w->strongest[k].query != s->query || w->strongest[k].document != s->document);
    }
}

static void check_spans(const imr_detail *d)
{
    size_t end = 0;
    CHECK(d->n_spans > 0);
    for (size_t i = 0; i < d->n_spans; i++) {
        const imr_detail_span *s = &d->spans[i];
        char word[8] = "";
        CHECK(s->start >= end && s->end > s->start && s->end <= d->read_end);
        memcpy(word, d->text + s->start, s->end - s->start);
        CHECK(s->word < d->why.pairs.n_document);
        CHECK_STR(d->why.pairs.document[s->word].text, word);
        end = s->end;
    }
}

TEST("the words of every listed document add up to its similarity and to its standing, at each "
     "stage")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 20);
    imr_trace *t = ask(s, "wa wt wb", 20);
    for (size_t i = 0; i < t->n_documents; i++) {
        imr_detail *d = look(s, t, i);
        check_pairs(t, &d->why, IMR_STAGE_COUNT);
        check_strongest(&d->why);
        check_spans(d);
        CHECK_NEAR(d->why.lift.total, d->why.lift.projector + d->why.lift.modulation, 1e-12);
        CHECK(d->why.sentence[0] != '\0');
        CHECK(d->why.words[IMR_CHANGE_OWN].n_positive > 0);
        CHECK(d->query_words[IMR_CHANGE_PAPER].n_positive > 0);
        imr_detail_free(d);
    }
    finish(&f, s, t, NULL);
}

TEST("what the encoder did not read is counted, and a query's word that stands only there is named")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, DOCUMENTS);
    imr_trace *t = ask(s, "wa wt wb", DOCUMENTS);
    imr_detail *d = look(s, t, listed_at(t, "d7"));
    CHECK_INT(d->why.document_tokens.read, LONGEST);
    CHECK_INT(d->why.document_tokens.total, 43);
    CHECK_INT(d->why.query_tokens.read, 5);
    CHECK_INT(d->read_end, 3 * (LONGEST - 2) - 1);
    CHECK_INT(d->why.n_unread, 1);
    CHECK_STR(d->why.unread[0], "wt");
    CHECK_CONTAINS(d->why.sentence,
                   "The encoder read 32 of 43 tokens; *wt* stands only after that.");
    imr_detail_free(d);
    d = look(s, t, listed_at(t, "d8"));
    CHECK_INT(d->why.document_tokens.read, 3);
    CHECK_INT(d->read_end, strlen(d->text));
    check_pairs(t, &d->why, IMR_STAGE_COUNT);
    finish(&f, s, t, d);
}

TEST("equal documents stand equal, and one document alone has no reference")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, DOCUMENTS);
    imr_trace *t = ask(s, "wa wb", DOCUMENTS);
    const imr_trace_document *a = &t->documents[listed_at(t, "d9")];
    const imr_trace_document *b = &t->documents[listed_at(t, "d10")];
    CHECK(a->row != b->row);
    imr_trace_free(t);
    t = ask(s, "wa wb", 1);
    CHECK_INT(t->n_documents, 1);
    CHECK(t->reference[IMR_STAGE_AFTER].sd == 0 && isnan(t->documents[0].lift.total));
    imr_detail *d = look(s, t, 0);
    const imr_pairs *p = &d->why.pairs;
    CHECK(p->raw[IMR_STAGE_AFTER] != NULL && p->centred[IMR_STAGE_AFTER] == NULL);
    CHECK_NEAR(sum_of(p->raw[IMR_STAGE_AFTER], (p->n_query + 1) * (p->n_document + 1)),
               t->documents[0].sim_after, 1e-6);
    CHECK(strstr(d->why.sentence, "nan") == NULL && strstr(d->why.sentence, "sd") == NULL);
    finish(&f, s, t, d);
}

static void write_equal(const char *dir)
{
    imr_buf corpus = {0};
    for (int i = 0; i < 6; i++)
        imr_buf_printf(&corpus, "{\"_id\": \"d%d\", \"title\": \"\", \"text\": \"wb wc\"}\n", i);
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl", "{\"_id\": \"q0\", \"text\": \"wa\"}\n");
    imr_buf_done(&corpus);
}

TEST("where all documents are equal nothing is compared, and what is shown are numbers")
{
    fixture f = start_with(NULL, write_equal);
    imr_session *s = open_session(&f, true, 6);
    imr_trace *t = ask(s, "wa wb", 6);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        CHECK(t->reference[k].sd == 0);
    imr_detail *d = look(s, t, 3);
    CHECK(d->why.pairs.raw[IMR_STAGE_AFTER] && !d->why.pairs.centred[IMR_STAGE_AFTER]);
    CHECK(d->why.n_strongest > 0 && isfinite(d->why.strongest[0].value[IMR_STAGE_AFTER]));
    CHECK(strstr(d->why.sentence, "nan") == NULL && strstr(d->why.sentence, "sd") == NULL);
    CHECK(isfinite(d->why.words[IMR_CHANGE_OWN].common_part));
    finish(&f, s, t, d);
}

static void write_long(const char *dir)
{
    imr_buf corpus = {0};
    imr_buf_str(&corpus, "{\"_id\": \"d0\", \"title\": \"\", \"text\": \"");
    for (int i = 0; i < 100000; i++)
        imr_buf_printf(&corpus, "w%c ", 'a' + i % 17);
    imr_buf_str(&corpus, "\"}\n{\"_id\": \"d1\", \"title\": \"\", \"text\": \"wb\"}\n");
    put_file(dir, "corpus.jsonl", imr_buf_text(&corpus));
    put_file(dir, "queries.jsonl", "{\"_id\": \"q0\", \"text\": \"wa\"}\n");
    imr_buf_done(&corpus);
}

TEST("a text of 100,000 words is shown whole, and its why is of what was read")
{
    fixture f = start_with(NULL, write_long);
    imr_session *s = open_session(&f, true, 2);
    imr_trace *t = ask(s, "wa wb", 2);
    imr_detail *d = look(s, t, listed_at(t, "d0"));
    CHECK_INT(strlen(d->text), 3 * 100000 - 1);
    CHECK_INT(d->why.document_tokens.total, 100002);
    CHECK_INT(d->why.document_tokens.read, LONGEST);
    CHECK_INT(d->n_spans, LONGEST - 2);
    check_pairs(t, &d->why, IMR_STAGE_COUNT);
    finish(&f, s, t, d);
}

TEST("a projector of lower rank is told in words as far as it sees")
{
    fixture f = start(NULL);
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, f.adapter, IMR_FORM_AUTO, &err));
    float *p = imr_weight(&a->w, IMR_W_PROJECTOR);
    for (size_t i = 5; i < a->w.m; i++) /* rows repeat: rank 5 of 16 */
        memcpy(p + i * a->w.n, p + (i % 5) * a->w.n, a->w.n * sizeof *p);
    snprintf(f.adapter, sizeof f.adapter, "%s", test_path(test_tmpdir(), "low.pt"));
    CHECK_OK(imr_adapter_save(a, f.adapter, NULL, 0, &err));
    imr_session *s = open_session(&f, true, 20);
    CHECK_INT(imr_session_facts_of(s)->inputs.rank, 5);
    imr_trace *t = ask(s, "wa wt wb", 20);
    imr_detail *d = look(s, t, 0);
    check_pairs(t, &d->why, IMR_STAGE_COUNT);
    const imr_word_list *l = &d->why.words[IMR_CHANGE_PAPER];
    CHECK(l->n_positive > 0);
    for (size_t i = 0; i < l->n_positive; i++)
        CHECK(isfinite(l->positive[i].z) && isfinite(l->positive[i].effect) &&
              l->positive[i].visibility < 0.5);
    CHECK(l->coverage >= 0 && l->coverage <= 1);
    imr_detail_free(d);
    imr_trace_free(t);
    imr_session_close(s);
    imr_adapter_free(a);
    tiny_done(&f.t);
}

TEST("without an adapter the encoder's ranking is told in words")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, false, 10);
    const imr_session_facts *facts = imr_session_facts_of(s);
    CHECK_STR(facts->adapter_name, "");
    CHECK_STR(facts->inputs.adapter_path, "");
    imr_trace *t = ask(s, "wa wt wb", 10);
    CHECK_INT(t->n_documents, 10);
    CHECK_INT(t->n_left, 0);
    CHECK_INT(t->moved + t->moved_encoder, 0);
    for (size_t i = 0; i < 10; i++) {
        const imr_trace_document *d = &t->documents[i];
        CHECK_INT(d->rank_encoder, i + 1);
        CHECK_INT(d->rank_before + d->rank_after, 0);
        CHECK(isnan(d->sim_before) && isnan(d->sim_after) && isnan(d->lift.total));
        CHECK(i == 0 || d->sim_encoder <= t->documents[i - 1].sim_encoder);
        imr_detail *detail = look(s, t, i);
        check_pairs(t, &detail->why, 1);
        CHECK(detail->why.words[IMR_CHANGE_VECTOR].n_positive > 0);
        CHECK(isfinite(detail->why.words[IMR_CHANGE_VECTOR].positive[0].background_z));
        CHECK_INT(detail->why.words[IMR_CHANGE_PAPER].n_positive, 0);
        CHECK(!detail->why.has_steps && detail->why.n_dimensions == 0);
        CHECK_CONTAINS(detail->why.sentence, " for the encoder");
        CHECK(strstr(detail->why.sentence, "nan") == NULL);
        imr_detail_free(detail);
    }
    CHECK_CONTAINS(t->sentence, "by the encoder alone");
    finish(&f, s, t, NULL);
}

TEST("a document of the encoder's first ten that is no candidate is listed as left, with its pairs")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 3);
    imr_trace *t = ask(s, "wa wt wb", 3);
    CHECK(t->n_left >= 7);
    for (size_t i = 0; i < t->n_left; i++) {
        CHECK(t->left[i].rank_encoder <= 10 && t->left[i].rank_after == 0);
        CHECK(listed_at(t, t->left[i].id) == SIZE_MAX);
        CHECK_CONTAINS(t->left[i].sentence, "not among the adapter's candidates now");
    }
    imr_detail *d = look(s, t, t->n_documents);
    CHECK_STR(d->document_id, t->left[0].id);
    CHECK_STR(d->why.pairs.problem, "");
    CHECK(d->why.pairs.raw[IMR_STAGE_ENCODER] && !d->why.pairs.raw[IMR_STAGE_AFTER]);
    CHECK_CONTAINS(d->why.sentence, "not among the adapter's candidates now");
    finish(&f, s, t, d);
}

TEST("CLS pooling says that there is no sum, and all but the pairs is there")
{
    fixture f = start("{\"pooling_mode_cls_token\":true}");
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_detail *d = look(s, t, 0);
    CHECK_CONTAINS(d->why.pairs.problem, "CLS pooling");
    CHECK_INT(d->why.pairs.n_query, 0);
    CHECK_INT(d->why.n_strongest, 0);
    CHECK(d->why.has_steps && d->why.words[IMR_CHANGE_PAPER].n_positive > 0);
    CHECK(d->n_spans > 0 && d->spans[0].word == UINT32_MAX);
    finish(&f, s, t, d);
}

TEST("with CLS pooling leaving words out tells what each does, at every stage")
{
    fixture f = start("{\"pooling_mode_cls_token\":true}");
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_encoder *e = NULL;
    imr_detail *plain = look(s, t, 1), *d = NULL;
    CHECK(plain->why.deletion == NULL);
    CHECK_OK(imr_session_detail(s, t, 1, IMR_DETAIL_DELETION, NULL, &d, &err));
    CHECK_OK(imr_encoder_open(&e, f.encoder, NULL, &err));
    const imr_trace_document *of = &t->documents[1];
    CHECK(d->why.n_deletion > 1);
    for (size_t w = 0; w < d->why.n_deletion; w++) {
        const imr_pair_word *word = &d->why.deletion[w];
        /* The whole text without the word, by words. */
        imr_buf text = {0};
        const char *parts[2] = {d->title, d->text};
        uint32_t count = 0;
        for (size_t p = 0; p < 2; p++)
            for (const char *from = parts[p]; *from; from += from[2] ? 3 : 2) {
                const char lower[] = {(char)(from[0] | 32), from[1], '\0'};
                if (strcmp(lower, word->text) == 0)
                    count++;
                else
                    imr_buf_printf(&text, "%s ", lower);
            }
        float x[HIDDEN];
        const char *whole = imr_buf_text(&text);
        CHECK_INT(word->count, count);
        CHECK_OK(imr_encoder_encode(e, &whole, &text.len, 1, x, NULL, NULL, &err));
        CHECK_NEAR(word->total[IMR_STAGE_ENCODER],
                   of->sim_encoder - imr_nn_cosine(t->run.query_base, x, HIDDEN), 1e-6);
        imr_buf_done(&text);
        CHECK(fabs(word->total[IMR_STAGE_AFTER]) < 1 && word->total[IMR_STAGE_AFTER] != 0);
    }
    CHECK_CONTAINS(d->why.sentence, plain->why.sentence);
    imr_detail *again = look(s, t, 1);
    CHECK(again == d); /* the deeper one is kept */
    imr_detail_free(again);
    imr_detail_free(plain);
    imr_detail_free(d);
    imr_encoder_free(e);
    finish(&f, s, t, NULL);
}

TEST("a cache whose texts are gone says so, and ranks")
{
    fixture f = start(NULL);
    char corpus[600];
    snprintf(corpus, sizeof corpus, "%s/corpus.jsonl", f.dataset);
    CHECK_INT(remove(corpus), 0);
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_detail *d = look(s, t, 2);
    CHECK_CONTAINS(d->why.pairs.problem, "--dataset");
    CHECK_STR(d->text, "");
    CHECK_INT(d->read_end, 0);
    CHECK_INT(d->n_spans, 0);
    finish(&f, s, t, d);
}

TEST("the words of another text than the cache's are not shown")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_trace *other = ask(s, "wc wd", 10);
    imr_trace mixed = *t; /* its text is that of another query */
    mixed.query_read = other->query_read;
    mixed.number += 100;
    imr_detail *d = look(s, &mixed, 0);
    CHECK_CONTAINS(d->why.pairs.problem, "not the cache's");
    CHECK_INT(d->why.pairs.n_query, 0);
    CHECK(strstr(d->why.sentence, "*") == NULL);
    imr_detail_free(d);
    imr_trace_free(t);
    imr_trace_free(other);
    imr_session_close(s);
    tiny_done(&f.t);
}

TEST("a detail is made once, stops when it is told to, and is of its session's traces only")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 10), *other = open_session(&f, true, 10);
    imr_trace *t = ask(s, "wa wt wb", 10);
    imr_detail *d = NULL, *again = NULL;
    for (int steps = 1;; steps++) {
        int left = steps;
        const imr_progress p = {after_some, &left};
        const imr_status status = imr_session_detail(s, t, 0, IMR_DETAIL_WORDS, &p, &d, &err);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_CANCELLED);
        CHECK(steps < 100);
    }
    again = look(s, t, 0);
    CHECK(d == again);
    CHECK_INT(imr_session_detail(other, t, 0, IMR_DETAIL_WORDS, NULL, &again, &err), IMR_E_USAGE);
    imr_session_close(s);
    CHECK(d->why.pairs.n_query > 0 && d->text[0] != '\0'); /* it outlives the session */
    imr_detail_free(d);
    imr_detail_free(d);
    imr_trace_free(t);
    imr_session_close(other);
    tiny_done(&f.t);
}

TEST("every allocation of a detail can fail")
{
    fixture f = start(NULL);
    imr_session *s = open_session(&f, true, 5);
    imr_trace *t = ask(s, "wa wt wb", 5);
    imr_status status = IMR_E_MEMORY;
    int failures = 0;
    for (long i = 0; status != IMR_OK && i < 10000; i++) {
        imr_detail *d = NULL;
        imr_mem_fail_after(i);
        status = imr_session_detail(s, t, 1, IMR_DETAIL_WORDS, NULL, &d, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            imr_detail_free(d);
        } else {
            CHECK_INT(status, IMR_E_MEMORY);
            failures++;
        }
    }
    CHECK_INT(status, IMR_OK);
    CHECK(failures > 50);
    finish(&f, s, t, NULL);
}
