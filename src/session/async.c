#include "session/async.h"

#include <math.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/worker.h"
#include "session/internal.h"

struct imr_async {
    imr_worker *worker;
    imr_audit *audit;     /* the worker's, of */
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
    bool words;       /* the owner's: there is a WORDS, */
    bool auditing;    /* an AUDIT that nobody stopped */
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
    imr_trace *trace;    /* DETAIL, MAP, COMPARE, EXPORT, AHEAD, NOTES, beside of QUERY: shared */
    size_t place, other; /* other: COMPARE */
    imr_detail_depth depth; /* DETAIL */
    imr_export export; /* EXPORT, SIZE; its path: WRITE, NOTES; its format: of NOTES the reviewer */
    const char *text;
    size_t text_len;      /* WRITE, SUGGEST, NOTES */
    imr_verdict verdict;  /* NOTES */
    imr_worker *worker;   /* while running, */
    double quiet_until;   /* then progress is shown; */
    double until;         /* AUDIT: rows are handed over */
    bool more;            /* there are WORDS to open */
    imr_session *retired; /* OPEN: the session before; the owner may look at it until delivery, */
    imr_audit *audited;   /* and at its audit; SWAP: at that of the other */
} call;

enum { SUGGESTIONS = 50 };
/* Of a query only what takes long is told: neither bars nor wake-ups for a key's 50 ms. */
#define SLOW_SECONDS 0.3
/* Nobody waits for words: now and then is enough, and each time is a frame. */
#define TOLD_SECONDS   0.1
#define HANDED_SECONDS 0.15

static imr_status ask(imr_async *j, const call *with, const imr_trace *trace, imr_error *err);

static void call_free(call *c)
{
    imr_arena_free(c->arena);
    imr_trace_free(c->trace);
    imr_free(c->export.printed);
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
    /* An audit's rows are handed over now and then, between two. */
    if (c->delivery.kind == IMR_ASYNC_AUDIT && now >= c->until && info->done > c->place &&
        strcmp(info->what, "auditing queries") == 0)
        return false;
    return !imr_worker_cancelled(c->worker);
}

static imr_status run_open(call *c, const imr_progress *progress, imr_error *err)
{
    IMR_TRY(imr_session_open(&c->delivery.session, &c->options, progress, err));
    c->audited = IMR_TAKE(c->jobs->audit);
    c->retired = c->jobs->session;
    c->jobs->session = c->delivery.session;
    c->more = true;
    return IMR_OK;
}

static imr_status run_audit(call *c, const imr_progress *progress, imr_error *err)
{
    imr_async *j = c->jobs;
    imr_delivery *d = &c->delivery;
    const uint32_t most = j->session->options.settings.feedback_k;
    const imr_audit_options options = {.k = most < 10 ? most : 10, .seed = 1};
    if (!j->audit)
        IMR_TRY(imr_audit_new(&j->audit, j->session, &options, progress, err));
    c->place = j->audit->done;
    c->until = imr_clock_seconds() + HANDED_SECONDS;
    const imr_status status = imr_audit_run(j->audit, progress, err);
    d->audit = j->audit;
    d->audit_rows = j->audit->done;
    d->audit_ended = j->audit->ended;
    return status;
}

static imr_status run_export(call *c, const imr_progress *progress, imr_error *err)
{
    IMR_AUTOBUF imr_buf out = {0};
    imr_writer w;
    IMR_CLEANUP(imr_comparison_free_at) imr_comparison *compared = NULL;
    const imr_export *e = &c->export;
    if (e->path) /* before it takes long */
        IMR_TRY(imr_file_vacant(e->path, e->replace, err));
    if (e->two) /* first: the details of A and B are kept then */
        IMR_TRY(
            imr_session_compare(&compared, c->jobs->session, c->trace, e->compared, progress, err));
    if (!c->trace) {
        if (!(c->export.audit = c->jobs->audit))
            return imr_fail(err, IMR_E_NOT_FOUND, "there is no audit to export yet");
        IMR_TRY(imr_audit_end(c->jobs->audit, progress, err));
        c->delivery.audit_rows = c->jobs->audit->done;
    }
    IMR_TRY(e->render(c->jobs->session, c->trace, e, compared, progress, &out, err));
    c->delivery.bytes = out.len;
    if (!e->path)
        return IMR_OK;
    IMR_TRY(imr_writer_open_named(&w, e->path, e->replace, err));
    imr_writer_add(&w, out.data, out.len);
    return imr_writer_commit(&w, err);
}

