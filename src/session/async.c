#include "session/async.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/worker.h"
#include "session/internal.h"

struct imr_async {
    imr_worker *worker;
    imr_session *session; /* the worker's; a new one takes its place there, between two jobs */
    imr_deliver_fn deliver;
    void *user;
    pthread_mutex_t lock;        /* guards progress */
    imr_async_progress progress; /* what "": nothing is known */
    double began;                /* of the step in `progress`, with `first` done */
    uint64_t first;
    uint64_t wanted; /* lock: the trace whose detail is on its way, 0: none */
    size_t wanted_place;
    atomic_int ahead; /* jobs that nobody waits for: AHEAD and WORDS */
    bool words;       /* the owner's: there is a WORDS */
    bool closing;     /* results are freed instead of delivered */
};

typedef struct call {
    imr_job job; /* first: a call is a job */
    imr_async *jobs;
    imr_delivery delivery;
    imr_arena *arena;            /* of the texts */
    imr_session_options options; /* OPEN */
    imr_request request;         /* QUERY */
    const char *pinned;          /* of it */
    imr_trace *trace;            /* DETAIL, MAP, COMPARE, EXPORT, AHEAD: shared */
    size_t place, other;         /* other: COMPARE */
    imr_detail_depth depth;      /* DETAIL */
    imr_render_fn render;        /* EXPORT */
    const char *format, *text;
    size_t text_len;      /* WRITE */
    char *path;           /* EXPORT, WRITE: delivered when it is written */
    imr_worker *worker;   /* while running, */
    double quiet_until;   /* then progress is shown */
    bool more;            /* WORDS */
    imr_session *retired; /* OPEN: the session before; the owner may look at it until delivery */
} call;

enum { SUGGESTIONS = 50, REPORTED = 10 };
/* Of a query only what takes long is told: neither bars nor wake-ups for a key's 50 ms. */
#define SLOW_SECONDS 0.3
/* Nobody waits for words: now and then is enough, and each time is a frame. */
#define TOLD_SECONDS 0.1

static imr_status call_new(call **out, imr_async *j, imr_async_kind kind, uint64_t serial,
                           imr_error *err);

static void call_free(call *c)
{
    imr_arena_free(c->arena);
    imr_trace_free(c->trace);
    imr_free(c->path);
    imr_free(c);
}

static void show_progress(imr_async *j, const imr_progress_info *info, double now)
{
    imr_async_progress *p = &j->progress;
    pthread_mutex_lock(&j->lock);
    if (strncmp(p->what, info->what, sizeof p->what - 1) != 0) {
        j->began = now;
        j->first = info->done;
    }
    snprintf(p->what, sizeof p->what, "%s", info->what);
    p->done = info->done;
    p->total = info->total;
    p->rate = now > j->began && info->done > j->first
                  ? (double)(info->done - j->first) / (now - j->began)
                  : 0;
    pthread_mutex_unlock(&j->lock);
    imr_worker_wake(j->worker);
}

static bool on_progress(void *user, const imr_progress_info *info)
{
    call *c = user;
    const double now = imr_clock_seconds();
    if (now >= c->quiet_until) {
        show_progress(c->jobs, info, now);
        if (c->delivery.kind == IMR_ASYNC_WORDS)
            c->quiet_until = now + TOLD_SECONDS;
    }
    return !imr_worker_cancelled(c->worker);
}

static imr_status run_export(call *c, const imr_progress *progress, imr_error *err)
{
    IMR_AUTOBUF imr_buf out = {0};
    imr_writer w;
    IMR_CLEANUP(imr_details_done) imr_details details = {0};
    IMR_TRY(imr_session_details(c->jobs->session, c->trace, REPORTED, progress, &details, err));
    IMR_TRY(c->render(c->trace, &details, c->format, &out, err));
    IMR_TRY(imr_writer_open_named(&w, c->path, err));
    imr_writer_add(&w, out.data, out.len);
    return imr_writer_commit(&w, err);
}

static void run_suggest(call *c)
{
    imr_suggestion *found = IMR_NEW_ARRAY(imr_suggestion, SUGGESTIONS);
    if (!found)
        return; /* an offer less, nothing else */
    c->delivery.n_suggestions = imr_session_suggest(c->jobs->session, c->text, found, SUGGESTIONS);
    c->delivery.suggestions = found;
}

/* What nobody waits for makes room; words that wait to go on get in line again, behind it. */
static void stop_idle(imr_async *j)
{
    imr_worker_cancel(j->worker, IMR_ASYNC_AHEAD);
    imr_worker_cancel(j->worker, IMR_ASYNC_WORDS);
}

