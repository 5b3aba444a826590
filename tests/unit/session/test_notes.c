/* Notes: what is kept, what is found broken, and two processes that write at once. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "retrieval/qrels.h"
#include "session/notes.h"
#include "tests/support/test.h"

static imr_trace_document documents[] = {
    {.id = "D1", .title = "one", .rank = {3, 2, 1}},
    {.id = "D2", .title = "two", .rank = {1, 4, 0}},
};

static imr_trace trace_of(const char *query_id, const char *text)
{
    imr_trace t = {.query_id = query_id, .query_text = text, .documents = documents};
    t.n_documents = 2;
    t.settings.feedback_k = 100;
    memset(t.inputs.adapter_sha256, 'a', 64);
    memset(t.inputs.cache_sha256, 'c', 64);
    return t;
}

static imr_notes *read_notes(const char *path)
{
    imr_notes *n;
    imr_error err;
    CHECK_OK(imr_notes_read(&n, path, &err));
    return n;
}

static void add(const char *path, const imr_trace *t, size_t place, imr_verdict v, const char *who,
                const char *why)
{
    imr_error err;
    CHECK_OK(imr_notes_add(path, t, place, v, who, why, &err));
}

static const char *fresh(void)
{
    return test_path(test_tmpdir(), "notes.jsonl");
}

TEST("a record comes back as it was given")
{
    const char *path = fresh();
    const imr_trace t = trace_of("7", "java \"coffee\"");
    imr_clock_freeze(1763640000);
    add(path, &t, 0, IMR_ACCEPT, "anna", "says so, \"line 2\"");
    add(path, &t, 1, IMR_REJECT, "bob", "");
    add(path, &t, SIZE_MAX, IMR_UNSURE, "bob", "two questions in one");
    imr_clock_freeze(-1);
    imr_notes *n = read_notes(path);
    CHECK_INT(n->v.n, 3);
    CHECK(!n->broken && !n->cut);
    const imr_note *a = imr_notes_find(n, "7", "", "D1"), *b = imr_notes_find(n, "7", "", "D2");
    CHECK_STR(a->time, "2025-11-20T12:00:00Z");
    CHECK_STR(a->reviewer, "anna");
    CHECK_STR(a->reason, "says so, \"line 2\"");
    CHECK_STR(a->query, "java \"coffee\"");
    CHECK(a->verdict == IMR_ACCEPT && a->rank[0] == 3 && a->rank[1] == 2 && a->rank[2] == 1);
    CHECK_STR(a->adapter, t.inputs.adapter_sha256);
    CHECK_STR(a->encoder, "");
    CHECK_STR(a->previous, "");
    CHECK(b->verdict == IMR_REJECT && b->rank[2] == 0);
    CHECK(imr_notes_find(n, "7", "", "")->verdict == IMR_UNSURE);
    CHECK(!imr_notes_find(n, "8", "", "D1") && !imr_notes_find(NULL, "7", "", "D1"));
    imr_notes_free(n);
}

TEST("each record holds the hash of the line before, and of the settings as reports have them")
{
    const char *path = fresh();
    const imr_trace t = trace_of("7", "java");
    char hash[IMR_SHA256_HEX];
    imr_error err;
    IMR_AUTOBUF imr_buf settings = {0};
    for (int i = 0; i < 3; i++)
        add(path, &t, 0, IMR_REMARK, "anna", i ? "more" : "first");
    char *text = test_read(path, NULL);
    imr_notes *n = read_notes(path);
    const char *line = text;
    for (size_t i = 0; i < 3; i++) {
        if (i)
            CHECK_STR(n->v.v[i]->previous, hash);
        CHECK_OK(imr_sha256_memory(line, strcspn(line, "\n"), hash, &err));
        line += strcspn(line, "\n") + 1;
    }
    CHECK_STR(n->last, hash);
    imr_trace_settings_json(&settings, &t.settings);
    CHECK_OK(imr_sha256_memory(settings.data, settings.len, hash, &err));
    CHECK_STR(n->v.v[0]->settings, hash);
    imr_notes_free(n);
    free(text);
}

TEST("a query is its id, and one that was typed its text; a note hides no verdict")
{
    const char *path = fresh();
    const imr_trace typed = trace_of("", "java"), cached = trace_of("java", "another text");
    add(path, &typed, 0, IMR_ACCEPT, "anna", "");
    add(path, &cached, 0, IMR_REJECT, "anna", "");
    add(path, &typed, 0, IMR_REMARK, "bob", "see page 3");
    imr_notes *n = read_notes(path);
    const imr_note *newest = imr_notes_find(n, "", "java", "D1");
    CHECK(newest->verdict == IMR_REMARK && newest->earlier->verdict == IMR_ACCEPT);
    CHECK(!newest->earlier->earlier);
    CHECK(imr_note_verdict(newest)->verdict == IMR_ACCEPT);
    CHECK(imr_notes_find(n, "java", "changed", "D1")->verdict == IMR_REJECT);
    imr_notes_free(n);
}

/* The text with one byte of the first line's `what` changed. */
static char *changed(const char *text, const char *what)
{
    char *copy = strdup(text);
    char *at = strstr(copy, what);
    CHECK(at && at < strchr(copy, '\n'));
    at += strlen(what);
    *at = *at == 'b' ? 'c' : *at >= 'a' && *at <= 'z' ? 'b' : *at == '2' ? '3' : '2';
    return copy;
}

