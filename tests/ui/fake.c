/* tests/ui/fake.c */
#include "fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fake_trace.h"

static const char *const queries[][2] = {
    {"1", "java coffee came from which harbour"},
    {"2", "is javascript the same as java"},
    {"3", "what destroyed the plantations of ceylon"},
    {"4", "tea leaves"},
};

typedef struct job {
    imr_delivery d;
    char *text;
    bool slow;
    struct job *next;
} job;

struct imr_async {
    ui_app *app;
    imr_session_facts facts;
    job *first;
    imr_audit *audit;
    int fds[2];
    bool released, encoder_only, two;
    size_t documents, answered;
    char exported[600], written[600];
    imr_async_progress progress;
};

/* ---- the queue ---- */

static imr_status push(fake *f, imr_delivery d, const char *text, bool slow)
{
    job *j = calloc(1, sizeof *j);
    if (!j)
        abort();
    j->d = d;
    j->slow = slow;
    j->text = text ? strdup(text) : NULL;
    job **end = &f->first;
    while (*end)
        end = &(*end)->next;
    *end = j;
    if (!slow && write(f->fds[1], "x", 1) != 1)
        abort();
    return IMR_OK;
}

static void drop_queries(fake *f, const char *why)
{
    for (job *j = f->first; j; j = j->next)
        if (j->d.kind == IMR_ASYNC_QUERY && j->d.status == IMR_OK) {
            imr_trace_free(j->d.trace);
            j->d.trace = NULL;
            j->d.status = imr_fail(&j->d.error, IMR_E_CANCELLED, "%s", why);
            j->slow = false;
        }
}

imr_status imr_async_query(fake *f, const imr_request *r, imr_error *err)
{
    const char *text = r->text;
    imr_delivery d = {.kind = IMR_ASYNC_QUERY, .serial = r->serial};
    (void)err;
    for (size_t i = 0; r->query_id && i < IMR_LEN(queries); i++)
        if (strcmp(queries[i][0], r->query_id) == 0)
            text = queries[i][1];
    text = text ? text : r->query_id;                  /* one of the audit's */
    drop_queries(f, "a newer request took its place"); /* latest wins */
    if (strncmp(text, "none of", 7) == 0)
        d.status = imr_fail(&d.error, IMR_E_UNSUPPORTED,
                            "no word of the query is known to the encoder: none, of, these");
    else if (strcmp(text, "boom") == 0)
        d.status = imr_fail(&d.error, IMR_E_IO, "cannot read vectors.f32: Input/output error");
    else if (strstr(r->settings.what_if.terms, "without:nothing"))
        d.status = imr_fail(&d.error, IMR_E_USAGE,
                            "what if without 'nothing'? it is no word of the query");
    else
        d.trace = fake_trace(&f->facts, f->documents, r, text);
    return push(f, d, text, strncmp(text, "slow", 4) == 0);
}

imr_status imr_async_detail(fake *f, const imr_trace *t, size_t place, imr_detail_depth depth,
                            imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_DETAIL, .serial = t->serial};
    (void)err;
    d.detail = fake_detail(&f->facts, t, place);
    if (depth == IMR_DETAIL_DELETION)
        fake_leave_out(d.detail);
    if (depth == IMR_DETAIL_WHY_NOT)
        fake_why_not(d.detail);
    return push(f, d, NULL, depth == IMR_DETAIL_WORDS && strncmp(t->query_text, "late", 4) == 0);
}

imr_status imr_async_make(fake *f, imr_async_kind kind, const imr_trace *t, imr_error *err)
{
    imr_delivery d = {.kind = kind, .serial = t ? t->serial : 0};
    (void)err;
    if (kind == IMR_ASYNC_AUDIT) { /* some rows, then the rest, which waits for fake_release */
        f->audit = f->audit ? f->audit : fake_audit(!f->encoder_only);
        d.audit = f->audit;
        d.audit_rows = 12;
        (void)push(f, d, NULL, false);
        d.audit_rows = f->audit->n;
        d.audit_ended = true;
        return push(f, d, NULL, true);
    }
    if (kind == IMR_ASYNC_QUALITY)
        d.quality = fake_quality();
    else if (kind == IMR_ASYNC_MAP &&
             (d.status = imr_map_make(&d.map, &t->run, &d.error)) == IMR_OK)
        d.map->serial = t->serial;
    return push(f, d, NULL, false);
}

imr_status imr_async_compare(fake *f, const imr_trace *t, const size_t place[2], imr_error *err)
{
    (void)err;
    (void)push(f,
               (imr_delivery){.kind = IMR_ASYNC_COMPARE,
                              .serial = t->serial,
                              .comparison = fake_comparison(&f->facts, t, place)},
               NULL, strncmp(t->query_text, "late", 4) == 0);
    return IMR_OK;
}