/* A detail of a trace: asked for by somebody (DETAIL), or made ahead. */
static imr_status submit_detail(imr_async *j, imr_async_kind kind, const imr_trace *trace,
                                size_t place, imr_detail_depth depth, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, kind, trace->serial, err));
    c->trace = imr_trace_share(trace);
    c->place = place;
    c->depth = depth;
    if (kind == IMR_ASYNC_AHEAD) {
        imr_worker_cancel(j->worker, IMR_ASYNC_WORDS);
        atomic_fetch_add(&j->ahead, 1);
    } else {
        pthread_mutex_lock(&j->lock);
        j->wanted = trace->number;
        j->wanted_place = place;
        pthread_mutex_unlock(&j->lock);
        stop_idle(j);
    }
    imr_worker_submit(j->worker, &c->job, true);
    return IMR_OK;
}

/* After a ranking the detail of the document that is selected. */
static void run_query(call *c, const imr_progress *progress)
{
    imr_delivery *d = &c->delivery;
    c->request.progress = progress;
    d->status = imr_session_run(c->jobs->session, &c->request, &d->trace, &d->error);
    if (d->status != IMR_OK || imr_worker_cancelled(c->worker) || !d->trace->n_documents)
        return;
    const char *selected = c->request.selected;
    const size_t place = selected ? imr_trace_place(d->trace, selected) : 0;
    (void)submit_detail(c->jobs, IMR_ASYNC_DETAIL, d->trace, place == SIZE_MAX ? 0 : place,
                        IMR_DETAIL_WORDS, NULL);
}

static void run_detail(call *c, const imr_progress *progress)
{
    imr_delivery *d = &c->delivery;
    d->status = imr_session_detail(c->jobs->session, c->trace, c->place, c->depth, progress,
                                   &d->detail, &d->error);
    if (d->status == IMR_OK && !imr_worker_cancelled(c->worker))
        (void)submit_detail(c->jobs, IMR_ASYNC_AHEAD, c->trace, c->place, IMR_DETAIL_WORDS, NULL);
}

static void run_compare(call *c, const imr_progress *progress)
{
    imr_delivery *d = &c->delivery;
    imr_session *const sessions[2] = {c->jobs->session, c->jobs->session};
    const imr_trace *const traces[2] = {c->trace, c->trace};
    d->status = imr_session_compare(&d->comparison, sessions, traces,
                                    (const size_t[2]){c->place, c->other}, progress, &d->error);
}

/* The neighbours of a document that somebody looks at; the session keeps them. */
static void run_ahead(call *c, const imr_progress *progress)
{
    const size_t at = c->place, n = c->trace->n_documents;
    const size_t places[] = {at + 1, at + 2, at ? at - 1 : n};
    for (size_t i = 0; i < IMR_LEN(places) && !imr_worker_cancelled(c->worker); i++) {
        imr_detail *detail = NULL;
        if (places[i] < n &&
            imr_session_detail(c->jobs->session, c->trace, places[i], IMR_DETAIL_WORDS, progress,
                               &detail, &c->delivery.error) == IMR_OK)
            imr_detail_free(detail);
    }
}

static void run(imr_job *job, imr_worker *w)
{
    call *c = (call *)job;
    imr_delivery *d = &c->delivery;
    const imr_progress progress = {on_progress, c};
    c->worker = w;
    if (imr_worker_cancelled(w)) {
        d->status = imr_fail(&d->error, IMR_E_CANCELLED, "cancelled");
        return;
    }
    switch (d->kind) {
    case IMR_ASYNC_OPEN:
        d->status = imr_session_open(&d->session, &c->options, &progress, &d->error);
        if (d->status == IMR_OK) {
            c->retired = c->jobs->session;
            c->jobs->session = d->session;
        }
        break;
    case IMR_ASYNC_QUERY:
        c->quiet_until = imr_clock_seconds() + SLOW_SECONDS;
        run_query(c, &progress);
        break;
    case IMR_ASYNC_DETAIL:
        c->quiet_until = imr_clock_seconds() + SLOW_SECONDS;
        run_detail(c, &progress);
        break;
    case IMR_ASYNC_COMPARE:
        c->quiet_until = imr_clock_seconds() + SLOW_SECONDS;
        run_compare(c, &progress);
        break;
    case IMR_ASYNC_AHEAD:
        c->quiet_until = INFINITY;
        run_ahead(c, &progress);
        break;
    case IMR_ASYNC_WORDS:
        d->session = c->jobs->session;
        d->status = imr_session_open_words(d->session, &c->more, &progress, &d->error);
        break;
    case IMR_ASYNC_MAP:
        d->status = imr_map_make(&d->map, &c->trace->run, &d->error);
        if (d->status == IMR_OK)
            d->map->serial = c->trace->serial;
        break;
    case IMR_ASYNC_QUALITY:
        d->status = imr_session_quality(c->jobs->session, &d->quality, &progress, &d->error);
        break;
    case IMR_ASYNC_SUGGEST:
        run_suggest(c);
        break;
    case IMR_ASYNC_EXPORT:
        d->status = run_export(c, &progress, &d->error);
        break;
    case IMR_ASYNC_WRITE:
        d->status = imr_file_write(c->path, c->text, c->text_len, &d->error);
        break;
    }
    if (d->status == IMR_OK) {
        d->path = c->path;
        c->path = NULL;
    }
}

