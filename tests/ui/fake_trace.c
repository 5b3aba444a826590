/* tests/ui/fake_trace.c */
#include "fake_trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"

/* Of the demo, some of them made hostile. */
static const char *const titles[] = {
    "How a cup became a java",
    "Leaf rust in Ceylon",
    "The cultivation system and Max Havelaar",
    "Grind, time and bitterness",
    "Mocha: a port, a bean, a drink",
    "Civet coffee, a sour story",
    "From Oak to Java",
    "Kaldi and his lively goats",
    "Storing beans: the freezer question",
    "JavaScript is not Java",
    "咖啡如何從葉門的摩卡港與爪哇島來到歐洲：一段歷史",
    "Café de l’île : le goût du moka",
    "e\xcc\x81\xcc\x82 marks, and a wide 漢字 in between",
    "The rise and fall of applets",
    "Wet, dry and honey processing",
    "Arabica and robusta compared",
    "What type erasure leaves behind",
    "Vanished wrecks of the Java Sea",
    "Majapahit and an oath about spice",
    "Matcha from shaded leaves",
    "Just-in-time compilation in HotSpot",
};

static const char body[] =
    "Sailors and merchants of the seventeenth and eighteenth centuries bought their coffee from "
    "two chief sources, Mocha in Yemen and, once the Dutch had planted seedlings there, the "
    "island of Java.\n"
    "Sacks bore the name of the harbour or the colony. In the United States the label slid from "
    "the sack to the drink, so that by the nineteenth century a cup of java could come from "
    "Brazil and nobody minded. Rust remains the worst enemy of the crop, and 漢字 with e\xcc\x81 "
    "marks stay where they are.\n"
    "Levies in kind made the island's coffee cheap, and its growers poor.";

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

/* ---- a trace ---- */

typedef struct scored {
    double key;
    size_t at;
} scored;

static int descending(const void *x, const void *y)
{
    const scored *a = x, *b = y;
    return a->key > b->key ? -1 : a->key < b->key ? 1 : a->at < b->at ? -1 : 1;
}

static void document(imr_trace_document *d, imr_arena *arena, uint32_t seed, size_t i)
{
    char text[80];
    snprintf(text, sizeof text, "%zu", 1000 + 17 * i);
    d->id = imr_arena_strdup(arena, text);
    if (i < IMR_LEN(titles)) {
        d->title = titles[i];
    } else {
        snprintf(text, sizeof text, "Passage %zu, about subject %zu of the demo", i, i % 7);
        d->title = imr_arena_strdup(arena, text);
    }
    d->sim_encoder = (float)(0.62 + 0.2 * noise(seed, (uint32_t)i, 1));
    d->sim_before = (float)(0.8 * d->sim_encoder + 0.2 + 0.05 * noise(seed, (uint32_t)i, 2));
    d->delta_sim = (float)(0.02 + 0.1 * pow(noise(seed, (uint32_t)i, 3), 3));
    d->sim_after = d->sim_before + d->delta_sim;
    d->relevance = i % 11 == 0 ? 1 : i % 11 == 3 ? 0 : -1;
    d->seen = i % 7 == 0;
    d->feedback = true;
    d->influence = NAN;
}

static float sim_of(const imr_trace_document *d, int stage)
{
    return stage == IMR_STAGE_ENCODER  ? d->sim_encoder
           : stage == IMR_STAGE_BEFORE ? d->sim_before
                                       : d->sim_after;
}

/* Ranks, standings and lifts of n documents. */
static void rank_all(imr_trace *t, imr_trace_document *raw, scored *order, size_t n, bool adapter)
{
    for (int stage = 0; stage < (adapter ? 3 : 1); stage++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++) {
            order[i] = (scored){sim_of(&raw[i], stage), i};
            mean += order[i].key / (double)n;
        }
        for (size_t i = 0; i < n; i++)
            square += (order[i].key - mean) * (order[i].key - mean) / (double)n;
        qsort(order, n, sizeof *order, descending);
        t->reference[stage] = (imr_reference){mean, n > 1 ? sqrt(square) : 0};
        for (size_t i = 0; i < n; i++) {
            imr_trace_document *d = &raw[order[i].at];
            *(stage == 0   ? &d->rank_encoder
              : stage == 1 ? &d->rank_before
                           : &d->rank_after) = (uint32_t)i + 1;
            d->standing[stage] = n > 1 ? (order[i].key - mean) / sqrt(square) : NAN;
        }
    }
}