TEST("the chain breaks at the line behind a change, in whichever field it is")
{
    static const char *const places[] = {
        "time\":\"",  "reviewer\":\"", "reason\":\"", "id\":\"",      "text\":\"",  "document\":\"",
        "encoder\":", "before\":",     "after\":",    "adapter\":\"", "cache\":\"", "settings\":\"",
    };
    const char *path = fresh();
    const imr_trace t = trace_of("7", "java");
    imr_error err;
    for (int i = 0; i < 3; i++)
        add(path, &t, 0, IMR_ACCEPT, "anna", "good");
    char *text = test_read(path, NULL);
    for (size_t i = 0; i < IMR_LEN(places); i++) {
        imr_notes *n;
        char *other = changed(text, places[i]);
        CHECK_OK(imr_notes_parse(&n, other, strlen(other), "notes", &err));
        CHECK_INT(n->broken, 2);
        CHECK_CONTAINS(n->problem, "does not follow the line before");
        CHECK_INT(n->v.n, 3);
        imr_notes_free(n);
        free(other);
    }
    /* a line taken out, and two that changed places */
    const size_t one = strcspn(text, "\n") + 1, two = one + strcspn(text + one, "\n") + 1;
    char swapped[6000];
    snprintf(swapped, sizeof swapped, "%.*s%s", (int)one, text, text + two);
    imr_notes *n;
    CHECK_OK(imr_notes_parse(&n, swapped, strlen(swapped), "notes", &err));
    CHECK_INT(n->broken, 2);
    imr_notes_free(n);
    CHECK_OK(imr_notes_parse(&n, text + one, strlen(text + one), "notes", &err));
    CHECK_INT(n->broken, 1);
    imr_notes_free(n);
    free(text);
}

