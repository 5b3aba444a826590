/* The session on the worker thread, as the explorer uses it. Also run under ThreadSanitizer. */
#include "adapter/adapter.h"
#include "session/async.h"
#include "report/report.h"
#include "tests/support/test.h"

#include <poll.h>

typedef struct seen {
    int delivered[IMR_ASYNC_AHEAD + 1], failed[IMR_ASYNC_AHEAD + 1], cancelled[IMR_ASYNC_AHEAD + 1];
    imr_session *session;
    imr_trace *trace; /* the last one */
    imr_detail *detail;
    char path[1024];
    char error[IMR_ERROR_TEXT];
    uint64_t bytes;
    bool exists;
    size_t suggestions, notes; /* the most delivered: at the end the running job's come last */
    bool stages, judged;       /* of a map, of a quality */
    char compared[600];        /* what the last comparison says */
    size_t rows;               /* of the audit */
    bool ended;
    char adapter[IMR_SHA256_HEX]; /* whose it is */
} seen;

static void deliver(void *user, const imr_delivery *d)
{
    seen *s = user;
    s->notes = d->notes && d->notes->v.n > s->notes ? d->notes->v.n : s->notes;
    imr_notes_free(d->notes);
    s->delivered[d->kind]++;
    s->cancelled[d->kind] += d->status == IMR_E_CANCELLED;
    if (d->status != IMR_OK && d->status != IMR_E_CANCELLED) {
        s->failed[d->kind]++;
        snprintf(s->error, sizeof s->error, "%s", d->error.text);
    }
    if (d->session)
        s->session = d->session;
    if (d->trace) {
        imr_trace_free(s->trace);
        s->trace = d->trace;
    }
    if (d->detail) {
        imr_detail_free(s->detail);
        s->detail = d->detail;
    }
    if (d->audit) {
        CHECK(d->audit_rows >= s->rows || d->audit_rows == 0 || s->ended);
        s->rows = d->audit_rows;
        s->ended = d->audit_ended;
        snprintf(s->adapter, sizeof s->adapter, "%s", d->audit->adapter->sha256);
    }
    s->stages = d->map ? d->map->stage[IMR_STAGE_AFTER].at != NULL : s->stages;
    imr_free(d->map);
    s->judged = d->quality ? d->quality->judged : s->judged;
    imr_quality_free(d->quality);
    if (d->comparison)
        snprintf(s->compared, sizeof s->compared, "%s", d->comparison->why.sentence);
    imr_comparison_free(d->comparison);
    if (d->path)
        snprintf(s->path, sizeof s->path, "%s", d->path);
    free(d->path);
    if (d->kind == IMR_ASYNC_EXPORT || d->kind == IMR_ASYNC_SIZE) {
        s->bytes = d->bytes;
        s->exists = d->exists;
    }
    s->suggestions += d->n_suggestions;
    free(d->suggestions);
}

static void drain(imr_async *j)
{
    while (imr_async_pending(j) > 0) {
        struct pollfd p = {imr_async_fd(j), POLLIN, 0};
        poll(&p, 1, 1000);
        imr_async_reap(j);
    }
}