/* The session of an OPEN belongs to the jobs already. */
static void drop_results(imr_delivery *d)
{
    imr_trace_free(d->trace);
    imr_detail_free(d->detail);
    imr_free(d->map);
    imr_quality_free(d->quality);
    imr_comparison_free(d->comparison);
    imr_free(d->suggestions);
    imr_free(d->path);
}

/* Begins, or goes on, behind whatever waits. */
static void submit_words(imr_async *j, call *c)
{
    if (!c) {
        if (j->words || call_new(&c, j, IMR_ASYNC_WORDS, 0, NULL) != IMR_OK)
            return;
        c->quiet_until = TOLD_SECONDS; /* under a frozen clock nothing is told */
        atomic_fetch_add(&j->ahead, 1);
        j->words = true;
    }
    imr_worker_submit(j->worker, &c->job, false);
}

static void words_done(call *c)
{
    imr_async *j = c->jobs;
    imr_delivery *d = &c->delivery;
    const bool stopped = c->job.dropped || d->status == IMR_E_CANCELLED;
    if (!stopped && !j->closing)
        j->deliver(j->user, d);
    if (!j->closing && (stopped || (d->status == IMR_OK && c->more))) {
        d->status = IMR_OK;
        submit_words(j, c);
        return;
    }
    atomic_fetch_sub(&j->ahead, 1);
    j->words = false;
    call_free(c);
}

static void done(imr_job *job)
{
    call *c = (call *)job;
    imr_async *j = c->jobs;
    imr_delivery *d = &c->delivery;
    pthread_mutex_lock(&j->lock);
    j->progress.what[0] = '\0';
    if (d->kind == IMR_ASYNC_DETAIL && j->wanted == c->trace->number && j->wanted_place == c->place)
        j->wanted = 0;
    pthread_mutex_unlock(&j->lock);
    if (d->kind == IMR_ASYNC_WORDS) {
        words_done(c);
        return;
    }
    if (d->kind == IMR_ASYNC_AHEAD) {
        atomic_fetch_sub(&j->ahead, 1);
        call_free(c);
        return;
    }
    if (job->dropped)
        d->status = imr_fail(&d->error, IMR_E_CANCELLED, "a newer request took its place");
    if (j->closing)
        drop_results(d);
    else
        j->deliver(j->user, d);
    if (d->kind == IMR_ASYNC_OPEN && d->status == IMR_OK && !j->closing)
        submit_words(j, NULL);
    imr_session_close(c->retired);
    call_free(c);
}

imr_status imr_async_new(imr_async **out, imr_deliver_fn deliver, void *user, imr_error *err)
{
    imr_async *j = IMR_NEW(imr_async);
    const imr_status status = j ? imr_worker_new(&j->worker, err) : imr_fail_memory(err);
    if (status != IMR_OK) {
        imr_free(j);
        return status;
    }
    j->deliver = deliver;
    j->user = user;
    pthread_mutex_init(&j->lock, NULL);
    *out = j;
    return IMR_OK;
}

void imr_async_free(imr_async *j)
{
    if (!j)
        return;
    j->closing = true;
    imr_worker_free(j->worker);
    imr_session_close(j->session);
    pthread_mutex_destroy(&j->lock);
    imr_free(j);
}

static imr_status call_new(call **out, imr_async *j, imr_async_kind kind, uint64_t serial,
                           imr_error *err)
{
    call *c = IMR_NEW(call);
    if (!c || !(c->arena = imr_arena_new())) {
        imr_free(c);
        return imr_fail_memory(err);
    }
    c->job = (imr_job){.kind = (int)kind, .run = run, .done = done};
    c->jobs = j;
    c->delivery.kind = kind;
    c->delivery.serial = serial;
    *out = c;
    return IMR_OK;
}

