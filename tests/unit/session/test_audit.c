/* Audits: numbers against evaluate's, words against a naive count, rows that are kept against rows
 * that are made. */
#include "session/audit.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/session/why_support.h"

enum { QUERIES = 12, K = 20 };

/* Two words each, of the documents' wa to wr; the words of q3 are no words of the encoder. */
static const char *const texts[QUERIES] = {"wa wb", "wc wd", "we wf", "wa wc", "wa wq", "wh wb",
                                           "wb wd", "=wa",   "wl wm", "wn wo", "wp wq", "wa wl"};

static void corpus(const char *dir)
{
    imr_buf queries = {0}, test = {0};
    write_dataset(dir);
    imr_buf_str(&test, "query-id\tcorpus-id\tscore\n");
    for (int i = 0; i < QUERIES; i++) {
        imr_buf_printf(&queries, "{\"_id\": \"q%d\", \"text\": \"%s\"}\n", i, texts[i]);
        if (i != 11) /* the last is of no split */
            imr_buf_printf(&test, "q%d\td%d\t1\nq%d\td%d\t0\n", i, i * 3, i, i * 3 + 1);
    }
    imr_buf_str(&test, "q0\tnowhere\t1\nq0\td0\t1\n"); /* absent, and judged twice */
    put_file(dir, "queries.jsonl", imr_buf_text(&queries));
    put_file(dir, "qrels/test.tsv", imr_buf_text(&test));
    put_file(dir, "qrels/train.tsv", "query-id\tcorpus-id\tscore\nt0\td3\t1\nq2\td9\t1\n");
    imr_buf_done(&queries);
    imr_buf_done(&test);
}

static imr_session *open_with(const fixture *f, bool adapter)
{
    imr_session *s = NULL;
    const imr_session_options o = {.adapter = adapter ? f->adapter : NULL,
                                   .trained_on = adapter ? "train" : NULL,
                                   .cache = f->cache,
                                   .words_later = true,
                                   .settings = {.feedback_k = K}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    return s;
}

static const imr_audit_options usual = {.k = 10, .seed = 1};

static imr_audit *new_audit(imr_session *s, imr_audit_options options)
{
    imr_audit *a = NULL;
    CHECK_OK(imr_audit_new(&a, s, &options, NULL, &err));
    return a;
}

static imr_audit *whole_audit(imr_session *s, imr_audit_options options)
{
    imr_audit *a = new_audit(s, options);
    CHECK_OK(imr_audit_run(a, NULL, &err));
    CHECK(a->ended);
    CHECK_INT(a->done, a->n);
    return a;
}

static void check_same(const imr_audit *a, const imr_audit *b)
{
    CHECK_INT(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        CHECK(memcmp(&a->rows[i], &b->rows[i], sizeof a->rows[i]) == 0);
    CHECK_STR(a->summary.text, b->summary.text);
    CHECK_INT(a->n_lost, b->n_lost);
    CHECK_INT(a->n_won, b->n_won);
    CHECK_NEAR(a->eval->unjudged_at[IMR_RANKED_AFTER], b->eval->unjudged_at[IMR_RANKED_AFTER], 0);
}

TEST("numbers are evaluate's to the last bit, and those of a trace")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *a = whole_audit(s, usual);
    imr_eval e;
    imr_eval_split split;
    CHECK_OK(imr_eval_find_split(&split, a->cache, "test", 0, &err));
    CHECK_OK(imr_eval_run(&e, a->cache, a->adapter, split.qrels, split.queries, split.n_queries,
                          a->seen->train, &a->measured, NULL, &err));
    CHECK_INT(e.queries, QUERIES - 1);
    CHECK_INT(a->n, e.queries);
    size_t seen = 0;
    for (size_t i = 0; i < e.queries; i++) {
        const double *of = a->rows[i].number;
        CHECK_INT(a->eval->query[i], e.query[i]);
        CHECK_INT(a->rows[i].seen, e.seen[i]);
        seen += e.seen[i];
        for (size_t m = 0; m < 3; m++)
            for (size_t k = 0; k < 3; k++)
                CHECK(of[4 * m + k] == e.values[k][3 * i + m]);
        CHECK(of[IMR_AUDIT_RBO + 1] == e.rbo[i]);
        CHECK(of[IMR_AUDIT_GAIN] == of[2] - of[0]);
        imr_trace *t = NULL;
        const imr_request r = {.query_id = imr_audit_query(a, i).query_id,
                               .settings = {.feedback_k = K}};
        CHECK_OK(imr_session_run(s, &r, &t, &err));
        double most = -1;
        for (size_t d = 0; d < t->n_documents; d++) {
            const imr_trace_document *x = &t->documents[d];
            const double by =
                fabs(1 / log2(1 + (double)x->rank_after) - 1 / log2(1 + (double)x->rank_encoder));
            if (by > most + 1e-12) {
                most = by;
                continue;
            }
            CHECK(strcmp(x->id, imr_audit_document(a, i)) != 0 || by >= most - 1e-12);
        }
        const size_t place = imr_trace_place(t, imr_audit_document(a, i));
        CHECK_INT(of[IMR_AUDIT_FROM], t->documents[place].rank_encoder);
        CHECK_INT(of[IMR_AUDIT_TO], t->documents[place].rank_after);
        CHECK_NEAR(fabs(1 / log2(1 + of[IMR_AUDIT_TO]) - 1 / log2(1 + of[IMR_AUDIT_FROM])), most,
                   1e-12);
        CHECK(a->rows[i].sentence[0] && !strchr(a->rows[i].sentence, '*'));
        char relevant[8];
        snprintf(relevant, sizeof relevant, "d%zu", i * 3);
        const size_t at = imr_trace_place(t, relevant);
        CHECK_INT(of[IMR_AUDIT_FIRST + 2], at < t->n_documents ? t->documents[at].rank_after : 0);
        imr_trace_free(t);
    }
    CHECK_INT(seen, 3); /* q1 by d3, q2 by its name, q3 by d9 */
    imr_eval_done(&e);
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
}

static bool after_a_row(void *user, const imr_progress_info *info)
{
    size_t *left = user;
    if (strcmp(info->what, "auditing queries") != 0)
        return true;
    return info->done < *left;
}

static void change_file(const char *cache, const char *ending, long from_end, bool cut)
{
    char dir[600], path[1400];
    imr_names names;
    snprintf(dir, sizeof dir, "%s/audits", cache);
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 2);
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, names.v[i]);
        if (!strstr(names.v[i], ending) || stat(path, &st) != 0)
            continue;
        if (cut) {
            CHECK_INT(truncate(path, st.st_size - from_end), 0);
            continue;
        }
        FILE *file = fopen(path, "r+");
        fseek(file, st.st_size - from_end, SEEK_SET);
        fputc('#', file);
        fclose(file);
    }
    imr_names_done(&names);
}