static imr_status run_suggest(call *c)
{
    imr_delivery *d = &c->delivery;
    d->suggestions = IMR_NEW_ARRAY(imr_suggestion, SUGGESTIONS);
    if (d->suggestions) /* else an offer less, nothing worse */
        d->n_suggestions =
            imr_session_suggest(c->jobs->session, c->text, d->suggestions, SUGGESTIONS);
    return IMR_OK;
}

/* After a ranking the detail of the document that is selected. */
static imr_status run_query(call *c, const imr_progress *progress, imr_error *err)
{
    imr_trace **t = &c->delivery.trace;
    const char *selected = c->request.selected;
    c->request.progress = progress;
    IMR_TRY(imr_session_run(c->jobs->session, &c->request, t, err));
    if (imr_worker_cancelled(c->worker) || !(*t)->n_documents)
        return IMR_OK;
    const size_t place = selected ? imr_trace_place(*t, selected) : 0;
    const call next = {.delivery.kind = IMR_ASYNC_DETAIL,
                       .place = place == SIZE_MAX ? 0 : place,
                       .depth = IMR_DETAIL_WORDS};
    (void)ask(c->jobs, &next, *t, NULL);
    return IMR_OK;
}

static imr_status run_detail(call *c, const imr_progress *progress, imr_error *err)
{
    const call next = {.delivery.kind = IMR_ASYNC_AHEAD, .place = c->place};
    IMR_TRY(imr_session_detail(c->jobs->session, c->trace, c->place, c->depth, progress,
                               &c->delivery.detail, err));
    if (!imr_worker_cancelled(c->worker))
        (void)ask(c->jobs, &next, c->trace, NULL);
    return IMR_OK;
}

/* The neighbours of a document that somebody looks at; the session keeps them. */
static imr_status run_ahead(const call *c, const imr_progress *progress, imr_error *err)
{
    const size_t at = c->place, n = c->trace->n_documents;
    const size_t places[] = {at + 1, at + 2, at ? at - 1 : n};
    for (size_t i = 0; i < IMR_LEN(places) && !imr_worker_cancelled(c->worker); i++) {
        imr_detail *detail = NULL;
        if (places[i] < n && imr_session_detail(c->jobs->session, c->trace, places[i],
                                                IMR_DETAIL_WORDS, progress, &detail, err) == IMR_OK)
            imr_detail_free(detail);
    }
    return IMR_OK;
}

static imr_status run_kind(call *c, const imr_progress *progress, imr_error *err)
{
    imr_delivery *d = &c->delivery;
    imr_session *s = c->jobs->session;
    switch (d->kind) {
    case IMR_ASYNC_OPEN:
        return run_open(c, progress, err);
    case IMR_ASYNC_QUERY:
        return run_query(c, progress, err);
    case IMR_ASYNC_DETAIL:
        return run_detail(c, progress, err);
    case IMR_ASYNC_COMPARE:
        return imr_session_compare(&d->comparison, s, c->trace,
                                   (const size_t[2]){c->place, c->other}, progress, err);
    case IMR_ASYNC_SWAP:
        c->audited = IMR_TAKE(c->jobs->audit);
        d->session = c->jobs->session = s->other ? s->other : s;
        c->more = d->session->words.stage != IMR_WORDS_DONE;
        return IMR_OK;
    case IMR_ASYNC_AHEAD:
        return run_ahead(c, progress, err);
    case IMR_ASYNC_WORDS:
        d->session = s;
        return imr_session_open_words(s, &c->more, progress, err);
    case IMR_ASYNC_AUDIT:
        return run_audit(c, progress, err);
    case IMR_ASYNC_MAP:
        IMR_TRY(imr_map_make(&d->map, &c->trace->run, err));
        d->map->serial = c->trace->serial;
        return IMR_OK;
    case IMR_ASYNC_QUALITY:
        IMR_TRY(imr_ranker_look(&s->ranker, NULL, err));
        return imr_quality_make(&d->quality, &s->ranker, progress, err);
    case IMR_ASYNC_SUGGEST:
        return run_suggest(c);
    case IMR_ASYNC_EXPORT:
    case IMR_ASYNC_SIZE:
        return run_export(c, progress, err);
    case IMR_ASYNC_WRITE:
        return imr_file_write_private(c->export.path, c->text, c->text_len, err);
    case IMR_ASYNC_NOTES:
        if (c->trace)
            IMR_TRY(imr_notes_add(c->export.path, c->trace, c->place, c->verdict, c->export.format,
                                  c->text, err));
        return imr_notes_read(&d->notes, c->export.path, err);
    }
    return IMR_OK;
}