static void say(imr_trace_document *d, imr_arena *arena)
{
    char text[300];
    if (!isfinite(d->lift.total))
        snprintf(text, sizeof text, "%u for the encoder.", d->rank_encoder);
    else if (!d->rank_after)
        snprintf(text, sizeof text, "%u for the encoder, not among the adapter's candidates now.",
                 d->rank_encoder);
    else
        snprintf(text, sizeof text,
                 "%u for the encoder, %u projected, %u now; the projector %s it (%+.2f of %+.2f "
                 "sd).",
                 d->rank_encoder, d->rank_before, d->rank_after,
                 d->lift.projector > 0 ? "lifted" : "lowered", d->lift.projector, d->lift.total);
    d->sentence = imr_arena_strdup(arena, text);
}

/* Vectors for the map: few dimensions, the first ones stretched. */
static float *vectors(imr_arena *arena, uint32_t seed, size_t rows, size_t n)
{
    float *v = IMR_ARENA_ARRAY(arena, float, rows *n);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            v[i * n + j] =
                (float)(noise(seed, (uint32_t)i + 1, (uint32_t)j) / (double)(j + 1) + (j == 2));
    return v;
}

static void make_run(imr_trace *t, imr_arena *arena, uint32_t seed)
{
    const bool adapter = *t->inputs.adapter_form;
    const size_t n = 6, m = adapter ? 4 : 0, k = t->n_documents;
    t->run = (imr_why_run){.n = n, .m = m, .k = k};
    t->run.query_base = vectors(arena, seed + 1, 1, n);
    t->run.base = vectors(arena, seed + 2, k, n);
    if (!adapter)
        return;
    t->run.q = vectors(arena, seed + 3, 1, m);
    t->run.d = vectors(arena, seed + 4, k, m);
    t->run.q_after = vectors(arena, seed + 5, 1, m);
    t->run.d_after = vectors(arena, seed + 6, k, m);
}

imr_quality *fake_quality(void)
{
    imr_arena *arena = imr_arena_new();
    imr_quality *q = IMR_ARENA_ARRAY(arena, imr_quality, 1);
    *q = (imr_quality){.split = "test",
                       .queries = 300,
                       .of_queries = 300,
                       .documents = 5183,
                       .k = 100,
                       .judged = true,
                       .n_readings = 3,
                       .arena = arena};
    q->spectrum = (imr_spectrum){IMR_ARENA_ARRAY(arena, double, 8), 8, 8, 9.5, 7.25};
    for (size_t i = 0; i < 8; i++)
        q->spectrum.s[i] = 1.9 / (double)(i + 2);
    q->layer[q->n_layers++] = (imr_layer){"projector.weight", {256, 384}, 2, 9.25};
    for (size_t i = 0; i < 3; i++) {
        imr_quality_reading *r = &q->reading[i];
        r->form = i == 1 ? IMR_FORM_MEAN : IMR_FORM_DIAGONAL;
        r->untrained = i == 2;
        for (size_t s = 0; s < IMR_EFFECT_STEPS; s++)
            memcpy(r->effect[s], (double[IMR_EFFECTS]){33.5, 0.25, 0.15, 2.6, 114.4, 22.5},
                   sizeof r->effect[s]);
        r->effect[IMR_BY_PROJECTOR][IMR_EFFECT_QUERY] = (double)NAN;
        r->gain = (imr_significance){.n = 300, .has_verdict = true, .low = -0.4, .high = -0.3};
        memcpy(r->ndcg, (double[IMR_STAGE_COUNT]){0.645, 0.606, i ? 0.594 : 0.25}, sizeof r->ndcg);
        for (size_t g = 0; g < IMR_GATES; g++)
            r->gate[g] = (imr_gate){0.5, 0.0021, 256, 64 * g};
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            r->hubs[k] = (imr_hubs){2.125 + (double)k, 2000, 6 + (uint32_t)k, "26195"};
    }
    if (imr_quality_say(q, NULL) != IMR_OK)
        abort();
    return q;
}