static imr_async *start_with(seen *s, const char *other)
{
    imr_error err;
    imr_async *j;
    char adapter[1024], cache[1024], dataset[1024];
    snprintf(adapter, sizeof adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    snprintf(cache, sizeof cache, "%s", test_golden("cache"));
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    const imr_session_options o = {
        .adapter = adapter, .other = other, .cache = cache, .dataset = dataset};
    CHECK_OK(imr_async_new(&j, deliver, s, &err));
    CHECK_OK(imr_async_open(j, &o, &err));
    drain(j);
    CHECK(s->session != NULL);
    return j;
}

static imr_async *start(seen *s)
{
    return start_with(s, NULL);
}

static void finish(imr_async *j, seen *s)
{
    imr_async_free(j);
    imr_trace_free(s->trace);
    imr_detail_free(s->detail);
}

static imr_status render(imr_session *s, const imr_trace *t, const imr_export *e,
                         const imr_comparison *compared, const imr_progress *progress, imr_buf *out,
                         imr_error *err)
{
    IMR_CLEANUP(imr_details_done) imr_details details = {0};
    IMR_TRY(imr_session_details(s, t, e->printed, &(imr_details_ask){.all = true}, progress,
                                &details, err));
    const imr_report_context context = {
        .details = &details, .compare = compared, .printed = e->printed};
    return imr_report_render(t, e->format, &context, out, err);
}

static void export_to(imr_async *j, const imr_trace *t, const char *path, bool replace, bool two)
{
    imr_error err;
    const imr_export e = {.format = "json",
                          .path = path,
                          .replace = replace,
                          .two = two,
                          .compared = {4, 1},
                          .printed = IMR_NEW_ARRAY(bool, t->n_documents + t->n_left),
                          .render = render};
    CHECK_OK(imr_async_export(j, t, &e, &err));
}

TEST("of many queries typed quickly every one is answered or replaced and the last one wins")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    static const char *const ids[] = {"q00", "q01", "q02", "q03", "q04", "q05"};
    for (uint64_t i = 0; i < 60; i++) {
        const imr_request request = {.query_id = ids[i % 6], .serial = i};
        CHECK_OK(imr_async_query(j, &request, &err));
        if (i % 7 == 0)
            imr_async_reap(j);
    }
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_QUERY], 60);
    CHECK_INT(s.failed[IMR_ASYNC_QUERY], 0);
    CHECK(s.trace != NULL);
    CHECK_INT(s.trace->serial, 59);
    CHECK_STR(s.trace->query_id, "q05");
    finish(j, &s);
}

TEST("details, suggestions and exports arrive, and say what went wrong")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    const imr_request request = {.query_id = "q02", .serial = 1};
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK_OK(imr_async_detail(j, s.trace, 3, IMR_DETAIL_WORDS, &err));
    CHECK_OK(imr_async_suggest(j, "midin", 2, &err));
    const char *path = test_path(test_tmpdir(), "report.json");
    export_to(j, s.trace, path, false, false);
    drain(j);
    CHECK(s.detail != NULL && s.detail->text[0] != '\0');
    CHECK_STR(s.detail->document_id, s.trace->documents[3].id);
    CHECK(s.suggestions > 0);
    CHECK_STR(s.path, path);
    char *text = test_read(path, NULL);
    CHECK_CONTAINS(text, "imrnn.explanation/1");
    CHECK(!strstr(text, "\"compare\":{"));
    CHECK_INT(s.bytes, strlen(text));
    free(text);
    export_to(j, s.trace, path, false, true); /* it exists */
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_EXPORT], 1);
    CHECK(s.exists);
    export_to(j, s.trace, NULL, false, false); /* it is only measured */
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_SIZE], 1);
    text = test_read(path, NULL);
    CHECK_INT(s.bytes, strlen(text));
    free(text);
    export_to(j, s.trace, path, true, true);
    drain(j);
    text = test_read(path, NULL);
    CHECK_CONTAINS(text, "\"compare\":{");
    free(text);
    export_to(j, s.trace, "/nonexistent/folder/x.json", false, false);
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_EXPORT], 2);
    CHECK(!s.exists);
    CHECK_CONTAINS(s.error, "/nonexistent/folder/x.json");
    for (int i = 0; i < 5; i++) {
        export_to(j, s.trace, path, true, false);
        CHECK_OK(imr_async_export(j, NULL, NULL, &err)); /* not any more */
    }
    drain(j);
    CHECK(s.cancelled[IMR_ASYNC_EXPORT] >= 1);
    finish(j, &s);
}

TEST("the map of a trace and what the adapter is worth arrive; a query cancels the latter")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    const imr_request request = {.query_id = "q02", .serial = 4};
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_MAP, s.trace, &err));
    CHECK_OK(imr_async_make(j, IMR_ASYNC_QUALITY, NULL, &err));
    drain(j);
    CHECK(s.stages && s.judged);
    for (int i = 0; i < 5; i++) {
        CHECK_OK(imr_async_make(j, IMR_ASYNC_QUALITY, NULL, &err));
        CHECK_OK(imr_async_query(j, &request, &err));
    }
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_QUALITY], 6);
    CHECK(s.cancelled[IMR_ASYNC_QUALITY] >= 1);
    CHECK_INT(s.failed[IMR_ASYNC_QUALITY] + s.failed[IMR_ASYNC_MAP], 0);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_QUALITY, NULL, &err));
    finish(j, &s); /* while it works */
}