static void run(imr_job *job, imr_worker *w)
{
    call *c = (call *)job;
    imr_delivery *d = &c->delivery;
    const imr_async_kind k = d->kind;
    const imr_progress progress = {on_progress, c};
    c->worker = w;
    if (k == IMR_ASYNC_AHEAD || k == IMR_ASYNC_AUDIT)
        c->quiet_until = INFINITY;
    else if (k == IMR_ASYNC_QUERY || k == IMR_ASYNC_DETAIL || k == IMR_ASYNC_COMPARE ||
             k == IMR_ASYNC_SIZE)
        c->quiet_until = imr_clock_seconds() + SLOW_SECONDS;
    d->status = imr_worker_cancelled(w) && k != IMR_ASYNC_NOTES
                    ? imr_fail(&d->error, IMR_E_CANCELLED, "cancelled")
                    : run_kind(c, &progress, &d->error);
    if (d->status == IMR_OK && c->export.path && !(d->path = imr_strdup(c->export.path)))
        d->status = imr_fail_memory(&d->error);
    else if (k == IMR_ASYNC_EXPORT)
        d->exists = d->status == IMR_E_IO &&
                    imr_file_vacant(c->export.path, c->export.replace, NULL) != IMR_OK;
    else if (d->status != IMR_OK && k == IMR_ASYNC_NOTES && c->trace)
        d->path = imr_strdup(c->text);
}

/* The session of an OPEN belongs to the jobs already. */
static void drop_results(imr_delivery *d)
{
    imr_trace_free(d->trace);
    imr_detail_free(d->detail);
    imr_free(d->map);
    imr_quality_free(d->quality);
    imr_comparison_free(d->comparison);
    IMR_FREE(d->suggestions, d->path);
}

/* Of WORDS and AUDIT, which are stopped by others and go on behind them. */
static void part_done(call *c)
{
    imr_async *j = c->jobs;
    imr_delivery *d = &c->delivery;
    const bool audit = d->kind == IMR_ASYNC_AUDIT;
    const bool stopped = c->job.dropped || d->status == IMR_E_CANCELLED;
    const bool again = !j->closing && (audit ? stopped && j->auditing
                                             : stopped || (d->status == IMR_OK && c->more));
    if (again || c->job.dropped)
        d->status = again ? IMR_OK : IMR_E_CANCELLED;
    if (!j->closing && (audit ? !again || d->audit != NULL : !stopped))
        j->deliver(j->user, d);
    d->audit = NULL; /* when it goes on there may be another */
    if (again) {
        if (audit)
            imr_worker_cancel(j->worker, IMR_ASYNC_WORDS);
        imr_worker_submit(j->worker, &c->job, false); /* behind whatever waits */
        return;
    }
    atomic_fetch_sub(&j->ahead, !audit);
    *(audit ? &j->auditing : &j->words) = false;
    call_free(c);
}