TEST("a stopped audit goes on, a kept one is read, a cut or damaged one is mended: all the same")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *whole = NULL, *a = new_audit(s, usual);
    size_t left = 1;
    for (; left < a->n; left++) { /* one row a time */
        const imr_progress stop = {after_a_row, &left};
        CHECK_INT(imr_audit_run(a, &stop, &err), IMR_E_CANCELLED);
        CHECK_INT(a->done, left);
        CHECK_OK(imr_audit_end(a, NULL, &err)); /* for who looks at it as it is, like a short one */
        CHECK_INT(a->eval->queries, left);
        CHECK_CONTAINS(a->eval->doubts.v[0].text, "Only the first ");
        if (left == 5) {
            imr_audit *b =
                whole_audit(s, (imr_audit_options){.k = 10, .seed = 1, .max_queries = a->n_first});
            CHECK_STR(a->summary.text, b->summary.text);
            CHECK_STR(a->eval->doubts.v[0].text, b->eval->doubts.v[0].text);
            CHECK_INT(a->eval->unjudged, b->eval->unjudged);
            CHECK_INT(a->words, b->words);
            imr_audit_free(b);
        }
        if (left == 4 || left == 7) { /* the process ends */
            imr_audit_free(a);
            a = new_audit(s, usual);
            CHECK_INT(a->done, left);
        }
    }
    CHECK_OK(imr_audit_run(a, NULL, &err));
    imr_audit_free(a);
    a = new_audit(s, usual);
    CHECK_INT(a->done, a->n); /* nothing is left to do */
    CHECK_OK(imr_audit_run(a, NULL, &err));
    CHECK_STR(a->notice, "");
    CHECK_INT(a->eval->doubts.n + a->n_first, 0);
    imr_derived_bytes(f.cache, "audits", true);
    whole = whole_audit(s, usual);
    check_same(a, whole);
    imr_audit_free(a);
    imr_audit_free(whole);
    const struct {
        const char *ending;
        long from_end;
        bool cut;
        size_t done;
    } harm[] = {{".notes", 5, true, QUERIES - 2},
                {".rows", 5, true, QUERIES - 2},
                {".rows", 3 * (long)sizeof(imr_audit_row) - 9, false, QUERIES - 4},
                {".notes", 75, false, QUERIES - 3}};
    whole = whole_audit(s, (imr_audit_options){.k = 10, .seed = 1, .no_words = false});
    for (size_t i = 0; i < IMR_LEN(harm); i++) {
        change_file(f.cache, harm[i].ending, harm[i].from_end, harm[i].cut);
        a = new_audit(s, usual);
        CHECK_INT(a->done, harm[i].done);
        CHECK_OK(imr_audit_run(a, NULL, &err));
        check_same(a, whole);
        imr_audit_free(a);
    }
    imr_audit_free(whole);
    finish(&f, s, NULL, NULL);
}