TEST("a line that was cut off is told and stays, and the chain goes on over it")
{
    const imr_trace t = trace_of("7", "java");
    imr_error err;
    const char *path = fresh();
    add(path, &t, 0, IMR_ACCEPT, "anna", "good");
    add(path, &t, 1, IMR_REJECT, "anna", "poor");
    size_t len;
    char *text = test_read(path, &len);
    const size_t first = strcspn(text, "\n") + 1;
    for (size_t end = first + 1; end < len - 1; end += 37) {
        CHECK_OK(imr_file_write(path, text, end, &err));
        imr_notes *n = read_notes(path);
        CHECK(n->v.n == 1 && n->cut == 2 && !n->broken);
        imr_notes_free(n);
        add(path, &t, 1, IMR_UNSURE, "anna", "again");
        char *now = test_read(path, NULL);
        CHECK(memcmp(now, text, end) == 0 && now[end] == '\n');
        free(now);
        n = read_notes(path);
        CHECK(n->v.n == 2 && n->cut == 2 && !n->broken);
        CHECK(imr_notes_find(n, "7", "", "D2")->verdict == IMR_UNSURE);
        imr_notes_free(n);
    }
    /* only its end is missing: the record is whole */
    CHECK_OK(imr_file_write(path, text, len - 1, &err));
    add(path, &t, 0, IMR_UNSURE, "anna", "");
    imr_notes *n = read_notes(path);
    CHECK(n->v.n == 3 && !n->cut && !n->broken);
    imr_notes_free(n);
    free(text);
}

TEST("two processes that append 200 records each make one chain of 400")
{
    const char *path = fresh();
    pid_t child[2];
    for (int p = 0; p < 2; p++) {
        child[p] = fork();
        if (child[p] == 0) {
            const imr_trace t = trace_of("7", "java");
            int failed = 0;
            for (int i = 0; i < 200; i++) {
                char why[40];
                snprintf(why, sizeof why, "%d of %d", i, p);
                failed |= imr_notes_add(path, &t, (size_t)(i % 2), IMR_ACCEPT, p ? "anna" : "bob",
                                        why, NULL) != IMR_OK;
            }
            _exit(failed);
        }
    }
    for (int p = 0; p < 2; p++) {
        int status;
        CHECK(waitpid(child[p], &status, 0) == child[p] && status == 0);
    }
    imr_notes *n = read_notes(path);
    CHECK(n->v.n == 400 && !n->broken && !n->cut);
    int next[2] = {0};
    for (size_t i = 0; i < n->v.n; i++) {
        const int p = strcmp(n->v.v[i]->reviewer, "anna") == 0;
        char why[40];
        snprintf(why, sizeof why, "%d of %d", next[p]++, p);
        CHECK_STR(n->v.v[i]->reason, why);
    }
    imr_notes_free(n);
}