static void done(imr_job *job)
{
    call *c = (call *)job;
    imr_async *j = c->jobs;
    imr_delivery *d = &c->delivery;
    if (job->dropped && d->kind == IMR_ASYNC_NOTES) {
        job->dropped = false;
        run(job, j->worker);
    }
    pthread_mutex_lock(&j->lock);
    j->progress.what[0] = '\0';
    if (d->kind == IMR_ASYNC_DETAIL && j->wanted == c->trace->number && j->wanted_place == c->place)
        j->wanted = 0;
    pthread_mutex_unlock(&j->lock);
    if (d->kind == IMR_ASYNC_WORDS || d->kind == IMR_ASYNC_AUDIT) {
        part_done(c);
        return;
    }
    if (d->kind == IMR_ASYNC_AHEAD) {
        atomic_fetch_sub(&j->ahead, 1);
        call_free(c);
        return;
    }
    if (job->dropped)
        d->status = imr_fail(&d->error, IMR_E_CANCELLED, "a newer request took its place");
    if (j->closing && d->kind != IMR_ASYNC_NOTES)
        drop_results(d);
    else
        j->deliver(j->user, d);
    /* Under a frozen clock nothing of words is told. */
    const call words = {.delivery.kind = IMR_ASYNC_WORDS, .quiet_until = TOLD_SECONDS};
    if (c->more && d->status == IMR_OK && !j->closing && !j->words)
        j->words = ask(j, &words, NULL, NULL) == IMR_OK;
    imr_audit_free(c->audited);
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
    imr_audit_free(j->audit);
    imr_session_close(j->session);
    pthread_mutex_destroy(&j->lock);
    imr_free(j);
}

/* The detail that is on its way; 0: none. */
static void want(imr_async *j, uint64_t number, size_t place)
{
    pthread_mutex_lock(&j->lock);
    j->wanted = number;
    j->wanted_place = place;
    pthread_mutex_unlock(&j->lock);
}

static void forget_detail(imr_async *j)
{
    want(j, 0, 0);
    imr_worker_cancel(j->worker, IMR_ASYNC_DETAIL);
    imr_worker_cancel(j->worker, IMR_ASYNC_QUALITY);
    imr_worker_cancel(j->worker, IMR_ASYNC_COMPARE);
}

static bool keep_texts(call *c)
{
    imr_request *r = &c->request;
    const char **const texts[] = {&r->text,        &r->query_id,    &r->document,
                                  &r->selected,    &c->pinned,      &c->export.format,
                                  &c->export.path, &c->export.sort, &c->export.filter};
    if (r->n_pinned) { /* one: the screen pins no more */
        c->pinned = r->pinned[0];
        r->pinned = &c->pinned;
        r->n_pinned = 1;
    }
    if (c->text)
        c->text = imr_arena_strndup(c->arena, c->text, c->text_len);
    return (c->text || !c->text_len) && imr_texts_keep(texts, IMR_LEN(texts), c->arena) &&
           imr_session_options_keep(&c->options, c->arena);
}

/* Has the worker do what `with` says, whose texts are copied, of a trace (NULL: of none), which is
 * shared. What nobody waits for makes room; words get in line again, behind it. */
static imr_status ask(imr_async *j, const call *with, const imr_trace *trace, imr_error *err)
{
    const imr_async_kind kind = with->delivery.kind;
    call *c = IMR_NEW(call);
    IMR_NEED(c, err);
    *c = *with;
    c->job = (imr_job){.kind = (int)kind, .run = run, .done = done};
    c->jobs = j;
    if (trace)
        c->request.beside = c->trace = imr_trace_share(trace);
    if (trace && kind != IMR_ASYNC_QUERY)
        c->delivery.serial = trace->serial;
    if (!(c->arena = imr_arena_new()) || !keep_texts(c)) {
        call_free(c);
        return imr_fail_memory(err);
    }
    if (kind == IMR_ASYNC_OPEN || kind == IMR_ASYNC_QUERY)
        forget_detail(j);
    if (trace && kind == IMR_ASYNC_DETAIL)
        want(j, trace->number, c->place);
    if (kind != IMR_ASYNC_WORDS)
        imr_worker_cancel(j->worker, IMR_ASYNC_WORDS);
    if (kind != IMR_ASYNC_WORDS && kind != IMR_ASYNC_AHEAD && kind != IMR_ASYNC_AUDIT)
        imr_worker_cancel(j->worker, IMR_ASYNC_AUDIT);
    if (kind == IMR_ASYNC_WORDS || kind == IMR_ASYNC_AHEAD)
        atomic_fetch_add(&j->ahead, 1);
    else
        imr_worker_cancel(j->worker, IMR_ASYNC_AHEAD);
    imr_worker_submit(j->worker, &c->job,
                      kind != IMR_ASYNC_WORDS && kind != IMR_ASYNC_EXPORT &&
                          kind != IMR_ASYNC_WRITE && kind != IMR_ASYNC_NOTES &&
                          kind != IMR_ASYNC_SWAP);
    return IMR_OK;
}