TEST("other judgements, another adapter or another cut-off have files of their own")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit_free(whole_audit(s, usual));
    imr_audit *a = new_audit(s, (imr_audit_options){.k = 5, .seed = 1});
    CHECK_INT(a->done, 0);
    imr_audit_free(a);
    a = new_audit(s, (imr_audit_options){.k = 10, .max_queries = 3});
    CHECK_INT(a->done, 0);
    CHECK_INT(a->n, 3);
    imr_audit_free(a);
    imr_session_close(s);
    s = open_with(&f, false);
    a = new_audit(s, usual);
    CHECK_INT(a->done, 0);
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
}

TEST("a full disk while keeping does not stop an audit, which says so")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *whole = whole_audit(s, usual);
    size_t told = 0;
    for (long n = 0; n < 60; n += 7) {
        imr_derived_bytes(f.cache, "audits", true);
        imr_kept_fail_after(n, ENOSPC);
        imr_audit *a = whole_audit(s, usual);
        imr_kept_fail_after(-1, 0);
        check_same(a, whole);
        told += strstr(a->notice, "the audit is not kept") != NULL;
        imr_audit_free(a);
    }
    CHECK(told >= 3);
    imr_audit *a = whole_audit(s, usual),
              *b = whole_audit(s, usual); /* one writes, one is beside */
    check_same(a, b);
    imr_audit_free(a);
    imr_audit_free(b);
    imr_audit_free(whole);
    finish(&f, s, NULL, NULL);
}

/* Draws of n of N, L of which count, with at least k of these: counted one by one. */
static double naive_p(int k, int n, int L, int N)
{
    double all = 0, found = 0;
    for (unsigned set = 0; set < 1u << N; set++) {
        if (__builtin_popcount(set) != n)
            continue;
        all++;
        found += __builtin_popcount(set & ((1u << L) - 1)) >= k;
    }
    return found / all;
}

TEST("the hypergeometric tail is what counting every draw gives")
{
    for (int N = 1; N <= 9; N++)
        for (int n = 1; n <= N; n++)
            for (int L = 0; L <= N; L++)
                for (int k = 0; k <= n; k++)
                    CHECK_NEAR(imr_hypergeometric_p((size_t)k, (size_t)n, (size_t)L, (size_t)N),
                               naive_p(k, n, L, N), 1e-12);
}

static bool has_word(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at != NULL;
}

/* Gains are made up, so that there are losses. */
static void make_up_gains(imr_audit *a)
{
    static const double gains[] = {-.5, .25, 0, -.5, -.125, .5, .25, -1, 0, .5, .25};
    for (size_t i = 0; i < a->n; i++)
        a->rows[i].number[IMR_AUDIT_GAIN] = gains[i], a->rows[i].number[IMR_AUDIT_RECALLED] = 0;
    a->n_lost = a->n_won = 0;
}

