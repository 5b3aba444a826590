/* tests/ui/fake.c */
#include "fake.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"

static const char *const titles[] = {
    "Vitamin D to prevent acute respiratory infection",
    "Cholecalciferol and influenza A in schoolchildren",
    "Calcium plus vitamin D and fracture risk",
    "25-hydroxyvitamin D status and pneumonia",
    "Daily supplements and the common cold",
    "Vitamin D receptor polymorphisms in asthma",
    "Winter infections after high-dose D3 in the elderly",
    "Sun exposure, latitude and serum 25(OH)D",
    "Zinc lozenges for the common cold",
    "Immune effects of calcitriol in monocytes",
    "維生素D與呼吸道感染的關係：一項隨機對照試驗",
    "Étude de la vitamine D chez l’enfant",
    "e\xcc\x81\xcc\x82 marks, and a wide 漢字 in between",
};

static const char *const queries[][2] = {
    {"1", "vitamin d lowers the risk of respiratory infection"},
    {"2", "vitamin c shortens the common cold"},
    {"3", "statins and stroke recurrence"},
    {"4", "zinc lozenges"},
};

static const char body[] =
    "Randomised trials of vitamin D supplementation report mixed effects on acute respiratory "
    "tract infection. We pooled individual data from 25 trials.\n"
    "Daily or weekly doses lowered the risk of infection; bolus doses did not. The effect was "
    "largest where baseline vitamin D was low. Bone outcomes were not affected by calcium, and "
    "漢字 with e\xcc\x81 marks stay where they are.\n"
    "Winter enrolment and influenza season were adjusted for.";

typedef struct job {
    imr_delivery d;
    char *text;
    bool slow;
    struct job *next;
} job;

struct fake {
    ui_app *app;
    ui_backend backend;
    imr_session_facts facts;
    job *first;
    int fds[2];
    bool released;
    size_t documents, answered;
    char exported[600], written[600];
    imr_async_progress progress;
};