/* The last tenth there are none of its candidates. */
static void put_beside(imr_trace *t, imr_trace *beside)
{
    t->beside = beside;
    for (size_t i = 0; i < t->n_documents; i++) {
        const size_t at = imr_trace_place(beside, t->documents[i].id);
        t->documents[i].rank_beside = at < t->n_documents * 9 / 10 ? (uint32_t)at + 1 : 0;
    }
}

imr_trace *fake_trace(const imr_session_facts *facts, size_t n, const imr_request *r,
                      const char *text)
{
    imr_arena *arena = imr_arena_new();
    imr_trace *t = IMR_ARENA_ARRAY(arena, imr_trace, 1);
    const char *terms = r->settings.what_if.terms;
    uint32_t seed = mix(2166136261u, text) + (uint32_t)(r->settings.scope + strlen(terms)) +
                    977 * facts->second;
    bool adapter = *facts->inputs.adapter_form;
    t->arena = arena;
    t->settings = r->settings;
    t->query_id = imr_arena_strdup(arena, r->query_id);
    t->query_text = imr_arena_strdup(arena, text);
    t->query_prefix = t->warning = "";
    t->seen = !r->query_id ? "" : facts->second ? "unknown" : "seen";
    t->second = facts->second;
    if (strstr(text, "poor lens"))
        t->warning = "the token table reads this corpus poorly: lens quality 0.112 (0.014 is "
                     "chance), do not trust the words";
    if (*terms) {
        IMR_AUTOBUF imr_buf told = {0};
        imr_buf_str(&told, "what if: ");
        imr_whatif_tell(&told, &r->settings.what_if);
        t->warning = imr_arena_strdup(arena, imr_buf_text(&told));
    }
    t->inputs = facts->inputs;
    t->serial = r->serial;
    t->n_documents = n;
    t->n_scored = r->settings.scope == IMR_SCOPE_RERANK ? n : facts->documents;
    t->working_dim = 256;
    t->median_delta_sim = 0.02f;
    t->kendall_tau = 0.61;
    t->tau_encoder = 0.55;
    t->sentence =
        adapter ? "The projector turned the ranking around, the modulation did little." : "";
    t->documents = IMR_ARENA_ARRAY(arena, imr_trace_document, n);
    imr_trace_document *raw = IMR_ARENA_ARRAY(arena, imr_trace_document, n);
    scored *order = IMR_ARENA_ARRAY(arena, scored, n);
    for (size_t i = 0; i < n; i++) {
        document(&raw[i], arena, seed, i);
        raw[i].delta_sim_relative = raw[i].delta_sim - t->median_delta_sim;
        if (r->settings.influence && adapter) {
            raw[i].influence = (float)(0.02 + 0.02 * noise(seed, (uint32_t)i, 4));
            raw[i].influence_moves = raw[i].influence > 0.03f ? 2 : 0;
        }
    }
    rank_all(t, raw, order, n, adapter);
    for (size_t i = 0; i < n; i++) {
        imr_trace_document *d = &raw[i];
        if (adapter) {
            d->move = (int32_t)d->rank_before - (int32_t)d->rank_after;
            d->move_encoder = (int32_t)d->rank_encoder - (int32_t)d->rank_after;
            d->lift = (imr_lift){d->standing[2] - d->standing[0], d->standing[1] - d->standing[0],
                                 d->standing[2] - d->standing[1]};
        } else {
            d->lift = (imr_lift){NAN, NAN, NAN};
        }
        t->moved += d->move != 0;
        t->moved_encoder += d->move_encoder != 0;
        say(d, arena);
        t->documents[(adapter ? d->rank_after : d->rank_encoder) - 1] = *d;
    }
    if (adapter && n > 50) {
        t->n_left = 2;
        t->left = IMR_ARENA_ARRAY(arena, imr_trace_document, 2);
        for (uint32_t i = 0; i < 2; i++) {
            imr_trace_document *d = &t->left[i];
            document(d, arena, seed + 5, 200 + i);
            d->rank_encoder = 4 + 3 * i;
            d->rank_before = 130 + 70 * i;
            d->relevance = i ? 1 : -1;
            say(d, arena);
            d->lift = (imr_lift){NAN, NAN, NAN};
        }
    }
    make_run(t, arena, seed);
    if (r->query_id) {
        static const imr_trace_metric metrics[] = {
            {"nDCG@10", {{0.3, 0.346, 0.935}}}, /* encoder, before, after */
            {"RR@10", {{0.5, 0.333, 0.5}}},
            {"Recall@10", {{0.4, 0.5, 1}}}};
        memcpy(t->metrics, metrics, sizeof metrics);
        t->n_metrics = 3;
        for (size_t i = 0; facts->second && i < 3; i++)
            t->metrics[i].after = 0.25 * (double)(i + 2);
    }
    if (r->beside) {
        put_beside(t, imr_trace_share(r->beside));
    } else if (*facts->other_name) {
        imr_session_facts other = *facts;
        other.other_name = "";
        other.second = !facts->second;
        other.inputs.adapter_path = facts->second ? "adapters/minilm.pt" : "adapters/paper.pt";
        put_beside(t, fake_trace(&other, n, r, text));
    }
    return t;
}