/* whole: its texts could be copied. */
static imr_status submit(imr_async *j, call *c, bool whole, bool replace, imr_error *err)
{
    if (!whole) {
        call_free(c);
        return imr_fail_memory(err);
    }
    stop_idle(j);
    imr_worker_submit(j->worker, &c->job, replace);
    return IMR_OK;
}

static void forget_detail(imr_async *j)
{
    pthread_mutex_lock(&j->lock);
    j->wanted = 0;
    pthread_mutex_unlock(&j->lock);
    imr_worker_cancel(j->worker, IMR_ASYNC_DETAIL);
    imr_worker_cancel(j->worker, IMR_ASYNC_QUALITY);
    imr_worker_cancel(j->worker, IMR_ASYNC_COMPARE);
}

imr_status imr_async_open(imr_async *j, const imr_session_options *options, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_OPEN, 0, err));
    c->options = *options;
    c->options.words_later = true;
    forget_detail(j);
    return submit(j, c, imr_session_options_keep(&c->options, c->arena), true, err);
}

imr_status imr_async_query(imr_async *j, const imr_request *request, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_QUERY, request->serial, err));
    c->request = *request;
    const char **const texts[] = {&c->request.text, &c->request.query_id, &c->request.document,
                                  &c->request.selected, &c->pinned};
    if (request->n_pinned) { /* one: the screen pins no more */
        c->pinned = request->pinned[0];
        c->request.pinned = &c->pinned;
        c->request.n_pinned = 1;
    }
    forget_detail(j);
    return submit(j, c, imr_texts_keep(texts, IMR_LEN(texts), c->arena), true, err);
}

imr_status imr_async_detail(imr_async *j, const imr_trace *trace, size_t place,
                            imr_detail_depth depth, imr_error *err)
{
    pthread_mutex_lock(&j->lock);
    const bool coming =
        depth == IMR_DETAIL_WORDS && j->wanted == trace->number && j->wanted_place == place;
    pthread_mutex_unlock(&j->lock);
    return coming ? IMR_OK : submit_detail(j, IMR_ASYNC_DETAIL, trace, place, depth, err);
}

imr_status imr_async_map(imr_async *j, const imr_trace *trace, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_MAP, trace->serial, err));
    c->trace = imr_trace_share(trace);
    return submit(j, c, true, true, err);
}

imr_status imr_async_quality(imr_async *j, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_QUALITY, 0, err));
    return submit(j, c, true, true, err);
}

imr_status imr_async_compare(imr_async *j, const imr_trace *trace, const size_t place[2],
                             imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_COMPARE, trace->serial, err));
    c->trace = imr_trace_share(trace);
    c->place = place[0];
    c->other = place[1];
    return submit(j, c, true, true, err);
}

imr_status imr_async_suggest(imr_async *j, const char *text, uint64_t serial, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_SUGGEST, serial, err));
    c->text = imr_arena_strdup(c->arena, text);
    return submit(j, c, c->text, true, err);
}

imr_status imr_async_export(imr_async *j, const imr_trace *trace, const char *format,
                            const char *path, imr_render_fn render, imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_EXPORT, trace->serial, err));
    c->trace = imr_trace_share(trace);
    c->render = render;
    c->format = imr_arena_strdup(c->arena, format);
    c->path = imr_strdup(path);
    return submit(j, c, c->format && c->path, false, err);
}

imr_status imr_async_write(imr_async *j, const char *path, const void *bytes, size_t n,
                           imr_error *err)
{
    call *c;
    IMR_TRY(call_new(&c, j, IMR_ASYNC_WRITE, 0, err));
    c->text = imr_arena_strndup(c->arena, bytes, n);
    c->text_len = n;
    c->path = imr_strdup(path);
    return submit(j, c, c->text && c->path, false, err);
}

void imr_async_cancel(imr_async *j)
{
    forget_detail(j);
    imr_worker_cancel(j->worker, -1);
}

int imr_async_fd(const imr_async *j)
{
    return imr_worker_fd(j->worker);
}

void imr_async_reap(imr_async *j)
{
    imr_worker_reap(j->worker);
}

int imr_async_pending(imr_async *j)
{
    const int n = imr_worker_pending(j->worker) - atomic_load(&j->ahead);
    return n > 0 ? n : 0;
}

bool imr_async_progress_of(imr_async *j, imr_async_progress *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->progress;
    pthread_mutex_unlock(&j->lock);
    return out->what[0];
}