static uint32_t mix(uint32_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

/* In [-1,1], the same for the same three. */
static double noise(uint32_t seed, uint32_t a, uint32_t b)
{
    uint32_t h = (seed ^ a * 2654435761u) * 2246822519u + b * 3266489917u;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    return h / 2147483648.0 - 1;
}

static void tokens(imr_trace_tokens *t, imr_arena *arena, uint32_t seed, uint32_t n,
                   imr_token_order order)
{
    static const char *const plus[] = {"infection", "respiratory", "influenza", "pneumonia",
                                       "winter",    "virus",       "cold",      "immune",
                                       "##itis",    "呼吸"};
    static const char *const minus[] = {"bone",   "fracture", "calcium", "dietary", "sunlight",
                                        "kidney", "women",    "diet",    "##ium",   "骨"};
    t->positive = IMR_ARENA_ARRAY(arena, imr_trace_token, n);
    t->negative = IMR_ARENA_ARRAY(arena, imr_trace_token, n);
    t->n_positive = t->n_negative = n;
    t->alignment = 0.9997f;
    t->coverage = 0.71f;
    for (uint32_t i = 0; i < n; i++) {
        float v = (float)(0.45 * pow(0.82, i) * (1 + 0.1 * noise(seed, i, 9)));
        imr_trace_token one = {.id = 1000 + i,
                               .cosine = v,
                               .visibility = 0.67f,
                               .z = v * 16,
                               .background_z = v * 9,
                               .effect = v / 7,
                               .hub_count = i,
                               .significant = i < 7,
                               .where = (imr_where)(i % 4)};
        t->positive[i] = one;
        t->positive[i].text = plus[i % 10];
        one.cosine = -one.cosine * 0.8f;
        one.z = -one.z;
        one.background_z = -one.background_z;
        one.effect = -one.effect;
        t->negative[i] = one;
        t->negative[i].text = minus[i % 10];
    }
    (void)order;
}

typedef struct scored {
    double key;
    size_t at;
} scored;

static int descending(const void *x, const void *y)
{
    const scored *a = x, *b = y;
    return a->key > b->key ? -1 : a->key < b->key ? 1 : a->at < b->at ? -1 : 1;
}

static void document(imr_trace_document *d, imr_arena *arena, const fake *f, uint32_t seed,
                     size_t i, const imr_trace_settings *settings)
{
    char text[80];
    snprintf(text, sizeof text, "%zu", 1000 + 17 * i);
    d->id = imr_arena_strdup(arena, text);
    if (i < IMR_LEN(titles)) {
        d->title = titles[i];
    } else {
        snprintf(text, sizeof text, "Document %zu of the made-up collection about subject %zu", i,
                 i % 7);
        d->title = imr_arena_strdup(arena, text);
    }
    d->sim_encoder = (float)(0.62 + 0.2 * noise(seed, (uint32_t)i, 1));
    d->sim_before = (float)(0.70 + 0.1 * noise(seed, (uint32_t)i, 2));
    d->delta_sim = (float)(0.02 + 0.1 * pow(noise(seed, (uint32_t)i, 3), 3));
    d->sim_after = d->sim_before + d->delta_sim;
    d->share_document = 0.77 * d->delta_sim;
    d->share_query = 0.23 * d->delta_sim;
    d->relevance = i % 11 == 0 ? 1 : i % 11 == 3 ? 0 : -1;
    d->feedback = true;
    static const char *const stages[IMR_STEPS] = {"projected", "doc scale",   "doc bias",
                                                   "doc norm",  "query scale", "query bias",
                                                   "query norm"};
    for (int s = 0; s < IMR_STEPS; s++) {
        d->stages[s].name = stages[s];
        d->stages[s].change = s ? d->delta_sim / 6.0 : 0;
        d->stages[s].cosine = d->sim_before + d->delta_sim * s / 6.0;
    }
    d->n_dimensions = 10;
    d->dimensions = IMR_ARENA_ARRAY(arena, imr_trace_dimension, 10);
    for (uint32_t k = 0; k < 10; k++) {
        float share = (float)(0.03 * pow(0.85, k) * (k % 3 == 2 ? -1 : 1));
        d->dimensions[k] = (imr_trace_dimension){(113 + 37 * k) % 256, 0.01f, 0.01f + share, share};
    }
    if (f->facts.has_tokens)
        tokens(&d->tokens, arena, seed + (uint32_t)i, settings->tokens, settings->order);
}

static imr_trace *trace_of(const fake *f, const imr_request *r, const char *text)
{
    imr_arena *arena = imr_arena_new();
    imr_trace *t = IMR_ARENA_ARRAY(arena, imr_trace, 1);
    uint32_t seed = mix(2166136261u, text) + (uint32_t)r->settings.scope;
    size_t n = f->documents;
    t->arena = arena;
    t->settings = r->settings;
    t->query_id = imr_arena_strdup(arena, r->query_id);
    t->query_text = imr_arena_strdup(arena, text);
    t->query_prefix = t->warning = "";
    if (strstr(text, "poor lens"))
        t->warning =
            "the token table reads this corpus poorly: lens quality 0.612 (0.5 is chance), "
            "do not trust the words";
    t->inputs = f->facts.inputs;
    t->serial = r->serial;
    t->n_documents = n;
    t->n_scored = r->settings.scope == IMR_SCOPE_RERANK ? n : f->facts.documents;
    t->working_dim = 256;
    t->median_delta_sim = 0.02f;
    t->kendall_tau = 0.61;
    t->documents = IMR_ARENA_ARRAY(arena, imr_trace_document, n);
    imr_trace_document *raw = IMR_ARENA_ARRAY(arena, imr_trace_document, n);
    scored *order = IMR_ARENA_ARRAY(arena, scored, n);
    for (size_t i = 0; i < n; i++) {
        document(&raw[i], arena, f, seed, i, &r->settings);
        raw[i].delta_sim_relative = raw[i].delta_sim - t->median_delta_sim;
    }
    for (int which = 0; which < 3; which++) {
        for (size_t i = 0; i < n; i++)
            order[i] = (scored){which == 0   ? raw[i].sim_encoder
                                : which == 1 ? raw[i].sim_before
                                             : raw[i].sim_after,
                                i};
        qsort(order, n, sizeof *order, descending);
        for (size_t i = 0; i < n; i++) {
            imr_trace_document *d = &raw[order[i].at];
            *(which == 0   ? &d->rank_encoder
              : which == 1 ? &d->rank_before
                           : &d->rank_after) = (uint32_t)i + 1;
        }
    }
    for (size_t i = 0; i < n; i++) {
        raw[i].move = (int32_t)raw[i].rank_before - (int32_t)raw[i].rank_after;
        t->moved += raw[i].move != 0;
        t->documents[raw[i].rank_after - 1] = raw[i];
    }
    if (f->facts.has_tokens)
        tokens(&t->query_tokens, arena, seed, r->settings.tokens, r->settings.order);
    if (r->query_id) {
        static const imr_trace_metric metrics[] = {
            {"nDCG@10", 0.346, 0.935, 0.3}, {"RR@10", 0.333, 1, 0.3}, {"Recall@10", 0.5, 1, 0.4}};
        memcpy(t->metrics, metrics, sizeof metrics);
        t->n_metrics = 3;
    }
    return t;
}

static imr_detail *detail_of(const fake *f, const imr_trace *t, size_t place)
{
    static const char *const marked[] = {"vitamin", "infection", "respiratory", "Bone", "calcium",
                                         "Winter",  "influenza", "D ",          "the"};
    imr_arena *arena = imr_arena_new();
    imr_detail *d = IMR_ARENA_ARRAY(arena, imr_detail, 1);
    d->arena = arena;
    d->document_id = imr_arena_strdup(arena, t->documents[place].id);
    d->title = imr_arena_strdup(arena, t->documents[place].title);
    d->text = body;
    d->serial = t->serial;
    d->spans = IMR_ARENA_ARRAY(arena, imr_detail_span, 100);
    for (size_t at = 0; f->facts.has_tokens && body[at]; at++)
        for (uint32_t k = 0; k < IMR_LEN(marked); k++) {
            size_t n = strlen(marked[k]);
            bool whole = at == 0 || body[at - 1] == ' ' || body[at - 1] == '\n';
            if (!whole || strncmp(body + at, marked[k], n) != 0 || d->n_spans == 100)
                continue;
            n -= marked[k][n - 1] == ' ';
            float effect =
                (k == 3 || k == 4 ? -1.0f : 1.0f) * (k == 8 ? 0.001f : 0.02f + 0.002f * (float)k);
            d->spans[d->n_spans++] = (imr_detail_span){at, at + n, k, effect * 5, effect, k < 2};
        }
    return d;
}

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

static imr_status do_query(void *self, const imr_request *r, imr_error *err)
{
    fake *f = self;
    const char *text = r->text;
    imr_delivery d = {.kind = IMR_ASYNC_QUERY, .serial = r->serial};
    (void)err;
    for (size_t i = 0; r->query_id && i < IMR_LEN(queries); i++)
        if (strcmp(queries[i][0], r->query_id) == 0)
            text = queries[i][1];
    drop_queries(f, "a newer request took its place"); /* latest wins */
    if (strncmp(text, "none of", 7) == 0)
        d.status = imr_fail(&d.error, IMR_E_UNSUPPORTED,
                            "no word of the query is known to the encoder: none, of, these");
    else if (strcmp(text, "boom") == 0)
        d.status = imr_fail(&d.error, IMR_E_IO, "cannot read vectors.f32: Input/output error");
    else
        d.trace = trace_of(f, r, text);
    return push(f, d, text, strncmp(text, "slow", 4) == 0);
}

static imr_status do_detail(void *self, const imr_trace *t, size_t place, imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_DETAIL, .serial = t->serial};
    (void)err;
    d.detail = detail_of(self, t, place);
    return push(self, d, NULL, false);
}