TEST("a ranking is followed by the detail of the selected document, and that comes once")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    imr_request request = {.query_id = "q02", .serial = 1};
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_DETAIL], 1);
    CHECK_STR(s.detail->document_id, s.trace->documents[0].id);
    char selected[64];
    snprintf(selected, sizeof selected, "%s", s.trace->documents[5].id);
    request.selected = selected;
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_DETAIL], 2);
    CHECK_STR(s.detail->document_id, selected);
    imr_trace *shared = imr_trace_share(s.trace); /* freed by its first owner while it is needed */
    for (int i = 0; i < 20; i++)
        CHECK_OK(imr_async_detail(j, shared, (size_t)i, IMR_DETAIL_WORDS, &err));
    for (int i = 0; i < 3; i++) /* on its way already, or made already */
        CHECK_OK(imr_async_detail(j, shared, 19, IMR_DETAIL_WORDS, &err));
    imr_trace_free(shared);
    drain(j);
    CHECK_STR(s.detail->document_id, s.trace->documents[19].id);
    CHECK(s.delivered[IMR_ASYNC_DETAIL] >= 3 && s.delivered[IMR_ASYNC_DETAIL] <= 25);
    CHECK_OK(imr_async_detail(j, s.trace, 2, IMR_DETAIL_DELETION,
                              &err)); /* without an encoder: as it was */
    drain(j);
    CHECK_STR(s.detail->document_id, s.trace->documents[2].id);
    finish(j, &s);
}

TEST("bytes are written whole, or the reason is said")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    const char *path = test_path(test_tmpdir(), "clip.txt");
    char bytes[] = "one\ttwo\n";
    CHECK_OK(imr_async_write(j, path, bytes, sizeof bytes - 1, &err));
    memset(bytes, 'x', sizeof bytes - 1); /* they were copied */
    drain(j);
    char *text = test_read(path, NULL);
    CHECK_STR(text, "one\ttwo\n");
    free(text);
    CHECK_OK(imr_async_write(j, "/nonexistent/folder/x", "y", 1, &err));
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_WRITE], 1);
    CHECK_CONTAINS(s.error, "/nonexistent/folder/x");
    finish(j, &s);
}

TEST("opening a second set while queries run leaves no one with a closed session")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    imr_session *before = s.session;
    const imr_session_options o = {.adapter = test_golden("tiny/adapter-v1.pt"),
                                   .cache = test_golden("cache")};
    const imr_request request = {.query_id = "q01", .serial = 9};
    CHECK_OK(imr_async_query(j, &request, &err));
    CHECK_OK(imr_async_open(j, &o, &err));
    CHECK_INT(imr_session_facts_of(before)->documents, 120); /* until the new one is delivered */
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_OPEN], 2);
    CHECK_INT(s.failed[IMR_ASYNC_QUERY], 0);
    CHECK(s.trace != NULL);
    finish(j, &s);
}

TEST("jobs can be freed while they work")
{
    imr_error err;
    for (int i = 0; i < 5; i++) {
        seen s = {0};
        imr_async *j = start(&s);
        const imr_request request = {.query_id = "q03", .serial = 1};
        CHECK_OK(imr_async_query(j, &request, &err));
        if (i % 2)
            imr_async_cancel(j);
        finish(j, &s);
    }
}

TEST("words follow the session by themselves, and stand back for every query")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    for (uint64_t i = 0; i < 200 || s.delivered[IMR_ASYNC_WORDS] == 0; i++) {
        const imr_request request = {.query_id = i % 2 ? "q00" : "q01", .serial = i};
        if (i < 200)
            CHECK_OK(imr_async_query(j, &request, &err));
        struct pollfd p = {imr_async_fd(j), POLLIN, 0};
        poll(&p, 1, i < 200 ? 0 : 1000);
        imr_async_reap(j);
    }
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_QUERY], 200);
    CHECK_INT(s.trace->serial, 199);
    CHECK_INT(s.failed[IMR_ASYNC_WORDS] + s.cancelled[IMR_ASYNC_WORDS], 0);
    CHECK(!imr_session_facts_of(s.session)->words_coming);
    finish(j, &s);
}