TEST("what a record may not be is broken, named, and left out")
{
    static const struct {
        const char *line, *problem;
    } bad[] = {
        {"[1]", "schema"},
        {"{\"schema\":\"imrnn.note/2\"}", "schema is not imrnn.note/1"},
        {"{\"schema\":\"imrnn.note/1\"}", "verdict"},
        {"{\"schema\":\"imrnn.note/1\",\"verdict\":\"accept\",\"time\":7}", "time"},
        {"7", "schema"},
    };
    const char *path = fresh();
    const imr_trace t = trace_of("7", "java");
    imr_error err;
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        imr_notes *n;
        CHECK_OK(imr_notes_parse(&n, bad[i].line, strlen(bad[i].line), "notes", &err));
        CHECK(n->broken == 1 && n->v.n == 0);
        CHECK_CONTAINS(n->problem, bad[i].problem);
        imr_notes_free(n);
    }
    add(path, &t, 0, IMR_ACCEPT, "anna", "good");
    char *text = test_read(path, NULL);
    static const struct {
        const char *from, *to;
    } swaps[] = {
        {"\"accept\"", "\"splendid\""},
        {"\"encoder\":3", "\"encoder\":-3"},
        {"\"encoder\":3", "\"encoder\":\"3\""},
        {"\"time\":\"", "\"time\":\"+"},
        {"\"reviewer\":\"anna\"", "\"reviewer\":\"\""},
        {"\"document\":\"D1\"", "\"document\":{}"},
        {"aaaa", "aaaaa"},
    };
    for (size_t i = 0; i < IMR_LEN(swaps); i++) {
        char line[4000];
        const char *at = strstr(text, swaps[i].from);
        CHECK(at != NULL);
        snprintf(line, sizeof line, "%.*s%s%s", (int)(at - text), text, swaps[i].to,
                 at + strlen(swaps[i].from));
        imr_notes *n;
        CHECK_OK(imr_notes_parse(&n, line, strlen(line), "notes", &err));
        CHECK(n->broken == 1 && n->v.n == 0 && n->problem[0]);
        imr_notes_free(n);
    }
    free(text);
    /* depth, length, bytes that are no text: no record, and no harm */
    char *deep = malloc(3000000);
    memset(deep, '[', 3000000);
    imr_notes *n;
    CHECK_OK(imr_notes_parse(&n, deep, 1000, "notes", &err));
    CHECK_INT(n->v.n, 0);
    CHECK(n->broken == 1 || n->cut == 1);
    imr_notes_free(n);
    memset(deep, ' ', 3000000);
    memcpy(deep, "{\"a\":1", 6);
    deep[2999998] = '}';
    deep[2999999] = '\n';
    CHECK_OK(imr_notes_parse(&n, deep, 3000000, "notes", &err));
    CHECK_INT(n->broken, 1);
    CHECK_CONTAINS(n->problem, "more than 1048576 bytes");
    imr_notes_free(n);
    /* another file, which a record cut off does not begin like, is not taken for a whole chain */
    CHECK_OK(imr_notes_parse(&n, "\xff\xfe\x00\n", 4, "notes", &err));
    CHECK(n->broken == 1 && !n->cut && n->v.n == 0 && n->problem[0]);
    imr_notes_free(n);
    CHECK_OK(imr_notes_parse(&n, "{\"schema\":\"imrnn.no", 19, "notes", &err));
    CHECK(n->cut == 1 && !n->broken && n->v.n == 0);
    imr_notes_free(n);
    free(deep);
}

TEST("no control byte of a record reaches JSON or judgements")
{
    const char *path = fresh();
    const imr_trace t = trace_of("q\033[2J1", "java \033]52;c;AAAA\a coffee");
    imr_error err;
    documents[0].id = "D1\033[31m";
    add(path, &t, 0, IMR_ACCEPT, "an\033na", "red \033[31m, \x9b 2K and \"two\"\nlines");
    documents[0].id = "D1";
    char *text = test_read(path, NULL);
    CHECK(!strchr(text, 033) && strchr(text, '\n') == text + strlen(text) - 1);
    free(text);
    imr_notes *n = read_notes(path);
    CHECK_INT(n->v.n, 1);
    IMR_AUTOBUF imr_buf json = {0}, qrels = {0}, said = {0};
    imr_note_put(&json, n->v.v[0]);
    imr_notes_qrels(&qrels, &said, n);
    CHECK(!strchr(json.data, 033));
    CHECK_CONTAINS(json.data, "\\\"two\\\" lines");
    CHECK_OK(imr_buf_check(&qrels, &err));
    CHECK_INT(qrels.len, 0);
    CHECK_CONTAINS(said.data, "1 verdicts are left out");
    imr_notes_free(n);
}