TEST("words of losing queries against winning ones are those a naive count finds")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *a = whole_audit(s, usual);
    make_up_gains(a);
    for (size_t i = 0; i < a->n; i++)
        a->rows[i].pairs[0].query[0] = '\0';
    snprintf(a->rows[0].pairs[0].query, 4, "wa"); /* one pair, in two losing queries */
    snprintf(a->rows[3].pairs[0].query, 4, "wa");
    snprintf(a->rows[0].pairs[0].document, 4, "wr");
    snprintf(a->rows[3].pairs[0].document, 4, "wr");
    a->rows[0].pairs[1].query[0] = a->rows[3].pairs[1].query[0] = '\0';
    CHECK_OK(imr_audit_count_words(a, &err));
    size_t words = 1;
    for (char w[3] = "wa"; w[1] <= 'z'; w[1]++) {
        int n = 0, lost = 0, won = 0;
        double sum = 0;
        for (size_t i = 0; i < a->n; i++)
            if (has_word(imr_audit_query(a, i).text, w)) {
                const double gain = a->rows[i].number[IMR_AUDIT_GAIN];
                n++;
                lost += gain < 0;
                won += gain > 0;
                sum += gain;
            }
        words += n >= 2;
        for (size_t side = 0; n >= 2 && side < 2; side++) {
            const int in = side ? won : lost, of = side ? 5 : 4;
            const imr_audit_word *list = side ? a->won : a->lost, *found = NULL;
            for (size_t i = 0; i < (side ? a->n_won : a->n_lost); i++)
                if (!list[i].document && strcmp(list[i].query, w) == 0)
                    found = &list[i];
            CHECK((found != NULL) == (in > n * of / 11.0));
            if (!found)
                continue;
            CHECK_NEAR(found->sum, sum, 1e-12);
            CHECK_INT(found->queries, n);
            CHECK_INT(side ? found->won : found->lost, in);
            CHECK_NEAR(found->chance, n * of / 11.0, 1e-12);
            CHECK_NEAR(found->p, naive_p(in, n, of, 11), 1e-12);
        }
    }
    CHECK_INT(a->words, words);
    CHECK(a->n_lost >= 2);
    const imr_audit_word *pair = NULL;
    for (size_t i = 0; i < a->n_lost; i++)
        pair = a->lost[i].document ? &a->lost[i] : pair;
    CHECK(pair && pair->lost == 2 && strcmp(pair->document, "wr") == 0);
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
}

static void check_order(const imr_audit *a, const char *sort, const char *filter,
                        const char *expected)
{
    uint32_t order[QUERIES];
    size_t n = 0;
    imr_buf found = {0};
    CHECK_OK(imr_audit_order(order, &n, a, a->n, sort, filter, &err));
    for (size_t i = 0; i < n; i++)
        imr_buf_printf(&found, "%s%s", i ? " " : "", imr_audit_query(a, order[i]).query_id);
    CHECK_STR(imr_buf_text(&found), expected);
    imr_buf_done(&found);
}

TEST("rows are ordered by any column and let through by what happened to them or a text")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *a = whole_audit(s, usual);
    make_up_gains(a);
    a->rows[4].number[IMR_AUDIT_RECALLED] = -1;
    check_order(a, NULL, "lost", "q7 q0 q3 q4");
    check_order(a, "-nDCG@10.difference", "won", "q5 q9 q1 q6 q10");
    check_order(a, "query", "seen", "q1 q2 q3");
    check_order(a, "query", "wa", "q0 q3 q4 q7");
    check_order(a, "query", "lost relevant", "q4");
    check_order(a, "query", "wa -lost relevant", "q0 q3 q7");
    check_order(a, "query", "WA", "");
    uint32_t order[QUERIES];
    size_t n;
    CHECK_INT(imr_audit_order(order, &n, a, a->n, "best", NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "no column is called best; they are query and those of");
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
}

static void unjudged(const char *dir)
{
    corpus(dir);
    unlink(test_path(dir, "qrels/test.tsv"));
    unlink(test_path(dir, "qrels/train.tsv"));
    rmdir(test_path(dir, "qrels"));
}

TEST(
    "without judgements rows go by how much changed, without an adapter there is the encoder alone")
{
    fixture f = start_with(NULL, unjudged);
    imr_session *s = NULL;
    const imr_session_options o = {
        .adapter = f.adapter, .cache = f.cache, .words_later = true, .settings = {.feedback_k = K}};
    CHECK_OK(imr_session_open(&s, &o, NULL, &err));
    imr_audit *a = whole_audit(s, usual);
    uint32_t order[QUERIES];
    size_t n;
    CHECK_INT(a->n, QUERIES);
    CHECK_STR(a->summary.code, "unjudged");
    CHECK_OK(imr_audit_order(order, &n, a, a->n, NULL, NULL, &err));
    CHECK_INT(n, QUERIES);
    for (size_t i = 1; i < n; i++)
        CHECK(a->rows[order[i - 1]].number[IMR_AUDIT_RBO] <=
              a->rows[order[i]].number[IMR_AUDIT_RBO]);
    CHECK(isnan(a->rows[0].number[IMR_AUDIT_GAIN]));
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
    f = start_with(NULL, corpus);
    s = open_with(&f, false);
    a = whole_audit(s, usual);
    CHECK(!a->summary.code && a->n == QUERIES - 1 && a->n_lost == 0);
    CHECK(a->rows[0].number[0] >= 0 && isnan(a->rows[0].number[1]));
    CHECK_STR(imr_audit_document(a, 0), "");
    imr_audit_free(a);
    a = whole_audit(s, (imr_audit_options){.k = 10, .max_queries = 1});
    CHECK_INT(a->n, 1);
    imr_audit_free(a);
    finish(&f, s, NULL, NULL);
}