imr_status imr_async_suggest(fake *f, const char *text, uint64_t serial, imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_SUGGEST, .serial = serial};
    (void)err;
    d.suggestions = IMR_NEW_ARRAY(imr_suggestion, IMR_LEN(queries));
    for (size_t i = 0; i < IMR_LEN(queries); i++)
        if (strstr(queries[i][1], text))
            d.suggestions[d.n_suggestions++] = (imr_suggestion){queries[i][0], queries[i][1]};
    return push(f, d, NULL, false);
}

/* A name with "there" in it exists, the disk is full for one with "full". */
imr_status imr_async_export(fake *f, const imr_trace *t, const imr_export *e, imr_error *err)
{
    for (job *j = f->first; !e && j; j = j->next)
        if (j->d.kind == IMR_ASYNC_EXPORT) {
            j->d.status = imr_fail(&j->d.error, IMR_E_CANCELLED, "cancelled");
            j->slow = false;
        }
    if (!e)
        return IMR_OK;
    imr_delivery d = {.kind = e->path ? IMR_ASYNC_EXPORT : IMR_ASYNC_SIZE,
                      .serial = t ? t->serial : 0};
    size_t n = 0;
    uint32_t rows[100];
    d.audit_rows = t ? 0 : f->released ? f->audit->n : 12;
    if (!t && imr_audit_order(rows, &n, f->audit, d.audit_rows, e->sort, e->filter, err) != IMR_OK)
        return err->status;
    for (size_t i = 0; t && i < t->n_documents + t->n_left; i++)
        n += e->printed[i];
    imr_free(e->printed);
    d.bytes = 1234 * n;
    if (e->path && strstr(e->path, "there") && !e->replace) {
        d.exists = true;
        d.status = imr_fail(&d.error, IMR_E_IO, "%s exists; --overwrite replaces it", e->path);
    } else if (e->path && strstr(e->path, "full")) {
        d.status =
            imr_fail(&d.error, IMR_E_IO, "cannot write %s: No space left on device", e->path);
    } else if (e->path) {
        snprintf(f->exported, sizeof f->exported, "%s%s of %zu to %s%s",
                 !t       ? "audit "
                 : e->two ? "compared "
                          : "",
                 e->format, n, e->path, e->replace ? ", replaced" : "");
        d.path = imr_strdup(e->path);
    }
    return push(f, d, NULL, e->path ? strstr(e->path, "slow") != NULL : false);
}

imr_status imr_async_write(fake *f, const char *path, const void *bytes, size_t n, imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_WRITE};
    (void)err;
    (void)bytes;
    snprintf(f->written, sizeof f->written, "%zu %s", n, path);
    d.path = imr_strdup(path);
    return push(f, d, NULL, false);
}

/* For real, in a file of the test's own; "-": one that cannot be written. */
imr_status imr_async_notes(fake *f, const char *path, const imr_trace *t, size_t place,
                           imr_verdict verdict, const char *reviewer, const char *reason,
                           imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_NOTES, .serial = t ? t->serial : 0};
    (void)err;
    d.status = t && *path == '-'
                   ? imr_fail(&d.error, IMR_E_IO, "cannot write notes.jsonl: Permission denied")
               : t ? imr_notes_add(path, t, place, verdict, reviewer, reason, &d.error)
                   : IMR_OK;
    if (d.status == IMR_OK)
        d.status = imr_notes_read(&d.notes, path, &d.error);
    d.path = imr_strdup(d.status == IMR_OK ? "notes.jsonl" : reason);
    return push(f, d, NULL, false);
}

void imr_async_cancel(fake *f)
{
    drop_queries(f, "cancelled");
    for (job *j = f->first; j; j = j->next)
        if (j->d.kind == IMR_ASYNC_AUDIT && j->slow) {
            j->d.status = imr_fail(&j->d.error, IMR_E_CANCELLED, "cancelled");
            j->d.audit_rows = 12;
            j->d.audit_ended = j->slow = false;
        }
    if (write(f->fds[1], "x", 1) != 1)
        abort();
}

int imr_async_fd(const fake *f)
{
    return f->fds[0];
}

static void swap_names(imr_session_facts *f)
{
    const char *name = f->adapter_name;
    f->adapter_name = f->other_name;
    f->other_name = name;
    f->second = !f->second;
    f->inputs.adapter_path = f->second ? "adapters/paper.pt" : "adapters/minilm.pt";
}