TEST("an audit hands over its rows, stands back for every query, stops when told to and goes on")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err)); /* it is on its way */
    for (uint64_t i = 0; i < 100; i++) {
        const imr_request request = {.query_id = i % 2 ? "q00" : "q01", .serial = i};
        CHECK_OK(imr_async_query(j, &request, &err));
        imr_async_reap(j);
    }
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_QUERY], 100);
    CHECK_INT(s.trace->serial, 99);
    CHECK_INT(s.failed[IMR_ASYNC_AUDIT] + s.cancelled[IMR_ASYNC_AUDIT], 0);
    CHECK(s.ended && s.rows > 3);
    const size_t all = s.rows;
    s.rows = 0;
    s.ended = false;
    CHECK_OK(imr_async_open(j,
                            &(imr_session_options){.adapter = test_golden("tiny/adapter-v1.pt"),
                                                   .cache = test_golden("cache")},
                            &err));
    drain(j);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    imr_async_cancel(j);
    drain(j);
    CHECK_INT(s.cancelled[IMR_ASYNC_AUDIT], 1);
    CHECK(!s.ended);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    drain(j);
    CHECK(s.ended);
    CHECK_INT(s.rows, all);
    finish(j, &s);
}

static imr_status render_audit(IMR_UNUSED imr_session *s, IMR_UNUSED const imr_trace *t,
                               const imr_export *e, IMR_UNUSED const imr_comparison *compared,
                               IMR_UNUSED const imr_progress *progress, imr_buf *out,
                               IMR_UNUSED imr_error *err)
{
    imr_buf_printf(out, "%s %s: %zu of %zu, %s", e->sort, e->filter, e->audit->eval->queries,
                   e->audit->n, e->audit->summary.text);
    return IMR_OK;
}

TEST("an audit is exported as far as it is, again and again, and runs on")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start(&s);
    imr_export e = {.format = "text", .sort = "query", .filter = "won", .render = render_audit};
    CHECK_OK(imr_async_export(j, NULL, &e, &err));
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_SIZE], 1); /* nobody asked for one */
    CHECK_CONTAINS(s.error, "there is no audit to export yet");
    for (int i = 0; i < 5; i++) { /* each has it stand back */
        CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
        CHECK_OK(imr_async_export(j, NULL, &e, &err));
        struct pollfd p = {imr_async_fd(j), POLLIN, 0};
        poll(&p, 1, 1000);
        imr_async_reap(j);
    }
    drain(j);
    CHECK(s.ended);
    CHECK_INT(s.failed[IMR_ASYNC_AUDIT] + s.cancelled[IMR_ASYNC_AUDIT], 0);
    e.path = test_path(test_tmpdir(), "audit.txt");
    CHECK_OK(imr_async_export(j, NULL, &e, &err));
    drain(j);
    char *text = test_read(s.path, NULL), expected[80];
    snprintf(expected, sizeof expected, "query won: %zu of %zu, ", s.rows, s.rows);
    CHECK_CONTAINS(text, expected);
    free(text);
    finish(j, &s);
}

TEST("each of two adapters has an audit of its own")
{
    imr_error err;
    seen s = {0};
    imr_async *j = start_with(&s, test_golden("tiny/adapter-fp16.pt"));
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    drain(j);
    char first[IMR_SHA256_HEX];
    snprintf(first, sizeof first, "%s", s.adapter);
    CHECK(s.ended && first[0]);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    CHECK_OK(imr_async_make(j, IMR_ASYNC_SWAP, NULL, &err));
    drain(j);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
    drain(j);
    CHECK(s.ended && strcmp(first, s.adapter) != 0);
    for (int i = 0; i < 40; i++) { /* what is handed over is never one that is gone */
        CHECK_OK(imr_async_make(j, IMR_ASYNC_AUDIT, NULL, &err));
        CHECK_OK(imr_async_make(j, IMR_ASYNC_SWAP, NULL, &err));
        CHECK_OK(imr_async_query(j, &(imr_request){.query_id = "q01", .serial = 1}, &err));
        if (i % 3 == 0)
            imr_async_reap(j);
    }
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_AUDIT], 0);
    finish(j, &s);
}