/* ---- a detail ---- */

static bool stop_word(const char *w)
{
    static const char *const stops[] = {"the", "of",   "on",   "or",    "was", "were",
                                        "not", "did",  "we",   "where", "and", "from",
                                        "by",  "with", "what", "in",    "for", "a"};
    for (size_t i = 0; i < IMR_LEN(stops); i++)
        if (strcmp(w, stops[i]) == 0)
            return true;
    return false;
}

/* The words of a text, special tokens around them; spans with their places when asked for. */
static size_t split(imr_arena *arena, imr_pair_word **out, const char *text, imr_detail *spans)
{
    size_t n = 1, len = strlen(text), end;
    imr_pair_word *w = IMR_ARENA_ARRAY(arena, imr_pair_word, len + 3);
    w[0] = (imr_pair_word){"[CLS]", 1, false, true};
    for (size_t at = 0; at < len; at = end) {
        char lower[64];
        size_t k = 0, place = 1;
        for (end = at; end < len && text[end] != ' ' && text[end] != '\n'; end++)
            if (k < sizeof lower - 1 && text[end] != '.' && text[end] != ',' && text[end] != ';')
                lower[k++] =
                    (char)(text[end] >= 'A' && text[end] <= 'Z' ? text[end] + 32 : text[end]);
        lower[k] = 0;
        if (end == at) {
            end++;
            continue;
        }
        while (place < n && strcmp(w[place].text, lower) != 0)
            place++;
        if (!k)
            continue;
        if (place == n)
            w[n++] = (imr_pair_word){imr_arena_strdup(arena, lower), 0, !stop_word(lower) && k > 1,
                                     false};
        w[place].count++;
        if (spans)
            spans->spans[spans->n_spans++] =
                (imr_detail_span){.start = at, .end = at + k, .word = (uint32_t)place};
    }
    w[n++] = (imr_pair_word){"[SEP]", 1, false, true};
    *out = w;
    return n;
}