void imr_async_reap(fake *f)
{
    char drain[64];
    while (read(f->fds[0], drain, sizeof drain) > 0) {
    }
    for (job **at = &f->first; *at;) {
        job *j = *at;
        if (j->slow && !f->released) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        f->answered++;
        ui_app_deliver(f->app, &j->d);
        if (j->d.kind == IMR_ASYNC_SWAP) {
            swap_names(&f->facts);
            ui_app_opened(f->app, (imr_session *)f, &f->facts);
        }
        free(j->text);
        free(j);
        at = &f->first; /* delivering may have queued more */
    }
}

int imr_async_pending(fake *f)
{
    int n = 0;
    for (const job *j = f->first; j; j = j->next)
        n++;
    return n;
}

bool imr_async_idle(fake *f)
{
    return imr_async_pending(f) == 0;
}

bool imr_async_progress_of(fake *f, imr_async_progress *out)
{
    *out = f->progress;
    return f->progress.total != 0;
}

imr_suggestion imr_session_query(const imr_session *session, size_t i)
{
    (void)session;
    return (imr_suggestion){queries[i][0], queries[i][1]};
}

fake *fake_new(ui_app *app)
{
    fake *f = calloc(1, sizeof *f);
    if (!f || pipe(f->fds) != 0)
        abort();
    fcntl(f->fds[0], F_SETFL, O_NONBLOCK);
    f->app = app;
    f->documents = 100;
    return f;
}

void fake_free(fake *f)
{
    fake_audit_free(f->audit);
    while (f->first) {
        job *j = f->first;
        f->first = j->next;
        imr_trace_free(j->d.trace);
        imr_detail_free(j->d.detail);
        imr_comparison_free(j->d.comparison);
        imr_notes_free(j->d.notes);
        imr_free(j->d.suggestions);
        imr_free(j->d.path);
        free(j->text);
        free(j);
    }
    close(f->fds[0]);
    close(f->fds[1]);
    free(f);
}

void fake_open(fake *f, bool encoder, bool tokens_too, bool texts)
{
    f->facts = (imr_session_facts){
        .dataset_name = "scifact",
        .adapter_name = f->encoder_only ? "" : "minilm",
        .encoder_name = "minilm",
        .other_name = f->two ? "paper" : "",
        .documents = 5183,
        .queries = IMR_LEN(queries),
        .has_encoder = encoder,
        .has_tokens = tokens_too,
        .has_texts = texts,
        .encoder_problem = encoder ? ""
                                   : "The encoder minilm is not on this machine: cached "
                                     "queries work, typed ones need it (--encoder FOLDER).",
        .tokens_notice = "",
        .cache_notice = "",
        .tokens_problem = tokens_too ? ""
                                     : "No token table: changes cannot be said in words "
                                       "(--token-table FOLDER).",
        .inputs = {.cache_path = "cache",
                   .adapter_path = f->two ? "adapters/minilm.pt" : "",
                   .adapter_form = f->encoder_only ? "" : "mean",
                   .adapter_form_from = "metadata",
                   .table_name = tokens_too ? "context" : "",
                   .table_rows = 30522,
                   .lens = {0.43, 0.01, 0.8, 200},
                   .others = {{"input", 30522, {0.15, 0.01, 0.6, 200}}},
                   .n_others = 1}};
    ui_app_opened(f->app, (imr_session *)f, &f->facts);
}

void fake_two(fake *f)
{
    f->two = true;
}

void fake_encoder_only(fake *f)
{
    f->encoder_only = true;
}

void fake_progress(fake *f, const imr_async_progress *progress)
{
    f->progress = *progress;
}

void fake_stop_open(fake *f)
{
    imr_delivery d = {.kind = IMR_ASYNC_OPEN};
    d.status = imr_fail(&d.error, IMR_E_CANCELLED, "stopped after 512 of 30522");
    ui_app_deliver(f->app, &d);
}

void fake_fail_open(fake *f)
{
    imr_delivery d = {.kind = IMR_ASYNC_OPEN};
    d.status =
        imr_fail(&d.error, IMR_E_SHAPE,
                 "adapter imrnns-e5-nq.pt expects vectors of 1024, the cache holds 384: open "
                 "it with a cache of its own encoder");
    ui_app_deliver(f->app, &d);
}

void fake_release(fake *f)
{
    f->released = true;
    if (write(f->fds[1], "x", 1) != 1)
        abort();
}

void fake_hold(fake *f)
{
    f->released = false;
}

void fake_documents(fake *f, size_t n)
{
    f->documents = n;
}

size_t fake_answered(const fake *f)
{
    return f->answered;
}

const char *fake_exported(const fake *f)
{
    return f->exported;
}

const char *fake_written(const fake *f)
{
    return f->written;
}