TEST("a cut-off below the ranking is an error; every allocation of an audit can fail")
{
    fixture f = start_with(NULL, corpus);
    imr_session *s = open_with(&f, true);
    imr_audit *a = NULL;
    imr_audit_options options = {.k = K + 1};
    CHECK_INT(imr_audit_new(&a, s, &options, NULL, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "nDCG@21 needs 21 ranked documents");
    options = (imr_audit_options){.k = 10, .max_queries = 2, .no_words = true};
    imr_audit_free(whole_audit(s, options));
    for (long n = 0, ended = 0; !ended; n++) {
        imr_derived_bytes(f.cache, "audits", true);
        imr_mem_fail_after(n);
        imr_status status = imr_audit_new(&a, s, &options, NULL, &err);
        if (status == IMR_OK)
            status = imr_audit_run(a, NULL, &err);
        ended = imr_mem_count() < n;
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        CHECK(!ended || status == IMR_OK);
        imr_audit_free(a);
        a = NULL;
    }
    finish(&f, s, NULL, NULL);
}

static imr_significance change(size_t n, double low, double high)
{
    return (imr_significance){.n = n,
                              .mean_a = .5,
                              .mean_b = .5 + (low + high) / 2,
                              .difference = (low + high) / 2,
                              .wins = 3,
                              .losses = 2,
                              .has_verdict = true,
                              .low = low,
                              .high = high};
}

TEST("a verdict follows from the intervals, and there is none from too few queries")
{
    const struct {
        imr_significance all, seen, unseen;
        const char *code, *says;
    } cases[] = {
        {change(60, .01, .03), change(30, .02, .05), change(30, .01, .02), "better",
         "so it holds there, too"},
        {change(60, .01, .03), change(30, .02, .05), change(30, -.02, .01), "seen-only",
         "no sign of a gain; the 30 others"},
        {change(60, .01, .03), change(30, .02, .05), change(30, -.02, -.01), "seen-only", "a loss"},
        {change(60, .01, .03), change(50, .02, .05), change(10, .01, .02), "seen-only",
         "Better on documents that training saw, of others not known"},
        {change(60, -.03, -.01), change(30, 0, 0), change(30, .01, .02), "worse",
         "the encoder alone is the better choice"},
        {change(60, -.01, .01), change(30, 0, 0), change(30, -.03, -.01), "worse", "a loss"},
        {change(60, -.01, .01), change(30, 0, 0), change(30, -.01, .01), "no-evidence",
         "a difference of .02 in the mean would have shown"}, /* 31 are needed */
        {change(60, -.03, .03), change(30, 0, 0), change(30, -.01, .01), "no-evidence",
         "to see a difference of .02, about 276 are needed"},
        {change(24, .1, .2), change(0, NAN, NAN), change(24, .1, .2), "too-few",
         "more judged queries"},
    };
    imr_eval e = {
        .queries = 60, .metrics = 1, .has_adapter = true, .has_train = true, .overlap_k = 10};
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        imr_eval_row row[IMR_GROUPS] = {{.from_encoder = cases[i].all},
                                        {.from_encoder = cases[i].seen},
                                        {.from_encoder = cases[i].unseen}};
        imr_eval_summary s = {.row = row};
        CHECK_OK(imr_eval_judge(&s, &e, (imr_metric){IMR_METRIC_NDCG, 10},
                                &(imr_seen){.known = true}, &err));
        CHECK_STR(s.code, cases[i].code);
        CHECK_CONTAINS(s.text, cases[i].says);
        imr_free(s.text);
    }
    imr_eval_row row[IMR_GROUPS] = {{.from_encoder = cases[0].all}};
    imr_eval_summary s = {.row = row};
    e.has_train = false;
    CHECK_OK(imr_eval_judge(&s, &e, (imr_metric){IMR_METRIC_NDCG, 10}, &(imr_seen){.known = false},
                            &err));
    CHECK_STR(s.code, "better");
    CHECK_CONTAINS(s.text, "What it was trained on is not known");
    imr_free(s.text);
}