/* A matrix whose entries add up to `sum`. */
static double *matrix(imr_arena *arena, const imr_pairs *p, uint32_t seed, int stage, double sum)
{
    size_t n = (p->n_query + 1) * (p->n_document + 1);
    double *m = IMR_ARENA_ARRAY(arena, double, n), all = 0;
    for (uint32_t q = 0; q <= p->n_query; q++)
        for (uint32_t d = 0; d <= p->n_document; d++) {
            bool words = q < p->n_query && d < p->n_document;
            double v = noise(seed, q + 1, d + 1) + 0.2 * noise(seed + (uint32_t)stage, d + 1, q);
            v = words && p->query[q].named && p->document[d].named ? pow(fabs(v), 6) : 0.01 * v;
            if (words && strcmp(p->query[q].text, p->document[d].text) == 0)
                v += 2;
            all += m[q * (p->n_document + 1) + d] = stage == 0 && !words ? 0 : v;
        }
    for (size_t i = 0; i < n; i++)
        m[i] *= sum / all;
    return m;
}

static void pairs_of(imr_pairs *p, imr_arena *arena, const imr_trace *t,
                     const imr_trace_document *d, imr_detail *detail)
{
    p->problem = "";
    p->n_query = split(arena, &p->query, t->query_text, NULL);
    p->n_document = split(arena, &p->document, detail->text, detail);
    bool adapter = *t->inputs.adapter_form;
    for (int stage = 0; stage < (adapter && d->rank_after ? 3 : 1); stage++) {
        uint32_t seed = mix(77, d->id);
        p->similarity[stage] = sim_of(d, stage);
        p->residual[stage] = 2e-7;
        p->reference[stage] = t->reference[stage];
        p->raw[stage] = matrix(arena, p, seed, stage, p->similarity[stage] - 2e-7);
        if (p->reference[stage].sd > 0)
            p->centred[stage] = matrix(arena, p, seed, stage,
                                       p->similarity[stage] - p->reference[stage].mean - 2e-7);
    }
}

static int by_change(const void *x, const void *y)
{
    const imr_strong_pair *a = x, *b = y;
    return a->change > b->change ? -1 : a->change < b->change;
}

/* Largest gains and losses of named words. */
static void strongest(imr_why *w, imr_arena *arena)
{
    const imr_pairs *p = &w->pairs;
    if (!p->centred[IMR_STAGE_AFTER])
        return;
    w->strongest = IMR_ARENA_ARRAY(arena, imr_strong_pair, p->n_query * p->n_document + 1);
    for (uint32_t q = 0; q < p->n_query; q++)
        for (uint32_t d = 0; d < p->n_document; d++) {
            imr_strong_pair s = {q, d, {0}, 0};
            if (!p->query[q].named || !p->document[d].named)
                continue;
            for (int stage = 0; stage < 3; stage++)
                s.value[stage] = p->centred[stage][q * (p->n_document + 1) + d];
            s.change = s.value[2] / p->reference[2].sd - s.value[0] / p->reference[0].sd;
            w->strongest[w->n_strongest++] = s;
        }
    qsort(w->strongest, w->n_strongest, sizeof *w->strongest, by_change);
    for (size_t i = 10; i < 20 && w->n_strongest > 20; i++)
        w->strongest[i] = w->strongest[w->n_strongest - 20 + i];
    w->n_strongest = w->n_strongest > 20 ? 20 : w->n_strongest;
}