TEST("verdicts are written in spite of being cancelled, and of the jobs' end")
{
    imr_error err;
    seen s = {0};
    char path[1024], nowhere[1024];
    snprintf(path, sizeof path, "%s", test_path(test_tmpdir(), "notes.jsonl"));
    snprintf(nowhere, sizeof nowhere, "%s", test_path(test_tmpdir(), "no/notes.jsonl"));
    imr_async *j = start(&s);
    CHECK_OK(imr_async_notes(j, path, NULL, 0, IMR_ACCEPT, NULL, NULL, &err));
    CHECK_OK(imr_async_query(j, &(imr_request){.query_id = "q00", .serial = 7}, &err));
    drain(j);
    CHECK(s.trace != NULL && s.delivered[IMR_ASYNC_NOTES] == 1 && s.notes == 0);
    for (size_t i = 0; i < 5; i++)
        CHECK_OK(imr_async_notes(j, path, s.trace, i, IMR_REJECT, "anna", "why", &err));
    imr_async_cancel(j);
    drain(j);
    CHECK(s.delivered[IMR_ASYNC_NOTES] == 6 && s.notes == 5 && !s.failed[IMR_ASYNC_NOTES]);
    CHECK_STR(s.path, path);
    /* one that fails gives its reason back */
    CHECK_OK(imr_async_notes(j, nowhere, s.trace, 0, IMR_UNSURE, "anna", "not lost", &err));
    drain(j);
    CHECK(s.failed[IMR_ASYNC_NOTES] == 1);
    CHECK_STR(s.path, "not lost");
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(imr_async_notes(j, path, s.trace, SIZE_MAX, IMR_UNSURE, "anna", "", &err));
    finish(j, &s);
    CHECK(s.delivered[IMR_ASYNC_NOTES] == 10 && s.notes == 8);
}

TEST("two adapters swap: queries, details and comparisons go on, each of its own session")
{
    imr_error err;
    seen s = {0};
    imr_adapter *b = NULL;
    const char *path = test_path(test_tmpdir(), "b.pt");
    CHECK_OK(imr_adapter_new(&b, IMR_FORM_MEAN, 48, 16, 8, 7, &err));
    CHECK_OK(imr_adapter_save(b, path, NULL, 0, &err));
    imr_adapter_free(b);
    imr_async *j = start_with(&s, path);
    const imr_session *first = s.session;
    const imr_request request = {.query_id = "q02", .serial = 1};
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    imr_trace *old = imr_trace_share(s.trace);
    CHECK(old->beside && !old->second);
    CHECK_OK(imr_async_make(j, IMR_ASYNC_SWAP, NULL, &err));
    CHECK_OK(imr_async_detail(j, old, 2, IMR_DETAIL_WORDS, &err)); /* asked before it swapped */
    drain(j);
    CHECK_INT(s.delivered[IMR_ASYNC_SWAP], 1);
    CHECK(s.session != first && imr_session_facts_of(s.session)->second);
    CHECK_INT(s.failed[IMR_ASYNC_DETAIL], 0);
    CHECK_STR(s.detail->document_id, old->documents[2].id);
    CHECK_OK(imr_async_query(j, &request, &err));
    drain(j);
    CHECK(s.trace->second && s.trace->beside);
    CHECK_STR(s.trace->documents[0].id, old->beside->documents[0].id);
    size_t place = 0, none = SIZE_MAX;
    for (size_t i = s.trace->n_documents; i-- > 0;) {
        if (s.trace->documents[i].rank_beside)
            place = i;
        else
            none = i;
    }
    CHECK_OK(imr_async_compare(j, s.trace, (const size_t[2]){place, place}, &err));
    drain(j);
    CHECK_INT(s.failed[IMR_ASYNC_COMPARE], 0);
    CHECK_CONTAINS(s.compared, "Under the adapters A and B it is ");
    if (none != SIZE_MAX) {
        CHECK_OK(imr_async_compare(j, s.trace, (const size_t[2]){none, none}, &err));
        drain(j);
        CHECK_CONTAINS(s.error, " listed for A: there is nothing to compare");
    }
    CHECK_OK(imr_async_make(j, IMR_ASYNC_SWAP, NULL, &err));
    CHECK_OK(imr_async_make(j, IMR_ASYNC_SWAP, NULL, &err)); /* none is lost */
    drain(j);
    CHECK(s.session != first);
    imr_trace_free(old);
    finish(j, &s);
}
