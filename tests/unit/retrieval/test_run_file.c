#include "base/mem.h"
#include "retrieval/run_file.h"
#include "support/test.h"

TEST("a run is ordered by score and then by id descending, whatever its rank column says")
{
    imr_error err;
    imr_run *r;
    const char *text = "q2 Q0 b 1 0.5 x\nq1\tQ0\tz\t9\t1\ty\r\n\nq2 Q0 c 2 0.5 x\nq2 Q0 a 3 7e-1 x";
    CHECK_OK(imr_run_parse(&r, text, strlen(text), "f", &err));
    CHECK_INT(imr_run_count(r), 2);
    CHECK_STR(imr_run_at(r, 0).id, "q1");
    imr_run_query q = imr_run_at(r, 1);
    CHECK_INT(q.n, 3);
    CHECK_STR(q.documents[0], "a");
    CHECK_STR(q.documents[1], "c");
    CHECK_STR(q.documents[2], "b");
    CHECK_NEAR(q.scores[0], 0.7, 1e-7);
    const char *const *ids;
    size_t n;
    CHECK(imr_run_ranked(r, "q2", &ids, &n) && n == 3 && strcmp(ids[0], "a") == 0);
    CHECK(imr_run_ranked(r, "q1", &ids, &n) && n == 1);
    CHECK(!imr_run_ranked(r, "q3", &ids, &n));
    CHECK(!imr_run_ranked(r, "", &ids, &n));
    imr_run_free(r);
}

TEST("malformed run files are refused with file and line")
{
    static const char *const wrong[][2] = {
        {"q Q0 d 1 0.5\n", "f:1: expected 6 fields"},
        {"q Q0 d 1 0.5 tag more\n", "f:1: expected 6 fields (query Q0 document rank score tag), "
                                    "found 6 and more"},
        {"q Q0 d 1 0.5 x\nq Q0 e 1 nan x\n", "f:2: the score 'nan' is not a number"},
        {"q Q0 d 1 0.5 x\nq Q0 e 1 1 x\nq Q0 d 2 0.4 x\n",
         "f:3: document 'd' is already ranked for query 'q' in line 1"},
        {"q\tQ0\t\t1\t0.5\tx\n", "f:1: an id is empty"},
        {"q Q0 my notes 1 0.5 x\n", "f:1: expected 6 fields"},
        {"\n\n", "f: no ranking in it"},
        {"", "f: no ranking in it"},
    };
    for (size_t i = 0; i < IMR_LEN(wrong); i++) {
        imr_error err;
        imr_run *r = NULL;
        CHECK_INT(imr_run_parse(&r, wrong[i][0], strlen(wrong[i][0]), "f", &err), IMR_E_FORMAT);
        CHECK(r == NULL);
        CHECK_CONTAINS(err.text, wrong[i][1]);
    }
    imr_error err;
    imr_run *r = NULL;
    CHECK_INT(imr_run_parse(&r, "a\0b", 3, "f", &err), IMR_E_FORMAT);
}

TEST("what is written is read back with the same scores")
{
    imr_error err;
    imr_writer w;
    const char *path = test_path(test_tmpdir(), "run");
    const float scores[] = {0.1f, 0.30000001f, -1e-30f, 3.4e38f};
    CHECK_OK(imr_writer_open(&w, path, &err));
    for (size_t i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%zu", i);
        imr_run_put(&w, "q", id, i + 1, scores[i], "imrnn");
    }
    CHECK_OK(imr_writer_commit(&w, &err));
    imr_run *r;
    CHECK_OK(imr_run_open(&r, path, &err));
    imr_run_query q = imr_run_at(r, 0);
    for (size_t i = 0; i < 4; i++)
        CHECK(q.scores[i] == scores[q.documents[i][1] - '0']);
    imr_run_free(r);
}

TEST("each allocation of the run reader may fail once")
{
    const char *text = "q2 Q0 b 1 0.5 x\nq1 Q0 z 9 1 y\n";
    for (long i = 0;; i++) {
        imr_error err;
        imr_run *r = NULL;
        imr_mem_fail_after(i);
        imr_status status = imr_run_parse(&r, text, strlen(text), "f", &err);
        imr_mem_fail_after(-1);
        imr_run_free(r);
        if (status == IMR_OK)
            break;
        CHECK_INT(status, IMR_E_MEMORY);
    }
}

TEST("ids with blanks are written between tabs and read back")
{
    imr_error err;
    imr_writer w;
    imr_run *r;
    const char *path = test_path(test_tmpdir(), "run");
    CHECK_OK(imr_writer_open(&w, path, &err));
    imr_run_put(&w, "q 1", "my coffee notes", 1, 0.5f, "x");
    imr_run_put(&w, "q 1", "plain", 2, 0.25f, "x");
    imr_run_put(&w, "q2", "plain", 1, 1, "x");
    CHECK_OK(imr_writer_commit(&w, &err));
    char *text = test_read(path, NULL);
    CHECK_STR(text, "q 1\tQ0\tmy coffee notes\t1\t0.5\tx\nq 1\tQ0\tplain\t2\t0.25\tx\n"
                    "q2 Q0 plain 1 1 x\n");
    free(text);
    CHECK_OK(imr_run_open(&r, path, &err));
    CHECK_INT(imr_run_count(r), 2);
    CHECK_STR(imr_run_at(r, 0).id, "q 1");
    CHECK_STR(imr_run_at(r, 0).documents[0], "my coffee notes");
    imr_run_free(r);
    /* As other programs pad their columns. */
    static const char padded[] = "q1 \tQ0\t d1\t1\t0.5\tx\r\n";
    CHECK_OK(imr_run_parse(&r, padded, sizeof padded - 1, "f", &err));
    CHECK_STR(imr_run_at(r, 0).id, "q1");
    CHECK_STR(imr_run_at(r, 0).documents[0], "d1");
    imr_run_free(r);
}