static void words_of(imr_word_list *l, imr_arena *arena, uint32_t seed, const imr_trace *t,
                     imr_change_kind kind)
{
    static const char *const plus[] = {"coffee", "java",     "mocha",  "yemen",  "harbour",
                                       "cup",    "merchant", "brazil", "##ship", "咖啡"};
    static const char *const minus[] = {"bytecode", "compiler", "heap",   "virtual", "thread",
                                        "applet",   "class",    "object", "##ing",   "碼"};
    uint32_t n = t->settings.tokens ? t->settings.tokens : 10;
    l->positive = IMR_ARENA_ARRAY(arena, imr_word_score, n);
    l->negative = IMR_ARENA_ARRAY(arena, imr_word_score, n);
    l->n_positive = l->n_negative = n;
    l->alignment = kind == IMR_CHANGE_PAPER ? 0.9997f : 0.31f;
    l->common_part = kind == IMR_CHANGE_OWN ? 0.93f : NAN;
    l->coverage = 0.71f;
    for (uint32_t i = 0; i < n; i++) {
        float v = (float)(0.45 * pow(0.82, i) * (1 + 0.1 * noise(seed, i, 9)));
        imr_word_score one = {.id = 1000 + i,
                              .cosine = v,
                              .visibility = 0.67f,
                              .z = v * 16,
                              .background_z = v * 9,
                              .effect = v / 7,
                              .hub_count = i,
                              .hub = (i + (uint32_t)kind) % 5 == 4,
                              .significant = (i + (uint32_t)kind) % 4 != 2,
                              .where = (imr_where)(i % 4)};
        l->positive[i] = one;
        l->positive[i].text = plus[(i + 2 * (uint32_t)kind) % 10];
        one.cosine = -one.cosine * 0.8f;
        one.z = -one.z;
        one.background_z = -one.background_z;
        one.effect = -one.effect;
        l->negative[i] = one;
        l->negative[i].text = minus[i % 10];
    }
}

static void why_of(imr_why *w, imr_arena *arena, const imr_trace *t, const imr_trace_document *d)
{
    bool adapter = *t->inputs.adapter_form;
    char text[500];
    snprintf(text, sizeof text, "%s It is here for *coffee*, *java ~ mocha*, among others.",
             d->sentence);
    w->sentence = imr_arena_strdup(arena, text);
    memcpy(w->standing, d->standing, sizeof w->standing);
    w->lift = d->lift;
    w->query_tokens = (imr_tokens_read){7, 7};
    strongest(w, arena);
    if (!adapter)
        return;
    w->share_document = 0.77 * d->delta_sim;
    w->share_query = 0.23 * d->delta_sim;
    for (int i = 0; i < IMR_STEP_COUNT; i++) {
        w->steps[i].change = i ? d->delta_sim / 6.0 : 0;
        w->steps[i].cosine = d->sim_before + d->delta_sim * i / 6.0;
    }
    w->has_steps = true;
    w->n_dimensions = 10;
    w->dimensions = imr_arena_alloc(arena, 10, sizeof *w->dimensions);
    for (uint32_t k = 0; k < 10; k++) {
        w->dimensions[k].index = (113 + 37 * k) % 256;
        w->dimensions[k].before = 0.01f;
        w->dimensions[k].share = (float)(0.03 * pow(0.85, k) * (k % 3 == 2 ? -1 : 1));
        w->dimensions[k].after = 0.01f + w->dimensions[k].share;
    }
}

imr_detail *fake_detail(const imr_session_facts *facts, const imr_trace *t, size_t place)
{
    imr_arena *arena = imr_arena_new();
    imr_detail *d = IMR_ARENA_ARRAY(arena, imr_detail, 1);
    const imr_trace_document *of = imr_trace_at(t, place);
    bool adapter = *t->inputs.adapter_form;
    d->arena = arena;
    d->document_id = imr_arena_strdup(arena, of->id);
    d->title = imr_arena_strdup(arena, of->title);
    d->text = facts->has_texts ? body : "";
    d->read_end = strlen(d->text);
    d->serial = t->serial;
    d->spans = IMR_ARENA_ARRAY(arena, imr_detail_span, 200);
    imr_pair_word *spelled; /* spans without pairs */
    if (strstr(t->query_text, "cls") && split(arena, &spelled, d->text, d))
        d->why.pairs.problem = "This encoder takes one token's vector: it is no sum over words.";
    else if (facts->has_texts)
        pairs_of(&d->why.pairs, arena, t, of, d);
    else
        d->why.pairs.problem = "The cache holds no texts, so there are no words that met.";
    if (place % 5 == 0 && facts->has_texts) { /* longer than the encoder reads */
        d->read_end = (size_t)(strstr(body, " Rust remains") - body);
        d->why.document_tokens = (imr_tokens_read){64, 91};
        for (size_t i = 0; i < d->n_spans; i++)
            if (d->spans[i].start >= d->read_end)
                d->spans[i].word = UINT32_MAX;
    } else {
        d->why.document_tokens = (imr_tokens_read){91, 91};
    }
    why_of(&d->why, arena, t, of);
    for (int kind = 0; facts->has_tokens && kind < IMR_CHANGE_COUNT; kind++) {
        if (adapter != (kind != IMR_CHANGE_VECTOR))
            continue;
        words_of(&d->why.words[kind], arena, mix(9, of->id), t, (imr_change_kind)kind);
        words_of(&d->query_words[kind], arena, mix(8, t->query_text), t, (imr_change_kind)kind);
    }
    return d;
}