static imr_status do_suggest(void *self, const char *text, uint64_t serial, imr_error *err)
{
    imr_delivery d = {.kind = IMR_ASYNC_SUGGEST, .serial = serial};
    (void)err;
    d.suggestions = IMR_NEW_ARRAY(imr_suggestion, IMR_LEN(queries));
    for (size_t i = 0; i < IMR_LEN(queries); i++)
        if (strstr(queries[i][1], text))
            d.suggestions[d.n_suggestions++] = (imr_suggestion){queries[i][0], queries[i][1]};
    return push(self, d, NULL, false);
}

static imr_status do_export(void *self, const imr_trace *t, const char *format, const char *path,
                            imr_error *err)
{
    fake *f = self;
    imr_delivery d = {.kind = IMR_ASYNC_EXPORT, .serial = t->serial};
    (void)err;
    snprintf(f->exported, sizeof f->exported, "%s %s", format, path);
    d.path = imr_strdup(path);
    return push(f, d, NULL, false);
}

static imr_status do_write(void *self, const char *path, const void *bytes, size_t n,
                           imr_error *err)
{
    fake *f = self;
    imr_delivery d = {.kind = IMR_ASYNC_WRITE};
    (void)err;
    (void)bytes;
    snprintf(f->written, sizeof f->written, "%zu %s", n, path);
    d.path = imr_strdup(path);
    return push(f, d, NULL, false);
}