imr_status imr_async_open(imr_async *j, const imr_session_options *options, imr_error *err)
{
    call c = {.delivery.kind = IMR_ASYNC_OPEN, .options = *options};
    c.options.words_later = true;
    return ask(j, &c, NULL, err);
}

imr_status imr_async_query(imr_async *j, const imr_request *request, imr_error *err)
{
    const call c = {.delivery = {.kind = IMR_ASYNC_QUERY, .serial = request->serial},
                    .request = *request};
    return ask(j, &c, request->beside, err);
}

imr_status imr_async_detail(imr_async *j, const imr_trace *trace, size_t place,
                            imr_detail_depth depth, imr_error *err)
{
    const call c = {.delivery.kind = IMR_ASYNC_DETAIL, .place = place, .depth = depth};
    pthread_mutex_lock(&j->lock);
    const bool coming =
        depth == IMR_DETAIL_WORDS && j->wanted == trace->number && j->wanted_place == place;
    pthread_mutex_unlock(&j->lock);
    return coming ? IMR_OK : ask(j, &c, trace, err);
}

imr_status imr_async_make(imr_async *j, imr_async_kind kind, const imr_trace *trace, imr_error *err)
{
    const bool audit = kind == IMR_ASYNC_AUDIT;
    if (audit && j->auditing)
        return IMR_OK;
    IMR_TRY(ask(j, &(call){.delivery.kind = kind}, trace, err));
    j->auditing |= audit;
    return IMR_OK;
}

imr_status imr_async_compare(imr_async *j, const imr_trace *trace, const size_t place[2],
                             imr_error *err)
{
    const call c = {.delivery.kind = IMR_ASYNC_COMPARE, .place = place[0], .other = place[1]};
    return ask(j, &c, trace, err);
}

imr_status imr_async_suggest(imr_async *j, const char *text, uint64_t serial, imr_error *err)
{
    const call c = {.delivery = {.kind = IMR_ASYNC_SUGGEST, .serial = serial},
                    .text = text,
                    .text_len = strlen(text)};
    return ask(j, &c, NULL, err);
}

imr_status imr_async_export(imr_async *j, const imr_trace *trace, const imr_export *what,
                            imr_error *err)
{
    imr_worker_cancel(j->worker, IMR_ASYNC_SIZE);
    if (!what) {
        imr_worker_cancel(j->worker, IMR_ASYNC_EXPORT);
        return IMR_OK;
    }
    const call c = {.delivery.kind = what->path ? IMR_ASYNC_EXPORT : IMR_ASYNC_SIZE,
                    .export = *what};
    return ask(j, &c, trace, err);
}

imr_status imr_async_write(imr_async *j, const char *path, const void *bytes, size_t n,
                           imr_error *err)
{
    const call c = {
        .delivery.kind = IMR_ASYNC_WRITE, .export.path = path, .text = bytes, .text_len = n};
    return ask(j, &c, NULL, err);
}

imr_status imr_async_notes(imr_async *j, const char *path, const imr_trace *trace, size_t place,
                           imr_verdict verdict, const char *reviewer, const char *reason,
                           imr_error *err)
{
    const call c = {.delivery.kind = IMR_ASYNC_NOTES,
                    .export = {.path = path, .format = reviewer},
                    .place = place,
                    .verdict = verdict,
                    .text = reason,
                    .text_len = reason ? strlen(reason) : 0};
    return ask(j, &c, trace, err);
}

void imr_async_cancel(imr_async *j)
{
    forget_detail(j);
    j->auditing = false;
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

bool imr_async_idle(imr_async *j)
{
    return imr_worker_pending(j->worker) == 0;
}

bool imr_async_progress_of(imr_async *j, imr_async_progress *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->progress;
    pthread_mutex_unlock(&j->lock);
    return out->what[0];
}