void fake_why_not(imr_detail *d)
{
    static const imr_why_not w = {
        .sentence =
            "Among all documents 812th for the encoder, 640th projected, 655th now: it fell "
            "outside the 100 candidates. It lacks 0.210 in cosine (2.10 sd) to rank 10. "
            "The document at that rank has *java ~ mocha*. With *harbour* in the query it is 12th.",
        .above = "1425",
        .k = 10,
        .lacks = {{"java", "mocha", .31}, {"coffee", "mocha", .12}},
        .n_lacks = 2};
    d->why.why_not = &w;
}

void fake_leave_out(imr_detail *d)
{
    static const char *const words[] = {"java", "coffee", "mocha", "harbour", "the"};
    static const imr_carry carry = {2.5,
                                    {{"java, coffee, mocha", 1.9},
                                     {"harbour, the, of", .1},
                                     {"the, of, and", -.2},
                                     {"java, coffee", 1.4},
                                     {"java", 1.2},
                                     {"coffee", .3}}};
    d->why.carry[IMR_STAGE_ENCODER] = d->why.carry[IMR_STAGE_AFTER] = &carry;
    d->why.deletion = IMR_ARENA_ARRAY(d->arena, imr_pair_word, IMR_LEN(words));
    d->why.n_deletion = IMR_LEN(words);
    for (uint32_t i = 0; i < IMR_LEN(words); i++) {
        d->why.deletion[i] = (imr_pair_word){.text = words[i], .count = 1, .named = i < 4};
        for (int stage = 0; stage < IMR_STAGE_COUNT; stage++)
            d->why.deletion[i].total[stage] = 0.04 / (1 + i) * (i % 3 == 2 ? -1 : 1);
    }
}

imr_comparison *fake_comparison(const imr_session_facts *facts, const imr_trace *t,
                                const size_t place[2])
{
    imr_arena *arena = imr_arena_new();
    imr_comparison *c = IMR_ARENA_ARRAY(arena, imr_comparison, 1);
    imr_compare_side side[2];
    const bool under_both = place[0] == place[1];
    c->arena = arena;
    for (size_t i = 0; i < 2; i++) {
        const imr_trace *of = under_both && t->second != i ? t->beside : t;
        c->place[i] = imr_trace_place(of, imr_trace_at(t, place[i])->id);
        const imr_trace_document *d = imr_trace_at(of, c->place[i]);
        c->trace[i] = imr_trace_share(of);
        c->detail[i] = fake_detail(facts, of, c->place[i]);
        side[i].why = &c->detail[i]->why;
        memcpy(side[i].rank, d->rank, sizeof side[i].rank);
        memcpy(side[i].similarity, d->sim, sizeof side[i].similarity);
    }
    const bool queries = under_both && !*facts->other_name;
    if (imr_compare_make(&c->why,
                         queries      ? IMR_COMPARE_QUERIES
                         : under_both ? IMR_COMPARE_ADAPTERS
                                      : IMR_COMPARE_DOCUMENTS,
                         side, arena, NULL) != IMR_OK)
        abort();
    if (facts->has_tokens && !under_both)
        words_of(&c->contrast, arena, mix(10, t->documents[0].id), t, IMR_CHANGE_CONTRAST);
    return c;
}