static void do_cancel(void *self)
{
    fake *f = self;
    drop_queries(f, "cancelled");
    if (write(f->fds[1], "x", 1) != 1)
        abort();
}

static int do_fd(void *self)
{
    return ((fake *)self)->fds[0];
}

static void do_reap(void *self)
{
    fake *f = self;
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
        free(j->text);
        free(j);
        at = &f->first; /* delivering may have queued more */
    }
}

static int do_pending(void *self)
{
    int n = 0;
    for (const job *j = ((fake *)self)->first; j; j = j->next)
        n++;
    return n;
}

static bool do_progress(void *self, imr_async_progress *out)
{
    const fake *f = self;
    *out = f->progress;
    return f->progress.total != 0;
}

static imr_suggestion do_cached(void *self, imr_session *session, size_t i)
{
    (void)self;
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
    f->backend = (ui_backend){f,         do_query, do_detail, do_suggest, do_export,   do_write,
                              do_cancel, do_fd,    do_reap,   do_pending, do_progress, do_cached};
    return f;
}

void fake_free(fake *f)
{
    while (f->first) {
        job *j = f->first;
        f->first = j->next;
        imr_trace_free(j->d.trace);
        imr_detail_free(j->d.detail);
        imr_free(j->d.suggestions);
        imr_free(j->d.path);
        free(j->text);
        free(j);
    }
    close(f->fds[0]);
    close(f->fds[1]);
    free(f);
}

const ui_backend *fake_backend(fake *f)
{
    return &f->backend;
}

void fake_open(fake *f, bool encoder, bool tokens_too, bool texts)
{
    f->facts = (imr_session_facts){
        .dataset_name = "scifact",
        .adapter_name = "minilm",
        .encoder_name = "minilm",
        .documents = 5183,
        .queries = IMR_LEN(queries),
        .has_encoder = encoder,
        .has_tokens = tokens_too,
        .has_texts = texts,
        .has_judgements = true,
        .encoder_problem = encoder ? ""
                                   : "The encoder minilm is not on this machine: cached "
                                     "queries work, typed ones need it (--encoder FOLDER).",
        .tokens_notice = "",
        .cache_notice = "",
        .tokens_problem = tokens_too ? ""
                                     : "No token table: changes cannot be said in words "
                                       "(--token-table FOLDER).",
        .inputs = {
            .adapter_path = "", .table_name = tokens_too ? "input" : "", .table_rows = 30522}};
    ui_app_opened(f->app, (imr_session *)f, &f->facts);
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