TEST("judgements: the newest verdict of each document, and who disagrees is named")
{
    const char *path = fresh();
    const imr_trace t = trace_of("7", "java"), typed = trace_of("", "java");
    imr_error err;
    add(path, &t, 0, IMR_REJECT, "anna", "");
    add(path, &t, 0, IMR_ACCEPT, "bob", "");
    add(path, &t, 0, IMR_REMARK, "bob", "a remark");
    add(path, &t, 1, IMR_ACCEPT, "anna", "");
    add(path, &t, 1, IMR_REJECT, "anna", "read it again");
    add(path, &typed, 1, IMR_REJECT, "anna", "");
    add(path, &t, SIZE_MAX, IMR_REJECT, "anna", "");
    documents[1].id = "D 2";
    add(path, &t, 1, IMR_ACCEPT, "anna", "");
    documents[1].id = "D2";
    imr_notes *n = read_notes(path);
    IMR_AUTOBUF imr_buf qrels = {0}, said = {0};
    imr_notes_qrels(&qrels, &said, n);
    CHECK_STR(qrels.data, "7 0 D1 1\n7 0 D2 0\n");
    CHECK_STR(said.data,
              "anna and bob disagree on document D1 of query 7: the newer counts, accept\n"
              "2 verdicts are left out: typed queries have no id, and TREC files no ids with "
              "blanks or controls\n");
    imr_qrels *q;
    CHECK_OK(imr_qrels_parse(&q, qrels.data, qrels.len, "notes", &err));
    CHECK_INT(imr_qrels_grade(q, 0, "D1", NULL), 1);
    imr_qrels_free(q);
    imr_notes_free(n);
    /* unsure takes a judgement back */
    add(path, &t, 0, IMR_UNSURE, "bob", "");
    n = read_notes(path);
    imr_buf_clear(&qrels);
    imr_notes_qrels(&qrels, &said, n);
    CHECK_STR(qrels.data, "7 0 D2 0\n");
    imr_notes_free(n);
}

TEST("a write that fails leaves the file as it was, whichever step fails")
{
    const imr_trace t = trace_of("7", "java");
    const char *path = fresh();
    imr_error err;
    for (int round = 0; round < 2; round++) {
        size_t len = 0;
        char *before = round ? test_read(path, &len) : strdup("");
        long steps = 0;
        for (;; steps++) {
            imr_kept_fail_after(steps, ENOSPC);
            const imr_status status = imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "good", &err);
            imr_kept_fail_after(-1, 0);
            if (status == IMR_OK)
                break;
            CHECK_INT(status, IMR_E_IO);
            CHECK_CONTAINS(err.text, path);
            CHECK(round || !imr_file_exists(path) || steps < 2);
            char *now = imr_file_exists(path) ? test_read(path, NULL) : strdup("");
            CHECK_STR(now, before);
            free(now);
        }
        CHECK_INT(steps, 4); /* open, lock, write, flush */
        free(before);
    }
    /* a disk that is full for real */
    size_t len;
    char *before = test_read(path, &len);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {len + 100, len + 100};
        signal(SIGXFSZ, SIG_IGN);
        const bool failed =
            setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
            imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "good", &err) == IMR_E_IO;
        _exit(!failed);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    char *now = test_read(path, NULL);
    CHECK_STR(now, before);
    free(now);
    free(before);
}

TEST("what cannot be written to says so, and where notes may be kept")
{
    const imr_trace t = trace_of("7", "java");
    imr_error err;
    const char *dir = test_tmpdir(), *path = test_path(dir, "folder");
    CHECK_OK(imr_dir_make(path, &err));
    CHECK_INT(imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "", &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "--notes FILE keeps notes elsewhere");
    path = test_path(dir, "no/such/notes.jsonl");
    CHECK_INT(imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "", &err), IMR_E_IO);
    path = test_path(dir, "link");
    CHECK(symlink("/etc/hostname", path) == 0);
    CHECK_INT(imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "", &err), IMR_E_IO);
    path = test_path(dir, "pipe");
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(imr_notes_add(path, &t, 0, IMR_ACCEPT, "anna", "", &err) != IMR_OK);
    imr_notes *n;
    CHECK(imr_notes_read(&n, path, &err) != IMR_OK);
    path = test_path(dir, "notes.jsonl");
    CHECK_INT(imr_notes_add(path, &t, 0, IMR_REMARK, "anna", "  ", &err), IMR_E_USAGE);
    CHECK_INT(imr_notes_add(path, &t, 0, IMR_ACCEPT, "", "", &err), IMR_E_USAGE);
    CHECK(!imr_file_exists(path));
    n = read_notes(path);
    CHECK_INT(n->v.n, 0);
    CHECK_STR(n->last, "");
    imr_notes_free(n);
}
